// NAMES: a part of the names of --files-from, which end in NUL each. Encoded and decoded by lib/session, which bounds them all.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { NamesFlag } from "./messages.ts";

export function encodeNames(writer: ByteWriter, bytes: Uint8Array, isLast: boolean): void {
  writer.u8(isLast ? NamesFlag.last : 0);
  writer.raw(bytes);
}

/** The bytes are copies. */
export function decodeNames(reader: ByteReader): { bytes: Uint8Array; isLast: boolean } {
  const flags = reader.u8("NAMES flags");
  if (flags > NamesFlag.last) reader.fail("NAMES flags", `${flags} is not legal`);
  const bytes = reader.raw("NAMES names", reader.left).slice();
  if (bytes.length === 0 && flags === 0) reader.fail("NAMES names", "a part without names is not the last");
  reader.done("NAMES");
  return { bytes, isLast: flags === NamesFlag.last };
}
