// XXH3-64 and XXH3-128 with a 64-bit seed, in AssemblyScript: whole inputs of every length, and XXH3-128 of a stream. Compiled into
// both kernel modules. Source of the algorithm: the xxHash specification, "XXH3 algorithm overview", version 0.2 (Yann Collet,
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). Promises: reads exactly the bytes it is given; the state is this
// instance's, one seed and one stream at a time.

// @ts-nocheck: AssemblyScript, not TypeScript.

const P32_1: u64 = 0x9e3779b1;
const P32_2: u64 = 0x85ebca77;
const P32_3: u64 = 0xc2b2ae3d;
const P64_1: u64 = 0x9e3779b185ebca87;
const P64_2: u64 = 0xc2b2ae3d27d4eb4f;
const P64_3: u64 = 0x165667b19e3779f9;
const P64_4: u64 = 0x85ebca77c2b2ae63;
const P64_5: u64 = 0x27d4eb2f165667c5;
const MIX_1: u64 = 0x165667919e3779f9;
const MIX_2: u64 = 0x9fb21c651e98df25;

const STRIPE_BYTES: u32 = 64;
/** Stripes between two scrambles: (192 - 64) / 8. */
const BLOCK_STRIPES: u32 = 16;
const SECRET_BYTES: u32 = 192;
/** The stream's own buffer: four stripes, as large as the longest input of the short algorithms needs. */
const BUFFER_BYTES: u32 = 256;
const MID_BYTES: u32 = 240;

// deno-fmt-ignore
const SECRET: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb,
  0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
  0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
  0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
  0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31,
  0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc,
  0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
], 16);
/** The secret of inputs above 240 bytes: SECRET shifted by the seed. */
const SEEDED: usize = memory.data(192, 16);
/** Eight lanes of the input that is being hashed whole. */
const LANES: usize = memory.data(64, 16);
/** Eight lanes of the stream, a copy of them for the digest, and the stream's last bytes. */
const STREAM_LANES: usize = memory.data(64, 16);
const BUFFER: usize = memory.data(256, 16);
/** The last stripe of a stream, where it is put together. */
const LAST_STRIPE: usize = memory.data(64, 16);

let seed: u64 = 0;
/** Where 128-bit results lie: low and high half. */
let low128: u64 = 0;
let high128: u64 = 0;
/** The stream: bytes in all, bytes in BUFFER, stripes of the current block that are consumed. */
let streamBytes: u64 = 0;
let bufferBytes: u32 = 0;
let blockStripes: u32 = 0;

// ---- words

// @ts-ignore: decorator
@inline function avalanche64(h: u64): u64 {
  h = (h ^ (h >> 33)) * P64_2;
  h = (h ^ (h >> 29)) * P64_3;
  return h ^ (h >> 32);
}

// @ts-ignore: decorator
@inline function avalanche(h: u64): u64 {
  h = (h ^ (h >> 37)) * MIX_1;
  return h ^ (h >> 32);
}

// @ts-ignore: decorator
@inline function secret64(at: u32): u64 {
  return load<u64>(SECRET + at);
}

/** The high half of a 128-bit product; the low half is the plain product. */
function mulHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff, aHigh = a >> 32, bLow = b & 0xffffffff, bHigh = b >> 32;
  const cross = ((aLow * bLow) >> 32) + ((aHigh * bLow) & 0xffffffff) + aLow * bHigh;
  return ((aHigh * bLow) >> 32) + (cross >> 32) + aHigh * bHigh;
}

// @ts-ignore: decorator
@inline function fold(a: u64, b: u64): u64 {
  return (a * b) ^ mulHigh(a, b);
}

function mix16(at: usize, secret: usize, by: u64): u64 {
  return fold(load<u64>(at) ^ (load<u64>(secret) + by), load<u64>(at, 8) ^ (load<u64>(secret, 8) - by));
}

/** One step of the 128-bit hash of 17 to 240 bytes, into low128 and high128. */
function mix32(a: usize, b: usize, secret: usize, by: u64): void {
  low128 = (low128 + mix16(a, secret, by)) ^ (load<u64>(b) + load<u64>(b, 8));
  high128 = (high128 + mix16(b, secret + 16, by)) ^ (load<u64>(a) + load<u64>(a, 8));
}

// ---- inputs above 240 bytes

/** Sets the seed of all that follows. */
export function setSeed(low: u32, high: u32): void {
  seed = (<u64> high << 32) | <u64> low;
  for (let i: u32 = 0; i < SECRET_BYTES; i += 16) {
    store<u64>(SEEDED + i, secret64(i) + seed);
    store<u64>(SEEDED + i + 8, secret64(i + 8) - seed);
  }
}

