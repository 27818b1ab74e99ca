// Every system call of a run fails once: enumerated by an undisturbed run under strace, then one run for each failure. Called by errors_test and
// dense_test. Judges what every such run must keep: the failure is told with the system's words, each path is old or new, no temporary
// file stays, nothing is deleted after the source had an error, and the next run is clean.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { allGone } from "../support/processes.ts";
import { sweep } from "../support/run.ts";
import { straceWords, struckLine } from "../support/strace.ts";
import { sampled, together } from "./sample.ts";
import { type End, frontOf, sync, type Way } from "./ways.ts";
import { assertOldOrNew, freshWorkload, look, pathsOf, temporaries, unfinished, type Workload } from "./workload.ts";

/** Calls and the errors they may well answer with. */
export const AT_TARGET: Record<string, string[]> = {
  openat: ["EACCES", "EMFILE", "ENOSPC"],
  openat2: ["EACCES", "EMFILE"],
  getdents64: ["EIO"],
  statx: ["EIO"],
  pwrite64: ["ENOSPC", "EDQUOT", "EIO"],
  copy_file_range: ["ENOSPC", "EIO"],
  ftruncate: ["EIO"],
  fchmod: ["EPERM"],
  utimensat: ["EPERM"],
  close: ["EIO"],
  renameat: ["ENOSPC", "EIO"],
  renameat2: ["EIO"],
  mkdirat: ["ENOSPC"],
  symlinkat: ["EDQUOT"],
  unlinkat: ["EACCES"],
};
export const AT_SOURCE: Record<string, string[]> = {
  openat: ["EACCES", "EMFILE"],
  openat2: ["EACCES"],
  getdents64: ["EIO"],
  statx: ["EIO"],
  read: ["EIO"],
  pread64: ["EIO"],
  readlinkat: ["EIO"],
  copy_file_range: ["EIO"],
};
const WORDS: Record<string, RegExp> = {
  EACCES: /Permission denied/,
  EMFILE: /Too many open files/,
  ENOSPC: /No space left on device/,
  EDQUOT: /Disk quota exceeded/,
  EIO: /Input\/output error/,
  EPERM: /Operation not permitted/,
};

/** What is run: copies of a template, with these options (default: as ways.ts has them). */
export interface Trial {
  template: Workload;
  options?: readonly string[];
}

interface Failure {
  way: Way;
  end: End;
  call: string;
  when: number;
  error: string;
}

/** Calls that the runtime makes for itself, too: counted by path. The rest is made for temporary files, whose names nobody knows. */
const BY_PATH = ["openat", "openat2", "getdents64", "statx", "read", "pread64", "readlinkat"];

/** What strace is to watch for a failure of the call at that end. */
export function watched(work: Workload, end: End, call: string): string[] {
  if (!BY_PATH.includes(call)) return [];
  if (end === "source") return pathsOf(work.source, work.fresh, true);
  return [...pathsOf(work.target, work.old), ...pathsOf(work.target, work.fresh)];
}

/** The calls of undisturbed runs that touch the given end's tree, by their numbers among the watched ones. */
export async function enumerate(
  trial: Trial,
  way: Way,
  end: End,
  errors: Record<string, string[]>,
): Promise<Failure[]> {
  const calls = Object.keys(errors);
  const groups = [calls.filter((call) => BY_PATH.includes(call)), calls.filter((call) => !BY_PATH.includes(call))];
  const failures: Failure[] = [];
  for (const group of groups) {
    if (group.length > 0) failures.push(...await enumerateGroup(trial, way, end, group, errors));
  }
  return failures;
}

