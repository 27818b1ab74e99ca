// Finds the blocks of a basis in new content: predict, then scan. While blocks follow each other as in the basis, each costs one
// strong hash. Where they stop, the content is searched for anchors, and the alignments that matched before are tried again at each
// of their block boundaries. Called by lib/delta/matcher.ts, which owns offsets beyond the window and the list of runs.
//
// Promises: one pass; what it emits has the 48-bit strong hash and the 16-bit head check of a block; whatever records it is given, the
// time is bounded by a constant per byte of content: at most 4 blocks answer to one id, PROBES places of the table are looked at, a block
// that failed RETIRE times is no target any more, failed blocks are hashed within a budget of the bytes searched, and so are looked-up
// candidates.

// @ts-nocheck: AssemblyScript, not TypeScript.

import { anchorId, anchorPlace, hasHead, hasStrong, NO_ANCHOR, RECORD_BYTES, WEAK } from "./records";
import { idOf, scan, setRate, WINDOW_BYTES } from "./scan";

const PER_ID: u32 = 4;
const PROBES: u32 = 32;
const RETIRE: u8 = 4;
/** Weak anchors make the search look at more windows; they are used where one block in so many has nothing better. */
const WEAK_SHARE: u32 = 64;
/** Candidates are looked up while they are at most so many times as frequent as in random content, and the first ones in any case. */
const CANDIDATES_FACTOR: u64 = 4;
const CANDIDATES_FREE: u64 = 1024;
/** Bytes of failed blocks that are hashed per byte searched, and whatever was searched: 1 ms and so many blocks. */
const FAILED_FACTOR: u64 = 4;
const FAILED_FREE: u64 = 16 << 20;
const FAILED_BLOCKS_FREE: u64 = 16;
/** The last block is looked for at the end of the content only if it is worth a copy. */
const TAIL_BYTES: u32 = 32;
/** A shorter last block is no target of anchors: each match must move the search on. */
const TARGET_BYTES: u32 = 256;

/** Alignments that are tried again: the last that matched, the one before, equal offsets, equal distance from the end. */
const SLOTS: u32 = 4;
const NEVER: i64 = i64.MAX_VALUE;
/** Per alignment: offset in the new content minus offset in the basis; where its next block boundary lies. */
const SHIFTS: usize = memory.data(32, 16);
const BOUNDARIES: usize = memory.data(32, 16);

/** Emitted copies, 16 bytes each: f64 offset in the new content, u32 first block, u32 blocks. */
export const OUT_ENTRIES: u32 = 1024;
export const OUT: usize = memory.data(16384, 16);
let outCount: u32 = 0;

let records: usize = 0;
let failures: usize = 0;
let table: usize = 0;
let tableMask: u32 = 0;
let blocks: u32 = 0;
let blockBytes: u32 = 0;
/** Bytes of the last block. */
let tailBytes: u32 = 0;

/** The offset in the new content of address 0 would be `base`: an address and base make an offset. */
let base: i64 = 0;
/** Where the search stands, and the end of the last match: addresses. */
let at: usize = 0;
let free: usize = 0;
/** The block that is expected at `at`, while `isPredicting`. */
let next: u32 = 0;
let isPredicting: bool = false;

/** One window in so many is a candidate in random content. */
let usedRate: u32 = 1;
let searched: u64 = 0;
let failed: u64 = 0;
let looked: u64 = 0;

// @ts-ignore: decorator
@inline function recordOf(block: u32): usize {
  return records + block * RECORD_BYTES;
}

// @ts-ignore: decorator
@inline function bytesOf(block: u32): u32 {
  return block === blocks - 1 ? tailBytes : blockBytes;
}

// @ts-ignore: decorator
@inline function shiftOf(slot: u32): i64 {
  return load<i64>(SHIFTS + 8 * slot);
}

/** Where the table is looked at first. */
// @ts-ignore: decorator
@inline function placeOf(id: u32): u32 {
  return (id * 0x9e3779b1) ^ (id >> 15);
}

// ---- the table of anchors

function insert(block: u32): void {
  const id = anchorId(recordOf(block));
  let place = placeOf(id), same: u32 = 0;
  for (let i: u32 = 0; i < PROBES; i++, place++) {
    const cell = table + 4 * (place & tableMask);
    const other = load<u32>(cell);
    if (other === 0) {
      store<u32>(cell, block + 1);
      return;
    }
    if (anchorId(recordOf(other - 1)) === id && ++same === PER_ID) return;
  }
}

/**
 * Takes a signature: `count` records at `recordsAt`, a byte per block at `failuresAt`, `cells` places of 4 bytes at `tableAt`, a power
 * of two. `shiftOfEnd` aligns the two ends. The content begins at offset 0, address `start`.
 */
