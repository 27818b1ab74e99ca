// What a bench run found, as it stands in results/latest.json. Written by main.ts, read by table.ts.

export type ToolName = "tsync" | "rsync" | "rsync -S";
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
  tool: ToolName;
  /** One per round, in order. */
  runs: Run[];
  inspection: Inspection | null;
}

export interface RowResult {
  id: string;
  title: string;
  job: Job;
  place: PlaceName;
  /** Most that tsync's wall time may be in units of rsync's; null: no limit is set. */
  limit: number | null;
  /** Most that each of tsync's processes may hold, bytes; null: no limit is set. */
  limitBytes: number | null;
  tools: ToolResult[];
}

export interface Results {
  date: string;
  machine: string[];
  versions: string[];
  /** How CPU time was counted, what was flushed, and what else one must know to read the numbers. */
  conditions: string[];
  rows: RowResult[];
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function cpuSeconds(run: Run): number {
  return run.clientCpuSeconds + run.farCpuSeconds;
}

/** Median over the rounds of one tool's figure in units of the other's in the same round; null where one of them did not run. */
export function ratio(row: RowResult, tool: ToolName, to: ToolName, figure: (run: Run) => number): number | null {
  const mine = row.tools.find((result) => result.tool === tool)?.runs ?? [];
  const theirs = row.tools.find((result) => result.tool === to)?.runs ?? [];
  const rounds = Math.min(mine.length, theirs.length);
  if (rounds === 0) return null;
  return median(Array.from({ length: rounds }, (_, round) => figure(mine[round]) / figure(theirs[round])));
}
