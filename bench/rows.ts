// The rows of the bench: which job, on what data, where, and the most that tsync may cost there.

import type { DataName } from "./data.ts";
import type { Job, PlaceName, ToolName } from "./results.ts";

export interface Row {
  id: string;
  title: string;
  job: Job;
  place: PlaceName;
  data: DataName;
  /** initial: a new target each run. unchanged: the target equals the source. firstContact: the far account has no agent yet. */
  state: "initial" | "unchanged" | "firstContact";
  tools: ToolName[];
  limit: number | null;
  limitBytes: number | null;
  /** How many rounds: short runs scatter more and cost less. */
  rounds(asked: number): number;
  /** Part of --quick. */
  quick: boolean;
}

const BOTH: ToolName[] = ["tsync", "rsync"];
const SHORT = (asked: number) => Math.max(asked, Math.min(9, asked * 2 - 1));
const PLAIN = (asked: number) => asked;
/** Plain rsync writes 4 GB each time. */
const SLOW = (asked: number) => asked < 5 ? 1 : asked;
const FEW = (asked: number) => Math.min(asked, 3);

interface Extra {
  state?: Row["state"];
  tools?: ToolName[];
  limit?: number;
  limitBytes?: number;
  rounds?: Row["rounds"];
  quick?: boolean;
}

function row(job: Job, place: PlaceName, data: DataName, id: string, title: string, extra: Extra = {}): Row {
  return {
    id: place === "disk" ? `${id}-disk` : id,
    title,
    job,
    place,
    data,
    state: extra.state ?? "initial",
    tools: extra.tools ?? BOTH,
    limit: extra.limit ?? null,
    limitBytes: extra.limitBytes ?? null,
    rounds: extra.rounds ?? PLAIN,
    quick: extra.quick ?? false,
  };
}

const SMALL = "100,000 files of 1 KB";
const NOOP = `${SMALL}, nothing to do`;
const LARGE = "one file of 256 MB";
const SPARSE = "4 GB sparse file with 10 MB of data";

export const ROWS: Row[] = [
  row("local", "tmpfs", "small files", "local-100k", SMALL, { limit: 0.7, quick: true }),
  row("local", "tmpfs", "small files", "local-100k-noop", NOOP, {
    state: "unchanged",
    limit: 1.0,
    rounds: SHORT,
    quick: true,
  }),
  row("push", "tmpfs", "small files", "push-100k", SMALL, { limit: 0.7, quick: true }),
  row("push", "tmpfs", "small files", "push-100k-noop", NOOP, {
    state: "unchanged",
    limit: 0.85,
    rounds: SHORT,
    quick: true,
  }),
  row("push", "tmpfs", "large file", "push-256m", LARGE, { limit: 1.0, rounds: SHORT, quick: true }),
  row("push", "tmpfs", "sparse file", "push-sparse", SPARSE, {
    limit: 0.1,
    tools: ["tsync", "rsync", "rsync -S"],
    rounds: SLOW,
    quick: true,
  }),
  row("push", "tmpfs", "one file", "push-1k", "one file of 1 KB", { limit: 1.3, rounds: SHORT, quick: true }),
  row("pull", "tmpfs", "small files", "pull-100k", SMALL),
  row("pull", "tmpfs", "small files", "pull-100k-noop", NOOP, { state: "unchanged", rounds: SHORT }),
  row("pull", "tmpfs", "large file", "pull-256m", LARGE, { rounds: SHORT }),
  row("local", "tmpfs", "large file", "local-256m", LARGE, { rounds: SHORT }),
  row("local", "tmpfs", "sparse file", "local-sparse", SPARSE, { tools: ["tsync", "rsync", "rsync -S"], rounds: SLOW }),
  row("push", "tmpfs", "one file", "first-contact", "first contact: the agent is deployed", {
    state: "firstContact",
    tools: ["tsync"],
  }),
  row("local", "disk", "small files", "local-100k", SMALL, { limit: 0.7 }),
  row("local", "disk", "small files", "local-100k-noop", NOOP, { state: "unchanged", limit: 1.0, rounds: SHORT }),
  row("local", "disk", "large file", "local-256m", LARGE),
  row("push", "disk", "small files", "push-100k", SMALL, { limit: 0.7 }),
  row("push", "disk", "small files", "push-100k-noop", NOOP, { state: "unchanged", limit: 0.85, rounds: SHORT }),
  row("push", "disk", "large file", "push-256m", LARGE, { limit: 1.0 }),
  row("pull", "disk", "small files", "pull-100k", SMALL),
  row("push", "tmpfs", "many entries", "push-1m-noop", "a million entries, nothing to do", {
    state: "unchanged",
    limitBytes: 200e6,
    rounds: FEW,
  }),
];
