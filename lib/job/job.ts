// One synchronisation from request to outcome, for the command line and later the API alike.

import { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import { randomSeed, seededDigesters } from "../engine/digesters.ts";
import type { Environment } from "../engine/environment.ts";
import { filterSet } from "../engine/filters.ts";
import { sideOf, wordsAsUtf8 } from "../engine/sides.ts";
import { openEnvironment } from "../engine/this_process.ts";
import { monotonicMs } from "../os/clock.ts";
import type { ModeChanger } from "../plan/mode_changes.ts";
import type { JobRun } from "./job_run.ts";
import type { JobHooks, JobOutcome } from "./outcome.ts";
import { isSingle } from "./failures.ts";
import { reporterOf } from "./reporter.ts";
import type { JobRequest } from "./request.ts";

/** Runs the job; rejects with the TsyncError that ended it early. */
export async function runJob(request: JobRequest, monitor: Monitor, hooks: JobHooks): Promise<JobOutcome> {
  const started = monotonicMs();
  const machine = openEnvironment({ pace: () => hooks.pace() });
  const env = await sideOf(machine, request.options, request.direction !== "pull", true);
  if (request.options.charset !== "") await convertWords(request);
  const changeMode = await chmodOf(request, env.umask);
  const batch = request.batch ?? null;
  if (batch === null && request.remote !== null && (request.reconnectSeconds ?? 0) > 0) {
    const { runReconnecting } = await import("./reconnecting.ts");
    const outcome = await runReconnecting(request, monitor, hooks, { env, changeMode });
    return { ...outcome, elapsedMs: monotonicMs() - started };
  }
  const list = new FileList();
  const recording = batch !== null && "write" in batch
    ? await (await import("./batch.ts")).BatchRecording.begin(machine.os, batch, request.options, list)
    : null;
  const reporter = reporterOf(request, list, monitor);
  const filters = filterSet(request.options.filters);
  const { stop } = hooks;
  let wire: Wire;
  try {
    wire = await carryOut(
      request,
      { env, list, filters, changeMode, reporter, monitor, stop, recording },
      machine,
      hooks,
    );
    recording?.finish();
  } finally {
    recording?.discard();
  }
  const { failed, vanished, failures, stopped, result: totals } = reporter;
  return {
    ...{ totals, ...wire, failed, vanished, failures, stopped },
    isSingle: isSingle(request, list),
    elapsedMs: monotonicMs() - started,
  };
}

/** What crossed a connection, or went from half to half. */
type Wire = Pick<JobOutcome, "wireSentBytes" | "wireReceivedBytes" | "connections">;

/** Carries the job out in the way that it is for. `machine`: this one, whatever the options make of it. */
async function carryOut(request: JobRequest, run: JobRun, machine: Environment, hooks: JobHooks): Promise<Wire> {
  const { options, peerOptions, remote, target } = request;
  const batch = request.batch ?? null;
  if (remote === null && options.trashTask !== "") {
    const { performTrashTask } = await import("../engine/trash_task.ts");
    await performTrashTask(await sideOf(machine, options, false), run.reporter, options, target);
    return { wireSentBytes: 0, wireReceivedBytes: 0 };
  }
  if (batch !== null && "read" in batch) {
    const { readBatch } = await import("./batch.ts");
    await readBatch(request, batch.read, { ...run, env: await sideOf(machine, options, false) });
    return { wireSentBytes: 0, wireReceivedBytes: run.reporter.result.literalBytes };
  }
  if (remote !== null) return await overConnection(request, run, hooks);
  const digesters = options.checksum ? await seededDigesters(randomSeed()) : null;
  run.monitor.phase("listing");
  const targetEnv = await sideOf(machine, peerOptions ?? options, false);
  const { runLocal } = await import("./local.ts");
  await runLocal(request, { ...run, targetEnv, digesters });
  return { wireSentBytes: run.reporter.result.literalBytes, wireReceivedBytes: 0 };
}

async function overConnection(request: JobRequest, run: JobRun, { carrier, tell }: JobHooks): Promise<Wire> {
  const { Link, runRemote } = await import("./remote.ts");
  const link = new Link();
  await runRemote(request, { ...run, carrier: carrier!, tell, link });
  run.reporter.result.listBytes = link.listBytes;
  const { sentBytes: wireSentBytes, receivedBytes: wireReceivedBytes, connections } = link;
  return { wireSentBytes, wireReceivedBytes, connections };
}

/** --iconv: names travel as UTF-8, and so do the words that name them. The target of a run on one machine stays as it was typed. */
async function convertWords(request: JobRequest): Promise<void> {
  const { options: { charset }, batch, remote } = request;
  if (batch === null || batch === undefined || !("read" in batch)) {
    request.sources = await wordsAsUtf8(charset, request.sources);
  }
  if (remote !== null) [request.target] = await wordsAsUtf8(charset, [request.target]);
  if (request.names !== null) [request.names] = await wordsAsUtf8(charset, [request.names]);
}

/** What --chmod makes of a mode; null without it. */
async function chmodOf({ chmod = [] }: JobRequest, umask: number): Promise<ModeChanger | null> {
  if (chmod.length === 0) return null;
  const { modeChanger } = await import("../plan/mode_changes.ts");
  return modeChanger(chmod, umask);
}
