// The guards before deletions: a source that lists nothing, and too many entries that would go. Asked by the deleter when all is counted, before
// anything goes. Promises: a refusal is a TsyncError "guard" that says what to do if this is meant.

import { TsyncError } from "../base/errors.ts";
import type { SyncOptions } from "../base/options.ts";
import type { TargetState } from "./target_state.ts";

/** Refuse when both are passed. */
const GUARD_COUNT = 100;
const GUARD_SHARE = 0.5;

/** The source half refuses an empty source by itself; a source that says it is empty and complete is not taken at its word. */
export function refuseEmptySource({ list, options }: TargetState): TsyncError | null {
  if (list.count > 1 || options.allowEmptySource || options.noGuard) return null;
  return new TsyncError({
    kind: "guard",
    detail: "the source listed nothing, and --delete would delete everything at the target: nothing was deleted; " +
      "check that it is mounted; if this is meant, say --allow-empty-source",
  });
}

/** `count` is asked for what would go, folders' content included, and how many entries the target has in all, if that matters. */
export function refuseMany(options: SyncOptions, count: () => { doomed: number; all: number }): TsyncError | null {
  if (options.noGuard && options.deleteLimit === null) return null;
  const { doomed: extra, all } = count();
  const doomed = options.maxDelete < 0 ? extra : Math.min(extra, options.maxDelete);
  const limit = options.deleteLimit;
  const share = all === 0 ? 0 : doomed / all;
  const over = limit === null
    ? doomed > GUARD_COUNT && share > GUARD_SHARE
    : "count" in limit
    ? doomed > limit.count
    : share * 100 > limit.percent;
  if (!over) return null;
  return new TsyncError({
    kind: "guard",
    detail:
      `refusing to delete ${doomed} of ${all} entries at the target (${
        Math.round(share * 100)
      } %): nothing was deleted; ` +
      `if this is meant, say --delete-limit=${doomed} (or --delete-limit=100%, or --no-guard)`,
  });
}
