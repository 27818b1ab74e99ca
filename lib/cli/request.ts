// From the words of a command line to what is to be done. Called first thing by run.ts: whatever is wrong with the words
// is a usage error here, before a connection is made or a file below a root is looked at. Only rule files are read.

import { latin1 } from "../base/bytes.ts";
import { FILTER_RULES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import type { JobRequest } from "../job/request.ts";
import { remoteShellArguments } from "../transport/remote_shell.ts";
import { readOperands } from "./operands.ts";
import { parseWords } from "./option_words.ts";
import { usageError } from "./option_values.ts";
import { defaultSettings, type OutputSettings, type RuleWord, type Settings } from "./settings.ts";

export type Command =
  | { kind: "help" }
  | { kind: "version" }
  /** `tsync agent ...`: the operands behind "agent", the remote shell if one was named, and whether no option but that was given. */
  | { kind: "agent"; words: Uint8Array[]; rsh: string | null; plain: boolean }
  | { kind: "sync"; request: JobRequest; output: OutputSettings; rules: RuleWord[] };

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
  checkConflicts(settings);
  nameBackups(settings);
  const { options, output, rules } = settings;
  options.reportEntries = !output.quiet && (output.verbose > 0 || output.itemize > 0);
  options.reportUnchanged = !output.quiet && (output.verbose > 1 || output.itemize > 1);
  const rsyncPath = settings.rsyncPath || null;
  const remote = ends.login === null ? null : { ...ends.login, rsh, rsyncPath };
  // Refuses what no remote shell may be given; the words themselves are made again when it is started.
  if (remote !== null) remoteShellArguments(remote, "");
  const { direction, sources, target } = ends;
  return { kind: "sync", request: { options, direction, sources, target, remote }, output, rules };
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

function checkConflicts({ options, rules }: Settings): void {
  if (options.delete && !options.recursive) {
    throw usageError("--delete needs -r (or -a): without it no folder is compared");
  }
  if (options.noGuard && options.deleteLimit !== null) {
    throw usageError("--no-guard and --delete-limit contradict each other; give one of them");
  }
  const stdin = rules.filter((rule) => rule.from === "file" && latin1(rule.word) === "-");
  if (stdin.length > 1) {
    throw usageError("standard input (-) can be the file of one --exclude-from or --include-from only");
  }
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
