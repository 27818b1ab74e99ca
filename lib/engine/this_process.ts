// The environment of a real process: the door to the system, its clock, accounts and identity. Called once by lib/job and by
// the agent. From here on the process runs with umask 0, because every mode that is set is the one that is meant.

import { utf8 } from "../base/bytes.ts";
import { openAccounts } from "../os/accounts.ts";
import { openOs } from "../os/choose.ts";
import { monotonicMs, nextTurn, wallSeconds } from "../os/clock.ts";
import { effectiveUid, env, setUmask, workingFolder } from "../os/process.ts";
import { randomBytes } from "../os/random.ts";
import type { Environment } from "./environment.ts";

/**
 * Longest stretch without a turn for timers, signals and input, ms. Shorter at first, a quarter of the time since the start: the peer
 * is measuring the link's round trip, and our own haste would be part of it.
 */
const STRETCH_MS = 50;
const FIRST_STRETCH_MS = 2;

export interface ProcessHooks {
  /** Asked at each pause: a promise to wait for while the reader of our output is slow. */
  pace?: () => Promise<void> | undefined;
  /** Told at each breath: work goes on, though no message shows it. */
  worked?: () => void;
}

export function openEnvironment({ pace, worked }: ProcessHooks): Environment {
  const started = monotonicMs();
  let breathed = started;
  let stretch = FIRST_STRETCH_MS;
  const breathe = async () => {
    await nextTurn();
    breathed = monotonicMs();
    stretch = Math.min(STRETCH_MS, FIRST_STRETCH_MS + (breathed - started) / 4);
    worked?.();
  };
  const uid = effectiveUid();
  const accounts = lazily(openAccounts);
  const identity = lazily(() => {
    const groups = accounts().ownGroups();
    return { uid, gid: groups[0], groups: new Set(groups) };
  });
  return {
    os: openOs(),
    get identity() {
      return identity();
    },
    umask: setUmask(0),
    breathe,
    pause: () => pace?.() ?? (monotonicMs() - breathed > stretch ? breathe() : undefined),
    now: monotonicMs,
    wallSeconds,
    randomBytes,
    get accounts() {
      return accounts();
    },
    workingFolder,
    homeFolder: () => utf8(env("HOME") ?? "/"),
  };
}

function lazily<T>(open: () => T): () => T {
  let opened: T | undefined;
  return () => opened ??= open();
}
