// The second thread of a run within one process: fills new folders and joins large copies. Started by helper.ts. Promises: it
// works on what is offered, nothing else, and on nothing after the order to quit; its one message is the shared memory.

import { openLinux } from "../os/linux.ts";
import { onMessage } from "../os/thread.ts";
import { Filler, STEP_BYTES } from "../tree/fill.ts";
import { UnitState } from "../tree/fill_unit.ts";
import { Board } from "./board.ts";

onMessage((memory) => {
  const board = new Board(memory as SharedArrayBuffer);
  const os = openLinux();
  const filler = new Filler(os, board.stop);
  const bytes = new Uint8Array(STEP_BYTES);
  for (;;) {
    const rung = board.rung();
    board.copy.help(os, bytes, board.stop);
    const unit = board.claim(UnitState.taken);
    if (unit === null) {
      if (!board.waitForRing(rung)) return;
      continue;
    }
    try {
      filler.run(unit);
    } finally {
      // A mistake of ours ends the thread, but never leaves a unit that is waited for.
      board.finish(unit);
    }
  }
});
