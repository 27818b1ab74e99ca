// Makes a link or special: aside, with its metadata, then in place. Called by the generator. Promises: what stands at the name is never without
// an entry (law 1); what cannot be made is told and leaves nothing behind.

import { deviceMajor, deviceMinor } from "../base/file_list.ts";
import { Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind } from "../os/os.ts";
import { setMetadata } from "./entry_metadata.ts";
import type { TargetState } from "./target_state.ts";

/**
 * Makes entry i of `kind` in `folder`, which is ready for changes. `replaces`: something stands at its name; `existingMode`: of the entry of
 * the same kind that it replaces, or -1.
 */
export function placeOther(
  state: TargetState,
  folder: Handle,
  i: number,
  kind: number,
  replaces: boolean,
  existingMode: number,
): void {
  const { os, stage } = state;
  const aside = stage.createOther(folder, (name) => make(state, folder, name, i, kind));
  if (typeof aside === "number") return state.problem(Verb.create, -aside, i);
  const pin = os.pin(folder, aside);
  const good = pin >= 0 && setMetadata(state, i, pin, kind, existingMode);
  if (pin >= 0) os.close(pin);
  else state.problem(Verb.open, -pin, i);
  const name = state.name(i);
  if (!good) return void stage.discard(folder, aside);
  if (!replaces) {
    const placed = os.renameNew(folder, aside, folder, name);
    if (placed === 0) {
      state.links?.landed.add(i);
      state.confirm(i);
      return stage.forget(aside);
    }
    if (placed !== -Errno.EEXIST && placed !== -Errno.EINVAL && placed !== -Errno.ENOSYS) {
      stage.discard(folder, aside);
      return state.problem(Verb.rename, -placed, i);
    }
  }
  stage.add({ folder, temporary: aside, name: new Uint8Array(name), index: i, bytes: 0 });
}

function make(state: TargetState, folder: Handle, name: Uint8Array, i: number, kind: number): number {
  const { os, list } = state;
  if (kind === Kind.link) return os.makeLink(folder, name, state.linkTarget(i));
  const device = list.size(i);
  return os.makeSpecial(folder, name, kind, 0o600, deviceMajor(device), deviceMinor(device));
}
