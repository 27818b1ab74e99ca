// The kernel's own confinement of a process (Landlock, Linux 5.19 and newer, where it is switched on): what a served root does in any
// case is refused by the kernel as well. Called by the agent of a served root, once, before it has begun. Promises: either all threads of the
// program that goes on are confined, or none; nothing is confined where the kernel cannot do all that is needed.
//
// Landlock binds the calling thread and what it starts. A runtime has started threads of its own before our first line runs, so the
// program confines its main thread and then becomes itself again (exec): the new one has no thread that is not bound.

import { utf8 } from "../base/bytes.ts";
import { Errno, type Handle, type Result } from "./os.ts";
import { AT_FDCWD, LANDLOCK, O_CLOEXEC, O_PATH } from "./linux_machine.ts";
import { executableImage, executablePath } from "./process.ts";
import { openLibC } from "./symbols.ts";

// Rights of the file system, by number.
const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const TRUNCATE = 1 << 14;
const IOCTL_DEV = 1 << 15;
/** What a rule for something that is no folder may say. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/** Rights the kernel judges, by the version of its interface: before version 2 nothing could move from folder to folder. */
const LEAST_VERSION = 2;
const rights = (version: number): number => (1 << (version >= 5 ? 16 : version >= 3 ? 15 : 14)) - 1;

const PATH_BENEATH = 1;
const PR_SET_NO_NEW_PRIVS = 38n;

/** What any program of ours reads on its way: libraries, who users are, the time zone, how many processors there are. */
const READ_AND_RUN = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
const READ = [
  "/etc/ld.so.cache",
  "/etc/ld.so.preload",
  "/etc/passwd",
  "/etc/group",
  "/etc/nsswitch.conf",
  "/etc/localtime",
  "/usr/share/zoneinfo",
  "/var/lib/sss",
  "/proc/self",
  "/proc/meminfo",
  "/proc/cpuinfo",
  "/proc/sys/vm",
  "/sys/devices/system/cpu",
  "/sys/fs/cgroup",
  "/dev/urandom",
];
const READ_AND_WRITE = ["/dev/null"];

/** Version of the kernel's interface; 0 where there is none. */
export function landlockVersion(): number {
  try {
    return Math.max(0, openLibC().rare.landlock_version(LANDLOCK.createRuleset, null, 0, 1));
  } catch {
    return 0;
  }
}

/**
 * Confines this thread to the folder `root` (`writes`: it may be changed) and becomes this program again with `args`: returns only
 * where that cannot be, a negated errno; -ENOSYS where the kernel does not know how, and nothing has changed then.
 */
export function becomeConfined(root: Handle, writes: boolean, args: readonly string[]): Result {
  // Run from source it would need the source.
  if (!Deno.build.standalone) return -Errno.ENOSYS;
  const confined = confineThread(root, writes);
  return confined < 0 ? confined : become(args);
}

/** Confines this thread, and what it starts from now on; 0, or a negated errno as above. */
export function confineThread(root: Handle, writes: boolean): Result {
  const version = landlockVersion();
  if (version < LEAST_VERSION) return -Errno.ENOSYS;
  const all = rights(version);
  const { rare, look, errno } = openLibC();
  const failed = () => -errno[0];
  const ruleset = rare.landlock_create_ruleset(LANDLOCK.createRuleset, ...rulesetOf(version, all), 0);
  if (ruleset < 0) return failed();
  const allow = (handle: Handle, access: number) => {
    const rule = new Uint8Array(12);
    const view = new DataView(rule.buffer);
    view.setUint32(0, access & all, true);
    view.setInt32(8, handle, true);
    return rare.landlock_add_rule(LANDLOCK.addRule, ruleset, PATH_BENEATH, rule, 0);
  };
  const allowPath = (path: Uint8Array, access: number) => {
    const handle = look.openat(AT_FDCWD, new Uint8Array([...path, 0]), O_PATH | O_CLOEXEC, 0);
    // What is not there need not be allowed.
    if (handle < 0) return 0;
    const result = allow(handle, access) < 0 && errno[0] === Errno.EINVAL ? allow(handle, access & OF_FILES) : 0;
    look.close(handle);
    return result;
  };
  const rules = [
    () => allow(root, writes ? all & ~EXECUTE : READ_FILE | READ_DIR),
    () => allowPath(executableImage(), READ_FILE | EXECUTE),
    ...READ_AND_RUN.map((path) => () => allowPath(utf8(path), READ_FILE | READ_DIR | EXECUTE)),
    ...READ.map((path) => () => allowPath(utf8(path), READ_FILE | READ_DIR)),
    ...READ_AND_WRITE.map((path) => () => allowPath(utf8(path), READ_FILE | WRITE_FILE)),
  ];
  for (const rule of rules) if (rule() < 0) return failed();
  if (rare.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) < 0) return failed();
  const result = rare.landlock_restrict_self(LANDLOCK.restrictSelf, ruleset, 0) < 0 ? failed() : 0;
  look.close(ruleset);
  return result;
}

/**
 * struct landlock_ruleset_attr as far as this version has it: files; TCP, none of which is allowed. Signals and Unix sockets stay as they
 * are: a session that takes up a lost one ends its former agent by them (presence.ts), and accounts may be asked for through a socket.
 */
function rulesetOf(version: number, all: number): [Uint8Array, number] {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, all, true);
  view.setUint32(8, 3, true);
  return [bytes, version >= 4 ? 16 : 8];
}

/** Replaces this process by the same program with `args`; a negated errno if that cannot be. */
function become(args: readonly string[]): Result {
  const { rare, errno } = openLibC();
  const words = [executablePath(), ...args.map(utf8)].map((word) => new Uint8Array([...word, 0]));
  const pointers = new BigUint64Array(words.length + 1);
  words.forEach((word, i) => pointers[i] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(word)));
  rare.execv(new Uint8Array([...executableImage(), 0]), new Uint8Array(pointers.buffer));
  return -errno[0];
}
