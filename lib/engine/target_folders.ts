// The folders of the list, each before what lies in it: opens, makes or replaces them at the target and tells how they differ. Used by the
// generator. Promises: a folder that cannot be used is marked as failed and told, and one that changes is noted for its metadata, which
// is set at the end (law 6).

import { Change } from "../base/monitor.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, Stat } from "../os/os.ts";
import { compareMetadata } from "../plan/compare.ts";
import type { KeptLinks } from "./kept_links.ts";
import { replaceByFolder } from "./replace_by_folder.ts";
import type { TargetState } from "./target_state.ts";

export class TargetFolders {
  readonly #state: TargetState;
  readonly #stat = new Stat();
  /** The folder that was begun last, the folder cache's; below zero where it is not open. */
  handle: Handle = -1;
  /** It stands there, and was compared, but was not opened: open() does that. */
  isShut = false;

  constructor(state: TargetState) {
    this.#state = state;
  }

  /** Begins the root: true if it holds nothing of its own. */
  beginRoot(): boolean {
    const state = this.#state;
    const { root, totals } = state;
    this.handle = -1;
    this.isShut = false;
    if (root.hasMetadata) totals.folders++;
    if (root.isNew) {
      state.created.add(0);
      if (root.hasMetadata) this.#created(0);
      // Not an entry of the list, but told: rsync says "created directory".
      else state.changes.changed(0, Change.create);
      if (root.handle < 0) return true;
      if (root.hasMetadata) state.touched.add(0);
    }
    this.handle = state.folders.get(0);
    if (this.handle < 0) {
      this.#lose(0, Verb.open, -this.handle);
      return true;
    }
    if (root.hasMetadata && !root.isNew) this.#compare(0);
    return root.isNew;
  }

