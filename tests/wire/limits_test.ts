// Every number, name and length that a peer sends, at its limit (taken) and one beyond (refused), and every flag bit that is not
// named in PROTOCOL.md.

import assert from "node:assert/strict";
import { fromLatin1, utf8 } from "../../lib/base/bytes.ts";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { ZstdPacker } from "../../lib/codec/zstd.ts";
import type { FileList } from "../../lib/base/file_list.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { decodeLanesOffered, encodeLanesOffered, joinFrame, joinOf } from "../../lib/wire/lane_codec.ts";
import { ALL_KINDS, Message } from "../../lib/wire/messages.ts";
import { made } from "./raw_peer.ts";
import { addEntry, attempt, DIGEST, type Sample, SAMPLES } from "./samples.ts";
import { rootList } from "./samples.ts";

const sampleOf = (type: number): Sample => SAMPLES.find((sample) => sample.type === type)!;

type Build = (w: ByteWriter) => void;

function check(name: string, type: number, build: Build, isTaken: boolean): void {
  const taken = attempt(sampleOf(type), made(build)) !== null;
  assert.equal(taken, isTaken, `${name}: ${isTaken ? "refused" : "taken"}`);
}

/** Tests `build(limit)` and `build(beyond)`, where beyond is limit + 1 if not given. */
function limit(
  name: string,
  type: number,
  build: (w: ByteWriter, value: number) => void,
  value: number,
  beyond = value + 1,
): void {
  Deno.test(`${name}: ${value} is taken, ${beyond} is refused`, () => {
    check(name, type, (w) => build(w, value), true);
    check(name, type, (w) => build(w, beyond), false);
  });
}

const blob = (w: ByteWriter, length: number) => w.blob(new Uint8Array(length).fill(0x61));

/** A number that no ByteWriter writes: 8 bytes of 7 bits, beyond 2^53. */
function big(w: ByteWriter, value: number): void {
  if (value <= Number.MAX_SAFE_INTEGER) return w.varint(value);
  w.raw(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10));
}

// HELLO and JOB.
const hello = (side: number, version: number) => (w: ByteWriter) => {
  w.u16(1);
  w.u16(0);
  w.u8(side);
  blob(w, version);
  w.varint(0);
  w.varint(0);
  w.raw(DIGEST);
};
limit("HELLO side", Message.hello, (w, v) => hello(v, 1)(w), 1);
limit("HELLO version text", Message.hello, (w, v) => hello(0, v)(w), 64);

interface JobParts {
  role?: number;
  bits?: number;
  /** The third word of bits. */
  highBits?: number;
  window?: number;
  limitKind?: number;
  limit?: number;
  compress?: number;
  level?: number;
  rules?: Build;
  values?: Build;
  paths?: Build;
}
function job(w: ByteWriter, parts: JobParts): void {
  w.u8(parts.role ?? 1);
  w.u32(parts.bits ?? 0);
  w.u32(0);
  w.u32(parts.highBits ?? 0);
  big(w, parts.window ?? 1);
  w.u8(parts.limitKind ?? 0);
  w.varint(parts.limit ?? 0);
  w.u8(parts.compress ?? 0);
  w.signed(parts.level ?? 0);
  (parts.rules ?? ((w) => w.varint(0)))(w);
  (parts.values ?? ((w) => w.varint(0)))(w);
  (parts.paths ?? ((w) => (w.varint(1), blob(w, 1))))(w);
}
limit("JOB role", Message.job, (w, role) => job(w, { role }), 1);
limit("JOB highest option bits", Message.job, (w, highBits) => job(w, { highBits }), 0, 2 ** 31);
limit("JOB modify window (zigzag)", Message.job, (w, window) => job(w, { window }), 2 ** 53 - 2, 2 ** 53);
limit(
  "JOB modify window of whole seconds (zigzag)",
  Message.job,
  (w, window) => job(w, { window }),
  2 ** 32 + 3,
  2 ** 32 + 5,
);
limit("JOB kind of delete limit", Message.job, (w, limitKind) => job(w, { limitKind }), 2);
limit("JOB guard", Message.job, (w, limit) => job(w, { limit }), 0);
limit("JOB delete limit by count", Message.job, (w, limit) => job(w, { limitKind: 1, limit }), 2 ** 32);
limit("JOB delete limit by percent", Message.job, (w, limit) => job(w, { limitKind: 2, limit }), 100);
const value = (tag: number, build: Build): Build => (w) => {
  const own = new ByteWriter(16);
  build(own);
  w.varint(1);
  w.u8(tag);
  w.blob(own.bytes.subarray(0, own.used));
};
const number = (tag: number) => (w: ByteWriter, v: number) => job(w, { values: value(tag, (own) => own.varint(v)) });
limit("JOB timeout", Message.job, number(1), 2 ** 31);
limit("JOB one file system", Message.job, number(27), 2);
limit("JOB block size", Message.job, number(2), 16 << 20);
limit("JOB rate", Message.job, number(73), 2 ** 42);
limit("JOB run name", Message.job, (w, v) => job(w, { values: value(90, (own) => own.raw(new Uint8Array(v))) }), 16);
limit(
  "JOB run name, short",
  Message.job,
  (w, v) => job(w, { values: value(90, (own) => own.raw(new Uint8Array(v))) }),
  16,
  15,
);
limit("JOB unknown value", Message.job, (w, tag) => number(tag)(w, 1), 2, 255);
limit("JOB compression", Message.job, (w, compress) => job(w, { compress }), 2);
limit("JOB compression level", Message.job, (w, level) => job(w, { level }), 22);
limit("JOB compression level below zero", Message.job, (w, level) => job(w, { level }), -50, -51);
const rules = (count: number, pattern: number, flags: number): Build => (w) => {
  w.varint(count);
  for (let i = 0; i < count; i++) {
    w.varint(flags);
    blob(w, pattern);
  }
};
limit("JOB filter rules", Message.job, (w, v) => job(w, { rules: rules(v, 1, 0) }), 100_000);
limit("JOB filter pattern", Message.job, (w, v) => job(w, { rules: rules(1, v, 0) }), 4095);
limit("JOB rule flags", Message.job, (w, v) => job(w, { rules: rules(1, 1, v) }), 0x3fff);
const paths = (count: number, length: number): Build => (w) => {
  w.varint(count);
  for (let i = 0; i < count; i++) blob(w, length);
};
limit("JOB paths", Message.job, (w, v) => job(w, { paths: paths(v, 1) }), 65_535);
limit("JOB paths of a target", Message.job, (w, v) => job(w, { role: 0, paths: paths(v, 1) }), 1);
limit("JOB no path", Message.job, (w, v) => job(w, { paths: paths(v, 1) }), 1, 0);
limit("JOB path", Message.job, (w, v) => job(w, { paths: paths(1, v) }), 4095);
limit(
  "JOB NUL in a path",
  Message.job,
  (w, v) => job(w, { paths: (w) => (w.varint(1), w.blob(Uint8Array.of(v))) }),
  1,
  0,
);

