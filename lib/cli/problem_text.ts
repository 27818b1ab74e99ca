// Problems as sentences: side, verb and path first, then the system's words, then what to do where that is known. Pure;
// called by the reporter. Names are escaped for the terminal (R14).

import { display, joinPath, latin1 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import type { JobRequest } from "../job/request.ts";

const VERBS: Record<number, string> = {
  [Verb.open]: "open",
  [Verb.read]: "read",
  [Verb.list]: "list",
  [Verb.stat]: "stat",
  [Verb.readLink]: "readlink",
  [Verb.create]: "create",
  [Verb.write]: "write",
  [Verb.rename]: "rename",
  [Verb.remove]: "remove",
  [Verb.setMode]: "chmod",
  [Verb.setOwner]: "chown",
  [Verb.setTimes]: "set times of",
  [Verb.transfer]: "transfer",
  [Verb.skip]: "skip",
  [Verb.replace]: "replace",
};

const EPERM = 1;
const ENOENT = 2;
const ENOTDIR = 20;
const SLASH = 0x2f;

/** A failure as one line with its newline, for standard error. */
export function problemLine(problem: Problem, request: JobRequest): string {
  const side = problem.side === Side.source ? "sender" : "receiver";
  const path = `"${display(fullPath(problem, request))}"`;
  if (problem.cause === Cause.vanished) return `tsync: [${side}] file has vanished: ${path}\n`;
  const verb = VERBS[problem.verb] ?? "handle";
  return `tsync: [${side}] ${verb} ${path} failed: ${reason(problem)}\n`;
}

/** What was left out because it was not asked for, in rsync's words; null for what rsync does not tell either. */
export function noticeLine(problem: Problem): string | null {
  if (problem.cause === Cause.notAsked) return `skipping non-regular file "${display(problem.path)}"\n`;
  if (problem.cause === Cause.notEmpty) return `cannot delete non-empty directory: ${display(problem.path)}\n`;
  if (problem.cause === Cause.notRecursive) return `skipping directory ${display(problem.path) || "."}\n`;
  return null;
}

/** What belongs on standard error although it is no failure of an entry; null for everything else. */
export function warningLine({ cause, path, errno }: Problem, { options }: JobRequest): string | null {
  if (cause === Cause.deletionsStopped) {
    return `Deletions stopped due to --max-delete limit (${display(path)} skipped)\n`;
  }
  if (cause !== Cause.noSuchFolder) return null;
  const what = errno === ENOENT ? "does not exist" : errno === ENOTDIR ? "is not a dir" : errnoText(errno);
  return `--${options.altKind}-dest arg ${what}: ${display(path)}\n`;
}

/** --mkpath: what was made, in rsync's words. */
export function madeFoldersLine({ errno, path }: Problem): string {
  return `created ${errno} ${errno === 1 ? "directory" : "directories"} for ${display(path)}\n`;
}

function reason(problem: Problem): string {
  switch (problem.cause) {
    case Cause.system:
      return errnoText(problem.errno) + advice(problem);
    case Cause.changed:
      return "it changed while it was read, more than twice; the target keeps what it had (--allow-torn sends it as it was read)";
    case Cause.verify:
      return "the content did not arrive as it was sent, twice; the target keeps what it had";
    case Cause.reservedName:
      return "names that begin with .tsync- are tsync's own; rename it at the source";
    case Cause.folderInWay:
      return "a folder that is not empty stands in the way; remove it, or add --delete";
    case Cause.tooLong:
      return "the path is longer or deeper than tsync carries";
    case Cause.targetChanged:
      return "something else changed it at the target meanwhile; run tsync again";
    case Cause.inOwnFolder:
      return "that folder at the target is the one of --backup-dir or another such option; nothing listed is put there";
    case Cause.sourceChanged:
      return "it is at the target as it was sent, but has changed since; it stays";
    case Cause.sameFile:
      return "it is the very file at the target; it stays";
    case Cause.reappeared:
      return "it is at the source again, so it stays";
    default:
      return "unknown reason";
  }
}

function advice({ verb, errno, side }: Problem): string {
  if (errno !== EPERM || side !== Side.target) return "";
  if (verb === Verb.setOwner) return "; only root can set owners: leave -o out, or add --no-o --no-g";
  if (verb === Verb.create) return "; devices can be made by root only: add --no-devices";
  return "";
}

/** The path as the operator knows it: what was typed, and the path below it. */
export function fullPath({ side, path }: Problem, { sources, target }: JobRequest): Uint8Array {
  if (side === Side.target) return below(target, path);
  // With several sources the list does not say from which one an entry came.
  if (sources.length !== 1) return path.length === 0 ? sources[0] : path;
  const [source] = sources;
  const last = latin1(source.subarray(source.lastIndexOf(SLASH) + 1));
  if (path.length === 0 || last === "" || last === "." || last === "..") return below(source, path);
  // "dir/name": paths below begin with the name itself.
  const parent = source.subarray(0, Math.max(source.lastIndexOf(SLASH), 0));
  return source.lastIndexOf(SLASH) === 0 ? below(source.subarray(0, 1), path) : joinPath(parent, path);
}

function below(root: Uint8Array, path: Uint8Array): Uint8Array {
  if (path.length === 0) return root;
  if (latin1(root) === ".") return path;
  return root[root.length - 1] === SLASH ? new Uint8Array([...root, ...path]) : joinPath(root, path);
}
