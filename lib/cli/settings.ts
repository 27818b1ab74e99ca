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
}

export interface Settings {
  options: SyncOptions;
  output: OutputSettings;
  rules: RuleWord[];
  /** --suffix; null where it was not given. */
  suffix: Uint8Array | null;
  rsh: string | null;
  rsyncPath: string | null;
  help: boolean;
  version: boolean;
}

export function defaultSettings(): Settings {
  return {
    options: defaultOptions(),
    output: { verbose: 0, itemize: 0, quiet: false, stats: false, progress: null },
    rules: [],
    suffix: null,
    rsh: null,
    rsyncPath: null,
    help: false,
    version: false,
  };
}
