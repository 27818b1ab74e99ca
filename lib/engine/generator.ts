// The generator (rsync's word): decides every entry of the list beside what stands at its name. Called by the target half with each piece of
// the list, and by HardLinks for what is decided when that has ended. Promises: each entry is counted and decided once (law 5), and what
// needs no content is made or brought in step at once. Making it is done elsewhere: folders (target_folders.ts), links and specials
// (place_other.ts), metadata (entry_metadata.ts).

import { Told } from "../base/attributes.ts";
import { equalBytes } from "../base/bytes.ts";
import { deviceMajor, deviceMinor } from "../base/file_list.ts";
import { LINK_TARGET_BYTES } from "../base/limits.ts";
import { Change } from "../base/monitor.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, Kind, OpenMode, Stat } from "../os/os.ts";
import { beyondSizes, compareMetadata, isNewer, quickCheck } from "../plan/compare.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import { isUnsafeLink } from "../plan/unsafe_link.ts";
import { FolderPiece } from "../session/ports.ts";
import { digestFile } from "../tree/digest_file.ts";
import type { SubtreeTally } from "../tree/subtree_digests.ts";
import type { AlternativeEntries } from "./alternative_entries.ts";
import { AsSeen } from "./as_seen.ts";
import { setMetadata, unmask } from "./entry_metadata.ts";
import { FolderInHand, isReserved } from "./folder_in_hand.ts";
import type { OwnEntries } from "./own_entries.ts";
import { placeOther } from "./place_other.ts";
import type { ToldFolder } from "./seen_folder.ts";
import type { TargetState } from "./target_state.ts";
import { type Wishes, WishList } from "./wish_list.ts";

/** A smaller file is sent whole: its signature and the questions cost more than it saves, bytes. */
const LEAST_DELTA_BYTES = 16 << 10;

export class Generator {
  readonly #state: TargetState;
  readonly #in: FolderInHand;
  readonly #stat = new Stat();
  readonly #linkTarget = new Uint8Array(LINK_TARGET_BYTES + 1);
  readonly #wishes: WishList;
  readonly #asSeen: AsSeen;
  /** An option leaves some of the listed entries out: -u, --existing, --ignore-existing, --max-size, --min-size. */
  readonly #leavesOut: boolean;
  /** The entry in hand stands at the target and is not to be touched. */
  #isFixed = false;
  /** Null where there are no alternative destinations. */
  #alternatives: AlternativeEntries | null = null;

  constructor(state: TargetState) {
    this.#state = state;
    this.#in = new FolderInHand(state);
    this.#wishes = new WishList(state);
    this.#asSeen = new AsSeen(state);
    const { update, existing, ignoreExisting, maxSize, minSize } = state.options;
    this.#leavesOut = update || existing || ignoreExisting || maxSize !== null || minSize !== null;
  }

  /** What the folder in hand holds, and what of that nobody listed. */
  get own(): OwnEntries {
    return this.#in.own;
  }

  /** One piece of a folder's list. Returns the indexes whose content is wanted, whole and as a delta, each in order. */
  async listed(
    folder: number,
    first: number,
    count: number,
    flags: number,
  ): Promise<Wishes> {
    if ((flags & FolderPiece.first) !== 0) {
      if ((flags & FolderPiece.bare) !== 0) this.#state.bare.add(folder);
      const isNamed = (flags & FolderPiece.named) !== 0;
      this.#in.begin(folder, isNamed, this.#isStagedWhole(first, count), this.#decidesBySeen);
    } else this.#in.resume(folder);
    this.#state.folds?.piece(first, count);
    this.#alternatives = this.#state.destinations?.entries ?? null;
    if (this.#state.options.checksum) await this.#decideByDigest(first, count);
    else this.#decideByQuickCheck(first, count);
    // What cannot be copied from an alternative destination comes from the source.
    if (this.#alternatives !== null) this.#wishes.addLate(await this.#alternatives.copy());
    if ((flags & FolderPiece.last) !== 0) {
      this.#in.own.end();
      this.#state.newFolders.listed(folder);
    }
    return this.takeWishes();
  }

  /** Whether what was seen of the target's entries is all that has to be known of them. */
  get #decidesBySeen(): boolean {
    const { attributes, alternatives, destinations, folds, keptLinks, mounts, places, env, options } = this.#state;
    const asksMore = attributes !== null || alternatives !== null || destinations !== null || folds !== null ||
      keptLinks !== null || mounts !== null || places !== null;
    return !asksMore && !this.#leavesOut && !options.append && !env.takesOnlyNew;
  }

  /** What was found to be wanted since the last call. */
  takeWishes(): Wishes {
    return this.#wishes.take();
  }

  #decideByQuickCheck(first: number, count: number): void {
    const { seen } = this.#in.own;
    const isByRuns = seen !== null && this.#asSeen.decides && !this.#leavesOut;
    if (isByRuns) this.#asSeen.begin(first, count);
    for (let i = first; i < first + count;) {
      const passed = isByRuns ? this.#passAsSeen(i, seen) : 0;
      if (passed === 0) this.#decide(i, this.#find(i), -1);
      i += Math.max(passed, 1);
    }
  }

