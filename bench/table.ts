// Turns lines of the history into tables, losses first: as plain text for the terminal, as markdown for the README.
// As a program (deno task bench:table): puts the newest line of each row into README.md between its two markers, whichever runs they
// come from. Promises: a goal that is missed, and a peer that does not count, are said.

import { FULL_ROUNDS, newest, readHistory } from "./history.ts";
import type { HistoryLine } from "./results.ts";
import { judge, type Row, ROWS, type Verdict } from "./rows.ts";

export const BEGIN = "<!-- bench: begin; written by deno task bench:table -->";
export const END = "<!-- bench: end -->";

const HEAD = [
  "row",
  "tsync s",
  "rsync s",
  "ratio",
  "goal",
  "CPU",
  "peak MB, tsync",
  "rsync",
  "wire, tsync",
  "rsync",
  "tsync's ratio to others",
];

/** The words before a row's title, unless it is a local one on tmpfs. */
function place(row: Row): string {
  const job = { local: "local", push: "push", pull: "pull" }[row.job];
  const way =
    { loopback: row.job === "local" ? "" : " ssh", wan50: " 100 Mbit/s 50 ms", wan200: " 100 Mbit/s 200 ms" }[row.link];
  return `${job}${way}${row.place === "disk" ? ", disk" : ""}`;
}

function cellsOf(row: Row, line: HistoryLine): string[] {
  const verdicts = judge(row, line), ratio = line.ratios.rsync;
  const others = Object.entries(line.ratios).filter(([tool]) => tool !== "rsync").map(([tool, value]) =>
    `${tool} ${value.toFixed(2)}${
      marked(verdicts.find((verdict) => verdict.what === "wall" && verdict.against === tool))
    }`
  );
  const rounds = line.rounds < FULL_ROUNDS ? ` (${line.rounds} ${line.rounds === 1 ? "round" : "rounds"})` : "";
  return [
    `${place(row)}: ${row.title}${rounds}`,
    seconds(line.seconds.tsync),
    seconds(line.seconds.rsync),
    ratio?.toFixed(ratio < 0.095 ? 3 : 2) ?? "",
    goal(verdicts.find((verdict) => verdict.what === "wall" && verdict.against === "rsync")),
    cpu(line, verdicts.find((verdict) => verdict.what === "CPU")),
    peaks(line.rss.tsync) + marked(verdicts.find((verdict) => verdict.what === "memory")),
    peaks(line.rss.rsync),
    wire(line.wire.tsync) +
    (verdicts.filter((verdict) => /wire|sent/.test(verdict.what)).map(marked).find((text) => text !== "") ?? ""),
    wire(line.wire.rsync),
    [...others, ...Object.keys(line.leftOut).map((tool) => `${tool} failed`)].join(", "),
  ];
}

function marked(verdict: Verdict | undefined): string {
  return verdict === undefined || verdict.isMet ? "" : " MISSED";
}

function goal(verdict: Verdict | undefined): string {
  return verdict === undefined ? "" : `${verdict.limit.toFixed(2)} ${verdict.isMet ? "ok" : "MISSED"}`;
}

function cpu(line: HistoryLine, verdict: Verdict | undefined): string {
  const value = verdict?.value ?? line.cpuRatios.rsync;
  if (value === undefined) return "";
  const against = verdict === undefined || verdict.against === "rsync" ? "" : ` of ${verdict.against}`;
  return value.toFixed(2) + against + marked(verdict);
}

function seconds(value: number | undefined): string {
  return value?.toFixed(value < 1 ? 3 : 2) ?? "";
}

function peaks(sides: [number | null, number | null] | undefined): string {
  const known: (number | null)[] = sides ?? [];
  return known.filter((bytes) => bytes !== null).map((bytes) => (bytes! / 1e6).toFixed(0)).join(" + ");
}

function wire(bytes: [number, number] | undefined): string {
  return bytes === undefined ? "" : bytesText(bytes[0] + bytes[1]);
}

function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e5 ? 1 : 0)} KB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

/** Losses to rsync first, then what misses a goal, then the rest; each by its ratio to rsync, the largest first. */
export function sorted(lines: HistoryLine[], rows: Row[] = ROWS): { row: Row; line: HistoryLine }[] {
  const rank = ({ row, line }: { row: Row; line: HistoryLine }) =>
    (line.ratios.rsync ?? 0) > 1 ? 0 : judge(row, line).some((verdict) => !verdict.isMet) ? 1 : 2;
  return lines.flatMap((line) => rows.filter((row) => row.id === line.row).map((row) => ({ row, line })))
    .sort((a, b) => rank(a) - rank(b) || (b.line.ratios.rsync ?? 0) - (a.line.ratios.rsync ?? 0));
}

/** What misses a goal, in words; empty: nothing. */
export function missed(lines: HistoryLine[], rows: Row[] = ROWS): string[] {
  return sorted(lines, rows).flatMap(({ row, line }) =>
    judge(row, line).filter((verdict) => !verdict.isMet).map(({ what, value, limit, against }) =>
      against === null
        ? `${row.id}: ${what} ${bytesText(value)}, goal ${bytesText(limit)}`
        : `${row.id}: ${what} ${value.toFixed(2)} of ${against}'s, goal ${limit.toFixed(2)}`
    )
  );
}

export function formatText(lines: HistoryLine[], rows: Row[] = ROWS): string {
  const cells = [HEAD, ...sorted(lines, rows).map(({ row, line }) => cellsOf(row, line))];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  return cells.map((line) => line.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()).join("\n");
}

/** The README's table with what one must know to read it. */
export function formatMarkdown(lines: HistoryLine[], rows: Row[] = ROWS): string {
  const found = sorted(lines, rows).map(({ row, line }) => cellsOf(row, line));
  const widths = HEAD.map((head, column) => Math.max(3, head.length, ...found.map((cells) => cells[column].length)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [
    line(HEAD),
    line(widths.map((width) => "-".repeat(width))),
    ...found.map(line),
    "",
    ...unique(lines.map(({ machine }) => machine)).map((machine) => `Machine: ${machine}.`),
    "",
    ...unique(lines.map(({ programs }) => programs.join("; "))).map((programs) => `Programs: ${programs}.`),
    "",
    `Source: ${
      unique(lines.map(({ commit, date }) => `${commit} (${date})`)).map((text) =>
        `${text}, ${lines.filter(({ commit, date }) => `${commit} (${date})` === text).length} rows`
      ).join("; ")
    }.`,
  ].join("\n");
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)];
}

/** Puts the table between the markers of a README. Throws when it has not both of them, in order, once. */
export function putIntoReadme(readme: string, table: string): string {
  const begin = readme.indexOf(BEGIN), end = readme.indexOf(END);
  const isOnce = [BEGIN, END].every((marker) => readme.indexOf(marker) === readme.lastIndexOf(marker));
  if (begin < 0 || end < begin || !isOnce) {
    throw new Error(`the README needs "${BEGIN}" and "${END}" once each, in this order`);
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const readme = new URL("../README.md", import.meta.url);
  const lines = newest(readHistory(), ROWS.map((row) => row.id));
  if (lines.length === 0) throw new Error("the history is empty: deno task bench first");
  Deno.writeTextFileSync(readme, putIntoReadme(Deno.readTextFileSync(readme), formatMarkdown(lines)));
  console.log(`README.md: ${lines.length} of ${ROWS.length} rows, ${missed(lines).length} goals missed`);
}
