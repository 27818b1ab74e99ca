// What filter_rsync_test.ts needs to hold FilterSet against the installed rsync: seeded random trees of awkward names,
// seeded random rule lists, and rsync's own answers as sets of paths. Names are latin1 strings here, one char per byte.

import { type Rule, RuleError, RuleFlag } from "../../lib/filter/rule.ts";
import { OLD_STYLE, RuleList } from "../../lib/filter/rule_text.ts";

/** A small seeded generator (mulberry32). */
export class Random {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }
}

export interface TreeEntry {
  path: string;
  kind: "folder" | "file" | "link";
}

const NAMES = [
  ..."abcx",
  ...[
    "ab",
    "abc",
    "foo",
    "bar",
    "foobar",
    "main.c",
    "x.o",
    "y.o",
    "tmp",
    "Foo",
    "file1",
    "file22",
    "a-b",
    ".git",
    "...",
  ],
  ...["with space", " lead", "trail ", "[a]", "[x", "a]", "a*b", "**", "?", "a\\b", "\\", "!", "- a", "#c", ";c", "-"],
  ...["caf\xc3\xa9", "\xff", "\x80a", "new\nline", "tab\t", "\x7f", "a:b", "^", "a\\*b", "\\#012"],
];

/**
 * Random entries, parents before children, links included. Names recur at all depths so that tails are worth matching;
 * a dense tree has names of "a" and "b" only.
 */
export function randomTree(random: Random, size: number, dense: boolean): TreeEntry[] {
  const names = dense ? ["a", "b", "ab", "ba", "aab"] : Array.from({ length: 14 }, () => random.pick(NAMES));
  const folders = [""];
  const entries = new Map<string, TreeEntry>();
  for (let tries = 0; tries < size * 3 && entries.size < size; tries++) {
    const parent = random.pick(folders);
    if (parent.split("/").length > 5) continue;
    const path = (parent === "" ? "" : parent + "/") + random.pick(dense || random.chance(80) ? names : NAMES);
    if (entries.has(path)) continue;
    const kind = random.chance(40) ? "folder" : random.chance(10) ? "link" : "file";
    entries.set(path, { path, kind });
    if (kind === "folder") folders.push(path);
  }
  return [...entries.values()];
}

