// READY, DESCEND, WANT, SIGNATURE, FINE, WANT_END, CHECK: what the target wishes of the source. Called by lib/session.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { CHECK_PATHS, ENTRIES, FILE_BYTES, PATH_BYTES } from "../base/limits.ts";
import { checkPath } from "../base/relative_path.ts";
import { PartFlag, PLACED_INDEXES, ReadyFlag, RECORDS_BYTES, WANT_INDEXES, WantFlag } from "./messages.ts";

const READY_FLAGS = ReadyFlag.streaming | ReadyFlag.trees | ReadyFlag.owner | ReadyFlag.group;

export interface Ready {
  streaming: boolean;
  /** Null: the whole list is wanted. */
  trees: { owner: boolean; group: boolean } | null;
}

export function encodeReady(writer: ByteWriter, { streaming, trees }: Ready): void {
  let flags = streaming ? ReadyFlag.streaming : 0;
  if (trees !== null) {
    flags |= ReadyFlag.trees | (trees.owner ? ReadyFlag.owner : 0) | (trees.group ? ReadyFlag.group : 0);
  }
  writer.u8(flags);
}

export function decodeReady(reader: ByteReader): Ready {
  const flags = reader.u8("READY flags");
  if ((flags & ~READY_FLAGS) !== 0) reader.fail("READY flags", "unknown bits are set");
  const has = (flag: number) => (flags & flag) !== 0;
  if (has(ReadyFlag.streaming) && flags !== ReadyFlag.streaming) reader.fail("READY flags", "streaming stands alone");
  if (!has(ReadyFlag.trees) && flags > ReadyFlag.streaming) reader.fail("READY flags", "there are no subtrees");
  reader.done("READY");
  const trees = has(ReadyFlag.trees) ? { owner: has(ReadyFlag.owner), group: has(ReadyFlag.group) } : null;
  return { streaming: has(ReadyFlag.streaming), trees };
}

/** `count` bits, lowest first. */
export function encodeDescend(writer: ByteWriter, count: number, differs: Uint8Array): void {
  writer.varint(count);
  writer.raw(differs);
}

/** The bits, copied, for `count` folders. */
export function decodeDescend(reader: ByteReader, count: number): Uint8Array {
  const differs = reader.bits("DESCEND folders", count).slice();
  reader.done("DESCEND");
  return differs;
}

/** What a WANT says of all its indexes: once more, because it did not verify; as a delta, signature to follow; not both. */
export interface WantKind {
  redo: boolean;
  delta: boolean;
}

/** Indexes [from, to) of `indexes`, which rise: 1 to WANT_INDEXES of them. */
export function encodeWant(writer: ByteWriter, indexes: Uint32Array, from: number, to: number, kind: WantKind): void {
  writer.u8((kind.redo ? WantFlag.redo : 0) | (kind.delta ? WantFlag.delta : 0));
  writer.varint(to - from);
  let before = 0;
  for (let i = from; i < to; i++) {
    writer.varint(indexes[i] - before);
    before = indexes[i];
  }
}

/** Fills `into` (at least WANT_INDEXES long) and returns the kind and how many; each index is below `entries`. */
export function decodeWant(reader: ByteReader, entries: number, into: Uint32Array): WantKind & { count: number } {
  const flags = reader.u8("WANT flags");
  if (flags > WantFlag.delta) reader.fail("WANT flags", `${flags} is not 0, 1 or 2`);
  const count = reader.varint("WANT entries", WANT_INDEXES);
  if (count === 0) reader.fail("WANT entries", "there is none");
  let index = 0;
  for (let i = 0; i < count; i++) {
    const step = reader.varint("WANT index", ENTRIES);
    if (step === 0 && i > 0) reader.fail("WANT index", "indexes do not rise");
    index += step;
    if (index >= entries) reader.fail("WANT index", `${index} was not listed`);
    into[i] = index;
  }
  reader.done("WANT");
  return { redo: flags === WantFlag.redo, delta: flags === WantFlag.delta, count };
}

