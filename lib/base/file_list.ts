// The file list: columns, not objects (DESIGN D4). Numbers stand in typed arrays of fixed chunks (growing one big array
// would keep the old one alive), name bytes in an arena of 1 MiB pieces. About 43 bytes per entry plus its name.
//
// Order: entry 0 is the root; the children of one folder are contiguous and in canonical order (unsigned bytes of the
// name), and stand behind the folder itself. An index is a position in the list and is the same on both sides.

import type { AttributeSets } from "./attributes.ts";
import { assert } from "./errors.ts";
import { EMPTY } from "./bytes.ts";

const SHIFT = 16;
const CHUNK = 1 << SHIFT;
const MASK = CHUNK - 1;
const PIECE_SHIFT = 20;
const PIECE = 1 << PIECE_SHIFT;

class Columns {
  readonly nameAt = new Uint32Array(CHUNK);
  readonly nameLength = new Uint8Array(CHUNK);
  readonly mode = new Uint16Array(CHUNK);
  readonly uid = new Uint32Array(CHUNK);
  readonly gid = new Uint32Array(CHUNK);
  readonly size = new Float64Array(CHUNK);
  readonly mtimeSec = new Float64Array(CHUNK);
  readonly mtimeNs = new Uint32Array(CHUNK);
  readonly parent = new Uint32Array(CHUNK);
  readonly tag = new Uint32Array(CHUNK);
  /** 16 bytes each, only with -c. */
  digest: Uint8Array | null = null;
  /** Index of the source argument, only with several. */
  origin: Uint16Array | null = null;
  /** Index + 1 of the first of the entries that are names of one inode, only with -H. */
  first: Uint32Array | null = null;
  /** What is told of extended attributes, only with -A and -X. */
  attributes: Uint32Array | null = null;
  /** Access times, only with -U. */
  atimeSec: Float64Array | null = null;
  atimeNs: Uint32Array | null = null;
}

/** Columns of some entries of one list, row by row, for loops over many entries. */
export interface EntryColumns {
  readonly nameLength: Uint8Array<ArrayBuffer>;
  /** kind << 12 | permission bits. */
  readonly mode: Uint16Array<ArrayBuffer>;
  readonly uid: Uint32Array<ArrayBuffer>;
  readonly gid: Uint32Array<ArrayBuffer>;
  readonly size: Float64Array<ArrayBuffer>;
  readonly mtimeSec: Float64Array<ArrayBuffer>;
  readonly mtimeNs: Uint32Array<ArrayBuffer>;
  readonly tag: Uint32Array<ArrayBuffer>;
}

/** Room for so many rows. */
export function entryColumns(rows: number): EntryColumns {
  return {
    nameLength: new Uint8Array(rows),
    mode: new Uint16Array(rows),
    uid: new Uint32Array(rows),
    gid: new Uint32Array(rows),
    size: new Float64Array(rows),
    mtimeSec: new Float64Array(rows),
    mtimeNs: new Uint32Array(rows),
    tag: new Uint32Array(rows),
  };
}

/** A device number as the size column of a device holds it, and back. */
export function deviceNumber(major: number, minor: number): number {
  return major * 4294967296 + minor;
}
export function deviceMajor(device: number): number {
  return Math.floor(device / 4294967296);
}
export function deviceMinor(device: number): number {
  return device % 4294967296;
}

export class FileList {
  count = 0;
  /** The distinct sets of extended attributes that entries have; made by who lists them. */
  sets: AttributeSets | null = null;
  #chunks: Columns[] = [];
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #pieceUsed = PIECE;

  /** Takes what `other` holds, which is empty then; the sets of attributes are both's. */
  takeOver(other: FileList): void {
    assert(this.count === 0, "only an empty list takes another's entries over");
    this.sets = other.sets;
    this.count = other.count;
    this.#chunks = other.#chunks;
    this.#pieces = other.#pieces;
    this.#pieceUsed = other.#pieceUsed;
    other.count = 0;
    other.#chunks = [];
    other.#pieces = [];
    other.#pieceUsed = PIECE;
  }

  /** Appends a copy of entry i of `other` as a child of `parent`, and returns its index. What other entries or sets count is the caller's to tell. */
  addCopy(other: FileList, i: number, parent: number): number {
    const c = other.#chunks[i >>> SHIFT];
    const row = i & MASK;
    const piece = other.namePiece(i);
    const target = c.mode[row] >>> 12 === 10 ? other.linkTarget(i) : null;
    const { mode, uid, gid, size, mtimeSec, mtimeNs, tag } = c;
    const index = this.add(
      piece,
      other.nameStart(i),
      c.nameLength[row],
      parent,
      mode[row],
      uid[row],
      gid[row],
      size[row],
      mtimeSec[row],
      mtimeNs[row],
      tag[row],
      target,
    );
    this.setOrigin(index, other.origin(i));
    if (c.atimeSec !== null) this.setAtime(index, c.atimeSec[row], c.atimeNs![row]);
    return index;
  }

