// zstd by node:zlib's own one-call functions: what tests hold ours against. Typed here, because node's types differ with the packages
// that are loaded beside, and older ones do not know zstd.

import * as zlib from "node:zlib";

type Params = { params?: Record<number, number>; maxOutputLength?: number };
const known = zlib as unknown as {
  zstdCompressSync(bytes: Uint8Array, options?: Params): Uint8Array;
  zstdDecompressSync(bytes: Uint8Array, options?: Params): Uint8Array;
  constants: { ZSTD_c_windowLog: number };
};

/** Packed with a window of 2^windowLog bytes. */
export function zstdPacked(bytes: Uint8Array, windowLog = 20): Uint8Array {
  return new Uint8Array(known.zstdCompressSync(bytes, { params: { [known.constants.ZSTD_c_windowLog]: windowLog } }));
}

export function zstdUnpacked(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(known.zstdDecompressSync(bytes));
}
