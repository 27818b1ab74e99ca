// The second thread of a run within one process: fills new folders. Started by helper.ts. Promises: it works on units that are
// offered, nothing else, and on none after the order to quit; its one message is the shared memory.

import { openLinux } from "../os/linux.ts";
import { onMessage } from "../os/thread.ts";
import { Filler } from "../tree/fill.ts";
import { UnitState } from "../tree/fill_unit.ts";
import { Board } from "./board.ts";

onMessage((memory) => {
  const board = new Board(memory as SharedArrayBuffer);
  const filler = new Filler(openLinux(), board.stop);
  for (;;) {
    const rung = board.rung();
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
