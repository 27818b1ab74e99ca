// Signals (D18) and outputs that are closed, full or slow (D20): the run ends in time with its code and takes back what it began, or
// goes on as if nobody had listened.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { agents, allGone, marked } from "../support/processes.ts";
import { Random } from "../support/random.ts";
import { run, sweep } from "../support/run.ts";
import { sampled, together } from "./sample.ts";
import { frontOf, sync, type Way, wayWords } from "./ways.ts";
import { assertOldOrNew, freshWorkload, look, makeTemplate, temporaries, type Workload } from "./workload.ts";

let template: Workload;
Deno.test.beforeAll(async () => {
  template = await makeTemplate();
});
Deno.test.afterAll(() => sweep(template.place));

/** Slows the target down from outside, so that a moment in the middle is easily met; -D: the process keeps its parent. */
const SLOW = ["strace", "-D", "-o", "/dev/null", "-e", "inject=pwrite64,renameat,unlinkat:delay_enter=4000"];

interface Moment {
  way: Way;
  signal: Deno.Signal;
  ms: number;
}

interface Ended {
  code: number;
  signal: string | null;
  err: string;
  tookMs: number;
}

/** Starts a slow run and lets `strike` act after some time, or once the target has begun to write (ms null). */
async function struck(work: Workload, way: Way, ms: number | null, strike: (pid: number) => void): Promise<Ended> {
  const [program, ...args] = await wayWords(work, way, { fronts: frontOf(way, "target", SLOW) });
  const child = new Deno.Command(program, {
    args,
    env: marked(work.place),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const begun = () => temporaries(look(work.target)).length > 0;
  if (ms === null) { while (!begun()) await new Promise((resume) => setTimeout(resume, 5)); }
  else await new Promise((resume) => setTimeout(resume, ms));
  const start = performance.now();
  try {
    strike(child.pid);
  } catch {
    // It has ended already.
  }
  const { code, signal, stderr } = await child.output();
  return { code, signal, err: new TextDecoder().decode(stderr), tookMs: performance.now() - start };
}

async function aftermath(work: Workload, ended: Ended, what: string): Promise<void> {
  assert.ok(ended.tookMs < 2_000, `${what}: ${ended.tookMs} ms`);
  await allGone(work.place, 10_000);
  const left = assertOldOrNew(work, what);
  assert.deepEqual(left, [], `${what}: temporary files are left: exit ${ended.code} ${ended.err}`);
  const again = await sync(work, "local");
  assert.equal(`${again.code} ${again.err}`, "0 ", what);
  assert.deepEqual(temporaries(look(work.target)), [], what);
  await same(work.source, work.target);
  await sweep(work.place);
}

Deno.test("SIGINT, SIGTERM and SIGHUP end the client with 20 within 2 s; temporary files and agent are gone", async () => {
  const random = new Random(7);
  const moments: Moment[] = [];
  for (const way of ["local", "push", "pull"] as const) {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      for (let i = 0; i < 20; i++) moments.push({ way, signal, ms: 60 + random.below(900) });
    }
  }
  let interrupted = 0;
  await together(sampled(moments, 24, 41), 3, async ({ way, signal, ms }) => {
    const work = await freshWorkload(template);
    const ended = await struck(work, way, ms, (pid) => Deno.kill(pid, signal));
    const what = `${way}, ${signal} after ${ms} ms: exit ${ended.code} ${ended.err}`;
    // Before the program has begun to listen for signals, they have their usual effect: nothing is touched by then.
    if (ended.signal !== null) assert.deepEqual(look(work.target), work.old, what);
    else {
      assert.ok(ended.code === 20 || ended.code === 0, what);
      if (ended.code === 20) {
        interrupted++;
        assert.match(ended.err, new RegExp(signal), what);
      }
    }
    await aftermath(work, ended, what);
  });
  assert.ok(interrupted > 3, `only ${interrupted} runs were met at work`);
});

Deno.test("Ctrl-C at a terminal, which reaches client and remote shell at once, ends with 20", async () => {
  await together(["push", "pull"] as const, 2, async (way) => {
    const work = await freshWorkload(template);
    const words = await wayWords(work, way, { fronts: frontOf(way, "target", SLOW) });
    // A process group of its own; the signal goes to all of it.
    const ran = await run(["timeout", "--preserve-status", "-s", "INT", "0.5", ...words], { env: marked(work.place) });
    assert.equal(ran.code, 20, ran.err);
    await allGone(work.place, 10_000);
    assert.deepEqual(assertOldOrNew(work, way), []);
    await sweep(work.place);
  });
});

Deno.test("SIGTERM to the agent ends both ends, and the client says who was stopped", async () => {
  await together(["push", "pull"] as const, 2, async (way) => {
    const work = await freshWorkload(template);
    const ended = await struck(work, way, null, () => {
      for (const pid of agents(work.place)) Deno.kill(pid, "SIGTERM");
    });
    assert.equal(ended.code, 20, ended.err);
    assert.match(ended.err, /agent was stopped by SIGTERM/);
    await aftermath(work, ended, way);
  });
});

Deno.test("a second signal ends a client at once", async () => {
  const work = await freshWorkload(template);
  const ended = await struck(work, "local", null, (pid) => {
    Deno.kill(pid, "SIGINT");
    Deno.kill(pid, "SIGTERM");
  });
  assert.equal(ended.code, 20, ended.err);
  assert.ok(ended.tookMs < 2_000);
  await allGone(work.place, 10_000);
  assertOldOrNew(work, "two signals");
  await sweep(work.place);
});

const OUTPUTS: [name: string, redirection: string][] = [
  ["standard output closed", ">&-"],
  ["standard output full", ">/dev/full"],
  ["standard error closed", "2>&-"],
  ["standard error full", "2>/dev/full"],
  ["all closed", "<&- >&- 2>&-"],
  ["all full", ">/dev/full 2>&1"],
  ["a reader that goes away", "| head -c 1 >/dev/null"],
  ["a slow reader", "| { sleep 1; cat; } >/dev/null"],
];

for (const [name, redirection] of OUTPUTS) {
  Deno.test(`outputs: with ${name} the transfer is done, or ends with 13 and old or new files`, async () => {
    await together(["local", "push"] as const, 2, async (way) => {
      const work = await freshWorkload(template);
      const words = await wayWords(work, way, { options: ["-avi", "--delete", "--stats"] });
      // The program's own code, whatever the pipe says.
      const line = `{ "$@"; echo $? >"$CODE"; } ${redirection}`;
      const code = `${work.place}/code`;
      const env = { ...marked(work.place), CODE: code };
      await run(["sh", "-c", line, "sh", ...words], { env, timeoutMs: 20_000 });
      const ended = Number(await Deno.readTextFile(code));
      const what = `${way}, ${name}: exit ${ended}`;
      assert.ok([0, 13].includes(ended), what);
      await allGone(work.place, 10_000);
      assert.deepEqual(assertOldOrNew(work, what), [], what);
      if (ended === 0) await same(work.source, work.target);
      await sweep(work.place);
    });
  });
}
