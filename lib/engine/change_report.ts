// Tells what was decided of each entry of the list, as far as the job wants to hear of it. Held by TargetState; called by whoever decides,
// makes or links entries at the target. Promises: nothing is allocated for an entry that nobody wants told.

import { Change } from "../base/monitor.ts";
import { Verb } from "../base/problem.ts";
import { Kind } from "../os/os.ts";
import type { TargetState } from "./target_state.ts";

export class ChangeReport {
  readonly #state: TargetState;
  /** Change bits that were told last. */
  last = 0;

  constructor(state: TargetState) {
    this.#state = state;
  }

  /** Entry i differs in `change`; 0: it is as it should be. */
  changed(i: number, change: number): void {
    const { options, events } = this.#state;
    this.last = change;
    if (options.reportEntries && (change !== 0 || options.reportUnchanged)) events.entry(i, change);
  }

  /** The same of what is made without content from the source: where it is equal to what it is made of, only with the unchanged ones. */
  made(i: number, change: number): void {
    const isNews = (change & ~(Change.local | Change.hardLink)) !== 0;
    if (isNews || this.#state.options.reportUnchanged) this.changed(i, change);
  }

  /** Entry i, of that kind, is new: it is counted. */
  created(kind: number): void {
    const { totals } = this.#state;
    if (kind === Kind.file) totals.createdFiles++;
    else if (kind === Kind.folder) totals.createdFolders++;
    else if (kind === Kind.link) totals.createdLinks++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) totals.createdDevices++;
    else totals.createdSpecials++;
  }

  /** An option leaves entry i out: told where everything is; true. */
  leftOut(i: number, cause: number): true {
    const state = this.#state;
    if (state.options.reportUnchanged || state.options.tellsMore) state.tell(Verb.skip, cause, 0, state.path(i));
    return true;
  }
}
