// The generator (rsync's word): marches each listed folder against the target's own, decides every entry, makes folders,
// links and specials, brings metadata in step, and collects which files' content is wanted and which own entries are extra.

import { Told } from "../base/attributes.ts";
import { Change } from "../base/monitor.ts";
import { FileList } from "../base/file_list.ts";
import { Cause, Verb } from "../base/problem.ts";
import { equalBytes, joinPath } from "../base/bytes.ts";
import { LINK_TARGET_BYTES } from "../base/limits.ts";
import { deviceMajor, deviceMinor } from "../base/file_list.ts";
import { Errno, type Handle, Kind, OpenMode, Stat } from "../os/os.ts";
import { beyondSizes, compareMetadata, isNewer, keepsTime, quickCheck } from "../plan/compare.ts";
import { isUnsafeLink } from "../plan/unsafe_link.ts";
import { March } from "../plan/march.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import { FolderPiece } from "../session/ports.ts";
import { applyMetadata, type Wanted } from "../tree/apply.ts";
import { digestFile } from "../tree/digest_file.ts";
import { isOwnName, isOwnTemporary, isPartialFolder, isPartialFolderName, isTrashName } from "../tree/own_names.ts";
import { SortedListing } from "../tree/sorted_listing.ts";
import type { SubtreeTally } from "../tree/subtree_digests.ts";
import type { AlternativeEntries } from "./alternative_entries.ts";
import type { KeptLinks } from "./kept_links.ts";
import type { TargetState } from "./target_state.ts";

/** A smaller file is sent whole: its signature and the questions cost more than it saves, bytes. */
const LEAST_DELTA_BYTES = 16 << 10;

/** Indexes whose content is wanted, whole and as a delta. */
export interface Wishes {
  wants: Uint32Array;
  deltas: Uint32Array;
}

export class Generator {
  readonly #state: TargetState;
  readonly #own = new SortedListing();
  readonly #march = new March();
  readonly #stat = new Stat();
  readonly #linkTarget = new Uint8Array(LINK_TARGET_BYTES + 1);
  /** Indexes whose content is wanted, whole or as a delta, found since the last take. */
  #wants: number[] = [];
  #deltas: number[] = [];
  /** Own entries without a twin in the list: parent = index of their folder in the file list. Only with --delete. */
  readonly extras = new FileList();
  /** Own entries looked at, extras included: what a share of deletions is reckoned against. */
  ownEntries = 0;
  /** Temporary names seen, by folder. */
  readonly leftovers = new Map<number, Uint8Array[]>();
  /** Folders with partials of earlier runs in them. */
  readonly withPartials: number[] = [];
  /** Where names fold: positions of own names that no listed one has, byte by byte; looked at when the folder's list is complete. */
  readonly #unfolded: number[] = [];
  #folder = -1;
  #handle: Handle = -1;
  /** What else the folder holds is not this run's business. */
  #isNamed = false;
  /** The same, or it lies on another file system (-x). */
  #isSpared = false;
  /** An option leaves some of the listed entries out: -u, --existing, --ignore-existing, --max-size, --min-size. */
  readonly #leavesOut: boolean;
  /** The entry in hand stands at the target and is not to be touched. */
  #isFixed = false;
  /** What was told last. */
  #change = 0;
  /** Null where there are no alternative destinations. */
  #alternatives: AlternativeEntries | null = null;

  constructor(state: TargetState) {
    this.#state = state;
    const { update, existing, ignoreExisting, maxSize, minSize } = state.options;
    this.#leavesOut = update || existing || ignoreExisting || maxSize !== null || minSize !== null;
  }

