// The power goes while tsync works, on real file systems (E05-E10; support/power_cut.ts says how): what was replaced is old or new, with
// --fsync every file that is there is whole, and behind exit 0 all of it. The rig is first shown to find what rsync and
// --no-fsync lose. `sh scripts/deno.sh run -A tests/fault/powercut_test.ts table` prints what README says of the programs.

import assert from "node:assert/strict";
import { TSYNC } from "../support/evil_sandbox.ts";
import { judge, type PoweredDisk, type PoweredKind, readTree, type Verdict, withPower } from "../support/power_cut.ts";
import { LONG } from "../support/random.ts";
import { AS_ROOT, run, withPlace } from "../support/run.ts";
import { sampled } from "./sample.ts";

const KINDS: PoweredKind[] = ["xfs", "ext4"];
const CUT_MS = 50;
type Tree = Map<string, string>;

function testAsRoot(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !AS_ROOT, fn });
}

function bytesOf(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = seed + 1; i < size; i++) {
    x = Math.imul(x, 0x41c64e6d) + 12345 | 0;
    bytes[i] = (x >>> 16) | 1;
  }
  return bytes;
}

/** `count` files in folders of 100. */
function plantFiles(root: string, count: number, size: number, seed: number, sec = 1_700_000_000): void {
  Deno.mkdirSync(root, { recursive: true });
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) Deno.mkdirSync(`${root}/${Math.floor(i / 100)}`);
    const path = `${root}/${Math.floor(i / 100)}/f${i}`;
    Deno.writeFileSync(path, bytesOf(size, seed + i));
    // rsync looks at whole seconds only.
    Deno.utimeSync(path, sec, sec);
  }
}

interface Play {
  disk: PoweredDisk;
  source: string;
  target: string;
  old: Tree;
  fresh: Tree;
}

/** Two trees made by `plant`, the old one on the disk that loses its power, settled there. */
async function withPlay(
  kind: PoweredKind,
  plant: (source: string, target: string) => void | Promise<void>,
  use: (play: Play) => Promise<void>,
  megabytes?: number,
): Promise<void> {
  await withPlace((place) =>
    withPower(place, kind, async (disk) => {
      const [source, target] = [`${place}/s`, `${disk.path}/d`];
      Deno.mkdirSync(source);
      Deno.mkdirSync(target);
      await plant(source, target);
      await disk.keep();
      await use({ disk, source, target, old: readTree(target), fresh: readTree(source) });
    }, megabytes)
  );
}

interface Cuts {
  during: Verdict[];
  /** Right behind the program's end. */
  atExit: Verdict;
  /** The same with all names written. */
  settled: Verdict;
  code: number;
  err: string;
  ms: number;
  /** What was there right behind the end. */
  left: Tree;
}

/** Runs the program on the disk as it was kept, cutting the power now and then; judges what each cut left. */
async function playCut(play: Play, words: readonly string[], createdWhole: boolean, cutMs = CUT_MS): Promise<Cuts> {
  const { disk, source, target, old, fresh } = play;
  await disk.restore();
  const cuts: number[] = [];
  let isOver = false;
  const begun = performance.now();
  const ran = run([...words, `${source}/`, target], { timeoutMs: 300_000 }).finally(() => isOver = true);
  // A bounded number: each holds what differs from the others.
  for (let wait = cutMs; !isOver && cuts.length < (LONG ? 60 : 8); wait = Math.min(wait * 1.1, 1000)) {
    await Promise.race([ran, new Promise((done) => setTimeout(done, wait))]);
    if (isOver) break;
    disk.commitNames();
    cuts.push(disk.cut());
  }
  const { code, err } = await ran;
  const ms = performance.now() - begun;
  const atExit = disk.cut();
  disk.commitNames();
  const settled = disk.cut();
  const verdictOf = (cut: number) =>
    disk.after(cut, (path) => {
      const left = readTree(`${path}/d`);
      return { left, verdict: judge(left, old, fresh, createdWhole) };
    });
  const during: Verdict[] = [];
  for (const cut of cuts) during.push((await verdictOf(cut)).verdict);
  const { verdict, left } = await verdictOf(atExit);
  return { during, atExit: verdict, settled: (await verdictOf(settled)).verdict, code, err, ms, left };
}

