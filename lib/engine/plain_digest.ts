// XXH3-128 without a seed of a file's whole content, holes as zeros: the number that other programs make of it, too, for people.
// Nothing is decided by it. Used by the receiver of a job that asks for it.

import type { Handle, Os } from "../os/os.ts";
import { BREATH_BYTES, type Digester, type Environment } from "./environment.ts";

const PIECE_BYTES = 256 << 10;

/** Of the first `size` bytes; what the file does not have yet counts as zeros. The digester must not be used by others until it settles. */
export async function plainDigest(
  os: Os,
  file: Handle,
  size: number,
  digester: Digester,
  env: Environment,
): Promise<Uint8Array> {
  const piece = new Uint8Array(PIECE_BYTES);
  digester.reset();
  let sinceBreath = 0;
  for (let at = 0; at < size;) {
    const room = piece.subarray(0, Math.min(PIECE_BYTES, size - at));
    const count = os.readAt(file, room, at);
    if (count <= 0) room.fill(0);
    const bytes = count <= 0 ? room : room.subarray(0, count);
    digester.update(bytes);
    at += bytes.length;
    sinceBreath += bytes.length;
    if (sinceBreath < BREATH_BYTES) continue;
    sinceBreath = 0;
    await env.breathe();
  }
  return digester.digest();
}
