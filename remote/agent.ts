// The agent's life: launch line, hello, job, one half of a run, totals, goodbye. Returns the exit code. Promises: whatever
// ends it early leaves no half-written file, and it never outlives its connection.

import { HANDSHAKE_PHASE_MS } from "../lib/base/limits.ts";
import { EXIT_CODES, TsyncError } from "../lib/base/errors.ts";
import { FileList } from "../lib/base/file_list.ts";
import { joinPath, latin1, utf8 } from "../lib/base/bytes.ts";
import { VERSION } from "../lib/base/version.ts";
import { filterSet } from "../lib/engine/filters.ts";
import { accountRules } from "../lib/engine/account_rules.ts";
import { openTrashOs } from "../lib/engine/open_trash.ts";
import { linkFollower } from "../lib/engine/link_follower.ts";
import { seededDigesters } from "../lib/engine/digesters.ts";
import type { Environment } from "../lib/engine/environment.ts";
import { sideOf } from "../lib/engine/sides.ts";
import { openEnvironment } from "../lib/engine/this_process.ts";
import { after, every, monotonicMs, soon } from "../lib/os/clock.ts";
import { onSignal, writeStandardSync } from "../lib/os/process.ts";
import type { ByteSink, ByteSource } from "../lib/os/streams.ts";
import { WireSession } from "../lib/session/wire_session.ts";
import { stdioTransport } from "../lib/transport/stdio.ts";
import type { Transport } from "../lib/transport/transport.ts";
import { prefixed } from "../lib/transport/early.ts";
import type { Job } from "../lib/wire/job_codec.ts";
import { type Join, joinOf } from "../lib/wire/lane_codec.ts";
import { AgentsAsked, answerFail, answerOk, type LaunchLine, readLaunchLine } from "../lib/wire/launch_line.ts";
import type { Served } from "./serve_words.ts";
import type { ServedRoot } from "./served.ts";

/** Exit code after a mistake of our own, as sysexits' EX_SOFTWARE. */
const BUG = 70;

export async function runAgent(words: string[]): Promise<number> {
  const spoken = words.length === 1 ? await wordsFor(words[0]) : null;
  if (spoken !== null) {
    writeStandardSync(1, utf8(spoken));
    return 0;
  }
  if (words.length > 0 && words[0] !== "serve") {
    writeStandardSync(
      2,
      utf8(`tsync-remote: started by tsync over ssh; by hand it knows only serve, --help and --version\n`),
    );
    return EXIT_CODES.usage;
  }
  if (words.length <= 1) return await serve(null);
  const { serveWords, SERVE_USAGE } = await import("./serve_words.ts");
  let served: Served | null;
  try {
    served = serveWords(words.slice(1));
  } catch (error) {
    writeStandardSync(2, utf8(`tsync-remote: ${(error as Error).message}\n${SERVE_USAGE}`));
    return EXIT_CODES.usage;
  }
  if (served !== null && !served.isConfined) {
    const { confineProcess } = await import("./confined.ts");
    try {
      confineProcess(served, words);
    } catch (error) {
      if (!(error instanceof TsyncError)) throw error;
      writeStandardSync(2, utf8(`tsync-remote: ${error.message}\n`));
      return error.exitCode;
    }
  }
  return await serve(served);
}

/** What a person is told who asks; null: `word` is no such question. */
async function wordsFor(word: string): Promise<string | null> {
  if (word === "--version" || word === "-V") return `tsync-remote ${VERSION}\n`;
  return word === "--help" || word === "-h" ? (await import("./serve_words.ts")).HELP : null;
}

/** `served`: the folder that the session is confined to; null: all that the user may do. */
async function serve(served: Served | null): Promise<number> {
  const transport = stdioTransport();
  let session: WireSession | null = null;
  try {
    const line = await launchLine(transport, served === null);
    const join = joinOf(line.early);
    if (join !== null) return await serveFurther(join, line.marker, transport, served);
    const sink = new LimitableSink(transport.sink);
    const root = served === null ? null : await openServed(served, line.marker, transport.sink);
    session = openSession(prefixed(line.early, transport.source), sink, root?.withheld);
    await transport.sink.write(answerOk(line.marker));
    session.acceptHello(line.hello);
    session.run().catch(() => {});
    const wanted = await session.receiveJob();
    const job = root === null ? wanted : root.confine(wanted);
    await sink.limit(job.options.bwlimitKib);
    if (job.options.trashTask !== "") await serveTrash(job, session, root);
    else await (job.agentIsSource ? serveSource(job, session, root) : serveTarget(job, session, root));
    return 0;
  } catch (error) {
    await session?.fail(error);
    return error instanceof TsyncError ? error.exitCode : BUG;
  }
}

/** A connection of a run that has an agent already. A served root has none: its agents are confined, each by itself. */
async function serveFurther(join: Join, marker: string, transport: Transport, served: Served | null): Promise<number> {
  if (served === null) return await (await import("./lane.ts")).serveLane(join, marker, transport);
  await transport.sink.write(answerFail(marker, "a served root takes one connection for a run"));
  return EXIT_CODES.start;
}

/** The launch line. Who sends none is told so where they see it: `tsync agent` in an answer, anybody else on standard error. */
async function launchLine({ source, sink }: Transport, heedsEnvironment: boolean): Promise<LaunchLine> {
  try {
    return await within(HANDSHAKE_PHASE_MS, readLaunchLine(source, heedsEnvironment));
  } catch (error) {
    if (error instanceof AgentsAsked) await sink.write(answerFail(error.marker, error.message));
    else if (error instanceof TsyncError) writeStandardSync(2, utf8(`tsync-remote: ${error.message}\n`));
    throw error;
  }
}

