// A push or a pull whose connection may be lost (--reconnect): the same job is carried out again over a new one. Called by the job runner.
// Nothing is remembered that would have to be trusted: what is in place is found equal again, by digests of subtrees where these can be
// compared, and the tree is looked at as by any run. The agents of a push bear the run's name (PROTOCOL.md section 6), so that a
// new one works only when the former has ended.

import { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import type { SyncOptions } from "../base/options.ts";
import { RUN_NAME_BYTES } from "../base/limits.ts";
import type { Environment } from "../engine/environment.ts";
import { filterSet } from "../engine/filters.ts";
import { after, monotonicMs } from "../os/clock.ts";
import { randomBytes } from "../os/random.ts";
import type { ModeChanger } from "../plan/mode_changes.ts";
import { withSshWords } from "../transport/remote_shell.ts";
import type { Transport } from "../transport/transport.ts";
import { tryAgain } from "./again.ts";
import { startCarrier } from "./carrier.ts";
import type { JobHooks, JobOutcome } from "./outcome.ts";
import { Link, runRemote } from "./remote.ts";
import { isSingle } from "./failures.ts";
import { reporterOf } from "./reporter.ts";
import type { JobRequest, Remote } from "./request.ts";
import { ToldOnce } from "./told_once.ts";

/** How long ssh itself may take to reach the host in an attempt, s: the way there may have changed since it began. */
const CONNECT_SECONDS = 30;

export interface Surroundings {
  env: Environment;
  changeMode: ModeChanger | null;
}

/** Rejects with the TsyncError that ended the run early: of a lost connection, when its time is up. */
export async function runReconnecting(
  request: JobRequest,
  monitor: Monitor,
  hooks: JobHooks,
  { env, changeMode }: Surroundings,
): Promise<Omit<JobOutcome, "elapsedMs">> {
  const limitSeconds = request.reconnectSeconds!;
  const once = new ToldOnce(monitor, request.options.dryRun);
  const runName = request.direction === "push" ? randomBytes(RUN_NAME_BYTES) : null;
  const bytes = { sent: 0, received: 0, list: 0 };
  let connections = 1;
  let link = new Link();
  let list = new FileList();
  let reporter = reporterOf(request, list, once);
  let carrier: Transport | null = hooks.carrier;
  let lastFailure = "";

  const attempt = async (stop: AbortSignal, isUp: () => void) => {
    const shell = carrier ?? await startCarrier(withLimit(request.remote!), hooks.tell, true);
    carrier = null;
    if (stop.aborted) shell.kill();
    link.onUp = isUp;
    const { options } = request;
    try {
      await runRemote(asTakenUp(request, runName, once), {
        ...{ carrier: shell, env, list, changeMode, reporter, link, stop },
        filters: filterSet(options.filters),
        monitor: once,
        tell: hooks.tell,
      });
    } finally {
      bytes.sent += link.sentBytes;
      bytes.received += link.receivedBytes;
      connections = Math.max(connections, link.connections);
      bytes.list += link.listBytes;
    }
  };
  /** What the next attempt needs. */
  const begin = () => {
    link = new Link(true);
    list = new FileList();
    reporter = reporterOf(request, list, once);
  };

  await tryAgain({
    limitMs: limitSeconds * 1000,
    stop: hooks.stop,
    timing: { nowMs: monotonicMs, after, random: () => randomBytes(1)[0] / 256 },
    attempt,
    mayGoOn() {
      const may = mayTakeUp(request.options, request.direction === "push", link.isPastWants);
      if (!may) hooks.tell("the connection is lost, and this run must not be carried out twice: it is not made anew");
      return may;
    },
    hasAdvanced: () => once.hasAdvanced(),
    lost(error) {
      const limit = limitSeconds === Infinity ? "until it is stopped" : `for up to ${limitSeconds} s`;
      hooks.tell(`${error.shown}; trying to connect again ${limit}`);
      once.lost(list, reporter.unfinished());
      begin();
    },
    failed(error) {
      if (error.message !== lastFailure) hooks.tell(`no connection yet: ${error.shown}`);
      lastFailure = error.message;
      begin();
    },
    restored(awayMs) {
      lastFailure = "";
      hooks.tell(`connected again after ${Math.round(awayMs / 1000)} s; what is in place is not sent again`);
    },
  });
  const totals = once.whole(reporter.result, reporter.unfinished());
  totals.listBytes = bytes.list;
  return {
    totals,
    wireSentBytes: bytes.sent,
    wireReceivedBytes: bytes.received,
    connections,
    failed: once.failed,
    vanished: once.vanished,
    failures: once.failures,
    isSingle: isSingle(request, list),
    stopped: once.stopped,
  };
}

/** ssh, which would wait for minutes for a host that does not answer; other remote shells as they are. */
function withLimit(remote: Remote): Remote {
  return { ...remote, rsh: withSshWords(remote.rsh, `-o ConnectTimeout=${CONNECT_SECONDS}`) };
}

/** The request of one connection: --max-delete holds for all together, and what was put in place is there. */
function asTakenUp(request: JobRequest, runName: Uint8Array | null, once: ToldOnce): JobRequest {
  const changed = (options: SyncOptions): SyncOptions => ({
    ...options,
    maxDelete: options.maxDelete < 0 ? options.maxDelete : Math.max(0, options.maxDelete - once.deletions),
    goesOn: once.hasPlaced,
    ...(runName === null ? {} : { runName }),
  });
  const { options, peerOptions } = request;
  return { ...request, options: changed(options), peerOptions: peerOptions === null ? null : changed(peerOptions) };
}

/**
 * Whether carrying out the job twice is the same as once. Not where a file that was half-written in place would be taken for what the user
 * had; nor where the source or the target may have lost entries of which we do not know.
 */
export function mayTakeUp(options: SyncOptions, isPush: boolean, isPastWants: boolean): boolean {
  const { inplace, partial, backup, update, ignoreExisting, sizeOnly, removeSourceFiles, maxDelete, dryRun } = options;
  if (dryRun) return true;
  if ((inplace || partial) && (backup || update || ignoreExisting || sizeOnly)) return false;
  return !isPastWants || !(removeSourceFiles || (isPush && maxDelete >= 0));
}
