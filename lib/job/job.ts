// One synchronisation from request to outcome, for the command line and later the API alike.

import { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import type { Digesters } from "../engine/environment.ts";
import { filterSet } from "../engine/filters.ts";
import { openEnvironment } from "../engine/this_process.ts";
import { monotonicMs } from "../os/clock.ts";
import { randomBytes } from "../os/random.ts";
import { runLocal } from "./local.ts";
import type { JobHooks, JobOutcome } from "./outcome.ts";
import { Reporter } from "./reporter.ts";
import type { JobRequest } from "./request.ts";

/** Runs the job; rejects with the TsyncError that ended it early. */
export async function runJob(request: JobRequest, monitor: Monitor, hooks: JobHooks): Promise<JobOutcome> {
  const started = monotonicMs();
  const list = new FileList();
  const reporter = new Reporter(list, monitor);
  const env = openEnvironment(() => hooks.pace());
  const filters = filterSet(request.options.filters);
  let sent = 0;
  let received = 0;
  if (request.remote === null) {
    const digesters = request.options.checksum ? await localDigesters() : null;
    monitor.phase("listing");
    await runLocal(request, { env, list, filters, reporter, monitor, digesters, stop: hooks.stop });
    sent = reporter.result.literalBytes;
  } else {
    const { runRemote } = await import("./remote.ts");
    const wire = await (runRemote as any)(request, { env, list, filters, reporter, monitor, stop: hooks.stop });
    sent = wire.sentBytes;
    received = wire.receivedBytes;
  }
  return {
    totals: reporter.result,
    wireSentBytes: sent,
    wireReceivedBytes: received,
    failed: reporter.failed,
    vanished: reporter.vanished,
    guardRefused: null,
    elapsedMs: monotonicMs() - started,
  };
}

/** -c in one process: both halves digest with one seed of this run. */
async function localDigesters(): Promise<Digesters> {
  const { ContentHash } = await import("../hash/content_hash.ts");
  const seed = new DataView(randomBytes(8).buffer);
  const create = () => ContentHash.create(seed.getUint32(0), seed.getUint32(4));
  return { list: await create(), content: await create() };
}
