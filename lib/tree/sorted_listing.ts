// One folder's names in canonical order (unsigned bytes), for the scan and for the march. Reused from folder to folder.
// Sorting: one 64-bit number for each name, five bytes behind what all names begin with and the position, by the runtime's own sort of
// numbers, which calls no JavaScript; names whose five bytes are the same by the bytes themselves. Where the door to the system holds the
// names, too, it sorts them.

import { compareRanges } from "../base/bytes.ts";
import { type Handle, Listing, type Os } from "../os/os.ts";

/** Positions that fit beside five bytes of a name. */
const POSITION_BITS = 24;
const POSITION_MASK = (1 << POSITION_BITS) - 1;

export class SortedListing {
  readonly listing = new Listing();
  /** Positions in `listing` in canonical order; only the first `count` count. */
  order: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #keys: BigUint64Array<ArrayBuffer> = new BigUint64Array(1024);
  /** The halves of #keys, low and high: both machines are little-endian. */
  #halves: Uint32Array<ArrayBuffer> = new Uint32Array(this.#keys.buffer);

  get count(): number {
    return this.listing.count;
  }

  /** Reads and sorts the folder; 0 or a negated errno (then the listing is empty). */
  read(os: Os, folder: Handle): number {
    const result = os.readFolder(folder, this.listing);
    if (result < 0) {
      this.listing.clear();
      return result;
    }
    this.sort();
    return 0;
  }

  sort(): void {
    const { count, names, at, length } = this.listing;
    this.#reserve(at.length);
    const order = this.order;
    if (this.listing.sorter !== null) return this.listing.sorter.sort(order);
    if (count > POSITION_MASK) {
      for (let i = 0; i < count; i++) order[i] = i;
      return this.#sortByBytes(0, count);
    }
    const halves = this.#halves;
    const skip = this.#commonBytes();
    for (let i = 0; i < count; i++) putKey(halves, i, names, at[i] + skip, length[i] - skip);
    this.#keys.subarray(0, count).sort();
    for (let i = 0; i < count; i++) order[i] = halves[2 * i] & POSITION_MASK;
    for (let first = 0, i = 1; i <= count; i++) {
      const isSame = i < count && halves[2 * i + 1] === halves[2 * first + 1] &&
        (halves[2 * i] ^ halves[2 * first]) >>> POSITION_BITS === 0;
      if (isSame) continue;
      if (i - first > 1) this.#sortByBytes(first, i);
      first = i;
    }
  }

  #reserve(rows: number): void {
    if (this.order.length >= rows) return;
    this.order = new Uint32Array(rows);
    this.#keys = new BigUint64Array(rows);
    this.#halves = new Uint32Array(this.#keys.buffer);
  }

  #sortByBytes(first: number, end: number): void {
    const { names, at, length } = this.listing;
    this.order.subarray(first, end).sort((a, b) => compareRanges(names, at[a], length[a], names, at[b], length[b]));
  }

  /** How many bytes all names begin with. */
  #commonBytes(): number {
    const { count, names, at, length } = this.listing;
    let common = count === 0 ? 0 : length[0];
    for (let i = 1; i < count && common > 0; i++) {
      const from = at[i];
      if (length[i] < common) common = length[i];
      for (let k = 0; k < common; k++) if (names[from + k] !== names[at[0] + k]) common = k;
    }
    return common;
  }

  /** The names in the order in which they were added, instead of sorted. */
  keepOrder(): void {
    const { count, at } = this.listing;
    this.listing.sorter = null;
    this.#reserve(at.length);
    for (let i = 0; i < count; i++) this.order[i] = i;
  }

  /** A view of the name at canonical position `position`. */
  name(position: number): Uint8Array {
    return this.listing.name(this.order[position]);
  }

  kind(position: number): number {
    return this.listing.kind[this.order[position]];
  }
}

/** The first five bytes and the position; shorter names are filled with zeros, which no name holds, so order is kept. */
function putKey(halves: Uint32Array, i: number, names: Uint8Array, at: number, length: number): void {
  let high = 0;
  for (let k = 0; k < 4; k++) high = high << 8 | (k < length ? names[at + k] : 0);
  halves[2 * i + 1] = high;
  halves[2 * i] = (length > 4 ? names[at + 4] : 0) << POSITION_BITS | i;
}
