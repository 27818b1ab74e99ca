// Os by Deno's own calls, for macOS, Windows and wherever FFI is not to be had. Opened by choose.ts. It runs the whole
// program; what it promises less than linux.ts:
// - Folders are held as paths with their identity (device and inode). Before each verb the folder's path is looked at
//   again, and a path that leads elsewhere by now (renamed away, a link put in its place) is refused with ESTALE. Between
//   that look and the call itself nothing guards: an attacker who swaps folders for links at the right moment can lead a
//   verb outside the root. Open files are held by descriptor and opened with O_NOFOLLOW where the system has it. Pinned
//   entries are looked at like folders.
// - Names must be UTF-8: others are refused with EILSEQ. Deno leaves names that are not UTF-8 out of listings without a
//   word, so on Linux a listing may be incomplete: `abilities.rawNames` is false, and no absence may be concluded from it.
// - Times have milliseconds; one before 1970 cannot be set (EINVAL) and reads as its mirror after 1970.
// - No FIFOs, sockets, devices, holes, kernel copies or exchange. setTimes rewrites the access time, cut to milliseconds.
// - On Windows there are no owners, no locks, and only the write bit of a mode.

import {
  type Abilities,
  Errno,
  type FileSystemInfo,
  type Handle,
  Kind,
  type Listing,
  OpenMode,
  type Os,
  type Result,
  Stat,
} from "./os.ts";
import { utf8 } from "../base/bytes.ts";
import { denoErrno, textOfName } from "./deno_errno.ts";
import { badPath, isName, PATH_MAX, splitPath } from "./names.ts";
import { fromDeno, fromNode } from "./portable_stat.ts";

// Loaded when it is needed: node:fs would cost every start some milliseconds.
let fs: typeof import("node:fs");
let O_NOFOLLOW = 0;
let O_NONBLOCK = 0;

