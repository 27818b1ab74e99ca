// The whole filter language against the installed rsync: random trees with files of rules in them and random command lines, the same
// files transferred and the same deleted. A case that fails is made small before it is told. TSYNC_TEST_LONG=1 runs 20,000.

import { assert, assertEquals } from "@std/assert";
import { firstSeed, LONG, Random } from "../support/random.ts";
import { byRsync, byTsync, difference, type FilterCase, randomCase, shrink, told } from "./filter_cases.ts";

const COUNT = LONG ? 20_000 : 500;
/** rsync runs under way at a time. */
const LANES = 3;

Deno.test("any rules in options and folders transfer and delete what they do in rsync", async () => {
  const first = firstSeed();
  const known = Deno.env.get("HOME");
  Deno.env.set("HOME", "/none");
  Deno.env.set("CVSIGNORE", "*~");
  const room = await Deno.makeTempDir({ prefix: "tsync-filter-" });
  const tally = { left: 0, kept: 0, refused: 0 };
  let next = 0;
  let failure: { seed: number; found: FilterCase; place: string } | null = null;
  const lane = async (_: unknown, number: number) => {
    const place = `${room}/${number}`;
    while (next < COUNT && failure === null) {
      const seed = first + next++;
      const found = randomCase(new Random(seed));
      if (await differs(found, place, tally) !== null) failure ??= { seed, found, place };
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
    if (failure !== null) await tell(failure);
  } finally {
    if (known !== undefined) Deno.env.set("HOME", known);
    Deno.env.delete("CVSIGNORE");
    await Deno.remove(room, { recursive: true });
  }
  assert(tally.left > COUNT / 4, `rules left something out in ${tally.left} of ${COUNT} cases: the test is blind`);
  assert(tally.kept > COUNT / 10, `rules kept something in ${tally.kept} of ${COUNT} cases: the test is blind`);
  assert(tally.refused < COUNT / 4, `${tally.refused} of ${COUNT} cases were refused: the test is blind`);
});

async function differs(found: FilterCase, place: string, tally = { left: 0, kept: 0, refused: 0 }) {
  const [theirs, ours] = [await byRsync(found, place), await byTsync(found, place)];
  if (theirs.code === 1 || theirs.code === 11) tally.refused++;
  const sent = theirs.tree.filter((line) => line.endsWith("=source")).length;
  if (sent < found.entries.filter(({ path }) => path.startsWith("s/")).length) tally.left++;
  if (found.words.some((word) => word.startsWith("--delete")) && theirs.tree.some((line) => line.endsWith("=old"))) {
    tally.kept++;
  }
  const found2 = difference(ours, theirs);
  return found2 === null ? null : { ...found2, ours, theirs };
}

/** Fails with the smallest case that is known. */
async function tell({ seed, found, place }: { seed: number; found: FilterCase; place: string }): Promise<never> {
  const small = await shrink(found, async (smaller) => await differs(smaller, place) !== null);
  const { onlyOurs, onlyTheirs, ours, theirs } = (await differs(small, place))!;
  const said = `tsync ended with ${ours.code}: ${ours.err}\nrsync ended with ${theirs.code}: ${theirs.err}`;
  assertEquals({ onlyOurs, onlyTheirs }, {}, `TSYNC_TEST_SEED=${seed}, ${told(small)}\n${said}`);
  throw new Error("unreachable");
}
