// One whole synchronisation in this process, over the tree in memory: local as lib/job/local.ts wires it, or push and pull with two
// sessions and a pipe between them, as the client and the agent do it. Deterministic: no clock, no real randomness in names.

import { display } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { FileList } from "../../lib/base/file_list.ts";
import type { EntryFacts, Monitor, Totals } from "../../lib/base/monitor.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import type { Problem } from "../../lib/base/problem.ts";
import { endingOf, endingOfError } from "../../lib/cli/exit.ts";
import { attributeReader } from "../../lib/engine/attribute_reader.ts";
import { seededDigesters } from "../../lib/engine/digesters.ts";
import type { Environment } from "../../lib/engine/environment.ts";
import { openTrashOs } from "../../lib/engine/open_trash.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { ScanAhead } from "../../lib/engine/scan_ahead.ts";
import { SourceHalf } from "../../lib/engine/source_half.ts";
import { TargetHalf } from "../../lib/engine/target_half.ts";
import { runLocal } from "../../lib/job/local.ts";
import { Reporter } from "../../lib/job/reporter.ts";
import type { JobRequest } from "../../lib/job/request.ts";
import { Killed } from "../../lib/os/memory.ts";
import type { Os } from "../../lib/os/os.ts";
import { namesAskedFor } from "../../lib/tree/origins.ts";
import { DELETING, itemize } from "../../lib/plan/itemize.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { WireSession } from "../../lib/session/wire_session.ts";
import { FakeClock, Pipe } from "../wire/raw_peer.ts";
import { Random } from "./random.ts";

export type Way = "local" | "push" | "pull";

export interface MemoryRun {
  way: Way;
  options: Partial<SyncOptions>;
  /** The system of the source's side, and of the target's: one and the same where the way is local. */
  source: Os;
  target: Os;
  /** Default /s/ and /d. */
  sources?: string[];
  targetPath?: string;
  /** Of both ends. Default 0. */
  uid?: number;
  /** Of the target, where it is another one. */
  targetUid?: number;
  umask?: number;
  /** Where the user's own state lies; default: nowhere. */
  home?: string;
  seed?: number;
  /** A basis from this size on is copied while it is signed; default: what the program has. */
  copiedAheadBytes?: number;
  /** A tree of no more entries is listed without digests of subtrees. Default: 0 with an odd seed, else what the program has. */
  smallTree?: number;
  /** What joins client and agent, and a first guess of its length. Default: streams of no length. */
  link?: MemoryLink;
}

export interface MemoryLink {
  up: Pipe;
  down: Pipe;
  clock: FakeClock;
  roundTripMs: number;
}

export interface MemoryOutcome {
  /** As the command line would end; 14 for a mistake of our own. */
  code: number;
  /** What ended the run early, if anything did. */
  error: unknown;
  totals: Totals;
  problems: Problem[];
  /** What -i shows, in order. */
  lines: string[];
}

export const ARCHIVE: Partial<SyncOptions> = {
  recursive: true,
  links: true,
  perms: true,
  times: true,
  group: true,
  owner: true,
  devices: true,
  specials: true,
};

export class Notes implements Monitor {
  readonly lines: string[] = [];
  readonly problems: Problem[] = [];
  entries = 0;
  phase(): void {}
  entry(facts: EntryFacts, change: number): void {
    this.entries++;
    this.lines.push(`${itemize(facts.kind, change, false)} ${display(facts.path)}`);
  }
  deleted(path: Uint8Array): void {
    this.lines.push(`${DELETING} ${display(path)}`);
  }
  problem(problem: Problem): void {
    this.problems.push(problem);
  }
  listed(): void {}
  transferred(): void {}
}

export function environment(os: Os, run: MemoryRun, salt: number): Environment {
  const random = new Random((run.seed ?? 1) * 7 + salt);
  const uid = (os === run.target ? run.targetUid : undefined) ?? run.uid ?? 0;
  let pauses = 0;
  return {
    os,
    identity: { uid, gid: uid, groups: new Set([uid]) },
    umask: run.umask ?? 0o022,
    breathe: () => Promise.resolve(),
    pause: () => ++pauses % 7 === 0 ? Promise.resolve() : undefined,
    // No time passes: what a run does depends on its seed alone.
    now: () => 0,
    randomBytes: (count) => random.bytes(count),
    accounts: {
      uidOf: () => null,
      gidOf: () => null,
      nameOfUid: () => null,
      nameOfGid: () => null,
      ownGroups: () => [uid],
    },
    workingFolder: () => "/",
    homeFolder: () => utf8(run.home ?? "/nobody"),
  };
}

/** The environment of one who works on the tree without a run. */
export function memoryEnvironment(os: Os, uid: number, seed: number): Environment {
  return environment(os, { way: "local", options: {}, source: os, target: os, uid, seed }, 4);
}

/** Runs to the end, whatever the end is. */
export async function runInMemory(run: MemoryRun): Promise<MemoryOutcome> {
  const options = { ...defaultOptions(), reportEntries: true, ...run.options };
  const request: JobRequest = {
    options,
    peerOptions: null,
    direction: run.way,
    sources: (run.sources ?? ["/s/"]).map((path) => utf8(path)),
    target: utf8(run.targetPath ?? "/d"),
    names: null,
    remote: null,
  };
  const monitor = new Notes();
  const list = new FileList();
  const reporter = new Reporter(list, monitor);
  let error: unknown = null;
  try {
    if (run.way === "local") {
      const digesters = options.checksum ? await seededDigesters({ low: 1, high: 2 }) : null;
      const env = environment(run.target, run, 1);
      const stop = new AbortController().signal;
      await runLocal(request, { env, list, filters: filterSet(options.filters), reporter, monitor, digesters, stop });
    } else await runOverPipe(request, run, reporter, list);
  } catch (caught) {
    error = caught;
  }
  const { failed, vanished, result: totals } = reporter;
  const code = error === null
    ? endingOf({ totals, failed, vanished, stopped: false, wireSentBytes: 0, wireReceivedBytes: 0, elapsedMs: 0 }).code
    : error instanceof TsyncError
    ? endingOfError(error).code
    : error instanceof Killed
    ? -9
    : 14;
  return { code, error, totals, problems: monitor.problems, lines: monitor.lines };
}

