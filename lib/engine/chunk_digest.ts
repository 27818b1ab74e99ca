// The digest of a file that travels as a delta (PROTOCOL.md section 7): that of its chunks' digests. A target that already holds most of
// the content need only digest the chunks that change. Used by delta_source.ts, receiver.ts and basis_copy.ts alike. Promises: memory
// is 1 MiB at most, whatever the size of the file.

import { ContentDigest } from "./content_digest.ts";
import type { Digester } from "./environment.ts";

const DIGEST_BYTES = 16;
const LEAST_CHUNK_BYTES = 256 << 10;
const MOST_CHUNKS = 1 << 16;

/** Bytes of a chunk of a file of `size` bytes: a power of two, so that there are at most 65,536. */
export function chunkBytesFor(size: number): number {
  let chunkBytes = LEAST_CHUNK_BYTES;
  while (chunkBytes * MOST_CHUNKS < size) chunkBytes *= 2;
  return chunkBytes;
}

export class ChunkDigest {
  readonly #digester: Digester;
  readonly #size: number;
  readonly #chunkBytes: number;
  readonly #digests: Uint8Array<ArrayBuffer>;
  /** The chunk that data is coming for; those before are digested. */
  #chunk: number;
  #current: ContentDigest;

  /** The digester is this file's until end(). The chunks before `from` are put. */
  constructor(digester: Digester, size: number, from = 0) {
    this.#digester = digester;
    this.#size = size;
    this.#chunkBytes = chunkBytesFor(size);
    this.#digests = new Uint8Array(Math.ceil(size / this.#chunkBytes) * DIGEST_BYTES + 8);
    this.#chunk = from;
    this.#current = new ContentDigest(digester);
  }

  /** The digest of a chunk that is known. */
  put(chunk: number, digest: Uint8Array): void {
    this.#digests.set(digest, chunk * DIGEST_BYTES);
  }

  /** Data at `offset`, behind all before; what lies between is a hole. */
  data(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const at = offset + done;
      const chunk = Math.floor(at / this.#chunkBytes);
      while (this.#chunk < chunk) this.#close();
      const count = Math.min(bytes.length - done, (chunk + 1) * this.#chunkBytes - at);
      this.#current.data(at, bytes.subarray(done, done + count));
      done += count;
    }
  }

  /** The digest of the file; its size was told at the start. */
  end(_size: number): Uint8Array {
    while (this.#chunk * this.#chunkBytes < this.#size) this.#close();
    const view = new DataView(this.#digests.buffer, this.#digests.length - 8);
    view.setUint32(0, this.#size % 4294967296, true);
    view.setUint32(4, Math.floor(this.#size / 4294967296), true);
    return this.#digester.hash(this.#digests);
  }

  #close(): void {
    this.put(this.#chunk, this.#current.end(Math.min(this.#size, (this.#chunk + 1) * this.#chunkBytes)));
    this.#chunk++;
    this.#current = new ContentDigest(this.#digester);
  }
}
