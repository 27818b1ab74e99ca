// What is about to be deleted is kept before the first of it goes, so that it is brought to the disk once for all (tree/ahead.ts): a trash, or
// backups on another file system. Used by the deleter. Promises: what could not be kept is not counted as kept: it is tried again, and
// told, when its turn comes.

import { joinPath } from "../base/bytes.ts";
import { type Handle, Kind } from "../os/os.ts";
import type { DoomedChild } from "./doomed_folder.ts";
import type { OwnEntries } from "./own_entries.ts";
import type { TargetState } from "./target_state.ts";

/** The given extras, folders aside. */
export async function keepExtras(
  state: TargetState,
  extras: OwnEntries["extras"],
  doomed: Iterable<number>,
): Promise<void> {
  const { ahead, list, keptLinks } = state;
  if (ahead === null || state.options.maxDelete >= 0) return;
  for (const i of doomed) {
    const parent = list.path(extras.parent(i));
    if (extras.kind(i) === Kind.folder || keptLinks?.keeps(joinPath(parent, extras.name(i)))) continue;
    const folder = state.openForChange(extras.parent(i));
    if (folder >= 0) ahead.keepGoing(folder, parent, new Uint8Array(extras.name(i)));
  }
  await ahead.flush();
}

/** The open folder at `path`, and of what it holds all but its folders. */
export function keepInside(state: TargetState, folder: Handle, path: Uint8Array, doomed: readonly DoomedChild[]): void {
  const { ahead } = state;
  if (ahead === null || state.options.maxDelete >= 0) return;
  ahead.goes(folder);
  for (const { name, kind } of doomed) if (kind !== Kind.folder) ahead.keepGoing(folder, path, name);
  ahead.flushNow();
}
