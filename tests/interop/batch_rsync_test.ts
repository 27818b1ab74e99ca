// Batches beside rsync's: each program writes one of the same run and reads it elsewhere; what is left and what is printed is the same.
// The files themselves are each program's own.

import assert from "node:assert/strict";
import { manifest } from "../support/manifest.ts";
import { run, tsync, withPlace } from "../support/run.ts";
import { ALL, LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, plant } from "../support/trees.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };
const TEXT = Array.from({ length: 9000 }, (_, i) => `line ${i}\n`).join("");

const SOURCE: Entry[] = [
  folder("s", { mode: 0o755, ...OLD }),
  file("s/large", `begin\n${TEXT}`, { mode: 0o640, ...NEW }),
  file("s/new", "new", { mode: 0o600, ...OLD }),
  file("s/same", "same", OLD),
  link("s/link", "nowhere", OLD),
  folder("s/sub", { mode: 0o750, ...OLD }),
  file("s/sub/in", "in", NEW),
  file("s/left.o", "out", OLD),
];
const TARGETS = ["d", "e"].flatMap((root) => [
  folder(root, { mode: 0o755, ...OLD }),
  file(`${root}/large`, TEXT, OLD),
  file(`${root}/same`, "same", OLD),
  file(`${root}/extra`, "extra", OLD),
]);

async function fields(place: string, folder: string) {
  const found = [...await manifest(`${place}/${folder}`, true)].map((
    [path, { allocated: _, ...rest }],
  ) => [path, rest]);
  return found.sort();
}

for (const kind of ["write-batch", "only-write-batch"]) {
  testEach(`batch: --${kind}, then --read-batch and the script elsewhere`, async (way) => {
    const results: unknown[] = [];
    for (const program of ["sync", "rsync"] as const) {
      await withPlace(async (place) => {
        plant(place, [...SOURCE, ...TARGETS, folder("f", OLD)]);
        const options = ["-ai", "--delete", "--exclude=*.o"];
        const more = { cwd: place };
        const wrote = await way[program]([...options, `--${kind}=b`], `${place}/s/`, `${place}/d`, more);
        const words = [...options, "--read-batch=b", "e"];
        const read = program === "sync" ? await tsync(words, more) : await run(["rsync", ...words], more);
        const modes = ["b", "b.sh"].map((name) => (Deno.statSync(`${place}/${name}`).mode ?? 0) & 0o777);
        const script = Deno.readTextFileSync(`${place}/b.sh`);
        results.push({
          codes: [wrote.code, read.code],
          lines: [wrote, read].map(({ out }) => out.replaceAll("<f", ">f").split("\n").sort()),
          trees: [await fields(place, "d"), await fields(place, "e")],
          modes,
          target: script.replaceAll(place, "PLACE").match(/\$\{1:-.*?\}/)?.[0],
        });
      });
    }
    assert.deepEqual(results[0], results[1]);
  }, kind === "write-batch" ? ALL : [LOCAL]);
}

testEach("batch: FILE.sh does it to the folder that it is given, also with odd names", async (way) => {
  await withPlace(async (place) => {
    plant(place, [...SOURCE, ...TARGETS]);
    const batch = `${place}/it's a $batch`;
    const options = ["-ai", "--delete", "--exclude=*.o", `--write-batch=${batch}`];
    assert.equal((await way.sync(options, `${place}/s/`, `${place}/d`)).code, 0);
    const program = new URL("../../dist", import.meta.url).pathname;
    const env = { PATH: `${program}:${Deno.env.get("PATH")}` };
    const ran = await run([`${batch}.sh`, `${place}/e`], { env });
    assert.equal(ran.code, 0, ran.err);
    assert.deepEqual(await fields(place, "e"), await fields(place, "d"));
    assert.equal(
      (await run([`${batch}.sh`], { env })).out,
      "",
      "without a word: the target of the run, where nothing is left to do",
    );
  });
}, [LOCAL]);

testEach("batch: through a planted link nothing is written, and what does not fit is told", async (way) => {
  await withPlace(async (place) => {
    plant(place, [...SOURCE, ...TARGETS, file("victim", "victim"), link("b", "victim")]);
    const done = await way.sync(["-a", `--write-batch=${place}/b`], `${place}/s/`, `${place}/d`);
    assert.equal(done.code, 0, done.err);
    assert.equal(Deno.readTextFileSync(`${place}/victim`), "victim");
    assert.equal(Deno.lstatSync(`${place}/b`).isFile, true);
    Deno.writeTextFileSync(`${place}/e/large`, TEXT.toUpperCase());
    const read = await tsync(["-a", `--read-batch=${place}/b`, `${place}/e`]);
    assert.equal(read.code, 23);
    assert.match(read.err, /large" failed: the batch holds changes to another file/);
    assert.equal(Deno.readTextFileSync(`${place}/e/large`), TEXT.toUpperCase());
    const none = await tsync(["-a", `--read-batch=${place}/nowhere`, `${place}/e`]);
    assert.equal(none.code, 11);
    assert.match(none.err, /cannot read the batch file/);
    const not = await tsync(["-a", `--read-batch=${place}/victim`, `${place}/e`]);
    assert.equal(not.code, 11, not.err);
    const folderless = await way.sync(["-a", `--write-batch=${place}/no/b`], `${place}/s/`, `${place}/d`);
    assert.equal(folderless.code, 11);
  });
}, [LOCAL]);
