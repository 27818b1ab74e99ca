// The rows of the bench: which job, on what data, over which line, where, and what tsync may cost there. Pure data; read by main.ts,
// measure.ts and table.ts. Ratios are to the wall time of rsync with defaults unless they name another tool.

import { type ChangeName, type DataName, entriesOf } from "./data.ts";
import type { LinkName } from "./links.ts";
import type { HistoryLine, Job, PlaceName } from "./results.ts";

/** initial: a new target each run. unchanged: the target equals the source. changed: it has an older state. firstContact: the far
 * account has no agent yet. */
export type State = "initial" | "unchanged" | "changed" | "firstContact";

export interface Limit {
  against: string;
  ratio: number;
}

export interface Goals {
  wall: Limit[];
  /** On a file system that shares blocks, instead of the first of `wall`. */
  reflinkWall: number | null;
  /** CPU of both ends together. */
  cpu: Limit | null;
  /** Each process, bytes. */
  peakBytes: number;
  /** Bytes both ways, and up alone. */
  wireBytes: number | null;
  upBytes: number | null;
}

export interface Row {
  id: string;
  title: string;
  job: Job;
  link: LinkName;
  place: PlaceName;
  data: DataName;
  state: State;
  change: ChangeName | null;
  /** More words for tsync. */
  words: string;
  goals: Goals;
  /** How many rounds: short runs scatter more and cost less. */
  rounds(asked: number): number;
  /** Part of --quick: three minutes on two cores that have nothing else to do. */
  quick: boolean;
}

const PLAIN = (asked: number) => asked;
const SHORT = (asked: number) => asked < 5 ? asked : Math.max(asked, Math.min(9, asked * 2 - 1));
/** Plain rsync writes 4 GB each time. */
const SLOW = (asked: number) => asked < 5 ? 1 : asked;
const FEW = (asked: number) => Math.min(asked, 3);

/** Memory of each side: this and so much for each entry. */
const PEAK_BASE_BYTES = 100e6;
const PEAK_ENTRY_BYTES = 100;

/** One line of the tables below; a goal of null: none is set, but never slower than rsync. */
interface Draft {
  id: string;
  title: string;
  data: DataName;
  state?: State;
  change?: ChangeName;
  goal: number | null;
  /** Ratio to other tools than rsync. */
  others?: Limit[];
  /** Goal on a disk, on a reflink file system; null: none but not to be slower. */
  disk?: number;
  reflink?: number;
  /** Whose CPU may not be passed; null: no goal. */
  cpu?: string | null;
  wireBytes?: number;
  upBytes?: number;
  words?: string;
  rounds?: Row["rounds"];
  quick?: boolean;
}

const SMALL = "100,000 files of 1 KB";
const NOOP = `${SMALL}, nothing to do`;
const ONE_PERCENT = `${SMALL}, 1 % changed`;
const SPARSE = "4 GB sparse, 10 MB of data";
const CHANGED = { state: "changed", change: "1 % changed" } as const;
const INSERTED = { state: "changed", change: "2 bytes inserted" } as const;
const INSERTIONS = { state: "changed", change: "100 insertions" } as const;
const IDLE = { state: "unchanged", rounds: SHORT } as const;

const LOCAL: Draft[] = [
  { id: "100k", title: SMALL, data: "100k", goal: 0.35, disk: 0.5, quick: true },
  { id: "100k-noop", title: NOOP, data: "100k", goal: 0.65, ...IDLE, quick: true },
  { id: "100k-1pct", title: ONE_PERCENT, data: "100k", goal: 0.7, ...CHANGED, rounds: SHORT },
  { id: "256m", title: "256 MB", data: "256m", goal: 0.35, reflink: 0.2, rounds: SHORT },
  { id: "1g", title: "1 GB", data: "1g", goal: 0.35, reflink: 0.2 },
  {
    id: "256m-1pct",
    title: "256 MB, 1 % changed",
    data: "256m",
    goal: 0.35,
    reflink: 0.2,
    ...CHANGED,
    rounds: SHORT,
    quick: true,
  },
  { id: "1g-1pct", title: "1 GB, 1 % changed", data: "1g", goal: 0.35, reflink: 0.2, ...CHANGED },
  { id: "sparse", title: SPARSE, data: "sparse", goal: 0.01, rounds: SLOW },
  { id: "mixed", title: "1000 x 1 KB, 100 x 1 MB, 10 x 50 MB, 1 x 1 GB", data: "mixed", goal: 0.18 },
];

