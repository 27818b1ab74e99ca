// Races against a live attacker: names are exchanged with links, FIFOs and devices in a tight loop while runs follow one
// another. Counts the flips (a race without flips proves nothing), and photographs a canary that nothing may touch.

import assert from "node:assert/strict";
import { LONG } from "./random.ts";
import { run } from "./run.ts";

/** How long an attack lasts, ms. */
export const BUDGET_MS = LONG ? 12_000 : 2_500;
/** Flips below which an attack does not count. */
export const LEAST_FLIPS = LONG ? 10_000 : 500;

/** Runs that an attack must have met. */
const LEAST_ROUNDS = 5;

/** Exchanges the first name of each group with the others, as fast as it can, while `body` runs again and again. */
export async function attack(
  place: string,
  groups: readonly string[][],
  body: (round: number) => Promise<void>,
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
  let rounds = 0;
  try {
    for (const start = performance.now(); performance.now() - start < BUDGET_MS || rounds < LEAST_ROUNDS;) {
      await body(rounds++);
    }
  } finally {
    await Deno.writeTextFile(stop, "");
  }
  const { stdout, stderr } = await flipper.output();
  await Deno.remove(stop);
  const flips = Number(new TextDecoder().decode(stdout));
  assert.ok(flips >= LEAST_FLIPS, `only ${flips} flips in ${rounds} rounds: ${new TextDecoder().decode(stderr)}`);
  return { flips, rounds };
}

/** Everything below a folder that a stray call would change: inode, mode, owner, size, times, link targets, content. */
export async function photograph(root: string): Promise<string> {
  const entries = await run(["find", root, "-mindepth", "1", "-printf", "%P|%y|%i|%m|%U|%G|%n|%s|%T@|%C@|%l\\n"]);
  const contents = await run(["sh", "-c", `find "$1" -type f -print0 | sort -z | xargs -0 -r sha256sum`, "sh", root]);
  return entries.out.split("\n").sort().join("\n") + contents.out;
}
