// XXH3-64 and XXH3-128 in plain TypeScript on BigInt, written from the xxHash specification for the tests: slow, short, and sharing
// nothing with the kernels but the constants.

const MASK = (1n << 64n) - 1n;
const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
];
const [Q1, Q2, Q3] = [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn];
const MX1 = 0x165667919e3779f9n;
const MX2 = 0x9fb21c651e98df25n;
const SECRET = Uint8Array.fromHex(
  "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c" +
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364" +
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e",
);

const u64 = (x: bigint) => x & MASK;
const rotl = (x: bigint, by: bigint, bits = 64n) => ((x << by) | (x >> (bits - by))) & ((1n << bits) - 1n);
const read = (bytes: Uint8Array, at: number, count: number) => {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]);
  return value;
};
const r64 = (bytes: Uint8Array, at: number) => read(bytes, at, 8);
const r32 = (bytes: Uint8Array, at: number) => read(bytes, at, 4);
const swap = (x: bigint, bytes: number) => {
  let swapped = 0n;
  for (let i = 0; i < bytes; i++) swapped = (swapped << 8n) | ((x >> BigInt(8 * i)) & 0xffn);
  return swapped;
};
const fold = (a: bigint, b: bigint) => u64(a * b) ^ ((a * b) >> 64n);
const avalanche = (h: bigint) => {
  h = u64((h ^ (h >> 37n)) * MX1);
  return h ^ (h >> 32n);
};
const avalanche64 = (h: bigint) => {
  h = u64((h ^ (h >> 33n)) * P2);
  h = u64((h ^ (h >> 29n)) * P3);
  return h ^ (h >> 32n);
};
const sec = (at: number) => r64(SECRET, at);
const mix16 = (b: Uint8Array, at: number, s: number, seed: bigint) =>
  fold(r64(b, at) ^ u64(sec(s) + seed), r64(b, at + 8) ^ u64(sec(s + 8) - seed));

/** The eight lanes of an input above 240 bytes, and the secret that the seed makes. */
function long(b: Uint8Array, seed: bigint): { lanes: bigint[]; secret: Uint8Array } {
  const secret = new Uint8Array(192);
  const view = new DataView(secret.buffer);
  for (let i = 0; i < 192; i += 16) {
    view.setBigUint64(i, u64(sec(i) + seed), true);
    view.setBigUint64(i + 8, u64(sec(i + 8) - seed), true);
  }
  const lanes = [Q3, P1, P2, P3, P4, Q2, P5, Q1];
  const stripe = (at: number, s: number) => {
    const before = [...lanes];
    for (let i = 0; i < 8; i++) {
      const data = r64(b, at + 8 * i);
      const key = data ^ r64(secret, s + 8 * i);
      before[i ^ 1] += data;
      before[i] += (key & 0xffffffffn) * (key >> 32n);
    }
    before.forEach((lane, i) => lanes[i] = u64(lane));
  };
  const stripes = Math.floor((b.length - 1) / 64);
  for (let n = 0; n < stripes; n++) {
    stripe(64 * n, 8 * (n % 16));
    if (n % 16 === 15) {
      for (let i = 0; i < 8; i++) {
        lanes[i] = u64((lanes[i] ^ (lanes[i] >> 47n) ^ r64(secret, 128 + 8 * i)) * Q1);
      }
    }
  }
  stripe(b.length - 64, 121);
  return { lanes, secret };
}

function merge(lanes: bigint[], secret: Uint8Array, at: number, start: bigint): bigint {
  let h = start;
  for (let i = 0; i < 4; i++) {
    h += fold(lanes[2 * i] ^ r64(secret, at + 16 * i), lanes[2 * i + 1] ^ r64(secret, at + 16 * i + 8));
  }
  return avalanche(u64(h));
}

