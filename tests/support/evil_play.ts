// Plays one hostile (or legal) session against a compiled program and says what came of it. The evil agent answers dist/tsync
// through evil_rsh.ts; the evil client starts dist/tsync-remote and speaks to it. All roles of one Scenario type.

import { assert, assertEquals } from "@std/assert";
import { ARCHIVE_BITS, decodeAbort, type Hello, type Job, makeJob, TYPE, Violation } from "./protocol_bytes.ts";
import {
  Aborted,
  emptySourceResult,
  emptyTargetResult,
  openAsAgent,
  openAsClient,
  type Opened,
  planOf,
  playSource,
  playTarget,
  type SourcePlan,
  type SourceResult,
  type TargetResult,
  type Tree,
} from "./protocol_halves.ts";
import { type Duplex, fromConnection, fromStreams, Gone, type Tamper, Wire } from "./protocol_wire.ts";
import { type Ended, Sandbox, start, TSYNC, TSYNC_REMOTE } from "./evil_sandbox.ts";

/** What has not ended by itself then hangs. Generous, for a busy machine; only a run that fails waits for it. */
const HANG_MS = 20_000;

/** Who tsync is in a session; the test is the other one. */
export type Role = "client target" | "client source" | "agent target" | "agent source";
export const ROLES: Role[] = ["client target", "client source", "agent target", "agent source"];

export interface Scenario {
  /** What the evil source lists and sends (tsync is the target). */
  plan?: SourcePlan;
  /** What lies at the target before (tsync is the target); empty means a streaming session. */
  before?: Tree;
  /** What tsync may send (tsync is the source). */
  tree?: Tree;
  /** What the evil target asks for (tsync is the source). */
  streaming?: boolean;
  check?: Uint8Array[];
  want?: number[];
  redo?: number[];
  /** The evil target takes what it did not want. */
  lenient?: boolean;
  tamper?: Tamper;
  hello?: Partial<Hello>;
  /** Options of the client's command line, instead of -a. */
  options?: string[];
  /** Source paths on the client's command line after `host:`, for a pull. */
  sources?: string[] | ((sandbox: Sandbox) => string[]);
  /** Target path after `host:`, for a push. */
  remoteTarget?: (sandbox: Sandbox) => string;
  /** Changes of the evil client's job. */
  job?: Partial<Job>;
  /** Our direction ends after this many bytes, counted from the first one we send. */
  cutAfterBytes?: number;
  limitMs?: number;
  /** Replaces the whole evil side. */
  script?: (wire: Wire, sandbox: Sandbox) => Promise<unknown>;
  /** Replaces the evil side by one that works on the raw link: a proxy. */
  proxy?: (duplex: Duplex, sandbox: Sandbox) => Promise<void>;
  /** Wraps the raw link. */
  link?: (duplex: Duplex) => Duplex;
  prepare?: (sandbox: Sandbox) => void;
  /** Told the session's digest and job before the first message of a half. */
  onOpened?: (opened: Opened) => void;
  /** The client runs on a terminal of its own; what it shows is stdout. */
  onTerminal?: boolean;
  /** Words before the program: strace and the like. */
  prefix?: (sandbox: Sandbox) => string[];
  /** Words behind tsync-remote, where tsync is the agent. */
  agentWords?: (sandbox: Sandbox) => string[];
  /** Looks at the sandbox when all is over. */
  examine?: (sandbox: Sandbox) => void;
}

export interface Played extends Ended {
  role: Role;
  /** What broke the document in what tsync sent. */
  violation: string;
  aborted: { kind: number; text: string } | null;
  source: SourceResult | null;
  target: TargetResult | null;
  /** Names of the messages that tsync sent. */
  received: string[];
  sentBytes: number;
  before: Map<string, string>;
  after: Map<string, string>;
  outside: string;
}

export const OLD_TARGET: Tree = { "a.txt": "old a\n", extra: "extra\n", dir: { "old.txt": "old\n" } };
export const NEW_TREE: Tree = { "a.txt": "new a, longer\n", dir: { "b.txt": "bee\n" }, link: { link: "a.txt" } };

