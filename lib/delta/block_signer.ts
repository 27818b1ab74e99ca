// Signs a basis for round one. Called by the target for each file that it wants as a delta. Promises: constant memory, a window of
// 256 KiB or one block and the records that were not taken; the basis is read once, in order.

import { assert } from "../base/errors.ts";
import type { DeltaKernels, Workspace } from "./kernels.ts";
import { anchorRates, assertBlockBytes, MAX_BLOCKS, RECORD_BYTES, type Seed } from "./sizes.ts";

const WINDOW_BYTES = 256 << 10;

/** Records on their way to the caller. */
export class RecordList {
  #bytes = new Uint8Array(1024);
  #count = 0;

  add(records: Uint8Array): void {
    const end = this.#count + records.length;
    if (end > this.#bytes.length) {
      const more = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      more.set(this.#bytes.subarray(0, this.#count));
      this.#bytes = more;
    }
    this.#bytes.set(records, this.#count);
    this.#count = end;
  }

  /** All that was added since the last take(); the caller owns it. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#count);
    this.#count = 0;
    return taken;
  }
}

export class BlockSigner {
  readonly #kernels: DeltaKernels;
  readonly #blockBytes: number;
  #workspace: Workspace | null;
  /** Addresses: the window, and the records of the window's blocks. */
  readonly #window: number;
  readonly #windowBytes: number;
  readonly #out: number;
  /** Bytes in the window, and how many of them are signed. */
  #fill = 0;
  #signed = 0;
  #blocks = 0;
  #zeroRecord: Uint8Array | null = null;
  readonly #records = new RecordList();

  constructor(kernels: DeltaKernels, seed: Seed, blockBytes: number) {
    assertBlockBytes(blockBytes);
    this.#kernels = kernels;
    this.#blockBytes = blockBytes;
    this.#windowBytes = Math.max(WINDOW_BYTES, blockBytes);
    const workspace = this.#workspace = kernels.take(seed);
    this.#window = workspace.reserve(this.#windowBytes);
    this.#out = workspace.reserve((this.#windowBytes / blockBytes) * RECORD_BYTES);
    const { strong, weak } = anchorRates(blockBytes);
    workspace.call.signStart(strong, weak);
  }

  /** Where the next bytes of the basis are to be read into: at least 1 byte, up to 256 KiB or a block. Good until the next call. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#live().view(this.#window + this.#fill, this.#windowBytes - this.#fill);
  }

  /** The first `count` bytes of space() are the next bytes of the basis. */
  filled(count: number): void {
    assert(count <= this.#windowBytes - this.#fill, "more bytes than there is space for");
    this.#fill += count;
    const blocks = Math.floor((this.#fill - this.#signed) / this.#blockBytes);
    if (blocks > 0) {
      this.#live().call.signBlocks(this.#window + this.#signed, this.#blockBytes, blocks, this.#out);
      this.#signed += blocks * this.#blockBytes;
      this.#put(blocks);
    }
    if (this.#signed === this.#windowBytes) this.#fill = this.#signed = 0;
  }

  /** The next `count` bytes of the basis are zeros (a hole); whole blocks of them cost no reading and no hashing. */
  zeros(count: number): void {
    while (count > 0) {
      const open = this.#fill - this.#signed;
      if (open === 0 && count >= this.#blockBytes) {
        const blocks = Math.min(Math.floor(count / this.#blockBytes), MAX_BLOCKS - this.#blocks);
        const record = this.#zeroRecord ??= this.#signZeros();
        for (let i = 0; i < blocks; i++) this.#records.add(record);
        this.#blocks += blocks;
        if (this.#blocks === MAX_BLOCKS) return;
        count -= blocks * this.#blockBytes;
      } else {
        const now = Math.min(count, this.#blockBytes - open);
        this.#live().view(this.#window + this.#fill, now).fill(0);
        this.filled(now);
        count -= now;
      }
    }
  }

  /** The record of a block of zeros. Every block so far is signed: the window is free. */
  #signZeros(): Uint8Array {
    const workspace = this.#live();
    this.#fill = this.#signed = 0;
    workspace.view(this.#window, this.#blockBytes).fill(0);
    workspace.call.signBlock(this.#window, this.#blockBytes, this.#out);
    return workspace.view(this.#out, RECORD_BYTES).slice();
  }

  /** Notes the records of `blocks` blocks. Those beyond the bound of a signature are left out. */
  #put(blocks: number): void {
    const wanted = Math.min(blocks, MAX_BLOCKS - this.#blocks);
    this.#blocks += wanted;
    this.#records.add(this.#live().view(this.#out, wanted * RECORD_BYTES));
  }

  /** The basis ends here: signs its last, shorter block. Only take() follows. */
  finish(): void {
    const rest = this.#fill - this.#signed;
    if (rest > 0) {
      this.#live().call.signBlock(this.#window + this.#signed, rest, this.#out);
      this.#put(1);
    }
    this.close();
  }

  /** Gives the memory back; finish() does, so that this is for what is given up on the way. */
  close(): void {
    if (this.#workspace !== null) this.#kernels.give(this.#workspace);
    this.#workspace = null;
  }

  /** The records since the last take(), in the order of the blocks; the caller owns them. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#records.take();
  }

  #live(): Workspace {
    assert(this.#workspace !== null, "a finished signer");
    return this.#workspace;
  }
}
