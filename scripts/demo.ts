// The demonstration that demo.sh starts: four runs of dist/tsync through an SSH server of its own, each compared without tsync.
// Prints what was sent, what it took and what the comparison says. Exits 0 only if every comparison is equal; removes all it made,
// also when it is interrupted.

import { addNotes, changeTree } from "./demo/changes.ts";
import { changeTimes, compareTrees, firstDifference } from "./demo/compare.ts";
import { demoFolder, removeFolder } from "./demo/folder.ts";
import { run, stopPrograms } from "./demo/programs.ts";
import { chooseTree, copyTree } from "./demo/tree.ts";
import { startSshServer } from "../tests/support/ssh_server.ts";

const TSYNC = new URL("../dist/tsync", import.meta.url).pathname;

/** The lines of --stats that say what a run did. */
const SHOWN = /^(Number of|Total |Literal data)/;

const began = performance.now();
const tree = await chooseTree();
const folder = await demoFolder(tree.bytes * 3 + 1e9);
const [source, home, back, client] = ["source", "home", "back", "client"].map((name) => `${folder}/${name}`);
let server: Awaited<ReturnType<typeof startSshServer>> | null = null;
let closing: Promise<void> | null = null;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, async () => {
    await close();
    Deno.exit(130);
  });
}

let code = 1;
try {
  code = await demonstrate();
} catch (error) {
  if (closing === null) console.log(`demo: ${error instanceof Error ? error.message : error}`);
} finally {
  // Where a signal began to close, it also ends the program.
  const isInterrupted = closing !== null;
  await close();
  if (isInterrupted) await new Promise(() => {});
}
Deno.exit(code);

async function demonstrate(): Promise<number> {
  for (const path of [home, client]) Deno.mkdirSync(path, { mode: 0o700 });
  console.log(`\nThe tree: ${tree.what}`);
  const copying = await timed(() => copyTree(tree, source));
  console.log(`  copied to ${source} by cp in ${copying.seconds}, so that it can be changed`);
  if (copying.value.unreadable > 0) {
    console.log(`  left out: ${copying.value.unreadable} entries that this user may not read`);
  }
  await addNotes(source);
  server = await startSshServer({ home });
  console.log(
    `An SSH server for this demonstration listens on 127.0.0.1:${server.port}; its one account has an empty home`,
  );

  const there = `${server.host}:tree/`;
  const differences: (string | null)[] = [];
  const compared = async (target: string) => {
    const { value: result, seconds } = await timed(() => compareTrees(source, target));
    differences.push(result.difference);
    console.log(
      result.difference === null
        ? `  compared in ${seconds}: ${
          number(result.entries)
        } entries equal in name, type, mode, owner, size, time (ns), link target and SHA-256`
        : `  NOT EQUAL: ${result.difference}`,
    );
  };

  console.log("\n1. Push into the empty home");
  await tsync([`${source}/`, there]);
  await compared(`${home}/tree`);
  console.log(`  in the far home: ${(await homeEntries()).join(", ")}`);

  console.log("\n2. Push again, nothing has changed");
  const before = await changeTimes(`${home}/tree`);
  await tsync([`${source}/`, there]);
  const touched = firstDifference(before, await changeTimes(`${home}/tree`));
  differences.push(touched);
  console.log(touched === null ? "  no entry of the target was touched (change times)" : `  TOUCHED: ${touched}`);
  await compared(`${home}/tree`);

  console.log("\n3. Push after a change, with --delete");
  console.log(`  changed: ${await changeTree(source)}`);
  await tsync(["--delete", `${source}/`, there]);
  await compared(`${home}/tree`);

  console.log("\n4. Pull it back into an empty folder");
  await tsync([there, `${back}/`]);
  await compared(back);

  const failed = differences.filter((difference) => difference !== null).length;
  const { connections, sftp } = server.counts;
  console.log(`\n${connections} SSH connections for 4 runs, ${sftp} uses of SFTP`);
  console.log(
    failed === 0
      ? `All ${differences.length} comparisons are equal; ${((performance.now() - began) / 1000).toFixed(0)} s in all`
      : `${failed} of ${differences.length} comparisons are NOT equal`,
  );
  return failed === 0 ? 0 : 1;
}

async function tsync(args: string[]): Promise<void> {
  const words = ["-a", "--stats", "-e", server!.rsh, ...args];
  console.log(`  tsync ${words.map((word) => /[^\w@:./=-]/.test(word) ? `'${word}'` : word).join(" ")}`);
  const { seconds } = await timed(async () => {
    const { code, stdout } = await run(TSYNC, words, { stderr: "inherit", env: { HOME: client } });
    const lines = new TextDecoder().decode(stdout).split("\n");
    for (const line of lines) if (SHOWN.test(line)) console.log(`    ${line}`);
    if (code !== 0) throw new Error(`tsync ended with code ${code}`);
  });
  console.log(`  took ${seconds}`);
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: string }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: `${((performance.now() - start) / 1000).toFixed(1)} s` };
}

async function homeEntries(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(home)) found.push(name);
  for await (const { name } of Deno.readDir(`${home}/.tsync/bin`)) found.push(`.tsync/bin/${name.slice(0, 24)}…`);
  return found.sort();
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** Ends and removes all that was made; once, however often it is asked. */
function close(): Promise<void> {
  return closing ??= closeAll();
}

async function closeAll(): Promise<void> {
  try {
    await stopPrograms();
    for (const child of server?.running ?? []) child.kill("SIGKILL");
    server?.dropConnections();
    await server?.close();
  } finally {
    await removeFolder(folder);
  }
}
