// Several connections of one run, on the real ssh: one of them is killed at either end, or stands still, the server takes no more than one, all of them are lost. The run
// ends as it would over one, and nothing is left behind.

import assert from "node:assert/strict";
import { type ProxyPlan, TcpProxy } from "../support/cutproxy.ts";
import { TSYNC, TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { same } from "../support/manifest.ts";
import { agents, allGone, living, marked, waitUntil } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { type Ran, run, sweep } from "../support/run.ts";
import { startSshServer } from "../support/ssh_server.ts";
import { startSshd } from "../support/sshd.ts";
import { script } from "./ways.ts";
import { look, temporaries } from "./workload.ts";

type Way = "push" | "pull";
const WAYS: Way[] = ["push", "pull"];
const MIB = 1 << 20;
const FILES = 16;

let source: string;
let server: { port: number; rsh: string; host: string; close(): Promise<unknown> };
let home: string;
Deno.test.beforeAll(async () => {
  source = await Deno.makeTempDir({ prefix: "tsync-lanes-" });
  for (let i = 0; i < FILES; i++) await Deno.writeFile(`${source}/big${i}`, noise(4 * MIB));
  for (let i = 0; i < 200; i++) await Deno.writeFile(`${source}/small${i}`, noise(500));
  home = await Deno.makeTempDir({ prefix: "tsync-home-" });
  server = Deno.uid() === 0 ? await startSshd({ home, shell: ["/bin/sh", "-c"] }) : await startSshServer({ home });
});
Deno.test.afterAll(async () => {
  await server.close();
  await sweep(source);
  await sweep(home);
});

function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

interface Begun {
  place: string;
  proxy: TcpProxy;
  direction: "up" | "down";
  ran: Promise<Ran>;
}

/** Begins a run through a proxy that lets so much a second through on each connection; all its processes carry the place's mark. */
async function begin(way: Way, plan: ProxyPlan, options: string[]): Promise<Begun> {
  const place = await Deno.makeTempDir({ prefix: "tsync-run-" });
  const proxy = await TcpProxy.start(server.port, plan);
  const agent = await script(place, "agent", `TSYNC_TEST_PLACE='${place}' exec '${TSYNC_REMOTE}'`);
  const target = `${place}/target`;
  const ends = way === "push" ? [`${source}/`, `${server.host}:${target}`] : [`${server.host}:${source}/`, target];
  const rsh = proxy.rsh(server.rsh, server.port);
  const words = [TSYNC, "-a", "-v", "--stats", ...options, "-e", rsh, "--rsync-path", agent, ...ends];
  const ran = run(words, { env: marked(place), timeoutMs: 120_000 });
  return { place, proxy, direction: way === "push" ? "up" : "down", ran };
}

/** Slow enough to be met at work. */
const SLOW: ProxyPlan = { bytesPerSecond: 6 * MIB };
/** The first connection may hold a window of bulk, 8 MiB, when SPLIT follows: when all three have passed so much the stream is split. */
const SPLIT_BYTES = 26 * MIB;

const remoteShells = (place: string) =>
  inOrder(living(place).filter(({ words }) => /(^|\/)ssh$/.test(words[0])).map(({ pid }) => pid));
/** The run's own one, then those that only carry. */
const agentsOf = (place: string) => inOrder(agents(place));

/** Processes in the order of their start. */
function inOrder(pids: number[]): number[] {
  const startOf = (pid: number) =>
    Number(Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/.*\) /, "").split(" ")[19]);
  return pids.map((pid) => ({ pid, start: startOf(pid) })).sort((a, b) => a.start - b.start).map(({ pid }) => pid);
}

/** Waits until so many connections carry content. */
async function atWork({ place, proxy, direction, ran }: Begun, count: number): Promise<void> {
  let over: Ran | null = null;
  ran.then((result) => over = result);
  await waitUntil(() => over !== null || agents(place).length === count, `${count} connections`, 60_000);
  const joined = proxy.passed[direction];
  await waitUntil(() => over !== null || proxy.passed[direction] > joined + SPLIT_BYTES, "content", 60_000);
  assert.equal(over, null, "it ended before");
}

async function end({ place, proxy }: Begun, isWhole: boolean): Promise<void> {
  await allGone(place, 10_000);
  await proxy.close();
  if (isWhole) assert.deepEqual(temporaries(look(`${place}/target`)), []);
  if (isWhole) await same(source, `${place}/target`);
  const left = [...Deno.readDirSync(`${home}/.tsync/run`)].map(({ name }) => name);
  assert.deepEqual(left, [], "no socket is left");
  await sweep(place);
}

for (const way of WAYS) {
  // A case takes some five seconds.
  const short = way === "push" ? ["first"] as const : ["last"] as const;
  for (const which of LONG ? ["first", "second", "last"] as const : short) {
    Deno.test(`--connections: the ${which} of three is killed, and the run goes on over the others (${way})`, async () => {
      const begun = await begin(way, SLOW, ["--connections=3"]);
      await atWork(begun, 3);
      const shells = remoteShells(begun.place);
      assert.equal(shells.length, 3);
      Deno.kill(shells[which === "first" ? 0 : which === "second" ? 1 : 2], "SIGKILL");
      const { code, out, err } = await begun.ran;
      assert.equal(code, 0, err);
      assert.match(out, /^Connections: 3$/m);
      assert.match(out + err, /a connection has ended; the run goes on with those that are left/);
      assert.equal(begun.proxy.connections, 3);
      await end(begun, true);
    });
  }

  if (LONG) {
    Deno.test(`--connections: an agent that only carries is killed, and the run goes on (${way})`, async () => {
      const begun = await begin(way, SLOW, ["--connections=3"]);
      await atWork(begun, 3);
      Deno.kill(agentsOf(begun.place)[1], "SIGKILL");
      const { code, out, err } = await begun.ran;
      assert.equal(code, 0, err + out);
      await end(begun, true);
    });
  }
}

