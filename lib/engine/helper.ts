// The second thread of a run within one process, and the board it shares with the first. Made by lib/job/local.ts, where the
// system lets threads share handles; used by new_files.ts. Promises: without the thread (not started, failed) everything is
// still done, by the first.

import { startThread, type Thread } from "../os/thread.ts";
import { Board } from "./board.ts";

export class Helper {
  readonly #memory = new SharedArrayBuffer(Board.BYTES);
  readonly board = new Board(this.#memory);
  #thread: Thread | null = null;
  /** Whether units may be left to the thread. */
  hasStarted = false;

  start(): void {
    this.hasStarted = true;
    this.#thread = startThread(new URL("./fill_worker.ts", import.meta.url), () => {});
    this.#thread.post(this.#memory);
  }

  /** Ends the thread. Nothing may be under way. */
  close(): void {
    this.board.quit();
    this.#thread?.end();
    this.#thread = null;
  }
}
