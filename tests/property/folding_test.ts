// Targets whose names fold: both names of a collision are told and neither takes the other's place; what stands there in another form
// of its name is the same entry; nothing is made to find out (F06).

import assert from "node:assert/strict";
import { display, utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { Cause } from "../../lib/base/problem.ts";
import type { MemoryOptions, MemoryOs } from "../../lib/os/memory.ts";
import { OpenMode } from "../../lib/os/os.ts";
import { RecordingOs } from "../../lib/os/recording.ts";
import { foldedName, otherCase } from "../../lib/plan/name_fold.ts";
import { ARCHIVE, type MemoryOutcome, runInMemory, type Way } from "../support/memory_run.ts";
import { paths, tree } from "../support/memory_tree.ts";

const FUSE = 0x65735546;
/** A push: source and target are different file systems. */
const WAYS: Way[] = ["push", "pull"];
/** How it becomes known that names fold: the folder says so, the kind does, or a FUSE mount shows it. */
const KINDS: Record<string, MemoryOptions> = {
  flag: { caseFolding: true },
  vfat: { caseFolding: true, tellsFolding: false, fileSystemType: 0x4d44 },
  fuse: { caseFolding: true, tellsFolding: false, fileSystemType: FUSE },
};

function collisions({ problems }: MemoryOutcome): string[] {
  return problems.filter(({ cause }) => cause === Cause.collision).map(({ path }) => display(path)).sort();
}

function content(os: MemoryOs, path: string): string {
  const cut = path.lastIndexOf("/");
  const folder = os.openRoot(utf8(path.slice(0, cut)));
  const file = os.openFile(folder, utf8(path.slice(cut + 1)), OpenMode.read, 0);
  const bytes = new Uint8Array(100);
  const count = os.readAt(file, bytes, 0);
  os.close(file);
  os.close(folder);
  return new TextDecoder().decode(bytes.subarray(0, count));
}

async function run(way: Way, source: MemoryOs, target: MemoryOs, options: Partial<SyncOptions> = {}) {
  return await runInMemory({ way, source, target, options: { ...ARCHIVE, ...options }, targetPath: "/Target" });
}

Deno.test("F06: names that are one at the target are both told, exit 23, and neither is merged with the other", async () => {
  const files = {
    "s/README": "upper",
    "s/readme": "lower",
    "s/other": "o",
    "s/Dir/a": "a",
    "s/dIR/b": "b",
    "s/sub/x": "x",
  };
  for (const way of WAYS) {
    for (const [kind, options] of Object.entries(KINDS)) {
      for (const before of [{ "Target/": "" }, { "Target/README": "before" }] as Record<string, string>[]) {
        for (const dryRun of [false, true]) {
          const target = tree(before, options);
          const outcome = await run(way, tree(files), target, { dryRun });
          const what = `${way} ${kind} ${JSON.stringify(before)} ${dryRun}`;
          assert.equal(outcome.code, 23, `${what} ${outcome.error}`);
          assert.deepEqual(collisions(outcome), ["Dir", "README", "dIR", "readme"], what);
          const kept = "Target/README" in before ? ["README"] : [];
          assert.deepEqual(paths(target, "/Target"), dryRun ? kept : [...kept, "other", "sub", "sub/x"], what);
          if (kept.length > 0) assert.equal(content(target, "/Target/README"), "before", what);
        }
      }
    }
  }
});

Deno.test("a name that stands at a folding target in another case is the same entry: written once, quiet after, not deleted", async () => {
  for (const way of WAYS) {
    for (const [kind, options] of Object.entries(KINDS)) {
      const source = tree({ "s/readme": "new content", "s/Sub/a": "a" });
      const target = tree({ "Target/README": "old", "Target/SUB/a": "was", "Target/extra": "e" }, options);
      const first = await run(way, source, target, { delete: true });
      assert.equal(first.code, 0, `${way} ${kind} ${first.error} ${JSON.stringify(first.problems)}`);
      assert.equal(content(target, "/Target/readme"), "new content");
      assert.equal(content(target, "/Target/Sub/a"), "a");
      assert.equal(paths(target, "/Target").length, 3, `${paths(target, "/Target")}`);
      const again = await run(way, source, target, { delete: true });
      assert.deepEqual([again.code, again.lines], [0, []], `${way} ${kind}`);
    }
  }
});

Deno.test("a FUSE target without any name shows with the first file that is staged that names fold", async () => {
  for (const way of WAYS) {
    const names = Array.from({ length: 40 }, (_, i) => `s/file${i}`);
    const files = Object.fromEntries([...names, "s/ONE", "s/one"].map((name) => [name, name]));
    // A root whose own name has no letters tells nothing.
    const target = tree({ "7/": "" }, KINDS.fuse);
    const outcome = await runInMemory({ way, source: tree(files), target, options: ARCHIVE, targetPath: "/7" });
    assert.equal(outcome.code, 23);
    assert.deepEqual(collisions(outcome), ["ONE", "one"]);
    assert.deepEqual(paths(target, "/7"), names.map((name) => name.slice(2)).sort());
  }
});

Deno.test("a FUSE target shows with what stands there that names fold", async () => {
  for (const way of WAYS) {
    const target = tree({ "7/OTHER": "old", "7/1": "1" }, KINDS.fuse);
    const source = tree({ "s/1": "1", "s/other": "new", "s/two": "2", "s/a": "a", "s/A": "A" });
    const outcome = await runInMemory({ way, source, target, options: ARCHIVE, targetPath: "/7" });
    assert.deepEqual([outcome.code, collisions(outcome)], [23, ["A", "a"]]);
    assert.deepEqual([content(target, "/7/other"), paths(target, "/7").length], ["new", 3]);
  }
});

Deno.test("a target that keeps names apart keeps them apart, whatever its kind, and is asked for no more than that", async () => {
  const files = { "s/README": "upper", "s/readme": "lower" };
  for (const fileSystemType of [0xef53, FUSE]) {
    for (const way of WAYS) {
      const target = tree({ "Target/old": "old" }, { fileSystemType });
      const outcome = await run(way, tree(files), target);
      assert.equal(outcome.code, 0);
      assert.deepEqual(paths(target, "/Target"), ["README", "old", "readme"]);
      const recording = new RecordingOs(target);
      const quiet = await runInMemory({
        way,
        source: tree(files),
        target: recording,
        options: { ...ARCHIVE, dryRun: true },
        targetPath: "/Target",
      });
      assert.equal(quiet.code, 0);
      assert.equal(recording.changes, 0);
    }
  }
});

Deno.test("times that FAT keeps by two seconds are equal to what they were made of", async () => {
  const source = tree({ "s/a": "a" });
  const target = tree({ "Target/a": "a" }, KINDS.vfat);
  const set = (os: MemoryOs, path: string, sec: number, ns: number) => {
    const pin = os.pin(os.openRoot(utf8(path)), utf8("a"));
    os.setTimes(pin, sec, ns);
  };
  const runs = async (sec: number, ns: number) => {
    set(source, "/s", 1_000_000_001, 500_000_000);
    set(target, "/Target", sec, ns);
    return (await run("push", source, target, { dryRun: true })).totals.transferredFiles;
  };
  assert.equal(await runs(1_000_000_000, 0), 0);
  assert.equal(await runs(999_999_998, 0), 1);
});

Deno.test("foldedName joins what file systems join, and no more", () => {
  const same = (a: string, b: string, rule: "simple" | "full", dots = false) =>
    foldedName(utf8(a), rule, dots) === foldedName(utf8(b), rule, dots);
  for (const rule of ["simple", "full"] as const) {
    assert.ok(same("ReadMe", "README", rule) && same("\u00c4b", "\u00e4B", rule) && same("\u03a3", "\u03c3", rule));
    assert.ok(!same("a", "b", rule) && !same("a.", "a", rule));
  }
  assert.ok(same("e\u0301", "\u00e9", "full") && same("stra\u00dfe", "STRASSE", "full"));
  assert.ok(!same("e\u0301", "\u00e9", "simple") && !same("stra\u00dfe", "STRASSE", "simple"));
  assert.ok(same("a..", "A", "simple", true));
  const odd = new Uint8Array([0xff, 0x61]);
  assert.equal(foldedName(odd, "simple", false), foldedName(new Uint8Array([0xff, 0x41]), "simple", false));
  assert.equal(otherCase(utf8("123._-")), null);
  assert.deepEqual(otherCase(utf8("a-Z[`{@9")), utf8("A-z[`{@9"));
});
