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

/** A link of a longer round trip is taken for a slow one until it is measured: ssh's window of 2 MiB limits it, too. */
export const FAR_MS = 5;
/** The level for a link that is taken for slow, and where compressing is asked for. */
const FIRST_LEVEL = 3;

/** Levels by the link's rate, MB/s. From KERNELS: on one core level 6 takes in 125 MB/s of text, 3 350, 1 400; packed it is a fourth. */
const RATES = [{ below: 16, level: 6 }, { below: 50, level: 3 }, { below: 125, level: 1 }];

/** Share of the time in which we could not send, and in which the receiver waited, from which the link is the bottleneck. */
const BOUND = 0.5;
/** Share of the time below which we hold the link up ourselves. */
const FREE = 0.2;
/** Measurements after which a link that is not full is tried without compressing; doubles each time that was wrong. */
const FIRST_PATIENCE = 8;
const LONGEST_PATIENCE = 1024;

/** What was seen between two messages in which the receiver gave credit back. */
export interface LinkSample {
  /** Bytes that arrived, as they crossed. */
  bytes: number;
  ms: number;
  /** Of these ms: in which we had something to send and could not. */
  stuckMs: number;
  /** Share of the time, 0 to 1, in which the receiver waited for bytes. */
  receiverIdle: number;
}

export class LevelChooser {
  /** The zstd level for the next block, or RAW. */
  level: number;
  readonly #wish: CompressionWish;
  #patience = FIRST_PATIENCE;
  /** Measurements since the level was 1 and the link not full. */
  #free = 0;
  #isTrial = false;

  constructor(wish: CompressionWish) {
    this.#wish = wish;
    this.level = wish.compress === "always" ? FIRST_LEVEL : RAW;
  }

  /** A first guess, before anything is measured. */
  roundTrip(ms: number): void {
    if (this.#wish.compress === "auto" && ms > FAR_MS) this.level = FIRST_LEVEL;
  }

  /** The level that is to be used now: a fixed one, where there is one. */
  get chosen(): number {
    const { compress, compressLevel } = this.#wish;
    if (compress === "never" || this.level === RAW) return RAW;
    return compressLevel ?? this.level;
  }

  measured({ bytes, ms, stuckMs, receiverIdle }: LinkSample): void {
    if (!(ms > 0)) return;
    const stuck = stuckMs / ms;
    const rate = bytes / ms / 1000;
    if (stuck >= BOUND && receiverIdle >= BOUND) this.#bound(rate);
    else if (this.level !== RAW && stuck < FREE) {
      this.#free < this.#patience && this.level === 1 ? this.#free++ : this.#fall();
    }
  }

  /** The link is full at `rate` MB/s. */
  #bound(rate: number): void {
    const level = RATES.find(({ below }) => rate < below)?.level ?? RAW;
    if (this.#isTrial && level !== RAW) this.#patience = Math.min(2 * this.#patience, LONGEST_PATIENCE);
    this.#isTrial = false;
    this.#free = 0;
    this.level = level === RAW && this.#wish.compress === "always" ? 1 : level;
  }

  /** The link could take more than we make. */
  #fall(): void {
    this.#free = 0;
    if (this.level > 1) this.level = RATES[RATES.findIndex(({ level }) => level === this.level) + 1].level;
    else if (this.#wish.compress === "auto") {
      this.level = RAW;
      this.#isTrial = true;
    }
  }
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
  const step = Math.floor((block.length - PIECE_BYTES) / (PIECES - 1));
  for (let i = 0; i < PIECES; i++) into.set(block.subarray(i * step, i * step + PIECE_BYTES), i * PIECE_BYTES);
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
