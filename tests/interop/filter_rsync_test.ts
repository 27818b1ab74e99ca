// FilterSet against the installed rsync, on seeded random trees and rule lists: the same names are sent, the same names
// are deleted. The gate runs a few hundred cases, TSYNC_TEST_LONG=1 runs 20,000; TSYNC_TEST_SEED=N starts at another
// seed (the gate always at 1, the long run at the clock's).

import { assert, assertEquals } from "@std/assert";
import { FilterSet } from "../../lib/filter/filter_set.ts";
import { RuleError } from "../../lib/filter/rule.ts";
import {
  askRsync,
  bytesOf,
  makeTree,
  oddClass,
  ourRules,
  parentOf,
  Random,
  randomPart,
  randomRules,
  randomTree,
  type RsyncAnswer,
  rsyncOptions,
  type RuleItem,
  type TreeEntry,
} from "./filter_oracle.ts";

const LONG = Deno.env.get("TSYNC_TEST_LONG") === "1";
const SEED = Number(Deno.env.get("TSYNC_TEST_SEED") ?? (LONG ? Date.now() % 1_000_000 : 1));
/** rsync runs under way at a time. */
const LANES = 3;

/** What the sender lists of `tree`, seen below `prefix` ("" or "name/"): excluded folders are not entered. */
function sentNames(filter: FilterSet, tree: TreeEntry[], top: string): Set<string> {
  const sent = new Set<string>();
  if (top !== "") {
    if (filter.excluded(bytesOf(top), true)) return sent;
    sent.add(top);
  }
  const entered = new Set([""]);
  for (const { path, kind } of tree) {
    const seen = top === "" ? path : `${top}/${path}`;
    if (!entered.has(parentOf(path)) || filter.excluded(bytesOf(seen), kind === "folder")) continue;
    sent.add(seen);
    if (kind === "folder") entered.add(path);
  }
  return sent;
}

/** What --delete removes of `target` when `sent` arrives: only in folders that were sent, and nothing protected. */
function deletedNames(filter: FilterSet, sent: Set<string>, target: TreeEntry[]): Set<string> {
  const children = Map.groupBy(target, (entry) => parentOf(entry.path));
  const deleted = new Set<string>();
  const remove = (entry: TreeEntry): boolean => {
    if (filter.protectedFromDeletion(bytesOf(entry.path), entry.kind === "folder")) return false;
    let emptied = true;
    for (const child of children.get(entry.path) ?? []) if (!remove(child)) emptied = false;
    if (emptied) deleted.add(entry.path);
    return emptied;
  };
  for (const entry of target) {
    const parent = parentOf(entry.path);
    if (!sent.has(entry.path) && (parent === "" || sent.has(parent))) remove(entry);
  }
  return deleted;
}

interface Case {
  seed: number;
  items: RuleItem[];
  rsync: RsyncAnswer;
  /** Ours from the rules, or the refusal. */
  check(filter: FilterSet): { name: string; ours: Set<string>; theirs: Set<string> };
}

/** Fails with all that is needed to repeat the case. */
function judge({ seed, items, rsync, check }: Case): void {
  const told = () => `TSYNC_TEST_SEED=${seed} rules=${JSON.stringify(items)} rsync: exit ${rsync.code} ${rsync.errors}`;
  const rules = ourRules(items);
  if (rules instanceof RuleError || rsync.code === 1) {
    assert(rules instanceof RuleError && rsync.code === 1, `one refuses, the other does not: ${told()}`);
    return;
  }
  const { name, ours, theirs } = check(new FilterSet(rules));
  const onlyOurs = [...ours].filter((path) => !theirs.has(path));
  const onlyTheirs = [...theirs].filter((path) => !ours.has(path));
  assertEquals({ onlyOurs, onlyTheirs }, { onlyOurs: [], onlyTheirs: [] }, `${name}: ${told()}`);
}

