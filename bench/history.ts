// results/history.jsonl: appended to by main.ts after each row, read by table.ts. Promises: a line that cannot be read is an error that
// names it, never skipped.

import type { Circumstances, HistoryLine } from "./results.ts";

export const HISTORY = new URL("./results/history.jsonl", import.meta.url);
/** From so many rounds on a median counts for the README. */
export const FULL_ROUNDS = 5;

export function append(line: HistoryLine): void {
  Deno.mkdirSync(new URL(".", HISTORY), { recursive: true });
  Deno.writeTextFileSync(HISTORY, JSON.stringify(line) + "\n", { append: true });
}

export function readHistory(): HistoryLine[] {
  try {
    return parseHistory(Deno.readTextFileSync(HISTORY));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

export function parseHistory(text: string): HistoryLine[] {
  return text.split("\n").flatMap((line, i) => {
    if (line === "") return [];
    try {
      const parsed = JSON.parse(line);
      if (typeof parsed.row !== "string" || typeof parsed.ratios !== "object") throw new Error("no row, or no ratios");
      return [parsed as HistoryLine];
    } catch (error) {
      throw new Error(`line ${i + 1} of the history: ${error instanceof Error ? error.message : error}`);
    }
  });
}

/** Of each row the newest line: one with FULL_ROUNDS before one with fewer. In the order of `ids`; rows that are not there are left out. */
export function newest(lines: HistoryLine[], ids: string[]): HistoryLine[] {
  return ids.flatMap((id) => {
    const mine = lines.filter((line) => line.row === id);
    const line = mine.findLast((line) => line.rounds >= FULL_ROUNDS || line.rounds >= 3 && isSlowRow(line)) ??
      mine.at(-1);
    return line === undefined ? [] : [line];
  });
}

/** Rows of a million entries run three rounds. */
function isSlowRow(line: HistoryLine): boolean {
  return line.row.includes("-1m-");
}

/** Commit of the source, date, machine. `machine`, `programs`: from machine.ts. */
export async function circumstances(
  root: string,
  date: string,
  machine: string,
  programs: string[],
): Promise<Circumstances> {
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", { args: ["-C", root, ...args], stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  };
  const changed = await git("status", "--porcelain", "--", "lib", "remote", "main.ts", "scripts");
  const commit = await git("rev-parse", "--short=9", "HEAD") || "unknown";
  return { commit: commit + (changed === "" ? "" : "+"), date, machine, programs };
}