function startLanes(lanes: usize): void {
  store<u64>(lanes, P32_3, 0);
  store<u64>(lanes, P64_1, 8);
  store<u64>(lanes, P64_2, 16);
  store<u64>(lanes, P64_3, 24);
  store<u64>(lanes, P64_4, 32);
  store<u64>(lanes, P32_2, 40);
  store<u64>(lanes, P64_5, 48);
  store<u64>(lanes, P32_1, 56);
}

// @ts-ignore: decorator
@inline function swapped(data: v128): v128 {
  return i64x2.shuffle(data, data, 1, 0);
}

/** Low halves of the 64-bit lanes of a, then of b; high halves likewise. */
// @ts-ignore: decorator
@inline function lowHalves(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline function highHalves(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 1, 3, 5, 7);
}

/** Consumes whole stripes; the secret moves 8 bytes per stripe. */
function accumulate(lanes: usize, at: usize, secret: usize, stripes: u32): void {
  let a0 = v128.load(lanes), a1 = v128.load(lanes, 16), a2 = v128.load(lanes, 32), a3 = v128.load(lanes, 48);
  for (; stripes >= 4; stripes -= 4) {
    const d00 = v128.load(at), d01 = v128.load(at, 16), d02 = v128.load(at, 32), d03 = v128.load(at, 48);
    const k00 = v128.xor(d00, v128.load(secret));
    const k01 = v128.xor(d01, v128.load(secret, 16));
    const k02 = v128.xor(d02, v128.load(secret, 32));
    const k03 = v128.xor(d03, v128.load(secret, 48));
    const l00 = lowHalves(k00, k01), h00 = highHalves(k00, k01);
    const l02 = lowHalves(k02, k03), h02 = highHalves(k02, k03);
    a0 = i64x2.add(a0, i64x2.add(swapped(d00), i64x2.extmul_low_i32x4_u(l00, h00)));
    a1 = i64x2.add(a1, i64x2.add(swapped(d01), i64x2.extmul_high_i32x4_u(l00, h00)));
    a2 = i64x2.add(a2, i64x2.add(swapped(d02), i64x2.extmul_low_i32x4_u(l02, h02)));
    a3 = i64x2.add(a3, i64x2.add(swapped(d03), i64x2.extmul_high_i32x4_u(l02, h02)));
    const d10 = v128.load(at, 64), d11 = v128.load(at, 80), d12 = v128.load(at, 96), d13 = v128.load(at, 112);
    const k10 = v128.xor(d10, v128.load(secret, 8));
    const k11 = v128.xor(d11, v128.load(secret, 24));
    const k12 = v128.xor(d12, v128.load(secret, 40));
    const k13 = v128.xor(d13, v128.load(secret, 56));
    const l10 = lowHalves(k10, k11), h10 = highHalves(k10, k11);
    const l12 = lowHalves(k12, k13), h12 = highHalves(k12, k13);
    a0 = i64x2.add(a0, i64x2.add(swapped(d10), i64x2.extmul_low_i32x4_u(l10, h10)));
    a1 = i64x2.add(a1, i64x2.add(swapped(d11), i64x2.extmul_high_i32x4_u(l10, h10)));
    a2 = i64x2.add(a2, i64x2.add(swapped(d12), i64x2.extmul_low_i32x4_u(l12, h12)));
    a3 = i64x2.add(a3, i64x2.add(swapped(d13), i64x2.extmul_high_i32x4_u(l12, h12)));
    const d20 = v128.load(at, 128), d21 = v128.load(at, 144), d22 = v128.load(at, 160), d23 = v128.load(at, 176);
    const k20 = v128.xor(d20, v128.load(secret, 16));
    const k21 = v128.xor(d21, v128.load(secret, 32));
    const k22 = v128.xor(d22, v128.load(secret, 48));
    const k23 = v128.xor(d23, v128.load(secret, 64));
    const l20 = lowHalves(k20, k21), h20 = highHalves(k20, k21);
    const l22 = lowHalves(k22, k23), h22 = highHalves(k22, k23);
    a0 = i64x2.add(a0, i64x2.add(swapped(d20), i64x2.extmul_low_i32x4_u(l20, h20)));
    a1 = i64x2.add(a1, i64x2.add(swapped(d21), i64x2.extmul_high_i32x4_u(l20, h20)));
    a2 = i64x2.add(a2, i64x2.add(swapped(d22), i64x2.extmul_low_i32x4_u(l22, h22)));
    a3 = i64x2.add(a3, i64x2.add(swapped(d23), i64x2.extmul_high_i32x4_u(l22, h22)));
    const d30 = v128.load(at, 192), d31 = v128.load(at, 208), d32 = v128.load(at, 224), d33 = v128.load(at, 240);
    const k30 = v128.xor(d30, v128.load(secret, 24));
    const k31 = v128.xor(d31, v128.load(secret, 40));
    const k32 = v128.xor(d32, v128.load(secret, 56));
    const k33 = v128.xor(d33, v128.load(secret, 72));
    const l30 = lowHalves(k30, k31), h30 = highHalves(k30, k31);
    const l32 = lowHalves(k32, k33), h32 = highHalves(k32, k33);
    a0 = i64x2.add(a0, i64x2.add(swapped(d30), i64x2.extmul_low_i32x4_u(l30, h30)));
    a1 = i64x2.add(a1, i64x2.add(swapped(d31), i64x2.extmul_high_i32x4_u(l30, h30)));
    a2 = i64x2.add(a2, i64x2.add(swapped(d32), i64x2.extmul_low_i32x4_u(l32, h32)));
    a3 = i64x2.add(a3, i64x2.add(swapped(d33), i64x2.extmul_high_i32x4_u(l32, h32)));
    at += 256;
    secret += 32;
  }
  for (; stripes > 0; stripes--) {
    const d0 = v128.load(at), d1 = v128.load(at, 16), d2 = v128.load(at, 32), d3 = v128.load(at, 48);
    const k0 = v128.xor(d0, v128.load(secret));
    const k1 = v128.xor(d1, v128.load(secret, 16));
    const k2 = v128.xor(d2, v128.load(secret, 32));
    const k3 = v128.xor(d3, v128.load(secret, 48));
    const l0 = lowHalves(k0, k1), h0 = highHalves(k0, k1);
    const l2 = lowHalves(k2, k3), h2 = highHalves(k2, k3);
    a0 = i64x2.add(a0, i64x2.add(swapped(d0), i64x2.extmul_low_i32x4_u(l0, h0)));
    a1 = i64x2.add(a1, i64x2.add(swapped(d1), i64x2.extmul_high_i32x4_u(l0, h0)));
    a2 = i64x2.add(a2, i64x2.add(swapped(d2), i64x2.extmul_low_i32x4_u(l2, h2)));
    a3 = i64x2.add(a3, i64x2.add(swapped(d3), i64x2.extmul_high_i32x4_u(l2, h2)));
    at += 64;
    secret += 8;
  }
  v128.store(lanes, a0);
  v128.store(lanes, a1, 16);
  v128.store(lanes, a2, 32);
  v128.store(lanes, a3, 48);
}