const OVER_GCM: Limit[] = [{ against: "rsync gcm", ratio: 0.95 }];
const OVER_SSH: Draft[] = [
  { id: "100k", title: SMALL, data: "100k", goal: 0.5 },
  { id: "100k-noop", title: NOOP, data: "100k", goal: 0.65, ...IDLE, quick: true },
  { id: "100k-1pct", title: ONE_PERCENT, data: "100k", goal: 0.7, ...CHANGED, rounds: SHORT },
  { id: "256m", title: "256 MB", data: "256m", goal: 0.75, others: OVER_GCM, rounds: SHORT, quick: true },
  { id: "1g", title: "1 GB", data: "1g", goal: 0.75, others: OVER_GCM },
  { id: "256m-1pct", title: "256 MB, 1 % changed", data: "256m", goal: 0.7, ...CHANGED, rounds: SHORT, quick: true },
  { id: "1g-1pct", title: "1 GB, 1 % changed", data: "1g", goal: null, wireBytes: 11.6e6, ...CHANGED },
  { id: "256m-insert2", title: "256 MB, 2 bytes inserted", data: "256m", goal: 0.7, ...INSERTED, rounds: SHORT },
  { id: "1g-insert2", title: "1 GB, 2 bytes inserted", data: "1g", goal: null, wireBytes: 0.3e6, ...INSERTED },
  { id: "256m-insert100", title: "256 MB, 100 insertions", data: "256m", goal: 0.7, ...INSERTIONS, rounds: SHORT },
  { id: "1g-insert100", title: "1 GB, 100 insertions", data: "1g", goal: null, wireBytes: 0.6e6, ...INSERTIONS },
  { id: "1g-text", title: "1 GB of text", data: "1g-text", goal: 0.75 },
  { id: "sparse", title: SPARSE, data: "sparse", goal: 0.05, rounds: SLOW },
  { id: "1k", title: "one file of 1 KB", data: "1k", goal: 1.15, cpu: null, rounds: SHORT, quick: true },
];

const WAN_50: Draft[] = [
  { id: "10k", title: "10,000 files of 4 KB, text", data: "10k", goal: 0.4, cpu: "rsync -z", quick: true },
  { id: "100k-noop", title: NOOP, data: "100k", goal: 0.16, ...IDLE, rounds: PLAIN },
  { id: "100m-1pct", title: "100 MB, 1 % changed", data: "100m", goal: 0.85, upBytes: 1.3e6, ...CHANGED, quick: true },
  { id: "100m-text", title: "100 MB of text", data: "100m-text", goal: 0.32, cpu: "rsync -z" },
  { id: "1k", title: "one file of 1 KB", data: "1k", goal: 0.8, cpu: null, quick: true },
];

const WAN_200: Draft[] = [
  {
    id: "10k-changed",
    title: "10,000 changed files of 4 KB, text",
    data: "10k",
    goal: 0.5,
    state: "changed",
    change: "all changed",
    cpu: "rsync -z",
  },
  { id: "100m", title: "100 MB, further connections as needed", data: "100m", goal: 0.9 },
  { id: "100m-one", title: "100 MB, one connection", data: "100m", goal: null, words: "--connections=1" },
  {
    id: "100m-four",
    title: "100 MB, four connections from the start",
    data: "100m",
    goal: 0.9,
    words: "--connections=4",
  },
];

function goalsOf(draft: Draft, place: PlaceName): Goals {
  const isDisk = place === "disk", goal = isDisk ? draft.disk ?? 1 : draft.goal ?? 1;
  const against = draft.cpu === undefined ? "rsync" : draft.cpu;
  return {
    wall: [{ against: "rsync", ratio: goal }, ...(isDisk ? [] : draft.others ?? [])],
    reflinkWall: draft.reflink ?? null,
    cpu: against === null ? null : { against, ratio: 1 },
    peakBytes: PEAK_BASE_BYTES + PEAK_ENTRY_BYTES * entriesOf(draft.data),
    wireBytes: draft.wireBytes ?? null,
    upBytes: draft.upBytes ?? null,
  };
}

