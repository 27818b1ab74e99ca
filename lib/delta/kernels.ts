// The compiled kernels of delta transfer and the memory they work in. A DeltaKernels is made once per process and side; each signer,
// matcher or refiner takes a workspace (an instance with its own memory), so that any number of them may be alive at a time, and gives
// it back when it finishes. Promises: loaded only when it is asked for; at most IDLE workspaces wait for the next user, none of them
// larger than IDLE_BYTES.

import type { Seed } from "./sizes.ts";

/** Exports of ../hash/kernels/assembly/delta.ts. Addresses and lengths in bytes unless they say otherwise. */
export interface KernelExports {
  memory: WebAssembly.Memory;
  OUT: WebAssembly.Global;
  OUT_ENTRIES: WebAssembly.Global;
  room(): number;
  setSeed(low: number, high: number): void;
  isZero(at: number, bytes: number): number;
  signStart(rate: number, weakRate: number): void;
  signBlock(at: number, bytes: number, into: number): void;
  signBlocks(at: number, blockBytes: number, blocks: number, into: number): void;
  matchStart(
    records: number,
    blocks: number,
    failures: number,
    table: number,
    cells: number,
    blockBytes: number,
    lastBytes: number,
    rate: number,
    weakRate: number,
    shiftOfEnd: number,
    start: number,
  ): void;
  matchKeepFrom(history: number): number;
  matchMove(from: number, to: number): void;
  matchSkip(offset: number, start: number): void;
  matchAdvance(end: number, ends: number): number;
  matchSearched(): number;
  matchFailed(): number;
  matchLooked(): number;
  fineSign(at: number, bytes: number, fineBytes: number, into: number): void;
  fineEqual(at: number, bytes: number, record: number): number;
}

const PAGE_BYTES = 65536;
/** Workspaces kept for the next user, and the largest that is. */
const IDLE = 4;
const IDLE_BYTES = 4 << 20;
/** What the kernels may read beyond a region, bytes. */
const PAD_BYTES = 64;

/** One instance and its memory, of one user at a time. */
export class Workspace {
  readonly call: KernelExports;
  readonly #room: number;
  #end: number;

  constructor(module: WebAssembly.Module) {
    this.call = new WebAssembly.Instance(module).exports as unknown as KernelExports;
    this.#room = this.call.room();
    this.#end = this.#room;
  }

  /** Forgets all regions. */
  clear(seed: Seed): void {
    this.#end = this.#room;
    this.call.setSeed(seed.low, seed.high);
  }

  /** The address of `bytes` more bytes, which lie there until clear(). Views made before it may be detached. */
  reserve(bytes: number): number {
    const at = this.#end;
    this.#end = Math.ceil((at + bytes + PAD_BYTES) / 64) * 64;
    const missing = this.#end - this.size;
    if (missing > 0) this.call.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return at;
  }

  /** A view that is good until the next reserve(). */
  view(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.call.memory.buffer as ArrayBuffer, at, bytes);
  }

  get size(): number {
    return this.call.memory.buffer.byteLength;
  }
}

export class DeltaKernels {
  readonly #module: WebAssembly.Module;
  readonly #idle: Workspace[] = [];

  private constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** Compiles the kernels; 0.5 ms. */
  static async load(): Promise<DeltaKernels> {
    const { WASM_BASE64 } = await import("../hash/kernels/delta_wasm.ts");
    return new DeltaKernels(new WebAssembly.Module(Uint8Array.fromBase64(WASM_BASE64)));
  }

  take(seed: Seed): Workspace {
    const workspace = this.#idle.pop() ?? new Workspace(this.#module);
    workspace.clear(seed);
    return workspace;
  }

  give(workspace: Workspace): void {
    if (this.#idle.length < IDLE && workspace.size <= IDLE_BYTES) this.#idle.push(workspace);
  }
}
