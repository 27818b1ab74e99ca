// The numbers in which Linux on x86-64 and on arm64 differ, and those they share. Read by linux.ts and schedule.ts.
// They come from the kernel's uapi headers; the contract suite fails on a machine where one of them is wrong.

/** System call numbers and open flags of one machine type. */
export interface LinuxMachine {
  readonly statx: number;
  readonly getdents64: number;
  readonly renameat2: number;
  readonly openat2: number;
  readonly fchmodat2: number;
  readonly mknodat: number;
  readonly sched_setattr: number;
  readonly sched_getattr: number;
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
}

const machines: Record<string, LinuxMachine> = {
  x86_64: {
    statx: 332,
    getdents64: 217,
    renameat2: 316,
    openat2: 437,
    fchmodat2: 452,
    mknodat: 259,
    sched_setattr: 314,
    sched_getattr: 315,
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
  },
  aarch64: {
    statx: 291,
    getdents64: 61,
    renameat2: 276,
    openat2: 437,
    fchmodat2: 452,
    mknodat: 33,
    sched_setattr: 274,
    sched_getattr: 275,
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
  },
};

/** The table for `arch` as Deno.build.arch names it, or undefined where none is known. */
export function linuxMachine(arch: string): LinuxMachine | undefined {
  return machines[arch];
}

// System calls whose numbers both machines share.
export const PIDFD_OPEN = 434;
export const PIDFD_SEND_SIGNAL = 424;

// Sockets, on both machines.
export const AF_UNIX = 1;
export const SOCK_STREAM = 1;
export const SOL_SOCKET = 1;
export const SO_PEERCRED = 17;

// Open flags that both machines share.
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

// Flags of the *at calls.
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;

export const STATX_BASIC_STATS = 0x7ff;

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** System calls of Landlock: the same numbers on both machines. */
export const LANDLOCK = { createRuleset: 444, addRule: 445, restrictSelf: 446 } as const;

// openat2's resolve: NO_MAGICLINKS | NO_SYMLINKS | BENEATH.
export const RESOLVE_CONFINED = 0x02 | 0x04 | 0x08;

// NO_MAGICLINKS | BENEATH.
export const RESOLVE_INSIDE = 0x02 | 0x08;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const FALLOC_PUNCH_HOLE_KEEP_SIZE = 0x03;
export const FALLOC_KEEP_SIZE = 0x01;
/** ioctl number of FICLONE: the same on both machines. */
export const FICLONE = 0x40049409;
/** Of FS_IOC_GETFLAGS, and the flag of a folder that folds names. */
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_CASEFOLD_FL_BYTE_3 = 0x40;
export const UTIME_OMIT = 0x3ffffffe;

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

/** setrlimit's number of open files, the same on both machines. */
export const RLIMIT_NOFILE = 7;
/** sync_file_range: begin to write, wait for nothing. */
export const SYNC_FILE_RANGE_WRITE = 2;

/** Whether a release ("6.1.0-13-amd64") is of this version or a later one. */
export function isKernelFrom(release: string, major: number, minor: number): boolean {
  const [ownMajor, ownMinor] = release.split(".").map((part) => parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