export async function play(role: Role, scenario: Scenario = {}): Promise<Played> {
  const sandbox = new Sandbox(scenario.before ?? OLD_TARGET, scenario.tree ?? NEW_TREE);
  try {
    scenario.prepare?.(sandbox);
    const before = await sandbox.targetFiles();
    const notes = { violation: "", aborted: null, source: null, target: null } as Pick<
      Played,
      "violation" | "aborted" | "source" | "target"
    >;
    const run = role.startsWith("client") ? playAgainstClient : playAgainstAgent;
    const { ended, wire } = await run(role, scenario, sandbox, notes);
    scenario.examine?.(sandbox);
    return {
      ...ended,
      ...notes,
      role,
      received: wire?.received ?? [],
      sentBytes: wire?.sentBytes ?? 0,
      before,
      after: await sandbox.targetFiles(),
      outside: await sandbox.changesOutside(),
    };
  } finally {
    sandbox.dispose();
  }
}

type Notes = Pick<Played, "violation" | "aborted" | "source" | "target">;
type Ran = { ended: Ended; wire: Wire | null };

async function evilSide(role: Role, scenario: Scenario, wire: Wire, sandbox: Sandbox, notes: Notes): Promise<void> {
  wire.cutAfterBytes = scenario.cutAfterBytes ?? Infinity;
  const tsyncIsClient = role.startsWith("client");
  const tsyncIsTarget = role.endsWith("target");
  try {
    if (scenario.script !== undefined) return void await scenario.script(wire, sandbox);
    const jobRole = tsyncIsTarget ? 0 : 1;
    const path = tsyncIsTarget ? sandbox.target : `${sandbox.tree}/`;
    const opened = tsyncIsClient
      ? await openAsAgent(wire, scenario.hello)
      : await openAsClient(wire, makeJob(jobRole, [path], { bits: ARCHIVE_BITS, ...scenario.job }), scenario.hello);
    scenario.onOpened?.(opened);
    if (tsyncIsTarget) {
      notes.source = emptySourceResult();
      await playSource(wire, opened, scenario.plan ?? planOf(NEW_TREE), !tsyncIsClient, notes.source);
    } else {
      const { streaming = false, check = [], want, redo, lenient } = scenario;
      const wish = { streaming, check, want, redo, lenient };
      notes.target = emptyTargetResult();
      await playTarget(wire, opened, wish, !tsyncIsClient, notes.target);
    }
  } catch (error) {
    if (error instanceof Aborted) notes.aborted = { kind: error.kind, text: error.text };
    else if (error instanceof Violation) notes.violation = error.message;
    else if (error instanceof Gone) notes.aborted = await lastAbort(wire);
    else throw error;
  } finally {
    await wire.closeWrite();
  }
}

/** Why tsync stopped reading, if it said so. */
async function lastAbort(wire: Wire): Promise<{ kind: number; text: string } | null> {
  await wire.closeWrite();
  const abort = (await wire.rest()).find((frame) => frame.type === TYPE.ABORT);
  return abort === undefined ? null : decodeAbort(abort.payload);
}

/** The same words below script(1), which gives them a terminal. */
function onTerminal(argv: string[]): string[] {
  const line = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return ["script", "-qec", line, "/dev/null"];
}

