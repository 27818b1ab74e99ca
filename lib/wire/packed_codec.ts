// PACKED: whole bulk frames in compressed form. Called by lib/session. The data itself is lib/codec's business.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { FRAME_BYTES, PACKED_BYTES } from "../base/limits.ts";
import { HEADER_BYTES, isBulk, Message, messageName } from "./messages.ts";

/** Codecs that a PACKED may name. */
export const PackedCodec = { zstd: 1 } as const;

/** Most bytes in front of the data. */
export const PACKED_HEAD_BYTES = 1 + 4;

/** What stands in front of the data; `bytes` is the size of the frames. */
export function encodePackedHead(writer: ByteWriter, bytes: number): void {
  writer.u8(PackedCodec.zstd);
  writer.varint(bytes);
}

/** Size of the frames that the data gives, 1 to PACKED_BYTES; the reader is then at the data. */
export function decodePackedHead(reader: ByteReader): number {
  const codec = reader.u8("PACKED codec");
  if (codec !== PackedCodec.zstd) reader.fail("PACKED codec", `${codec} is unknown`);
  const bytes = reader.varint("PACKED size", PACKED_BYTES);
  if (bytes === 0) reader.fail("PACKED size", "it holds nothing");
  if (reader.left === 0) reader.fail("PACKED data", "there is none");
  return bytes;
}

/** Demands that the bytes of the reader are whole bulk frames, none of them PACKED. */
export function checkPackedFrames(reader: ByteReader): void {
  const end = reader.end;
  for (let at = reader.at; at < end;) {
    if (end - at < HEADER_BYTES) reader.fail("PACKED frame", "half a header");
    const length = frameLength(reader.bytes, at);
    const type = reader.bytes[at + 4];
    if (!isBulk(type) || type === Message.packed) reader.fail("PACKED frame", `${messageName(type)} cannot be in it`);
    if (length > FRAME_BYTES || length > end - at - HEADER_BYTES) reader.fail("PACKED frame", "it is not whole");
    at += HEADER_BYTES + length;
  }
}

/** The length that a frame's header names. */
export function frameLength(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) + bytes[at + 3] * 16777216;
}
