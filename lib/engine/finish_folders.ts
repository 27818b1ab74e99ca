// The end of the run in the target's folders: what dead runs left goes, then the metadata of those that changed is set, children before
// parents, because each change below renews a folder's time (law 6). Called by the target half when all else is in place.

import { Verb } from "../base/problem.ts";
import { type Handle, Stat } from "../os/os.ts";
import { applyMetadata } from "../tree/apply.ts";
import { sweep } from "../tree/stage.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import type { OwnEntries } from "./own_entries.ts";
import type { TargetState } from "./target_state.ts";

export function finishFolders(state: TargetState, own: OwnEntries): void {
  if (state.options.dryRun) return;
  sweepLeftovers(state, own);
  for (const folder of state.touched.descending()) if (!state.failed.has(folder)) finishFolder(state, folder);
}

function finishFolder(state: TargetState, folder: number): void {
  const { os } = state;
  const handle = state.folders.get(folder);
  if (handle < 0) return state.problem(Verb.open, -handle, folder);
  const stat = new Stat();
  const looked = os.statHandle(handle, stat);
  if (looked < 0) return state.problem(Verb.stat, -looked, folder);
  if (state.bare.has(folder)) return closeAgain(state, folder, handle);
  // Where modes are not preserved, an existing folder keeps the one that it had before it was opened up for changes.
  const existing = state.created.has(folder) ? -1 : state.folderModes.get(folder) ?? stat.mode;
  const failure = applyMetadata(os, handle, stat, wantedMetadata(state, folder, existing));
  if (failure !== null) state.problem(failure.verb, failure.errno, folder);
  const synced = state.stage.flushesEach(handle) ? os.sync(handle) : 0;
  if (synced < 0) state.problem(Verb.flush, -synced, folder);
}

/** A folder whose metadata does not count gets back the mode it had. */
function closeAgain(state: TargetState, folder: number, handle: Handle): void {
  const mode = state.folderModes.get(folder);
  const result = mode === undefined ? 0 : state.os.setMode(handle, mode);
  if (result < 0) state.problem(Verb.setMode, -result, folder);
}

/** Temporary files of dead runs go; what a live run may be using stays. */
function sweepLeftovers(state: TargetState, own: OwnEntries): void {
  for (const [folder, names] of own.leftovers) {
    const handle = state.openForChange(folder);
    if (handle < 0) continue;
    // Our own hold on the folder would stand in the way of the sweep's exclusive lock: it is given up first.
    state.stage.release(handle);
    sweep(state.os, handle, names, state.env.identity.uid);
  }
  state.destinations?.sweepTemp();
  for (const folder of own.withPartials) {
    const handle = state.folders.get(folder);
    // Its time is renewed by that.
    if (handle >= 0 && state.partials?.sweep(handle)) state.openForChange(folder);
  }
}