// ROOTS, ACCOUNT, LIST_END.
function roots(
  w: ByteWriter,
  parts: { flags?: number; sources?: number; mode?: number; uid?: number; s?: number; ns?: number },
): void {
  w.u8(parts.flags ?? 1);
  w.varint(parts.sources ?? 1);
  w.u16(parts.mode ?? 0o040755);
  w.varint(parts.uid ?? 0);
  w.varint(parts.uid ?? 0);
  w.signed(parts.s ?? 0);
  w.u32(parts.ns ?? 0);
}
for (const illegal of [3, 5, 6, 7, 8]) {
  limit(`ROOTS flags ${illegal}`, Message.roots, (w, flags) => roots(w, { flags }), 1, illegal);
}
limit("ROOTS sources", Message.roots, (w, sources) => roots(w, { sources }), 65_535);
limit("ROOTS no source", Message.roots, (w, sources) => roots(w, { sources }), 1, 0);
limit("ROOTS kind", Message.roots, (w, mode) => roots(w, { mode }), 0o047777, 0o100755);
limit("ROOTS uid", Message.roots, (w, uid) => roots(w, { uid }), 2 ** 32 - 2);
limit("ROOTS seconds", Message.roots, (w, s) => roots(w, { s }), 2 ** 43);
limit("ROOTS nanoseconds", Message.roots, (w, ns) => roots(w, { ns }), 999_999_999);
const account = (w: ByteWriter, kind: number, id: number, name: Uint8Array) => lists.encodeAccount(w, kind, id, name);
limit("ACCOUNT kind", Message.account, (w, v) => account(w, v, 1, utf8("a")), 1);
limit("ACCOUNT id", Message.account, (w, v) => account(w, 0, v, utf8("a")), 2 ** 32 - 2);
limit("ACCOUNT name", Message.account, (w, v) => account(w, 0, 1, new Uint8Array(v).fill(0x61)), 256);
limit("ACCOUNT empty name", Message.account, (w, v) => account(w, 0, 1, new Uint8Array(v).fill(0x61)), 1, 0);
limit("ACCOUNT NUL in a name", Message.account, (w, v) => account(w, 0, 1, Uint8Array.of(v)), 1, 0);
limit("ACCOUNT colon in a name", Message.account, (w, v) => account(w, 0, 1, Uint8Array.of(v)), 0x39, 0x3a);
limit("LIST_END flags", Message.listEnd, (w, v) => (w.u8(v), w.varint(1), w.varint(1)), 1);
limit("LIST_END entries", Message.listEnd, (w, v) => (w.u8(1), w.varint(v), w.varint(1)), 200_000_000);
limit("LIST_END bytes", Message.listEnd, (w, v) => (w.u8(1), w.varint(1), big(w, v)), 2 ** 53 - 1, 2 ** 53);

