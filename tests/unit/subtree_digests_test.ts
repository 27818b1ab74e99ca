// Digests of subtrees: what PROTOCOL.md says they cover, recomputed from its words alone; each thing that counts changes them, each that
// does not leaves them; and neither where in the list a folder stands nor how the scan came by its entries is in them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Kind, Stat } from "../../lib/os/os.ts";
import { Scan } from "../../lib/tree/scan.ts";
import {
  type AccountNames,
  comparesTrees,
  NUMBERS,
  SubtreeDigests,
  type SubtreeTally,
  type TreeTerms,
  treeTerms,
} from "../../lib/tree/subtree_digests.ts";
import { type Entry, file, folder, link, plant, special } from "../support/trees.ts";

const TERMS: TreeTerms = {
  ...{ perms: true, times: true, omitDirTimes: false, omitLinkTimes: false },
  ...{ owner: true, group: true, wholeSeconds: false, hardLinks: false, attributes: false },
};

interface Run {
  terms?: Partial<TreeTerms>;
  accounts?: AccountNames;
  /** Entries that stand in the list before. */
  before?: number;
  /** Access times are asked for, so that each entry is looked at by itself. */
  oneByOne?: boolean;
}

/** Digest and tally of what /s holds. */
function digestOf(entries: Entry[], run: Run = {}): { digest: Uint8Array; tally: SubtreeTally } {
  const os = openMemory({});
  plant("/", [folder("s", { mode: 0o755, sec: 0, ns: 0 }), ...entries], os);
  const list = new FileList();
  const word = utf8("s");
  const origin = { root: os.openRoot(utf8("/s")), only: null, word, at: new Uint8Array(0), from: 0 };
  const options = {
    ...{ ...defaultOptions(), recursive: true, links: true, devices: true, specials: true },
    atimes: run.oneByOne ?? false,
  };
  const scan = new Scan(os, list, [origin], options, filterSet([]), (problem) => assert.fail(`${problem.cause}`));
  scan.addRoot(new Stat());
  for (let i = 0; i < (run.before ?? 0); i++) list.add(word, 0, 1, 0, Kind.file << 12, 0, 0, 0, 0, 0, 0, null);
  const digests = new SubtreeDigests(list, { ...TERMS, ...run.terms }, run.accounts ?? NUMBERS);
  for (const piece of scan.pieces()) digests.add(piece);
  return { digest: digests.digest(0)!, tally: digests.tally(0) };
}

const FILE = { mode: 0o640, uid: 5, gid: 6, sec: 1_234_567_890, ns: 123_456_789 };
const TREE: Entry[] = [
  folder("s/dir", { mode: 0o750, uid: 5, gid: 6, sec: -3, ns: 4 }),
  file("s/dir/inner", "inner", { ...FILE, mode: 0o4755, uid: 7 }),
  file("s/file", "content", FILE),
  link("s/link", "to/where", { uid: 5, gid: 6, sec: 9, ns: 8 }),
  special("s/null", Kind.charDevice, { mode: 0o666, uid: 0, gid: 0, sec: 1, ns: 2, device: [1, 3] }),
  special("s/pipe", Kind.fifo, { mode: 0o600, uid: 0, gid: 0, sec: 2 ** 33, ns: 0 }),
];

interface Row {
  name: string;
  mode: number;
  owner: Uint8Array;
  group: Uint8Array;
  sec: number;
  ns: number;
  size: number;
  then?: Uint8Array;
}

/** PROTOCOL.md, "Subtrees", for a folder of at most 256 entries. */
function written(rows: Row[]): Uint8Array {
  const hash = createHash("sha256");
  const numbers = (bytes: number, put: (view: DataView, at: number, row: Row) => void) => {
    const column = new Uint8Array(rows.length * bytes);
    rows.forEach((row, i) => put(new DataView(column.buffer), i * bytes, row));
    hash.update(column);
  };
  const u32 = (value: number) => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
  const runs = (of: (row: Row) => Uint8Array) => {
    for (let from = 0, to = 1; to <= rows.length; to++) {
      if (to < rows.length && String(of(rows[to])) === String(of(rows[from]))) continue;
      hash.update(u32(to - from)).update(of(rows[from]));
      from = to;
    }
  };
  if (rows.length > 0) hash.update(u32(rows.length));
  numbers(1, (view, at, { name }) => view.setUint8(at, name.length));
  hash.update(rows.map(({ name }) => name).join(""));
  numbers(2, (view, at, { mode }) => view.setUint16(at, mode, true));
  runs(({ owner }) => owner);
  runs(({ group }) => group);
  numbers(8, (view, at, { sec }) => view.setFloat64(at, sec, true));
  numbers(4, (view, at, { ns }) => view.setUint32(at, ns, true));
  numbers(8, (view, at, { size }) => view.setFloat64(at, size, true));
  for (const { then } of rows) if (then !== undefined) hash.update(then);
  return new Uint8Array(hash.digest());
}

const id = (value: number) => Uint8Array.of(0, value, 0, 0, 0);
const named = (name: string) => Uint8Array.of(1, name.length, 0, ...utf8(name));

