// Lanes: one stream of bytes each way, carried by several connections (PROTOCOL.md section 13). What is written is cut into chunks; each goes
// to the lane that is free first, and is kept until the other side has used it, so that it can be sent again over another lane
// when one ends. Owned by a session that was split. Promises: every byte once and in order as long as one lane stands; at most WINDOW_BYTES
// kept for each direction, whatever the peer sends (law 3); lanes are always read, so that no word of the peer's waits behind a half
// that is busy; one that stands but gives nothing while others do is ended; the end of the last lane is the end of the stream.

import { TsyncError } from "../base/errors.ts";
import { Gate } from "../base/gate.ts";
import { LANE_CHUNK_BYTES, LANE_CHUNKS, LANE_WINDOW_BYTES } from "../base/limits.ts";
import type { ByteSink, ByteSource } from "../os/streams.ts";
import { CHUNK_HEADER_BYTES, type ChunkHeader, decodeChunkHeader, encodeChunkHeader } from "./lane_chunk.ts";
import { LaneEar } from "./lane_ear.ts";

/** What was used is told at the latest after so much. */
const ACK_BYTES = 1 << 20;
const ACK_CHUNKS = LANE_CHUNKS / 4;
const FULL_BYTES = CHUNK_HEADER_BYTES + LANE_CHUNK_BYTES;

/** One connection's two directions, and how it is ended. */
export interface LaneStreams {
  source: ByteSource;
  sink: ByteSink;
  end(): void;
}

interface Lane extends LaneStreams {
  isBusy: boolean;
  isOver: boolean;
  ear: LaneEar;
}

/** Why a lane was lost: it ended, or gave nothing any more. */
export type LaneLoss = "ended" | "silent";

/** What was sent and not yet used by the peer; `lane` is null while it waits to be sent again. */
interface Chunk {
  sequence: number;
  /** Room for the header, and the content behind it. */
  bytes: Uint8Array;
  lane: Lane | null;
  /** Writes of it that are under way: until they are over its bytes may not change, used or not. */
  writes: number;
}

const NOTHING: ByteSource = { read: () => Promise.resolve(null) };

export class Lanes implements ByteSource, ByteSink {
  readonly #lanes: Lane[] = [];
  #first: Lane | null = null;
  /** The lane that is asked first, so that equal lanes get equal shares. */
  #turn = 0;
  #error: TsyncError | null = null;
  #isEnded = false;
  // Writing.
  readonly #unused: Chunk[] = [];
  /** Room of full chunks that were used: made anew for each, it would be there several times over before it is collected. */
  readonly #spare: Uint8Array[] = [];
  #unusedBytes = 0;
  #nextSequence = 0;
  #isAckDue = false;
  /** Open when something may be written again. */
  #room: Gate | null = null;
  #idle: Gate | null = null;
  // Reading: chunks by their sequence number, modulo LANE_CHUNKS.
  readonly #arrived: (Uint8Array | null)[] = Array(LANE_CHUNKS).fill(null);
  #arrivedBytes = 0;
  #used = 0;
  #usedOfNext = 0;
  #untoldBytes = 0;
  #untoldChunks = 0;
  #news: Gate | null = null;

  /**
   * `first`: the connection that has carried the stream so far; it takes part when openFirst() and readFirst() say so, and stands until
   * then. Null: there is none but those that are added.
   */
  constructor(first: Omit<LaneStreams, "source"> | null) {
    if (first === null) return;
    this.#first = this.#taken({ sink: first.sink, source: NOTHING, end: () => first.end() });
    this.#first.isBusy = true;
  }

  /** Hears of a lane that ended while others stand. */
  onLost: (why: LaneLoss) => void = () => {};
  /** The most there were at a time. */
  most = 0;

  /** How many there are. */
  get count(): number {
    return this.#lanes.length;
  }

  /** Takes a connection in; where the run has ended it is ended at once. */
  add(streams: LaneStreams): void {
    const lane = this.#taken(streams);
    if (lane.isOver) return;
    this.#listen(lane);
    this.#pump();
  }

  /** The first connection may be written to. */
  openFirst(): void {
    this.#first!.isBusy = false;
    this.#pump();
  }

