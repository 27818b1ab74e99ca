// Os on Linux (x86-64, arm64) by FFI to libc: nanoseconds, raw bytes, descriptors. Opened by choose.ts; used by everything
// above lib/os. Promises: the contract of os.ts; no verb below a root resolves a path (openBeneath walks one, confined);
// every call is synchronous and stays on FFI's fast path; errno is read right after the call. One instance per isolate
// (errno belongs to the thread); handles are plain descriptor numbers, so another isolate may take one over.

import {
  type Abilities,
  Errno,
  type FileSystemInfo,
  type Handle,
  InsideMode,
  Kind,
  type Listing,
  type ManySeen,
  OpenMode,
  type Os,
  type Result,
  Stat,
} from "./os.ts";
import { FolderKernel } from "./folder_kernel.ts";
import * as k from "./linux_machine.ts";
import { OffsetBuffer, OpenHowBuffer, StatfsBuffer, StatxBuffer, takeDirents, TimesBuffer } from "./linux_structs.ts";
import { badPath, isName, NAME_MAX, putName, putPath, splitPath } from "./names.ts";
import { type LibC, MAX_CALL_BYTES, openLibC } from "./symbols.ts";

/** The part of LibC that is used here; tests put a stubborn one in its place. */
export type LinuxCalls = Pick<LibC, "look" | "change" | "rare" | "beside" | "errno">;

/** Opens the FFI implementation. Throws where the machine, FFI or glibc does not allow it. */
export function openLinux(calls?: LinuxCalls): Os {
  if (Deno.build.os !== "linux") throw new Error(`the FFI layer is for Linux, not ${Deno.build.os}`);
  const machine = k.linuxMachine(Deno.build.arch);
  if (machine === undefined) throw new Error(`the FFI layer does not know machine type ${Deno.build.arch}`);
  return new LinuxOs(calls ?? openLibC(), machine);
}

const EINVAL = -Errno.EINVAL;
const EBADF = -Errno.EBADF;
const EMPTY_PATH = new Uint8Array([0]);
const DOT = new Uint8Array([0x2e, 0]);
const DIRENTS_BYTES = 256 * 1024;
/** So many names are read without the kernel of folders, which takes 0.8 ms to make. */
const FEW_NAMES = 32;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;
/** How often openInside begins again. */
const INSIDE_TRIES = 1000;

// What this isolate knows of a descriptor it opened; 0 for one it did not open.
const PLAIN = 1;
const FRESH_FOLDER = 2;
const PINNED = 3;

class LinuxOs implements Os {
  readonly abilities: Abilities = {
    name: "linux-ffi",
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
    syncsAll: k.isKernelFrom(Deno.osRelease(), 5, 8),
    threads: true,
  };
  readonly #c: LinuxCalls;
  readonly #errno: Int32Array;
  readonly #m: k.LinuxMachine;
  readonly #openFolderFlags: number;
  #readFlags: number;
  #readsQuietly = false;
  readonly #createFlags: number;
  readonly #writeFlags: number;
  readonly #pinFlags: number;
  readonly #openHow: OpenHowBuffer;
  /** By InsideMode. */
  readonly #insideHow: OpenHowBuffer[];
  readonly #name: Uint8Array = new Uint8Array(NAME_MAX + 1);
  readonly #name2: Uint8Array = new Uint8Array(NAME_MAX + 1);
  readonly #path: Uint8Array = new Uint8Array(4096);
  readonly #statx: StatxBuffer = new StatxBuffer();
  /** The kernel writes an int, or a long. */
  readonly #flags = new Uint8Array(8);
  readonly #statfs: StatfsBuffer = new StatfsBuffer();
  readonly #times: TimesBuffer = new TimesBuffer();
  /** Of the folder asked for last: its path below /proc. */
  #prefix: Uint8Array = new Uint8Array(0);
  #prefixFolder = -1;
  readonly #fromOffset: OffsetBuffer = new OffsetBuffer();
  readonly #toOffset: OffsetBuffer = new OffsetBuffer();
  readonly #innerStat: Stat = new Stat();
  #dirents: Uint8Array | null = null;
  /** Null before there was much to read. */
  #kernel: FolderKernel | null = null;
  #namesRead = 0;
  #state: Uint8Array = new Uint8Array(256);
  #hasOpenat2 = true;
  #hasFchmodat2 = true;
  #hasEmptyPathTimes = true;

