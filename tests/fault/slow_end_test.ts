// One end is slow, or stands still (K05, K06): the other one waits for it, and keeps no more in memory than in a run where both are fast.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { agents, allGone, living, waitUntil } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { folderOf, quietly, sweep } from "../support/run.ts";
import { straceWords } from "../support/strace.ts";
import { memoryOf, type Peak, watched } from "../support/watch.ts";
import { type Fronts, sync, type Way } from "./ways.ts";
import type { Workload } from "./workload.ts";

const MIB = 1 << 20;
const BIG_MIB = LONG ? 1024 : 128;
const SMALL = LONG ? 20_000 : 2_000;
/** A run's memory scatters by so much; what is sent is many times that. */
const SCATTER_KIB = 24 << 10;
/** For each call of the slow end, which moves 256 KiB or a small file, microseconds. */
const DELAY_US = LONG ? 10_000 : 4_000;
const STALL_MS = LONG ? 20_000 : 3_000;

let template: Workload;
Deno.test.beforeAll(async () => {
  const place = await Deno.makeTempDir({ prefix: "tsync-slow-", dir: folderOf("memory") });
  const source = `${place}/source`;
  await Deno.mkdir(`${source}/small`, { recursive: true });
  const noise = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  for (let i = 0; i < SMALL; i++) await Deno.writeFile(`${source}/small/f${i}`, noise.subarray(i, i + 4000));
  using big = await Deno.create(`${source}/big`);
  for (let i = 0; i < BIG_MIB; i++) {
    noise[0] = i;
    for (let at = 0; at < MIB;) at += await big.write(noise.subarray(at));
  }
  template = { place, source, target: "", old: new Map(), fresh: new Map() };
});
Deno.test.afterAll(() => sweep(template.place));

/** The same source, and a target of its own. */
async function fresh(): Promise<Workload> {
  const place = await Deno.makeTempDir({ prefix: "tsync-slow-", dir: folderOf("memory") });
  return { ...template, place, target: `${place}/target` };
}

const OPTIONS = ["-a", "--no-z"];

/** The peaks of both programs in a run that brings everything. */
async function peaksOf(way: Way, fronts: Fronts): Promise<Map<string, Peak>> {
  const work = await fresh();
  const ran = quietly(sync(work, way, { fronts, options: OPTIONS, timeoutMs: 600_000 }));
  const { peaks } = await watched(work.place, ran);
  await same(work.source, work.target);
  await sweep(work.place);
  return peaks;
}

const known = new Map<Way, Promise<Map<string, Peak>>>();
/** Of a run that nothing disturbs. */
async function undisturbedKib(way: Way, program: string): Promise<number> {
  if (!known.has(way)) known.set(way, peaksOf(way, {}));
  return (await known.get(way)!).get(program)!.memoryKib;
}

const CASES = [
  { way: "push", slow: "target", calls: "pwrite64", program: "tsync" },
  { way: "pull", slow: "source", calls: "pread64,read", program: "tsync" },
] as const;
for (const { way, slow, calls, program } of LONG ? CASES : CASES.slice(0, 1)) {
  Deno.test(`a slow ${slow}: the client's memory is what it is beside a fast one (${way})`, async () => {
    const undisturbed = await undisturbedKib(way, program);
    const log = `${template.place}/log`;
    const agent = straceWords({ calls, log }, { effect: `delay_enter=${DELAY_US}`, when: "1+" });
    const disturbed = (await peaksOf(way, { agent })).get(program)!;
    const delayed = (await Deno.readTextFile(log)).split("\n").filter((line) => line.includes("(DELAYED)")).length;
    assert.ok(delayed > BIG_MIB, `${delayed} calls were slow`);
    const figures = `${disturbed.memoryKib} KiB, undisturbed ${undisturbed}`;
    assert.ok(disturbed.memoryKib < undisturbed + SCATTER_KIB, figures);
  });
}

for (const way of LONG ? ["push", "pull"] as const : ["pull"] as const) {
  Deno.test(`a ${way} whose target stands still: the source's memory does not grow meanwhile, and the run goes on`, async () => {
    const program = way === "push" ? "tsync" : "tsync-remote";
    const undisturbed = await undisturbedKib(way, program);
    const work = await fresh();
    const ran = quietly(sync(work, way, { options: OPTIONS, timeoutMs: 600_000 }));
    ran.catch(() => {});
    const client = () => living(work.place).find(({ words }) => words[0].endsWith("/tsync"))?.pid;
    const [source, target] = way === "push"
      ? [client, () => agents(work.place)[0]]
      : [() => agents(work.place)[0], client];
    await waitUntil(() => hasContent(work.target), "content at the target");
    const [sender, receiver] = [source()!, target()!];
    Deno.kill(receiver, "SIGSTOP");
    const end = performance.now() + STALL_MS;
    let most = 0;
    while (performance.now() < end) {
      most = Math.max(most, memoryOf(sender, "VmRSS"));
      await new Promise((resume) => setTimeout(resume, 20));
    }
    Deno.kill(receiver, "SIGCONT");
    await ran;
    const figures = `${most} KiB, undisturbed ${undisturbed}`;
    assert.ok(most < undisturbed + SCATTER_KIB, figures);
    await same(work.source, work.target);
    await allGone(work.place, 10_000);
    await sweep(work.place);
  });
}

/** Some of the large file is there, under whatever name. */
function hasContent(target: string): boolean {
  try {
    return [...Deno.readDirSync(target)].some(({ name, isFile }) =>
      isFile && Deno.lstatSync(`${target}/${name}`).blocks! > 8192
    );
  } catch {
    return false;
  }
}
