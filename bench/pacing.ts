// The arithmetic of a slow line: when what is sent now is at the other end. Pure; used by wan_proxy.ts, which keeps the time.
// Promises: bytes leave in the order they came in, never faster than the rate, and each arrives one delay after it has left.

/** One line as wan_proxy.ts is given it, the same in both directions. */
export interface Link {
  /** Payload bytes per second of each direction; 0: no limit. */
  bytesPerSecond: number;
  /** Round trip time, milliseconds; half of it is each direction's delay. */
  rttMs: number;
}

/** Longest piece that is moved as one: 1.3 ms at 100 Mbit/s, so that a short message is not late by more than that. */
export const PIECE_BYTES = 16 << 10;

/** Room of the buffer before the bottleneck, beyond what is under way. */
const QUEUE_BYTES = 256 << 10;

/** One direction of a line; all connections that cross it share it. */
export class Lane {
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  #freeAt = 0;

  constructor(link: Link) {
    this.#bytesPerMs = link.bytesPerSecond === 0 ? Infinity : link.bytesPerSecond / 1000;
    this.#delayMs = link.rttMs / 2;
  }

  /** When `bytes` that enter at `now` are all at the other end, milliseconds on the caller's clock. Calls come in order of time. */
  dueAt(now: number, bytes: number): number {
    this.#freeAt = Math.max(now, this.#freeAt) + bytes / this.#bytesPerMs;
    return this.#freeAt + this.#delayMs;
  }
}

/** How many bytes one connection may have on the line: what fills a round trip, as TCP's window does, and the queue. */
export function windowBytes(link: Link): number {
  return Math.ceil(link.bytesPerSecond * link.rttMs / 1000) + QUEUE_BYTES;
}

/** Whether a measured figure lies within `tolerance` (0.05: 5 %) of the wanted one. */
export function isWithin(measured: number, wanted: number, tolerance: number): boolean {
  return Math.abs(measured - wanted) <= wanted * tolerance;
}
