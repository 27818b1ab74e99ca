// The power goes at any call of a run, in memory: whatever was not flushed is lost by then, the names are all there. A name that held
// a file before holds the old content or the new, and with --fsync every file that is there is whole; behind exit 0 of --fsync
// all is there. tests/fault/powercut_test does the same with real file systems.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { Verb } from "../../lib/base/problem.ts";
import { type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { ARCHIVE, type MemoryOutcome, runInMemory, type Way } from "../support/memory_run.ts";
import { LONG } from "../support/random.ts";
import { content, type Entry, file, folder, harvest, link, plant } from "../support/trees.ts";

const WHEN = { sec: 1_500_000_000, ns: 1_000 };
const WAYS: Way[] = ["local", "push", "pull"];
const LARGE = new Uint8Array(300_000).map((_, i) => 1 + i % 7);

/** Many folders with one changed file each, more than are held open; large, linked and replaced ones besides. */
const SOURCE: Entry[] = [
  ...Array.from({ length: 20 }, (_, i) => [folder(`f${i}`, WHEN), file(`f${i}/changed`, `new ${i}`, WHEN)]).flat(),
  file("large", LARGE, WHEN),
  file("was a link", "file", WHEN),
  file("new/file", "fresh", WHEN),
  file("new/other", "fresh, too", WHEN),
  folder("new", WHEN),
  file("zlinked", "of two names", WHEN),
];
const TARGET: Entry[] = [
  ...Array.from({ length: 20 }, (_, i) => [folder(`f${i}`, WHEN), file(`f${i}/changed`, "old", { sec: 5 })]).flat(),
  file("large", LARGE.slice(7, 200_000), { sec: 6 }),
  link("was a link", "elsewhere", WHEN),
  file("zlinked", "old", { sec: 5 }),
  file("extra", "goes", WHEN),
];

interface World {
  source: MemoryOs;
  target: MemoryOs;
}

function world(way: Way, power = false): World {
  const source = openMemory({ seed: 3, power, openLimit: 64 });
  const target = way === "local" ? source : openMemory({ seed: 4, power, openLimit: 64 });
  plant("/", [folder("s")], source);
  plant("/", [folder("d")], target);
  plant("/s", SOURCE, source);
  plant("/d", TARGET, target);
  source.flushAll();
  target.flushAll();
  return { source, target };
}

function run(way: Way, os: World, more: Partial<SyncOptions>): Promise<MemoryOutcome> {
  const options = { ...defaultOptions(), ...ARCHIVE, delete: true, noGuard: true, ...more };
  return runInMemory({ way, options, ...os, copiedAheadBytes: 1 });
}

const utf8text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const text = (entry: Entry | undefined) => entry === undefined ? null : latin1(content(entry));

/** Names that hold neither what they held nor what they shall hold; with `everything` of all files, else of those that were there. */
function bad(os: MemoryOs, everything: boolean): string[] {
  const found = harvest(os, utf8("/d"));
  const wanted = new Map(SOURCE.map((entry) => [String(entry.path), entry]));
  const had = new Map(TARGET.map((entry) => [String(entry.path), entry]));
  const names = everything ? [...found.keys()] : [...had.keys()];
  return names.filter((name) => {
    if (name.includes(".tsync-") || name === "extra") return false;
    const [now, before, after] = [found, had, wanted].map((tree) => tree.get(name));
    if (now === undefined) return before !== undefined;
    if (now.kind !== 8) return false;
    return text(now) !== text(before) && text(now) !== text(after);
  });
}

const CALLS = 4000;

/** Cuts the power at the n-th changing call of the target's side, for some n or (the long run) each; what `judge` finds bad. */
async function cuts(
  way: Way,
  options: Partial<SyncOptions>,
  everything: boolean,
): Promise<{ bad: string[]; cuts: number }> {
  const found: string[] = [];
  let n = 1;
  for (; n < CALLS; n += LONG ? 1 : 17) {
    const os = world(way);
    os.target.fault({ verb: "changing", kill: "after", when: n });
    const { code } = await run(way, os, options);
    if (code === 0) break;
    assert.equal(code, way === "local" ? -9 : code, `call ${n}`);
    os.target.powerCut(n);
    found.push(...bad(os.target, everything).map((name) => `${name} at call ${n}`));
  }
  assert.ok(n < CALLS);
  return { bad: found, cuts: n };
}

for (const way of WAYS) {
  Deno.test(`the power goes at a call: each replaced file is old or new (${way})`, async () => {
    const { bad, cuts: calls } = await cuts(way, {}, false);
    assert.deepEqual(bad, []);
    assert.ok(calls > 100, `${calls} calls`);
  });

  Deno.test(`--fsync, and the power goes at a call: each file that is there is whole (${way})`, async () => {
    assert.deepEqual((await cuts(way, { fsync: true }, true)).bad, []);
  });

  Deno.test(`--no-fsync, and the power goes at a call: files are lost, so the two above can fail (${way})`, async () => {
    assert.notDeepEqual((await cuts(way, { noFsync: true }, false)).bad, []);
  });

  Deno.test(`--fsync: what exit 0 says outlives the power, names and all; without it only what was replaced is old or new (${way})`, async () => {
    const wanted = world(way, true);
    assert.equal((await run(way, wanted, {})).code, 0);
    const goal = harvest(wanted.target, utf8("/d"));
    for (const names of ["early", "late"] as const) {
      const durable = world(way, true);
      assert.equal((await run(way, durable, { fsync: true })).code, 0);
      durable.target.powerCut(1, names);
      assert.deepEqual(harvest(durable.target, utf8("/d")), goal, names);
      const plain = world(way, true);
      assert.equal((await run(way, plain, {})).code, 0);
      plain.target.powerCut(1, names);
      assert.deepEqual(bad(plain.target, false), [], names);
      assert.notDeepEqual(harvest(plain.target, utf8("/d")), goal, names);
    }
  });

  Deno.test(`a flush that fails: the file keeps its old content, it is told, and the exit code is 23 (${way})`, async () => {
    for (const options of [{}, { fsync: true }]) {
      const os = world(way);
      os.target.fault({ verb: "syncAll", errno: 5 });
      os.target.fault({ verb: "syncBeside", errno: 5, when: 2 });
      const { code, problems } = await run(way, os, options);
      assert.equal(code, 23);
      const told = problems.filter(({ verb }) => verb === Verb.flush).map(({ path }) => utf8text(path));
      assert.ok(told.some((path) => path !== ""), told.join());
      const found = harvest(os.target, utf8("/d"));
      const left = [...found.keys()].filter((name) => name.includes(".tsync-"));
      assert.deepEqual(left, []);
      const had = new Map(TARGET.map((entry) => [entry.path, entry]));
      for (const path of told) if (path !== "") assert.equal(text(found.get(path)), text(had.get(path)), path);
    }
  });

  Deno.test(`a hundred changed files in as many folders are flushed together, and nothing is with --no-fsync or when all is new (${way})`, async () => {
    const many = Array.from({ length: 100 }, (_, i) => [folder(`f${i}`, WHEN), file(`f${i}/changed`, `new ${i}`, WHEN)])
      .flat();
    const old = many.map((entry) => entry.kind === 8 ? file(entry.path, "old", { sec: 5 }) : entry);
    for (const [target, options, most] of [[old, {}, 2], [old, { noFsync: true }, 0], [[], {}, 0]] as const) {
      const source = openMemory({ seed: 3 });
      const os = { source, target: way === "local" ? source : openMemory({ seed: 4 }) };
      plant("/", [folder("s")], source);
      plant("/", [folder("d")], os.target);
      plant("/s", many, source);
      plant("/d", target, os.target);
      assert.equal((await run(way, os, options)).code, 0);
      const flushes = os.target.calls("syncAll") + os.target.calls("syncBeside") + os.target.calls("sync");
      assert.ok(most === 0 ? flushes === 0 : flushes >= 1 && flushes <= most, `${flushes} flushes`);
    }
  });
}
