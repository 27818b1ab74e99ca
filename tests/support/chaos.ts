// One round of chaos from a seed: two versions of a random tree, random options, and something that goes wrong while the newer one is
// synchronised to where the older one lies. Used by fault/chaos_test.ts. Judges by find, stat and sha256sum alone: what a path holds is
// its old or its new state, what both trees have is there, nothing outside changed, nothing goes that may not, what is kept is there
// (chaos_keeps.ts), a lost connection is made anew, exit 0 means equal trees with equal names of one inode; and the next run finishes the work, leaves nothing of tsync's behind, and has a third one find nothing to do.

import assert from "node:assert/strict";
import { contentOf, demandBackups, demandReconnected, demandUndo } from "./chaos_keeps.ts";
import { TSYNC, TSYNC_REMOTE } from "./evil_sandbox.ts";
import { type Extra, type Found, manifest } from "./manifest.ts";
import { allGone, marked } from "./processes.ts";
import { Random } from "./random.ts";
import { changedTree, randomTree } from "./random_tree.ts";
import { AS_ROOT, type Ran, run, sweep } from "./run.ts";
import { straceWords } from "./strace.ts";
import { type Entry, file, folder, plant, sameAs } from "./trees.ts";

type Way = "local" | "push" | "pull";
const WAYS: Way[] = ["local", "push", "pull"];
const TROUBLES = [
  "none",
  "kill client",
  "kill agent",
  "signal",
  "cut",
  "write error",
  "read error",
  "mutator",
] as const;
export type Trouble = typeof TROUBLES[number];

/** What one round was: for counting, and for the message of one that fails. */
export interface Round {
  seed: number;
  way: Way;
  trouble: Trouble;
  options: string[];
  /** Exit code of the disturbed run. */
  code: number;
}

interface Plan {
  way: Way;
  trouble: Trouble;
  options: string[];
  deletes: boolean;
  /** Words in front of the client and the agent. */
  client: string[];
  agent: string[];
  /** Bytes that may pass towards the agent and back. */
  up: number;
  down: number;
  /** Connections that end so; Infinity: all. */
  cuts: number;
}

type Tree = Map<string, Found>;

/** Whole seconds are not always over: a run takes some tenths. */
const MOMENTS_MS = 600;
/** No limit to what passes. */
const ALL_BYTES = 2 ** 40;
/** Folders of tsync's own, and of the options used here, that may lie in a target. */
const OWN = /(^|\/)(\.tsync-[^/]*|\.part|\.~tmp~)(\/|$)/;

/** Carries one round out; throws what it violates, with the command that shows it, and then leaves the place as it is. */
export async function playRound(seed: number, dir?: string): Promise<Round> {
  const random = new Random(seed);
  const place = await Deno.makeTempDir({ prefix: "tsync-chaos-", dir });
  const plan = makePlan(random, place);
  const round: Round = { seed, way: plan.way, trouble: plan.trouble, options: plan.options, code: -1 };
  try {
    await plantPlace(random, place, plan);
    const before = { old: await manifest(`${place}/target`), canary: await stateOf(`${place}/canary`) };
    const fresh = await manifest(`${place}/source`);
    const versions = plan.trouble === "mutator" ? mutate(random, place, fresh) : null;
    const ran = await sync(place, plan, true);
    await allGone(place, 15_000);
    round.code = ran.code;
    await versions?.done;
    await judge(place, plan, ran, { ...before, fresh, changed: versions?.states ?? new Map() });
    await finish(place, plan);
    assert.deepEqual(await stateOf(`${place}/canary`), before.canary, "something outside the roots changed");
  } catch (error) {
    const text = error instanceof Error ? error.message : `${error}`;
    throw new Error(`seed ${seed} in ${place}: ${plan.way}, ${plan.trouble}, ${plan.options.join(" ")}: ${text}`);
  }
  await sweep(place);
  return round;
}

