// Whether a half still works, and which of its calls hold handles across pauses. Used by the target half. Promises: behind a pause nothing
// goes on with handles that are closed, or mean something else by now; the half can wait for all that still holds some.

import type { Wait } from "../session/ports.ts";

export class Lifetime {
  /** Why nothing is taken any more; null while the half works. */
  ended: { error: unknown } | null = null;
  /** The calls that are working on open files and folders across pauses. */
  readonly #working = new Set<Promise<unknown>>();
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` hears what ended work that nobody waits for, while the half works. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Only the first end counts. */
  end(error: unknown): void {
    this.ended ??= { error };
  }

  /** Throws what ended the half, if it has ended. */
  demandAlive(): void {
    if (this.ended !== null) throw this.ended.error;
  }

  /** Notes that `work` holds handles until it settles. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#working.add(work);
    try {
      return await work;
    } finally {
      this.#working.delete(work);
    }
  }

  /** The same for a call that mostly has nothing to wait for. */
  whileWaiting(wait: Wait): Wait {
    return wait === undefined ? undefined : this.during(wait);
  }

  /** Lets `work` go on beside everything else; its failure is the half's, unless that has ended. */
  beside(work: Promise<void> | undefined): void {
    if (work === undefined) return;
    this.during(work).catch((error) => {
      if (this.ended === null) this.#onFailure(error);
    });
  }

  /** Settles when nothing is working any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#working);
  }
}
