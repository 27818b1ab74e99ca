// What lies in a target folder that is to go: each child that may go with it, and how many stay. Used by the deleter. Promises: it works below
// held folders, never through a link; what rules, options or other runs protect is never handed out.

import { joinPath } from "../base/bytes.ts";
import { Cause, Verb } from "../base/problem.ts";
import type { FilterPlace } from "../filter/filter_set.ts";
import { Errno, type Handle, Kind, Stat } from "../os/os.ts";
import { isOwnName, isOwnTemporary, isPartialFolderName } from "../tree/own_names.ts";
import { sweepPartials } from "../tree/partials.ts";
import { SortedListing } from "../tree/sorted_listing.ts";
import { sweep } from "../tree/stage.ts";
import type { TargetState } from "./target_state.ts";

export interface DoomedChild {
  name: Uint8Array;
  kind: number;
  path: Uint8Array;
}

/** Called for a child that may go, with its open folder and the rules that hold there. */
export type Visit = (
  folder: Handle,
  name: Uint8Array,
  kind: number,
  path: Uint8Array,
  place: FilterPlace | null,
) => void;

/**
 * Calls `visit` for each child of the folder at `path` that may go, in reverse order, with the open folder and the rules that hold
 * in it; `before` is called with all of them first. Returns how many stay: protected ones, our own names in use, and 1 if the folder (or its
 * file of rules) cannot be read.
 */
export function eachChild(
  state: TargetState,
  path: Uint8Array,
  above: FilterPlace | null,
  visit: Visit,
  before: (folder: Handle, doomed: readonly DoomedChild[]) => void = () => {},
): number {
  const { os, places } = state;
  const handle = state.openBeneath(path);
  // It is no folder any more: nothing stays in it, and what becomes of the name shows where it is removed.
  if (handle === -Errno.ENOENT || handle === -Errno.ENOTDIR || handle === -Errno.ELOOP) return 0;
  if (handle < 0) {
    state.tell(Verb.open, Cause.system, -handle, path);
    return 1;
  }
  try {
    if (state.destinations?.sides.isOpen(handle) || state.mounts?.isMounted(handle, path)) return 1;
    const place = places?.inside(above, path, handle) ?? null;
    return places !== null && place === null ? 1 : visitChildren(state, path, handle, place, visit, before);
  } finally {
    os.close(handle);
  }
}

function visitChildren(
  state: TargetState,
  path: Uint8Array,
  handle: Handle,
  place: FilterPlace | null,
  visit: Visit,
  before: (folder: Handle, doomed: readonly DoomedChild[]) => void,
): number {
  const { os } = state;
  const doomed: DoomedChild[] = [];
  const names = new SortedListing();
  const result = names.read(os, handle);
  if (result < 0) state.tell(Verb.list, Cause.system, -result, path);
  let staying = result < 0 ? 1 : 0;
  const stat = new Stat();
  for (let position = names.count - 1; position >= 0; position--) {
    const name = names.name(position);
    if (isOwnName(name, 0, name.length)) {
      staying += clearOwn(state, handle, name);
      continue;
    }
    let kind = names.kind(position);
    if (kind === Kind.unknown && os.statAt(handle, name, 0, name.length, stat) === 0) kind = stat.kind;
    const child = joinPath(path, name);
    const look = () => os.statAt(handle, name, 0, name.length, stat) < 0 ? null : stat;
    const isKept = state.keptLinks?.keeps(child) ||
      (kind === Kind.folder && state.mounts?.keeps(handle, look(), child, true));
    if (isKept || state.isProtected(child, name, kind === Kind.folder, look, place, true)) staying++;
    else doomed.push({ name, kind, path: child });
  }
  before(handle, doomed);
  for (const child of doomed) visit(handle, child.name, child.kind, child.path, place);
  return staying;
}

/** A temporary file that a dead run left in a folder that goes: it goes too. 1 if it stays. */
function clearOwn(state: TargetState, folder: Handle, name: Uint8Array): number {
  const { os, options, env } = state;
  if (options.dryRun) return 1;
  if (isPartialFolderName(name)) {
    sweepPartials(os, folder, env.identity.uid, Infinity);
    return os.statAt(folder, name, 0, name.length, new Stat()) === -Errno.ENOENT ? 0 : 1;
  }
  if (!isOwnTemporary(name)) return 1;
  return sweep(os, folder, [name], env.identity.uid) === 1 ? 0 : 1;
}

/** Whether the folder holds nothing at all; one that cannot be read counts as empty, which the real run then finds out. */
export function isEmptyFolder(state: TargetState, path: Uint8Array): boolean {
  const { os } = state;
  const handle = state.openBeneath(path);
  if (handle < 0) return true;
  const names = new SortedListing();
  names.read(os, handle);
  os.close(handle);
  return names.count === 0;
}
