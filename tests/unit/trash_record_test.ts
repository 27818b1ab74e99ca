// The journal of a trash: what is written is read; a cut at any byte leaves the records before it (E11); a journal that is damaged, or names
// what it must not, is refused.

import assert from "node:assert/strict";
import { EMPTY, latin1, utf8 } from "../../lib/base/bytes.ts";
import { ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { Kind } from "../../lib/os/os.ts";
import { runName } from "../../lib/tree/trash_folder.ts";
import {
  type Change,
  encodeRecord,
  type EntryState,
  isRunName,
  keptName,
  readRecords,
  type TrashRecord,
} from "../../lib/tree/trash_record.ts";
import { Random } from "../support/random.ts";

const STATE: EntryState = {
  ...{
    kind: Kind.file,
    mode: 0o4755,
    uid: 1000,
    gid: 4_000_000_000,
    size: 2 ** 40,
    mtimeSec: -5,
    mtimeNs: 999_999_999,
  },
  ...{ inoLow: 0xffff_ffff, inoHigh: 7, attributes: null },
};

function records(): TrashRecord[] {
  const attributes = [{ name: utf8("user.a"), value: new Uint8Array([0, 255]) }, {
    name: utf8("user.b"),
    value: EMPTY,
  }];
  const folder = { ...STATE, kind: Kind.folder, size: 0, attributes };
  return [
    { type: "begin", timeSec: 1_700_000_000, devMajor: 8, devMinor: 1, inoLow: 2, inoHigh: 3, isNewRoot: true },
    { type: "change", path: EMPTY, before: folder, kept: 0, after: folder, isOpen: true },
    { type: "change", path: utf8("a/b"), before: STATE, kept: 0xffff_ffff, after: null, isOpen: false },
    { type: "change", path: utf8("new \xff"), before: null, kept: 0, after: STATE, isOpen: false },
    { type: "change", path: utf8("a"), before: "untold", kept: 0, after: folder, isOpen: false },
    { type: "end" },
  ];
}

function encode(list: readonly TrashRecord[]): { bytes: Uint8Array; ends: number[] } {
  const writer = new ByteWriter(16);
  const ends = list.map((record) => {
    encodeRecord(writer, record);
    return writer.used;
  });
  return { bytes: writer.view().slice(), ends };
}

function refused(bytes: Uint8Array, pattern: RegExp): void {
  const isRefusal = (error: unknown) =>
    error instanceof TsyncError && error.data.kind === "selection" && pattern.test(error.message);
  assert.throws(() => [...readRecords(bytes)], isRefusal);
}

Deno.test("records of a journal are read as they were written", () => {
  assert.deepEqual([...readRecords(encode(records()).bytes)], records());
});

Deno.test("a journal that is cut at any byte has the records before the cut and no other (E11)", () => {
  const { bytes, ends } = encode(records());
  for (let cut = 0; cut <= bytes.length; cut++) {
    const whole = ends.filter((end) => end <= cut).length;
    assert.deepEqual([...readRecords(bytes.subarray(0, cut))], records().slice(0, whole), `cut at ${cut}`);
    // As a file system leaves it that had the length already.
    const zeros = new Uint8Array(bytes.length + 40);
    zeros.set(bytes.subarray(0, cut));
    if (ends.includes(cut) || cut === 0) {
      assert.deepEqual([...readRecords(zeros)], records().slice(0, whole), `zeros from ${cut}`);
    }
  }
});

Deno.test("a flipped byte in a journal is refused, or cuts off what follows it; it never makes another record", () => {
  const { bytes, ends } = encode(records());
  const told = records();
  const random = new Random(5);
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice();
    flipped[at] ^= 1 + random.below(255);
    const before = ends.filter((end) => end <= at).length;
    try {
      assert.deepEqual([...readRecords(flipped)], told.slice(0, before), `byte ${at}`);
    } catch (error) {
      if (!(error instanceof TsyncError)) throw error;
      assert.match(error.message, /nothing was changed/);
    }
  }
});

Deno.test("a journal with a path that leads out, a name of tsync's own, or a number beyond its bounds is refused", () => {
  const change = (more: Partial<Change>): Uint8Array => {
    const record: Change = {
      type: "change",
      path: utf8("a"),
      before: null,
      kept: 0,
      after: STATE,
      isOpen: false,
      ...more,
    };
    return encode([record, { type: "end" }]).bytes;
  };
  for (const path of ["..", "../a", "a/../../b", "/etc/passwd", "a//b", "a/", "a/./b", "a\0b", "x".repeat(256)]) {
    refused(change({ path: utf8(path) }), /damaged/);
  }
  for (const path of [".tsync-trash", "a/.tsync-trash/b", ".tsync-partial", `.tsync-00000000-${"0".repeat(24)}`]) {
    refused(change({ path: utf8(path) }), /tsync's own/);
  }
  refused(change({ after: { ...STATE, kind: 3 } }), /kind/);
  refused(change({ after: { ...STATE, mode: 0o10000 } }), /mode/);
  refused(change({ after: { ...STATE, mtimeNs: 1_000_000_000 } }), /time/);
  refused(change({ kept: 5 }), /nothing is kept/);
  refused(change({ after: { ...STATE, attributes: [{ name: utf8("user.\0"), value: EMPTY }] } }), /no name/);
});

Deno.test("what is kept has a number and, where it is not too long, its own name; runs are named by time and chance", () => {
  assert.equal(latin1(keptName(31, utf8("a/b c"))), "0000001f-b c");
  assert.equal(latin1(keptName(1, utf8(`a/${"x".repeat(201)}`))), "00000001");
  assert.equal(keptName(0xffff_ffff, utf8("x".repeat(200))).length, 209);
  const name = runName(1_700_000_000.25, new Uint8Array([1, 2, 0xf3]));
  assert.equal(latin1(name), "20231114-221320-2500102f");
  assert.ok(latin1(runName(1_700_000_000.249, new Uint8Array([255, 255, 255]))) < latin1(name));
  assert.ok(isRunName(name) && !isRunName(utf8("..")) && !isRunName(utf8("20231114-221320-010203f")));
});

Deno.test("a record whose check is right and that says what none can say is refused", () => {
  const change: TrashRecord = { type: "change", path: utf8("a"), before: null, kept: 0, after: null, isOpen: false };
  const begin = records()[0];
  const told = (record: TrashRecord, at: number, byte: number) => altered(encode([record, begin]).bytes, at, byte);
  refused(told(change, 8, 9), /type: 9 is unknown/);
  // The byte behind the type: a version, or flags.
  refused(told(begin, 9, 2), /version: 2 is not known/);
  for (const flags of [3, 7, 16]) refused(told(change, 9, flags), new RegExp(`flags: ${flags} is unknown`));
});

/** The journal with another byte in its first record, whose check is computed anew. */
function altered(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  bytes[at] = byte;
  let check = 0x7a3b91c5;
  for (const one of bytes.subarray(8, 8 + view.getUint32(0, true))) check = Math.imul(check ^ one, 0x01000193);
  view.setUint32(4, check >>> 0, true);
  return bytes;
}
