// Os that hands every verb to another one: what stands between a half and its files (fake_super.ts, converted_names.ts in lib/tree)
// extends it and changes the few verbs that it is about. Promises: handles are the inner one's own.

import type { Abilities, FileSystemInfo, Handle, Kind, Listing, Os, Result, Stat } from "./os.ts";

export class OsThrough implements Os {
  readonly abilities: Abilities;
  protected readonly inner: Os;

  constructor(inner: Os) {
    this.inner = inner;
    // Another thread would work with its own door.
    this.abilities = { ...inner.abilities, threads: false };
  }

  openRoot(path: Uint8Array): Handle {
    return this.inner.openRoot(path);
  }
  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    return this.inner.statPath(path, follow, out);
  }
  makeRoot(path: Uint8Array): Result {
    return this.inner.makeRoot(path);
  }
  openFolder(folder: Handle, name: Uint8Array): Handle {
    return this.inner.openFolder(folder, name);
  }
  openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.inner.openBeneath(root, path);
  }
  openInside(root: Handle, path: Uint8Array, how: number): Handle {
    return this.inner.openInside(root, path, how);
  }
  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    return this.inner.openThrough(folder, name, reads);
  }
  readFolder(folder: Handle, into: Listing): Result {
    return this.inner.readFolder(folder, into);
  }
  close(handle: Handle): Result {
    return this.inner.close(handle);
  }
  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    return this.inner.statAt(folder, bytes, at, length, out);
  }
  statHandle(handle: Handle, out: Stat): Result {
    return this.inner.statHandle(handle, out);
  }
  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.inner.readLink(folder, name, into);
  }
  fileSystem(handle: Handle): FileSystemInfo | Result {
    return this.inner.fileSystem(handle);
  }
  foldsNames(folder: Handle): Result {
    return this.inner.foldsNames(folder);
  }
  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    return this.inner.openFile(folder, name, how, mode);
  }
  read(handle: Handle, into: Uint8Array): Result {
    return this.inner.read(handle, into);
  }
  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    return this.inner.readAt(handle, into, offset);
  }
  writeAll(handle: Handle, bytes: Uint8Array): Result {
    return this.inner.writeAll(handle, bytes);
  }
  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    return this.inner.writeAllAt(handle, bytes, offset);
  }
  truncate(handle: Handle, size: number): Result {
    return this.inner.truncate(handle, size);
  }
  seekData(handle: Handle, from: number): Result {
    return this.inner.seekData(handle, from);
  }
  seekHole(handle: Handle, from: number): Result {
    return this.inner.seekHole(handle, from);
  }
  allocate(handle: Handle, length: number): Result {
    return this.inner.allocate(handle, length);
  }
  endOf(handle: Handle): Result {
    return this.inner.endOf(handle);
  }
  punchHole(handle: Handle, offset: number, length: number): Result {
    return this.inner.punchHole(handle, offset, length);
  }
  cloneFile(from: Handle, to: Handle): Result {
    return this.inner.cloneFile(from, to);
  }
  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result {
    return this.inner.copyRange(from, fromOffset, to, toOffset, length);
  }
  copyRangeBeside(
    from: Handle,
    fromOffset: number,
    to: Handle,
    toOffset: number,
    length: number,
  ): Promise<Result> {
    return this.inner.copyRangeBeside(from, fromOffset, to, toOffset, length);
  }
  sync(handle: Handle): Result {
    return this.inner.sync(handle);
  }
  syncBeside(handle: Handle): Promise<Result> {
    return this.inner.syncBeside(handle);
  }
  syncAll(handle: Handle): Promise<Result> {
    return this.inner.syncAll(handle);
  }
  startSync(handle: Handle): Result {
    return this.inner.startSync(handle);
  }
  unwrittenBytes(): number {
    return this.inner.unwrittenBytes();
  }
  openLimit(): number {
    return this.inner.openLimit();
  }
  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    return this.inner.makeFolder(folder, name, mode);
  }
  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    return this.inner.makeLink(folder, name, target);
  }
  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, major: number, minor: number): Result {
    return this.inner.makeSpecial(folder, name, kind, mode, major, minor);
  }
  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.inner.hardLink(fromFolder, from, toFolder, to);
  }
  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.inner.rename(fromFolder, from, toFolder, to);
  }
  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.inner.renameNew(fromFolder, from, toFolder, to);
  }
  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    return this.inner.exchange(folderA, a, folderB, b);
  }
  unlink(folder: Handle, name: Uint8Array): Result {
    return this.inner.unlink(folder, name);
  }
  removeFolder(folder: Handle, name: Uint8Array): Result {
    return this.inner.removeFolder(folder, name);
  }
  pin(folder: Handle, name: Uint8Array): Handle {
    return this.inner.pin(folder, name);
  }
  setMode(handle: Handle, mode: number): Result {
    return this.inner.setMode(handle, mode);
  }
  setOwner(handle: Handle, uid: number, gid: number): Result {
    return this.inner.setOwner(handle, uid, gid);
  }
  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    return this.inner.setAccessTime(handle, atimeSec, atimeNs);
  }
  readQuietly(): Result {
    return this.inner.readQuietly();
  }
  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    return this.inner.setTimes(handle, mtimeSec, mtimeNs);
  }
  attributesAt(folder: Handle, name: Uint8Array): Result {
    return this.inner.attributesAt(folder, name);
  }
  listAttributes(handle: Handle, into: Uint8Array): Result {
    return this.inner.listAttributes(handle, into);
  }
  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.inner.getAttribute(handle, name, into);
  }
  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    return this.inner.setAttribute(handle, name, value);
  }
  removeAttribute(handle: Handle, name: Uint8Array): Result {
    return this.inner.removeAttribute(handle, name);
  }
  lockShared(handle: Handle): Result {
    return this.inner.lockShared(handle);
  }
  lockExclusive(handle: Handle): Result {
    return this.inner.lockExclusive(handle);
  }
  unlock(handle: Handle): Result {
    return this.inner.unlock(handle);
  }
}
