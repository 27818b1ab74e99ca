// Which of many enumerated cases run: all of them in the long run, else as many as asked, drawn by a seed; and some at a time.

import { firstSeed, LONG, Random } from "../support/random.ts";

/** `count` of the cases by a seed that the caller's name enters, in their order; all of them in the long run. */
export function sampled<T>(cases: readonly T[], count: number, salt = 0): T[] {
  if (LONG || cases.length <= count) return [...cases];
  const random = new Random(firstSeed() + salt);
  const chosen = new Set(random.shuffle(cases.map((_, i) => i)).slice(0, count));
  return cases.filter((_, i) => chosen.has(i));
}

/** Runs all, `width` at a time; the first failure is thrown after those under way have ended. */
export async function together<T>(cases: readonly T[], width: number, use: (one: T) => Promise<void>): Promise<void> {
  const rest = [...cases];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined && failures.length === 0; next = rest.shift()) {
      await use(next).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (failures.length > 0) throw failures[0];
}
