// Which listed entries are names of one inode, for -H: the scan asks with each that has several names. Promises: inodes are told
// apart by device and whole number, so that nothing is linked that is not one; about 60 bytes for each such inode.

import type { FileList } from "../base/file_list.ts";
import type { Stat } from "../os/os.ts";

/** Inode numbers up to 2^53 are exact as numbers; beyond they are told by their digits. */
const EXACT_HIGH = 1 << 21;

export class FirstNames {
  /** By device, then by inode: index of the first entry. */
  readonly #devices = new Map<number, Map<number | string, number>>();

  /** The first entry that is a name of the inode behind `stat`: an earlier one, or `index`, which was listed just now. */
  of(list: FileList, index: number, stat: Stat): number {
    const device = stat.devMajor * 2 ** 32 + stat.devMinor;
    let inodes = this.#devices.get(device);
    if (inodes === undefined) this.#devices.set(device, inodes = new Map());
    const { inoHigh, inoLow } = stat;
    const inode = inoHigh < EXACT_HIGH ? inoHigh * 2 ** 32 + inoLow : `${inoHigh}:${inoLow}`;
    const first = inodes.get(inode);
    // What changed since its first name was listed may be another inode that got the number: it begins anew.
    if (first !== undefined && isSame(list, first, index)) return first;
    inodes.set(inode, index);
    return index;
  }
}

function isSame(list: FileList, a: number, b: number): boolean {
  return list.kind(a) === list.kind(b) && list.size(a) === list.size(b) && list.mode(a) === list.mode(b) &&
    list.uid(a) === list.uid(b) && list.gid(a) === list.gid(b) &&
    list.mtimeSec(a) === list.mtimeSec(b) && list.mtimeNs(a) === list.mtimeNs(b);
}