// LIST.
interface EntryParts {
  flags?: number;
  mode?: number;
  prefix?: number;
  name?: Uint8Array;
  uid?: number;
  gid?: number;
  s?: number;
  ns?: number;
  rest?: Build;
}
function entry(w: ByteWriter, parts: EntryParts): void {
  const { flags = 0, name = utf8("a") } = parts;
  w.u8(flags);
  w.u16(parts.mode ?? 0o040755);
  w.u8(parts.prefix ?? 0);
  w.u8(name.length & 255);
  w.raw(name);
  if ((flags & 1) === 0) w.varint(parts.uid ?? 0);
  if ((flags & 2) === 0) w.varint(parts.gid ?? 0);
  if ((flags & 4) === 0) big(w, parts.s ?? 0);
  w.u32(parts.ns ?? 0);
  parts.rest?.(w);
}
function list(w: ByteWriter, ...entries: EntryParts[]): void {
  w.varint(0);
  w.u8(3);
  w.varint(entries.length);
  for (const parts of entries) entry(w, parts);
}
const FILE = 0o100644;
limit("LIST flags", Message.list, (w, v) => (w.varint(0), w.u8(v), w.varint(0)), 7);
limit("LIST without entries is the last piece", Message.list, (w, v) => (w.varint(0), w.u8(v), w.varint(0)), 3, 1);
limit("LIST entries", Message.list, (w, v) => {
  w.varint(0);
  w.u8(3);
  w.varint(v);
  for (let i = 0; i < v; i++) entry(w, { name: fromLatin1(String(100_000 + i)) });
}, 8192);
limit("entry flags of the first", Message.list, (w, flags) => list(w, { flags }), 0);
limit("entry flag bits", Message.list, (w, flags) => list(w, {}, { flags, name: utf8("b") }), 7, 16);
limit("entry same gid on the first", Message.list, (w, flags) => list(w, { flags }), 0, 2);
limit("entry same time on the first", Message.list, (w, flags) => list(w, { flags }), 0, 4);
limit(
  "entry digest of a folder",
  Message.list,
  (w, flags) => list(w, { flags, rest: (w) => flags && w.raw(DIGEST) }),
  0,
  8,
);
for (const kind of [0, 3, 5, 7, 9, 11, 13, 14, 15]) {
  limit(`entry kind ${kind}`, Message.list, (w, mode) => list(w, { mode }), 0o047777, kind << 12);
}
limit("entry prefix of the first", Message.list, (w, prefix) => list(w, { prefix }), 0);
limit("entry prefix", Message.list, (w, prefix) => list(w, { name: utf8("aa") }, { prefix, name: utf8("b") }), 2);
limit("entry name", Message.list, (w, v) => {
  list(w, { name: new Uint8Array(200).fill(0x61) }, { prefix: 200, name: new Uint8Array(v - 200).fill(0x62) });
}, 255);
limit("entry name without bytes", Message.list, (w, v) => list(w, { name: new Uint8Array(v).fill(0x61) }), 1, 0);
for (
  const [name, good] of [[".", ".a"], ["..", "..."], ["a/b", "a\\b"], ["/", "\\"], ["a\0", "a\x01"], ["\0", "\x01"]]
) {
  Deno.test(`entry name ${JSON.stringify(good)} is taken, ${JSON.stringify(name)} is refused, joined from a prefix too`, () => {
    check(good, Message.list, (w) => list(w, { name: fromLatin1(good) }), true);
    check(name, Message.list, (w) => list(w, { name: fromLatin1(name) }), false);
    const second = (text: string): Build => (w) =>
      list(w, { name: fromLatin1("-") }, { prefix: 0, name: fromLatin1(text) }, {
        prefix: text.length,
        name: fromLatin1("/"),
      });
    check(name, Message.list, second("a"), false);
  });
}
Deno.test('entry names "." and ".." joined from a prefix are refused', () => {
  check(".", Message.list, (w) => list(w, { name: utf8("-") }, { prefix: 0, name: utf8(".") }), false);
  check("..", Message.list, (w) => list(w, { name: utf8("-") }, { prefix: 0, name: utf8("..") }), false);
  check(".-", Message.list, (w) => list(w, { name: utf8(".-") }, { prefix: 1, name: utf8(".") }), false);
});
for (const [before, after] of [["b", "a"], ["a", "a"], ["ab", "a"], ["\xff", "\x7f"], ["a\x80", "a\x01"]]) {
  Deno.test(`entries ${JSON.stringify(after)}, ${JSON.stringify(before)} are taken, the other way round they are refused`, () => {
    check("order", Message.list, (w) => list(w, { name: fromLatin1(before) }, { name: fromLatin1(after) }), false);
    if (before !== after) {
      check("order", Message.list, (w) => list(w, { name: fromLatin1(after) }, { name: fromLatin1(before) }), true);
    }
  });
}
limit("entry uid", Message.list, (w, uid) => list(w, { uid }), 2 ** 32 - 2);
limit("entry gid", Message.list, (w, gid) => list(w, { gid }), 2 ** 32 - 2);
limit("entry seconds (zigzag)", Message.list, (w, s) => list(w, { s }), 2 ** 44);
limit("entry seconds below zero (zigzag)", Message.list, (w, s) => list(w, { s }), 2 ** 44 - 1, 2 ** 44 + 1);
limit("entry nanoseconds", Message.list, (w, ns) => list(w, { ns }), 999_999_999);
limit("entry nanoseconds of 32 bits", Message.list, (w, ns) => list(w, { ns }), 0, 2 ** 32 - 1);
limit("entry size", Message.list, (w, v) => list(w, { mode: FILE, rest: (w) => big(w, v) }), 2 ** 53 - 1, 2 ** 53);
limit("entry link target", Message.list, (w, v) => list(w, { mode: 0o120777, rest: (w) => blob(w, v) }), 4095);
limit("entry empty link target", Message.list, (w, v) => list(w, { mode: 0o120777, rest: (w) => blob(w, v) }), 1, 0);
limit(
  "entry NUL in a link target",
  Message.list,
  (w, v) => list(w, { mode: 0o120777, rest: (w) => w.blob(Uint8Array.of(v)) }),
  1,
  0,
);
limit(
  "entry device major",
  Message.list,
  (w, v) => list(w, { mode: 0o020600, rest: (w) => (w.varint(v), w.varint(0)) }),
  2 ** 20 - 1,
);
limit(
  "entry device minor",
  Message.list,
  (w, v) => list(w, { mode: 0o060600, rest: (w) => (w.varint(0), w.varint(v)) }),
  2 ** 32 - 1,
);