export function matchStart(
  recordsAt: usize,
  count: u32,
  failuresAt: usize,
  tableAt: usize,
  cells: u32,
  blockSize: u32,
  lastBytes: u32,
  rate: u32,
  weakRate: u32,
  shiftOfEnd: f64,
  start: usize,
): void {
  records = recordsAt;
  blocks = count;
  failures = failuresAt;
  table = tableAt;
  tableMask = cells - 1;
  blockBytes = blockSize;
  tailBytes = lastBytes;
  memory.fill(failures, 0, blocks);
  memory.fill(table, 0, 4 * cells);

  let weak: u32 = 0;
  for (let i: u32 = 0; i < blocks; i++) {
    const place = anchorPlace(recordOf(i));
    if (place !== NO_ANCHOR && (place & WEAK) !== 0) weak++;
  }
  const useWeak = weak > 0 && weak >= blocks / WEAK_SHARE;
  usedRate = useWeak ? weakRate : rate;
  setRate(usedRate);
  const targets = blocks > 0 && tailBytes < TARGET_BYTES ? blocks - 1 : blocks;
  for (let i: u32 = 0; i < targets; i++) {
    const place = anchorPlace(recordOf(i));
    if (place !== NO_ANCHOR && (useWeak || (place & WEAK) === 0)) insert(i);
  }

  memory.fill(SHIFTS, 0, 8 * SLOTS);
  store<i64>(SHIFTS + 24, <i64> shiftOfEnd);
  outCount = 0;
  searched = 0;
  failed = 0;
  looked = 0;
  base = -(<i64> start);
  at = start;
  free = start;
  next = 0;
  isPredicting = blocks > 0;
}

// ---- where the caller moves the window

/** What the search still needs begins here: all that is kept when the window moves. `history` is the anchors' span. */
export function matchKeepFrom(history: u32): usize {
  if (isPredicting) return at;
  return at - free > history ? at - history : free;
}

/** The content from address `from` on now lies at `to`. */
export function matchMove(from: usize, to: usize): void {
  base += <i64> from - <i64> to;
  at = at - from + to;
  free = free > from ? free - from + to : to;
}

/** The content goes on at `offset`, address `start`, after a hole. */
export function matchSkip(offset: f64, start: usize): void {
  base = <i64> offset - <i64> start;
  at = start;
  enterGap();
}

// ---- predicting and searching

function emit(start: usize, block: u32): void {
  const offset = <f64> (base + <i64> start);
  if (outCount > 0) {
    const last = OUT + 16 * (outCount - 1);
    const count = load<u32>(last, 12);
    if (load<u32>(last, 8) + count === block && load<f64>(last) + <f64> count * <f64> blockBytes === offset) {
      store<u32>(last, count + 1, 12);
      return;
    }
  }
  const entry = OUT + 16 * outCount++;
  store<f64>(entry, offset);
  store<u32>(entry, block, 8);
  store<u32>(entry, 1, 12);
}

/** Block `block` was found at `start`. */
function accept(start: usize, block: u32): void {
  emit(start, block);
  const shift = base + <i64> start - <i64> block * <i64> blockBytes;
  if (shift !== shiftOf(0)) {
    store<i64>(SHIFTS, shiftOf(0), 8);
    store<i64>(SHIFTS, shift);
  }
  at = start + bytesOf(block);
  free = at;
  next = block + 1;
  isPredicting = true;
}

/** A gap begins at `at`: works out the next block boundary of each alignment. */
function enterGap(): void {
  isPredicting = false;
  free = at;
  const offset = base + <i64> at;
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    const shift = shiftOf(slot);
    let boundary = NEVER;
    let isNew = true;
    for (let earlier: u32 = 0; earlier < slot; earlier++) if (shiftOf(earlier) === shift) isNew = false;
    if (isNew) {
      const inBasis = offset - shift;
      const block = inBasis <= 0 ? 0 : (inBasis + <i64> blockBytes - 1) / <i64> blockBytes;
      if (block < <i64> blocks) boundary = shift + block * <i64> blockBytes;
    }
    store<i64>(BOUNDARIES + 8 * slot, boundary);
  }
}

/** The expected blocks, as far as content reaches. False: more content is needed. */
function predict(end: usize, isLast: bool): bool {
  while (isPredicting) {
    let bytes: u32 = 0;
    if (next < blocks) {
      bytes = bytesOf(next);
      if (at + bytes > end && !isLast) return false;
    }
    if (next < blocks && at + bytes <= end && hasHead(recordOf(next), at, bytes) && hasStrong(recordOf(next), at, bytes)) {
      if (outCount === OUT_ENTRIES) return false;
      accept(at, next);
    } else {
      enterGap();
      // What was expected here has just been looked at.
      const offset = base + <i64> at;
      if (load<i64>(BOUNDARIES) === offset) passBoundary(0, offset);
    }
  }
  return true;
}

function passBoundary(slot: u32, offset: i64): void {
  const following = offset + <i64> blockBytes;
  const isWithin = following - shiftOf(slot) < <i64> blocks * <i64> blockBytes;
  store<i64>(BOUNDARIES + 8 * slot, isWithin ? following : NEVER);
}

