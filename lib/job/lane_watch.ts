// When one connection is not enough: it carries a window (an OpenSSH channel's 2 MB) in a round trip, whatever the link could carry. Called by the
// job runner once the agent has answered. Promises: only a run that was asked to, or waits for the link at about that rate on a long link, opens further
// connections; on a short link nothing is loaded and nothing is watched after the first look.

import { every, monotonicMs } from "../os/clock.ts";
import type { WireSession } from "../session/wire_session.ts";
import type { JobRequest } from "./request.ts";

/** A shorter round trip never makes the window the bottleneck, ms. */
const LONG_TRIP_MS = 20;
const LOOK_MS = 500;
/** Looks in a row that show the need. */
const LOOKS = 3;
const WINDOW_BYTES = 2 << 20;
/** Windows in a round trip that show it. Where there are clearly more than one, it was not the line that made the first answer late. */
const LEAST_WINDOWS = 0.7;
const MOST_WINDOWS = 1.4;
/** Share of the time in which the link was waited for. */
const WAIT_SHARE = 0.5;

export interface Flow {
  /** Carried so far, and how long it was the link that we waited for. */
  bytes: number;
  waitedMs: number;
}

/** Looks at the flow from time to time, and says when further connections are needed. Pure. */
export class LaneNeed {
  #lastMs: number;
  #last: Flow = { bytes: 0, waitedMs: 0 };
  #looks = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  look(nowMs: number, flow: Flow, roundTripMs: number): boolean {
    const elapsedMs = Math.max(1, nowMs - this.#lastMs);
    const bytes = flow.bytes - this.#last.bytes;
    const waitedMs = flow.waitedMs - this.#last.waitedMs;
    this.#lastMs = nowMs;
    this.#last = flow;
    const windows = bytes * roundTripMs / elapsedMs / WINDOW_BYTES;
    const isPressed = roundTripMs >= LONG_TRIP_MS && waitedMs >= WAIT_SHARE * elapsedMs &&
      windows >= LEAST_WINDOWS && windows <= MOST_WINDOWS;
    this.#looks = isPressed ? this.#looks + 1 : 0;
    return this.#looks >= LOOKS;
  }
}

/** Opens what was asked for, and what turns out to be needed. Nothing waits for it, and it fails no run. */
export function watchLanes(session: WireSession, request: JobRequest, tell: (line: string) => void): void {
  const { connections, options } = request;
  if (connections === undefined || connections.most <= 1 || !session.can("severalChannels")) return;
  // A rate is kept to by one connection; a task on the trash carries nothing.
  if (options.bwlimitKib > 0 || options.trashTask !== "") return;
  const open = async (count: number) => (await import("./lanes.ts")).openLanes(session, request, count - 1, tell);
  if (connections.atOnce > 1) return void open(connections.atOnce).catch(() => {});
  const need = new LaneNeed(monotonicMs());
  const cancel = every(LOOK_MS, () => {
    const { roundTripMs } = session;
    const isShort = roundTripMs !== null && roundTripMs < LONG_TRIP_MS;
    const isNeeded = need.look(monotonicMs(), session.flow(), roundTripMs ?? 0);
    if (isShort || isNeeded) cancel();
    if (isNeeded) open(connections.most).catch(() => {});
  });
  session.ended.then(cancel, cancel);
}
