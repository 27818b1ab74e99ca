// CheckParts: one question of the target about paths that it will delete, cut into CHECK messages that fit, and the answers
// joined. Owned by the target's side of a session. Promises: one part is under way at a time; parts hold multiples of eight
// paths, so that the answers' bits join as bytes.

import { assert } from "../base/errors.ts";

const STEP = 8;

export class CheckParts {
  readonly #mostPaths: number;
  readonly #mostBytes: number;
  #paths: Uint8Array[] = [];
  #done = 0;
  #part = 0;
  #absent = new Uint8Array(0);

  /** Bounds of one message: paths (a multiple of eight) and payload bytes (room for eight of the longest paths). */
  constructor(mostPaths: number, mostBytes: number) {
    this.#mostPaths = mostPaths;
    this.#mostBytes = mostBytes;
  }

  get isOpen(): boolean {
    return this.#part > 0;
  }

  /** How many paths the part under way has. */
  get partLength(): number {
    return this.#part;
  }

  /** Starts a question; returns its first part. */
  begin(paths: Uint8Array[]): Uint8Array[] {
    assert(!this.isOpen && paths.length > 0, "one check at a time");
    this.#paths = paths;
    this.#done = 0;
    this.#absent = new Uint8Array(Math.ceil(paths.length / STEP));
    return this.next();
  }

  /** The next part. */
  next(): Uint8Array[] {
    const from = this.#done;
    let to = from;
    let bytes = 8;
    while (to < this.#paths.length && to - from < this.#mostPaths) {
      let more = 0;
      const step = this.#paths.slice(to, to + STEP);
      for (const path of step) more += path.length + 2;
      if (bytes + more > this.#mostBytes) break;
      bytes += more;
      to += step.length;
    }
    this.#part = to - from;
    return this.#paths.slice(from, to);
  }

  /** Takes the answer to the part under way; returns the whole answer when it was the last, else null. */
  answer(absent: Uint8Array): Uint8Array | null {
    this.#absent.set(absent, this.#done / STEP);
    this.#done += this.#part;
    this.#part = 0;
    if (this.#done < this.#paths.length) return null;
    this.#paths = [];
    return this.#absent;
  }
}
