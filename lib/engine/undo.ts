// Undo: brings a target back to what it was before a run with --trash. The journal is read as what a stranger may have written: its paths
// are checked, it speaks of this root or of none, and every step goes below held folders, never through a link (R5). Called by trash_task.ts.
// Promises: first everything is looked at, and if something is neither as the run left it nor as it was before, nothing is changed; a
// name that gets its old entry back has one of the two all the time; killed anywhere, it can be run again and ends the same.

import { EMPTY, joinPath, latin1 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import type { Totals } from "../base/monitor.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, isSameInode, Kind, Listing, OpenMode, Stat } from "../os/os.ts";
import type { Events } from "../session/events.ts";
import { copyAside } from "../tree/copy_aside.ts";
import { applyMetadata } from "../tree/apply.ts";
import { readAttributes, restoreAttributes } from "../tree/entry_attributes.ts";
import { isOwnName, isOwnTemporary, TemporaryNames } from "../tree/own_names.ts";
import { eachName, removeFlatFolder } from "../tree/stage.ts";
import { UNDOING, UNDONE } from "../tree/trash_folder.ts";
import { type EntryState, keptName, type TrashRecord } from "../tree/trash_record.ts";
import type { Environment } from "./environment.ts";

/** What the journal says of one path: about 300 bytes for each. */
interface Account {
  path: Uint8Array;
  before: EntryState | null;
  /** Number under which what stood there is kept; 0: it was not taken away. */
  kept: number;
  /** What it may be now without anybody else having touched it. */
  states: { state: EntryState | null; isOpen: boolean }[];
  /** What it was when everything was looked at. */
  found: Stat | null;
  isDone: boolean;
}

export class Undo {
  readonly #env: Environment;
  readonly #events: Events;
  readonly #root: Handle;
  readonly #run: Handle;
  readonly #dryRun: boolean;
  readonly #totals: Totals;
  readonly #names: TemporaryNames;
  readonly #accounts = new Map<string, Account>();
  #conflicts = 0;
  #isWhole = false;
  /** It was begun before, and cut short. */
  readonly #isResumed: boolean;
  #hasFailed = false;
  /** The folder that was worked in last. */
  #parentPath: string | null = null;
  #parent: Handle = -1;

  constructor(env: Environment, events: Events, totals: Totals, root: Handle, run: Handle, dryRun: boolean) {
    this.#env = env;
    this.#events = events;
    this.#totals = totals;
    this.#root = root;
    this.#run = run;
    this.#dryRun = dryRun;
    this.#names = new TemporaryNames(env.randomBytes);
    this.#isResumed = env.os.statAt(run, UNDOING, 0, UNDOING.length, new Stat()) === 0;
  }

  /** Throws TsyncError "selection" where the journal is not of this root, "guard" where something changed since. */
  async perform(records: Iterable<TrashRecord>): Promise<void> {
    this.#read(records);
    // Each folder before what it holds.
    const rising = [...this.#accounts.values()].sort((a, b) => latin1(a.path) < latin1(b.path) ? -1 : 1);
    try {
      for (const account of rising) {
        this.#look(account);
        await this.#env.pause();
      }
      if (this.#conflicts > 0) throw this.#refusal();
      if (!this.#dryRun) this.#mark(UNDOING);
      const falling = rising.toReversed();
      for (const account of falling) await this.#step(() => this.#remove(account));
      for (const account of rising) await this.#step(() => this.#restore(account));
      if (this.#dryRun) return;
      for (const account of falling) await this.#step(() => this.#bringMetadata(account));
    } finally {
      this.#leave();
    }
    this.#finish();
  }

  async #step(work: () => void): Promise<void> {
    work();
    await (this.#events.room?.() ?? this.#env.pause());
  }

  #refusal(): TsyncError {
    const count = this.#conflicts;
    return new TsyncError({
      kind: "guard",
      detail: `${count} ${count === 1 ? "entry" : "entries"} changed since that run: nothing was undone; ` +
        "put aside what is told above, then try again",
    });
  }

  // ---- what the journal says

  #read(records: Iterable<TrashRecord>): void {
    let isFirst = true;
    for (const record of records) {
      if (isFirst !== (record.type === "begin")) refuse("the journal does not begin as one");
      isFirst = false;
      if (record.type === "begin") {
        const stat = new Stat();
        const looked = this.#env.os.statHandle(this.#root, stat);
        if (looked < 0 || !isSameInode(stat, Object.assign(new Stat(), record))) {
          refuse("the journal is of another folder or file system than this one");
        }
      } else if (record.type === "change") this.#take(record);
      else this.#isWhole = true;
    }
    if (isFirst) refuse("the journal is empty: that run changed nothing");
  }

  #take({ path, before, kept, after, isOpen }: Extract<TrashRecord, { type: "change" }>): void {
    const key = latin1(path);
    let account = this.#accounts.get(key);
    if (account === undefined) {
      if (before === "untold") return;
      account = { path, before, kept, states: [], found: null, isDone: false };
      this.#accounts.set(key, account);
    } else if (account.kept === 0 && kept !== 0 && before !== null && before !== "untold" && account.before !== null) {
      // Its metadata changed first, then it was replaced.
      if (isSameFile(account.before, before)) account.kept = kept;
    }
    if (before === "untold") account.states = account.states.filter((told) => !told.isOpen);
    else if (before !== null) account.states.push({ state: before, isOpen: false });
    account.states.push({ state: after, isOpen });
  }

  // ---- looking

  /** Whether the path is as the run left it, or as it was before: else that is told. */
  #look(account: Account): void {
    const stat = new Stat();
    const looked = this.#stat(account.path, stat);
    const isGone = looked === -Errno.ENOENT || looked === -Errno.ENOTDIR || looked === -Errno.ELOOP;
    if (looked < 0 && !isGone) return this.#conflict(account.path, -looked);
    account.found = isGone ? null : stat;
    const kept = account.kept === 0 ? null : this.#keptStat(account);
    if (isAsBefore(account, kept)) {
      account.isDone = true;
      return;
    }
    // Where nothing stands (what was told was put aside) nothing is lost if the old entry comes back.
    const isFree = looked === -Errno.ENOENT && kept !== null;
    const isOurs = isFree || account.states.some(({ state, isOpen }) => this.#fits(state, isOpen, account.found));
    if (!isOurs || (account.kept !== 0 && kept === null) || !this.#canBring(account)) {
      return this.#conflict(account.path, 0);
    }
    const { before, found } = account;
    if (found?.kind === Kind.folder && before?.kind !== Kind.folder) this.#lookInside(account.path);
  }

  /**
   * Of a run that was cut short the end of a folder's changes may not have been noted; of an undo that was, nothing of what it
   * was at is noted, but it changes no other inodes, and none but to what they were.
   */
  #fits(state: EntryState | null, isOpen: boolean, found: Stat | null): boolean {
    const isFolder = state?.kind === Kind.folder;
    if (fits(state, isOpen || this.#isResumed || (!this.#isWhole && isFolder), found)) return true;
    return this.#isResumed && state !== null && found !== null && sameLooks(state, found);
  }

  /** What is told goes, or gives way to what was there, which must be kept somewhere unless it is a folder or is still there. */
  #canBring({ before, kept, found }: Account): boolean {
    if (before === null || before.kind === Kind.folder || kept !== 0) return true;
    return found !== null && found.kind === before.kind && sameInode(before, found);
  }

  /** What is kept of it, if it is there and is what was put there. */
  #keptStat({ kept, path, before }: Account): Stat | null {
    const name = keptName(kept, path);
    const stat = new Stat();
    const looked = this.#env.os.statAt(this.#run, name, 0, name.length, stat);
    const { kind, size } = before!;
    return looked === 0 && stat.kind === kind && (kind !== Kind.file || stat.size === size) ? stat : null;
  }

  /** A folder that goes must hold nothing but what goes with it. */
  #lookInside(path: Uint8Array): void {
    const { os } = this.#env;
    const folder = os.openBeneath(this.#root, path);
    if (folder < 0) return this.#conflict(path, -folder);
    const names = new Listing();
    const listed = os.readFolder(folder, names);
    os.close(folder);
    if (listed < 0) return this.#conflict(path, -listed);
    for (let i = 0; i < names.count; i++) {
      const name = names.name(i);
      if (isOwnTemporary(name) || (path.length === 0 && isOwnName(name, 0, name.length))) continue;
      const child = joinPath(path, name);
      if (!this.#accounts.has(latin1(child))) this.#conflict(child, 0);
    }
  }

  #conflict(path: Uint8Array, errno: number): void {
    this.#conflicts++;
    this.#tell(Verb.restore, errno === 0 ? Cause.changedSince : Cause.system, errno, path);
  }

  // ---- what the run made goes

  #remove({ path, before, found, isDone }: Account): void {
    if (isDone || found === null || before !== null || path.length === 0) return;
    const { kind } = found;
    if (!this.#dryRun) {
      const { os } = this.#env;
      const name = lastOf(path);
      const parent = this.#enter(path);
      const isSame = parent >= 0 && this.#isStill(parent, name, found);
      if (!isSame) return this.#changed(path, parent);
      const removed = kind === Kind.folder ? this.#removeFolder(parent, name) : os.unlink(parent, name);
      if (removed < 0 && removed !== -Errno.ENOENT) return this.#tell(Verb.remove, Cause.system, -removed, path);
    }
    if (kind === Kind.folder) this.#totals.deletedFolders++;
    else if (kind === Kind.link) this.#totals.deletedLinks++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) this.#totals.deletedDevices++;
    else if (kind === Kind.file) this.#totals.deletedFiles++;
    else this.#totals.deletedSpecials++;
    this.#events.deleted(path, kind);
  }

  #removeFolder(parent: Handle, name: Uint8Array): number {
    const { os } = this.#env;
    const removed = os.removeFolder(parent, name);
    if (removed !== -Errno.ENOTEMPTY) return removed;
    // What a run that died had written aside is nobody's.
    const folder = os.openFolder(parent, name);
    if (folder < 0) return folder;
    eachName(os, folder, (child) => {
      if (isOwnTemporary(child) && os.unlink(folder, child) === -Errno.EISDIR) removeFlatFolder(os, folder, child);
    });
    os.close(folder);
    return os.removeFolder(parent, name);
  }

  #isStill(parent: Handle, name: Uint8Array, found: Stat): boolean {
    const stat = new Stat();
    if (this.#env.os.statAt(parent, name, 0, name.length, stat) < 0) return false;
    if (!isSameInode(stat, found) || stat.kind !== found.kind) return false;
    return stat.kind === Kind.folder || (stat.size === found.size && sameTime(stat, found));
  }

  #changed(path: Uint8Array, parent: Handle): void {
    if (parent < 0) this.#tell(Verb.open, Cause.system, -parent, path);
    else this.#tell(Verb.restore, Cause.targetChanged, 0, path);
  }

  // ---- what was there comes back

  #restore(account: Account): void {
    const { path, before, found, kept, isDone } = account;
    if (isDone || before === null) return;
    const isThere = found !== null && found.kind === before.kind && (before.kind === Kind.folder || kept === 0);
    if (!this.#dryRun && !isThere) {
      const parent = this.#enter(path);
      if (parent < 0) return this.#changed(path, parent);
      const name = lastOf(path);
      const stat = new Stat();
      const stands = this.#env.os.statAt(parent, name, 0, name.length, stat) === 0;
      if (stands && (found === null || !this.#isStill(parent, name, found))) return this.#changed(path, parent);
      const result = before.kind === Kind.folder
        ? this.#bringFolder(parent, name, stands)
        : this.#bringKept(account, parent, name, stands && stat.kind === Kind.folder);
      if (result < 0) return this.#tell(Verb.restore, Cause.system, -result, path);
    }
    if (before.kind === Kind.folder) this.#totals.createdFolders++;
    else this.#totals.createdFiles++;
    this.#tell(Verb.restore, Cause.restored, 0, path);
  }

  #bringFolder(parent: Handle, name: Uint8Array, stands: boolean): number {
    const { os } = this.#env;
    if (!stands) return os.makeFolder(parent, name, 0o700);
    const aside = this.#names.next();
    const made = os.makeFolder(parent, aside, 0o700);
    if (made < 0) return made;
    const swapped = os.exchange(parent, aside, parent, name);
    if (swapped === 0) return os.unlink(parent, aside);
    os.removeFolder(parent, aside);
    if (swapped !== -Errno.EINVAL && swapped !== -Errno.ENOSYS) return swapped;
    const removed = os.unlink(parent, name);
    return removed < 0 ? removed : os.makeFolder(parent, name, 0o700);
  }

  /** What is kept gets its name back, by one rename where that can be. */
  #bringKept(account: Account, parent: Handle, name: Uint8Array, inFoldersPlace: boolean): number {
    const { os } = this.#env;
    const from = keptName(account.kept, account.path);
    if (!inFoldersPlace) {
      const moved = os.rename(this.#run, from, parent, name);
      if (moved !== -Errno.EXDEV) return moved;
    }
    const aside = this.#names.next();
    os.lockShared(parent);
    const brought = this.#bringBeside(account, parent, aside);
    const placed = brought < 0 ? brought : this.#place(parent, aside, name, inFoldersPlace);
    if (placed < 0) os.unlink(parent, aside);
    else os.unlink(this.#run, from);
    os.unlock(parent);
    return placed;
  }

  /** A second link of what is kept, or a copy, so that it stays in the trash until its name has it. */
  #bringBeside(account: Account, parent: Handle, aside: Uint8Array): number {
    const { os, identity } = this.#env;
    const from = keptName(account.kept, account.path);
    const linked = os.hardLink(this.#run, from, parent, aside);
    if (linked === 0) return 0;
    const stat = new Stat();
    const looked = os.statAt(this.#run, from, 0, from.length, stat);
    const copied = looked < 0 ? looked : copyAside(os, this.#run, from, stat, parent, aside);
    if (copied < 0 || stat.kind !== Kind.file) return copied;
    const source = os.openFile(this.#run, from, OpenMode.read, 0);
    const pin = source < 0 ? source : os.pin(parent, aside);
    const attributes = pin < 0 ? null : readAttributes(os, source, identity.uid === 0);
    const given = attributes === null ? Math.min(0, pin) : restoreAttributes(os, pin, attributes, identity.uid === 0);
    if (source >= 0) os.close(source);
    if (pin >= 0) os.close(pin);
    return given === -Errno.EOPNOTSUPP ? 0 : given;
  }

  #place(parent: Handle, aside: Uint8Array, name: Uint8Array, inFoldersPlace: boolean): number {
    const { os } = this.#env;
    if (!inFoldersPlace) return os.rename(parent, aside, parent, name);
    const swapped = os.exchange(parent, aside, parent, name);
    if (swapped === 0) return this.#removeFolder(parent, aside);
    if (swapped !== -Errno.EINVAL && swapped !== -Errno.ENOSYS) return swapped;
    const removed = this.#removeFolder(parent, name);
    return removed < 0 ? removed : os.rename(parent, aside, parent, name);
  }

  // ---- metadata, of a folder behind what it holds

  #bringMetadata({ path, before }: Account): void {
    if (before === null) return;
    const { os, identity } = this.#env;
    const stat = new Stat();
    const isRootItself = path.length === 0;
    const parent = isRootItself ? this.#root : this.#enter(path);
    const handle = isRootItself ? os.openBeneath(parent, EMPTY) : parent < 0 ? parent : os.pin(parent, lastOf(path));
    if (handle < 0) return this.#tell(Verb.open, Cause.system, -handle, path);
    const looked = os.statHandle(handle, stat);
    if (looked === 0 && stat.kind === before.kind) {
      const isRoot = identity.uid === 0;
      const { attributes } = before;
      const task = attributes === null ? null : () => {
        const given = restoreAttributes(os, handle, attributes, isRoot);
        return given < 0 ? { verb: Verb.setAttributes, errno: -given } : false;
      };
      const failure = applyMetadata(os, handle, stat, { ...before, setsTime: true, attributes: task });
      if (failure !== null) this.#tell(failure.verb, Cause.system, failure.errno, path);
    }
    os.close(handle);
  }

  #finish(): void {
    const { os } = this.#env;
    if (this.#hasFailed) return;
    this.#mark(UNDONE);
    // What is left is what the run itself made and replaced again.
    eachName(os, this.#run, (name) => {
      if (/^[0-9a-f]{8}(-|$)/.test(latin1(name))) os.unlink(this.#run, name);
    });
  }

  #mark(name: Uint8Array): void {
    const { os } = this.#env;
    const marker = os.openFile(this.#run, name, OpenMode.create, 0o600);
    if (marker >= 0) os.close(marker);
    else if (marker !== -Errno.EEXIST) refuse(`cannot write to the trash: ${errnoText(-marker)}`);
  }

  // ---- below

  #stat(path: Uint8Array, out: Stat): number {
    const { os } = this.#env;
    if (path.length === 0) return os.statHandle(this.#root, out);
    const parent = this.#open(path);
    const name = lastOf(path);
    return parent < 0 ? parent : os.statAt(parent, name, 0, name.length, out);
  }

  /** The folder that holds the entry. The handle stays ours. */
  #open(path: Uint8Array): Handle {
    const cut = path.lastIndexOf(0x2f);
    const parentPath = cut < 0 ? EMPTY : path.subarray(0, cut);
    const key = latin1(parentPath);
    if (key === this.#parentPath && this.#parent >= 0) return this.#parent;
    this.#leave();
    this.#parent = this.#env.os.openBeneath(this.#root, parentPath);
    this.#parentPath = key;
    return this.#parent;
  }

  /** The same for changes: without root a folder that is closed to us is opened up; its mode comes back with its metadata. */
  #enter(path: Uint8Array): Handle {
    const { os, identity } = this.#env;
    const parent = this.#open(path);
    const stat = new Stat();
    if (parent < 0 || identity.uid === 0 || os.statHandle(parent, stat) < 0) return parent;
    if ((stat.mode & 0o300) !== 0o300) os.setMode(parent, stat.mode | 0o700);
    return parent;
  }

  #leave(): void {
    if (this.#parent >= 0) this.#env.os.close(this.#parent);
    this.#parent = -1;
    this.#parentPath = null;
  }

  #tell(verb: number, cause: number, errno: number, path: Uint8Array): void {
    if (cause !== Cause.restored) this.#hasFailed = true;
    this.#events.problem({ verb, cause, errno, side: Side.target, path });
  }
}

