// --delay-updates: files that are complete wait in a folder beside their place (rsync's `.~tmp~`, or --partial-dir) until all are there. Made
// by TargetState; the stage asks it before it puts a file in place, the target half at the end. Promises: a run that ends early leaves what
// it has there, as the basis of the next one; each file gets its name by one rename.

import { IndexSet } from "../base/index_set.ts";
import { Kind, type Os } from "../os/os.ts";
import type { StagedFile } from "../tree/stage.ts";
import type { TargetState } from "./target_state.ts";

export class Delayed {
  readonly #state: TargetState;
  readonly #os: Os;
  readonly #waiting = new IndexSet();
  /** All is there: what is staged now gets its name. */
  #isOver = false;

  constructor(state: TargetState) {
    this.#state = state;
    this.#os = state.os;
  }

  /** Whether the staged file is one that waits. */
  takes({ index, isName }: StagedFile): boolean {
    return !this.#isOver && !isName && this.#state.list.kind(index) === Kind.file;
  }

  /** Puts a staged file where it waits: 1; 0 where it is none that waits, or a negated errno. */
  take(file: StagedFile): number {
    const { index, folder, temporary, name } = file;
    const { partials } = this.#state;
    if (!this.takes(file)) return 0;
    const moved = partials!.inside(folder, (aside) => this.#os.rename(folder, temporary, aside, name), true);
    if (moved < 0) return moved;
    this.#waiting.add(index);
    return 1;
  }

  /** Whether the file waits and is not in place. */
  isWaiting(i: number): boolean {
    return !this.#isOver && this.#waiting.has(i);
  }

  /** Stages again all that waits; the stage puts it in place. */
  async place(): Promise<void> {
    this.#isOver = true;
    const { env } = this.#state;
    for (const i of [...this.#waiting.descending()].reverse()) {
      this.#stage(i);
      const pause = env.pause();
      if (pause !== undefined) await pause;
    }
  }

  #stage(i: number): void {
    const state = this.#state;
    const { stage, list, partials } = state;
    const name = new Uint8Array(state.name(i));
    const folder = state.openForChange(list.parent(i));
    const temporary = folder < 0 ? folder : stage.createOther(folder, (free) => {
      return partials!.inside(folder, (aside) => this.#os.rename(aside, name, folder, free));
    });
    if (typeof temporary === "number") return state.notPlaced(i, -temporary);
    partials!.removeEmpty(folder);
    stage.add({ folder, temporary, name, index: i, bytes: list.size(i) });
  }
}
