// A --files-from file on the agent's machine. Loaded only by a run that names one.

import { display } from "../lib/base/bytes.ts";
import { errnoText } from "../lib/base/errno.ts";
import { TsyncError } from "../lib/base/errors.ts";
import { NAMES_BYTES } from "../lib/base/limits.ts";
import { readWholeFile } from "../lib/os/files.ts";
import { namesOf } from "../lib/tree/name_file.ts";

/** The names, each ended by NUL. Throws TsyncError "usage" for a file that cannot be read, as rsync does. */
export function readNameFile(path: Uint8Array, isByNul: boolean): Uint8Array {
  const content = readWholeFile(path, NAMES_BYTES);
  if (typeof content !== "number") return namesOf(content, isByNul);
  throw new TsyncError({
    kind: "usage",
    detail: `--files-from: open "${display(path)}" failed: ${errnoText(-content)}`,
  });
}
