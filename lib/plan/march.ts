// The march: lock-step walk of one folder's listed entries against the folder's own names, both in canonical order. It
// keeps its place between pieces of the same folder, so that a folder of any size needs no second list.

import { compareRanges } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";

/** One side's names in order: what lib/tree's SortedListing offers. */
export interface OrderedNames {
  readonly count: number;
  readonly order: Uint32Array;
  readonly listing: { names: Uint8Array; at: Uint32Array; length: Uint8Array };
}

export class March {
  #own: OrderedNames | null = null;
  #position = 0;

  /** Starts on a folder; null = it holds nothing. */
  start(own: OrderedNames | null): void {
    this.#own = own;
    this.#position = 0;
  }

  /** Position of entry i's twin among the own names, or -1. Own names passed over have no twin: `extra` is told their positions. */
  find(list: FileList, i: number, extra: (position: number) => void): number {
    const own = this.#own;
    if (own === null) return -1;
    const name = list.namePiece(i);
    const at = list.nameStart(i);
    const length = list.nameLength(i);
    const { names, at: ownAt, length: ownLength } = own.listing;
    while (this.#position < own.count) {
      const row = own.order[this.#position];
      const difference = compareRanges(names, ownAt[row], ownLength[row], name, at, length);
      if (difference > 0) return -1;
      if (difference === 0) return this.#position++;
      extra(this.#position++);
    }
    return -1;
  }

  /** The first own name that was not found or passed over yet. */
  get position(): number {
    return this.#position;
  }

  /** The next `count` own names are known to be the twins of the next entries. */
  skip(count: number): void {
    this.#position += count;
  }

  /** After the last entry: every own name that is left has no twin. */
  finish(extra: (position: number) => void): void {
    const own = this.#own;
    if (own !== null) { while (this.#position < own.count) extra(this.#position++); }
    this.#own = null;
  }
}
