// What one synchronisation preserves, compares and may do: made by lib/cli, carried by the JOB message, read by both halves.

/** One filter rule as it travels: the pattern's bytes as written, and what it does (RuleFlag bits of lib/filter). */
export interface FilterRule {
  readonly pattern: Uint8Array;
  readonly flags: number;
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
  /** -H: names of one inode at the source become names of one inode at the target. */
  hardLinks: boolean;
  /** -A: POSIX access lists, and the default ones of folders. */
  acls: boolean;
  /** -X: extended attributes. */
  xattrs: boolean;
  /** -XX: with rsync's own notes (user.rsync.%...) as they are. */
  xattrNotes: boolean;
  /** --fake-super: this side notes in extended attributes what only root can set. The client's is not the agent's. */
  fakeSuper: boolean;
  /** --super, --no-super: the target tries what only root may do, or leaves it, whoever it is. */
  superOn: boolean;
  superOff: boolean;
  /** --iconv: charset of the names on this side, which travel as UTF-8; "." is the locale's; "": names are bytes. */
  charset: string;
  /** --write-batch: all is listed, whatever the target has. */
  wholeList: boolean;
  /** --only-write-batch: with dryRun; content is asked for and goes into the batch. */
  batchOnly: boolean;
  /** -L, -k, --copy-unsafe-links: what a link leads to is copied, for all, for those to folders, for those that may lead out. */
  copyLinks: boolean;
  copyDirlinks: boolean;
  copyUnsafeLinks: boolean;
  /** --safe-links: links that may lead out are passed over. */
  safeLinks: boolean;
  /** -x: how far folders on other file systems are left alone: 1 what they hold, 2 (-xx) they themselves; 0: not at all. */
  oneFileSystem: number;
  /** -K: a link to a folder at the target is used as that folder, where the source has a folder and the link stays in the target. */
  keepDirlinks: boolean;
  /** -U: access times, folders aside. */
  atimes: boolean;
  /** --open-noatime: what is read keeps its access time. */
  openNoatime: boolean;
  /** --munge-links of the target: links are made so that they lead nowhere. */
  mungeLinks: boolean;
  /** --munge-links of the source: such links are sent as what they were. */
  unmungeLinks: boolean;
  /** --drop-D: this side, as target, makes no device, FIFO or socket. The client's own affair: it does not travel. */
  dropSpecials: boolean;
  /** --copy-devices: a device at the source is a file of what can be read from it. */
  copyDevices: boolean;
  /** --write-devices: content is written into a device that stands at its name. Lifts law 1, with inplace. */
  writeDevices: boolean;
  /** -E: without -p, whether a file can be run is kept. */
  executability: boolean;
  /** -O, -J: times of folders, of links are left as they are. */
  omitDirTimes: boolean;
  omitLinkTimes: boolean;
  /** --usermap, --groupmap as written (--chown is both); empty: none. */
  userMap: Uint8Array;
  groupMap: Uint8Array;
  dryRun: boolean;
  /** -c: compare by content digest. */
  checksum: boolean;
  /** -I: transfer even what the quick check calls equal. */
  ignoreTimes: boolean;
  /** -u: leave a file at the target alone that is newer. */
  update: boolean;
  /** --existing: make nothing that the target does not have. */
  existing: boolean;
  /** --ignore-existing: leave alone what the target has, folders excepted. */
  ignoreExisting: boolean;
  /** --size-only: equal size means equal content. */
  sizeOnly: boolean;
  /** --max-size, --min-size: files beyond are listed, but not transferred, bytes; null: no limit. */
  maxSize: number | null;
  minSize: number | null;
  /** -d without -r: folders are listed, but not what they hold, unless their name ends in "/". */
  dirs: boolean;
  /** -R: paths as they were written, with the folders on the way. */
  relative: boolean;
  /** --no-implied-dirs: of the folders on the way only the names count. */
  noImpliedDirs: boolean;
  /** --files-from: the source is the folder that the names lie in. */
  filesFrom: boolean;
  /** --files-from=:FILE: the source's machine holds the file, at this path; null: the names are told. */
  filesFromThere: Uint8Array | null;
  /** -0: in that file names end in NUL. */
  from0: boolean;
  /** -m: no folders that hold nothing but folders. */
  pruneEmptyFolders: boolean;
  /** --ignore-missing-args: a source that is not there is passed over. */
  ignoreMissingArgs: boolean;
  /** --delete-missing-args: a source that is not there is deleted at the target. */
  deleteMissingArgs: boolean;
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
  /** What was backed up, left out at the target or removed at the source is told, too (--info). */
  tellsMore: boolean;
  /** The target tells of each transferred file when it is in place, and what its transfer took. */
  tellsFinished: boolean;
  /** And the digest of its content without a seed. */
  plainDigests: boolean;
  /** Nothing is transferred: the source is listed, all kinds of entries, folders not entered without -r. */
  listOnly: boolean;
  /** The list holds the sizes of folders. */
  folderSizes: boolean;
  /**
   * Nanoseconds by which times may differ and still be equal; null = seconds, then nanoseconds unless one side has none (D11). Below
   * zero whole seconds are compared, as rsync does: -1 means the same second, -2 one second apart and so on.
   */
  modifyWindowNs: number | null;
  allowEmptySource: boolean;
  /** Send a file that keeps changing as it was read instead of leaving the old one. */
  allowTorn: boolean;
  /** Deletions allowed: a count, or a percentage of the target's entries; null = the guard (more than 50 % and more than 100). */
  deleteLimit: { count: number } | { percent: number } | null;
  /** Delete although the source is on another device than in the last run that deleted, or is no folder any more. */
  allowOtherDevice: boolean;
  /** Begin although what is to be written does not fit at the target. */
  noSpaceCheck: boolean;
  /** Turns all guards off. */
  noGuard: boolean;
  /** Idle seconds after which a silent peer ends the run; 0 = never. */
  timeoutSeconds: number;
  /** What crosses a connection is compressed: where it pays, whatever the link is (-z), or never (--no-z). */
  compress: "auto" | "always" | "never";
  /** zstd level (--zl); null: chosen by the link's rate. */
  compressLevel: number | null;
  filters: FilterRule[];
  /** --bwlimit: what each side sends at most, KiB a second; 0: as fast as it goes. */
  bwlimitKib: number;
  /** As rsync without -S: a hole of the source arrives as zeros. */
  fillHoles: boolean;

