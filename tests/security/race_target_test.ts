// Races at the target (I01, I03, I04): folders and files below it turn into links, FIFOs and devices and back, thousands of times,
// while a privileged run works there. What the links lead to is never touched. First it is shown that a writer that uses paths
// loses this race.

import assert from "node:assert/strict";
import { sync, type Way } from "../fault/ways.ts";
import { bareWorkload, type Workload } from "../fault/workload.ts";
import { attack, besiege, photograph, setBait } from "../support/race.ts";
import { AS_ROOT, exists, run, withPlace } from "../support/run.ts";

const FOLDERS = 4;

interface Field {
  work: Workload;
  canary: string;
  /** [name below the target, its counterpart outside]. */
  pairs: string[][];
}

const LONG_AGO = new Date("2001-01-01");

function plant(folder: string, files: Record<string, string>): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
    Deno.utimeSync(path, LONG_AGO, LONG_AGO);
  }
}

/**
 * A target whose folders sub0... are exchanged with links to the canary. The canary holds what those folders hold, so that every
 * call that goes astray hits something: files to update, to remove, folders to remove, to change.
 */
function field(place: string): Field {
  const work = bareWorkload(place);
  const canary = `${place}/canary`;
  // As old at both ends.
  const same = { same: "same", "inner/same": "same" };
  const old = {
    ...same,
    f: "old",
    h: "old",
    g: "old",
    "inner/h": "old",
    "extra": "canary extra",
    "extras/e": "canary extra",
  };
  plant(canary, old);
  Deno.mkdirSync(`${place}/aside`);
  const pairs: string[][] = [];
  for (let i = 0; i < FOLDERS; i++) {
    plant(`${work.target}/sub${i}`, old);
    plant(`${work.source}/sub${i}`, { ...same, f: "new", g: "new", "inner/h": "new", "made/deep/k": "new" });
    pairs.push([`${work.target}/sub${i}`, `${place}/aside/sub${i}`]);
  }
  return { work, canary, pairs };
}

/** Before each round: the counterparts are links again, and there is work to do again. */
async function arm({ work, canary, pairs }: Field, round: number): Promise<void> {
  pairs.forEach(([near, aside], i) => {
    setBait(near, aside, canary);
    const source = `${work.source}/sub${i}`;
    for (const name of ["f", "g", "inner/h"]) Deno.writeTextFileSync(`${source}/${name}`, `new ${round}`);
    Deno.chmodSync(`${source}/inner`, round % 2 ? 0o700 : 0o755);
    Deno.chmodSync(source, round % 2 ? 0o711 : 0o755);
    for (const name of ["link", "h"]) if (exists(`${source}/${name}`)) Deno.removeSync(`${source}/${name}`);
    Deno.linkSync(`${source}/f`, `${source}/h`);
    Deno.symlinkSync(`round ${round}`, `${source}/link`);
    if (round % 3 === 0 && exists(`${source}/made`)) Deno.removeSync(`${source}/made`, { recursive: true });
    else plant(source, { "made/deep/k": `new ${round}` });
  });
  // What changes in these is their attributes alone: they are set on an entry that is there.
  const folders = pairs.flatMap((_, i) => [`${work.source}/sub${i}`, `${work.source}/sub${i}/inner`]);
  await run([
    "setfattr",
    "-n",
    "user.round",
    "-v",
    String(round),
    ...folders,
    ...folders.map((path) => `${path}/same`),
  ]);
  await run(["setfacl", "-m", `u:${1 + round}:r`, ...folders, ...folders.map((path) => `${path}/same`)]);
}