function makePlan(random: Random, place: string): Plan {
  const way = random.pick(WAYS);
  const trouble = random.pick(TROUBLES.filter((one) => way !== "local" || (one !== "kill agent" && one !== "cut")));
  const plan: Plan = {
    ...{ way, trouble, deletes: false, client: [], agent: [], up: ALL_BYTES, down: ALL_BYTES, cuts: Infinity },
    options: ["-a", "--no-guard"],
  };
  const may = (percent: number, ...words: string[]) => {
    if (random.chance(percent)) plan.options.push(...words);
  };
  if (random.chance(60)) {
    plan.deletes = true;
    plan.options.push(random.pick(["--delete", "--delete-before", "--delete-after", "--delete-delay"]));
  } else plan.options.push("--force");
  may(20, "-H");
  may(15, "-A");
  may(15, "-X");
  may(15, "-c");
  may(10, "-I");
  may(15, "-z");
  may(10, random.pick(["-W", "--no-W", "-B2000"]));
  may(10, "-S");
  may(15, random.pick(["--fsync", "--no-fsync"]));
  may(10, "-v", "--stats");
  may(30, random.pick(["--partial-dir=.part", "--delay-updates", `--temp-dir=${place}/tmp`, "--no-partial"]));
  may(30, ...random.pick([["-b", `--backup-dir=${place}/backup`], [`--trash=${place}/trash`]]));
  may(20, random.pick(["-y", "-yy"]));
  disturb(random, plan);
  return plan;
}

function disturb(random: Random, plan: Plan): void {
  const moment = (1 + random.below(MOMENTS_MS)) / 1000;
  const after = (signal: string) => ["timeout", "--preserve-status", "-s", signal, String(moment)];
  const atTarget = plan.way === "push" ? plan.agent : plan.client;
  const atSource = plan.way === "pull" ? plan.agent : plan.client;
  const fail = (calls: string, errno: string) =>
    straceWords({ calls, paths: [], log: "/dev/null" }, { effect: `error=${errno}`, when: 1 + random.below(60) });
  if (plan.trouble === "kill client") plan.client.push(...after("KILL"));
  if (plan.trouble === "kill agent") plan.agent.push(...after(random.pick(["KILL", "TERM"])));
  if (plan.trouble === "signal") plan.client.push(...after(random.pick(["INT", "TERM", "HUP"])));
  if (plan.trouble === "cut") plan[random.chance(50) ? "up" : "down"] = 300 + random.below(200_000);
  // An agent that is killed was no lost connection.
  if (plan.trouble === "cut" && random.chance(60)) {
    plan.options.push("--reconnect=30");
    plan.cuts = 1 + random.below(3);
  }
  if (plan.trouble === "write error") {
    const calls = random.pick([
      "pwrite64",
      "renameat2,renameat",
      "openat2,openat",
      "fsync,fdatasync,syncfs",
      "mkdirat",
    ]);
    atTarget.push(...fail(calls, random.pick(["ENOSPC", "EIO", "EDQUOT", "EACCES"])));
  }
  if (plan.trouble === "read error") atSource.push(...fail(random.pick(["pread64", "getdents64"]), "EIO"));
}

/** An older tree at the target, a newer one at the source with larger files that changed in part, and what nobody may touch. */
async function plantPlace(random: Random, place: string, plan: Plan): Promise<void> {
  const about = { entries: 20 + random.below(200), privileged: AS_ROOT, readable: true };
  const old = randomTree(random, about);
  const fresh = changedTree(random, old, about);
  const [oldLarge, newLarge] = largeFiles(random);
  const [oldNames, newNames] = namesOfOne(random, plan.options.includes("-H"));
  const canary = [folder("canary"), file("canary/file", "do not touch", { mode: 0o600 })];
  plant(place, [...canary, folder("source", { mode: 0o755 }), folder("target", { mode: 0o755 }), folder("tmp")]);
  plant(`${place}/source`, [...fresh, ...newLarge, ...newNames]);
  if (random.chance(85)) plant(`${place}/target`, [...old, ...oldLarge, ...oldNames]);
  await Deno.symlink(`${place}/canary`, `${place}/target/.to-canary`);
  await Deno.symlink(`${place}/canary`, `${place}/source/.to-canary`);
}