  /** One piece of a folder's list. Returns the indexes whose content is wanted, whole and as a delta, each in order. */
  async listed(
    folder: number,
    first: number,
    count: number,
    flags: number,
  ): Promise<Wishes> {
    if ((flags & FolderPiece.first) !== 0) {
      this.#isNamed = (flags & FolderPiece.named) !== 0;
      this.#isSpared = this.#isNamed;
      if ((flags & FolderPiece.bare) !== 0) this.#state.bare.add(folder);
      this.#begin(folder, this.#isStagedWhole(first, count));
    } else this.#resume(folder);
    this.#state.folds?.piece(first, count);
    this.#alternatives ??= this.#state.destinations?.entriesFor(this) ?? null;
    if (this.#state.options.checksum) await this.#decideByDigest(first, count);
    else this.#decideByQuickCheck(first, count);
    if (this.#alternatives !== null) await this.#copyAlternatives();
    if ((flags & FolderPiece.last) !== 0) {
      this.#march.finish(this.#extra);
      for (const position of this.#unfolded.splice(0)) this.#extraUnlessListed(position);
      this.#state.newFolders.listed(folder);
    }
    return this.takeWishes();
  }

  /** What was found to be wanted since the last call. */
  takeWishes(): Wishes {
    const found = { wants: Uint32Array.from(this.#wants), deltas: Uint32Array.from(this.#deltas) };
    this.#wants = [];
    this.#deltas = [];
    return found;
  }

  /** What cannot be copied from an alternative destination comes from the source. */
  async #copyAlternatives(): Promise<void> {
    const failed = await this.#alternatives!.copy();
    for (const i of failed) this.#enqueue(i, false);
    if (failed.length > 0) this.#wants.sort((a, b) => a - b);
  }

  #decideByQuickCheck(first: number, count: number): void {
    for (let i = first; i < first + count; i++) this.#decide(i, this.#find(i), -1);
  }

  async #decideByDigest(first: number, count: number): Promise<void> {
    for (let i = first; i < first + count; i++) {
      const position = this.#find(i);
      const { alternatives, list } = this.#state;
      if (alternatives !== null && list.kind(i) === Kind.file) await alternatives.digest(i);
      this.#decide(i, position, position < 0 ? -1 : await this.#digestEqual(i));
    }
  }

  /** Position of entry i's twin among the own names or -1. A file that gets another name is looked up by that name instead. */
  #find(i: number): number {
    return this.#state.root.singleName !== null ? 0 : this.#march.find(this.#state.list, i, this.#extra);
  }

  // ---- folders

  /** Makes or opens the folder itself, tells its change, and starts the march over its own names. */
  #begin(folder: number, isStagedWhole: boolean): void {
    const { failed, list } = this.#state;
    this.#folder = folder;
    this.#handle = -1;
    this.#own.listing.clear();
    this.#march.start(null);
    this.#unfolded.length = 0;
    this.#state.folds?.begin(folder);
    if (this.#state.folds?.collided.has(folder)) failed.add(folder);
    if (folder !== 0 && (failed.has(list.parent(folder)) || this.#isReserved(folder))) failed.add(folder);
    if (failed.has(folder)) {
      if (folder !== 0) this.#state.totals.folders++;
      return;
    }
    const isNew = folder === 0 ? this.#beginRoot() : this.#beginFolder(folder, isStagedWhole);
    if (failed.has(folder)) return;
    const { mounts } = this.#state;
    if (mounts !== null && this.#handle >= 0) this.#isSpared = mounts.begin(folder, this.#handle, this.#isNamed);
    if (isNew) return;
    const result = this.#own.read(this.#state.os, this.#handle);
    if (result < 0) {
      failed.add(folder);
      return this.#state.problem(Verb.list, -result, folder);
    }
    this.#state.folds?.learnFrom(this.#handle, this.#own.listing);
    this.#march.start(this.#own);
    this.#state.places?.enter(folder, this.#handle);
  }

  /** Whether a new folder pays to be made aside and put in place whole: its files follow at once, and there are some. */
  #isStagedWhole(first: number, count: number): boolean {
    const { streaming, list, delayed, stage } = this.#state;
    const mayBe = streaming && delayed === null && stage.aside === null;
    let files = 0;
    for (let i = first; mayBe && files < 2 && i < first + count; i++) if (list.kind(i) === Kind.file) files++;
    return files === 2;
  }

  /** A further piece: the folder may have left the cache since the last one. */
  #resume(folder: number): void {
    const state = this.#state;
    if (state.failed.has(folder) || this.#handle < 0) return;
    this.#handle = state.folders.get(folder);
    if (this.#handle < 0) this.#lose(folder, Verb.open, -this.#handle);
  }

  /** The root: true if it holds nothing of its own. */
  #beginRoot(): boolean {
    const state = this.#state;
    const { root, totals } = state;
    if (root.hasMetadata) totals.folders++;
    if (root.isNew) {
      state.created.add(0);
      if (root.hasMetadata) this.#createdFolder(0);
      // Not an entry of the list, but told: rsync says "created directory".
      else this.#report(0, Change.create);
      if (root.handle < 0) return true;
      if (root.hasMetadata) state.touched.add(0);
    }
    this.#handle = state.folders.get(0);
    if (this.#handle < 0) {
      state.failed.add(0);
      state.problem(Verb.open, -this.#handle, 0);
      return true;
    }
    if (root.hasMetadata && !root.isNew) this.#compareFolder(0);
    return root.isNew;
  }

  /** A folder of which only the name counts: made if it is missing, with a mode of its own, and told to nobody. */
  #beginBare(folder: number): boolean {
    const state = this.#state;
    const { list, created, os } = state;
    this.#handle = created.has(list.parent(folder)) ? -Errno.ENOENT : state.folders.get(folder);
    if (this.#handle >= 0) return false;
    if (this.#handle !== -Errno.ENOENT) {
      this.#lose(folder, Verb.open, -this.#handle);
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

  /** A folder below the root: true if it is new. */
  #beginFolder(folder: number, isStagedWhole: boolean): boolean {
    const state = this.#state;
    const { list, created } = state;
    if (state.bare.size > 0 && state.bare.has(folder)) return this.#beginBare(folder);
    state.totals.folders++;
    const parent = list.parent(folder);
    if (created.has(parent)) return this.#makeUnless(folder, isStagedWhole);
    this.#handle = state.folders.get(folder);
    if (this.#handle === -Errno.EACCES && this.#openUp(folder)) this.#handle = state.folders.get(folder);
    if (state.keptLinks !== null && this.#isNoFolder() && !this.#useLink(state.keptLinks, folder)) return false;
    if (this.#handle >= 0) {
      if (state.destinations?.sides.isOpen(this.#handle)) {
        state.failed.add(folder);
        state.tell(Verb.skip, Cause.inOwnFolder, 0, state.path(folder));
      } else this.#compareFolder(folder);
      return false;
    }
    if (this.#handle === -Errno.ENOENT) return this.#makeUnless(folder, isStagedWhole);
    if (this.#isNoFolder()) {
      if (!state.options.ignoreExisting) return this.#replaceByFolder(folder);
      state.failed.add(folder);
      return !this.#leaveOut(folder, Cause.exists);
    }
    state.failed.add(folder);
    state.problem(Verb.open, -this.#handle, folder);
    return false;
  }

  #isNoFolder(): boolean {
    return this.#handle === -Errno.ENOTDIR || this.#handle === -Errno.ELOOP;
  }

  /** -K: where a link stands that leads to a folder, that is used. False, and told, if it leads out of the root. */
  #useLink(links: KeptLinks, folder: number): boolean {
    const state = this.#state;
    const handle = links.use(state.root.handle, state.list.path(folder));
    if (handle >= 0) this.#handle = state.folders.put(folder, handle);
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

  /** All below the folder is as it should be: it is counted, and only the folder itself is compared. */
  equalSubtree(folder: number, below: SubtreeTally): void {
    const state = this.#state;
    const { totals, list, os } = state;
    if (folder === 0) this.#beginRoot();
    else {
      totals.folders++;
      const parent = state.folders.get(list.parent(folder));
      const looked = parent < 0
        ? parent
        : os.statAt(parent, list.namePiece(folder), list.nameStart(folder), list.nameLength(folder), this.#stat);
      if (looked < 0) state.problem(Verb.stat, -looked, folder);
      else if (this.#stat.kind !== Kind.folder) state.tell(Verb.stat, Cause.targetChanged, 0, state.path(folder));
      else this.#tellFolder(folder);
    }
    totals.files += below.files;
    totals.folders += below.folders;
    totals.links += below.links;
    totals.devices += below.devices;
    totals.specials += below.specials;
    totals.totalBytes += below.bytes;
    const others = below.files + below.links + below.devices + below.specials;
    totals.unchanged += others;
    this.ownEntries += others + below.folders;
  }

  #compareFolder(folder: number): void {
    const state = this.#state;
    const looked = state.os.statHandle(this.#handle, this.#stat);
    if (looked < 0) return state.problem(Verb.stat, -looked, folder);
    this.#tellFolder(folder);
  }

  /** Compares the folder's metadata with what #stat holds of it. */
  #tellFolder(folder: number): void {
    const state = this.#state;
    if (state.env.takesOnlyNew) {
      // It changes only by what is made in it, and that is not put right.
      state.bare.add(folder);
      return this.#report(folder, 0);
    }
    const change = compareMetadata(state.list, folder, this.#stat, state.options, state.owners) |
      (state.attributes === null ? 0 : state.attributes.compare(this.#handle, state.list.attributes(folder)));
    if (change !== 0 && !state.options.dryRun) state.touched.add(folder);
    this.#report(folder, change);
  }

  /** Makes the folder, unless nothing new is to be made: then it and all below it is passed over. */
  #makeUnless(folder: number, isStagedWhole: boolean): boolean {
    const { options, failed } = this.#state;
    if (!options.existing) return this.#make(folder, isStagedWhole);
    failed.add(folder);
    return !this.#leaveOut(folder, Cause.newFolder);
  }

  #make(folder: number, isStagedWhole: boolean): boolean {
    const state = this.#state;
    state.created.add(folder);
    const known = this.#alternatives?.newFolder(folder) ?? null;
    if (known === null) this.#createdFolder(folder);
    else this.tell(folder, known);
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

  #openMade(folder: number, parent: Handle): void {
    this.#opened(folder, this.#state.os.openFolder(parent, this.#state.name(folder)));
  }

  /** A folder of this run's own, just made: its metadata is set at the end. */
  #opened(folder: number, handle: Handle): void {
    const state = this.#state;
    this.#handle = handle < 0 ? handle : state.folders.put(folder, handle);
    if (this.#handle < 0) return this.#lose(folder, Verb.open, -this.#handle);
    state.touched.add(folder);
  }

  #lose(folder: number, verb: number, errno: number): void {
    this.#state.failed.add(folder);
    this.#state.problem(verb, errno, folder);
  }

  #createdFolder(folder: number): void {
    this.#state.totals.createdFolders++;
    this.#report(folder, Change.create | Change.local);
  }

  /** Something that is no folder stands in the way: a new folder is made aside and swapped in, then the old thing removed. */
  #replaceByFolder(folder: number): boolean {
    const state = this.#state;
    const { os, stage, list } = state;
    state.created.add(folder);
    this.#createdFolder(folder);
    if (state.options.dryRun) return true;
    const parent = state.openForChange(list.parent(folder));
    const aside = parent < 0 ? parent : stage.createOther(parent, (name) => os.makeFolder(parent, name, 0o700));
    if (typeof aside === "number") {
      this.#lose(folder, Verb.create, -aside);
      return true;
    }
    const old = this.#swapIn(parent, aside, state.name(folder));
    if (typeof old === "number") {
      os.removeFolder(parent, aside);
      stage.forget(aside);
      this.#lose(folder, Verb.replace, -old);
      return true;
    }
    const removed = state.backup === null ? stage.discard(parent, old) : this.#moveAway(parent, old, folder);
    if (removed === -Errno.EISDIR || removed === -Errno.EPERM) this.#giveBack(parent, old, folder);
    else if (removed < 0) state.problem(Verb.remove, -removed, folder);
    this.#openMade(folder, parent);
    return true;
  }

  /** -b: what was swapped out becomes the backup. */
  #moveAway(parent: Handle, old: Uint8Array, folder: number): number {
    const { backup, list, stage, os } = this.#state;
    const stat = new Stat();
    if (os.statAt(parent, old, 0, old.length, stat) === 0 && stat.kind === Kind.folder) return -Errno.EISDIR;
    const moved = backup!.moveAway(parent, old, list.path(list.parent(folder)), list.name(folder));
    stage.forget(old);
    return moved;
  }

  /** What was swapped out is a folder that somebody else put there meanwhile: it goes back, and ours, still empty, goes. */
  #giveBack(parent: Handle, old: Uint8Array, folder: number): void {
    const state = this.#state;
    const swapped = state.os.exchange(parent, old, parent, state.name(folder));
    const removed = swapped < 0 ? swapped : state.os.removeFolder(parent, old);
    if (removed < 0) state.problem(Verb.replace, -removed, folder);
  }

  /**
   * Puts the new folder `aside` in the place of what stands at `name`, in one step where the file system can swap, else in two.
   * Returns the temporary name that the old thing has now, or a negated errno.
   */
  #swapIn(parent: Handle, aside: Uint8Array, name: Uint8Array): Uint8Array | number {
    const { os, stage } = this.#state;
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

  // ---- entries

  /** Decides entry i; `position` is its twin among the own names or -1; `equal`: 1 or 0 by digest, -1 by the quick check. */
  #decide(i: number, position: number, equal: number): void {
    const state = this.#state;
    const kind = state.list.kind(i);
    const { folds } = state;
    if (folds !== null && folds.isOn && position < 0 && this.#standsOtherwise(i)) position = 0;
    if (position >= 0) this.ownEntries++;
    if (kind === Kind.folder) return;
    this.#count(i, kind);
    if (folds !== null && folds.collided.has(i)) return;
    if (state.failed.has(this.#folder) || this.#isReserved(i)) return;
    if ((kind === Kind.charDevice || kind === Kind.blockDevice) && !actsAsRoot(state.env.identity)) {
      return state.tell(Verb.skip, Cause.notAsked, 0, state.path(i));
    }
    if (kind !== Kind.file && kind !== Kind.link && state.options.dropSpecials) {
      return state.tell(Verb.skip, Cause.notAsked, 0, state.path(i));
    }
    if (kind === Kind.link && state.options.safeLinks && this.#isUnsafe(i)) return this.#report(i, Change.unsafe);
    if (state.links !== null && state.list.firstName(i) >= 0) return state.links.add(i);
    this.#settle(i, kind, position, equal);
  }

  /** Whether entry i's name leads to something that stands there under another one. */
  #standsOtherwise(i: number): boolean {
    return this.#handle >= 0 && !this.#state.failed.has(this.#folder) && this.#look(i, this.#stat) === 0;
  }

  /**
   * Decides entry i when its folder has been marched through, by what stands at its name now. Returns its change; null if its
   * folder cannot be opened, which is told.
   */
  async decideLate(i: number): Promise<number | null> {
    const state = this.#state;
    if (!this.#enter(i)) return null;
    this.#change = 0;
    const equal = this.#handle >= 0 && state.options.checksum ? await this.#digestEqual(i) : -1;
    this.#settle(i, state.list.kind(i), this.#handle < 0 ? -1 : 0, equal);
    return this.#change;
  }

  /** Change bits of extended attributes by which entry i's twin differs, when its folder has been marched through. */
  compareAttributesLate(i: number): number {
    return this.#state.attributes !== null && this.#enter(i) ? this.#compareAttributes(i) : 0;
  }

  /** Makes entry i, a link or special, without another look. */
  placeLate(i: number, replaces: boolean): void {
    if (this.#enter(i)) this.#place(i, this.#state.list.kind(i), replaces);
  }

  /** Goes back into the folder of entry i, which a dry run may not have; false, and told, if it cannot be opened. */
  #enter(i: number): boolean {
    const state = this.#state;
    this.#folder = state.list.parent(i);
    this.#handle = state.options.dryRun && state.created.has(this.#folder) ? -1 : state.folders.get(this.#folder);
    if (this.#handle >= 0 || (state.options.dryRun && state.created.has(this.#folder))) return true;
    state.problem(Verb.open, -this.#handle, i);
    return false;
  }

  #settle(i: number, kind: number, position: number, equal: number): void {
    const state = this.#state;
    const stat = this.#stat;
    const result = position < 0 ? -Errno.ENOENT : this.#look(i, stat);
    if (result < 0 && result !== -Errno.ENOENT) return state.problem(Verb.stat, -result, i);
    if (this.#leavesOut && this.#leftOut(i, kind, result < 0 ? Kind.unknown : stat.kind)) return;
    this.#isFixed = result >= 0 && state.env.takesOnlyNew === true;
    if (result < 0) return this.#create(i, kind, false);
    unmask(stat, kind);
    if (stat.kind !== kind) {
      if (this.#isFixed) return this.#leaveFixed(i);
      if (stat.kind === Kind.folder && state.options.dryRun) state.inTheWay.push(i);
      return this.#create(i, kind, true);
    }
    if (kind === Kind.file) this.#file(i, stat, equal);
    else if (kind === Kind.link) this.#link(i, stat);
    else this.#special(i, stat);
  }

  /** A served root takes new names only: what is there and differs is told. */
  #leaveFixed(i: number): void {
    this.#state.tell(Verb.replace, Cause.onlyNew, 0, this.#state.path(i));
  }

  /** Whether an option leaves entry i out; `stands`: kind of what stands at its name, which #stat holds, or unknown. */
  #leftOut(i: number, kind: number, stands: number): boolean {
    const { list, options } = this.#state;
    if (stands === Kind.unknown && options.existing) return this.#leaveOut(i, Cause.newEntry);
    if (stands !== Kind.unknown && options.ignoreExisting) return this.#leaveOut(i, Cause.exists);
    if (kind !== Kind.file) return false;
    const beyond = beyondSizes(list.size(i), options);
    if (beyond >= 0) return this.#leaveOut(i, beyond);
    return options.update && stands === Kind.file && isNewer(list, i, this.#stat) && this.#leaveOut(i, Cause.newer);
  }

  /** Says so where everything is told; true. */
  #leaveOut(i: number, cause: number): true {
    const state = this.#state;
    if (state.options.reportUnchanged || state.options.tellsMore) state.tell(Verb.skip, cause, 0, state.path(i));
    return true;
  }

  #isUnsafe(i: number): boolean {
    const { list } = this.#state;
    return isUnsafeLink(this.#state.linkTarget(i), list.depth(list.parent(i)));
  }

  /** Names of our own are never made for a peer: told, and passed over with all below. */
  #isReserved(i: number): boolean {
    const { list } = this.#state;
    if (!isOwnName(list.namePiece(i), list.nameStart(i), list.nameLength(i))) return false;
    this.#state.tell(Verb.skip, Cause.reservedName, 0, list.path(i));
    return true;
  }

  /** lstat of entry i's twin, by the listed name where it stands: nothing is allocated. */
  #look(i: number, stat: Stat): number {
    const { list, os, root } = this.#state;
    const { singleName } = root;
    if (singleName !== null) return os.statAt(this.#handle, singleName, 0, singleName.length, stat);
    return os.statAt(this.#handle, list.namePiece(i), list.nameStart(i), list.nameLength(i), stat);
  }

  #count(i: number, kind: number): void {
    const { totals, list } = this.#state;
    if (kind === Kind.file) totals.files++;
    else if (kind === Kind.link) totals.links++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) totals.devices++;
    else totals.specials++;
    if (kind === Kind.file || kind === Kind.link) totals.totalBytes += list.size(i);
  }

  /** Nothing stands at the name, or (`replaces`) an entry of another kind. */
  #create(i: number, kind: number, replaces: boolean): void {
    const { totals } = this.#state;
    if (this.#alternatives !== null && this.#createLike(i, kind, replaces)) return;
    if (kind === Kind.file) {
      if (replaces) this.#state.replaced.add(i);
      totals.createdFiles++;
      const { similar, streaming, options } = this.#state;
      const hasBasis = similar !== null && !streaming && !options.dryRun && similar.find(i, this.#handle);
      return this.#want(i, Change.create | Change.content, hasBasis);
    }
    if (kind === Kind.link) totals.createdLinks++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) totals.createdDevices++;
    else totals.createdSpecials++;
    this.#report(i, Change.create | Change.local);
    if (!this.#state.options.dryRun) this.#place(i, kind, replaces);
  }

  /** The same where an alternative destination has such an entry; false if none has. */
  #createLike(i: number, kind: number, replaces: boolean): boolean {
    const alternatives = this.#alternatives!;
    if (kind === Kind.file) {
      const found = alternatives.newFile(i);
      if (found === true) return true;
      if (found === null) return false;
      const isDelta = this.#isDelta(i, found.stat);
      if (isDelta) this.#state.alternatives!.useAsBasis(i, found);
      const checksum = this.#state.options.checksum ? Change.checksum : 0;
      this.#want(i, Change.content | checksum | alternatives.basisChange(i, found), isDelta);
      return true;
    }
    if (replaces) return false;
    const change = alternatives.newOther(i);
    if ((change & Change.create) !== 0) return false;
    if (change === 0) return true;
    this.tell(i, change);
    if (!this.#state.options.dryRun) this.#place(i, kind, false);
    return true;
  }

  #isDelta(i: number, stat: Stat): boolean {
    const { usesDelta, list } = this.#state;
    return usesDelta && Math.min(list.size(i), stat.size) >= LEAST_DELTA_BYTES;
  }

  #file(i: number, stat: Stat, equal: number): void {
    this.#state.replaced.add(i);
    if (this.#alternatives !== null && this.#alternatives.existingFile(i, stat)) return;
    const { list, options } = this.#state;
    const change = compareMetadata(list, i, stat, options, this.#state.owners) | this.#compareAttributes(i);
    const same = options.ignoreTimes && !options.sizeOnly
      ? false
      : equal >= 0
      ? equal === 1
      : options.sizeOnly
      ? list.size(i) === stat.size
      : quickCheck(list, i, stat, options.modifyWindowNs);
    if (same) return this.#metadataOnly(i, stat, change);
    if (this.#isFixed) return this.#leaveFixed(i);
    // As in rsync: nothing is behind the end of what is not shorter.
    if (options.append && stat.size >= list.size(i)) return void this.#state.totals.unchanged++;
    const isDelta = options.append ? this.#state.usesDelta && stat.size > 0 : this.#isDelta(i, stat);
    const size = list.size(i) !== stat.size ? Change.size : 0;
    const checksum = equal === 0 ? Change.checksum : 0;
    const time = options.times ? 0 : Change.time | Change.timeNow;
    this.#want(i, change | Change.content | size | checksum | time, isDelta, stat.allocated);
  }

  #link(i: number, stat: Stat): void {
    const state = this.#state;
    const change = compareMetadata(state.list, i, stat, state.options, state.owners) | this.#compareAttributes(i);
    const length = state.os.readLink(this.#handle, state.name(i), this.#linkTarget);
    if (length < 0) return state.problem(Verb.readLink, -length, i);
    if (equalBytes(this.#linkTarget.subarray(0, length), state.linkTarget(i))) {
      return this.#metadataOnly(i, stat, change);
    }
    if (this.#isFixed) return this.#leaveFixed(i);
    const { times, omitLinkTimes } = state.options;
    const time = times ? omitLinkTimes ? Change.time : 0 : Change.time | Change.timeNow;
    this.#report(i, change | time | Change.local | Change.checksum);
    if (!state.options.dryRun) this.#place(i, Kind.link, true);
  }

  #special(i: number, stat: Stat): void {
    const state = this.#state;
    const kind = state.list.kind(i);
    const change = compareMetadata(state.list, i, stat, state.options, state.owners) | this.#compareAttributes(i);
    const isDevice = kind === Kind.charDevice || kind === Kind.blockDevice;
    const device = state.list.size(i);
    const same = !isDevice || (deviceMajor(device) === stat.rdevMajor && deviceMinor(device) === stat.rdevMinor);
    if (same) return this.#metadataOnly(i, stat, change);
    if (this.#isFixed) return this.#leaveFixed(i);
    const time = state.options.times ? 0 : Change.time | Change.timeNow;
    this.#report(i, change | Change.local | Change.checksum | time);
    if (!state.options.dryRun) this.#place(i, kind, true, stat.mode);
  }

  /** Change bits of extended attributes by which entry i's twin differs. */
  #compareAttributes(i: number): number {
    const { attributes, list, os } = this.#state;
    if (attributes === null || list.attributes(i) === Told.unknown) return 0;
    const name = this.#state.name(i);
    if (list.attributes(i) === Told.none && os.attributesAt(this.#handle, name) === 0) return 0;
    const pin = os.pin(this.#handle, name);
    if (pin < 0) return 0;
    const change = attributes.compare(pin, list.attributes(i));
    os.close(pin);
    return change;
  }

  /** Content is as it should be; owner, mode and time are brought in step where they differ. */
  #metadataOnly(i: number, stat: Stat, change: number): void {
    const state = this.#state;
    if (change !== 0 && this.#isFixed) return this.#leaveFixed(i);
    // As in rsync, a mode that comes with an access list is told by that alone, unless it has more than a list can say.
    const beside = (stat.mode ^ state.list.mode(i)) & 0o7000;
    this.#report(i, (change & Change.acl) !== 0 && beside === 0 ? change & ~Change.mode : change);
    state.links?.landed.add(i);
    if (change === 0) {
      state.totals.unchanged++;
      return state.confirm(i);
    }
    if (state.options.dryRun) return;
    const pin = state.os.pin(this.#handle, state.name(i));
    if (pin < 0) return state.problem(Verb.open, -pin, i);
    if (this.#setMetadata(i, pin, stat.kind, stat.mode)) state.confirm(i);
    state.os.close(pin);
  }

  /** Sets the metadata of the entry behind `handle` if it is still of `kind`; `existingMode` -1 for a new entry. */
  #setMetadata(i: number, handle: Handle, kind: number, existingMode: number): boolean {
    const state = this.#state;
    const stat = new Stat();
    const result = state.os.statHandle(handle, stat);
    unmask(stat, kind);
    if (result < 0 || stat.kind !== kind) {
      state.tell(Verb.stat, result < 0 ? Cause.system : Cause.targetChanged, Math.max(0, -result), state.path(i));
      return false;
    }
    const failure = applyMetadata(state.os, handle, stat, this.wanted(i, existingMode));
    if (failure !== null) state.problem(failure.verb, failure.errno, i);
    return failure === null;
  }

  /** Metadata entry i shall have. */
  wanted(i: number, existingMode: number): Wanted {
    const { list, options, owners } = this.#state;
    return {
      mode: this.#state.wantedMode(i, existingMode),
      uid: owners.uid(i),
      gid: owners.gid(i),
      setsTime: keepsTime(options, list.kind(i)),
      mtimeSec: list.mtimeSec(i),
      mtimeNs: list.mtimeNs(i),
      atime: options.atimes && list.kind(i) !== Kind.folder
        ? { sec: list.atimeSec(i), ns: list.atimeNs(i) }
        : undefined,
      attributes: this.#state.attributes?.task(list.attributes(i)),
    };
  }

  /**
   * Makes a link or special under a temporary name, with its metadata, and puts it in place. `existingMode`: of the entry of
   * the same kind that it replaces, or -1.
   */
  #place(i: number, kind: number, replaces: boolean, existingMode = -1): void {
    const state = this.#state;
    const { os, stage } = state;
    const folder = state.openForChange(this.#folder);
    if (folder < 0) return state.problem(Verb.open, -folder, i);
    this.#handle = folder;
    const aside = stage.createOther(folder, (name) => this.#makeOther(i, kind, folder, name));
    if (typeof aside === "number") return state.problem(Verb.create, -aside, i);
    const pin = os.pin(folder, aside);
    const good = pin >= 0 && this.#setMetadata(i, pin, kind, existingMode);
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

  #makeOther(i: number, kind: number, folder: Handle, name: Uint8Array): number {
    const { os, list } = this.#state;
    if (kind === Kind.link) return os.makeLink(folder, name, this.#state.linkTarget(i));
    const device = list.size(i);
    return os.makeSpecial(folder, name, kind, 0o600, deviceMajor(device), deviceMinor(device));
  }

  /** `replacedBytes`: what the file that it replaces takes on the disk. */
  #want(i: number, change: number, isDelta = false, replacedBytes = 0): void {
    const state = this.#state;
    if (state.space !== null) state.space.want(state.list.size(i), replacedBytes);
    state.totals.transferredFiles++;
    state.totals.transferredBytes += state.list.size(i);
    this.#report(i, change);
    const { dryRun, batchOnly } = state.options;
    if (!dryRun || batchOnly) this.#enqueue(i, this.#resumes(i) || isDelta);
  }

  /** Whether there is a part of file i from an earlier run that a delta can be made against. */
  #resumes(i: number): boolean {
    const { partials, streaming, usesDelta } = this.#state;
    return partials !== null && !streaming && partials.find(i, this.#handle, this.#own.listing) >= LEAST_DELTA_BYTES &&
      usesDelta;
  }

  #enqueue(i: number, isDelta: boolean): void {
    const state = this.#state;
    state.wanted.add(i);
    state.newFolders.wants(this.#folder);
    (isDelta ? this.#deltas : this.#wants).push(i);
  }

  /** Tells what is made without content from the source: where it is equal to what it is made of, only with the unchanged ones. */
  tell(i: number, change: number): void {
    const isNews = (change & ~(Change.local | Change.hardLink)) !== 0;
    if (isNews || this.#state.options.reportUnchanged) this.#report(i, change);
  }

  #report(i: number, change: number): void {
    const { options, events } = this.#state;
    this.#change = change;
    if (options.reportEntries && (change !== 0 || options.reportUnchanged)) events.entry(i, change);
  }

  /** 1 if the twin's content has the listed digest, 0 if not; -1 where no digest speaks (other kind, none listed). */
  async #digestEqual(i: number): Promise<number> {
    const state = this.#state;
    const { os, list } = state;
    const listed = list.digest(i);
    const name = state.name(i);
    const stat = new Stat();
    if (list.kind(i) !== Kind.file || os.statAt(this.#handle, name, 0, name.length, stat) < 0) return -1;
    if (stat.kind !== Kind.file) return -1;
    if (stat.size !== list.size(i) || listed === null) return 0;
    const handle = os.openFile(this.#handle, name, OpenMode.read, 0);
    if (handle < 0) return 0;
    const digest = await digestFile(os, handle, state.digesters!.list, state.env.breathe);
    os.close(handle);
    return digest !== null && equalBytes(digest, listed) ? 1 : 0;
  }

  // ---- own entries without a twin

  readonly #extra = (position: number): void => {
    if (this.#state.folds?.isOn) this.#unfolded.push(position);
    else this.#extraAt(position);
  };

  /** Where names fold, what is listed under another form of the name is no extra. */
  #extraUnlessListed(position: number): void {
    const { listing, order } = this.#own;
    if (!this.#state.folds!.isListed(listing.name(order[position]))) this.#extraAt(position);
  }

  #extraAt(position: number): void {
    const { listing, order } = this.#own;
    const row = order[position];
    const at = listing.at[row];
    const length = listing.length[row];
    if (isOwnName(listing.names, at, length)) return this.#leftover(listing.name(row));
    // Without a root folder of the source's own, what else lies in the target folder is none of this run's business.
    if (this.#isSpared || (this.#folder === 0 && !this.#state.root.hasMetadata)) return;
    this.ownEntries++;
    const { options } = this.#state;
    if (!options.delete || !(options.recursive || options.dirs)) return;
    const path = joinPath(this.#state.list.path(this.#folder), listing.name(row));
    const kind = this.#kindOf(listing.names, at, length, listing.kind[row], path);
    if (kind === Kind.unknown) return;
    const { places, mounts } = this.#state;
    const name = listing.name(row);
    const place = places?.of(this.#folder) ?? null;
    if (places?.isLost(this.#folder)) return;
    if (kind === Kind.folder && mounts?.keeps(this.#handle, this.#statOwn(name), path)) return;
    if (this.#state.isProtected(path, name, kind === Kind.folder, () => this.#statOwn(name), place)) return;
    this.extras.add(listing.names, at, length, this.#folder, kind << 12, 0, 0, 0, 0, 0, 0, null);
  }

  #statOwn(name: Uint8Array): Stat | null {
    return this.#state.os.statAt(this.#handle, name, 0, name.length, this.#stat) < 0 ? null : this.#stat;
  }

  /** The kind as the folder told it, else by stat; unknown if it is gone or cannot be looked at, which is told. */
  #kindOf(names: Uint8Array, at: number, length: number, hinted: number, path: Uint8Array): number {
    if (hinted !== Kind.unknown) return hinted;
    const stat = new Stat();
    const looked = this.#state.os.statAt(this.#handle, names, at, length, stat);
    if (looked < 0 && looked !== -Errno.ENOENT) this.#state.tell(Verb.stat, Cause.system, -looked, path);
    return looked < 0 ? Kind.unknown : stat.kind;
  }

  #hasPartials(name: Uint8Array): boolean {
    const stat = this.#statOwn(name);
    return stat !== null && isPartialFolder(stat, this.#state.env.identity.uid);
  }

  /** A trash lies where it was made by a run of its own. */
  #isTrash(name: Uint8Array): boolean {
    return isTrashName(name) && this.#statOwn(name)?.kind === Kind.folder;
  }

  #leftover(name: Uint8Array): void {
    if (isPartialFolderName(name) && this.#hasPartials(name)) return void this.withPartials.push(this.#folder);
    if (this.#isTrash(name)) return;
    if (!isOwnTemporary(name)) {
      const path = joinPath(this.#state.list.path(this.#folder), name);
      return this.#state.tell(Verb.skip, Cause.reservedName, 0, path);
    }
    const names = this.leftovers.get(this.#folder);
    if (names === undefined) this.leftovers.set(this.#folder, [new Uint8Array(name)]);
    else names.push(new Uint8Array(name));
  }
}

/** A device that is shown as a file (--write-devices) is one again where no file is to stand. */
function unmask(stat: Stat, kind: number): void {
  if (stat.device !== Kind.unknown && kind !== Kind.file) stat.kind = stat.device;
}
