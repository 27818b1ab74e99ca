// Output: all that tsync prints, gathered and written in large pieces, in the order in which it was said, standard output
// and error included. Used by the reporter and run.ts. Promises: to say something never waits; what was said is written
// within about 100 ms of idle time or when it is much; a stream that cannot be written ends the run (standard output)
// or is given up (standard error), and never blocks the end.

import { bytesOfDisplay } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { denoErrno } from "../os/deno_errno.ts";

export interface OutputParts {
  /** Takes all of the bytes; rejects when that is not possible. */
  write(fd: 1 | 2, bytes: Uint8Array): Promise<void>;
  /** Calls `fn` once after `ms` milliseconds; returns what cancels it. */
  after(ms: number, fn: () => void): () => void;
}

const FLUSH_MS = 100;
/** What is gathered before it is written at once, characters. */
const PIECE = 64 * 1024;
/** What may wait for a slow reader before the run is to pause, characters. */
const BACKLOG = 4 << 20;

export class Output {
  /** Why standard output cannot be written; null while it can. */
  failure: TsyncError | null = null;
  /** Called once, when standard output fails. */
  onFailure: (error: TsyncError) => void = () => {};

  readonly #parts: OutputParts;
  /** Runs of text for one stream each. */
  readonly #queue: Array<{ fd: 1 | 2; text: string }> = [];
  /** Characters in the queue and in the write that is under way. */
  #waiting = 0;
  #writing: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #errorFailed = false;

  constructor(parts: OutputParts) {
    this.#parts = parts;
  }

  /** How soon what was said is written: soon (null), at once, or only when it is much. */
  buffering: "none" | "full" | null = null;
  /** What is said goes to standard error, too. */
  allToStderr = false;

  /** Adds `text` (lines with their newlines) to standard output. */
  out(text: string): void {
    if (this.allToStderr) this.err(text);
    else if (this.failure === null) this.#add(1, text);
  }

  /** Adds `text` to standard error. */
  err(text: string): void {
    if (!this.#errorFailed) this.#add(2, text);
  }

  /** Whether nothing waits and nothing is being written: the moment for a progress line. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Undefined, or settles when the readers have caught up (law 9: memory stays bounded). */
  pace(): Promise<void> | undefined {
    return this.#waiting < BACKLOG ? undefined : this.flush();
  }

  /** Settles when all that was said is written or given up. Never rejects. */
  async flush(): Promise<void> {
    while (this.#queue.length > 0 || this.#writing !== null) await this.#start();
  }

  #add(fd: 1 | 2, text: string): void {
    const last = this.#queue.at(-1);
    if (last !== undefined && last.fd === fd) last.text += text;
    else this.#queue.push({ fd, text });
    this.#waiting += text.length;
    if (this.#writing !== null) return;
    if (this.#waiting >= PIECE || this.buffering === "none") this.#start();
    else if (this.buffering === null) this.#cancelTimer ??= this.#parts.after(FLUSH_MS, () => this.#start());
  }

  #start(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    return this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
      if (piece.fd === 1 ? this.failure === null : !this.#errorFailed) {
        await this.#write(piece.fd, bytesOfDisplay(piece.text));
      }
      this.#waiting -= piece.text.length;
    }
  }

  async #write(fd: 1 | 2, bytes: Uint8Array): Promise<void> {
    try {
      await this.#parts.write(fd, bytes);
    } catch (error) {
      if (fd === 2) {
        this.#errorFailed = true;
        return;
      }
      const reason = errnoText(-denoErrno(error));
      this.failure = new TsyncError({ kind: "output", detail: `write to standard output failed: ${reason}` });
      this.onFailure(this.failure);
    }
  }
}
