// One large copy shared by two threads: each takes the next piece that nobody has, reads and writes it at its own offset. Measured on
// tmpfs and ext4: writes to one file wait for each other, reads do not, which saves a quarter. Lies in shared memory; begun by the
// receiver's thread (copy.ts), joined by the second one (lib/engine/fill_worker.ts). Promises: after `end` nobody else touches the
// two handles; the first error of either thread ends both.

import { Verb } from "../base/problem.ts";
import type { Handle, Os } from "../os/os.ts";

const PIECE_BYTES = 1 << 20;
const STEP_BYTES = 256 << 10;
const State = { closed: 0, open: 1, joined: 2 } as const;

export class SharedCopy {
  static readonly BYTES = 64;

  /** State, next piece, source, target, result, verb. */
  readonly #word: Int32Array;
  /** Size of the file, bytes the second thread copied. */
  readonly #bytes: Float64Array;

  readonly #wake: () => void;

  /** `wake` tells the second thread that there is something to join. */
  constructor(memory: SharedArrayBuffer, at: number, wake: () => void) {
    this.#wake = wake;
    this.#word = new Int32Array(memory, at, 6);
    this.#bytes = new Float64Array(memory, at + 32, 2);
  }

  // ---- the thread that owns the copy

  begin(source: Handle, target: Handle, size: number): void {
    this.#word.set([State.closed, 0, source, target, 0, 0]);
    this.#bytes.set([size, 0]);
    Atomics.store(this.#word, 0, State.open);
    this.#wake();
  }

  /** Bytes that are copied or being copied. */
  get begun(): number {
    return Math.min(this.#bytes[0], Atomics.load(this.#word, 1) * PIECE_BYTES);
  }

  /** Nobody joins any more, and who has joined is waited for (one piece). What went wrong, and what the other one copied. */
  end(): { result: number; verb: number; copied: number } {
    const word = this.#word;
    Atomics.store(word, 1, Math.ceil(this.#bytes[0] / PIECE_BYTES));
    Atomics.compareExchange(word, 0, State.open, State.closed);
    while (Atomics.load(word, 0) === State.joined) Atomics.wait(word, 0, State.joined, 100);
    return { result: word[4], verb: word[5], copied: this.#bytes[1] };
  }

  // ---- the other thread

  /** Helps with the copy that is open, if there is one; whether there was. */
  help(os: Os, bytes: Uint8Array, stop: Int32Array): boolean {
    const word = this.#word;
    if (Atomics.compareExchange(word, 0, State.open, State.joined) !== State.open) return false;
    let copied = 0;
    try {
      while (Atomics.load(stop, 0) === 0) {
        const count = this.piece(os, bytes);
        if (count <= 0) break;
        copied += count;
      }
    } finally {
      this.#bytes[1] = copied;
      Atomics.store(word, 0, State.closed);
      Atomics.notify(word, 0);
    }
    return true;
  }

  // ---- both

  /** Copies the next piece through `bytes`; its length (less where the file ended early), or 0 when all is taken or something failed. */
  piece(os: Os, bytes: Uint8Array): number {
    const word = this.#word;
    const size = this.#bytes[0];
    const from = Atomics.add(word, 1, 1) * PIECE_BYTES;
    const end = Math.min(size, from + PIECE_BYTES);
    for (let at = from; at < end;) {
      const step = bytes.subarray(0, Math.min(STEP_BYTES, end - at));
      const count = os.readAt(word[2], step, at);
      if (count === 0) return this.#fail(0, 0, at - from);
      if (count < 0) return this.#fail(count, Verb.read, 0);
      const written = os.writeAllAt(word[3], count < step.length ? step.subarray(0, count) : step, at);
      if (written < 0) return this.#fail(written, Verb.write, 0);
      at += count;
    }
    return Math.max(0, end - from);
  }

  /** Nothing more is taken by anyone. */
  #fail(result: number, verb: number, copied: number): number {
    const word = this.#word;
    if (Atomics.compareExchange(word, 4, 0, result) === 0 && result !== 0) word[5] = verb;
    Atomics.store(word, 1, Math.ceil(this.#bytes[0] / PIECE_BYTES));
    return copied;
  }
}
