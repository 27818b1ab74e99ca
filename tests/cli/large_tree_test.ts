// Trees that are large enough for digests of subtrees, and on one machine for a second thread that reads the target's: the same
// results as ever, for changes of every kind in a few branches, and next to nothing to say where nothing is to be done.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { quietly, run, withPlace } from "../support/run.ts";
import { LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { tsyncWords } from "../support/program.ts";
import { file, plant } from "../support/trees.ts";

useOtherMachine();

const FOLDERS = 96;
/** More than 8,192 entries in all. */
const FILES = 90;
const when = { sec: 1_400_000_000, ns: 7 };

async function makeTrees(place: string): Promise<void> {
  for (const side of ["s", "d"]) {
    await Deno.mkdir(`${place}/${side}`);
    plant(
      `${place}/${side}`,
      Array.from({ length: FOLDERS * FILES }, (_, i) => {
        const folder = `${Math.floor(i / FILES) % 8}/${Math.floor(i / FILES)}`;
        return file(`${folder}/${i % FILES}`, `${i}`, when);
      }),
    );
    await quietly(run(["find", `${place}/${side}`, "-type", "d", "-exec", "touch", "-d", "@1400000000", "{}", "+"]));
  }
}

/** One change of each kind, far from each other. */
async function change(place: string): Promise<void> {
  await Deno.writeTextFile(`${place}/s/0/8/1`, "other content");
  await Deno.chmod(`${place}/s/1/17/5`, 0o600);
  await Deno.utime(`${place}/s/2/26/9`, 1_300_000_000, 1_300_000_000);
  await Deno.utime(`${place}/s/3/35`, 1_300_000_000, 1_300_000_000);
  await Deno.writeTextFile(`${place}/s/4/new`, "new");
  await Deno.remove(`${place}/s/5/53/7`);
  await Deno.writeTextFile(`${place}/d/6/extra`, "extra");
  await Deno.symlink("../7", `${place}/s/7/link`);
}

function wireBytes(out: string): number {
  const number = (label: string) =>
    Number(new RegExp(`^Total bytes ${label}: ([0-9,]+)`, "m").exec(out)![1].replaceAll(",", ""));
  return number("sent") + number("received");
}

testEach("a large tree: each kind of change arrives, extras go, and the next run says next to nothing", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place);
    await change(place);
    const ran = await quietly(way.sync(["-a", "--delete", "--stats"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    assert.match(ran.out, /^Number of files: 8,746 \(reg: 8,640, dir: 105, link: 1\)$/m);
    assert.match(ran.out, /^Number of regular files transferred: 3$/m);
    assert.match(ran.out, /^Number of deleted files: 2 \(reg: 2\)$/m);
    const again = await quietly(way.sync(["-ai", "--delete", "--stats"], `${place}/s/`, `${place}/d`));
    assert.match(again.out, /^\nNumber of files: /);
    if (way !== LOCAL) assert.ok(wireBytes(again.out) < 2_000, again.out);
  });
});

testEach("a large tree named without a slash, beside others at the target: only it is compared", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place);
    await change(place);
    await Deno.mkdir(`${place}/t`);
    await Deno.rename(`${place}/d`, `${place}/t/s`);
    await Deno.mkdir(`${place}/t/s/6/kept`, { recursive: true });
    await Deno.writeTextFile(`${place}/t/beside`, "beside");
    await Deno.mkdir(`${place}/t/other`);
    await quietly(way.sync(["-a", "--delete", "--exclude=kept"], `${place}/s`, `${place}/t`));
    await Deno.remove(`${place}/t/s/6/kept`);
    await same(`${place}/s`, `${place}/t/s`, { without: ["mtime"] });
    assert.equal(await Deno.readTextFile(`${place}/t/beside`), "beside");
    assert.ok((await Deno.stat(`${place}/t/other`)).isDirectory);
  });
});

Deno.test("a large tree on one machine: two threads read the two trees", async () => {
  await withPlace(async (place) => {
    await makeTrees(place);
    const log = `${place}/log`;
    const words = [
      "strace",
      "-f",
      "-e",
      "trace=getdents64",
      "-o",
      log,
      ...tsyncWords(),
      "-a",
      `${place}/s/`,
      `${place}/d`,
    ];
    await quietly(run(words));
    const reads = new Map<string, number>();
    for (const line of (await Deno.readTextFile(log)).split("\n")) {
      const thread = /^(\d+) +getdents64\(/.exec(line)?.[1];
      if (thread !== undefined) reads.set(thread, (reads.get(thread) ?? 0) + 1);
    }
    const busy = [...reads.values()].filter((count) => count >= FOLDERS);
    assert.equal(busy.length, 2, JSON.stringify([...reads]));
  });
});
