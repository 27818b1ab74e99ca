// Which processes of a run still live: every process started with MARK=PLACE in its environment hands it to its children,
// whatever they become. Linux only.

import assert from "node:assert/strict";

const MARK = "TSYNC_TEST_PLACE";

/** The variable that marks a run's processes. */
export function marked(place: string): Record<string, string> {
  return { [MARK]: place };
}

export interface Living {
  pid: number;
  words: string[];
}

/** Live processes that carry the mark of `place`; zombies do not count. */
export function living(place: string): Living[] {
  const found: Living[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`);
      if (!environment.split("\0").includes(`${MARK}=${place}`)) continue;
      if (/^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${name}/status`))) continue;
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      found.push({ pid: Number(name), words: words.slice(0, -1) });
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** The agents among them (not the strace in front of one). */
export function agents(place: string): number[] {
  return living(place).filter(({ words }) => /\/tsync-remote[^/]*$/.test(words[0])).map(({ pid }) => pid);
}

/** Waits until nothing of the run lives; fails after `ms`. Returns how long it took, ms. */
export async function allGone(place: string, ms: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    const rest = living(place);
    const took = performance.now() - start;
    if (rest.length === 0) return took;
    assert.ok(took < ms, `still alive after ${ms} ms: ${JSON.stringify(rest)}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/** Waits for a moment in a run; fails after `ms`, so that a run that ended too early is no endless test. */
export async function waitUntil(isSo: () => boolean, what: string, ms = 20_000): Promise<void> {
  for (const start = performance.now(); !isSo();) {
    assert.ok(performance.now() - start < ms, `waited ${ms} ms in vain: ${what}`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
}
