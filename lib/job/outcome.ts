// JobOutcome and JobHooks: what a job gives back, and how its caller steers it while it runs. The job runner (job.ts)
// makes the one and obeys the other; the command line turns them into words and an exit code.

import type { Totals } from "../base/monitor.ts";
import type { Monitor } from "../base/monitor.ts";
import type { Transport } from "../transport/transport.ts";
import type { Failures } from "./failures.ts";
import type { JobRequest } from "./request.ts";

/** A run that came to its end. A run that could not go on is a TsyncError instead. */
export interface JobOutcome {
  totals: Totals;
  /** Bytes this process sent and received; a local run counts what went from half to half. */
  wireSentBytes: number;
  wireReceivedBytes: number;
  /** Entries that failed, and entries that had vanished or changed (Cause.vanished, Cause.changed) and nothing worse. */
  failed: number;
  vanished: number;
  /** The most connections at a time; left out where there was none. */
  connections?: number;
  /** The same failures, by class. */
  failures?: Failures;
  /** The list was one entry that is no folder. */
  isSingle?: boolean;
  /** --max-delete kept something that would have been deleted. */
  stopped: boolean;
  elapsedMs: number;
}

export interface JobHooks {
  /**
   * Aborts when the run shall end now (a signal came, our output cannot be written). The reason is the TsyncError with
   * which the job then rejects, after it has cleaned up what it can in about a second.
   */
  readonly stop: AbortSignal;
  /**
   * Undefined, or a promise to await between two batches: the reader of our output is slow, and events that were
   * reported wait in memory. Asked often; costs nothing.
   */
  pace(): Promise<void> | undefined;
  /** The remote shell (startCarrier); null for a local request. */
  readonly carrier: Transport | null;
  /** A line for standard error as it is, without newline: what ssh says, a login's noise. Its maker has escaped it (R14). */
  tell(line: string): void;
}

export type RunJob = (request: JobRequest, monitor: Monitor, hooks: JobHooks) => Promise<JobOutcome>;
