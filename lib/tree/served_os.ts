// The door to the system for an agent that serves one folder (tsync-remote serve --root): every verb of the halves goes through here.
// Made by the agent. Promises, whatever a peer asks for:
// - a path that was typed is one below the served root ("/x", "x" and "~/x" alike), and a link is followed only as long as it leads
//   to what lies below it; the kernel sees to that in one step (openInside), so that nothing swapped meanwhile leads out;
// - each power is judged in one place: #mayWrite, #mayChange, #mayGo, #mayRead.
// What is refused is an errno of its own, REFUSED or OUTSIDE (served_powers.ts), which no system gives.

import { concatBytes, EMPTY, joinPath } from "../base/bytes.ts";
import {
  type Abilities,
  Errno,
  type FileSystemInfo,
  type Handle,
  InsideMode,
  type Kind,
  type Listing,
  OpenMode,
  type Os,
  type Result,
  type Stat,
} from "../os/os.ts";
import { OUTSIDE, OwnEntries, type Powers, REFUSED } from "./served_powers.ts";

const SLASH = 0x2f;

/** Not made from OsThrough: a verb that is new to Os is judged here before it is let through, or this does not compile. */
export class ServedOs implements Os {
  readonly abilities: Abilities;
  readonly #os: Os;
  readonly #root: Handle;
  readonly #powers: Powers;
  /** Null where nothing depends on what is ours. */
  readonly #own: OwnEntries | null;
  /** Folders that are open, by their paths below the served root: what a link in them is resolved from. */
  readonly #paths = new Map<Handle, Uint8Array>();
  /** Files open for writing whose content may not be read. */
  readonly #unread = new Set<Handle>();

  /** `root`: the served folder, which stays the caller's. */
  constructor(os: Os, root: Handle, powers: Powers) {
    this.#os = os;
    this.#root = root;
    this.#powers = powers;
    this.#own = powers.reads && powers.keeps === "nothing" ? null : new OwnEntries(os);
    // Another thread would work by a door of its own.
    this.abilities = { ...os.abilities, threads: false };
  }

  // ---- the powers

