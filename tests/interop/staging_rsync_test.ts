// Where content lies before it has its place (--partial-dir, --delay-updates, --temp-dir), held against the installed rsync; and what only
// shows while a run is under way.

import assert from "node:assert/strict";
import { run, withPlace } from "../support/run.ts";
import { LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, plant } from "../support/trees.ts";
import { Random } from "../support/random.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };
const DATED = { mode: 0o755, ...OLD };
const LARGE = new Random(5).bytes(300_000);

const TREE: Entry[] = [
  folder("s", DATED),
  folder("d", DATED),
  folder("tmp", DATED),
  file("s/new", "new", OLD),
  file("s/changed", "changed", NEW),
  file("d/changed", "old", { mode: 0o640, ...OLD }),
  file("s/same", "same", OLD),
  file("d/same", "same", OLD),
  file("s/large", LARGE, NEW),
  file("d/large", LARGE.subarray(0, 200_000), OLD),
  link("s/link", "target", OLD),
  folder("s/sub", DATED),
  file("s/sub/deep", "deep", OLD),
  file("s/sub/second", "second", { mode: 0o600, ...OLD }),
  folder("s/to folder", DATED),
  file("d/to folder", "a file", OLD),
  file("s/to file", "a file", OLD),
  folder("d/to file", DATED),
  file("d/extra", "extra", OLD),
];

/** What an earlier run left: the part of one file, and something else. */
const PARTS: Entry[] = [
  ...TREE,
  folder("s/.part", DATED),
  file("s/.part/not sent", "x", OLD),
  folder("d/.part", { mode: 0o700, ...OLD }),
  file("d/.part/large", LARGE.subarray(0, 250_000), { mode: 0o600, ...OLD }),
  folder("d/sub", DATED),
  folder("d/sub/.part", { mode: 0o700, ...OLD }),
  file("d/sub/.part/other", "stays", { mode: 0o600, ...OLD }),
];

const TEMP: Entry[] = [...TREE, folder("d/tmp", DATED), file("d/tmp/other", "stays", OLD)];

/** Folders are renewed by what lies in them meanwhile. */
const TIMELESS = { without: ["mtime"] };

const SCENARIOS: Scenario[] = [
  { name: "--delay-updates", options: "-ai --delay-updates", entries: TREE },
  { name: "--delay-updates --delete", options: "-ai --delay-updates --delete", entries: TREE },
  { name: "--delay-updates -b", options: "-aib --delay-updates", entries: TREE, ...TIMELESS },
  { name: "--delay-updates -n", options: "-ain --delay-updates", entries: TREE },
  { name: "--delay-updates -H", options: "-aiH --delay-updates", entries: [...TREE] },
  { name: "--delay-updates --partial-dir", options: "-ai --delay-updates --partial-dir=.part", entries: PARTS },
  {
    name: "--delay-updates, what an earlier run left",
    options: "-ai --delay-updates --delete",
    entries: [...TREE, folder("d/.~tmp~", { mode: 0o700, ...OLD }), file("d/.~tmp~/large", LARGE, NEW)],
  },
  { name: "--partial-dir", options: "-ai --partial-dir=.part", entries: PARTS },
  { name: "--partial-dir --delete", options: "-ai --partial-dir=.part --delete", entries: PARTS },
  { name: "--partial-dir, without it it is a folder like any", options: "-ai --delete", entries: PARTS },
  { name: "--partial-dir, absent", options: "-ai --partial-dir=.nowhere/deeper --delete", entries: TREE },
  { name: "-T beside the target", options: "-ai -T ../tmp", entries: TREE },
  { name: "-T", options: "-ai -T tmp", entries: TEMP, ...TIMELESS },
  { name: "--temp-dir --delete", options: "-ai --temp-dir=tmp --delete --exclude=/tmp", entries: TEMP, ...TIMELESS },
  { name: "-T -b", options: "-aib -T tmp", entries: TEMP, ...TIMELESS },
  { name: "-T -n", options: "-ain -T tmp", entries: TEMP },
  { name: "-T --delay-updates", options: "-ai -T tmp --delay-updates", entries: TEMP, ...TIMELESS },
  { name: "-T, a folder that is not there", options: "-aq -T ../nowhere", entries: TREE },
];

