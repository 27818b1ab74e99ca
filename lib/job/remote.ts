// A run over a connection: the client runs one half, the agent the other. The remote shell was started before anything else
// was loaded or read, because its handshake is the longest wait. What the client says first, the job and in a push the roots of its
// source, travels in the launch line; the scan (of the source, in a pull of the target) then runs while nothing is heard.

import { type ErrorData, TsyncError } from "../base/errors.ts";
import { ownAgents } from "../deploy/bundle.ts";
import { remoteCommand } from "../deploy/command.ts";
import { launchAgent } from "../deploy/launch.ts";
import { seededDigesters } from "../engine/digesters.ts";
import type { Digesters } from "../engine/environment.ts";
import { attributeReader } from "../engine/attribute_reader.ts";
import { accountRules } from "../engine/account_rules.ts";
import { openTrashOs } from "../engine/open_trash.ts";
import { linkFollower } from "../engine/link_follower.ts";
import { ScanAhead } from "../engine/scan_ahead.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import { after, every, monotonicMs, soon } from "../os/clock.ts";
import { takeLongTurns } from "../os/schedule.ts";
import { type ByteSource, takeFrom } from "../os/streams.ts";
import { WireSession } from "../session/wire_session.ts";
import { EarlySink, prefixed } from "../transport/early.ts";
import type { CloseReason, Transport } from "../transport/transport.ts";
import { latin1 } from "../base/bytes.ts";
import type { AskedNames } from "../tree/asked_names.ts";
import { namedByArguments, namesAskedFor, namesEntries } from "../tree/origins.ts";
import { EARLY_BYTES } from "../wire/launch_line.ts";
import { Capability } from "../wire/messages.ts";
import type { TargetPort } from "../session/ports.ts";
import { watchLanes } from "./lane_watch.ts";
import type { JobRun } from "./job_run.ts";
import type { JobRequest } from "./request.ts";

export interface RemoteRun extends JobRun {
  /** The remote shell. */
  carrier: Transport;
  /** What a login printed, as a line for standard error, escaped. */
  tell(line: string): void;
  /** What became of the connection, also where the run fails. */
  link: Link;
}

/** A connection as the job runner sees it from outside. */
export class Link {
  /** It is not the run's first: nothing is scanned before it stands. */
  constructor(readonly isAgain = false) {}

  sentBytes = 0;
  receivedBytes = 0;
  listBytes = 0;
  /** The most at a time. */
  connections = 1;
  /** The agent has said its hello. */
  isUp = false;
  /** Something may have been removed at the source, or deleted, of which nothing was heard. */
  isPastWants = false;
  /** Called when it is up. */
  onUp = () => {};

  note(session: WireSession): void {
    this.sentBytes = session.sentBytes;
    this.receivedBytes = session.receivedBytes;
    this.listBytes = session.listBytes;
    this.connections = session.connections;
    this.isPastWants = session.isPastWants;
  }
}

/**
 * A first guess of the link's round trip, for the time until it is measured: ssh's handshake takes about nine of them (and with a
 * password much longer; too long a guess costs some KB of list) and on a short link no longer than this, ms.
 */
const HANDSHAKE_TRIPS = 9;
const SHORT_HANDSHAKE_MS = 500;

/** How long the remote shell may take to say why it ended, ms. */
const LAST_WORDS_MS = 500;

/** Runs to the end; rejects with the TsyncError that ended it early. */
export async function runRemote(request: JobRequest, run: RemoteRun): Promise<void> {
  const { bwlimitKib } = request.options;
  const carrier = bwlimitKib === 0 ? run.carrier : await limited(run.carrier, bwlimitKib);
  // The remote shell has a handshake to make, and everything waits for that.
  takeLongTurns();
  const connection = new Connection(request, { ...run, carrier });
  const { session } = connection;
  const stop = () => {
    session.fail(run.stop.reason);
    session.endConnections();
  };
  run.stop.addEventListener("abort", stop, { once: true });
  try {
    run.stop.throwIfAborted();
    connection.sayJob();
    if (request.options.trashTask !== "") await trashTask(run, connection);
    else await (request.direction === "push" ? push(request, run, connection) : pull(request, run, connection));
    await session.sendBye();
    // Nothing is waited for any more: the goodbye and the end of our stream end the agent and with it the remote shell.
    session.closeConnections();
  } catch (error) {
    run.stop.throwIfAborted();
    const reason = await explained(error, carrier);
    session.endConnections();
    throw reason;
  } finally {
    run.link.note(session);
    run.stop.removeEventListener("abort", stop);
  }
}

/** --bwlimit: whatever we write keeps to the rate, the agent's upload too. */
async function limited(carrier: Transport, rateKib: number): Promise<Transport> {
  const { pacedSink } = await import("../transport/paced.ts");
  const { source, closed } = carrier;
  return { source, sink: pacedSink(carrier.sink, rateKib), closed, kill: () => carrier.kill() };
}

