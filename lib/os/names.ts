// Checks of names and paths before they go to the system, and their copies with a final NUL. Called by the
// implementations of Os. Promises: what passes is one component (or a path of such components), and never more bytes
// than the buffer holds are written.

import { Errno, type Result } from "./os.ts";

/** Bytes of the longest name. */
export const NAME_MAX = 255;
/** Bytes of the longest path, without the final NUL. */
export const PATH_MAX = 4095;

/**
 * Copies the name bytes[at, at+length) with a final NUL into `into` (at least 256 bytes).
 * False if it is not one component: empty, too long, ".", "..", or with "/" or NUL inside, or not inside `bytes`.
 */
export function putName(into: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (!(length >= 1 && length <= NAME_MAX && at >= 0 && at + length <= bytes.length)) return false;
  for (let k = 0; k < length; k++) {
    const byte = bytes[at + k];
    if (byte === 0 || byte === 0x2f) return false;
    into[k] = byte;
  }
  into[length] = 0;
  return !(into[0] === 0x2e && (length === 1 || (length === 2 && into[1] === 0x2e)));
}

/** True if `name` is one component by the rules of `putName`. */
export function isName(name: Uint8Array): boolean {
  const length = name.length;
  if (length < 1 || length > NAME_MAX || name.includes(0) || name.includes(0x2f)) return false;
  return !(name[0] === 0x2e && (length === 1 || (length === 2 && name[1] === 0x2e)));
}

/** The components of `path` (joined by single "/"; empty = none), or null if one of them is not a name or the path is too long. */
export function splitPath(path: Uint8Array): Uint8Array[] | null {
  const names: Uint8Array[] = [];
  if (path.length === 0) return names;
  if (path.length > PATH_MAX) return null;
  for (let start = 0; start <= path.length;) {
    let end = path.indexOf(0x2f, start);
    if (end < 0) end = path.length;
    const name = path.subarray(start, end);
    if (!isName(name)) return null;
    names.push(name);
    start = end + 1;
  }
  return names;
}

/** Copies a path or link target with a final NUL into `into` (at least 4,096 bytes). False if empty, too long or with a NUL inside. */
export function putPath(into: Uint8Array, path: Uint8Array): boolean {
  if (path.length < 1 || path.length > PATH_MAX || path.includes(0)) return false;
  into.set(path);
  into[path.length] = 0;
  return true;
}

/** Why putPath refused: the negated errno that the system would give. */
export function badPath(path: Uint8Array): Result {
  if (path.length === 0) return -Errno.ENOENT;
  return path.length > PATH_MAX ? -Errno.ENAMETOOLONG : -Errno.EINVAL;
}