/** Decodes one LIST into `into` and says whether it was taken. */
function takes(
  into: FileList,
  head: { folder: number; flags: number },
  build: Build,
  rules: lists.ListRules = { kinds: ALL_KINDS, digests: true, links: false, attributes: false, folderSizes: false },
): boolean {
  const reader = new ByteReader(made(build));
  const tally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
  const count = reader.varint("count", 100);
  try {
    lists.decodeEntries(reader, into, { ...head, holeBytes: 0, count }, rules, tally);
    return true;
  } catch (error) {
    assert.ok(error instanceof TsyncError && error.data.kind === "stream", String(error));
    return false;
  }
}
const one = (parts: EntryParts): Build => (w) => (w.varint(1), entry(w, parts));

Deno.test("entry order holds across pieces: the first name of a piece rises above the last of the one before", () => {
  const before = () => {
    const list = rootList();
    addEntry(list, "b");
    return list;
  };
  assert.equal(takes(before(), { folder: 0, flags: 2 }, one({ name: utf8("b0") })), true);
  assert.equal(takes(before(), { folder: 0, flags: 2 }, one({ name: utf8("c") })), true);
  assert.equal(takes(before(), { folder: 0, flags: 2 }, one({ name: utf8("b") })), false);
  assert.equal(takes(before(), { folder: 0, flags: 2 }, one({ name: utf8("a") })), false);
  assert.equal(takes(before(), { folder: 0, flags: 3 }, one({ name: utf8("a") })), true, "a new folder begins anew");
});

Deno.test("entry kinds and digests that the job did not ask for are refused", () => {
  const rules = { kinds: 1 << 8 | 1 << 4, digests: false, links: false, attributes: false, folderSizes: false };
  const link: Build = one({ mode: 0o120777, rest: (w) => blob(w, 1) });
  assert.equal(takes(rootList(), { folder: 0, flags: 3 }, one({}), rules), true);
  assert.equal(takes(rootList(), { folder: 0, flags: 3 }, link, rules), false);
  assert.equal(takes(rootList(), { folder: 0, flags: 3 }, link), true);
  const digest: Build = one({ mode: FILE, flags: 8, rest: (w) => (w.varint(1), w.raw(DIGEST)) });
  assert.equal(takes(rootList(), { folder: 0, flags: 3 }, digest, rules), false);
  assert.equal(takes(rootList(), { folder: 0, flags: 3 }, digest), true);
});

Deno.test("entries are names of one inode only in a job with hard links, of an earlier first name of their kind and size", () => {
  const rules = { kinds: ALL_KINDS, digests: false, links: true, attributes: false, folderSizes: false };
  const before = () => {
    const list = rootList();
    addEntry(list, "a", { size: 1 });
    addEntry(list, "b", { size: 1 });
    list.setFirstName(1, 1);
    return list;
  };
  /** A file of 1 byte that is told to be a name of the entry `steps - 1` before it. */
  const named = (steps: number, size = 1): Build =>
    one({ name: utf8("c"), mode: FILE, rest: (w) => (w.varint(size), w.varint(steps)) });
  const try_ = (build: Build) => takes(before(), { folder: 0, flags: 2 }, build, rules);
  assert.deepEqual([0, 1, 3].map((steps) => try_(named(steps))), [true, true, true]);
  assert.equal(try_(named(2)), false, "b is no first name");
  assert.equal(try_(named(4)), false, "the root");
  assert.equal(try_(named(5)), false, "before the list");
  assert.equal(try_(named(3, 2)), false, "another size");
  const link: Build = one({ name: utf8("c"), mode: 0o120777, rest: (w) => (blob(w, 1), w.varint(3)) });
  assert.equal(try_(link), false, "another kind");
  const unasked = { ...rules, links: false, attributes: false, folderSizes: false };
  assert.equal(takes(before(), { folder: 0, flags: 2 }, named(0), unasked), false, "not asked for");
  const folder: Build = one({ name: utf8("c"), mode: 0o040755, rest: (w) => w.varint(1) });
  assert.equal(try_(folder), false, "a folder has no links");
});

