// Stands between tsync and its real agent and changes what passes: whole frames, one at a time, in both directions. Bytes
// before the first frame (the launch line up, the greeting down) pass as they are; frames that travel in the launch line are taken
// out of it.

import { concat, withoutEarly } from "./protocol_bytes.ts";
import type { Duplex } from "./protocol_wire.ts";
import { fromStreams } from "./protocol_wire.ts";
import { type Sandbox, TSYNC_REMOTE } from "./evil_sandbox.ts";

export type Direction = "up" | "down";

/** Given one whole frame with its header; returns what passes instead. */
export type Filter = (direction: Direction, frame: Uint8Array) => Uint8Array;

/** Copies one direction until its end, frame by frame after the first newline. */
async function copy(direction: Direction, from: Duplex, to: Duplex, filter: Filter): Promise<void> {
  let held: Uint8Array = new Uint8Array(0);
  let greeted = false;
  for (let part; (part = await from.read()) !== null;) {
    held = concat(held, part);
    if (!greeted) {
      const at = held.indexOf(10);
      if (at < 0) continue;
      const { line, early } = direction === "up"
        ? withoutEarly(held.slice(0, at + 1))
        : { line: held.slice(0, at + 1), early: new Uint8Array(0) };
      await to.write(line);
      held = concat(early, held.slice(at + 1));
      greeted = true;
    }
    while (held.length >= 5) {
      const length = 5 + new DataView(held.buffer, held.byteOffset).getUint32(0, true);
      if (held.length < length) break;
      await to.write(filter(direction, held.slice(0, length)));
      held = held.slice(length);
    }
  }
  await to.write(held);
}

/** Runs the real agent behind the link; ends when the agent ends. */
export async function proxyToAgent(link: Duplex, sandbox: Sandbox, filter: Filter): Promise<void> {
  const child = new Deno.Command(TSYNC_REMOTE, {
    cwd: sandbox.home,
    env: { HOME: sandbox.home, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin", LANG: "C.UTF-8" },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const agent = fromStreams(child.stdout, child.stdin);
  // A broken pipe on the way ends that direction; the other one tells the rest.
  const up = copy("up", link, agent, filter).catch(() => {}).then(() => agent.closeWrite()).catch(
    () => {},
  );
  await copy("down", agent, link, filter).catch(() => {});
  await link.closeWrite().catch(() => {});
  await child.status;
  await up;
}
