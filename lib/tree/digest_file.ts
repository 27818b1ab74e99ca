// The digest of a whole file's content, for -c: read in pieces, with breaths, in constant memory.

import type { Handle, Os } from "../os/os.ts";

const PIECE_BYTES = 256 << 10;
const BREATH_BYTES = 64 << 20;
const piece = new Uint8Array(PIECE_BYTES);

export interface StreamDigest {
  reset(): void;
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** 16 bytes, or null if the file could not be read. The digester must not be used by others until it settles. */
export async function digestFile(
  os: Os,
  file: Handle,
  digester: StreamDigest,
  breathe: () => Promise<void>,
): Promise<Uint8Array | null> {
  digester.reset();
  let sinceBreath = 0;
  for (;;) {
    const count = os.read(file, piece);
    if (count < 0) return null;
    if (count === 0) return digester.digest();
    digester.update(piece.subarray(0, count));
    sinceBreath += count;
    if (sinceBreath < BREATH_BYTES) continue;
    sinceBreath = 0;
    await breathe();
  }
}