function scramble(lanes: usize): void {
  const prime = i64x2.splat(P32_1);
  for (let i: u32 = 0; i < 64; i += 16) {
    const lane = v128.load(lanes + i);
    const mixed = v128.xor(v128.xor(lane, i64x2.shr_u(lane, 47)), v128.load(SEEDED + SECRET_BYTES - 64 + i));
    v128.store(lanes + i, i64x2.mul(mixed, prime));
  }
}

/** Lanes of a whole input above 240 bytes. */
function hashLong(at: usize, bytes: u32): void {
  startLanes(LANES);
  let left: u32 = (bytes - 1) / STRIPE_BYTES;
  let from = at;
  for (; left >= BLOCK_STRIPES; left -= BLOCK_STRIPES) {
    accumulate(LANES, from, SEEDED, BLOCK_STRIPES);
    scramble(LANES);
    from += 1024;
  }
  accumulate(LANES, from, SEEDED, left);
  accumulate(LANES, at + bytes - 64, SEEDED + SECRET_BYTES - 71, 1);
}

function merge(lanes: usize, secret: usize, start: u64): u64 {
  let h = start;
  for (let i: u32 = 0; i < 64; i += 16) {
    h += fold(load<u64>(lanes + i) ^ load<u64>(secret + i), load<u64>(lanes + i, 8) ^ load<u64>(secret + i, 8));
  }
  return avalanche(h);
}

function finishLong128(lanes: usize, bytes: u64): void {
  low128 = merge(lanes, SEEDED + 11, bytes * P64_1);
  high128 = merge(lanes, SEEDED + SECRET_BYTES - 75, ~(bytes * P64_2));
}

// ---- 64 bits

