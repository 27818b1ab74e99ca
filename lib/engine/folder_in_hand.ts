// The folder whose list the generator has in hand: how it is begun, when it is opened, and what it holds. Used by the generator. Promises: one
// that cannot be used is marked as failed and told; one of whose entries all that counts was seen before is opened only if it is asked for.

import { Cause, Verb } from "../base/problem.ts";
import type { Handle } from "../os/os.ts";
import { isOwnName } from "../tree/own_names.ts";
import { OwnEntries } from "./own_entries.ts";
import { TargetFolders } from "./target_folders.ts";
import type { TargetState } from "./target_state.ts";

export class FolderInHand {
  readonly #state: TargetState;
  readonly #folders: TargetFolders;
  /** What it holds, and what of that nobody listed. */
  readonly own: OwnEntries;
  /** Of the file list. */
  index = -1;
  #open: Handle = -1;

  constructor(state: TargetState) {
    this.#state = state;
    this.#folders = new TargetFolders(state);
    this.own = new OwnEntries(state);
  }

  /** Open, or below zero where it is not there or, which is told, cannot be opened. */
  get handle(): Handle {
    if (this.#folders.isShut) this.#open = this.#folders.open(this.index);
    return this.#open;
  }
  set handle(handle: Handle) {
    this.#folders.isShut = false;
    this.#open = handle;
  }

  /**
   * Makes or opens the folder itself, tells its change, and starts the march over its own names. `isNamed`: only a part of it is listed;
   * `isStagedWhole`: a new one pays to be made aside; `seenIsAll`: what was seen of its entries is all that has to be known of them.
   */
  begin(folder: number, isNamed: boolean, isStagedWhole: boolean, seenIsAll: boolean): void {
    const { failed, list, folds, mounts, seen, places } = this.#state;
    this.index = folder;
    this.handle = -1;
    this.own.begin(folder, isNamed);
    folds?.begin(folder);
    if (folds?.collided.has(folder)) failed.add(folder);
    if (folder !== 0 && (failed.has(list.parent(folder)) || isReserved(this.#state, folder))) failed.add(folder);
    if (failed.has(folder)) {
      if (folder !== 0) this.#state.totals.folders++;
      return;
    }
    const isKnown = seenIsAll && seen.has(folder);
    const isNew = folder === 0 ? this.#folders.beginRoot() : this.#folders.begin(folder, isStagedWhole, isKnown);
    this.#open = this.#folders.handle;
    if (failed.has(folder)) return;
    if (mounts !== null && this.handle >= 0) this.own.isSpared = mounts.begin(folder, this.handle, isNamed);
    if (!isNew && this.#readOwn()) places?.enter(folder, this.handle);
  }

  /** The next piece of its list has come. */
  resume(folder: number): void {
    if (!this.#folders.isShut) this.#open = this.#folders.resume(folder);
  }

  /** All below the folder is as it should be: only it itself is compared. */
  compareEqual(folder: number): void {
    if (folder === 0) this.#folders.beginRoot();
    else this.#folders.compareEqual(folder);
  }

  /** Goes back into the folder of entry i, which a dry run may not have; false, and told, if it cannot be opened. */
  enter(i: number): boolean {
    const { list, options, created, folders } = this.#state;
    this.index = list.parent(i);
    const isMissing = options.dryRun && created.has(this.index);
    this.handle = isMissing ? -1 : folders.get(this.index);
    if (this.handle >= 0 || isMissing) return true;
    this.#state.problem(Verb.open, -this.handle, i);
    return false;
  }

  /** Its names, read or seen before; false, and told, if it cannot be read. */
  #readOwn(): boolean {
    const { seen, failed } = this.#state;
    const known = seen.get(this.index);
    if (known !== undefined) {
      seen.delete(this.index);
      this.own.take(known.told);
      return true;
    }
    const result = this.own.read(this.handle);
    if (result >= 0) return true;
    failed.add(this.index);
    this.#state.problem(Verb.list, -result, this.index);
    return false;
  }
}

/** Names of our own are never made for a peer: told, and passed over with all below. */
export function isReserved(state: TargetState, i: number): boolean {
  const { list } = state;
  if (!isOwnName(list.namePiece(i), list.nameStart(i), list.nameLength(i))) return false;
  state.tell(Verb.skip, Cause.reservedName, 0, list.path(i));
  return true;
}
