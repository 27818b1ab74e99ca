// Os as a tree in memory, for tests: every verb, faults by script, death at any call; the tree itself, with its own clock, users, limits of space
// and inodes, is memory_tree.ts. Promises: the contract of os.ts as Linux keeps it; no real file is touched; the same seed and the same
// calls give the same tree. powerCut loses what was not flushed. Not modelled: umask, sticky folders, access time, content of FIFOs and
// devices.

import {
  type Abilities,
  Errno,
  type FileSystemInfo,
  type Handle,
  Kind,
  type Listing,
  type Os,
  type Result,
  type Stat,
} from "./os.ts";
import * as content from "./memory_content.ts";
import { type Fault, type FaultHook, FaultPlan, Killed } from "./memory_faults.ts";
import * as folders from "./memory_folders.ts";
import * as metadata from "./memory_metadata.ts";
import * as names from "./memory_names.ts";
import { type Node, PAGE_BYTES } from "./memory_node.ts";
import { EBADF, type MemoryOptions, type MemorySnapshot, MemoryTree, READ } from "./memory_tree.ts";
import type { Verb } from "./verbs.ts";

export type { Call, Fault, FaultHook, Verdict } from "./memory_faults.ts";
export { Killed } from "./memory_faults.ts";
export type { MemoryOptions, MemorySnapshot } from "./memory_tree.ts";

/** An empty tree; its root folder is the path "/". */
export function openMemory(options: MemoryOptions = {}): MemoryOs {
  return new MemoryOs(options);
}

export class MemoryOs implements Os {
  readonly abilities: Abilities = {
    name: "memory",
    rawNames: true,
    nanoseconds: true,
    owners: true,
    specials: true,
    sparse: true,
    kernelCopy: true,
    hardLinks: true,
    attributes: true,
    locks: true,
    insideLinks: true,
    syncsAll: true,
    threads: false,
  };
  readonly #plan = new FaultPlan();
  readonly #tree: MemoryTree;
  #dead = false;

  constructor(options: MemoryOptions) {
    this.#tree = new MemoryTree(options);
  }

  // For tests.

  /** Adds a fault, or a hook that is asked at every call. */
  fault(fault: Fault | FaultHook): void {
    this.#plan.add(fault);
  }

  clearFaults(): void {
    this.#plan.clear();
  }

  /** How often `verb` was called; without one: how many calls there were in all. */
  calls(verb?: Verb): number {
    return verb === undefined ? this.#plan.total : this.#plan.counts.get(verb) ?? 0;
  }

  /** How many calls there were that change a tree. */
  changes(): number {
    return this.#plan.changes;
  }

  /** Handles open now. */
  openHandles(): number {
    return this.#tree.open.size;
  }

  /** Moves the clock forward. */
  advance(seconds: number): void {
    this.#tree.advance(seconds);
  }

  /** Ends the process as the system would: handles and locks go, the tree stays, faults are cleared. */
  restart(): void {
    this.#dead = false;
    this.#plan.clear();
    this.#tree.dropAll();
  }

  /** Everything is on the disk. */
  flushAll(): void {
    this.#tree.flushAll();
  }

  /**
   * The power goes: what is left is the names as they are now, or (`names` "early", with `power`) as they were when anything was last
   * flushed, and the content of each file that was flushed after it was written; the others' is lost in one of three ways.
   */
  powerCut(seed: number, names: "late" | "early" = "late"): void {
    this.restart();
    this.#tree.powerCut(seed, names);
  }

  snapshot(): MemorySnapshot {
    return this.#tree.snapshot();
  }

  /** Puts a snapshot's tree in place; open handles are gone. */
  restore(snapshot: MemorySnapshot): void {
    this.restart();
    this.#tree.restore(snapshot);
  }

  // Roots.

