// Finds what a new file has in common with its basis: round one. Called by the source for each file that is wanted as a delta.
// Promises: the new file is read once, in order; memory is a window of 512 KiB and a block (two, of blocks above 512 KiB), 23 to 31
// bytes per block of the signature (23 MiB at most) and the runs (24 MiB at most). Every run has the strong hashes of its blocks, which
// are hints: the digest of the whole file decides, and a new attempt takes another seed. Whatever the records are, the time is bounded
// per byte of the new file (assembly/match.ts).

import { assert } from "../base/errors.ts";
import type { DeltaKernels, Workspace } from "./kernels.ts";
import { HOLE, RunList, type Runs } from "./runs.ts";
import type { Signature } from "./signature.ts";
import { anchorRates, RECORD_BYTES, type Seed } from "./sizes.ts";

/** Space for new content beside what the search keeps, and the least that space() gives, bytes. */
const CHUNK_BYTES = 512 << 10;
const LEAST_SPACE_BYTES = 256 << 10;
/** What the search may look back: anchors lie in the first 32 KiB of their block. */
const HISTORY_BYTES = 32 << 10;

/** What follows the content so far. */
const MORE = 0;
const A_HOLE = 1;
const THE_END = 2;

export class Matcher {
  readonly #kernels: DeltaKernels;
  readonly #blockBytes: number;
  readonly #basisBytes: number;
  readonly #runs = new RunList();
  readonly #window: number;
  readonly #windowEnd: number;
  readonly #out: number;
  readonly #outEntries: number;
  #workspace: Workspace | null;
  /** Address after the last byte in the window, and its offset in the new file. */
  #fill: number;
  #offset = 0;

  /** `newBytes`: the size that the new file is expected to have, which helps to find what moved as a whole. */
  constructor(kernels: DeltaKernels, signature: Signature, seed: Seed, newBytes: number = signature.basisBytes) {
    const { blockBytes, basisBytes, count } = signature;
    this.#kernels = kernels;
    this.#blockBytes = blockBytes;
    this.#basisBytes = basisBytes;
    const workspace = this.#workspace = kernels.take(seed);
    // At most half of the places are taken.
    const cells = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * count)));
    const windowBytes = HISTORY_BYTES + blockBytes + Math.max(CHUNK_BYTES, blockBytes);
    this.#window = workspace.reserve(windowBytes);
    this.#windowEnd = this.#window + windowBytes;
    const records = workspace.reserve(count * RECORD_BYTES);
    const failures = workspace.reserve(count);
    const table = workspace.reserve(4 * cells);
    workspace.view(records, count * RECORD_BYTES).set(signature.records);
    const { strong, weak } = anchorRates(blockBytes);
    workspace.call.matchStart(
      records,
      count,
      failures,
      table,
      cells,
      blockBytes,
      count > 0 ? signature.lastBytes : 0,
      strong,
      weak,
      newBytes - basisBytes,
      this.#window,
    );
    this.#out = workspace.call.OUT.value;
    this.#outEntries = workspace.call.OUT_ENTRIES.value;
    this.#fill = this.#window;
  }

  /** What the search has cost: bytes searched, bytes of blocks hashed in vain, windows looked up. Before finish(). */
  get cost(): { searched: number; failed: number; looked: number } {
    const { call } = this.#live();
    return { searched: call.matchSearched(), failed: call.matchFailed(), looked: call.matchLooked() };
  }

  /** Offset in the new file of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** Where the next bytes of the new file are to be read into: 256 KiB or more. Good until the next call. */
  space(): Uint8Array<ArrayBuffer> {
    const workspace = this.#live();
    if (this.#windowEnd - this.#fill < LEAST_SPACE_BYTES || this.#isIdle()) this.#compact(workspace);
    return workspace.view(this.#fill, this.#windowEnd - this.#fill);
  }

  /** The first `count` bytes of space() are the next bytes of the new file. */
  filled(count: number): void {
    assert(count <= this.#windowEnd - this.#fill, "more bytes than there is space for");
    this.#fill += count;
    this.#offset += count;
    this.#advance(MORE);
  }

  /** The new file has a hole from here to `offset`; nothing matches across it. */
  skipTo(offset: number): void {
    assert(offset >= this.#offset, "a hole that ends before it begins");
    if (offset === this.#offset) return;
    this.#advance(A_HOLE);
    this.#runs.add(this.#offset, HOLE, offset - this.#offset);
    this.#offset = offset;
    this.#fill = this.#window;
    this.#live().call.matchSkip(offset, this.#window);
  }

  /** The new file ends here. Nothing follows. */
  finish(): Runs {
    this.#advance(THE_END);
    this.close();
    return this.#runs;
  }

  /** Gives the memory back; finish() does, so that this is for what is given up on the way. */
  close(): void {
    if (this.#workspace !== null) this.#kernels.give(this.#workspace);
    this.#workspace = null;
  }

  /** Nothing in the window is needed any more. */
  #isIdle(): boolean {
    return this.#fill > this.#window && this.#live().call.matchKeepFrom(HISTORY_BYTES) === this.#fill;
  }

  /** Moves what the search still needs to the window's start. */
  #compact(workspace: Workspace): void {
    const from = workspace.call.matchKeepFrom(HISTORY_BYTES);
    if (from === this.#window) return;
    const kept = this.#fill - from;
    workspace.view(this.#window, this.#windowEnd - this.#window)
      .copyWithin(0, from - this.#window, this.#fill - this.#window);
    workspace.call.matchMove(from, this.#window);
    this.#fill = this.#window + kept;
  }

  #advance(ends: number): void {
    const { call } = this.#live();
    for (let count = this.#outEntries; count === this.#outEntries && !this.#runs.isFull;) {
      count = call.matchAdvance(this.#fill, ends);
      if (count > 0) this.#drain(count);
    }
    // A full list: the rest is literal, and the window goes on from its end.
    if (this.#runs.isFull) call.matchSkip(this.#offset, this.#fill);
  }

  /** Takes `count` copies from the kernel: f64 new offset, u32 first block, u32 blocks. */
  #drain(count: number): void {
    const entries = new DataView(this.#live().call.memory.buffer, this.#out, 16 * count);
    for (let at = 0; at < 16 * count; at += 16) {
      const basisAt = entries.getUint32(at + 8, true) * this.#blockBytes;
      const end = Math.min(basisAt + entries.getUint32(at + 12, true) * this.#blockBytes, this.#basisBytes);
      this.#runs.add(entries.getFloat64(at, true), basisAt, end - basisAt);
    }
  }

  #live(): Workspace {
    assert(this.#workspace !== null, "a finished matcher");
    return this.#workspace;
  }
}
