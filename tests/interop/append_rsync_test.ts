// --append, --append-verify, --preallocate, -S with --inplace and -y, held against the installed rsync; and what shows only in blocks, bytes
// on the wire or in a second look.

import assert from "node:assert/strict";
import { quietly, run, withPlace } from "../support/run.ts";
import { LOCAL, PULL, PUSH, testEach, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, plant } from "../support/trees.ts";
import { Random } from "../support/random.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };
const DATED = { mode: 0o755, ...OLD };
const LARGE = new Random(11).bytes(400_000);
const OTHER = new Random(12).bytes(400_000);

/** Files that grew, with the same beginning. */
const GROWN: Entry[] = [
  folder("s", DATED),
  folder("d", DATED),
  file("s/small", "hello world", NEW),
  file("d/small", "hello", { mode: 0o600, ...OLD }),
  file("s/large", LARGE, NEW),
  file("d/large", LARGE.subarray(0, 250_001), OLD),
  file("s/shorter", "abc", NEW),
  file("d/shorter", "abcdef", OLD),
  file("s/equal in size", "xyz", NEW),
  file("d/equal in size", "XYZ", OLD),
  file("s/was empty", LARGE.subarray(0, 90_000), NEW),
  file("d/was empty", "", OLD),
  file("s/new", "new", OLD),
  file("s/same", "same", OLD),
  file("d/same", "same", { mode: 0o640, ...OLD }),
];

/** What is there is not the beginning. */
const DIFFERENT: Entry[] = [
  ...GROWN,
  file("s/other small", "hello world", NEW),
  file("d/other small", "HELLO", OLD),
  file("s/other large", LARGE, NEW),
  file("d/other large", OTHER.subarray(0, 250_001), OLD),
];

const SCENARIOS: Scenario[] = [
  { name: "--append", options: "-ai --append", entries: DIFFERENT },
  { name: "--append -n", options: "-ain --append", entries: GROWN },
  { name: "--append -c", options: "-aic --append", entries: GROWN },
  { name: "--append --delete -b", options: "-aib --append --delete", entries: GROWN, without: ["mtime"] },
  { name: "--append-verify", options: "-ai --append-verify", entries: GROWN },
  { name: "--append-verify, another beginning", options: "-a --append-verify", entries: DIFFERENT },
  { name: "--append --no-append", options: "-ai --append --no-append", entries: DIFFERENT },
  { name: "--append -W", options: "-ai --append -W", entries: GROWN },
  { name: "--append --partial-dir", options: "-ai --append --partial-dir=x", entries: GROWN },
  { name: "--preallocate", options: "-ai --preallocate", entries: DIFFERENT },
  { name: "--preallocate -S", options: "-aiS --preallocate", entries: DIFFERENT },
  { name: "-y", options: "-aiy", entries: DIFFERENT },
  { name: "-yy --copy-dest", options: "-aiyy --copy-dest=../p", entries: [...DIFFERENT, folder("p", DATED)] },
  { name: "-y --no-fuzzy", options: "-aiy --no-fuzzy", entries: DIFFERENT },
];

testScenarios("append", SCENARIOS);

function statsOf(out: string): { literal: number; matched: number } {
  const number = (label: string) => Number(new RegExp(`${label}: ([\\d,]+)`).exec(out)![1].replaceAll(",", ""));
  return { literal: number("Literal data"), matched: number("Matched data") };
}

testEach("--append sends what is behind the end and nothing else; --append-verify all that differs", async (way) => {
  const tree = [
    ...[file("s/log", LARGE, NEW), file("d/log", LARGE.subarray(0, 300_000), OLD)],
    ...[file("s/other", LARGE, NEW), file("d/other", OTHER.subarray(0, 300_000), OLD)],
  ];
  await withPlace(async (place) => {
    plant(place, tree);
    const appended = await quietly(way.sync(["-a", "--append", "--stats"], `${place}/s/`, `${place}/d`));
    if (way !== LOCAL) assert.deepEqual(statsOf(appended.out), { literal: 200_000, matched: 600_000 });
    const other = await Deno.readFile(`${place}/d/other`);
    assert.deepEqual(other.subarray(0, 300_000), OTHER.subarray(0, 300_000), "what is there is believed");
    assert.deepEqual(other.subarray(300_000), LARGE.subarray(300_000));
  });
  await withPlace(async (place) => {
    plant(place, tree);
    await quietly(way.sync(["-a", "--append-verify"], `${place}/s/`, `${place}/d`));
    for (const name of ["log", "other"]) assert.deepEqual(await Deno.readFile(`${place}/d/${name}`), LARGE);
  });
});

