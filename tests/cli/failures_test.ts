// What failed is told once, with its class; the counts add up in the last lines and for programs; --retry-failed takes only that (P15).

import assert from "node:assert/strict";
import { JsonEvent } from "../../lib/cli/json_schema.ts";
import { quietly, tsync, withPlace } from "../support/run.ts";
import { testEach, useOtherMachine } from "../support/topology.ts";
import { file, plant } from "../support/trees.ts";

useOtherMachine();

/** Three files that a full folder keeps out, and one that goes well. */
async function plantTrees(place: string): Promise<void> {
  for (const root of ["s", "d", "home"]) await Deno.mkdir(`${place}/${root}`);
  plant(`${place}/s`, [file("a", "a"), file("sub/b", "b"), file("good", "good"), file("third", "3")]);
  plant(`${place}/d`, [file("a/full", "f"), file("sub/b/full", "f"), file("third/full", "f")]);
}

testEach("failures are counted by class in the last lines, and --retry-failed takes only what failed", async (way) => {
  await withPlace(async (place) => {
    await plantTrees(place);
    const env = { HOME: `${place}/home` };
    const sync = (...options: string[]) => way.sync(["-a", ...options], `${place}/s/`, `${place}/d`, { env });
    const first = await sync();
    assert.equal(first.code, 23, first.err);
    for (const name of ["a", "sub/b", "third"]) {
      assert.equal(first.err.split(`/${name}"`).length, 2, `${name} is told once: ${first.err}`);
    }
    const line =
      /tsync: 3 failures: 3 data; --retry-failed tries these paths again \(--retry-failed=([-0-9a-f]+)\)\ntsync error: .*\(code 23\)\n$/;
    const run = first.err.match(line)?.[1];
    assert.ok(run !== undefined, first.err);
    const notes = [...Deno.readDirSync(`${place}/home/.tsync/state`)].map(({ name }) => name);
    assert.equal(notes.filter((name) => name.startsWith("failed-")).length, 1);

    plant(`${place}/s`, [file("new", "not named")]);
    await Deno.writeTextFile(`${place}/s/good`, "changed, not named");
    await Deno.remove(`${place}/d/a`, { recursive: true });
    await Deno.remove(`${place}/s/third`);
    const second = await sync("--retry-failed");
    assert.equal(second.code, 23, second.err);
    assert.match(second.err, /tsync: 1 failure: 1 data;/);
    assert.equal(await Deno.readTextFile(`${place}/d/a`), "a");
    await Deno.remove(`${place}/d/sub/b`, { recursive: true });
    const third = await sync(`--retry-failed=${second.err.match(/--retry-failed=([-0-9a-f]+)/)![1]}`);
    assert.equal(third.code, 0, third.err);
    assert.equal(await Deno.readTextFile(`${place}/d/sub/b`), "b");
    await assert.rejects(Deno.stat(`${place}/d/new`), "it did not fail, so it is not looked at");
    assert.equal(await Deno.readTextFile(`${place}/d/good`), "good");
    const none = await sync("--retry-failed");
    assert.equal(none.code, 3, none.err);
    assert.match(none.err, /no run of this source and target with failed paths is noted/);
    assert.equal((await sync(`--retry-failed=${run}`)).code, 3);
  });
});

Deno.test("nothing is noted of a run in which nothing failed, of a dry run, and under the name rsync", async () => {
  await withPlace(async (place) => {
    await plantTrees(place);
    const env = { HOME: `${place}/home` };
    const sync = (...words: string[]) => tsync([...words, `${place}/s/`, `${place}/d`], { env });
    assert.equal((await sync("-an")).code, 23);
    const asRsync = await sync("--as-rsync", "-a");
    assert.equal(asRsync.code, 23);
    assert.doesNotMatch(asRsync.err, /retry-failed|failures:/);
    for (const path of ["d/a", "d/sub/b", "d/third"]) await Deno.remove(`${place}/${path}`, { recursive: true });
    await quietly(sync("-a"));
    assert.deepEqual([...Deno.readDirSync(`${place}/home`)], []);
  });
});

Deno.test("--retry-failed refuses sources that lie in different folders, and a bad run's name", async () => {
  await withPlace(async (place) => {
    await plantTrees(place);
    const options = { env: { HOME: `${place}/home` } };
    const apart = await tsync(["-a", "--retry-failed", `${place}/s/a`, `${place}/d/a`, `${place}/t`], options);
    assert.equal(apart.code, 4, apart.err);
    assert.match(apart.err, /different folders/);
    const bad = await tsync(["-a", "--retry-failed=../../x", `${place}/s/`, `${place}/d`], options);
    assert.equal(bad.code, 3, bad.err);
  });
});

Deno.test("--json tells each failure's class and remedy, and counts by class that add up", async () => {
  await withPlace(async (place) => {
    await plantTrees(place);
    const { out } = await tsync(["-a", "--json", `${place}/s/`, `${place}/d`], { env: { HOME: `${place}/home` } });
    const events = out.trim().split("\n").map((line) => JsonEvent.parse(JSON.parse(line)));
    const failures = events.filter((event) => event.type === "problem");
    assert.deepEqual(failures.map((event) => event.class), ["data", "data", "data"]);
    const summary = events[events.length - 1];
    assert.ok(summary.type === "summary" && summary.classes !== undefined);
    const sum = Object.values(summary.classes).reduce((a, b) => a + b, 0);
    assert.equal(sum, summary.failed! + summary.vanished!);
    assert.match(summary.failedRun!, /^\d{8}-\d{6}-[0-9a-f]{4}$/);
  });
});
