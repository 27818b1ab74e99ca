// Settings: what the option words of one command line say, before the operands are looked at. The option table fills
// them, request.ts turns them into a job, report.ts reads the output part.

import { defaultOptions, type SyncOptions } from "../base/options.ts";

/** One --exclude, --include (the rule's text) or --exclude-from, --include-from (the file's name), in order. */
export interface RuleWord {
  from: "text" | "file";
  action: "exclude" | "include";
  word: Uint8Array;
}

/** How much is told, and how. */
export interface OutputSettings {
  /** Number of -v. */
  verbose: number;
  /** Number of -i. */
  itemize: number;
  quiet: boolean;
  stats: boolean;
  /** --progress, --no-progress; null where neither was given. */
  progress: boolean | null;
  /** What --info says of its flags; null where it was not given. */
  info: Map<string, number> | null;
  /** --out-format; null: -i and -v say what a line holds. */
  format: Uint8Array | null;
  /** How numbers are written: 0 digits only, 1 with commas, 2 in units of 1000, 3 in units of 1024. */
  human: number;
  /** -8: bytes above 127 are shown as they are. */
  eightBit: boolean;
  /** --stderr=all: everything that is told goes to standard error. */
  allToStderr: boolean;
  /** --outbuf: what is told is written at once, or only when there is much; null: soon. */
  buffering: "none" | "full" | null;
  /** --log-file and what a line of it holds. */
  logFile: Uint8Array | null;
  logFormat: Uint8Array | null;
  /** --json: the file or the number of the descriptor; empty: standard output, and what is told to people goes to standard error. */
  json: Uint8Array | null;
}

export interface Settings {
  options: SyncOptions;
  output: OutputSettings;
  rules: RuleWord[];
  rsh: string | null;
  rsyncPath: string | null;
  help: boolean;
  /** --info=help, --debug=help. */
  flagsHelp: "info" | "debug" | null;
  /** Number of -V. */
  version: number;
  /** --list-only. */
  listOnly: boolean;
}

export function defaultSettings(): Settings {
  return {
    options: defaultOptions(),
    output: defaultOutput(),
    rules: [],
    rsh: null,
    rsyncPath: null,
    help: false,
    flagsHelp: null,
    version: 0,
    listOnly: false,
  };
}

export function defaultOutput(): OutputSettings {
  return {
    verbose: 0,
    itemize: 0,
    quiet: false,
    stats: false,
    progress: null,
    info: null,
    format: null,
    human: 1,
    eightBit: false,
    allToStderr: false,
    buffering: null,
    logFile: null,
    logFormat: null,
    json: null,
  };
}
