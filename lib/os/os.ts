// The one door to the operating system. Everything above asks for what it needs through `Os`; linux.ts, portable.ts,
// memory.ts and recording.ts answer. Contract: tests/contract/os_contract.ts, which all of them pass.
//
// Conventions, for every verb of `Os`:
// - A name is the exact bytes of ONE component (no "/", no NUL, not ".", not ".."), relative to a held folder handle.
//   No verb but `openRoot` and `makeRoot` ever takes a path that follows links, and none but `openThrough` and
//   `openInside` (which stays below a handle) follows a link.
// - A result below zero is a negated errno (-2 is ENOENT); verbs never throw for what the system reports.
// - EINTR is retried inside. Short reads are returned as they are; `writeAll` continues short writes.
// - A handle is owned by exactly one holder, who closes it once.

import type { EntryColumns } from "../base/file_list.ts";

/** A handle of an open folder, file or pinned entry; below zero: a negated errno. */
export type Handle = number;
/** Zero or a positive result of the verb; below zero: a negated errno. */
export type Result = number;

/** Kinds of entry, as the file type bits of st_mode shifted right by 12. */
export const Kind = {
  unknown: 0,
  fifo: 1,
  charDevice: 2,
  folder: 4,
  blockDevice: 6,
  file: 8,
  link: 10,
  socket: 12,
} as const;
export type Kind = number;

/** What stat found, reused by the caller so that a scan allocates nothing per entry. Times: seconds (may be negative) and nanoseconds 0-999999999. */
export class Stat {
  kind: Kind = 0;
  /** Permission bits with set-id and sticky: 0o7777. */
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  /** Bytes; exact up to 2^53-1. */
  size = 0;
  /** Allocated bytes. */
  allocated = 0;
  mtimeSec = 0;
  mtimeNs = 0;
  atimeSec = 0;
  atimeNs = 0;
  ctimeSec = 0;
  ctimeNs = 0;
  inoLow = 0;
  inoHigh = 0;
  devMajor = 0;
  devMinor = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  /** The own kind of a device that is shown as a file (tree/device_files.ts); 0 for everything else. */
  device: Kind = 0;
}

/** Whether both tell of one inode. */
export function isSameInode(a: Stat, b: Stat): boolean {
  return a.inoLow === b.inoLow && a.inoHigh === b.inoHigh && a.devMajor === b.devMajor && a.devMinor === b.devMinor;
}

/** Whether both open handles are of one inode; false where one cannot be looked at. */
export function isSameOpen(os: Os, a: Handle, b: Handle): boolean {
  const [first, second] = [new Stat(), new Stat()];
  return os.statHandle(a, first) === 0 && os.statHandle(b, second) === 0 && isSameInode(first, second);
}

/** Puts names that it holds, too, into their canonical order: unsigned bytes. */
export interface NameSorter {
  /** Their positions in the listing. */
  sort(order: Uint32Array): void;
}