/** A random part of a tree that holds the parent of everything it holds. */
export function randomPart(random: Random, tree: TreeEntry[], percent: number): TreeEntry[] {
  const kept = new Set([""]);
  return tree.filter(({ path }) => kept.has(parentOf(path)) && random.chance(percent) && kept.add(path));
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** Makes the entries below `root` (a folder that exists); Deno's own calls cannot make names that are not UTF-8. */
export async function makeTree(root: string, tree: TreeEntry[]): Promise<void> {
  const list = (kind: string) =>
    tree.filter((entry) => entry.kind === kind).map((entry) => `./${entry.path}\0`).join("");
  await run("xargs", ["-0r", "mkdir", "-p", "--"], root, list("folder"));
  await run("xargs", ["-0r", "touch", "--"], root, list("file"));
  await run("xargs", ["-0r", "-n", "1", "ln", "-s", "--", "."], root, list("link"));
}

/** One rule as the user gives it. */
export interface RuleItem {
  way: "exclude" | "include" | "excludeFile" | "includeFile" | "sender" | "receiver";
  /** Pattern or line; for the one-sided ways "- PATTERN" or "+ PATTERN". */
  text: string;
}

const PIECES = [
  ..."abcxo*?/*/.-[]\\!^",
  ...[
    "**",
    "***",
    "/**/",
    "*/",
    "/*",
    "**/",
    "/**",
    "/***",
    "//",
    "foo",
    "bar",
    "ab",
    ".o",
    "*.o",
    "[a-c]",
    "[!a]",
    "[^a-f]",
  ],
  ...[
    "[[:alpha:]]",
    "[[:digit:]x]",
    "[![:space:]]",
    "[[:punct:]]",
    "[[:nosuch:]]",
    "[[:alpha:]",
    "[]a]",
    "[!]a]",
    "[a-]",
  ],
  ...[
    "[-a]",
    "[c-a]",
    "[\\]]",
    "[a\\-c]",
    "[\\a-\\c]",
    "[a-c-e]",
    "[/]",
    "[a/b]",
    "[a",
    "[]",
    "[!]",
    "[**]",
    "[[:a]",
    "[[::]]",
  ],
  ...[
    "[[:upper:][:digit:]]",
    "[.-0]",
    "[[:alpha:]-z]",
    "[\\",
    "\\*",
    "\\[",
    "\\\\",
    "\\a",
    "\\/",
    "\xff",
    "[\x80-\xff]",
    " ",
  ],
  ...["caf\xc3\xa9", "tab\t", "\x7f", "[[:cntrl:]]", "[[:graph:]]", "[[:print:]]", "[[:xdigit:]]", "[[:blank:]]"],
];

/** A class made from odd pieces, as part of "x[...]y". */
export function oddClass(random: Random): string {
  let inside = random.pick(["", "", "!", "^", "]", "!]", "^]", "-"]);
  const count = 1 + random.below(5);
  for (let i = 0; i < count; i++) inside += random.pick(CLASS_PIECES);
  return `x[${inside}${random.chance(90) ? "]" : ""}y`;
}

const CLASS_PIECES = [
  ..."abz09-!^[]\\:/*?_ ",
  ...[
    "a-z",
    "0-9",
    "z-a",
    "\\]",
    "\\-",
    "\\\\",
    "a-\\z",
    "\\a-z",
    "--",
    "-]",
    "+--",
    "\x80-\xff",
    "\xe9",
    "[.-0]",
    "[=a=]",
    " -~",
  ],
  ...[
    "alnum",
    "alpha",
    "blank",
    "cntrl",
    "digit",
    "graph",
    "lower",
    "print",
    "punct",
    "space",
    "upper",
    "xdigit",
    "word",
    "",
  ]
    .map((name) => `[:${name}:]`),
  ...["[:alpha", "[:", ":]", "[:alpha:", "[[:", "[:ALPHA:]", "[:a]"],
];

const DENSE_PIECES = [..."aabb/*?", "**", "***", "*/", "/*", "**/", "/**", "/**/", "/***", "[ab]", "[!a]", "\\a", "ab"];

function densePattern(random: Random): string {
  let pattern = "";
  const count = 1 + random.below(7);
  for (let i = 0; i < count; i++) pattern += random.pick(DENSE_PIECES);
  return pattern;
}

/** A pattern made from odd pieces: reaches the corners of the wildcard language. */
function oddPattern(random: Random): string {
  let pattern = "";
  const count = 1 + random.below(random.chance(80) ? 5 : 12);
  for (let i = 0; i < count; i++) pattern += random.pick(PIECES);
  return pattern;
}

/** A pattern made from a path of the tree by what people do: cut, anchor, star. Matches often. */
function likelyPattern(random: Random, tree: TreeEntry[]): string {
  const parts = random.pick(tree).path.split("/");
  const kept = random.chance(50) ? parts.slice(-1 - random.below(2)) : parts.slice(0, 1 + random.below(parts.length));
  const changed = kept.map((part) => {
    if (random.chance(55)) return part;
    const at = random.below(part.length + 1);
    return random.pick([
      "*",
      "**",
      part.slice(0, at) + "*",
      "*" + part.slice(at),
      part.slice(0, at) + "?" + part.slice(at + 1),
      part.slice(0, at) + "[[:alnum:]]" + part.slice(at + 1),
      part.slice(0, at) + "\\" + part.slice(at),
      part.slice(0, at) + "**" + part.slice(at + 1),
    ]);
  });
  return (random.chance(30) ? "/" : random.chance(15) ? "**/" : "") + changed.join("/") +
    (random.chance(15) ? "/" : random.chance(12) ? "/***" : random.chance(8) ? "/**" : random.chance(8) ? "/*" : "");
}

/** One to six rules for `tree`; `sided` adds such as work on one side only. */
export function randomRules(random: Random, tree: TreeEntry[], dense: boolean, sided: boolean): RuleItem[] {
  const items: RuleItem[] = [];
  const count = random.chance(35) ? 1 : 1 + random.below(6);
  for (let i = 0; i < count; i++) {
    const pattern = random.chance(55) ? likelyPattern(random, tree) : dense ? densePattern(random) : oddPattern(random);
    const prefix = random.chance(12) ? random.pick(["- ", "+ "]) : "";
    const way = random.pick(["exclude", "exclude", "include", "excludeFile", "excludeFile", "includeFile"] as const);
    if (sided && random.chance(35) && isArgument(pattern)) {
      items.push({ way: random.pick(["sender", "receiver"] as const), text: random.pick(["- ", "+ "]) + pattern });
    } else if (way.endsWith("File") || isArgument(pattern)) {
      items.push({ way, text: random.chance(3) ? random.pick(["!", "#c", ";c", "! "]) : prefix + pattern });
    } else {
      items.push({ way: way === "include" ? "includeFile" : "excludeFile", text: prefix + pattern });
    }
  }
  return items;
}

/** Deno passes arguments as UTF-8, so bytes beyond ASCII travel in files only. */
function isArgument(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x01-\x7f]+$/.test(text);
}

