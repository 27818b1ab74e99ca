// A sink that keeps to a rate (--bwlimit). Wrapped around the write side of a transport, or asked by a local run before each piece of
// content. Promises: over seconds no more than the rate goes out; what was saved by waiting elsewhere is worth at most BURST_MS; a
// long write is cut into pieces, so that the far side sees bytes coming all the time.

import { after, monotonicMs } from "../os/clock.ts";
import type { ByteSink } from "../os/streams.ts";

/** Timers come late, on a busy machine by much; so much may be caught up. */
const BURST_MS = 500;
/** A piece is what goes out in this time, within bounds. */
const PIECE_MS = 50;
const LEAST_PIECE = 512;
const MOST_PIECE = 256 << 10;

/** A bucket: `spend` says when so many bytes more are due. */
export class Pace {
  readonly pieceBytes: number;
  readonly #bytesPerMs: number;
  readonly #now: () => number;
  #dueMs: number;

  constructor(rateKib: number, now: () => number = monotonicMs) {
    this.#bytesPerMs = rateKib * 1024 / 1000;
    this.pieceBytes = Math.min(Math.max(Math.floor(this.#bytesPerMs * PIECE_MS), LEAST_PIECE), MOST_PIECE);
    this.#now = now;
    this.#dueMs = now();
  }

  /** Takes `bytes` into account; how long to wait until they are paid for, ms. */
  spend(bytes: number): number {
    const now = this.#now();
    this.#dueMs = Math.max(this.#dueMs, now - BURST_MS) + bytes / this.#bytesPerMs;
    return Math.max(0, this.#dueMs - now);
  }

  /** Settles when `bytes` are paid for; undefined where they are already. */
  take(bytes: number): Promise<void> | undefined {
    const wait = this.spend(bytes);
    return wait < 1 ? undefined : new Promise((resolve) => after(wait, resolve));
  }
}

export function pacedSink(sink: ByteSink, rateKib: number): ByteSink {
  const pace = new Pace(rateKib);
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; at += pace.pieceBytes) {
        const piece = bytes.subarray(at, at + pace.pieceBytes);
        await sink.write(piece);
        await pace.take(piece.length);
      }
    },
    close: () => sink.close(),
  };
}
