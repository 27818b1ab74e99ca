// Chaos (law 1, 2, 4, 7): random trees, options and troubles, round after round from one seed. In the gate a few seconds of it;
// TSYNC_CHAOS_SECONDS says how long (an hour: 3600), TSYNC_TEST_SEED where it begins, TSYNC_CHAOS_WIDTH how many rounds at a time.

import { playRound, type Round } from "../support/chaos.ts";
import { firstSeed, LONG } from "../support/random.ts";
import { folderOf } from "../support/run.ts";

const SECONDS = Number(Deno.env.get("TSYNC_CHAOS_SECONDS") ?? (LONG ? 600 : 12));
const WIDTH = Number(Deno.env.get("TSYNC_CHAOS_WIDTH") ?? 2);
/** Violations after which it is enough. */
const ENOUGH = LONG ? 10 : 1;

Deno.test("chaos: whatever goes wrong, each path is old or new, nothing else is touched, and the next run ends well", async () => {
  const from = firstSeed();
  const until = performance.now() + SECONDS * 1000;
  const counts = new Map<string, number>();
  const failures: string[] = [];
  let seed = from;
  const count = ({ way, trouble, code, options }: Round) => {
    const words = options.map((word) => word.split("=")[0]);
    const again = words.includes("--reconnect") ? [`--reconnect exit ${code}`] : [];
    for (const key of [way, trouble, `exit ${code}`, ...words, ...again]) counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const worker = async () => {
    while (performance.now() < until && failures.length < ENOUGH) {
      await playRound(seed++, folderOf("memory")).then(count, (error) => failures.push(error.message));
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  const shown = [...counts].sort().map(([key, number]) => `${key}: ${number}`).join(", ");
  console.log(`chaos: seeds ${from} to ${seed - 1}; ${shown}`);
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
});
