// READY, DESCEND, WANT, WANT_END, CHECK: what the target wishes of the source. Called by lib/session.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { CHECK_PATHS, ENTRIES, PATH_BYTES } from "../base/limits.ts";
import { checkPath } from "../base/relative_path.ts";
import { ReadyFlag, WANT_INDEXES } from "./messages.ts";

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

/** Indexes [from, to) of `indexes`, which rise: 1 to WANT_INDEXES of them. */
export function encodeWant(writer: ByteWriter, indexes: Uint32Array, from: number, to: number, redo: boolean): void {
  writer.flag(redo);
  writer.varint(to - from);
  let before = 0;
  for (let i = from; i < to; i++) {
    writer.varint(indexes[i] - before);
    before = indexes[i];
  }
}

/** Fills `into` (at least WANT_INDEXES long) and returns redo and how many; each index is below `entries`. */
export function decodeWant(reader: ByteReader, entries: number, into: Uint32Array): { redo: boolean; count: number } {
  const redo = reader.flag("WANT flags");
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
  return { redo, count };
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
