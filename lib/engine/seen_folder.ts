// What the scan of the target's own tree saw of a folder that turned out to differ: the generator decides its entries by that instead of
// reading the folder and looking at each entry once more. Made by the own tree, in whichever thread it is scanned; used by the generator and
// its own entries. Promises: only of a folder that was read whole, and in which nothing was left out.

import { EntryColumns, type FileList } from "../base/file_list.ts";
import { Kind, type Stat } from "../os/os.ts";
import type { SortedListing } from "../tree/sorted_listing.ts";

/** Entries of the largest folder that is remembered so. */
export const SEEN_ENTRIES = 8192;

/** The entries of one folder in canonical order: their names one behind another, and their columns. It can go from thread to thread. */
export interface SeenEntries {
  count: number;
  names: Uint8Array<ArrayBuffer>;
  columns: EntryColumns;
}

/** Of entries [first, first + count) of a list. */
export function seenEntries(list: FileList, first: number, count: number): SeenEntries {
  const columns = new EntryColumns(count);
  list.copyColumns(first, count, columns);
  const bytes = columns.nameLength.reduce((sum, length) => sum + length, 0);
  const names = new Uint8Array(bytes);
  list.copyNames(first, count, names, 0);
  return { count, names, columns };
}

export class SeenFolder {
  readonly #entries: SeenEntries;

  constructor(entries: SeenEntries) {
    this.#entries = entries;
  }

  /** The names, as if they had been read. */
  list(into: SortedListing): void {
    const { count, names, columns: { nameLength, mode } } = this.#entries;
    into.listing.clear();
    for (let i = 0, at = 0; i < count; at += nameLength[i++]) {
      into.listing.add(names, at, nameLength[i], (mode[i] >>> 12) as Kind);
    }
    into.keepOrder();
  }

  /** Fills `out` with what is compared of the entry at `position`, if it is a file; false if it is none. */
  file(position: number, out: Stat): boolean {
    const { mode, uid, gid, size, mtimeSec, mtimeNs } = this.#entries.columns;
    if (mode[position] >>> 12 !== Kind.file) return false;
    out.kind = Kind.file;
    out.mode = mode[position] & 0o7777;
    out.uid = uid[position];
    out.gid = gid[position];
    out.size = size[position];
    out.mtimeSec = mtimeSec[position];
    out.mtimeNs = mtimeNs[position];
    out.device = Kind.unknown;
    return true;
  }
}