function writtenTree(owner: (uid: number) => Uint8Array): Uint8Array {
  const { sec, ns } = FILE;
  const inner = { name: "inner", mode: 0o104755, owner: owner(7), group: id(6), sec, ns, size: 5 };
  return written([
    { name: "dir", mode: 0o40750, owner: owner(5), group: id(6), sec: -3, ns: 4, size: 0, then: written([inner]) },
    { name: "file", mode: 0o100640, owner: owner(5), group: id(6), sec, ns, size: 7 },
    { name: "link", mode: 0o120000, owner: owner(5), group: id(6), sec: 9, ns: 8, size: 8, then: utf8("to/where") },
    { name: "null", mode: 0o20666, owner: owner(0), group: id(0), sec: 1, ns: 2, size: 2 ** 32 + 3 },
    { name: "pipe", mode: 0o10600, owner: owner(0), group: id(0), sec: 2 ** 33, ns: 0, size: 0 },
  ]);
}

Deno.test("the digest of a folder is the one that PROTOCOL.md describes", () => {
  const { digest, tally } = digestOf(TREE);
  assert.deepEqual(digest, writtenTree(id));
  assert.deepEqual(tally, { files: 2, folders: 1, links: 1, devices: 1, specials: 1, bytes: 20 });
  assert.deepEqual(digestOf([]).digest, written([]));
  const accounts = { user: (uid: number) => uid === 5 ? utf8("five") : null, group: () => null };
  const names = digestOf(TREE, { accounts }).digest;
  assert.deepEqual(names, writtenTree((uid) => uid === 5 ? named("five") : id(uid)));
});

Deno.test("each thing that counts changes the digest, and what the terms leave out does not", () => {
  const plain = String(digestOf(TREE).digest);
  const other = (path: string, change: Partial<Entry>) =>
    TREE.map((entry) => entry.path === path ? { ...entry, ...change } : entry);
  const longer = { data: [{ at: 0, bytes: utf8("content!") }] };
  const changes: [string, Partial<Entry>, Partial<TreeTerms> | null][] = [
    ["s/file", { mode: 0o600 }, { perms: false }],
    ["s/dir", { mode: 0o700 }, { perms: false }],
    ["s/file", { uid: 9 }, { owner: false }],
    ["s/link", { gid: 9 }, { group: false }],
    ["s/file", { ns: 1 }, { wholeSeconds: true }],
    ["s/dir", { sec: 77 }, { omitDirTimes: true }],
    ["s/link", { sec: 77 }, { omitLinkTimes: true }],
    ["s/null", { sec: 77 }, { times: false }],
    // The quick check looks at the time of a file even where times are not kept.
    ["s/file", { sec: 77 }, null],
    ["s/file", longer, null],
    ["s/dir/inner", { sec: 77 }, null],
    ["s/link", { target: "to/which" }, null],
    ["s/null", { device: [1, 4] }, null],
    ["s/null", { kind: Kind.blockDevice }, null],
    ["s/pipe", { path: "s/pipes" }, null],
  ];
  for (const [path, change, terms] of changes) {
    const changed = other(path, change);
    const what = `${path} ${JSON.stringify(change)}`;
    assert.notEqual(String(digestOf(changed).digest), plain, what);
    if (terms !== null) assert.deepEqual(digestOf(changed, { terms }), digestOf(TREE, { terms }), what);
    else {
      const few = { perms: false, times: false, owner: false, group: false, wholeSeconds: true };
      assert.notDeepEqual(digestOf(changed, { terms: few }).digest, digestOf(TREE, { terms: few }).digest, what);
    }
  }
});

Deno.test("neither a folder's place in the list nor how its entries were looked at is in its digest", () => {
  const many = [
    ...Array.from({ length: 1300 }, (_, i) => file(`s/f${i}`, i % 3 === 0 ? "x" : "", { ...FILE, uid: i >> 8 })),
    ...Array.from({ length: 90 }, (_, i) => i % 2 ? link(`s/l${i}`, `to${i}`, FILE) : folder(`s/l${i}`, FILE)),
  ];
  const { digest, tally } = digestOf(many);
  assert.equal(tally.files, 1300);
  for (const run of [{ before: 65_000 }, { before: 65_535 }, { oneByOne: true }, { oneByOne: true, before: 65_300 }]) {
    assert.deepEqual(digestOf(many, run), { digest, tally }, JSON.stringify(run));
  }
  const without = many.filter(({ path }) => path !== "s/f700");
  assert.notDeepEqual(digestOf(without).digest, digest);
});

Deno.test("a digest with whole seconds passes over nanoseconds and nothing else", () => {
  const of = (sec: number, ns: number, wholeSeconds: boolean) =>
    digestOf([file("s/f", "x", { sec, ns })], { terms: { wholeSeconds } }).digest;
  assert.deepEqual(of(5, 1, true), of(5, 999, true));
  assert.notDeepEqual(of(5, 1, true), of(6, 1, true));
  assert.notDeepEqual(of(5, 1, false), of(5, 999, false));
  const times = { ...defaultOptions(), recursive: true };
  const settable = { owner: true, group: true };
  assert.equal(comparesTrees({ ...times, modifyWindowNs: -1 }), true);
  assert.equal(comparesTrees({ ...times, modifyWindowNs: -2 }), false);
  assert.equal(treeTerms({ ...times, modifyWindowNs: -1 }, settable).wholeSeconds, true);
  assert.equal(treeTerms(times, settable).wholeSeconds, false);
});
