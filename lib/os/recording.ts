// Os around another Os that notes every verb, so that tests assert how much was done and that a dry run changed nothing.
// Promises: results pass through unchanged; with `keepNotes` false only counts are kept, for large trees.

import type { Abilities, FileSystemInfo, Handle, Kind, Listing, Os, Result, Stat } from "./os.ts";
import { isChanging, type Verb } from "./verbs.ts";

/** One call: the verb, its name (or the first of two names, or the path), what it returned. */
export interface Note {
  verb: Verb;
  name: Uint8Array | null;
  /** 0 for fileSystem's success. */
  result: Result;
  changing: boolean;
}

export class RecordingOs implements Os {
  readonly abilities: Abilities;
  readonly notes: Note[] = [];
  readonly counts: Map<Verb, number> = new Map();
  readonly #inner: Os;
  readonly #keepNotes: boolean;
  #changes = 0;

  constructor(inner: Os, keepNotes = true) {
    this.#inner = inner;
    this.#keepNotes = keepNotes;
    // What another thread does would not be noted.
    this.abilities = { ...inner.abilities, threads: false };
  }

  /** Calls of `verb`. */
  count(verb: Verb): number {
    return this.counts.get(verb) ?? 0;
  }

  /** Calls, whatever they returned, that change a tree when they succeed. */
  get changes(): number {
    return this.#changes;
  }

  /** The noted calls that change a tree when they succeed. */
  changing(): Note[] {
    return this.notes.filter((note) => note.changing);
  }

  forget(): void {
    this.notes.length = 0;
    this.counts.clear();
    this.#changes = 0;
  }

  #note(verb: Verb, name: Uint8Array | null, result: Result, how?: number): Result {
    this.counts.set(verb, this.count(verb) + 1);
    const changing = isChanging(verb, how);
    if (changing) this.#changes++;
    if (this.#keepNotes) this.notes.push({ verb, name: name?.slice() ?? null, result, changing });
    return result;
  }