  /** Counts the files from entry i on that are as they were seen; how many. */
  #passAsSeen(i: number, seen: ToldFolder): number {
    const { failed, totals } = this.#state;
    if (failed.has(this.#in.index)) return 0;
    const passed = this.#asSeen.run(i, seen, this.#in.own.position);
    if (passed === 0) return 0;
    this.#in.own.skip(passed);
    totals.files += passed;
    totals.totalBytes += this.#asSeen.bytes;
    totals.unchanged += passed;
    return passed;
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
    return this.#state.root.singleName !== null ? 0 : this.#in.own.find(i);
  }

  // ---- folders

  /** Whether a new folder pays to be made aside and put in place whole: its files follow at once, and there are some. */
  #isStagedWhole(first: number, count: number): boolean {
    const { streaming, list, delayed, stage } = this.#state;
    const mayBe = streaming && delayed === null && stage.aside === null;
    let files = 0;
    for (let i = first; mayBe && files < 2 && i < first + count; i++) if (list.kind(i) === Kind.file) files++;
    return files === 2;
  }

  /** All below the folder is as it should be: it is counted, and only the folder itself is compared. */
  equalSubtree(folder: number, below: SubtreeTally): void {
    const { totals } = this.#state;
    this.#in.compareEqual(folder);
    totals.files += below.files;
    totals.folders += below.folders;
    totals.links += below.links;
    totals.devices += below.devices;
    totals.specials += below.specials;
    totals.totalBytes += below.bytes;
    const others = below.files + below.links + below.devices + below.specials;
    totals.unchanged += others;
    this.#in.own.count += others + below.folders;
  }

  // ---- entries

