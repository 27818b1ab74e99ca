// Measures one row: prepares, runs the tools in rotated order, compares the trees after every run, then looks at one more run of
// each tool for memory and bytes on the wire. Called by main.ts.

import { manifest, mustEqual, mustHaveEqualContent, mustHaveEqualSamples } from "./compare.ts";
import { type DataName, type DataSet, makeData, seededRandom } from "./data.ts";
import type { FarSide } from "./far_side.ts";
import { type Cost, runCommand, type Sides, touchMemory } from "./meter.ts";
import type { PlaceName, RowResult, ToolName, ToolResult } from "./results.ts";
import type { Row } from "./rows.ts";

export interface Bench {
  tsync: string;
  rounds: number;
  /** Look at memory and bytes on the wire too. */
  inspects: boolean;
  places: Record<PlaceName, string>;
  far: FarSide | null;
  sides: Sides;
  env: Record<string, string>;
  say(text: string): void;
}

interface KnownData extends DataSet {
  lines: string[];
}

/** What is made once and used by several rows: data sets, and targets that equal them. */
const made = new Map<string, Promise<unknown>>();

function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  if (!made.has(key)) made.set(key, make());
  return made.get(key) as Promise<T>;
}

/** tmpfs is memory: below this, targets go as soon as they are compared. */
const LOW_MEMORY_BYTES = 6e9;

let targets = 0;

export async function measureRow(bench: Bench, row: Row): Promise<RowResult> {
  const data = await dataOf(bench, row.data, row.place);
  const results: ToolResult[] = row.tools.map((tool) => ({ tool, runs: [], inspection: null }));
  const old: string[] = [];
  if (row.job !== "local") await warmUp(bench);
  const oneRun = async (tool: ToolName, full: boolean, host: string, watch: boolean): Promise<Cost> => {
    const target = await prepare(bench, row, data);
    if (row.state !== "unchanged") old.push(target);
    const cost = await runCommand(argvOf(bench, row, tool, data, target, host), bench.sides, bench.env, watch);
    await compare(row, tool, data, target, full);
    // What rsync makes of a sparse file fills the memory at once.
    const isTight = row.data === "sparse file" || (row.place === "tmpfs" && availableBytes() < LOW_MEMORY_BYTES);
    if (row.state !== "unchanged" && isTight) remove(target);
    return cost;
  };

  try {
    const rounds = row.rounds(bench.rounds);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < results.length; i++) {
        const result = results[(i + round) % results.length];
        const { wallSeconds, clientCpuSeconds, farCpuSeconds } = await oneRun(result.tool, round === 0, "bench", false);
        result.runs.push({ wallSeconds, clientCpuSeconds, farCpuSeconds });
        bench.say(`${row.id} ${round + 1}/${rounds} ${result.tool} ${wallSeconds.toFixed(3)} s`);
      }
    }
    // The same programs on the same data hold and send the same on a disk.
    for (const result of bench.inspects && row.place === "tmpfs" ? results : []) {
      bench.far?.takeCounts();
      const { clientPeakBytes, farPeakBytes } = await oneRun(result.tool, false, "bench-counted", true);
      const counts = row.job === "local" ? null : bench.far!.takeCounts();
      result.inspection = {
        clientPeakBytes,
        farPeakBytes: row.job === "local" ? null : farPeakBytes,
        upBytes: counts?.upBytes ?? null,
        downBytes: counts?.downBytes ?? null,
      };
    }
  } finally {
    // On a disk, files that are made after a large deletion cost more: there, main.ts removes everything at the end.
    if (row.place === "tmpfs") old.forEach(remove);
    if (row.data === "many entries") await forgetData(bench, row);
  }
  const { id, title, job, place, limit, limitBytes } = row;
  return { id, title, job, place, limit, limitBytes, tools: results };
}

function dataOf(bench: Bench, name: DataName, place: PlaceName): Promise<KnownData> {
  return once(`${place} ${name}`, async () => {
    if (place === "tmpfs") {
      bench.say(`making ${name}`);
      const data = makeData(name, `${bench.places.tmpfs}/data`);
      return { ...data, lines: await manifest(data.path) };
    }
    const { path, isTree, lines } = await dataOf(bench, name, "tmpfs");
    const copy = path.replace(bench.places.tmpfs, bench.places.disk);
    await copyTree(path, copy);
    return { path: copy, isTree, lines, copyBytes: 0 };
  });
}

/** A target that equals the data, for all runs that have nothing to do. */
function equalTarget(bench: Bench, row: Row, data: KnownData): Promise<string> {
  return once(`${row.place} ${row.data} target`, async () => {
    const target = `${bench.places[row.place]}/equal-${row.data.replaceAll(" ", "-")}`;
    await copyTree(data.path, target);
    return target;
  });
}

async function forgetData(bench: Bench, row: Row): Promise<void> {
  remove((await dataOf(bench, row.data, row.place)).path);
  remove(await equalTarget(bench, row, await dataOf(bench, row.data, row.place)));
  made.delete(`${row.place} ${row.data}`);
  made.delete(`${row.place} ${row.data} target`);
}

async function copyTree(from: string, to: string): Promise<void> {
  await must("cp", ["-a", from, to]);
}

async function must(program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

/** Deploys the agent, so that no row but the one of first contact pays for it. */
function warmUp(bench: Bench): Promise<void> {
  return once("agent", async () => {
    const { path } = await dataOf(bench, "one file", "tmpfs");
    await runCommand(
      [bench.tsync, "-a", "-e", bench.far!.rsh, path, `bench:${bench.places.tmpfs}/warm-up`],
      bench.sides,
      bench.env,
      false,
    );
  });
}

/** Makes the target's place ready, and what a run disturbs if it meets it first: cold memory, dirty pages of the run before. */
async function prepare(bench: Bench, row: Row, data: KnownData): Promise<string> {
  if (row.state === "firstContact") remove(`${bench.far!.home}/.tsync`);
  if (row.place === "disk") await must("sync", []);
  if (row.state === "unchanged") return await equalTarget(bench, row, data);
  touchMemory(bench.places.tmpfs, data.copyBytes);
  const target = `${bench.places[row.place]}/target-${++targets}`;
  if (!data.isTree) Deno.mkdirSync(target);
  return target;
}

function argvOf(bench: Bench, row: Row, tool: ToolName, data: KnownData, target: string, host: string): string[] {
  const program = tool === "tsync" ? [bench.tsync] : tool.split(" ");
  const rsh = row.job === "local" ? [] : ["-e", bench.far!.rsh];
  const from = (row.job === "pull" ? `${host}:` : "") + data.path + (data.isTree ? "/" : "");
  const to = (row.job === "push" ? `${host}:` : "") + target + "/";
  return [...program, "-a", ...rsh, from, to];
}

async function compare(row: Row, tool: ToolName, data: KnownData, target: string, full: boolean): Promise<void> {
  const what = `${row.id}, ${tool}`;
  const there = data.isTree ? target : `${target}/${data.path.slice(data.path.lastIndexOf("/") + 1)}`;
  mustEqual(data.lines, await manifest(there), what);
  if (full) await mustHaveEqualContent(data.path, there, what);
  else mustHaveEqualSamples(data.path, there, data.lines, seededRandom(targets), what);
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function availableBytes(): number {
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/meminfo"))![1]) * 1024;
}
