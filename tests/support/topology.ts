// The three ways a run can go: both ends here, to another machine, from another machine. The other machine is this one behind
// a real sshd (without root: ssh2's server), with a home of its own in which the agent is installed once per test file.

import { concatBytes, hex, utf8 } from "../../lib/base/bytes.ts";
import { tsyncWords } from "./program.ts";
import { type Ran, run, type RunOptions, sweep, tsync, type Word } from "./run.ts";
import { startSshServer } from "./ssh_server.ts";
import { startSshd } from "./sshd.ts";

export interface Topology {
  readonly name: "local" | "push" | "pull";
  /** Runs tsync with `options` from `sources` to `target`, which are paths on this machine. */
  sync(options: readonly Word[], sources: Word | readonly Word[], target: Word, more?: SyncMore): Promise<Ran>;
  /** The same by the installed rsync. */
  rsync(options: readonly Word[], sources: Word | readonly Word[], target: Word, more?: RunOptions): Promise<Ran>;
}

export interface SyncMore extends RunOptions {
  /** Words in front of the program: strace, another user. */
  before?: readonly string[];
  /** Program in place of dist/tsync. */
  program?: readonly string[];
}

interface Far {
  rsh: string;
  host: string;
  home: string;
  close(): Promise<unknown>;
}

let far: Far | undefined;

/** The other machine: for tests that say their own words. */
export function otherMachine(): Far {
  if (far === undefined) throw new Error("call useOtherMachine() at the top of the test file");
  return far;
}

/** Starts the other machine before the tests of a file and ends it after them. */
export function useOtherMachine(): void {
  Deno.test.beforeAll(async () => {
    const home = await Deno.makeTempDir({ prefix: "tsync-home-" });
    const started = Deno.uid() === 0
      ? await startSshd({ home, shell: ["/bin/sh", "-c"] })
      : await startSshServer({ home });
    far = { rsh: started.rsh, host: started.host, home, close: () => started.close() };
    await installAgent(home);
  });
  Deno.test.afterAll(async () => {
    await far?.close();
    if (far !== undefined) await sweep(far.home);
    far = undefined;
  });
}

/** Puts the agent where a first contact would put it, so that no test pays for the upload. */
async function installAgent(home: string): Promise<void> {
  const agent = new URL("../../dist/tsync-remote", import.meta.url).pathname;
  const bytes = await Deno.readFile(agent);
  const digest = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  await Deno.mkdir(`${home}/.tsync`, { mode: 0o700 });
  await Deno.mkdir(`${home}/.tsync/bin`, { mode: 0o700 });
  await Deno.writeFile(`${home}/.tsync/bin/tsync-remote-${digest}`, bytes, { mode: 0o700 });
}

function there(path: Word): Word {
  const prefix = `${otherMachine().host}:`;
  return typeof path === "string" ? prefix + path : concatBytes(utf8(prefix), path);
}

function words(name: Topology["name"], sources: Word | readonly Word[], target: Word): Word[] {
  const list = Array.isArray(sources) ? sources as Word[] : [sources as Word];
  if (name === "local") return [...list, target];
  const rsh = ["-e", otherMachine().rsh];
  return name === "push" ? [...rsh, ...list, there(target)] : [...rsh, ...list.map(there), target];
}

function topology(name: Topology["name"]): Topology {
  return {
    name,
    sync(options, sources, target, more = {}) {
      const { before = [], program, ...rest } = more;
      const args = [...options, ...words(name, sources, target)];
      if (before.length === 0 && program === undefined) return tsync(args, rest);
      return run([...before, ...program ?? tsyncWords(), ...args], rest);
    },
    rsync(options, sources, target, more) {
      return run(["rsync", ...options, ...words(name, sources, target)], more);
    },
  };
}

export const LOCAL = topology("local");
export const PUSH = topology("push");
export const PULL = topology("pull");
export const ALL = [LOCAL, PUSH, PULL];

/** Registers one test for each topology: "CLAIM (local)", ... */
export function testEach(claim: string, test: (way: Topology) => Promise<void>, ways: readonly Topology[] = ALL): void {
  for (const way of ways) Deno.test(`${claim} (${way.name})`, () => test(way));
}
