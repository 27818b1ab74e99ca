// The digest of a whole file's content, for -c: read in pieces, with breaths, in constant memory.

import { type Handle, type Os, Stat } from "../os/os.ts";
import { statRegular } from "./read_file.ts";

const PIECE_BYTES = 256 << 10;
const BREATH_BYTES = 64 << 20;
const piece = new Uint8Array(PIECE_BYTES);

export interface StreamDigest {
  reset(): void;
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/**
 * 16 bytes, or null if the file could not be read or is no regular file (a device may never end). A file that grows meanwhile
 * counts up to its size at the start. The digester must not be used by others until it settles.
 */
export async function digestFile(
  os: Os,
  file: Handle,
  digester: StreamDigest,
  breathe: () => Promise<void>,
): Promise<Uint8Array | null> {
  const stat = new Stat();
  if (statRegular(os, file, stat) < 0) return null;
  digester.reset();
  let sinceBreath = 0;
  for (let left = stat.size;;) {
    const count = left === 0 ? 0 : os.read(file, left < PIECE_BYTES ? piece.subarray(0, left) : piece);
    if (count < 0) return null;
    if (count === 0) return digester.digest();
    digester.update(piece.subarray(0, count));
    left -= count;
    sinceBreath += count;
    if (sinceBreath < BREATH_BYTES) continue;
    sinceBreath = 0;
    await breathe();
  }
}
