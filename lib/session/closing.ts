// Closing: how a session ends, and who is told. Owned by the session. Promises: it ends once; whoever waits at a gate that it
// watches is failed at once (law 11); the peer is told why if that is possible within a second.

import { TsyncError } from "../base/errors.ts";
import { Gate } from "../base/gate.ts";
import { encodeAbort } from "../wire/event_codec.ts";
import { Message } from "../wire/messages.ts";
import { abortOf } from "./abort_kinds.ts";
import type { SessionClock } from "./keepalive.ts";
import type { Outbox } from "./outbox.ts";

/** How long a last word may take, ours to be written or the peer's to come. */
export const LAST_WORD_MS = 1000;

interface Failing {
  fail(error: unknown): void;
}

export class Closing {
  isOver = false;
  /** Settles at once when the session ends. */
  readonly end = new Gate();
  /** Settles after the last word. */
  readonly closed = new Gate();
  readonly #outbox: Outbox;
  readonly #clock: SessionClock;
  readonly #watched: Failing[] = [this.end];
  readonly #onOver: () => void;
  #error: unknown = null;

  /** `onOver` is called once, first of all. */
  constructor(outbox: Outbox, clock: SessionClock, onOver: () => void) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** The gate fails when the session does. */
  watch<T>(gate: Gate<T>): Gate<T> {
    this.#watched.push(gate);
    return gate;
  }

  /** Throws the error that ended the session, if it has ended. */
  guard(): void {
    if (this.isOver) throw this.#error;
  }

  /** Ends the session with an error; with `isTold` the peer gets an ABORT. A second call only waits for the last word. */
  async fail(error: unknown, isTold: boolean): Promise<void> {
    if (!this.#over(error)) return await this.closed.promise.catch(() => {});
    this.#outbox.dropBulk(error);
    for (const gate of this.#watched) gate.fail(error);
    if (isTold) await this.#tell(error);
    this.#outbox.stop(error);
    this.closed.fail(error);
  }

  /** The orderly end. */
  finish(): void {
    const error = new TsyncError({ kind: "stream", detail: "the session has ended" });
    if (!this.#over(error)) return;
    this.#outbox.stop(error);
    this.end.open();
    this.closed.open();
  }

  #over(error: unknown): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#error = error;
    this.#onOver();
    return true;
  }

  async #tell(error: unknown): Promise<void> {
    const { kind, text } = abortOf(error);
    encodeAbort(this.#outbox.control(Message.abort), kind, text);
    this.#outbox.controlEnd();
    const late = new Gate();
    const cancel = this.#clock.every(LAST_WORD_MS, () => late.open());
    await Promise.race([this.#outbox.drained().catch(() => {}), late.promise]);
    cancel();
  }
}
