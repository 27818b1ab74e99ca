// Several runs into one target at the same time (I05, I06), tsync's own and rsync's: each ends by itself, no run takes another's
// temporary files for left-overs, each path is whole at every moment, and afterwards the trees are the same.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { allGone } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { run, sweep } from "../support/run.ts";
import { sync, type Way } from "./ways.ts";
import { assertOldOrNew, freshWorkload, look, makeTemplate, temporaries, type Workload } from "./workload.ts";

const ROUNDS = LONG ? 40 : 4;

let template: Workload;
Deno.test.beforeAll(async () => {
  template = await makeTemplate();
});
Deno.test.afterAll(() => sweep(template.place));

/** The same workload seen by another run: scripts of its own, the same trees. */
async function beside(work: Workload, name: string): Promise<Workload> {
  const place = `${work.place}/${name}`;
  await Deno.mkdir(place);
  return { ...work, place };
}

const GROUPS: Way[][] = [["local", "local"], ["push", "pull"], ["push", "push", "pull", "local"]];

for (const ways of GROUPS) {
  Deno.test(`concurrent runs into one target (${ways.join(", ")}) all end, and the trees are the same`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const work = await freshWorkload(template);
      const all = await Promise.all(ways.map(async (way, i) => {
        const own = await beside(work, `run${i}`);
        const ran = await sync(own, way, { options: ["-a"] });
        await allGone(own.place, 10_000);
        return ran;
      }));
      for (const { code, err } of all) {
        assert.ok([0, 23, 24].includes(code), `exit ${code}: ${err}`);
        // No run may lose a file that it has staged itself.
        assert.doesNotMatch(err, /rename .* No such file/, err);
      }
      assert.deepEqual(temporaries(look(work.target)), []);
      const last = await sync(work, "local");
      assert.equal(`${last.code} ${last.err}`, "0 ");
      await same(work.source, work.target);
      await sweep(work.place);
    }
  });
}

Deno.test("concurrent runs of rsync and tsync into one target leave old or new files only", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const work = await freshWorkload(template);
    const [ours, theirs] = await Promise.all([
      sync(work, "local", { options: ["-a"] }),
      run(["rsync", "-a", "--force", `${work.source}/`, work.target]),
    ]);
    assert.ok([0, 23, 24].includes(ours.code), ours.err);
    assert.ok([0, 23, 24].includes(theirs.code), theirs.err);
    // rsync's own temporary files are its own business, but none of ours may be left.
    assert.deepEqual(assertOldOrNew(work, "both"), []);
    const last = await sync(work, "local");
    assert.equal(`${last.code} ${last.err}`, "0 ");
    // rsync keeps no holes.
    await same(work.source, work.target, { without: ["allocated"] });
    await sweep(work.place);
  }
});

Deno.test("concurrent runs: what a dead run left goes, what a live run stages stays", async () => {
  const work = await freshWorkload(template);
  const slow = ["strace", "-o", "/dev/null", "-e", "inject=pwrite64:delay_enter=4000"];
  const live = sync(await beside(work, "live"), "local", { options: ["-a", "--delete"], fronts: { client: slow } });
  let staged: string[] = [];
  while (staged.length < 3) {
    await new Promise((resume) => setTimeout(resume, 5));
    staged = temporaries(look(work.target));
  }
  // Others come and go meanwhile, and sweep.
  for (let i = 0; i < 3; i++) await sync(await beside(work, `other${i}`), "local", { options: ["-a", "--delete"] });
  const { code, err } = await live;
  assert.equal(`${code} ${err}`, "0 ");
  assert.deepEqual(temporaries(look(work.target)), []);
  const last = await sync(work, "local");
  assert.equal(`${last.code} ${last.err}`, "0 ");
  await same(work.source, work.target);
  await sweep(work.place);
});
