// The tree in memory behind MemoryOs: entries and their names, open handles, space, users and the clock. Called by the verbs of memory.ts and
// the files that carry them out. Promises: it asks nobody and fails by no script; the same seed and the same calls give the same tree.

import { Errno, type Handle, Kind, type Result } from "./os.ts";
import { Node, PAGE_BYTES, type Space } from "./memory_node.ts";
import { isName } from "./names.ts";

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

export interface Open {
  node: Node;
  position: number;
  readable: boolean;
  writable: boolean;
  pinned: boolean;
}

const LINKS_MAX = 40;
/** What `may` asks about. */
export const [READ, WRITE, SEARCH] = [4, 2, 1];
export const EINVAL = -Errno.EINVAL;
export const EBADF = -Errno.EBADF;

export class MemoryTree {
  readonly options: MemoryOptions;
  root: Node;
  space: Space;
  readonly open: Map<Handle, Open> = new Map();
  #nextHandle = 3;
  #nextInode: number;
  #sec: number;
  #ns = 0;
  /** The tree when anything was last flushed. */
  #committed: Node | null = null;

  constructor(options: MemoryOptions) {
    this.options = options;
    this.#nextInode = 1000 + ((options.seed ?? 1) * 7919) % 100_000;
    this.#sec = options.startSec ?? 1_700_000_000;
    this.space = {
      freePages: Math.floor((options.totalBytes ?? 2 ** 40) / PAGE_BYTES),
      freeInodes: options.inodes ?? 2 ** 40,
    };
    this.root = new Node(Kind.folder, this.#nextInode++);
    this.root.mode = 0o755;
    this.root.names = 1;
    this.root.uid = options.uid ?? 0;
    this.root.gid = options.gid ?? 0;
    this.touch(this.root);
  }

  // The whole tree.

  /** Moves the clock forward. */
  advance(seconds: number): void {
    this.#sec += seconds;
  }

  /** Handles and locks go, as when the process ends. */
  dropAll(): void {
    for (const handle of [...this.open.keys()]) this.drop(handle);
  }

  /** Everything is on the disk. */
  flushAll(): void {
    eachFile(this.root, (file) => file.isFlushed = true);
    this.commitNames();
  }

  /** As with a journal: whatever is flushed, all names made before are on the disk with it. */
  commitNames(): void {
    if (this.options.power) this.#committed = this.root.copy();
  }

  /** What is left when the power goes: see MemoryOs. */
  powerCut(seed: number, names: "late" | "early"): void {
    if (names === "early" && this.#committed !== null) this.root = this.#committed.copy();
    let count = seed;
    eachFile(this.root, (file) => {
      if (file.isFlushed || file.size === 0) return;
      file.lose(scramble(count++) % 3, this.space);
      file.isFlushed = true;
    });
  }

  snapshot(): MemorySnapshot {
    return { root: this.root.copy(), space: { ...this.space }, sec: this.#sec, ns: this.#ns };
  }

  restore(snapshot: MemorySnapshot): void {
    this.root = snapshot.root.copy();
    this.space = { ...snapshot.space };
    this.#sec = snapshot.sec;
    this.#ns = snapshot.ns;
  }

  // Users, names, handles.

  get privileged(): boolean {
    return (this.options.uid ?? 0) === 0;
  }

  may(node: Node, wanted: number): boolean {
    const { uid = 0, gid = 0 } = this.options;
    if (uid === 0) return true;
    const shift = node.uid === uid ? 6 : node.gid === gid ? 3 : 0;
    return ((node.mode >> shift) & wanted) === wanted;
  }

  /** The held node if we may change its metadata. */
  owned(handle: Handle): Node | Result {
    const open = this.open.get(handle);
    if (open === undefined) return EBADF;
    if (!this.privileged && open.node.uid !== this.options.uid) return -Errno.EPERM;
    return open.node;
  }

  key(name: Uint8Array): string {
    const raw = String.fromCharCode(...name);
    if (!this.options.caseFolding) return raw;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name).normalize("NFC").toLowerCase();
    } catch {
      return raw;
    }
  }

  folder(handle: Handle): Node | Result {
    const open = this.open.get(handle);
    if (open === undefined) return EBADF;
    return open.node.kind === Kind.folder ? open.node : -Errno.ENOTDIR;
  }

  child(folder: Node, name: Uint8Array): Node | Result {
    if (folder.kind !== Kind.folder) return -Errno.ENOTDIR;
    if (!this.may(folder, SEARCH)) return -Errno.EACCES;
    return folder.children.get(this.key(name))?.node ?? -Errno.ENOENT;
  }

  find(handle: Handle, name: Uint8Array): Node | Result {
    if (!isName(name)) return EINVAL;
    const folder = this.folder(handle);
    return typeof folder === "number" ? folder : this.child(folder, name);
  }

  /** A path as an operator types it, from "/", through links. `top`: what it must not lead out of. */
  resolve(path: Uint8Array, follow: boolean, start = this.root, top: Node | null = null): Node | Result {
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
      const child = this.child(node, name);
      if (typeof child === "number") return child;
      if (child.kind !== Kind.link || (rest.length === 0 && !follow)) node = child;
      else {
        if (++links > LINKS_MAX) return -Errno.ELOOP;
        if (child.target[0] === 0x2f && top !== null) return -Errno.EXDEV;
        if (child.target[0] === 0x2f) node = this.root;
        rest = [...parts(child.target), ...rest];
      }
    }
    return node;
  }

