// A local run: both halves in this process, each the other's port. Nothing is encoded; files are handed over as handles.

import type { Digesters } from "../engine/environment.ts";
import type { Environment } from "../engine/environment.ts";
import { randomSeed, seededDigesters } from "../engine/digesters.ts";
import { accountRules } from "../engine/account_rules.ts";
import { openTrashOs } from "../engine/open_trash.ts";
import { linkFollower } from "../engine/link_follower.ts";
import { Helper } from "../engine/helper.ts";
import { SourceHalf } from "../engine/source_half.ts";
import { TargetHalf } from "../engine/target_half.ts";
import type { SourcePort } from "../session/ports.ts";
import type { JobRun } from "./job_run.ts";
import type { JobRequest } from "./request.ts";

export interface LocalRun extends JobRun {
  /** The target's; left out: the same. */
  targetEnv?: Environment;
  digesters: Digesters | null;
}

/** Entries from which a second thread that reads the target's tree pays (it takes 30 ms to start). */
const LARGE_TREE = 8192;

/** Runs to the end; rejects with what ended it early. */
export async function runLocal(request: JobRequest, run: LocalRun): Promise<void> {
  const { options } = request;
  const { env, targetEnv = env, list, filters, changeMode, reporter, monitor } = run;
  const recording = run.recording ?? null;
  const isLimited = options.bwlimitKib > 0;
  // A run that keeps to a rate (--bwlimit) or is recorded passes content, not files, and so can say what it is.
  const isPassed = isLimited || recording !== null;
  const seed = randomSeed();
  const digesters = run.digesters ?? (isPassed ? await seededDigesters(seed) : null);
  const sent = isPassed ? await seededDigesters(digesters!.seed) : digesters;
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
  if (options.listOnly) return await listLocal(request, run);
  const helper = env.os.abilities.threads && targetEnv.os.abilities.threads && !isPassed ? new Helper() : undefined;
  const target = new TargetHalf({
    env: targetEnv,
    list,
    options: request.peerOptions ?? options,
    filters,
    events: reporter,
    source,
    trees: helper === undefined ? "not" : { threadSeed: seed },
    usesDelta: recording !== null,
    digesters,
    helper,
    accountRules: await accountRules(options, targetEnv, true),
    localSources: request.sources,
    trash: await openTrashOs(request.peerOptions ?? options, targetEnv),
    path: request.target,
    expected: null,
  });
  if (recording !== null) recording.seed = digesters!.seed;
  const recorded = recording?.wrap(target) ?? target;
  port.source = new SourceHalf({
    env,
    list,
    options,
    filters,
    paths: request.sources,
    names: request.names === null ? null : Promise.resolve(request.names),
    target: isLimited ? (await import("./limited.ts")).limitedTarget(recorded, options.bwlimitKib) : recorded,
    digesters: sent === null ? null : Promise.resolve(sent),
    isLocal: !isPassed,
    targetPath: request.target,
    changeMode,
    follower: await linkFollower(options, env),
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
    port.source.endedWell();
  } finally {
    port.source.close();
    helper?.close();
  }
}

/** --list-only: the source half, and a target that takes its list and nothing else. */
async function listLocal(
  request: JobRequest,
  { env, list, filters, reporter, monitor, stop }: LocalRun,
): Promise<void> {
  const { ListTarget } = await import("../engine/list_target.ts");
  const port = {} as { source: SourceHalf };
  const ignore = () => undefined;
  const target = new ListTarget({
    list,
    events: reporter,
    source: {
      ready: (streaming, trees) => port.source.ready(streaming, trees),
      wantEnd: () => port.source.wantEnd(),
      placed: (indexes) => port.source.placed(indexes),
      ...{ descend: ignore, want: ignore, signature: ignore, fine: ignore, check: ignore },
    },
    removes: request.options.partialsOnly && request.options.removeSourceFiles,
  });
  port.source = new SourceHalf({
    ...{ env, list, options: request.options, filters, paths: request.sources, target, digesters: null, isLocal: true },
    report: (problem) => reporter.problem(problem),
    listed: (entries, bytes, complete) => monitor.listed(entries, bytes, complete),
  });
  const fail = (error: unknown) => {
    target.fail(error);
    port.source.fail(error);
  };
  stop.addEventListener("abort", () => fail(stop.reason), { once: true });
  try {
    const ends = [target.run(), port.source.run()].map((half) =>
      (half as Promise<unknown>).catch((error) => {
        fail(error);
        throw error;
      })
    );
    const failed = (await Promise.allSettled(ends)).find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } finally {
    port.source.close();
  }
}
