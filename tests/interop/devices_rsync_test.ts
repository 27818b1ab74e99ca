// --copy-devices and --write-devices beside rsync's: a loop device is copied as a file of its content, and content is written into one; what
// is not asked for is neither read nor written. Root only, but for the words.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { withLoops } from "../support/loop_disk.ts";
import { LONG } from "../support/random.ts";
import { AS_ROOT, run, withPlace } from "../support/run.ts";
import { ALL, LOCAL, PULL, PUSH, type Topology, useOtherMachine } from "../support/topology.ts";
import { file, folder, plant, special } from "../support/trees.ts";
import { resultOf } from "./oracle.ts";
import { comparable, type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };
const DATED = { mode: 0o755, ...OLD };
const NULL = { device: [1, 3] as [number, number] };
const ZERO = { device: [1, 5] as [number, number] };

/** A character device is an empty file; one at the target takes what is written and keeps its size. */
const SCENARIOS: Scenario[] = [
  {
    name: "--copy-devices of character devices",
    options: "-ai --copy-devices",
    entries: [folder("s", DATED), special("s/zero", Kind.charDevice, { ...OLD, ...ZERO }), folder("d", DATED)],
  },
  {
    name: "--copy-devices where the target has a device",
    options: "-ai --copy-devices",
    entries: [
      ...[folder("s", DATED), special("s/zero", Kind.charDevice, { ...OLD, ...ZERO })],
      ...[folder("d", DATED), special("d/zero", Kind.charDevice, { ...OLD, ...ZERO })],
    ],
  },
  {
    name: "--write-devices to a character device",
    options: "-ai --write-devices --delete",
    entries: [
      ...[folder("s", DATED), file("s/null", "gone", NEW), file("s/new", "new", NEW)],
      ...[folder("d", DATED), special("d/null", Kind.charDevice, { ...OLD, ...NULL })],
      special("d/extra", Kind.charDevice, { ...OLD, ...ZERO }),
    ],
  },
  {
    name: "-D --write-devices of devices",
    options: "-ai --write-devices",
    entries: [
      ...[folder("s", DATED), folder("d", DATED)],
      ...["same", "dated", "other"].map((name) => special(`s/${name}`, Kind.charDevice, { ...NEW, ...NULL })),
      special("d/same", Kind.charDevice, { ...NEW, ...NULL }),
      special("d/dated", Kind.charDevice, { ...OLD, ...NULL }),
      special("d/other", Kind.charDevice, { ...NEW, ...ZERO }),
    ],
  },
  {
    name: "no option: a file takes a device's place",
    options: "-ai --inplace",
    entries: [
      ...[folder("s", DATED), file("s/null", "here", NEW)],
      ...[folder("d", DATED), special("d/null", Kind.charDevice, { ...OLD, ...NULL })],
    ],
  },
];

testScenarios("devices", AS_ROOT ? SCENARIOS : []);

/** Bytes of the loop devices. */
const SIZE = 1 << 20;

function content(seed: number): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  let state = seed;
  for (let i = 0; i < SIZE; i++) bytes[i] = (state = Math.imul(state, 1664525) + 1013904223) >>> 24;
  return bytes;
}

type Program = "sync" | "rsync";
const PROGRAMS: Program[] = ["sync", "rsync"];

/** A test for each way, with a loop device for each program; `path` is below that program's own folder. */
function testLoops(
  claim: string,
  test: (way: Topology, place: string, device: Record<Program, string>) => Promise<void>,
  ways: readonly Topology[],
): void {
  for (const way of LONG ? ALL : ways) {
    const fn = () =>
      withPlace(
        (place) => withLoops(place, 2, SIZE, ([sync, rsync]) => test(way, place, { sync, rsync })),
        "disk",
      );
    Deno.test({ name: `${claim} (${way.name})`, ignore: !AS_ROOT, fn });
  }
}

/** Another node of the device. */
async function node(device: string, path: string): Promise<void> {
  const { code, err } = await run(["cp", "-a", device, path]);
  assert.equal(code, 0, err);
  await Deno.chmod(path, 0o640);
  await Deno.utime(path, OLD.sec, OLD.sec);
}

