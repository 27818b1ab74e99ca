// Open descriptors of a run in a deep and wide tree (K07): at most 128 in each process, whatever the tree. What waits for a flush holds one more for each
// file, as far as the limit of the process allows: with a limit of 128 the run does the same.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { LONG } from "../support/random.ts";
import { folderOf, quietly, sweep, type Where } from "../support/run.ts";
import { watched } from "../support/watch.ts";
import { sync, type Way, type WayOptions } from "./ways.ts";
import type { Workload } from "./workload.ts";

const DEEP = 100;
const WIDE = 1000;
/** Files in each folder of the chain. */
const FILES = LONG ? 1000 : 10;
const MOST = 128;
const WAYS: Way[] = ["local", "push", "pull"];

/** A chain of folders with files in each, and beside it many folders with one in each. */
function plant(root: string, content: string): void {
  let path = root;
  for (let level = 0; level < DEEP; level++) {
    path += "/deeper";
    Deno.mkdirSync(path, { recursive: true });
    for (let i = 0; i < FILES; i++) Deno.writeTextFileSync(`${path}/f${i}`, content);
  }
  for (let i = 0; i < WIDE; i++) {
    Deno.mkdirSync(`${root}/wide/w${i}/inner`, { recursive: true });
    Deno.writeTextFileSync(`${root}/wide/w${i}/inner/f`, content);
  }
}

async function place(where: Where): Promise<Workload> {
  const place = await Deno.makeTempDir({ prefix: "tsync-handles-", dir: folderOf(where) });
  return { place, source: `${place}/source`, target: `${place}/target`, old: new Map(), fresh: new Map() };
}

for (const way of LONG ? WAYS : WAYS.slice(0, 2)) {
  Deno.test(`a deep and wide tree: no process has more than ${MOST} descriptors open, new, changed, unchanged and deleted (${way})`, async () => {
    const work = await place("memory");
    const step = async (what: string, options: string[]) => {
      const ran = quietly(sync(work, way, { options: [...options, "--no-fsync"], timeoutMs: 600_000 }));
      const { peaks } = await watched(work.place, ran);
      for (const [program, { handles }] of peaks) {
        assert.ok(handles <= MOST, `${what}: ${program} had ${handles} descriptors open`);
      }
      const looks = peaks.get("tsync")?.looks ?? 0;
      assert.ok(looks > 3, `${what}: looked at it ${looks} times`);
      await same(work.source, work.target);
    };
    plant(work.source, "first");
    await step("new", ["-a"]);
    plant(work.source, "and second");
    await step("changed", ["-a"]);
    await step("unchanged", ["-ac"]);
    await Deno.remove(work.source, { recursive: true });
    await Deno.mkdir(work.source);
    await Deno.writeTextFile(`${work.source}/one`, "left");
    await step("deleted", ["-a", "--delete", "--no-guard"]);
    await sweep(work.place);
  });
}

for (const way of LONG ? WAYS : WAYS.slice(1, 2)) {
  Deno.test(`a deep and wide tree on a disk, with no more than ${MOST} descriptors allowed: replaced as it should be (${way})`, async () => {
    const work = await place("disk");
    const limit = ["sh", "-c", `ulimit -n ${MOST}; exec "$@"`, "sh"];
    const options: WayOptions = { options: ["-a"], fronts: { client: limit, agent: limit }, timeoutMs: 600_000 };
    for (const content of ["first", "and second"]) {
      plant(work.source, content);
      await quietly(sync(work, way, options));
      await same(work.source, work.target);
    }
    await sweep(work.place);
  });
}
