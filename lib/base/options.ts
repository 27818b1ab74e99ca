// What one synchronisation preserves, compares and may do: made by lib/cli, carried by the JOB message, read by both halves.

/** One filter rule as it travels: the pattern's bytes as written, and what it does. */
export interface FilterRule {
  pattern: Uint8Array;
  include: boolean;
}

export interface SyncOptions {
  recursive: boolean;
  links: boolean;
  perms: boolean;
  times: boolean;
  group: boolean;
  owner: boolean;
  devices: boolean;
  specials: boolean;
  numericIds: boolean;
  dryRun: boolean;
  /** -c: compare by content digest. */
  checksum: boolean;
  /** -I: transfer even what the quick check calls equal. */
  ignoreTimes: boolean;
  /** -S: make holes of runs of zeros too; holes are kept always. */
  sparse: boolean;
  delete: boolean;
  /** -W: a changed file is sent whole, not as what differs from the one at the target. */
  wholeFile: boolean;
  /** -B: block size of deltas, bytes; 0: by the file's size. */
  blockBytes: number;
  /** Report entries one by one (-i, -v): else only problems and totals are told. */
  reportEntries: boolean;
  /** Report unchanged entries as well (-ii, -vv). */
  reportUnchanged: boolean;
  /** Nanoseconds by which times may differ and still be equal; null = seconds, then nanoseconds unless one side has none (D11). */
  modifyWindowNs: number | null;
  allowEmptySource: boolean;
  /** Send a file that keeps changing as it was read instead of leaving the old one. */
  allowTorn: boolean;
  /** Deletions allowed: a count, or a percentage of the target's entries; null = the guard (more than 50 % and more than 100). */
  deleteLimit: { count: number } | { percent: number } | null;
  /** Turns the guards on source and deletions off. */
  noGuard: boolean;
  /** Idle seconds after which a silent peer ends the run; 0 = never. */
  timeoutSeconds: number;
  /** What crosses a connection is compressed: where it pays, whatever the link is (-z), or never (--no-z). */
  compress: "auto" | "always" | "never";
  /** zstd level (--zl); null: chosen by the link's rate. */
  compressLevel: number | null;
  filters: FilterRule[];

  // Destinations. Folders are operators' words, raw bytes as latin1 text, relative to the target root; "": none.

  /** -b: what is replaced or deleted is kept under another name. */
  backup: boolean;
  /** What is added to the name of a backup. */
  backupSuffix: string;
  backupDir: string;
  /** --compare-dest, --copy-dest, --link-dest: what is done with a file that is found in one of `altDests`. */
  altKind: AltKind;
  altDests: readonly string[];
  /** Deletions after which no more is deleted; -1: no such limit. */
  maxDelete: number;
  /** --force: a folder that is not empty gives way to something else, also without --delete. */
  force: boolean;
  /** Delete although something could not be read at the source. */
  ignoreErrors: boolean;
  /** Make the folders above the target. */
  mkpath: boolean;
  /** What is in place at the target, folders aside, is removed at the source. */
  removeSourceFiles: boolean;
  /** A file that came in part when the run ends early is kept under its name: the next run has it as a basis. Lifts law 1. */
  partial: boolean;
  /** Content is written into the file that is there. Lifts law 1. */
  inplace: boolean;
}

/** Position = number on the wire. */
export const ALT_KINDS = ["none", "compare", "copy", "link"] as const;
export type AltKind = typeof ALT_KINDS[number];
const NO_WORDS: readonly string[] = [];

/** Whether folders keep their times: backups beside the originals renew them, and rsync then leaves them alone. */
export function keepsFolderTimes({ times, backup, backupDir }: SyncOptions): boolean {
  return times && !(backup && backupDir === "");
}

/** Whether the target has other folders to deal with than its root. */
export function hasDestinations({ backup, altKind }: SyncOptions): boolean {
  return backup || altKind !== "none";
}

/** Whether anything at the target may be deleted. */
export function mayDelete(options: SyncOptions): boolean {
  return options.delete || options.force;
}

/** Whether the source has a last word: could all be read, and is all removed that was to be. */
export function hasLastWord(options: SyncOptions): boolean {
  return mayDelete(options) || options.removeSourceFiles;
}

export function defaultOptions(): SyncOptions {
  return {
    recursive: false,
    links: false,
    perms: false,
    times: false,
    group: false,
    owner: false,
    devices: false,
    specials: false,
    numericIds: false,
    dryRun: false,
    checksum: false,
    ignoreTimes: false,
    sparse: false,
    delete: false,
    wholeFile: false,
    blockBytes: 0,
    reportEntries: false,
    reportUnchanged: false,
    modifyWindowNs: null,
    allowEmptySource: false,
    allowTorn: false,
    deleteLimit: null,
    noGuard: false,
    timeoutSeconds: 0,
    compress: "auto",
    compressLevel: null,
    filters: [],
    backup: false,
    backupSuffix: "",
    backupDir: "",
    altKind: "none",
    altDests: NO_WORDS,
    maxDelete: -1,
    force: false,
    ignoreErrors: false,
    mkpath: false,
    removeSourceFiles: false,
    partial: false,
    inplace: false,
  };
}