/** Indexes [from, to) of `indexes`, which rise: 1 to PLACED_INDEXES of them. */
export function encodePlaced(writer: ByteWriter, indexes: Uint32Array): void {
  writer.varint(indexes.length);
  let before = 0;
  for (const index of indexes) {
    writer.varint(index - before);
    before = index;
  }
}

/** The indexes, each below `entries`. */
export function decodePlaced(reader: ByteReader, entries: number): Uint32Array {
  const count = reader.varint("PLACED entries", PLACED_INDEXES);
  if (count === 0) reader.fail("PLACED entries", "there is none");
  const indexes = new Uint32Array(count);
  let index = 0;
  for (let i = 0; i < count; i++) {
    const step = reader.varint("PLACED index", ENTRIES);
    if (step === 0 && i > 0) reader.fail("PLACED index", "indexes do not rise");
    index += step;
    if (index >= entries) reader.fail("PLACED index", `${index} was not listed`);
    indexes[i] = index;
  }
  reader.done("PLACED");
  return indexes;
}

/** Sizes of a basis and its blocks, at the head of a signature. */
export interface SignatureHead {
  basisBytes: number;
  blockBytes: number;
}

/** Some records of a signature, at most RECORDS_BYTES; the head comes with the first. */
export function encodeSignature(
  writer: ByteWriter,
  index: number,
  head: SignatureHead | null,
  isLast: boolean,
  records: Uint8Array,
): void {
  writer.varint(index);
  writer.u8((head === null ? 0 : PartFlag.first) | (isLast ? PartFlag.last : 0));
  if (head !== null) {
    writer.varint(head.basisBytes);
    writer.varint(head.blockBytes);
  }
  writer.raw(records);
}

export interface SignaturePart {
  index: number;
  head: SignatureHead | null;
  isLast: boolean;
  /** A view. */
  records: Uint8Array;
}

/** Whether the sizes are possible, and the records as many as they say, is the session's to check. */
export function decodeSignature(reader: ByteReader): SignaturePart {
  const index = reader.varint("SIGNATURE index", ENTRIES - 1);
  const flags = partFlags(reader, "SIGNATURE flags");
  let head: SignatureHead | null = null;
  if ((flags & PartFlag.first) !== 0) {
    const basisBytes = reader.varint("SIGNATURE basis", FILE_BYTES);
    head = { basisBytes, blockBytes: reader.varint("SIGNATURE block size", FILE_BYTES) };
  }
  const records = recordsOf(reader, "SIGNATURE records");
  return { index, head, isLast: (flags & PartFlag.last) !== 0, records };
}

/** Some records of the ranges that REFINE named, at most RECORDS_BYTES. */
export function encodeFine(writer: ByteWriter, index: number, isLast: boolean, records: Uint8Array): void {
  writer.varint(index);
  writer.flag(isLast);
  writer.raw(records);
}

/** The records as a view. */
export function decodeFine(reader: ByteReader): { index: number; isLast: boolean; records: Uint8Array } {
  const index = reader.varint("FINE index", ENTRIES - 1);
  const isLast = reader.flag("FINE flags");
  return { index, isLast, records: recordsOf(reader, "FINE records") };
}

function partFlags(reader: ByteReader, what: string): number {
  const flags = reader.u8(what);
  if (flags > (PartFlag.first | PartFlag.last)) reader.fail(what, "an unknown bit is set");
  return flags;
}

function recordsOf(reader: ByteReader, what: string): Uint8Array {
  if (reader.left > RECORDS_BYTES) reader.fail(what, `more than ${RECORDS_BYTES} bytes`);
  return reader.raw(what, reader.left);
}

export function encodeCheck(writer: ByteWriter, paths: Uint8Array[]): void {
  writer.varint(paths.length);
  for (const path of paths) writer.blob(path);
}

/** The paths, copied and checked; none is the root. */
export function decodeCheck(reader: ByteReader): Uint8Array[] {
  const count = reader.varint("CHECK paths", CHECK_PATHS);
  if (count === 0) reader.fail("CHECK paths", "there is none");
  const paths: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const path = reader.blob("CHECK path", PATH_BYTES).slice();
    if (path.length === 0) reader.fail("CHECK path", "the root is not deleted");
    checkPath(path);
    paths.push(path);
  }
  reader.done("CHECK");
  return paths;
}
