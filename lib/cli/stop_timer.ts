// --stop-after and --stop-at: ends the run when the time has come, as a signal would, with rsync's words and exit code 30. Loaded only
// where one of them was given. What is in place by then is complete (law 1), and nothing has been deleted that was not decided.

import { TsyncError } from "../base/errors.ts";
import { after, monotonicMs, wallSeconds } from "../os/clock.ts";
import type { StopTime } from "./settings.ts";

/** A timer's limit, and how far a clock that is set may put the end off, ms. */
const LOOK_MS = 60_000;

export function stopAt(time: StopTime, stop: AbortController): void {
  const startMs = monotonicMs();
  const leftMs = () => "afterMs" in time ? startMs + time.afterMs - monotonicMs() : time.atMs - wallSeconds() * 1000;
  const look = () => {
    const left = leftMs();
    if (left <= 0) stop.abort(new TsyncError({ kind: "timeout", detail: "stopping at requested limit" }));
    else after(Math.min(left, LOOK_MS), look);
  };
  look();
}