/** The session, from its first words to the end. */
class Connection {
  readonly session: WireSession;
  readonly #request: JobRequest;
  readonly #run: RemoteRun;
  readonly #beganMs = monotonicMs();
  #guessedMs = 0;
  readonly #sink: EarlySink;
  #source: ByteSource;

  constructor(request: JobRequest, run: RemoteRun) {
    this.#request = request;
    this.#run = run;
    this.#sink = new EarlySink(run.carrier.sink);
    this.#source = run.carrier.source;
    this.session = new WireSession({
      source: { read: (into) => this.#source.read(into), take: (into) => takeFrom(this.#source, into) },
      sink: this.#sink,
      side: "client",
      clock: { now: monotonicMs, every, soon },
      timeoutSeconds: request.options.timeoutSeconds,
      withholds: (request.connections?.most ?? 1) > 1 ? 0 : Capability.severalChannels,
      endConnection: () => run.carrier.kill(),
    });
    this.session.ended.catch(() => {});
    this.session.onEvents(run.reporter);
  }

  /** Throws TsyncError "usage" if it is too long to travel. */
  sayJob(): void {
    const { direction, options, peerOptions, sources, target } = this.#request;
    const agentIsSource = direction === "pull";
    this.session.sendJob({ agentIsSource, options, paths: agentIsSource ? sources : [target] }, peerOptions ?? options);
  }

  /** Starts the agent, with what was said so far. The session then runs by itself; a failure is its end. */
  async open(): Promise<void> {
    try {
      await this.#launch();
    } catch (error) {
      await this.session.fail(error);
      throw error;
    }
  }

  async #launch(): Promise<void> {
    const { carrier, monitor, tell } = this.#run;
    monitor.phase("connecting");
    await this.session.drained();
    const { deploys } = remoteCommand(this.#request.remote!.rsyncPath);
    const launched = await launchAgent(carrier, this.session.helloPayload(), {
      agents: deploys ? ownAgents() : null,
      early: this.#sink.take(EARLY_BYTES),
      onUpload: () => monitor.phase("deploying"),
    });
    this.#guessedMs = Math.max(0, monotonicMs() - this.#beganMs - SHORT_HANDSHAKE_MS) / HANDSHAKE_TRIPS;
    if (launched.noise !== "") tell(`the login printed before the agent started: ${launched.noise}`);
    this.#source = prefixed(launched.rest, carrier.source);
    this.#sink.open();
    this.session.run().catch(() => {});
    this.session.seed().then(() => this.#isUp(), () => {});
    monitor.phase("listing");
  }

  #isUp(): void {
    const { link, tell } = this.#run;
    watchLanes(this.session, this.#request, tell);
    link.isUp = true;
    link.onUp();
  }

  /** The link's round trip as far as it is known, ms. */
  roundTripMs(): number {
    return this.session.roundTripMs ?? this.#guessedMs;
  }

  /** Made of the session's seed, once the agent's HELLO has come. */
  async digesters(): Promise<Digesters> {
    return await seededDigesters(await this.session.seed());
  }
}

/** Undo and history: the agent works, and tells until its totals. */
async function trashTask({ reporter }: RemoteRun, connection: Connection): Promise<void> {
  const done = Promise.race([reporter.done.promise, connection.session.ended]);
  done.catch(() => {});
  await connection.open();
  await done;
}

async function push(request: JobRequest, run: RemoteRun, connection: Connection): Promise<void> {
  const { env, list, filters, changeMode, reporter, monitor } = run;
  const { session } = connection;
  const { SourceHalf } = await import("../engine/source_half.ts");
  const half = new SourceHalf({
    env,
    list,
    options: request.options,
    filters,
    paths: request.sources,
    names: request.names === null ? null : Promise.resolve(request.names),
    target: recorded(run, session.peerTarget(list)),
    digesters: digestersFor(run, connection),
    roundTripMs: () => connection.roundTripMs(),
    isLocal: false,
    changeMode,
    follower: await linkFollower(request.options, env),
    report: (problem) => reporter.problem(problem),
    listed: (entries, bytes, complete) => monitor.listed(entries, bytes, complete),
  });
  session.attachSource(half, list);
  try {
    // The source has nothing left to do before the target has: only the session's end tells that no totals will come.
    const done = Promise.race([reporter.done.promise, session.ended]);
    done.catch(() => {});
    if (run.link.isAgain) await connection.open();
    const work = half.run().then(() => done);
    await together(session, half, Promise.all([work, run.link.isAgain ? null : connection.open()]));
    half.endedWell();
  } finally {
    half.close();
  }
}

async function pull(request: JobRequest, run: RemoteRun, connection: Connection): Promise<void> {
  const { env, list, filters, changeMode, reporter, monitor } = run;
  const { session } = connection;
  const { options, target } = request;
  if (options.listOnly) return await listRemote(run, connection, request);
  const isNaming = namesEntries(options);
  const expected = isNaming ? null : namesAskedFor(request.sources);
  const asked = isNaming ? await askedNames(request) : null;
  // Digests at the source are of modes that it does not know to be changed.
  const mayCompare = (changeMode ?? null) === null;
  const ahead = mayCompare && !run.link.isAgain ? await scanAhead(request, run, expected) : null;
  try {
    // Loaded while the remote shell makes its handshake.
    const loading = import("../engine/target_half.ts");
    await connection.open();
    const { TargetHalf } = await loading;
    if (request.names !== null) await session.sendNames(request.names);
    const digesters = await digestersFor(run, connection);
    if (ahead !== null) ahead.seal = (digest) => digesters.list.hash(digest);
    const breathe = async () => {
      await env.breathe();
      session.worked(1);
    };
    const half = new TargetHalf({
      ...{
        env: Object.create(env, { breathe: { value: breathe } }),
        list,
        options,
        filters,
        events: reporter,
        digesters,
        ahead,
        path: target,
        expected,
        asked,
        leavesAlone: true,
      },
      missable: isNaming ? null : namedByArguments(request.sources),
      source: session.peerSource(list),
      accountRules: await accountRules(options, env),
      trash: await openTrashOs(options, env),
      changeMode,
      trees: mayCompare && session.can("subtreeDigests") ? "here" : "not",
      usesDelta: session.can("delta"),
      onListed: (entries, bytes, complete) => monitor.listed(entries, bytes, complete),
    });
    session.attachTarget(recorded(run, half), list);
    await together(session, half, half.run());
  } finally {
    ahead?.close();
  }
}

async function scanAhead({ options, target }: JobRequest, { env, filters }: RemoteRun, only: Uint8Array[] | null) {
  const { os, identity } = env;
  const attributes = await attributeReader({ options, os, filters, isRoot: actsAsRoot(identity), side: "receiver" });
  return ScanAhead.begin({ env, options, filters, path: target, only, attributes });
}

/** --write-batch: what stands in front of the target. */
function recorded({ recording }: RemoteRun, target: TargetPort): TargetPort {
  return recording?.wrap(target) ?? target;
}

async function digestersFor({ recording }: RemoteRun, connection: Connection): Promise<Digesters> {
  const digesters = await connection.digesters();
  if (recording) recording.seed = digesters.seed;
  return digesters;
}

/** What the source may list; null where only the other machine knows: its home folder, or a file of names there. */
async function askedNames({ options, sources, names }: JobRequest): Promise<AskedNames | null> {
  const isInHome = (source: Uint8Array) => {
    const word = latin1(source);
    return word === "~" || (options.relative && word.startsWith("~/") && !word.includes("/./"));
  };
  if (options.filesFromThere !== null || (!options.filesFrom && sources.some(isInHome))) return null;
  const { AskedNames } = await import("../tree/asked_names.ts");
  return AskedNames.of(options, sources, names);
}

/** --list-only: a target that takes the agent's list and nothing else. */
async function listRemote(
  { list, reporter }: RemoteRun,
  connection: Connection,
  { names, options }: JobRequest,
): Promise<void> {
  const { session } = connection;
  const { ListTarget } = await import("../engine/list_target.ts");
  await connection.open();
  if (names !== null) await session.sendNames(names);
  await session.seed();
  const half = new ListTarget({
    ...{ list, events: reporter, source: session.peerSource(list) },
    removes: options.partialsOnly && options.removeSourceFiles,
  });
  session.attachTarget(half, list);
  await together(session, half, half.run());
}

/** Waits for the half. The end of the session fails it; its own failure ends the session. */
async function together(
  session: WireSession,
  half: { fail(error: unknown): void },
  work: Promise<unknown>,
): Promise<void> {
  session.ended.catch((error) => half.fail(error));
  try {
    await Promise.race([work, session.ended.then(() => work)]);
  } catch (error) {
    // The half cleans up on its own way out: what it staged is gone when this returns.
    half.fail(error);
    await Promise.allSettled([work, session.fail(error)]);
    throw error;
  }
}

/**
 * How remote shells end whose program there ended by itself, or was ended there: by our own mistake, not found, by a signal. ssh gives
 * 255 for what it lost, as for a program that a signal ended.
 */
function isTheirOwnEnd(code: number): boolean {
  return code === 0 || code === 70 || code === 126 || code === 127 || (code > 128 && code <= 192);
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
  const isGone = error.data.isGone === true && (reason.signal !== null || !isTheirOwnEnd(reason.code));
  const { detail } = error.data;
  const broken = (words: string): ErrorData => ({
    kind: "stream",
    detail: `${detail} (the remote shell ended with ${how}${words})`,
    ...(isGone ? { isGone } : {}),
  });
  return new TsyncError(broken(words), broken(""));
}
