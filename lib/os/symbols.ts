// The C library's functions that tsync calls, declared for Deno's FFI, and where errno is. Called by linux.ts and the
// other files of lib/os that need libc. Promises: every symbol named here exists in glibc 2.27 (newer system calls
// go through `syscall`), and every declaration stays on FFI's fast path.
//
// Sizes are u32 and results i32 although C says size_t and ssize_t: a Number for a usize would leave the fast path. It is
// safe because callers pass at most `MAX_CALL_BYTES`. 64-bit values (offsets) are i64 and take a BigInt.

/** The largest count that one call is asked to move: it fits an i32 with room to spare. */
export const MAX_CALL_BYTES = 0x4000_0000;

const declarations = {
  openat: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "i32"], result: "i32" },
  copy_file_range: { parameters: ["i32", "buffer", "i32", "buffer", "u32", "u32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "u32"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  fchown: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "i32", "i32", "i32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  // syscall(2) under one name per shape of arguments.
  statx: { name: "syscall", parameters: ["u32", "i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  getdents64: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32"], result: "i32" },
  renameat2: { name: "syscall", parameters: ["u32", "i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  openat2: { name: "syscall", parameters: ["u32", "i32", "buffer", "buffer", "u32"], result: "i32" },
  fchmodat2: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32", "i32"], result: "i32" },
  mknodat: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32", "u32"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Native<T> = T extends "buffer" ? Uint8Array
  : T extends "i64" ? bigint
  : T extends "pointer" ? Deno.PointerValue
  : number;
type NativeList<T extends readonly unknown[]> = { -readonly [K in keyof T]: Native<T[K]> };
/** The functions of `declarations`, with Uint8Array for every buffer. */
export type LibC = {
  readonly [K in keyof typeof declarations]: (
    ...args: NativeList<(typeof declarations)[K]["parameters"]>
  ) => Native<(typeof declarations)[K]["result"]>;
};

/** libc of this process, and the errno of the thread that opened it: valid on that thread (one isolate) only. */
export interface OpenLibC {
  readonly c: LibC;
  /** errno[0], to be read right after the call that failed. */
  readonly errno: Int32Array;
}

let opened: OpenLibC | undefined;

/**
 * libc, opened once per isolate. Throws where FFI or glibc is missing; the caller then falls back to Deno's own calls.
 */
export function openLibC(): OpenLibC {
  if (opened !== undefined) return opened;
  const c = Deno.dlopen("libc.so.6", declarations).symbols as unknown as LibC;
  const place = c.__errno_location();
  if (place === null) throw new Error("libc has no errno");
  opened = { c, errno: new Int32Array(Deno.UnsafePointerView.getArrayBuffer(place, 4)) };
  return opened;
}
