// A turn of the event loop is one for signals, too.

import assert from "node:assert/strict";
import { monotonicMs, nextTurn } from "../../lib/os/clock.ts";
import { onSignal, processId } from "../../lib/os/process.ts";

const TRIES = 20;

/** Turns until a signal that came before them is seen. */
async function turnsToSee(before: number): Promise<number> {
  let isSeen = false;
  const release = onSignal("SIGUSR1", () => isSeen = true);
  for (let turn = 0; turn < 3 + before; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  Deno.kill(processId(), "SIGUSR1");
  let turns = 0;
  do {
    // A stretch of work, in which the system delivers it, if it finds the time.
    for (const until = monotonicMs() + 5; monotonicMs() < until;);
    await nextTurn();
    turns++;
  } while (!isSeen && turns < 10_000);
  release();
  return turns;
}

Deno.test("nextTurn: a signal that came before has had its turn after it, whenever it comes", async () => {
  const turns: number[] = [];
  for (let before = 0; before < TRIES; before++) turns.push(await turnsToSee(before));
  // A busy machine may deliver one late; a loop that looks for signals at times only sees most of them late.
  assert.ok(turns.filter((count) => count === 1).length >= TRIES / 2, `${turns}`);
});
