// Settings: what the option words of one command line say, before the operands are looked at. The option table fills
// them, request.ts turns them into a job, report.ts reads the output part.

import { defaultOptions, type SyncOptions } from "../base/options.ts";

/** One --exclude, --include, --filter (the rule's text) or --exclude-from, --include-from (the file's name), in order. */
export interface RuleWord {
  from: "text" | "file";
  /** "filter": the text says what it does. */
  action: "exclude" | "include" | "filter";
  word: Uint8Array;
  /** -0 stands before it: lines of its file end with NUL. */
  nul: boolean;
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
  /** Number of -F. */
  filterFiles: number;
  /** -C: the rules for what version control leaves out come last. */
  cvsExclude: boolean;
  /** --delete-excluded: rules that name no side work at the source only. */
  deleteExcluded: boolean;
  /** -0: rule files named from here on, and the file of --files-from, have lines that end with NUL. */
  from0: boolean;
  /** -r came with -a only: --files-from takes it back. */
  isArchiveRecursion: boolean;
  /** --old-dirs. */
  oldDirs: boolean;
  /** -d, -R and --implied-dirs as they were said; null: not at all. */
  dirs: boolean | null;
  relative: boolean | null;
  impliedDirs: boolean;
  /** --files-from as typed. */
  filesFrom: Uint8Array | null;
  /** --retry-failed: the run's name, empty for the last one; null: it was not given. */
  retryFailed: Uint8Array | null;
  /** --chmod, one for each. */
  chmod: Uint8Array[];
  /** --munge-links. */
  mungeLinks: boolean;
  /** --iconv: the charset here, and there; null: names are bytes. */
  iconv: { here: string; there: string } | null;
  iconvSaid: boolean;
  /** --write-batch, --only-write-batch, --read-batch: the file. */
  writeBatch: Uint8Array | null;
  readBatch: Uint8Array | null;
  /** -N, which is refused. */
  crtimes: boolean;
  /** What maps users, groups: --usermap (--groupmap), or --chown; null: nothing yet. */
  mapsUsers: string | null;
  mapsGroups: string | null;
  /** --suffix; null where it was not given. */
  suffix: Uint8Array | null;
  rsh: string | null;
  rsyncPath: string | null;
  help: boolean;
  /** --info=help, --debug=help. */
  flagsHelp: "info" | "debug" | null;
  /** Number of -V. */
  version: number;
  /** --list-only. */
  listOnly: boolean;
  /** The program stands in rsync's place: rsync's words and defaults. */
  asRsync: boolean;
  /** --stop-after, --stop-at; null: the run takes its time. */
  stop: StopTime | null;
  /** --reconnect, seconds; null: RECONNECT_SECONDS where standard error is a terminal. */
  reconnectSeconds: number | null;
  /** --connections, --connections-max; null where not given. */
  connections: number | null;
  connectionsMax: number | null;
  /** -4, -6. */
  ipVersion: "4" | "6" | null;
  /** -M: options for the other side only. */
  remoteWords: Uint8Array[];
  /** --zc was given. */
  compressChosen: boolean;
  secludedArgs: boolean;
  oldArgs: boolean;
  contimeout: number;
  /** An option as written that only a daemon could make use of, and that rsync refuses elsewhere. */
  daemonOnly: string | null;
  /** --clean, of history. */
  cleansTrash: boolean;
  /** --help=WORD: the manual or completions instead of the help. */
  manual: string | null;
}

/** How long a lost connection may be away where somebody watches, s. */
export const RECONNECT_SECONDS = 180;

/** Connections that a run opens of its own choice, at most. */
export const MOST_CONNECTIONS = 4;

/** So long after the start, or at a moment (milliseconds since 1970). */
export type StopTime = { afterMs: number } | { atMs: number };

/** Where the program stands in rsync's place; what depends on other words follows when all are read (request.ts). */
export function rsyncSettings(): Settings {
  const settings = defaultSettings();
  settings.asRsync = true;
  settings.options.modifyWindowNs = -1;
  settings.options.allowTorn = true;
  settings.options.noFsync = true;
  settings.options.keepsPartials = false;
  settings.output.progress = false;
  settings.reconnectSeconds = 0;
  settings.connectionsMax = 1;
  return settings;
}

export function defaultSettings(): Settings {
  return {
    options: { ...defaultOptions(), keepsPartials: true },
    output: defaultOutput(),
    rules: [],
    filterFiles: 0,
    cvsExclude: false,
    deleteExcluded: false,
    isArchiveRecursion: false,
    oldDirs: false,
    dirs: null,
    relative: null,
    impliedDirs: true,
    from0: false,
    filesFrom: null,
    retryFailed: null,
    chmod: [],
    mungeLinks: false,
    iconv: null,
    iconvSaid: false,
    writeBatch: null,
    readBatch: null,
    crtimes: false,
    mapsUsers: null,
    mapsGroups: null,
    suffix: null,
    rsh: null,
    rsyncPath: null,
    help: false,
    asRsync: false,
    stop: null,
    reconnectSeconds: null,
    connections: null,
    connectionsMax: null,
    ipVersion: null,
    remoteWords: [],
    compressChosen: false,
    secludedArgs: false,
    oldArgs: false,
    contimeout: 0,
    daemonOnly: null,
    cleansTrash: false,
    manual: null,
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