Deno.test("entry paths of 4,095 bytes are taken, of 4,096 refused; depth 1,024 is taken, 1,025 refused", () => {
  const long = rootList();
  // 15 folders of 255 bytes and their slashes are 3,840 bytes.
  for (let i = 0; i < 15; i++) {
    addEntry(long, new Uint8Array(255).fill(0x61), { parent: long.count - 1, mode: 0o040755 });
  }
  assert.equal(takes(long, { folder: 15, flags: 3 }, one({ name: new Uint8Array(255).fill(0x62) })), true);
  addEntry(long, "f", { parent: 14, mode: 0o040755 });
  const wide = rootList();
  for (let i = 0; i < 15; i++) {
    addEntry(wide, new Uint8Array(255).fill(0x61), { parent: wide.count - 1, mode: 0o040755 });
  }
  addEntry(wide, "d", { parent: 15, mode: 0o040755 });
  assert.equal(takes(wide, { folder: 16, flags: 3 }, one({ name: new Uint8Array(253).fill(0x62) })), true);
  assert.equal(takes(wide, { folder: 16, flags: 3 }, one({ name: new Uint8Array(254).fill(0x62) })), false);
  const deep = rootList();
  for (let i = 0; i < 1023; i++) addEntry(deep, "d", { parent: deep.count - 1, mode: 0o040755 });
  assert.equal(takes(deep, { folder: 1023, flags: 3 }, one({})), true);
  assert.equal(takes(deep, { folder: 1024, flags: 3 }, one({})), false);
});

// Content.
const ENTRY_INDEX = 200_000_000 - 1;
limit("FILES index", Message.files, (w, v) => (w.varint(v), w.u8(0), blob(w, 1), w.raw(DIGEST)), ENTRY_INDEX);
limit(
  "FILES flags",
  Message.files,
  (w, v) => (w.varint(1), w.u8(v), v > 0 && (w.signed(0), w.u32(0)), blob(w, 1), w.raw(DIGEST)),
  1,
);
limit("FILES content", Message.files, (w, v) => (w.varint(1), w.u8(0), blob(w, v), w.raw(DIGEST)), 131_072);
limit(
  "FILES time",
  Message.files,
  (w, v) => (w.varint(1), w.u8(1), w.signed(v), w.u32(0), blob(w, 1), w.raw(DIGEST)),
  2 ** 43,
);
limit(
  "FILES ns",
  Message.files,
  (w, v) => (w.varint(1), w.u8(1), w.signed(0), w.u32(v), blob(w, 1), w.raw(DIGEST)),
  999_999_999,
);
limit("FILE_BEGIN index", Message.fileBegin, (w, v) => (w.varint(v), w.u8(0), w.varint(1)), ENTRY_INDEX);
limit(
  "FILE_BEGIN flags",
  Message.fileBegin,
  (w, v) => (w.varint(1), w.u8(v), w.varint(1), (v & 1) !== 0 && (w.signed(0), w.u32(0))),
  3,
);
limit("FILE_BEGIN size", Message.fileBegin, (w, v) => (w.varint(1), w.u8(0), big(w, v)), 2 ** 53 - 1, 2 ** 53);
limit("FILE_DATA offset", Message.fileData, (w, v) => (big(w, v), w.u8(1)), 2 ** 53 - 1, 2 ** 53);
limit("FILE_DATA bytes", Message.fileData, (w, v) => (w.varint(0), w.raw(new Uint8Array(v))), 1, 0);
limit("FILE_END outcome", Message.fileEnd, (w, v) => w.u8(v), 1);
limit("FILE_SKIP index", Message.fileSkip, (w, v) => (w.varint(v), w.u8(1)), ENTRY_INDEX);
limit("FILE_SKIP cause", Message.fileSkip, (w, v) => (w.varint(1), w.u8(v)), 58);
limit("SOURCE_DONE flags", Message.sourceDone, (w, v) => w.u8(v), 1);
limit("PLAN entries", Message.plan, (w, v) => (w.varint(v), w.varint(1), w.varint(0)), 200_000_000);
limit("PLAN no entry", Message.plan, (w, v) => (w.varint(v), w.varint(1), w.varint(0)), 1, 0);
limit("PLAN bytes", Message.plan, (w, v) => (w.varint(1), big(w, v), w.varint(0)), 2 ** 53 - 1, 2 ** 53);
limit("PLAN holes", Message.plan, (w, v) => (w.varint(1), w.varint(0), big(w, v)), 2 ** 53 - 1, 2 ** 53);
limit("MISSING paths", Message.missing, (w, v) => {
  w.varint(v);
  for (let i = 0; i < v; i++) blob(w, 1);
}, 200);
limit("MISSING no path", Message.missing, (w, v) => (w.varint(v), blob(w, 1)), 1, 0);
limit("MISSING the root", Message.missing, (w, v) => (w.varint(1), blob(w, v)), 1, 0);
limit("CHECKED paths", Message.checked, (w, v) => (w.varint(v), w.u16(1)), 11);
limit("CHECKED paths too few", Message.checked, (w, v) => (w.varint(v), w.u16(1)), 11, 10);
limit("CHECKED spare bits", Message.checked, (w, v) => (w.varint(11), w.u8(255), w.u8(v)), 7);

