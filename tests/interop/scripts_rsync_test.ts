// Ten shell scripts after the habits of administrators, in scripts/ beside this file: each is carried out with the installed rsync
// and with scripts/rsync of the project (tsync under rsync's name) first in PATH, on one machine and with another one, and must
// leave the same trees and print the same lines, exit codes among them.

import assert from "node:assert/strict";
import { ROOT } from "../support/program.ts";
import { run, withPlace } from "../support/run.ts";
import { LOCAL, otherMachine, PUSH, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { type Result, resultOf } from "./oracle.ts";
import { comparable } from "./scenario.ts";

useOtherMachine();

const SCRIPTS = new URL("./scripts/", import.meta.url).pathname;

/** Scripts whose other machine is made by themselves, or that are about one machine. */
const ALONE = ["restricted"];

interface Way {
  /** In front of the other folders of PATH. */
  path: string;
  /** The forced command of a key that may only read `served`. */
  guard: string;
}

const WITH_RSYNC: Way = { path: "", guard: "rrsync -ro served" };
const WITH_TSYNC: Way = {
  path: `${ROOT}scripts:`,
  guard: `${ROOT}dist/tsync-remote serve --root served --read-only`,
};

async function outcome(script: string, topology: Topology, { path, guard }: Way): Promise<Result> {
  let result: Result | undefined;
  await withPlace(async (place) => {
    const { host, rsh } = otherMachine();
    const env = {
      FAR: topology === LOCAL ? "" : `${host}:`,
      RSYNC_RSH: rsh,
      GUARD: guard,
      PATH: `${path}${Deno.env.get("PATH")}`,
      LC_ALL: "C",
    };
    const ran = await run(["sh", "-u", `${SCRIPTS}${script}.sh`], { cwd: place, env });
    // The script's own program, with the guard in it.
    await Deno.remove(`${place}/shell`).catch(() => {});
    result = await resultOf(ran, place, { extra: ["links", "xattrs", "acls"] });
  });
  return result!;
}

for (const { name } of [...Deno.readDirSync(SCRIPTS)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  const script = name.replace(/\.sh$/, "");
  testEach(`script: ${script} ends as with rsync`, async (topology) => {
    const theirs = await outcome(script, topology, WITH_RSYNC);
    const ours = await outcome(script, topology, WITH_TSYNC);
    assert.equal(theirs.code, 0, theirs.err);
    assert.deepEqual(comparable(ours), comparable(theirs), `tsync says: ${ours.err}\nrsync says: ${theirs.err}`);
  }, ALONE.includes(script) ? [LOCAL] : [LOCAL, PUSH]);
}