/** The names of one folder, raw, in the order the system gave them; "." and ".." left out. Reused from folder to folder. */
export class Listing {
  count = 0;
  /** Who holds just these names and can sort them; null: nobody. */
  sorter: NameSorter | null = null;
  /** All names one after another, without separators. */
  names: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 16);
  namesUsed = 0;
  /** Start of name i in `names`. */
  at: Uint32Array = new Uint32Array(1024);
  length: Uint8Array = new Uint8Array(1024);
  /** Kind by d_type; Kind.unknown where the file system does not say. */
  kind: Uint8Array = new Uint8Array(1024);

  clear(): void {
    this.count = 0;
    this.namesUsed = 0;
    this.sorter = null;
  }

  /** These names instead of what it held. */
  set(names: Uint8Array, at: Uint32Array, length: Uint8Array, kind: Uint8Array): void {
    this.clear();
    while (this.at.length < at.length) this.#growEntries();
    if (this.names.length < names.length) this.#growNames(names.length);
    this.names.set(names);
    this.at.set(at);
    this.length.set(length);
    this.kind.set(kind);
    this.namesUsed = names.length;
    this.count = at.length;
  }

  /** The same where names, whose lengths are known, lie one behind another from `from` on, and kinds stand above the modes' twelve bits. */
  setRows(names: Uint8Array, from: number, length: Uint8Array, mode: Uint16Array): void {
    const count = length.length;
    this.clear();
    while (this.at.length < count) this.#growEntries();
    const { at, kind } = this;
    let used = 0;
    for (let i = 0; i < count; i++) {
      at[i] = used;
      used += length[i];
      kind[i] = mode[i] >>> 12;
    }
    if (this.names.length < used) this.#growNames(used);
    this.names.set(names.subarray(from, from + used));
    this.length.set(length);
    this.namesUsed = used;
    this.count = count;
  }

  /** Appends the name bytes[from, from+length). */
  add(bytes: Uint8Array, from: number, length: number, kind: Kind): void {
    const i = this.count;
    this.sorter = null;
    if (i === this.at.length) this.#growEntries();
    if (this.namesUsed + length > this.names.length) this.#growNames(length);
    const names = this.names;
    const start = this.namesUsed;
    for (let k = 0; k < length; k++) names[start + k] = bytes[from + k];
    this.at[i] = start;
    this.length[i] = length;
    this.kind[i] = kind;
    this.namesUsed = start + length;
    this.count = i + 1;
  }

  name(i: number): Uint8Array {
    return this.names.subarray(this.at[i], this.at[i] + this.length[i]);
  }

  #growEntries(): void {
    const size = this.at.length * 2;
    const at = new Uint32Array(size);
    at.set(this.at);
    this.at = at;
    const length = new Uint8Array(size);
    length.set(this.length);
    this.length = length;
    const kind = new Uint8Array(size);
    kind.set(this.kind);
    this.kind = kind;
  }

  #growNames(more: number): void {
    const names = new Uint8Array(Math.max(this.names.length * 2, this.namesUsed + more));
    names.set(this.names.subarray(0, this.namesUsed));
    this.names = names;
  }
}

/** What was seen of entries that are files or folders: rows, and their names one behind another. It holds until the next look. */
export interface ManySeen {
  /** Sizes are those of files. */
  columns: EntryColumns;
  count: number;
  names: Uint8Array;
  nameBytes: number;
  /** Sum of the sizes, bytes, and of what the files take less than that. */
  bytes: number;
  holeBytes: number;
}

/** What this system can do, as data: callers ask here, not which platform it is. */
export interface Abilities {
  /** "linux-ffi", "portable" or "memory". */
  readonly name: string;
  /** Names survive as raw bytes (the portable implementation knows only UTF-8 names). */
  readonly rawNames: boolean;
  /** Times keep nanoseconds (else milliseconds). */
  readonly nanoseconds: boolean;
  readonly owners: boolean;
  readonly specials: boolean;
  /** seekData and seekHole tell the truth where the file system does. */
  readonly sparse: boolean;
  /** cloneFile and copyRange may work. */
  readonly kernelCopy: boolean;
  /** hardLink works where the file system knows it. */
  readonly hardLinks: boolean;
  /** The four verbs of extended attributes work where the file system knows them. */
  readonly attributes: boolean;
  /** flock works. */
  readonly locks: boolean;
  /** openInside works where the kernel does it (Linux 5.6). */
  readonly insideLinks: boolean;
  /** syncAll tells what went wrong with what was written (Linux from 5.8 on); else it only waits, or does nothing. */
  readonly syncsAll: boolean;
  /** A handle means the same to every thread of the process: another one may work with it by its own `openLinux`. */
  readonly threads: boolean;
}

/** A file system: its type number (statfs f_type), and the bytes and inodes that are left. */
export interface FileSystemInfo {
  type: number;
  /** Its number as the kernel makes it, of most kinds from what is on the disk: 16 hex digits; "" where none is told. */
  id: string;
  /** Left to any user, and to root. */
  freeBytes: number;
  rootFreeBytes: number;
  totalBytes: number;
  freeInodes: number;
  /** 0: it does not count them. */
  totalInodes: number;
}

export const OpenMode = {
  /** Read; O_NOFOLLOW | O_NONBLOCK, so that neither a link nor a FIFO surprises. The caller checks the kind by statHandle. */
  read: 0,
  /** Create exclusively for writing (O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR) with `mode`. */
  create: 1,
  /** Write an existing file in place (O_RDWR | O_NOFOLLOW | O_NONBLOCK). */
  write: 2,
} as const;