function assertNoneBad({ during, atExit, settled, code, err }: Cuts, what: string): void {
  assert.equal(code, 0, `${what}: ${err}`);
  for (const [i, { bad }] of [...during, atExit, settled].entries()) assert.deepEqual(bad, [], `${what}, cut ${i}`);
}

/** Behind --fsync's exit 0 everything is as it shall be, without help from anybody. */
function assertDurable({ left, atExit }: Cuts, fresh: Tree, what: string): void {
  assert.deepEqual([...left].filter(([path, is]) => fresh.get(path) !== is), [], what);
  assert.deepEqual([...fresh.keys()].filter((path) => !left.has(path)), [], what);
  assert.equal(atExit.temporaries, 0, what);
}

const tsync = (...options: string[]) => [TSYNC, "-a", "--delete", "--no-guard", ...options];

// ---- E05, E09: replaced files

const COUNT = LONG ? 300 : 120;
const update = (source: string, target: string) => {
  plantFiles(source, COUNT, 40_000, 1);
  plantFiles(target, COUNT, 40_000, 1_000_001, 1_600_000_000);
};

for (const kind of KINDS) {
  testAsRoot(
    `the power goes: replaced files are old or new, with --fsync new behind exit 0; rsync and --no-fsync lose them (${kind})`,
    async () => {
      await withPlay(kind, update, async (play) => {
        // First that the rig can see a loss at all.
        for (const words of [["rsync", "-a"], tsync("--no-fsync")]) {
          const { settled, code } = await playCut(play, words, false);
          assert.equal(code, 0);
          assert.ok(
            settled.bad.length > COUNT / 4,
            `${words}: only ${settled.bad.length} of ${COUNT} are bad, ${settled.old} old, ${settled.new} new`,
          );
        }
        for (let i = 0; i < (LONG ? 5 : 1); i++) {
          assertNoneBad(await playCut(play, tsync(), false, 5), "default");
          const durable = await playCut(play, tsync("--fsync"), true, 5);
          assertNoneBad(durable, "--fsync");
          assertDurable(durable, play.fresh, "--fsync");
        }
      });
    },
  );

  // ---- E06

  const [files, name] = LONG ? [5000, "5,000 new files in 50 new folders"] : [400, "new files in new folders"];
  testAsRoot(
    `the power goes: --fsync and ${name}: each that is there is whole, all are there behind exit 0 (${kind})`,
    async () => {
      await withPlay(kind, (source) => plantFiles(source, files, 3000, 7), async (play) => {
        const durable = await playCut(play, tsync("--fsync"), true, 10);
        assertNoneBad(durable, "--fsync");
        assertDurable(durable, play.fresh, "--fsync");
      });
    },
  );
}

// ---- E07, E10: every kind of change

/** One change of a folder that holds a, b and c. */
const CHANGES: Record<string, (at: string) => void> = {
  create: (at) => Deno.writeFileSync(`${at}/new${[...Deno.readDirSync(at)].length}`, bytesOf(5000, 11)),
  rewrite: (at) => replaceFile(`${at}/a`, bytesOf(9000, 12)),
  grow: (at) => replaceFile(`${at}/b`, bytesOf(30_000, 13)),
  shrink: (at) => replaceFile(`${at}/b`, bytesOf(10, 13)),
  retype: (at) => {
    Deno.removeSync(`${at}/c`, { recursive: true });
    Deno.symlinkSync("a", `${at}/c`);
  },
  delete: (at) =>
    Deno.removeSync([...Deno.readDirSync(at)].map(({ name }) => `${at}/${name}`).sort().at(-1) ?? at, {
      recursive: true,
    }),
  link: (at) => {
    const name = `${at}/b`;
    try {
      Deno.removeSync(name, { recursive: true });
    } catch {
      // An earlier change may have taken it.
    }
    Deno.writeFileSync(`${at}/zlinked`, bytesOf(7000, 14));
    Deno.linkSync(`${at}/zlinked`, name);
  },
  mkdir: (at) => {
    try {
      Deno.removeSync(`${at}/a`, { recursive: true });
    } catch {
      // The same.
    }
    Deno.mkdirSync(`${at}/a`);
    Deno.writeFileSync(`${at}/a/in`, bytesOf(100, 15));
  },
};

function replaceFile(path: string, bytes: Uint8Array): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is not there.
  }
  Deno.writeFileSync(path, bytes);
}

function plantBase(at: string): void {
  Deno.mkdirSync(at);
  ["a", "b", "c"].forEach((name, i) => Deno.writeFileSync(`${at}/${name}`, bytesOf(8000, 20 + i)));
}

