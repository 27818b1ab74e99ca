// The record that says what is known of one block of a basis, 14 bytes, little-endian:
//   0  strong hash: the low 48 bits of the block's XXH3-64
//   6  head check: the high 16 bits of the XXH3-64 of the block's first 64 bytes, looked at before the strong hash is computed
//   8  id of the block's anchor: the low 32 bits of the XXH3-64 of its window
//  12  where the anchor begins in the block, 15 bits; the bit above says that it is a weak one; all 16 set: there is none
// All under the session's seed. Called by sign.ts, match.ts and, for round two, by the session of a gap.

// @ts-nocheck: AssemblyScript, not TypeScript.

import { hash64 } from "./xxh3";

export const RECORD_BYTES: u32 = 14;
export const NO_ANCHOR: u32 = 0xffff;
export const WEAK: u32 = 0x8000;
/** Anchors begin and end in so many first bytes of a block. */
export const ANCHOR_SPAN: u32 = 32768;

const STRONG_MASK: u64 = 0xffff_ffff_ffff;
const HEAD_BYTES: u32 = 64;
/** Strong hash of a fine block, round two: the low 40 bits. */
const FINE_MASK: u64 = 0xff_ffff_ffff;
const FINE_RECORD_BYTES: u32 = 5;

export function headOf(at: usize, bytes: u32): u32 {
  return <u32> (hash64(at, bytes < HEAD_BYTES ? bytes : HEAD_BYTES) >> 48);
}

/** Whether the block of `bytes` at `at` has the head that the record states. */
// @ts-ignore: decorator
@inline export function hasHead(record: usize, at: usize, bytes: u32): bool {
  return <u32> load<u16>(record, 6) === headOf(at, bytes);
}

// @ts-ignore: decorator
@inline export function hasStrong(record: usize, at: usize, bytes: u32): bool {
  const stated = <u64> load<u32>(record) | (<u64> load<u16>(record, 4) << 32);
  return (hash64(at, bytes) & STRONG_MASK) === stated;
}

// @ts-ignore: decorator
@inline export function anchorId(record: usize): u32 {
  return load<u32>(record, 8);
}

// @ts-ignore: decorator
@inline export function anchorPlace(record: usize): u32 {
  return <u32> load<u16>(record, 12);
}

export function putRecord(record: usize, at: usize, bytes: u32, id: u32, place: u32): void {
  const strong = hash64(at, bytes);
  store<u32>(record, <u32> strong);
  store<u16>(record, <u16> (strong >> 32), 4);
  store<u16>(record, <u16> headOf(at, bytes), 6);
  store<u32>(record, id, 8);
  store<u16>(record, <u16> place, 12);
}

/** Round two: the records of [at, at + bytes) in blocks of `fine` bytes, the last one shorter. */
export function fineSign(at: usize, bytes: u32, fine: u32, into: usize): void {
  const end = at + bytes;
  for (; at < end; at += fine) {
    const rest = <u32> (end - at);
    const hash = hash64(at, rest < fine ? rest : fine);
    store<u32>(into, <u32> hash);
    store<u8>(into, <u8> (hash >> 32), 4);
    into += FINE_RECORD_BYTES;
  }
}

/** 1 if [at, at + bytes) is what the fine record states. */
export function fineEqual(at: usize, bytes: u32, record: usize): u32 {
  const stated = <u64> load<u32>(record) | (<u64> load<u8>(record, 4) << 32);
  return (hash64(at, bytes) & FINE_MASK) === stated ? 1 : 0;
}