/** How openInside opens what it comes to. */
export const InsideMode = {
  /** A folder, as openRoot does. */
  folder: 0,
  /** Anything, for reading (O_NONBLOCK). */
  read: 1,
  /** Pinned (O_PATH). */
  pin: 2,
  /** The same, but a link at the end of the path is pinned itself. */
  pinLink: 3,
} as const;

export interface Os {
  readonly abilities: Abilities;

  // Roots: the only verbs that take a path and follow links, for words the operator typed.
  /** Opens the folder `path` (absolute or relative to the working folder) for use as a root. */
  openRoot(path: Uint8Array): Handle;
  /** stat of a path the operator typed; follow = through a last link. */
  statPath(path: Uint8Array, follow: boolean, out: Stat): Result;
  /** mkdir of a path the operator typed (one level; 0777 less umask). */
  makeRoot(path: Uint8Array): Result;

  // Folders.
  /** Opens the child folder `name`: never through a link (ELOOP or ENOTDIR), never a file. */
  openFolder(folder: Handle, name: Uint8Array): Handle;
  /** Opens the folder at `path` (components joined by "/"; empty = the folder itself) below `root`; no component may be a link, none may leave the root. */
  openBeneath(root: Handle, path: Uint8Array): Handle;
  /**
   * Opens what `path` (any path, a peer's too; empty = the folder itself) leads to below `root`, links and ".." followed as long as they
   * stay below it: -EXDEV (-18) as soon as a step leads out, an absolute path or link included, whatever is renamed meanwhile. `how` is
   * an InsideMode. -ENOSYS (-38) or -EPERM (-1) where the kernel cannot do it: nothing walks in its place.
   */
  openInside(root: Handle, path: Uint8Array, how: number): Handle;
  /** Reads all names of the folder into `into` (cleared first). Each call reads from the start. */
  readFolder(folder: Handle, into: Listing): Result;
  close(handle: Handle): Result;

  /**
   * What `name` leads to, links followed wherever they lead: opened for reading, or (`reads` false) pinned. Only for what an option
   * of the operator's asks to be followed.
   */
  openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle;

  // Looking.
  /** lstat of the name bytes[at, at+length) in the folder; the scan's hot call, hence the plain arguments. */
  statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result;
  statHandle(handle: Handle, out: Stat): Result;
  /**
   * lstat of what readFolder has just put into `listing`, if it is sorted by its sorter, from canonical position `from` on: of `most` names,
   * up to the first that is neither a file nor a folder, could be one of ours, or cannot be looked at. Null where names are to be asked for one by one.
   */
  statMany?(folder: Handle, listing: Listing, from: number, most: number): ManySeen | null;
  /** Reads the link's target into `into` (at least 4,096 bytes); returns its length. */
  readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result;
  fileSystem(handle: Handle): FileSystemInfo | Result;
  /** 1 if the folder is marked to take names that differ in case or form as one (ext4 casefold), 0 if it is not, or cannot be. */
  foldsNames(folder: Handle): Result;

