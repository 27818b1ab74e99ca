// The digest of content: XXH3-128 with a seed, 16 bytes in canonical (big-endian) order. Called by the halves for every file
// that crosses a wire, for -c, and by the session for its seed. Promises: the same bytes give the same digest however they are
// cut into updates; one instance works on one content at a time.

interface Hasher {
  init(): Hasher;
  update(bytes: Uint8Array): Hasher;
  digest(form: "binary"): Uint8Array<ArrayBuffer>;
}

interface HashWasm {
  createXXHash128(seedLow: number, seedHigh: number): Promise<Hasher>;
}

/** Bytes of a digest. */
export const DIGEST_BYTES = 16;

export class ContentHash {
  readonly #hasher: Hasher;

  private constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** A hash under the seed seedHigh * 2^32 + seedLow; both are unsigned 32-bit numbers. Loads the algorithm on first use. */
  static async create(seedLow: number, seedHigh: number): Promise<ContentHash> {
    // Only this algorithm's file, and only when it is needed: it costs start time, and whatever is imported is embedded.
    const module = await import("hash-wasm/xxhash128");
    const { createXXHash128 } = module.default as HashWasm;
    return new ContentHash(await createXXHash128(seedLow, seedHigh));
  }

  /** Starts a new content. */
  reset(): void {
    this.#hasher.init();
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** The digest of what was given since reset(); a new reset() must follow before the next update(). */
  digest(): Uint8Array<ArrayBuffer> {
    return this.#hasher.digest("binary");
  }

  /** The digest of one whole content. */
  hash(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#hasher.init().update(bytes).digest("binary");
  }
}
