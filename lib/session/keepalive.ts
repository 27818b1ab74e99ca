// Keepalive: tells the peer that we live and work, and ends the session when the peer does not (PROTOCOL.md section 4). Owned
// by the session, which feeds it with what is heard and done. Promises: only work counts as progress, so a peer cannot hold
// a session open with PINGs, or with a message that comes byte by byte; time in which we ourselves worked or did not
// listen is not held against the peer.

import { HANDSHAKE_PHASE_MS, KEEPALIVE_MS } from "../base/limits.ts";

/** What the session needs of time; lib/os/clock.ts has the real one. */
export interface SessionClock {
  /** Milliseconds that never go backwards. */
  now(): number;
  /** Calls fn every ms until the returned function is called. */
  every(ms: number, fn: () => void): () => void;
  /** Calls fn when everybody has done what was at hand. */
  soon(fn: () => void): void;
}

/** How often it is looked at the time, ms. */
const TICK_MS = 500;
/** So many bytes of a message that has not ended are progress. */
const PROGRESS_BYTES = 1024;

/** What the keepalive asks of its session. */
export interface KeepaliveView {
  /** When we last began to send. */
  lastWriteMs(): number;
  isWriting(): boolean;
  /** A message is being handled, so that nothing is read. */
  isHandling(): boolean;
  sendPing(): void;
  /** No work was heard of for `idleMs`; `isAlive`: the peer answered meanwhile. */
  onSilence(idleMs: number, isAlive: boolean): void;
}

export class Keepalive {
  readonly #clock: SessionClock;
  readonly #view: KeepaliveView;
  #cancel: (() => void) | null = null;
  #timeoutMs = HANDSHAKE_PHASE_MS;
  #pingMs = KEEPALIVE_MS;
  #isHandshake = true;
  #idleMs = 0;
  /** PINGs without work since then. */
  #barePings = 0;
  #lastTickMs = 0;
  #peerCounter = 0;
  #partialMark = 0;

  constructor(clock: SessionClock, view: KeepaliveView) {
    this.#clock = clock;
    this.#view = view;
  }

  /** Begins; until setTimeout() the limit of a phase of the handshake holds. */
  start(): void {
    this.#lastTickMs = this.#clock.now();
    this.#cancel = this.#clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** The job's idle limit; 0 = none. */
  setTimeout(seconds: number): void {
    this.#isHandshake = false;
    this.#timeoutMs = seconds * 1000;
    if (seconds > 0) this.#pingMs = Math.min(KEEPALIVE_MS, this.#timeoutMs / 3);
    this.#idleMs = 0;
  }

  /** Our own half was at work: the peer may have been waiting for that. */
  workedOurselves(): void {
    this.#idleMs = 0;
  }

  /** A whole message other than PING came. */
  heard(): void {
    this.#worked();
    this.#partialMark = 0;
  }

  /** `bytes` of a message that has not ended are there. */
  heardPart(bytes: number): void {
    if (bytes < this.#partialMark) this.#partialMark = 0;
    if (bytes - this.#partialMark < PROGRESS_BYTES) return;
    this.#partialMark = bytes;
    this.#worked();
  }

  heardPing(counter: number): void {
    if (counter <= this.#peerCounter) this.#barePings++;
    if (counter <= this.#peerCounter || this.#isHandshake) return;
    this.#peerCounter = counter;
    this.#worked();
  }

  #worked(): void {
    this.#idleMs = this.#barePings = 0;
  }

  #tick(): void {
    const now = this.#clock.now();
    // A tick that comes late means that we were busy ourselves.
    const elapsed = Math.min(now - this.#lastTickMs, 2 * TICK_MS);
    this.#lastTickMs = now;
    const silentMs = now - this.#view.lastWriteMs();
    // While a message is handled nothing is read; then only a write that is stuck tells of the peer.
    const isDeaf = this.#view.isHandling() && !(this.#view.isWriting() && silentMs > TICK_MS);
    this.#idleMs = isDeaf ? 0 : this.#idleMs + elapsed;
    if (this.#timeoutMs > 0 && this.#idleMs >= this.#timeoutMs) {
      return this.#view.onSilence(this.#idleMs, this.#barePings > 1);
    }
    if (!this.#view.isWriting() && silentMs >= this.#pingMs) this.#view.sendPing();
  }
}
