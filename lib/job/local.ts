// A local run: both halves in this process, each the other's port. Nothing is encoded; files are handed over as handles.

import type { Digesters } from "../engine/environment.ts";
import type { Environment } from "../engine/environment.ts";
import { randomSeed, seededDigesters } from "../engine/digesters.ts";
import { Helper } from "../engine/helper.ts";
import { SourceHalf } from "../engine/source_half.ts";
import { TargetHalf } from "../engine/target_half.ts";
import type { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import type { SourcePort } from "../session/ports.ts";
import type { Reporter } from "./reporter.ts";
import type { JobRequest } from "./request.ts";

export interface LocalRun {
  env: Environment;
  list: FileList;
  filters: FilterSet;
  reporter: Reporter;
  monitor: Monitor;
  digesters: Digesters | null;
  stop: AbortSignal;
}

/** Entries from which a second thread that reads the target's tree pays (it takes 30 ms to start). */
const LARGE_TREE = 8192;

/** Runs to the end; rejects with what ended it early. */
export async function runLocal(request: JobRequest, run: LocalRun): Promise<void> {
  const { options } = request;
  const { env, list, filters, reporter, monitor, digesters } = run;
  // The halves know each other only as ports; the source's end is tied here once it exists.
  const port = {} as { source: SourceHalf };
  const source: SourcePort = {
    ready: (streaming, trees) => port.source.ready(streaming, trees),
    descend: (differs) => port.source.descend(differs),
    want: (indexes, kind) => port.source.want(indexes, kind),
    signature: (index, head, isLast, records) => port.source.signature(index, head, isLast, records),
    fine: (index, isLast, records) => port.source.fine(index, isLast, records),
    placed: (indexes) => port.source.placed(indexes),
    wantEnd: () => port.source.wantEnd(),
    check: (paths) => port.source.check(paths),
  };
  const helper = env.os.abilities.threads ? new Helper() : undefined;
  const seed = randomSeed();
  const target = new TargetHalf({
    env,
    list,
    options,
    filters,
    events: reporter,
    source,
    trees: helper === undefined ? "not" : { threadSeed: seed },
    usesDelta: false,
    digesters,
    helper,
    path: request.target,
    expected: null,
  });
  port.source = new SourceHalf({
    env,
    list,
    options,
    filters,
    paths: request.sources,
    target,
    digesters: digesters === null ? null : Promise.resolve(digesters),
    isLocal: true,
    localTrees: {
      atLeast: LARGE_TREE,
      begin: (only) => target.expectLargeTree(only),
      hash: async () => (await seededDigesters(seed)).list,
    },
    report: (problem) => reporter.problem(problem),
    listed: (entries, bytes, complete) => monitor.listed(entries, bytes, complete),
  });
  const fail = (error: unknown) => {
    target.fail(error);
    port.source.fail(error);
  };
  run.stop.addEventListener("abort", () => fail(run.stop.reason), { once: true });
  const guarded = (half: Promise<unknown>) =>
    half.catch((error) => {
      fail(error);
      throw error;
    });
  try {
    const ends = await Promise.allSettled([guarded(target.run()), guarded(port.source.run())]);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  } finally {
    port.source.close();
    helper?.close();
  }
}
