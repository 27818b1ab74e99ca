// The module behind ContentHash (lib/hash/content_hash.ts): XXH3 and room for its input. INPUT is where the caller copies bytes to,
// RESULT where digests appear.

// @ts-nocheck: AssemblyScript, not TypeScript.

export { hash128, setSeed, streamDigest, streamStart, streamUpdate } from "./xxh3";
import { hash64 as wide64 } from "./xxh3";

/** Bytes of INPUT: what stays in the nearest caches while it is copied and hashed. */
export const INPUT_BYTES: u32 = 65536;
export const INPUT: usize = memory.data(65536, 16);
export const RESULT: usize = memory.data(16, 16);

/** XXH3-64, 8 bytes at `into` in canonical (big-endian) order. */
export function hash64(at: usize, bytes: u32, into: usize): void {
  store<u64>(into, bswap(wide64(at, bytes)));
}
