// Puts a new folder in the place of something that is no folder. Called where a listed folder is made. Promises: in one step where the file
// system can swap, else in two; what stood there goes (with -b to its backup) only when the folder is in place, and a folder that somebody
// else put there meanwhile stays.

import { Errno, type Handle, Kind, Stat } from "../os/os.ts";
import { Verb } from "../base/problem.ts";
import type { TargetState } from "./target_state.ts";

/** Replaces what stands at the name of entry `folder` in `parent`, which is ready for changes; null, or what failed. */
export function replaceByFolder(
  state: TargetState,
  folder: number,
  parent: Handle,
): { verb: number; errno: number } | null {
  const { os, stage } = state;
  const aside = stage.createOther(parent, (name) => os.makeFolder(parent, name, 0o700));
  if (typeof aside === "number") return { verb: Verb.create, errno: -aside };
  const old = swapIn(state, parent, aside, state.name(folder));
  if (typeof old === "number") {
    os.removeFolder(parent, aside);
    stage.forget(aside);
    return { verb: Verb.replace, errno: -old };
  }
  const removed = state.backup === null ? stage.discard(parent, old) : moveAway(state, parent, old, folder);
  if (removed === -Errno.EISDIR || removed === -Errno.EPERM) giveBack(state, parent, old, folder);
  else if (removed < 0) state.problem(Verb.remove, -removed, folder);
  return null;
}

/** Puts `aside` in the place of what stands at `name`. Returns the temporary name that the old thing has now, or a negated errno. */
function swapIn({ os, stage }: TargetState, parent: Handle, aside: Uint8Array, name: Uint8Array): Uint8Array | number {
  const swapped = os.exchange(parent, aside, parent, name);
  if (swapped === 0) return aside;
  if (swapped !== -Errno.EINVAL && swapped !== -Errno.ENOSYS) return swapped;
  const old = stage.createOther(parent, (temporary) => os.rename(parent, name, parent, temporary));
  if (typeof old === "number") return old;
  const placed = os.rename(parent, aside, parent, name);
  if (placed === 0) {
    stage.forget(aside);
    return old;
  }
  os.rename(parent, old, parent, name);
  stage.forget(old);
  return placed;
}

/** -b: what was swapped out becomes the backup. */
function moveAway(state: TargetState, parent: Handle, old: Uint8Array, folder: number): number {
  const { backup, list, stage, os } = state;
  const stat = new Stat();
  if (os.statAt(parent, old, 0, old.length, stat) === 0 && stat.kind === Kind.folder) return -Errno.EISDIR;
  const moved = backup!.moveAway(parent, old, list.path(list.parent(folder)), list.name(folder));
  stage.forget(old);
  return moved;
}

/** What was swapped out is a folder that somebody else put there meanwhile: it goes back, and ours, still empty, goes. */
function giveBack(state: TargetState, parent: Handle, old: Uint8Array, folder: number): void {
  const swapped = state.os.exchange(parent, old, parent, state.name(folder));
  const removed = swapped < 0 ? swapped : state.os.removeFolder(parent, old);
  if (removed < 0) state.problem(Verb.replace, -removed, folder);
}
