// Reading source files so that what is sent is a state that existed (P4): identity (size, times, inode) is compared with
// the list after the last byte is read, through the same handle; a file that changed is read again. A file that only grew
// while it was read counts up to its length at open.

import type { FileList } from "../base/file_list.ts";
import { type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { identityTag } from "./identity_tag.ts";
import { HOLE_BYTES } from "./sparse.ts";

/** Opens entry i of the list in its folder, through a link where one is to be followed. */
export function openListed(
  os: Os,
  list: FileList,
  i: number,
  folder: Handle,
  follower: { openFile(folder: Handle, name: Uint8Array, depth: number): Handle } | null,
): Handle {
  return follower === null
    ? os.openFile(folder, list.name(i), OpenMode.read, 0)
    : follower.openFile(folder, list.name(i), list.depth(list.parent(i)));
}

/** Whether the file is still the one that was listed, unchanged. */
export function isAsListed(list: FileList, i: number, stat: Stat): boolean {
  return isSame(stat, list.size(i), list.mtimeSec(i), list.mtimeNs(i), list.tag(i));
}

export function isSame(stat: Stat, size: number, mtimeSec: number, mtimeNs: number, tag: number): boolean {
  return stat.size === size && stat.mtimeNs === mtimeNs && stat.mtimeSec === mtimeSec && identityTag(stat) === tag;
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

/**
 * Reads a small file whole into `content`, as long as it was listed, between two looks: false if it is not (or no longer) as
 * listed, or has holes. The first look keeps a device or FIFO that was swapped in from ever being read. `stat` is room to look.
 */
export function readAsListed(
  os: Os,
  file: Handle,
  content: Uint8Array,
  mtimeSec: number,
  mtimeNs: number,
  tag: number,
  stat: Stat,
): boolean {
  const size = content.length;
  if (os.statHandle(file, stat) < 0 || !isSame(stat, size, mtimeSec, mtimeNs, tag)) return false;
  if (stat.allocated < size && hasHole(os, file, size)) return false;
  if (size > 0 && readFully(os, file, content) !== size) return false;
  return os.statHandle(file, stat) === 0 && isSame(stat, size, mtimeSec, mtimeNs, tag);
}

/** Whether a small file with less room on disk than its size has a hole worth keeping, rather than being packed by its file system. */
function hasHole(os: Os, file: Handle, size: number): boolean {
  if (size <= HOLE_BYTES) return false;
  const hole = os.seekHole(file, 0);
  return hole >= 0 && hole < size;
}

/** Opens the stat of a handle, refusing what is no regular file; 0, a negated errno, or -ENXIO (-6) for another kind. */
export function statRegular(os: Os, file: Handle, stat: Stat): number {
  const result = os.statHandle(file, stat);
  if (result < 0) return result;
  return stat.kind === Kind.file ? 0 : -6;
}
