// What the scan of the target's own tree saw of a folder that turned out to differ: the generator decides its entries by that instead of
// reading the folder and looking at each entry once more. Made by the own tree, in whichever thread it is scanned; used by the generator and
// its own entries. Promises: only of a folder that was read whole, and in which nothing was left out.

import { EntryColumns, type FileList } from "../base/file_list.ts";
import { Kind, type Stat } from "../os/os.ts";
import type { SortedListing } from "../tree/sorted_listing.ts";

/** Entries of the largest folder that is remembered so. */
export const SEEN_ENTRIES = 8192;

/** Entries of folders in canonical order, one folder behind the other: their columns, and their names. It can go from thread to thread. */
export interface SeenRows {
  columns: EntryColumns;
  names: Uint8Array<ArrayBuffer>;
}

/** One folder's share of the rows, and where its names begin. */
export interface SeenRange {
  row: number;
  count: number;
  nameAt: number;
}

/** The entries of a folder in the list of the own tree's scan. */
export interface OwnRange {
  list: FileList;
  first: number;
  count: number;
}

/** Copies what was seen of folders, and tells where each of them is. */
export function seenRows(folders: readonly OwnRange[]): { rows: SeenRows; ranges: SeenRange[] } {
  const sum = (of: (folder: OwnRange) => number) => folders.reduce((total, folder) => total + of(folder), 0);
  const columns = new EntryColumns(sum(({ count }) => count));
  const names = new Uint8Array(sum(({ list, first, count }) => list.nameBytes(first, count)));
  let row = 0;
  let nameAt = 0;
  const ranges = folders.map(({ list, first, count }) => {
    const range = { row, count, nameAt };
    list.copyColumns(first, count, columns, row);
    nameAt = list.copyNames(first, count, names, nameAt);
    row += count;
    return range;
  });
  return { rows: { columns, names }, ranges };
}

export class SeenFolder {
  readonly #rows: SeenRows;
  readonly #range: SeenRange;

  constructor(rows: SeenRows, range: SeenRange) {
    this.#rows = rows;
    this.#range = range;
  }

  static of(folder: OwnRange): SeenFolder {
    const { rows, ranges } = seenRows([folder]);
    return new SeenFolder(rows, ranges[0]);
  }

  /** The names, as if they had been read. */
  list(into: SortedListing): void {
    const { names, columns: { nameLength, mode } } = this.#rows;
    const { row: first, count, nameAt } = this.#range;
    into.listing.clear();
    for (let row = first, at = nameAt; row < first + count; at += nameLength[row++]) {
      into.listing.add(names, at, nameLength[row], (mode[row] >>> 12) as Kind);
    }
    into.keepOrder();
  }

  /** Fills `out` with what is compared of the entry at `position`, if it is a file; false if it is none. */
  file(position: number, out: Stat): boolean {
    const { mode, uid, gid, size, mtimeSec, mtimeNs } = this.#rows.columns;
    const row = this.#range.row + position;
    if (mode[row] >>> 12 !== Kind.file) return false;
    out.kind = Kind.file;
    out.mode = mode[row] & 0o7777;
    out.uid = uid[row];
    out.gid = gid[row];
    out.size = size[row];
    out.mtimeSec = mtimeSec[row];
    out.mtimeNs = mtimeNs[row];
    out.device = Kind.unknown;
    return true;
  }
}
