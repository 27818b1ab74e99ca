// Whether to compress, and how hard: decided anew for each block, from what the options ask for, how fast the link is seen to
// be, and whether the content shrinks. Called by lib/session. Pure: no clock, no compressor; times and results are told.
//
// The idea: compressing pays where the link is what everybody waits for. That is so while we cannot get rid of what we have to
// send and the receiver has nothing to do. Then the link's rate chooses the level: the slower, the harder. Where we hold the link up
// ourselves, the level falls.

/** What the options say. */
export interface CompressionWish {
  /** "always": whatever the link is. Content that does not shrink goes as it is even then. */
  compress: "auto" | "always" | "never";
  /** A fixed zstd level; null: chosen by the rate. */
  compressLevel: number | null;
}

/** zstd levels that can be asked for; beyond 22 there are none, and below -50 hardly anything shrinks. */
export const LOWEST_LEVEL = -50;
export const HIGHEST_LEVEL = 22;

/** Not compressed. */
export const RAW = 0;

/** A link of a longer round trip is taken for a slow one until it is measured. A shorter one may be a machine that is busy. */
export const FAR_MS = 15;
/** Before the round trip is known so many bytes go as they are; what is more is likely to have a long way. */
const UNTIMED_BYTES = 256 << 10;
/** The level for a link that is taken for slow, and where compressing is asked for. */
const FIRST_LEVEL = 3;

/** Levels by the link's rate, MB/s. Measured: on one core level 6 takes in 125 MB/s of text, 3 takes 350, 1 takes 400; a fourth comes out. */
const RATES = [{ below: 16, level: 6 }, { below: 50, level: 3 }, { below: 125, level: 1 }];

/** Share of the time in which we could not send, and in which the receiver waited, from which the link is the bottleneck. */
const BOUND = 0.5;
/** Shares below which it is not: we hold it up ourselves, or the receiver does. */
const FREE = 0.2;
/** Measurements of a slow link in a row before it is believed; four times as many after each time that compressing did not help. */
const FIRST_PATIENCE = 3;
const LONGEST_PATIENCE = 4096;
/** Measurements after which compressing must have helped, and by how much: where the machine is the link, it may not. */
const TRIAL = 6;
const GAIN = 1.1;
/** By how much of the difference one measurement moves the rate. */
const SMOOTH = 4;
/** Measurements of a link that is not full before the level falls by one. */
const FREE_STEP = 3;
/** Measurements of a link that is not full at level 1 before it is tried without compressing; many more once that has helped. */
const FREE_PATIENCE = 8;
const HELPED_PATIENCE = 512;

/** What was seen between two messages in which the receiver gave credit back. */
export interface LinkSample {
  /** Bytes that arrived, as they crossed. */
  bytes: number;
  ms: number;
  /** Of these ms: in which we had something to send and could not. */
  stuckMs: number;
  /** Share of the time, 0 to 1, in which the receiver waited for bytes. */
  receiverIdle: number;
  /** How many bytes one byte that crossed stands for. */
  shrink: number;
}

/** Measurements in a row. */
class Series {
  count = 0;
  #bytes = 0;
  #ms = 0;

  add(bytes: number, ms: number): void {
    this.count++;
    this.#bytes += bytes;
    this.#ms += ms;
  }

  /** MB/s. */
  get rate(): number {
    return this.#bytes / this.#ms / 1000;
  }
}

export class LevelChooser {
  /** The zstd level that the link asks for, or RAW. */
  #level: number;
  readonly #wish: CompressionWish;
  #isTimed = false;
  #untimedBytes = 0;
  #patience = FIRST_PATIENCE;
  #series = new Series();
  /** What crossed before compressing began, MB/s; 0: not known, or no question any more. */
  #rateBefore = 0;
  /** What the full link carries, MB/s, smoothed; 0: not known. */
  #rate = 0;
  /** Measurements in a row that found it not full. */
  #free = 0;
  #freePatience = FREE_PATIENCE;

  constructor(wish: CompressionWish) {
    this.#wish = wish;
    this.#level = wish.compress === "always" ? FIRST_LEVEL : RAW;
  }