function short64(at: usize, bytes: u32): u64 {
  if (bytes > 8) {
    const low = load<u64>(at) ^ ((secret64(24) ^ secret64(32)) + seed);
    const high = load<u64>(at + bytes - 8) ^ ((secret64(40) ^ secret64(48)) - seed);
    return avalanche(<u64> bytes + bswap(low) + high + fold(low, high));
  }
  if (bytes >= 4) {
    const by = seed ^ (<u64> bswap(<u32> seed) << 32);
    const input = <u64> load<u32>(at + bytes - 4) + (<u64> load<u32>(at) << 32);
    let h = input ^ ((secret64(8) ^ secret64(16)) - by);
    h ^= rotl(h, 49) ^ rotl(h, 24);
    h *= MIX_2;
    h ^= (h >> 35) + <u64> bytes;
    h *= MIX_2;
    return h ^ (h >> 28);
  }
  if (bytes > 0) {
    const input = (<u32> load<u8>(at) << 16) | (<u32> load<u8>(at + (bytes >> 1)) << 24) |
      <u32> load<u8>(at + bytes - 1) | (bytes << 8);
    return avalanche64(<u64> input ^ (<u64> (load<u32>(SECRET) ^ load<u32>(SECRET, 4)) + seed));
  }
  return avalanche64(seed ^ secret64(56) ^ secret64(64));
}

function middle64(at: usize, bytes: u32): u64 {
  const end = at + bytes;
  let h: u64 = <u64> bytes * P64_1;
  if (bytes <= 128) {
    for (let i: i32 = <i32> ((bytes - 1) / 32); i >= 0; i--) {
      h += mix16(at + 16 * i, SECRET + 32 * i, seed) + mix16(end - 16 - 16 * i, SECRET + 32 * i + 16, seed);
    }
    return avalanche(h);
  }
  for (let i: u32 = 0; i < 8; i++) h += mix16(at + 16 * i, SECRET + 16 * i, seed);
  h = avalanche(h);
  for (let i: u32 = 8; i < bytes / 16; i++) h += mix16(at + 16 * i, SECRET + 16 * (i - 8) + 3, seed);
  return avalanche(h + mix16(end - 16, SECRET + 119, seed));
}

/** XXH3-64 of [at, at + bytes). */
export function hash64(at: usize, bytes: u32): u64 {
  if (bytes <= 16) return short64(at, bytes);
  if (bytes <= MID_BYTES) return middle64(at, bytes);
  hashLong(at, bytes);
  return merge(LANES, SEEDED + 11, <u64> bytes * P64_1);
}

// ---- 128 bits

function short128(at: usize, bytes: u32): void {
  if (bytes > 8) {
    const inLow = load<u64>(at);
    let inHigh = load<u64>(at + bytes - 8);
    const mixed = inLow ^ inHigh ^ ((secret64(32) ^ secret64(40)) - seed);
    let low = mixed * P64_1 + (<u64> (bytes - 1) << 54);
    let high = mulHigh(mixed, P64_1);
    inHigh ^= (secret64(48) ^ secret64(56)) + seed;
    high += inHigh + (inHigh & 0xffffffff) * (P32_2 - 1);
    low ^= bswap(high);
    low128 = avalanche(low * P64_2);
    high128 = avalanche(mulHigh(low, P64_2) + high * P64_2);
  } else if (bytes >= 4) {
    const by = seed ^ (<u64> bswap(<u32> seed) << 32);
    const input = <u64> load<u32>(at) + (<u64> load<u32>(at + bytes - 4) << 32);
    const keyed = input ^ ((secret64(16) ^ secret64(24)) + by);
    const factor = P64_1 + (<u64> bytes << 2);
    let low = keyed * factor;
    const high = mulHigh(keyed, factor) + (low << 1);
    low ^= high >> 3;
    low = (low ^ (low >> 35)) * MIX_2;
    low128 = low ^ (low >> 28);
    high128 = avalanche(high);
  } else if (bytes > 0) {
    const low = (<u32> load<u8>(at) << 16) | (<u32> load<u8>(at + (bytes >> 1)) << 24) |
      <u32> load<u8>(at + bytes - 1) | (bytes << 8);
    const high = rotl(bswap(low), 13);
    low128 = avalanche64(<u64> low ^ (<u64> (load<u32>(SECRET) ^ load<u32>(SECRET, 4)) + seed));
    high128 = avalanche64(<u64> high ^ (<u64> (load<u32>(SECRET, 8) ^ load<u32>(SECRET, 12)) - seed));
  } else {
    low128 = avalanche64(seed ^ secret64(64) ^ secret64(72));
    high128 = avalanche64(seed ^ secret64(80) ^ secret64(88));
  }
}

