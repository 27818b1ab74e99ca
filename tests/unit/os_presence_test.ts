// A name that one process at a time bears: agents of one run find each other by it.

import assert from "node:assert/strict";
import { randomBytes } from "../../lib/os/random.ts";
import { signalBearer, takeName } from "../../lib/os/presence.ts";

const MODULE = new URL("../../lib/os/presence.ts", import.meta.url).href;

/** A process that takes the name, says what came of it, and waits. */
function bearer(name: Uint8Array): Deno.ChildProcess {
  const code = `import { takeName } from "${MODULE}";
    console.log(takeName(new Uint8Array([${[...name]}])));
    setInterval(() => {}, 1000);`;
  const args = ["eval", "--no-config", "--no-lock", "--quiet", code];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null" }).spawn();
}

Deno.test("a name is one process's until that has ended, also one that was stopped", async () => {
  const name = randomBytes(16);
  const child = bearer(name);
  const reader = child.stdout.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "taken\n");
  assert.equal(takeName(name), "borne");
  Deno.kill(child.pid, "SIGSTOP");
  assert.equal(signalBearer(name, "SIGTERM"), true);
  assert.equal(takeName(name), "borne");
  assert.equal(signalBearer(name, "SIGKILL"), true);
  assert.notEqual((await child.status).signal, null);
  await reader.cancel();
  assert.equal(takeName(name), "taken");
});

Deno.test("where nobody bears a name no signal is sent", () => {
  assert.equal(signalBearer(randomBytes(16), "SIGKILL"), false);
});