/** Whether block `block` lies at `start`. Costs little where its head does not; counts what a wrong guess costs. */
function verify(block: u32, start: usize, end: usize): bool {
  const bytes = bytesOf(block), record = recordOf(block);
  if (start + bytes > end || !hasHead(record, start, bytes)) return false;
  if (hasStrong(record, start, bytes)) return true;
  failed += bytes;
  return false;
}

// @ts-ignore: decorator
@inline function hasBudget(): bool {
  return failed <= FAILED_FACTOR * searched + FAILED_FREE + FAILED_BLOCKS_FREE * <u64> blockBytes;
}

/** Tries the alignments that have a block boundary at `at`. */
function tryBoundaries(end: usize): void {
  const offset = base + <i64> at;
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    if (load<i64>(BOUNDARIES + 8 * slot) !== offset) continue;
    passBoundary(slot, offset);
    const block = <u32> ((offset - shiftOf(slot)) / <i64> blockBytes);
    if (hasBudget() && verify(block, at, end)) {
      accept(at, block);
      return;
    }
  }
}

/** Whether this place of the block belongs to an alignment that is tried at its boundaries: it has failed there. */
function isAligned(start: usize, block: u32): bool {
  const shift = base + <i64> start - <i64> block * <i64> blockBytes;
  for (let slot: u32 = 0; slot < SLOTS; slot++) if (shiftOf(slot) === shift) return true;
  return false;
}

/** Looks the window at `found` up, and accepts the block that it belongs to. */
function tryAnchor(found: usize, end: usize): void {
  const id = idOf(found);
  let place = placeOf(id);
  for (let i: u32 = 0; i < PROBES; i++, place++) {
    const cell = load<u32>(table + 4 * (place & tableMask));
    if (cell === 0) return;
    const block = cell - 1;
    if (anchorId(recordOf(block)) !== id) continue;
    const before = anchorPlace(recordOf(block)) & ~WEAK;
    if (found < free + before || load<u8>(failures + block) >= RETIRE || !hasBudget()) continue;
    if (isAligned(found - before, block)) continue;
    const failedBefore = failed;
    if (verify(block, found - before, end)) {
      accept(found - before, block);
      return;
    }
    if (failed !== failedBefore) store<u8>(failures + block, load<u8>(failures + block) + 1);
  }
}

/** Searches the gap at `at` until something matches. False: more content is needed, or the content ends. */
function search(end: usize, isLast: bool): bool {
  const ahead = isLast ? WINDOW_BYTES - 1 : blockBytes;
  if (end < at + ahead) return false;
  const limit = end - ahead;
  while (at < limit) {
    if (outCount === OUT_ENTRIES) return false;
    tryBoundaries(end);
    if (isPredicting) return true;
    let stop = limit;
    for (let slot: u32 = 0; slot < SLOTS; slot++) {
      const boundary = load<i64>(BOUNDARIES + 8 * slot);
      if (boundary !== NEVER && boundary - base < <i64> stop) stop = <usize> (boundary - base);
    }
    const found = scan(at, stop);
    searched += found - at;
    at = found;
    if (found === stop) continue;
    tryAnchor(found, end);
    if (isPredicting) return true;
    // Beyond the budget content is full of candidates that lead nowhere.
    const isFull = ++looked * usedRate > CANDIDATES_FACTOR * searched + CANDIDATES_FREE * usedRate;
    const step: usize = isFull ? <usize> (usedRate / <u32> CANDIDATES_FACTOR) : 1;
    at = found + step < stop ? found + step : stop;
    searched += at - found;
  }
  return false;
}

/** At the end of the content the basis's last, shorter block may lie, whatever is before it. */
function tryTail(end: usize): void {
  if (isPredicting || tailBytes === blockBytes || tailBytes < TAIL_BYTES || outCount === OUT_ENTRIES) return;
  if (end < free + tailBytes || !verify(blocks - 1, end - tailBytes, end)) return;
  accept(end - tailBytes, blocks - 1);
}

/**
 * Goes on with content up to `end`. `ends`: 0 more follows, 1 a hole follows, 2 the content ends here. Answers how many copies are in
 * OUT; the caller takes them all. Where it answers OUT_ENTRIES, it is called again with the same content.
 */
export function matchAdvance(end: usize, ends: u32): u32 {
  outCount = 0;
  if (blocks === 0) {
    at = end;
    free = end;
    return 0;
  }
  while (predict(end, ends > 0) && search(end, ends > 0)) {
    // Each turn accepted something or came to its end.
  }
  if (ends === 2) tryTail(end);
  return outCount;
}

/** What the search has cost since matchStart(), for tests of its bounds: bytes searched, bytes of failed blocks, windows looked up. */
export function matchSearched(): f64 {
  return <f64> searched;
}
export function matchFailed(): f64 {
  return <f64> failed;
}
export function matchLooked(): f64 {
  return <f64> looked;
}
