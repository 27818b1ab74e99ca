// Os as a tree in memory, for tests: every verb, its own clock, limits of space and inodes, users, seeded listing order,
// faults by script, death at any call, snapshots. Promises: the contract of os.ts as Linux keeps it; no real file is
// touched; the same seed and the same calls give the same tree. powerCut loses what
// was not flushed. Not modelled: umask, sticky folders, access time, content of FIFOs and devices.

import {
  type Abilities,
  Errno,
  type FileSystemInfo,
  type Handle,
  InsideMode,
  Kind,
  type Listing,
  OpenMode,
  type Os,
  type Result,
  type Stat,
} from "./os.ts";
import { type Fault, type FaultHook, FaultPlan, Killed } from "./memory_faults.ts";
import { Node, PAGE_BYTES, type Space } from "./memory_node.ts";
import { fromLatin1, latin1 } from "../base/bytes.ts";
import { isName, splitPath } from "./names.ts";
import type { Verb } from "./verbs.ts";

export type { Call, Fault, FaultHook, Verdict } from "./memory_faults.ts";
export { Killed } from "./memory_faults.ts";

export interface MemoryOptions {
  /** Decides inode numbers and the order of listings. Default 1. */
  seed?: number;
  /** Content the tree can hold, bytes; counted by pages of 4 KiB. Default 1 TiB. */
  totalBytes?: number;
  inodes?: number;
  /** Who we are. 0 (default) may do everything. */
  uid?: number;
  gid?: number;
  /** "true": holes are told (default). "generic": all is data, as file systems without SEEK_HOLE say. "refused": EINVAL. */
  seekHole?: "true" | "generic" | "refused";
  /** cloneFile works. Default false. */
  reflink?: boolean;
  /** exchange and renameNew's flag work. Default true; false: exchange is EINVAL. */
  exchange?: boolean;
  /** Names that differ in case or in composed letters are the same name. Default false. */
  caseFolding?: boolean;
  /** foldsNames says so. Default true. */
  tellsFolding?: boolean;
  /** What fileSystem says of its type, and of its number. */
  fileSystemType?: number;
  fileSystemId?: string;
  /** Listings do not tell kinds. */
  unknownKinds?: boolean;
  /** read and readAt return at most so many bytes. */
  readBytes?: number;
  /** Most names of one inode. Default 65,000. */
  linksMax?: number;
  /** Handles that openLimit tells of. Default 1,024. */
  openLimit?: number;
  /** powerCut may give back the names as they were at the last flush; costs a copy of the tree at each. */
  power?: boolean;
  /** The clock's start, seconds since 1970. */
  startSec?: number;
}

/** A tree at one moment, for `restore`. */
export interface MemorySnapshot {
  readonly root: Node;
  readonly space: Space;
  readonly sec: number;
  readonly ns: number;
}

interface Open {
  node: Node;
  position: number;
  readable: boolean;
  writable: boolean;
  pinned: boolean;
}