// PACKED.
const zstd = new ZstdPacker(1);
/** A PACKED that says `says` bytes and holds these. */
function packed(w: ByteWriter, frames: Uint8Array, says = frames.length, codec = 1): void {
  const data = new Uint8Array(frames.length + 1000);
  w.u8(codec);
  w.varint(says);
  w.raw(data.subarray(0, zstd.pack(frames, data, 0, data.length)));
}
/** Frames of `total` bytes: FILE_DATA, the last of them `type`. */
function framesOf(total: number, type: number = Message.fileData): Uint8Array {
  const w = new ByteWriter(total);
  for (let left = total; left > 0;) {
    const length = Math.min(left - 5, left === 2 ** 20 + 1 ? 2 ** 19 : 2 ** 20);
    w.u32(length);
    w.u8(left - length === 5 ? type : Message.fileData);
    w.raw(new Uint8Array(length));
    left -= length + 5;
  }
  return w.view();
}
limit("PACKED codec", Message.packed, (w, v) => packed(w, framesOf(100), 100, v), 1);
limit("PACKED codec 0", Message.packed, (w, v) => packed(w, framesOf(100), 100, v), 1, 0);
limit("PACKED size", Message.packed, (w, v) => packed(w, framesOf(v)), 2 ** 20);
limit("PACKED size that is too large", Message.packed, (w, v) => packed(w, framesOf(100), v), 100);
limit("PACKED size that is too small", Message.packed, (w, v) => packed(w, framesOf(100), v), 100, 99);
limit("PACKED size of nothing", Message.packed, (w, v) => packed(w, framesOf(100 * v)), 1, 0);
limit(
  "PACKED a byte behind the last frame",
  Message.packed,
  (w, v) => packed(w, new Uint8Array([...framesOf(100), 1]).subarray(0, v)),
  100,
);
limit("PACKED half a frame", Message.packed, (w, v) => packed(w, framesOf(100).subarray(0, v)), 100, 99);
limit(
  "PACKED half a header",
  Message.packed,
  (w, v) => packed(w, new Uint8Array([...framesOf(100), 0, 0, 0, 0]).subarray(0, v)),
  100,
  104,
);
limit("PACKED types", Message.packed, (w, v) => packed(w, framesOf(100, v)), 0x2f);
limit("PACKED types from below", Message.packed, (w, v) => packed(w, framesOf(100, v)), 0x10, 0x0f);
limit("PACKED in PACKED", Message.packed, (w, v) => packed(w, framesOf(100, v)), 0x1a, 0x1b);
Deno.test("PACKED with a window over 1 MiB, junk behind its data, data cut off, and data of another kind are refused", () => {
  const window = (log: number) => (w: ByteWriter) => {
    const good = made((w) => packed(w, framesOf(4096)));
    // Behind codec and size: magic number, frame header descriptor, and the window's size.
    const header = good.subarray(3);
    assert.deepEqual([...header.subarray(0, 5)], [0x28, 0xb5, 0x2f, 0xfd, 0], "a frame that names its window");
    header[5] = (log - 10) << 3;
    w.raw(good);
  };
  check("1 MiB", Message.packed, window(20), true);
  for (const log of [21, 27, 31, 41]) check(`2^${log}`, Message.packed, window(log), false);
  const good = made((w) => packed(w, framesOf(100)));
  check("as it is", Message.packed, (w) => w.raw(good), true);
  check("junk", Message.packed, (w) => (w.raw(good), w.u8(0x28)), false);
  for (let length = 0; length < good.length - 3; length++) {
    check(`cut to ${length}`, Message.packed, (w) => w.raw(good.subarray(0, length)), false);
  }
  check("deflate", Message.packed, (w) => (w.u8(1), w.varint(100), w.raw(Uint8Array.of(0x78, 0x9c, 3, 0))), false);
});