/** Whether nothing has to be done but perhaps to its metadata. `kept`: what is kept of it, or null. */
function isAsBefore({ before, kept: number, found }: Account, kept: Stat | null): boolean {
  if (before === null || found === null) return before === found;
  if (found.kind !== before.kind) return false;
  if (before.kind === Kind.folder) return fits(before, false, found);
  if (!sameLooks(before, found)) return false;
  if (number === 0) return sameInode(before, found);
  // It went back already; or what is kept is a second link of what stands there still. A copy was kept of what was then written into.
  return kept === null || isSameInode(kept, found);
}

function lastOf(path: Uint8Array): Uint8Array {
  return path.subarray(path.lastIndexOf(0x2f) + 1);
}

function sameInode(state: EntryState, stat: Stat): boolean {
  return state.inoLow === stat.inoLow && state.inoHigh === stat.inoHigh;
}

function isSameFile(a: EntryState, b: EntryState): boolean {
  return a.kind === b.kind && a.inoLow === b.inoLow && a.inoHigh === b.inoHigh;
}

function sameTime(a: EntryState | Stat, b: Stat): boolean {
  return a.mtimeSec === b.mtimeSec && a.mtimeNs === b.mtimeNs;
}

function sameLooks(state: EntryState, stat: Stat): boolean {
  return state.kind === stat.kind && state.mode === stat.mode && state.uid === stat.uid && state.gid === stat.gid &&
    state.size === stat.size && sameTime(state, stat);
}

/** Whether what is found is what was recorded; of a folder its time says nothing, nor whether its owner may change it. */
function fits(state: EntryState | null, isOpen: boolean, found: Stat | null): boolean {
  if (state === null || found === null) return state === found;
  if (state.kind !== found.kind) return false;
  if (state.kind === Kind.folder) {
    if (isOpen) return true;
    return state.uid === found.uid && state.gid === found.gid && (state.mode | 0o700) === (found.mode | 0o700);
  }
  if (isOpen) return (state.inoLow === 0 && state.inoHigh === 0) || sameInode(state, found);
  return sameInode(state, found) && sameLooks(state, found);
}

function refuse(detail: string): never {
  throw new TsyncError({ kind: "selection", detail: `${detail}; nothing was changed` });
}
