// Gives credit back for what was handled, and says how long it was the link that was waited for. Owned by the session, which reports
// each read and each bulk message that is through. Promises: credit goes back in steps, never more than was handled.

import { encodeCredit } from "../wire/event_codec.ts";
import { Message } from "../wire/messages.ts";
import type { Outbox } from "./outbox.ts";

/** Credit is given back in steps of at least this, bytes. */
const CREDIT_STEP = 1 << 20;

export class CreditReturn {
  readonly #outbox: Outbox;
  readonly #now: () => number;
  /** Bulk bytes handled and not given back. A peer that overdraws its credit needs no check: no more is read than is handled. */
  #unreturned = 0;
  /** How long bytes were waited for since credit was given last, and before. */
  #waitedMs = 0;
  #waitedBeforeMs = 0;
  #readingSinceMs = 0;
  #lastMs = 0;

  constructor(outbox: Outbox, now: () => number) {
    this.#outbox = outbox;
    this.#now = now;
  }

  /** The session's work begins: what was waited for before does not count. */
  begin(): void {
    this.#lastMs = this.#now();
  }

  /** A read begins. */
  reads(): void {
    this.#readingSinceMs = this.#now();
  }

  /** It has ended. */
  hasRead(): void {
    this.#waitedMs += this.#now() - this.#readingSinceMs;
    this.#readingSinceMs = 0;
  }

  /** How long bytes were waited for so far, ms. */
  get waitedMs(): number {
    const underWay = this.#readingSinceMs === 0 ? 0 : this.#now() - this.#readingSinceMs;
    return this.#waitedBeforeMs + this.#waitedMs + underWay;
  }

  /** A bulk message that cost `bytes` of credit is through. */
  handled(bytes: number): void {
    this.#unreturned += bytes;
    if (this.#unreturned < CREDIT_STEP) return;
    const now = this.#now();
    const idle = this.#waitedMs / Math.max(now - this.#lastMs, 1e-3);
    encodeCredit(this.#outbox.control(Message.credit), this.#unreturned, Math.min(100, Math.round(100 * idle)));
    this.#outbox.controlEnd();
    this.#waitedBeforeMs += this.#waitedMs;
    this.#unreturned = this.#waitedMs = 0;
    this.#lastMs = now;
  }
}
