// What filter_fuzz_rsync_test.ts needs: random trees with files of rules in them, random command lines of the whole filter
// language, the same case carried out by rsync on a disk and by the engine in memory, and a failing case made small.

import { utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { endingOfError } from "../../lib/cli/exit.ts";
import { readCommand, readRules } from "../../lib/cli/request.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Kind, type Os } from "../../lib/os/os.ts";
import { runInMemory, type Way } from "../support/memory_run.ts";
import type { Random } from "../support/random.ts";
import { disk, type Entry, file, folder, harvest, plant } from "../support/trees.ts";

export interface FilterCase {
  way: Way;
  /** Options; PLACE stands for the folder that holds the trees. */
  words: string[];
  /** Below the place. */
  sources: string[];
  entries: Entry[];
}

export interface Outcome {
  code: number;
  /** Below the target: "path/" or "path=content". */
  tree: string[];
  err: string;
}

const FOLDERS = ["a", "b", "sub", "ab"];
const FILES = ["x", "y", "keep.o", "ab", "core", "z~", "b b", "foo"];
const MERGE_FILES = [".f", ".g", ".rsync-filter", ".cvsignore"];

/** Paths below a root: "sub/" is a folder. */
function randomPaths(random: Random): string[] {
  const paths = new Set<string>();
  const parents = [""];
  const count = 6 + random.below(22);
  for (let tries = 0; tries < count; tries++) {
    const parent = random.pick(parents);
    if (random.chance(40) && parent.split("/").length < 4) {
      const path = `${parent}${random.pick(FOLDERS)}/`;
      if (!paths.has(path)) parents.push(path);
      paths.add(path);
    } else paths.add(parent + random.pick(FILES));
  }
  return [...paths].filter((path) => !paths.has(path + "/"));
}

function pattern(random: Random, paths: readonly string[]): string {
  const path = random.pick(paths.length > 0 ? paths : ["x"]);
  const isFolder = path.endsWith("/");
  const parts = path.replace(/\/$/, "").split("/");
  const from = random.below(parts.length);
  const kept = parts.slice(from).map((part) =>
    random.chance(85) ? part : random.pick(["*", "?*", part[0] + "*", "**"])
  );
  const anchor = random.chance(from === 0 ? 40 : 10) ? "/" : random.chance(8) ? "**/" : "";
  const tail = isFolder && random.chance(50) ? random.pick(["/", "/***", "/*", "/**"]) : "";
  if (random.chance(8)) return random.pick(["*", "*/", "/*", "**", "*.o", "/**/x", "[a-f]*", "/"]);
  return anchor + kept.join("/") + tail;
}

/** A rule that names what it does; `isBelow`: it stands in a folder's file. */
function rule(random: Random, paths: readonly string[], isBelow: boolean): string {
  const prefix = random.pick(["-", "-", "-", "+", "+", "H", "S", "P", "R", "exclude", "include", "protect", "hide"]);
  const isShort = prefix.length === 1;
  const mayHaveSides = "-+".includes(prefix) || prefix.endsWith("clude");
  let modifiers = "";
  if (random.chance(12)) modifiers += "p";
  if (random.chance(6)) modifiers += "!";
  if (mayHaveSides && random.chance(20)) modifiers += random.pick(["s", "r", "sr"]);
  if (random.chance(2)) modifiers += "x";
  const isAbsolute = random.chance(isBelow ? 4 : 8);
  if (isAbsolute) modifiers += "/";
  const text = pattern(random, paths);
  const absolute = isAbsolute && random.chance(60)
    ? `PLACE/${random.pick(["s", "d"])}/${text.replace(/^\//, "")}`
    : text;
  const comma = modifiers !== "" && (!isShort || random.chance(20)) ? "," : "";
  return `${prefix}${comma}${modifiers}${random.chance(10) ? "_" : " "}${absolute}`;
}

function mergeRule(random: Random, isBelow: boolean): string {
  const name = random.pick(MERGE_FILES.slice(0, 3));
  const path = isBelow || random.chance(75) ? "" : random.pick(["/", "../", "PLACE/", "a/"]);
  let modifiers = "";
  if (random.chance(15)) modifiers += random.pick(["s", "r"]);
  for (const letter of "nep") if (random.chance(10)) modifiers += letter;
  if (random.chance(10)) modifiers += random.pick(["-", "+", "w-", "C"]);
  const prefix = random.chance(20) ? `dir-merge${modifiers === "" ? "" : ","}` : ":";
  return `${prefix}${modifiers} ${path}${name}`;
}

/** The content of a merge file. */
function mergeFile(random: Random, name: string, paths: readonly string[]): string {
  const lines: string[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) {
    if (name === ".cvsignore") lines.push(random.chance(8) ? "!" : pattern(random, paths).replaceAll(" ", "?"));
    else if (random.chance(7)) lines.push(random.pick(["!", "clear", "# comment", "", "; x"]));
    else if (random.chance(10)) lines.push(mergeRule(random, true));
    else lines.push(rule(random, paths, true));
  }
  return lines.join(name === ".cvsignore" && random.chance(50) ? " " : "\n") + "\n";
}

function tree(random: Random, paths: readonly string[], top: string, content: string): Entry[] {
  const entries: Entry[] = [folder(top)];
  const folders = ["", ...paths.filter((path) => path.endsWith("/"))];
  for (const path of paths) {
    if (!random.chance(80)) continue;
    entries.push(path.endsWith("/") ? folder(`${top}/${path.slice(0, -1)}`) : file(`${top}/${path}`, content));
  }
  for (let count = random.below(4); count > 0; count--) {
    const name = random.pick(MERGE_FILES);
    const parent = random.pick(folders);
    // Patterns that fit where they stand are those that match something.
    const seen = random.chance(60)
      ? paths.filter((path) => path.startsWith(parent) && path !== parent).map((path) => path.slice(parent.length))
      : paths;
    entries.push(file(`${top}/${parent}${name}`, mergeFile(random, name, seen)));
  }
  // The times differ, so that what has the same size is transferred.
  const sec = top === "s" ? 1_000_000_000 : 1_100_000_000;
  return unique(entries).map((entry) => entry.kind === Kind.file ? { ...entry, sec } : entry);
}

/** Of two entries with one path the later one. */
function unique(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}

function option(random: Random, paths: readonly string[]): string[] {
  const dice = random.below(100);
  if (dice < 38) return [`--filter=${rule(random, paths, false)}`];
  if (dice < 48) return [`--exclude=${pattern(random, paths)}`];
  if (dice < 54) return [`--include=${pattern(random, paths)}`];
  if (dice < 82) return [`--filter=${mergeRule(random, false)}`];
  if (dice < 87) return [random.pick(["-F", "-FF"])];
  if (dice < 91) return ["-C"];
  if (dice < 94) return [`--filter=${random.pick([":C", "-C", ":Cs"])}`];
  if (dice < 96) return ["--filter=!"];
  return [`--filter=${random.pick([".", ".-", ".s", "merge,e", ".+"])} PLACE/rules`];
}

export function randomCase(random: Random): FilterCase {
  const paths = randomPaths(random);
  const sources = random.chance(70)
    ? ["s/"]
    : random.chance(60)
    ? ["s"]
    : random.pick([["s/a", "s/b"], ["s/", "s/sub"], ["s/a/", "s/b/"], ["s/x", "s/sub"]]);
  const isInside = sources[0] === "s";
  const seen = isInside && random.chance(60) ? paths.map((path) => `s/${path}`) : paths;
  // Of several folders rsync has the files of rules above found for the first only: differences.ts.
  const looksAbove = (word: string) => /^-F|[ _](\/|\.\.\/|PLACE\/)\.(f|g|rsync-filter)$/.test(word);
  const words: string[] = [];
  for (let count = 1 + random.below(4); count > 0; count--) {
    words.push(...option(random, seen).filter((word) => sources[1] !== "s/b" || !looksAbove(word)));
  }
  if (random.chance(65)) words.push("--delete");
  if (random.chance(20)) words.push("--delete-excluded");
  const entries = [
    ...tree(random, paths, "s", "source"),
    ...tree(random, paths, isInside ? "d/s" : "d", "old"),
    folder("s/a"),
    folder("s/b"),
    folder("s/sub"),
    ...(sources.includes("s/x") ? [file("s/x", "source")] : []),
  ];
  for (const path of ["d/.f", ".f", ".rsync-filter", "rules"]) {
    if (path === "rules" || random.chance(20)) entries.push(file(path, mergeFile(random, ".f", seen)));
  }
  return { way: random.pick(["local", "push", "pull"] as const), words, sources, entries: unique(entries) };
}

/** Texts with PLACE in them, as they are for a place. */
function placed(entries: readonly Entry[], place: string): Entry[] {
  return entries.map((entry) => {
    const text = textOf(entry);
    return text === null || !text.includes("PLACE")
      ? entry
      : file(entry.path, text.replaceAll("PLACE", place), { sec: entry.sec });
  });
}

function textOf({ data }: Entry): string | null {
  return data === undefined || data.length === 0 ? null : new TextDecoder().decode(data[0].bytes);
}

function outcome(os: Os, place: string, code: number, err: string): Outcome {
  const found = harvest(os, utf8(`${place}/d`));
  const tree = [...found.values()].map((entry) =>
    entry.kind === Kind.folder ? `${entry.path}/` : `${entry.path}=${textOf(entry)}`
  );
  return { code, err, tree: tree.sort() };
}

/** rsync on the disk, in a place that is empty and is left empty. */
export async function byRsync({ words, sources, entries }: FilterCase, place: string): Promise<Outcome> {
  await Deno.mkdir(place);
  try {
    plant(place, [...placed(entries, place), folder("d")]);
    const args = ["-r", ...words, ...sources, "d/"].map((word) => word.replaceAll("PLACE", place));
    const ran = await new Deno.Command("rsync", {
      args,
      cwd: place,
      env: { LC_ALL: "C", HOME: "/none", CVSIGNORE: "*~" },
    }).output();
    return outcome(disk(), place, ran.code, new TextDecoder().decode(ran.stderr));
  } finally {
    await Deno.remove(place, { recursive: true });
  }
}

/** The command line's own parser and the engine, in memory; `place` as for rsync. Rules files that the words name are read from the disk. */
export async function byTsync({ way, words, sources, entries }: FilterCase, place: string): Promise<Outcome> {
  const os = openMemory();
  const parents = place.split("/").slice(1).map((_, i, all) => folder(all.slice(0, i + 1).join("/")));
  plant("/", [
    ...parents,
    ...placed(entries, place).map((entry) => ({ ...entry, path: `${place.slice(1)}/${entry.path}` })),
  ], os);
  plant("/", [folder(`${place.slice(1)}/d`)], os);
  const line = ["-r", "--no-guard", ...words, ...sources.map((path) => `${place}/${path}`), `${place}/d/`];
  await Deno.mkdir(place);
  try {
    plant(place, placed(entries, place).filter(({ path }) => path === "rules"));
    const command = readCommand(line.map((word) => utf8(word.replaceAll("PLACE", place))), () => undefined);
    if (command.kind !== "sync") throw new Error("no synchronisation");
    const { options } = command.request;
    await readRules(command.rules, options);
    const run = {
      ...{ way, options, source: os, target: os, targetPath: `${place}/d` },
      sources: sources.map((path) => `${place}/${path}`),
    };
    const { code, error, problems } = await runInMemory(run);
    return outcome(os, place, code, `${error} ${problems.map((problem) => JSON.stringify(problem)).join(" ")}`);
  } catch (error) {
    if (!(error instanceof TsyncError)) throw error;
    return outcome(os, place, endingOfError(error).code, error.message);
  } finally {
    await Deno.remove(place, { recursive: true });
  }
}

/** Null where both say the same; else what differs. */
export function difference(ours: Outcome, theirs: Outcome): { onlyOurs: string[]; onlyTheirs: string[] } | null {
  // What a run that was refused has done by then is its own business.
  if (theirs.code === 1 || theirs.code === 11) {
    // differences.ts: tsync does not read what is for the other side.
    if (ours.code === 0 && theirs.err.includes("specified-side merge file")) return null;
    return ours.code === theirs.code ? null : { onlyOurs: [], onlyTheirs: [] };
  }
  const onlyOurs = ours.tree.filter((line) => !theirs.tree.includes(line));
  const onlyTheirs = theirs.tree.filter((line) => !ours.tree.includes(line));
  return onlyOurs.length + onlyTheirs.length === 0 && ours.code === theirs.code ? null : { onlyOurs, onlyTheirs };
}

/** The smallest case that `fails` as well, leaving out one thing after the other. */
export async function shrink(found: FilterCase, fails: (smaller: FilterCase) => Promise<boolean>): Promise<FilterCase> {
  let smallest = found;
  for (let again = true; again;) {
    again = false;
    for (const smaller of smallerCases(smallest)) {
      if (!await fails(smaller)) continue;
      smallest = smaller;
      again = true;
      break;
    }
  }
  return smallest;
}

function* smallerCases(found: FilterCase): Generator<FilterCase> {
  if (found.way !== "local") yield { ...found, way: "local" };
  for (const i of found.words.keys()) yield { ...found, words: found.words.filter((_, k) => k !== i) };
  for (const i of found.sources.keys()) {
    if (found.sources.length > 1) yield { ...found, sources: found.sources.filter((_, k) => k !== i) };
  }
  const needed = new Set(["s", "d", "d/s", "rules", ...found.sources.map((path) => path.replace(/\/$/, ""))]);
  for (const { path } of found.entries) {
    if (needed.has(path)) continue;
    yield {
      ...found,
      entries: found.entries.filter((other) => other.path !== path && !other.path.startsWith(`${path}/`)),
    };
  }
  for (const entry of found.entries) {
    const lines = textOf(entry)?.split("\n") ?? [];
    if (lines.length < 3) continue;
    for (const i of lines.keys()) {
      const fewer = file(entry.path, lines.filter((_, k) => k !== i).join("\n"), { sec: entry.sec });
      yield { ...found, entries: found.entries.map((other) => other === entry ? fewer : other) };
    }
  }
}

/** A case as text for a person. */
export function told({ way, words, sources, entries }: FilterCase): string {
  const shown = entries.map((entry) =>
    entry.kind === Kind.folder ? `${entry.path}/` : `${entry.path}=${JSON.stringify(textOf(entry))}`
  );
  return `${way}: ${words.map((word) => `'${word}'`).join(" ")} ${sources.join(" ")} d/\n  ${
    shown.sort().join("\n  ")
  }`;
}
