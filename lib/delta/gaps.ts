// Round two, what it looks at: each literal range of round one with the range of the basis where its content most likely comes from.
// Called by the source, which asks the target for the fine records of those ranges (fine.ts). Promises: a gap's basis range lies within
// the basis and is at most GAP_BYTES; the ranges together are at most twice the literal bytes, and runs and holes are never in a gap.

import { HOLE, type Runs } from "./runs.ts";

/** Largest basis range of one gap, bytes: 160 KiB of fine records of 1 KiB blocks. Longer literals become several gaps. */
export const GAP_BYTES = 32 << 20;
/**
 * Where a literal range lies between two alignments, something was inserted or removed in it; so far from either end it is compared.
 * As far as the largest block, which is lost as a whole around one edit.
 */
const SHIFTED_BYTES = 16 << 20;
/** The same for a file in which round one found nothing at all: most likely it is another file. */
const UNMATCHED_BYTES = 4 << 20;

export interface Gap {
  /** The range of the new file, bytes. */
  readonly newAt: number;
  readonly newBytes: number;
  /** The range of the basis that it is compared with, aligned with its start and with its end. */
  readonly basisAt: number;
  readonly basisBytes: number;
}

/**
 * The gaps of a file that are worth a comparison in fine blocks of `fineBytes`, in rising order of newAt; two may have the same start.
 * At most two for each run and for each GAP_BYTES of literal content.
 */
export function gapsOf(runs: Runs, newBytes: number, basisBytes: number, fineBytes: number): Gap[] {
  const gaps: Gap[] = [];
  const hasCopies = runs.basisAt.subarray(0, runs.count).some((at) => at !== HOLE);
  let start = 0;
  // Alignments of the copies before and after a literal range: of the starts where there is none before, of the ends where none after.
  let before = 0;
  let next = 0;
  for (let i = 0; i <= runs.count; i++) {
    while (next < runs.count && (next < i || runs.basisAt[next] === HOLE)) next++;
    const after = next < runs.count ? runs.newAt[next] - runs.basisAt[next] : newBytes - basisBytes;
    const end = i < runs.count ? runs.newAt[i] : newBytes;
    if (end - start >= 2 * fineBytes) addGaps(gaps, start, end, before, after, basisBytes, hasCopies);
    if (i === runs.count) break;
    start = runs.newAt[i] + runs.bytes[i];
    if (runs.basisAt[i] !== HOLE) before = runs.newAt[i] - runs.basisAt[i];
  }
  return gaps;
}

/** The gaps of one literal range [start, end), with the alignments (new offset minus basis offset) before and after it. */
function addGaps(
  gaps: Gap[],
  start: number,
  end: number,
  before: number,
  after: number,
  basisBytes: number,
  hasCopies: boolean,
): void {
  const add = (newAt: number, newEnd: number, basisAt: number, basisEnd: number) => {
    // Both ranges of one alignment: what is cut off one, because the basis does not reach there, is cut off the other.
    if (basisEnd - basisAt === newEnd - newAt) {
      const front = Math.max(0, -basisAt), back = Math.max(0, basisEnd - basisBytes);
      [newAt, basisAt, newEnd, basisEnd] = [newAt + front, basisAt + front, newEnd - back, basisEnd - back];
    }
    if (newEnd > newAt && basisEnd > basisAt) {
      gaps.push({ newAt, newBytes: newEnd - newAt, basisAt, basisBytes: basisEnd - basisAt });
    }
  };
  if (before === after && (hasCopies || end - start <= 2 * UNMATCHED_BYTES)) {
    for (let at = start; at < end; at += GAP_BYTES) {
      const to = Math.min(at + GAP_BYTES, end);
      add(at, to, at - before, to - before);
    }
    return;
  }
  const basisStart = start - before, basisEnd = end - after;
  const bytes = Math.min(end - start, hasCopies ? SHIFTED_BYTES : UNMATCHED_BYTES);
  const isShort = basisEnd - basisStart <= 2 * bytes && end - start <= 2 * bytes;
  if (isShort && basisStart >= 0 && basisEnd > basisStart && basisEnd <= basisBytes) {
    add(start, end, basisStart, basisEnd);
    return;
  }
  add(start, start + bytes, basisStart, basisStart + bytes);
  add(end - bytes, end, basisEnd - bytes, basisEnd);
}