testEach("--preallocate takes the space before the content comes, also what is a hole at the source", async (way) => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/s`);
    const size = 8 << 20;
    await run(["truncate", "-s", `${size}`, `${place}/s/holes`]);
    await quietly(way.sync(["-a", "--preallocate"], `${place}/s/`, `${place}/d`));
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/without`));
    const blocks = async (path: string) => (await Deno.stat(`${place}/${path}`)).blocks! * 512;
    assert.equal(await blocks("without/holes"), 0);
    assert.ok(await blocks("d/holes") >= size);
    assert.equal((await Deno.stat(`${place}/d/holes`)).size, size);
  });
});

testEach("-S --inplace writes only changed blocks and makes only new holes", async (way) => {
  await withPlace(async (place) => {
    const size = 4 << 20;
    const old = new Random(13).bytes(size);
    // A block of zeros that is allocated stays as it is; one that becomes zeros becomes a hole.
    old.fill(0, 1 << 20, (1 << 20) + 65_536);
    const fresh = new Uint8Array(old);
    fresh.fill(0, 2 << 20, (2 << 20) + 131_072);
    fresh[3 << 20] ^= 1;
    plant(place, [file("s/f", fresh, NEW), file("d/f", old, OLD)]);
    const before = (await Deno.stat(`${place}/d/f`)).blocks! * 512;
    await quietly(way.sync(["-aS", "--inplace", "--no-whole-file"], `${place}/s/`, `${place}/d`));
    const after = await Deno.stat(`${place}/d/f`);
    assert.deepEqual(await Deno.readFile(`${place}/d/f`), fresh);
    assert.equal(before - after.blocks! * 512, 131_072, "one new hole, and the old zeros are not punched");
  });
}, [LOCAL, PUSH, PULL]);

for (const way of [PUSH, PULL]) {
  Deno.test(`-y takes a file of the same size and time, else of a similar name, as the basis (${way.name})`, async () => {
    await withPlace(async (place) => {
      plant(place, [
        ...[file("s/report-2.txt", LARGE, NEW), file("d/report-1.txt", LARGE.subarray(0, 390_000), OLD)],
        ...[
          file("d/nothing alike", OTHER, { sec: 1_080_000_000, ns: 0 }),
          file("d/unlike", OTHER, { sec: 1_090_000_000, ns: 0 }),
        ],
        ...[file("s/renamed", OTHER, { sec: 1_050_000_000, ns: 7 })],
        ...[file("d/quite another name.bin", OTHER, { sec: 1_050_000_000, ns: 7 })],
        ...[file("s/version 4", LARGE, OLD), file("p/version 3", LARGE.subarray(0, 380_000), OLD), folder("d")],
      ]);
      const stats = async (...options: string[]) => {
        await run(["rm", "-rf", `${place}/t`]);
        await run(["cp", "-a", `${place}/d`, `${place}/t`]);
        const ran = await quietly(way.sync(["-a", "--stats", ...options], `${place}/s/`, `${place}/t`));
        for (const [name, content] of [["report-2.txt", LARGE], ["renamed", OTHER], ["version 4", LARGE]] as const) {
          assert.deepEqual(await Deno.readFile(`${place}/t/${name}`), content);
        }
        return statsOf(ran.out).literal;
      };
      assert.equal(await stats(), 1_200_000);
      const once = await stats("-y", "--compare-dest=../p");
      assert.ok(once < 450_000, `${once} bytes with -y`);
      const twice = await stats("--fuzzy", "-y", "--compare-dest=../p");
      assert.ok(twice < 60_000, `${twice} bytes with -yy`);
    });
  });
}

Deno.test("a log that grows while it is sent is appended to, not sent again", async () => {
  await withPlace(async (place) => {
    plant(place, [file("s/log", LARGE, NEW), file("d/log", LARGE.subarray(0, 100_000), OLD)]);
    let isOver = false;
    const ran = PUSH.sync(["-a", "--append", "--stats", "--bwlimit=256"], `${place}/s/`, `${place}/d`)
      .finally(() => isOver = true);
    while (!isOver) {
      await Deno.writeTextFile(`${place}/s/log`, "one more line\n", { append: true });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { out } = await quietly(ran);
    assert.ok(statsOf(out).literal < 350_000, out);
    const now = await Deno.readFile(`${place}/d/log`);
    assert.deepEqual(now, (await Deno.readFile(`${place}/s/log`)).subarray(0, now.length));
    assert.ok(now.length >= LARGE.length);
  });
});
