// Sets of extended attributes and access lists: what a peer may send, and what is done with it at the target, over the tree in memory.

import assert from "node:assert/strict";
import {
  type AttributeSet,
  AttributeSets,
  decodeSet,
  encodeSet,
  formatAcl,
  parseAcl,
} from "../../lib/base/attributes.ts";
import { fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { SET_BYTES } from "../../lib/base/limits.ts";
import { Cause, Verb } from "../../lib/base/problem.ts";
import { type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Errno } from "../../lib/os/os.ts";
import { ARCHIVE, runInMemory, type Way } from "../support/memory_run.ts";
import { file, folder, plant, split } from "../support/trees.ts";

function encoded(set: Partial<AttributeSet>): Uint8Array {
  const writer = new ByteWriter(64);
  encodeSet(writer, { attributes: [], access: null, defaults: null, ...set });
  return writer.view().slice();
}

function isTaken(bytes: Uint8Array): boolean {
  try {
    decodeSet(new ByteReader(bytes));
    return true;
  } catch (error) {
    assert.ok(error instanceof TsyncError && error.data.kind === "stream", String(error));
    return false;
  }
}

const named = (...names: string[]) =>
  encoded({ attributes: names.map((name) => ({ name: fromLatin1(name), value: utf8("1") })) });
const listed = (...lines: [number, number, number?][]) =>
  encoded({ access: lines.map(([tag, perms, id = 0]) => ({ tag, perms, id })) });

Deno.test("a set holds names of the three namespaces, in order, each once, none of rsync's own", () => {
  for (const names of [["user.a"], ["security.s", "trusted.t", "user.u"], ["user." + "x".repeat(250)]]) {
    assert.equal(isTaken(named(...names)), true, names.join());
  }
  const wrong = [
    ...[
      "system.posix_acl_access",
      "system.x",
      "user.",
      "user",
      "",
      "os.x",
      "user.\0",
      "user.a\0b",
      "user.rsync.%stat",
      " user.a",
    ],
    "user." + "x".repeat(251),
  ];
  for (const name of wrong) assert.equal(isTaken(named(name)), false, name);
  assert.equal(isTaken(named("user.b", "user.a")), false, "out of order");
  assert.equal(isTaken(named("user.a", "user.a")), false, "twice");
  assert.equal(isTaken(named()), false, "an empty set");
  assert.equal(isTaken(encoded({ attributes: [{ name: utf8("user.a"), value: new Uint8Array(65_536) }] })), true);
  assert.equal(isTaken(encoded({ attributes: [{ name: utf8("user.a"), value: new Uint8Array(65_537) }] })), false);
});

Deno.test("an access list is one that a kernel takes", () => {
  assert.equal(isTaken(listed([1, 7], [4, 5], [32, 0])), true);
  assert.equal(isTaken(listed([1, 7], [2, 7, 0], [2, 7, 9], [4, 5], [8, 1, 4_294_967_294], [16, 7], [32, 0])), true);
  const wrong: [number, number, number?][][] = [
    [],
    [[1, 7], [4, 5]],
    [[1, 8], [4, 5], [32, 0]],
    [[4, 5], [1, 7], [32, 0]],
    [[1, 7], [1, 7], [4, 5], [32, 0]],
    [[1, 7], [2, 7, 9], [4, 5], [32, 0]],
    [[1, 7], [2, 7, 9], [2, 6, 9], [4, 5], [16, 7], [32, 0]],
    [[1, 7], [3, 7], [4, 5], [32, 0]],
    [[1, 7], [4, 5], [8, 1, 4_294_967_295], [16, 7], [32, 0]],
    [[1, 7], [4, 5], [32, 0], [64, 0]],
  ];
  for (const lines of wrong) assert.equal(isTaken(listed(...lines)), false, JSON.stringify(lines));
});

Deno.test("numbers of attributes, flags and bytes to spare are refused", () => {
  assert.equal(isTaken(Uint8Array.of(0xff, 0x7f, 0)), false, "more attributes than bytes");
  assert.equal(isTaken(Uint8Array.of(0, 4)), false, "an unknown list");
  assert.equal(isTaken(Uint8Array.of(...named("user.a"), 0)), false, "a byte too many");
  const large = new Uint8Array(SET_BYTES + 1);
  assert.throws(() => new AttributeSets().take(large), TsyncError);
});

Deno.test("equal sets are one, and one that is too large has no number", () => {
  const sets = new AttributeSets();
  const set = (value: string) => ({
    attributes: [{ name: utf8("user.a"), value: utf8(value) }],
    access: null,
    defaults: null,
  });
  assert.deepEqual([sets.intern(set("1")), sets.intern(set("2")), sets.intern(set("1")), sets.count], [0, 1, 0, 2]);
  const many = Array.from({ length: 17 }, (_, i) => ({ name: utf8(`user.${10 + i}`), value: new Uint8Array(65_536) }));
  assert.equal(sets.intern({ attributes: many, access: null, defaults: null }), -1);
  assert.equal(sets.count, 2);
});

Deno.test("the kernel's form of an access list is read and written; another form is none", () => {
  const acl = [[1, 6, 0], [2, 6, 7], [4, 4, 0], [16, 6, 0], [32, 4, 0]].map(([tag, perms, id]) => ({ tag, perms, id }));
  assert.deepEqual(parseAcl(formatAcl(acl)), acl);
  for (const bad of [[], [2, 0, 0], [3, 0, 0, 0], [2, 0, 0, 0, 1], [2, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0]]) {
    assert.equal(parseAcl(Uint8Array.from(bad)), null);
  }
});

// ---- whole runs

const T = { sec: 1_600_000_000, ns: 5 };
const BOTH = { ...ARCHIVE, acls: true, xattrs: true };

function tree(...entries: Parameters<typeof plant>[1][number][]): MemoryOs {
  const os = openMemory();
  plant("/", [folder("s"), folder("d"), ...entries], os);
  return os;
}

/** Attributes of the entry at `path`, as latin1. */
function attributes(os: MemoryOs, path: string): Record<string, string> {
  const [parent, name] = split(path);
  const handle = os.openRoot(utf8(`/${parent}`));
  const pin = os.pin(handle, fromLatin1(name));
  const into = new Uint8Array(70_000);
  const names = latin1(into.subarray(0, os.listAttributes(pin, into))).split("\0").slice(0, -1).sort();
  const found = names.map((name) => [name, latin1(into.subarray(0, os.getAttribute(pin, fromLatin1(name), into)))]);
  for (const open of [handle, pin]) os.close(open);
  return Object.fromEntries(found);
}

for (const way of ["local", "push", "pull"] as Way[]) {
  Deno.test(`sets are told once however many entries have them, and a second run changes nothing (${way})`, async () => {
    const names = Array.from({ length: 50 }, (_, i) => `s/f${i % 5}/n${i}`);
    const os = tree(
      ...names.map((name, i) =>
        file(name, "1", { ...T, attributes: { "user.kind": String(i % 2), "trusted.x": "y" } })
      ),
    );
    assert.equal((await runInMemory({ way, source: os, target: os, options: BOTH })).code, 0);
    for (const [i, name] of names.entries()) {
      assert.deepEqual(attributes(os, name.replace("s/", "d/")), { "trusted.x": "y", "user.kind": String(i % 2) });
    }
    const changes = os.changes();
    const second = await runInMemory({ way, source: os, target: os, options: BOTH });
    assert.deepEqual([second.code, second.lines, os.changes() - changes], [0, [], 0]);
  });

  Deno.test(`what cannot be read at the source stays as it is at the target, and is told (${way})`, async () => {
    const both = [
      file("s/a", "1", { ...T, attributes: { "user.x": "new" } }),
      file("d/a", "1", { ...T, attributes: { "user.x": "old" } }),
    ];
    const os = tree(...both);
    const source = way === "local" ? os : tree(...both);
    source.fault({ verb: "getAttribute", errno: Errno.EIO, when: 1 });
    const outcome = await runInMemory({ way, source, target: os, options: BOTH });
    assert.equal(outcome.code, 23);
    assert.deepEqual(outcome.problems.map(({ verb }) => verb), [Verb.readAttributes]);
    assert.deepEqual(attributes(os, "d/a"), { "user.x": "old" });
  });

  Deno.test(`a set beyond the bound is a problem of its entry (${way})`, async () => {
    const big = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`user.${i}`, "x".repeat(65_536)]));
    const os = tree(
      file("s/a", "1", { ...T, attributes: big }),
      file("s/b", "2", { ...T, attributes: { "user.x": "1" } }),
    );
    const outcome = await runInMemory({ way, source: os, target: os, options: BOTH });
    assert.equal(outcome.code, 23);
    assert.deepEqual(outcome.problems.map(({ cause }) => cause), [Cause.tooMuch]);
    assert.deepEqual([attributes(os, "d/a"), attributes(os, "d/b")], [{}, { "user.x": "1" }]);
  });

  Deno.test(`of a tree with many sets only the branch with another one is listed (${way})`, async () => {
    const entry = (root: string, i: number, value = String(i)) =>
      file(`${root}/f${i % 8}/n${i}`, "1", { ...T, attributes: { "user.own": value } });
    const numbers = Array.from({ length: 400 }, (_, i) => i);
    const os = tree(...numbers.flatMap((i) => [entry("s", i), entry("d", i, i === 91 ? "other" : undefined)]));
    const options = { ...BOTH, omitDirTimes: true };
    const outcome = await runInMemory({ way, source: os, target: os, options });
    assert.deepEqual([outcome.code, outcome.lines], [0, [".f........x f3/n91"]]);
    assert.deepEqual(attributes(os, "d/f3/n91"), { "user.own": "91" });
  });

  Deno.test(`a failure to set is told, and the file is not put in place (${way})`, async () => {
    const os = tree(file("s/a", "new", { ...T, attributes: { "user.x": "1" } }), file("d/a", "older", T));
    os.fault({ verb: "setAttribute", errno: Errno.ENOSPC });
    const outcome = await runInMemory({ way, source: os, target: os, options: BOTH });
    assert.equal(outcome.code, 23);
    assert.ok(outcome.problems.some(({ verb }) => verb === Verb.setAttributes));
  });
}

Deno.test("without root a target takes only what is the user's, from a source that has more", async () => {
  const source = tree(
    file("s/a", "1", {
      ...T,
      mode: 0o444,
      uid: 1000,
      gid: 1000,
      attributes: { "user.x": "1", "trusted.t": "t", "security.s": "s" },
    }),
  );
  const target = openMemory({ uid: 1000, gid: 1000 });
  plant("/", [folder("d")], target);
  const options = { ...BOTH, owner: false, group: false };
  // The source half runs as root, the target half does not.
  const outcome = await runInMemory({ way: "push", source, target, options, uid: 0, targetUid: 1000 });
  assert.deepEqual([outcome.code, outcome.problems], [0, []]);
  assert.deepEqual(attributes(target, "d/a"), { "user.x": "1" });
});
