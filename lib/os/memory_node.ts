// The entries of the in-memory tree: file content in pages (holes cost nothing), folders, space accounting, copies for
// snapshots. Called by memory.ts only.

import { Kind, type Stat } from "./os.ts";

export const PAGE_BYTES = 4096;

/** What the tree may still use; shared by all its nodes. */
export interface Space {
  freePages: number;
  freeInodes: number;
}

export interface Child {
  name: Uint8Array;
  node: Node;
}

export class Node {
  mode = 0;
  uid = 0;
  gid = 0;
  size = 0;
  mtimeSec = 0;
  mtimeNs = 0;
  /** Set by setAccessTime alone: reading does not renew it. */
  atimeSec = 0;
  atimeNs = 0;
  ctimeSec = 0;
  ctimeNs = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  /** Folders' entries that name it. */
  names = 0;
  /** Handles that hold it. */
  held = 0;
  /** Of a folder; the key is the name as the tree compares names. */
  children: Map<string, Child> = new Map();
  parent: Node | null = null;
  /** Of a link. */
  target: Uint8Array = new Uint8Array(0);
  /** Of a file: page number -> content. */
  pages: Map<number, Uint8Array> = new Map();
  /** Of a file: its content is on the disk, whatever happens. */
  isFlushed = false;
  /** Where it is not: how much of its beginning is. */
  flushedBytes = 0;
  /** Extended attributes by name, as latin1. */
  attributes: Map<string, Uint8Array> = new Map();
  /** Locks by handle: true = exclusive. */
  locks: Map<number, boolean> = new Map();
  #sorted: number[] | null = null;

  constructor(readonly kind: Kind, readonly inode: number) {}

  /** False once no folder names it. */
  get linked(): boolean {
    return this.names > 0;
  }

  into(out: Stat): void {
    let nlink = this.names;
    if (this.kind === Kind.folder && this.linked) {
      nlink = 2;
      for (const child of this.children.values()) if (child.node.kind === Kind.folder) nlink++;
    }
    out.kind = this.kind;
    out.mode = this.mode;
    out.nlink = nlink;
    out.uid = this.uid;
    out.gid = this.gid;
    out.size = this.kind === Kind.link ? this.target.length : this.kind === Kind.folder ? PAGE_BYTES : this.size;
    out.allocated = this.pages.size * PAGE_BYTES;
    out.mtimeSec = this.mtimeSec;
    out.mtimeNs = this.mtimeNs;
    out.atimeSec = this.atimeSec;
    out.atimeNs = this.atimeNs;
    out.ctimeSec = this.ctimeSec;
    out.ctimeNs = this.ctimeNs;
    out.inoLow = this.inode >>> 0;
    out.inoHigh = Math.floor(this.inode / 2 ** 32);
    out.devMajor = 0;
    out.devMinor = 77;
    out.rdevMajor = this.rdevMajor;
    out.rdevMinor = this.rdevMinor;
  }

  /** True if this folder is `other` or above it. */
  contains(other: Node): boolean {
    for (let node: Node | null = other; node !== null; node = node.parent) if (node === this) return true;
    return false;
  }

