// The work that the fault tests interrupt: a source and an older target that differ in 50 updated, 10 new and 10 deleted entries
// and in the kind of some names. Knows which states every path may be in: its old one or its new one (law 1).

import assert from "node:assert/strict";
import { run, sweep } from "../support/run.ts";

/** Path -> what is there: "d", "l TARGET", "f CONTENT", "p" and the like. */
export type States = Map<string, string>;

const OWN = /^\.tsync-[0-9a-f]{8}-[0-9a-f]{24}$/;
/** What came of large files is kept there by design. */
const PARTIALS = ".tsync-partial";

/** Reads a tree of plain names into memory. */
export function look(root: string): States {
  const states: States = new Map();
  const visit = (path: string) => {
    for (const { name } of Deno.readDirSync(`${root}${path}`)) {
      const child = `${path}/${name}`;
      const full = root + child;
      const stat = lookAt(full);
      if (stat === null) continue;
      if (stat.isSymlink) states.set(child, `l ${Deno.readLinkSync(full)}`);
      else if (stat.isDirectory) {
        states.set(child, "d");
        visit(child);
      } else if (stat.isFile) states.set(child, `f ${contentOf(full)}`);
      else states.set(child, "special");
    }
  };
  visit("");
  return states;
}

function contentOf(path: string): string {
  try {
    return shortOf(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "(gone)";
    throw error;
  }
}

/** Null: gone since the folder was read, as happens while a run is at work. */
function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Small content as it is, large content by length and a sum that any change alters. */
function shortOf(bytes: Uint8Array): string {
  if (bytes.length < 4096) return new TextDecoder().decode(bytes);
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i] + 1) | 0;
  return `${bytes.length} bytes, ${sum}`;
}

/** Names of our own temporary files in a tree's state. */
export function temporaries(states: States): string[] {
  return [...states.keys()].filter((path) => path.split("/").some((name) => OWN.test(name)));
}

export interface Workload {
  place: string;
  source: string;
  target: string;
  old: States;
  fresh: States;
}

/** A workload of which nothing is known: its folders may not be there yet. */
export function bareWorkload(place: string): Workload {
  return { place, source: `${place}/source`, target: `${place}/target`, old: new Map(), fresh: new Map() };
}

/** Demands that each path below the target is old or new, and nothing else is there but partials and temporary files. Returns the latter. */
export function assertOldOrNew(work: Workload, what: string): string[] {
  const { old, fresh } = work;
  const now = look(work.target);
  const own = temporaries(now);
  for (const [path, state] of now) {
    if (
      own.includes(path) || path.split("/").includes(PARTIALS) || state === old.get(path) || state === fresh.get(path)
    ) continue;
    assert.fail(`${what}: ${path} is neither old nor new: ${state.slice(0, 80)}`);
  }
  for (const path of old.keys()) {
    assert.ok(!fresh.has(path) || now.has(path), `${what}: ${path} is in the old and in the new tree, but gone`);
  }
  return own;
}

/** Paths whose state is not the new one yet: stale, missing or not deleted. */
export function unfinished(work: Workload): string[] {
  const now = look(work.target);
  const paths = new Set([...now.keys(), ...work.fresh.keys()]);
  return [...paths].filter((path) => now.get(path) !== work.fresh.get(path));
}

/** Copies the template's source and target into a new place. */
export async function freshWorkload(template: Workload, dir?: string): Promise<Workload> {
  const place = await Deno.makeTempDir({ prefix: "tsync-fault-", dir });
  const { code, err } = await run(["cp", "-a", template.source, template.target, place]);
  assert.equal(code, 0, err);
  return { ...template, place, source: `${place}/source`, target: `${place}/target` };
}