const EINVAL = -Errno.EINVAL;
const ENXIO = -Errno.ENXIO;
const EBADF = -Errno.EBADF;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;
const LINKS_MAX = 40;
const [READ, WRITE, SEARCH] = [4, 2, 1];

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
  readonly #options: MemoryOptions;
  readonly #plan = new FaultPlan();
  #root: Node;
  #space: Space;
  #open: Map<Handle, Open> = new Map();
  #nextHandle = 3;
  #nextInode: number;
  #sec: number;
  #ns = 0;
  #dead = false;
  /** The tree when anything was last flushed. */
  #committed: Node | null = null;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.#nextInode = 1000 + ((options.seed ?? 1) * 7919) % 100_000;
    this.#sec = options.startSec ?? 1_700_000_000;
    this.#space = {
      freePages: Math.floor((options.totalBytes ?? 2 ** 40) / PAGE_BYTES),
      freeInodes: options.inodes ?? 2 ** 40,
    };
    this.#root = new Node(Kind.folder, this.#nextInode++);
    this.#root.mode = 0o755;
    this.#root.names = 1;
    this.#root.uid = options.uid ?? 0;
    this.#root.gid = options.gid ?? 0;
    this.#touch(this.#root);
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
    return this.#open.size;
  }

  /** Moves the clock forward. */
  advance(seconds: number): void {
    this.#sec += seconds;
  }

  /** Ends the process as the system would: handles and locks go, the tree stays, faults are cleared. */
  restart(): void {
    this.#dead = false;
    this.#plan.clear();
    for (const handle of [...this.#open.keys()]) this.#drop(handle);
  }

  /** Everything is on the disk. */
  flushAll(): void {
    eachFile(this.#root, (file) => file.isFlushed = true);
    this.#commitNames();
  }

  /**
   * The power goes: what is left is the names as they are now, or (`names` "early", with `power`) as they were when anything was last
   * flushed, and the content of each file that was flushed after it was written; the others' is lost in one of three ways.
   */
  powerCut(seed: number, names: "late" | "early" = "late"): void {
    this.restart();
    if (names === "early" && this.#committed !== null) this.#root = this.#committed.copy();
    let count = seed;
    eachFile(this.#root, (file) => {
      if (file.isFlushed || file.size === 0) return;
      file.lose(scramble(count++) % 3, this.#space);
      file.isFlushed = true;
    });
  }

  snapshot(): MemorySnapshot {
    return { root: this.#root.copy(), space: { ...this.#space }, sec: this.#sec, ns: this.#ns };
  }

  /** Puts a snapshot's tree in place; open handles are gone. */
  restore(snapshot: MemorySnapshot): void {
    this.restart();
    this.#root = snapshot.root.copy();
    this.#space = { ...snapshot.space };
    this.#sec = snapshot.sec;
    this.#ns = snapshot.ns;
  }

  // Roots.

  openRoot(path: Uint8Array): Handle {
    return this.#run("openRoot", path, () => {
      const node = this.#resolve(path, true);
      if (typeof node === "number") return node;
      if (node.kind !== Kind.folder) return -Errno.ENOTDIR;
      return this.#openNode(node, READ);
    });
  }

  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    return this.#run("statPath", path, () => {
      const node = this.#resolve(path, follow);
      if (typeof node === "number") return node;
      node.into(out);
      return 0;
    });
  }

  makeRoot(path: Uint8Array): Result {
    return this.#run("makeRoot", path, () => {
      const slash = path.lastIndexOf(0x2f);
      const parent = this.#resolve(slash <= 0 ? new Uint8Array([0x2f]) : path.subarray(0, slash), true);
      if (typeof parent === "number") return parent;
      const made = this.#make(parent, path.subarray(slash + 1), Kind.folder, 0o777);
      return typeof made === "number" ? made : 0;
    });
  }

  // Folders.

  openFolder(folder: Handle, name: Uint8Array): Handle {
    return this.#run("openFolder", name, () => {
      const node = this.#find(folder, name);
      if (typeof node === "number") return node;
      if (node.kind !== Kind.folder) return -Errno.ENOTDIR;
      return this.#openNode(node, READ);
    });
  }

  openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.#run("openBeneath", path, () => {
      const names = splitPath(path);
      if (names === null) return EINVAL;
      let node = this.#folder(root);
      for (const name of names) {
        if (typeof node === "number") return node;
        node = this.#child(node, name);
        if (typeof node === "number") return node;
        if (node.kind === Kind.link) return -Errno.ELOOP;
        if (node.kind !== Kind.folder) return -Errno.ENOTDIR;
      }
      return typeof node === "number" ? node : this.#openNode(node, READ);
    });
  }

  openInside(root: Handle, path: Uint8Array, how: number): Handle {
    return this.#run("openInside", path, () => {
      const top = this.#folder(root);
      if (typeof top === "number") return top;
      const word = path.length === 0 ? new Uint8Array([0x2e]) : path;
      const node = this.#resolve(word, how !== InsideMode.pinLink, top, top);
      if (typeof node === "number") return node;
      if (how === InsideMode.pin || how === InsideMode.pinLink) return this.#keep(node, false, false, true);
      if (how === InsideMode.folder && node.kind !== Kind.folder) return -Errno.ENOTDIR;
      return this.#openNode(node, READ);
    });
  }

  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    return this.#run("openThrough", name, () => {
      const found = this.#find(folder, name);
      if (typeof found === "number") return found;
      const parent = this.#folder(folder);
      if (typeof parent === "number") return parent;
      const node = this.#resolve(name, true, parent);
      if (typeof node === "number") return node;
      return reads ? this.#openNode(node, READ) : this.#keep(node, false, false, true);
    });
  }

  readFolder(folder: Handle, into: Listing): Result {
    return this.#run("readFolder", null, () => {
      into.clear();
      const open = this.#open.get(folder);
      if (open === undefined || open.pinned) return EBADF;
      if (open.node.kind !== Kind.folder) return -Errno.ENOTDIR;
      if (!open.node.linked) return -Errno.ENOENT;
      // A seeded order that is not the order of creation, as real file systems have it.
      const salt = this.#options.seed ?? 1;
      const order = [...open.node.children.values()].map((child) => ({
        child,
        key: scramble(child.node.inode ^ salt),
      }));
      order.sort((a, b) => a.key - b.key || a.child.node.inode - b.child.node.inode);
      for (const { child } of order) {
        into.add(child.name, 0, child.name.length, this.#options.unknownKinds ? Kind.unknown : child.node.kind);
      }
      return 0;
    });
  }

  close(handle: Handle): Result {
    return this.#run("close", null, () => {
      if (!this.#open.has(handle)) return EBADF;
      this.#drop(handle);
      return 0;
    });
  }

  // Looking.

  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    const inside = at >= 0 && length >= 0 && at + length <= bytes.length;
    const name = inside ? bytes.slice(at, at + length) : new Uint8Array(0);
    return this.#run("statAt", name, () => {
      const node = this.#find(folder, name);
      if (typeof node === "number") return node;
      node.into(out);
      return 0;
    });
  }

  statHandle(handle: Handle, out: Stat): Result {
    return this.#run("statHandle", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined) return EBADF;
      open.node.into(out);
      return 0;
    });
  }

  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#run("readLink", name, () => {
      const node = this.#find(folder, name);
      if (typeof node === "number") return node;
      if (node.kind !== Kind.link) return EINVAL;
      const length = Math.min(node.target.length, into.length);
      into.set(node.target.subarray(0, length));
      return length;
    });
  }

  fileSystem(handle: Handle): FileSystemInfo | Result {
    let info: FileSystemInfo | undefined;
    const result = this.#run("fileSystem", null, () => {
      if (!this.#open.has(handle)) return EBADF;
      info = {
        type: this.#options.fileSystemType ?? 0x6d656d,
        id: this.#options.fileSystemId ?? "00000000006d656d",
        totalBytes: this.#options.totalBytes ?? 2 ** 40,
        rootFreeBytes: this.#space.freePages * PAGE_BYTES,
        freeBytes: this.#space.freePages * PAGE_BYTES,
        totalInodes: this.#options.inodes ?? 2 ** 40,
        freeInodes: this.#space.freeInodes,
      };
      return 0;
    });
    return info ?? result;
  }

  foldsNames(folder: Handle): Result {
    return this.#run("foldsNames", null, () => {
      if (!this.#open.has(folder)) return EBADF;
      const { caseFolding, tellsFolding } = this.#options;
      return caseFolding && tellsFolding !== false ? 1 : 0;
    });
  }

  // Content.

  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    return this.#run("openFile", name, () => {
      if (how === OpenMode.create) {
        const made = this.#makeIn(folder, name, Kind.file, mode);
        return typeof made === "number" ? made : this.#keep(made, true, true);
      }
      const node = this.#find(folder, name);
      if (typeof node === "number") return node;
      if (node.kind === Kind.link) return -Errno.ELOOP;
      if (node.kind !== Kind.file && node.kind !== Kind.folder && node.kind !== Kind.fifo) return ENXIO;
      if (how === OpenMode.write && node.kind === Kind.folder) return -Errno.EISDIR;
      return this.#openNode(node, how === OpenMode.write ? READ | WRITE : READ);
    }, how);
  }

  read(handle: Handle, into: Uint8Array): Result {
    return this.#run("read", null, () => {
      const open = this.#readable(handle);
      if (typeof open === "number") return open;
      const count = open.node.readAt(this.#short(into), open.position);
      open.position += count;
      return count;
    });
  }

  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    return this.#run("readAt", null, () => {
      if (!isOffset(offset)) return EINVAL;
      const open = this.#readable(handle);
      return typeof open === "number" ? open : open.node.readAt(this.#short(into), offset);
    });
  }

  writeAll(handle: Handle, bytes: Uint8Array): Result {
    return this.#run("writeAll", null, (limit) => {
      if (bytes.length === 0) return 0;
      const open = this.#writable(handle);
      if (typeof open === "number") return open;
      const count = this.#write(open.node, bytes.subarray(0, limit), open.position);
      open.position += count;
      return count < Math.min(limit, bytes.length) ? -Errno.ENOSPC : 0;
    });
  }

  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    return this.#run("writeAllAt", null, (limit) => {
      if (!isOffset(offset) || offset + bytes.length > OFFSET_MAX) return EINVAL;
      if (bytes.length === 0) return 0;
      const open = this.#writable(handle);
      if (typeof open === "number") return open;
      const count = this.#write(open.node, bytes.subarray(0, limit), offset);
      return count < Math.min(limit, bytes.length) ? -Errno.ENOSPC : 0;
    });
  }

  truncate(handle: Handle, size: number): Result {
    return this.#run("truncate", null, () => {
      if (!isOffset(size)) return EINVAL;
      const open = this.#writable(handle);
      // ftruncate says EINVAL, not EBADF, for a handle that only reads.
      if (typeof open === "number") return this.#open.get(handle)?.pinned === false ? EINVAL : open;
      open.node.truncate(size, this.#space);
      this.#touch(open.node);
      return 0;
    });
  }

  seekData(handle: Handle, from: number): Result {
    return this.#run("seekData", null, () => this.#seek(handle, from, (node) => node.dataFrom(from), (from) => from));
  }

  seekHole(handle: Handle, from: number): Result {
    return this.#run(
      "seekHole",
      null,
      () => this.#seek(handle, from, (node) => node.holeFrom(from), (_, size) => size),
    );
  }

  endOf(handle: Handle): Result {
    return this.#run("endOf", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined || open.pinned) return EBADF;
      return open.node.kind === Kind.file ? open.node.size : EINVAL;
    });
  }

  #seek(
    handle: Handle,
    from: number,
    find: (node: Node) => number,
    generic: (from: number, size: number) => number,
  ): Result {
    const open = this.#open.get(handle);
    if (open === undefined || open.pinned) return EBADF;
    const telling = this.#options.seekHole ?? "true";
    if (telling === "refused" || !isOffset(from) || open.node.kind !== Kind.file) return EINVAL;
    if (from >= open.node.size) return ENXIO;
    if (telling === "generic") return generic(from, open.node.size);
    const found = find(open.node);
    return found < 0 ? ENXIO : found;
  }

  punchHole(handle: Handle, offset: number, length: number): Result {
    return this.#run("punchHole", null, () => {
      if (!isOffset(offset) || !(length > 0) || !isOffset(offset + length)) return EINVAL;
      const open = this.#writable(handle);
      if (typeof open === "number") return open;
      open.node.clear(offset, offset + length, this.#space);
      open.node.isFlushed = false;
      this.#touch(open.node);
      return 0;
    });
  }

  allocate(handle: Handle, length: number): Result {
    return this.#run("allocate", null, () => {
      if (!(length > 0)) return EINVAL;
      const open = this.#writable(handle);
      // Space here is pages with content: none can be taken ahead.
      return typeof open === "number" ? open : -Errno.EOPNOTSUPP;
    });
  }

  cloneFile(from: Handle, to: Handle): Result {
    return this.#run("cloneFile", null, () => {
      const [source, target] = [this.#readable(from), this.#writable(to)];
      if (typeof source === "number") return source;
      if (typeof target === "number") return target;
      if (!this.#options.reflink) return -Errno.EOPNOTSUPP;
      if (!target.node.cloneFrom(source.node, this.#space)) return -Errno.ENOSPC;
      this.#touch(target.node);
      return 0;
    });
  }

  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result {
    return this.#run("copyRange", null, () => {
      if (!isOffset(fromOffset) || !isOffset(toOffset) || !(length >= 0)) return EINVAL;
      const kinds = [this.#open.get(from), this.#open.get(to)].map((open) =>
        open?.pinned === false ? open.node.kind : -1
      );
      if (kinds.includes(-1)) return EBADF;
      if (kinds.includes(Kind.folder)) return -Errno.EISDIR;
      if (kinds.some((kind) => kind !== Kind.file)) return EINVAL;
      const [source, target] = [this.#readable(from), this.#writable(to)];
      if (typeof source === "number") return source;
      if (typeof target === "number") return target;
      const wanted = Math.max(0, Math.min(length, source.node.size - fromOffset));
      const overlap = fromOffset < toOffset + wanted && toOffset < fromOffset + wanted;
      if (source.node === target.node && overlap) return EINVAL;
      const step = this.#short(new Uint8Array(Math.min(wanted, 1 << 20)));
      const bytes = step.subarray(0, source.node.readAt(step, fromOffset));
      const count = this.#write(target.node, bytes, toOffset);
      return count === 0 && bytes.length > 0 ? -Errno.ENOSPC : count;
    });
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
    return this.#run("sync", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined || open.pinned) return EBADF;
      open.node.isFlushed = true;
      this.#commitNames();
      return 0;
    });
  }

  async syncBeside(handle: Handle): Promise<Result> {
    await null;
    return this.#run("syncBeside", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined || open.pinned) return EBADF;
      open.node.isFlushed = true;
      this.#commitNames();
      return 0;
    });
  }

  async syncAll(handle: Handle): Promise<Result> {
    await null;
    return this.#run("syncAll", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined || open.pinned) return EBADF;
      this.flushAll();
      return 0;
    });
  }

  startSync(handle: Handle): Result {
    return this.#run("startSync", null, () => this.#open.has(handle) ? 0 : EBADF);
  }

  unwrittenBytes(): number {
    return 0;
  }

  openLimit(): number {
    return this.#options.openLimit ?? 1024;
  }

  /** As with a journal: whatever is flushed, all names made before are on the disk with it. */
  #commitNames(): void {
    if (this.#options.power) this.#committed = this.#root.copy();
  }

  // Names.

  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    return this.#run("makeFolder", name, () => done(this.#makeIn(folder, name, Kind.folder, mode)));
  }

  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    return this.#run("makeLink", name, () => {
      if (!isName(name)) return EINVAL;
      if (target.length === 0) return -Errno.ENOENT;
      if (target.length > 4095) return -Errno.ENAMETOOLONG;
      if (target.includes(0)) return EINVAL;
      const made = this.#makeIn(folder, name, Kind.link, 0o777);
      if (typeof made === "number") return made;
      made.target = target.slice();
      return 0;
    });
  }

  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, major: number, minor: number): Result {
    return this.#run("makeSpecial", name, () => {
      const device = kind === Kind.charDevice || kind === Kind.blockDevice;
      if (!device && kind !== Kind.fifo && kind !== Kind.socket) return EINVAL;
      if (!(major >= 0 && major < 0x1000 && minor >= 0 && minor < 0x10_0000)) return EINVAL;
      if (device && !this.#privileged) return -Errno.EPERM;
      const made = this.#makeIn(folder, name, kind, mode);
      if (typeof made === "number") return made;
      if (device) [made.rdevMajor, made.rdevMinor] = [major, minor];
      return 0;
    });
  }

  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#run("hardLink", from, () => {
      const node = this.#find(fromFolder, from);
      if (!isName(to)) return EINVAL;
      const target = this.#folder(toFolder);
      if (typeof node === "number") return node;
      if (typeof target === "number") return target;
      const old = this.#child(target, to);
      if (typeof old !== "number") return -Errno.EEXIST;
      if (old !== -Errno.ENOENT) return old;
      if (node.kind === Kind.folder) return -Errno.EPERM;
      if (!target.linked) return -Errno.ENOENT;
      if (!this.#may(target, WRITE | SEARCH)) return -Errno.EACCES;
      if (node.names >= (this.#options.linksMax ?? 65_000)) return -Errno.EMLINK;
      this.#name(target, to, node);
      node.names++;
      this.#touch(target);
      this.#touch(node, false);
      return 0;
    });
  }

  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#run("rename", from, () => this.#rename(fromFolder, from, toFolder, to, true));
  }

  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#run("renameNew", from, () => this.#rename(fromFolder, from, toFolder, to, false));
  }

  #rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array, replace: boolean): Result {
    if (!isName(from) || !isName(to)) return EINVAL;
    const [source, target] = [this.#folder(fromFolder), this.#folder(toFolder)];
    if (typeof source === "number") return source;
    if (typeof target === "number") return target;
    const node = this.#child(source, from);
    if (typeof node === "number") return node;
    if (!target.linked) return -Errno.ENOENT;
    if (!this.#may(source, WRITE | SEARCH) || !this.#may(target, WRITE | SEARCH)) return -Errno.EACCES;
    const old = this.#child(target, to);
    if (typeof old === "number" && old !== -Errno.ENOENT) return old;
    if (typeof old !== "number") {
      if (!replace) return -Errno.EEXIST;
      if (old.contains(source)) return -Errno.ENOTEMPTY;
      if (old === node && this.#key(from) === this.#key(to) && source === target && equal(from, to)) return 0;
      // Two names of one inode: nothing happens.
      if (old === node && !(source === target && this.#key(from) === this.#key(to))) return 0;
    }
    if (node.kind === Kind.folder) {
      if (node.contains(target)) return EINVAL;
      if (typeof old !== "number" && old !== node) {
        if (old.kind !== Kind.folder) return -Errno.ENOTDIR;
        if (old.children.size > 0) return -Errno.ENOTEMPTY;
      }
    } else if (typeof old !== "number" && old.kind === Kind.folder) return -Errno.EISDIR;
    if (typeof old !== "number" && old !== node) this.#unname(target, to, old);
    source.children.delete(this.#key(from));
    this.#name(target, to, node);
    for (const changed of [source, target]) this.#touch(changed);
    this.#touch(node, false);
    return 0;
  }

  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    return this.#run("exchange", a, () => {
      if (!isName(a) || !isName(b)) return EINVAL;
      const [parentA, parentB] = [this.#folder(folderA), this.#folder(folderB)];
      if (typeof parentA === "number") return parentA;
      if (typeof parentB === "number") return parentB;
      const [nodeA, nodeB] = [this.#child(parentA, a), this.#child(parentB, b)];
      if (typeof nodeA === "number") return nodeA;
      if (typeof nodeB === "number") return nodeB;
      if (this.#options.exchange === false) return EINVAL;
      if (!this.#may(parentA, WRITE | SEARCH) || !this.#may(parentB, WRITE | SEARCH)) return -Errno.EACCES;
      if (nodeA.contains(parentB) || nodeB.contains(parentA)) return EINVAL;
      this.#name(parentA, a, nodeB);
      this.#name(parentB, b, nodeA);
      for (const changed of [parentA, parentB]) this.#touch(changed);
      for (const changed of [nodeA, nodeB]) this.#touch(changed, false);
      return 0;
    });
  }

  unlink(folder: Handle, name: Uint8Array): Result {
    return this.#run("unlink", name, () => this.#remove(folder, name, false));
  }

  removeFolder(folder: Handle, name: Uint8Array): Result {
    return this.#run("removeFolder", name, () => this.#remove(folder, name, true));
  }

  #remove(folder: Handle, name: Uint8Array, folders: boolean): Result {
    const node = this.#find(folder, name);
    if (typeof node === "number") return node;
    const parent = this.#folder(folder);
    if (typeof parent === "number") return parent;
    if (!this.#may(parent, WRITE | SEARCH)) return -Errno.EACCES;
    if (folders && node.kind !== Kind.folder) return -Errno.ENOTDIR;
    if (!folders && node.kind === Kind.folder) return -Errno.EISDIR;
    if (node.children.size > 0) return -Errno.ENOTEMPTY;
    this.#unname(parent, name, node);
    this.#touch(parent);
    return 0;
  }

  // Metadata.

  pin(folder: Handle, name: Uint8Array): Handle {
    return this.#run("pin", name, () => {
      const node = this.#find(folder, name);
      return typeof node === "number" ? node : this.#keep(node, false, false, true);
    });
  }

  setMode(handle: Handle, mode: number): Result {
    return this.#run("setMode", null, () => {
      const node = this.#owned(handle);
      if (typeof node === "number") return node;
      if (node.kind === Kind.link) return -Errno.EOPNOTSUPP;
      node.mode = mode & 0o7777;
      this.#touch(node, false);
      return 0;
    });
  }

  setOwner(handle: Handle, uid: number, gid: number): Result {
    return this.#run("setOwner", null, () => {
      if (!isId(uid) || !isId(gid)) return EINVAL;
      const node = this.#owned(handle);
      if (typeof node === "number") return node;
      const changes = (uid !== -1 && uid !== node.uid) || (gid !== -1 && gid !== node.gid);
      if (!this.#privileged && changes && !(uid === -1 && gid === this.#options.gid)) return -Errno.EPERM;
      if (uid !== -1) node.uid = uid;
      if (gid !== -1) node.gid = gid;
      // Linux takes set-id bits off a file whose owner is set, for root too; set-group-id only where it means execution.
      if (node.kind !== Kind.folder) node.mode &= (node.mode & 0o010) !== 0 ? ~0o6000 : ~0o4000;
      this.#touch(node, false);
      return 0;
    });
  }

  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    return this.#run("setTimes", null, () => {
      if (!Number.isSafeInteger(mtimeSec) || !(mtimeNs >= 0 && mtimeNs <= 999_999_999)) return EINVAL;
      const node = this.#owned(handle);
      if (typeof node === "number") return node;
      [node.mtimeSec, node.mtimeNs] = [mtimeSec, mtimeNs];
      this.#touch(node, false);
      return 0;
    });
  }

  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    return this.#run("setAccessTime", null, () => {
      if (!Number.isSafeInteger(atimeSec) || !(atimeNs >= 0 && atimeNs <= 999_999_999)) return EINVAL;
      const node = this.#owned(handle);
      if (typeof node === "number") return node;
      [node.atimeSec, node.atimeNs] = [atimeSec, atimeNs];
      this.#touch(node, false);
      return 0;
    });
  }

  readQuietly(): Result {
    return this.#run("readQuietly", null, () => 0);
  }

  // Extended attributes: user., trusted. and security. (these two for root), and the two access lists, kept as they come.

  attributesAt(folder: Handle, name: Uint8Array): Result {
    return this.#run("attributesAt", name, () => {
      const node = this.#find(folder, name);
      return typeof node === "number" ? node : this.#attributeNames(node).length;
    });
  }

  #attributeNames(node: Node): Uint8Array {
    const names = [...node.attributes.keys()].filter((name) => this.#privileged || !name.startsWith("trusted."));
    return fromLatin1(names.map((name) => name + "\0").join(""));
  }

  listAttributes(handle: Handle, into: Uint8Array): Result {
    return this.#run("listAttributes", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined) return EBADF;
      const bytes = this.#attributeNames(open.node);
      if (bytes.length > into.length) return -Errno.ERANGE;
      into.set(bytes);
      return bytes.length;
    });
  }

  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    return this.#run("getAttribute", name, () => {
      const open = this.#open.get(handle);
      if (open === undefined) return EBADF;
      if (!isAttributeName(name)) return EINVAL;
      const value = open.node.attributes.get(latin1(name));
      if (value === undefined) return -Errno.ENODATA;
      if (value.length > into.length) return -Errno.ERANGE;
      into.set(value);
      return value.length;
    });
  }

  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    return this.#run("setAttribute", name, () => {
      const node = this.#attributesOf(handle, name);
      if (typeof node === "number") return node;
      if (value.length > 65_536) return -Errno.ERANGE;
      node.attributes.set(latin1(name), value.slice());
      this.#touch(node, false);
      return 0;
    });
  }

  removeAttribute(handle: Handle, name: Uint8Array): Result {
    return this.#run("removeAttribute", name, () => {
      const node = this.#attributesOf(handle, name);
      if (typeof node === "number") return node;
      if (!node.attributes.delete(latin1(name))) return -Errno.ENODATA;
      this.#touch(node, false);
      return 0;
    });
  }

  /** The held node if we may change this attribute of it. */
  #attributesOf(handle: Handle, name: Uint8Array): Node | Result {
    const open = this.#open.get(handle);
    if (open === undefined) return EBADF;
    if (!isAttributeName(name)) return EINVAL;
    const text = latin1(name);
    const { node } = open;
    if (text.startsWith("user.")) {
      if (node.kind !== Kind.file && node.kind !== Kind.folder) return -Errno.EPERM;
      return this.#may(node, WRITE) ? node : -Errno.EACCES;
    }
    if (text.startsWith("system.posix_acl_")) {
      if (node.kind === Kind.link) return -Errno.EOPNOTSUPP;
      return this.#owned(handle);
    }
    if (!text.startsWith("trusted.") && !text.startsWith("security.")) return -Errno.EOPNOTSUPP;
    return this.#privileged ? node : -Errno.EPERM;
  }

  // Locks.

  lockShared(handle: Handle): Result {
    return this.#run("lockShared", null, () => this.#lock(handle, false));
  }

  lockExclusive(handle: Handle): Result {
    return this.#run("lockExclusive", null, () => this.#lock(handle, true));
  }

  #lock(handle: Handle, exclusive: boolean): Result {
    const open = this.#open.get(handle);
    if (open === undefined || open.pinned) return EBADF;
    for (const [other, held] of open.node.locks) {
      if (other === handle || !(exclusive || held)) continue;
      // As flock does it: a change of a lock that fails gives up the old one.
      open.node.locks.delete(handle);
      return -Errno.EAGAIN;
    }
    open.node.locks.set(handle, exclusive);
    return 0;
  }

  unlock(handle: Handle): Result {
    return this.#run("unlock", null, () => {
      const open = this.#open.get(handle);
      if (open === undefined || open.pinned) return EBADF;
      open.node.locks.delete(handle);
      return 0;
    });
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

  get #privileged(): boolean {
    return (this.#options.uid ?? 0) === 0;
  }

  #may(node: Node, wanted: number): boolean {
    const { uid = 0, gid = 0 } = this.#options;
    if (uid === 0) return true;
    const shift = node.uid === uid ? 6 : node.gid === gid ? 3 : 0;
    return ((node.mode >> shift) & wanted) === wanted;
  }

  /** The held node if we may change its metadata. */
  #owned(handle: Handle): Node | Result {
    const open = this.#open.get(handle);
    if (open === undefined) return EBADF;
    if (!this.#privileged && open.node.uid !== this.#options.uid) return -Errno.EPERM;
    return open.node;
  }

  #key(name: Uint8Array): string {
    const raw = String.fromCharCode(...name);
    if (!this.#options.caseFolding) return raw;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name).normalize("NFC").toLowerCase();
    } catch {
      return raw;
    }
  }

  #folder(handle: Handle): Node | Result {
    const open = this.#open.get(handle);
    if (open === undefined) return EBADF;
    return open.node.kind === Kind.folder ? open.node : -Errno.ENOTDIR;
  }

  #child(folder: Node, name: Uint8Array): Node | Result {
    if (folder.kind !== Kind.folder) return -Errno.ENOTDIR;
    if (!this.#may(folder, SEARCH)) return -Errno.EACCES;
    return folder.children.get(this.#key(name))?.node ?? -Errno.ENOENT;
  }

  #find(handle: Handle, name: Uint8Array): Node | Result {
    if (!isName(name)) return EINVAL;
    const folder = this.#folder(handle);
    return typeof folder === "number" ? folder : this.#child(folder, name);
  }

  /** A path as an operator types it, from "/", through links. `top`: what it must not lead out of. */
  #resolve(path: Uint8Array, follow: boolean, start = this.#root, top: Node | null = null): Node | Result {
    if (path.length === 0) return -Errno.ENOENT;
    if (path.length > 4095) return -Errno.ENAMETOOLONG;
    if (path.includes(0)) return EINVAL;
    if (top !== null && path[0] === 0x2f) return -Errno.EXDEV;
    let node = start;
    let rest = parts(path);
    for (let links = 0; rest.length > 0;) {
      const [name, ...after] = rest;
      rest = after;
      if (name.length === 2 && name[0] === 0x2e && name[1] === 0x2e) {
        if (node === top) return -Errno.EXDEV;
        node = node.parent ?? node;
        continue;
      }
      const child = this.#child(node, name);
      if (typeof child === "number") return child;
      if (child.kind !== Kind.link || (rest.length === 0 && !follow)) node = child;
      else {
        if (++links > LINKS_MAX) return -Errno.ELOOP;
        if (child.target[0] === 0x2f && top !== null) return -Errno.EXDEV;
        if (child.target[0] === 0x2f) node = this.#root;
        rest = [...parts(child.target), ...rest];
      }
    }
    return node;
  }

  #makeIn(folder: Handle, name: Uint8Array, kind: Kind, mode: number): Node | Result {
    if (!isName(name)) return EINVAL;
    const parent = this.#folder(folder);
    return typeof parent === "number" ? parent : this.#make(parent, name, kind, mode);
  }

  #make(parent: Node, name: Uint8Array, kind: Kind, mode: number): Node | Result {
    const old = this.#child(parent, name);
    if (typeof old !== "number") return -Errno.EEXIST;
    if (old !== -Errno.ENOENT) return old;
    if (!parent.linked) return -Errno.ENOENT;
    if (!this.#may(parent, WRITE | SEARCH)) return -Errno.EACCES;
    if (this.#space.freeInodes === 0) return -Errno.ENOSPC;
    this.#space.freeInodes--;
    const node = new Node(kind, this.#nextInode++);
    node.names = 1;
    node.mode = mode & 0o7777;
    node.uid = this.#options.uid ?? 0;
    node.gid = this.#options.gid ?? 0;
    if ((parent.mode & 0o2000) !== 0) {
      node.gid = parent.gid;
      if (kind === Kind.folder) node.mode |= 0o2000;
    }
    this.#name(parent, name, node);
    this.#touch(node);
    this.#touch(parent);
    return node;
  }

  #name(parent: Node, name: Uint8Array, node: Node): void {
    parent.children.set(this.#key(name), { name: name.slice(), node });
    node.parent = parent;
  }

  #unname(parent: Node, name: Uint8Array, node: Node): void {
    parent.children.delete(this.#key(name));
    node.names--;
    if (!node.linked) node.parent = null;
    this.#touch(node, false);
    if (node.linked) return;
    node.parent = null;
    this.#free(node);
  }

  #free(node: Node): void {
    if (node.linked || node.held > 0) return;
    this.#space.freePages += node.pages.size;
    this.#space.freeInodes++;
    node.pages.clear();
  }

  #openNode(node: Node, wanted: number): Handle {
    if (!this.#may(node, wanted)) return -Errno.EACCES;
    return this.#keep(node, true, (wanted & WRITE) !== 0);
  }

  #keep(node: Node, readable: boolean, writable: boolean, pinned = false): Handle {
    // Numbers are never used twice, so that a handle used after close is found out.
    const handle = this.#nextHandle++;
    node.held++;
    this.#open.set(handle, { node, position: 0, readable, writable, pinned });
    return handle;
  }

  #drop(handle: Handle): void {
    const { node } = this.#open.get(handle)!;
    this.#open.delete(handle);
    node.locks.delete(handle);
    node.held--;
    this.#free(node);
  }

  #readable(handle: Handle): Open | Result {
    const open = this.#open.get(handle);
    if (open === undefined || !open.readable) return EBADF;
    return open.node.kind === Kind.folder ? -Errno.EISDIR : open;
  }

  #writable(handle: Handle): Open | Result {
    const open = this.#open.get(handle);
    return open === undefined || !open.writable ? EBADF : open;
  }

  #write(node: Node, bytes: Uint8Array, offset: number): number {
    const count = node.writeAt(bytes, offset, this.#space);
    if (count > 0) this.#touch(node);
    return count;
  }

  #short(into: Uint8Array): Uint8Array {
    return into.subarray(0, this.#options.readBytes ?? into.length);
  }

  /** Stamps a changed entry; the clock moves a little at every change. */
  #touch(node: Node, content = true): void {
    this.#ns += 1000;
    if (this.#ns >= 1e9) [this.#sec, this.#ns] = [this.#sec + 1, this.#ns - 1e9];
    [node.ctimeSec, node.ctimeNs] = [this.#sec, this.#ns];
    if (content) [node.mtimeSec, node.mtimeNs] = [this.#sec, this.#ns];
  }
}

function done(made: Node | Result): Result {
  return typeof made === "number" ? made : 0;
}

function isAttributeName(name: Uint8Array): boolean {
  return name.length > 0 && name.length <= 255 && !name.includes(0);
}

function isOffset(offset: number): boolean {
  return offset >= 0 && offset <= OFFSET_MAX;
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= -1 && id < 0xffff_ffff;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The components of a path, "" and "." left out. */
function parts(path: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let start = 0; start < path.length;) {
    let end = path.indexOf(0x2f, start);
    if (end < 0) end = path.length;
    const part = path.subarray(start, end);
    if (part.length > 0 && !(part.length === 1 && part[0] === 0x2e)) found.push(part);
    start = end + 1;
  }
  return found;
}

function eachFile(folder: Node, visit: (file: Node) => void): void {
  for (const { node } of folder.children.values()) {
    if (node.kind === Kind.folder) eachFile(node, visit);
    else if (node.kind === Kind.file) visit(node);
  }
}

/** A 32-bit mix (Murmur3's finisher): neighbours end far apart. */
function scramble(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
