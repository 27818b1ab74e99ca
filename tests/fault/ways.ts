// Runs of a workload in the three topologies with something put in front of either end (strace, a limit), without a network:
// the remote shell is a script that runs the command here, and the agent is a program named by --rsync-path, so that no case
// pays for ssh or an upload.

import { TSYNC, TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { marked } from "../support/processes.ts";
import { type Ran, run, type RunOptions } from "../support/run.ts";
import type { Workload } from "./workload.ts";

export type Way = "local" | "push" | "pull";
export type End = "source" | "target";

/** Words to put in front of the programs. */
export interface Fronts {
  client?: readonly string[];
  agent?: readonly string[];
}

/** The fronts that reach the given end's process. */
export function frontOf(way: Way, end: End, words: readonly string[]): Fronts {
  const atAgent = (way === "push" && end === "target") || (way === "pull" && end === "source");
  return atAgent ? { agent: words } : { client: words };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Writes an executable script into the place; its path. */
export async function script(place: string, name: string, text: string): Promise<string> {
  const path = `${place}/${name}`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** Options that make a run use an agent on this machine: `-e` and `--rsync-path`. */
export async function farOptions(place: string, agent: readonly string[] = []): Promise<string[]> {
  const rsh = await script(place, "rsh", `while test $# -gt 1; do shift; done\nexec sh -c "$1"`);
  const words = [...agent, TSYNC_REMOTE].map(quote).join(" ");
  return ["-e", rsh, "--rsync-path", await script(place, "agent", `exec ${words}`)];
}

export interface WayOptions extends RunOptions {
  fronts?: Fronts;
  /** Default: -a --delete. */
  options?: readonly string[];
}

/** The program's words for a run of the workload. */
export async function wayWords(work: Workload, way: Way, options: WayOptions = {}): Promise<string[]> {
  const { fronts = {}, options: words = ["-a", "--delete"] } = options;
  const far = way === "local" ? [] : await farOptions(work.place, fronts.agent);
  const source = way === "pull" ? `far:${work.source}/` : `${work.source}/`;
  const target = way === "push" ? `far:${work.target}` : work.target;
  return [...fronts.client ?? [], TSYNC, ...words, ...far, source, target];
}

/** Synchronises the workload; every process of the run carries the place's mark. */
export async function sync(work: Workload, way: Way, options: WayOptions = {}): Promise<Ran> {
  const words = await wayWords(work, way, options);
  return await run(words, { ...options, env: { ...marked(work.place), ...options.env } });
}