// Wishes.
limit("READY flags", Message.ready, (w, v) => w.u8(v), 2, 3);
limit("READY flags without subtrees", Message.ready, (w, v) => w.u8(v), 1, 4);
limit("READY unknown flags", Message.ready, (w, v) => w.u8(v), 14, 16);
limit("SUBTREES folders", Message.subtrees, (w, v) => {
  w.varint(v);
  for (let i = 0; i < v; i++) w.varint(1), w.raw(new Uint8Array(16));
}, 8192);
limit(
  "SUBTREES no folder",
  Message.subtrees,
  (w, v) => (w.varint(v), v > 0 && (w.varint(1), w.raw(new Uint8Array(16)))),
  1,
  0,
);
limit(
  "SUBTREES indexes that do not rise",
  Message.subtrees,
  (w, v) => {
    w.varint(2);
    w.varint(1), w.raw(new Uint8Array(16));
    w.varint(v), w.raw(new Uint8Array(16));
  },
  1,
  0,
);
limit("DESCEND folders", Message.descend, (w, v) => (w.varint(v), w.u16(1)), 11);
limit("DESCEND spare bits", Message.descend, (w, v) => (w.varint(11), w.u8(255), w.u8(v)), 7);
limit("WANT flags", Message.want, (w, v) => (w.u8(v), w.varint(1), w.varint(1)), 2);
limit("SIGNATURE flags", Message.signature, (w, v) => (w.varint(1), w.u8(v)), 2, 4);
limit("SIGNATURE records", Message.signature, (w, v) => (w.varint(1), w.u8(0), w.raw(new Uint8Array(v))), 65_536);
limit("FINE flags", Message.fine, (w, v) => (w.varint(1), w.u8(v)), 1);
limit("FINE records", Message.fine, (w, v) => (w.varint(1), w.u8(0), w.raw(new Uint8Array(v))), 65_536);
limit("FILE_COPY length", Message.fileCopy, (w, v) => (w.varint(1), w.varint(1), w.varint(v)), 1, 0);
limit("REFINE ranges", Message.refine, (w, v) => {
  w.varint(1), w.varint(v);
  for (let i = 0; i < v; i++) w.varint(i), w.varint(1);
}, 8192);
limit(
  "REFINE no range",
  Message.refine,
  (w, v) => (w.varint(1), w.varint(v), v > 0 && w.raw(Uint8Array.of(1, 1))),
  1,
  0,
);
limit("REFINE length", Message.refine, (w, v) => (w.varint(1), w.varint(1), w.varint(1), w.varint(v)), 1, 0);
limit("WANT indexes", Message.want, (w, v) => {
  w.u8(0);
  w.varint(v);
  for (let i = 0; i < v; i++) w.varint(1);
}, 8192);
limit("WANT no index", Message.want, (w, v) => (w.u8(0), w.varint(v), v > 0 && w.varint(1)), 1, 0);
limit("WANT difference", Message.want, (w, v) => (w.u8(0), w.varint(2), w.varint(0), w.varint(v)), 1, 0);
limit("WANT index", Message.want, (w, v) => (w.u8(0), w.varint(1), w.varint(v)), 200_000_000);
limit("PLACED indexes", Message.placed, (w, v) => {
  w.varint(v);
  for (let i = 0; i < v; i++) w.varint(1);
}, 8192);
limit("PLACED no index", Message.placed, (w, v) => (w.varint(v), v > 0 && w.varint(1)), 1, 0);
limit("PLACED difference", Message.placed, (w, v) => (w.varint(2), w.varint(1), w.varint(v)), 1, 0);
limit("CHECK paths", Message.check, (w, v) => (w.varint(v), void Array.from({ length: v }, () => blob(w, 1))), 4096);
limit("CHECK no path", Message.check, (w, v) => (w.varint(v), v > 0 && blob(w, 1)), 1, 0);
limit("CHECK the root", Message.check, (w, v) => (w.varint(1), blob(w, v)), 1, 0);
for (const [good, bad] of [["a/b", "a//b"], ["a", "a/"], ["a/b", "/b"], ["a/...", "a/.."], [".a", "."], ["a", "a\0"]]) {
  Deno.test(`CHECK and DELETED path ${JSON.stringify(good)} is taken, ${JSON.stringify(bad)} is refused`, () => {
    for (const [text, isTaken] of [[good, true], [bad, false]] as const) {
      check(text, Message.check, (w) => (w.varint(1), w.blob(fromLatin1(text))), isTaken);
      check(text, Message.deleted, (w) => (w.u8(8), w.blob(fromLatin1(text))), isTaken);
    }
  });
}
const slashed = (length: number) => new Uint8Array(length).fill(0x61).map((a, i) => (i % 100 === 99 ? 0x2f : a));
limit("CHECK path", Message.check, (w, v) => (w.varint(1), w.blob(slashed(v))), 4095);
limit("CHECK depth", Message.check, (w, v) => (w.varint(1), w.blob(utf8("a/".repeat(v - 1) + "a"))), 1024);

