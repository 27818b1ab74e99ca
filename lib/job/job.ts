// One synchronisation from request to outcome, for the command line and later the API alike.

import { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import { randomSeed, seededDigesters } from "../engine/digesters.ts";
import { filterSet } from "../engine/filters.ts";
import { sideOf } from "../engine/sides.ts";
import { openEnvironment } from "../engine/this_process.ts";
import { monotonicMs } from "../os/clock.ts";
import type { ModeChanger } from "../plan/mode_changes.ts";
import { runLocal } from "./local.ts";
import type { JobHooks, JobOutcome } from "./outcome.ts";
import { Reporter } from "./reporter.ts";
import type { JobRequest } from "./request.ts";

/** Runs the job; rejects with the TsyncError that ended it early. */
export async function runJob(request: JobRequest, monitor: Monitor, hooks: JobHooks): Promise<JobOutcome> {
  const started = monotonicMs();
  const list = new FileList();
  const { options, direction } = request;
  const munges = direction === "pull" && options.mungeLinks;
  const reporter = new Reporter(list, monitor, options.tellsFinished && !options.dryRun, munges);
  const machine = openEnvironment({ pace: () => hooks.pace() });
  const env = await sideOf(machine, options, direction !== "pull");
  const filters = filterSet(request.options.filters);
  const changeMode = await chmodOf(request, env.umask);
  let sent = 0;
  let received = 0;
  if (request.remote === null) {
    const digesters = request.options.checksum ? await seededDigesters(randomSeed()) : null;
    monitor.phase("listing");
    const targetEnv = await sideOf(machine, request.peerOptions ?? request.options, false);
    await runLocal(request, {
      env,
      targetEnv,
      list,
      filters,
      changeMode,
      reporter,
      monitor,
      digesters,
      stop: hooks.stop,
    });
    sent = reporter.result.literalBytes;
  } else {
    const { runRemote } = await import("./remote.ts");
    const wire = await runRemote(request, {
      carrier: hooks.carrier!,
      env,
      list,
      filters,
      changeMode,
      reporter,
      monitor,
      stop: hooks.stop,
      tell: (line) => hooks.tell(line),
    });
    sent = wire.sentBytes;
    received = wire.receivedBytes;
  }
  return {
    totals: reporter.result,
    wireSentBytes: sent,
    wireReceivedBytes: received,
    failed: reporter.failed,
    vanished: reporter.vanished,
    stopped: reporter.stopped,
    elapsedMs: monotonicMs() - started,
  };
}

/** What --chmod makes of a mode; null without it. */
async function chmodOf({ chmod = [] }: JobRequest, umask: number): Promise<ModeChanger | null> {
  if (chmod.length === 0) return null;
  const { modeChanger } = await import("../plan/mode_changes.ts");
  return modeChanger(chmod, umask);
}
