// Inbox: cuts the stream from the peer into frames, in place, in one buffer that is used again; the frames of a PACKED message
// come in its place. Called by the session's reading loop. Promises: no allocation per frame, and none by the peer's word; what
// next() shows is valid until space(); whoever reads may give the buffer away and bring it back.

import { TsyncError } from "../base/errors.ts";
import { FRAME_BYTES } from "../base/limits.ts";
import { HEADER_BYTES } from "../wire/messages.ts";
import { frameLength } from "../wire/packed_codec.ts";
import { Unpacked } from "./unpacked.ts";

/** The least that a read is offered, bytes. */
const READ_BYTES = 64 << 10;

export class Inbox {
  #stream = new Uint8Array(FRAME_BYTES + HEADER_BYTES + READ_BYTES);
  /** Where the frame stands that next() found: in the stream, or in what was unpacked. */
  bytes = this.#stream;
  /** The frame that next() found. */
  type = 0;
  payloadAt = 0;
  payloadEnd = 0;
  /** What it took of the stream, bytes: of the frames of a PACKED, the last counts for all. */
  cost = 0;
  #start = 0;
  #end = 0;
  #unpacked: Unpacked | null = null;
  #packedCost = 0;

  /** Finds the next whole frame; false if the rest of it has not come yet. Throws TsyncError "stream" on an overlong one. */
  next(): boolean {
    if (this.#unpacked !== null && !this.#unpacked.isEmpty) return this.#nextUnpacked(this.#unpacked);
    const have = this.#end - this.#start;
    if (have < HEADER_BYTES) return false;
    const length = frameLength(this.#stream, this.#start);
    if (length > FRAME_BYTES) {
      throw new TsyncError({
        kind: "stream",
        detail: `the peer sent a frame of ${length} bytes, ${FRAME_BYTES} are allowed`,
      });
    }
    if (have < HEADER_BYTES + length) return false;
    this.#show(this.#stream, this.#start, length);
    this.#start = this.payloadEnd;
    this.cost = HEADER_BYTES + length;
    return true;
  }

  /** The frame that next() found is a PACKED: those in it come next. Throws TsyncError "stream" if it is not as it should be. */
  unpack(): void {
    this.#unpacked ??= new Unpacked();
    this.#unpacked.open(this.#stream.subarray(this.payloadAt, this.payloadEnd));
    this.#packedCost = this.cost;
  }

  #nextUnpacked(unpacked: Unpacked): true {
    const at = unpacked.next();
    this.#show(unpacked.bytes, at, frameLength(unpacked.bytes, at));
    this.cost = unpacked.isEmpty ? this.#packedCost : 0;
    return true;
  }

  #show(bytes: Uint8Array<ArrayBuffer>, at: number, length: number): void {
    this.bytes = bytes;
    this.type = bytes[at + 4];
    this.payloadAt = at + HEADER_BYTES;
    this.payloadEnd = this.payloadAt + length;
  }

  /** Where the next read may put bytes; at least READ_BYTES. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#stream.length - this.#end < READ_BYTES) {
      this.#stream.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#stream.subarray(this.#end);
  }

  /** What was read into space(): its beginning, perhaps in a new view of the same memory. */
  filled(read: Uint8Array<ArrayBuffer>): void {
    if (read.buffer !== this.#stream.buffer) this.#stream = new Uint8Array(read.buffer);
    this.#end += read.length;
  }

  /** What has come behind the frame that next() found: it is taken out. */
  takeRest(): Uint8Array {
    const rest = this.#stream.slice(this.#start, this.#end);
    this.#start = this.#end = 0;
    return rest;
  }

  /** Bytes of a frame that has not ended. */
  get pending(): number {
    return this.#end - this.#start;
  }
}
