// Staging (DESIGN D13): content is written aside under a temporary name in its own folder, and put in place in batches:
// stage many, barrier, rename many. What replaces an older file passes the barrier (barrier.ts): it is on the disk before it gets
// the name; the rest is not flushed. Law 1 rests here: a target name holds the old content or the whole verified new content.
//
// Each folder with staged files is held by a shared flock on its handle, so that another run's sweep of left-over temporary
// files passes it by. A folder handle that is given up while files of it are in the barrier is closed when they are in place.

import { Verb } from "../base/problem.ts";
import type { Ahead } from "./ahead.ts";
import { Barrier, type Remains } from "./barrier.ts";
import { Flush, whileFlushing } from "./flush.ts";
import type { TempFolder } from "./temp_folder.ts";
import type { TemporaryNames } from "./own_names.ts";
import { type Volume, Volumes } from "./volumes.ts";
import { after } from "../os/clock.ts";
import { Errno, type Handle, Kind, Listing, OpenMode, type Os, Stat } from "../os/os.ts";

/** Files and bytes staged before they are put in place, of what is not flushed: a larger batch gains nothing. */
const BATCH_FILES = 256;
const BATCH_BYTES = 64 << 20;

/** What a stopped run still waits for its last flush, ms. */
const LAST_FLUSH_MS = 500;
const NOTHING_LEFT: Remains = { flushed: [], unflushed: [] };

/** Attempts to get the shared lock while a sweeper holds the folder for the few calls a sweep takes. */
const LOCK_TRIES = 1000;

export interface StagedFile {
  folder: Handle;
  temporary: Uint8Array;
  name: Uint8Array;
  index: number;
  bytes: number;
  /** It is another name of an entry that is in place. */
  isName?: boolean;
  /** It stands for what is there already: nothing of that is kept as a backup. */
  isSame?: true;
  /** What `flushes` said of it: it is flushed before it gets its name. */
  volume?: Volume;
  /** With `volume`: the file, open; closed when it is flushed. */
  handle?: Handle;
}

/**
 * What is flushed before it gets its name: nothing, files that replace another one (with "at last" all else at the end of the run), or
 * every file.
 */
export type FlushMode = "nothing" | "replaced" | "at last" | "everything";

/** What the barrier needs. */
export interface Durability {
  mode: FlushMode;
  now(): number;
  breathe(): Promise<void>;
  /** A file system could not be flushed. */
  failed(errno: number): void;
  /** Putting in place failed in a way that ends the run. */
  broken(error: unknown): void;
}

/**
 * Asked before an entry is put in place, to keep what stands there: 0 = go on, 1 = that has put it in place, below zero = a negated
 * errno, and it stays as it is.
 */
export type Keep = (file: StagedFile) => number;

/** Told the fate of every staged file: errno 0 = in place; else what failed (Verb.rename, Verb.flush). */
export type Committed = (file: StagedFile, errno: number, verb: number) => void;

export class Stage {
  readonly #os: Os;
  readonly #names: TemporaryNames;
  readonly #committed: Committed;
  readonly #keep: Keep | null;
  #batch: StagedFile[] = [];
  #batchBytes = 0;
  /** Written but not yet complete: removed if the run ends here. */
  readonly #open = new Map<Uint8Array, Handle>();
  readonly #locked = new Set<Handle>();
  readonly #mode: FlushMode;
  readonly #breathe: () => Promise<void>;
  readonly #volumes: Volumes;
  readonly #flush: Flush;
  readonly #barrier: Barrier;
  /** Files in the barrier, by folder. */
  readonly #inBarrier = new Map<Handle, number>();
  /** Folders that their owner gave up while files of them were in the barrier. */
  readonly #givenUp = new Set<Handle>();

  constructor(
    os: Os,
    names: TemporaryNames,
    committed: Committed,
    keep: Keep | null,
    { mode, now, breathe, failed, broken }: Durability,
  ) {
    this.#keep = keep;
    this.#os = os;
    this.#names = names;
    this.#committed = committed;
    this.#mode = mode;
    this.#breathe = breathe;
    this.#volumes = new Volumes(os);
    this.#flush = new Flush(os, failed);
    const land = (file: StagedFile, result: number) => this.#land(file, result);
    const ahead = () => this.ahead;
    this.#barrier = new Barrier({ os, flush: this.#flush, now, breathe, land, onBroken: broken, ahead });
  }

  /** --temp-dir: where `create` makes its files; null: in the folder they are for. */
  aside: TempFolder | null = null;