/** Runs both programs, each below its own folder, compares what they leave and say, and returns what was said. */
async function both(way: Topology, place: string, options: string[], sources: string, target: string) {
  const results = [];
  for (const program of PROGRAMS) {
    const at = `${place}/${program}`;
    const ran = await way[program](options, `${at}/${sources}`, `${at}/${target}`, { cwd: at });
    results.push(await resultOf(ran, at, { without: ["rdev", "device"] }));
  }
  const [ours, theirs] = results.map(comparable);
  assert.deepEqual(ours, theirs, `${options.join(" ")}\ntsync: ${results[0].err}\nrsync: ${results[1].err}`);
  return results[0];
}

const lines = ({ lines }: { lines: string[] }) => lines.filter((line) => line !== "");

testLoops(
  "--copy-devices: a disk becomes a file of its content, and is as new as the run",
  async (way, place, device) => {
    for (const program of PROGRAMS) {
      await Deno.writeFile(device[program], content(1));
      plant(place, [folder(program), folder(`${program}/s`, DATED), file(`${program}/s/file`, "file", OLD)]);
      await node(device[program], `${place}/${program}/s/disk`);
    }
    const first = await both(way, place, ["-rlptgoOi", "--copy-devices"], "s/", "d");
    assert.ok(lines(first).some((line) => line.endsWith("f+++++++++ disk")));
    assert.deepEqual(await Deno.readFile(`${place}/sync/d/disk`), content(1));
    // Its node does not tell when it was written.
    for (const program of PROGRAMS) await Deno.utime(`${place}/${program}/d/disk`, NEW.sec, NEW.sec);
    const again = await both(way, place, ["-rlptgoOi", "--copy-devices"], "s/", "d");
    assert.match(lines(again).join(), /^[<>]f\.\.t\.\.\.\.\.\. disk$/);
    const changed = content(1);
    changed.set(content(2).subarray(0, 5000), 300_000);
    for (const program of PROGRAMS) await Deno.writeFile(device[program], changed);
    const words = ["-rlpgoOic", "--no-whole-file", "--copy-devices"];
    assert.match(lines(await both(way, place, words, "s/", "d")).join(), /^[<>]fc\.T\.\.\.\.\.\. disk$/);
    assert.deepEqual(lines(await both(way, place, words, "s/", "d")), []);
    assert.deepEqual(await Deno.readFile(`${place}/sync/d/disk`), changed);
  },
  [LOCAL, PULL],
);

testLoops("--copy-devices: a disk that is named itself, or through a link with -L", async (way, place, device) => {
  for (const program of PROGRAMS) {
    await Deno.writeFile(device[program], content(3));
    plant(place, [folder(program), folder(`${program}/s`, DATED)]);
    await node(device[program], `${place}/${program}/disk`);
    await Deno.symlink("../disk", `${place}/${program}/s/link`);
  }
  await both(way, place, ["-ti", "--copy-devices"], "disk", "image");
  assert.deepEqual(await Deno.readFile(`${place}/sync/image`), content(3));
  await both(way, place, ["-rtOLi", "--copy-devices"], "s/", "d");
  assert.deepEqual(await Deno.readFile(`${place}/sync/d/link`), content(3));
}, [LOCAL]);

testLoops("--copy-devices --remove-source-files: a device stays, exit 23", async (way, place, device) => {
  for (const program of PROGRAMS) {
    // What an earlier test wrote may still be in the kernel's memory of the device.
    await Deno.writeFile(device[program], content(9));
    await Deno.mkdir(`${place}/${program}/s`, { recursive: true });
    await node(device[program], `${place}/${program}/s/disk`);
  }
  const ran = await both(way, place, ["-rtO", "--copy-devices", "--remove-source-files"], "s/", "d");
  assert.equal(ran.code, 23);
  assert.ok((await Deno.lstat(`${place}/sync/s/disk`)).isBlockDevice);
}, [LOCAL]);

