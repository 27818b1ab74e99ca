// The beginning of a client's stream, before there is anyone to read it: what is said first (the job, the source's roots) travels in
// the launch line, and the agent begins without being asked twice. Called by the job runner. Promises: the far side gets every byte
// once, in order; what did not fit the line follows the agent's answer.

import { concatBytes, EMPTY } from "../base/bytes.ts";
import { type ByteSink, type ByteSource, takeFrom } from "../os/streams.ts";

/** The client's sink: keeps what is written until the agent has answered. */
export class EarlySink implements ByteSink {
  readonly #sink: ByteSink;
  #held: Uint8Array[] = [];
  /** Null until the agent has answered; then the writing of what was kept. */
  #opening: Promise<void> | null = null;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#opening === null) this.#held.push(bytes.slice());
    else {
      await this.#opening;
      await this.#sink.write(bytes);
    }
  }

  close(): void {
    this.#sink.close();
  }

  /** What was written so far, to travel in the launch line; nothing if that is more than `most` bytes. */
  take(most: number): Uint8Array {
    const bytes = concatBytes(...this.#held);
    if (bytes.length > most) return EMPTY;
    this.#held = [];
    return bytes;
  }

  /** The agent reads: what was kept goes out, and then what is written. */
  open(): void {
    const kept = concatBytes(...this.#held);
    this.#held = [];
    this.#opening = kept.length === 0 ? Promise.resolve() : this.#sink.write(kept);
    // Whoever writes next hears of a failure.
    this.#opening.catch(() => {});
  }
}

/** A source that first gives `beginning`. */
export function prefixed(beginning: Uint8Array, source: ByteSource): ByteSource {
  let left = beginning;
  return {
    read(into) {
      if (left.length === 0) return source.read(into);
      const count = Math.min(into.length, left.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return Promise.resolve(count);
    },
    async take(into) {
      return left.length === 0 ? await takeFrom(source, into) : into.subarray(0, (await this.read(into))!);
    },
  };
}
