// Outbox: everything a session sends. Bulk frames are built in place in batch buffers and cost credit; all others go ahead of
// them and are free. One writer at a time, strictly in order within each kind. Called by the proxies of wire_ports.ts and the
// session. Promises: nothing lingers (what is queued is written as soon as the sink and the credit allow, a little bulk when who
// makes it has paused); more than QUEUE_BYTES of bulk are queued only by a caller that does not await the Wait it got.

import { ByteWriter } from "../base/codec.ts";
import { TsyncError } from "../base/errors.ts";
import { Gate } from "../base/gate.ts";
import { BATCH_BYTES, BULK_WINDOW_BYTES, CHUNK_BYTES } from "../base/limits.ts";
import type { ByteSink } from "../os/streams.ts";
import { HEADER_BYTES, Message } from "../wire/messages.ts";
import type { SessionClock } from "./keepalive.ts";
import type { Packer } from "./packer.ts";
import type { Wait } from "./ports.ts";

/** Queued bytes above which a caller is asked to wait, and at which it may go on. */
const QUEUE_BYTES = 1 << 20;
const RESUME_BYTES = QUEUE_BYTES / 2;
const POOLED_BATCHES = 4;
/** ENTRY records gathered before they are sent; each write wakes the whole chain to the client. */
const ENTRY_BYTES = 16 << 10;
/** Less bulk waits for company, as a write costs as much as the frames of a few folders. */
const COMPANY_BYTES = 16 << 10;
/** When so much bulk is queued, and then twice as much, ..., whoever makes it is asked to pause: a peer that waits for its first is to begin. */
const EAGER_BYTES = 32 << 10;
const NO_FRAME = -1;

class Batch {
  readonly writer = new ByteWriter(BATCH_BYTES + CHUNK_BYTES + 8192);
  /** Bytes that the sink has taken or is taking. */
  sent = 0;
  /** Type of the open frame of records, and where its header stands. */
  recordsOf = NO_FRAME;
  recordsAt = NO_FRAME;
}

export class Outbox {
  sentBytes = 0;
  /** When the last write began, by the session's clock; a write is under way while isWriting. */
  lastWriteMs: number;
  isWriting = false;
  /** Compresses bulk where that pays; null: the peer could not read it. */
  packer: Packer | null = null;
  #sink: ByteSink;
  #splitting: (() => ByteSink) | null = null;
  /** How long the sink was taking bytes, ms, without the write that is under way. */
  writtenMs = 0;
  readonly #clock: Pick<SessionClock, "now" | "soon">;
  readonly #onBroken: (error: unknown) => void;
  #control = new ByteWriter(4096);
  #otherControl = new ByteWriter(4096);
  #controlAt = 0;
  #entryAt = NO_FRAME;
  #batch: Batch | null = null;
  #frameAt = 0;
  readonly #sealed: Batch[] = [];
  #sealedBytes = 0;
  readonly #pool: Batch[] = [];
  #credit = BULK_WINDOW_BYTES;
  /** Since when queued bulk waits for credit; 0 = it does not. */
  #starvedMs = 0;
  #isWoken = false;
  #isStopped = false;
  #stopError: unknown = undefined;
  #isWokenSoon = false;
  #eagerBytes = EAGER_BYTES;
  #room: Gate | null = null;
  #drained: Gate | null = null;

  constructor(
    sink: ByteSink,
    clock: Pick<SessionClock, "now" | "soon">,
    onBroken: (error: unknown) => void,
  ) {
    this.#sink = sink;
    this.#clock = clock;
    this.#onBroken = onBroken;
    this.lastWriteMs = clock.now();
  }

  // Bulk.

  /** Begins a bulk frame; its payload goes into the writer, then bulkEnd(). */
  bulk(type: number): ByteWriter {
    const { writer } = this.#openBatch();
    this.#frameAt = beginFrame(writer, type);
    return writer;
  }

