// Reading source files so that what is sent is a state that existed (P4): identity (size, times, inode) is compared with
// the list after the last byte is read, through the same handle; a file that changed is read again. A file that only grew
// while it was read counts up to its length at open.

import type { FileList } from "../base/file_list.ts";
import { type Handle, Kind, type Os, Stat } from "../os/os.ts";
import { identityTag } from "./scan.ts";

/** Whether the file is still the one that was listed, unchanged. */
export function isAsListed(list: FileList, i: number, stat: Stat): boolean {
  return stat.size === list.size(i) && stat.mtimeNs === list.mtimeNs(i) && stat.mtimeSec === list.mtimeSec(i) &&
    identityTag(stat) === list.tag(i);
}

/** Whether a file read between the two looks did not change: same inode, size and times. */
export function isUnchanged(before: Stat, after: Stat): boolean {
  return before.size === after.size && before.mtimeSec === after.mtimeSec && before.mtimeNs === after.mtimeNs &&
    identityTag(before) === identityTag(after);
}

/** Whether the file only got longer: then its first `before.size` bytes are taken as a state that existed. */
export function onlyGrew(before: Stat, after: Stat): boolean {
  return after.size > before.size && after.inoLow === before.inoLow && after.inoHigh === before.inoHigh;
}

/** Reads up to `into.length` bytes from the start; the count, or a negated errno. */
export function readFully(os: Os, file: Handle, into: Uint8Array): number {
  let filled = 0;
  while (filled < into.length) {
    const count = os.read(file, filled === 0 ? into : into.subarray(filled));
    if (count < 0) return count;
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** Opens the stat of a handle, refusing what is no regular file; 0, a negated errno, or -ENXIO (-6) for another kind. */
export function statRegular(os: Os, file: Handle, stat: Stat): number {
  const result = os.statHandle(file, stat);
  if (result < 0) return result;
  return stat.kind === Kind.file ? 0 : -6;
}
