// A turn of the event loop is one for signals, too.

import assert from "node:assert/strict";
import { monotonicMs, nextTurn } from "../../lib/os/clock.ts";
import { onSignal, processId } from "../../lib/os/process.ts";

Deno.test("nextTurn: a signal that came before has had its turn after it, whenever it comes", async () => {
  for (let before = 0; before < 20; before++) {
    let isSeen = false;
    const release = onSignal("SIGUSR1", () => isSeen = true);
    for (let turn = 0; turn < 3 + before; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    Deno.kill(processId(), "SIGUSR1");
    // A stretch of work, in which the system delivers it.
    for (const until = monotonicMs() + 5; monotonicMs() < until;);
    await nextTurn();
    release();
    assert.ok(isSeen, `${before}`);
  }
});
