// Races against a live attacker: names are exchanged with links, FIFOs and devices in a tight loop while runs follow one
// another. Counts the flips (a race without flips proves nothing), and photographs a canary that nothing may touch.

import assert from "node:assert/strict";
import { sync, type Way } from "../fault/ways.ts";
import type { Workload } from "../fault/workload.ts";
import { allGone } from "./processes.ts";
import { LONG } from "./random.ts";
import { exists, run } from "./run.ts";

/** How long an attack lasts, ms. */
export const BUDGET_MS = LONG ? 12_000 : 2_500;
/** Flips below which an attack does not count. */
export const LEAST_FLIPS = LONG ? 10_000 : 500;

/** Runs that an attack must have met. */
const LEAST_ROUNDS = 5;
/** Longer than this nothing is waited for that an attack should have met, ms. */
const MOST_MS = 60_000;

/** How long an attack lasts at least: a time, ms, and until it has met what it is for. */
export interface Duration {
  budgetMs?: number;
  isEnough?: () => boolean;
}

/** Exchanges the first name of each group with the others, as fast as it can, while `body` runs again and again. */
export async function attack(
  place: string,
  groups: readonly string[][],
  body: (round: number) => Promise<void>,
  { budgetMs = BUDGET_MS, isEnough = () => true }: Duration = {},
): Promise<{ flips: number; rounds: number }> {
  const stop = `${place}/stop`;
  const flipper = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-config",
      "--no-lock",
      "--no-check",
      new URL("./flipper.ts", import.meta.url).pathname,
      stop,
    ]
      .concat(groups.map((group) => group.join("="))),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = flipper.output();
  let rounds = 0;
  try {
    const start = performance.now();
    for (let ms = 0; ms < budgetMs || rounds < LEAST_ROUNDS || !isEnough(); ms = performance.now() - start) {
      assert.ok(ms < MOST_MS, `in ${rounds} rounds the attack has not met what it is for`);
      await body(rounds++);
    }
  } finally {
    await Deno.writeTextFile(stop, "");
    await output;
  }
  const { stdout, stderr } = await output;
  await Deno.remove(stop);
  const flips = Number(new TextDecoder().decode(stdout));
  assert.ok(flips >= LEAST_FLIPS, `only ${flips} flips in ${rounds} rounds: ${new TextDecoder().decode(stderr)}`);
  return { flips, rounds };
}

/** What an attack on runs is made of. */
export interface Siege extends Duration {
  work: Workload;
  way: Way;
  /** What nothing may touch. */
  canary: string;
  /** Names that are exchanged: the first of each group with the others. */
  groups: readonly string[][];
  /** Makes work for the round and tells the run's options. */
  prepare: (round: number) => readonly string[] | Promise<readonly string[]>;
  /** Words in front of the client in that round. */
  front?: (round: number) => readonly string[];
  /** Exit codes that a run may end with; default 0, 23 and 24. */
  codes?: readonly number[];
  /** Looks at what a round has left, besides the canary. */
  after?: (round: number, code: number) => void | Promise<void>;
}

/** Attacks the names while runs follow one another: each ends with a code that it may, and the canary stays as it was. */
export async function besiege(siege: Siege): Promise<void> {
  const { work, way, canary, groups, prepare, front, codes = [0, 23, 24], after } = siege;
  const before = await photograph(canary);
  await attack(work.place, groups, async (round) => {
    const options = await prepare(round);
    const fronts = { client: front?.(round) ?? [] };
    const { code, out, err } = await sync(work, way, { options, fronts, timeoutMs: 20_000 });
    assert.ok(codes.includes(code), `round ${round}, exit ${code}: ${err}`);
    assert.equal(await photograph(canary), before, `round ${round}, ${options.join(" ")}: ${out}${err}`);
    await after?.(round, code);
  }, siege);
  await allGone(work.place, 10_000);
}

/** How often both names are looked at, since they are exchanged meanwhile. */
const LOOKS = 8;

/** A name and its counterpart: where a round has not left a link at one and something else at the other, the counterpart is a link again. */
export function setBait(near: string, aside: string, target: string): void {
  const isLink = (path: string) => exists(path) && Deno.lstatSync(path).isSymlink;
  const looks = Array.from({ length: LOOKS }, () => [near, aside]).flat().filter(exists).map(isLink);
  if (looks.includes(true) && looks.includes(false)) return;
  // Without the counterpart nothing is exchanged.
  while (exists(aside)) {
    try {
      Deno.removeSync(aside, { recursive: true });
    } catch {
      // It was another kind of thing a moment ago.
    }
  }
  if (isLink(near)) Deno.removeSync(near);
  Deno.symlinkSync(target, aside);
}

/** Everything below a folder that a stray call would change: inode, mode, owner, size, times, link targets, content. */
export async function photograph(root: string): Promise<string> {
  const entries = await run(["find", root, "-mindepth", "1", "-printf", "%P|%y|%i|%m|%U|%G|%n|%s|%T@|%C@|%l\\n"]);
  const contents = await run(["sh", "-c", `find "$1" -type f -print0 | sort -z | xargs -0 -r sha256sum`, "sh", root]);
  return entries.out.split("\n").sort().join("\n") + contents.out;
}