  /** From here on the first connection's other direction is one of chunks, too. */
  readFirst(source: ByteSource): void {
    this.#first!.source = source;
    if (!this.#first!.isOver) this.#listen(this.#first!);
  }

  #taken(streams: LaneStreams): Lane {
    const lane: Lane = { ...streams, isBusy: false, isOver: this.#isEnded, ear: new LaneEar() };
    if (lane.isOver) streams.end();
    else {
      this.#lanes.push(lane);
      this.most = Math.max(this.most, this.#lanes.length);
    }
    return lane;
  }

  // Writing.

  /** Resolves when all of it is on its way, or kept to be sent. Rejects when no lane is left. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += LANE_CHUNK_BYTES) {
      const content = bytes.subarray(at, at + LANE_CHUNK_BYTES);
      let lane = this.#laneFor(content.length);
      while (lane === null) {
        if (this.#isEnded) throw new Error("all connections have ended");
        this.#room ??= new Gate();
        await this.#room.promise;
        lane = this.#laneFor(content.length);
      }
      const chunk: Chunk = { sequence: this.#nextSequence++, bytes: this.#withHeaderRoom(content), lane, writes: 0 };
      this.#unused.push(chunk);
      this.#unusedBytes += content.length;
      this.#send(lane, chunk);
    }
  }

  /** Settles when every chunk has been taken by its lane: only then may the process end. Rejects when no lane is left. */
  async flush(): Promise<void> {
    for (;;) {
      if (this.#isEnded) throw new Error("all connections have ended");
      if (!this.#lanes.some((lane) => lane.isBusy) && this.#unused.every((chunk) => chunk.lane !== null)) return;
      this.#idle ??= new Gate();
      await this.#idle.promise;
    }
  }

  /** Says on every lane that nothing follows; ends those that would not hear it. */
  close(): void {
    for (const lane of [...this.#lanes]) {
      if (lane.ear.isDoubted && this.#lanes.length > 1) this.#lost(lane, "silent");
      else lane.sink.close();
    }
  }

  /** Ends every lane. */
  end(): void {
    for (const lane of [...this.#lanes]) this.#lost(lane);
    this.#ended();
  }

  /** A lane that may take so much now; null if there is none, or the peer has not used enough. */
  #laneFor(length: number): Lane | null {
    if (this.#isEnded || this.#unused.length >= LANE_CHUNKS) return null;
    if (this.#unusedBytes + length > LANE_WINDOW_BYTES) return null;
    return this.#freeLane();
  }

  #freeLane(): Lane | null {
    const isDoubtful = this.#lanes.every((lane) => lane.ear.isDoubted);
    for (let i = 0; i < this.#lanes.length; i++) {
      const lane = this.#lanes[(this.#turn + i) % this.#lanes.length];
      if (lane.isBusy || (lane.ear.isDoubted && !isDoubtful)) continue;
      this.#turn = (this.#turn + i + 1) % this.#lanes.length;
      return lane;
    }
    return null;
  }

  #send(lane: Lane, chunk: Chunk): void {
    chunk.lane = lane;
    const length = chunk.bytes.length - CHUNK_HEADER_BYTES;
    encodeChunkHeader(chunk.bytes, { length, sequence: chunk.sequence, used: this.#used });
    this.#told();
    chunk.writes++;
    this.#put(lane, chunk.bytes, () => chunk.writes--);
  }

  #put(lane: Lane, bytes: Uint8Array, onOver = () => {}): void {
    lane.isBusy = true;
    lane.sink.write(bytes).then(() => {
      onOver();
      lane.isBusy = false;
      this.#pump();
    }, () => {
      // What fails may still hold them: they are not used again.
      lane.isBusy = false;
      this.#lost(lane);
    });
  }

  #withHeaderRoom(content: Uint8Array): Uint8Array {
    const length = CHUNK_HEADER_BYTES + content.length;
    const bytes = length === FULL_BYTES && this.#spare.pop() || new Uint8Array(length);
    bytes.set(content, CHUNK_HEADER_BYTES);
    return bytes;
  }

  #told(): void {
    this.#isAckDue = false;
    this.#untoldBytes = this.#untoldChunks = 0;
  }

  /** A lane has become free, or what keeps lanes idle has passed: first what was lost, then what the peer waits for, then what is new. */
  #pump(): void {
    for (const chunk of this.#unused) {
      if (chunk.lane !== null) continue;
      const lane = this.#freeLane();
      if (lane === null) return;
      this.#send(lane, chunk);
    }
    if (this.#isAckDue) this.#sendAck();
    this.#room?.open();
    this.#room = null;
    this.#idle?.open();
    this.#idle = null;
  }

  #sendAck(): void {
    const lane = this.#freeLane();
    if (lane !== null) this.#sendUsed(lane);
  }

  #sendUsed(lane: Lane): void {
    const bytes = new Uint8Array(CHUNK_HEADER_BYTES);
    encodeChunkHeader(bytes, { length: 0, sequence: 0, used: this.#used });
    this.#told();
    this.#put(lane, bytes);
  }

  /** To be called every LANE_BEAT_MS: ends the lanes that give nothing any more, and says on the others that we live. */
  beat(): void {
    const heard = this.#lanes.filter((lane) => lane.source !== NOTHING);
    LaneEar.beat(heard.map((lane) => lane.ear));
    for (const lane of heard) if (lane.ear.isSilent) this.#lost(lane, "silent");
    if (this.#lanes.length === 1) return;
    for (const lane of [...this.#lanes]) if (!lane.isBusy) this.#sendUsed(lane);
  }

  // Reading.

  /** The next bytes in order; null when no lane is left. Rejects if the peer breaks the rules. */
  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const chunk = this.#arrived[this.#used % LANE_CHUNKS];
      if (chunk !== null) return this.#take(chunk, into);
      if (this.#isEnded) return null;
      this.#news = new Gate();
      await this.#news.promise;
    }
  }

  #take(chunk: Uint8Array, into: Uint8Array): number {
    const count = Math.min(into.length, chunk.length - this.#usedOfNext);
    into.set(chunk.subarray(this.#usedOfNext, this.#usedOfNext + count));
    this.#usedOfNext += count;
    if (this.#usedOfNext === chunk.length) this.#useUp(chunk);
    return count;
  }

  #useUp(chunk: Uint8Array): void {
    this.#arrived[this.#used % LANE_CHUNKS] = null;
    this.#arrivedBytes -= chunk.length;
    this.#used++;
    this.#usedOfNext = 0;
    this.#untoldBytes += chunk.length;
    this.#untoldChunks++;
    if (this.#untoldBytes < ACK_BYTES && this.#untoldChunks < ACK_CHUNKS) return;
    this.#isAckDue = true;
    this.#pump();
  }

  async #listen(lane: Lane): Promise<void> {
    const header = new Uint8Array(CHUNK_HEADER_BYTES);
    try {
      while (!lane.isOver && await lane.ear.fill(lane.source, header)) {
        const chunk = decodeChunkHeader(header);
        this.#takeUsed(chunk.used);
        if (chunk.length === 0) continue;
        const content = new Uint8Array(chunk.length);
        if (!await lane.ear.fill(lane.source, content)) break;
        this.#arrive(chunk, content);
      }
    } catch (error) {
      // A connection that breaks is a lane less; a peer that breaks the rules is told so, by whoever reads.
      if (error instanceof TsyncError) return this.#refuse(error);
    }
    this.#lost(lane);
  }

  #arrive({ sequence, length }: ChunkHeader, content: Uint8Array): void {
    if (sequence >= this.#used + LANE_CHUNKS) broken(`chunk ${sequence} while ${this.#used} were used`);
    // It was sent again.
    if (sequence < this.#used || this.#arrived[sequence % LANE_CHUNKS] !== null) return;
    this.#arrivedBytes += length;
    if (this.#arrivedBytes > LANE_WINDOW_BYTES) broken("more bytes than a window takes");
    this.#arrived[sequence % LANE_CHUNKS] = content;
    if (sequence === this.#used) this.#wakeReader();
  }

  /** The peer has used so many chunks; words overtake each other on different lanes. */
  #takeUsed(used: number): void {
    if (used > this.#nextSequence) broken(`it used ${used} chunks, ${this.#nextSequence} were sent`);
    let count = 0;
    while (count < this.#unused.length && this.#unused[count].sequence < used) {
      const { bytes, writes } = this.#unused[count++];
      this.#unusedBytes -= bytes.length - CHUNK_HEADER_BYTES;
      if (writes === 0 && bytes.length === FULL_BYTES) this.#spare.push(bytes);
    }
    if (count === 0) return;
    this.#unused.splice(0, count);
    this.#pump();
  }

  // The end.

  #refuse(error: TsyncError): void {
    this.#error ??= error;
    this.#wakeReader();
  }

  #lost(lane: Lane, why: LaneLoss = "ended"): void {
    if (lane.isOver) return;
    lane.isOver = true;
    this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    lane.sink.close();
    lane.end();
    for (const chunk of this.#unused) if (chunk.lane === lane) chunk.lane = null;
    // What was told of over this lane may not have arrived.
    this.#isAckDue = true;
    if (this.#lanes.length === 0) return this.#ended();
    this.onLost(why);
    this.#pump();
  }

  #ended(): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      for (const lane of [...this.#lanes]) this.#lost(lane);
    }
    this.#wakeReader();
    for (const gate of [this.#room, this.#idle]) gate?.open();
    this.#room = this.#idle = null;
  }

  #wakeReader(): void {
    this.#news?.open();
    this.#news = null;
  }
}

function broken(what: string): never {
  throw new TsyncError({ kind: "stream", detail: `the peer breaks the rules of lanes: ${what}` });
}
