// Races at the source (I02, I03): folders and files turn into links to a secret, FIFOs and devices and back while they are read by a
// privileged run. The secret never arrives and never travels. First it is shown that a reader that uses paths loses this race.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { OpenMode } from "../../lib/os/os.ts";
import { sync, type Way } from "../fault/ways.ts";
import { bareWorkload, look, type Workload } from "../fault/workload.ts";
import { Channel } from "../support/cutproxy.ts";
import { TSYNC } from "../support/evil_sandbox.ts";
import { allGone, marked } from "../support/processes.ts";
import { attack, besiege } from "../support/race.ts";
import { AS_ROOT, exists, run, withPlace } from "../support/run.ts";
import { disk } from "../support/trees.ts";

const SECRET = "the canary's secret content, which nobody asked for";

interface Field {
  work: Workload;
  pairs: string[][];
}

async function field(place: string): Promise<Field> {
  const work = bareWorkload(place);
  await Deno.mkdir(`${place}/secret/inner`, { recursive: true });
  await Deno.mkdir(`${place}/aside`);
  await Deno.mkdir(work.target);
  for (const name of ["f", "inner/g", "only here"]) await Deno.writeTextFile(`${place}/secret/${name}`, SECRET);
  const pairs: string[][] = [];
  for (let i = 0; i < 4; i++) {
    await Deno.mkdir(`${work.source}/sub${i}/inner`, { recursive: true });
    for (const name of ["f", "inner/g"]) await Deno.writeTextFile(`${work.source}/sub${i}/${name}`, "harmless");
    await Deno.symlink(`${place}/secret`, `${place}/aside/sub${i}`);
    pairs.push([`${work.source}/sub${i}`, `${place}/aside/sub${i}`]);
    // A file beside them, exchanged with a link to one secret file.
    await Deno.writeTextFile(`${work.source}/leaf${i}`, "harmless");
    await Deno.symlink(`${place}/secret/f`, `${place}/aside/leaf${i}`);
    pairs.push([`${work.source}/leaf${i}`, `${place}/aside/leaf${i}`]);
  }
  return { work, pairs };
}

async function empty(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true });
  await Deno.mkdir(folder);
}

function assertNoSecret(target: string): void {
  for (const [path, state] of look(target)) assert.ok(!state.includes(SECRET), `${path} holds the secret`);
}

Deno.test("race at the source: a reader that uses paths reads the secret, so the race can be won", async () => {
  await withPlace(async (place) => {
    const { work, pairs } = await field(place);
    let secrets = 0;
    await attack(place, pairs, () => {
      for (let i = 0; i < 200; i++) {
        try {
          const path = `${work.source}/sub${i % 4}`;
          if (!Deno.lstatSync(path).isDirectory) continue;
          if (Deno.readTextFileSync(`${path}/f`) === SECRET) secrets++;
        } catch {
          // The name was away for a moment.
        }
      }
      return Promise.resolve();
    });
    assert.ok(secrets > 0);
  });
});

for (const way of ["local", "push", "pull"] as Way[]) {
  for (const kind of ["empty", "full"] as const) {
    if (way === "pull" && kind === "empty") continue;
    Deno.test(`race at the source: folders and files that turn into links give away nothing (${way}, ${kind} target)`, async () => {
      await withPlace(async (place) => {
        const { work, pairs } = await field(place);
        await attack(place, pairs, async (round) => {
          if (kind === "empty") await empty(work.target);
          const options = round % 2 ? ["-aI"] : ["-ac"];
          const { code, err } = await sync(work, way, { options, timeoutMs: 20_000 });
          assert.ok([0, 23, 24].includes(code), `exit ${code}: ${err}`);
          assertNoSecret(work.target);
        });
        await allGone(place, 10_000);
      });
    });
  }
}

for (const way of ["local", "push", "pull"] as Way[]) {
  Deno.test(`race at the source: --remove-source-files removes nothing that a link leads to (${way})`, async () => {
    await withPlace(async (place) => {
      const { work, pairs } = await field(place);
      const os = disk();
      // Held from the beginning: what is made in them anew is in none that a link leads to.
      const held = [0, 1, 2, 3].flatMap((i) => [
        { folder: os.openRoot(utf8(`${work.source}/sub${i}`)), name: utf8("f") },
        { folder: os.openRoot(utf8(`${work.source}/sub${i}/inner`)), name: utf8("g") },
      ]);
      let removed = 0;
      await besiege({
        ...{ work, way, canary: `${place}/secret`, groups: pairs },
        prepare: () => {
          for (const { folder, name } of held) {
            const file = os.openFile(folder, name, OpenMode.create, 0o644);
            if (file < 0) continue;
            removed++;
            os.writeAllAt(file, utf8("harmless"), 0);
            os.close(file);
          }
          for (const [leaf] of pairs.filter(([near]) => /leaf.$/.test(near))) {
            // Refused where something stands, a link included.
            if (!exists(leaf)) Deno.writeTextFileSync(leaf, "harmless", { createNew: true });
          }
          return ["-a", "--remove-source-files", "--no-guard"];
        },
        after: () => assertNoSecret(work.target),
        isEnough: () => removed > 0,
      });
      for (const { folder } of held) os.close(folder);
    });
  });
}

Deno.test("race at the source: nothing of the secret travels in any frame", async () => {
  await withPlace(async (place) => {
    const { work, pairs } = await field(place);
    const needle = SECRET.slice(0, 20);
    let seen = 0;
    let leaks = 0;
    await attack(place, pairs, async (round) => {
      const room = `${place}/round${round}`;
      await Deno.mkdir(room);
      const channel = Channel.open(room, ({ direction, bytes }) => {
        seen += bytes.length;
        const text = new TextDecoder("latin1").decode(bytes);
        if (direction === "up" && text.includes(needle)) leaks++;
        return bytes;
      });
      const words = [TSYNC, "-aI", ...channel.options, `${work.source}/`, `x:${work.target}`];
      const { code, err } = await run(words, { env: marked(room), timeoutMs: 20_000 });
      await channel.close();
      assert.equal(leaks, 0, "the secret was on its way");
      assert.ok([0, 23, 24].includes(code), `exit ${code}: ${err}`);
    });
    assert.ok(seen > 0);
  });
});

Deno.test({
  name: "race at the source: a file that turns into a FIFO or a device neither hangs the run nor is read",
  ignore: !AS_ROOT,
  async fn() {
    await withPlace(async (place) => {
      const { work } = await field(place);
      const aside = [`${place}/fifo`, `${place}/device`];
      await run(["mkfifo", aside[0]]);
      // The zero device: reading it would never end, and would arrive as zeros.
      await run(["mknod", aside[1], "c", "1", "5"]);
      await attack(place, [[`${work.source}/leaf0`, ...aside]], async (round) => {
        const options = round % 2 ? ["-rltI"] : ["-rltc"];
        const { code, err } = await sync(work, "local", { options, timeoutMs: 10_000 });
        assert.ok([0, 23, 24].includes(code), `exit ${code}: ${err}`);
        const leaf = look(work.target).get("/leaf0");
        assert.ok(leaf === undefined || leaf === "f harmless", leaf);
      });
    });
  },
});