Deno.test("race at the target: a writer that uses paths is led astray, so the race can be won", async () => {
  await withPlace(async (place) => {
    const it = field(place);
    const before = await photograph(it.canary);
    await attack(place, it.pairs, async (round) => {
      for (let i = 0; i < 50; i++) {
        for (const name of ["f", "g", "inner/h"]) {
          try {
            const path = `${it.work.target}/sub${i % FOLDERS}`;
            // Looks first, as a careful program would.
            if (Deno.lstatSync(path).isDirectory) Deno.writeTextFileSync(`${path}/${name}`, `weak ${round}`);
          } catch {
            // The name was away for a moment.
          }
        }
      }
      await arm(it, round);
    });
    assert.notEqual(await photograph(it.canary), before);
  });
});

for (const way of ["local", "push", "pull"] as Way[]) {
  Deno.test(`race at the target: folders that turn into links and back lead no call outside (${way})`, async () => {
    await withPlace(async (place) => {
      const it = field(place);
      await besiege({
        ...{ work: it.work, way, canary: it.canary, groups: it.pairs },
        prepare: async (round) => {
          await arm(it, round);
          return [["-a", "-ac", "-aHAX"][round % 3], "--delete", "--no-guard"];
        },
      });
    });
  });
}

Deno.test({
  name: "race at the target: a file that turns into a link, a FIFO or a device is never followed, read or written",
  ignore: !AS_ROOT,
  async fn() {
    await withPlace(async (place) => {
      const work = bareWorkload(place);
      const canary = `${place}/canary`;
      plant(canary, { f: "canary" });
      plant(work.source, { leaf: "new 0", other: "x" });
      plant(work.target, { leaf: "old", other: "x" });
      const aside = ["link", "fifo", "device"].map((name) => `${place}/${name}`);
      const rearm = async () => {
        for (const path of [...aside, `${place}/spare`]) await Deno.remove(path, { recursive: true }).catch(() => {});
        await Deno.symlink(`${canary}/f`, aside[0]).catch(() => {});
        await run(["mkfifo", aside[1]]);
        // The zero device: reading it would never end.
        await run(["mknod", aside[2], "c", "1", "5"]);
      };
      await rearm();
      await besiege({
        ...{ work, way: "local", canary, groups: [[`${work.target}/leaf`, ...aside]] },
        prepare: async (round) => {
          await rearm();
          await Deno.writeTextFile(`${work.source}/leaf`, `new ${round}`);
          return round % 2 ? ["-a"] : ["-ac"];
        },
      });
    });
  },
});

for (const guard of [true, false]) {
  const claim = guard
    ? "is noticed, and nothing goes into the other folder"
    : "with --no-guard keeps the run where it began";
  Deno.test(`race at the target: a root that is exchanged while the run works ${claim}`, () => exchangeRoot(guard));
}

async function exchangeRoot(guard: boolean): Promise<void> {
  await withPlace(async (place) => {
    const work = bareWorkload(place);
    const decoy = `${place}/decoy`;
    for (let i = 0; i < 100; i++) plant(work.source, { [`d${i % 5}/f${i}`]: `new ${i}` });
    for (const root of [work.target, decoy]) plant(root, { "d0/f0": "old", extra: "extra" });
    const before = await photograph(decoy);
    const slow = ["strace", "-o", "/dev/null", "-e", "inject=pwrite64:delay_enter=3000"];
    const options = guard ? ["-a", "--delete"] : ["-a", "--delete", "--no-guard"];
    const running = sync(work, "local", { fronts: { client: slow }, options });
    const begun = () => [...Deno.readDirSync(`${work.target}/d0`)].some(({ name }) => name.startsWith(".tsync-"));
    while (!begun()) await new Promise((resume) => setTimeout(resume, 2));
    await Deno.rename(work.target, `${place}/moved`);
    await Deno.rename(decoy, work.target);
    const { code, err } = await running;
    if (guard) {
      assert.match(`${code} ${err}`, /^11 tsync: the target ".*" was removed or replaced while the run wrote in it/);
    } else assert.equal(`${code} ${err}`, "0 ");
    assert.equal((await photograph(work.target)).replaceAll(work.target, decoy), before);
    if (!guard) assert.equal(await Deno.readTextFile(`${place}/moved/d4/f99`), "new 99");
  });
}
