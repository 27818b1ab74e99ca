// When a lost connection is made anew (--reconnect), with a clock of our own and connections that are made up.

import assert from "node:assert/strict";
import { type ErrorData, TsyncError } from "../../lib/base/errors.ts";
import { type Attempts, tryAgain } from "../../lib/job/again.ts";

/** Time that passes only when it is told to, timers included. */
class Clock {
  ms = 0;
  readonly #timers: { at: number; fn: () => void }[] = [];
  readonly waits: number[] = [];

  nowMs = () => this.ms;
  random = () => 0.5;
  after = (ms: number, fn: () => void) => {
    const timer = { at: this.ms + ms, fn };
    this.#timers.push(timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
  };

  /** Lets all that can go on go on, and then the next timer come due; false if there is none. */
  async step(): Promise<boolean> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
    if (next === undefined) return false;
    this.#timers.splice(this.#timers.indexOf(next), 1);
    this.waits.push(Math.round((next.at - this.ms) / 100) / 10);
    this.ms = next.at;
    next.fn();
    return true;
  }
}

const LOST: ErrorData = { kind: "stream", detail: "the agent ended unexpectedly", isGone: true };
const REFUSED: ErrorData = { kind: "remoteShell", code: 255, detail: "ssh: connect to host x: Connection refused" };

type Fate = { up: boolean; error?: ErrorData; hangs?: boolean };
const up = (error: ErrorData = LOST): Fate => ({ up: true, error });
const down = (error: ErrorData = REFUSED): Fate => ({ up: false, error });

interface Told {
  said: string[];
  clock: Clock;
  stop: AbortController;
  attempts: number;
}

/** Carries out the fates, one for each attempt; the last one stands for all that follow. */
async function play(fates: Fate[], limitMs: number, more: Partial<Attempts<string>> = {}, during = (_: Told) => {}) {
  const told: Told = { said: [], clock: new Clock(), stop: new AbortController(), attempts: 0 };
  const { said, clock } = told;
  let isOver = false;
  const result = tryAgain<string>({
    limitMs,
    stop: told.stop.signal,
    timing: clock,
    attempt(stop, isUp) {
      const { up, error, hangs } = fates[Math.min(told.attempts++, fates.length - 1)];
      if (up) isUp();
      if (stop.aborted) return Promise.reject(stop.reason);
      if (hangs) {
        return new Promise((_, reject) => stop.addEventListener("abort", () => reject(stop.reason), { once: true }));
      }
      return error === undefined ? Promise.resolve("done") : Promise.reject(new TsyncError(error));
    },
    mayGoOn: () => true,
    hasAdvanced: () => false,
    lost: () => said.push("lost"),
    failed: () => said.push("failed"),
    restored: (ms) => said.push(`restored ${ms}`),
    ...more,
  }).finally(() => isOver = true);
  const outcome = result.then((value) => value, (error) => error as TsyncError);
  for (let steps = 0; !isOver && steps < 500; steps++) {
    during(told);
    await clock.step();
  }
  return { ...told, outcome: await outcome };
}

Deno.test("a run whose connection is lost goes on over the next one", async () => {
  const { outcome, said, clock } = await play([up(), { up: true }], 180_000);
  assert.equal(outcome, "done");
  assert.deepEqual(said, ["lost", "restored 1000"]);
  assert.deepEqual(clock.waits, [1]);
});

Deno.test("pauses grow from 1 s to 30 s, and the loss is the run's end when the time is up", async () => {
  const { outcome, clock, attempts } = await play([up(), down()], 180_000);
  assert.ok(outcome instanceof TsyncError && outcome.exitCode === 12);
  assert.match(outcome.message, /the agent ended unexpectedly; no new connection for 180 s/);
  assert.deepEqual(clock.waits, [1, 2, 4, 8, 16, 30, 30, 30, 30, 29]);
  assert.equal(clock.ms, 180_000);
  assert.equal(attempts, 10);
});

Deno.test("an attempt that hangs ends when the time is up, with the exit code of what was lost", async () => {
  const silent: ErrorData = { kind: "timeout", detail: "the client heard nothing from the agent for 5 s" };
  const { outcome, clock } = await play([up(silent), { up: false, hangs: true }], 10_000);
  assert.ok(outcome instanceof TsyncError && outcome.exitCode === 30, `${outcome}`);
  assert.equal(clock.ms, 10_000);
});

Deno.test("a first connection that fails is not made again", async () => {
  const { outcome, attempts } = await play([down()], Infinity);
  assert.ok(outcome instanceof TsyncError && outcome.exitCode === 255);
  assert.equal(attempts, 1);
});

Deno.test("what is no loss of the connection ends the run at once", async () => {
  const ends: ErrorData[] = [
    { kind: "stream", detail: "DATA is not legal" },
    { kind: "guard", detail: "x" },
    { kind: "interrupted", detail: "x" },
    { kind: "crashed", detail: "x" },
    { kind: "file", detail: "x" },
  ];
  for (const end of ends) assert.equal((await play([up(end)], Infinity)).attempts, 1, end.kind);
});

Deno.test("a login that is refused, a changed host key and another version are not tried again", async () => {
  const ends: ErrorData[] = [
    { kind: "remoteShell", code: 255, detail: "ssh could not log in (it said: x: Permission denied (publickey).)" },
    { kind: "remoteShell", code: 255, detail: "it said: Host key verification failed." },
    { kind: "remoteShell", code: 127, detail: "the far side found no such program" },
    { kind: "incompatible", ours: "1", theirs: "2" },
    { kind: "start", detail: "the far side cannot start the agent: no space" },
    { kind: "usage", detail: "x" },
  ];
  for (const end of ends) {
    const { outcome, attempts } = await play([up(), down(), down(end)], Infinity);
    assert.equal(attempts, 3, end.kind);
    assert.deepEqual((outcome as TsyncError).data, end);
  }
});

Deno.test("a signal ends the wait, and an attempt, at once", async () => {
  const reason = new TsyncError({ kind: "interrupted", detail: "stopped by SIGINT" });
  for (const fate of [down(), { up: false, hangs: true }]) {
    const { outcome, clock } = await play([up(), fate], Infinity, {}, ({ clock, stop }) => {
      if (clock.ms >= 1000) stop.abort(reason);
    });
    assert.equal(outcome, reason);
    assert.ok(clock.ms <= 3000, `${clock.ms}`);
  }
});

Deno.test("a job that gets no farther has the time of one outage for all of them", async () => {
  const { outcome, clock } = await play([up()], 60_000);
  assert.ok(outcome instanceof TsyncError && outcome.exitCode === 12);
  assert.equal(clock.ms, 60_000);
  // One that does get farther has it each time.
  let losses = 0;
  const going = await play([up()], 60_000, { hasAdvanced: () => ++losses < 100, mayGoOn: () => losses < 100 });
  assert.deepEqual(going.clock.waits.slice(0, 50), Array.from({ length: 50 }, () => 1));
});

Deno.test("a job that must not be carried out twice is not", async () => {
  assert.equal((await play([up()], Infinity, { mayGoOn: () => false })).attempts, 1);
});
