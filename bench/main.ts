// tsync and the installed rsync side by side:
//   deno task bench [--quick] [--rows=ID,...] [--rounds=N] [--disk=FOLDER] [--date=DATE] [--tsync=FILE] [--first]
// --disk: a folder on the disk to measure on; --first: before all other work of this machine (root).
// Prints one table and writes it to results/latest.json and results/latest.md, unless --quick, --rows or --tsync make it less than the
// whole of it. Removes all it made, also when it is interrupted. As root it counts CPU time exactly.

import { parseArgs } from "@std/cli/parse-args";
import { openFarSide } from "./far_side.ts";
import { describeMachine, describePrograms, goFirst } from "./machine.ts";
import { type Bench, measureRow } from "./measure.ts";
import { chooseAccounting, type CpuAccount } from "./meter.ts";
import type { Results } from "./results.ts";
import { type Row, ROWS } from "./rows.ts";
import { formatMarkdown, formatText, missed } from "./table.ts";

const USAGE =
  "usage: deno task bench [--quick] [--rows=ID,...] [--rounds=N] [--disk=FOLDER] [--date=DATE] [--tsync=FILE] [--first]";
const ROOT = new URL("../", import.meta.url).pathname;

const options = parseArgs(Deno.args, {
  boolean: ["quick", "first", "help"],
  string: ["rows", "rounds", "disk", "date", "tsync"],
  unknown: (word: string) => stop(`${word} is not known; ${USAGE}`),
});
if (options.help) {
  console.log(`${USAGE}\nrows: ${ROWS.map((row) => row.id).join(" ")}`);
  Deno.exit(0);
}
const names: string[] | undefined = options.rows?.split(",");
const rows: Row[] = names === undefined
  ? ROWS.filter((row) => !options.quick || row.quick)
  : names.map((name: string) =>
    ROWS.find((row) => row.id === name) ?? stop(`no row ${name}; rows: ${ROWS.map((row) => row.id).join(" ")}`)
  );
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
if (!(Number.isInteger(rounds) && rounds > 0)) stop(`--rounds=${options.rounds} is not a number; ${USAGE}`);
const tsync = options.tsync ?? `${ROOT}dist/tsync`;

const started = performance.now();
const places = {
  tmpfs: Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "tsync-bench-" }),
  disk: Deno.makeTempDirSync({ dir: options.disk ?? "/var/tmp", prefix: "tsync-bench-" }),
};
const stepBack = options.first ? goFirst() : () => {};
const accounting = chooseAccounting();
const closing: (() => unknown)[] = [stepBack, () => {
  console.error("removing what was made");
  for (const place of Object.values(places)) Deno.removeSync(place, { recursive: true });
}];
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    isInterrupted = true;
    closeAll().finally(() => Deno.exit(130));
  });
}

let isInterrupted = false;
/** Rows that could not be measured, or where the trees differ. */
const failed: string[] = [];
let code = 1;
try {
  const results = await measure();
  console.log(formatText(results));
  if (failed.length === 0 && !options.quick && names === undefined && options.tsync === undefined) await write(results);
  for (const line of missed(results)) console.log(`MISSED ${line}`);
  for (const line of failed) console.log(`FAILED ${line}`);
  console.log(`${results.rows.length} rows in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  code = failed.length === 0 ? 0 : 1;
} catch (error) {
  if (isInterrupted) await new Promise(() => {});
  console.error(error instanceof Error ? `bench: ${error.message}` : error);
} finally {
  await closeAll();
}
Deno.exit(code);

async function measure(): Promise<Results> {
  Deno.mkdirSync(`${places.tmpfs}/data`);
  Deno.mkdirSync(`${places.disk}/data`);
  const client = accounting.open("client", () => Deno.pid);
  closing.push(() => endAll(client));
  const home = `${places.tmpfs}/client-home`;
  Deno.mkdirSync(home);
  const bench: Bench = {
    tsync,
    rounds,
    inspects: !options.quick,
    places,
    far: null,
    sides: { client, far: null, residents: () => bench.far === null ? [] : [bench.far.pid] },
    env: { PATH: Deno.env.get("PATH")!, HOME: home, LANG: "C.UTF-8" },
    say: (text) => console.error(text),
  };
  if (rows.some((row) => row.job !== "local")) {
    const far = accounting.open("far", () => bench.far!.pid);
    closing.push(() => endAll(far));
    Deno.mkdirSync(`${places.disk}/far`, { mode: 0o700 });
    bench.far = await openFarSide(`${places.disk}/far`, far);
    bench.sides.far = far;
    closing.push(() => bench.far!.close());
  }
  const results: Results = {
    date: options.date ?? new Date().toISOString().slice(0, 10),
    machine: await describeMachine(places.tmpfs, places.disk),
    versions: await describePrograms(tsync),
    conditions: [
      `medians of ${rounds} rounds or more, order of the tools rotated, ratio = median of the ratios within a round`,
      `CPU of client, ssh, sshd and agent by ${accounting.how}`,
      "both tools with -a over the same ssh and sshd on loopback with default ciphers; neither flushes to the disk (no fsync)",
      "trees compared after every run without either tool: names, types, modes, owners, sizes, ns times, content",
      "peak memory is VmHWM of the largest process, client + far side; bytes on the wire are those of ssh's connection, in a run that is not timed",
    ],
    rows: [],
  };
  for (const row of rows) {
    try {
      results.rows.push(await measureRow(bench, row));
    } catch (error) {
      if (isInterrupted) throw error;
      failed.push(`${row.id}: ${error instanceof Error ? error.message : error}`);
      console.error(`FAILED ${failed.at(-1)}`);
    }
  }
  return results;
}

async function write(results: Results): Promise<void> {
  const folder = new URL("./results/", import.meta.url);
  Deno.mkdirSync(folder, { recursive: true });
  const files = [
    { url: new URL("latest.json", folder), text: JSON.stringify(results, null, 2) },
    { url: new URL("latest.md", folder), text: formatMarkdown(results) },
  ];
  for (const { url, text } of files) Deno.writeTextFileSync(url, text);
  await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", ...files.map(({ url }) => url.pathname)],
    cwd: ROOT,
  })
    .output();
}

/** What an interrupted run leaves must not write into folders that are being removed. */
async function endAll(account: CpuAccount): Promise<void> {
  for (let left = account.pids(); left.length > 0; left = account.pids()) {
    for (const pid of left) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  account.close();
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

async function closeAll(): Promise<void> {
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
