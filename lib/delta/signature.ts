// What the source holds of one basis: the records that the target's BlockSigner made. Fed by the session as they arrive, read by
// Matcher. Promises: memory is 14 bytes per block that arrived (14 MiB at most), never what a peer announces.

import { assert, TsyncError } from "../base/errors.ts";
import { assertBlockBytes, blockCount, RECORD_BYTES } from "./sizes.ts";

const FIRST_BYTES = 64 * RECORD_BYTES;

export class Signature {
  readonly basisBytes: number;
  readonly blockBytes: number;
  /** Blocks that the basis has, of which `count` are known. */
  readonly expected: number;
  #records: Uint8Array<ArrayBuffer>;
  #bytes = 0;

  /** The session has checked both numbers (isBlockBytes). */
  constructor(basisBytes: number, blockBytes: number) {
    assertBlockBytes(blockBytes);
    this.basisBytes = basisBytes;
    this.blockBytes = blockBytes;
    this.expected = blockCount(basisBytes, blockBytes);
    this.#records = new Uint8Array(Math.min(this.expected * RECORD_BYTES, FIRST_BYTES));
  }

  /** The next records, in the order of the blocks, whole ones. They are copied. Throws TsyncError "stream" if they are too many. */
  add(records: Uint8Array): void {
    const end = this.#bytes + records.length;
    if (records.length % RECORD_BYTES !== 0 || end > this.expected * RECORD_BYTES) {
      throw new TsyncError({ kind: "stream", detail: "a signature does not fit its basis" });
    }
    if (end > this.#records.length) {
      const more = new Uint8Array(Math.min(Math.max(end, 2 * this.#records.length), this.expected * RECORD_BYTES));
      more.set(this.#records.subarray(0, this.#bytes));
      this.#records = more;
    }
    this.#records.set(records, this.#bytes);
    this.#bytes = end;
  }

  get count(): number {
    return this.#bytes / RECORD_BYTES;
  }

  get isWhole(): boolean {
    return this.count === this.expected;
  }

  /** All records so far. */
  get records(): Uint8Array {
    return this.#records.subarray(0, this.#bytes);
  }

  /** Bytes of the last block that is known. */
  get lastBytes(): number {
    assert(this.count > 0, "an empty signature has no last block");
    return Math.min(this.blockBytes, this.basisBytes - (this.count - 1) * this.blockBytes);
  }
}
