// What a bench run found, and how it stands in results/history.jsonl: one line for each row. Written by main.ts, read by table.ts.

export type Job = "local" | "push" | "pull";
export type PlaceName = "tmpfs" | "disk";

/** One timed run. */
export interface Run {
  wallSeconds: number;
  /** User and system seconds of the client's side: the program and its ssh. */
  clientCpuSeconds: number;
  /** User and system seconds of the far side: sshd's children, the shell, the agent; 0 for a local job. */
  farCpuSeconds: number;
}

/** One run that is looked at and not timed. */
export interface Inspection {
  /** VmHWM of the largest process of each side, bytes, ssh and shells left out; null: there is none. */
  clientPeakBytes: number | null;
  farPeakBytes: number | null;
  /** What crossed the TCP connection of ssh, encrypted, handshake included; null for a local job. */
  upBytes: number | null;
  downBytes: number | null;
}

export interface ToolResult {
  tool: string;
  /** One per round, in order. A tool that is many times slower than rsync runs only once. */
  runs: Run[];
  inspection: Inspection | null;
}

export interface RowResult {
  id: string;
  /** The place's file system can share blocks. */
  isReflink: boolean;
  tools: ToolResult[];
  /** Peers that do not count here, and why: an error, or a tree that is not what it should be. */
  leftOut: { tool: string; why: string }[];
}

/** Where and of what a run was. */
export interface Circumstances {
  /** Of tsync's source, with "+" where files were changed since. */
  commit: string;
  date: string;
  machine: string;
  programs: string[];
}

/** One line of the history. */
export interface HistoryLine extends Circumstances {
  row: string;
  rounds: number;
  /** The place's file system can share blocks. */
  isReflink: boolean;
  /** tsync's wall time and CPU time in units of each other tool's: medians of the ratios within a round. */
  ratios: Record<string, number>;
  cpuRatios: Record<string, number>;
  /** Median wall and CPU seconds. */
  seconds: Record<string, number>;
  cpuSeconds: Record<string, number>;
  /** Wall times of all rounds, in order. */
  walls: Record<string, number[]>;
  /** Peak memory, bytes: client, far side. */
  rss: Record<string, [number | null, number | null]>;
  /** Bytes on the wire: up, down. */
  wire: Record<string, [number, number]>;
  leftOut: Record<string, string>;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function wallSeconds(run: Run): number {
  return run.wallSeconds;
}

export function cpuSeconds(run: Run): number {
  return run.clientCpuSeconds + run.farCpuSeconds;
}

/** Median over the rounds of one tool's figure in units of the other's in the same round; null where one of them did not run. */
export function ratio(row: RowResult, tool: string, to: string, figure: (run: Run) => number): number | null {
  const mine = row.tools.find((result) => result.tool === tool)?.runs ?? [];
  const theirs = row.tools.find((result) => result.tool === to)?.runs ?? [];
  const rounds = Math.min(mine.length, theirs.length);
  if (rounds === 0) return null;
  return median(Array.from({ length: rounds }, (_, round) => figure(mine[round]) / figure(theirs[round])));
}

/** Puts what was found into a line of the history. `ours`: the tool whose ratios count. */
export function historyLine(row: RowResult, about: Circumstances, ours = "tsync"): HistoryLine {
  const ran = row.tools.filter((result) => result.runs.length > 0);
  const line: HistoryLine = {
    ...about,
    row: row.id,
    isReflink: row.isReflink,
    rounds: Math.max(0, ...ran.map((result) => result.runs.length)),
    ratios: {},
    cpuRatios: {},
    seconds: {},
    cpuSeconds: {},
    walls: {},
    rss: {},
    wire: {},
    leftOut: Object.fromEntries(row.leftOut.map(({ tool, why }) => [tool, why])),
  };
  for (const { tool, runs, inspection } of ran) {
    if (tool !== ours) {
      const wall = ratio(row, ours, tool, wallSeconds), cpu = ratio(row, ours, tool, cpuSeconds);
      if (wall !== null) line.ratios[tool] = rounded(wall);
      if (cpu !== null && Number.isFinite(cpu)) line.cpuRatios[tool] = rounded(cpu);
    }
    line.seconds[tool] = rounded(median(runs.map(wallSeconds)));
    line.cpuSeconds[tool] = rounded(median(runs.map(cpuSeconds)));
    line.walls[tool] = runs.map(wallSeconds).map(rounded);
    if (inspection === null) continue;
    line.rss[tool] = [inspection.clientPeakBytes, inspection.farPeakBytes];
    if (inspection.upBytes !== null) line.wire[tool] = [inspection.upBytes, inspection.downBytes ?? 0];
  }
  return line;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
