// One agent at a time writes for one run. When a link was lost, its agent may not know that yet, or may have been stopped: the next one makes
// sure that it has ended before anything is opened. Called by the agent that is a target, in a run that may be taken up again.

import { TsyncError } from "../lib/base/errors.ts";
import { after, monotonicMs } from "../lib/os/clock.ts";
import { signalBearer, takeName } from "../lib/os/presence.ts";

/** How long a former agent may take to put in order what it has under way, and then to die, ms. */
const ORDERLY_MS = 4000;
const DEATH_MS = 4000;
const LOOK_MS = 20;

/** Resolves when this agent is the run's only one here. Throws TsyncError "timeout" if a former one cannot be ended. */
export async function beTheOne(runName: Uint8Array): Promise<void> {
  if (takeName(runName) !== "borne") return;
  for (const [signal, ms] of [["SIGTERM", ORDERLY_MS], ["SIGKILL", DEATH_MS]] as const) {
    signalBearer(runName, signal);
    for (const end = monotonicMs() + ms; monotonicMs() < end;) {
      await new Promise<void>((resolve) => after(LOOK_MS, resolve));
      if (takeName(runName) !== "borne") return;
    }
  }
  throw new TsyncError({ kind: "timeout", detail: "the agent of the connection that was lost does not end" });
}