async function playAgainstClient(role: Role, scenario: Scenario, sandbox: Sandbox, notes: Notes): Promise<Ran> {
  const listener = Deno.listen({ transport: "unix", path: sandbox.socket });
  await sandbox.photograph();
  const options = scenario.options ?? ["-a"];
  const given = scenario.sources ?? ["src/"];
  const sources = typeof given === "function" ? given(sandbox) : given;
  const operands = role === "client target"
    ? [...sources.map((path) => `host:${path}`), `${sandbox.target}/`]
    : [`${sandbox.tree}/`, `host:${scenario.remoteTarget?.(sandbox) ?? "target"}`];
  const limitMs = scenario.limitMs ?? HANG_MS;
  const argv = [...(scenario.prefix?.(sandbox) ?? []), TSYNC, ...options, "-e", sandbox.rsh, ...operands];
  const { ended } = start({ argv: scenario.onTerminal ? onTerminal(argv) : argv, sandbox, piped: false, limitMs });
  const connected = listener.accept().catch(() => null);
  ended.finally(() => listener.close());
  const connection = await connected;
  if (connection === null) return { ended: await ended, wire: null };
  const duplex = fromConnection(connection);
  if (scenario.proxy !== undefined) {
    await scenario.proxy(duplex, sandbox);
    duplex.close();
    return { ended: await ended, wire: null };
  }
  const wire = new Wire(scenario.link?.(duplex) ?? duplex, scenario.tamper);
  // Its errors are told once tsync has ended, not as a promise nobody waits for.
  const evil = evilSide(role, scenario, wire, sandbox, notes).then(() => null, (error) => error);
  const end = await ended;
  // The stand-in for ssh ends once it has passed on what is left; nothing is thrown away before that.
  const patience = setTimeout(() => wire.close(), 3_000);
  await evil;
  clearTimeout(patience);
  wire.close();
  const trouble = await evil;
  if (trouble !== null) throw trouble;
  return { ended: end, wire };
}

async function playAgainstAgent(role: Role, scenario: Scenario, sandbox: Sandbox, notes: Notes): Promise<Ran> {
  await sandbox.photograph();
  const limitMs = scenario.limitMs ?? HANG_MS;
  const { child, ended } = start({
    argv: [...(scenario.prefix?.(sandbox) ?? []), TSYNC_REMOTE, ...(scenario.agentWords?.(sandbox) ?? [])],
    sandbox,
    piped: true,
    limitMs,
  });
  const duplex = fromStreams(child.stdout, child.stdin);
  const wire = new Wire(scenario.link?.(duplex) ?? duplex, scenario.tamper);
  // Its errors are told once tsync has ended, not as a promise nobody waits for.
  const evil = evilSide(role, scenario, wire, sandbox, notes).then(() => null, (error) => error);
  const end = await ended;
  const trouble = await evil;
  wire.close();
  if (trouble !== null) throw trouble;
  return { ended: end, wire };
}

// ---- what is claimed -----------------------------------------------------------------------------------------------

function story(played: Played): string {
  const { role, code, hung, ms, stderr, violation, aborted, received, outside } = played;
  return `\n${JSON.stringify({ role, code, hung, ms: Math.round(ms), violation, aborted, outside })}\n` +
    `received: ${received.join(" ").slice(0, 400)}\nstderr: ${stderr.slice(0, 1_500)}`;
}

const CRASH =
  /Uncaught|panicked|\bat file:\/\/|\bat async |tsync bug|AssertionError|TypeError|RangeError|ReferenceError/;
/** What a hostile run may take beyond a legal one: garbage of a busy runtime (its young generation alone is 32 MiB), no hoard. */
const HARM_KIB = 48 * 1_024;
const peaks = new Map<Role, Promise<number>>();

/** Peak memory of a legal run in this role, KiB. */
function legalPeakKib(role: Role): Promise<number> {
  let peak = peaks.get(role);
  if (peak === undefined) {
    peak = play(role).then((played) => played.peakKib);
    peaks.set(role, peak);
  }
  return peak;
}

/** No crash, no hang, nothing touched outside, bounded memory, and nothing illegal sent. */
export async function assertUnharmed(played: Played): Promise<void> {
  assert(!played.hung, `it hangs${story(played)}`);
  assertEquals(played.outside, "", `touched outside the target${story(played)}`);
  assertEquals(played.violation, "", `tsync itself broke the protocol${story(played)}`);
  assert(!CRASH.test(played.stderr), `a crash, not a refusal${story(played)}`);
  assert(played.code < 124, `ended by a signal or the shell${story(played)}`);
  const limitKib = await legalPeakKib(played.role) + HARM_KIB;
  assert(played.peakKib <= limitKib, `${played.peakKib} KiB at peak, above ${limitKib}${story(played)}`);
}

