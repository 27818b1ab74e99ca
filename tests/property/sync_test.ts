// Whole synchronisations of seeded random trees under seeded options, in memory, local and over a session: afterwards the target
// is what the model predicts, a second run changes nothing (law 7), a dry run changes nothing and tells the same (law 8), each
// entry is told at most once and the totals add up (law 5), no handle and no temporary name is left.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { defaultOptions, type FilterRule, type SyncOptions } from "../../lib/base/options.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { RuleFlag } from "../../lib/filter/rule.ts";
import { type MemoryOptions, MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Kind } from "../../lib/os/os.ts";
import { RecordingOs } from "../../lib/os/recording.ts";
import { type MemoryOutcome, runInMemory, type Way } from "../support/memory_run.ts";
import { differences, predict } from "../support/model.ts";
import { firstSeed, LONG, Random } from "../support/random.ts";
import { changedTree, randomTree } from "../support/random_tree.ts";
import { type Entry, folder, harvest, plant } from "../support/trees.ts";

const CASES = LONG ? 20_000 : 150;
const WAYS: readonly Way[] = ["local", "push", "pull"];

interface Case {
  way: Way;
  options: SyncOptions;
  memory: MemoryOptions;
  os: MemoryOs;
}

/** Everything about a case follows from its seed. */
function makeCase(seed: number): Case {
  const random = new Random(seed);
  const uid = random.chance(20) ? 1000 : 0;
  const memory: MemoryOptions = {
    seed,
    uid,
    gid: uid,
    seekHole: random.pick(["true", "true", "generic", "refused"] as const),
    reflink: random.chance(30),
    exchange: !random.chance(15),
    unknownKinds: random.chance(20),
    readBytes: random.chance(15) ? 1 + random.below(5000) : undefined,
  };
  const os = openMemory(memory);
  plant("/", [folder("s"), folder("d")], os);
  const shape = { entries: 5 + random.below(60), privileged: uid === 0, readable: uid !== 0 };
  const first = randomTree(random, shape);
  const options = randomOptions(random);
  plant("/s", options.delete && first.length === 0 ? [folder("a")] : first, os);
  if (random.chance(70)) plant("/d", asTargets(changedTree(random, first, shape), uid), os);
  return { way: random.pick(WAYS), options, memory, os };
}

/** A plain user cannot make what would stop its own run: closed folders in the target are another test's matter. */
function asTargets(entries: Entry[], uid: number): Entry[] {
  if (uid === 0) return entries;
  return entries.map((entry) => entry.kind === Kind.folder ? { ...entry, mode: (entry.mode ?? 0o755) | 0o700 } : entry);
}

function randomOptions(random: Random): SyncOptions {
  const usual = random.chance(50);
  const flag = (percent: number) => usual ? true : random.chance(percent);
  return {
    ...defaultOptions(),
    recursive: true,
    reportEntries: true,
    noGuard: true,
    links: flag(80),
    perms: flag(70),
    times: flag(80),
    group: flag(60),
    owner: flag(60),
    devices: flag(70),
    specials: flag(70),
    numericIds: random.chance(30),
    checksum: random.chance(15),
    ignoreTimes: random.chance(8),
    sparse: random.chance(20),
    delete: random.chance(50),
    reportUnchanged: random.chance(20),
    filters: random.chance(20) ? randomFilters(random) : [],
    compress: random.pick(["auto", "always", "never"] as const),
  };
}

function randomFilters(random: Random): FilterRule[] {
  const patterns = ["a*", "*b", "/dir*", "file1", "Makefile*", "dir*/", "**/a", "x*x", "*.html"];
  return Array.from({ length: 1 + random.below(3) }, () => {
    return { pattern: utf8(random.pick(patterns)), flags: random.chance(25) ? RuleFlag.include : 0 };
  });
}

async function checkCase(seed: number): Promise<void> {
  const { way, options, memory, os } = makeCase(seed);
  const world = { uid: memory.uid ?? 0, umask: 0o022, filter: filterSet(options.filters) };
  const source = harvest(os, utf8("/s"));
  const { tree, blocked } = predict(source, harvest(os, utf8("/d")), options, world);
  const recorder = new RecordingOs(os);
  const run = (more: Partial<SyncOptions> = {}) =>
    runInMemory({ way, options: { ...options, ...more }, source: recorder, target: recorder, uid: world.uid, seed });

  const dry = await run({ dryRun: true });
  assert.deepEqual(recorder.changing().map(({ verb }) => verb), [], "a dry run changes nothing");
  const real = await run();
  assert.equal(dry.code, blocked.size > 0 ? 23 : 0, told(dry));
  assert.equal(real.code, blocked.size > 0 ? 23 : 0, told(real));
  assert.deepEqual(dry.lines, real.lines, "a dry run tells what the real one tells");
  assert.deepEqual(differences(tree, harvest(os, utf8("/d"))), []);
  assert.deepEqual(differences(source, harvest(os, utf8("/s"))), [], "the source is as it was");
  checkAccount(real, options);

  recorder.forget();
  const second = await run();
  // Without times (or with -I) files are sent each time, as rsync does.
  if (blocked.size === 0 && !options.ignoreTimes && (options.times || options.checksum)) {
    assert.equal(second.code, 0, told(second));
    assert.deepEqual(
      recorder.changing().map(({ verb, name }) => `${verb} ${name}`),
      [],
      "a second run changes nothing",
    );
    if (!options.reportUnchanged) assert.deepEqual(second.lines, []);
    assert.equal(second.totals.literalBytes + second.totals.matchedBytes, 0);
  }
  assert.equal(os.openHandles(), 0, "every handle is given back");
}

function told({ error, problems }: MemoryOutcome): string {
  const shown = problems.map(({ path, ...rest }) => `${String.fromCharCode(...path)} ${JSON.stringify(rest)}`);
  return `${error instanceof Error ? error.stack : error}\n${shown.join("\n")}`;
}

/** Law 5: each listed entry is told at most once, exactly once with unchanged ones; transfers and creations add up. */
function checkAccount({ lines, totals, problems }: MemoryOutcome, options: SyncOptions): void {
  const entries = lines.filter((line) => !line.startsWith("*"));
  const names = entries.map((line) => line.slice(12));
  assert.equal(new Set(names).size, names.length, "each entry is told once");
  const listed = totals.files + totals.folders + totals.links + totals.devices + totals.specials;
  if (options.reportUnchanged && problems.length === 0) assert.equal(entries.length, listed);
  const deleted = totals.deletedFiles + totals.deletedFolders + totals.deletedLinks + totals.deletedDevices +
    totals.deletedSpecials;
  assert.equal(lines.length - entries.length, deleted);
  const created = [
    totals.createdFiles,
    totals.createdFolders,
    totals.createdLinks,
    totals.createdDevices,
    totals.createdSpecials,
  ];
  const shown = entries.filter((line) => line.slice(2, 11) === "+++++++++").length;
  if (problems.length === 0) assert.equal(created.reduce((a, b) => a + b), shown);
  if (problems.length === 0) assert.equal(entries.filter((line) => line[0] === ">").length, totals.transferredFiles);
}

Deno.test("a run makes the target what the model predicts, and the next one nothing: random trees, options and systems", async () => {
  const first = firstSeed();
  for (let seed = first; seed < first + CASES; seed++) {
    try {
      await checkCase(seed);
    } catch (error) {
      const { way, options, memory } = makeCase(seed);
      const shown = JSON.stringify({ way, ...options, memory });
      throw new Error(`TSYNC_TEST_SEED=${seed} ${shown}\n${error instanceof Error ? error.stack : error}`);
    }
  }
});
