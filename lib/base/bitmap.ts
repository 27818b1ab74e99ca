// A row of yes and no, lowest bit first, as answers travel (CHECKED, DESCEND). Used by both halves and the session.

/** `count` times no. */
export function makeBitmap(count: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.ceil(count / 8));
}

export function setBit(bits: Uint8Array, i: number): void {
  bits[i >> 3] |= 1 << (i & 7);
}

export function hasBit(bits: Uint8Array, i: number): boolean {
  return (bits[i >> 3] & (1 << (i & 7))) !== 0;
}
