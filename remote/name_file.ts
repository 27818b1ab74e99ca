// A --files-from file on the agent's machine. Loaded only by a run that names one.

import { display } from "../lib/base/bytes.ts";
import { NAMES_BYTES } from "../lib/base/limits.ts";
import { readWholeFile } from "../lib/os/files.ts";
import { namesOf } from "../lib/tree/name_file.ts";

/** The names, each ended by NUL. Throws TsyncError "usage" for a file that cannot be read. */
export function readNameFile(path: Uint8Array, isByNul: boolean): Uint8Array {
  return namesOf(readWholeFile(path, NAMES_BYTES), display(path), isByNul);
}
