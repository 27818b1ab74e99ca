// A folder's names and what statx says of them, parsed, sorted and put into columns by WebAssembly (kernels/assembly/folder.ts): a run over
// a hundred thousand entries is over before such loops in JavaScript are optimised. Used by linux.ts; lib/tree sorts by it what it read.
// Promises: the same as takeDirents, StatxBuffer and an order by unsigned bytes say; a folder that is too large for its fixed memory of
// 2 MiB is left to them.

import type { EntryColumns } from "../base/file_list.ts";
import { WASM_BASE64 } from "./kernels/folder_wasm.ts";
import type { Listing, ManySeen } from "./os.ts";

/** The exports of the module. Addresses and lengths in bytes. */
interface Kernel {
  memory: WebAssembly.Memory;
  MANY: WebAssembly.Global;
  DIRENTS: WebAssembly.Global;
  DIRENTS_BYTES: WebAssembly.Global;
  NAMES: WebAssembly.Global;
  AT: WebAssembly.Global;
  LENGTH: WebAssembly.Global;
  KIND: WebAssembly.Global;
  ORDER: WebAssembly.Global;
  NAME: WebAssembly.Global;
  STATX: WebAssembly.Global;
  SEEN_NAMES: WebAssembly.Global;
  NAME_LENGTH: WebAssembly.Global;
  MODE: WebAssembly.Global;
  UID: WebAssembly.Global;
  GID: WebAssembly.Global;
  SIZE: WebAssembly.Global;
  MTIME_SEC: WebAssembly.Global;
  MTIME_NS: WebAssembly.Global;
  TAG: WebAssembly.Global;
  SUMS: WebAssembly.Global;
  clear(): void;
  names(): number;
  nameBytes(): number;
  take(filled: number): number;
  sort(): void;
  begin(from: number, most: number): number;
  step(): number;
  rows(): number;
  seenNameBytes(): number;
}

const NAME_BYTES = 256;

export class FolderKernel {
  /** Where getdents64 writes to. */
  readonly dirents: Uint8Array<ArrayBuffer>;
  /** The name that is to be looked at, with its NUL, and where statx writes to. */
  readonly name: Uint8Array<ArrayBuffer>;
  readonly statx: Uint8Array<ArrayBuffer>;
  readonly #kernel: Kernel;
  readonly #seen: ManySeen;
  readonly #sums: Float64Array<ArrayBuffer>;
  /** Whose names these are. */
  #held: Listing | null = null;

  constructor() {
    const module = new WebAssembly.Module(Uint8Array.fromBase64(WASM_BASE64));
    const kernel = new WebAssembly.Instance(module).exports as unknown as Kernel;
    this.#kernel = kernel;
    const many = kernel.MANY.value;
    const bytes = (at: WebAssembly.Global, count: number) => new Uint8Array(this.#memory, at.value, count);
    this.dirents = bytes(kernel.DIRENTS, kernel.DIRENTS_BYTES.value);
    this.name = bytes(kernel.NAME, NAME_BYTES);
    this.statx = bytes(kernel.STATX, NAME_BYTES);
    this.#sums = new Float64Array(this.#memory, kernel.SUMS.value, 2);
    const columns: EntryColumns = {
      nameLength: bytes(kernel.NAME_LENGTH, many),
      mode: new Uint16Array(this.#memory, kernel.MODE.value, many),
      uid: new Uint32Array(this.#memory, kernel.UID.value, many),
      gid: new Uint32Array(this.#memory, kernel.GID.value, many),
      size: new Float64Array(this.#memory, kernel.SIZE.value, many),
      mtimeSec: new Float64Array(this.#memory, kernel.MTIME_SEC.value, many),
      mtimeNs: new Uint32Array(this.#memory, kernel.MTIME_NS.value, many),
      tag: new Uint32Array(this.#memory, kernel.TAG.value, many),
    };
    const names = bytes(kernel.SEEN_NAMES, many * NAME_BYTES);
    this.#seen = { columns, names, count: 0, nameBytes: 0, bytes: 0, holeBytes: 0 };
  }

  get #memory(): ArrayBuffer {
    return this.#kernel.memory.buffer as ArrayBuffer;
  }

  /** What is taken from now on are the names of another folder. */
  clear(): void {
    if (this.#held !== null) this.#held.sorter = null;
    this.#held = null;
    this.#kernel.clear();
  }

  /** Takes the first `filled` bytes of `dirents`: 0, a negated errno, or 1: they do not fit, and nothing of them was taken. */
  take(filled: number): number {
    return this.#kernel.take(filled);
  }

  /** Fills `into` with what was taken. Where that is all that the folder holds, it can be sorted and looked at here. */
  fill(into: Listing, isAll: boolean): void {
    const count = this.#kernel.names();
    const at = (start: WebAssembly.Global, length: number) => new Uint8Array(this.#memory, start.value, length);
    const names = at(this.#kernel.NAMES, this.#kernel.nameBytes());
    const starts = new Uint32Array(this.#memory, this.#kernel.AT.value, count);
    into.set(names, starts, at(this.#kernel.LENGTH, count), at(this.#kernel.KIND, count));
    if (!isAll) return;
    this.#held = into;
    into.sorter = this;
  }

  /** Puts the canonical order of the held names into `order`. */
  sort(order: Uint32Array): void {
    this.#kernel.sort();
    order.set(new Uint32Array(this.#memory, this.#kernel.ORDER.value, this.#kernel.names()));
  }

  /** Puts the first name from canonical position `from` on into `name`; false if it is not one to be looked at here. */
  begin(from: number, most: number): boolean {
    return this.#kernel.begin(from, most) !== 0;
  }

  /** Takes what `statx` says of it, and puts the next one there; false as begin() says. */
  step(): boolean {
    return this.#kernel.step() !== 0;
  }

  /** What was seen since begin(). */
  seen(): ManySeen {
    const seen = this.#seen;
    seen.count = this.#kernel.rows();
    seen.nameBytes = this.#kernel.seenNameBytes();
    [seen.bytes, seen.holeBytes] = this.#sums;
    return seen;
  }
}