  /** What keeps what staged files replace and must be on the disk before they get their names; null: nothing does. */
  ahead: Ahead | null = null;

  /** The temporary name of the file that `create` just opened. */
  temporary: Uint8Array = new Uint8Array(0);

  /**
   * Creates a temporary file in `folder`; its handle or a negated errno. `mode` is 0600 unless the content is verified already. `of`: the
   * name it is for, by which it is known again if the run is killed.
   */
  create(folder: Handle, mode: number, of: Uint8Array | null = null): Handle {
    this.hold(folder);
    for (;;) {
      const temporary = this.#names.next(of);
      const at = this.aside?.handle ?? folder;
      const handle = this.#os.openFile(at, temporary, OpenMode.create, mode);
      if (handle === -Errno.EEXIST) continue;
      if (handle >= 0) {
        this.temporary = temporary;
        this.#open.set(temporary, at);
      }
      return handle;
    }
  }

  /** Makes a temporary entry of another kind with `make`; its name, or a negated errno. */
  createOther(folder: Handle, make: (name: Uint8Array) => number): Uint8Array | number {
    this.hold(folder);
    for (;;) {
      const temporary = this.#names.next();
      const result = make(temporary);
      if (result === -Errno.EEXIST) continue;
      if (result < 0) return result;
      this.#open.set(temporary, folder);
      return temporary;
    }
  }

  /**
   * Where a new file of the folder is to be flushed before it gets its name (`replaces`: another one has it): its handle then stays
   * open and goes with it to `add`. Undefined: it need not be.
   */
  flushes(folder: Handle, replaces: boolean): Volume | undefined {
    if (this.#mode === "nothing" || (!replaces && this.#mode === "replaced")) return undefined;
    const volume = this.#volumes.of(folder);
    if (volume === null) return undefined;
    return replaces || this.#mode === "everything" || !volume.flushesWhole ? volume : undefined;
  }

  /** Whether a new folder may get its name with files in it that were not flushed. */
  placesWhole(parent: Handle): boolean {
    return this.#mode !== "everything" && !this.flushesEach(parent);
  }

  get #flushesAtEnd(): boolean {
    return this.#mode === "everything" || this.#mode === "at last";
  }

  /** Takes a complete temporary file into the batch, or into the barrier. */
  add(file: StagedFile): void {
    if (this.aside !== null && this.placeOf(file.folder, file.temporary) !== file.folder) return this.#bring(file);
    this.#open.delete(file.temporary);
    if (file.volume !== undefined) {
      this.#inBarrier.set(file.folder, (this.#inBarrier.get(file.folder) ?? 0) + 1);
      return this.#barrier.add(file);
    }
    this.#batch.push(file);
    this.#batchBytes += file.bytes;
    if (this.#batch.length >= BATCH_FILES || this.#batchBytes >= BATCH_BYTES) this.commit();
  }

  /** The folder in which a temporary file for `folder` lies. */
  placeOf(folder: Handle, temporary: Uint8Array): Handle {
    return this.#open.get(temporary) ?? folder;
  }

  /** A complete file of another folder comes into its own. */
  #bring(file: StagedFile): void {
    const { folder, temporary: from } = file;
    const temporary = this.createOther(folder, (name) => this.aside!.bring(from, folder, name));
    if (typeof temporary === "number") {
      if (file.handle !== undefined) this.#os.close(file.handle);
      this.discard(folder, from);
      return this.#committed(file, -temporary, Verb.rename);
    }
    this.#open.delete(from);
    const handle = file.handle === undefined ? undefined : this.aside!.reopen(file.handle, folder, temporary);
    this.add({ ...file, temporary, handle });
  }

  /** Another name of a file that is in place: where it replaces something, that file is flushed first. */
  addName(file: StagedFile, replaces: boolean): void {
    const volume = this.flushes(file.folder, replaces);
    const handle = volume === undefined ? -1 : this.#os.openFile(file.folder, file.temporary, OpenMode.read, 0);
    this.add(handle < 0 ? file : { ...file, volume, handle });
  }

  /** To be waited for before more is staged; undefined while there is room. */
  pause(): Promise<void> | undefined {
    return this.#barrier.pause();
  }

  /** Some time has passed: what has waited long enough is flushed. */
  poke(): void {
    this.#barrier.poke();
  }

  /** Files are in the barrier. */
  get isWaiting(): boolean {
    return this.#barrier.isWaiting;
  }

