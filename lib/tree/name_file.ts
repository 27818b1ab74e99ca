// The content of a --files-from file made into names, each ended by NUL, by rsync's rules: a name per line, or with -0 up to each NUL;
// no empty ones, none that begin with "#" or ";". Called by the command line, and by an agent whose machine holds the file.

import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const HASH = 0x23;
const SEMICOLON = 0x3b;

/**
 * The names, in memory of their own. `content` may be a negated errno of the file that is called `fileName`: that is a TsyncError
 * "usage", as in rsync.
 */
export function namesOf(content: Uint8Array | number, fileName: string, isByNul: boolean): Uint8Array {
  if (typeof content !== "number") return namesIn(content, isByNul);
  throw new TsyncError({ kind: "usage", detail: `--files-from: open "${fileName}" failed: ${errnoText(-content)}` });
}

function namesIn(content: Uint8Array, isByNul: boolean): Uint8Array {
  const names = new Uint8Array(content.length + 1);
  names.set(content);
  let used = 0;
  for (let at = 0; at < names.length;) {
    let end = at;
    while (end < names.length && !isEnd(names[end], isByNul)) end++;
    const isName = end > at && names[at] !== HASH && names[at] !== SEMICOLON;
    if (isName) {
      names.copyWithin(used, at, end);
      used += end - at;
      names[used++] = 0;
    }
    at = end + 1;
  }
  return names.subarray(0, used);
}

function isEnd(byte: number, isByNul: boolean): boolean {
  return byte === 0 || (!isByNul && (byte === NEWLINE || byte === RETURN));
}