export function openPortable(): Os {
  // deno-lint-ignore no-process-global -- the import would load what this avoids
  const { getBuiltinModule } = process as unknown as { getBuiltinModule(name: "node:fs"): typeof fs };
  fs ??= getBuiltinModule("node:fs");
  // Windows has neither.
  ({ O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants);
  return new PortableOs();
}

const onWindows = Deno.build.os === "windows";
const EINVAL = -Errno.EINVAL;
const EBADF = -Errno.EBADF;
/** The path leads to another entry than the one that is held. */
const ESTALE = -116;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

/** A handle: an entry by path and identity, or an open file by its descriptor too. */
interface Held {
  path: string;
  device: number;
  inode: number;
  kind: Kind;
  pinned: boolean;
  /** -1 for what is held by path alone. */
  fd: number;
  position: number;
  /** Open as long as there is a lock. */
  lock: Deno.FsFile | null;
}

class PortableOs implements Os {
  readonly abilities: Abilities = {
    name: "portable",
    rawNames: false,
    nanoseconds: false,
    owners: !onWindows,
    specials: false,
    sparse: false,
    kernelCopy: false,
    hardLinks: false,
    attributes: false,
    locks: !onWindows,
    insideLinks: false,
    syncsAll: false,
    threads: false,
  };
  readonly #held: Map<Handle, Held> = new Map();
  #nextHandle = 3;

  // Roots.

  openRoot(path: Uint8Array): Handle {
    const text = operatorPath(path);
    if (typeof text === "number") return text;
    return attempt(() => this.#hold(Deno.realPathSync(text), Kind.folder));
  }

  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    const text = operatorPath(path);
    if (typeof text === "number") return text;
    return attempt(() => {
      fromDeno(follow ? Deno.statSync(text) : Deno.lstatSync(text), out);
      return 0;
    });
  }

  makeRoot(path: Uint8Array): Result {
    const text = operatorPath(path);
    if (typeof text === "number") return text;
    return succeed(() => Deno.mkdirSync(text, { mode: 0o777 }));
  }

  // Folders.

  openFolder(folder: Handle, name: Uint8Array): Handle {
    const path = this.#pathOf(folder, name);
    return typeof path === "number" ? path : attempt(() => this.#hold(path, Kind.folder));
  }

  openBeneath(root: Handle, path: Uint8Array): Handle {
    const names = splitPath(path);
    if (names === null) return EINVAL;
    const held = this.#folder(root);
    if (typeof held === "number") return held;
    let place = held.path;
    return attempt(() => {
      for (const name of names) {
        const text = portableName(name);
        if (typeof text === "number") return text;
        place = join(place, text);
        const info = Deno.lstatSync(place);
        if (info.isSymlink) return -Errno.ELOOP;
        if (!info.isDirectory) return -Errno.ENOTDIR;
      }
      return this.#hold(place, Kind.folder);
    });
  }

  openInside(root: Handle, path: Uint8Array): Handle {
    const held = this.#folder(root);
    return typeof held === "number" ? held : path.includes(0) ? EINVAL : -Errno.ENOSYS;
  }

  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    const path = this.#pathOf(folder, name);
    if (typeof path === "number") return path;
    return attempt(() => {
      const real = Deno.realPathSync(path);
      if (!reads) return this.#hold(real, null);
      if (Deno.lstatSync(real).isDirectory) return this.#hold(real, Kind.folder);
      return this.#holdFile(real, fs.openSync(real, fs.constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    });
  }

  readFolder(folder: Handle, into: Listing): Result {
    into.clear();
    const held = this.#folder(folder);
    if (typeof held === "number") return held;
    return attempt(() => {
      for (const entry of Deno.readDirSync(held.path)) {
        const name = utf8(entry.name);
        // A name that was damaged on its way into text does not lead back to its entry.
        if (entry.name.includes("\ufffd") && !exists(join(held.path, entry.name))) return -Errno.EILSEQ;
        if (!isName(name)) return -Errno.ENAMETOOLONG;
        const kind = entry.isSymlink ? Kind.link : entry.isDirectory ? Kind.folder : entry.isFile ? Kind.file : 0;
        into.add(name, 0, name.length, kind);
      }
      return 0;
    });
  }

  close(handle: Handle): Result {
    const held = this.#held.get(handle);
    if (held === undefined) return EBADF;
    this.#held.delete(handle);
    held.lock?.close();
    return held.fd < 0 ? 0 : succeed(() => fs.closeSync(held.fd));
  }

  // Looking.

  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    if (!(at >= 0 && length >= 0 && at + length <= bytes.length)) return EINVAL;
    const path = this.#pathOf(folder, bytes.subarray(at, at + length));
    if (typeof path === "number") return path;
    return attempt(() => {
      fromDeno(Deno.lstatSync(path), out);
      return 0;
    });
  }

  statHandle(handle: Handle, out: Stat): Result {
    const held = this.#held.get(handle);
    if (held === undefined) return EBADF;
    return attempt(() => look(held, out));
  }

  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    const path = this.#pathOf(folder, name);
    if (typeof path === "number") return path;
    return attempt(() => {
      const text = Deno.readLinkSync(path);
      // Text with the replacement character may have lost bytes; nothing can tell.
      if (text.includes("\ufffd")) return -Errno.EILSEQ;
      const target = utf8(text);
      const length = Math.min(target.length, into.length);
      into.set(target.subarray(0, length));
      return length;
    });
  }

  fileSystem(handle: Handle): FileSystemInfo | Result {
    const held = this.#held.get(handle);
    if (held === undefined) return EBADF;
    try {
      const info = fs.statfsSync(held.path);
      return {
        type: info.type,
        id: "",
        totalBytes: info.blocks * info.bsize,
        rootFreeBytes: info.bfree * info.bsize,
        freeBytes: info.bavail * info.bsize,
        totalInodes: info.files,
        freeInodes: info.ffree,
      };
    } catch (error) {
      return denoErrno(error);
    }
  }

  foldsNames(folder: Handle): Result {
    return this.#held.has(folder) ? 0 : EBADF;
  }

  // Content.

  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    const path = this.#pathOf(folder, name);
    if (typeof path === "number") return path;
    return attempt(() => {
      if (how === OpenMode.create) {
        const fd = fs.openSync(
          path,
          fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | O_NOFOLLOW,
          mode,
        );
        return this.#holdFile(path, fd);
      }
      const before = Deno.lstatSync(path);
      if (before.isSymlink) return -Errno.ELOOP;
      if (how === OpenMode.write && before.isDirectory) return -Errno.EISDIR;
      const access = how === OpenMode.write ? fs.constants.O_RDWR : fs.constants.O_RDONLY;
      return this.#holdFile(path, fs.openSync(path, access | O_NOFOLLOW | O_NONBLOCK));
    });
  }

  read(handle: Handle, into: Uint8Array): Result {
    const held = this.#file(handle);
    if (typeof held === "number") return held;
    const count = this.readAt(handle, into, held.position);
    if (count > 0) held.position += count;
    return count;
  }

  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    if (!isOffset(offset)) return EINVAL;
    const held = this.#file(handle);
    if (typeof held === "number") return held;
    if (into.length === 0) return 0;
    return attempt(() => fs.readSync(held.fd, into, 0, into.length, offset));
  }

  writeAll(handle: Handle, bytes: Uint8Array): Result {
    const held = this.#file(handle);
    if (typeof held === "number") return held === -Errno.EISDIR ? EBADF : held;
    const result = this.writeAllAt(handle, bytes, held.position);
    if (result === 0) held.position += bytes.length;
    return result;
  }

  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    if (!(offset >= 0 && offset + bytes.length <= OFFSET_MAX)) return EINVAL;
    const held = this.#file(handle);
    if (typeof held === "number") return held === -Errno.EISDIR ? EBADF : held;
    return attempt(() => {
      for (let done = 0; done < bytes.length;) {
        const count = fs.writeSync(held.fd, bytes, done, bytes.length - done, offset + done);
        // A write of nothing without an error would loop for ever.
        if (count === 0) return -Errno.EIO;
        done += count;
      }
      return 0;
    });
  }

  truncate(handle: Handle, size: number): Result {
    if (!isOffset(size)) return EINVAL;
    const held = this.#file(handle);
    if (typeof held === "number") return held;
    return succeed(() => fs.ftruncateSync(held.fd, size));
  }

  seekData(): Result {
    return EINVAL;
  }

  seekHole(): Result {
    return EINVAL;
  }

  endOf(handle: Handle): Result {
    const held = this.#file(handle);
    if (typeof held === "number") return held;
    // Deno leaves the position alone that it reads and writes by.
    return attempt(() => fs.fstatSync(held.fd).size);
  }

  punchHole(): Result {
    return -Errno.EOPNOTSUPP;
  }

  allocate(): Result {
    return -Errno.EOPNOTSUPP;
  }

  cloneFile(): Result {
    return -Errno.EOPNOTSUPP;
  }

  copyRange(): Result {
    return -Errno.EOPNOTSUPP;
  }

  copyRangeBeside(): Promise<Result> {
    return Promise.resolve(this.copyRange());
  }

  sync(handle: Handle): Result {
    const held = this.#held.get(handle);
    if (held === undefined || held.pinned) return EBADF;
    if (held.fd >= 0) return succeed(() => fs.fsyncSync(held.fd));
    // A folder cannot be opened on Windows, and need not be flushed there.
    if (onWindows) return 0;
    return attempt(() => {
      const fd = fs.openSync(held.path, fs.constants.O_RDONLY | O_NOFOLLOW);
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
      return 0;
    });
  }

  syncBeside(handle: Handle): Promise<Result> {
    return Promise.resolve(this.sync(handle));
  }

  syncAll(): Promise<Result> {
    return Promise.resolve(-Errno.ENOSYS);
  }

  startSync(handle: Handle): Result {
    return this.#held.has(handle) ? 0 : EBADF;
  }

  unwrittenBytes(): number {
    return -1;
  }

  openLimit(): number {
    return 256;
  }

  // Names.

  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    const path = this.#pathOf(folder, name);
    return typeof path === "number" ? path : succeed(() => Deno.mkdirSync(path, { mode: mode & 0o7777 }));
  }

  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    const path = this.#pathOf(folder, name);
    if (typeof path === "number") return path;
    const text = operatorPath(target);
    return typeof text === "number" ? text : succeed(() => fs.symlinkSync(text, path));
  }

  makeSpecial(folder: Handle, name: Uint8Array): Result {
    const path = this.#pathOf(folder, name);
    return typeof path === "number" ? path : -Errno.EOPNOTSUPP;
  }

  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    const [oldPath, newPath] = [this.#pathOf(fromFolder, from), this.#pathOf(toFolder, to)];
    if (typeof oldPath === "number") return oldPath;
    return typeof newPath === "number" ? newPath : -Errno.EOPNOTSUPP;
  }

  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#rename(fromFolder, from, toFolder, to, (oldPath, newPath) => Deno.renameSync(oldPath, newPath));
  }

  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#rename(fromFolder, from, toFolder, to, renameNew);
  }

  #rename(
    fromFolder: Handle,
    from: Uint8Array,
    toFolder: Handle,
    to: Uint8Array,
    act: (oldPath: string, newPath: string) => Result | void,
  ): Result {
    const [oldPath, newPath] = [this.#pathOf(fromFolder, from), this.#pathOf(toFolder, to)];
    if (typeof oldPath === "number") return oldPath;
    if (typeof newPath === "number") return newPath;
    const result = attempt(() => act(oldPath, newPath) ?? 0);
    if (result === 0) this.#follow(oldPath, newPath);
    return result;
  }

  /** What is held below a renamed entry is found at its new path from now on. */
  #follow(oldPath: string, newPath: string): void {
    for (const held of this.#held.values()) {
      if (held.path === oldPath) held.path = newPath;
      else if (held.path.startsWith(`${oldPath}/`)) held.path = newPath + held.path.slice(oldPath.length);
    }
  }

  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    const [pathA, pathB] = [this.#pathOf(folderA, a), this.#pathOf(folderB, b)];
    if (typeof pathA === "number") return pathA;
    return typeof pathB === "number" ? pathB : -Errno.ENOSYS;
  }

  unlink(folder: Handle, name: Uint8Array): Result {
    const path = this.#pathOf(folder, name);
    if (typeof path === "number") return path;
    return attempt(() => {
      // Deno's remove would take an empty folder too.
      if (Deno.lstatSync(path).isDirectory) return -Errno.EISDIR;
      Deno.removeSync(path);
      return 0;
    });
  }

  removeFolder(folder: Handle, name: Uint8Array): Result {
    const path = this.#pathOf(folder, name);
    if (typeof path === "number") return path;
    return attempt(() => {
      if (!Deno.lstatSync(path).isDirectory) return -Errno.ENOTDIR;
      fs.rmdirSync(path);
      return 0;
    });
  }

  // Metadata.

  pin(folder: Handle, name: Uint8Array): Handle {
    const path = this.#pathOf(folder, name);
    return typeof path === "number" ? path : attempt(() => this.#hold(path, null));
  }

  setMode(handle: Handle, mode: number): Result {
    return this.#change(handle, (held) => {
      if (held.kind === Kind.link) return -Errno.EOPNOTSUPP;
      if (held.fd >= 0) fs.fchmodSync(held.fd, mode & 0o7777);
      else Deno.chmodSync(held.path, mode & 0o7777);
      return 0;
    });
  }

  setOwner(handle: Handle, uid: number, gid: number): Result {
    if (!isId(uid) || !isId(gid)) return EINVAL;
    return this.#change(handle, (held) => {
      if (onWindows) return -Errno.EOPNOTSUPP;
      if (held.fd >= 0) fs.fchownSync(held.fd, uid, gid);
      else fs.lchownSync(held.path, uid, gid);
      return 0;
    });
  }

  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    if (!Number.isSafeInteger(mtimeSec) || !(mtimeNs >= 0 && mtimeNs <= 999_999_999)) return EINVAL;
    return this.#setTimes(handle, { mtimeSec, mtimeNs });
  }

  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    if (!Number.isSafeInteger(atimeSec) || !(atimeNs >= 0 && atimeNs <= 999_999_999)) return EINVAL;
    return this.#setTimes(handle, { atimeSec, atimeNs });
  }

  /** Deno cannot ask for it. */
  readQuietly(): Result {
    return 0;
  }

  /** One of the two; the other one is rewritten as it was. */
  #setTimes(handle: Handle, to: { mtimeSec: number; mtimeNs: number } | { atimeSec: number; atimeNs: number }): Result {
    return this.#change(handle, (held) => {
      // Deno turns a time before 1970 into another one.
      if (("mtimeSec" in to ? to.mtimeSec : to.atimeSec) < 0) return EINVAL;
      const before = held.fd >= 0 ? fs.fstatSync(held.fd) : Deno.lstatSync(held.path);
      const kept = (time: Date | null) => secondsOf(0, time?.getTime() ?? 0);
      const mtime = "mtimeSec" in to ? secondsOf(to.mtimeSec, Math.floor(to.mtimeNs / 1e6)) : kept(before.mtime);
      const atime = "atimeSec" in to ? secondsOf(to.atimeSec, Math.floor(to.atimeNs / 1e6)) : kept(before.atime);
      if (held.fd >= 0) fs.futimesSync(held.fd, atime, mtime);
      else fs.lutimesSync(held.path, atime, mtime);
      return 0;
    });
  }

  /** Runs a setter on what the handle holds, after a look whether it still is what its path names. */
  #change(handle: Handle, act: (held: Held) => Result): Result {
    const held = this.#held.get(handle);
    if (held === undefined) return EBADF;
    return attempt(() => {
      const looked = held.fd >= 0 ? 0 : look(held, innerStat);
      return looked < 0 ? looked : act(held);
    });
  }

  // Locks: on a descriptor of their own, since node:fs's cannot lock.

  attributesAt(folder: Handle): Result {
    return this.#noAttributes(folder);
  }

  listAttributes(handle: Handle): Result {
    return this.#noAttributes(handle);
  }

  getAttribute(handle: Handle): Result {
    return this.#noAttributes(handle);
  }

  setAttribute(handle: Handle): Result {
    return this.#noAttributes(handle);
  }

  removeAttribute(handle: Handle): Result {
    return this.#noAttributes(handle);
  }

  #noAttributes(handle: Handle): Result {
    return this.#held.has(handle) ? -Errno.EOPNOTSUPP : EBADF;
  }

  lockShared(handle: Handle): Result {
    return this.#lock(handle, false);
  }

  lockExclusive(handle: Handle): Result {
    return this.#lock(handle, true);
  }

  #lock(handle: Handle, exclusive: boolean): Result {
    if (onWindows) return -Errno.EOPNOTSUPP;
    return this.#change(handle, (held) => {
      if (held.pinned) return EBADF;
      const file = held.lock ?? Deno.openSync(held.path);
      const locked = file.tryLockSync(exclusive);
      if (held.lock === null && !locked) file.close();
      else held.lock = file;
      return locked ? 0 : -Errno.EAGAIN;
    });
  }

  unlock(handle: Handle): Result {
    const held = this.#held.get(handle);
    if (held === undefined) return EBADF;
    held.lock?.close();
    held.lock = null;
    return 0;
  }

  // Inner parts.

  /** Holds what `path` names; `wanted` = folder: nothing else. Throws what the system reports. */
  #hold(path: string, wanted: Kind | null): Handle {
    const info = Deno.lstatSync(path);
    fromDeno(info, innerStat);
    const kind = innerStat.kind;
    if (wanted === Kind.folder && kind !== Kind.folder) return kind === Kind.link ? -Errno.ELOOP : -Errno.ENOTDIR;
    return this.#keep({ path, kind, pinned: wanted === null, fd: -1, device: info.dev, inode: info.ino ?? 0 });
  }

  #holdFile(path: string, fd: number): Handle {
    const stats = fs.fstatSync(fd);
    fromNode(stats, innerStat);
    return this.#keep({ path, kind: innerStat.kind, pinned: false, fd, device: stats.dev, inode: stats.ino });
  }

  #keep(held: Omit<Held, "position" | "lock">): Handle {
    const handle = this.#nextHandle++;
    this.#held.set(handle, { ...held, position: 0, lock: null });
    return handle;
  }

  /** The held folder, after a look whether its path still leads to it. */
  #folder(handle: Handle): Held | Result {
    const held = this.#held.get(handle);
    if (held === undefined || held.pinned) return EBADF;
    if (held.kind !== Kind.folder) return -Errno.ENOTDIR;
    const looked = attempt(() => look(held, innerStat));
    return looked < 0 ? looked : held;
  }

  #file(handle: Handle): Held | Result {
    const held = this.#held.get(handle);
    if (held === undefined || held.pinned) return EBADF;
    return held.kind === Kind.folder ? -Errno.EISDIR : held;
  }

  #pathOf(folder: Handle, name: Uint8Array): string | Result {
    const text = portableName(name);
    if (typeof text === "number") return text;
    const held = this.#folder(folder);
    return typeof held === "number" ? held : join(held.path, text);
  }
}