  /** Decides entry i; `position` is its twin among the own names or -1; `equal`: 1 or 0 by digest, -1 by the quick check. */
  #decide(i: number, position: number, equal: number): void {
    const state = this.#state;
    const kind = state.list.kind(i);
    const { folds } = state;
    if (folds !== null && folds.isOn && position < 0 && this.#standsOtherwise(i)) position = 0;
    if (position >= 0) this.#in.own.count++;
    if (kind === Kind.folder) return;
    this.#count(i, kind);
    if (folds !== null && folds.collided.has(i)) return;
    if (state.failed.has(this.#in.index) || isReserved(this.#state, i)) return;
    if ((kind === Kind.charDevice || kind === Kind.blockDevice) && !actsAsRoot(state.env.identity)) {
      return state.tell(Verb.skip, Cause.notAsked, 0, state.path(i));
    }
    if (kind !== Kind.file && kind !== Kind.link && state.options.dropSpecials) {
      return state.tell(Verb.skip, Cause.notAsked, 0, state.path(i));
    }
    if (kind === Kind.link && state.options.safeLinks && this.#isUnsafe(i)) {
      return state.changes.changed(i, Change.unsafe);
    }
    if (state.options.hardLinks && state.list.firstName(i) >= 0) return state.links?.add(i);
    if (kind === Kind.file && equal < 0 && this.#wasSeen(position)) {
      if (this.#isAsSeen(i)) return this.#metadataOnly(i, this.#stat, 0);
      if (this.#differsAsSeen(i)) return this.#file(i, this.#stat, equal);
    }
    this.#settle(i, kind, position, equal);
  }

  /** Whether entry i's name leads to something that stands there under another one. */
  #standsOtherwise(i: number): boolean {
    return this.#in.handle >= 0 && !this.#state.failed.has(this.#in.index) && this.#look(i, this.#stat) === 0;
  }

  /**
   * Decides entry i when its folder has been marched through, by what stands at its name now. Returns its change; null if its
   * folder cannot be opened, which is told.
   */
  async decideLate(i: number): Promise<number | null> {
    const state = this.#state;
    if (!this.#in.enter(i)) return null;
    state.changes.last = 0;
    const equal = this.#in.handle >= 0 && state.options.checksum ? await this.#digestEqual(i) : -1;
    this.#settle(i, state.list.kind(i), this.#in.handle < 0 ? -1 : 0, equal);
    return state.changes.last;
  }

  /** Change bits of extended attributes by which entry i's twin differs, when its folder has been marched through. */
  compareAttributesLate(i: number): number {
    return this.#state.attributes !== null && this.#in.enter(i) ? this.#compareAttributes(i) : 0;
  }

  /** Makes entry i, a link or special, without another look. */
  placeLate(i: number, replaces: boolean): void {
    if (this.#in.enter(i)) this.#place(i, this.#state.list.kind(i), replaces);
  }

  #settle(i: number, kind: number, position: number, equal: number): void {
    const state = this.#state;
    const stat = this.#stat;
    if (position >= 0 && this.#in.handle < 0) return;
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

  /** Whether the twin at `position` is a file of which #stat then holds what was seen, and that may count. */
  #wasSeen(position: number): boolean {
    const { attributes, folds } = this.#state;
    if (position < 0 || this.#leavesOut || attributes !== null || folds?.isOn) return false;
    return this.#in.own.seenFile(position, this.#stat);
  }

  /** Whether what was seen of file i's twin is as it should be in all that is compared: it is not looked at again. */
  #isAsSeen(i: number): boolean {
    const { list, options, owners } = this.#state;
    return compareMetadata(list, i, this.#stat, options, owners) === 0 && this.#hasSameContent(i, this.#stat, -1);
  }

  /** Whether it differs in content, and is to be replaced whole without another look: a small file, which takes what its size says. */
  #differsAsSeen(i: number): boolean {
    const stat = this.#stat;
    if (Math.max(stat.size, this.#state.list.size(i)) >= LEAST_DELTA_BYTES || !this.#decidesBySeen) return false;
    stat.allocated = stat.size;
    this.#isFixed = false;
    return !this.#hasSameContent(i, stat, -1);
  }

  /** Whether file i's twin has its content, by digest or the quick check. */
  #hasSameContent(i: number, stat: Stat, equal: number): boolean {
    const { list, options: { ignoreTimes, sizeOnly, modifyWindowNs } } = this.#state;
    if (ignoreTimes && !sizeOnly) return false;
    if (equal >= 0) return equal === 1;
    return sizeOnly ? list.size(i) === stat.size : quickCheck(list, i, stat, modifyWindowNs);
  }

  /** A served root takes new names only: what is there and differs is told. */
  #leaveFixed(i: number): void {
    this.#state.tell(Verb.replace, Cause.onlyNew, 0, this.#state.path(i));
  }

  /** Whether an option leaves entry i out; `stands`: kind of what stands at its name, which #stat holds, or unknown. */
  #leftOut(i: number, kind: number, stands: number): boolean {
    const { list, options } = this.#state;
    if (stands === Kind.unknown && options.existing) return this.#state.changes.leftOut(i, Cause.newEntry);
    if (stands !== Kind.unknown && options.ignoreExisting) return this.#state.changes.leftOut(i, Cause.exists);
    if (kind !== Kind.file) return false;
    const beyond = beyondSizes(list.size(i), options);
    if (beyond >= 0) return this.#state.changes.leftOut(i, beyond);
    return options.update && stands === Kind.file && isNewer(list, i, this.#stat) &&
      this.#state.changes.leftOut(i, Cause.newer);
  }

  #isUnsafe(i: number): boolean {
    const { list } = this.#state;
    return isUnsafeLink(this.#state.linkTarget(i), list.depth(list.parent(i)));
  }

  /** lstat of entry i's twin, by the listed name where it stands: nothing is allocated. */
  #look(i: number, stat: Stat): number {
    const { list, os, root } = this.#state;
    const { singleName } = root;
    if (singleName !== null) return os.statAt(this.#in.handle, singleName, 0, singleName.length, stat);
    return os.statAt(this.#in.handle, list.namePiece(i), list.nameStart(i), list.nameLength(i), stat);
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
    const { changes } = this.#state;
    if (this.#alternatives !== null && this.#createLike(i, kind, replaces)) return;
    changes.created(kind);
    if (kind === Kind.file) {
      if (replaces) this.#state.replaced.add(i);
      const { similar, streaming, options } = this.#state;
      const hasBasis = similar !== null && !streaming && !options.dryRun && similar.find(i, this.#in.handle);
      return this.#want(i, Change.create | Change.content, hasBasis);
    }
    changes.changed(i, Change.create | Change.local);
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
    this.#state.changes.made(i, change);
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
    if (this.#hasSameContent(i, stat, equal)) return this.#metadataOnly(i, stat, change);
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
    const length = state.os.readLink(this.#in.handle, state.name(i), this.#linkTarget);
    if (length < 0) return state.problem(Verb.readLink, -length, i);
    if (equalBytes(this.#linkTarget.subarray(0, length), state.linkTarget(i))) {
      return this.#metadataOnly(i, stat, change);
    }
    if (this.#isFixed) return this.#leaveFixed(i);
    const { times, omitLinkTimes } = state.options;
    const time = times ? omitLinkTimes ? Change.time : 0 : Change.time | Change.timeNow;
    state.changes.changed(i, change | time | Change.local | Change.checksum);
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
    state.changes.changed(i, change | Change.local | Change.checksum | time);
    if (!state.options.dryRun) this.#place(i, kind, true, stat.mode);
  }

  /** Change bits of extended attributes by which entry i's twin differs. */
  #compareAttributes(i: number): number {
    const { attributes, list, os } = this.#state;
    if (attributes === null || list.attributes(i) === Told.unknown) return 0;
    const name = this.#state.name(i);
    if (list.attributes(i) === Told.none && os.attributesAt(this.#in.handle, name) === 0) return 0;
    const pin = os.pin(this.#in.handle, name);
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
    state.changes.changed(i, (change & Change.acl) !== 0 && beside === 0 ? change & ~Change.mode : change);
    state.links?.landed.add(i);
    if (change === 0) {
      state.totals.unchanged++;
      return state.confirm(i);
    }
    if (state.options.dryRun) return;
    const pin = state.os.pin(this.#in.handle, state.name(i));
    if (pin < 0) return state.problem(Verb.open, -pin, i);
    if (setMetadata(state, i, pin, stat.kind, stat.mode)) state.confirm(i);
    state.os.close(pin);
  }

  /** Makes a link or special; `existingMode`: of the entry of the same kind that it replaces, or -1. */
  #place(i: number, kind: number, replaces: boolean, existingMode = -1): void {
    const state = this.#state;
    const folder = state.openForChange(this.#in.index);
    if (folder < 0) return state.problem(Verb.open, -folder, i);
    this.#in.handle = folder;
    placeOther(state, folder, i, kind, replaces, existingMode);
  }

  /** `replacedBytes`: what the file that it replaces takes on the disk. */
  #want(i: number, change: number, isDelta = false, replacedBytes = 0): void {
    const state = this.#state;
    this.#wishes.count(i, replacedBytes, isDelta);
    state.changes.changed(i, change);
    const { dryRun, batchOnly } = state.options;
    if (!dryRun || batchOnly) this.#wishes.add(i, this.#resumes(i) || isDelta);
  }

  /** Whether there is a part of file i from an earlier run that a delta can be made against. */
  #resumes(i: number): boolean {
    const { partials, streaming, usesDelta } = this.#state;
    return partials !== null && !streaming &&
      partials.find(i, () => this.#in.handle, this.#in.own.listing) >= LEAST_DELTA_BYTES && usesDelta;
  }

  /** 1 if the twin's content has the listed digest, 0 if not; -1 where no digest speaks (other kind, none listed). */
  async #digestEqual(i: number): Promise<number> {
    const state = this.#state;
    const { os, list } = state;
    const listed = list.digest(i);
    const name = state.name(i);
    const stat = new Stat();
    if (list.kind(i) !== Kind.file || os.statAt(this.#in.handle, name, 0, name.length, stat) < 0) return -1;
    if (stat.kind !== Kind.file) return -1;
    if (stat.size !== list.size(i) || listed === null) return 0;
    const handle = os.openFile(this.#in.handle, name, OpenMode.read, 0);
    if (handle < 0) return 0;
    const digest = await digestFile(os, handle, state.digesters!.list, state.env.breathe);
    os.close(handle);
    return digest !== null && equalBytes(digest, listed) ? 1 : 0;
  }
}