  bulkEnd(): Wait {
    endFrame(this.#batch!.writer, this.#frameAt);
    return this.#afterBulk();
  }

  /** Bytes after which the batch that is being filled is full. */
  get batchLeft(): number {
    return this.#batch === null ? BATCH_BYTES : BATCH_BYTES - this.#batch.writer.used;
  }

  /** Begins a record in the frame of this type (FILES, FILE_COPY) that is open, or in a new one; then recordEnd(). */
  record(type: number): ByteWriter {
    let batch = this.#batch;
    if (batch === null || batch.recordsOf !== type || batch.writer.used >= BATCH_BYTES) {
      batch = this.#openBatch();
      batch.recordsAt = beginFrame(batch.writer, type);
      batch.recordsOf = type;
    }
    return batch.writer;
  }

  recordEnd(): Wait {
    return this.#afterBulk();
  }

  /** `receiverIdle`: share of the time since it gave credit last in which the receiver waited for us. */
  addCredit(bytes: number, receiverIdle: number): void {
    if (this.#credit + bytes > BULK_WINDOW_BYTES) {
      throw new TsyncError({ kind: "stream", detail: "the peer gives more credit than was spent" });
    }
    this.#credit += bytes;
    if (this.packer !== null) {
      const now = this.#clock.now();
      if (this.#starvedMs > 0) this.packer.stuck(now - this.#starvedMs);
      this.#starvedMs = 0;
      this.packer.credited(bytes, receiverIdle, now);
    }
    this.#wake();
  }

  // Everything else.

  /** Begins a frame that costs no credit; then controlEnd(). */
  control(type: number): ByteWriter {
    this.#closeEntries();
    this.#controlAt = beginFrame(this.#control, type);
    return this.#control;
  }

  controlEnd(): Wait {
    endFrame(this.#control, this.#controlAt);
    return this.#afterControl();
  }

  /** Begins a record in the ENTRY frame that is open, or in a new one; then entryEnd(). */
  entry(): ByteWriter {
    if (this.#entryAt !== NO_FRAME && this.#control.used - this.#entryAt > BATCH_BYTES) this.#closeEntries();
    if (this.#entryAt === NO_FRAME) this.#entryAt = beginFrame(this.#control, Message.entry);
    return this.#control;
  }

  /** A record waits for company: it goes with the next frame, with flushEntries(), or when there are many. */
  entryEnd(): Wait {
    return this.#control.used - this.#entryAt < ENTRY_BYTES ? undefined : this.#afterControl();
  }

  /** Before the session waits for the peer: what waits for company goes now. */
  flushEntries(): void {
    if (this.#entryAt !== NO_FRAME) this.#wake();
  }

  /** Undefined, or a promise until less is queued. */
  room(): Wait {
    if (this.#bulkQueued() <= QUEUE_BYTES && this.#control.used <= QUEUE_BYTES) return undefined;
    this.#room ??= new Gate();
    return this.#room.promise;
  }

  /** Settles when everything that may be sent was written; rejects when the session ends before. */
  drained(): Promise<void> {
    if (this.#isStopped) return Promise.reject(this.#stopError);
    this.#drained ??= new Gate();
    this.#wake();
    return this.#drained.promise;
  }

  /** Forgets queued bulk: only what control() brings still goes out. Waiters are failed. */
  dropBulk(error: unknown): void {
    this.#batch = null;
    this.#sealed.length = 0;
    this.#sealedBytes = 0;
    this.#credit = 0;
    this.#failWaiters(error);
  }

  /** Nothing goes out any more. Waiters are failed. */
  stop(error: unknown): void {
    this.#isStopped = true;
    this.#stopError = error;
    this.#failWaiters(error);
  }

  #failWaiters(error: unknown): void {
    this.#room?.fail(error);
    this.#room = null;
    this.#drained?.fail(error);
    this.#drained = null;
  }

  #bulkQueued(): number {
    return this.#sealedBytes + (this.#batch === null ? 0 : this.#batch.writer.used);
  }

  /** The batch that takes the next frame: not full, no frame open in it. */
  #openBatch(): Batch {
    if (this.#batch !== null) {
      if (this.#batch.writer.used >= BATCH_BYTES) this.#seal(this.#batch);
      else closeRecords(this.#batch);
    }
    this.#batch ??= this.#pool.pop() ?? new Batch();
    return this.#batch;
  }

  #seal(batch: Batch): void {
    closeRecords(batch);
    this.#sealed.push(batch);
    this.#sealedBytes += batch.writer.used;
    this.#batch = null;
  }

  #closeEntries(): void {
    if (this.#entryAt === NO_FRAME) return;
    endFrame(this.#control, this.#entryAt);
    this.#entryAt = NO_FRAME;
  }

  #afterBulk(): Wait {
    const queued = this.#bulkQueued();
    if (queued < COMPANY_BYTES) {
      this.#wakeSoon();
      return undefined;
    }
    this.#wake();
    if (queued > QUEUE_BYTES) return this.room();
    if (queued < this.#eagerBytes || this.isWriting) return undefined;
    this.#eagerBytes *= 2;
    return new Promise((resume) => this.#clock.soon(resume));
  }

  #afterControl(): Wait {
    this.#wake();
    return this.#control.used > QUEUE_BYTES ? this.room() : undefined;
  }

  /** As soon as it can be SPLIT goes out; what follows goes to the sink that `splitting` then gives. */
  split(splitting: () => ByteSink): void {
    this.#splitting = splitting;
    this.#wake();
  }

  // The writer.

  /** The same of a little bulk: when nobody adds to it any more for now. */
  #wakeSoon(): void {
    if (this.#isWokenSoon || this.#isWoken || this.isWriting || this.#isStopped) return;
    this.#isWokenSoon = true;
    this.#clock.soon(() => {
      this.#isWokenSoon = false;
      this.#wake();
    });
  }

  /** Sees to it that the queue is written once the caller has paused. */
  #wake(): void {
    if (this.#isWoken || this.isWriting || this.#isStopped) return;
    this.#isWoken = true;
    queueMicrotask(() => this.#write());
  }

  async #write(): Promise<void> {
    this.#isWoken = false;
    if (this.isWriting || this.#isStopped) return;
    this.isWriting = true;
    try {
      // What has come meanwhile to a sink that took all at once waits for company again.
      for (let isFirst = true; !this.#isStopped; isFirst = false) {
        if (this.#splitting !== null) await this.#split(this.#splitting);
        if (!isFirst && this.#waitsForCompany) break;
        const bytes = this.#next();
        if (bytes !== null) await this.#put(bytes);
        else if (!this.#isFlushDue) break;
        else {
          await this.#sink.flush!();
          if (!this.#hasMore) break;
        }
      }
    } catch (error) {
      // Waiters wait on: the session ends with a better reason, if the reading side has one.
      this.#isStopped = true;
      this.#stopError = error;
      this.#onBroken(error);
    }
    this.isWriting = false;
    if (this.#waitsForCompany) this.#wakeSoon();
    else if (!this.#isStopped) {
      this.#drained?.open();
      this.#drained = null;
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.lastWriteMs = this.#clock.now();
    await this.#sink.write(bytes);
    const tookMs = this.#clock.now() - this.lastWriteMs;
    this.writtenMs += tookMs;
    this.packer?.stuck(tookMs);
    this.sentBytes += bytes.length;
    this.#settle();
  }

  async #split(splitting: () => ByteSink): Promise<void> {
    this.#splitting = null;
    const frame = new ByteWriter(HEADER_BYTES);
    endFrame(frame, beginFrame(frame, Message.split));
    await this.#sink.write(frame.view());
    this.sentBytes += HEADER_BYTES;
    this.#sink = splitting();
  }

  /** Whether somebody waits for all to be out, which the sink knows better than we do. */
  get #isFlushDue(): boolean {
    return this.#drained !== null && this.#sink.flush !== undefined;
  }

  get #hasMore(): boolean {
    return this.#control.used > 0 || this.#splitting !== null || (this.#bulkQueued() > 0 && this.#credit > 0);
  }

  /** Whether all that could be written is a little bulk, and nobody waits for that to be out. */
  get #waitsForCompany(): boolean {
    const queued = this.#bulkQueued();
    return queued > 0 && queued < COMPANY_BYTES && this.#credit > 0 && this.#control.used === 0 &&
      this.#drained === null;
  }

  /** What is to be written next; null if there is nothing, or no credit for it. */
  #next(): Uint8Array | null {
    if (this.#control.used > 0) {
      this.#closeEntries();
      const full = this.#control;
      this.#control = this.#otherControl;
      this.#control.clear();
      this.#otherControl = full;
      return full.view();
    }
    if (this.#sealed.length === 0 && this.#batch !== null && this.#batch.writer.used > 0) this.#seal(this.#batch);
    if (this.#sealed.length === 0) return null;
    const batch = this.#sealed[0];
    const from = batch.sent;
    const packed = this.#credit > 0 ? this.packer?.pack(batch.writer.bytes.subarray(from, batch.writer.used)) : null;
    if (packed) {
      this.#credit -= packed.length;
      batch.sent = batch.writer.used;
      return packed;
    }
    batch.sent = this.#spend(batch);
    if (batch.sent > from) return batch.writer.bytes.subarray(from, batch.sent);
    this.#starvedMs ||= this.#clock.now();
    return null;
  }

  /** Spends credit on the frames of a batch that have not been sent, one by one; returns where the last affordable one ends. */
  #spend(batch: Batch): number {
    const { bytes, used } = batch.writer;
    let at = batch.sent;
    if (this.#credit >= used - at) {
      this.#credit -= used - at;
      return used;
    }
    while (at < used && this.#credit > 0) {
      const length = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
      at += HEADER_BYTES + length;
      this.#credit -= HEADER_BYTES + length;
    }
    return at;
  }

  /** After a write: gives back a batch that is through, and lets those go on who waited for room. */
  #settle(): void {
    const batch = this.#sealed[0];
    if (batch !== undefined && batch.sent === batch.writer.used) {
      this.#sealed.shift();
      this.#sealedBytes -= batch.writer.used;
      batch.writer.clear();
      batch.sent = 0;
      if (this.#pool.length < POOLED_BATCHES) this.#pool.push(batch);
    }
    if (this.#room !== null && this.#bulkQueued() <= RESUME_BYTES && this.#control.used <= RESUME_BYTES) {
      this.#room.open();
      this.#room = null;
    }
  }
}

/** Writes a header whose length comes later; returns where it stands. */
function beginFrame(writer: ByteWriter, type: number): number {
  const at = writer.used;
  writer.u32(0);
  writer.u8(type);
  return at;
}

function endFrame(writer: ByteWriter, at: number): void {
  writer.putU32(at, writer.used - at - HEADER_BYTES);
}

function closeRecords(batch: Batch): void {
  if (batch.recordsOf === NO_FRAME) return;
  endFrame(batch.writer, batch.recordsAt);
  batch.recordsOf = NO_FRAME;
}
