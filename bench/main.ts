// tsync beside rsync and the other tools that are installed (peers.ts), row by row (rows.ts):
//   deno task bench [--quick] [--row=PATTERN]... [--place=tmpfs|disk] [--rounds=N] [--peers=NAME,...|none] [--disk=FOLDER] [--first]
//                   [--tsync=FILE] [--date=DATE]
// PATTERN: an id, a part of ids, or with * for anything. --disk: a folder on the disk to measure on; --first: before all other work of
// this machine (root). Appends a line for each row to results/history.jsonl, unless --tsync names another program, and prints one table.
// Exits 1 when a row failed, else 0, whatever the ratios. Removes all it made and ends all it started, also when it is interrupted.

import { parseArgs } from "@std/cli/parse-args";
import { openFarSide } from "./far_side.ts";
import { append, circumstances } from "./history.ts";
import { describeMachine, goFirst } from "./machine.ts";
import { type Bench, measureRow } from "./measure.ts";
import { chooseAccounting, type CpuAccount, endProcess } from "./meter.ts";
import { detect, isPlain, PEERS, versionOf } from "./peers.ts";
import { type HistoryLine, historyLine } from "./results.ts";
import { type Row, ROWS, rowsNamed } from "./rows.ts";
import { formatText, missed } from "./table.ts";
import { Targets } from "./targets.ts";

const USAGE =
  "usage: deno task bench [--quick] [--row=PATTERN] [--place=tmpfs|disk] [--rounds=N] [--peers=NAME,...|none] " +
  "[--disk=FOLDER] [--first] [--tsync=FILE] [--date=DATE]";
const ROOT = new URL("../", import.meta.url).pathname;

const options = parseArgs(Deno.args, {
  boolean: ["quick", "first", "help"],
  string: ["row", "place", "rounds", "peers", "disk", "date", "tsync"],
  collect: ["row"],
  unknown: (word: string) => stop(`${word} is not known; ${USAGE}`),
});
if (options.help) {
  console.log(
    `${USAGE}\nrows: ${ROWS.map((row) => row.id).join(" ")}\npeers: ${PEERS.map((peer) => peer.name).join(", ")}`,
  );
  Deno.exit(0);
}
const rows = chooseRows();
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
if (!(Number.isInteger(rounds) && rounds > 0)) stop(`--rounds=${options.rounds} is not a number; ${USAGE}`);
const tsync: string = options.tsync ?? `${ROOT}dist/tsync`;
const diskFolder: string = options.disk ?? "/var/tmp";
if (![tsync, diskFolder].every(isPlain)) stop("a path has characters that a shell minds");
if (await versionOf(tsync, ["--version"]) === null) stop(`${tsync} is missing: sh scripts/build.sh`);

const started = performance.now();
const places = {
  tmpfs: Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "tsync-bench-" }),
  disk: Deno.makeTempDirSync({ dir: diskFolder, prefix: "tsync-bench-" }),
};
const stepBack = options.first ? goFirst() : () => {};
const accounting = chooseAccounting();
const closing: (() => unknown)[] = [stepBack, () => {
  console.error("removing what was made");
  for (const place of Object.values(places)) Deno.removeSync(place, { recursive: true });
}];
let isInterrupted = false;
let closed: Promise<void> | null = null;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    if (isInterrupted) return;
    isInterrupted = true;
    closeAll().finally(() => Deno.exit(130));
  });
}

