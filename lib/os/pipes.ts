// Wider pipes: a pipe holds 64 KiB unless asked for more, so a stream of hundreds of MB/s wakes reader and writer thousands of
// times a second. Called where a bulk stream begins. A wish, never a condition: where it cannot be had, nothing changes.

import { utf8 } from "../base/bytes.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "./linux_machine.ts";
import { openLibC } from "./symbols.ts";

/** The most that an unprivileged process may ask for by default (fs.pipe-max-size). */
const PIPE_BYTES = 1 << 20;
const F_SETPIPE_SZ = 1031;
const O_WRONLY = 1;

/** Our own descriptor, if it is a pipe. */
export function widenPipe(fd: number): void {
  try {
    openLibC().look.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
  } catch {
    // No FFI here: the pipe stays as it is.
  }
}

/** Standard input and output of a child whose other ends are ours. */
export function widenChildPipes(pid: number): void {
  widenByPath(`/proc/${pid}/fd/0`, O_WRONLY);
  widenByPath(`/proc/${pid}/fd/1`, O_RDONLY);
}

function widenByPath(path: string, access: number): void {
  try {
    const { look } = openLibC();
    const fd = look.openat(AT_FDCWD, utf8(path + "\0"), access | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) return;
    look.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    look.close(fd);
  } catch {
    // No FFI here.
  }
}