function middle128(at: usize, bytes: u32): void {
  const end = at + bytes;
  low128 = <u64> bytes * P64_1;
  high128 = 0;
  if (bytes <= 128) {
    for (let i: i32 = <i32> ((bytes - 1) / 32); i >= 0; i--) {
      mix32(at + 16 * i, end - 16 - 16 * i, SECRET + 32 * i, seed);
    }
  } else {
    for (let i: u32 = 0; i < 128; i += 32) mix32(at + i, at + i + 16, SECRET + i, seed);
    low128 = avalanche(low128);
    high128 = avalanche(high128);
    for (let i: u32 = 128; i + 32 <= bytes; i += 32) mix32(at + i, at + i + 16, SECRET + 3 + i - 128, seed);
    mix32(end - 16, end - 32, SECRET + 103, 0 - seed);
  }
  const low = low128 + high128;
  const high = low128 * P64_1 + high128 * P64_4 + (<u64> bytes - seed) * P64_2;
  low128 = avalanche(low);
  high128 = 0 - avalanche(high);
}

function whole128(at: usize, bytes: u32): void {
  if (bytes <= 16) short128(at, bytes);
  else if (bytes <= MID_BYTES) middle128(at, bytes);
  else {
    hashLong(at, bytes);
    finishLong128(LANES, bytes);
  }
}

/** The 128-bit result in canonical (big-endian) order. */
function storeResult(into: usize): void {
  store<u64>(into, bswap(high128));
  store<u64>(into, bswap(low128), 8);
}

/** XXH3-128 of [at, at + bytes), 16 bytes at `into`. */
export function hash128(at: usize, bytes: u32, into: usize): void {
  whole128(at, bytes);
  storeResult(into);
}

// ---- a stream

export function streamStart(): void {
  startLanes(STREAM_LANES);
  streamBytes = 0;
  bufferBytes = 0;
  blockStripes = 0;
}

/** Consumes stripes of the stream, scrambling at each end of a block. At least one byte of the stream follows them. */
function consume(at: usize, stripes: u32): void {
  while (stripes > 0) {
    const left = BLOCK_STRIPES - blockStripes;
    const now = stripes < left ? stripes : left;
    accumulate(STREAM_LANES, at, SEEDED + 8 * blockStripes, now);
    at += STRIPE_BYTES * now;
    stripes -= now;
    blockStripes += now;
    if (blockStripes === BLOCK_STRIPES) {
      scramble(STREAM_LANES);
      blockStripes = 0;
    }
  }
}

/** The next bytes of the stream. BUFFER ends with what was consumed last, and begins with what was not consumed yet. */
export function streamUpdate(at: usize, bytes: u32): void {
  streamBytes += bytes;
  if (bufferBytes + bytes <= BUFFER_BYTES) {
    memory.copy(BUFFER + bufferBytes, at, bytes);
    bufferBytes += bytes;
    return;
  }
  if (bufferBytes > 0) {
    const missing = BUFFER_BYTES - bufferBytes;
    memory.copy(BUFFER + bufferBytes, at, missing);
    at += missing;
    bytes -= missing;
    consume(BUFFER, BUFFER_BYTES / STRIPE_BYTES);
  }
  if (bytes > BUFFER_BYTES) {
    const stripes: u32 = (bytes - 1) / STRIPE_BYTES;
    consume(at, stripes);
    at += STRIPE_BYTES * stripes;
    bytes -= STRIPE_BYTES * stripes;
    memory.copy(BUFFER + BUFFER_BYTES - STRIPE_BYTES, at - STRIPE_BYTES, STRIPE_BYTES);
  }
  memory.copy(BUFFER, at, bytes);
  bufferBytes = bytes;
}

/** XXH3-128 of the stream so far, 16 bytes at `into`. The stream ends with it. */
export function streamDigest(into: usize): void {
  if (streamBytes <= MID_BYTES) {
    whole128(BUFFER, <u32> streamBytes);
  } else {
    // BUFFER holds 1 to 256 bytes that are not consumed; before them came at least one consumed stripe where they are fewer than 64.
    if (bufferBytes >= STRIPE_BYTES) {
      consume(BUFFER, (bufferBytes - 1) / STRIPE_BYTES);
      memory.copy(LAST_STRIPE, BUFFER + bufferBytes - STRIPE_BYTES, STRIPE_BYTES);
    } else {
      const before = STRIPE_BYTES - bufferBytes;
      memory.copy(LAST_STRIPE, BUFFER + BUFFER_BYTES - before, before);
      memory.copy(LAST_STRIPE + before, BUFFER, bufferBytes);
    }
    accumulate(STREAM_LANES, LAST_STRIPE, SEEDED + SECRET_BYTES - 71, 1);
    finishLong128(STREAM_LANES, streamBytes);
  }
  storeResult(into);
}
