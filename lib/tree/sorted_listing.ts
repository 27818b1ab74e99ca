// One folder's names in canonical order (unsigned bytes), for the scan and for the march. Reused from folder to folder.
// Sorting: positions ordered by a number made of the first six bytes, ties by the bytes themselves.

import { compareRanges } from "../base/bytes.ts";
import { type Handle, Listing, type Os } from "../os/os.ts";

export class SortedListing {
  readonly listing = new Listing();
  /** Positions in `listing` in canonical order; only the first `count` count. */
  order: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #keys: Float64Array<ArrayBuffer> = new Float64Array(1024);

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
    if (this.order.length < count) {
      this.order = new Uint32Array(this.listing.at.length);
      this.#keys = new Float64Array(this.listing.at.length);
    }
    const keys = this.#keys;
    const order = this.order;
    for (let i = 0; i < count; i++) {
      order[i] = i;
      keys[i] = sortKey(names, at[i], length[i]);
    }
    order.subarray(0, count).sort((a, b) => {
      const difference = keys[a] - keys[b];
      return difference !== 0 ? difference : compareRanges(names, at[a], length[a], names, at[b], length[b]);
    });
  }

  /** The names in the order in which they were added, instead of sorted. */
  keepOrder(): void {
    const { count, at } = this.listing;
    if (this.order.length < count) this.order = new Uint32Array(at.length);
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

/** The first six bytes as one number; shorter names are filled with zeros, which no name holds, so order is kept. */
function sortKey(names: Uint8Array, at: number, length: number): number {
  let high = 0;
  let low = 0;
  for (let k = 0; k < 3; k++) high = high * 256 + (k < length ? names[at + k] : 0);
  for (let k = 3; k < 6; k++) low = low * 256 + (k < length ? names[at + k] : 0);
  return high * 16777216 + low;
}