async function enumerateGroup(
  { template, options }: Trial,
  way: Way,
  end: End,
  group: string[],
  errors: Record<string, string[]>,
): Promise<Failure[]> {
  const work = await freshWorkload(template);
  const log = `${work.place}/log`;
  const front = straceWords({ calls: group.join(","), paths: watched(work, end, group[0]), log });
  const { code, err } = await sync(work, way, { options, fronts: frontOf(way, end, front) });
  assert.equal(code, 0, err);
  const root = end === "source" ? work.source : work.target;
  const failures: Failure[] = [];
  const counts = new Map<string, number>();
  for (const line of (await Deno.readTextFile(log)).split("\n")) {
    const call = /^([a-z0-9_]+)\(/.exec(line)?.[1];
    if (call === undefined) continue;
    const when = (counts.get(call) ?? 0) + 1;
    counts.set(call, when);
    if (!line.includes(root)) continue;
    for (const error of errors[call]) failures.push({ way, end, call, when, error });
  }
  await sweep(work.place);
  return failures;
}

/** Calls for one file's sake: if one fails, nothing but that file is missing. */
const LEAF = /O_CREAT|^(pwrite64|copy_file_range|ftruncate|renameat|symlinkat|read|pread64|readlinkat)\(/;

/** How many were reached. */
let struck = 0;

async function fail({ template, options }: Trial, one: Failure): Promise<void> {
  const what = `${one.way}, ${one.end}: ${one.error} from ${one.call} ${one.when}`;
  // A batch that falls due by time may move a call by one: what misses is tried again.
  for (let attempt = 1; attempt <= 3; attempt++) {
    const work = await freshWorkload(template);
    const log = `${work.place}/log`;
    const watch = { calls: one.call, paths: watched(work, one.end, one.call), log };
    const front = straceWords(watch, { effect: `error=${one.error}`, when: one.when });
    const ran = await sync(work, one.way, { options, fronts: frontOf(one.way, one.end, front) });
    await allGone(work.place, 10_000);
    const line = await struckLine(log);
    const isHit = line !== null && line.includes(one.end === "source" ? work.source : work.target);
    if (isHit) {
      struck++;
      await judge(work, one, ran, `${what}\n${line}`);
      return await clean(work, one.way, what, options);
    }
    await sweep(work.place);
  }
}

/** Whether the source told of a path that only the target has: it was looked for before its deletion, after the whole list. */
function namesAnExtra(work: Workload, err: string): boolean {
  const extras = [...work.old.keys()].filter((path) => !work.fresh.has(path));
  return extras.some((path) => err.includes(`"${work.source}${path}" failed`));
}

async function judge(work: Workload, one: Failure, ran: { code: number; err: string }, what: string): Promise<void> {
  const said = `${what}\nexit ${ran.code}: ${ran.err}`;
  assert.ok([0, 3, 11, 23, 24].includes(ran.code), said);
  const own = assertOldOrNew(work, what);
  // The call that removes a temporary file may be the very one that fails.
  if (one.call !== "unlinkat") assert.deepEqual(own, [], said);
  if (ran.code === 0) return await same(work.source, work.target);
  // The look before a deletion: what cannot be looked at counts as there, and stays.
  const isCheck = one.end === "source" && (/at the source again/.test(ran.err) || namesAnExtra(work, ran.err));
  if (ran.code !== 24 && !isCheck) assert.match(ran.err, WORDS[one.error], said);
  const rest = unfinished(work);
  if (one.end === "source") {
    const now = look(work.target);
    const gone = [...work.old.keys()].filter((path) => !now.has(path));
    assert.ok(isCheck || gone.length === 0, `${said}\ndeleted: ${gone.join(", ")}`);
  } else if (ran.code === 23 && LEAF.test(what.split("\n")[1])) {
    // A folder that did not give way to a file keeps what it holds.
    const apart = rest.filter((path) => !path.startsWith(`${rest[0]}/`));
    assert.ok(apart.length <= 1, `${said}\nnot done: ${rest.join(", ")}`);
  }
}

/** The next run does what is left. */
export async function clean(work: Workload, way: Way, what: string, options?: readonly string[]): Promise<void> {
  const again = await sync(work, way, { options });
  assert.equal(`${again.code} ${again.err}`, "0 ", `${what}: the next run`);
  assert.deepEqual(temporaries(look(work.target)), [], `${what}: nothing is left after the next run`);
  await same(work.source, work.target);
  await sweep(work.place);
}

export async function failAll(trial: Trial, failures: Failure[], count: number, salt: number): Promise<void> {
  struck = 0;
  const chosen = sampled(failures, count, salt);
  await together(chosen, 3, (one) => fail(trial, one));
  const missed = chosen.length - struck;
  assert.ok(missed <= Math.max(1, chosen.length / 10), `only ${struck} of ${chosen.length} were reached`);
}