  makeIn(folder: Handle, name: Uint8Array, kind: Kind, mode: number): Node | Result {
    if (!isName(name)) return EINVAL;
    const parent = this.folder(folder);
    return typeof parent === "number" ? parent : this.make(parent, name, kind, mode);
  }

  make(parent: Node, name: Uint8Array, kind: Kind, mode: number): Node | Result {
    const old = this.child(parent, name);
    if (typeof old !== "number") return -Errno.EEXIST;
    if (old !== -Errno.ENOENT) return old;
    if (!parent.linked) return -Errno.ENOENT;
    if (!this.may(parent, WRITE | SEARCH)) return -Errno.EACCES;
    if (this.space.freeInodes === 0) return -Errno.ENOSPC;
    this.space.freeInodes--;
    const node = new Node(kind, this.#nextInode++);
    node.names = 1;
    node.mode = mode & 0o7777;
    node.uid = this.options.uid ?? 0;
    node.gid = this.options.gid ?? 0;
    if ((parent.mode & 0o2000) !== 0) {
      node.gid = parent.gid;
      if (kind === Kind.folder) node.mode |= 0o2000;
    }
    this.name(parent, name, node);
    this.touch(node);
    this.touch(parent);
    return node;
  }

  name(parent: Node, name: Uint8Array, node: Node): void {
    parent.children.set(this.key(name), { name: name.slice(), node });
    node.parent = parent;
  }

  unname(parent: Node, name: Uint8Array, node: Node): void {
    parent.children.delete(this.key(name));
    node.names--;
    if (!node.linked) node.parent = null;
    this.touch(node, false);
    if (node.linked) return;
    node.parent = null;
    this.free(node);
  }

  free(node: Node): void {
    if (node.linked || node.held > 0) return;
    this.space.freePages += node.pages.size;
    this.space.freeInodes++;
    node.pages.clear();
  }

  openNode(node: Node, wanted: number): Handle {
    if (!this.may(node, wanted)) return -Errno.EACCES;
    return this.keep(node, true, (wanted & WRITE) !== 0);
  }

  keep(node: Node, readable: boolean, writable: boolean, pinned = false): Handle {
    // Numbers are never used twice, so that a handle used after close is found out.
    const handle = this.#nextHandle++;
    node.held++;
    this.open.set(handle, { node, position: 0, readable, writable, pinned });
    return handle;
  }

  drop(handle: Handle): void {
    const { node } = this.open.get(handle)!;
    this.open.delete(handle);
    node.locks.delete(handle);
    node.held--;
    this.free(node);
  }

  readable(handle: Handle): Open | Result {
    const open = this.open.get(handle);
    if (open === undefined || !open.readable) return EBADF;
    return open.node.kind === Kind.folder ? -Errno.EISDIR : open;
  }

  writable(handle: Handle): Open | Result {
    const open = this.open.get(handle);
    return open === undefined || !open.writable ? EBADF : open;
  }

  write(node: Node, bytes: Uint8Array, offset: number): number {
    const count = node.writeAt(bytes, offset, this.space);
    if (count > 0) this.touch(node);
    return count;
  }

  short(into: Uint8Array): Uint8Array {
    return into.subarray(0, this.options.readBytes ?? into.length);
  }

  /** Stamps a changed entry; the clock moves a little at every change. */
  touch(node: Node, content = true): void {
    this.#ns += 1000;
    if (this.#ns >= 1e9) [this.#sec, this.#ns] = [this.#sec + 1, this.#ns - 1e9];
    [node.ctimeSec, node.ctimeNs] = [this.#sec, this.#ns];
    if (content) [node.mtimeSec, node.mtimeNs] = [this.#sec, this.#ns];
  }
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
export function scramble(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
