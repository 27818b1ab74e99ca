// Comparing a listed entry with what stands at the target: pure. The quick check says whether content is the same, the
// metadata comparison which attributes differ. Called by the generator for every entry.

import type { FileList } from "../base/file_list.ts";
import { Change } from "../base/monitor.ts";
import { keepsFolderTimes, type SyncOptions } from "../base/options.ts";
import { Cause } from "../base/problem.ts";
import { Kind, type Stat } from "../os/os.ts";

/**
 * Whether two times are equal. Without a window (null): equal seconds, and equal nanoseconds unless one side has none
 * (a file system or a copy that keeps whole seconds). With a window: no further apart than `windowNs` nanoseconds; below zero:
 * than -1 - `windowNs` whole seconds, whatever the nanoseconds.
 */
export function sameTime(aSec: number, aNs: number, bSec: number, bNs: number, windowNs: number | null): boolean {
  if (windowNs === null) return aSec === bSec && (aNs === bNs || aNs === 0 || bNs === 0);
  if (windowNs < 0) return Math.abs(aSec - bSec) < -windowNs;
  const seconds = aSec - bSec;
  if (Math.abs(seconds) > windowNs / 1e9 + 1) return false;
  return Math.abs(seconds * 1e9 + (aNs - bNs)) <= windowNs;
}

/** -u: whether the file at the target is newer than the listed one; where one side has no nanoseconds, by the second. */
export function isNewer(list: FileList, i: number, stat: Stat): boolean {
  const seconds = stat.mtimeSec - list.mtimeSec(i);
  if (seconds !== 0) return seconds > 0;
  const listed = list.mtimeNs(i);
  return listed !== 0 && stat.mtimeNs > listed;
}

/** What --max-size and --min-size leave out of the files to transfer: why, or -1. */
export function beyondSizes(size: number, { maxSize, minSize }: SyncOptions): Cause | -1 {
  if (maxSize !== null && size > maxSize) return Cause.tooLarge;
  return minSize !== null && size < minSize ? Cause.tooSmall : -1;
}

/** rsync's quick check: same size and same time mean same content. -I and -c are the caller's. */
export function quickCheck(list: FileList, i: number, stat: Stat, windowNs: number | null): boolean {
  return list.size(i) === stat.size &&
    sameTime(list.mtimeSec(i), list.mtimeNs(i), stat.mtimeSec, stat.mtimeNs, windowNs);
}

/** Owners as the target will have them. */
export interface OwnerMap {
  /** Wanted uid of entry i, or -1: the owner is left as it is. */
  uid(i: number): number;
  gid(i: number): number;
}

/** Whether entries of this kind get the source's time. */
export function keepsTime(options: SyncOptions, kind: number): boolean {
  return kind === Kind.folder
    ? keepsFolderTimes(options)
    : options.times && !(options.omitLinkTimes && kind === Kind.link);
}

/** -E: the mode `has` of a file, which can be run if and only if one with `listed` can. What was right is left alone. */
export function runnable(listed: number, has: number): number {
  if ((listed & 0o111) === 0) return has & ~0o111;
  return (has & 0o111) !== 0 ? has : has | (has & 0o444) >> 2;
}

/** Change bits (time, access time, mode, owner, group) by which the entry at the target differs from the listed one. */
export function compareMetadata(list: FileList, i: number, stat: Stat, options: SyncOptions, owners: OwnerMap): number {
  let change = 0;
  if (
    keepsTime(options, stat.kind) &&
    !sameTime(list.mtimeSec(i), list.mtimeNs(i), stat.mtimeSec, stat.mtimeNs, options.modifyWindowNs)
  ) {
    change |= Change.time;
  }
  if (options.perms) {
    if (stat.kind !== Kind.link && list.mode(i) !== stat.mode) change |= Change.mode;
  } else if (options.executability && stat.kind === Kind.file && runnable(list.mode(i), stat.mode) !== stat.mode) {
    change |= Change.mode;
  }
  if (options.atimes && stat.kind !== Kind.folder && stat.kind !== Kind.link) {
    const { atimeSec, atimeNs } = stat;
    const isSame = sameTime(list.atimeSec(i), list.atimeNs(i), atimeSec, atimeNs, options.modifyWindowNs);
    if (!isSame) change |= Change.atime;
  }
  const uid = owners.uid(i);
  if (uid >= 0 && uid !== stat.uid) change |= Change.owner;
  const gid = owners.gid(i);
  if (gid >= 0 && gid !== stat.gid) change |= Change.group;
  return change;
}
