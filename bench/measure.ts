// Measures one row: prepares the target anew, runs the tools in rotated order, compares the trees after every run, then looks at one
// more run of some tools for memory and bytes on the wire. Called by main.ts.
// Promises: only runs whose tree was right are counted; a peer that fails is left out of the row with the reason, tsync's or rsync's
// failure is the row's.

import { manifest, mustEqual, mustHaveEqualContent } from "./compare.ts";
import type { FarSide, Way } from "./far_side.ts";
import { type Cost, runCommand, type Sides, touchMemory } from "./meter.ts";
import { fillIn, type Peer, suits } from "./peers.ts";
import type { PlaceName, RowResult, ToolResult } from "./results.ts";
import type { Row } from "./rows.ts";
import { type KnownData, LOW_MEMORY_BYTES, Targets } from "./targets.ts";

export interface Bench {
  tsync: string;
  peers: Peer[];
  rounds: number;
  /** Look at tsync's memory and bytes only. */
  quick: boolean;
  places: Record<PlaceName, string>;
  far: FarSide | null;
  sides: Sides;
  env: Record<string, string>;
  targets: Targets;
  isInterrupted(): boolean;
  say(text: string): void;
}

/** How one run is made and looked at. */
interface Look {
  way: Way;
  /** Memory, while it runs: such a run's time does not count. */
  watch: boolean;
  /** Compare content, not only metadata. */
  full: boolean;
}

/** The two that a row cannot do without. */
const NEEDED = ["tsync", "rsync"];
/** Whose memory and bytes are looked at, beside tsync's: the others' are of no use to a goal. */
const INSPECTED = ["rsync", "rsync -z"];
/** A peer that is so many times slower than rsync, and takes so long, has said all it has to say after one round. */
const SLOW_RATIO = 4, SLOW_SECONDS = 5;

export async function measureRow(bench: Bench, row: Row): Promise<RowResult> {
  const data = await bench.targets.dataOf(row.data, row.place);
  const peers = bench.peers.filter((peer) => suits(peer, row));
  let results: ToolResult[] = peers.map(({ name }) => ({ tool: name, runs: [], inspection: null }));
  const leftOut: RowResult["leftOut"] = [];
  if (row.job !== "local") await warmUp(bench, row.link);
  const rounds = row.rounds(bench.rounds);
  /** null: the tool is left out from now on. */
  const attempt = async (result: ToolResult, look: Look): Promise<Cost | null> => {
    try {
      return await runOnce(bench, row, data, peers.find(({ name }) => name === result.tool)!, look);
    } catch (error) {
      if (NEEDED.includes(result.tool) || bench.isInterrupted()) throw error;
      const why = shortened(error);
      leftOut.push({ tool: result.tool, why });
      results = results.filter((other) => other !== result);
      bench.say(`${row.id} ${result.tool} is left out: ${why}`);
      return null;
    }
  };

  for (let round = 0; round < rounds; round++) {
    for (const result of rotated(results, round)) {
      if (round > 0 && isSlow(result, results)) continue;
      const cost = await attempt(result, {
        way: row.link,
        watch: false,
        full: round === 0 || row.state !== "unchanged",
      });
      if (cost === null) continue;
      const { wallSeconds, clientCpuSeconds, farCpuSeconds } = cost;
      result.runs.push({ wallSeconds, clientCpuSeconds, farCpuSeconds });
      bench.say(`${row.id} ${round + 1}/${rounds} ${result.tool} ${wallSeconds.toFixed(3)} s`);
    }
  }
  const isInspected = ({ tool }: ToolResult) => tool === "tsync" || !bench.quick && INSPECTED.includes(tool);
  // The same programs on the same data hold and send the same on a disk.
  for (const result of row.place === "tmpfs" ? results.filter(isInspected) : []) {
    const way = row.link === "loopback" ? "counted" : row.link;
    if (row.job !== "local") await bench.far!.takeCounts(way);
    const cost = await attempt(result, { way, watch: true, full: row.state !== "unchanged" });
    if (cost === null) continue;
    const { clientPeakBytes, farPeakBytes } = cost;
    const counts = row.job === "local" ? null : await bench.far!.takeCounts(way);
    result.inspection = {
      clientPeakBytes,
      farPeakBytes: row.job === "local" ? null : farPeakBytes,
      upBytes: counts?.upBytes ?? null,
      downBytes: counts?.downBytes ?? null,
    };
  }
  return { id: row.id, isReflink: await bench.targets.isReflink(row.place), tools: results, leftOut };
}

