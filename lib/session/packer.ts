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
/** Credit is gathered at least so long into one measurement. */
const SAMPLE_MS = 25;

export class Packer {
  readonly #levels: LevelChooser;
  readonly #judge = new ContentJudge();
  readonly #sample = new Uint8Array(SAMPLE_BYTES);
  readonly #packed = new ByteWriter(0);
  /** One for each level that was used: levels come again, and each keeps a few MiB. */
  readonly #zstd = new Map<number, ZstdPacker>();
  // Since the last measurement.
  /** When that was; 0: credit has not come yet, and the time before it is no measure. */
  #sinceMs = 0;
  #bytes = 0;
  /** Bytes that were given back, each as much as the receiver was idle. */
  #idleBytes = 0;
  #stuckMs = 0;
  /** Of the frames that were offered: their size, and what became of it. */
  #rawBytes = 0;
  #wireBytes = 0;

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
    this.#bytes += bytes;
    this.#idleBytes += bytes * receiverIdle;
    const ms = nowMs - this.#sinceMs;
    // What comes in one go was not done in that time.
    if (this.#sinceMs > 0 && ms < SAMPLE_MS) return;
    if (this.#sinceMs > 0) {
      const shrink = this.#wireBytes > 0 ? this.#rawBytes / this.#wireBytes : 1;
      this.#levels.measured({
        ...{ bytes: this.#bytes, ms, stuckMs: this.#stuckMs, shrink },
        receiverIdle: this.#idleBytes / this.#bytes,
      });
    }
    this.#sinceMs = nowMs;
    this.#bytes =
      this.#idleBytes =
      this.#stuckMs =
      this.#rawBytes =
      this.#wireBytes =
        0;
  }

  /** `frames` as one PACKED message with its header; null if they had better go as they are. */
  pack(frames: Uint8Array): Uint8Array | null {
    this.#levels.offered(frames.length);
    const message = this.#tryPack(frames);
    this.#rawBytes += frames.length;
    this.#wireBytes += message?.length ?? frames.length;
    return message;
  }

  #tryPack(frames: Uint8Array): Uint8Array | null {
    const level = this.#levels.level;
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
    let zstd = this.#zstd.get(level);
    if (zstd === undefined) this.#zstd.set(level, zstd = new ZstdPacker(level));
    return zstd;
  }
}
