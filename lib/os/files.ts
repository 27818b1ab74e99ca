// Small whole files that the operator names (rule files, lists) and standard input, read at once. Called by the command
// line and deployment, never for entries below a root. Promises: links are followed, as for any program's input file; at
// most `limit` bytes are held.

import { concatBytes } from "../base/bytes.ts";
import { Errno, type Result } from "./os.ts";
import { badPath, putPath } from "./names.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "./linux_machine.ts";
import { openLibC } from "./symbols.ts";
import { denoErrno, textOfName } from "./deno_errno.ts";

const STEP_BYTES = 64 * 1024;

/** The content of the file at `path`, or a negated errno; -EFBIG if it has more than `limit` bytes. A FIFO is read to its end. */
export function readWholeFile(path: Uint8Array, limit: number): Uint8Array | Result {
  try {
    return readByLibC(path, limit);
  } catch {
    return readByDeno(path, limit);
  }
}

/** Standard input to its end, or a negated errno; -EFBIG if there are more than `limit` bytes. */
export function readWholeStdin(limit: number): Uint8Array | Result {
  return collect(limit, (into) => {
    try {
      return Deno.stdin.readSync(into) ?? 0;
    } catch (error) {
      return denoErrno(error);
    }
  });
}

function readByLibC(path: Uint8Array, limit: number): Uint8Array | Result {
  const { look, errno } = openLibC();
  const bytes = new Uint8Array(4096);
  if (!putPath(bytes, path)) return badPath(path);
  const retried = (call: () => number) => {
    for (;;) {
      const result = call();
      if (result >= 0) return result;
      const error = errno[0];
      if (error !== Errno.EINTR) return -error;
    }
  };
  const fd = retried(() => look.openat(AT_FDCWD, bytes, O_RDONLY | O_CLOEXEC, 0));
  if (fd < 0) return fd;
  const content = collect(limit, (into) => retried(() => look.read(fd, into, into.length)));
  look.close(fd);
  return content;
}

function readByDeno(path: Uint8Array, limit: number): Uint8Array | Result {
  const text = textOfName(path);
  if (text === null) return -Errno.EILSEQ;
  try {
    using file = Deno.openSync(text);
    return collect(limit, (into) => file.readSync(into) ?? 0);
  } catch (error) {
    return denoErrno(error);
  }
}

function collect(limit: number, read: (into: Uint8Array<ArrayBuffer>) => number): Uint8Array | Result {
  const parts: Uint8Array[] = [];
  for (let size = 0; size <= limit;) {
    const step = new Uint8Array(STEP_BYTES);
    const count = read(step);
    if (count < 0) return count;
    if (count === 0) return concatBytes(...parts);
    size += count;
    parts.push(step.subarray(0, count));
  }
  return -Errno.EFBIG;
}
