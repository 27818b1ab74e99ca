// Inbox: cuts the stream from the peer into frames, in place, in one buffer that is used again. Called by the session's
// reading loop. Promises: no allocation per frame, and none by the peer's word; what next() shows is valid until space().

import { TsyncError } from "../base/errors.ts";
import { FRAME_BYTES } from "../base/limits.ts";
import { HEADER_BYTES } from "../wire/messages.ts";

/** The least that a read is offered, bytes. */
const READ_BYTES = 64 << 10;

export class Inbox {
  readonly bytes = new Uint8Array(FRAME_BYTES + HEADER_BYTES + READ_BYTES);
  /** The frame that next() found. */
  type = 0;
  payloadAt = 0;
  payloadEnd = 0;
  #start = 0;
  #end = 0;

  /** Finds the next whole frame; false if the rest of it has not come yet. Throws TsyncError "stream" on an overlong one. */
  next(): boolean {
    const have = this.#end - this.#start;
    if (have < HEADER_BYTES) return false;
    const b = this.bytes;
    const at = this.#start;
    const length = (b[at] | (b[at + 1] << 8) | (b[at + 2] << 16)) + b[at + 3] * 16777216;
    if (length > FRAME_BYTES) {
      throw new TsyncError({
        kind: "stream",
        detail: `the peer sent a frame of ${length} bytes, ${FRAME_BYTES} are allowed`,
      });
    }
    if (have < HEADER_BYTES + length) return false;
    this.type = b[at + 4];
    this.payloadAt = at + HEADER_BYTES;
    this.payloadEnd = this.payloadAt + length;
    this.#start = this.payloadEnd;
    return true;
  }

  /** Where the next read may put bytes; at least READ_BYTES. */
  space(): Uint8Array {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.bytes.length - this.#end < READ_BYTES) {
      this.bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.bytes.subarray(this.#end);
  }

  /** `count` bytes were read into space(). */
  filled(count: number): void {
    this.#end += count;
  }

  /** Bytes of a frame that has not ended. */
  get pending(): number {
    return this.#end - this.#start;
  }
}