  /** A first guess, before anything is measured. */
  roundTrip(ms: number): void {
    this.#isTimed = true;
    if (this.#wish.compress === "auto" && ms > FAR_MS) this.#level = FIRST_LEVEL;
  }

  /** `bytes` more are to be sent. */
  offered(bytes: number): void {
    if (!this.#isTimed) this.#untimedBytes += bytes;
  }

  /** The level for the next block, or RAW. */
  get level(): number {
    if (this.#wish.compress === "never") return RAW;
    const isLate = !this.#isTimed && this.#untimedBytes > UNTIMED_BYTES;
    const level = this.#level === RAW && isLate ? FIRST_LEVEL : this.#level;
    return level === RAW ? RAW : this.#wish.compressLevel ?? level;
  }

  measured(sample: LinkSample): void {
    if (!(sample.ms > 0)) return;
    const stuck = sample.stuckMs / sample.ms;
    const isBound = stuck >= BOUND && sample.receiverIdle >= BOUND;
    if (this.#level === RAW) this.#watch(sample, isBound);
    else if (isBound) this.#follow(sample.bytes / sample.ms / 1000);
    else if (stuck < FREE || sample.receiverIdle < FREE) this.#loosen();
    if (this.#level !== RAW && this.#rateBefore > 0) this.#judge(sample);
  }

  /** Compresses once the link has been slow for long enough. */
  #watch({ bytes, ms }: LinkSample, isBound: boolean): void {
    if (!isBound || levelFor(bytes / ms / 1000) === RAW) this.#series = new Series();
    else this.#series.add(bytes, ms);
    if (this.#series.count < this.#patience) return;
    this.#rateBefore = this.#series.rate;
    this.#series = new Series();
    this.#rate = this.#rateBefore;
    this.#free = 0;
    this.#level = levelFor(this.#rate);
  }

  /** The level goes with the rate, smoothed: what buffers give back in one go is not the link. */
  #follow(rate: number): void {
    this.#rate = this.#rate === 0 ? rate : this.#rate + (rate - this.#rate) / SMOOTH;
    this.#free = 0;
    this.#setLevel(levelFor(this.#rate));
  }

  /** Stops compressing if it does not help. Content that did not shrink says nothing about it. */
  #judge({ bytes, ms, shrink }: LinkSample): void {
    if (shrink >= GAIN) this.#series.add(bytes * shrink, ms);
    if (this.#series.count < TRIAL) return;
    if (this.#series.rate < GAIN * this.#rateBefore) {
      this.#patience = Math.min(4 * this.#patience, LONGEST_PATIENCE);
      this.#level = RAW;
      this.#rate = 0;
    } else this.#freePatience = HELPED_PATIENCE;
    this.#series = new Series();
    this.#rateBefore = 0;
  }

  /** The link could take more than it gets: one level less hard, and in the end a look at what it takes of what is not compressed. */
  #loosen(): void {
    const at = RATES.findIndex(({ level }) => level === this.#level);
    const isLast = at + 1 === RATES.length;
    if (isLast && this.#rateBefore > 0) return;
    if (++this.#free < (isLast ? this.#freePatience : FREE_STEP)) return;
    this.#free = 0;
    this.#setLevel(isLast ? RAW : RATES[at + 1].level);
  }

  #setLevel(level: number): void {
    this.#level = level === RAW && this.#wish.compress === "always" ? 1 : level;
    if (this.#level !== RAW) return;
    this.#series = new Series();
    this.#rateBefore = this.#rate = 0;
  }
}

function levelFor(rate: number): number {
  return RATES.find(({ below }) => rate < below)?.level ?? RAW;
}

/** What is looked at of a block to see whether it shrinks: pieces spread over it. */
const PIECES = 4;
const PIECE_BYTES = 4096;
export const SAMPLE_BYTES = PIECES * PIECE_BYTES;
/** Of the raw size: a block, or a sample of one, that stays above is sent as it is. */
export const WORTH = 0.95;
/** Most blocks that go unseen after others that did not shrink: 4 MiB. */
const MOST_SKIPPED = 8;

/** The sample of a block in `into`, which holds SAMPLE_BYTES; the block itself where it is not much larger. */
export function sampleOf(block: Uint8Array, into: Uint8Array): Uint8Array {
  if (block.length < 2 * SAMPLE_BYTES) return block;
  for (let i = 0; i < PIECES; i++) {
    const at = Math.floor((block.length - PIECE_BYTES) * i / (PIECES - 1));
    into.set(block.subarray(at, at + PIECE_BYTES), i * PIECE_BYTES);
  }
  return into.subarray(0, SAMPLE_BYTES);
}

/** Remembers whether content shrinks: after blocks that did not, a growing number is not even looked at. */
export class ContentJudge {
  #failures = 0;
  #skip = 0;

  /** Whether the next block is to be looked at; counts it if not. */
  isWorthLooking(): boolean {
    if (this.#skip === 0) return true;
    this.#skip--;
    return false;
  }

  looked(shrinks: boolean): void {
    this.#failures = shrinks ? 0 : this.#failures + 1;
    this.#skip = shrinks ? 0 : Math.min(2 ** this.#failures - 1, MOST_SKIPPED);
  }
}