function rowOf(draft: Draft, job: Job, link: LinkName, place: PlaceName): Row {
  const prefix = link === "loopback" ? job : link;
  return {
    id: `${prefix}-${draft.id}${place === "disk" ? "-disk" : ""}`,
    title: draft.title,
    job,
    link,
    place,
    data: draft.data,
    state: draft.state ?? "initial",
    change: draft.change ?? null,
    words: draft.words ?? "",
    goals: goalsOf(draft, place),
    rounds: draft.rounds ?? PLAIN,
    // A pull of the same is one more minute.
    quick: place === "tmpfs" && job !== "pull" && (draft.quick ?? false),
  };
}

/** The agent is put there anew each time: nothing else does that, so there is nothing to compare with. */
const FIRST_CONTACT: Row = {
  ...rowOf(
    { id: "first-contact", title: "first contact: the agent is deployed", data: "1k", goal: null, cpu: null },
    "push",
    "loopback",
    "tmpfs",
  ),
  id: "first-contact",
  state: "firstContact",
};
const MILLION: Draft = {
  id: "1m-noop",
  title: "1,000,000 entries, nothing to do",
  data: "1m",
  goal: null,
  state: "unchanged",
  rounds: FEW,
};

export const ROWS: Row[] = [
  ...LOCAL.map((draft) => rowOf(draft, "local", "loopback", "tmpfs")),
  ...OVER_SSH.map((draft) => rowOf(draft, "push", "loopback", "tmpfs")),
  ...OVER_SSH.map((draft) => rowOf(draft, "pull", "loopback", "tmpfs")),
  ...WAN_50.map((draft) => rowOf(draft, "push", "wan50", "tmpfs")),
  ...WAN_200.map((draft) => rowOf(draft, "push", "wan200", "tmpfs")),
  FIRST_CONTACT,
  rowOf(MILLION, "push", "loopback", "tmpfs"),
  ...LOCAL.map((draft) => rowOf(draft, "local", "loopback", "disk")),
  ...OVER_SSH.map((draft) => rowOf(draft, "push", "loopback", "disk")),
  ...OVER_SSH.map((draft) => rowOf(draft, "pull", "loopback", "disk")),
];

/** The rows whose id a pattern names: with `*` for anything, or a part of the id; the very id is only itself. */
export function rowsNamed(pattern: string, rows: Row[] = ROWS): Row[] {
  const exact = rows.filter((row) => row.id === pattern);
  if (exact.length > 0) return exact;
  if (!pattern.includes("*")) return rows.filter((row) => row.id.includes(pattern));
  const source = pattern.split("*").map((part) => part.replace(/[^\w-]/g, "\\$&")).join(".*");
  return rows.filter((row) => new RegExp(`^${source}$`).test(row.id));
}

/** One goal of a row, held against a line of the history. */
export interface Verdict {
  /** "wall", "CPU", "memory", "wire", "sent". */
  what: string;
  value: number;
  limit: number;
  against: string | null;
  isMet: boolean;
}

/** All goals that the line has figures for; the one for the wall time of rsync comes first. */
export function judge(row: Row, line: HistoryLine): Verdict[] {
  const { goals } = row, found: Verdict[] = [];
  const hold = (what: string, value: number | undefined | null, limit: number | null, against: string | null) => {
    if (value != null && limit !== null) found.push({ what, value, limit, against, isMet: value <= limit });
  };
  goals.wall.forEach(({ against, ratio }, i) => {
    const limit = i === 0 && line.isReflink && goals.reflinkWall !== null ? goals.reflinkWall : ratio;
    hold("wall", line.ratios[against], limit, against);
  });
  if (goals.cpu !== null) hold("CPU", line.cpuRatios[goals.cpu.against], goals.cpu.ratio, goals.cpu.against);
  const rss = line.rss.tsync, wire = line.wire.tsync;
  if (rss !== undefined) hold("memory", Math.max(rss[0] ?? 0, rss[1] ?? 0), goals.peakBytes, null);
  if (wire !== undefined) {
    hold("wire", wire[0] + wire[1], goals.wireBytes, null);
    hold("sent", wire[0], goals.upBytes, null);
  }
  return found;
}
