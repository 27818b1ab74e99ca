// From the words of a command line to what is to be done. Called first thing by run.ts: whatever is wrong with the words
// is a usage error here, before a connection is made or a file below a root is looked at. Only rule files are read.

import { display, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { FILTER_RULES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import type { JobRequest } from "../job/request.ts";
import { remoteShellArguments } from "../transport/remote_shell.ts";
import { type Ends, readLogin, readOperands, splitRemote } from "./operands.ts";
import { parseWords } from "./option_words.ts";
import { usageError } from "./option_values.ts";
import { defaultSettings, type OutputSettings, type RuleWord, type Settings } from "./settings.ts";

export type Command =
  | { kind: "help" }
  | { kind: "version" }
  /** `tsync agent ...`: the operands behind "agent", the remote shell if one was named, and whether no option but that was given. */
  | { kind: "agent"; words: Uint8Array[]; rsh: string | null; plain: boolean }
  | { kind: "sync"; request: JobRequest; output: OutputSettings; rules: RuleWord[]; namesFile: Uint8Array | null };

/** `env` reads the environment. Throws TsyncError "usage" or "unsupported". */
export function readCommand(words: readonly Uint8Array[], env: (name: string) => string | undefined): Command {
  const { settings, operands } = parseWords(words);
  if (settings.help) return { kind: "help" };
  if (settings.version) return { kind: "version" };
  const rsh = settings.rsh || env("TSYNC_RSH") || env("RSYNC_RSH") || null;
  if (operands.length > 0 && latin1(operands[0]) === "agent") {
    const plain = JSON.stringify({ ...settings, rsh: null }) === JSON.stringify(defaultSettings());
    return { kind: "agent", words: operands.slice(1), rsh, plain };
  }
  const ends = readOperands(operands);
  settleSelection(settings);
  checkConflicts(settings);
  const { options, output, rules } = settings;
  options.reportEntries = !output.quiet && (output.verbose > 0 || output.itemize > 0);
  options.reportUnchanged = !output.quiet && (output.verbose > 1 || output.itemize > 1);
  const rsyncPath = settings.rsyncPath || null;
  const remote = ends.login === null ? null : { ...ends.login, rsh, rsyncPath };
  // Refuses what no remote shell may be given; the words themselves are made again when it is started.
  if (remote !== null) remoteShellArguments(remote, "");
  const { direction, sources, target } = ends;
  const namesFile = settings.filesFrom === null ? null : placeNames(settings.filesFrom, ends, options);
  const request: JobRequest = { options, direction, sources, target, names: null, remote };
  return { kind: "sync", request, output, rules, namesFile };
}

/** What -r, -d, -R and --files-from mean together. */
function settleSelection(settings: Settings): void {
  const { options, rules, filesFrom, isArchiveRecursion, oldDirs } = settings;
  options.filesFrom = filesFrom !== null;
  options.from0 = options.filesFrom && settings.from0;
  if (options.filesFrom && isArchiveRecursion) options.recursive = false;
  options.relative = settings.relative ?? options.filesFrom;
  options.noImpliedDirs = options.relative && !settings.impliedDirs;
  if (oldDirs && !options.recursive) {
    options.recursive = true;
    rules.push({ from: "text", action: "exclude", word: utf8("/*/*") });
  }
  options.dirs = (settings.dirs ?? options.filesFrom) && !options.recursive;
}

/** The file of --files-from if it is to be read here; null: at the other end, as the options say then. */
function placeNames(word: Uint8Array, { direction, sources, login }: Ends, options: SyncOptions): Uint8Array | null {
  if (sources.length !== 1) throw usageError("--files-from needs one source: the folder that the names lie in");
  const there = splitRemote(word);
  if (there === null) return word;
  const shown = display(word);
  if (login === null) throw usageError(`--files-from: "${shown}" is remote, but neither source nor target is`);
  const named = there.login.length === 0 ? null : readLogin(there.login);
  if (named !== null && (named.host !== login.host || named.user !== login.user)) {
    throw usageError(`--files-from: "${shown}" is on another machine than the remote end of this run`);
  }
  if (direction === "push") {
    const detail = `--files-from: "${shown}": a push takes its names from this machine; fetch the file first`;
    throw new TsyncError({ kind: "unsupported", detail });
  }
  options.filesFromThere = there.path;
  return null;
}

function checkConflicts({ options, rules, filesFrom }: Settings): void {
  if (options.delete && !options.recursive && !options.dirs) {
    throw usageError("--delete needs -r (or -a) or -d: without them no folder is compared");
  }
  if (options.noGuard && options.deleteLimit !== null) {
    throw usageError("--no-guard and --delete-limit contradict each other; give one of them");
  }
  const files = rules.filter((rule) => rule.from === "file").map((rule) => rule.word);
  if (filesFrom !== null) files.push(filesFrom);
  if (files.filter((file) => latin1(file) === "-").length > 1) {
    throw usageError("standard input (-) can be the file of one --files-from, --exclude-from or --include-from only");
  }
}

/** Reads the names of --files-from. Throws TsyncError "usage" for a file that cannot be read, as rsync does. */
export async function readNames(file: Uint8Array | null, request: JobRequest): Promise<void> {
  if (file === null) return;
  const { collectNames } = await import("./rules.ts");
  request.names = collectNames(file, request.options.from0);
}

/** Reads the rules in their order into `options.filters`. Throws TsyncError "usage", or "file" for a file that cannot be read. */
export async function readRules(words: readonly RuleWord[], options: SyncOptions): Promise<void> {
  if (words.length === 0) return;
  const { collectRules } = await import("./rules.ts");
  options.filters = collectRules(words);
  if (options.filters.length > FILTER_RULES) {
    throw usageError(`${options.filters.length} exclude and include rules; at most ${FILTER_RULES} are possible`);
  }
}