testScenarios("staging", SCENARIOS);

/** Runs `words`, and looks at `place` every few milliseconds; what `look` said, in order, without repetitions. */
async function watch(ran: Promise<unknown>, look: () => string): Promise<string[]> {
  const seen: string[] = [];
  let isOver = false;
  const done = ran.finally(() => isOver = true);
  while (!isOver) {
    const now = look();
    if (seen.at(-1) !== now) seen.push(now);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await done;
  return seen;
}

function names(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

testEach("--delay-updates: no file is new while another one is missing", async (way) => {
  await withPlace(async (place) => {
    const large = new Random(6).bytes(3 << 20);
    plant(place, ["a", "b", "c"].flatMap((name) => [file(`s/${name}`, large, NEW), file(`d/${name}`, "old", OLD)]));
    const words = ["-a", "--delay-updates", "--bwlimit=8192"];
    const look = () => {
      // Only names that stay: a temporary file may be gone between the two calls.
      const isNew = ["a", "b", "c"].filter((name) => Deno.lstatSync(`${place}/d/${name}`).size > 3);
      return `${isNew.length} ${names(`${place}/d/.~tmp~`).length}`;
    };
    const seen = await watch(way.sync(words, `${place}/s/`, `${place}/d`), look);
    assert.ok(seen.includes("0 1") && seen.includes("0 2"), `${seen}`);
    assert.deepEqual(names(`${place}/d`), ["a", "b", "c"]);
    for (const name of "abc") assert.deepEqual(await Deno.readFile(`${place}/d/${name}`), large);
  });
});

testEach("--temp-dir: nothing unfinished lies in the target; the folder may be on another file system", async (way) => {
  await withPlace(async (place) => {
    await withPlace(async (elsewhere) => {
      const large = new Random(7).bytes(3 << 20);
      plant(place, [file("s/a", large, NEW), file("s/b", "small", { mode: 0o640, ...OLD }), file("d/a", "old", OLD)]);
      const isElsewhere = Deno.statSync(place).dev !== Deno.statSync(elsewhere).dev;
      assert.ok(isElsewhere, "the test needs two file systems");
      await run(["setfattr", "-n", "user.note", "-v", "kept", `${place}/s/b`]);
      // What a dead run left there is swept.
      const left = `${elsewhere}/.tsync-01234567-0123456789abcdef${check("01234567", "0123456789abcdef")}`;
      await Deno.writeTextFile(left, "left over");
      const words = ["-aX", `--temp-dir=${elsewhere}`, "--bwlimit=8192"];
      const seen = await watch(
        way.sync(words, `${place}/s/`, `${place}/d`).then((ran) => assert.equal(ran.code, 0, ran.err)),
        () => `${names(`${place}/d`).filter((name) => name.startsWith(".tsync")).length} ${names(elsewhere).length}`,
      );
      assert.ok(seen.includes("0 2"), `${seen}`);
      assert.deepEqual(names(elsewhere), []);
      assert.deepEqual(await Deno.readFile(`${place}/d/a`), large);
      const { mode, mtime } = Deno.lstatSync(`${place}/d/b`);
      assert.deepEqual([mode! & 0o777, mtime], [0o640, Deno.lstatSync(`${place}/s/b`).mtime]);
      const { out } = await run(["getfattr", "--only-values", "-n", "user.note", `${place}/d/b`]);
      assert.equal(out, "kept");
    }, "disk");
  });
});

/** The last digits of a temporary name of ours. */
function check(runDigits: string, random: string): string {
  const fold = (hash: number, text: string) => {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash >>> 0;
  };
  return fold(fold(fold(0x811c9dc5, "tsync temporary"), runDigits), random).toString(16).padStart(8, "0");
}

Deno.test("--delay-updates and --temp-dir: what contradicts them is refused", async () => {
  for (
    const options of [["--inplace", "--delay-updates"], ["--delay-updates", "--partial-dir=/x"], ["-T", "/nowhere"]]
  ) {
    await withPlace(async (place) => {
      plant(place, [file("s/a", "a"), folder("d")]);
      const ran = await LOCAL.sync(["-a", ...options], `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 1, `${options}: ${ran.err}`);
      assert.deepEqual(names(`${place}/d`), []);
    });
  }
});
