// Runs as someone who is not root, local, push and pull, also where the test itself is root: what root may do hides what a
// plain user meets. The other machine is this one behind a remote shell of one line; the programs and the home are copies
// that this user can reach.

import { hex } from "../../lib/base/bytes.ts";
import { tsyncWords } from "./program.ts";
import { AS_ROOT, asPlainUser, PLAIN, quietly, type Ran, run, sweep, type Word } from "./run.ts";
import type { Topology } from "./topology.ts";

let folder = "";

/** Makes the user's things before the tests of a file and removes them after. */
export function usePlainUser(): void {
  Deno.test.beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "tsync-plain-" });
    await Deno.chmod(folder, 0o755);
    await Deno.copyFile(tsyncWords()[0], `${folder}/tsync`);
    const agent = await Deno.readFile(new URL("../../dist/tsync-remote", import.meta.url).pathname);
    const digest = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", agent)));
    for (const one of ["home", "home/.tsync", "home/.tsync/bin"]) await Deno.mkdir(`${folder}/${one}`, { mode: 0o700 });
    await Deno.writeFile(`${folder}/home/.tsync/bin/tsync-remote-${digest}`, agent, { mode: 0o700 });
    // Called as HOST COMMAND...
    const shell = `#!/bin/sh\nshift\ncd '${folder}/home'\nHOME='${folder}/home' exec /bin/sh -c "$*"\n`;
    await Deno.writeTextFile(`${folder}/rsh`, shell, { mode: 0o755 });
    await give(folder);
  });
  Deno.test.afterAll(() => sweep(folder));
}

/** Makes all below `path` the plain user's own. */
export async function give(path: string): Promise<void> {
  if (AS_ROOT) await quietly(run(["chown", "-hR", `${PLAIN}:${PLAIN}`, path]));
}

function plain(name: Topology["name"]): Topology {
  const words = (sources: Word | readonly Word[], target: Word): Word[] => {
    const list = (Array.isArray(sources) ? sources : [sources]) as string[];
    if (name === "local") return [...list, target];
    const rsh = ["-e", `${folder}/rsh`];
    return name === "push"
      ? [...rsh, ...list, `there:${target}`]
      : [...rsh, ...list.map((one) => `there:${one}`), target];
  };
  const start = (program: string, options: readonly Word[], operands: Word[], more = {}): Promise<Ran> =>
    run([...asPlainUser(), program, ...options, ...operands], { env: { HOME: `${folder}/home` }, ...more });
  return {
    name,
    sync: (options, sources, target, more) => start(`${folder}/tsync`, options, words(sources, target), more),
    rsync: (options, sources, target, more) => start("rsync", options, words(sources, target), more),
  };
}

export const PLAIN_USER = [plain("local"), plain("push"), plain("pull")];
