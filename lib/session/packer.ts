// Packer: makes PACKED messages of whole bulk frames where that pays, and keeps the measurements that say so. Owned by the
// Outbox of a source whose peer can unpack. Promises: a packed message is valid until the next; what does not shrink costs a look
// at 16 KiB of it, and now and then not even that.

import { ByteWriter } from "../base/codec.ts";
import { PACKED_BYTES } from "../base/limits.ts";
import {
  type CompressionWish,
  ContentJudge,
  LevelChooser,
  RAW,
  SAMPLE_BYTES,
  sampleOf,
  WORTH,
} from "../codec/choose.ts";
import { ZstdPacker } from "../codec/zstd.ts";
import { HEADER_BYTES, Message } from "../wire/messages.ts";
import { encodePackedHead, PACKED_HEAD_BYTES } from "../wire/packed_codec.ts";

/** Less is not worth a message of its own. */
const LEAST_BYTES = 512;

export class Packer {
  readonly #levels: LevelChooser;
  readonly #judge = new ContentJudge();
  readonly #sample = new Uint8Array(SAMPLE_BYTES);
  readonly #packed = new ByteWriter(0);
  #zstd: ZstdPacker | null = null;
  #stuckMs = 0;
  /** When credit came last; the time before the first is no measure. */
  #creditMs: number | null = null;

  constructor(wish: CompressionWish) {
    this.#levels = new LevelChooser(wish);
  }

  /** The round trip of the link, once it is known. */
  roundTrip(ms: number): void {
    this.#levels.roundTrip(ms);
  }

  /** There was something to send and it could not be sent for `ms`. */
  stuck(ms: number): void {
    this.#stuckMs += ms;
  }

  /** The receiver is through with `bytes`; `receiverIdle` of the time since it said so last it waited for us. */
  credited(bytes: number, receiverIdle: number, nowMs: number): void {
    if (this.#creditMs !== null) {
      this.#levels.measured({ bytes, ms: nowMs - this.#creditMs, stuckMs: this.#stuckMs, receiverIdle });
    }
    this.#creditMs = nowMs;
    this.#stuckMs = 0;
  }

  /** `frames` as one PACKED message with its header; null if they had better go as they are. */
  pack(frames: Uint8Array): Uint8Array | null {
    const level = this.#levels.chosen;
    if (level === RAW || frames.length < LEAST_BYTES || frames.length > PACKED_BYTES) return null;
    if (!this.#judge.isWorthLooking()) return null;
    const message = this.#shrinks(frames, level) ? this.#message(frames, level) : null;
    this.#judge.looked(message !== null);
    return message;
  }

  #shrinks(frames: Uint8Array, level: number): boolean {
    const sample = sampleOf(frames, this.#sample);
    if (sample === frames) return true;
    this.#packed.clear();
    this.#packed.reserve(SAMPLE_BYTES);
    return this.#codec(level).pack(sample, this.#packed.bytes, 0, Math.floor(SAMPLE_BYTES * WORTH)) >= 0;
  }

  #message(frames: Uint8Array, level: number): Uint8Array | null {
    const writer = this.#packed;
    const room = Math.floor(frames.length * WORTH);
    writer.clear();
    writer.reserve(HEADER_BYTES + PACKED_HEAD_BYTES + room);
    writer.u32(0);
    writer.u8(Message.packed);
    encodePackedHead(writer, frames.length);
    const bytes = this.#codec(level).pack(frames, writer.bytes, writer.used, room);
    if (bytes < 0) return null;
    writer.used += bytes;
    writer.putU32(0, writer.used - HEADER_BYTES);
    return writer.view();
  }

  #codec(level: number): ZstdPacker {
    if (this.#zstd?.level !== level) {
      this.#zstd?.close();
      this.#zstd = new ZstdPacker(level);
    }
    return this.#zstd;
  }
}
