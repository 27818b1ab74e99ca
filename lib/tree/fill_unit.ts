// A unit of work for `Filler`: some files of one source folder that shall be made in one new folder of ours. It lies in shared
// memory, so that any thread of the process may do it: folders are descriptors, names are bytes, numbers stand in columns.
// Made and read by lib/engine/new_files.ts; `state` says whose it is.

/** Most files of one unit: what two threads can share out evenly, and a fraction of a second even where a disk is slow. */
export const UNIT_FILES = 128;
const NAME_BYTES = 255;

/** Whose the unit is: the thread's that makes units, on offer to both, or the second thread's. */
export const UnitState = { home: 0, ready: 1, taken: 2 } as const;

/** What became of a file. Not done means: nothing of it is there, and the ordinary way will say why. */
export const FileStatus = { notDone: 0, done: 1, noSpace: 2 } as const;

export class FillUnit {
  static readonly BYTES = 64 + UNIT_FILES * (8 + 8 + 7 * 4 + 4 + 256);

  /** One number: UnitState. */
  readonly state: Int32Array;
  readonly #head: Int32Array;
  readonly #size: Float64Array;
  readonly #mtimeSec: Float64Array;
  readonly #mtimeNs: Uint32Array;
  readonly #tag: Uint32Array;
  readonly #mode: Int32Array;
  readonly #uid: Int32Array;
  readonly #gid: Int32Array;
  readonly #nameAt: Uint32Array;
  readonly #nameLength: Uint32Array;
  readonly #status: Uint32Array;
  readonly #names: Uint8Array;
  #namesUsed = 0;
  readonly #own = new Uint8Array(256);

  constructor(memory: SharedArrayBuffer, at: number) {
    let next = at + 64;
    const column = (bytes: number) => (next += UNIT_FILES * bytes) - UNIT_FILES * bytes;
    const u32 = () => new Uint32Array(memory, column(4), UNIT_FILES);
    const i32 = () => new Int32Array(memory, column(4), UNIT_FILES);
    this.state = new Int32Array(memory, at, 1);
    this.#head = new Int32Array(memory, at + 4, 4);
    this.#size = new Float64Array(memory, column(8), UNIT_FILES);
    this.#mtimeSec = new Float64Array(memory, column(8), UNIT_FILES);
    this.#mtimeNs = u32();
    this.#tag = u32();
    this.#mode = i32();
    this.#uid = i32();
    this.#gid = i32();
    this.#nameAt = u32();
    this.#nameLength = u32();
    this.#status = u32();
    this.#names = new Uint8Array(memory, column(256), UNIT_FILES * NAME_BYTES);
  }

  /** Empties the unit: what follows is for these two folders. The one who holds the unit keeps both open until it is done. */
  begin(source: number, target: number, setsTimes: boolean): void {
    this.#head[0] = 0;
    this.#head[1] = source;
    this.#head[2] = target;
    this.#head[3] = setsTimes ? 1 : 0;
    this.#namesUsed = 0;
  }

  get count(): number {
    return this.#head[0];
  }
  get source(): number {
    return this.#head[1];
  }
  get target(): number {
    return this.#head[2];
  }
  get setsTimes(): boolean {
    return this.#head[3] === 1;
  }

  /** Adds a file: its name bytes[from, from + length), what it was listed with, and what it shall have (uid, gid -1: as it is). */
  add(
    bytes: Uint8Array,
    from: number,
    length: number,
    size: number,
    mtimeSec: number,
    mtimeNs: number,
    tag: number,
    mode: number,
    uid: number,
    gid: number,
  ): void {
    const k = this.#head[0]++;
    const at = this.#namesUsed;
    for (let i = 0; i < length; i++) this.#names[at + i] = bytes[from + i];
    this.#namesUsed = at + length;
    this.#nameAt[k] = at;
    this.#nameLength[k] = length;
    this.#size[k] = size;
    this.#mtimeSec[k] = mtimeSec;
    this.#mtimeNs[k] = mtimeNs;
    this.#tag[k] = tag;
    this.#mode[k] = mode;
    this.#uid[k] = uid;
    this.#gid[k] = gid;
    this.#status[k] = FileStatus.notDone;
  }

  /** A view of the name. */
  name(k: number): Uint8Array {
    const length = this.#nameLength[k];
    const at = this.#nameAt[k];
    const name = this.#own;
    const names = this.#names;
    for (let i = 0; i < length; i++) name[i] = names[at + i];
    return name.subarray(0, length);
  }
  size(k: number): number {
    return this.#size[k];
  }
  mtimeSec(k: number): number {
    return this.#mtimeSec[k];
  }
  mtimeNs(k: number): number {
    return this.#mtimeNs[k];
  }
  tag(k: number): number {
    return this.#tag[k];
  }
  mode(k: number): number {
    return this.#mode[k];
  }
  uid(k: number): number {
    return idOf(this.#uid[k]);
  }
  gid(k: number): number {
    return idOf(this.#gid[k]);
  }
  status(k: number): number {
    return this.#status[k];
  }
  setStatus(k: number, status: number): void {
    this.#status[k] = status;
  }
}

/** An id as it was added: -1 or up to 2^32 - 2. */
function idOf(stored: number): number {
  return stored === -1 ? -1 : stored >>> 0;
}
