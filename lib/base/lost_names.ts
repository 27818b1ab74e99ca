// Names that have no form in the other charset (--iconv): within a run they bear a mark, so that nothing comes of them. Marked by
// lib/tree/converted_names.ts; shown without the mark by the reporter.

/** In front of a name that has no UTF-8, where it never stands in any: what comes of such a name is refused. */
export const LOST = 0xff;

const SLASH = 0x2f;

/** The path of a run with --iconv as it is shown: the bytes of its names, without marks. */
export function withoutMarks(path: Uint8Array): Uint8Array {
  return path.filter((byte, i) => byte !== LOST || (i > 0 && path[i - 1] !== SLASH));
}