/** The same source before its first synchronisation: an empty target. */
export async function withEmptyTarget(template: Workload): Promise<Workload> {
  const place = await Deno.makeTempDir({ prefix: "tsync-fault-template-" });
  const work = await freshWorkload(template);
  await Deno.rename(work.source, `${place}/source`);
  await Deno.mkdir(`${place}/target`);
  await sweep(work.place);
  return { place, source: `${place}/source`, target: `${place}/target`, old: new Map(), fresh: template.fresh };
}

const FOLDERS = ["", "/a", "/a/b"];

/** Makes the template: 50 updated (two large, one sparse, three links), 10 new, 10 deleted, 5 names that change their kind. */
export async function makeTemplate(): Promise<Workload> {
  const place = await Deno.makeTempDir({ prefix: "tsync-fault-template-" });
  const [source, target] = [`${place}/source`, `${place}/target`];
  for (const root of [source, target]) await Deno.mkdir(`${root}/a/b`, { recursive: true });
  for (let i = 0; i < 50; i++) plantUpdated(source, target, `${FOLDERS[i % 3]}/u${i}`, i);
  await Deno.mkdir(`${source}/n/m`, { recursive: true });
  for (let i = 0; i < 7; i++) await Deno.writeTextFile(`${source}/n${i % 2 ? "/m" : ""}/n${i}`, `new ${i} `.repeat(i));
  await Deno.symlink("n0", `${source}/n/link`);
  await Deno.mkdir(`${target}/gone/deep`, { recursive: true });
  for (let i = 0; i < 8; i++) await Deno.writeTextFile(`${target}/${["a", "gone", "gone/deep"][i % 3]}/x${i}`, "extra");
  plantKinds(source, target);
  const { code, err } = await run(["sh", "-c", `find ${target} -exec touch -h -d 2001-01-01 {} +`]);
  assert.equal(code, 0, err);
  return { place, source, target, old: look(target), fresh: look(source) };
}

function plantUpdated(source: string, target: string, path: string, i: number): void {
  if (i >= 47) {
    Deno.symlinkSync(`new ${i}`, source + path);
    Deno.symlinkSync(`old ${i}`, target + path);
    return;
  }
  const size = i < 2 ? 300_000 : i === 2 ? 0 : 20 + i * 7;
  Deno.writeFileSync(source + path, new TextEncoder().encode(`new content ${i} `.repeat(size / 12 + 1)));
  Deno.writeFileSync(target + path, new TextEncoder().encode(`old content ${i} `.repeat(size / 24 + 1)));
  if (i === 3) {
    Deno.truncateSync(source + path, 1_000_000);
    Deno.truncateSync(target + path, 500_000);
  }
  if (i % 5 === 0) Deno.chmodSync(source + path, 0o640);
}

function plantKinds(source: string, target: string): void {
  Deno.mkdirSync(`${source}/file-to-folder`);
  Deno.writeTextFileSync(`${source}/file-to-folder/f`, "inside");
  Deno.writeTextFileSync(`${target}/file-to-folder`, "was a file");
  Deno.writeTextFileSync(`${source}/empty-folder-to-file`, "is a file");
  Deno.mkdirSync(`${target}/empty-folder-to-file`);
  Deno.writeTextFileSync(`${source}/full-folder-to-file`, "is a file");
  Deno.mkdirSync(`${target}/full-folder-to-file`);
  Deno.writeTextFileSync(`${target}/full-folder-to-file/f`, "inside");
  Deno.writeTextFileSync(`${source}/link-to-file`, "is a file");
  Deno.symlinkSync("dangling", `${target}/link-to-file`);
  Deno.symlinkSync("elsewhere", `${source}/file-to-link`);
  Deno.writeTextFileSync(`${target}/file-to-link`, "was a file");
}

/** Every folder of the tree at `root`, and with `files` the files in them: what strace -P needs to know (it follows links). */
export function pathsOf(root: string, states: States, files = false): string[] {
  const isWatched = (state: string) => state === "d" || (files && state.startsWith("f "));
  return [root, ...[...states].filter(([, state]) => isWatched(state)).map(([path]) => root + path)];
}
