// What getdents64 fills in, as tests make it.

/** One record of getdents64. */
export function dirent(name: Uint8Array, kind: number, length = Math.ceil((20 + name.length) / 8) * 8): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[16] = length & 0xff;
  bytes[17] = length >> 8;
  bytes[18] = kind;
  bytes.set(name.subarray(0, Math.max(0, length - 19)), 19);
  return bytes;
}
