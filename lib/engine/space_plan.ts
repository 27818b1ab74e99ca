// The whole plan of a run into a target that holds something, judged for room before the first change. Made by the target half where the source
// has told how much it holds and that is more than is surely free: the pieces of the list are then held back until it has ended, and
// decided twice, first as in a dry run. Promises: nothing is changed here; what is held is 4 numbers for each piece.

import type { Totals } from "../base/monitor.ts";
import type { Os } from "../os/os.ts";
import type { Events } from "../session/events.ts";
import { Generator } from "./generator.ts";
import type { SpaceGuard } from "./space_guard.ts";
import { TargetState } from "./target_state.ts";

/** A piece of a folder's list, as `listed` tells it. */
export interface HeldPiece {
  folder: number;
  first: number;
  count: number;
  flags: number;
}

/** What goes wrong is told when it is done in earnest. */
const SILENT: Events = { entry() {}, deleted() {}, problem() {}, transferred() {}, totals(_: Totals) {} };

export class SpacePlan {
  readonly pieces: HeldPiece[] = [];
  readonly #state: TargetState;
  readonly #guard: SpaceGuard;
  readonly #os: Os;

  /** `os`: the door to the system without what notes changes. */
  constructor(state: TargetState, guard: SpaceGuard, os: Os) {
    this.#state = state;
    this.#guard = guard;
    this.#os = os;
  }

  hold(folder: number, first: number, count: number, flags: number): void {
    this.pieces.push({ folder, first, count, flags });
  }

  /** Throws TsyncError "file" if what would be transferred cannot fit. */
  async check(): Promise<void> {
    const state = this.#asDryRun();
    const generator = new Generator(state);
    try {
      for (const { folder, first, count, flags } of this.pieces) {
        await generator.listed(folder, first, count, flags);
        const pause = state.env.pause();
        if (pause !== undefined) await pause;
      }
      this.#guard.check(state.totals, 0);
    } finally {
      state.folders.close();
    }
  }

  #asDryRun(): TargetState {
    const { env, list, filters, source, digesters, usesDelta, root } = this.#state;
    const state = new TargetState({
      ...{ env: Object.create(env, { os: { value: this.#os } }), list, filters, source, digesters, usesDelta },
      options: planned(this.#state.options),
      events: SILENT,
    });
    state.root = root;
    state.space = this.#guard;
    return state;
  }
}

/** Nothing is done or told. By digest some files of the same size would be wanted, too: those take the room of what they replace. */
function planned(options: TargetState["options"]): TargetState["options"] {
  const { checksum, sizeOnly } = options;
  return {
    ...options,
    ...{
      dryRun: true,
      batchOnly: false,
      delete: false,
      force: false,
      acls: false,
      xattrs: false,
      removeSourceFiles: false,
    },
    ...{ reportEntries: false, reportUnchanged: false, tellsFinished: false, tellsMore: false },
    ...{ checksum: false, sizeOnly: sizeOnly || checksum },
  };
}
