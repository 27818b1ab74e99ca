// From the words of a command line to what is to be done. Called first thing by run.ts: whatever is wrong with the words
// is a usage error here, before a connection is made or a file below a root is looked at. Only rule files are read.

import { display, EMPTY, fromLatin1, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { FILTER_RULES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import type { JobRequest } from "../job/request.ts";
import { remoteShellArguments } from "../transport/remote_shell.ts";
import { infoLevel } from "./info.ts";
import { type Ends, readLogin, readOperands, splitRemote } from "./operands.ts";
import { checkMaxAlloc, iconvOf } from "./connection_options.ts";
import { parseInto, parseWords } from "./option_words.ts";
import { endsOfBatch, writeWish } from "./batch_words.ts";
import { usageError } from "./option_values.ts";
import { settleStaging } from "./staging.ts";
import {
  defaultSettings,
  MOST_CONNECTIONS,
  type OutputSettings,
  type RuleWord,
  type Settings,
  type StopTime,
} from "./settings.ts";

/** What the command line says about rules. */
export type RuleWords = Pick<Settings, "rules" | "cvsExclude" | "deleteExcluded" | "from0">;

export type Command =
  /** `manual`: --help=WORD; `flags`: --info=help, --debug=help. */
  | { kind: "help"; manual: string | null; flags: "info" | "debug" | null }
  | { kind: "version"; asJson: boolean }
  /** `tsync agent ...`: the operands behind "agent", the remote shell if one was named, and whether no option but that was given. */
  | { kind: "agent"; words: Uint8Array[]; rsh: string | null; plain: boolean }
  /** `tsync transfers ...`: the same for that word. */
  | { kind: "transfers"; words: Uint8Array[]; rsh: string | null; settings: Settings }
  /** `tsync undo ...`, `tsync history ...`: the operands behind that word, and all options. */
  | { kind: "trash"; verb: "undo" | "history"; words: Uint8Array[]; rsh: string | null; settings: Settings }
  | {
    kind: "sync";
    request: JobRequest;
    output: OutputSettings;
    rules: RuleWords;
    chmod: Uint8Array[];
    stop: StopTime | null;
    namesFile: Uint8Array | null;
    retryFailed: Uint8Array | null;
  };

type Environment = (name: string) => string | undefined;

/** `env` reads the environment; `asRsync`: the program stands in rsync's place. Throws TsyncError "usage" or "unsupported". */
export function readCommand(words: readonly Uint8Array[], env: Environment, asRsync = false): Command {
  const { settings, operands, options: optionWords } = parseWords(words, asRsync);
  const { help, manual, flagsHelp: flags, version } = settings;
  if (help || manual !== null || flags !== null) return { kind: "help", manual, flags };
  if (version > 0) return { kind: "version", asJson: version > 1 };
  checkEnvironment(env, settings);
  const rsh = settings.rsh || env("TSYNC_RSH") || env("RSYNC_RSH") || null;
  if (!asRsync && operands.length > 0 && latin1(operands[0]) === "agent") {
    const plain = JSON.stringify({ ...settings, rsh: null }) === JSON.stringify(defaultSettings());
    return { kind: "agent", words: operands.slice(1), rsh, plain };
  }
  const verb = asRsync || operands.length === 0 ? "" : latin1(operands[0]);
  if (verb === "undo" || verb === "history") return { kind: "trash", verb, words: operands.slice(1), rsh, settings };
  if (verb === "transfers") return { kind: "transfers", words: operands.slice(1), rsh, settings };
  if (settings.cleansTrash) throw usageError("--clean is an option of tsync history and tsync transfers");
  const ends = settings.readBatch === null
    ? readOperands(operands, settings.listOnly)
    : endsOfBatch(settings, settings.readBatch, operands);
  settleSelection(settings);
  const { options, output, chmod, stop } = settings;
  // Nothing is compared or deleted then.
  if (ends.listOnly) Object.assign(options, { listOnly: true, checksum: false, delete: false });
  checkConflicts(settings);
  options.inplace ||= options.writeDevices;
  settleStaging(settings, env);
  nameBackups(settings);
  settings.options.deleteExcluded = settings.deleteExcluded;
  if (options.userMap.length > 0) options.owner = true;
  if (options.groupMap.length > 0) options.group = true;
  checkForDaemons(settings);
  settleMunging(settings, ends.direction);
  if (asRsync) settleAsRsync(settings);
  applyCompressList(settings, env);
  askForReports(options, output);
  const rsyncPath = splitRsyncPath(settings);
  const { ipVersion } = settings;
  const remote = ends.login === null ? null : { ...ends.login, rsh, rsyncPath, ipVersion, ownCiphers: !asRsync };
  // Refuses what no remote shell may be given; the words themselves are made again when it is started.
  if (remote !== null) remoteShellArguments(remote, "");
  const { direction, sources, target } = ends;
  const batch = batchOf(settings, ends, optionWords);
  const isAlone = settings.remoteWords.length === 0 && !(options.fakeSuper && remote !== null) &&
    options.charset === "";
  const peerOptions = isAlone ? null : optionsOfPeer(settings, remote !== null);
  const namesFile = settings.filesFrom === null ? null : placeNames(settings.filesFrom, ends, options);
  const request: JobRequest = { options, peerOptions, direction, sources, target, names: null, remote };
  request.batch = batch;
  if (settings.reconnectSeconds !== null) request.reconnectSeconds = settings.reconnectSeconds;
  const { retryFailed } = settings;
  if (remote !== null) request.connections = connectionsOf(settings);
  return { kind: "sync", request, output, rules: settings, chmod, stop, namesFile, retryFailed };
}

/** How many connections the run may have. */
function connectionsOf({ connections, connectionsMax, output }: Settings): JobRequest["connections"] {
  const most = connections ?? connectionsMax ?? MOST_CONNECTIONS;
  return { atOnce: connections ?? 1, most, tells: output.verbose > 0 };
}

/** A batch is about the files that have their places: no part of an earlier run is a basis. */
function leaveNoParts(options: SyncOptions): void {
  options.keepsPartials = false;
  options.partialDir = "";
}

/** --write-batch and --read-batch; a dry run and a listing write none. */
function batchOf(
  { options, writeBatch, readBatch, asRsync }: Settings,
  { listOnly, target }: Ends,
  words: readonly Uint8Array[][],
): JobRequest["batch"] {
  if (readBatch !== null) {
    leaveNoParts(options);
    return { read: readBatch };
  }
  if (writeBatch === null || listOnly || options.dryRun) {
    options.batchOnly = false;
    return null;
  }
  leaveNoParts(options);
  options.wholeList = true;
  options.dryRun = options.batchOnly;
  return writeWish(writeBatch, asRsync ? "rsync" : "tsync", words, target);
}

/** The suffix of backups, by rsync's rules. */
function nameBackups({ options, suffix }: Settings): void {
  const text = suffix === null ? null : latin1(suffix);
  if (text?.includes("/")) throw usageError("--suffix must not contain slashes");
  if (text === "" && options.backup && options.backupDir === "") {
    throw usageError("--suffix cannot be empty without --backup-dir");
  }
  // As in rsync, a folder for backups asks for them.
  options.backup ||= options.backupDir !== "";
  if (options.backup) options.backupSuffix = text ?? (options.backupDir === "" ? "~" : "");
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
    rules.push({ from: "text", action: "exclude", word: utf8("/*/*"), nul: false });
  }
  options.dirs = (settings.dirs ?? options.filesFrom) && !options.recursive;
}

/** --munge-links is about one side's tree: the source's links become what they were, the target's are made to lead nowhere. */
function settleMunging({ options, mungeLinks, remoteWords }: Settings, direction: Ends["direction"]): void {
  let isTheirs = false;
  for (const word of remoteWords) {
    const text = latin1(word);
    if (text === "--munge-links" || text === "--no-munge-links") isTheirs = text === "--munge-links";
  }
  const isSource = direction !== "pull";
  options.unmungeLinks = isSource ? mungeLinks : isTheirs;
  options.mungeLinks = isSource ? isTheirs : mungeLinks;
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

/** rsync's defaults that depend on what else was said: no guards, no compression without -z, holes only with -S. */
function settleAsRsync({ options, output }: Settings): void {
  // Not unless asked for; --info=progress asks, too.
  if (output.progress === false && infoLevel(output, "progress") > 0) output.progress = null;
  options.noGuard ||= options.deleteLimit === null;
  Object.assign(options, { allowEmptySource: true, allowOtherDevice: true, noSpaceCheck: true });
  if (options.compress === "auto") options.compress = "never";
  options.fillHoles = !options.sparse;
}

/** --rsync-path: options behind rsync's name, as scripts have them ("rsync --fake-super"), are as with -M. */
function splitRsyncPath(settings: Settings): string | null {
  const path = settings.rsyncPath || null;
  const parts = path === null ? null : /^((?:.*[\s/])?(?:rsync|tsync-remote))((?:\s+-\S+)+)\s*$/.exec(path);
  if (parts === null) return path;
  settings.remoteWords.unshift(...parts[2].trim().split(/\s+/).map(utf8));
  return parts[1];
}

/** What one side may have by itself (-M): the other works on as agreed. */
const ONE_SIDED: ReadonlySet<string> = new Set<keyof SyncOptions>([
  ...["bwlimitKib", "timeoutSeconds", "sparse", "compress", "compressLevel", "blockBytes"] as const,
  ...["fakeSuper", "superOn", "superOff", "openNoatime", "fsync", "noFsync", "preallocate", "copyDevices"] as const,
]);

/** The options of the other side: ours, but for what is one side's own, and on top what -M says. */
function optionsOfPeer(settings: Settings, isRemote: boolean): SyncOptions {
  const own: Settings = { ...defaultSettings(), asRsync: settings.asRsync, options: { ...settings.options } };
  if (isRemote) own.options.fakeSuper = false;
  own.options.charset = settings.iconv?.there ?? "";
  for (const word of settings.remoteWords) {
    const { options } = parseInto(own, [word]).settings;
    for (const [name, value] of Object.entries(options)) {
      if (value === settings.options[name as keyof SyncOptions] || name === "charset" || ONE_SIDED.has(name)) continue;
      const detail = `-M${display(word)}: this option cannot be one side's only; give it without -M`;
      throw new TsyncError({ kind: "unsupported", detail });
    }
  }
  return own.options;
}

/** Variables that rsync reads and that can be wrong. */
function checkEnvironment(env: Environment, settings: Settings): void {
  const maxAlloc = env("RSYNC_MAX_ALLOC");
  if (maxAlloc) checkMaxAlloc(utf8(maxAlloc), "RSYNC_MAX_ALLOC");
  const iconv = env("RSYNC_ICONV");
  const fromEnvironment = iconv ? iconvOf(utf8(iconv), "RSYNC_ICONV") : null;
  if (!settings.iconvSaid) settings.iconv = fromEnvironment;
  settings.options.charset = settings.iconv?.here ?? "";
}

/** RSYNC_COMPRESS_LIST: the names that -z may choose from, best first; of those we have zstd and none. */
function applyCompressList({ options, compressChosen }: Settings, env: Environment): void {
  const list = options.compress === "always" && !compressChosen ? env("RSYNC_COMPRESS_LIST")?.split("&")[0].trim() : "";
  if (!list) return;
  const known = list.toLowerCase().split(/\s+/).find((name) => name === "zstd" || name === "none");
  if (known === undefined) {
    const detail = `RSYNC_COMPRESS_LIST: "${display(utf8(list))}" names nothing that is known here (zstd, none)`;
    throw new TsyncError({ kind: "unsupported", detail });
  }
  if (known === "none") options.compress = "never";
}

/** What rsync refuses where no daemon is spoken to. */
function checkForDaemons({ contimeout, daemonOnly }: Settings): void {
  const word = contimeout !== 0 ? "--contimeout" : daemonOnly;
  if (word !== null) throw usageError(`${word} is only for rsync daemons, which are not supported; leave it out`);
}

/** What the halves are to tell, so that everything can be shown that was asked for. */
function askForReports(options: SyncOptions, output: OutputSettings): void {
  const { quiet, itemize, format, logFile, logFormat, json, progress } = output;
  const level = quiet ? 0 : infoLevel(output, "name");
  const showsFiles = !quiet && infoLevel(output, "progress") > 0;
  const isNamed = !quiet && (itemize > 0 || format !== null || level > 0);
  options.reportEntries = isNamed || showsFiles || logFile !== null || json !== null || options.listOnly;
  options.reportUnchanged = (!quiet && (itemize > 1 || level > 1)) && !options.listOnly;
  const more = (["backup", "remove", "skip"] as const).some((name) => infoLevel(output, name) > 0);
  options.tellsMore = !quiet && more && !options.listOnly;
  const formats = latin1(format ?? EMPTY) + latin1(logFormat ?? EMPTY);
  options.plainDigests = /%'*-?[0-9]*C/.test(formats);
  options.tellsFinished = options.plainDigests || /%'*-?[0-9]*[bc]/.test(formats) || json !== null ||
    (showsFiles && progress !== false);
  options.folderSizes = options.listOnly || json !== null || /%'*-?[0-9]*l/.test(formats);
}

function checkConflicts({ options, rules, filesFrom, secludedArgs, oldArgs, crtimes }: Settings): void {
  if (secludedArgs && oldArgs) throw usageError("--secluded-args (-s) conflicts with --old-args; give one of them");
  if (crtimes) {
    throw new TsyncError({ kind: "unsupported", detail: "--crtimes (-N): Linux has no way to set a creation time" });
  }
  if (options.trash !== "" && options.keepDirlinks) {
    throw usageError(
      "--trash and -K contradict each other: what lies behind a link is not brought back; give one of them",
    );
  }
  if (options.trash !== "" && options.writeDevices) {
    throw usageError(
      "--trash and --write-devices contradict each other: what a device held is not kept; leave one out",
    );
  }
  if (options.trash === "" && (options.trashKeepSeconds !== null || options.trashKeepBytes !== null)) {
    throw usageError("--trash-keep needs --trash, the trash it keeps within bounds");
  }
  if (options.trash !== "" && (options.backup || options.backupDir !== "")) {
    throw usageError("--trash and --backup contradict each other; give one of them");
  }
  if (options.delete && !options.recursive && !options.dirs) {
    throw usageError("--delete needs -r (or -a) or -d: without them no folder is compared");
  }
  if (options.noGuard && options.deleteLimit !== null) {
    throw usageError("--no-guard and --delete-limit contradict each other; give one of them");
  }
  const isStdin = ({ from, action, word }: RuleWord) =>
    from === "file" ? latin1(word) === "-" : action === "filter" && /^(\.|merge,?)[^ _]*[ _]-$/.test(latin1(word));
  const isNamesFile = filesFrom !== null && latin1(filesFrom) === "-";
  if (rules.filter(isStdin).length + (isNamesFile ? 1 : 0) > 1) {
    const detail =
      "standard input (-) can be the file of one --files-from, --exclude-from, --include-from or merge rule only";
    throw usageError(detail);
  }
}

/** Reads the names of --files-from. Throws TsyncError "usage" for a file that cannot be read, as rsync does. */
export async function readNames(file: Uint8Array | null, request: JobRequest): Promise<void> {
  if (file === null) return;
  const { collectNames } = await import("./rules.ts");
  request.names = collectNames(file, request.options.from0);
}

/** Reads the rules in their order into `options.filters`. Throws TsyncError "usage", or "file" for a file that cannot be read. */
export async function readRules(words: RuleWords, options: SyncOptions): Promise<void> {
  if (words.rules.length === 0 && !words.cvsExclude) return;
  const { collectRules } = await import("./rules.ts");
  options.filters = collectRules(words);
  if (options.filters.length > FILTER_RULES) {
    throw usageError(`${options.filters.length} exclude and include rules; at most ${FILTER_RULES} are possible`);
  }
}

/** Takes the words of --chmod into `request`, and reads those of --usermap and --groupmap once. Throws TsyncError "usage". */
export async function readModes(words: readonly Uint8Array[], request: JobRequest): Promise<void> {
  const { userMap, groupMap } = request.options;
  if (userMap.length + groupMap.length > 0) {
    const { parseAccountMap } = await import("../plan/account_map_rules.ts");
    // The target knows its names; here only the form is looked at.
    parseAccountMap("--usermap", userMap, () => 0);
    parseAccountMap("--groupmap", groupMap, () => 0);
  }
  if (words.length === 0) return;
  const { modeChanger } = await import("../plan/mode_changes.ts");
  request.chmod = words.map(latin1);
  for (const word of request.chmod) {
    if (modeChanger([word], 0) === null) {
      throw usageError(`--chmod: "${display(fromLatin1(word))}" is not understood; write D755,F644 or u+w,go-w`);
    }
  }
}
