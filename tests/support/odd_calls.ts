// libc as linux.ts sees it, made unhelpful: interrupted calls, short writes, system calls that do not exist. Used by the
// contract of Os.

import type { LinuxCalls } from "../../lib/os/linux.ts";
import { Errno } from "../../lib/os/os.ts";
import { openLibC } from "../../lib/os/symbols.ts";

// deno-lint-ignore no-explicit-any -- one shape for functions of all signatures
type AnyCall = (...args: any[]) => any;
type Groups = Record<"look" | "change" | "rare", Record<string, AnyCall>>;

function withCalls(replace: (name: string, call: AnyCall, errno: Int32Array) => AnyCall): LinuxCalls {
  const real = openLibC();
  const groups: Groups = { look: {}, change: {}, rare: {} };
  for (const group of ["look", "change", "rare"] as const) {
    for (const [name, call] of Object.entries(real[group])) {
      groups[group][name] = replace(name, call as AnyCall, real.errno);
    }
  }
  return { ...groups, beside: real.beside, errno: real.errno } as unknown as LinuxCalls;
}

/** Calls that linux.ts says it repeats. */
const REPEATED = new Set(
  ("openat read write pread pwrite readlinkat statx getdents64 openat2 ftruncate fchmod fchown futimens fallocate ioctl " +
    "copy_file_range fsync fstatfs fchownat").split(" "),
);

/** Every first call is interrupted before it does anything, every second one goes through; writes take at most 4,000 bytes. */
export function interruptedCalls(): LinuxCalls {
  return withCalls((name, call, errno) => {
    if (!REPEATED.has(name)) return call;
    let turn = 0;
    return (...args) => {
      if (turn++ % 2 === 0) {
        errno[0] = Errno.EINTR;
        return -1;
      }
      if (name === "write" || name === "pwrite") args[2] = Math.min(args[2], 4000);
      return call(...args);
    };
  });
}

/**
 * The kernel before openat2 (5.6), fchmodat2 (6.6), utimensat with an empty path (5.8) and, for ENOSYS, renameat2;
 * `refusal` is what it says: ENOSYS, or a sandbox's EPERM.
 */
export function oldKernelCalls(refusal: number): LinuxCalls {
  return withCalls((name, call, errno) => {
    const refuse = (error: number) => {
      errno[0] = error;
      return -1;
    };
    if (name === "openat2" || name === "fchmodat2") return () => refuse(refusal);
    if (name === "renameat2" && refusal === Errno.ENOSYS) return () => refuse(refusal);
    if (name !== "utimensat") return call;
    return (...args) => args[1][0] === 0 ? refuse(Errno.EINVAL) : call(...args);
  });
}
