// FILES, FILE_BEGIN, FILE_DATA, FILE_END, FILE_SKIP, SOURCE_DONE, CHECKED: content and the source's last words. Called by
// lib/session. The decoders fill a record that is used again, so that a small file costs no object but its views.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { ENTRIES, FILE_BYTES, SMALL_FILE_BYTES, TIME_SECONDS } from "../base/limits.ts";
import { decodeNanoseconds } from "./list_codec.ts";
import { CAUSE_LIMIT, DIGEST_BYTES } from "./messages.ts";

/** Size and time of a file that changed after it was listed. */
export interface WireFresh {
  size: number;
  mtimeSec: number;
  mtimeNs: number;
}

/** An upper bound of what a FILES record adds to its content, bytes. */
export const RECORD_EXTRA_BYTES = 64;

/** One record of FILES. A fresh size is the content's length. */
export function encodeFile(
  writer: ByteWriter,
  index: number,
  fresh: WireFresh | null,
  content: Uint8Array,
  digest: Uint8Array,
): void {
  writer.reserve(content.length + RECORD_EXTRA_BYTES);
  writer.varint(index);
  if (fresh === null) writer.u8(0);
  else {
    writer.u8(1);
    writer.signed(fresh.mtimeSec);
    writer.u32(fresh.mtimeNs);
  }
  writer.blob(content);
  writer.raw(digest);
}

/** What decodeFile and decodeFileBegin fill. Views are into the message. */
export interface FileRecord {
  index: number;
  size: number;
  fresh: WireFresh | null;
  content: Uint8Array;
  digest: Uint8Array;
}

/** The next record of a FILES payload into `record`. */
export function decodeFile(reader: ByteReader, record: FileRecord): void {
  record.index = reader.varint("FILES index", ENTRIES - 1);
  const isFresh = reader.flag("FILES flags");
  record.fresh = isFresh ? decodeFreshTime(reader, "FILES time") : null;
  record.content = reader.blob("FILES content", SMALL_FILE_BYTES);
  record.size = record.content.length;
  if (record.fresh !== null) record.fresh.size = record.size;
  record.digest = reader.raw("FILES digest", DIGEST_BYTES);
}

export function encodeFileBegin(writer: ByteWriter, index: number, size: number, fresh: WireFresh | null): void {
  writer.varint(index);
  writer.flag(fresh !== null);
  writer.varint(size);
  if (fresh === null) return;
  writer.signed(fresh.mtimeSec);
  writer.u32(fresh.mtimeNs);
}

/** Index, size and fresh into `record`. */
export function decodeFileBegin(reader: ByteReader, record: FileRecord): void {
  record.index = reader.varint("FILE_BEGIN index", ENTRIES - 1);
  const isFresh = reader.flag("FILE_BEGIN flags");
  record.size = reader.varint("FILE_BEGIN size", FILE_BYTES);
  record.fresh = isFresh ? decodeFreshTime(reader, "FILE_BEGIN time") : null;
  if (record.fresh !== null) record.fresh.size = record.size;
  reader.done("FILE_BEGIN");
}

function decodeFreshTime(reader: ByteReader, what: string): WireFresh {
  const mtimeSec = reader.signed(what, TIME_SECONDS);
  return { size: 0, mtimeSec, mtimeNs: decodeNanoseconds(reader, what) };
}

export function encodeFileData(writer: ByteWriter, offset: number, bytes: Uint8Array): void {
  writer.varint(offset);
  writer.raw(bytes);
}

/** The offset; the rest of the payload is the data, at least one byte. */
export function decodeFileDataOffset(reader: ByteReader): number {
  const offset = reader.varint("FILE_DATA offset", FILE_BYTES);
  if (reader.left === 0) reader.fail("FILE_DATA", "it holds no data");
  return offset;
}

/** A file's end; `digest` is null when the source abandons it. */
export function encodeFileEnd(writer: ByteWriter, digest: Uint8Array | null): void {
  writer.u8(digest === null ? 1 : 0);
  if (digest !== null) writer.raw(digest);
}

/** The digest as a view, or null when the source abandons the file. */
export function decodeFileEnd(reader: ByteReader): Uint8Array | null {
  const isAbandoned = reader.flag("FILE_END outcome");
  const digest = isAbandoned ? null : reader.raw("FILE_END digest", DIGEST_BYTES);
  reader.done("FILE_END");
  return digest;
}

export function encodeFileSkip(writer: ByteWriter, index: number, cause: number): void {
  writer.varint(index);
  writer.u8(cause);
}

export function decodeFileSkip(reader: ByteReader): { index: number; cause: number } {
  const index = reader.varint("FILE_SKIP index", ENTRIES - 1);
  const cause = reader.u8("FILE_SKIP cause");
  if (cause > CAUSE_LIMIT) reader.fail("FILE_SKIP cause", `${cause} is unknown`);
  reader.done("FILE_SKIP");
  return { index, cause };
}

export function encodeSourceDone(writer: ByteWriter, errors: boolean): void {
  writer.flag(errors);
}

export function decodeSourceDone(reader: ByteReader): boolean {
  const errors = reader.flag("SOURCE_DONE flags");
  reader.done("SOURCE_DONE");
  return errors;
}

/** `absent` holds ceil(count / 8) bytes. */
export function encodeChecked(writer: ByteWriter, count: number, absent: Uint8Array): void {
  writer.varint(count);
  writer.raw(absent);
}

/** The bits for `count` paths, as a view; another number of paths than asked, or a spare bit, is an error. */
export function decodeChecked(reader: ByteReader, count: number): Uint8Array {
  const absent = reader.bits("CHECKED paths", count);
  reader.done("CHECKED");
  return absent;
}