/** The items as rsync's options; rule files are written below `folder`. */
export async function rsyncOptions(items: RuleItem[], folder: string): Promise<string[]> {
  const options: string[] = [];
  for (const [i, { way, text }] of items.entries()) {
    if (way === "exclude" || way === "include") options.push(`--${way}=${text}`);
    else if (way === "sender" || way === "receiver") options.push(`--filter=${text[0]}${way[0]}${text.slice(1)}`);
    else {
      const file = `${folder}/rules${i}`;
      await Deno.writeFile(file, bytesOf(text + (i % 2 === 0 ? "\n" : "\r\n")));
      options.push(`--${way.slice(0, -4)}-from=${file}`);
    }
  }
  return options;
}

/** The items as this program reads them; `undefined` where it refuses one. */
export function ourRules(items: RuleItem[]): Rule[] | RuleError {
  const list = new RuleList();
  for (const { way, text } of items) {
    let error: RuleError | undefined;
    if (way === "sender" || way === "receiver") {
      error = list.addText(bytesOf(`${text[0]}${way[0]}${text.slice(1)}`), 0);
    } else {
      const style = OLD_STYLE | (way.startsWith("include") ? RuleFlag.include : 0);
      error = way.endsWith("File")
        ? list.addFile(bytesOf(text + "\n"), style, way)
        : list.addText(bytesOf(text), style);
    }
    if (error) return error;
  }
  return list.rules;
}

/** What a run of rsync said: names it would send and names it would delete. `code` 1 is a rule it does not take. */
export interface RsyncAnswer {
  code: number;
  sent: Set<string>;
  deleted: Set<string>;
  errors: string;
}

/** `rsync -n -rl OPTIONS SOURCES TARGET` in `folder`, its escapes undone. */
export async function askRsync(folder: string, options: string[], sources: string[], target: string) {
  const format = "--out-format=%i %n";
  const output = await new Deno.Command("rsync", {
    args: ["-n", "-rl", "--8-bit-output", format, ...options, ...sources, target],
    cwd: folder,
    env: { LC_ALL: "C" },
  }).output();
  const answer: RsyncAnswer = { code: output.code, sent: new Set(), deleted: new Set(), errors: "" };
  answer.errors = new TextDecoder().decode(output.stderr);
  const notEmpty = /^cannot delete non-empty directory: (.*)/;
  const kept = new Set<string>();
  for (const line of textOf(output.stdout).split("\n")) {
    const refused = notEmpty.exec(line);
    if (refused) kept.add(unescape(refused[1]));
    const change = /^(\*deleting |[.<>ch*][fdL][^ ]{9} ?) *$/.exec(line.slice(0, 12));
    if (!change) continue;
    const name = unescape(line.slice(12)).replace(/\/$/, "");
    if (name !== ".") (line.startsWith("*") ? answer.deleted : answer.sent).add(name);
  }
  // A dry run of rsync says of a folder that it is not empty, and yet lists it as deleted; the real run keeps it.
  for (const name of kept) answer.deleted.delete(name);
  return answer;
}

function unescape(text: string): string {
  return text.replace(/\\#([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

async function run(program: string, args: string[], cwd: string, input: string): Promise<void> {
  const child = new Deno.Command(program, { args, cwd, stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(bytesOf(input));
  await writer.close();
  const { code } = await child.status;
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
}