/** Runs `count` cases, each from its own seed, a few at a time; `one` gets a folder that no other lane uses. */
async function cases(count: number, one: (seed: number, folder: string) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: unknown;
  const lane = async () => {
    const folder = await Deno.makeTempDir({ prefix: "tsync-filter-" });
    try {
      while (next < count && failure === undefined) await one(SEED + next++, folder);
    } catch (error) {
      failure ??= error;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (failure !== undefined) throw failure;
}

function isDense(seed: number): boolean {
  return treeSeed(seed) % 3 === 0;
}

/** A tree is worth twenty rule lists: making it costs more than asking rsync about it. */
function treeSeed(seed: number): number {
  return Math.floor(seed / 20);
}

async function freshFolder(folder: string, name: string, tree: TreeEntry[]): Promise<void> {
  const path = `${folder}/${name}`;
  if (await Deno.stat(path).then(() => true, () => false)) return;
  await Deno.mkdir(path);
  await makeTree(path, tree);
}

Deno.test("--exclude and --include, in options and files, send exactly what rsync sends", async () => {
  let excluded = 0;
  const count = LONG ? 12_000 : 200;
  await cases(count, async (seed, folder) => {
    const tree = randomTree(new Random(treeSeed(seed)), 90, isDense(seed));
    const name = `src${treeSeed(seed)}`;
    await freshFolder(folder, name, tree);
    const random = new Random(seed + 7);
    const top = random.chance(35) ? name : "";
    const items = randomRules(random, tree, isDense(seed), false);
    const rsync = await askRsync(folder, await rsyncOptions(items, folder), [top === "" ? `${name}/` : name], "none/");
    const check = (filter: FilterSet) => {
      const ours = sentNames(filter, tree, top);
      if (ours.size < tree.length) excluded++;
      return { name: "sent", ours, theirs: rsync.sent };
    };
    judge({ seed, items, rsync, check });
  });
  assert(excluded > count / 4, `only ${excluded} of ${count} rule lists excluded anything: the test is blind`);
});

Deno.test("--delete with filters deletes exactly what rsync deletes, and one-sided rules protect or hide alone", async () => {
  let deletions = 0;
  let kept = 0;
  const count = LONG ? 5_000 : 80;
  await cases(count, async (seed, folder) => {
    const number = treeSeed(seed);
    const whole = randomTree(new Random(number), 90, isDense(seed));
    const source = randomPart(new Random(number + 1), whole, 70);
    const target = randomPart(new Random(number + 2), whole, 85);
    await freshFolder(folder, `from${number}`, source);
    await freshFolder(folder, `to${number}`, target);
    const items = randomRules(new Random(seed + 13), whole, isDense(seed), true);
    const options = ["--delete", ...await rsyncOptions(items, folder)];
    const rsync = await askRsync(folder, options, [`from${number}/`], `to${number}/`);
    const check = (filter: FilterSet) => {
      const ours = deletedNames(filter, sentNames(filter, source, ""), target);
      deletions += ours.size;
      if (ours.size < deletedNames(new FilterSet([]), sentNames(filter, source, ""), target).size) kept++;
      return { name: "deleted", ours, theirs: rsync.deleted };
    };
    judge({ seed, items, rsync, check });
  });
  assert(
    deletions > 0 && kept > count / 10,
    `${deletions} deletions, ${kept} of ${count} runs protected: the test is blind`,
  );
});

Deno.test("a class takes exactly the bytes that rsync's takes, for every byte a name can hold", async () => {
  const tree: TreeEntry[] = [];
  for (let byte = 1; byte < 256; byte++) {
    if (byte !== 0x2f) tree.push({ path: `x${String.fromCharCode(byte)}y`, kind: "file" });
  }
  let partial = 0;
  await cases(LONG ? 3_000 : 60, async (seed, folder) => {
    await freshFolder(folder, "bytes", tree);
    const items: RuleItem[] = [{ way: "excludeFile", text: oddClass(new Random(seed + 17)) }];
    const rsync = await askRsync(folder, await rsyncOptions(items, folder), ["bytes/"], "none/");
    const check = (filter: FilterSet) => {
      const ours = sentNames(filter, tree, "");
      if (ours.size < tree.length) partial++;
      return { name: "sent", ours, theirs: rsync.sent };
    };
    judge({ seed, items, rsync, check });
  });
  assert(partial > 10, `only ${partial} classes took any byte: the test is blind`);
});
