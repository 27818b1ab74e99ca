// New folders that are not in place yet: made under a temporary name, filled with whole small files under their final names, and
// put in place by one rename when their files are there. That saves a rename per file (measured: a fifth of the whole
// time). Called by generator and receiver of a streaming session, where a folder's files follow its list. Promises: a folder
// is in place before anything below it is begun, before a large file in it is, and before its handle is closed; at any such
// moment it holds nothing but complete files, so law 1 holds for every path.

import { Verb } from "../base/problem.ts";
import { Errno, type Handle, type Os } from "../os/os.ts";
import { eachName, removeFlatFolder } from "../tree/stage.ts";
import type { TargetState } from "./target_state.ts";

interface Unplaced {
  temporary: Uint8Array;
  /** Files wanted and not yet answered. */
  outstanding: number;
  isListed: boolean;
}

export class NewFolders {
  readonly #state: TargetState;
  readonly #unplaced = new Map<number, Unplaced>();
  /** Called before a folder is put in place: what is being written in it must be complete. */
  beforePlace: (folder: number) => void = () => {};

  constructor(state: TargetState) {
    this.#state = state;
  }

  has(folder: number): boolean {
    return this.#unplaced.size > 0 && this.#unplaced.has(folder);
  }

  /** Makes the folder aside in `parent` and opens it; its handle, or a negated errno. */
  make(folder: number, parent: Handle): Handle {
    const { os, stage } = this.#state;
    const temporary = stage.createOther(parent, (name) => os.makeFolder(parent, name, 0o700));
    if (typeof temporary === "number") return temporary;
    const handle = os.openFolder(parent, temporary);
    if (handle < 0) {
      os.removeFolder(parent, temporary);
      stage.forget(temporary);
      return handle;
    }
    // From here on its own lock keeps another run's sweep away; it is no longer the stage's to remove.
    stage.hold(handle);
    stage.forget(temporary);
    this.#unplaced.set(folder, { temporary, outstanding: 0, isListed: false });
    return handle;
  }

  wants(folder: number): void {
    const unplaced = this.#unplaced.get(folder);
    if (unplaced !== undefined) unplaced.outstanding++;
  }

  /** The folder's list is complete. */
  listed(folder: number): void {
    const unplaced = this.#unplaced.get(folder);
    if (unplaced === undefined) return;
    unplaced.isListed = true;
    if (unplaced.outstanding === 0) this.place(folder);
  }

  /** Wanted files of the folder were answered. */
  answered(folder: number, count: number): void {
    const unplaced = this.#unplaced.get(folder);
    if (unplaced === undefined) return;
    unplaced.outstanding -= count;
    if (unplaced.outstanding === 0 && unplaced.isListed) this.place(folder);
  }

  /** Puts the folder in place, if it is not there yet. */
  place(folder: number): void {
    if (!this.has(folder)) return;
    this.beforePlace(folder);
    const unplaced = this.#unplaced.get(folder);
    if (unplaced === undefined) return;
    this.#unplaced.delete(folder);
    const { os, list, folders } = this.#state;
    const parent = folders.get(list.parent(folder));
    const result = parent < 0 ? parent : renameInto(os, parent, unplaced.temporary, list.name(folder));
    if (result === -Errno.EEXIST) this.#unite(folder, parent, unplaced.temporary);
    else if (result < 0) this.#lose(folder, parent, unplaced.temporary, -result);
  }

  placeAll(): void {
    for (const folder of [...this.#unplaced.keys()]) this.place(folder);
  }

  /** Somebody else made a folder of that name meanwhile: the files move into it one by one. */
  #unite(folder: number, parent: Handle, temporary: Uint8Array): void {
    const { os, list, folders } = this.#state;
    folders.drop(folder);
    const from = os.openFolder(parent, temporary);
    const to = os.openFolder(parent, list.name(folder));
    let errno = Math.max(0, -from, -to);
    if (errno === 0) {
      eachName(os, from, (name) => {
        errno ||= Math.max(0, -os.rename(from, name, to, name));
      });
    }
    if (from >= 0) os.close(from);
    if (to >= 0) os.close(to);
    if (errno > 0) this.#lose(folder, parent, temporary, errno);
    else os.removeFolder(parent, temporary);
  }

  #lose(folder: number, parent: Handle, temporary: Uint8Array, errno: number): void {
    const state = this.#state;
    state.failed.add(folder);
    state.problem(Verb.rename, errno, folder);
    state.folders.drop(folder);
    if (parent >= 0) removeFlatFolder(state.os, parent, temporary);
  }
}

function renameInto(os: Os, parent: Handle, from: Uint8Array, to: Uint8Array): number {
  const result = os.renameNew(parent, from, parent, to);
  if (result !== -Errno.EINVAL && result !== -Errno.ENOSYS) return result;
  const plain = os.rename(parent, from, parent, to);
  return plain === -Errno.ENOTEMPTY ? -Errno.EEXIST : plain;
}
