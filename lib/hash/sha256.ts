// SHA-256 of whole files: deployed agents and nothing on a run's way, hence loaded only when it is asked for. Called by
// lib/deploy. Measured: 97 MB in 50 ms.

import { hex } from "../base/bytes.ts";

/** Bytes read at a time; larger pieces change nothing. */
const PIECE_BYTES = 256 << 10;

/** The SHA-256, in hex, of all that `readAt(into, offset)` gives until it returns 0. */
export async function sha256Of(readAt: (into: Uint8Array, offset: number) => number): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  let offset = 0;
  for (let count = readAt(piece, 0); count > 0; count = readAt(piece, offset)) {
    hash.update(piece.subarray(0, count));
    offset += count;
  }
  return hex(new Uint8Array(hash.digest()));
}