// Events and control.
limit("ENTRY index", Message.entry, (w, v) => (w.varint(v), w.varint(0)), ENTRY_INDEX);
// Bit 13 with bit 0 or 2 would announce a number.
limit("ENTRY change", Message.entry, (w, v) => (w.varint(0), w.varint(v)), (1 << 16) - 1 - (1 << 13), 1 << 16);
limit("DELETED kind", Message.deleted, (w, v) => (w.u8(v), blob(w, 1)), 12);
limit("DELETED kind of 8 bits", Message.deleted, (w, v) => (w.u8(v), blob(w, 1)), 8, 8 + 32);
const problem = (w: ByteWriter, [verb, cause, errno, side, path]: number[]) => {
  w.u8(verb);
  w.u8(cause);
  w.varint(errno);
  w.u8(side);
  blob(w, path);
};
limit("PROBLEM verb", Message.problem, (w, v) => problem(w, [v, 0, 0, 0, 1]), 28);
limit("PROBLEM verb 0", Message.problem, (w, v) => problem(w, [v, 0, 0, 0, 1]), 1, 0);
limit("PROBLEM cause", Message.problem, (w, v) => problem(w, [1, v, 0, 0, 1]), 58);
limit("PROBLEM errno", Message.problem, (w, v) => problem(w, [1, 0, v, 0, 1]), 4095);
limit("PROBLEM side", Message.problem, (w, v) => problem(w, [1, 0, 0, v, 1]), 1);
limit("PROBLEM path", Message.problem, (w, v) => problem(w, [1, 0, 0, 0, v]), 4095);
limit("PROGRESS files", Message.progress, (w, v) => (w.varint(v), w.varint(0)), 200_000_000);
limit("PROGRESS bytes", Message.progress, (w, v) => (w.varint(0), big(w, v)), 2 ** 53 - 1, 2 ** 53);
limit("FINISHED index", Message.finished, (w, v) => (w.varint(v), w.varint(0), w.varint(0), w.u8(0)), 199_999_999);
limit(
  "FINISHED bytes",
  Message.finished,
  (w, v) => (w.varint(0), big(w, v), w.varint(0), w.u8(0)),
  2 ** 53 - 1,
  2 ** 53,
);
limit(
  "FINISHED signature",
  Message.finished,
  (w, v) => (w.varint(0), w.varint(0), big(w, v), w.u8(0)),
  2 ** 53 - 1,
  2 ** 53,
);
limit("FINISHED digest", Message.finished, (w, v) => (w.varint(0), w.varint(0), w.varint(0), w.u8(v)), 0, 2);
limit("TOTALS field", Message.totals, (w, v) => (w.raw(new Uint8Array(21)), big(w, v)), 2 ** 53 - 1, 2 ** 53);
limit("PING counter", Message.ping, (w, v) => big(w, v), 2 ** 53 - 1, 2 ** 53);
limit("CREDIT bytes", Message.credit, (w, v) => (w.varint(v), w.u8(0)), 2 ** 31);
limit("CREDIT of nothing", Message.credit, (w, v) => (w.varint(v), w.u8(0)), 1, 0);
limit("CREDIT idle", Message.credit, (w, v) => (w.varint(1), w.u8(v)), 100);
limit("ABORT kind", Message.abort, (w, v) => (w.u8(v), blob(w, 1)), 9);
limit("ABORT kind 0", Message.abort, (w, v) => (w.u8(v), blob(w, 1)), 1, 0);
limit("LANES count", Message.lanes, (w, v) => w.u8(v), 15);
limit("LANES of none", Message.lanes, (w, v) => w.u8(v), 1, 0);
limit("ABORT text", Message.abort, (w, v) => (w.u8(1), blob(w, v)), 4096);

Deno.test("LANES: an answer with more tokens than were asked for is refused", () => {
  const answer = (tokens: number, asked: number) => {
    const writer = new ByteWriter(64);
    const offer = { place: new Uint8Array(16), tokens: Array(tokens).fill(new Uint8Array(16)) };
    encodeLanesOffered(writer, offer);
    return decodeLanesOffered(new ByteReader(writer.view()), asked).tokens.length;
  };
  assert.equal(answer(3, 3), 3);
  assert.equal(answer(0, 3), 0);
  assert.throws(() => answer(4, 3));
});

Deno.test("JOIN is found at the beginning of a connection, whole and alone", () => {
  const join = { place: new Uint8Array(16).fill(1), token: new Uint8Array(16).fill(2) };
  const frame = joinFrame(join);
  assert.deepEqual(joinOf(frame), join);
  assert.equal(joinOf(new Uint8Array(0)), null);
  assert.equal(joinOf(Uint8Array.of(1, 0, 0, 0, Message.job, 0)), null);
  assert.throws(() => joinOf(frame.subarray(0, 36)));
  assert.throws(() => joinOf(Uint8Array.of(...frame, 0)));
  assert.throws(() => joinOf(Uint8Array.of(255, 255, 255, 255, ...frame.subarray(4))));
});

Deno.test("numbers that are not in their shortest form, or longer than 8 bytes, are refused", () => {
  const ping = (...bytes: number[]) => attempt(sampleOf(Message.ping), Uint8Array.from(bytes)) !== null;
  assert.equal(ping(0), true);
  assert.equal(ping(0x80, 0), false);
  assert.equal(ping(0x81, 0x80, 0), false);
  assert.equal(ping(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1), false);
  assert.equal(ping(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), true);
});
