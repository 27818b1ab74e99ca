// Sizes of blocks: what both ends must agree on before they compare. Called by the halves (the target chooses, the source checks what
// it is told) and by this room. Promises: a signature has at most MAX_BLOCKS blocks, whatever the size of the file.

import { assert } from "../base/errors.ts";

/** A seed of the hashes of a session: high * 2^32 + low; both are unsigned 32-bit numbers. */
export interface Seed {
  readonly low: number;
  readonly high: number;
}

/** Block sizes are powers of two between these, bytes. */
export const MIN_BLOCK_BYTES = 512;
export const MAX_BLOCK_BYTES = 16 << 20;
/** What is chosen for small files, bytes: below it a block costs more in records than it saves. */
const SMALL_BLOCK_BYTES = 2 << 10;
/** Most blocks of one signature: 14 MiB of records. A basis of more than 16 TiB is signed up to there. */
export const MAX_BLOCKS = 1 << 20;

/** One block of a basis in a signature, bytes (assembly/records.ts). */
export const RECORD_BYTES = 14;
/** One fine block of round two, bytes. */
export const FINE_RECORD_BYTES = 5;

/**
 * The block size for a basis, bytes. An edit costs about one block of content, a block 14 bytes of signature, so the size grows with
 * the root of the file's: 64 KiB for 1 GiB, 2 MiB for 1 TiB. `wishBytes` (-B) is rounded up to what is possible.
 */
export function blockBytesFor(basisBytes: number, wishBytes = 0): number {
  const chosen = wishBytes > 0 ? Math.max(wishBytes, MIN_BLOCK_BYTES) : Math.max(
    2 ** Math.round(Math.log2(2 * Math.sqrt(Math.max(basisBytes, 1)))),
    SMALL_BLOCK_BYTES,
  );
  let blockBytes = MIN_BLOCK_BYTES;
  while (blockBytes < MAX_BLOCK_BYTES && (blockBytes < chosen || blockBytes * MAX_BLOCKS < basisBytes)) blockBytes *= 2;
  return blockBytes;
}

/** Whether a peer's block size is possible for a basis of `basisBytes`, so that the signature keeps its bound. */
export function isBlockBytes(blockBytes: number, basisBytes: number): boolean {
  return Number.isInteger(Math.log2(blockBytes)) && blockBytes >= MIN_BLOCK_BYTES && blockBytes <= MAX_BLOCK_BYTES &&
    (blockBytes === MAX_BLOCK_BYTES || basisBytes <= blockBytes * MAX_BLOCKS);
}

/** Blocks in the signature of a basis. */
export function blockCount(basisBytes: number, blockBytes: number): number {
  return Math.min(Math.ceil(basisBytes / blockBytes), MAX_BLOCKS);
}

/** The size of the fine blocks of round two, bytes, from that of round one. */
export function fineBlockBytesFor(blockBytes: number): number {
  return blockBytes >= 32 << 10 ? 1024 : blockBytes >= 8 << 10 ? 512 : Math.min(256, blockBytes / 4);
}

/** Fine blocks of a range of the basis. */
export function fineCount(basisBytes: number, fineBytes: number): number {
  return Math.ceil(basisBytes / fineBytes);
}

/**
 * How rare anchors are: one window in `strong`, and, for blocks that have no such window of their own, one in `weak`. A block has
 * about eight of the first kind, so that one in 3,000 has none.
 */
export function anchorRates(blockBytes: number): { strong: number; weak: number } {
  const strong = Math.min(1024, Math.max(64, blockBytes / 8));
  return { strong, weak: strong / 16 };
}

export function assertBlockBytes(blockBytes: number): void {
  assert(isBlockBytes(blockBytes, 0), `a block of ${blockBytes} bytes`);
}
