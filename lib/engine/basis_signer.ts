// Signs the files that are wanted as deltas, one after the other, beside everything else that the target half does. Made by the
// target half. Promises: one file is open at a time, read once, in constant memory; the source is never made to hold more than
// HELD_BYTES of records (or one signature) of files it has not answered.

import { Gate } from "../base/gate.ts";
import { RECORDS_BYTES } from "../wire/messages.ts";
import { BlockSigner } from "../delta/block_signer.ts";
import { FineSigner } from "../delta/fine.ts";
import { DeltaKernels } from "../delta/kernels.ts";
import { blockBytesFor, blockCount, fineBlockBytesFor, RECORD_BYTES } from "../delta/sizes.ts";
import { type Handle, Stat } from "../os/os.ts";
import type { BasisRange } from "../session/ports.ts";
import { statRegular } from "../tree/read_file.ts";
import { nextExtent } from "../tree/sparse.ts";
import type { BasisCopies, BasisCopy } from "./basis_copy.ts";
import { BREATH_BYTES } from "./environment.ts";
import type { TargetState } from "./target_state.ts";

const HELD_BYTES = 16 << 20;
/** Whole records in one message. */
const PART_BYTES = Math.floor(RECORDS_BYTES / RECORD_BYTES) * RECORD_BYTES;

export class BasisSigner {
  readonly #state: TargetState;
  readonly #copies: BasisCopies;
  readonly #queue: number[] = [];
  /** Bytes of records the source holds, and the size of what was signed, by file. */
  readonly #held = new Map<number, { bytes: number; basisBytes: number }>();
  #heldBytes = 0;
  #answer = new Gate();
  #kernels: DeltaKernels | null = null;
  #isRunning = false;

  constructor(state: TargetState, copies: BasisCopies) {
    this.#state = state;
    this.#copies = copies;
  }

  /** These are wanted as deltas. The promise settles when nothing is left to sign, unless it is being done already. */
  add(indexes: Uint32Array): Promise<void> | undefined {
    for (const index of indexes) this.#queue.push(index);
    if (this.#isRunning) return undefined;
    this.#isRunning = true;
    return this.#run();
  }

  /** The source answered the file. */
  answered(index: number): void {
    const held = this.#held.get(index);
    if (held === undefined) return;
    this.#held.delete(index);
    this.#heldBytes -= held.bytes;
    this.#copies.drop(index);
    this.#answer.open();
  }

  fail(error: unknown): void {
    this.#queue.length = 0;
    this.#answer.fail(error);
  }

  /** Block size that the signature of the file has. */
  #blockBytes(basisBytes: number): number {
    return blockBytesFor(basisBytes, this.#state.options.blockBytes);
  }

  async #run(): Promise<void> {
    this.#kernels ??= await DeltaKernels.load();
    for (let at = 0; at < this.#queue.length; at++) await this.#sign(this.#queue[at]);
    this.#queue.length = 0;
    this.#isRunning = false;
  }

  #open(index: number): Handle {
    const state = this.#state;
    const folder = state.folders.get(state.list.parent(index));
    return folder < 0 ? folder : state.openBasis(index, folder);
  }