  openRoot(path: Uint8Array): Handle {
    return this.#note("openRoot", path, this.#inner.openRoot(path));
  }
  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    return this.#note("statPath", path, this.#inner.statPath(path, follow, out));
  }
  makeRoot(path: Uint8Array): Result {
    return this.#note("makeRoot", path, this.#inner.makeRoot(path));
  }
  openFolder(folder: Handle, name: Uint8Array): Handle {
    return this.#note("openFolder", name, this.#inner.openFolder(folder, name));
  }
  openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.#note("openBeneath", path, this.#inner.openBeneath(root, path));
  }
  openInside(root: Handle, path: Uint8Array, how: number): Handle {
    return this.#note("openInside", path, this.#inner.openInside(root, path, how));
  }
  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    return this.#note("openThrough", name, this.#inner.openThrough(folder, name, reads));
  }
  readFolder(folder: Handle, into: Listing): Result {
    return this.#note("readFolder", null, this.#inner.readFolder(folder, into));
  }
  close(handle: Handle): Result {
    return this.#note("close", null, this.#inner.close(handle));
  }
  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    return this.#note("statAt", bytes.subarray(at, at + length), this.#inner.statAt(folder, bytes, at, length, out));
  }
  statHandle(handle: Handle, out: Stat): Result {
    return this.#note("statHandle", null, this.#inner.statHandle(handle, out));
  }
  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#note("readLink", name, this.#inner.readLink(folder, name, into));
  }
  fileSystem(handle: Handle): FileSystemInfo | Result {
    const info = this.#inner.fileSystem(handle);
    this.#note("fileSystem", null, typeof info === "number" ? info : 0);
    return info;
  }
  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    return this.#note("openFile", name, this.#inner.openFile(folder, name, how, mode), how);
  }
  read(handle: Handle, into: Uint8Array): Result {
    return this.#note("read", null, this.#inner.read(handle, into));
  }
  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    return this.#note("readAt", null, this.#inner.readAt(handle, into, offset));
  }
  writeAll(handle: Handle, bytes: Uint8Array): Result {
    return this.#note("writeAll", null, this.#inner.writeAll(handle, bytes));
  }
  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    return this.#note("writeAllAt", null, this.#inner.writeAllAt(handle, bytes, offset));
  }
  truncate(handle: Handle, size: number): Result {
    return this.#note("truncate", null, this.#inner.truncate(handle, size));
  }
  seekData(handle: Handle, from: number): Result {
    return this.#note("seekData", null, this.#inner.seekData(handle, from));
  }
  seekHole(handle: Handle, from: number): Result {
    return this.#note("seekHole", null, this.#inner.seekHole(handle, from));
  }
  allocate(handle: Handle, length: number): Result {
    return this.#note("allocate", null, this.#inner.allocate(handle, length));
  }

  endOf(handle: Handle): Result {
    return this.#note("endOf", null, this.#inner.endOf(handle));
  }
  punchHole(handle: Handle, offset: number, length: number): Result {
    return this.#note("punchHole", null, this.#inner.punchHole(handle, offset, length));
  }
  cloneFile(from: Handle, to: Handle): Result {
    return this.#note("cloneFile", null, this.#inner.cloneFile(from, to));
  }
  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result {
    return this.#note("copyRange", null, this.#inner.copyRange(from, fromOffset, to, toOffset, length));
  }
  async copyRangeBeside(
    from: Handle,
    fromOffset: number,
    to: Handle,
    toOffset: number,
    length: number,
  ): Promise<Result> {
    return this.#note(
      "copyRange",
      null,
      await this.#inner.copyRangeBeside(from, fromOffset, to, toOffset, length),
    );
  }
  sync(handle: Handle): Result {
    return this.#note("sync", null, this.#inner.sync(handle));
  }
  async syncBeside(handle: Handle): Promise<Result> {
    return this.#note("syncBeside", null, await this.#inner.syncBeside(handle));
  }
  async syncAll(handle: Handle): Promise<Result> {
    return this.#note("syncAll", null, await this.#inner.syncAll(handle));
  }
  startSync(handle: Handle): Result {
    return this.#note("startSync", null, this.#inner.startSync(handle));
  }
  unwrittenBytes(): number {
    return this.#note("unwrittenBytes", null, this.#inner.unwrittenBytes());
  }
  openLimit(): number {
    return this.#note("openLimit", null, this.#inner.openLimit());
  }
  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    return this.#note("makeFolder", name, this.#inner.makeFolder(folder, name, mode));
  }
  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    return this.#note("makeLink", name, this.#inner.makeLink(folder, name, target));
  }
  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, major: number, minor: number): Result {
    return this.#note("makeSpecial", name, this.#inner.makeSpecial(folder, name, kind, mode, major, minor));
  }
  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#note("hardLink", from, this.#inner.hardLink(fromFolder, from, toFolder, to));
  }
  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#note("rename", from, this.#inner.rename(fromFolder, from, toFolder, to));
  }
  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#note("renameNew", from, this.#inner.renameNew(fromFolder, from, toFolder, to));
  }
  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    return this.#note("exchange", a, this.#inner.exchange(folderA, a, folderB, b));
  }
  unlink(folder: Handle, name: Uint8Array): Result {
    return this.#note("unlink", name, this.#inner.unlink(folder, name));
  }
  removeFolder(folder: Handle, name: Uint8Array): Result {
    return this.#note("removeFolder", name, this.#inner.removeFolder(folder, name));
  }
  pin(folder: Handle, name: Uint8Array): Handle {
    return this.#note("pin", name, this.#inner.pin(folder, name));
  }
  setMode(handle: Handle, mode: number): Result {
    return this.#note("setMode", null, this.#inner.setMode(handle, mode));
  }
  setOwner(handle: Handle, uid: number, gid: number): Result {
    return this.#note("setOwner", null, this.#inner.setOwner(handle, uid, gid));
  }
  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    return this.#note("setAccessTime", null, this.#inner.setAccessTime(handle, atimeSec, atimeNs));
  }
  readQuietly(): Result {
    return this.#note("readQuietly", null, this.#inner.readQuietly());
  }
  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    return this.#note("setTimes", null, this.#inner.setTimes(handle, mtimeSec, mtimeNs));
  }
  foldsNames(folder: Handle): Result {
    return this.#note("foldsNames", null, this.#inner.foldsNames(folder));
  }

  attributesAt(folder: Handle, name: Uint8Array): Result {
    return this.#note("attributesAt", name, this.#inner.attributesAt(folder, name));
  }
  listAttributes(handle: Handle, into: Uint8Array): Result {
    return this.#note("listAttributes", null, this.#inner.listAttributes(handle, into));
  }
  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#note("getAttribute", name, this.#inner.getAttribute(handle, name, into));
  }
  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    return this.#note("setAttribute", name, this.#inner.setAttribute(handle, name, value));
  }
  removeAttribute(handle: Handle, name: Uint8Array): Result {
    return this.#note("removeAttribute", name, this.#inner.removeAttribute(handle, name));
  }
  lockShared(handle: Handle): Result {
    return this.#note("lockShared", null, this.#inner.lockShared(handle));
  }
  lockExclusive(handle: Handle): Result {
    return this.#note("lockExclusive", null, this.#inner.lockExclusive(handle));
  }
  unlock(handle: Handle): Result {
    return this.#note("unlock", null, this.#inner.unlock(handle));
  }
}
