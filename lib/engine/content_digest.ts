// The digest of one file that travels in pieces (PROTOCOL.md section 7): each run of adjoining data with its offset in front, then
// the size. How the data was cut does not matter. Used by sender and receiver alike.

import type { Digester } from "./environment.ts";

const scratch = new Uint8Array(8);
const view = new DataView(scratch.buffer);

export class ContentDigest {
  readonly #digester: Digester;
  #end = -1;

  /** The digester is this file's until end(). */
  constructor(digester: Digester) {
    this.#digester = digester;
    digester.reset();
  }

  data(offset: number, bytes: Uint8Array): void {
    if (offset !== this.#end) this.#number(offset);
    this.#end = offset + bytes.length;
    this.#digester.update(bytes);
  }

  end(size: number): Uint8Array {
    this.#number(size);
    return this.#digester.digest();
  }

  #number(value: number): void {
    view.setUint32(0, value % 4294967296, true);
    view.setUint32(4, Math.floor(value / 4294967296), true);
    this.#digester.update(scratch);
  }
}
