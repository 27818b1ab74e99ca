// Comparing a listed entry with what stands at the target: pure. The quick check says whether content is the same, the
// metadata comparison which attributes differ. Called by the generator for every entry.

import type { FileList } from "../base/file_list.ts";
import { Change } from "../base/monitor.ts";
import { keepsFolderTimes, type SyncOptions } from "../base/options.ts";
import { Kind, type Stat } from "../os/os.ts";

/**
 * Whether two times are equal. Without a window (null): equal seconds, and equal nanoseconds unless one side has none
 * (a file system or a copy that keeps whole seconds). With a window: no further apart than `windowNs` nanoseconds.
 */
export function sameTime(aSec: number, aNs: number, bSec: number, bNs: number, windowNs: number | null): boolean {
  if (windowNs === null) return aSec === bSec && (aNs === bNs || aNs === 0 || bNs === 0);
  if (windowNs < 0) return aSec === bSec && aNs === bNs;
  const seconds = aSec - bSec;
  if (Math.abs(seconds) > windowNs / 1e9 + 1) return false;
  return Math.abs(seconds * 1e9 + (aNs - bNs)) <= windowNs;
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

/** Change bits (time, mode, owner, group) by which the entry at the target differs from the listed one. */
export function compareMetadata(list: FileList, i: number, stat: Stat, options: SyncOptions, owners: OwnerMap): number {
  let change = 0;
  const comparesTime = stat.kind === Kind.folder ? keepsFolderTimes(options) : options.times;
  if (
    comparesTime && !sameTime(list.mtimeSec(i), list.mtimeNs(i), stat.mtimeSec, stat.mtimeNs, options.modifyWindowNs)
  ) {
    change |= Change.time;
  }
  if (options.perms && stat.kind !== Kind.link && list.mode(i) !== stat.mode) change |= Change.mode;
  const uid = owners.uid(i);
  if (uid >= 0 && uid !== stat.uid) change |= Change.owner;
  const gid = owners.gid(i);
  if (gid >= 0 && gid !== stat.gid) change |= Change.group;
  return change;
}
