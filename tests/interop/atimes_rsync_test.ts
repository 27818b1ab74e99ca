// -U and --open-noatime, held against the installed rsync: the same lines, and the access times that the source had when it was listed.
// The trees are made anew for each program; access times are set by touch, as reading would renew them.

import assert from "node:assert/strict";
import { run, withPlace } from "../support/run.ts";
import { ALL, testEach, type Topology, useOtherMachine } from "../support/topology.ts";

useOtherMachine();

/** A first tree, then what is at the target when the second run begins. */
const PLANT = `
mkdir -p s/d d/d
for at in s d; do for name in same read newer d/deep; do echo $name >$at/$name; done; mkfifo $at/fifo; ln -s same $at/link; done
echo other >s/changed; echo old >d/changed; echo new >s/new
find s d -exec touch -h -m -d @1000000000 {} +
touch -m -d @1100000000 s/newer
for at in s d; do touch -a -d @1200000000 $at/same $at/d/deep $at/newer; touch -h -a -d @1200000000 $at/link; done
touch -a -d @1300000000 s/read s/changed s/new s/fifo
touch -a -d @1250000000 d/read d/changed d/fifo
`;

interface Left {
  code: number;
  lines: string[];
  times: string[];
}

async function left(way: Topology, program: "sync" | "rsync", options: string[]): Promise<Left> {
  let result: Left | undefined;
  await withPlace(async (place) => {
    assert.equal((await run(["sh", "-ec", PLANT], { cwd: place })).code, 0);
    const ran = await way[program](options, `${place}/s/`, `${place}/d`, { cwd: place });
    // Of links a look at their target renews it.
    const found = await run(["sh", "-c", "find s d ! -type d ! -type l -printf '%p %A@ %T@\\n' | sort"], {
      cwd: place,
    });
    const times = found.out.replaceAll(/\.[0-9]+/g, "").split("\n");
    result = { code: ran.code, lines: ran.out.split("\n").sort(), times };
  }, "disk");
  return result!;
}

for (
  const options of [
    "-aiU",
    "-aii --atimes",
    "-aiUn",
    "-riU",
    "-aiUU",
    "-aiUc --open-noatime",
    "-aiU --no-atimes",
    "-ai --open-noatime",
  ]
) {
  const ways = options === "-aiUU" || options === "-aiU" ? ALL : ALL.slice(0, 1);
  testEach(`atimes: ${options}`, async (way) => {
    const words = options.split(" ");
    const [ours, theirs] = [await left(way, "sync", words), await left(way, "rsync", words)];
    // What a run reads may be renewed by it, to a moment of its own.
    const began = Date.now() / 1000 - 600;
    const shown = (times: string[]) =>
      times.map((line) => line.replaceAll(/\d{10}/g, (time) => Number(time) > began ? "now" : time));
    assert.deepEqual({ ...ours, times: shown(ours.times) }, { ...theirs, times: shown(theirs.times) }, options);
    if (/U/.test(options) && !/n|no-atimes/.test(options.split(" ")[0] + (words[1] ?? ""))) {
      const at = (name: string) => ours.times.find((line) => line.startsWith(`${name} `))?.split(" ")[1];
      assert.deepEqual([at("d/read"), at("d/new")], ["1300000000", "1300000000"], ours.times.join("\n"));
    }
  }, ways);
}
