// Under which of several names of one inode its content travels to an empty target: the last one in the list, as in rsync, which
// both sides know when the list has ended. Called by both halves and by the session.

import type { FileList } from "./file_list.ts";

const FILE = 8;

/** The last name of each inode of a file that was told to have several, in rising order. */
export function lastNames(list: FileList): number[] {
  const last = new Map<number, number>();
  for (let i = 1; i < list.count; i++) {
    const first = list.firstName(i);
    if (first >= 0 && list.kind(i) === FILE) last.set(first, i);
  }
  return [...last.values()].sort((a, b) => a - b);
}
