// The line is cut, and the run goes on over a new one (--reconnect): the same tree as of an uncut run, nothing done twice, nothing told twice,
// nothing left behind. And where it does not come back, or must not be used, the run ends as it should.

import assert from "node:assert/strict";
import { type Harm, type ProxyPlan, TcpProxy } from "../support/cutproxy.ts";
import { TSYNC, TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { same } from "../support/manifest.ts";
import { agents, allGone, living, marked, waitUntil } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { type Ran, run, sweep } from "../support/run.ts";
import { startSshServer } from "../support/ssh_server.ts";
import { startSshd } from "../support/sshd.ts";
import { sampled, together } from "./sample.ts";
import { script, sync } from "./ways.ts";
import { freshWorkload, look, makeTemplate, temporaries, type Workload } from "./workload.ts";

type Way = "push" | "pull";
const WAYS: Way[] = ["push", "pull"];
const MIB = 1 << 20;

let template: Workload;
let server: { port: number; rsh: string; host: string; close(): Promise<unknown> };
let home: string;
Deno.test.beforeAll(async () => {
  template = await makeTemplate();
  // Many files, so that some are in place before a cut, and some large ones.
  await Deno.mkdir(`${template.source}/many`);
  for (let i = 0; i < 400; i++) await Deno.writeFile(`${template.source}/many/${i}`, noise(3000));
  for (let i = 0; i < 3; i++) await Deno.writeFile(`${template.source}/zbig${i}`, noise(MIB));
  template = { ...template, fresh: look(template.source) };
  home = await Deno.makeTempDir({ prefix: "tsync-home-" });
  server = Deno.uid() === 0 ? await startSshd({ home, shell: ["/bin/sh", "-c"] }) : await startSshServer({ home });
});
Deno.test.afterAll(async () => {
  await server.close();
  await sweep(template.place);
  await sweep(home);
});

function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

/** Folders for files that came in part. */
function partials(path: string): string[] {
  return [...look(path).keys()].filter((name) => name.includes(".tsync-partial"));
}

interface Begun {
  work: Workload;
  proxy: TcpProxy;
  ran: Promise<Ran>;
}

/** Begins a synchronisation through a proxy; the agents carry the place's mark. */
async function begin(
  way: Way,
  plan: ProxyPlan,
  options: string[],
  { stdin, from = template, ssh = "" }: { stdin?: string; from?: Workload; ssh?: string } = {},
): Promise<Begun> {
  const work = await freshWorkload(from);
  const proxy = await TcpProxy.start(server.port, plan);
  const agent = await script(work.place, "agent", `TSYNC_TEST_PLACE='${work.place}' exec '${TSYNC_REMOTE}'`);
  const far = (path: string) => `${server.host}:${path}`;
  const ends = way === "push" ? [`${work.source}/`, far(work.target)] : [far(`${work.source}/`), work.target];
  const words = [
    TSYNC,
    "-a",
    ...options,
    "-e",
    proxy.rsh(server.rsh + ssh, server.port),
    "--rsync-path",
    agent,
    ...ends,
  ];
  return { work, proxy, ran: run(words, { env: marked(work.place), timeoutMs: 120_000, stdin }) };
}

async function end({ work, proxy }: Begun, isWhole: boolean): Promise<void> {
  await allGone(work.place, 10_000);
  await proxy.close();
  assert.deepEqual(temporaries(look(work.target)), []);
  if (isWhole) assert.deepEqual(partials(work.target), []);
  if (isWhole) {
    await same(work.source, work.target);
    const quiet = await sync(work, "local", { options: ["-ai", "--delete"] });
    assert.equal(`${quiet.code} ${quiet.out}${quiet.err}`, "0 ", "a second run finds nothing to do");
  }
  await sweep(work.place);
}

/** Bytes of an undisturbed run in the direction of its content. */
async function length(way: Way): Promise<number> {
  const begun = await begin(way, {}, ["--delete"]);
  assert.equal(`${(await begun.ran).code}`, "0");
  const bytes = begun.proxy.passed[way === "push" ? "up" : "down"];
  await end(begun, true);
  return bytes;
}

for (const way of WAYS) {
  const direction = way === "push" ? "up" : "down";

  Deno.test(`--reconnect: a run that is cut anywhere comes to the end of an uncut one, and tells each thing once (${way})`, async () => {
    const whole = await length(way);
    const cuts: Harm[] = Array.from({ length: 24 }, (_, i) => ({
      ...{ direction, at: Math.floor(whole * (0.1 + 0.9 * i / 24)), what: i % 2 === 0 ? "close" : "reset" },
    }));
    await together(sampled(cuts, way === "push" ? 2 : 1, 41), 2, async (harm) => {
      const begun = await begin(way, { harm }, ["--delete", "--reconnect=60", "-i", "--stats"]);
      const ran = await begun.ran;
      const what = `${way}, ${harm.what} at ${harm.at} of ${whole}: exit ${ran.code} ${ran.err}`;
      assert.equal(ran.code, 0, what);
      assert.ok(begun.proxy.connections === 2, what);
      assert.match(ran.err, /trying to connect again for up to 60 s\nconnected again/, what);
      const lines = ran.out.split("\n").filter((line) => /^[<>c.h*]/.test(line));
      assert.equal(new Set(lines).size, lines.length, `${what}\n${ran.out}`);
      const files = lines.filter((line) => /^[<>]f/.test(line)).length;
      const told = /transferred: ([\d,]+)/.exec(ran.out)![1].replace(",", "");
      assert.equal(Number(told), files, `${what}\n${ran.out}`);
      // Without a loss that is known; what was told, and lost with the line, is equal at the second try.
      if (way === "pull") assert.equal(files, filesOf(begun.work), what);
      await end(begun, true);
    });
  });

  Deno.test(`--reconnect: several cuts in a row are one run (${way})`, async () => {
    const cut = (at: number): Harm => ({ direction, at, what: "close" });
    const cuts = LONG ? [300, 500, 700, 900, 1100, 1300] : [500, 900];
    const more = cuts.slice(1).map((kib) => cut(kib << 10));
    const begun = await begin(way, { harm: cut(cuts[0] << 10), more }, ["--delete", "--reconnect=forever"]);
    const ran = await begun.ran;
    assert.equal(ran.code, 0, ran.err);
    assert.equal(begun.proxy.connections, cuts.length + 1, ran.err);
    await end(begun, true);
  });

  Deno.test(`--reconnect: a peer that stays away ends the run with the loss's exit code, and a signal ends the wait (${way})`, async () => {
    const cases = [
      { reconnect: "--reconnect=2", signal: null, code: 12 },
      { reconnect: "--reconnect=forever", signal: "SIGINT", code: 20 },
      { reconnect: "--no-reconnect", signal: null, code: 12 },
    ] as const;
    const some = LONG ? cases : way === "push" ? cases.slice(0, 2) : cases.slice(1);
    await together(some, 3, async ({ reconnect, signal, code }) => {
      const plan: ProxyPlan = { harm: { direction, at: 600 << 10, what: "close" } };
      const begun = await begin(way, plan, ["--delete", reconnect]);
      await waitUntil(() => begun.proxy.harmedAt > 0, "the line is cut");
      plan.isAway = true;
      let tookMs = 0;
      if (signal !== null) {
        await waitUntil(() => begun.proxy.connections >= 2, "it tries again");
        const client = living(begun.work.place).find(({ words }) => words[0] === TSYNC)!;
        const from = performance.now();
        Deno.kill(client.pid, signal);
        await begun.ran;
        tookMs = performance.now() - from;
      }
      const ran = await begun.ran;
      assert.equal(ran.code, code, ran.err);
      if (reconnect === "--reconnect=2") assert.match(ran.err, /no new connection for 2 s/);
      if (reconnect === "--no-reconnect") assert.equal(begun.proxy.connections, 1);
      assert.ok(tookMs < 2000, `${tookMs} ms`);
      await end(begun, false);
    });
  });
}

/** Files that a run of the workload transfers: all of them. */
function filesOf({ fresh }: Workload): number {
  return [...fresh.values()].filter((state) => state !== "d" && !state.startsWith("l ")).length;
}

Deno.test("--reconnect: an agent that was stopped when its line was lost writes nothing when it wakes", async () => {
  const begun = await begin("push", { bytesPerSecond: 700 << 10 }, ["--delete", "--reconnect=60"]);
  const { work, proxy, ran } = begun;
  // Files are staged and a large one is under way.
  await waitUntil(() => proxy.passed.up >= 900 << 10, "content is under way");
  const [old] = agents(work.place);
  Deno.kill(old, "SIGSTOP");
  proxy.cut();
  proxy.plan.bytesPerSecond = undefined;
  const { code, err } = await ran;
  assert.equal(code, 0, err);
  await same(work.source, work.target);
  // It ended before the new one began: waking it is too late.
  assert.ok(!agents(work.place).includes(old), "the stopped agent has ended");
  await end(begun, true);
});

Deno.test("--reconnect: backups hold what was there before the run, and --remove-source-files removes what arrived", async () => {
  const cut: Harm = { direction: "up", at: 1300 << 10, what: "close" };
  await together([0, 1], 2, async (i) => {
    if (i === 0) {
      const begun = await begin("push", { harm: cut }, ["--delete", "-b", "--backup-dir=../kept", "--reconnect=60"]);
      const { code, err } = await begun.ran;
      assert.equal(code, 0, err);
      assert.equal(begun.proxy.connections, 2, err);
      const { old, place } = begun.work;
      const kept = look(`${place}/kept`);
      for (const [path, state] of old) if (state.startsWith("f ")) assert.equal(kept.get(path), state, path);
      return await end(begun, true);
    }
    // The names come once, by standard input, and serve both connections.
    const names = ["many", "zbig0", "a/b"];
    const plan: ProxyPlan = { harm: { ...cut, direction: "down" } };
    const options = ["-r", "--files-from=-", "--remove-source-files", "--reconnect=60"];
    const begun = await begin("pull", plan, options, { stdin: names.join("\n") });
    const { code, err } = await begun.ran;
    assert.equal(code, 0, err);
    assert.equal(begun.proxy.connections, 2, err);
    const { source, target, fresh } = begun.work;
    const [left, came] = [look(source), look(target)];
    for (const [path, state] of fresh) {
      const isAsked = names.some((name) => path === `/${name}` || path.startsWith(`/${name}/`));
      if (state === "d") continue;
      assert.equal(left.has(path), !isAsked, path);
      if (isAsked) assert.equal(came.get(path), state, path);
    }
    await end(begun, false);
  });
});

for (const way of WAYS) {
  Deno.test(`--reconnect: a large file goes on where it was, also over a line that fell silent (${way})`, async () => {
    const direction = way === "push" ? "up" : "down";
    const big = 16 * MIB;
    const place = await Deno.makeTempDir({ prefix: "tsync-fault-template-" });
    for (const name of ["source", "target"]) await Deno.mkdir(`${place}/${name}`);
    await Deno.writeFile(`${place}/source/big`, noise(big));
    const none = new Map<string, string>();
    const own: Workload = { place, source: `${place}/source`, target: `${place}/target`, old: none, fresh: none };
    const cases = [
      { what: "close", timeout: "--timeout=0", ssh: "" },
      { what: "stall", timeout: "--timeout=3", ssh: "" },
      // Only ssh at our end notices: the other agent waits on, and has to give way.
      { what: "stall", timeout: "--timeout=0", ssh: " -o ServerAliveInterval=1 -o ServerAliveCountMax=2" },
    ] as const;
    const some = LONG ? cases : [cases[way === "push" ? 2 : 1]];
    await together(some, 2, async ({ what, timeout, ssh }) => {
      const at = 12 * MIB;
      const begun = await begin(way, { harm: { direction, at, what } }, [timeout, "--reconnect=60"], {
        from: own,
        ssh,
      });
      const { code, err } = await begun.ran;
      assert.equal(code, 0, err);
      assert.equal(begun.proxy.connections, 2, err);
      const again = begun.proxy.passed[direction] - at;
      // What was under way in pipes and buffers is lost; what was written is not sent again.
      assert.ok(again < big - at / 2, `${way}, ${what}: ${again} bytes came in the second connection`);
      // A source that waits on does no harm, and ends with its line.
      if (way === "push") await allGone(begun.work.place, 2000);
      begun.proxy.cut();
      await end(begun, true);
    });
    await sweep(place);
  });
}
