// Too little memory for either end (D23): the run ends well, or with a code and a reason; every file that is there is whole, and the
// next run finishes the work. In the gate 4,000 entries, in the long run half a million.

import assert from "node:assert/strict";
import { limitMemory } from "../support/memory_limit.ts";
import { allGone } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { AS_ROOT, run, sweep } from "../support/run.ts";
import { type Fronts, sync, type Way } from "./ways.ts";
import type { Workload } from "./workload.ts";

const FILES = LONG ? 500_000 : 4_000;
const PER_FOLDER = 500;
const MIB = 1 << 20;
const LIMITS_MIB = LONG ? [60, 75, 90, 120, 200] : [60, 200];
type End = "client" | "agent";
const ENDS: Record<Way, End[]> = LONG
  ? { local: ["client"], push: ["client", "agent"], pull: ["client", "agent"] }
  : { local: ["client"], push: ["agent"], pull: ["client"] };

const probe = AS_ROOT ? await limitMemory(64 * MIB) : null;
await probe?.remove();

async function makeTree(): Promise<Workload> {
  const place = await Deno.makeTempDir({ prefix: "tsync-memory-" });
  const source = `${place}/source`;
  for (let i = 0; i < FILES; i++) {
    const folder = `${source}/folder ${Math.floor(i / PER_FOLDER)}`;
    if (i % PER_FOLDER === 0) Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(`${folder}/file ${i}`, `content of file ${i}`);
  }
  return { place, source, target: `${place}/target`, old: new Map(), fresh: new Map() };
}

/** How many files are below the target; each of them holds what it shall. */
function countWhole(target: string): number {
  let count = 0;
  for (const { name: folder } of Deno.readDirSync(target)) {
    for (const { name } of Deno.readDirSync(`${target}/${folder}`)) {
      if (name.startsWith(".tsync-")) continue;
      count++;
      assert.equal(Deno.readTextFileSync(`${target}/${folder}/${name}`), `content of ${name}`, `${folder}/${name}`);
    }
  }
  return count;
}

Deno.test({
  name: "too little memory for an end: what is there is whole, the exit code tells, and the next run finishes",
  ignore: probe === null,
  fn: async () => {
    const work = await makeTree();
    const codes: number[] = [];
    try {
      for (const mib of LIMITS_MIB) {
        for (const way of ["local", "push", "pull"] as Way[]) {
          for (const end of ENDS[way]) {
            const limit = (await limitMemory(mib * MIB))!;
            const fronts: Fronts = { [end]: limit.words };
            await Deno.mkdir(work.target);
            const ran = await sync(work, way, { fronts, options: ["-a"], timeoutMs: LONG ? 600_000 : 60_000 });
            await allGone(work.place, 15_000);
            await limit.remove();
            const what = `${way}, ${end} with ${mib} MiB: exit ${ran.code}\n${ran.err}`;
            const count = countWhole(work.target);
            if (ran.code === 0) assert.equal(count, FILES, what);
            else assert.ok(ran.code === 137 || (ran.err !== "" && [5, 11, 12, 14, 22].includes(ran.code)), what);
            const again = await sync(work, way, { options: ["-a"], timeoutMs: 600_000 });
            assert.equal(`${again.code} ${again.err}`, "0 ", `${what}\nthe next run`);
            assert.equal(countWhole(work.target), FILES, what);
            const left = await run(["find", work.target, "-name", ".tsync-*"]);
            assert.equal(left.out, "", what);
            codes.push(ran.code);
            await sweep(work.target);
          }
        }
      }
    } finally {
      await sweep(work.place);
    }
    assert.ok(codes.includes(0) && codes.some((code) => code !== 0), `limits that say nothing: ${codes}`);
  },
});
