// Problems as sentences: side, verb and path first, then the system's words, then what to do where that is known. Pure;
// called by the reporter. Names are escaped for the terminal (R14).

import { concatBytes, display, fromLatin1, joinPath, latin1 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { programName } from "../base/program.ts";
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
  [Verb.link]: "link",
  [Verb.readAttributes]: "read extended attributes of",
  [Verb.setAttributes]: "set extended attributes of",
  [Verb.backUp]: "back up",
  [Verb.flush]: "flush",
  [Verb.restore]: "restore",
};

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const ENOTDIR = 20;
const SLASH = 0x2f;

/** What was being done, in a word or two. */
export function verbText(verb: number): string {
  return VERBS[verb] ?? "handle";
}

/** A failure as one line with its newline, for standard error. */
export function problemLine(problem: Problem, request: JobRequest, show = display): string {
  const side = problem.side === Side.source ? "sender" : "receiver";
  const path = `"${show(fullPath(problem, request))}"`;
  if (problem.cause === Cause.vanished) return `${programName()}: [${side}] file has vanished: ${path}\n`;
  if (problem.verb === Verb.readLink && problem.errno === ENOENT) {
    return `${programName()}: [${side}] symlink has no referent: ${path}\n`;
  }
  return `${programName()}: [${side}] ${verbText(problem.verb)} ${path} failed: ${reason(problem)}\n`;
}

/** What was left out because it was not asked for, or stays because it must, in rsync's words; null for what rsync does not tell either. */
export function noticeLine(problem: Problem, show = display, nonRegularLevel = 1): string | null {
  if (problem.cause === Cause.notAsked) {
    return nonRegularLevel === 0 ? null : `skipping non-regular file "${show(problem.path)}"\n`;
  }
  if (problem.cause === Cause.notEmpty) return `cannot delete non-empty directory: ${show(problem.path)}\n`;
  if (problem.cause === Cause.missing) return `${"*missing".padEnd(46)}${show(problem.path)}\n`;
  if (problem.cause === Cause.mountKept || problem.cause === Cause.mountSkipped) return null;
  if (problem.cause === Cause.notRecursive) return `skipping directory ${show(problem.path) || "."}\n`;
  return null;
}

/** -x: which mount point was left out or stays, in rsync's words; null for any other notice. */
export function mountLine({ cause, path, side }: Problem, show = display): string | null {
  if (cause === Cause.mountKept) return `cannot delete mount point: ${show(path)}\n`;
  if (cause !== Cause.mountSkipped) return null;
  return `[${side === Side.source ? "sender" : "generator"}] skipping mount-point dir ${show(path)}\n`;
}