  /**
   * Appends an entry and returns its index. `mode` holds kind << 12 | permission bits; `size` is bytes of a file, length
   * of a link's target, or deviceNumber. For a link `target` holds its text, stored behind the name.
   */
  add(
    name: Uint8Array,
    from: number,
    length: number,
    parent: number,
    mode: number,
    uid: number,
    gid: number,
    size: number,
    mtimeSec: number,
    mtimeNs: number,
    tag: number,
    target: Uint8Array | null,
  ): number {
    const index = this.count;
    const row = index & MASK;
    if (row === 0 && index >>> SHIFT === this.#chunks.length) this.#chunks.push(new Columns());
    const c = this.#chunks[index >>> SHIFT];
    c.nameAt[row] = this.#addName(name, from, length, target);
    c.nameLength[row] = length;
    c.mode[row] = mode;
    c.uid[row] = uid;
    c.gid[row] = gid;
    c.size[row] = size;
    c.mtimeSec[row] = mtimeSec;
    c.mtimeNs[row] = mtimeNs;
    c.parent[row] = parent;
    c.tag[row] = tag;
    this.count = index + 1;
    return index;
  }

  /** Where in all pieces the name now stands. */
  #addName(name: Uint8Array, from: number, length: number, target: Uint8Array | null): number {
    const room = length + (target === null ? 0 : target.length);
    this.#reserve(room);
    const piece = this.#pieces[this.#pieces.length - 1];
    const at = this.#pieceUsed;
    for (let i = 0; i < length; i++) piece[at + i] = name[from + i];
    if (target !== null) piece.set(target, at + length);
    this.#pieceUsed = at + room;
    return ((this.#pieces.length - 1) * PIECE + at) >>> 0;
  }

  /** The same for names that stand one behind another, all in one piece. */
  #addNames(names: Uint8Array): number {
    this.#reserve(names.length);
    const at = this.#pieceUsed;
    this.#pieces[this.#pieces.length - 1].set(names, at);
    this.#pieceUsed = at + names.length;
    return ((this.#pieces.length - 1) * PIECE + at) >>> 0;
  }

  /** Sees to it that so many bytes fit the last piece. */
  #reserve(bytes: number): void {
    if (this.#pieceUsed + bytes <= PIECE) return;
    this.#pieces.push(new Uint8Array(PIECE));
    assert(this.#pieces.length <= 4096, "the names of one list fit 4 GiB");
    this.#pieceUsed = 0;
  }

  /**
   * Appends `count` entries that are no links, as children of `parent`: what the first rows of `columns` say, with their names, of at most
   * 1 MiB together, one behind another. Returns the index of the first.
   */
  addRows(columns: EntryColumns, count: number, parent: number, names: Uint8Array): number {
    let nameAt = this.#addNames(names);
    const index = this.count;
    for (let done = 0; done < count;) {
      const row = (index + done) & MASK;
      const some = Math.min(count - done, CHUNK - row);
      if (row === 0 && (index + done) >>> SHIFT === this.#chunks.length) this.#chunks.push(new Columns());
      const c = this.#chunks[(index + done) >>> SHIFT];
      c.nameLength.set(columns.nameLength.subarray(done, done + some), row);
      c.mode.set(columns.mode.subarray(done, done + some), row);
      c.uid.set(columns.uid.subarray(done, done + some), row);
      c.gid.set(columns.gid.subarray(done, done + some), row);
      c.size.set(columns.size.subarray(done, done + some), row);
      c.mtimeSec.set(columns.mtimeSec.subarray(done, done + some), row);
      c.mtimeNs.set(columns.mtimeNs.subarray(done, done + some), row);
      c.tag.set(columns.tag.subarray(done, done + some), row);
      c.parent.fill(parent, row, row + some);
      const { nameAt: starts, nameLength } = c;
      for (let at = row; at < row + some; at++) {
        starts[at] = nameAt;
        nameAt += nameLength[at];
      }
      done += some;
    }
    this.count = index + count;
    return index;
  }

  /** Copies what the list says of entries [first, first + count) to the rows of `into` from `at` on. */
  copyColumns(first: number, count: number, into: EntryColumns, at = 0): void {
    for (let done = 0; done < count;) {
      const c = this.#chunks[(first + done) >>> SHIFT];
      const row = (first + done) & MASK;
      const end = Math.min(row + count - done, CHUNK);
      const to = at + done;
      into.nameLength.set(c.nameLength.subarray(row, end), to);
      into.mode.set(c.mode.subarray(row, end), to);
      into.uid.set(c.uid.subarray(row, end), to);
      into.gid.set(c.gid.subarray(row, end), to);
      into.size.set(c.size.subarray(row, end), to);
      into.mtimeSec.set(c.mtimeSec.subarray(row, end), to);
      into.mtimeNs.set(c.mtimeNs.subarray(row, end), to);
      into.tag.set(c.tag.subarray(row, end), to);
      done += end - row;
    }
  }

  /** Copies the names of entries [first, first + count), one behind another, to `into` from `at` on; returns where they end. */
  copyNames(first: number, count: number, into: Uint8Array, at: number): number {
    for (let i = first; i < first + count;) {
      const { nameAt, nameLength } = this.#chunks[i >>> SHIFT];
      let row = i & MASK;
      const end = Math.min(row + first + count - i, CHUNK);
      i += end - row;
      // Names lie one behind another, but where a link's target or the end of a piece is between them.
      while (row < end) {
        const start = nameAt[row];
        let stop = start + nameLength[row++];
        for (; row < end && nameAt[row] === stop && (stop & (PIECE - 1)) !== 0; row++) stop += nameLength[row];
        const from = start & (PIECE - 1);
        into.set(this.#pieces[start >>> PIECE_SHIFT].subarray(from, from + stop - start), at);
        at += stop - start;
      }
    }
    return at;
  }

  /** Bytes of the names of entries [first, first + count). */
  nameBytes(first: number, count: number): number {
    let bytes = 0;
    for (let i = first; i < first + count;) {
      const { nameLength } = this.#chunks[i >>> SHIFT];
      const row = i & MASK;
      const end = Math.min(row + first + count - i, CHUNK);
      for (let at = row; at < end; at++) bytes += nameLength[at];
      i += end - row;
    }
    return bytes;
  }

  /** Whether nothing is told of entries [first, first + count), of which there is one, but what EntryColumns holds, their names and parents. */
  isBare(first: number, count: number): boolean {
    return this.sets === null && [first, first + count - 1].every((i) => {
      const { digest, origin, first, attributes, atimeSec } = this.#chunks[i >>> SHIFT];
      return digest === null && origin === null && first === null && attributes === null && atimeSec === null;
    });
  }

  /** Those of the entries [first, first + count) that are of a kind. */
  ofKind(kind: number, first: number, count: number): number[] {
    const found: number[] = [];
    for (let i = first; i < first + count;) {
      const { mode } = this.#chunks[i >>> SHIFT];
      const row = i & MASK;
      const end = Math.min(row + first + count - i, CHUNK);
      for (let at = row; at < end; at++) if (mode[at] >>> 12 === kind) found.push(i - row + at);
      i += end - row;
    }
    return found;
  }

  kind(i: number): number {
    return this.#chunks[i >>> SHIFT].mode[i & MASK] >>> 12;
  }
  /** Permission bits, 0o7777. */
  mode(i: number): number {
    return this.#chunks[i >>> SHIFT].mode[i & MASK] & 0o7777;
  }
  uid(i: number): number {
    return this.#chunks[i >>> SHIFT].uid[i & MASK];
  }
  gid(i: number): number {
    return this.#chunks[i >>> SHIFT].gid[i & MASK];
  }
  size(i: number): number {
    return this.#chunks[i >>> SHIFT].size[i & MASK];
  }
  mtimeSec(i: number): number {
    return this.#chunks[i >>> SHIFT].mtimeSec[i & MASK];
  }
  mtimeNs(i: number): number {
    return this.#chunks[i >>> SHIFT].mtimeNs[i & MASK];
  }
  /** Index of the folder that holds the entry; the root is its own parent. */
  parent(i: number): number {
    return this.#chunks[i >>> SHIFT].parent[i & MASK];
  }
  /** The source's identity tag (inode and change time folded), 0 elsewhere. */
  tag(i: number): number {
    return this.#chunks[i >>> SHIFT].tag[i & MASK];
  }
  nameLength(i: number): number {
    return this.#chunks[i >>> SHIFT].nameLength[i & MASK];
  }

  /** The arena piece that holds the name, and where in it the name starts: for loops that must not allocate. */
  namePiece(i: number): Uint8Array<ArrayBuffer> {
    return this.#pieces[this.#chunks[i >>> SHIFT].nameAt[i & MASK] >>> PIECE_SHIFT];
  }
  nameStart(i: number): number {
    return this.#chunks[i >>> SHIFT].nameAt[i & MASK] & (PIECE - 1);
  }

  /** A view of the name. */
  name(i: number): Uint8Array<ArrayBuffer> {
    const at = this.nameStart(i);
    return this.namePiece(i).subarray(at, at + this.nameLength(i));
  }

  /** A view of a link's target; empty for other kinds. */
  linkTarget(i: number): Uint8Array {
    if (this.kind(i) !== 10) return EMPTY;
    const at = this.nameStart(i) + this.nameLength(i);
    return this.namePiece(i).subarray(at, at + this.size(i));
  }

  /** The path below the root, components joined by "/"; empty for the root. */
  path(i: number): Uint8Array<ArrayBuffer> {
    let length = 0;
    for (let at = i; at !== 0; at = this.parent(at)) length += this.nameLength(at) + 1;
    if (length === 0) return new Uint8Array(0);
    const path = new Uint8Array(length - 1);
    let end = length - 1;
    for (let at = i; at !== 0; at = this.parent(at)) {
      const n = this.nameLength(at);
      path.set(this.name(at), end - n);
      end -= n + 1;
      if (end >= 0) path[end] = 0x2f;
    }
    return path;
  }

  /** Folders between the root and the entry. */
  depth(i: number): number {
    let depth = 0;
    for (let at = i; at !== 0; at = this.parent(at)) depth++;
    return depth;
  }

  setStat(i: number, mode: number, size: number, mtimeSec: number, mtimeNs: number, tag: number): void {
    const c = this.#chunks[i >>> SHIFT];
    const row = i & MASK;
    c.mode[row] = mode;
    c.size[row] = size;
    c.mtimeSec[row] = mtimeSec;
    c.mtimeNs[row] = mtimeNs;
    c.tag[row] = tag;
  }

  /** Other permission bits, 0o7777. */
  setMode(i: number, mode: number): void {
    const c = this.#chunks[i >>> SHIFT];
    c.mode[i & MASK] = c.mode[i & MASK] & 0xf000 | mode;
  }

  /** Size and time as found when a changed file was read again. */
  setContent(i: number, size: number, mtimeSec: number, mtimeNs: number): void {
    const c = this.#chunks[i >>> SHIFT];
    const row = i & MASK;
    c.size[row] = size;
    c.mtimeSec[row] = mtimeSec;
    c.mtimeNs[row] = mtimeNs;
  }

  /** The content digest (16 bytes) of -c; null if none was set. */
  digest(i: number): Uint8Array | null {
    const column = this.#chunks[i >>> SHIFT].digest;
    return column === null ? null : column.subarray((i & MASK) * 16, (i & MASK) * 16 + 16);
  }
  setDigest(i: number, digest: Uint8Array): void {
    const c = this.#chunks[i >>> SHIFT];
    c.digest ??= new Uint8Array(CHUNK * 16);
    c.digest.set(digest, (i & MASK) * 16);
  }

  /** With -H: the first entry of those that are names of one inode, which may be i itself; -1: i has no other name. */
  firstName(i: number): number {
    const column = this.#chunks[i >>> SHIFT].first;
    return column === null ? -1 : column[i & MASK] - 1;
  }
  setFirstName(i: number, first: number): void {
    const c = this.#chunks[i >>> SHIFT];
    c.first ??= new Uint32Array(CHUNK);
    c.first[i & MASK] = first + 1;
  }

  /** With -A or -X: Told.unknown, Told.none, or FIRST_SET and the number of a set. */
  attributes(i: number): number {
    const column = this.#chunks[i >>> SHIFT].attributes;
    return column === null ? 0 : column[i & MASK];
  }
  setAttributes(i: number, told: number): void {
    const c = this.#chunks[i >>> SHIFT];
    c.attributes ??= new Uint32Array(CHUNK);
    c.attributes[i & MASK] = told;
  }

  /** With -U: the access time; 0 for folders, which keep theirs. */
  atimeSec(i: number): number {
    return this.#chunks[i >>> SHIFT].atimeSec?.[i & MASK] ?? 0;
  }
  atimeNs(i: number): number {
    return this.#chunks[i >>> SHIFT].atimeNs?.[i & MASK] ?? 0;
  }
  setAtime(i: number, sec: number, ns: number): void {
    const c = this.#chunks[i >>> SHIFT];
    (c.atimeSec ??= new Float64Array(CHUNK))[i & MASK] = sec;
    (c.atimeNs ??= new Uint32Array(CHUNK))[i & MASK] = ns;
  }

  /** Which source argument the entry came from. */
  origin(i: number): number {
    const column = this.#chunks[i >>> SHIFT].origin;
    return column === null ? 0 : column[i & MASK];
  }
  setOrigin(i: number, origin: number): void {
    if (origin === 0) return;
    const c = this.#chunks[i >>> SHIFT];
    c.origin ??= new Uint16Array(CHUNK);
    c.origin[i & MASK] = origin;
  }
}
