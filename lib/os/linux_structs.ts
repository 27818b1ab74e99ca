// The kernel's structures as bytes: statx, linux_dirent64, statfs, timespec, open_how. Called by linux.ts.
// Promises: nothing outside the bytes the kernel filled is read, and a malformed record is an errno, never a wrong entry.
// Both machines are little-endian and share these layouts.

import { Errno, type FileSystemInfo, type Listing, type Result, type Stat } from "./os.ts";
import { NAME_MAX } from "./names.ts";
import { UTIME_OMIT } from "./linux_machine.ts";

const HIGH = 0x1_0000_0000;

/** A buffer for struct statx and its way into a Stat. */
export class StatxBuffer {
  readonly bytes: Uint8Array = new Uint8Array(256);
  readonly #u32: Uint32Array = new Uint32Array(this.bytes.buffer);
  readonly #i32: Int32Array = new Int32Array(this.bytes.buffer);

  into(out: Stat): void {
    const u = this.#u32;
    const i = this.#i32;
    const mode = u[7] & 0xffff;
    out.kind = mode >>> 12;
    out.mode = mode & 0o7777;
    out.nlink = u[4];
    out.uid = u[5];
    out.gid = u[6];
    out.inoLow = u[8];
    out.inoHigh = u[9];
    out.size = u[11] * HIGH + u[10];
    out.allocated = (u[13] * HIGH + u[12]) * 512;
    out.ctimeSec = i[25] * HIGH + u[24];
    out.ctimeNs = u[26];
    out.atimeSec = i[17] * HIGH + u[16];
    out.atimeNs = u[18];
    out.mtimeSec = i[29] * HIGH + u[28];
    out.mtimeNs = u[30];
    out.rdevMajor = u[32];
    out.rdevMinor = u[33];
    out.devMajor = u[34];
    out.devMinor = u[35];
  }
}

const DIRENT_NAME = 19;

/**
 * Appends the records in bytes[0, filled) to `into`, "." and ".." left out. 0, or -EIO for a malformed record, or
 * -ENAMETOOLONG for a name that a Listing cannot hold (some foreign file systems allow more than 255 bytes).
 */
export function takeDirents(bytes: Uint8Array, filled: number, into: Listing): Result {
  if (filled > bytes.length) return -Errno.EIO;
  for (let at = 0; at < filled;) {
    if (at + DIRENT_NAME >= filled) return -Errno.EIO;
    const end = at + (bytes[at + 16] | (bytes[at + 17] << 8));
    const start = at + DIRENT_NAME;
    if (end <= start || end > filled) return -Errno.EIO;
    let stop = start;
    while (stop < end && bytes[stop] !== 0) {
      if (bytes[stop] === 0x2f) return -Errno.EIO;
      stop++;
    }
    const length = stop - start;
    if (stop === end || length === 0) return -Errno.EIO;
    if (length > NAME_MAX) return -Errno.ENAMETOOLONG;
    const dots = bytes[start] === 0x2e && (length === 1 || (length === 2 && bytes[start + 1] === 0x2e));
    // d_type uses the numbers of Kind (0 unknown); 14 is a whiteout, which stat will tell.
    if (!dots) into.add(bytes, start, length, bytes[at + 18] > 12 ? 0 : bytes[at + 18]);
    at = end;
  }
  return 0;
}

/** A buffer for struct statfs. */
export class StatfsBuffer {
  readonly bytes: Uint8Array = new Uint8Array(256);
  readonly #u32: Uint32Array = new Uint32Array(this.bytes.buffer);

  info(): FileSystemInfo {
    const word = (i: number) => this.#u32[2 * i + 1] * HIGH + this.#u32[2 * i];
    // Words: type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize. Blocks are counted in frsize.
    const blockBytes = word(9) || word(1);
    return {
      type: this.#u32[0],
      id: word(7) === 0
        ? ""
        : [this.#u32[15], this.#u32[14]].map((half) => half.toString(16).padStart(8, "0")).join(""),
      totalBytes: word(2) * blockBytes,
      rootFreeBytes: word(3) * blockBytes,
      freeBytes: word(4) * blockBytes,
      totalInodes: word(5),
      freeInodes: word(6),
    };
  }
}

/** Two timespecs for utimensat, one of which is left as it is; false for a time that the system could not keep. */
export class TimesBuffer {
  readonly bytes: Uint8Array = new Uint8Array(32);
  readonly #u32: Uint32Array = new Uint32Array(this.bytes.buffer);

  setModification(sec: number, ns: number): boolean {
    return this.#set(4, sec, ns);
  }

  setAccess(sec: number, ns: number): boolean {
    return this.#set(0, sec, ns);
  }

  #set(at: number, sec: number, ns: number): boolean {
    // Nanoseconds above 999,999,999 hold the kernel's commands UTIME_NOW and UTIME_OMIT.
    if (!Number.isSafeInteger(sec) || !(ns >= 0 && ns <= 999_999_999)) return false;
    const u = this.#u32;
    u[6 - at] = UTIME_OMIT;
    u[at] = sec;
    u[at + 1] = Math.floor(sec / HIGH);
    u[at + 2] = ns;
    return true;
  }
}

/** struct open_how for openat2. */
export class OpenHowBuffer {
  readonly bytes: Uint8Array = new Uint8Array(24);

  constructor(flags: number, resolve: number) {
    const u = new Uint32Array(this.bytes.buffer);
    u[0] = flags;
    u[4] = resolve;
  }
}

/** One off_t in memory, for copy_file_range. */
export class OffsetBuffer {
  readonly bytes: Uint8Array = new Uint8Array(8);
  readonly #u32: Uint32Array = new Uint32Array(this.bytes.buffer);

  set(offset: number): void {
    this.#u32[0] = offset;
    this.#u32[1] = Math.floor(offset / HIGH);
  }
}
