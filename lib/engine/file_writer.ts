// Files at the target while they are written: makes them (aside, in a new folder, or in place), writes to them, and gives the complete ones
// their metadata and the way to their names. Used by the receiver for small and large ones. Promises: what is complete has all its
// metadata before it gets its name (law 1); what cannot be completed is told.

import { EMPTY } from "../base/bytes.ts";
import { Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, OpenMode, Stat } from "../os/os.ts";
import { applyMetadata } from "../tree/apply.ts";
import { FreshFiles, PRIVATE } from "../tree/fresh_files.ts";
import { writeWithHoles } from "../tree/sparse.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import type { FileOutcomes } from "./file_outcomes.ts";
import { InPlace } from "./in_place.ts";
import type { TargetState } from "./target_state.ts";

export class FileWriter {
  readonly #state: TargetState;
  readonly #outcomes: FileOutcomes;
  readonly #stat = new Stat();
  readonly #fresh: FreshFiles;
  #createdMode = PRIVATE;
  /** Name of the small file just made. */
  created: Uint8Array = EMPTY;

  constructor(state: TargetState, outcomes: FileOutcomes) {
    this.#state = state;
    this.#outcomes = outcomes;
    this.#fresh = new FreshFiles(state.os);
  }

  /** A small file is made under its final name in a folder that is not in place yet, else under a temporary one. */
  createSmall(folder: Handle, index: number, inNewFolder: boolean): Handle {
    const { os, stage, list } = this.#state;
    const mode = this.#smallMode(index);
    if (!inNewFolder) {
      const handle = this.create(folder, mode);
      this.created = stage.temporary;
      return handle;
    }
    this.#createdMode = mode;
    this.created = list.name(index);
    return os.openFile(folder, this.created, OpenMode.create, mode);
  }

  /** Makes a file under a temporary name, the stage's; where space or handles are short, what is staged is put in place first. */
  create(folder: Handle, mode: number, of: Uint8Array | null = null): Handle {
    const { stage, folds } = this.#state;
    this.#createdMode = mode;
    const handle = stage.create(folder, mode, of);
    if (folds !== null && handle >= 0 && stage.aside === null) folds.learn(folder, stage.temporary);
    if (handle !== -Errno.ENOSPC && handle !== -Errno.EDQUOT && handle !== -Errno.EMFILE) return handle;
    stage.commit();
    return stage.create(folder, mode, of);
  }

  /** Mode a small file, whose content is verified before it is written, is made with. */
  #smallMode(index: number): number {
    const { list, owners, options } = this.#state;
    if (!options.perms) return PRIVATE;
    return this.#fresh.modeFor(list.parent(index), list.mode(index), owners.uid(index), owners.gid(index));
  }

  /** Writes at `offset`; when space runs out, what is staged is put in place (freeing the old content) and the rest tried again. */
  write(handle: Handle, bytes: Uint8Array, offset: number): number {
    const result = bytes.length === 0 ? 0 : this.#writeOnce(handle, bytes, offset);
    if (result !== -Errno.ENOSPC && result !== -Errno.EDQUOT) return result;
    this.#state.stage.commit();
    return this.#writeOnce(handle, bytes, offset);
  }

  #writeOnce(handle: Handle, bytes: Uint8Array, offset: number): number {
    const { os, options } = this.#state;
    return options.sparse ? writeWithHoles(os, handle, bytes, offset) : os.writeAllAt(handle, bytes, offset);
  }

  /** A small file that may end in a hole gets its full size. */
  setSize(handle: Handle, size: number): number {
    return this.#state.options.sparse && size > 0 ? this.#state.os.truncate(handle, size) : 0;
  }

  // ---- into the file that is there

  /** --inplace: opens what stands at the name, once its backup is made; null where the file is to be written aside. */
  openInPlace(index: number, folder: Handle): InPlace | null | number {
    const { os, options, backup, list } = this.#state;
    const name = this.#state.name(index);
    const opened = InPlace.open(os, folder, name, options.sparse);
    if (opened === null || typeof opened === "number" || backup === null) return opened;
    const kept = backup.keepCopy(folder, list.path(list.parent(index)), name);
    if (kept === 0) return opened;
    os.close(opened.handle);
    return kept;
  }

  /** --append: bytes of the file that is there that stay unseen as the beginning of one of `size` bytes. */
  keptBytes(inPlace: InPlace, size: number): number {
    const { append, appendVerify } = this.#state.options;
    const from = append && !appendVerify ? Math.min(size, inPlace.oldSize) : 0;
    inPlace.keep(from);
    return from;
  }

  /** Metadata of a file that was written in place, and close. */
  finishInPlace(index: number, folder: Handle, { handle }: InPlace): void {
    const state = this.#state;
    const { os, stage, options } = state;
    const has = this.#stat;
    const looked = state.os.statHandle(handle, has);
    const wanted = wantedMetadata(this.#state, index, has.mode);
    const failure = looked < 0 ? { verb: Verb.stat, errno: -looked } : applyMetadata(state.os, handle, has, wanted);
    const synced = failure === null && options.fsync && stage.flushesEach(folder) ? os.sync(handle) : 0;
    const closed = state.os.close(handle) || synced;
    if (failure !== null) return void this.#outcomes.told(index, failure.verb, failure.errno);
    if (closed < 0) return void this.#outcomes.told(index, synced < 0 ? Verb.flush : Verb.write, -closed);
    state.inPlace(index);
  }

  // ---- the complete file

  /** Metadata, close, stage. False: told, and still open. */
  finish(index: number, handle: Handle, folder: Handle, temporary: Uint8Array, size: number): boolean {
    const state = this.#state;
    const { os, stage } = state;
    const name = state.name(index);
    if (state.folds !== null && state.folds.collided.has(index)) {
      this.#outcomes.untransferred(index);
      return false;
    }
    const has = this.#fresh.look(handle, state.list.parent(index), this.#createdMode);
    const isAtItsName = temporary === this.created && state.newFolders.has(state.list.parent(index));
    const existingMode = isAtItsName ? -1 : this.existingMode(folder, name);
    const failure = applyMetadata(os, handle, has, wantedMetadata(this.#state, index, existingMode));
    if (failure !== null) return this.#outcomes.told(index, failure.verb, failure.errno);
    const volume = isAtItsName ? undefined : stage.flushes(folder, state.replaced.has(index));
    if (volume !== undefined) {
      stage.add({ folder, temporary, name: new Uint8Array(name), index, bytes: size, volume, handle });
      return true;
    }
    const closed = os.close(handle);
    if (closed < 0) {
      // The handle is gone whatever close said; the caller must not close it again, so the temporary is dropped here.
      stage.discard(folder, temporary);
      this.#outcomes.untransferred(index);
      state.problem(Verb.write, -closed, index);
      return true;
    }
    if (isAtItsName) state.inPlace(index);
    else stage.add({ folder, temporary, name, index, bytes: size });
    return true;
  }

  /** The next file to be completed was not just made: nothing is known of what it has. */
  forget(): void {
    this.#fresh.forget();
  }

  /** Mode of the entry that stands at the name, where modes are not preserved; -1 if there is none. */
  existingMode(folder: Handle, name: Uint8Array): number {
    if (this.#state.options.perms) return -1;
    const stat = this.#stat;
    if (this.#state.os.statAt(folder, name, 0, name.length, stat) < 0 || stat.kind !== Kind.file) return -1;
    return stat.mode;
  }
}