function largeFiles(random: Random): [Entry[], Entry[]] {
  const old: Entry[] = [];
  const fresh: Entry[] = [];
  for (let i = random.below(4); i > 0; i--) {
    const bytes = random.bytes(200_000 + random.below(2_500_000));
    const changed = bytes.slice();
    for (let k = random.below(5); k > 0; k--) {
      changed.set(random.bytes(1 + random.below(3000)), random.below(bytes.length - 3000));
    }
    const moved = random.chance(30) ? changed.slice(random.below(5000)) : changed;
    old.push(file(`large${i}`, bytes, { sec: 1_000_000_000 }));
    // Under another name it is for -y to find what it is like.
    fresh.push(file(random.chance(25) ? `large${i}.new` : `large${i}`, moved, { sec: 1_200_000_000 }));
  }
  return [old, fresh];
}

/** Files of several names: all of them at the source; at the target some, which with -H are of one inode, too. */
function namesOfOne(random: Random, isOne: boolean): [Entry[], Entry[]] {
  const old: Entry[] = [];
  const fresh: Entry[] = [];
  for (let i = random.below(6); i > 0; i--) {
    const names = Array.from(
      { length: 2 + random.below(4) },
      (_, k) => `${random.pick(["in", "of", "on"])}/one${i}.${k}`,
    );
    const content = random.bytes(random.below(9000));
    fresh.push(file(names[0], content, { sec: 1_200_000_000 }));
    fresh.push(...names.slice(1).map((name) => sameAs(name, names[0])));
    const there = names.filter(() => random.chance(60));
    // Never as long: what is as large and as old counts as equal.
    const was = file("", random.chance(50) ? content : random.bytes(9500), {
      sec: 1_000_000_000 + random.below(2) * 2e8,
    });
    old.push(...there.map((name, k) => k > 0 && isOne ? sameAs(name, there[0]) : { ...was, path: name }));
  }
  return [old, fresh];
}

/** Files of the source get other content, whole, while the run is at work. Tells every state that their paths have had. */
function mutate(random: Random, place: string, fresh: Tree) {
  const plain = [...fresh].filter(([path, { type }]) => type === "f" && /^[ -~]*$/.test(path)).map(([path]) => path);
  const states = new Map<string, Set<string>>();
  const change = async () => {
    for (let i = 0; i < 30 && plain.length > 0; i++) {
      const path = random.pick(plain);
      const bytes = random.bytes(1 + random.below(3000));
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const known = states.get(path) ?? new Set();
      states.set(path, known.add(`f ${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`));
      await Deno.writeFile(`${place}/fresh`, bytes);
      await Deno.rename(`${place}/fresh`, `${place}/source/${path}`);
      await new Promise((resume) => setTimeout(resume, random.below(25)));
    }
  };
  return { states, done: change() };
}

async function sync(place: string, plan: Plan, isDisturbed: boolean, more: string[] = []): Promise<Ran> {
  const { way, options } = plan;
  const client = isDisturbed ? plan.client : [];
  const far = way === "local" ? [] : await farWords(place, plan, isDisturbed);
  const source = `${way === "pull" ? "far:" : ""}${place}/source/`;
  const target = `${way === "push" ? "far:" : ""}${place}/target`;
  return await run([...client, TSYNC, ...options, ...more, ...far, source, target], {
    env: { ...marked(place), HOME: place },
    timeoutMs: 120_000,
  });
}

/** A remote shell that runs the command here, through which only so many bytes pass, and an agent with words in front of it. */
async function farWords(place: string, { up, down, agent, cuts }: Plan, isDisturbed: boolean): Promise<string[]> {
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${place}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const only = (bytes: number) => bytes === ALL_BYTES ? "cat" : `stdbuf -o0 head -c ${bytes}`;
  const plain = `exec sh -c "$1"`;
  // A connection that was cut ends with 255, as ssh's does; one that came to its end before, as the agent did.
  const kept = `(sh -c "$1"; echo $? > '${place}/code')`;
  const cut = up === down
    ? plain
    : `${only(up)} | ${kept} | ${only(down)}\ntest "$(cat '${place}/code')" = 0 || exit 255`;
  const program = `'${TSYNC_REMOTE}'`;
  const disturbed = `exec ${[...agent, TSYNC_REMOTE].map((word) => `'${word}'`).join(" ")}`;
  // The first connections are disturbed, those that are made anew after them are not.
  const counted = `echo >> '${place}/connections'\nif [ $(wc -l < '${place}/connections') -gt ${cuts} ]; then`;
  const isCounted = isDisturbed && cuts !== Infinity;
  const begins = isCounted ? `${counted} ${plain}; fi\n` : "";
  const turn = isCounted ? `if [ $(wc -l < '${place}/connections') -gt ${cuts} ]; then exec ${program}; fi\n` : "";
  await write("rsh", `while test $# -gt 1; do shift; done\n${begins}${isDisturbed ? cut : plain}`);
  await write("agent", isDisturbed ? `${turn}${disturbed}` : `exec ${program}`);
  return ["-e", `${place}/rsh`, "--rsync-path", `${place}/agent`];
}

