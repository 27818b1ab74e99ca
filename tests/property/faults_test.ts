// Faults by enumeration, in memory: one workload with every kind of change, in which every single call of the system fails once,
// and in which the process dies before and after every single change. Each time: every path is old or new (law 1), the exit
// code tells the truth, nothing is deleted when the source could not be read whole (law 4), no temporary name is left (after a
// death: by the next run), and the next run repairs everything. The gate takes a sample of the places, the long run all.

import assert from "node:assert/strict";
import { equalBytes, latin1, utf8 } from "../../lib/base/bytes.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { Side } from "../../lib/base/problem.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { type MemoryOs, type MemorySnapshot, openMemory } from "../../lib/os/memory.ts";
import { Kind } from "../../lib/os/os.ts";
import type { Verb } from "../../lib/os/verbs.ts";
import { ARCHIVE, type MemoryOutcome, runInMemory, type Way } from "../support/memory_run.ts";
import { differences, predict } from "../support/model.ts";
import { firstSeed, LONG, Random } from "../support/random.ts";
import { content, type Entry, file, folder, harvest, link, plant, special, split } from "../support/trees.ts";

const WHEN = { sec: 1_500_000_000, ns: 1_000 };
const LARGE = new Uint8Array(150_000).map((_, i) => i * 13);

const SOURCE: Entry[] = [
  folder("", WHEN),
  file("changed", "new content", WHEN),
  file("same", "same", WHEN),
  file("mode", "mode", { mode: 0o600, ...WHEN }),
  file("owner", "owner", { uid: 5, gid: 6, mode: 0o4755, ...WHEN }),
  file("large", LARGE, WHEN),
  file("sparse", "", { data: [{ at: 400_000, bytes: utf8("island") }], size: 500_000, ...WHEN }),
  file("new/deep/file", "new", WHEN),
  folder("new/deep", { mode: 0o555, ...WHEN }),
  folder("new", WHEN),
  link("link", "new target", WHEN),
  special("fifo", Kind.fifo, WHEN),
  special("device", Kind.charDevice, { device: [1, 5], ...WHEN }),
  file("becomes file", "was a folder", WHEN),
  file("becomes folder/in", "was a file", WHEN),
  folder("becomes folder", WHEN),
  link("becomes link", "was a file", WHEN),
  file("folder/kept", "kept", WHEN),
  folder("folder", WHEN),
];
const TARGET: Entry[] = [
  file("changed", "old content", { sec: 5 }),
  file("same", "same", WHEN),
  file("mode", "mode", { mode: 0o644, ...WHEN }),
  file("large", LARGE.slice(0, 140_000), { sec: 6 }),
  link("link", "old target", WHEN),
  special("device", Kind.charDevice, { device: [1, 3], ...WHEN }),
  file("becomes file/in", "goes", WHEN),
  file("becomes folder", "old", WHEN),
  file("becomes link", "old", WHEN),
  file("folder/kept", "kept", WHEN),
  file("folder/extra", "goes", WHEN),
  file("extra/deep/file", "goes", WHEN),
  link("extra link", "goes", WHEN),
];
const EXTRAS = ["folder/extra", "extra", "extra/deep", "extra/deep/file", "extra link"];

const OPTIONS: SyncOptions = { ...defaultOptions(), ...ARCHIVE, delete: true, noGuard: true };

/** Both trees in one memory where the run is local, each in its own where it is not: faults then hit one side. */
class World {
  readonly source: MemoryOs;
  readonly target: MemoryOs;
  readonly before: Map<string, Entry>;
  readonly after: Map<string, Entry>;
  readonly #sourceTree: Map<string, Entry>;
  readonly #snapshots: [MemoryOs, MemorySnapshot][];