const innerStat = new Stat();

/** For node:fs, which cuts a fraction to milliseconds: the microsecond keeps what is lost in binary from costing one. */
function secondsOf(seconds: number, ms: number): number {
  return seconds + ms / 1000 + 1e-6;
}

/** Stats what is held into `out`; ESTALE if its path leads to another entry. */
function look(held: Held, out: Stat): Result {
  if (held.fd >= 0) {
    fromNode(fs.fstatSync(held.fd), out);
    return 0;
  }
  const info = Deno.lstatSync(held.path);
  if (info.dev !== held.device || (info.ino ?? 0) !== held.inode) return ESTALE;
  fromDeno(info, out);
  return out.kind === held.kind ? 0 : ESTALE;
}

/**
 * A file gets its new name as a second link, which never replaces. What cannot be linked is renamed if nothing has the
 * name; what may slip in between is replaced.
 */
function renameNew(oldPath: string, newPath: string): Result {
  const info = Deno.lstatSync(oldPath);
  if (info.isFile) {
    const linked = succeed(() => Deno.linkSync(oldPath, newPath));
    if (linked === 0) return succeed(() => Deno.removeSync(oldPath));
    if (linked !== -Errno.EPERM && linked !== -Errno.EOPNOTSUPP) return linked;
  }
  if (exists(newPath)) return -Errno.EEXIST;
  return succeed(() => Deno.renameSync(oldPath, newPath));
}

