// Deno's exceptions as errno, and names as text, for the files of lib/os that use Deno's own calls. Promises: every
// exception of the system becomes a negated errno; a name that text cannot carry is refused, never changed.

import { Errno, type Result } from "./os.ts";

const byClass: [new (message?: string) => Error, number][] = [
  [Deno.errors.NotFound, Errno.ENOENT],
  [Deno.errors.AlreadyExists, Errno.EEXIST],
  [Deno.errors.PermissionDenied, Errno.EACCES],
  [Deno.errors.NotCapable, Errno.EPERM],
  [Deno.errors.NotADirectory, Errno.ENOTDIR],
  [Deno.errors.IsADirectory, Errno.EISDIR],
  [Deno.errors.FilesystemLoop, Errno.ELOOP],
  [Deno.errors.WouldBlock, Errno.EAGAIN],
  [Deno.errors.Interrupted, Errno.EINTR],
  [Deno.errors.BrokenPipe, Errno.EPIPE],
  [Deno.errors.NotSupported, Errno.EOPNOTSUPP],
  [Deno.errors.BadResource, Errno.EBADF],
  [Deno.errors.InvalidData, Errno.EINVAL],
];

/** The negated errno of an exception that a call of Deno or node:fs threw. What the system did not cause is thrown on: it is our mistake. */
export function denoErrno(error: unknown): Result {
  if (!(error instanceof Error)) throw error;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && code in Errno) return -Errno[code as keyof typeof Errno];
  const number = /\(os error (\d+)\)/.exec(error.message);
  if (number !== null && Deno.build.os === "linux") return -Number(number[1]);
  for (const [kind, errno] of byClass) if (error instanceof kind) return -errno;
  if (number !== null) return -Errno.EIO;
  throw error;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The name as text, or null if it is not UTF-8. */
export function textOfName(name: Uint8Array): string | null {
  try {
    return decoder.decode(name);
  } catch {
    return null;
  }
}