for (const way of WAYS) {
  // Ten seconds of silence each.
  for (const which of LONG ? [0, 1, 2] : way === "push" ? [1] : []) {
    Deno.test(`--connections: number ${which} of three stands still, and is given up for the others (${way})`, async () => {
      const begun = await begin(way, { ...SLOW }, ["--connections=3"]);
      await atWork(begun, 3);
      Deno.kill(remoteShells(begun.place)[which], "SIGSTOP");
      begun.proxy.plan.bytesPerSecond = undefined;
      const { code, out, err } = await begun.ran;
      assert.equal(code, 0, err);
      assert.match(
        out + err,
        /a connection carries nothing any more and was ended; the run goes on with those that are/,
      );
      assert.equal(begun.proxy.connections, 3);
      // The stopped shell, too.
      await end(begun, true);
    });
  }
}

Deno.test("--connections: where the server takes one connection only, the run is one over one, and -v says so once", async () => {
  let begun: Begun | null = null;
  const plan = {
    get isAway() {
      return begun !== null && begun.proxy.connections > 1;
    },
  };
  begun = await begin("push", plan, ["--connections=4"]);
  const { code, out, err } = await begun.ran;
  assert.equal(code, 0, err);
  assert.equal(begun.proxy.connections, 4);
  assert.doesNotMatch(out, /^Connections/m);
  assert.equal((out + err).match(/3 of 3 further connections could not be made/g)?.length, 1, out + err);
  await end(begun, true);
});

Deno.test("--connections=1: there is one connection, whatever --connections-max says", async () => {
  const begun = await begin("pull", {}, ["--connections=1", "--connections-max=16"]);
  const { code, out, err } = await begun.ran;
  assert.equal(code, 0, err);
  assert.doesNotMatch(out, /^Connections/m);
  assert.equal(begun.proxy.connections, 1);
  await end(begun, true);
});

Deno.test("--connections: the run's own agent is killed: that is the end, at once", async () => {
  const begun = await begin("push", SLOW, ["--connections=3"]);
  await atWork(begun, 3);
  Deno.kill(agentsOf(begun.place)[0], "SIGKILL");
  const { code } = await begun.ran;
  assert.equal(code, 12);
  await end(begun, false);
});

if (LONG) {
  Deno.test("--connections: the client is killed, and nothing of the run is left", async () => {
    const begun = await begin("pull", SLOW, ["--connections=3"]);
    await atWork(begun, 3);
    const client = living(begun.place).find(({ words }) => words[0] === TSYNC)!;
    Deno.kill(client.pid, "SIGKILL");
    assert.equal((await begun.ran).code, 137);
    await end(begun, false);
  });

  Deno.test("--connections-max: over a line of 200 ms a run opens so many by itself, and loses nothing by it", async () => {
    const words = ["run", "-N", new URL("../../bench/wan_proxy.ts", import.meta.url).pathname];
    const line = new Deno.Command(Deno.execPath(), {
      args: [...words, String(100e6 / 8), "200", String(server.port)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = line.stdout.getReader();
    const [port] = JSON.parse(new TextDecoder().decode((await reader.read()).value)).ports;
    const target = await Deno.makeTempDir({ prefix: "tsync-run-" });
    const rsh = `${server.rsh} -p ${port} -o HostKeyAlias=[127.0.0.1]:${server.port}`;
    const remote = ["-e", rsh, "--rsync-path", TSYNC_REMOTE, `${server.host}:${target}/t`];
    const { code, out, err } = await run([TSYNC, "-a", "--stats", "--connections-max=3", `${source}/`, ...remote]);
    assert.equal(code, 0, err);
    assert.match(out, /^Connections: 3$/m);
    await same(source, `${target}/t`);
    await sweep(target);
    await reader.cancel();
    await line.stdin.close();
    await line.status;
  });
}

for (const way of LONG ? WAYS : ["pull"] as Way[]) {
  Deno.test(`--connections: all are lost at a time; --reconnect takes the run up with as many (${way})`, async () => {
    const begun = await begin(way, { ...SLOW }, ["--connections=2", "--reconnect=60"]);
    await atWork(begun, 2);
    begun.proxy.plan.bytesPerSecond = undefined;
    begun.proxy.cut();
    const { code, out, err } = await begun.ran;
    assert.equal(code, 0, err);
    assert.match(err, /trying to connect again for up to 60 s\nconnected again/);
    assert.match(out, /^Connections: 2$/m);
    assert.ok(begun.proxy.connections >= 3, `${begun.proxy.connections}`);
    await end(begun, true);
  });
}

Deno.test("--connections: all are lost, and without --reconnect the run ends with exit code 12", async () => {
  const begun = await begin("pull", SLOW, ["--connections=2"]);
  await atWork(begun, 2);
  begun.proxy.cut();
  const { code, err } = await begun.ran;
  assert.ok(code === 12 || code === 255, `${code}: ${err}`);
  await end(begun, false);
});
