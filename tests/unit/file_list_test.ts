// The file list: what is put in comes out, across the borders of its chunks (65,536 entries) and pieces of names (1 MiB).

import assert from "node:assert/strict";
import { fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { deviceMajor, deviceMinor, deviceNumber, FileList } from "../../lib/base/file_list.ts";

const ROOT = new Uint8Array(0);

function rootOnly(): FileList {
  const list = new FileList();
  list.add(ROOT, 0, 0, 0, 0o40755, 1, 2, 0, -5, 6, 0, null);
  return list;
}

Deno.test("FileList gives back every column of every entry, over several chunks", () => {
  const list = rootOnly();
  const count = 140_000;
  for (let i = 1; i < count; i++) {
    const name = utf8(`prefix${i}suffix`);
    const index = list.add(
      name,
      6,
      name.length - 12,
      i >> 1,
      (8 << 12) | (i & 0o7777),
      2 ** 32 - 1 - i,
      i * 3,
      i * 2 ** 20,
      i - 70_000,
      i,
      i * 5,
      null,
    );
    assert.equal(index, i);
  }
  assert.equal(list.count, count);
  for (let i = 1; i < count; i += 37) {
    assert.equal(latin1(list.name(i)), String(i));
    const row = [
      list.kind(i),
      list.mode(i),
      list.uid(i),
      list.gid(i),
      list.size(i),
      list.mtimeSec(i),
      list.mtimeNs(i),
      list.tag(i),
      list.parent(i),
    ];
    assert.deepEqual(row, [8, i & 0o7777, 2 ** 32 - 1 - i, i * 3, i * 2 ** 20, i - 70_000, i, i * 5, i >> 1]);
  }
});

Deno.test("FileList keeps names and link targets of any bytes and the longest ones, over several pieces", () => {
  const list = rootOnly();
  const expected: [string, string][] = [["", ""]];
  for (let i = 1; i < 900; i++) {
    const name = String.fromCharCode(1 + i % 46).repeat(1 + i % 255);
    const target = String.fromCharCode(i % 255 + 1).repeat(1 + (i * 37) % 4095);
    list.add(fromLatin1(name), 0, name.length, 0, 10 << 12, 0, 0, target.length, 0, 0, 0, fromLatin1(target));
    expected.push([name, target]);
  }
  for (let i = 1; i < 900; i++) assert.deepEqual([latin1(list.name(i)), latin1(list.linkTarget(i))], expected[i]);
  assert.equal(list.linkTarget(0).length, 0);
});

Deno.test("FileList.path joins the names from the root, and depth counts them", () => {
  const list = rootOnly();
  let parent = 0;
  for (const name of ["a", "bc", "\xff"]) {
    const bytes = fromLatin1(name);
    parent = list.add(bytes, 0, bytes.length, parent, 4 << 12, 0, 0, 0, 0, 0, 0, null);
  }
  assert.equal(latin1(list.path(parent)), "a/bc/\xff");
  assert.equal(list.path(0).length, 0);
  assert.deepEqual([list.depth(0), list.depth(1), list.depth(parent)], [0, 1, 3]);
});

Deno.test("FileList keeps digests and origins only of entries that were given one", () => {
  const list = rootOnly();
  for (let i = 1; i < 70_000; i++) list.add(utf8("x"), 0, 1, 0, 8 << 12, 0, 0, 0, 0, 0, 0, null);
  assert.equal(list.digest(5), null);
  list.setDigest(66_000, new Uint8Array(16).fill(9));
  list.setOrigin(66_001, 65_535);
  assert.deepEqual(list.digest(66_000), new Uint8Array(16).fill(9));
  assert.equal(list.digest(5), null, "another chunk has none");
  assert.deepEqual([list.origin(5), list.origin(66_000), list.origin(66_001)], [0, 0, 65_535]);
});

Deno.test("FileList.setStat and setContent change what they name", () => {
  const list = rootOnly();
  list.add(utf8("x"), 0, 1, 0, (8 << 12) | 0o644, 3, 4, 10, 20, 30, 40, null);
  list.setContent(1, 11, -21, 31);
  assert.deepEqual([list.size(1), list.mtimeSec(1), list.mtimeNs(1), list.tag(1), list.mode(1)], [
    11,
    -21,
    31,
    40,
    0o644,
  ]);
  list.setStat(1, (8 << 12) | 0o4755, 12, 22, 32, 42);
  assert.deepEqual([list.size(1), list.mtimeSec(1), list.mtimeNs(1), list.tag(1), list.mode(1)], [
    12,
    22,
    32,
    42,
    0o4755,
  ]);
  assert.deepEqual([list.uid(1), list.gid(1), latin1(list.name(1))], [3, 4, "x"]);
});

Deno.test("deviceNumber keeps both halves of any device", () => {
  for (const [major, minor] of [[0, 0], [1, 3], [4095, 1_048_575], [2 ** 20, 2 ** 32 - 1]]) {
    const device = deviceNumber(major, minor);
    assert.ok(Number.isSafeInteger(device));
    assert.deepEqual([deviceMajor(device), deviceMinor(device)], [major, minor]);
  }
});

Deno.test("FileList.copyNames, nameBytes and ofKind tell of any range, over chunks, pieces and the targets of links", () => {
  const list = rootOnly();
  const names: string[] = [];
  const kinds: number[] = [];
  for (let i = 1; i < 70_000; i++) {
    const name = `${i}${"x".repeat(i % 23 === 0 ? 240 : i % 7)}`;
    const kind = i % 97 === 0 ? 10 : i % 31 === 0 ? 4 : 8;
    const target = kind === 10 ? utf8(`to ${i}`) : null;
    list.add(utf8(name), 0, name.length, 0, kind << 12, 0, 0, target?.length ?? 0, 0, 0, 0, target);
    names[i] = name;
    kinds[i] = kind;
  }
  const ranges = [[1, 0], [1, 1], [96, 3], [1, 500], [65_530, 12], [30_000, 40_000 - 1], [1, 69_999]];
  for (const [first, count] of ranges) {
    const expected = names.slice(first, first + count).join("");
    assert.equal(list.nameBytes(first, count), expected.length);
    const into = new Uint8Array(expected.length + 5);
    assert.equal(list.copyNames(first, count, into, 5), expected.length + 5);
    assert.equal(latin1(into.subarray(5)), expected);
    const folders = Array.from({ length: count }, (_, k) => first + k).filter((i) => kinds[i] === 4);
    assert.deepEqual(list.ofKind(4, first, count), folders);
  }
});