/** What was done to an entry besides (Cause.done), in rsync's words. `level`: how much is told of it. */
export function doneLine(
  { verb, path, errno }: Problem,
  { options }: JobRequest,
  show: (name: Uint8Array) => string,
  level: (name: "backup" | "remove") => number,
): string | null {
  if (verb === Verb.remove) return level("remove") > 0 ? `sender removed ${show(path)}\n` : null;
  if (verb !== Verb.backUp || level("backup") === 0) return null;
  const { backupDir, backupSuffix } = options;
  const folder = backupDir === "" ? "" : backupDir.replace(/\/*$/, "/");
  if (path.length === 0) {
    return `${errno === 1 ? "(new) " : ""}backup_dir is ${show(fromLatin1(folder.slice(0, -1)))}\n`;
  }
  return `backed up ${show(path)} to ${show(concatBytes(fromLatin1(folder), path, fromLatin1(backupSuffix)))}\n`;
}

/** What an option leaves out, in rsync's words. */
export function leftOutLine({ cause, path }: Problem, show: (name: Uint8Array) => string): string {
  const name = show(path);
  switch (cause) {
    case Cause.newer:
      return `${name} is newer\n`;
    case Cause.exists:
      return `${name} exists\n`;
    case Cause.newFolder:
      return `not creating new directory "${name}"\n`;
    case Cause.newEntry:
      return `not creating new file "${name}"\n`;
    case Cause.tooLarge:
      return `${name} is over max-size\n`;
    default:
      return `${name} is under min-size\n`;
  }
}

/** What belongs on standard error although it is no failure of an entry; null for everything else. */
export function warningLine({ cause, path, errno }: Problem, { options }: JobRequest, show = display): string | null {
  if (cause === Cause.deletionsStopped) {
    return `Deletions stopped due to --max-delete limit (${show(path)} skipped)\n`;
  }
  if (cause === Cause.stateUnused) return `${programName()}: warning: ${show(path)}\n`;
  if (cause !== Cause.noSuchFolder) return null;
  const what = errno === ENOENT ? "does not exist" : errno === ENOTDIR ? "is not a dir" : errnoText(errno);
  return `--${options.altKind}-dest arg ${what}: ${show(path)}\n`;
}

/** --mkpath: what was made, in rsync's words. */
export function madeFoldersLine({ errno, path }: Problem, show = display): string {
  return `created ${errno} ${errno === 1 ? "directory" : "directories"} for ${show(path)}\n`;
}

function reason(problem: Problem): string {
  switch (problem.cause) {
    case Cause.system:
      return errnoText(problem.errno) + advice(problem);
    case Cause.changed:
      if (problem.verb === Verb.stat) return "it became a folder after it was first looked at; run it again";
      if (problem.verb === Verb.link) return "another file took this one of several names (-H); run it again";
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
      return "something else changed it at the target meanwhile; run it again";
    case Cause.firstMissing:
      return "the file it shall be another name of was not transferred";
    case Cause.tooMuch:
      return "its extended attributes are more than tsync carries; the target keeps those it has";
    case Cause.inOwnFolder:
      return "that folder at the target is the one of --backup-dir or another such option; nothing listed is put there";
    case Cause.sourceChanged:
      return "it is at the target as it was sent, but has changed since; it stays";
    case Cause.collision:
      return "to the target's file system this name and another one listed are the same; rename one of them";
    case Cause.changedSince:
      return "it is neither what that run left nor what was there before";
    case Cause.sameFile:
      return "it is the very file at the target; it stays";
    case Cause.notAllowed:
      return "the root that the other side serves does not allow it";
    case Cause.outsideRoot:
      return "it leads out of the root that the other side serves";
    case Cause.onlyNew:
      return "the root that the other side serves takes new names only; what stands there stays as it is";
    case Cause.leadsOut:
      return "it is a link that leads out of the target; nothing is put there (without -K it is replaced by a folder)";
    case Cause.reappeared:
      return "it is at the source again, so it stays";
    case Cause.batched:
      return "its content is in the batch only";
    case Cause.notInBatch:
      return "the batch does not hold it: when it was made this file was in place; the target keeps what it has";
    case Cause.otherBasis:
      return "the batch holds changes to another file than the one here; the target keeps what it has";
    default:
      return "unknown reason";
  }
}

function advice(problem: Problem): string {
  const remedy = remedyOf(problem);
  return remedy === null ? "" : `; ${remedy}`;
}

/** What to do about a failure that the system reports; null where that is not known, or the sentence says it. */
export function remedyOf({ verb, cause, errno, side }: Problem): string | null {
  if (cause !== Cause.system) return null;
  const isTarget = side === Side.target;
  if (errno === EPERM && isTarget) {
    if (verb === Verb.setOwner) return "only root can set owners: leave -o out, or add --no-o --no-g";
    if (verb === Verb.create) return "devices can be made by root only: add --no-devices";
  }
  if (errno === EACCES && programName() !== "rsync") {
    return isTarget ? "run it as a user who may write there" : "run it as a user who may read it";
  }
  return programName() === "rsync" ? null : (isTarget ? TARGET_REMEDIES : SOURCE_REMEDIES)[errno] ?? null;
}

const SOURCE_REMEDIES: Record<number, string> = {
  5: "the disk reports a fault: look at the system's log",
  84: "it is not written in the charset of --iconv",
  116: "the server has lost it: run it again",
};
const TARGET_REMEDIES: Record<number, string> = {
  ...SOURCE_REMEDIES,
  16: "something uses it: run it again later",
  22: "the target's file system does not take such a name or entry",
  26: "it is being executed: stop it, or leave --inplace out",
  28: "make room at the target",
  30: "the target is mounted read-only",
  36: "the target's file system takes no such long name: shorten it",
  84: "the target's file system, or its charset of --iconv, does not take such a name",
  122: "make room within the quota at the target",
};

/** The path as the operator knows it: what was typed, and the path below it. */
export function fullPath({ side, path }: Problem, { sources, target, options }: JobRequest): Uint8Array {
  if (side === Side.target) return below(target, path);
  // What is named one by one is told by that name.
  if (options.relative || options.filesFrom) return path;
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
