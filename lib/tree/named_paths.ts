// Paths asked for one by one: the sources of -R and the names of --files-from. Columns, not objects: a million of them is nothing
// out of the way. Filled by lib/tree/named_sources.ts, then sealed: in the order in which a tree is walked (component by component,
// names in canonical order, the folder before what lies in it), each once. Read by the scan, which lists what lies on the way to
// them, and by the target half, which takes nothing else (R4).

import { TsyncError } from "../base/errors.ts";

const SLASH = 0x2f;
const CONTENT = 1;
const DROPPED = 2;
/** All of them, bytes: offsets are 32-bit numbers. */
const MOST_BYTES = 0xf000_0000;

/** Some of the paths, all of which lie below one folder: [lo, hi), the rest of each beginning at byte `at`. */
export interface PathRange {
  lo: number;
  hi: number;
  at: number;
}

export class NamedPaths {
  count = 0;
  #bytes = new Uint8Array(4096);
  #used = 0;
  #at = new Uint32Array(64);
  #length = new Uint16Array(64);
  #origin = new Uint16Array(64);
  #flags = new Uint8Array(64);

  /** Appends the path bytes[from, to), which is clean: empty, or names joined by single "/". `content`: what a folder holds counts. */
  add(bytes: Uint8Array, from: number, to: number, origin: number, content: boolean): void {
    const length = to - from;
    if (this.#used + length > this.#bytes.length) this.#bytes = grown(this.#bytes, this.#used + length);
    const k = this.count++;
    if (k === this.#at.length) this.#grow(2 * k);
    this.#bytes.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#used);
    this.#at[k] = this.#used;
    this.#length[k] = length;
    this.#origin[k] = origin;
    this.#flags[k] = content ? CONTENT : 0;
    this.#used += length;
  }

  /** A view of path k. */
  path(k: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#at[k], this.#at[k] + this.#length[k]);
  }
  /** The source that path k lies in. */
  origin(k: number): number {
    return this.#origin[k];
  }
  setOrigin(k: number, origin: number): void {
    this.#origin[k] = origin;
  }
  /** What the folder at path k holds was asked for, not only the folder: it was written with "/" at its end. */
  content(k: number): boolean {
    return (this.#flags[k] & CONTENT) !== 0;
  }
  /** Path k goes with the next seal(). */
  drop(k: number): void {
    this.#flags[k] |= DROPPED;
  }

  /** Whether all paths of the range lie in one source. */
  isOfOne({ lo, hi }: PathRange): boolean {
    for (let k = lo + 1; k < hi; k++) if (this.#origin[k] !== this.#origin[lo]) return false;
    return true;
  }

  /** All paths: the range of the root. */
  get all(): PathRange {
    return { lo: 0, hi: this.count, at: 0 };
  }

  /** Sorts, leaves out what was dropped and what is there twice. */
  seal(): void {
    const order = new Uint32Array(this.count);
    let kept = 0;
    for (let k = 0; k < this.count; k++) if ((this.#flags[k] & DROPPED) === 0) order[kept++] = k;
    const sorted = order.subarray(0, kept);
    if (!this.#isSorted(sorted)) sorted.sort((a, b) => this.#compare(a, b) || a - b);
    const [at, length, origin, flags] = [this.#at, this.#length, this.#origin, this.#flags];
    this.#at = new Uint32Array(Math.max(kept, 1));
    this.#length = new Uint16Array(Math.max(kept, 1));
    this.#origin = new Uint16Array(Math.max(kept, 1));
    this.#flags = new Uint8Array(Math.max(kept, 1));
    this.count = 0;
    for (const k of sorted) {
      const to = this.count;
      this.#at[to] = at[k];
      this.#length[to] = length[k];
      this.#origin[to] = origin[k];
      this.#flags[to] = flags[k];
      if (to > 0 && this.#compare(to - 1, to) === 0) this.#flags[to - 1] |= flags[k];
      else this.count++;
    }
  }

  /** The first path of the range that goes on below its folder: those before it end there. */
  ended({ lo, hi, at }: PathRange): number {
    let k = lo;
    while (k < hi && this.#length[k] < at + (at === 0 ? 1 : 0)) k++;
    return k;
  }

  /** The paths of a range without ended ones that lead to its child `name` or further. */
  child({ lo, hi, at }: PathRange, name: Uint8Array): PathRange {
    let low = lo;
    let high = hi;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareName(middle, at, name) < 0) low = middle + 1;
      else high = middle;
    }
    const first = low;
    high = hi;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareName(middle, at, name) <= 0) low = middle + 1;
      else high = middle;
    }
    return { lo: first, hi: low, at: at + name.length + 1 };
  }

  /** The sources whose folder around `path` was asked for as a whole. */
  holders(path: Uint8Array, recursive: boolean): Set<number> {
    const found = new Set<number>();
    let range = this.all;
    for (let at = 0;;) {
      const slash = path.indexOf(SLASH, at);
      const end = this.ended(range);
      for (let k = range.lo; k < end; k++) {
        if (recursive || (slash < 0 && this.content(k))) found.add(this.#origin[k]);
      }
      if (slash < 0) return found;
      range = this.child({ ...range, lo: end }, path.subarray(at, slash));
      at = slash + 1;
    }
  }

  /** The name of path k that begins at byte `at`. */
  nameAt(k: number, at: number): Uint8Array<ArrayBuffer> {
    const from = this.#at[k] + at;
    const end = this.#at[k] + this.#length[k];
    let to = from;
    while (to < end && this.#bytes[to] !== SLASH) to++;
    return this.#bytes.subarray(from, to);
  }

  #compareName(k: number, at: number, name: Uint8Array): number {
    const own = this.nameAt(k, at);
    const common = Math.min(own.length, name.length);
    for (let i = 0; i < common; i++) if (own[i] !== name[i]) return own[i] - name[i];
    return own.length - name.length;
  }

  #isSorted(order: Uint32Array): boolean {
    for (let i = 1; i < order.length; i++) if (this.#compare(order[i - 1], order[i]) > 0) return false;
    return true;
  }

  /** By path, "/" before every other byte, then by source. */
  #compare(a: number, b: number): number {
    const bytes = this.#bytes;
    const [aAt, bAt, aLength, bLength] = [this.#at[a], this.#at[b], this.#length[a], this.#length[b]];
    const common = Math.min(aLength, bLength);
    for (let i = 0; i < common; i++) {
      const [x, y] = [bytes[aAt + i], bytes[bAt + i]];
      if (x !== y) return (x === SLASH ? 0 : x) - (y === SLASH ? 0 : y);
    }
    return aLength - bLength || this.#origin[a] - this.#origin[b];
  }

  #grow(room: number): void {
    const more = <Column extends Uint32Array | Uint16Array | Uint8Array>(column: Column, grown: Column): Column => {
      grown.set(column);
      return grown;
    };
    this.#at = more(this.#at, new Uint32Array(room));
    this.#length = more(this.#length, new Uint16Array(room));
    this.#origin = more(this.#origin, new Uint16Array(room));
    this.#flags = more(this.#flags, new Uint8Array(room));
  }
}

function grown(bytes: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  if (needed > MOST_BYTES) {
    throw new TsyncError({ kind: "usage", detail: "the names to transfer are more than 3.7 GiB" });
  }
  const more = new Uint8Array(Math.min(MOST_BYTES, Math.max(needed, 2 * bytes.length)));
  more.set(bytes);
  return more;
}
