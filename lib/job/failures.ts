// The failures of a run: each once, counted by class, with the paths that another run may try again. Kept by the reporter; shown by the
// command line, noted by failed_paths.ts. Promises: the counts add up to all failures; memory is bounded.

import { latin1 } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import { type Problem, Side, Verb } from "../base/problem.ts";
import { classOf, PROBLEM_CLASSES, type ProblemClass } from "../base/problem_class.ts";
import { Errno, Kind } from "../os/os.ts";
import { splitSource } from "../tree/origins.ts";
import type { JobRequest } from "./request.ts";

/** Failures that are remembered one by one; more are counted. */
export const FAILURES = 100_000;

export class Failures {
  readonly counts: Record<ProblemClass, number> = Object.fromEntries(
    PROBLEM_CLASSES.map((name) => [name, 0]),
  ) as Record<
    ProblemClass,
    number
  >;
  readonly #told = new Set<string>();
  /** Paths of the list, as latin1: what another run would have to look at. */
  readonly #paths = new Set<string>();
  /** There were more than are remembered. */
  isCut = false;

  /** Counts the failure; false if the very same was told before. */
  add(problem: Problem): boolean {
    const { verb, cause, errno, side, path } = problem;
    const name = latin1(path);
    const key = `${verb} ${cause} ${errno} ${side} ${name}`;
    if (this.#told.has(key)) return false;
    this.counts[classOf(problem)]++;
    if (this.#told.size >= FAILURES) this.isCut = true;
    else {
      this.#told.add(key);
      // What could not be deleted is not in the list: only a whole run looks at it again. A name that has no form in the other charset
      // (--iconv) cannot be named either, and an argument that is not there would be passed over.
      const isMissing = verb === Verb.stat && errno === Errno.ENOENT && side === Side.source;
      const isNamed = errno !== Errno.EILSEQ && !isMissing && (side === Side.source || verb !== Verb.remove);
      if (isNamed) this.#paths.add(name);
    }
    return true;
  }

  get paths(): readonly string[] {
    return [...this.#paths];
  }
}

/** Whether the source is one entry that is no folder, by its name, which the target path may name anew. */
export function isSingle({ sources, options }: JobRequest, list: FileList): boolean {
  if (list.count !== 2 || list.kind(1) === Kind.folder) return false;
  return sources.length === 1 && !options.filesFrom && splitSource(sources[0]).only !== null;
}