  /** Puts all in place that is staged; resolves when it is. */
  async drain(): Promise<void> {
    this.commit();
    await this.#barrier.drain();
  }

  /** A file comes out of the barrier. */
  #land(file: StagedFile, result: number): void {
    const closed = this.#os.close(file.handle!);
    const flushed = result < 0 ? result : closed;
    const placed = flushed < 0 ? flushed : this.#place(file);
    this.#committed(file, placed < 0 ? -placed : 0, flushed < 0 ? Verb.flush : Verb.rename);
    this.#leaveBarrier(file.folder);
  }

  #leaveBarrier(folder: Handle): void {
    const left = this.#inBarrier.get(folder)! - 1;
    if (left > 0) return void this.#inBarrier.set(folder, left);
    this.#inBarrier.delete(folder);
    if (this.#givenUp.delete(folder)) this.#letGo(folder);
  }

  /** Puts the batch in place that passes no barrier, in the order in which it was staged. */
  commit(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    const kept = this.ahead === null ? null : this.#keepAhead(batch, this.ahead);
    batch.forEach((file, i) => {
      const result = kept !== null && kept[i] < 0 ? kept[i] : this.#place(file);
      this.#committed(file, result < 0 ? -result : 0, Verb.rename);
    });
  }

  /** 0 for each file whose predecessor is safe; else a negated errno. */
  #keepAhead(batch: readonly StagedFile[], ahead: Ahead): number[] {
    const kept = batch.map((file) => ahead.keepAhead(file));
    const flushed = ahead.flushNow();
    return kept.map((result) => Math.min(result, flushed));
  }

  /** Gives the file its name, with -b once what stands there is kept, which may do it, too; below zero: a negated errno. */
  #place(file: StagedFile): number {
    const kept = this.#keep === null || file.isSame ? 0 : this.#keep(file);
    const result = kept === 0 ? this.#os.rename(file.folder, file.temporary, file.folder, file.name) : kept;
    // Where the name has come to mean the same inode already, rename does nothing and both stay.
    if (file.isName && result === 0) this.#os.unlink(file.folder, file.temporary);
    return result;
  }

  /** Takes an incomplete or unwanted temporary off the disk; 0 or a negated errno. */
  discard(folder: Handle, temporary: Uint8Array): number {
    const at = this.placeOf(folder, temporary);
    this.#open.delete(temporary);
    return this.#os.unlink(at, temporary);
  }

  /** The temporary was renamed or swapped away by the caller. */
  forget(temporary: Uint8Array): void {
    this.#open.delete(temporary);
  }

  /** The run is about to end: nothing more comes out of the barrier. */
  halt(): void {
    this.#barrier.halt();
  }

  /**
   * The run has ended, after `halt`. With `keeps` what is complete goes in place without being told of, if it can be flushed within
   * half a second; everything else that is staged or half-written is removed.
   */
  async end(keeps: boolean): Promise<void> {
    const { flushed, unflushed } = this.#barrier.isWaiting ? await this.#remains(keeps) : NOTHING_LEFT;
    const complete = [...this.#batch.splice(0), ...flushed];
    for (const file of complete) {
      if (!keeps || this.#place(file) < 0) this.#os.unlink(file.folder, file.temporary);
    }
    for (const file of unflushed) this.#os.unlink(file.folder, file.temporary);
    for (const [temporary, folder] of this.#open) this.#os.unlink(folder, temporary);
    this.#open.clear();
    for (const file of [...flushed, ...unflushed]) this.#leaveBarrier(file.folder);
    this.#volumes.close();
  }

  async #remains(keeps: boolean): Promise<Remains> {
    let cancel = () => {};
    const limit = new Promise<void>((done) => cancel = after(LAST_FLUSH_MS, done));
    try {
      return await this.#barrier.end(keeps, limit);
    } finally {
      cancel();
    }
  }

  /** Everything that was written is on the disk when this resolves, where whole file systems can be flushed. */
  flushEverything(): Promise<void> {
    return whileFlushing(this.#flush.volumes(this.#volumes.all()), this.#breathe);
  }

  /** A folder that may be changed: what holds it is flushed with everything else. */
  see(folder: Handle, stat: Stat): void {
    if (this.#flushesAtEnd) this.#volumes.see(folder, stat);
  }

  /** Whether the folder itself is to be flushed at the end, and each file in it before it gets its name. */
  flushesEach(folder: Handle): boolean {
    return this.#flushesAtEnd && this.#volumes.of(folder)?.flushesWhole === false;
  }

  /** A folder's handle is about to be closed by its owner; nothing of it may be in the barrier. */
  release(folder: Handle): void {
    this.#volumes.forget(folder);
    if (!this.#locked.has(folder)) return;
    this.commit();
    this.#locked.delete(folder);
    this.#os.unlock(folder);
  }

  /** Closes a folder: at once, or when what is staged in it is in place. */
  close(folder: Handle): void {
    if (this.#inBarrier.has(folder)) this.#givenUp.add(folder);
    else this.#letGo(folder);
  }

  #letGo(folder: Handle): void {
    this.release(folder);
    this.#os.close(folder);
  }

  /** Keeps other runs' sweeps away from what is staged in the folder until `release`. */
  hold(folder: Handle): void {
    if (this.#locked.has(folder)) return;
    this.#locked.add(folder);
    if (this.#flushesAtEnd) this.#volumes.of(folder);
    for (let i = 0; i < LOCK_TRIES; i++) if (this.#os.lockShared(folder) !== -Errno.EAGAIN) return;
  }
}

/**
 * Puts a staged file where an empty folder stands, so that the name is never without either. 0, -ENOTEMPTY (then the folder is
 * as it was), or another negated errno.
 */
export function replaceEmptyFolder(os: Os, folder: Handle, temporary: Uint8Array, name: Uint8Array): number {
  const empty = checkEmpty(os, folder, name);
  if (empty === -Errno.ENOENT || empty === -Errno.ENOTDIR || empty === -Errno.ELOOP) {
    return os.rename(folder, temporary, folder, name);
  }
  if (empty < 0) return empty;
  const swapped = os.exchange(folder, temporary, folder, name);
  if (swapped === -Errno.EINVAL || swapped === -Errno.ENOSYS) {
    // A file system that cannot exchange: the name is free for a moment.
    const removed = os.removeFolder(folder, name);
    return removed < 0 ? removed : os.rename(folder, temporary, folder, name);
  }
  if (swapped < 0) return swapped;
  const removed = os.removeFolder(folder, temporary);
  if (removed < 0) os.exchange(folder, temporary, folder, name);
  return removed;
}

function checkEmpty(os: Os, folder: Handle, name: Uint8Array): number {
  const handle = os.openFolder(folder, name);
  if (handle < 0) return handle;
  const listing = new Listing();
  const result = os.readFolder(handle, listing);
  os.close(handle);
  return result < 0 ? result : listing.count === 0 ? 0 : -Errno.ENOTEMPTY;
}

/**
 * Removes temporary files and new folders that dead runs left in `folder`: only with the folder's exclusive lock, which no live
 * run that has staged there lets us have, and only what is ours. (With -H it may have other names, which stay.) Returns how many went.
 */
export function sweep(os: Os, folder: Handle, names: Uint8Array[], uid: number): number {
  if (os.lockExclusive(folder) !== 0) return 0;
  const stat = new Stat();
  let removed = 0;
  for (const name of names) {
    if (os.statAt(folder, name, 0, name.length, stat) < 0) continue;
    // Root gives a temporary file away before it is in place: whose it is by now says nothing.
    if (uid !== 0 && stat.uid !== uid) continue;
    if (stat.kind === Kind.folder) removed += sweepFolder(os, folder, name);
    else if (os.unlink(folder, name) === 0) removed++;
  }
  os.unlock(folder);
  return removed;
}

/** A new folder that was never put in place: a live run holds its own lock on it. 1 if it went. */
function sweepFolder(os: Os, folder: Handle, name: Uint8Array): number {
  const handle = os.openFolder(folder, name);
  if (handle < 0) return 0;
  const isDead = os.lockExclusive(handle) === 0;
  os.close(handle);
  return isDead && removeFlatFolder(os, folder, name) === 0 ? 1 : 0;
}

/** Removes a folder that holds no folders. 0, or the negated errno of what stays. */
export function removeFlatFolder(os: Os, parent: Handle, name: Uint8Array): number {
  const handle = os.openFolder(parent, name);
  if (handle < 0) return handle;
  eachName(os, handle, (child) => os.unlink(handle, child));
  os.close(handle);
  return os.removeFolder(parent, name);
}

/** Calls `visit` with each name of the folder. */
export function eachName(os: Os, folder: Handle, visit: (name: Uint8Array) => void): void {
  const listing = new Listing();
  if (os.readFolder(folder, listing) < 0) return;
  for (let i = 0; i < listing.count; i++) visit(new Uint8Array(listing.name(i)));
}
