// Picks the implementation of Os for this process. Called by the two mains, once per isolate. Promises: FFI where it
// works, Deno's own calls elsewhere; TSYNC_OS=portable asks for the latter.

import { openLinux } from "./linux.ts";
import type { Os } from "./os.ts";
import { patient } from "./patient.ts";
import { openPortable } from "./portable.ts";
import { env } from "./process.ts";

/** `heedsEnvironment`: TSYNC_OS counts. */
export function openOs(heedsEnvironment = true): Os {
  if (heedsEnvironment && env("TSYNC_OS") === "portable") return patient(openPortable());
  try {
    return patient(openLinux());
  } catch {
    // No Linux, no glibc or no permission for FFI.
    return patient(openPortable());
  }
}
