// kill -9 of either process at every single changing system call of a run (E01-E03): afterwards each path is old or new, the
// survivor ends by itself, and the next run finishes the work and leaves no temporary file.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { allGone, marked } from "../support/processes.ts";
import { run, sweep } from "../support/run.ts";
import { countCalls, straceWords, struckLine } from "../support/strace.ts";
import { sampled, together } from "./sample.ts";
import { type End, frontOf, sync, type Way, wayWords } from "./ways.ts";
import {
  assertOldOrNew,
  freshWorkload,
  look,
  makeTemplate,
  pathsOf,
  temporaries,
  unfinished,
  withEmptyTarget,
} from "./workload.ts";
import type { Workload } from "./workload.ts";

/** Calls that change what is below the target. */
const CHANGING = [
  "renameat",
  "renameat2",
  "pwrite64",
  "copy_file_range",
  "mkdirat",
  "unlinkat",
  "symlinkat",
  "ftruncate",
  "fchmod",
  "fchownat",
  "utimensat",
  "flock",
];
/** Calls that are also made elsewhere: counted below the roots only. */
const CREATING = ["openat"];
const READING = ["openat", "openat2", "getdents64", "read", "pread64"];

interface Kill {
  way: Way;
  end: End;
  call: string;
  when: number;
  paths: "none" | "target" | "source";
  template: Workload;
}

/** An update of an older target, and a first synchronisation. */
let update: Workload;
let first: Workload;
Deno.test.beforeAll(async () => {
  update = await makeTemplate();
  first = await withEmptyTarget(update);
});
Deno.test.afterAll(async () => {
  await sweep(update.place);
  await sweep(first.place);
});

/** Paths that strace is to watch. */
function watched(work: Workload, paths: Kill["paths"]): string[] {
  if (paths === "none") return [];
  const folders = pathsOf(work.target, look(work.target));
  return paths === "target"
    ? [...folders, ...pathsOf(work.target, work.fresh)]
    : pathsOf(work.source, work.fresh, true);
}

/** Counts the calls of an undisturbed run: every place where it can be killed. */
async function enumerate(
  way: Way,
  end: End,
  calls: string[],
  paths: Kill["paths"],
  template: Workload = update,
): Promise<Kill[]> {
  const work = await freshWorkload(template);
  const log = `${work.place}/log`;
  const front = straceWords({ calls: calls.join(","), paths: watched(work, paths), log });
  const { code, err } = await sync(work, way, { fronts: frontOf(way, end, front) });
  assert.equal(code, 0, err);
  const kills: Kill[] = [];
  for (const [call, count] of await countCalls(log)) {
    for (let when = 1; when <= count; when++) kills.push({ way, end, call, when, paths, template });
  }
  await sweep(work.place);
  return kills;
}

let struck = 0;

async function kill(one: Kill): Promise<void> {
  const what = `${one.way}, ${one.end} killed at ${one.call} ${one.when}`;
  const work = await freshWorkload(one.template);
  const log = `${work.place}/log`;
  const watch = { calls: one.call, paths: watched(work, one.paths), log };
  const front = straceWords(watch, { effect: "signal=KILL", when: one.when });
  const killed = await sync(work, one.way, { fronts: frontOf(one.way, one.end, front) });
  const isClient = (one.way === "push") === (one.end === "source") || one.way === "local";
  if (await struckLine(log) !== null) {
    struck++;
    // An agent that had told its totals may go before the goodbye: everything is done then.
    const isDone = !isClient && killed.code === 0 && unfinished(work).length === 0;
    assert.ok(isDone || killed.code === (isClient ? 137 : 12), `${what}: exit ${killed.code}\n${killed.err}`);
  }
  await allGone(work.place, 10_000);
  const left = assertOldOrNew(work, what);
  if (one.end === "source") assert.deepEqual(left, [], `${what}: the surviving target leaves nothing`);
  const again = await sync(work, one.way);
  assert.equal(`${again.code} ${again.err}`, "0 ", `${what}: the next run`);
  assert.deepEqual(temporaries(look(work.target)), [], `${what}: nothing is left after the next run`);
  await same(work.source, work.target);
  await sweep(work.place);
}

async function killAll(kills: Kill[], count: number, salt: number): Promise<void> {
  struck = 0;
  const chosen = sampled(kills, count, salt);
  await together(chosen, 3, kill);
  // Counts of locks and renames differ a little from run to run, where a batch falls due by time.
  const missed = chosen.length - struck;
  assert.ok(missed <= Math.max(1, chosen.length / 10), `only ${struck} of ${chosen.length} were reached`);
}

Deno.test("kill -9 at each changing call of a local run leaves every path old or new", async () => {
  const kills = [
    ...await enumerate("local", "target", CHANGING, "none"),
    ...await enumerate("local", "target", CREATING, "target"),
  ];
  for (const call of ["renameat", "renameat2", "pwrite64", "mkdirat", "unlinkat", "symlinkat", "openat"]) {
    assert.ok(kills.some((one) => one.call === call), `${call} is made at all`);
  }
  await killAll(kills, 20, 1);
});

for (const way of ["push", "pull"] as const) {
  Deno.test(`kill -9 of the receiving end at each changing call leaves every path old or new (${way})`, async () => {
    const kills = [
      ...await enumerate(way, "target", CHANGING, "none"),
      ...await enumerate(way, "target", CREATING, "target"),
    ];
    await killAll(kills, 12, 2);
  });

  Deno.test(`kill -9 of the sending end at each reading call leaves every path old or new (${way})`, async () => {
    await killAll(await enumerate(way, "source", READING, "source"), 6, 3);
  });
}

for (const way of ["local", "push", "pull"] as const) {
  Deno.test(`kill -9 of the receiving end during a first synchronisation leaves whole files or none (${way})`, async () => {
    const kills = [
      ...await enumerate(way, "target", CHANGING, "none", first),
      ...await enumerate(way, "target", CREATING, "target", first),
    ];
    await killAll(kills, 6, 5);
  });
}

Deno.test("kill -9 of all processes of a run at random moments leaves every path old or new", async () => {
  const moments = Array.from({ length: 200 }, (_, i) => i);
  await together(sampled(moments, 12, 4), 2, async (i) => {
    const way = (["local", "push", "pull"] as const)[i % 3];
    const work = await freshWorkload(i % 2 ? update : first);
    // As a group of its own, slowed down so that the moments fall all over the run.
    const slow = ["strace", "-o", "/dev/null", "-e", "inject=pwrite64,renameat,unlinkat:delay_enter=3000"];
    const words = await wayWords(work, way, { fronts: frontOf(way, "target", slow) });
    const ms = 100 + (i * 37) % 500;
    const group = ["timeout", "-s", "KILL", String(ms / 1000), ...words];
    const ran = await run(group, { env: marked(work.place) });
    assert.ok(ran.code === 137 || ran.code === 0, `${ran.code} ${ran.err}`);
    await allGone(work.place, 10_000);
    const what = `${way} killed after ${ms} ms`;
    assertOldOrNew(work, what);
    const again = await sync(work, way);
    assert.equal(`${again.code} ${again.err}`, "0 ", `${what}: the next run`);
    assert.deepEqual(temporaries(look(work.target)), [], what);
    await same(work.source, work.target);
    await sweep(work.place);
  });
});