/** Opens the served root; where that cannot be, the client is told why. */
async function openServed(served: Served, marker: string, sink: ByteSink): Promise<ServedRoot> {
  const { ServedRoot } = await import("./served.ts");
  try {
    return new ServedRoot(served);
  } catch (error) {
    if (error instanceof TsyncError) await sink.write(answerFail(marker, error.message));
    throw error;
  }
}

/** Our output, which keeps to a rate once the job asks for one (--bwlimit). */
class LimitableSink implements ByteSink {
  #sink: ByteSink;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  async limit(rateKib: number): Promise<void> {
    if (rateKib > 0) this.#sink = (await import("../lib/transport/paced.ts")).pacedSink(this.#sink, rateKib);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#sink.write(bytes);
  }

  close(): void {
    this.#sink.close();
  }
}

/** A client that never finishes its launch line is not waited for. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = after(
      ms,
      () =>
        reject(
          new TsyncError({ kind: "start", detail: "no launch line came: this is for tsync, which sends one first" }),
        ),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

function openSession(source: ByteSource, sink: ByteSink, withholds = 0): WireSession {
  const session = new WireSession({
    source,
    sink,
    side: "agent",
    clock: { now: monotonicMs, every, soon },
    timeoutSeconds: 0,
    version: VERSION,
    withholds,
  });
  session.ended.catch(() => {});
  session.onLanesAsked(async (count) => {
    const { options } = await session.receiveJob();
    const { openLaneDoor } = await import("./lane_door.ts");
    return openLaneDoor(session, options.bwlimitKib > 0 ? 0 : count);
  });
  for (const name of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
    onSignal(
      name,
      () => session.fail(new TsyncError({ kind: "interrupted", detail: `the agent was stopped by ${name}` })),
    );
  }
  return session;
}

/** Undo and history: there is no half, only what is told. */
async function serveTrash({ options, paths }: Job, session: WireSession, root: ServedRoot | null): Promise<void> {
  const { performTrashTask } = await import("../lib/engine/trash_task.ts");
  const env = await sideOf(environment(session, root), options, false);
  await session.seed();
  const work = performTrashTask(env, session.peerEvents(), options, inHome(paths[0], env));
  await together(session, { fail: () => {} }, work);
}

/** The environment of a half, confined where a root is served. */
function environment(session: WireSession, root: ServedRoot | null): Environment {
  const env = openEnvironment({ worked: () => session.worked(1) });
  return root === null ? env : root.environment(env);
}

async function serveTarget(job: Job, session: WireSession, root: ServedRoot | null): Promise<void> {
  const { runName } = job.options;
  if (runName.length > 0) await (await import("./one_agent.ts")).beTheOne(runName);
  const { TargetHalf } = await import("../lib/engine/target_half.ts");
  const list = new FileList();
  const env = await sideOf(environment(session, root), job.options, false, true);
  const half = new TargetHalf({
    env,
    list,
    options: job.options,
    filters: filterSet(job.options.filters),
    events: root === null ? session.peerEvents() : root.events(session.peerEvents()),
    source: session.peerSource(list),
    trees: session.can("subtreeDigests") ? "here" : "not",
    usesDelta: session.can("delta"),
    digesters: await seededDigesters(await session.seed()),
    accountRules: await accountRules(job.options, env),
    trash: await openTrashOs(job.options, env),
    path: inHome(job.paths[0], env),
    expected: null,
  });
  session.attachTarget(half, list);
  await together(session, half, half.run());
}

async function serveSource(job: Job, session: WireSession, root: ServedRoot | null): Promise<void> {
  const { SourceHalf } = await import("../lib/engine/source_half.ts");
  const list = new FileList();
  const env = await sideOf(environment(session, root), job.options, true, true);
  const events = root === null ? session.peerEvents() : root.events(session.peerEvents());
  const half = new SourceHalf({
    env,
    list,
    options: job.options,
    filters: filterSet(job.options.filters),
    paths: job.paths.map((path) => inHome(path, env)),
    names: job.options.filesFrom ? namesFor(job, session, env, root) : null,
    target: session.peerTarget(list),
    digesters: session.seed().then(seededDigesters),
    roundTripMs: () => session.roundTripMs ?? 0,
    follower: await linkFollower(job.options, env),
    isLocal: false,
    report: (problem) => events.problem(problem),
    listed: () => session.worked(1),
  });
  session.attachSource(half, list);
  try {
    await together(session, half, half.run());
    half.endedWell();
  } finally {
    half.close();
  }
}

/** The names of --files-from: told by the client, or in a file here. */
async function namesFor(
  { options }: Job,
  session: WireSession,
  env: Environment,
  root: ServedRoot | null,
): Promise<Uint8Array> {
  const file = options.filesFromThere;
  if (file === null) return await session.receiveNames();
  if (root !== null) return root.readNames(inHome(file, env), options.from0);
  const { readNameFile } = await import("./name_file.ts");
  return readNameFile(inHome(file, env), options.from0);
}

/** Waits for the half, then for the client's goodbye. The end of the session before that fails the half. */
async function together(
  session: WireSession,
  half: { fail(error: unknown): void },
  work: Promise<unknown>,
): Promise<void> {
  session.ended.catch((error) => half.fail(error));
  try {
    await work;
    await session.ended;
  } catch (error) {
    half.fail(error);
    await Promise.allSettled([work]);
    throw error;
  }
}

/** A leading "~" alone or before "/" means the home folder (PROTOCOL.md section 6). */
function inHome(path: Uint8Array, env: Environment): Uint8Array {
  const start = latin1(path.subarray(0, 2));
  if (start === "~") return env.homeFolder();
  return start === "~/" ? joinPath(env.homeFolder(), path.subarray(2)) : path;
}
