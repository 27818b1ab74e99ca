// Random numbers and bytes that are the same in every run. Called by data.ts, text.ts, measure.ts and micro.ts.

/** Numbers from 0 up to 1 by Mulberry32 (Tommy Ettinger, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes that neither compress nor repeat, by xorshift128 (Marsaglia 2003). */
export class RandomBytes {
  #x: number;
  #y: number;
  #z: number;
  #w: number;

  constructor(seed: number) {
    const random = seededRandom(seed);
    [this.#x, this.#y, this.#z, this.#w] = [1, 2, 3, 4].map(() => (random() * 2 ** 32) | 1);
  }

  /** Fills all of `into` but the last `length % 4` bytes, which stay as they are. */
  fill(into: Uint8Array): void {
    const words = new Uint32Array(into.buffer, into.byteOffset, into.length >>> 2);
    let x = this.#x, y = this.#y, z = this.#z, w = this.#w;
    for (let i = 0; i < words.length; i++) {
      const t = x ^ (x << 11);
      x = y;
      y = z;
      z = w;
      w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
      words[i] = w;
    }
    this.#x = x, this.#y = y, this.#z = z, this.#w = w;
  }
}
