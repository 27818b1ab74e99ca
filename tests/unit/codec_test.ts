// ByteWriter and ByteReader: every number comes back, every bound is kept, every cut is noticed, and only TsyncError comes out.

import assert from "node:assert/strict";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { Random } from "../support/random.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const EDGES = [
  0,
  1,
  127,
  128,
  255,
  16_383,
  16_384,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 35,
  2 ** 42 + 3,
  MAX,
];

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1);
  write(writer);
  return writer.view().slice();
}

function fails(read: () => void, form: RegExp): void {
  assert.throws(
    read,
    (error) => error instanceof TsyncError && error.data.kind === "stream" && form.test(error.message),
  );
}

Deno.test("varint: every size comes back in its shortest form, and no prefix of it is taken", () => {
  for (const value of EDGES) {
    const bytes = written((writer) => writer.varint(value));
    assert.equal(bytes.length, Math.max(1, Math.ceil(Math.log2(value + 1) / 7)), String(value));
    const reader = new ByteReader(bytes);
    assert.equal(reader.varint("number", MAX), value);
    reader.done("number");
    for (let cut = 0; cut < bytes.length; cut++) {
      fails(() => new ByteReader(bytes.subarray(0, cut)).varint("number", MAX), /ends early/);
    }
    if (value > 0) fails(() => new ByteReader(bytes).varint("number", value - 1), /over the limit/);
    assert.equal(new ByteReader(bytes).varint("number", value), value);
  }
});

Deno.test("varint: longer forms than needed, more than eight bytes and numbers past 2^53 are refused", () => {
  fails(() => new ByteReader(new Uint8Array([0x80, 0])).varint("n", MAX), /shortest/);
  fails(() => new ByteReader(new Uint8Array([0xff, 0x80, 0])).varint("n", MAX), /shortest/);
  fails(() => new ByteReader(new Uint8Array(9).fill(0x80)).varint("n", MAX), /too long/);
  fails(() => new ByteReader(new Uint8Array(8).fill(0xff)).varint("n", MAX), /too long/);
  const over = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10]);
  fails(() => new ByteReader(over).varint("n", MAX), /over the limit/);
});

Deno.test("signed: both signs up to 2^52", () => {
  for (const value of [0, 1, -1, 63, -64, 64, 2 ** 31, -(2 ** 31), 2 ** 43, -(2 ** 43), 2 ** 52 - 1, -(2 ** 52 - 1)]) {
    const bytes = written((writer) => writer.signed(value));
    assert.equal(new ByteReader(bytes).signed("n", 2 ** 52 - 1), value);
    if (value !== 0) fails(() => new ByteReader(bytes).signed("n", Math.abs(value) - 1), /over the limit/);
  }
});

Deno.test("u8, u16, u32, flag and raw bytes come back; a flag is 0 or 1", () => {
  const bytes = written((writer) => {
    writer.u8(255);
    writer.u16(65_535);
    writer.u32(4_294_967_295);
    writer.flag(true);
    writer.flag(false);
    writer.blob(new Uint8Array([7, 8]));
    writer.raw(new Uint8Array(100).fill(9));
  });
  const reader = new ByteReader(bytes);
  assert.deepEqual([reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.flag("d"), reader.flag("e")], [
    255,
    65_535,
    4_294_967_295,
    true,
    false,
  ]);
  assert.deepEqual([...reader.blob("f", 2)], [7, 8]);
  assert.deepEqual(reader.raw("g", 100), new Uint8Array(100).fill(9));
  reader.done("all");
  fails(() => new ByteReader(new Uint8Array([2])).flag("flag"), /not 0 or 1/);
  for (const read of ["u8", "u16", "u32", "flag"] as const) {
    fails(() => new ByteReader(new Uint8Array(0))[read]("x"), /ends early/);
  }
});

Deno.test("blob: its length is held against the limit and against what is left", () => {
  const bytes = written((writer) => writer.blob(new Uint8Array(10)));
  fails(() => new ByteReader(bytes).blob("name", 9), /over the limit/);
  fails(() => new ByteReader(bytes.subarray(0, 10)).blob("name", 10), /ends early/);
  const huge = written((writer) => writer.varint(2 ** 40));
  fails(() => new ByteReader(huge).blob("name", 2 ** 50), /ends early/);
});

Deno.test("done: bytes that are left are an error", () => {
  const reader = new ByteReader(new Uint8Array(2));
  fails(() => reader.done("message"), /2 bytes too many/);
});

Deno.test("putU32 overwrites a length that is known later; clear starts over in the same room", () => {
  const writer = new ByteWriter(2);
  writer.u32(0);
  writer.raw(new Uint8Array(5));
  writer.putU32(0, 0xfedcba98);
  assert.equal(new ByteReader(writer.view()).u32("n"), 0xfedcba98);
  writer.clear();
  writer.u8(1);
  assert.deepEqual([...writer.view()], [1]);
});

Deno.test("ByteReader: random bytes give numbers within their limits or TsyncError, nothing else", () => {
  const random = new Random(31);
  for (let round = 0; round < 20_000; round++) {
    const reader = new ByteReader(random.bytes(random.below(12)));
    try {
      while (reader.left > 0) {
        const limit = random.pick(EDGES);
        const before = reader.at;
        const kind = random.below(4);
        if (kind === 0) assert.ok(reader.varint("n", limit) <= limit);
        else if (kind === 1) assert.ok(Math.abs(reader.signed("n", Math.min(limit, 2 ** 52 - 1))) <= limit);
        else if (kind === 2) assert.ok(reader.blob("b", limit).length <= limit);
        else reader.u32("u");
        assert.ok(reader.at > before && reader.at <= reader.end);
      }
    } catch (error) {
      assert.ok(error instanceof TsyncError, String(error));
    }
  }
});