/** A machine that is busy otherwise takes longer: from then on --quick makes one round for each row, and begins no more rows. */
const QUICK_SECONDS = { full: 110, last: 160 };
const skipped: string[] = [];
/** Rows that could not be measured, or where the trees differ. */
const failed: string[] = [];
const lines: HistoryLine[] = [];
let code = 1;
try {
  await measure();
  if (lines.length > 0) console.log(formatText(lines));
  for (const line of missed(lines)) console.log(`MISSED ${line}`);
  for (const line of failed) console.log(`FAILED ${line}`);
  if (skipped.length > 0) console.log(`NOT MEASURED, no time was left: ${skipped.join(" ")}`);
  console.log(`${lines.length} rows in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  code = failed.length === 0 ? 0 : 1;
} catch (error) {
  if (isInterrupted) await new Promise(() => {});
  console.error(error instanceof Error ? `bench: ${error.message}` : error);
} finally {
  await closeAll();
}
Deno.exit(code);

function chooseRows(): Row[] {
  const place = options.place === "ext4" ? "disk" : options.place;
  if (place !== undefined && place !== "tmpfs" && place !== "disk") {
    stop(`--place=${options.place} is not known; ${USAGE}`);
  }
  const patterns: string[] = options.row ?? [];
  for (const pattern of patterns) if (rowsNamed(pattern).length === 0) stop(`no row ${pattern}; --help lists them`);
  const named = new Set(patterns.flatMap((pattern) => rowsNamed(pattern)));
  const found = ROWS.filter((row) =>
    (named.size > 0 ? named.has(row) : !options.quick || row.quick) && (place === undefined || row.place === place)
  );
  // What takes longest comes last, where --quick may run out of time.
  if (options.quick) found.sort((a, b) => Number(a.data === "100k") - Number(b.data === "100k"));
  return found.length > 0 ? found : stop("no row is left");
}

function choosePeers() {
  const names: string[] = options.peers === undefined
    ? (options.quick ? [] : PEERS.map((peer) => peer.name))
    : options.peers === "none"
    ? []
    : options.peers.split(",");
  for (const name of names) if (!PEERS.some((peer) => peer.name === name)) stop(`no peer ${name}; --help lists them`);
  return PEERS.filter((peer) => ["tsync", "rsync"].includes(peer.name) || names.includes(peer.name));
}

async function measure(): Promise<void> {
  const say = (text: string) => console.error(text);
  const { found, versions, missing } = await detect(choosePeers(), tsync);
  if (missing.length > 0) say(`not installed, left out: ${missing.join(", ")}`);
  if (!found.some((peer) => peer.name === "rsync")) throw new Error("rsync is not installed");
  const about = await circumstances(
    ROOT,
    options.date ?? new Date().toISOString().slice(0, 10),
    await describeMachine(places.tmpfs, places.disk),
    [...versions, await versionOf("ssh", ["-V"]) ?? "no ssh", `CPU by ${accounting.how}`],
  );
  const bench = await openBench(found, say);
  for (const [i, row] of rows.entries()) {
    const seconds = (performance.now() - started) / 1000;
    if (options.quick && seconds > QUICK_SECONDS.last) {
      skipped.push(row.id);
      continue;
    }
    if (options.quick && seconds > QUICK_SECONDS.full) bench.rounds = 1;
    try {
      const line = historyLine(await measureRow(bench, row), about);
      lines.push(line);
      if (options.tsync === undefined) append(line);
    } catch (error) {
      if (isInterrupted) throw error;
      failed.push(`${row.id}: ${error instanceof Error ? error.message : error}`);
      say(`FAILED ${failed.at(-1)}`);
    }
    bench.targets.forget(rows.slice(i + 1));
  }
}

async function openBench(peers: Bench["peers"], say: Bench["say"]): Promise<Bench> {
  const client = accounting.open("client", () => Deno.pid);
  closing.push(() => endAll(client));
  const home = `${places.tmpfs}/client-home`;
  Deno.mkdirSync(home);
  const bench: Bench = {
    tsync,
    peers,
    rounds,
    quick: options.quick,
    places,
    far: null,
    sides: { client, far: null, residents: () => bench.far?.pids() ?? [] },
    env: { PATH: Deno.env.get("PATH")!, HOME: home, LANG: "C.UTF-8" },
    targets: new Targets(places, say),
    isInterrupted: () => isInterrupted,
    say,
  };
  if (rows.some((row) => row.job !== "local")) {
    const far = accounting.open("far", () => bench.far!.pids()[0]);
    closing.push(() => endAll(far));
    Deno.mkdirSync(`${places.disk}/far`, { mode: 0o700 });
    bench.far = await openFarSide(`${places.disk}/far`, far, say);
    bench.sides.far = far;
    closing.push(() => bench.far!.close());
  }
  return bench;
}

/** What an interrupted run leaves must not write into folders that are being removed. */
async function endAll(account: CpuAccount): Promise<void> {
  for (let left = account.pids(); left.length > 0; left = account.pids()) {
    for (const pid of left) endProcess(pid);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  account.close();
}

/** Once, however many ask: an interrupt while the end is under way waits for it. */
function closeAll(): Promise<void> {
  return closed ??= closeEach();
}

async function closeEach(): Promise<void> {
  for (const close of closing.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      console.error(`bench: ${error}`);
    }
  }
}

function stop(text: string): never {
  console.error(`bench: ${text}`);
  Deno.exit(2);
}
