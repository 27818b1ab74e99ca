// The only way a name or a path from a peer is born (R3): checked component by component, on both sides by the same function.

import { DEPTH, LINK_TARGET_BYTES, NAME_BYTES, PATH_BYTES } from "./limits.ts";
import { TsyncError } from "./errors.ts";

/** Demands that bytes[at, at+length) is one component: 1-255 bytes, no "/", no NUL, neither "." nor "..". */
export function checkName(bytes: Uint8Array, at: number, length: number): void {
  if (length === 0 || length > NAME_BYTES) refuse("a name of wrong length", length);
  if (bytes[at] === 0x2e && (length === 1 || (length === 2 && bytes[at + 1] === 0x2e))) {
    refuse('"." or ".." as a name', length);
  }
  for (let i = at; i < at + length; i++) {
    const byte = bytes[i];
    if (byte === 0x2f || byte === 0) refuse('"/" or NUL in a name', length);
  }
}

/** Demands that `path` is empty (the root) or components joined by single "/", within the limits of length and depth. */
export function checkPath(path: Uint8Array): void {
  if (path.length === 0) return;
  if (path.length > PATH_BYTES) refuse("a path that is too long", path.length);
  let start = 0;
  let depth = 1;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== 0x2f) continue;
    checkName(path, start, i - start);
    start = i + 1;
    if (i < path.length && ++depth > DEPTH) refuse("a path that is too deep", path.length);
  }
}

/** Demands that a link's target is 1-4095 bytes without NUL; its text is data and means nothing here (R8). */
export function checkLinkTarget(target: Uint8Array): void {
  if (target.length === 0 || target.length > LINK_TARGET_BYTES || target.includes(0)) {
    refuse("a link target of wrong form", target.length);
  }
}

function refuse(what: string, length: number): never {
  throw new TsyncError({ kind: "stream", detail: `the peer sent ${what} (${length} bytes)` });
}
