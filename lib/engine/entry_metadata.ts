// The metadata that an entry of the list shall have at the target, and setting it. Called by whoever makes, completes or keeps an entry there.
// Promises: it is set on an inode that is held (R6), and on none of another kind than the listed one.

import { Cause, Verb } from "../base/problem.ts";
import { type Handle, Kind, Stat } from "../os/os.ts";
import { keepsTime, runnable } from "../plan/compare.ts";
import { applyMetadata, type Wanted } from "../tree/apply.ts";
import type { TargetState } from "./target_state.ts";

/** Metadata of entry i; `existingMode`: of the entry of the same kind that it replaces, or -1. */
export function wantedMetadata(state: TargetState, i: number, existingMode: number): Wanted {
  const { list, options, owners } = state;
  return {
    mode: wantedMode(state, i, existingMode),
    uid: owners.uid(i),
    gid: owners.gid(i),
    setsTime: keepsTime(options, list.kind(i)),
    mtimeSec: list.mtimeSec(i),
    mtimeNs: list.mtimeNs(i),
    atime: options.atimes && list.kind(i) !== Kind.folder ? { sec: list.atimeSec(i), ns: list.atimeNs(i) } : undefined,
    attributes: state.attributes?.task(list.attributes(i)),
  };
}

/** Mode a new or changed entry gets: the source's with -p; else the existing entry's, or the source's less the umask. */
export function wantedMode({ options, list, env }: TargetState, i: number, existingMode: number): number {
  if (options.perms) return list.mode(i);
  if (options.executability && existingMode >= 0 && list.kind(i) === Kind.file) {
    return runnable(list.mode(i), existingMode);
  }
  return existingMode >= 0 ? existingMode : list.mode(i) & 0o777 & ~env.umask;
}

/** Sets the metadata of entry i behind `handle` if that is of `kind`; false: told. */
export function setMetadata(
  state: TargetState,
  i: number,
  handle: Handle,
  kind: number,
  existingMode: number,
): boolean {
  const stat = new Stat();
  const result = state.os.statHandle(handle, stat);
  unmask(stat, kind);
  if (result < 0 || stat.kind !== kind) {
    state.tell(Verb.stat, result < 0 ? Cause.system : Cause.targetChanged, Math.max(0, -result), state.path(i));
    return false;
  }
  const failure = applyMetadata(state.os, handle, stat, wantedMetadata(state, i, existingMode));
  if (failure !== null) state.problem(failure.verb, failure.errno, i);
  return failure === null;
}

/** A device that is shown as a file (--write-devices) is one again where no file is to stand. */
export function unmask(stat: Stat, kind: number): void {
  if (stat.device !== Kind.unknown && kind !== Kind.file) stat.kind = stat.device;
}