  /** Copies the content from `offset` into `into`; returns the bytes copied. */
  readAt(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.size - offset));
    for (let done = 0; done < count;) {
      const at = offset + done;
      const inPage = at % PAGE_BYTES;
      const step = Math.min(PAGE_BYTES - inPage, count - done);
      const page = this.pages.get(Math.floor(at / PAGE_BYTES));
      if (page === undefined) into.fill(0, done, done + step);
      else into.set(page.subarray(inPage, inPage + step), done);
      done += step;
    }
    return count;
  }

  /** Writes what the space allows; returns the bytes written. */
  writeAt(bytes: Uint8Array, offset: number, space: Space): number {
    this.soil(offset);
    for (let done = 0; done < bytes.length;) {
      const at = offset + done;
      const number = Math.floor(at / PAGE_BYTES);
      let page = this.pages.get(number);
      if (page === undefined) {
        if (space.freePages === 0) return done;
        space.freePages--;
        page = new Uint8Array(PAGE_BYTES);
        this.pages.set(number, page);
        this.#sorted = null;
      }
      const inPage = at % PAGE_BYTES;
      const step = Math.min(PAGE_BYTES - inPage, bytes.length - done);
      page.set(bytes.subarray(done, done + step), inPage);
      done += step;
      this.size = Math.max(this.size, at + step);
    }
    return bytes.length;
  }

  truncate(size: number, space: Space): void {
    this.soil(Math.min(size, this.size));
    if (size < this.size) this.clear(size, Math.ceil(this.size / PAGE_BYTES) * PAGE_BYTES, space);
    this.size = size;
  }

  /** From `offset` on it is not on the disk. */
  soil(offset: number): void {
    this.flushedBytes = Math.min(this.isFlushed ? this.size : this.flushedBytes, offset);
    this.isFlushed = false;
  }

  /** What the power took with it of what was not flushed: all (0), the content but not the size (1), or all but the beginning (2). */
  lose(how: number, space: Space): void {
    const from = this.flushedBytes;
    if (how === 1) this.clear(from, Math.ceil(this.size / PAGE_BYTES) * PAGE_BYTES, space);
    else this.truncate(how === 0 ? from : Math.max(from, Math.floor(this.size / 2)), space);
  }

  /** Makes [from, to) zeros, freeing whole pages. */
  clear(from: number, to: number, space: Space): void {
    for (const number of [...this.pages.keys()]) {
      const start = number * PAGE_BYTES;
      const [first, last] = [Math.max(start, from), Math.min(start + PAGE_BYTES, to)];
      if (first >= last) continue;
      if (last - first === PAGE_BYTES) {
        this.pages.delete(number);
        space.freePages++;
      } else this.pages.get(number)!.fill(0, first - start, last - start);
    }
    this.#sorted = null;
  }

  /** First offset >= from with data, or -1. */
  dataFrom(from: number): number {
    const sorted = this.#sorted ??= [...this.pages.keys()].sort((a, b) => a - b);
    const wanted = Math.floor(from / PAGE_BYTES);
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    if (low === sorted.length) return -1;
    const found = Math.max(from, sorted[low] * PAGE_BYTES);
    return found < this.size ? found : -1;
  }

  /** First hole at or after from; the end counts as one. */
  holeFrom(from: number): number {
    let number = Math.floor(from / PAGE_BYTES);
    if (!this.pages.has(number)) return from;
    while (this.pages.has(number)) number++;
    return Math.min(number * PAGE_BYTES, this.size);
  }

  /** Takes over another file's content, page by page. */
  cloneFrom(from: Node, space: Space): boolean {
    if (space.freePages + this.pages.size < from.pages.size) return false;
    space.freePages += this.pages.size - from.pages.size;
    this.soil(0);
    this.pages = new Map([...from.pages].map(([number, page]) => [number, page.slice()]));
    this.size = from.size;
    this.#sorted = null;
    return true;
  }

  /** A copy of this entry and all below it, held by nobody. */
  copy(parent: Node | null = null, copies: Map<Node, Node> = new Map()): Node {
    const known = copies.get(this);
    if (known !== undefined) return known;
    const copy = new Node(this.kind, this.inode);
    copies.set(this, copy);
    copy.names = this.names;
    copy.attributes = new Map(this.attributes);
    copy.mode = this.mode;
    copy.uid = this.uid;
    copy.gid = this.gid;
    copy.size = this.size;
    copy.mtimeSec = this.mtimeSec;
    copy.mtimeNs = this.mtimeNs;
    copy.atimeSec = this.atimeSec;
    copy.atimeNs = this.atimeNs;
    copy.ctimeSec = this.ctimeSec;
    copy.ctimeNs = this.ctimeNs;
    copy.rdevMajor = this.rdevMajor;
    copy.rdevMinor = this.rdevMinor;
    copy.target = this.target;
    copy.isFlushed = this.isFlushed;
    copy.flushedBytes = this.flushedBytes;
    copy.parent = parent;
    for (const [number, page] of this.pages) copy.pages.set(number, page.slice());
    for (const [key, child] of this.children) {
      copy.children.set(key, { name: child.name, node: child.node.copy(copy, copies) });
    }
    return copy;
  }
}
