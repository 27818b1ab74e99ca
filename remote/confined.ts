// The second wall of a served root: the process itself is confined by the kernel, where it knows how (Linux 5.19 with Landlock). Loaded
// by agent.ts in the first process of `serve --root`. Promises: returns only where the kernel does not know how, or the root is not there;
// ServedOs stands in any case.

import { errnoText } from "../lib/base/errno.ts";
import { TsyncError } from "../lib/base/errors.ts";
import { utf8 } from "../lib/base/bytes.ts";
import { becomeConfined } from "../lib/os/landlock.ts";
import { openOs } from "../lib/os/choose.ts";
import { Errno } from "../lib/os/os.ts";
import { CONFINED, type Served } from "./serve_words.ts";

/** `words`: the agent's own. Throws TsyncError "start" where the kernel knows how and yet it fails: half confined nothing is served. */
export function confineProcess({ root, powers }: Served, words: readonly string[]): void {
  const os = openOs(false);
  const handle = os.openRoot(utf8(root));
  if (handle < 0) return;
  const result = becomeConfined(handle, powers.writes, [...words, CONFINED]);
  os.close(handle);
  if (result === -Errno.ENOSYS) return;
  throw new TsyncError({ kind: "start", detail: `this process cannot be confined: ${errnoText(-result)}` });
}