  // Destinations. Folders are operators' words, raw bytes as latin1 text, relative to the target root; "": none.

  /** --delete-excluded: what was only to be spared goes, too, backups as well. */
  deleteExcluded: boolean;
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
  /** In a push that may be taken up again over a new connection: 16 random bytes, by which its agents find each other; else empty. */
  runName: Uint8Array;
  /** An earlier connection of this run has put files in place: a target that holds nothing is another one. */
  goesOn: boolean;
  /** Whatever the run did is on the disk when it ends well; without it that holds for what replaces a file, before it does. */
  fsync: boolean;
  /** Nothing is flushed: after a power cut a replaced file may be neither the old nor the new one. */
  noFsync: boolean;
  /** A large file that came in part is kept in a folder of ours beside it: the next run has it as a basis. */
  keepsPartials: boolean;
  /** --partial-dir: where it is kept instead, relative to the folder of the file; "": not. */
  partialDir: string;

  // The trash (--trash). Its folder is an operator's word like those above; ".tsync-trash" is the one in the target root; "": none.

  trash: string;
  /** Runs in it that are older, seconds, or oldest ones beyond so many bytes in all, go at the end of a run; null: they stay. */
  trashKeepSeconds: number | null;
  trashKeepBytes: number | null;
  /** Nothing is synchronised, the trash at the target is worked on: "history", "clean", "undo" or "undo RUN". */
  trashTask: string;
  /** With listOnly: what interrupted runs left (tsync transfers), and the folders on the way. */
  partialsOnly: boolean;
  /** What is shorter at the target gets the rest behind it (inplace, too); what is not stays. Lifts law 1. */
  append: boolean;
  /** With append: what is there counts in the digest; if that does not fit, the file is sent whole. */
  appendVerify: boolean;
  /** Space for a large file is taken before it is written. */
  preallocate: boolean;
  /** -y: a file that the target lacks is compared with one of a similar name; 2: in the alternative destinations, too. */
  fuzzy: number;
  /** --temp-dir: where files are written before they are complete; "": in their own folders. */
  tempDir: string;
  /** --delay-updates: complete files wait in partialDir until all are there. */
  delayUpdates: boolean;
}