/** Client and agent, as lib/job/remote.ts and remote/agent.ts bring them together. */
async function runOverPipe(request: JobRequest, run: MemoryRun, reporter: Reporter, list: FileList): Promise<void> {
  const { up, down, clock, roundTripMs } = run.link ??
    { up: new Pipe(), down: new Pipe(), clock: new FakeClock(), roundTripMs: 0 };
  const client = new WireSession({
    source: down.source,
    sink: up.sink,
    side: "client",
    clock,
    timeoutSeconds: 0,
    version: "1",
  });
  const agent = new WireSession({
    source: up.source,
    sink: down.sink,
    side: "agent",
    clock,
    timeoutSeconds: 0,
    version: "1",
  });
  for (const session of [client, agent]) session.ended.catch(() => {});
  agent.acceptHello(client.helloPayload());
  for (const session of [client, agent]) session.run().catch(() => {});
  const served = serve(agent, run);
  served.catch(() => {});
  client.onEvents(reporter);
  const isPull = request.direction === "pull";
  client.sendJob({
    agentIsSource: isPull,
    options: request.options,
    paths: isPull ? request.sources : [request.target],
  });
  const digesters = client.seed().then(seededDigesters);
  digesters.catch(() => {});
  const env = environment(isPull ? run.target : run.source, run, 2);
  const filters = filterSet(request.options.filters);
  const { options } = request;
  const attributes = await attributeReader({ options, os: env.os, filters, isRoot: true, side: "receiver" });
  const only = namesAskedFor(request.sources);
  const ahead = isPull ? ScanAhead.begin({ env, options, filters, path: request.target, only, attributes }) : null;
  try {
    if (isPull) {
      const made = await digesters;
      if (ahead !== null) ahead.seal = (digest) => made.list.hash(digest);
      const source = client.peerSource(list);
      const half = new TargetHalf({
        ...{ env, list, options, filters, events: reporter, source, digesters: made, ahead },
        ...{
          path: request.target,
          trash: await openTrashOs(options, env),
          expected: null,
          leavesAlone: true,
          trees: client.can("subtreeDigests") ? "here" : "not",
          usesDelta: client.can("delta"),
          copiedAheadBytes: run.copiedAheadBytes,
        },
      });
      client.attachTarget(half, list);
      await together(client, half, half.run());
    } else {
      const half = new SourceHalf({
        ...{ env, list, options, filters, paths: request.sources, isLocal: false, smallTree: smallTree(run) },
        target: client.peerTarget(list),
        digesters,
        roundTripMs: () => client.roundTripMs ?? roundTripMs,
        report: (problem) => reporter.problem(problem),
        listed: () => {},
      });
      client.attachSource(half, list);
      try {
        const done = Promise.race([reporter.done.promise, client.ended]);
        done.catch(() => {});
        await together(client, half, half.run().then(() => done));
        half.endedWell();
      } finally {
        half.close();
      }
    }
    await client.sendBye();
    up.sink.close();
  } finally {
    ahead?.close();
    down.sink.close();
    await Promise.allSettled([served]);
  }
  await served;
}

function smallTree(run: MemoryRun): number | undefined {
  return run.smallTree ?? ((run.seed ?? 1) % 2 === 1 ? 0 : undefined);
}

/** The agent's side. */
async function serve(agent: WireSession, run: MemoryRun): Promise<void> {
  try {
    const { agentIsSource, options, paths } = await agent.receiveJob();
    const list = new FileList();
    const digesters = await seededDigesters(await agent.seed());
    const env = environment(agentIsSource ? run.source : run.target, run, 3);
    const filters = filterSet(options.filters);
    const events = agent.peerEvents();
    if (agentIsSource) {
      const half = new SourceHalf({
        ...{ env, list, options, filters, paths, isLocal: false, smallTree: smallTree(run) },
        target: agent.peerTarget(list),
        digesters: Promise.resolve(digesters),
        roundTripMs: () => agent.roundTripMs ?? 0,
        report: (problem) => events.problem(problem),
        listed: () => {},
      });
      agent.attachSource(half, list);
      try {
        await together(agent, half, half.run());
        await agent.ended;
        half.endedWell();
      } finally {
        half.close();
      }
    } else {
      const source = agent.peerSource(list);
      const half = new TargetHalf({
        env,
        list,
        options,
        filters,
        events,
        source,
        trees: agent.can("subtreeDigests") ? "here" : "not",
        usesDelta: agent.can("delta"),
        copiedAheadBytes: run.copiedAheadBytes,
        digesters,
        trash: await openTrashOs(options, env),
        path: paths[0],
        expected: null,
      });
      agent.attachTarget(half, list);
      await together(agent, half, half.run());
    }
    await agent.ended;
  } catch (error) {
    await agent.fail(error);
    throw error;
  }
}

/** Waits for the half; the end of the session fails it, its failure ends the session. */
async function together(
  session: WireSession,
  half: { fail(error: unknown): void },
  work: Promise<unknown>,
): Promise<void> {
  session.ended.catch((error) => half.fail(error));
  try {
    await Promise.race([work, session.ended.then(() => work)]);
  } catch (error) {
    half.fail(error);
    await Promise.allSettled([work, session.fail(error)]);
    throw error;
  }
}
