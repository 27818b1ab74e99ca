// The names of --files-from as they come to an agent that is to send what they name. Used by WireSession. Promises: no more than
// NAMES_BYTES are held, and each name has its end.

import { concatBytes } from "../base/bytes.ts";
import type { ByteReader } from "../base/codec.ts";
import { NAMES_BYTES } from "../base/limits.ts";
import { decodeNames } from "../wire/names_codec.ts";
import { broken } from "./core.ts";

export class NamesIntake {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  /** Takes one message; all names, each ended by NUL, with the last. */
  take(reader: ByteReader): Uint8Array | null {
    const { bytes, isLast } = decodeNames(reader);
    this.#bytes += bytes.length;
    if (this.#bytes > NAMES_BYTES) broken("the client names too much");
    this.#parts.push(bytes);
    if (!isLast) return null;
    const names = concatBytes(...this.#parts.splice(0));
    if (names.length > 0 && names[names.length - 1] !== 0) broken("the last name has no end");
    return names;
  }
}
