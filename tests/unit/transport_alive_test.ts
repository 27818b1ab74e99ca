// Whether ssh is told to ask for signs of life: only where the user has not said anything about it.

import assert from "node:assert/strict";
import { aliveWords } from "../../lib/transport/alive.ts";
import { withPlace } from "../support/run.ts";

/** An ssh whose settings say `line`. */
async function ask(line: string, program = "ssh"): Promise<string[]> {
  let words: string[] = [];
  await withPlace(async (place) => {
    const script =
      `#!/bin/sh\ncase "$*" in "-p 7 -G -l me web1") echo 'host web1'; echo '${line}';; *) exit 255;; esac\n`;
    await Deno.writeTextFile(`${place}/${program}`, script, { mode: 0o755 });
    words = await aliveWords({ host: "web1", user: "me", rsh: `${place}/${program} -p 7` });
  });
  return words;
}

Deno.test("aliveWords: ssh asks for signs of life where nothing is set, and as it is set elsewhere", async () => {
  assert.deepEqual(await ask("serveraliveinterval 0"), ["-o", "ServerAliveInterval=20", "-o", "ServerAliveCountMax=3"]);
  assert.deepEqual(await ask("serveraliveinterval 7"), []);
  assert.deepEqual(await ask("nothing of it"), []);
  assert.deepEqual(await ask("serveraliveinterval 0", "mysh"), []);
  assert.deepEqual(await aliveWords({ host: "h", user: null, rsh: "/nowhere/ssh" }), []);
});
