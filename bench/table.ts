// Turns results into tables, the rows where tsync is slowest against rsync first: as plain text for the terminal, and as markdown
// for the README. As a program: deno run -R bench/table.ts [FILE], by default results/latest.json, prints the markdown.

import { cpuSeconds, median, ratio, type Results, type RowResult, type ToolName, type ToolResult } from "./results.ts";

const HEAD = [
  "job",
  "data",
  "on",
  "against",
  "tsync s",
  "theirs s",
  "ratio",
  "limit",
  "CPU ratio",
  "peak MB, ours",
  "theirs",
  "wire, ours",
  "theirs",
];

interface Line {
  ratio: number;
  cells: string[];
}

/** One line for each tool that a row compares tsync with; a row without one has a line of its own, at the end. */
function linesOf(row: RowResult): Line[] {
  const ours = row.tools.find((result) => result.tool === "tsync");
  if (ours === undefined) return [];
  const others = row.tools.filter((result) => result !== ours);
  return others.length === 0 ? [lineOf(row, ours, null)] : others.map((other) => lineOf(row, ours, other));
}

function lineOf(row: RowResult, ours: ToolResult, other: ToolResult | null): Line {
  const wall = other && ratio(row, "tsync", other.tool, (run) => run.wallSeconds);
  const cpu = other && ratio(row, "tsync", other.tool, cpuSeconds);
  const limit = row.limit !== null && other?.tool === "rsync" ? row.limit : null;
  return {
    ratio: wall ?? -1,
    cells: [
      row.job,
      row.title,
      row.place,
      other?.tool ?? "",
      seconds(ours),
      other === null ? "" : seconds(other),
      wall?.toFixed(2) ?? "",
      limit === null ? "" : `${limit.toFixed(2)}${wall !== null && wall > limit ? " MISSED" : ""}`,
      cpu?.toFixed(2) ?? "",
      peaks(ours) + (isTooBig(row, ours) ? " MISSED" : ""),
      other === null ? "" : peaks(other),
      wire(ours),
      other === null ? "" : wire(other),
    ],
  };
}

function seconds(result: ToolResult): string {
  const value = median(result.runs.map((run) => run.wallSeconds));
  return value.toFixed(value < 1 ? 3 : 2);
}

function peaks({ inspection }: ToolResult): string {
  return [inspection?.clientPeakBytes, inspection?.farPeakBytes]
    .filter((bytes) => bytes != null).map((bytes) => (bytes! / 1e6).toFixed(0)).join(" + ");
}

function wire({ inspection }: ToolResult): string {
  if (inspection === null || inspection.upBytes === null) return "";
  return `${bytesText(inspection.upBytes)} up, ${bytesText(inspection.downBytes!)} down`;
}

function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} KB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

function isTooBig(row: RowResult, { inspection }: ToolResult): boolean {
  const peak = Math.max(inspection?.clientPeakBytes ?? 0, inspection?.farPeakBytes ?? 0);
  return row.limitBytes !== null && peak > row.limitBytes;
}

/** What misses its limit, in words; empty: nothing. */
export function missed(results: Results): string[] {
  const found: string[] = [];
  for (const row of results.rows) {
    const wall = ratio(row, "tsync", "rsync", (run) => run.wallSeconds);
    if (row.limit !== null && wall !== null && wall > row.limit) {
      found.push(`${row.id}: ratio ${wall.toFixed(2)}, limit ${row.limit.toFixed(2)}`);
    }
    const ours = row.tools.find((result) => result.tool === ("tsync" satisfies ToolName));
    if (ours !== undefined && isTooBig(row, ours)) {
      found.push(`${row.id}: peak ${peaks(ours)} MB, limit ${row.limitBytes! / 1e6} MB`);
    }
  }
  return found;
}

function sorted(results: Results): string[][] {
  return results.rows.flatMap(linesOf).sort((a, b) => b.ratio - a.ratio).map((line) => line.cells);
}

export function formatText(results: Results): string {
  const lines = [HEAD, ...sorted(results)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
  const table = lines.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
  return [...table, "", ...results.machine, ...results.versions, ...results.conditions].join("\n");
}

export function formatMarkdown(results: Results): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const list = (lines: string[]) => lines.map((text) => `- ${text}`).join("\n");
  return [
    `Measured on ${results.date}.`,
    "",
    line(HEAD),
    line(HEAD.map(() => "---")),
    ...sorted(results).map(line),
    "",
    list([...results.machine, ...results.versions, ...results.conditions]),
    "",
  ].join("\n");
}

if (import.meta.main) {
  const file = Deno.args[0] ?? new URL("./results/latest.json", import.meta.url);
  console.log(formatMarkdown(JSON.parse(Deno.readTextFileSync(file))));
}
