// The digest of content: XXH3-128 with a seed, 16 bytes in canonical (big-endian) order. Called by the halves for every file
// that crosses a wire, for -c, and by the session for its seed. Promises: the same bytes give the same digest however they are
// cut into updates; one instance works on one content at a time, and has 128 KiB of memory of its own.

import { WASM_BASE64 } from "./kernels/hash_wasm.ts";

/** Bytes of a digest. */
export const DIGEST_BYTES = 16;

/** The exports of kernels/assembly/hash.ts. Addresses and lengths in bytes. */
interface Kernel {
  memory: WebAssembly.Memory;
  INPUT: WebAssembly.Global;
  INPUT_BYTES: WebAssembly.Global;
  RESULT: WebAssembly.Global;
  setSeed(low: number, high: number): void;
  hash128(at: number, bytes: number, into: number): void;
  streamStart(): void;
  streamUpdate(at: number, bytes: number): void;
  streamDigest(into: number): void;
}

let compiled: WebAssembly.Module | undefined;

export class ContentHash {
  readonly #kernel: Kernel;
  readonly #input: number;
  readonly #result: number;
  /** The kernel's room for input; its memory never grows, so that this view stays. */
  readonly #room: Uint8Array;

  private constructor(seedLow: number, seedHigh: number) {
    compiled ??= new WebAssembly.Module(Uint8Array.fromBase64(WASM_BASE64));
    this.#kernel = new WebAssembly.Instance(compiled).exports as unknown as Kernel;
    const { memory, INPUT, INPUT_BYTES, RESULT } = this.#kernel;
    this.#input = INPUT.value;
    this.#result = RESULT.value;
    this.#room = new Uint8Array(memory.buffer, this.#input, INPUT_BYTES.value);
    this.#kernel.setSeed(seedLow, seedHigh);
    this.#kernel.streamStart();
  }

  /** A hash under the seed seedHigh * 2^32 + seedLow; both are unsigned 32-bit numbers. Compiles the kernel on first use. */
  static create(seedLow: number, seedHigh: number): Promise<ContentHash> {
    return Promise.resolve(new ContentHash(seedLow, seedHigh));
  }

  /** Starts a new content. */
  reset(): void {
    this.#kernel.streamStart();
  }

  update(bytes: Uint8Array): void {
    const room = this.#room;
    const count = bytes.length;
    if (count <= room.length) {
      room.set(bytes);
      this.#kernel.streamUpdate(this.#input, count);
      return;
    }
    for (let at = 0; at < count; at += room.length) {
      const piece = bytes.subarray(at, at + room.length);
      room.set(piece);
      this.#kernel.streamUpdate(this.#input, piece.length);
    }
  }

  /** The digest of what was given since reset(); a new reset() must follow before the next update(). */
  digest(): Uint8Array<ArrayBuffer> {
    this.#kernel.streamDigest(this.#result);
    return this.#takeResult();
  }

  /** The digest of one whole content. */
  hash(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (bytes.length > this.#room.length) {
      this.reset();
      this.update(bytes);
      return this.digest();
    }
    this.#room.set(bytes);
    this.#kernel.hash128(this.#input, bytes.length, this.#result);
    return this.#takeResult();
  }

  #takeResult(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#kernel.memory.buffer as ArrayBuffer, this.#result, DIGEST_BYTES).slice();
  }
}