/** Position = number on the wire. */
export const ALT_KINDS = ["none", "compare", "copy", "link"] as const;
export type AltKind = typeof ALT_KINDS[number];
const NO_WORDS: readonly string[] = [];

/** Whether folders keep their times (-t without -O): backups beside the originals renew them, and rsync then leaves them alone. */
export function keepsFolderTimes(
  { times, omitDirTimes, backup, backupDir }: Pick<SyncOptions, "times" | "omitDirTimes" | "backup" | "backupDir">,
): boolean {
  return times && !omitDirTimes && !(backup && backupDir === "");
}

/** Whether the target has other folders to deal with than its root. */
export function hasDestinations({ backup, altKind, partialDir, tempDir }: SyncOptions): boolean {
  return backup || altKind !== "none" || partialDir.startsWith("/") || tempDir !== "";
}

/** Whether what came of a file in part is kept somewhere else than under its name. */
export function hasPartials({ keepsPartials, partial, partialDir, inplace, dryRun }: SyncOptions): boolean {
  return !inplace && !dryRun && (partialDir !== "" || (keepsPartials && !partial));
}

/** Whether anything at the target may be deleted. */
export function mayDelete(options: SyncOptions): boolean {
  return options.delete || options.force;
}

/** Whether the source has a last word: could all be read, and is all removed that was to be. */
export function hasLastWord(options: SyncOptions): boolean {
  return mayDelete(options) || options.removeSourceFiles || options.deleteMissingArgs;
}

const NOTHING = new Uint8Array(0);

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
    hardLinks: false,
    acls: false,
    xattrs: false,
    xattrNotes: false,
    fakeSuper: false,
    superOn: false,
    superOff: false,
    charset: "",
    wholeList: false,
    batchOnly: false,
    copyLinks: false,
    copyDirlinks: false,
    copyUnsafeLinks: false,
    safeLinks: false,
    oneFileSystem: 0,
    keepDirlinks: false,
    atimes: false,
    openNoatime: false,
    mungeLinks: false,
    unmungeLinks: false,
    dropSpecials: false,
    copyDevices: false,
    writeDevices: false,
    executability: false,
    omitDirTimes: false,
    omitLinkTimes: false,
    userMap: NOTHING,
    groupMap: NOTHING,
    dryRun: false,
    checksum: false,
    ignoreTimes: false,
    update: false,
    existing: false,
    ignoreExisting: false,
    sizeOnly: false,
    maxSize: null,
    minSize: null,
    dirs: false,
    relative: false,
    noImpliedDirs: false,
    filesFrom: false,
    filesFromThere: null,
    from0: false,
    pruneEmptyFolders: false,
    ignoreMissingArgs: false,
    deleteMissingArgs: false,
    sparse: false,
    delete: false,
    wholeFile: false,
    blockBytes: 0,
    reportEntries: false,
    reportUnchanged: false,
    tellsMore: false,
    tellsFinished: false,
    plainDigests: false,
    listOnly: false,
    folderSizes: false,
    modifyWindowNs: null,
    allowEmptySource: false,
    allowTorn: false,
    deleteLimit: null,
    allowOtherDevice: false,
    noSpaceCheck: false,
    noGuard: false,
    timeoutSeconds: 0,
    compress: "auto",
    compressLevel: null,
    filters: [],
    bwlimitKib: 0,
    fillHoles: false,
    deleteExcluded: false,
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
    runName: NOTHING,
    goesOn: false,
    fsync: false,
    noFsync: false,
    keepsPartials: false,
    partialDir: "",
    trash: "",
    trashKeepSeconds: null,
    trashKeepBytes: null,
    trashTask: "",
    partialsOnly: false,
    append: false,
    appendVerify: false,
    preallocate: false,
    fuzzy: 0,
    tempDir: "",
    delayUpdates: false,
  };
}