  /**
   * Begins a folder below the root: true if it is new. `isStagedWhole`: a new one is made aside and put in place when it is filled;
   * `isKnown`: what it holds is known, so that it need not be opened.
   */
  begin(folder: number, isStagedWhole: boolean, isKnown: boolean): boolean {
    const state = this.#state;
    const { list, created } = state;
    this.handle = -1;
    this.isShut = false;
    if (state.bare.size > 0 && state.bare.has(folder)) return this.#beginBare(folder);
    state.totals.folders++;
    const parent = list.parent(folder);
    if (created.has(parent)) return this.#makeUnless(folder, isStagedWhole);
    this.isShut = isKnown && this.#lookFromParent(folder) === 0 && this.#stat.kind === Kind.folder;
    if (this.isShut) {
      this.#tell(folder);
      return false;
    }
    this.handle = state.folders.get(folder);
    if (this.handle === -Errno.EACCES && this.#openUp(folder)) this.handle = state.folders.get(folder);
    if (state.keptLinks !== null && this.#isNoFolder() && !this.#useLink(state.keptLinks, folder)) return false;
    if (this.handle >= 0) {
      if (state.destinations?.sides.isOpen(this.handle)) {
        state.failed.add(folder);
        state.tell(Verb.skip, Cause.inOwnFolder, 0, state.path(folder));
      } else this.#compare(folder);
      return false;
    }
    if (this.handle === -Errno.ENOENT) return this.#makeUnless(folder, isStagedWhole);
    if (this.#isNoFolder()) {
      if (!state.options.ignoreExisting) return this.#replace(folder);
      state.failed.add(folder);
      return !state.changes.leftOut(folder, Cause.exists);
    }
    this.#lose(folder, Verb.open, -this.handle);
    return false;
  }

  /** The handle of the folder begun last, which may have left the cache meanwhile; below zero where it is not open. */
  resume(folder: number): Handle {
    if (this.#state.failed.has(folder)) return -1;
    return this.handle < 0 ? this.handle : this.open(folder);
  }

  /** The same of one that stands there; below zero, and told, if it cannot be opened. */
  open(folder: number): Handle {
    this.isShut = false;
    this.handle = this.#state.folders.get(folder);
    if (this.handle < 0) this.#lose(folder, Verb.open, -this.handle);
    return this.handle;
  }

  /** A folder below the root of which nothing is listed, because all in it is as it should be: only it itself is compared. */
  compareEqual(folder: number): void {
    const state = this.#state;
    state.totals.folders++;
    const looked = this.#lookFromParent(folder);
    if (looked < 0) state.problem(Verb.stat, -looked, folder);
    else if (this.#stat.kind !== Kind.folder) state.tell(Verb.stat, Cause.targetChanged, 0, state.path(folder));
    else this.#tell(folder);
  }

  /** lstat of what stands at the folder's name; 0, or a negated errno. */
  #lookFromParent(folder: number): number {
    const { list, os, folders } = this.#state;
    const parent = folders.get(list.parent(folder));
    if (parent < 0) return parent;
    return os.statAt(parent, list.namePiece(folder), list.nameStart(folder), list.nameLength(folder), this.#stat);
  }

  #compare(folder: number): void {
    const state = this.#state;
    const looked = state.os.statHandle(this.handle, this.#stat);
    if (looked < 0) return state.problem(Verb.stat, -looked, folder);
    this.#tell(folder);
  }

  /** Compares the folder's metadata with what #stat holds of it. */
  #tell(folder: number): void {
    const state = this.#state;
    if (state.env.takesOnlyNew) {
      // It changes only by what is made in it, and that is not put right.
      state.bare.add(folder);
      return state.changes.changed(folder, 0);
    }
    const change = compareMetadata(state.list, folder, this.#stat, state.options, state.owners) |
      (state.attributes === null ? 0 : state.attributes.compare(this.handle, state.list.attributes(folder)));
    if (change !== 0 && !state.options.dryRun) state.touched.add(folder);
    state.changes.changed(folder, change);
  }

  #lose(folder: number, verb: number, errno: number): void {
    this.#state.failed.add(folder);
    this.#state.problem(verb, errno, folder);
  }

  // ---- what stands at the name

  #isNoFolder(): boolean {
    return this.handle === -Errno.ENOTDIR || this.handle === -Errno.ELOOP;
  }

  /** -K: where a link stands that leads to a folder, that is used. False, and told, if it leads out of the root. */
  #useLink(links: KeptLinks, folder: number): boolean {
    const state = this.#state;
    const handle = links.use(state.root.handle, state.list.path(folder));
    if (handle >= 0) this.handle = state.folders.put(folder, handle);
    if (handle !== -Errno.EXDEV || !this.#leadsToFolder(folder)) return true;
    state.failed.add(folder);
    state.tell(Verb.open, Cause.leadsOut, 0, state.path(folder));
    return false;
  }

  #leadsToFolder(folder: number): boolean {
    const { os, folders, list } = this.#state;
    const parent = folders.get(list.parent(folder));
    const pin = parent < 0 ? parent : os.openThrough(parent, list.name(folder), false);
    if (pin < 0) return false;
    const isFolder = os.statHandle(pin, this.#stat) === 0 && this.#stat.kind === Kind.folder;
    os.close(pin);
    return isFolder;
  }

  /** Without root, a folder of ours that we may not read is opened up for the run; its mode is set again at the end. */
  #openUp(folder: number): boolean {
    const state = this.#state;
    const parent = state.folders.get(state.list.parent(folder));
    if (state.options.dryRun || parent < 0) return false;
    const pin = state.os.pin(parent, state.name(folder));
    if (pin < 0) return false;
    const good = state.os.statHandle(pin, this.#stat) === 0 && this.#stat.kind === Kind.folder &&
      state.os.setMode(pin, this.#stat.mode | 0o700) === 0;
    state.os.close(pin);
    if (good) {
      state.touched.add(folder);
      state.folderModes.set(folder, this.#stat.mode);
    }
    return good;
  }

  // ---- making folders

  /** A folder of which only the name counts: made if it is missing, with a mode of its own, and told to nobody. */
  #beginBare(folder: number): boolean {
    const state = this.#state;
    const { list, created, os } = state;
    this.handle = created.has(list.parent(folder)) ? -Errno.ENOENT : state.folders.get(folder);
    if (this.handle >= 0) return false;
    if (this.handle !== -Errno.ENOENT) {
      this.#lose(folder, Verb.open, -this.handle);
      return false;
    }
    if (state.options.existing) return this.#makeUnless(folder, false);
    created.add(folder);
    if (state.options.dryRun) return true;
    state.newFolders.place(list.parent(folder));
    const parent = state.openForChange(list.parent(folder));
    const made = parent < 0 ? parent : os.makeFolder(parent, state.name(folder), 0o777 & ~state.env.umask);
    if (made < 0 && made !== -Errno.EEXIST) this.#lose(folder, Verb.create, -made);
    else this.#openMade(folder, parent);
    return true;
  }

  /** Makes the folder, unless nothing new is to be made: then it and all below it is passed over. */
  #makeUnless(folder: number, isStagedWhole: boolean): boolean {
    const { options, failed, changes } = this.#state;
    if (!options.existing) return this.#make(folder, isStagedWhole);
    failed.add(folder);
    return !changes.leftOut(folder, Cause.newFolder);
  }

  #make(folder: number, isStagedWhole: boolean): boolean {
    const state = this.#state;
    state.created.add(folder);
    const known = state.destinations?.entries?.newFolder(folder) ?? null;
    if (known === null) this.#created(folder);
    else state.changes.made(folder, known);
    if (state.options.dryRun) return true;
    state.newFolders.place(state.list.parent(folder));
    const parent = state.openForChange(state.list.parent(folder));
    if (isStagedWhole && parent >= 0 && state.stage.placesWhole(parent)) {
      this.#opened(folder, state.newFolders.make(folder, parent));
      return true;
    }
    const made = parent < 0 ? parent : state.os.makeFolder(parent, state.name(folder), 0o700);
    // Somebody else may have made it meanwhile: then it is used.
    if (made < 0 && made !== -Errno.EEXIST) this.#lose(folder, Verb.create, -made);
    else this.#openMade(folder, parent);
    return true;
  }

  /** Something that is no folder stands in the way. */
  #replace(folder: number): boolean {
    const state = this.#state;
    state.created.add(folder);
    this.#created(folder);
    if (state.options.dryRun) return true;
    const parent = state.openForChange(state.list.parent(folder));
    const failure = parent < 0 ? { verb: Verb.create, errno: -parent } : replaceByFolder(state, folder, parent);
    if (failure === null) this.#openMade(folder, parent);
    else this.#lose(folder, failure.verb, failure.errno);
    return true;
  }

  #created(folder: number): void {
    this.#state.changes.created(Kind.folder);
    this.#state.changes.changed(folder, Change.create | Change.local);
  }

  #openMade(folder: number, parent: Handle): void {
    this.#opened(folder, this.#state.os.openFolder(parent, this.#state.name(folder)));
  }

  /** A folder of this run's own, just made: its metadata is set at the end. */
  #opened(folder: number, handle: Handle): void {
    const state = this.#state;
    this.handle = handle < 0 ? handle : state.folders.put(folder, handle);
    if (this.handle < 0) return this.#lose(folder, Verb.open, -this.handle);
    state.touched.add(folder);
  }
}
