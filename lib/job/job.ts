// One synchronisation from request to outcome, for the command line and later the API alike.

import { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import { randomSeed, seededDigesters } from "../engine/digesters.ts";
import { filterSet } from "../engine/filters.ts";
import { sideOf, wordsAsUtf8 } from "../engine/sides.ts";
import { openEnvironment } from "../engine/this_process.ts";
import { monotonicMs } from "../os/clock.ts";
import type { ModeChanger } from "../plan/mode_changes.ts";
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
  let sent = 0;
  let received = 0;
  let connections: number | undefined;
  try {
    if (request.remote === null && request.options.trashTask !== "") {
      const { performTrashTask } = await import("../engine/trash_task.ts");
      await performTrashTask(await sideOf(machine, request.options, false), reporter, request.options, request.target);
    } else if (batch !== null && "read" in batch) {
      const { readBatch } = await import("./batch.ts");
      const targetEnv = await sideOf(machine, request.options, false);
      await readBatch(request, batch.read, { env: targetEnv, list, filters, reporter, monitor, stop: hooks.stop });
      received = reporter.result.literalBytes;
    } else if (request.remote === null) {
      const digesters = request.options.checksum ? await seededDigesters(randomSeed()) : null;
      monitor.phase("listing");
      const targetEnv = await sideOf(machine, request.peerOptions ?? request.options, false);
      const { runLocal } = await import("./local.ts");
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
        recording,
      });
      sent = reporter.result.literalBytes;
    } else {
      const { Link, runRemote } = await import("./remote.ts");
      const link = new Link();
      const { stop, carrier } = hooks;
      const tell = (line: string) => hooks.tell(line);
      const run = { carrier: carrier!, env, list, filters, changeMode, reporter, monitor, stop, tell, link, recording };
      await runRemote(request, run);
      sent = link.sentBytes;
      received = link.receivedBytes;
      connections = link.connections;
      reporter.result.listBytes = link.listBytes;
    }
    recording?.finish();
  } finally {
    recording?.discard();
  }
  return {
    totals: reporter.result,
    wireSentBytes: sent,
    wireReceivedBytes: received,
    connections,
    failed: reporter.failed,
    vanished: reporter.vanished,
    failures: reporter.failures,
    isSingle: isSingle(request, list),
    stopped: reporter.stopped,
    elapsedMs: monotonicMs() - started,
  };
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
