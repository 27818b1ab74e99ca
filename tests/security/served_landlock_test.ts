// The second wall of a served root: the kernel confines the whole process, so that even code that goes round the door of lib/os finds
// nothing else. Where this kernel has no Landlock the test says so by failing: the machines of the gate have it.

import assert from "node:assert/strict";
import { AGENT } from "../support/served_field.ts";
import { run, withPlace } from "../support/run.ts";

/** Starts the agent, waits until it has become itself a second time, and looks at it while it waits for a launch line. */
async function whileServing(words: string[], look: (pid: number) => Promise<void>): Promise<void> {
  const child = new Deno.Command(AGENT[0], {
    args: [...AGENT.slice(1), "serve", ...words],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (let tries = 0; !Deno.readTextFileSync(`/proc/${child.pid}/cmdline`).includes("--confined"); tries++) {
      assert.ok(tries < 2000, "it is not confined");
      await new Promise((resume) => setTimeout(resume, 5));
    }
    // Threads are there once it reads its input.
    while (Deno.readTextFileSync(`/proc/${child.pid}/status`).match(/Threads:\t1\n/)) {
      await new Promise((resume) => setTimeout(resume, 5));
    }
    await look(child.pid);
  } finally {
    await child.stdin.close();
    await child.status;
  }
}

Deno.test("serve --root: no thread of the process that serves may gain rights", async () => {
  await withPlace(async (place) => {
    await whileServing(["--root", place], (pid) => {
      for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
        const status = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
        assert.match(status, /^NoNewPrivs:\t1$/m, `thread ${name}`);
      }
      return Promise.resolve();
    });
  });
});

Deno.test("serve --root: the kernel refuses what is outside, to the main thread and to what it starts", async () => {
  await withPlace(async (place) => {
    const [root, probe] = [`${place}/served`, `${place}/probe.ts`];
    await Deno.mkdir(root);
    await Deno.writeTextFile(`${root}/inside`, "inside");
    await Deno.writeTextFile(`${place}/outside`, "outside");
    // The same rules around another program: sh, which tries by paths what no verb of ours would.
    await Deno.writeTextFile(probe, PROBE);
    const { out, err } = await run(
      [Deno.execPath(), "run", "-A", "--no-config", "--no-lock", "--no-check", probe, root, `${place}/outside`],
    );
    assert.equal(
      out,
      "inside\nread outside: refused\nwrite outside: refused\nlist outside: refused\nwrite inside: done\n",
      err,
    );
  });
});

const LANDLOCK = new URL("../../lib/os/landlock.ts", import.meta.url);
const LINUX = new URL("../../lib/os/linux.ts", import.meta.url);
const PROBE = `
import { confineThread } from ${JSON.stringify(LANDLOCK.href)};
import { openLinux } from ${JSON.stringify(LINUX.href)};
const [root, outside] = Deno.args;
const os = openLinux();
const result = confineThread(os.openRoot(new TextEncoder().encode(root)), true);
if (result !== 0) throw new Error("not confined: " + result);
const attempt = (what: string, deed: () => void) => {
  try {
    deed();
    console.log(what + ": done");
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable)) throw error;
    console.log(what + ": refused");
  }
};
console.log(Deno.readTextFileSync(root + "/inside"));
attempt("read outside", () => Deno.readTextFileSync(outside));
attempt("write outside", () => Deno.writeTextFileSync(outside + "2", "x"));
attempt("list outside", () => [...Deno.readDirSync(root + "/..")]);
attempt("write inside", () => Deno.writeTextFileSync(root + "/new", "x"));
`;
