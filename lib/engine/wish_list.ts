// The files whose content is wanted, since that was last asked for. Filled by the generator; the target half takes it and asks the source.
// Promises: each is counted as a transfer, and as awaited in its folder, when it gets on the list.

import type { TargetState } from "./target_state.ts";

/** Indexes whose content is wanted, whole and as a delta, each in the order in which they were found. */
export interface Wishes {
  wants: Uint32Array;
  deltas: Uint32Array;
}

export class WishList {
  readonly #state: TargetState;
  #wants: number[] = [];
  #deltas: number[] = [];

  constructor(state: TargetState) {
    this.#state = state;
  }

  /**
   * The content of file i is to come, from wherever; `replacedBytes`: what the file that it replaces takes on the disk; `isDelta`: parts of
   * that one may serve.
   */
  count(i: number, replacedBytes: number, isDelta: boolean): void {
    const { space, totals, list } = this.#state;
    space?.want(i, list.size(i), replacedBytes, isDelta);
    totals.transferredFiles++;
    totals.transferredBytes += list.size(i);
  }

  /** It is to come from the source. */
  add(i: number, isDelta: boolean): void {
    const { wanted, newFolders, list } = this.#state;
    wanted.add(i);
    newFolders.wants(list.parent(i));
    (isDelta ? this.#deltas : this.#wants).push(i);
  }

  /** The same for files that could not be had otherwise, when others behind them are on the list already. */
  addLate(indexes: readonly number[]): void {
    for (const i of indexes) this.add(i, false);
    if (indexes.length > 0) this.#wants.sort((a, b) => a - b);
  }

  /** What has come onto the list since the last call. */
  take(): Wishes {
    const found = { wants: Uint32Array.from(this.#wants), deltas: Uint32Array.from(this.#deltas) };
    this.#wants = [];
    this.#deltas = [];
    return found;
  }
}