  // Content.
  /** Opens a file by OpenMode; `mode` only matters for create. */
  openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle;
  /** From now on files that are opened for reading keep their access times, where this user may ask for that and the system can. */
  readQuietly(): Result;
  /** Reads at the handle's position into `into`; 0 = end. */
  read(handle: Handle, into: Uint8Array): Result;
  readAt(handle: Handle, into: Uint8Array, offset: number): Result;
  /** Writes all of `bytes` at the handle's position, continuing short writes; 0 or a negated errno. */
  writeAll(handle: Handle, bytes: Uint8Array): Result;
  writeAllAt(handle: Handle, bytes: Uint8Array, offset: number): Result;
  truncate(handle: Handle, size: number): Result;
  /** First offset >= from that holds data: -ENXIO (-6) when none is left; -EINVAL (-22) where the file system cannot say. */
  seekData(handle: Handle, from: number): Result;
  /** First hole at or after from (the end of the file counts as one). */
  seekHole(handle: Handle, from: number): Result;
  /** How far an open file or block device can be read, bytes: its size; a negated errno where there is no telling. */
  endOf(handle: Handle): Result;
  /** Makes [offset, offset+length) a hole; -EOPNOTSUPP (-95) where that cannot be done. */
  punchHole(handle: Handle, offset: number, length: number): Result;
  /** Takes space for the first `length` bytes of a file open for writing; its size stays as it is. -EOPNOTSUPP (-95) where that cannot be done. */
  allocate(handle: Handle, length: number): Result;
  /** Whole-file reflink: 0, or a negated errno (not supported, other file system). */
  cloneFile(from: Handle, to: Handle): Result;
  /** copy_file_range by offsets; returns bytes copied (0 at the end of `from`). */
  copyRange(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Result;
  /**
   * The same beside what this thread does; both handles stay open until it settles. What was copied is in the file then, and only then.
   */
  copyRangeBeside(from: Handle, fromOffset: number, to: Handle, toOffset: number, length: number): Promise<Result>;
  /** Flushes the file's (or folder's) content and metadata to the device. An error is told once: a second call says nothing of it. */
  sync(handle: Handle): Result;
  /** The same beside what this thread does; the handle stays open until it settles. Why it failed may be told as -EIO (-5). */
  syncBeside(handle: Handle): Promise<Result>;
  /**
   * Flushes, beside what this thread does, all of the file system that holds the open file or folder. Where `syncsAll`, it fails
   * if anything could not be written since the handle was opened, or since it last said so.
   */
  syncAll(handle: Handle): Promise<Result>;
  /** Has the system begin to write the file's content to the device, without waiting for it; 0 where that cannot be asked for. */
  startSync(handle: Handle): Result;
  /** Bytes of all file systems that the system has yet to write to a device; -1 where it does not say. */
  unwrittenBytes(): number;
  /** Handles that this process may have open at a time. */
  openLimit(): number;

  // Names.
  makeFolder(folder: Handle, name: Uint8Array, mode: number): Result;
  makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result;
  /** mknod for FIFO, socket and devices. */
  makeSpecial(folder: Handle, name: Uint8Array, kind: Kind, mode: number, rdevMajor: number, rdevMinor: number): Result;
  /**
   * Another name for the entry `from`, of any kind but a folder, never through a link; -EEXIST (-17) if the new name exists. Also
   * -EMLINK (-31), -EXDEV (-18), -EPERM (-1) where the file system sets a bound.
   */
  hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result;
  /** rename, replacing what may stand at the new name. */
  rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result;
  /** rename that fails with -EEXIST (-17) if the new name exists. */
  renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result;
  /** Swaps two names of any kinds in one step; -EINVAL (-22) or -ENOSYS (-38) where that cannot be done. */
  exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result;
  unlink(folder: Handle, name: Uint8Array): Result;
  removeFolder(folder: Handle, name: Uint8Array): Result;

  // Metadata, always on a handle. `pin` opens an entry of any kind without following and without touching it (O_PATH);
  // the three setters take such a pinned handle or one of an open file or folder.
  pin(folder: Handle, name: Uint8Array): Handle;
  setMode(handle: Handle, mode: number): Result;
  /** uid or gid -1: leave as it is. */
  setOwner(handle: Handle, uid: number, gid: number): Result;
  /** Sets the modification time; the access time is left as it is. */
  setTimes(handle: Handle, mtimeSec: number, mtimeNs: number): Result;
  /** Sets the access time; the modification time is left as it is. */
  setAccessTime(handle: Handle, atimeSec: number, atimeNs: number): Result;

  // Extended attributes of the entry behind a handle, which may be pinned. A name is raw bytes with its namespace ("user.x").
  /**
   * Bytes that the names of the entry `name` take, asked without opening it: 0 says that it has none. Where this cannot be told so, a
   * negated errno; a handle then may.
   */
  attributesAt(folder: Handle, name: Uint8Array): Result;
  /** All names into `into`, each with a NUL behind it; the bytes filled, or -ERANGE (-34) if there is more. */
  listAttributes(handle: Handle, into: Uint8Array): Result;
  /** The value into `into`; its length, -ENODATA (-61) if there is none, or -ERANGE (-34) if it is longer. */
  getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result;
  /** Makes or replaces the value. */
  setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result;
  removeAttribute(handle: Handle, name: Uint8Array): Result;

  // Locks (flock on the handle), never waiting: 0, or -EWOULDBLOCK (-11). Changing a held lock is not one step: when it
  // fails, the old lock may be gone too and must be taken again.
  lockShared(handle: Handle): Result;
  lockExclusive(handle: Handle): Result;
  unlock(handle: Handle): Result;
}

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  EADDRINUSE: 98,
  ESTALE: 116,
  EACCES: 13,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
  EDQUOT: 122,
} as const;
