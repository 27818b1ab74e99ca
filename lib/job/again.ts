// When to try again: a connection that was lost is made anew, with growing pauses, until the time for that is up. Called by
// reconnecting.ts with what one attempt is; knows neither sessions nor programs. Promises: a first connection that cannot be made is not
// tried twice; whatever stops the run ends a wait at once; time runs only while there is no connection, and starts anew only
// when a connection got the job farther than any before.

import { TsyncError } from "../base/errors.ts";

/** The first pause, and the longest, ms; each is twice the one before, and up to a fifth shorter or longer. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const JITTER = 0.2;

export interface Timing {
  nowMs(): number;
  /** Calls fn once after ms, unless the returned function is called first. */
  after(ms: number, fn: () => void): () => void;
  /** From 0 up to 1. */
  random(): number;
}

export interface Attempts<T> {
  /** How long the connection may be away, ms; Infinity: for ever. */
  limitMs: number;
  /** Ends everything, with its reason. */
  stop: AbortSignal;
  timing: Timing;
  /** One connection and the job over it; `isUp` is called when the other side has answered. Rejects soon after `stop` is aborted. */
  attempt(stop: AbortSignal, isUp: () => void): Promise<T>;
  /** Whether the job may be taken up again, as far as the job is concerned. Asked after each loss. */
  mayGoOn(): boolean;
  /** Whether the connection that was lost got farther than those before. Asked once after each loss. */
  hasAdvanced(): boolean;
  /** The connection was lost; an attempt to make it anew failed; it stands again after so long. */
  lost(error: TsyncError): void;
  failed(error: TsyncError): void;
  restored(awayMs: number): void;
}

/** What the last attempt gives. Rejects with what ended the run: where the time is up, with the loss. */
export async function tryAgain<T>(attempts: Attempts<T>): Promise<T> {
  const away = new Away(attempts);
  for (;;) {
    try {
      return await away.connected((stop, isUp) => attempts.attempt(stop, isUp));
    } catch (error) {
      attempts.stop.throwIfAborted();
      away.judge(error);
    }
    await away.pause();
  }
}

/** The time without a connection. */
class Away {
  readonly #attempts: Attempts<unknown>;
  #loss: TsyncError | null = null;
  #sinceMs = 0;
  #awayMs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #isUp = false;

  constructor(attempts: Attempts<unknown>) {
    this.#attempts = attempts;
  }

  /** One attempt, which has what is left of the time to get a connection. */
  async connected<T>(attempt: (stop: AbortSignal, isUp: () => void) => Promise<T>): Promise<T> {
    const { stop, timing } = this.#attempts;
    this.#isUp = false;
    if (this.#loss === null) return await attempt(stop, () => this.#isUp = true);
    const late = new AbortController();
    const leftMs = this.#leftMs();
    const cancel = leftMs === Infinity ? () => {} : timing.after(leftMs, () => late.abort(this.#tooLate()));
    try {
      return await attempt(AbortSignal.any([stop, late.signal]), () => {
        cancel();
        this.#isUp = true;
        this.#awayMs += timing.nowMs() - this.#sinceMs;
        this.#attempts.restored(timing.nowMs() - this.#sinceMs);
      });
    } catch (error) {
      late.signal.throwIfAborted();
      throw error;
    } finally {
      cancel();
    }
  }

  /** Returns if another attempt may be made after `error`, else throws what ends the run. */
  judge(error: unknown): void {
    const { mayGoOn, hasAdvanced, lost, failed } = this.#attempts;
    if (!(error instanceof TsyncError) || error === this.#lateError) throw error;
    if (this.#isUp) {
      if (!isLoss(error) || !mayGoOn()) throw error;
      if (hasAdvanced()) {
        this.#awayMs = 0;
        this.#pauseMs = FIRST_PAUSE_MS;
      }
      this.#loss = error;
      this.#sinceMs = this.#attempts.timing.nowMs();
      lost(error);
    } else {
      if (this.#loss === null || isFinal(error)) throw error;
      failed(error);
    }
  }

  #lateError: TsyncError | null = null;

  #tooLate(): TsyncError {
    const { data } = this.#loss!;
    const detail = "detail" in data ? data.detail : "";
    const limit = `${Math.round(this.#attempts.limitMs / 1000)} s`;
    return this.#lateError ??= new TsyncError(
      { ...data, detail: `${detail}; no new connection for ${limit}` } as typeof data,
    );
  }

  #leftMs(): number {
    const { limitMs, timing } = this.#attempts;
    return limitMs - this.#awayMs - (timing.nowMs() - this.#sinceMs);
  }

  /** Waits for the next attempt's turn; throws when the time is up or the run is stopped. */
  async pause(): Promise<void> {
    const { stop, timing } = this.#attempts;
    const wanted = this.#pauseMs * (1 - JITTER + 2 * JITTER * timing.random());
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
    const leftMs = this.#leftMs();
    await sleep(Math.max(0, Math.min(wanted, leftMs)), stop, timing);
    stop.throwIfAborted();
    if (leftMs <= wanted) throw this.#tooLate();
  }
}

function sleep(ms: number, stop: AbortSignal, timing: Timing): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      stop.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timing.after(ms, done);
    stop.addEventListener("abort", done);
    if (stop.aborted) done();
  });
}

/** Whether the connection was lost, and nothing else was wrong. */
function isLoss({ data }: TsyncError): boolean {
  return data.kind === "timeout" || (data.kind === "stream" && data.isGone === true);
}

/** What ssh says where trying again does not help, and would lock an account at worst. */
const REFUSALS =
  /Permission denied|Host key verification failed|IDENTIFICATION HAS CHANGED|Too many authentication failures|no matching |Bad configuration|No supported authentication/;

/** Whether an attempt that got no connection failed for good. */
function isFinal({ data }: TsyncError): boolean {
  switch (data.kind) {
    case "remoteShell":
      return data.code === 126 || data.code === 127 || REFUSALS.test(data.detail);
    case "start":
      return REFUSALS.test(data.detail) || /cannot start the (agent|remote shell)/.test(data.detail);
    case "stream":
      return data.isGone !== true;
    case "timeout":
    case "connectTimeout":
    case "socket":
      return false;
    default:
      return true;
  }
}
