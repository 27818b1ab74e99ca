// Unpacked: the frames of a PACKED message, one after the other. Owned by the Inbox. Promises: nothing of it is shown before all of
// it was unpacked and is whole frames; one buffer, however often and whatever the peer says.

import { ByteReader } from "../base/codec.ts";
import { PACKED_BYTES } from "../base/limits.ts";
import { ZstdUnpacker } from "../codec/zstd.ts";
import { HEADER_BYTES } from "../wire/messages.ts";
import { checkPackedFrames, decodePackedHead, frameLength } from "../wire/packed_codec.ts";

export class Unpacked {
  readonly bytes = new Uint8Array(PACKED_BYTES + 1);
  readonly #zstd = new ZstdUnpacker();
  readonly #reader = new ByteReader(this.bytes);
  #at = 0;
  #end = 0;

  /** Takes the payload of a PACKED. Throws TsyncError "stream" if anything about it is odd. */
  open(payload: Uint8Array): void {
    const reader = this.#reader;
    reader.reset(payload);
    const bytes = decodePackedHead(reader);
    const data = reader.raw("PACKED data", reader.left);
    if (!this.#zstd.unpack(data, this.bytes, bytes)) {
      reader.fail("PACKED data", `it does not unpack to ${bytes} bytes`);
    }
    reader.reset(this.bytes);
    reader.end = bytes;
    checkPackedFrames(reader);
    this.#at = 0;
    this.#end = bytes;
  }

  get isEmpty(): boolean {
    return this.#at === this.#end;
  }

  /** Where the next frame stands; not if there is none. */
  next(): number {
    const at = this.#at;
    this.#at = at + HEADER_BYTES + frameLength(this.bytes, at);
    return at;
  }
}
