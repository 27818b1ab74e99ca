// Files of the operator's that a program adds lines to (--log-file, --json), and open descriptors that it was given for that.
// Called by the command line. Promises: what is there stays, each write goes behind it; a link at the last place of a path is
// followed only if it is ours or root's, checked on the link that is open.

import { concatBytes } from "../base/bytes.ts";
import { openOs } from "./choose.ts";
import { AT_FDCWD, linuxMachine, O_CLOEXEC, O_CREAT, O_NOCTTY, O_NONBLOCK, O_PATH } from "./linux_machine.ts";
import { badPath, putPath } from "./names.ts";
import { Errno, Kind, type Result, Stat } from "./os.ts";
import { effectiveUid, hostMachine } from "./process.ts";
import { MAX_CALL_BYTES, openLibC } from "./symbols.ts";

const O_WRONLY = 1;
const O_APPEND = 0o2000;
const F_GETFD = 1;
const FD_CLOEXEC = 1;
const MOST_LINKS = 8;
const SLASH = 0x2f;
const POLLOUT = 4;
/** What a pipe that can take something takes without waiting (PIPE_BUF): our thread must not hang for a slow reader. */
const PIPE_BYTES = 4096;

export interface AppendFile {
  /** Writes all of `bytes`; rejects with an Error that names the system's reason as `errno`. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

export class AppendError extends Error {
  constructor(readonly errno: number) {
    super(`errno ${errno}`);
  }
}

/** Opens the file at `path`, made with the user's umask if it is not there; a negated errno. */
export function openAppend(path: Uint8Array): AppendFile | Result {
  let at = path;
  for (let link = 0; link <= MOST_LINKS; link++) {
    const opened = openLast(at);
    if (opened !== -Errno.ELOOP) return opened < 0 ? opened : fileOf(opened, true);
    const target = targetOfOwnLink(at);
    if (typeof target === "number") return target;
    at = target[0] === SLASH ? target : concatBytes(at.subarray(0, at.lastIndexOf(SLASH) + 1), target);
  }
  return -Errno.ELOOP;
}

/** The open descriptor `fd`, which stays open; -EBADF if we were not given one: those of the runtime close when a program starts. */
export function appendTo(fd: number): AppendFile | Result {
  const flags = openLibC().look.fcntl(fd, F_GETFD, 0);
  return flags < 0 || (flags & FD_CLOEXEC) !== 0 ? -Errno.EBADF : fileOf(fd, false);
}

function openLast(path: Uint8Array): Result {
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o666);
}

/** What the link at `path` says, if it belongs to us or root; else -EPERM. */
function targetOfOwnLink(path: Uint8Array): Uint8Array | Result {
  const { look, errno } = openLibC();
  const pin = open(path, O_PATH, 0);
  if (pin < 0) return pin;
  try {
    const stat = new Stat();
    const looked = openOs().statHandle(pin, stat);
    if (looked < 0) return looked;
    if (stat.kind !== Kind.link || (stat.uid !== 0 && stat.uid !== effectiveUid())) return -Errno.EPERM;
    const target = new Uint8Array(4096);
    const length = look.readlinkat(pin, new Uint8Array(1), target, target.length);
    return length < 0 ? -errno[0] : target.subarray(0, length);
  } finally {
    look.close(pin);
  }
}

function open(path: Uint8Array, how: number, mode: number): Result {
  const flags = how | O_CLOEXEC | linuxMachine(hostMachine())!.O_NOFOLLOW;
  const { look, errno } = openLibC();
  const bytes = new Uint8Array(4097);
  if (!putPath(bytes, path)) return badPath(path);
  for (;;) {
    const fd = look.openat(AT_FDCWD, bytes, flags, mode);
    if (fd >= 0) return fd;
    if (errno[0] !== Errno.EINTR) return -errno[0];
  }
}

function fileOf(fd: number, isOurs: boolean): AppendFile {
  const c = openLibC();
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        if (!isOurs) await c.beside.poll(pollFor(fd), 1, -1);
        const piece = bytes.subarray(done, done + (isOurs ? MAX_CALL_BYTES : PIPE_BYTES));
        const count = c.change.write(fd, piece, piece.length);
        const error = count < 0 ? c.errno[0] : 0;
        if (count >= 0) done += count;
        else if (error === Errno.EAGAIN) await c.beside.poll(pollFor(fd), 1, -1);
        else if (error !== Errno.EINTR) throw new AppendError(error);
      }
    },
    close() {
      if (isOurs) c.look.close(fd);
    },
  };
}

function pollFor(fd: number): Uint8Array {
  const request = new DataView(new ArrayBuffer(8));
  request.setInt32(0, fd, true);
  request.setInt16(4, POLLOUT, true);
  return new Uint8Array(request.buffer);
}
