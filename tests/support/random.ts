// A small seeded generator, so that a random test can be repeated from the seed it names.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  shuffle<T>(values: T[]): T[] {
    for (let i = values.length - 1; i > 0; i--) {
      const k = this.below(i + 1);
      [values[i], values[k]] = [values[k], values[i]];
    }
    return values;
  }
}

/** Whether every case is to run in full (deno task test:long). */
export const LONG = Deno.env.get("TSYNC_TEST_LONG") === "1";

/** Where seeded tests start: 1 in the gate, the clock's in the long run, TSYNC_TEST_SEED where it is set. */
export function firstSeed(): number {
  return Number(Deno.env.get("TSYNC_TEST_SEED") ?? (LONG ? Date.now() % 1_000_000 : 1));
}