interface Known {
  old: Tree;
  fresh: Tree;
  /** What a path of the source has been meanwhile. */
  changed: Map<string, Set<string>>;
}

async function stateOf(root: string): Promise<string[]> {
  return [...await manifest(root)].map(([path, found]) => `${path} ${JSON.stringify(found)}`).sort();
}

async function judge(place: string, plan: Plan, ran: Ran, { old, fresh, changed }: Known): Promise<void> {
  const now = await manifest(`${place}/target`);
  const said = `exit ${ran.code}\n${ran.err}`;
  assert.ok(ran.code !== 14 && !/tsync bug|Uncaught/.test(ran.err), said);
  for (const [path, found] of now) {
    const state = contentOf(found);
    const isKnown = [old, fresh].some((tree) => tree.has(path) && contentOf(tree.get(path)!) === state);
    if (isKnown || changed.get(path)?.has(state) || OWN.test(path)) continue;
    assert.fail(`${JSON.stringify(path)} is neither old nor new: ${state}; ${said}`);
  }
  for (const [path, { type }] of old) {
    const isReplaced = path.split("/").some((_, i, parts) => {
      const above = fresh.get(parts.slice(0, i + 1).join("/"));
      return above !== undefined && above.type !== "d" && (i + 1 < parts.length || above.type !== type);
    });
    const mayGo = !fresh.has(path) && (plan.deletes || isReplaced);
    assert.ok(now.has(path) || mayGo || isReplaced, `${JSON.stringify(path)} is gone; ${said}`);
  }
  if (plan.trouble === "none") assert.equal(`${ran.code} ${ran.err}`, "0 ");
  if (ran.code === 0 && plan.trouble !== "mutator") await equalTrees(place, plan, said);
  if (plan.cuts !== Infinity) demandReconnected(ran);
  if (plan.options.includes("-b")) await demandBackups(`${place}/backup`, old, now, said);
  if (plan.options.includes(`--trash=${place}/trash`)) await demandUndo(place, `${place}/trash`, old, OWN, said);
}

/** What exit 0 means: the target has all of the source, with --delete nothing else; with -H the same names are of one inode. */
async function equalTrees(place: string, { options, deletes }: Plan, said: string): Promise<void> {
  const extra: Extra[] = options.includes("-H") ? ["links"] : [];
  const [fresh, now] = [await manifest(`${place}/source`, true, extra), await manifest(`${place}/target`, true, extra)];
  for (const [path, found] of fresh) {
    const { allocated: _, ...there } = now.get(path) ?? { allocated: 0 };
    const { allocated: __, ...here } = found;
    assert.deepEqual(there, here, `${JSON.stringify(path)} differs; ${said}`);
  }
  const others = [...now.keys()].filter((path) => !fresh.has(path) && !OWN.test(path));
  if (deletes) assert.deepEqual(others, [], `not deleted; ${said}`);
}

/** The next run ends well and leaves nothing of ours; one more has nothing to do. */
async function finish(place: string, plan: Plan): Promise<void> {
  const again = await sync(place, plan, false);
  assert.equal(`${again.code} ${again.err}`, "0 ", "the next run");
  await equalTrees(place, plan, "after the next run");
  const now = await manifest(`${place}/target`);
  assert.deepEqual([...now.keys()].filter((path) => OWN.test(path)), [], "left after the next run");
  const quiet = { ...plan, options: plan.options.filter((word) => !["-I", "-v", "--stats"].includes(word)) };
  const third = await sync(place, quiet, false, ["-i"]);
  assert.deepEqual([third.code, third.err, third.out], [0, "", ""], "a third run has nothing to do");
}