export function xxh3Of64(b: Uint8Array, seed: bigint): bigint {
  const n = b.length, length = BigInt(n);
  if (n === 0) return avalanche64(seed ^ sec(56) ^ sec(64));
  if (n <= 3) {
    const input = BigInt(b[0]) << 16n | BigInt(b[n >> 1]) << 24n | BigInt(b[n - 1]) | length << 8n;
    return avalanche64(input ^ u64((r32(SECRET, 0) ^ r32(SECRET, 4)) + seed));
  }
  if (n <= 8) {
    const by = seed ^ (swap(seed & 0xffffffffn, 4) << 32n);
    let h = (r32(b, n - 4) + (r32(b, 0) << 32n)) ^ u64((sec(8) ^ sec(16)) - by);
    h ^= rotl(h, 49n) ^ rotl(h, 24n);
    h = u64(h * MX2);
    h = u64((h ^ u64((h >> 35n) + length)) * MX2);
    return h ^ (h >> 28n);
  }
  if (n <= 16) {
    const low = r64(b, 0) ^ u64((sec(24) ^ sec(32)) + seed);
    const high = r64(b, n - 8) ^ u64((sec(40) ^ sec(48)) - seed);
    return avalanche(u64(length + swap(low, 8) + high + fold(low, high)));
  }
  let h = u64(length * P1);
  if (n <= 128) {
    for (let i = Math.floor((n - 1) / 32); i >= 0; i--) {
      h += mix16(b, 16 * i, 32 * i, seed) + mix16(b, n - 16 * (i + 1), 32 * i + 16, seed);
    }
    return avalanche(u64(h));
  }
  if (n <= 240) {
    for (let i = 0; i < 8; i++) h += mix16(b, 16 * i, 16 * i, seed);
    h = avalanche(u64(h));
    for (let i = 8; i < Math.floor(n / 16); i++) h += mix16(b, 16 * i, 16 * (i - 8) + 3, seed);
    return avalanche(u64(h + mix16(b, n - 16, 119, seed)));
  }
  const { lanes, secret } = long(b, seed);
  return merge(lanes, secret, 11, h);
}

/** High and low half as one number: its 32 hex digits are the canonical form. */
export function xxh3Of128(b: Uint8Array, seed: bigint): bigint {
  const n = b.length, length = BigInt(n);
  const join = (low: bigint, high: bigint) => (high << 64n) | low;
  if (n === 0) return join(avalanche64(seed ^ sec(64) ^ sec(72)), avalanche64(seed ^ sec(80) ^ sec(88)));
  if (n <= 3) {
    const low = BigInt(b[0]) << 16n | BigInt(b[n >> 1]) << 24n | BigInt(b[n - 1]) | length << 8n;
    const high = rotl(swap(low, 4), 13n, 32n);
    return join(
      avalanche64(low ^ u64((r32(SECRET, 0) ^ r32(SECRET, 4)) + seed)),
      avalanche64(high ^ u64((r32(SECRET, 8) ^ r32(SECRET, 12)) - seed)),
    );
  }
  if (n <= 8) {
    const by = seed ^ (swap(seed & 0xffffffffn, 4) << 32n);
    const product = ((r32(b, 0) + (r32(b, n - 4) << 32n)) ^ u64((sec(16) ^ sec(24)) + by)) * u64(P1 + (length << 2n));
    let low = u64(product);
    const high = u64((product >> 64n) + (low << 1n));
    low ^= high >> 3n;
    low = u64((low ^ (low >> 35n)) * MX2);
    return join(low ^ (low >> 28n), avalanche(high));
  }
  if (n <= 16) {
    const inLow = r64(b, 0), inHigh = r64(b, n - 8);
    const product = (inLow ^ inHigh ^ u64((sec(32) ^ sec(40)) - seed)) * P1;
    const turned = inHigh ^ u64((sec(48) ^ sec(56)) + seed);
    const high = u64((product >> 64n) + turned + (turned & 0xffffffffn) * (Q2 - 1n));
    const low = u64(u64(product) + ((length - 1n) << 54n)) ^ swap(high, 8);
    return join(avalanche(u64(low * P2)), avalanche(u64(((low * P2) >> 64n) + high * P2)));
  }
  let low = u64(length * P1), high = 0n;
  if (n > 240) {
    const { lanes, secret } = long(b, seed);
    return join(merge(lanes, secret, 11, low), merge(lanes, secret, 117, MASK ^ u64(length * P2)));
  }
  const mix32 = (x: number, y: number, s: number, by: bigint) => {
    low = u64(low + mix16(b, x, s, by)) ^ u64(r64(b, y) + r64(b, y + 8));
    high = u64(high + mix16(b, y, s + 16, by)) ^ u64(r64(b, x) + r64(b, x + 8));
  };
  if (n <= 128) {
    for (let i = Math.floor((n - 1) / 32); i >= 0; i--) mix32(16 * i, n - 16 * (i + 1), 32 * i, seed);
  } else {
    for (let i = 0; i < 4; i++) mix32(32 * i, 32 * i + 16, 32 * i, seed);
    [low, high] = [avalanche(low), avalanche(high)];
    for (let i = 4; 32 * i + 32 <= n; i++) mix32(32 * i, 32 * i + 16, 3 + 32 * (i - 4), seed);
    mix32(n - 16, n - 32, 103, u64(-seed));
  }
  return join(
    avalanche(u64(low + high)),
    u64(-avalanche(u64(low * P1 + high * P4 + u64(length - seed) * P2))),
  );
}
