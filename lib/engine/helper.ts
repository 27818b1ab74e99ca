// The second thread of a run within one process, and the board it shares with the first. Made by lib/job/local.ts, where the
// system lets threads share handles; used by new_files.ts. Promises: without the thread (not started, failed) everything is
// still done, by the first.

import { startThread, type Thread } from "../os/thread.ts";
import type { SharedCopy } from "../tree/shared_copy.ts";
import { Board } from "./board.ts";

/** A copy from this size on pays the thread's start (measured: 20 ms of the first thread, a quarter of the copy gained). */
const SHARED_COPY_BYTES = 384 << 20;

export class Helper {
  readonly #memory = new SharedArrayBuffer(Board.BYTES);
  readonly board = new Board(this.#memory);
  #thread: Thread | null = null;
  /** Whether units may be left to the thread. */
  hasStarted = false;

  /** Starts the thread, once. */
  start(): void {
    if (this.hasStarted) return;
    this.hasStarted = true;
    this.#thread = startThread(new URL("./fill_worker.ts", import.meta.url), () => {});
    this.#thread.post(this.#memory);
  }

  /** What a copy of so many bytes is to be shared by, or null where it does not pay. The thread joins when the copy has begun. */
  shared(bytes: number): SharedCopy | null {
    if (!this.hasStarted && bytes < SHARED_COPY_BYTES) return null;
    this.start();
    return this.board.copy;
  }

  /** Ends the thread. Nothing may be under way. */
  close(): void {
    this.board.quit();
    this.#thread?.end();
    this.#thread = null;
  }
}
