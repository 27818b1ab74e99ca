// What kind of trouble a failure is, for counts, programs and whoever decides what to do next. Every problem that is a failure has
// exactly one class, so that counts by class add up.

import { Cause, type Problem, Verb } from "./problem.ts";

export const PROBLEM_CLASSES = ["data", "metadata", "vanished", "denied", "changed", "collision"] as const;
/**
 * data: content or the entry itself did not get there. metadata: it did, but not its owner, mode, times or attributes. vanished: it was
 * gone. denied: permissions or a read-only file system. changed: something else changed it meanwhile. collision: two names are one.
 */
export type ProblemClass = typeof PROBLEM_CLASSES[number];

const METADATA: readonly Verb[] = [Verb.setMode, Verb.setOwner, Verb.setTimes, Verb.readAttributes, Verb.setAttributes];
const CHANGED: readonly Cause[] = [Cause.changed, Cause.targetChanged, Cause.sourceChanged, Cause.reappeared];
const [EPERM, EACCES, EROFS] = [1, 13, 30];

export function classOf({ verb, cause, errno }: Problem): ProblemClass {
  if (cause === Cause.vanished) return "vanished";
  if (cause === Cause.collision) return "collision";
  if (CHANGED.includes(cause)) return "changed";
  if (METADATA.includes(verb)) return "metadata";
  return cause === Cause.system && [EPERM, EACCES, EROFS].includes(errno) ? "denied" : "data";
}
