// Trouble with one entry: a value, never an exception. The run goes on; the problem is shown in the last lines and decides
// the exit code (23, or 24 where everything that failed had vanished or changed).

/** What was being done. Numbers are the wire's. */
export const Verb = {
  open: 1,
  read: 2,
  list: 3,
  stat: 4,
  readLink: 5,
  create: 6,
  write: 7,
  rename: 8,
  remove: 9,
  setMode: 10,
  setOwner: 11,
  setTimes: 12,
  transfer: 13,
  skip: 14,
  replace: 15,
  link: 16,
  readAttributes: 17,
  setAttributes: 18,
  /** Keeping what is about to be replaced or deleted. */
  backUp: 21,
  /** Bringing what was written to the disk. */
  flush: 25,
  /** Of undo. */
  restore: 27,
} as const;
export type Verb = number;

/** Why, where no errno says it. */
export const Cause = {
  /** `errno` says it. */
  system: 0,
  /** Vanished between list and use. */
  vanished: 1,
  /** Changed while it was read, and again when re-read. */
  changed: 2,
  /** Content did not verify, twice. */
  verify: 3,
  /** The name is one of tsync's own. */
  reservedName: 4,
  /** A folder that is not empty stands in the way. */
  folderInWay: 5,
  /** Path is longer or deeper than tsync carries. */
  tooLong: 6,
  /** The entry at the target is not what it was when it was looked at. */
  targetChanged: 7,
  /** Left out because its kind was not asked for ("skipping non-regular file"): no failure. */
  notAsked: 8,
  /** A folder was left out because -r was not given: no failure. */
  notRecursive: 9,
  /** Still present at the source when looked at again, so not deleted. */
  reappeared: 10,
  /** Two sources hold the same name; the first one counts: no failure. */
  duplicate: 11,
  /** A folder that was to be deleted holds something that stays: no failure. */
  notEmpty: 12,
  /** --remove-source-files: it is the file at the target itself. */
  sameFile: 13,
  /** --max-delete: what the path says, in digits, is how many entries were not deleted. */
  deletionsStopped: 14,
  /** --mkpath made so many folders (errno) above and with the one at the path: no failure. */
  madeFolders: 15,
  /** A folder that an option names is not there, or is no folder; the option is left out: no failure. */
  noSuchFolder: 16,
  /** The entry lies in a folder that an option names (backups): nothing listed is put there. */
  inOwnFolder: 17,
  /** --remove-source-files: it is not what was sent any more, so it stays. */
  sourceChanged: 18,
  // Hard links and attributes.
  /** What it shall be another name of did not come to be. */
  firstMissing: 19,
  /** Extended attributes that are more than tsync carries. */
  tooMuch: 20,
  // What an option leaves out at the target, told with -vv: no failures.
  /** -u: the one at the target is newer. */
  newer: 21,
  /** --ignore-existing. */
  exists: 22,
  /** --existing: it would be a new folder, or anything else. */
  newFolder: 23,
  newEntry: 24,
  /** --max-size, --min-size. */
  tooLarge: 25,
  tooSmall: 26,
  // Other file systems, and links that are used as folders.
  /** -xx: a folder on another file system is left out: no failure. */
  mountSkipped: 35,
  /** -x: a folder on another file system is not deleted: no failure. */
  mountKept: 36,
  /** -K: the link leads out of the target, so it is not used as a folder. */
  leadsOut: 37,
  /** --delete-missing-args, in a listing: the source is not there: no failure. */
  missing: 38,
  /** It was done, and is told because that was asked for (--info=backup, =remove): no failure. */
  done: 39,
  /** Its name and another listed one are the same to the target's file system: neither is transferred. */
  collision: 46,
  /** A file of the user's own state is passed over; what the path says is why, a sentence: no failure. */
  stateUnused: 47,
  // What a served root (tsync-remote serve --root) refuses.
  /** It does not allow it. */
  notAllowed: 60,
  /** The path, or a link on the way, leads out of it. */
  outsideRoot: 61,
  /** It takes new names only, and something else stands at this one. */
  onlyNew: 62,
  // The trash.
  /** Undo: it is neither what the run left nor what was before. */
  changedSince: 55,
  /** Undo: it is again what it was. No failure. */
  restored: 56,
  /** A run in the trash: the path is a line of facts about it (RunFacts). No failure. */
  trashRun: 57,
  /** It was taken out of the trash; the path is its name. No failure. */
  trashRunGone: 58,
  // Batches.
  /** No trouble: its content went into the batch (--only-write-batch). */
  batched: 40,
  /** The batch does not hold its content. */
  notInBatch: 41,
  /** What the batch holds of it are changes to another file than the one here. */
  otherBasis: 42,
} as const;
export type Cause = number;

export const Side = { source: 0, target: 1 } as const;

export interface Problem {
  verb: Verb;
  cause: Cause;
  /** Positive errno for Cause.system, else 0. */
  errno: number;
  side: number;
  /** Path below the root, raw bytes; empty = the root itself. */
  path: Uint8Array;
}

const NOTICES: readonly Cause[] = [
  Cause.notAsked,
  Cause.notRecursive,
  Cause.duplicate,
  Cause.notEmpty,
  Cause.deletionsStopped,
  Cause.madeFolders,
  Cause.noSuchFolder,
  Cause.mountSkipped,
  Cause.mountKept,
  Cause.missing,
  Cause.done,
  Cause.stateUnused,
  Cause.restored,
  Cause.trashRun,
  Cause.trashRunGone,
];

/** Problems that are told but are no failure. */
export function isNotice({ cause }: Problem): boolean {
  return NOTICES.includes(cause) || isLeftOut(cause);
}

/** What an option leaves out at the target. */
export function isLeftOut(cause: Cause): boolean {
  return cause >= Cause.newer && cause <= Cause.tooSmall;
}

/** Problems after which rsync exits 24, not 23, when there is nothing worse. */
export function isVanished(problem: Problem): boolean {
  return problem.cause === Cause.vanished || problem.cause === Cause.changed;
}