  /** Anything may be made. */
  #mayWrite(): boolean {
    return this.#powers.writes;
  }

  /** The metadata of the open entry may be changed. */
  #mayChange(handle: Handle): boolean {
    return this.#powers.writes && (this.#powers.keeps !== "all" || this.#own!.hasOpen(handle));
  }

  /** The entry may lose its name, or its content without new content in its place. */
  #mayGo(folder: Handle, name: Uint8Array): boolean {
    return this.#powers.writes && (this.#powers.keeps === "nothing" || this.#own!.mayGo(folder, name));
  }

  /** The content of the open file may be read. */
  #mayRead(handle: Handle): boolean {
    return this.#powers.reads || this.#own!.hasOpen(handle);
  }

  /** What opening gave, closed again if its content may not be read. */
  #readable(handle: Handle): Handle {
    if (handle < 0 || this.#mayRead(handle)) return handle;
    this.#os.close(handle);
    return REFUSED;
  }

  // ---- what a peer's words lead to

  #inside(path: Uint8Array, how: number): Handle {
    const handle = this.#os.openInside(this.#root, path, how);
    return handle === -Errno.EXDEV ? OUTSIDE : handle;
  }

  openInside(root: Handle, path: Uint8Array, how: number): Handle {
    const opened = this.#os.openInside(root, path, how);
    return how === InsideMode.read ? this.#readable(opened) : opened;
  }

  /** The whole content of a file that a peer names; a negated errno, -EFBIG if it has more than `limit` bytes. */
  readWhole(path: Uint8Array, limit: number, stat: Stat): Uint8Array | Result {
    const handle = this.#readable(this.#inside(below(path), InsideMode.read));
    if (handle < 0) return handle;
    const parts: Uint8Array[] = [];
    let result = this.#os.statHandle(handle, stat);
    for (let size = 0; result >= 0 && size <= limit; size += result) {
      const part = new Uint8Array(65536);
      result = this.#os.read(handle, part);
      if (result === 0) break;
      if (result > 0) parts.push(part.subarray(0, result));
      if (size + result > limit) result = -Errno.EFBIG;
    }
    this.#os.close(handle);
    return result < 0 ? result : concatBytes(...parts);
  }

  openRoot(path: Uint8Array): Handle {
    if (path.length === 0) return -Errno.ENOENT;
    const word = below(path);
    return this.#known(this.#inside(word, InsideMode.folder), word);
  }

  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    if (path.length === 0) return -Errno.ENOENT;
    const pin = this.#inside(below(path), follow ? InsideMode.pin : InsideMode.pinLink);
    if (pin < 0) return pin;
    const result = this.#os.statHandle(pin, out);
    this.#os.close(pin);
    return result;
  }

  makeRoot(path: Uint8Array): Result {
    if (!this.#mayWrite()) return REFUSED;
    let word = below(path);
    while (word.length > 0 && word[word.length - 1] === SLASH) word = word.subarray(0, word.length - 1);
    const cut = word.lastIndexOf(SLASH);
    const parent = this.#inside(cut < 0 ? EMPTY : word.subarray(0, cut), InsideMode.folder);
    if (parent < 0) return parent;
    const name = word.subarray(cut + 1);
    const made = this.#os.makeFolder(parent, name, 0o777);
    if (made === 0) this.#own?.made(parent, name);
    this.#os.close(parent);
    return made;
  }

  /** Remembers where the open folder lies. */
  #known(handle: Handle, path: Uint8Array): Handle {
    if (handle >= 0) this.#paths.set(handle, new Uint8Array(path));
    return handle;
  }

  openFolder(folder: Handle, name: Uint8Array): Handle {
    return this.#known(this.#os.openFolder(folder, name), joined(this.#paths.get(folder) ?? EMPTY, name));
  }

  openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.#known(this.#os.openBeneath(root, path), joined(this.#paths.get(root) ?? EMPTY, path));
  }

  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    const at = this.#paths.get(folder);
    if (at === undefined) return -Errno.EBADF;
    if (name.includes(SLASH) || name.length === 0) return -Errno.EINVAL;
    const path = joined(at, name);
    if (!reads) return this.#inside(path, InsideMode.pin);
    // A folder's names may be listed, whatever may be read.
    const opened = this.#inside(path, InsideMode.folder);
    return opened === -Errno.ENOTDIR ? this.#readable(this.#inside(path, InsideMode.read)) : this.#known(opened, path);
  }

  close(handle: Handle): Result {
    this.#paths.delete(handle);
    this.#unread.delete(handle);
    return this.#os.close(handle);
  }

  // ---- looking: names and metadata are open to every session

  readFolder(folder: Handle, into: Listing): Result {
    return this.#os.readFolder(folder, into);
  }
  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    return this.#os.statAt(folder, bytes, at, length, out);
  }
  statHandle(handle: Handle, out: Stat): Result {
    return this.#os.statHandle(handle, out);
  }
  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#os.readLink(folder, name, into);
  }
  fileSystem(handle: Handle): FileSystemInfo | Result {
    return this.#os.fileSystem(handle);
  }
  foldsNames(folder: Handle): Result {
    return this.#os.foldsNames(folder);
  }
  pin(folder: Handle, name: Uint8Array): Handle {
    return this.#os.pin(folder, name);
  }
  attributesAt(folder: Handle, name: Uint8Array): Result {
    return this.#os.attributesAt(folder, name);
  }
  listAttributes(handle: Handle, into: Uint8Array): Result {
    return this.#os.listAttributes(handle, into);
  }
  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#os.getAttribute(handle, name, into);
  }

  // ---- content

  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    if (how === OpenMode.read) return this.#readable(this.#os.openFile(folder, name, how, mode));
    if (!this.#mayWrite()) return REFUSED;
    const handle = this.#os.openFile(folder, name, how, mode);
    if (handle < 0 || this.#own === null) return handle;
    if (how === OpenMode.create) {
      this.#own.madeOpen(handle);
      return handle;
    }
    // Written in place, what is there is gone.
    if (this.#powers.keeps !== "nothing" && !this.#own.hasOpen(handle)) {
      this.#os.close(handle);
      return REFUSED;
    }
    if (!this.#mayRead(handle)) this.#unread.add(handle);
    return handle;
  }

  read(handle: Handle, into: Uint8Array): Result {
    return this.#unread.has(handle) ? REFUSED : this.#os.read(handle, into);
  }
  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    return this.#unread.has(handle) ? REFUSED : this.#os.readAt(handle, into, offset);
  }
  seekData(handle: Handle, from: number): Result {
    return this.#os.seekData(handle, from);
  }
  seekHole(handle: Handle, from: number): Result {
    return this.#os.seekHole(handle, from);
  }
  endOf(handle: Handle): Result {
    return this.#os.endOf(handle);
  }

  // A file that may not be written is not open for writing: these need no other judgement than that.
  writeAll(handle: Handle, bytes: Uint8Array): Result {
    return this.#mayWrite() ? this.#os.writeAll(handle, bytes) : REFUSED;
  }
  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    return this.#mayWrite() ? this.#os.writeAllAt(handle, bytes, offset) : REFUSED;
  }
  truncate(handle: Handle, size: number): Result {
    return this.#mayWrite() ? this.#os.truncate(handle, size) : REFUSED;
  }
  allocate(handle: Handle, length: number): Result {
    return this.#mayWrite() ? this.#os.allocate(handle, length) : REFUSED;
  }
  punchHole(handle: Handle, offset: number, length: number): Result {
    return this.#mayWrite() ? this.#os.punchHole(handle, offset, length) : REFUSED;
  }
  cloneFile(from: Handle, to: Handle): Result {
    return this.#mayWrite() && !this.#unread.has(from) ? this.#os.cloneFile(from, to) : REFUSED;
  }
  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result {
    if (!this.#mayWrite() || this.#unread.has(from)) return REFUSED;
    return this.#os.copyRange(from, fromOffset, to, toOffset, length);
  }
  async copyRangeBeside(from: Handle, fromAt: number, to: Handle, toAt: number, length: number): Promise<Result> {
    if (!this.#mayWrite() || this.#unread.has(from)) return REFUSED;
    return await this.#os.copyRangeBeside(from, fromAt, to, toAt, length);
  }
  sync(handle: Handle): Result {
    return this.#os.sync(handle);
  }

  syncBeside(handle: Handle): Promise<Result> {
    return this.#os.syncBeside(handle);
  }

  syncAll(handle: Handle): Promise<Result> {
    return this.#os.syncAll(handle);
  }

  startSync(handle: Handle): Result {
    return this.#os.startSync(handle);
  }

  unwrittenBytes(): number {
    return this.#os.unwrittenBytes();
  }

  openLimit(): number {
    return this.#os.openLimit();
  }

  // ---- new names

  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    if (!this.#mayWrite()) return REFUSED;
    return this.#made(folder, name, this.#os.makeFolder(folder, name, mode));
  }
  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    if (!this.#mayWrite()) return REFUSED;
    return this.#made(folder, name, this.#os.makeLink(folder, name, target));
  }
  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, major: number, minor: number): Result {
    if (!this.#mayWrite()) return REFUSED;
    return this.#made(folder, name, this.#os.makeSpecial(folder, name, kind, mode, major, minor));
  }
  /** A further name is no change of what the entry is; the inode stays whose it was. */
  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#mayWrite() ? this.#os.hardLink(fromFolder, from, toFolder, to) : REFUSED;
  }

  #made(folder: Handle, name: Uint8Array, result: Result): Result {
    if (result === 0) this.#own?.made(folder, name);
    return result;
  }

  // ---- names that move or go

  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    if (!this.#mayGo(fromFolder, from)) return REFUSED;
    const { keeps } = this.#powers;
    if (keeps === "names" && !this.#own!.isAlike(fromFolder, from, toFolder, to)) return REFUSED;
    if (keeps !== "all" || this.#own!.has(toFolder, to)) return this.#os.rename(fromFolder, from, toFolder, to);
    const placed = this.#os.renameNew(fromFolder, from, toFolder, to);
    return placed === -Errno.EEXIST ? REFUSED : placed;
  }
  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#mayGo(fromFolder, from) ? this.#os.renameNew(fromFolder, from, toFolder, to) : REFUSED;
  }
  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    const may = this.#mayGo(folderA, a) && this.#mayGo(folderB, b);
    return may ? this.#os.exchange(folderA, a, folderB, b) : REFUSED;
  }
  unlink(folder: Handle, name: Uint8Array): Result {
    if (!this.#mayGo(folder, name)) return REFUSED;
    this.#own?.forget(folder, name);
    return this.#os.unlink(folder, name);
  }
  removeFolder(folder: Handle, name: Uint8Array): Result {
    if (!this.#mayGo(folder, name)) return REFUSED;
    this.#own?.forget(folder, name);
    return this.#os.removeFolder(folder, name);
  }

  // ---- metadata

  setMode(handle: Handle, mode: number): Result {
    return this.#mayChange(handle) ? this.#os.setMode(handle, mode) : REFUSED;
  }
  setOwner(handle: Handle, uid: number, gid: number): Result {
    return this.#mayChange(handle) ? this.#os.setOwner(handle, uid, gid) : REFUSED;
  }
  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    return this.#mayChange(handle) ? this.#os.setAccessTime(handle, atimeSec, atimeNs) : REFUSED;
  }
  readQuietly(): Result {
    return this.#os.readQuietly();
  }
  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    return this.#mayChange(handle) ? this.#os.setTimes(handle, mtimeSec, mtimeNs) : REFUSED;
  }
  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    return this.#mayChange(handle) ? this.#os.setAttribute(handle, name, value) : REFUSED;
  }
  removeAttribute(handle: Handle, name: Uint8Array): Result {
    return this.#mayChange(handle) ? this.#os.removeAttribute(handle, name) : REFUSED;
  }

  // ---- locks: between sessions, no change of anything

  lockShared(handle: Handle): Result {
    return this.#os.lockShared(handle);
  }
  lockExclusive(handle: Handle): Result {
    return this.#os.lockExclusive(handle);
  }
  unlock(handle: Handle): Result {
    return this.#os.unlock(handle);
  }
}

/** A peer's word as a path below the served root: its leading "/" are the root's. */
export function below(path: Uint8Array): Uint8Array {
  let start = 0;
  while (path[start] === SLASH) start++;
  return path.subarray(start);
}

function joined(folder: Uint8Array, name: Uint8Array): Uint8Array {
  return folder.length === 0 ? name : name.length === 0 ? folder : joinPath(folder, name);
}
