// MISSING: sources that are not there, to be deleted at the target (--delete-missing-args). Called by lib/session.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { PATH_BYTES } from "../base/limits.ts";
import { checkPath } from "../base/relative_path.ts";
import { MISSING_PATHS } from "./messages.ts";

/** At most MISSING_PATHS of them. */
export function encodeMissing(writer: ByteWriter, paths: readonly Uint8Array[]): void {
  writer.varint(paths.length);
  for (const path of paths) writer.blob(path);
}

/** 1 to MISSING_PATHS paths below the root; copies. */
export function decodeMissing(reader: ByteReader): Uint8Array[] {
  const count = reader.varint("MISSING paths", MISSING_PATHS);
  if (count === 0) reader.fail("MISSING paths", "there is none");
  const paths: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const path = reader.blob("MISSING path", PATH_BYTES).slice();
    if (path.length === 0) reader.fail("MISSING path", "the root is not deleted");
    checkPath(path);
    paths.push(path);
  }
  reader.done("MISSING");
  return paths;
}
