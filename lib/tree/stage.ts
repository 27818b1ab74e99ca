// Staging (DESIGN D13): content is written aside under a temporary name in its own folder, and put in place in batches:
// stage many, barrier, rename many. The barrier is the one place where a flush belongs. Law 1 rests here: a target name
// holds the old content or the whole verified new content.
//
// Each folder with staged files is held by a shared flock on its handle, so that another run's sweep of left-over temporary
// files passes it by; a batch is committed before its folder handle is closed.

import type { TemporaryNames } from "./own_names.ts";
import { Errno, type Handle, Kind, Listing, OpenMode, type Os, Stat } from "../os/os.ts";

/** Files and bytes staged before they are put in place. Small: with an empty barrier a larger batch gains nothing. */
const BATCH_FILES = 256;
const BATCH_BYTES = 64 << 20;

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
}

/**
 * Asked before an entry is put in place, to keep what stands there: 0 = go on, 1 = that has put it in place, below zero = a negated
 * errno, and it stays as it is.
 */
export type Keep = (file: StagedFile) => number;

/** Told the fate of every staged file: errno 0 = in place. */
export type Committed = (file: StagedFile, errno: number) => void;

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

  constructor(os: Os, names: TemporaryNames, committed: Committed, keep: Keep | null = null) {
    this.#keep = keep;
    this.#os = os;
    this.#names = names;
    this.#committed = committed;
  }

  /** The temporary name of the file that `create` just opened. */
  temporary: Uint8Array = new Uint8Array(0);

  /** Creates a temporary file in `folder`; its handle or a negated errno. `mode` is 0600 unless the content is verified already. */
  create(folder: Handle, mode: number): Handle {
    this.hold(folder);
    for (;;) {
      const temporary = this.#names.next();
      const handle = this.#os.openFile(folder, temporary, OpenMode.create, mode);
      if (handle === -Errno.EEXIST) continue;
      if (handle >= 0) {
        this.temporary = temporary;
        this.#open.set(temporary, folder);
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

  /** Takes a complete temporary file into the batch. */
  add(file: StagedFile): void {
    this.#open.delete(file.temporary);
    this.#batch.push(file);
    this.#batchBytes += file.bytes;
    if (this.#batch.length >= BATCH_FILES || this.#batchBytes >= BATCH_BYTES) this.commit();
  }

  /** Puts the whole batch in place, in the order in which it was staged. */
  commit(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    for (const file of batch) {
      const result = this.#place(file);
      this.#committed(file, result < 0 ? -result : 0);
    }
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
    this.#open.delete(temporary);
    return this.#os.unlink(folder, temporary);
  }

  /** The temporary was renamed or swapped away by the caller. */
  forget(temporary: Uint8Array): void {
    this.#open.delete(temporary);
  }

  /** The run is stopped: what is staged is complete, and goes in place without being told of. */
  keepComplete(): void {
    for (const file of this.#batch.splice(0)) {
      if (this.#place(file) < 0) this.#os.unlink(file.folder, file.temporary);
    }
  }

  /** Removes everything that is staged or half-written: the run ends early. */
  discardAll(): void {
    for (const [temporary, folder] of this.#open) this.#os.unlink(folder, temporary);
    this.#open.clear();
    for (const file of this.#batch) this.#os.unlink(file.folder, file.temporary);
    this.#batch = [];
  }

  /** A folder's handle is about to be closed. */
  release(folder: Handle): void {
    if (!this.#locked.has(folder)) return;
    this.commit();
    this.#locked.delete(folder);
    this.#os.unlock(folder);
  }

  /** Keeps other runs' sweeps away from what is staged in the folder until `release`. */
  hold(folder: Handle): void {
    if (this.#locked.has(folder)) return;
    this.#locked.add(folder);
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