/** All sequences of one to three changes. */
function workloads(): string[][] {
  const names = Object.keys(CHANGES);
  const next = (shorter: string[][]) => shorter.flatMap((done) => names.map((name) => [...done, name]));
  const one = next([[]]);
  return [...one, ...next(one), ...next(next(one))];
}

/** A folder for each workload, below each root as it was before, below the first as it is after. */
function plantWorkloads(roots: string[], chosen: string[][]): void {
  chosen.forEach((workload, i) => {
    for (const root of roots) plantBase(`${root}/${i}`);
    for (const change of workload) {
      try {
        CHANGES[change](`${roots[0]}/${i}`);
      } catch (error) {
        // Nothing is left to be changed so.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  });
}

for (const kind of KINDS) {
  testAsRoot(
    `the power goes amid creations, rewrites, changes of type, links, folders and deletions (${kind})`,
    async () => {
      assert.equal(workloads().length, 584);
      const chosen = sampled(workloads(), 40);
      await withPlay(kind, (...roots) => plantWorkloads(roots, chosen), async (play) => {
        assertNoneBad(await playCut(play, tsync("-H"), false, 5), "default");
        const durable = await playCut(play, tsync("-H", "--fsync"), true, 5);
        assertNoneBad(durable, "--fsync");
        assertDurable(durable, play.fresh, "--fsync");
      });
    },
  );

  if (!LONG) continue;

  testAsRoot(`the power goes, each sequence of up to three changes by itself (${kind})`, async () => {
    await withPlay(kind, (_, target) => plantBase(`${target}/0`), async (play) => {
      for (const workload of workloads()) {
        Deno.removeSync(play.source, { recursive: true });
        Deno.mkdirSync(play.source);
        plantWorkloads([play.source], [workload]);
        const [now, what] = [{ ...play, fresh: readTree(play.source) }, workload.join(" ")];
        assertNoneBad(await playCut(now, tsync("-H"), false, 30), what);
        const durable = await playCut(now, tsync("-H", "--fsync"), true, 30);
        assertNoneBad(durable, what);
        assertDurable(durable, now.fresh, what);
      }
    });
  });

  // ---- E08

  testAsRoot(`the power goes amid the update of a large file: it is old or new (${kind})`, async () => {
    const megabytes = 256;
    const plant = async (source: string, target: string) => {
      await run(["dd", "if=/dev/urandom", `of=${target}/large`, "bs=1M", `count=${megabytes}`, "status=none"]);
      await run(["cp", `${target}/large`, `${source}/large`]);
      const file = Deno.openSync(`${source}/large`, { write: true });
      for (let at = 0; at < megabytes; at += 3) {
        file.seekSync(at << 20, Deno.SeekMode.Start);
        file.writeSync(bytesOf(20_000, at));
      }
      file.close();
    };
    await withPlay(kind, plant, async (play) => {
      for (const options of [["--no-whole-file"], ["--whole-file"], ["--no-whole-file", "--fsync"]]) {
        assertNoneBad(await playCut(play, tsync(...options), false, 100), options.join(" "));
      }
    }, 1200);
  });
}

// ---- the table

if (import.meta.main && Deno.args[0] === "table") {
  const count = 300;
  const programs: [string, string[]][] = [
    ["rsync -a", ["rsync", "-a"]],
    ["rsync -a --fsync", ["rsync", "-a", "--fsync"]],
    ["tsync -a --no-fsync", [TSYNC, "-a", "--no-fsync"]],
    ["tsync -a", [TSYNC, "-a"]],
    ["tsync -a --fsync", [TSYNC, "-a", "--fsync"]],
  ];
  const plant = (source: string, target: string) => {
    plantFiles(source, count, 40_000, 1);
    plantFiles(target, count, 40_000, 1_000_001, 1_600_000_000);
  };
  console.log(
    `| ${count} files of 40 KB replaced | file system | neither old nor new | new behind exit 0 | temporary files left |`,
  );
  console.log("| --- | --- | --- | --- | --- |");
  for (const kind of KINDS) {
    await withPlay(kind, plant, async (play) => {
      for (const [name, words] of programs) {
        const { settled, atExit } = await playCut(play, words, false);
        console.log(`| ${name} | ${kind} | ${settled.bad.length} | ${atExit.new} | ${atExit.temporaries} |`);
      }
    });
  }
}