  constructor(readonly way: Way, targetTree: Entry[]) {
    this.source = openMemory({ seed: 3 });
    this.target = way === "local" ? this.source : openMemory({ seed: 4 });
    plant("/", [folder("s")], this.source);
    plant("/", [folder("d")], this.target);
    plant("/s", SOURCE, this.source);
    plant("/d", targetTree, this.target);
    this.before = harvest(this.target, utf8("/d"));
    this.#sourceTree = harvest(this.source, utf8("/s"));
    const filter = filterSet([]);
    this.after = predict(this.#sourceTree, this.before, OPTIONS, { uid: 0, umask: 0o022, filter }).tree;
    this.#snapshots = [...new Set([this.source, this.target])].map((os) => [os, os.snapshot()]);
  }

  restore(): void {
    for (const [os, snapshot] of this.#snapshots) os.restore(snapshot);
  }

  restart(): void {
    for (const [os] of this.#snapshots) os.restart();
  }

  run(seed = 1): Promise<MemoryOutcome> {
    const { way, source, target } = this;
    return runInMemory({ way, options: OPTIONS, source, target, seed });
  }

  found(): Map<string, Entry> {
    return harvest(this.target, utf8("/d"));
  }

  /** What is at the target only. */
  get extras(): string[] {
    return EXTRAS.filter((path) => this.before.has(path));
  }

  get openHandles(): number {
    return this.source.openHandles() + this.target.openHandles();
  }

  /** Law 1, and law 2 in so far as the source is concerned. */
  checkOldOrNew(found: Map<string, Entry>): void {
    assert.deepEqual(differences(this.#sourceTree, harvest(this.source, utf8("/s"))), [], "the source is as it was");
    for (const path of new Set([...this.before.keys(), ...this.after.keys(), ...found.keys()])) {
      if (isOurs(path)) continue;
      const [old, fresh, is] = [this.before.get(path), this.after.get(path), found.get(path)];
      if (is === undefined) {
        const parentIsFolder = found.get(split(path)[0])?.kind === Kind.folder;
        assert.ok(
          !parentIsFolder || old === undefined || fresh === undefined,
          `${path} is neither old nor new: it is gone`,
        );
      } else {assert.ok(
          [old, fresh].some((one) => one !== undefined && equal(one, is)),
          `${path} is neither old nor new`,
        );}
    }
  }
}

function isOurs(path: string): boolean {
  return path.includes(".tsync-");
}

function equal(a: Entry, b: Entry): boolean {
  if (a.kind !== b.kind || a.target !== b.target || String(a.device) !== String(b.device)) return false;
  return a.kind !== Kind.file || equalBytes(content(a), content(b));
}

function told({ code, error, problems }: MemoryOutcome): string {
  const shown = problems.map(({ path, ...rest }) => `${latin1(path)} ${JSON.stringify(rest)}`).join("; ");
  return `code ${code}, ${error instanceof Error ? error.stack : error}, ${shown}`;
}

/** Demands that the next run makes it right and the one after has nothing to do. */
async function checkRepair(world: World): Promise<void> {
  const repair = await world.run(77);
  assert.equal(repair.code, 0, `the next run: ${told(repair)}`);
  const found = world.found();
  assert.deepEqual([...found.keys()].filter(isOurs), [], "the next run leaves no temporary name");
  assert.deepEqual(differences(world.after, found), []);
  const changes = world.target.changes();
  assert.equal((await world.run(78)).code, 0);
  assert.equal(world.target.changes(), changes, "the run after has nothing to do");
}

/** Places where a fault of ours was found once. */
const FOUND = [72];

/** The places 1 to `last` of an enumeration, all or a seeded sample of `count`. */
function places(last: number, count: number): number[] {
  const all = Array.from({ length: last }, (_, i) => i + 1);
  if (LONG || last <= count) return all;
  const sample = new Random(firstSeed()).shuffle(all).slice(0, count);
  return [...new Set([...sample, ...FOUND.filter((place) => place <= last)])].sort((a, b) => a - b);
}

const WAYS: readonly Way[] = ["local", "push", "pull"];
/** An update asks for what it wants, a first run takes everything as it streams. */
const WORKLOADS: [string, Entry[]][] = [["update", TARGET], ["first run", []]];
const SAMPLE = { local: 35, push: 15, pull: 15 };

/** Faults of a system call that fail here. Errors that are the same to tsync are not tried one by one. */
const ENOENT = 2;
/**
 * Who says "missing" here is believed, also where it is a lie: a missing folder is taken for a new one, and what it holds is not
 * looked at in this run (statHandle is part of opening it); what shall be deleted and is missing is as it shall be.
 */
const BELIEVED: readonly Verb[] = ["openBeneath", "openFolder", "statHandle", "unlink", "removeFolder"];
const ERRORS: [string, number][] = [["EIO", 5], ["ENOSPC", 28], ["EACCES", 13], ["ENOENT", ENOENT]];

async function failAt(world: World, os: MemoryOs, place: number, errno: number): Promise<void> {
  world.restore();
  let verb = "" as Verb;
  const start = os.calls();
  os.fault((call) => {
    if (call.total !== start + place) return undefined;
    verb = call.verb;
    return errno;
  });
  const outcome = await world.run(place);
  const context = `call ${place} (${verb}) of the ${os === world.target ? "target" : "source"}: ${told(outcome)}`;
  os.clearFaults();
  const found = world.found();
  const left = [...found.keys()].filter(isOurs);
  try {
    assert.notEqual(outcome.code, 14, "it is no mistake of our own");
    world.checkOldOrNew(found);
    if (verb !== "unlink" && verb !== "removeFolder") assert.deepEqual(left, [], "no temporary name is left");
    if (verb !== "close") assert.equal(world.openHandles, 0, "no handle is left");
    const isLie = errno === ENOENT && os === world.target && BELIEVED.includes(verb);
    if (outcome.code === 0 && !isLie) {
      assert.deepEqual(differences(world.after, withoutOurs(found)), [], "exit 0 means that all is done");
    }
    // The look at an extra right before its deletion is about that one only: the list is complete by then.
    const sourceTrouble = outcome.problems.some(({ side, errno, path }) =>
      side === Side.source && errno > 0 && !EXTRAS.includes(latin1(path))
    );
    if (sourceTrouble) {
      for (const path of world.extras) assert.ok(found.has(path), `${path} was deleted after the source erred`);
    }
    if (verb === "close") world.restart();
    await checkRepair(world);
  } catch (error) {
    throw new Error(`${context}\n${error instanceof Error ? error.stack : error}`);
  }
}

function withoutOurs(found: Map<string, Entry>): Map<string, Entry> {
  return new Map([...found].filter(([path]) => !isOurs(path)));
}

for (
  const [way, workload, target] of WAYS.flatMap((way) => WORKLOADS.map(([name, tree]) => [way, name, tree] as const))
) {
  Deno.test(`every call fails once: old or new, the truth is told, the next run repairs (${workload}, ${way})`, async () => {
    const world = new World(way, target);
    const failures: string[] = [];
    for (const os of new Set([world.target, world.source])) {
      world.restore();
      const start = os.calls();
      await world.run();
      const calls = os.calls() - start;
      assert.ok(calls > 30, `${calls} calls`);
      for (const [i, [, errno]] of ERRORS.entries()) {
        for (const place of places(calls, Math.ceil(SAMPLE[way] / (i + 1)))) {
          await failAt(world, os, place, errno).catch((error) => failures.push(error.message));
        }
      }
    }
    assert.equal(failures.length, 0, `${failures.length} places:\n\n${failures.slice(0, 10).join("\n\n")}`);
  });

  Deno.test(`the process dies before and after every change: old or new, the next run repairs and sweeps (${workload}, ${way})`, async () => {
    const world = new World(way, target);
    const start = world.target.changes();
    await world.run();
    const changes = world.target.changes() - start;
    assert.ok(changes > 25, `${changes} changes`);
    for (const kill of ["before", "after"] as const) {
      for (const when of places(changes, SAMPLE[way])) {
        world.restore();
        world.target.fault({ verb: "changing", when, kill });
        const outcome = await world.run(when);
        world.restart();
        try {
          assert.notEqual(outcome.code, 0, "a run that died did not succeed");
          world.checkOldOrNew(world.found());
          await checkRepair(world);
        } catch (error) {
          throw new Error(
            `killed ${kill} change ${when}: ${told(outcome)}\n${error instanceof Error ? error.stack : error}`,
          );
        }
      }
    }
  });
}

Deno.test("a disk that fills up: what is in place is complete, exit 11, the next run with room finishes", async () => {
  for (let pages = 0; pages < 90; pages += LONG ? 1 : 7) {
    const os = openMemory({ totalBytes: pages * 4096 + 200 * 4096 });
    plant("/", [folder("s"), folder("d")], os);
    plant("/s", SOURCE, os);
    plant("/d", TARGET, os);
    const before = harvest(os, utf8("/d"));
    const after =
      predict(harvest(os, utf8("/s")), before, OPTIONS, { uid: 0, umask: 0o022, filter: filterSet([]) }).tree;
    const options = { ...OPTIONS, noSpaceCheck: pages % 2 === 0 };
    const { code, error } = await runInMemory({ way: "local", options, source: os, target: os });
    const found = harvest(os, utf8("/d"));
    assert.deepEqual([...found.keys()].filter(isOurs), []);
    if (code === 0) assert.deepEqual(differences(after, found), []);
    else {
      assert.equal(code, 11, String(error));
      for (const [path, is] of found) {
        assert.ok([before.get(path), after.get(path)].some((one) => one !== undefined && equal(one, is)), path);
      }
      for (const path of EXTRAS) assert.ok(found.has(path), `${path}: nothing is deleted in a run that fails`);
    }
  }
});