  openRoot(path: Uint8Array): Handle {
    return this.#run("openRoot", path, () => {
      const node = this.#tree.resolve(path, true);
      if (typeof node === "number") return node;
      if (node.kind !== Kind.folder) return -Errno.ENOTDIR;
      return this.#tree.openNode(node, READ);
    });
  }

  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    return this.#run("statPath", path, () => {
      const node = this.#tree.resolve(path, follow);
      if (typeof node === "number") return node;
      node.into(out);
      return 0;
    });
  }

  makeRoot(path: Uint8Array): Result {
    return this.#run("makeRoot", path, () => folders.makeRoot(this.#tree, path));
  }

  // Folders.

  openFolder(folder: Handle, name: Uint8Array): Handle {
    return this.#run("openFolder", name, () => folders.openFolder(this.#tree, folder, name));
  }

  openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.#run("openBeneath", path, () => folders.openBeneath(this.#tree, root, path));
  }

  openInside(root: Handle, path: Uint8Array, how: number): Handle {
    return this.#run("openInside", path, () => folders.openInside(this.#tree, root, path, how));
  }

  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    return this.#run("openThrough", name, () => folders.openThrough(this.#tree, folder, name, reads));
  }

  readFolder(folder: Handle, into: Listing): Result {
    return this.#run("readFolder", null, () => folders.readFolder(this.#tree, folder, into));
  }

  close(handle: Handle): Result {
    return this.#run("close", null, () => {
      if (!this.#tree.open.has(handle)) return EBADF;
      this.#tree.drop(handle);
      return 0;
    });
  }

  // Looking.

  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    const inside = at >= 0 && length >= 0 && at + length <= bytes.length;
    const name = inside ? bytes.slice(at, at + length) : new Uint8Array(0);
    return this.#run("statAt", name, () => {
      const node = this.#tree.find(folder, name);
      if (typeof node === "number") return node;
      node.into(out);
      return 0;
    });
  }

  statHandle(handle: Handle, out: Stat): Result {
    return this.#run("statHandle", null, () => {
      const open = this.#tree.open.get(handle);
      if (open === undefined) return EBADF;
      open.node.into(out);
      return 0;
    });
  }

  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#run("readLink", name, () => folders.readLink(this.#tree, folder, name, into));
  }

  fileSystem(handle: Handle): FileSystemInfo | Result {
    let info: FileSystemInfo | undefined;
    const result = this.#run("fileSystem", null, () => {
      if (!this.#tree.open.has(handle)) return EBADF;
      info = {
        type: this.#tree.options.fileSystemType ?? 0x6d656d,
        id: this.#tree.options.fileSystemId ?? "00000000006d656d",
        totalBytes: this.#tree.options.totalBytes ?? 2 ** 40,
        rootFreeBytes: this.#tree.space.freePages * PAGE_BYTES,
        freeBytes: this.#tree.space.freePages * PAGE_BYTES,
        totalInodes: this.#tree.options.inodes ?? 2 ** 40,
        freeInodes: this.#tree.space.freeInodes,
      };
      return 0;
    });
    return info ?? result;
  }

  foldsNames(folder: Handle): Result {
    return this.#run("foldsNames", null, () => {
      if (!this.#tree.open.has(folder)) return EBADF;
      const { caseFolding, tellsFolding } = this.#tree.options;
      return caseFolding && tellsFolding !== false ? 1 : 0;
    });
  }

  // Content.

  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    return this.#run("openFile", name, () => folders.openFile(this.#tree, folder, name, how, mode), how);
  }

  read(handle: Handle, into: Uint8Array): Result {
    return this.#run("read", null, () => content.read(this.#tree, handle, into));
  }

  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    return this.#run("readAt", null, () => content.readAt(this.#tree, handle, into, offset));
  }

  writeAll(handle: Handle, bytes: Uint8Array): Result {
    return this.#run("writeAll", null, (limit) => content.writeAll(this.#tree, handle, bytes, limit));
  }

  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    return this.#run("writeAllAt", null, (limit) => content.writeAllAt(this.#tree, handle, bytes, offset, limit));
  }

  truncate(handle: Handle, size: number): Result {
    return this.#run("truncate", null, () => content.truncate(this.#tree, handle, size));
  }

  seekData(handle: Handle, from: number): Result {
    return this.#run("seekData", null, () => content.seekData(this.#tree, handle, from));
  }

  seekHole(handle: Handle, from: number): Result {
    return this.#run("seekHole", null, () => content.seekHole(this.#tree, handle, from));
  }

  endOf(handle: Handle): Result {
    return this.#run("endOf", null, () => content.endOf(this.#tree, handle));
  }

  punchHole(handle: Handle, offset: number, length: number): Result {
    return this.#run("punchHole", null, () => content.punchHole(this.#tree, handle, offset, length));
  }

  allocate(handle: Handle, length: number): Result {
    return this.#run("allocate", null, () => content.allocate(this.#tree, handle, length));
  }

  cloneFile(from: Handle, to: Handle): Result {
    return this.#run("cloneFile", null, () => content.cloneFile(this.#tree, from, to));
  }

  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result {
    return this.#run("copyRange", null, () => content.copyRange(this.#tree, from, fromOffset, to, toOffset, length));
  }

  async copyRangeBeside(
    from: Handle,
    fromOffset: number,
    to: Handle,
    toOffset: number,
    length: number,
  ): Promise<Result> {
    // Others work meanwhile.
    await null;
    return this.copyRange(from, fromOffset, to, toOffset, length);
  }

  sync(handle: Handle): Result {
    return this.#run("sync", null, () => content.flush(this.#tree, handle));
  }

  async syncBeside(handle: Handle): Promise<Result> {
    await null;
    return this.#run("syncBeside", null, () => content.flush(this.#tree, handle));
  }

  async syncAll(handle: Handle): Promise<Result> {
    await null;
    return this.#run("syncAll", null, () => {
      const open = this.#tree.open.get(handle);
      if (open === undefined || open.pinned) return EBADF;
      this.flushAll();
      return 0;
    });
  }

  startSync(handle: Handle): Result {
    return this.#run("startSync", null, () => this.#tree.open.has(handle) ? 0 : EBADF);
  }

  unwrittenBytes(): number {
    return 0;
  }

  openLimit(): number {
    return this.#tree.options.openLimit ?? 1024;
  }

  // Names.

  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    return this.#run("makeFolder", name, () => done(this.#tree.makeIn(folder, name, Kind.folder, mode)));
  }

  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    return this.#run("makeLink", name, () => names.makeLink(this.#tree, folder, name, target));
  }

  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, major: number, minor: number): Result {
    return this.#run("makeSpecial", name, () => names.makeSpecial(this.#tree, folder, name, kind, mode, major, minor));
  }

  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#run("hardLink", from, () => names.hardLink(this.#tree, fromFolder, from, toFolder, to));
  }

  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#run("rename", from, () => names.rename(this.#tree, fromFolder, from, toFolder, to, true));
  }

  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#run("renameNew", from, () => names.rename(this.#tree, fromFolder, from, toFolder, to, false));
  }

  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    return this.#run("exchange", a, () => names.exchange(this.#tree, folderA, a, folderB, b));
  }

  unlink(folder: Handle, name: Uint8Array): Result {
    return this.#run("unlink", name, () => names.remove(this.#tree, folder, name, false));
  }

  removeFolder(folder: Handle, name: Uint8Array): Result {
    return this.#run("removeFolder", name, () => names.remove(this.#tree, folder, name, true));
  }

  // Metadata.

  pin(folder: Handle, name: Uint8Array): Handle {
    return this.#run("pin", name, () => {
      const node = this.#tree.find(folder, name);
      return typeof node === "number" ? node : this.#tree.keep(node, false, false, true);
    });
  }

  setMode(handle: Handle, mode: number): Result {
    return this.#run("setMode", null, () => metadata.setMode(this.#tree, handle, mode));
  }

  setOwner(handle: Handle, uid: number, gid: number): Result {
    return this.#run("setOwner", null, () => metadata.setOwner(this.#tree, handle, uid, gid));
  }

  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    return this.#run("setTimes", null, () => metadata.setTimes(this.#tree, handle, mtimeSec, mtimeNs));
  }

  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    return this.#run("setAccessTime", null, () => metadata.setAccessTime(this.#tree, handle, atimeSec, atimeNs));
  }

  readQuietly(): Result {
    return this.#run("readQuietly", null, () => 0);
  }

  // Extended attributes: user., trusted. and security. (these two for root), and the two access lists, kept as they come.

  attributesAt(folder: Handle, name: Uint8Array): Result {
    return this.#run("attributesAt", name, () => metadata.attributesAt(this.#tree, folder, name));
  }

  listAttributes(handle: Handle, into: Uint8Array): Result {
    return this.#run("listAttributes", null, () => metadata.listAttributes(this.#tree, handle, into));
  }

  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#run("getAttribute", name, () => metadata.getAttribute(this.#tree, handle, name, into));
  }

  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    return this.#run("setAttribute", name, () => metadata.setAttribute(this.#tree, handle, name, value));
  }

  removeAttribute(handle: Handle, name: Uint8Array): Result {
    return this.#run("removeAttribute", name, () => metadata.removeAttribute(this.#tree, handle, name));
  }

  // Locks.

  lockShared(handle: Handle): Result {
    return this.#run("lockShared", null, () => metadata.lock(this.#tree, handle, false));
  }

  lockExclusive(handle: Handle): Result {
    return this.#run("lockExclusive", null, () => metadata.lock(this.#tree, handle, true));
  }

  unlock(handle: Handle): Result {
    return this.#run("unlock", null, () => metadata.unlock(this.#tree, handle));
  }

  // Inner parts.

  /** Every verb goes through here: the script may fail it, cut its write short, or end the process. */
  #run(verb: Verb, name: Uint8Array | null, act: (limitBytes: number) => Result, how?: number): Result {
    if (this.#dead) throw new Killed(`${verb} after the process was killed`);
    const verdict = this.#plan.judge(verb, name, how);
    if (verdict === undefined) return act(Infinity);
    if (verdict.afterBytes !== undefined) act(verdict.afterBytes);
    if (verdict.kill === undefined) return verdict.errno === undefined ? act(Infinity) : -verdict.errno;
    if (verdict.kill === "after") act(Infinity);
    this.#dead = true;
    throw new Killed(`killed ${verdict.kill} ${verb}`);
  }
}

function done(made: Node | Result): Result {
  return typeof made === "number" ? made : 0;
}