/** What a peer said, without its command line. */
function shortened(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(Math.max(0, text.indexOf("ended with code"))).trim().split("\n").slice(0, 4).join("; ").slice(
    0,
    300,
  );
}

/** Each round another tool is first. */
export function rotated<T>(items: T[], round: number): T[] {
  return items.map((_, i) => items[(i + round) % items.length]);
}

function isSlow(result: ToolResult, results: ToolResult[]): boolean {
  const first = (tool: string) => results.find((other) => other.tool === tool)?.runs[0]?.wallSeconds ?? Infinity;
  const mine = first(result.tool);
  return !NEEDED.includes(result.tool) && mine > SLOW_SECONDS && mine > SLOW_RATIO * first("rsync");
}

/** Prepares, runs, compares (metadata always, content when `full`), clears. Throws what is wrong. */
async function runOnce(bench: Bench, row: Row, data: KnownData, peer: Peer, look: Look): Promise<Cost> {
  const { targets } = bench;
  if (row.state === "firstContact") Deno.removeSync(`${bench.far!.home}/.tsync`, { recursive: true });
  const target = await targets.prepare(row, data);
  let isRight = false;
  try {
    const argv = await argvOf(bench, row, peer, data, target, look.way);
    // What the run before has left in the cache is not this one's to write.
    if (row.place === "disk") await new Deno.Command("sync").output();
    touchMemory(bench.places.tmpfs, Math.min(data.copyBytes, Math.max(0, targets.availableBytes() - LOW_MEMORY_BYTES)));
    const cost = await runCommand(argv, bench.sides, bench.env, look.watch);
    await compare(row, peer.name, data, target, look.full);
    isRight = true;
    return cost;
  } finally {
    targets.release(row, data, target, isRight);
  }
}

async function argvOf(
  bench: Bench,
  row: Row,
  peer: Peer,
  data: KnownData,
  target: string,
  way: Way,
): Promise<string[]> {
  const host = row.job === "local" ? "" : await bench.far!.host(way);
  const slash = data.path.lastIndexOf("/");
  const line = fillIn(peer.lines[row.job]!, {
    tsync: bench.tsync,
    words: row.words,
    from: (row.job === "pull" ? `${host}:` : "") + data.path + (data.isTree ? "/" : ""),
    to: (row.job === "push" ? `${host}:` : "") + target + "/",
    source: data.path,
    folder: data.isTree ? data.path : data.path.slice(0, slash),
    entry: data.isTree ? "." : data.path.slice(slash + 1),
    target,
    host,
    ssh: bench.far?.rsh ?? "ssh",
    bin: bench.far?.bin ?? "",
  });
  return ["sh", "-c", line];
}

async function compare(row: Row, tool: string, data: KnownData, target: string, full: boolean): Promise<void> {
  const what = `${row.id}, ${tool}`;
  const there = data.isTree ? target : `${target}/${data.path.slice(data.path.lastIndexOf("/") + 1)}`;
  mustEqual(data.lines, await manifest(there), what);
  if (full) await mustHaveEqualContent(data.path, there, what);
}

const warm = new Set<string>();

/** Deploys the agent, and opens and checks the line, so that no row but the one of first contact pays for it. */
async function warmUp(bench: Bench, way: Way): Promise<void> {
  const host = await bench.far!.host(way);
  if (warm.has(host)) return;
  const { path } = await bench.targets.dataOf("1k", "tmpfs");
  const target = `${bench.places.tmpfs}/warm-up`;
  await runCommand([bench.tsync, "-a", "-e", bench.far!.rsh, path, `${host}:${target}`], bench.sides, bench.env, false);
  warm.add(host);
}
