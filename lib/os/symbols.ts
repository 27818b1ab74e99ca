// The C library's functions that tsync calls, declared for Deno's FFI, and where errno is. Called by linux.ts and the
// other files of lib/os that need libc. Promises: every symbol named here exists in glibc 2.27 (newer system calls
// go through `syscall`), and every declaration stays on FFI's fast path.
//
// Sizes are u32 and results i32 although C says size_t and ssize_t: a Number for a usize would leave the fast path. It is
// safe because callers pass at most `MAX_CALL_BYTES`. 64-bit values (offsets) are i64 and take a BigInt.
//
// Each symbol costs about 0.1 ms when it is opened (machine code is made for it), so the hot ones come in two groups, opened at
// first use, and the rest one by one: a run that finds nothing to do pays for the first group alone.

/** The largest count that one call is asked to move: it fits an i32 with room to spare. */
export const MAX_CALL_BYTES = 0x4000_0000;

// Looking: what every scan needs. syscall(2) has one name here per shape of arguments.
const lookDeclarations = {
  openat: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "u32"], result: "i32" },
  statx: { name: "syscall", parameters: ["u32", "i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  getdents64: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32"], result: "i32" },
  openat2: { name: "syscall", parameters: ["u32", "i32", "buffer", "buffer", "u32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

// Reading and writing content, and changing what most entries need changed.
const changeDeclarations = {
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchown: { parameters: ["i32", "i32", "i32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

// The rest.
const rareDeclarations = {
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "i32"], result: "i32" },
  ioctlInto: { name: "ioctl", parameters: ["i32", "u32", "buffer"], result: "i32" },
  copy_file_range: { parameters: ["i32", "buffer", "i32", "buffer", "u32", "u32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32" },
  sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  flistxattr: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "u32"], result: "i32" },
  fsetxattr: { parameters: ["i32", "buffer", "buffer", "u32", "i32"], result: "i32" },
  fremovexattr: { parameters: ["i32", "buffer"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  listxattr: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  getxattr: { parameters: ["buffer", "buffer", "buffer", "u32"], result: "i32" },
  setxattr: { parameters: ["buffer", "buffer", "buffer", "u32", "i32"], result: "i32" },
  removexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "i32", "i32", "i32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  renameat2: { name: "syscall", parameters: ["u32", "i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  fchmodat2: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32", "i32"], result: "i32" },
  mknodat: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32", "u32"], result: "i32" },
  sched_getattr: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32", "u32"], result: "i32" },
  sched_setattr: { name: "syscall", parameters: ["u32", "i32", "buffer", "u32"], result: "i32" },
  landlock_version: { name: "syscall", parameters: ["u32", "pointer", "u32", "u32"], result: "i32" },
  landlock_create_ruleset: { name: "syscall", parameters: ["u32", "buffer", "u32", "u32"], result: "i32" },
  landlock_add_rule: { name: "syscall", parameters: ["u32", "i32", "u32", "buffer", "u32"], result: "i32" },
  landlock_restrict_self: { name: "syscall", parameters: ["u32", "i32", "u32"], result: "i32" },
  prctl: { parameters: ["i64", "i64", "i64", "i64", "i64"], result: "i32" },
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  pidfd_open: { name: "syscall", parameters: ["u32", "i32", "u32"], result: "i32" },
  pidfd_send_signal: { name: "syscall", parameters: ["u32", "i32", "i32", "i64", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

// User and group names. A size here is a usize given a BigInt: these calls are rare.
const accountDeclarations = {
  getpwnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getpwuid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrgid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  getegid: { parameters: [], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;

// What takes its time, aside from the main thread. errno is that of another thread then: why a call failed is not known.
const besideDeclarations = {
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32", nonblocking: true },
  copy_file_range: {
    parameters: ["i32", "buffer", "i32", "buffer", "u32", "u32"],
    result: "i32",
    nonblocking: true,
  },
  fsync: { parameters: ["i32"], result: "i32", nonblocking: true },
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

type Native<T> = T extends "buffer" ? Uint8Array
  : T extends "i64" | "usize" ? bigint
  : T extends "pointer" ? Deno.PointerValue
  : number;
type NativeList<T extends readonly unknown[]> = { -readonly [K in keyof T]: Native<T[K]> };
/** The functions of a group, with Uint8Array for every buffer. */
type Functions<T extends Record<string, { parameters: readonly unknown[]; result: unknown }>> = {
  readonly [K in keyof T]: (...args: NativeList<T[K]["parameters"]>) => Native<T[K]["result"]>;
};

type Declared<T> = T extends Record<string, { parameters: readonly unknown[]; result: unknown }> ? T : never;

/** libc of this process, and the errno of the thread that opened it: valid on that thread (one isolate) only. */
export class LibC {
  readonly look: Functions<typeof lookDeclarations> = open(lookDeclarations);
  /** errno[0], to be read right after the call that failed. */
  readonly errno: Int32Array;
  #change: Functions<typeof changeDeclarations> | undefined;
  #rare: Functions<typeof rareDeclarations> | undefined;
  #accounts: Functions<typeof accountDeclarations> | undefined;
  #beside: Beside | undefined;

  constructor() {
    const place = this.look.__errno_location();
    if (place === null) throw new Error("libc has no errno");
    this.errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(place, 4));
  }

  get change(): Functions<typeof changeDeclarations> {
    return this.#change ??= open(changeDeclarations);
  }

  get rare(): Functions<typeof rareDeclarations> {
    return this.#rare ??= oneByOne(rareDeclarations);
  }

  get accounts(): Functions<typeof accountDeclarations> {
    return this.#accounts ??= oneByOne(accountDeclarations);
  }

  get beside(): Beside {
    return this.#beside ??= oneByOne(besideDeclarations) as unknown as Beside;
  }
}

type Promised<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never;
type Beside = { readonly [K in keyof typeof besideDeclarations]: Promised<Functions<typeof besideDeclarations>[K]> };

function open<T extends Deno.ForeignLibraryInterface>(declarations: T): Functions<Declared<T>> {
  return Deno.dlopen("libc.so.6", declarations).symbols as unknown as Functions<Declared<T>>;
}

/** Functions that are opened when they are first called. */
function oneByOne<T extends Deno.ForeignLibraryInterface>(declarations: T): Functions<Declared<T>> {
  const functions = {};
  for (const name of Object.keys(declarations)) {
    const get = () => {
      const value = (open({ [name]: declarations[name] }) as Record<string, unknown>)[name];
      Object.defineProperty(functions, name, { value, enumerable: true });
      return value;
    };
    Object.defineProperty(functions, name, { get, configurable: true, enumerable: true });
  }
  return functions as Functions<Declared<T>>;
}

let opened: LibC | undefined;

/** libc, opened once per isolate. Throws where FFI or glibc is missing; the caller then falls back to Deno's own calls. */
export function openLibC(): LibC {
  return opened ??= new LibC();
}

// Run from source there is no start to save, and Deno's test runner reports what a test is the first to open as its leak.
if (!Deno.build.standalone) {
  try {
    const all = openLibC();
    void all.change;
    for (const group of [all.rare, all.accounts, all.beside]) {
      for (const name of Object.getOwnPropertyNames(group)) void Reflect.get(group, name);
    }
  } catch {
    // Without FFI or glibc the portable implementation serves; openLibC says so again to whoever asks.
  }
}