testLoops(
  "--write-devices: content goes into the disk, which stays one, and the second run does nothing",
  async (way, place, device) => {
    for (const program of PROGRAMS) {
      await Deno.writeFile(device[program], content(4));
      plant(place, [folder(program), folder(`${program}/s`, DATED), folder(`${program}/d`, DATED)]);
      await Deno.writeFile(`${place}/${program}/s/disk`, content(5));
      await Deno.utime(`${place}/${program}/s/disk`, NEW.sec, NEW.sec);
      await node(device[program], `${place}/${program}/d/disk`);
    }
    const told = await both(way, place, ["-rtOin", "--write-devices"], "s/", "d");
    assert.match(lines(told).join(), /^[<>]f\.\.t\.\.\.\.\.\. disk$/);
    assert.deepEqual(await Deno.readFile(device.sync), content(4), "a dry run writes nothing");
    assert.deepEqual(await both(way, place, ["-rtOi", "--write-devices"], "s/", "d").then(lines), lines(told));
    assert.deepEqual(await Deno.readFile(device.sync), content(5));
    assert.ok((await Deno.lstat(`${place}/sync/d/disk`)).isBlockDevice);
    assert.deepEqual(lines(await both(way, place, ["-rtOi", "--write-devices"], "s/", "d")), []);
    // Shorter content leaves what is behind it; it is sent as what differs.
    const part = content(5).subarray(0, 700_000);
    part.set(content(6).subarray(0, 3000), 100_000);
    for (const program of PROGRAMS) await Deno.writeFile(`${place}/${program}/s/disk`, part);
    const words = ["-ri", "--no-whole-file", "--write-devices"];
    assert.match(lines(await both(way, place, words, "s/", "d")).join(), /^[<>]f\.sT\.\.\.\.\.\. disk$/);
    const left = content(5);
    left.set(part);
    assert.deepEqual(await Deno.readFile(device.sync), left);
    assert.deepEqual(await Deno.readFile(device.rsync), left);
  },
  [LOCAL, PUSH],
);

testLoops("--write-devices: what is longer than the disk does not fit, exit 11", async (way, place, device) => {
  for (const program of PROGRAMS) {
    await Deno.mkdir(`${place}/${program}`);
    await Deno.writeFile(`${place}/${program}/long`, new Uint8Array(SIZE + 4096).fill(7));
    await node(device[program], `${place}/${program}/disk`);
  }
  for (const program of PROGRAMS) {
    const at = `${place}/${program}`;
    const ran = await way[program](["--write-devices"], `${at}/long`, `${at}/disk`);
    assert.equal(ran.code, 11, ran.err);
    if (program === "sync") assert.match(ran.err, /No space left on device/);
  }
  // Nor does a hole beyond its end.
  await Deno.truncate(`${place}/sync/long`, 0);
  await Deno.truncate(`${place}/sync/long`, SIZE + 4096);
  const ran = await way.sync(["--write-devices"], `${place}/sync/long`, `${place}/sync/disk`);
  assert.equal(ran.code, 11, ran.err);
}, [LOCAL, PUSH]);

testLoops("without these options a disk is neither read nor written", async (way, place, device) => {
  await Deno.writeFile(device.sync, content(7));
  await Deno.mkdir(`${place}/s`);
  await Deno.mkdir(`${place}/d`);
  await Deno.writeFile(`${place}/s/disk`, content(8));
  for (const path of ["d/disk", "s/other", "d/other"]) await node(device.sync, `${place}/${path}`);
  // Each option is one side's only.
  for (const options of [["-rtO", "--inplace"], ["-rtO", "--inplace", "--copy-devices"]]) {
    await Deno.remove(`${place}/d/disk`);
    await node(device.sync, `${place}/d/disk`);
    const ran = await way.sync(options, `${place}/s/`, `${place}/d`);
    assert.equal(ran.code, 0, ran.err);
    assert.ok((await Deno.lstat(`${place}/d/disk`)).isFile, "it was replaced");
    assert.deepEqual(await Deno.readFile(device.sync), content(7));
  }
  await Deno.remove(`${place}/d`, { recursive: true });
  assert.equal((await way.sync(["-rtO", "--write-devices"], `${place}/s/`, `${place}/d`)).code, 0);
  assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name), ["disk"]);
}, [LOCAL, PUSH]);