/** What may lie at the target beside the old files: this, or anything at all. */
export type Fresh = Map<string, string> | "anything";

/** Every file at the target has its old content or the one the source really has, and nothing else lies there. */
export function assertOldOrNew(played: Played, fresh: Fresh = expected(NEW_TREE), mayBeGone = false): void {
  if (fresh !== "anything") {
    for (const [path, what] of played.after) {
      const good = what === played.before.get(path) || what === fresh.get(path);
      assert(good, `${JSON.stringify(path)} is neither old nor new: ${JSON.stringify(what)}${story(played)}`);
    }
  }
  for (const path of played.before.keys()) {
    assert(mayBeGone || played.after.has(path), `${JSON.stringify(path)} is gone${story(played)}`);
  }
  for (const path of played.after.keys()) {
    const ours = /(^|\/)\.tsync-/.test(path);
    assert(!ours, `the temporary file ${path} is left${story(played)}`);
  }
}

/** What a tree looks like in `Played.after`. */
export function expected(tree: Tree, prefix = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const [name, node] of Object.entries(tree)) {
    const path = prefix + name;
    if (typeof node === "string") files.set(path, `f ${node}`);
    else if (node instanceof Uint8Array) files.set(path, `f ${node.length} bytes`);
    else if (typeof (node as { link?: unknown }).link === "string") {
      files.set(path, `l ${(node as { link: string }).link}`);
    } else {
      files.set(path, "d");
      for (const [below, what] of expected(node as Tree, `${path}/`)) files.set(below, what);
    }
  }
  return files;
}

/** The session was refused as a broken protocol (or with one of `codes`), and did no harm. */
export async function assertRefused(
  played: Played,
  codes: number[] = [12],
  fresh?: Fresh,
): Promise<void> {
  await assertUnharmed(played);
  assert(codes.includes(played.code), `exit ${played.code}, expected ${codes.join(" or ")}${story(played)}`);
  assertOldOrNew(played, fresh);
}

/** The legal twin: exit 0 (or `code`) and nothing wrong. */
export async function assertWorks(played: Played, code = 0): Promise<void> {
  await assertUnharmed(played);
  assertEquals(played.code, code, story(played));
}

/** The target holds exactly this beside what it held before. */
export function assertArrived(played: Played, tree: Tree = NEW_TREE): void {
  const want = new Map([...played.before, ...expected(tree)]);
  assertEquals(new Map([...played.after].sort()), new Map([...want].sort()), story(played));
}

// ---- many at once --------------------------------------------------------------------------------------------------

export interface Row {
  name: string;
  run: () => Promise<void>;
}

const AT_ONCE = 4;

/** Registers one test per row; rows of one call run four at a time, whatever the runner does. */
export function testRows(rows: Row[]): void {
  const started = new Map<number, Promise<unknown>>();
  const begin = (at: number): Promise<unknown> => {
    let run = started.get(at);
    if (run === undefined) {
      run = rows[at].run().then(() => undefined, (error) => error);
      started.set(at, run);
    }
    return run;
  };
  rows.forEach((row, at) => {
    Deno.test({
      name: row.name,
      // A row that runs ahead of its turn belongs to no test yet.
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        for (let ahead = at; ahead < Math.min(at + AT_ONCE, rows.length); ahead++) begin(ahead);
        const error = await begin(at);
        if (error !== undefined) throw error;
      },
    });
  });
}

/** A repeatable choice of `count` of many; all of them in the long task. TSYNC_TEST_SEED changes the choice. */
export function sample<T>(all: T[], count: number, long: boolean): T[] {
  if (long || all.length <= count) return all;
  let state = Number(Deno.env.get("TSYNC_TEST_SEED") ?? 1) >>> 0;
  const keyed = all.map((value, at) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return { value, at, key: Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0 };
  });
  keyed.sort((a, b) => a.key - b.key);
  return keyed.slice(0, count).sort((a, b) => a.at - b.at).map(({ value }) => value);
}
