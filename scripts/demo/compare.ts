// The demonstration's comparison: GNU find and sha256sum, no code of tsync.

import { manifest } from "../../bench/compare.ts";
import { textOf } from "./programs.ts";

export interface Comparison {
  entries: number;
  /** Null: the trees are equal. */
  difference: string | null;
}

export async function compareTrees(source: string, target: string): Promise<Comparison> {
  const [names, otherNames, digests, otherDigests] = await Promise.all([
    manifest(source),
    manifest(target),
    contentDigests(source),
    contentDigests(target),
  ]);
  return {
    entries: names.length,
    difference: firstDifference(names, otherNames) ?? firstDifference(digests, otherDigests),
  };
}

/** Null: the lists are equal. */
export function firstDifference(wanted: string[], found: string[]): string | null {
  const a = new Set(wanted), b = new Set(found);
  const missing = wanted.filter((line) => !b.has(line)), extra = found.filter((line) => !a.has(line));
  if (missing.length + extra.length === 0) return null;
  return `${missing.length} expected lines are missing (${missing[0] ?? ""}), ${extra.length} are found instead (${
    extra[0] ?? ""
  })`;
}

/** Inode and time of last change of every entry: whatever a program does to an entry moves it. */
export async function changeTimes(root: string): Promise<string[]> {
  return (await lines("find", [".", "-printf", "%i %C@ %p\\0"], root, "\0")).sort();
}

async function contentDigests(root: string): Promise<string[]> {
  return (await lines("sh", ["-c", "find . -type f -print0 | xargs -0 -r sha256sum --zero"], root, "\0")).sort();
}

async function lines(program: string, args: string[], cwd: string, end: string): Promise<string[]> {
  return (await textOf(program, args, cwd, "latin1")).split(end).slice(0, -1);
}
