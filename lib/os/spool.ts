// Standard input as a file that can be read from any place (--read-batch=-): kept in a temporary file without a name. Called by lib/job.

import { denoErrno } from "./deno_errno.ts";
import type { Result } from "./os.ts";
import { fileReader, type OwnFile } from "./own_files.ts";

const STEP_BYTES = 256 << 10;

/** All of standard input, or a negated errno. */
export function spooledInput(): OwnFile | Result {
  try {
    // Made exclusively and for its owner alone.
    const path = Deno.makeTempFileSync({ prefix: "tsync-batch-" });
    const file = Deno.openSync(path, { read: true, write: true });
    Deno.removeSync(path);
    const step = new Uint8Array(STEP_BYTES);
    for (;;) {
      const count = Deno.stdin.readSync(step);
      if (count === null) return fileReader(file);
      for (let done = 0; done < count;) done += file.writeSync(step.subarray(done, count));
    }
  } catch (error) {
    return denoErrno(error);
  }
}