function exists(path: string): boolean {
  return attempt(() => {
    Deno.lstatSync(path);
    return 0;
  }) !== -Errno.ENOENT;
}

/** What `act` returns, or the negated errno of what it throws. */
function attempt(act: () => Result): Result {
  for (;;) {
    try {
      return act();
    } catch (error) {
      const errno = denoErrno(error);
      if (errno !== -Errno.EINTR) return errno;
    }
  }
}

function succeed(act: () => unknown): Result {
  return attempt(() => {
    act();
    return 0;
  });
}

function join(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The name as text, EINVAL if it is not one component, EILSEQ if it is not UTF-8. */
function portableName(name: Uint8Array): string | Result {
  if (!isName(name)) return EINVAL;
  const text = textOfName(name);
  if (text === null) return -Errno.EILSEQ;
  // On Windows these separate components, name drives and streams, or stand for other names.
  if (onWindows && (/[\\:*?"<>|]|[ .]$/.test(text) || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(text))) {
    return EINVAL;
  }
  return text;
}

/** A path that the operator typed, or a link's target, as text. */
function operatorPath(path: Uint8Array): string | Result {
  if (path.length < 1 || path.length > PATH_MAX || path.includes(0)) return badPath(path);
  return textOfName(path) ?? -Errno.EILSEQ;
}

function isOffset(offset: number): boolean {
  return offset >= 0 && offset <= OFFSET_MAX;
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= -1 && id < 0xffff_ffff;
}
