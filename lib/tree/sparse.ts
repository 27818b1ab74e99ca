// Sparse files: walking the data extents of a source, and writing content so that runs of zeros stay holes (-S).

import { Errno, type Handle, type Os } from "../os/os.ts";

/** Granularity of holes made from zeros, bytes: the usual file system block. */
export const HOLE_BYTES = 4096;

/**
 * The next run of data at or after `from`: [start, end), or null when only hole is left. Where the file system cannot say
 * (seekData unsupported), and in a dense file, which needs no walk, everything up to `size` is data. Below zero: a negated errno.
 */
export function nextExtent(
  os: Os,
  file: Handle,
  from: number,
  size: number,
  isDense: boolean,
): { start: number; end: number } | null | number {
  if (from >= size) return null;
  if (isDense) return { start: from, end: size };
  const start = os.seekData(file, from);
  if (start === -Errno.ENXIO) return null;
  if (start === -Errno.EINVAL || start === -Errno.EOPNOTSUPP) return { start: from, end: size };
  if (start < 0) return start;
  if (start >= size) return null;
  const end = os.seekHole(file, start);
  if (end < 0) return end === -Errno.ENXIO || end === -Errno.EINVAL ? { start, end: size } : end;
  return { start, end: Math.min(end, size) };
}

/** Writes `bytes` at `offset` of a fresh file, leaving whole zero blocks unwritten; 0 or a negated errno. */
export function writeWithHoles(os: Os, file: Handle, bytes: Uint8Array, offset: number): number {
  let at = 0;
  while (at < bytes.length) {
    let end = nextBlock(offset, at, bytes.length);
    const zero = isZero(bytes, at, end);
    while (end < bytes.length) {
      const next = nextBlock(offset, end, bytes.length);
      if (isZero(bytes, end, next) !== zero) break;
      end = next;
    }
    if (!zero) {
      const result = os.writeAllAt(file, bytes.subarray(at, end), offset + at);
      if (result < 0) return result;
    }
    at = end;
  }
  return 0;
}

/** End of the file block that holds bytes[at], within the buffer. */
function nextBlock(offset: number, at: number, length: number): number {
  return Math.min(length, at + HOLE_BYTES - ((offset + at) % HOLE_BYTES));
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