  constructor(c: LinuxCalls, m: k.LinuxMachine) {
    this.#c = c;
    this.#errno = c.errno;
    this.#m = m;
    this.#openFolderFlags = k.O_RDONLY | m.O_DIRECTORY | m.O_NOFOLLOW | k.O_CLOEXEC;
    this.#readFlags = k.O_RDONLY | m.O_NOFOLLOW | k.O_NONBLOCK | k.O_NOCTTY | k.O_CLOEXEC;
    this.#createFlags = k.O_RDWR | k.O_CREAT | k.O_EXCL | m.O_NOFOLLOW | k.O_CLOEXEC;
    this.#writeFlags = k.O_RDWR | m.O_NOFOLLOW | k.O_NONBLOCK | k.O_NOCTTY | k.O_CLOEXEC;
    this.#pinFlags = k.O_PATH | m.O_NOFOLLOW | k.O_CLOEXEC;
    this.#openHow = new OpenHowBuffer(this.#openFolderFlags, k.RESOLVE_CONFINED);
    this.#insideHow = [
      k.O_RDONLY | m.O_DIRECTORY | k.O_CLOEXEC,
      k.O_RDONLY | k.O_NONBLOCK | k.O_NOCTTY | k.O_CLOEXEC,
      k.O_PATH | k.O_CLOEXEC,
      this.#pinFlags,
    ].map((flags) => new OpenHowBuffer(flags, k.RESOLVE_INSIDE));
  }

  // Roots.

  openRoot(path: Uint8Array): Handle {
    if (!putPath(this.#path, path)) return badPath(path);
    const flags = k.O_RDONLY | this.#m.O_DIRECTORY | k.O_CLOEXEC;
    return this.#open(k.AT_FDCWD, this.#path, flags, 0, FRESH_FOLDER);
  }

  statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    if (!putPath(this.#path, path)) return badPath(path);
    const flags = follow ? k.AT_NO_AUTOMOUNT : k.AT_NO_AUTOMOUNT | k.AT_SYMLINK_NOFOLLOW;
    return this.#stat(k.AT_FDCWD, this.#path, flags, out);
  }

  makeRoot(path: Uint8Array): Result {
    if (!putPath(this.#path, path)) return badPath(path);
    return this.#done(this.#c.change.mkdirat(k.AT_FDCWD, this.#path, 0o777));
  }

  // Folders.

  openFolder(folder: Handle, name: Uint8Array): Handle {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    return this.#open(folder, this.#name, this.#openFolderFlags, 0, FRESH_FOLDER);
  }

  openBeneath(root: Handle, path: Uint8Array): Handle {
    const names = splitPath(path);
    if (names === null) return EINVAL;
    if (root < 0) return EBADF;
    if (names.length === 0) return this.#open(root, DOT, this.#openFolderFlags, 0, FRESH_FOLDER);
    if (this.#hasOpenat2) {
      putPath(this.#path, path);
      const handle = this.#openat2(root);
      // A kernel before 5.6 knows no openat2; a sandbox that does not know it answers EPERM, as may the file system:
      // the walk then gives the same answer, one component at a time.
      if (handle !== -Errno.ENOSYS && handle !== -Errno.EPERM) return handle;
      if (handle === -Errno.ENOSYS) this.#hasOpenat2 = false;
    }
    return this.#walk(root, names);
  }

  openInside(root: Handle, path: Uint8Array, how: number): Handle {
    if (root < 0) return EBADF;
    if (!(how in this.#insideHow)) return EINVAL;
    if (path.length === 0) this.#path.set(DOT);
    else if (!putPath(this.#path, path)) return badPath(path);
    const state = how === InsideMode.folder ? FRESH_FOLDER : how === InsideMode.read ? PLAIN : PINNED;
    for (let tries = 0;; tries++) {
      const handle = this.#openat2(root, this.#insideHow[how], state);
      // The kernel gives up where something was renamed while it walked through "..", rather than be misled.
      if (handle !== -Errno.EAGAIN || tries === INSIDE_TRIES) return handle;
    }
  }

  #openat2(root: Handle, openHow = this.#openHow, state: number = FRESH_FOLDER): Handle {
    const how = openHow.bytes;
    let handle: number;
    do handle = this.#c.look.openat2(this.#m.openat2, root, this.#path, how, how.length); while (
      handle < 0 && this.#interrupted()
    );
    return this.#opened(handle, state);
  }

  #walk(root: Handle, names: Uint8Array[]): Handle {
    let folder = root;
    for (const name of names) {
      const next = this.openFolder(folder, name);
      if (folder !== root) this.close(folder);
      if (next < 0) return next;
      folder = next;
    }
    return folder;
  }

  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    const flags = reads ? k.O_RDONLY | k.O_NONBLOCK | k.O_NOCTTY | k.O_CLOEXEC : k.O_PATH | k.O_CLOEXEC;
    return this.#open(folder, this.#name, flags, 0, reads ? PLAIN : PINNED);
  }

  readFolder(folder: Handle, into: Listing): Result {
    into.clear();
    if (this.#state[folder] === FRESH_FOLDER) this.#state[folder] = PLAIN;
    else if (this.#c.look.lseek(folder, 0n, k.SEEK_SET) < 0n) return -this.#errno[0];
    const kernel = this.#namesRead > FEW_NAMES ? this.#kernel ??= new FolderKernel() : null;
    kernel?.clear();
    const dirents = kernel?.dirents ?? (this.#dirents ??= new Uint8Array(DIRENTS_BYTES));
    for (let isHeld = kernel !== null;;) {
      const filled = this.#c.look.getdents64(this.#m.getdents64, folder, dirents, dirents.length);
      if (filled === 0) {
        if (isHeld) kernel!.fill(into, true);
        this.#namesRead += into.count;
        return 0;
      }
      if (filled < 0) {
        const error = this.#errno[0];
        if (error === Errno.EINTR) continue;
        return -error;
      }
      let result: number = isHeld ? kernel!.take(filled) : takeDirents(dirents, filled, into);
      if (result > 0) {
        isHeld = false;
        kernel!.fill(into, false);
        result = takeDirents(dirents, filled, into);
      }
      if (result < 0) return result;
    }
  }

  close(handle: Handle): Result {
    if (handle < this.#state.length) this.#state[handle] = 0;
    // Linux frees the descriptor even when close says EINTR, so it is never called twice.
    return this.#c.look.close(handle) < 0 && this.#errno[0] !== Errno.EINTR ? -this.#errno[0] : 0;
  }

  // Looking.

  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    if (!putName(this.#name, bytes, at, length)) return EINVAL;
    if (folder < 0) return EBADF;
    return this.#stat(folder, this.#name, k.AT_SYMLINK_NOFOLLOW | k.AT_NO_AUTOMOUNT, out);
  }

  statHandle(handle: Handle, out: Stat): Result {
    if (handle < 0) return EBADF;
    return this.#stat(handle, EMPTY_PATH, k.AT_EMPTY_PATH | k.AT_NO_AUTOMOUNT, out);
  }

  statMany(folder: Handle, listing: Listing, from: number, most: number): ManySeen | null {
    const kernel = this.#kernel;
    if (kernel === null || listing.sorter !== kernel || folder < 0) return null;
    const { name, statx } = kernel;
    const { look } = this.#c;
    const number = this.#m.statx;
    const flags = k.AT_SYMLINK_NOFOLLOW | k.AT_NO_AUTOMOUNT;
    for (let isMore = kernel.begin(from, most); isMore;) {
      const result = look.statx(number, folder, name, flags, k.STATX_BASIC_STATS, statx);
      if (result === 0) isMore = kernel.step();
      else if (!this.#interrupted()) break;
    }
    return kernel.seen();
  }

  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    const size = Math.min(into.length, MAX_CALL_BYTES);
    let length: number;
    do length = this.#c.look.readlinkat(folder, this.#name, into, size); while (length < 0 && this.#interrupted());
    return this.#done(length);
  }

  fileSystem(handle: Handle): FileSystemInfo | Result {
    let result: number;
    do result = this.#c.rare.fstatfs(handle, this.#statfs.bytes); while (result < 0 && this.#interrupted());
    return result < 0 ? -this.#errno[0] : this.#statfs.info();
  }

  foldsNames(folder: Handle): Result {
    let result: number;
    do result = this.#c.rare.ioctlInto(folder, k.FS_IOC_GETFLAGS, this.#flags); while (
      result < 0 && this.#interrupted()
    );
    if (result === 0) return (this.#flags[3] & k.FS_CASEFOLD_FL_BYTE_3) !== 0 ? 1 : 0;
    return this.#errno[0] === Errno.EBADF ? EBADF : 0;
  }

  // Content.

  readQuietly(): Result {
    this.#readFlags |= k.O_NOATIME;
    this.#readsQuietly = true;
    return 0;
  }

  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    const flags = how === OpenMode.read
      ? this.#readFlags
      : how === OpenMode.create
      ? this.#createFlags
      : this.#writeFlags;
    const handle = this.#open(folder, this.#name, flags, mode, PLAIN);
    // Only the owner of a file, and root, may leave its access time alone.
    if (handle !== -Errno.EPERM || !this.#readsQuietly || how !== OpenMode.read) return handle;
    return this.#open(folder, this.#name, flags & ~k.O_NOATIME, mode, PLAIN);
  }

  read(handle: Handle, into: Uint8Array): Result {
    const size = Math.min(into.length, MAX_CALL_BYTES);
    let count: number;
    do count = this.#c.look.read(handle, into, size); while (count < 0 && this.#interrupted());
    return this.#done(count);
  }

  readAt(handle: Handle, into: Uint8Array, offset: number): Result {
    if (!(offset >= 0 && offset <= OFFSET_MAX)) return EINVAL;
    const size = Math.min(into.length, MAX_CALL_BYTES);
    const at = BigInt(offset);
    let count: number;
    do count = this.#c.change.pread(handle, into, size, at); while (count < 0 && this.#interrupted());
    return this.#done(count);
  }

  writeAll(handle: Handle, bytes: Uint8Array): Result {
    let rest = bytes;
    while (rest.length > 0) {
      const count = this.#c.change.write(handle, rest, Math.min(rest.length, MAX_CALL_BYTES));
      if (count === rest.length) return 0;
      if (count > 0) rest = rest.subarray(count);
      else {
        // A write of nothing without an error would loop for ever.
        const error = count === 0 ? Errno.EIO : this.#errno[0];
        if (error !== Errno.EINTR) return -error;
      }
    }
    return 0;
  }

  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result {
    if (!(offset >= 0 && offset + bytes.length <= OFFSET_MAX)) return EINVAL;
    for (let done = 0; done < bytes.length;) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      const count = this.#c.change.pwrite(handle, rest, Math.min(rest.length, MAX_CALL_BYTES), BigInt(offset + done));
      if (count > 0) done += count;
      else {
        const error = count === 0 ? Errno.EIO : this.#errno[0];
        if (error !== Errno.EINTR) return -error;
      }
    }
    return 0;
  }

  truncate(handle: Handle, size: number): Result {
    if (!(size >= 0 && size <= OFFSET_MAX)) return EINVAL;
    const bytes = BigInt(size);
    let result: number;
    do result = this.#c.change.ftruncate(handle, bytes); while (result < 0 && this.#interrupted());
    return this.#done(result);
  }

  seekData(handle: Handle, from: number): Result {
    return this.#seek(handle, from, k.SEEK_DATA);
  }

  seekHole(handle: Handle, from: number): Result {
    return this.#seek(handle, from, k.SEEK_HOLE);
  }

  endOf(handle: Handle): Result {
    return this.#seek(handle, 0, k.SEEK_END);
  }

  /** lseek moves the position, which `read` and `writeAll` use: it is put back. */
  #seek(handle: Handle, from: number, whence: number): Result {
    if (!(from >= 0 && from <= OFFSET_MAX)) return EINVAL;
    const c = this.#c;
    const before = c.look.lseek(handle, 0n, k.SEEK_CUR);
    if (before < 0n) return -this.#errno[0];
    const found = c.look.lseek(handle, BigInt(from), whence);
    if (found < 0n) return -this.#errno[0];
    c.look.lseek(handle, before, k.SEEK_SET);
    return Number(found);
  }

  punchHole(handle: Handle, offset: number, length: number): Result {
    if (!(offset >= 0 && length > 0 && offset + length <= OFFSET_MAX)) return EINVAL;
    return this.#fallocate(handle, k.FALLOC_PUNCH_HOLE_KEEP_SIZE, offset, length);
  }

  allocate(handle: Handle, length: number): Result {
    if (!(length > 0 && length <= OFFSET_MAX)) return EINVAL;
    return this.#fallocate(handle, k.FALLOC_KEEP_SIZE, 0, length);
  }

  #fallocate(handle: Handle, mode: number, offset: number, length: number): Result {
    const [at, count] = [BigInt(offset), BigInt(length)];
    let result: number;
    do result = this.#c.rare.fallocate(handle, mode, at, count); while (result < 0 && this.#interrupted());
    return this.#done(result);
  }

  cloneFile(from: Handle, to: Handle): Result {
    let result: number;
    do result = this.#c.rare.ioctl(to, k.FICLONE, from); while (result < 0 && this.#interrupted());
    return this.#done(result);
  }

  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result {
    if (!(fromOffset >= 0 && fromOffset <= OFFSET_MAX && toOffset >= 0 && toOffset <= OFFSET_MAX && length >= 0)) {
      return EINVAL;
    }
    const [fromAt, toAt] = [this.#fromOffset, this.#toOffset];
    const size = Math.min(length, MAX_CALL_BYTES);
    let count: number;
    do {
      fromAt.set(fromOffset);
      toAt.set(toOffset);
      count = this.#c.rare.copy_file_range(from, fromAt.bytes, to, toAt.bytes, size, 0);
    } while (count < 0 && this.#interrupted());
    return this.#done(count);
  }

  async copyRangeBeside(
    from: Handle,
    fromOffset: number,
    to: Handle,
    toOffset: number,
    length: number,
  ): Promise<Result> {
    if (!(fromOffset >= 0 && fromOffset <= OFFSET_MAX && toOffset >= 0 && toOffset <= OFFSET_MAX && length >= 0)) {
      return EINVAL;
    }
    const [fromAt, toAt] = [new OffsetBuffer(), new OffsetBuffer()];
    fromAt.set(fromOffset);
    toAt.set(toOffset);
    const size = Math.min(length, MAX_CALL_BYTES);
    const count = await this.#c.beside.copy_file_range(from, fromAt.bytes, to, toAt.bytes, size, 0);
    // Said here it tells why, or works after all.
    return count >= 0 ? count : this.copyRange(from, fromOffset, to, toOffset, length);
  }

  sync(handle: Handle): Result {
    let result: number;
    do result = this.#c.rare.fsync(handle); while (result < 0 && this.#interrupted());
    return this.#done(result);
  }

  async syncBeside(handle: Handle): Promise<Result> {
    if (handle < 0) return EBADF;
    if (await this.#c.beside.fsync(handle) === 0) return 0;
    // The kernel tells an error once: what is well on this second call was not on the first.
    return this.sync(handle) || -Errno.EIO;
  }

  async syncAll(handle: Handle): Promise<Result> {
    if (handle < 0) return EBADF;
    if (await this.#c.beside.syncfs(handle) === 0) return 0;
    return this.#done(this.#c.rare.syncfs(handle)) || -Errno.EIO;
  }

  startSync(handle: Handle): Result {
    const result = this.#done(this.#c.rare.sync_file_range(handle, 0n, 0n, k.SYNC_FILE_RANGE_WRITE));
    // It only hastens what happens anyway: what cannot be hastened is well, too.
    return result === -Errno.EBADF ? result : 0;
  }

  unwrittenBytes(): number {
    try {
      const found = /^Dirty:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/meminfo"));
      return found === null ? -1 : Number(found[1]) * 1024;
    } catch {
      return -1;
    }
  }

  openLimit(): number {
    const limits = new BigUint64Array(2);
    const result = this.#c.rare.getrlimit(k.RLIMIT_NOFILE, new Uint8Array(limits.buffer));
    // Fewer than the standards promise there never are.
    return result < 0 ? 20 : Number(limits[0] < 1n << 20n ? limits[0] : 1n << 20n);
  }

  // Names.

  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    return this.#done(this.#c.change.mkdirat(folder, this.#name, mode));
  }

  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    if (!putPath(this.#path, target)) return badPath(target);
    return this.#done(this.#c.rare.symlinkat(this.#path, folder, this.#name));
  }

  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, major: number, minor: number): Result {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    // mknod would make a plain file of kind file, and the kernel keeps 12 bits of major and 20 of minor.
    if (kind !== Kind.fifo && kind !== Kind.socket && kind !== Kind.charDevice && kind !== Kind.blockDevice) {
      return EINVAL;
    }
    if (!(major >= 0 && major < 0x1000 && minor >= 0 && minor < 0x10_0000)) return EINVAL;
    const device = ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
    return this.#done(
      this.#c.rare.mknodat(this.#m.mknodat, folder, this.#name, (kind << 12) | (mode & 0o7777), device),
    );
  }

  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    const bad = this.#takeTwo(fromFolder, from, toFolder, to);
    if (bad < 0) return bad;
    // Without AT_SYMLINK_FOLLOW a link gets another name, not what it leads to.
    return this.#done(this.#c.rare.linkat(fromFolder, this.#name, toFolder, this.#name2, 0));
  }

  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    const bad = this.#takeTwo(fromFolder, from, toFolder, to);
    if (bad < 0) return bad;
    return this.#done(this.#c.change.renameat(fromFolder, this.#name, toFolder, this.#name2));
  }

  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    const bad = this.#takeTwo(fromFolder, from, toFolder, to);
    if (bad < 0) return bad;
    const result = this.#renameat2(fromFolder, toFolder, k.RENAME_NOREPLACE);
    if (result !== -Errno.EINVAL && result !== -Errno.ENOSYS) return result;
    return this.#renameNewByHand(fromFolder, toFolder);
  }

  /**
   * For file systems without RENAME_NOREPLACE: a second link, then the first goes; both are exclusive. A folder cannot be
   * linked: it is renamed if nothing has the name, and what may slip in between is replaced only if it is an empty folder.
   */
  #renameNewByHand(fromFolder: Handle, toFolder: Handle): Result {
    const flags = k.AT_SYMLINK_NOFOLLOW | k.AT_NO_AUTOMOUNT;
    const from = this.#stat(fromFolder, this.#name, flags, this.#innerStat);
    if (from < 0) return from;
    if (this.#innerStat.kind !== Kind.folder) {
      const linked = this.#done(this.#c.rare.linkat(fromFolder, this.#name, toFolder, this.#name2, 0));
      return linked < 0 ? linked : this.#done(this.#c.change.unlinkat(fromFolder, this.#name, 0));
    }
    const to = this.#stat(toFolder, this.#name2, flags, this.#innerStat);
    if (to === 0) return -Errno.EEXIST;
    if (to !== -Errno.ENOENT) return to;
    return this.#done(this.#c.change.renameat(fromFolder, this.#name, toFolder, this.#name2));
  }

  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    const bad = this.#takeTwo(folderA, a, folderB, b);
    if (bad < 0) return bad;
    return this.#renameat2(folderA, folderB, k.RENAME_EXCHANGE);
  }

  unlink(folder: Handle, name: Uint8Array): Result {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    return this.#done(this.#c.change.unlinkat(folder, this.#name, 0));
  }

  removeFolder(folder: Handle, name: Uint8Array): Result {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    return this.#done(this.#c.change.unlinkat(folder, this.#name, k.AT_REMOVEDIR));
  }

  // Metadata. A pinned descriptor (O_PATH) refuses the f* calls with EBADF; the calls with AT_EMPTY_PATH take it.

  pin(folder: Handle, name: Uint8Array): Handle {
    const bad = this.#take(folder, name);
    if (bad < 0) return bad;
    return this.#open(folder, this.#name, this.#pinFlags, 0, PINNED);
  }

  setMode(handle: Handle, mode: number): Result {
    if (handle < 0) return EBADF;
    const bits = mode & 0o7777;
    if (this.#state[handle] !== PINNED) {
      let result: number;
      do result = this.#c.change.fchmod(handle, bits); while (result < 0 && this.#interrupted());
      if (result === 0 || this.#errno[0] !== Errno.EBADF) return this.#done(result);
    }
    if (this.#hasFchmodat2) {
      const result = this.#done(this.#c.rare.fchmodat2(this.#m.fchmodat2, handle, EMPTY_PATH, bits, k.AT_EMPTY_PATH));
      // As with openat2: absent before kernel 6.6, and EPERM may be a sandbox's word for that.
      if (result !== -Errno.ENOSYS && result !== -Errno.EPERM) return result;
      if (result === -Errno.ENOSYS) this.#hasFchmodat2 = false;
    }
    const looked = this.statHandle(handle, this.#innerStat);
    if (looked < 0) return looked;
    // Some file systems would change a link's mode and report an error all the same.
    if (this.#innerStat.kind === Kind.link) return -Errno.EOPNOTSUPP;
    return this.#done(this.#c.rare.chmod(this.#ownDescriptorPath(handle), bits));
  }

  setOwner(handle: Handle, uid: number, gid: number): Result {
    if (!isId(uid) || !isId(gid)) return EINVAL;
    if (handle < 0) return EBADF;
    let result: number;
    if (this.#state[handle] !== PINNED) {
      do result = this.#c.change.fchown(handle, uid | 0, gid | 0); while (result < 0 && this.#interrupted());
      if (result === 0 || this.#errno[0] !== Errno.EBADF) return this.#done(result);
    }
    do result = this.#c.rare.fchownat(handle, EMPTY_PATH, uid | 0, gid | 0, k.AT_EMPTY_PATH); while (
      result < 0 && this.#interrupted()
    );
    return this.#done(result);
  }

  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result {
    return this.#times.setModification(mtimeSec, mtimeNs) ? this.#setTimes(handle) : EINVAL;
  }

  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result {
    return this.#times.setAccess(atimeSec, atimeNs) ? this.#setTimes(handle) : EINVAL;
  }

  /** As #times says. */
  #setTimes(handle: Handle): Result {
    const times = this.#times;
    if (handle < 0) return EBADF;
    if (this.#state[handle] !== PINNED) {
      let result: number;
      do result = this.#c.change.futimens(handle, times.bytes); while (result < 0 && this.#interrupted());
      if (result === 0 || this.#errno[0] !== Errno.EBADF) return this.#done(result);
    }
    if (this.#hasEmptyPathTimes) {
      const result = this.#done(this.#c.rare.utimensat(handle, EMPTY_PATH, times.bytes, k.AT_EMPTY_PATH));
      // Kernels before 5.8 do not take AT_EMPTY_PATH here.
      if (result !== -Errno.EINVAL && result !== -Errno.ENOENT) return result;
      this.#hasEmptyPathTimes = false;
    }
    return this.#done(this.#c.rare.utimensat(k.AT_FDCWD, this.#ownDescriptorPath(handle), times.bytes, 0));
  }

  // Extended attributes. There are no calls for a pinned descriptor before kernel 6.13: its path below /proc leads to the very
  // inode it holds, a link included.

  attributesAt(folder: Handle, name: Uint8Array): Result {
    if (folder < 0) return EBADF;
    if (!isName(name)) return EINVAL;
    const prefix = this.#prefixOf(folder);
    this.#path.set(prefix);
    this.#path.set(name, prefix.length);
    this.#path[prefix.length + name.length] = 0;
    let result: number;
    do result = this.#c.rare.llistxattr(this.#path, this.#path, 0); while (result < 0 && this.#interrupted());
    return this.#done(result);
  }

  /** The path below /proc of what is in the open folder. */
  #prefixOf(folder: Handle): Uint8Array {
    if (folder !== this.#prefixFolder) {
      this.#prefix = new TextEncoder().encode(`/proc/self/fd/${folder}/`);
      this.#prefixFolder = folder;
    }
    return this.#prefix;
  }

  listAttributes(handle: Handle, into: Uint8Array): Result {
    if (handle < 0) return EBADF;
    const size = Math.min(into.length, MAX_CALL_BYTES);
    const { rare } = this.#c;
    return this.#onInode(
      handle,
      () => rare.flistxattr(handle, into, size),
      (path) => rare.listxattr(path, into, size),
    );
  }

  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    if (handle < 0) return EBADF;
    if (!putAttribute(this.#name2, name)) return EINVAL;
    const size = Math.min(into.length, MAX_CALL_BYTES);
    const { rare } = this.#c;
    return this.#onInode(
      handle,
      () => rare.fgetxattr(handle, this.#name2, into, size),
      (path) => rare.getxattr(path, this.#name2, into, size),
    );
  }

  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    if (handle < 0) return EBADF;
    if (!putAttribute(this.#name2, name)) return EINVAL;
    if (value.length > MAX_CALL_BYTES) return -Errno.ERANGE;
    const { rare } = this.#c;
    return this.#onInode(
      handle,
      () => rare.fsetxattr(handle, this.#name2, value, value.length, 0),
      (path) => rare.setxattr(path, this.#name2, value, value.length, 0),
    );
  }

  removeAttribute(handle: Handle, name: Uint8Array): Result {
    if (handle < 0) return EBADF;
    if (!putAttribute(this.#name2, name)) return EINVAL;
    const { rare } = this.#c;
    return this.#onInode(
      handle,
      () => rare.fremovexattr(handle, this.#name2),
      (path) => rare.removexattr(path, this.#name2),
    );
  }

  /** Calls `open` for an open descriptor, `pinned` for the path of a pinned one. */
  #onInode(handle: Handle, open: () => number, pinned: (path: Uint8Array) => number): Result {
    let result: number;
    if (this.#state[handle] !== PINNED) {
      do result = open(); while (result < 0 && this.#interrupted());
      if (result >= 0 || this.#errno[0] !== Errno.EBADF) return this.#done(result);
    }
    // A handle that is closed has no such path, which is to be told apart from an entry without /proc.
    const looked = this.statHandle(handle, this.#innerStat);
    if (looked < 0) return looked;
    const path = this.#ownDescriptorPath(handle);
    do result = pinned(path); while (result < 0 && this.#interrupted());
    return this.#done(result);
  }

  // Locks.

  lockShared(handle: Handle): Result {
    return this.#done(this.#c.rare.flock(handle, k.LOCK_SH | k.LOCK_NB));
  }

  lockExclusive(handle: Handle): Result {
    return this.#done(this.#c.rare.flock(handle, k.LOCK_EX | k.LOCK_NB));
  }

  unlock(handle: Handle): Result {
    return this.#done(this.#c.rare.flock(handle, k.LOCK_UN));
  }

  // Inner parts.

  #open(folder: Handle, name: Uint8Array, flags: number, mode: number, state: number): Handle {
    let handle: number;
    do handle = this.#c.look.openat(folder, name, flags, mode); while (handle < 0 && this.#interrupted());
    return this.#opened(handle, state);
  }

  /** Remembers what a new descriptor is. */
  #opened(handle: number, state: number): Handle {
    if (handle < 0) return -this.#errno[0];
    if (handle >= this.#state.length) {
      const grown = new Uint8Array(Math.max(handle + 1, this.#state.length * 2));
      grown.set(this.#state);
      this.#state = grown;
    }
    this.#state[handle] = state;
    return handle;
  }

  #stat(folder: Handle, name: Uint8Array, flags: number, out: Stat): Result {
    const statx = this.#statx;
    let result: number;
    do result = this.#c.look.statx(this.#m.statx, folder, name, flags, k.STATX_BASIC_STATS, statx.bytes); while (
      result < 0 && this.#interrupted()
    );
    if (result < 0) return -this.#errno[0];
    statx.into(out);
    return 0;
  }

  #renameat2(fromFolder: Handle, toFolder: Handle, flags: number): Result {
    return this.#done(this.#c.rare.renameat2(this.#m.renameat2, fromFolder, this.#name, toFolder, this.#name2, flags));
  }

  /**
   * Puts a verb's name into `#name`: 0, or what is wrong. A negated errno in the handle's place must not reach the system,
   * to which -100 means the working folder.
   */
  #take(folder: Handle, name: Uint8Array): Result {
    if (!putName(this.#name, name, 0, name.length)) return EINVAL;
    return folder < 0 ? EBADF : 0;
  }

  #takeTwo(folder1: Handle, name1: Uint8Array, folder2: Handle, name2: Uint8Array): Result {
    if (!putName(this.#name2, name2, 0, name2.length)) return EINVAL;
    const bad = this.#take(folder1, name1);
    return bad < 0 || folder2 >= 0 ? bad : EBADF;
  }

  /** True if the call that just failed is to be repeated. */
  #interrupted(): boolean {
    return this.#errno[0] === Errno.EINTR;
  }

  /**
   * What a call returned as a Result. Calls that make or remove names come here without being repeated: interrupted (which
   * only some network file systems do), they may have done their work, and a second attempt would report its own traces.
   */
  #done(result: number): Result {
    return result < 0 ? -this.#errno[0] : result;
  }

  #ownDescriptorPath(handle: Handle): Uint8Array {
    putPath(this.#path, new TextEncoder().encode(`/proc/self/fd/${handle}`));
    return this.#path;
  }
}

/** Puts an attribute's name, 1 to 255 bytes without NUL, and a NUL into `into`. */
function putAttribute(into: Uint8Array, name: Uint8Array): boolean {
  if (name.length === 0 || name.length > NAME_MAX || name.includes(0)) return false;
  into.set(name);
  into[name.length] = 0;
  return true;
}

/** -1 (leave as it is) or an id that Linux can keep. */
function isId(id: number): boolean {
  return Number.isInteger(id) && id >= -1 && id < 0xffff_ffff;
}
