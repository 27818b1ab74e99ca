// A run over a connection: the client runs one half, the agent the other. The remote shell is started before anything else
// is loaded or read, because its handshake is the longest wait; on a push the scan runs meanwhile.

import { latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import { VERSION } from "../base/version.ts";
import { ownAgents } from "../deploy/bundle.ts";
import { remoteCommand } from "../deploy/command.ts";
import { seededDigesters } from "../engine/digesters.ts";
import type { Digesters, Environment } from "../engine/environment.ts";
import { SourceHalf } from "../engine/source_half.ts";
import { TargetHalf } from "../engine/target_half.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { after, every, monotonicMs } from "../os/clock.ts";
import type { ByteSource } from "../os/streams.ts";
import { helloPayload, makeHello } from "../session/hello.ts";
import { WireSession } from "../session/wire_session.ts";
import { openSsh } from "../transport/openssh.ts";
import type { CloseReason, Transport } from "../transport/transport.ts";
import { splitSource } from "../tree/origins.ts";
import type { Reporter } from "./reporter.ts";
import type { JobRequest } from "./request.ts";

export interface RemoteRun {
  env: Environment;
  list: FileList;
  filters: FilterSet;
  reporter: Reporter;
  monitor: Monitor;
  stop: AbortSignal;
  /** Options for the remote shell. */
  shellWords: readonly string[];
  /** What the remote shell says on its standard error, line by line, escaped. */
  tell(line: string): void;
}

export interface WireBytes {
  sentBytes: number;
  receivedBytes: number;
}

/** How long the remote shell may take to say why it ended, ms. */
const LAST_WORDS_MS = 500;

/** Runs to the end; rejects with the TsyncError that ended it early. */
export async function runRemote(request: JobRequest, run: RemoteRun): Promise<WireBytes> {
  const remote = request.remote!;
  const command = remoteCommand(remote.rsyncPath);
  const transport = openSsh(remote, command.text, (line) => run.tell(line), run.shellWords);
  const connection = connect(transport, command.deploys, request, run);
  // Whoever waits for it hears of a failure; if nobody does yet, it is no unhandled rejection.
  connection.catch(() => {});
  const stop = () => {
    connection.then(({ session }) => session.fail(run.stop.reason), () => {});
    transport.kill();
  };
  run.stop.addEventListener("abort", stop, { once: true });
  try {
    run.monitor.phase("connecting");
    await (request.direction === "push" ? push(request, run, connection) : pull(request, run, connection));
    const { session } = await connection;
    await session.sendBye();
    // Nothing is waited for any more: the goodbye and the end of our stream end the agent and with it the remote shell.
    transport.sink.close();
    run.reporter.result.listBytes = session.listBytes;
    return { sentBytes: session.sentBytes, receivedBytes: session.receivedBytes };
  } catch (error) {
    run.stop.throwIfAborted();
    const reason = await explained(error, transport);
    transport.kill();
    throw reason;
  } finally {
    run.stop.removeEventListener("abort", stop);
  }
}

interface Connection {
  session: WireSession;
  digesters: Digesters;
}

/** From the launch line to the JOB message. The session then runs by itself. */
async function connect(
  transport: Transport,
  deploys: boolean,
  request: JobRequest,
  run: RemoteRun,
): Promise<Connection> {
  const { launchAgent } = await import("../deploy/launch.ts");
  const hello = makeHello("client", VERSION);
  const launched = await launchAgent(transport, helloPayload(hello), {
    agents: deploys ? ownAgents() : null,
    onUpload: () => run.monitor.phase("deploying"),
  });
  if (launched.noise !== "") run.tell(`the login printed before the agent started: ${launched.noise}`);
  const session = new WireSession({
    source: withRest(launched.rest, transport.source),
    sink: transport.sink,
    side: "client",
    clock: { now: monotonicMs, every },
    timeoutSeconds: request.options.timeoutSeconds,
    hello,
  });
  session.ended.catch(() => {});
  session.run().catch(() => {});
  session.onEvents(run.reporter);
  const digesters = await seededDigesters(await session.seed());
  await session.sendJob({
    agentIsSource: request.direction === "pull",
    options: request.options,
    paths: request.direction === "pull" ? request.sources : [request.target],
  });
  run.monitor.phase("listing");
  return { session, digesters };
}

async function push(request: JobRequest, run: RemoteRun, connection: Promise<Connection>): Promise<void> {
  const { env, list, filters, reporter, monitor } = run;
  const half: SourceHalf = new SourceHalf({
    env,
    list,
    options: request.options,
    filters,
    paths: request.sources,
    connection: connection.then(({ session, digesters }) => {
      session.attachSource(half, list);
      return { target: session.peerTarget(list), digesters };
    }),
    isLocal: false,
    report: (problem) => reporter.problem(problem),
    listed: (entries, bytes, complete) => monitor.listed(entries, bytes, complete),
  });
  try {
    // The source has nothing left to do before the target has: only the session's end tells that no totals will come.
    const ended = connection.then(({ session }) => session.ended);
    ended.catch(() => {});
    await together(connection, half, half.run().then(() => Promise.race([reporter.done.promise, ended])));
  } finally {
    half.close();
  }
}

async function pull(request: JobRequest, run: RemoteRun, connection: Promise<Connection>): Promise<void> {
  const { env, list, filters, reporter } = run;
  const { session, digesters } = await connection;
  const half = new TargetHalf({
    env,
    list,
    options: request.options,
    filters,
    events: reporter,
    source: session.peerSource(list),
    trees: session.can("subtreeDigests") ? "here" : "not",
    usesDelta: session.can("delta"),
    digesters,
    path: request.target,
    expected: expectedNames(request.sources),
  });
  session.attachTarget(half, list);
  await together(connection, half, half.run());
}

/** Waits for the half. The end of the session fails it; its own failure ends the session. */
async function together(
  connection: Promise<Connection>,
  half: { fail(error: unknown): void },
  work: Promise<unknown>,
): Promise<void> {
  const ended = connection.then(({ session }) => session.ended);
  ended.catch((error) => half.fail(error));
  try {
    await Promise.race([work, ended.then(() => work)]);
  } catch (error) {
    // The half cleans up on its own way out: what it staged is gone when this returns.
    half.fail(error);
    await Promise.allSettled([work, connection.then(({ session }) => session.fail(error))]);
    throw error;
  }
}

/** A source that first gives what was read already. */
function withRest(rest: Uint8Array, source: ByteSource): ByteSource {
  let left = rest;
  return {
    read(into) {
      if (left.length === 0) return source.read(into);
      const count = Math.min(into.length, left.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return Promise.resolve(count);
    },
  };
}

/** Top-level names that the arguments ask for; null where a folder's whole content was asked for. */
function expectedNames(sources: Uint8Array[]): Uint8Array[] | null {
  const names: Uint8Array[] = [];
  for (const source of sources) {
    const { only } = splitSource(source);
    if (only === null || latin1(source) === "~") return null;
    names.push(only);
  }
  return names;
}

/** A broken link is told with what the remote shell said last. */
async function explained(error: unknown, transport: Transport): Promise<unknown> {
  if (!(error instanceof TsyncError) || error.data.kind !== "stream") return error;
  const reason = await Promise.race([
    transport.closed,
    new Promise<CloseReason | null>((resolve) => after(LAST_WORDS_MS, () => resolve(null))),
  ]);
  if (reason === null) return error;
  const words = reason.lastWords.length > 0 ? `; its last words: ${reason.lastWords.slice(-3).join(" / ")}` : "";
  const how = reason.signal !== null ? `signal ${reason.signal}` : `code ${reason.code}`;
  return new TsyncError({
    kind: "stream",
    detail: `${error.data.detail} (the remote shell ended with ${how}${words})`,
  });
}
