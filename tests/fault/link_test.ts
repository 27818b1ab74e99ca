// The line between client and agent is cut, reset, stalled, slowed or spoiled, below ssh (D13-D16): the client ends in time with
// the right code, the agent does not outlive it, each path is old or new, and the next run finishes the work.

import assert from "node:assert/strict";
import { type Harm, type ProxyPlan, TcpProxy } from "../support/cutproxy.ts";
import { TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { same } from "../support/manifest.ts";
import { agents, allGone, marked, waitUntil } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { type Ran, sweep, withPlace } from "../support/run.ts";
import { startSshServer } from "../support/ssh_server.ts";
import { startSshd } from "../support/sshd.ts";
import { sampled, together } from "./sample.ts";
import { run } from "../support/run.ts";
import { TSYNC } from "../support/evil_sandbox.ts";
import { makeDenseTemplate } from "./dense_workload.ts";
import { script, sync } from "./ways.ts";
import { assertOldOrNew, freshWorkload, look, temporaries, type Workload } from "./workload.ts";

type Way = "push" | "pull";
const WAYS: Way[] = ["push", "pull"];

let template: Workload;
let server: { port: number; rsh: string; host: string; close(): Promise<unknown> };
let home: string;
Deno.test.beforeAll(async () => {
  template = await makeDenseTemplate();
  // Enough that every place of the stream is met: 20 MiB in the long run.
  const megabytes = LONG ? 20 : 4;
  for (let i = 0; i < megabytes; i++) {
    const bytes = new Uint8Array(1 << 20);
    for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
    await Deno.writeFile(`${template.source}/big${i}`, bytes);
  }
  template = { ...template, fresh: look(template.source) };
  home = await Deno.makeTempDir({ prefix: "tsync-home-" });
  server = Deno.uid() === 0 ? await startSshd({ home, shell: ["/bin/sh", "-c"] }) : await startSshServer({ home });
});
Deno.test.afterAll(async () => {
  await server.close();
  await sweep(template.place);
  await sweep(home);
});

interface Run {
  work: Workload;
  proxy: TcpProxy;
  ran: Ran;
  /** From the harm to the client's end, ms; NaN without harm. */
  tookMs: number;
}

/** One synchronisation through a proxy; the agent carries the place's mark. */
async function through(way: Way, plan: ProxyPlan, options: string[] = [], from: Workload = template): Promise<Run> {
  const work = await freshWorkload(from);
  const proxy = await TcpProxy.start(server.port, plan);
  const agent = await script(work.place, "agent", `TSYNC_TEST_PLACE='${work.place}' exec '${TSYNC_REMOTE}'`);
  const far = (path: string) => `${server.host}:${path}`;
  const ends = way === "push" ? [`${work.source}/`, far(work.target)] : [far(`${work.source}/`), work.target];
  const words = [TSYNC, "-a", "--delete", ...options, "-e", proxy.rsh(server.rsh, server.port), "--rsync-path", agent];
  const ran = await run([...words, ...ends], { env: marked(work.place), timeoutMs: 300_000 });
  return { work, proxy, ran, tookMs: performance.now() - proxy.harmedAt };
}

/** What must hold after every broken run; then the next run. */
async function aftermath({ work, proxy, ran }: Run, what: string): Promise<void> {
  await allGone(work.place, 10_000);
  await proxy.close();
  const left = assertOldOrNew(work, what);
  assert.deepEqual(left, [], `${what}: temporary files are left: exit ${ran.code} ${ran.err}`);
  const again = await sync(work, "local");
  assert.equal(`${again.code} ${again.err}`, "0 ", `${what}: the next run`);
  await same(work.source, work.target);
  await sweep(work.place);
}

/** Bytes of an undisturbed run in each direction. */
async function lengths(way: Way, options: string[] = []): Promise<{ up: number; down: number }> {
  const { work, proxy, ran } = await through(way, {}, options);
  assert.equal(`${ran.code} ${ran.err}`, "0 ");
  await same(work.source, work.target);
  await proxy.close();
  await sweep(work.place);
  return proxy.passed;
}

/** Every `step` bytes of both directions. */
async function harms(way: Way, what: Harm["what"], step: number, options: string[]): Promise<Harm[]> {
  const passed = await lengths(way, options);
  return (["up", "down"] as const).flatMap((direction) =>
    Array.from({ length: Math.ceil(passed[direction] / step) }, (_, i) => ({ direction, at: i * step + i % 7, what }))
  );
}

/** As it is by default, and with holes, delta and everything packed. */
const KINDS = [{ kind: "", options: [] }, { kind: ", packed and with holes", options: ["-S", "-z"] }];

for (const { way, kind, options } of WAYS.flatMap((way) => KINDS.map((kind) => ({ way, ...kind })))) {
  Deno.test(`a connection that is cut or reset anywhere ends the client in 5 s and the agent in 10 s (${way}${kind})`, async () => {
    const places = [
      ...await harms(way, "close", LONG ? 256 << 10 : 4 << 10, options),
      ...await harms(way, "reset", 1 << 20, options),
    ];
    await together(sampled(places, kind === "" ? 5 : 3, 21), 2, async (harm) => {
      const result = await through(way, { harm }, options);
      const what =
        `${way}${kind}, ${harm.what} ${harm.direction} at ${harm.at}: exit ${result.ran.code} ${result.ran.err}`;
      assert.ok(result.proxy.harmedAt > 0 || result.ran.code === 0, what);
      if (result.proxy.harmedAt > 0) {
        // Before the hello it is ssh's own failure; after the last word of the agent everything is done.
        assert.ok([12, 255, 5].includes(result.ran.code) || result.ran.code === 0, what);
        if (result.ran.code === 0) await same(result.work.source, result.work.target);
        assert.ok(result.tookMs < 5_000, `${what}\n${result.tookMs} ms`);
      }
      await aftermath(result, what);
    });
  });

  Deno.test(`a bit turned below ssh never leads to wrong content (${way}${kind})`, async () => {
    const places = await harms(way, "flip", LONG ? 100 << 10 : 3 << 10, options);
    await together(sampled(places, kind === "" ? 3 : 2, 22), 2, async (harm) => {
      const result = await through(way, { harm }, options);
      const what =
        `${way}${kind}, a bit of ${harm.direction} byte ${harm.at}: exit ${result.ran.code} ${result.ran.err}`;
      if (result.ran.code === 0) await same(result.work.source, result.work.target);
      await aftermath(result, what);
    });
  });
}

Deno.test("a silent connection ends the run by --timeout with exit 30", async () => {
  const stalls: { way: Way; harm: Harm }[] = [];
  // On a busy machine the link may seem long enough to compress: then less would pass.
  const raw = ["--no-z"];
  for (const way of WAYS) {
    const direction = way === "push" ? "up" : "down";
    const bytes = (await lengths(way, raw))[direction];
    for (const part of [0.4, 0.9]) {
      stalls.push({ way, harm: { direction, at: Math.floor(bytes * part), what: "stall" } });
    }
  }
  await together(stalls, 4, async ({ way, harm }) => {
    const result = await through(way, { harm }, [...raw, "--timeout=5"]);
    const what = `${way}, stall ${harm.direction} at ${harm.at}: exit ${result.ran.code} ${result.ran.err}`;
    assert.equal(result.ran.code, 30, what);
    assert.match(result.ran.err, /the client (heard nothing from|saw no work of) the agent/, what);
    assert.ok(result.tookMs > 4_000 && result.tookMs < 8_000, `${what}\n${result.tookMs} ms`);
    // The agent has the same limit and hears of nothing else.
    await allGone(result.work.place, 10_000);
    await aftermath(result, what);
  });
});

// ssh hands on its packets of up to 32 KiB whole: at 8 KiB/s nothing arrives for 4 s at a time, and that work goes on is told every third
// of the timeout.
Deno.test("a slow line is no silent one: 8 KiB/s with --timeout=8 goes through", async () => {
  await withPlace(async (place) => {
    for (const name of ["source", "target"]) await Deno.mkdir(`${place}/${name}`);
    const bytes = new Uint8Array(LONG ? 1 << 20 : 96 << 10);
    for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
    await Deno.writeFile(`${place}/source/f`, bytes);
    const slow: Workload = {
      place,
      source: `${place}/source`,
      target: `${place}/target`,
      old: new Map(),
      fresh: new Map(),
    };
    await together(WAYS, 2, async (way) => {
      const { work, proxy, ran } = await through(way, { bytesPerSecond: 8 << 10 }, ["--timeout=8"], slow);
      assert.equal(`${ran.code} ${ran.err}`, "0 ", way);
      await same(work.source, work.target);
      await proxy.close();
      await sweep(work.place);
    });
  });
});

for (const way of WAYS) {
  Deno.test(`an agent that is killed in the middle of a file ends the client in 2 s, and the message names it (${way})`, async () => {
    const work = await freshWorkload(template);
    const agent = await script(work.place, "agent", `TSYNC_TEST_PLACE='${work.place}' exec '${TSYNC_REMOTE}'`);
    const proxy = await TcpProxy.start(server.port, { bytesPerSecond: 512 << 10 });
    const far = (path: string) => `${server.host}:${path}`;
    const ends = way === "push" ? [`${work.source}/`, far(work.target)] : [far(`${work.source}/`), work.target];
    const words = [TSYNC, "-a", "-e", proxy.rsh(server.rsh, server.port), "--rsync-path", agent, ...ends];
    const running = run(words, { env: marked(work.place) });
    // Half of the first megabyte has passed: a large file is under way.
    const main = way === "push" ? "up" : "down";
    await waitUntil(() => proxy.passed[main] >= 700_000, "a large file is under way");
    const killed = agents(work.place);
    assert.equal(killed.length, 1);
    const start = performance.now();
    Deno.kill(killed[0], "SIGKILL");
    // What is on its way arrives at once.
    proxy.plan.bytesPerSecond = undefined;
    const ran = await running;
    const tookMs = performance.now() - start;
    assert.equal(ran.code, 12, ran.err);
    assert.match(ran.err, /agent/);
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    await allGone(work.place, 10_000);
    await proxy.close();
    assertOldOrNew(work, "agent killed");
    const again = await sync(work, "local");
    assert.equal(`${again.code} ${again.err}`, "0 ");
    assert.deepEqual(temporaries(look(work.target)), []);
    await same(work.source, work.target);
    await sweep(work.place);
  });
}
