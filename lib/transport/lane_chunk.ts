// The head of a chunk (PROTOCOL.md section 13): what a lane carries. Called by lanes.ts. Promises: what is decoded is within its bounds (law 3).

import { TsyncError } from "../base/errors.ts";
import { LANE_CHUNK_BYTES } from "../base/limits.ts";

/** u32 length, u48 sequence number, u48 chunks used of the other direction. */
export const CHUNK_HEADER_BYTES = 16;

const TWO_32 = 2 ** 32;

export interface ChunkHeader {
  /** Bytes of content behind the header; 0: there is nothing but `used`. */
  length: number;
  sequence: number;
  used: number;
}

/** Writes it to the beginning of `bytes`. */
export function encodeChunkHeader(bytes: Uint8Array, { length, sequence, used }: ChunkHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEADER_BYTES);
  view.setUint32(0, length, true);
  setU48(view, 4, sequence);
  setU48(view, 10, used);
}

/** Throws TsyncError "stream". */
export function decodeChunkHeader(bytes: Uint8Array): ChunkHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEADER_BYTES);
  const header = { length: view.getUint32(0, true), sequence: u48(view, 4), used: u48(view, 10) };
  if (header.length > LANE_CHUNK_BYTES) refuse(`a chunk of ${header.length} bytes, ${LANE_CHUNK_BYTES} are allowed`);
  if (header.length === 0 && header.sequence !== 0) refuse("an empty chunk has no number");
  return header;
}

function setU48(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint16(at + 4, Math.floor(value / TWO_32), true);
}

function u48(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint16(at + 4, true) * TWO_32;
}

function refuse(what: string): never {
  throw new TsyncError({ kind: "stream", detail: `the peer breaks the rules of lanes: ${what}` });
}
