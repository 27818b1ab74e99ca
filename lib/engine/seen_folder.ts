// What the scan of the target's own tree saw of a folder that turned out to differ: the generator decides its entries by that instead of
// reading the folder and looking at each entry once more. Made by the own tree, in whichever thread it is scanned; used by the generator and
// its own entries. Promises: only of a folder that was read whole, and in which nothing was left out.

import { type EntryColumns, entryColumns, type FileList } from "../base/file_list.ts";
import { Kind, type Stat } from "../os/os.ts";
import type { SortedListing } from "../tree/sorted_listing.ts";

/** Entries of the largest folder that is remembered so. */
export const SEEN_ENTRIES = 8192;

/** What was seen of one folder, wherever it is kept; its entries are in canonical order. */
export interface SeenFolder {
  readonly told: ToldFolder;
}

/** A folder in the list of the scan. */
export class ListedFolder implements SeenFolder {
  constructor(readonly owner: FileList, readonly first: number, readonly count: number) {}

  /** A copy of its rows. */
  get told(): ToldFolder {
    const { rows, ranges } = seenRows([this]);
    return new ToldFolder(rows, ranges[0]);
  }
}

/** Entries of folders, one folder behind the other: their columns, and their names. It can go from thread to thread. */
export interface SeenRows {
  columns: EntryColumns;
  names: Uint8Array<ArrayBuffer>;
}

/** The memory of rows. */
export function buffersOf({ columns, names }: SeenRows): ArrayBuffer[] {
  const { nameLength, mode, uid, gid, size, mtimeSec, mtimeNs, tag } = columns;
  return [nameLength, mode, uid, gid, size, mtimeSec, mtimeNs, tag, names].map(({ buffer }) => buffer);
}

/** One folder's share of the rows, and where its names begin. */
export interface SeenRange {
  row: number;
  count: number;
  nameAt: number;
}

/** Copies what was seen of folders, and tells where each of them is. */
export function seenRows(folders: readonly ListedFolder[]): { rows: SeenRows; ranges: SeenRange[] } {
  const sum = (of: (folder: ListedFolder) => number) => folders.reduce((total, folder) => total + of(folder), 0);
  const columns = entryColumns(sum(({ count }) => count));
  const names = new Uint8Array(sum(({ owner, first, count }) => owner.nameBytes(first, count)));
  let row = 0;
  let nameAt = 0;
  const ranges = folders.map(({ owner, first, count }) => {
    const range = { row, count, nameAt };
    owner.copyColumns(first, count, columns, row);
    nameAt = owner.copyNames(first, count, names, nameAt);
    row += count;
    return range;
  });
  return { rows: { columns, names }, ranges };
}

/** A folder of which rows tell, this thread's or another's. */
export class ToldFolder implements SeenFolder {
  /** A position, and where its name begins. */
  #position = 0;
  #nameAt: number;

  constructor(readonly rows: SeenRows, readonly range: SeenRange) {
    this.#nameAt = range.nameAt;
  }

  get told(): this {
    return this;
  }

  /** Where in the names that of `position` begins; quick where positions grow. */
  nameStart(position: number): number {
    const { columns: { nameLength } } = this.rows;
    const { row, nameAt } = this.range;
    if (position < this.#position) {
      this.#position = 0;
      this.#nameAt = nameAt;
    }
    while (this.#position < position) this.#nameAt += nameLength[row + this.#position++];
    return this.#nameAt;
  }

  /** The names, as if they had been read. */
  list(into: SortedListing): void {
    const { names, columns: { nameLength, mode } } = this.rows;
    const { row, count, nameAt } = this.range;
    into.listing.setRows(names, nameAt, nameLength.subarray(row, row + count), mode.subarray(row, row + count));
    into.keepOrder();
  }

  /** Fills `out` with what is compared of the entry at `position`, if it is a file; false if it is none. */
  file(position: number, out: Stat): boolean {
    const { mode, uid, gid, size, mtimeSec, mtimeNs } = this.rows.columns;
    const row = this.range.row + position;
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
