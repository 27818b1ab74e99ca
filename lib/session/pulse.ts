// What PING tells (PROTOCOL.md section 4): how much work our side has done, and how long the link's way there and back is. Owned by the
// session, which adds up the work and says when it sent what the peer answers with its first PING. Promises: the counter never goes
// back, and counts a message that is still coming.

import { encodePing } from "../wire/event_codec.ts";
import { Message } from "../wire/messages.ts";
import type { Outbox } from "./outbox.ts";

export class Pulse {
  readonly #outbox: Outbox;
  readonly #now: () => number;
  /** Bytes handled and other work, and the highest of what PING told of it. */
  #work = 0;
  #counter = 0;
  #askedMs = 0;
  /** The link's round trip, as far as a program's own haste can tell; null until the peer's first PING. */
  roundTripMs: number | null = null;

  constructor(outbox: Outbox, now: () => number) {
    this.#outbox = outbox;
    this.#now = now;
  }

  worked(units: number): void {
    this.#work += units;
  }

  /** Sends a PING; `pending`: bytes of a message that has not ended. */
  send(pending: number): void {
    this.#counter = Math.max(this.#counter, this.#work + pending);
    encodePing(this.#outbox.control(Message.ping), this.#counter);
    this.#outbox.controlEnd();
  }

  /** What was just sent is answered by the peer's first PING. */
  asked(): void {
    this.#askedMs = this.#now();
  }

  /** A PING has come: true if it told the round trip. */
  heard(): boolean {
    if (this.roundTripMs !== null || this.#askedMs === 0) return false;
    this.roundTripMs = this.#now() - this.#askedMs;
    return true;
  }
}
