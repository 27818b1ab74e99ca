// kill -9 at each changing call of a run with --trash, and of undo (E11, E12): every file that was there has its name or is kept, a name holds
// its old or its new content all the time, and undo, run again, brings everything back.

import assert from "node:assert/strict";
import { type Found, manifest } from "../support/manifest.ts";
import { tsyncWords } from "../support/program.ts";
import { quietly, run, sweep, tsync } from "../support/run.ts";
import { countCalls, straceWords, struckLine } from "../support/strace.ts";
import { file, folder, link, plant } from "../support/trees.ts";
import { sampled, together } from "./sample.ts";

const CHANGING = [
  ...["renameat", "renameat2", "pwrite64", "mkdirat", "unlinkat", "symlinkat", "linkat", "ftruncate"],
  ...["fchmod", "fchownat", "utimensat"],
];
const RUN = ["-a", "--delete", "--trash"];

interface Place {
  root: string;
  source: string;
  target: string;
}

async function makePlace(): Promise<Place> {
  const root = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "tsync-test-" });
  const place = { root, source: `${root}/s`, target: `${root}/d` };
  await Deno.mkdir(place.source);
  await Deno.mkdir(place.target);
  plant(place.source, [
    ...["a", "b", "c"].map((name) => file(name, `new ${name}`, { mode: 0o600 })),
    folder("new"),
    ...["x", "y", "z"].map((name) => file(`new/${name}`, name)),
    file("was a folder", "now a file"),
    folder("was a file", { mode: 0o711 }),
    file("was a file/in it", "in it"),
    link("l", "new target"),
  ]);
  plant(place.target, [
    ...["a", "b", "c"].map((name) => file(name, `old content of ${name}`, { sec: 1e9 })),
    folder("gone", { mode: 0o750, sec: 1e9 }),
    ...["x", "y", "z"].map((name) => file(`gone/${name}`, `gone ${name}`, { sec: 1e9 })),
    folder("was a folder", { sec: 1e9 }),
    file("was a folder/old", "old", { sec: 1e9 }),
    file("was a file", "old", { sec: 1e9 }),
    link("l", "old target"),
  ]);
  return place;
}

async function seen(root: string): Promise<Map<string, Found>> {
  return new Map([...await manifest(root)].filter(([path]) => !path.includes(".tsync-")));
}

/** Each file of `names` has its old or its new content. */
async function demandContent(target: string, names: string[], what: string): Promise<void> {
  for (const name of names) {
    const text = await Deno.readTextFile(`${target}/${name}`);
    assert.ok([`new ${name}`, `old content of ${name}`].includes(text), `${what}: ${name} holds "${text}"`);
  }
}

/** The calls of `words` on a place made by `make`, each with its number. */
async function enumerate(make: () => Promise<Place>, words: (place: Place) => string[]) {
  const place = await make();
  const log = `${place.root}/log`;
  const ran = await run([...straceWords({ calls: CHANGING.join(","), log }), ...tsyncWords(), ...words(place)]);
  assert.equal(`${ran.code} ${ran.err}`, "0 ");
  const counts = await countCalls(log);
  await sweep(place.root);
  // What strace has no name for it cannot be told to strike.
  return [...counts].filter(([call]) => !call.startsWith("syscall_")).flatMap(([call, count]) =>
    Array.from({ length: count }, (_, i) => ({ call, when: i + 1 }))
  );
}

async function killAt(place: Place, words: string[], { call, when }: { call: string; when: number }): Promise<boolean> {
  const log = `${place.root}/log`;
  const front = straceWords({ calls: call, log }, { effect: "signal=KILL", when });
  const ran = await run([...front, ...tsyncWords(), ...words]);
  assert.ok(ran.code !== 1, `${front.join(" ")}: ${ran.err}`);
  return await struckLine(log) !== null;
}

const syncWords = ({ source, target }: Place) => [...RUN, `${source}/`, target];

Deno.test("kill -9 at each changing call of a run with --trash: undo brings back what was there", async () => {
  const kills = sampled(await enumerate(makePlace, syncWords), 10, 11);
  let struck = 0;
  await together(kills, 2, async (kill) => {
    const place = await makePlace();
    const before = await seen(place.target);
    const what = `killed at ${kill.call} ${kill.when}`;
    if (await killAt(place, syncWords(place), kill)) struck++;
    await demandContent(place.target, ["a", "b", "c"], what);
    const undone = await tsync(["undo", place.target]);
    if (undone.code === 0) assert.deepEqual(await seen(place.target), before, what);
    else {
      // It was killed before its first change.
      assert.match(undone.err, /no trash of|no run in the trash/, what);
      // What is not noted yet is that the trash itself was made in the root.
      const after = await seen(place.target);
      after.set("", before.get("")!);
      assert.deepEqual(after, before, what);
    }
    await sweep(place.root);
  });
  assert.ok(struck >= kills.length * 0.8, `only ${struck} of ${kills.length} were reached`);
});

Deno.test("kill -9 at each changing call of undo: it is run again, and what was there is there", async () => {
  const made = async () => {
    const place = await makePlace();
    await quietly(tsync(syncWords(place)));
    return place;
  };
  const kills = sampled(await enumerate(made, ({ target }) => ["undo", target]), 10, 12);
  assert.ok(kills.some(({ call }) => call.startsWith("renameat")));
  let struck = 0;
  await together(kills, 2, async (kill) => {
    const place = await makePlace();
    const before = await seen(place.target);
    await quietly(tsync(syncWords(place)));
    const what = `undo killed at ${kill.call} ${kill.when}`;
    if (await killAt(place, ["undo", place.target], kill)) struck++;
    await demandContent(place.target, ["a", "b", "c"], what);
    const again = await tsync(["undo", place.target]);
    assert.ok(again.code === 0 || /no run in the trash/.test(again.err), `${what}: ${again.err}`);
    assert.deepEqual(await seen(place.target), before, what);
    await sweep(place.root);
  });
  assert.ok(struck >= kills.length * 0.8, `only ${struck} of ${kills.length} were reached`);
});
