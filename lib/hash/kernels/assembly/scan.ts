// Anchors: places in content that can be found again wherever they move to. A window of 16 bytes is a candidate where its cheap hash
// lies below a limit, so that both ends see the same windows without speaking. Called by sign.ts and match.ts. Promises: the search
// reads up to SCAN_PAD bytes beyond its end and answers for none of them.

// @ts-nocheck: AssemblyScript, not TypeScript.

import { hash64 } from "./xxh3";

export const WINDOW_BYTES: u32 = 16;
/** How far the search reads beyond its end. */
export const SCAN_PAD: u32 = 64;

const M0: i32 = <i32> 0x9e3779b1;
const M1: i32 = <i32> 0x85ebca77;

/** Candidates are windows whose hash, as a signed number, is below this. Zeros hash to 0 and never are. */
let below: i32 = i32.MIN_VALUE;

/** One window in `rate` is a candidate, on average of random content. */
export function setRate(rate: u32): void {
  below = i32.MIN_VALUE + <i32> (0xffffffff / rate);
}

/** The first half of the hash for the windows at `at`, at + 4, at + 8 and at + 12: 8 bytes each. */
// @ts-ignore: decorator
@inline function half(at: usize): v128 {
  return i32x4.add(i32x4.mul(v128.load(at), i32x4.splat(M0)), v128.load(at, 4));
}

/** Lanes below the limit, from the halves at a window's start and 16 bytes later; 8 bytes later lies between them. */
// @ts-ignore: decorator
@inline function candidates(now: v128, later: v128): v128 {
  const second = i32x4.shuffle(now, later, 2, 3, 4, 5);
  const sum = i32x4.add(now, i32x4.add(second, i32x4.shl(second, 5)));
  return i32x4.lt_s(i32x4.mul(sum, i32x4.splat(M1)), i32x4.splat(below));
}

/** Bits 0, 4, 8, 12 from bits 0 to 3. */
// @ts-ignore: decorator
@inline function spread(lanes: v128): u32 {
  const bits = <u32> i32x4.bitmask(lanes);
  return (bits | (bits << 3) | (bits << 6) | (bits << 9)) & 0x1111;
}

/** Where the first candidate in [at, end) begins; `end` if there is none. */
export function scan(at: usize, end: usize): usize {
  let u0 = half(at), u1 = half(at + 1), u2 = half(at + 2), u3 = half(at + 3);
  while (at < end) {
    const n0 = half(at + 16), n1 = half(at + 17), n2 = half(at + 18), n3 = half(at + 19);
    const c0 = candidates(u0, n0), c1 = candidates(u1, n1), c2 = candidates(u2, n2), c3 = candidates(u3, n3);
    if (v128.any_true(v128.or(v128.or(c0, c1), v128.or(c2, c3)))) {
      const found = at + ctz(spread(c0) | (spread(c1) << 1) | (spread(c2) << 2) | (spread(c3) << 3));
      return found < end ? found : end;
    }
    u0 = n0;
    u1 = n1;
    u2 = n2;
    u3 = n3;
    at += 16;
  }
  return end;
}

/** What names a window on the wire. */
export function idOf(at: usize): u32 {
  return <u32> hash64(at, WINDOW_BYTES);
}

/** 1 if [at, at + bytes) holds zeros only. */
export function isZero(at: usize, bytes: u32): u32 {
  const end = at + bytes;
  for (; at + 64 <= end; at += 64) {
    const a = v128.or(v128.load(at), v128.load(at, 16)), b = v128.or(v128.load(at, 32), v128.load(at, 48));
    if (v128.any_true(v128.or(a, b))) return 0;
  }
  for (; at < end; at++) if (load<u8>(at) !== 0) return 0;
  return 1;
}