  async #sign(index: number): Promise<void> {
    const { os } = this.#state;
    const stat = new Stat();
    const basis = this.#open(index);
    try {
      if (basis < 0 || statRegular(os, basis, stat) < 0 || stat.size === 0) return await this.#sendNone(index);
      if (this.#state.options.append) return await this.#sendHead(index, stat.size);
      const bytes = blockCount(stat.size, this.#blockBytes(stat.size)) * RECORD_BYTES;
      while (this.#heldBytes > 0 && this.#heldBytes + bytes > HELD_BYTES) {
        this.#answer = new Gate();
        await this.#answer.promise;
      }
      this.#held.set(index, { bytes, basisBytes: stat.size });
      this.#heldBytes += bytes;
      await this.#signBasis(index, basis, stat, await this.#copies.begin(index, stat));
    } finally {
      if (basis >= 0) os.close(basis);
    }
  }

  /** There is no basis after all: the source sends the file whole. */
  async #sendNone(index: number): Promise<void> {
    const head = { basisBytes: 0, blockBytes: this.#blockBytes(0) };
    await this.#state.source.signature(index, head, true, new Uint8Array(0));
  }

  /** --append: all of the basis is the beginning of the new file. */
  async #sendHead(index: number, basisBytes: number): Promise<void> {
    this.#held.set(index, { bytes: 0, basisBytes });
    const head = { basisBytes, blockBytes: this.#blockBytes(basisBytes) };
    await this.#state.source.signature(index, head, true, new Uint8Array(0));
  }

  async #signBasis(index: number, basis: Handle, { size, allocated }: Stat, copy: BasisCopy | null): Promise<void> {
    const { os, env, digesters } = this.#state;
    const blockBytes = this.#blockBytes(size);
    const signer = new BlockSigner(this.#kernels!, digesters!.seed, blockBytes);
    const records = new Parts(PART_BYTES, async (part, isFirst, isLast) => {
      this.#state.signed(index, part.length);
      await this.#state.source.signature(index, isFirst ? { basisBytes: size, blockBytes } : null, isLast, part);
    });
    try {
      let sinceBreath = 0;
      for (let at = 0; at < size;) {
        const extent = nextExtent(os, basis, at, size, allocated >= size);
        // What cannot be read counts as zeros: it matches nothing, or its digest tells.
        const start = extent === null || typeof extent === "number" ? size : extent.start;
        signer.zeros(start - at);
        at = start;
        while (extent !== null && typeof extent !== "number" && at < extent.end) {
          const space = signer.space();
          const piece = extent.end - at < space.length ? space.subarray(0, extent.end - at) : space;
          const count = os.readAt(basis, piece, at);
          if (count > 0) copy?.signed(at, piece.subarray(0, count));
          if (count <= 0) signer.zeros(piece.length);
          else signer.filled(count);
          at += count <= 0 ? piece.length : count;
          sinceBreath += piece.length;
          if (sinceBreath >= BREATH_BYTES) {
            sinceBreath = 0;
            await env.breathe();
          }
          await records.add(signer.take());
        }
      }
      signer.finish();
      await records.end(signer.take());
    } finally {
      signer.close();
    }
  }

  /** Sends the fine records of the ranges of a basis that was signed; if it is gone or another one, none. */
  async refine(index: number, ranges: readonly BasisRange[]): Promise<void> {
    const { os, env, digesters, source } = this.#state;
    const stat = new Stat();
    const basis = this.#open(index);
    const { basisBytes: size } = this.#held.get(index)!;
    const isThere = basis >= 0 && statRegular(os, basis, stat) === 0 && stat.size === size;
    const signer = new FineSigner(this.#kernels!, digesters!.seed, fineBlockBytesFor(this.#blockBytes(size)));
    const records = new Parts(RECORDS_BYTES, async (part, _isFirst, isLast) => {
      this.#state.signed(index, part.length);
      await source.fine(index, isLast, part);
    });
    try {
      for (const { basisAt, basisBytes } of isThere ? ranges : []) {
        for (let done = 0; done < basisBytes;) {
          const space = signer.space();
          const left = basisBytes - done;
          const count = os.readAt(basis, left < space.length ? space.subarray(0, left) : space, basisAt + done);
          if (count <= 0) break;
          signer.filled(count);
          done += count;
        }
        signer.endRange();
        await records.add(signer.take());
        await env.pause();
      }
      await records.end(new Uint8Array(0));
    } finally {
      signer.close();
      if (basis >= 0) os.close(basis);
    }
  }
}

/** Cuts records into messages, the last of which says so. */
class Parts {
  readonly #partBytes: number;
  readonly #send: (part: Uint8Array, isFirst: boolean, isLast: boolean) => Promise<void>;
  #rest = new Uint8Array(0);
  #isFirst = true;

  constructor(partBytes: number, send: (part: Uint8Array, isFirst: boolean, isLast: boolean) => Promise<void>) {
    this.#partBytes = partBytes;
    this.#send = send;
  }

  async add(records: Uint8Array): Promise<void> {
    if (records.length === 0) return;
    const all = new Uint8Array(this.#rest.length + records.length);
    all.set(this.#rest);
    all.set(records, this.#rest.length);
    let at = 0;
    for (; all.length - at > this.#partBytes; at += this.#partBytes) {
      await this.#put(all.subarray(at, at + this.#partBytes), false);
    }
    this.#rest = all.slice(at);
  }

  async end(records: Uint8Array): Promise<void> {
    await this.add(records);
    await this.#put(this.#rest, true);
  }

  async #put(part: Uint8Array, isLast: boolean): Promise<void> {
    await this.#send(part, this.#isFirst, isLast);
    this.#isFirst = false;
  }
}
