// Byte writer and reader: the only place where numbers become bytes and back. The reader checks every length against the
// bytes that are left and every number against its bound, and throws TsyncError "stream": decode at receipt (R1).
// Integers: little-endian; varint = LEB128, at most 8 bytes, at most 2^53-1.

import { TsyncError } from "./errors.ts";

const TWO_32 = 4294967296;

export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  used = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** Makes room for `more` bytes, growing by doubling. */
  reserve(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.used + more));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.used++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    const b = this.bytes;
    b[this.used++] = value & 255;
    b[this.used++] = value >>> 8;
  }

  u32(value: number): void {
    this.reserve(4);
    this.putU32(this.used, value);
    this.used += 4;
  }

  /** Overwrites four bytes at `at`, for a length known only later. */
  putU32(at: number, value: number): void {
    const b = this.bytes;
    b[at] = value & 255;
    b[at + 1] = (value >>> 8) & 255;
    b[at + 2] = (value >>> 16) & 255;
    b[at + 3] = (value >>> 24) & 255;
  }

  /** A whole number 0 to 2^53-1. */
  varint(value: number): void {
    this.reserve(8);
    const b = this.bytes;
    let at = this.used;
    while (value >= TWO_32) {
      b[at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    while (value >= 128) {
      b[at++] = (value & 127) | 128;
      value >>>= 7;
    }
    b[at++] = value;
    this.used = at;
  }

  /** A whole number of either sign, |value| <= 2^52: zigzag, then varint. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** The bytes themselves, without a length. */
  raw(bytes: Uint8Array): void {
    const n = bytes.length;
    this.reserve(n);
    if (n <= 64) {
      const b = this.bytes;
      const at = this.used;
      for (let i = 0; i < n; i++) b[at + i] = bytes[i];
    } else this.bytes.set(bytes, this.used);
    this.used += n;
  }

  /** varint length, then the bytes. */
  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  /** The bytes written so far, as a view that the next write may change. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.used);
  }

  clear(): void {
    this.used = 0;
  }
}

export class ByteReader {
  bytes: Uint8Array;
  at: number;
  end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** Starts over on other bytes. */
  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(what: string): number {
    if (this.at >= this.end) this.fail(what, "message ends early");
    return this.bytes[this.at++];
  }

  u16(what: string): number {
    if (this.end - this.at < 2) this.fail(what, "message ends early");
    const b = this.bytes;
    return b[this.at++] | (b[this.at++] << 8);
  }

  u32(what: string): number {
    if (this.end - this.at < 4) this.fail(what, "message ends early");
    const b = this.bytes;
    const at = this.at;
    this.at = at + 4;
    return (b[at] | (b[at + 1] << 8) | (b[at + 2] << 16)) + b[at + 3] * 16777216;
  }

  /** A varint no larger than `limit`; not minimal or longer than 8 bytes is an error. */
  varint(what: string, limit: number): number {
    const b = this.bytes;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (this.at >= this.end) this.fail(what, "message ends early");
      const byte = b[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (byte === 0 && i > 0) this.fail(what, "number is not in its shortest form");
        if (value > limit) this.fail(what, `${value} is over the limit ${limit}`);
        return value;
      }
      scale *= 128;
    }
    return this.fail(what, "number is too long");
  }

  signed(what: string, limit: number): number {
    const zigzag = this.varint(what, 2 * limit);
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  /** A view of the next `length` bytes. */
  raw(what: string, length: number): Uint8Array {
    if (length > this.end - this.at) this.fail(what, "message ends early");
    const view = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return view;
  }

  /** varint length, then a view of the bytes. */
  blob(what: string, limit: number): Uint8Array {
    return this.raw(what, this.varint(what, limit));
  }

  flag(what: string): boolean {
    const value = this.u8(what);
    if (value > 1) this.fail(what, `${value} is not 0 or 1`);
    return value === 1;
  }

  /** `count` bits, lowest first, as a view; their number stands in front. Another number, or a spare bit that is set, fails. */
  bits(what: string, count: number): Uint8Array {
    const told = this.varint(what, Number.MAX_SAFE_INTEGER);
    if (told !== count) this.fail(what, `${told} answers to ${count} questions`);
    const bits = this.raw(what, Math.ceil(count / 8));
    if (count % 8 !== 0 && bits[bits.length - 1] >> (count % 8) !== 0) this.fail(what, "a spare bit is set");
    return bits;
  }

  /** Demands that nothing is left. */
  done(what: string): void {
    if (this.at !== this.end) this.fail(what, `${this.end - this.at} bytes too many`);
  }

  fail(what: string, why: string): never {
    throw new TsyncError({ kind: "stream", detail: `${what}: ${why}` });
  }
}
