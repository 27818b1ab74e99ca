// The environment of a real process: the door to the system, its clock, accounts and identity. Called once by lib/job and by
// the agent. From here on the process runs with umask 0, because every mode that is set is the one that is meant.

import { utf8 } from "../base/bytes.ts";
import { type Accounts, openAccounts } from "../os/accounts.ts";
import { openOs } from "../os/choose.ts";
import { after, monotonicMs } from "../os/clock.ts";
import { effectiveUid, env, setUmask } from "../os/process.ts";
import { randomBytes } from "../os/random.ts";
import type { Environment } from "./environment.ts";

/** Longest stretch without a turn for timers and signals, ms. */
const STRETCH_MS = 50;

/** `pace` is asked at each pause: a promise to wait for while the reader of our output is slow. */
export function openEnvironment(pace: () => Promise<void> | undefined): Environment {
  let breathed = monotonicMs();
  const breathe = async () => {
    await new Promise<void>((resolve) => after(0, resolve));
    breathed = monotonicMs();
  };
  const uid = effectiveUid();
  const accounts = lazily(openAccounts);
  return {
    os: openOs(),
    get identity() {
      const groups = accounts().ownGroups();
      return { uid, gid: groups[0], groups: new Set(groups) };
    },
    umask: setUmask(0),
    breathe,
    pause: () => pace() ?? (monotonicMs() - breathed > STRETCH_MS ? breathe() : undefined),
    randomBytes,
    get accounts() {
      return accounts();
    },
    homeFolder: () => utf8(env("HOME") ?? "/"),
  };
}

function lazily(open: () => Accounts): () => Accounts {
  let opened: Accounts | null = null;
  return () => opened ??= open();
}
