// The client's ear: turns a half's events (by list index) into what a Monitor shows, and keeps the account of problems
// that decides the exit code. Used by every job, whichever half runs here.

import { Gate } from "../base/gate.ts";
import type { FileList } from "../base/file_list.ts";
import { type Monitor, type Totals, zeroTotals } from "../base/monitor.ts";
import { Cause, isNotice, isVanished, type Problem, Side, Verb } from "../base/problem.ts";
import { Kind } from "../os/os.ts";
import type { Events } from "../session/events.ts";

export class Reporter implements Events {
  readonly #list: FileList;
  readonly #monitor: Monitor;
  failed = 0;
  vanished = 0;
  /** --max-delete kept something. */
  stopped = false;
  #skipped = 0;
  #lastSkipped: { index: number; cause: number } | null = null;
  result: Totals = zeroTotals();
  /** Opened when the target half has told its totals: all is done. */
  readonly done = new Gate();

  constructor(list: FileList, monitor: Monitor) {
    this.#list = list;
    this.#monitor = monitor;
  }

  entry(index: number, change: number): void {
    const list = this.#list;
    const kind = list.kind(index);
    const size = kind === Kind.file ? list.size(index) : 0;
    this.#monitor.entry({ path: list.path(index), kind, size, linkTarget: list.linkTarget(index) }, change);
  }

  deleted(path: Uint8Array, kind: number): void {
    this.#monitor.deleted(path, kind);
  }

  problem(problem: Problem): void {
    if (problem.cause === Cause.deletionsStopped) this.stopped = true;
    if (isVanished(problem)) this.vanished++;
    else if (!isNotice(problem)) this.failed++;
    this.#monitor.problem(problem);
  }

  transferred(files: number, bytes: number): void {
    this.#monitor.transferred(files, bytes);
  }

  skipped(index: number, cause: number): void {
    this.#skipped++;
    this.#lastSkipped = { index, cause };
  }

  totals(totals: Totals): void {
    // Fewer problems than files that did not come: the source kept one to itself, and exit 0 would be a lie.
    if (this.#skipped > this.failed + this.vanished) {
      const { index, cause } = this.#lastSkipped!;
      this.problem({ verb: Verb.transfer, cause, errno: 0, side: Side.source, path: this.#list.path(index) });
    }
    this.result = totals;
    this.done.open();
  }
}
