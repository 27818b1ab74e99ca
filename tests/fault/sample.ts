// Which of many enumerated cases run: all of them in the long run, else as many as asked, drawn by a seed; and some at a time.

import { firstSeed, LONG, Random } from "../support/random.ts";

/** `count` of the cases by a seed that the caller's name enters, in their order; all of them in the long run. */
export function sampled<T>(cases: readonly T[], count: number, salt = 0): T[] {
  if (LONG || cases.length <= count) return [...cases];
  const random = new Random(firstSeed() + salt);
  const chosen = new Set(random.shuffle(cases.map((_, i) => i)).slice(0, count));
  return cases.filter((_, i) => chosen.has(i));
}

/** Failures after which a long run of cases gives up. */
const ENOUGH = LONG ? 10 : 1;

/** Runs all, `width` at a time; the first failures are thrown as one, after those under way have ended. */
export async function together<T>(cases: readonly T[], width: number, use: (one: T) => Promise<void>): Promise<void> {
  const rest = [...cases];
  const failures: string[] = [];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined && failures.length < ENOUGH; next = rest.shift()) {
      await use(next).catch((error) =>
        failures.push(error instanceof Error ? error.stack ?? error.message : `${error}`)
      );
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}
