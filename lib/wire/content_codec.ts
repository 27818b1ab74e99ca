// FILES, FILE_BEGIN, FILE_DATA, FILE_COPY, REFINE, FILE_END, FILE_SKIP, SOURCE_DONE, CHECKED: content and the source's last words. Called by
// lib/session. The decoders fill a record that is used again, so that a small file costs no object but its views.

import { EMPTY } from "../base/bytes.ts";
import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { ENTRIES, FILE_BYTES, SMALL_FILE_BYTES, TIME_SECONDS } from "../base/limits.ts";
import { decodeNanoseconds } from "./list_codec.ts";
import { DIGEST_BYTES, FileFlag, isCause, REFINE_RANGES } from "./messages.ts";

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

/** One to be filled. */
export function emptyFileRecord(): FileRecord {
  return { index: 0, size: 0, fresh: null, content: EMPTY, digest: EMPTY };
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

export function encodeFileBegin(
  writer: ByteWriter,
  index: number,
  size: number,
  fresh: WireFresh | null,
  isDelta: boolean,
): void {
  writer.varint(index);
  writer.u8((fresh === null ? 0 : FileFlag.fresh) | (isDelta ? FileFlag.delta : 0));
  writer.varint(size);
  if (fresh === null) return;
  writer.signed(fresh.mtimeSec);
  writer.u32(fresh.mtimeNs);
}

/** Index, size and fresh into `record`; whether parts of the file come from its basis. */
export function decodeFileBegin(reader: ByteReader, record: FileRecord): boolean {
  record.index = reader.varint("FILE_BEGIN index", ENTRIES - 1);
  const flags = reader.u8("FILE_BEGIN flags");
  if (flags > (FileFlag.fresh | FileFlag.delta)) reader.fail("FILE_BEGIN flags", "an unknown bit is set");
  record.size = reader.varint("FILE_BEGIN size", FILE_BYTES);
  record.fresh = (flags & FileFlag.fresh) !== 0 ? decodeFreshTime(reader, "FILE_BEGIN time") : null;
  if (record.fresh !== null) record.fresh.size = record.size;
  reader.done("FILE_BEGIN");
  return (flags & FileFlag.delta) !== 0;
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

/** One run of FILE_COPY; offsets are absolute. */
export function encodeCopyRun(writer: ByteWriter, offset: number, basisOffset: number, bytes: number): void {
  writer.varint(offset);
  writer.varint(basisOffset);
  writer.varint(bytes);
}

/** A run of FILE_COPY: bytes at `basisOffset` of the basis are those at `offset` of the file. */
export interface CopyRun {
  offset: number;
  basisOffset: number;
  bytes: number;
}

/** The next run of a FILE_COPY payload into `run`; it has at least one byte. Order and bounds are the session's to check. */
export function decodeCopyRun(reader: ByteReader, run: CopyRun): void {
  run.offset = reader.varint("FILE_COPY offset", FILE_BYTES);
  run.basisOffset = reader.varint("FILE_COPY basis offset", FILE_BYTES);
  run.bytes = reader.varint("FILE_COPY length", FILE_BYTES);
  if (run.bytes === 0) reader.fail("FILE_COPY length", "a run is empty");
}

/** A range of a basis. */
export interface BasisRange {
  readonly basisAt: number;
  readonly basisBytes: number;
}

/** 1 to REFINE_RANGES ranges of the basis of a file. */
export function encodeRefine(writer: ByteWriter, index: number, ranges: readonly BasisRange[]): void {
  writer.varint(index);
  writer.varint(ranges.length);
  for (const { basisAt, basisBytes } of ranges) {
    writer.varint(basisAt);
    writer.varint(basisBytes);
  }
}

export function decodeRefine(reader: ByteReader): { index: number; ranges: BasisRange[] } {
  const index = reader.varint("REFINE index", ENTRIES - 1);
  const count = reader.varint("REFINE ranges", REFINE_RANGES);
  if (count === 0) reader.fail("REFINE ranges", "there is none");
  const ranges: BasisRange[] = [];
  for (let i = 0; i < count; i++) {
    const basisAt = reader.varint("REFINE offset", FILE_BYTES);
    const basisBytes = reader.varint("REFINE length", FILE_BYTES);
    if (basisBytes === 0) reader.fail("REFINE length", "a range is empty");
    ranges.push({ basisAt, basisBytes });
  }
  reader.done("REFINE");
  return { index, ranges };
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
  if (!isCause(cause)) reader.fail("FILE_SKIP cause", `${cause} is unknown`);
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
