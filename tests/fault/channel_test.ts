// Harm inside the channel, where no cipher notices it: the stream ends at the edge of each frame and beside it (D13, J08), and bits
// turn in every field (D17). Content is guarded by its digest: whatever happens, each path is old or new.

import assert from "node:assert/strict";
import { Channel, type Fate, type PassingFrame } from "../support/cutproxy.ts";
import { TSYNC } from "../support/evil_sandbox.ts";
import { same } from "../support/manifest.ts";
import { allGone, marked } from "../support/processes.ts";
import { type Ran, run, sweep } from "../support/run.ts";
import { Message, messageName } from "../../lib/wire/messages.ts";
import { sampled, together } from "./sample.ts";
import { sync } from "./ways.ts";
import { assertOldOrNew, freshWorkload, look, makeTemplate, temporaries, type Workload } from "./workload.ts";

type Way = "push" | "pull";
const WAYS: Way[] = ["push", "pull"];

/** What says whether anything may be deleted: a "no" in place of a "yes" cannot be told from a true one, and what is extra stays. */
const VERDICTS: readonly number[] = [Message.listEnd, Message.sourceDone, Message.checked];

let template: Workload;
Deno.test.beforeAll(async () => {
  template = await makeTemplate();
});
Deno.test.afterAll(() => sweep(template.place));

interface Run {
  work: Workload;
  channel: Channel;
  ran: Ran;
  endedAt: number;
}

async function through(way: Way, fate?: (frame: PassingFrame) => Fate, options: string[] = []): Promise<Run> {
  const work = await freshWorkload(template);
  const channel = Channel.open(work.place, fate);
  const ends = way === "push" ? [`${work.source}/`, `x:${work.target}`] : [`x:${work.source}/`, work.target];
  const words = [TSYNC, "-a", "--delete", "--timeout=10", ...options, ...channel.options, ...ends];
  const ran = await run(words, { env: marked(work.place) });
  return { work, channel, ran, endedAt: performance.now() };
}

async function finish({ work, channel }: Run, what: string): Promise<void> {
  await channel.close();
  await allGone(work.place, 10_000);
  const again = await sync(work, "local");
  assert.equal(`${again.code} ${again.err}`, "0 ", `${what}: the next run`);
  assert.deepEqual(temporaries(look(work.target)), [], what);
  await same(work.source, work.target);
  await sweep(work.place);
}

/** The frames of an undisturbed run. */
async function frames(way: Way): Promise<PassingFrame[]> {
  const result = await through(way);
  assert.equal(`${result.ran.code} ${result.ran.err}`, "0 ");
  const seen = [...result.channel.frames];
  await finish(result, "undisturbed");
  return seen;
}

interface Cut {
  frame: PassingFrame;
  /** Bytes of the frame that still pass: none, one, all but one, all. */
  passes: number;
}

for (const way of WAYS) {
  Deno.test(`a stream that ends at or beside any frame's edge is never exit 0 and deletes nothing too early (${way})`, async () => {
    // How many PINGs and CREDITs there are is a matter of time.
    const steady = (await frames(way)).filter(({ type }) => type !== Message.ping && type !== Message.credit);
    const cuts: Cut[] = steady.flatMap((frame) => {
      const length = frame.bytes.length;
      return [...new Set([0, 1, length - 1, length])].map((passes) => ({ frame, passes }));
    });
    const source = way === "push" ? "up" : "down";
    const always = cuts.filter(({ frame, passes }) =>
      frame.direction === source && frame.type === Message.list && passes === frame.bytes.length
    );
    assert.ok(always.length > 0, "cuts right after the entries of a folder");
    await together([...always.slice(0, 2), ...sampled(cuts, 16, 31)], 3, async ({ frame, passes }) => {
      const { direction, type, nth } = frame;
      const result = await through(way, (passing) => {
        const isIt = passing.direction === direction && passing.type === type && passing.nth === nth;
        return isIt ? { cutAfter: passes } : passing.bytes;
      });
      const { work, channel, ran } = result;
      const what = `${way}, ${direction} ${messageName(type)} ${nth} cut after ${passes}: exit ${ran.code} ${ran.err}`;
      if (channel.cutAt > 0) {
        const isLastWord = type === Message.bye || (type === Message.totals && passes > 0);
        assert.ok(ran.code === 12 || (isLastWord && ran.code === 0), what);
        assert.ok(result.endedAt - channel.cutAt < 5_000, what);
      }
      await allGone(work.place, 10_000);
      assert.deepEqual(assertOldOrNew(work, what), [], what);
      // Whatever the target had to tell after its last check came after the whole list.
      const isBeforeEnd = direction === source && type <= Message.listEnd;
      const now = look(work.target);
      const gone = [...work.old.keys()].filter((path) => !now.has(path));
      if (isBeforeEnd) assert.deepEqual(gone, [], what);
      await finish(result, what);
    });
  });

  Deno.test(`a bit turned in any field of content is noticed, and no path gets anything but old or new content (${way})`, async () => {
    const guarded: number[] = [
      Message.files,
      Message.fileBegin,
      Message.fileData,
      Message.fileEnd,
      Message.fileSkip,
      Message.listEnd,
      Message.sourceDone,
      Message.want,
      Message.wantEnd,
      Message.credit,
      Message.ready,
      Message.check,
      Message.checked,
      Message.totals,
    ];
    const flips = flipsOf(await frames(way), (type) => guarded.includes(type));
    await together(sampled(flips, 20, 32), 3, async (flip) => {
      const result = await spoiled(way, flip);
      const { work, ran } = result;
      const what = `${way}, ${describe(flip)}: exit ${ran.code} ${ran.err}`;
      assert.ok([0, 10, 11, 12, 20, 23, 24, 25, 30].includes(ran.code), what);
      await allGone(work.place, 12_000);
      assert.deepEqual(assertOldOrNew(work, what), [], what);
      if (ran.code === 0) {
        const now = look(work.target);
        const missing = [...work.fresh].filter(([path, state]) => now.get(path) !== state);
        assert.deepEqual(missing, [], what);
        if (!VERDICTS.includes(flip.type)) {
          assert.deepEqual([...now.keys()].filter((path) => !work.fresh.has(path)), []);
        }
      }
      await finish(result, what);
    });
  });

  Deno.test(`a bit turned in any other field harms no content: old, new, or nothing at all (${way})`, async () => {
    const guarded: number[] = [Message.hello, Message.job, Message.roots, Message.list, Message.account];
    const flips = flipsOf(await frames(way), (type) => guarded.includes(type));
    await together(sampled(flips, 10, 33), 3, async (flip) => {
      const { work, channel, ran } = await spoiled(way, flip);
      const what = `${way}, ${describe(flip)}: exit ${ran.code} ${ran.err}`;
      assert.ok(ran.code < 124, what);
      assert.doesNotMatch(ran.err, /internal error|panicked|Uncaught/, what);
      await channel.close();
      await allGone(work.place, 12_000);
      // A name or a number that is another legal one cannot be told from a true one; content can.
      const contents = new Set([...work.old.values(), ...work.fresh.values()]);
      for (const [path, state] of look(work.target)) {
        assert.ok(!state.startsWith("f ") || contents.has(state), `${what}\n${path}: ${state.slice(0, 80)}`);
      }
      await sweep(work.place);
    });
  });
}

interface Flip {
  direction: string;
  type: number;
  nth: number;
  /** Of the frame, header included. */
  byte: number;
  bit: number;
}

function describe({ direction, type, nth, byte, bit }: Flip): string {
  return `${direction} ${messageName(type)} ${nth}, byte ${byte}, bit ${bit}`;
}

/** One flip in each byte of the first frames of each type; in long payloads every so many bytes. */
function flipsOf(frames: PassingFrame[], take: (type: number) => boolean): Flip[] {
  const flips: Flip[] = [];
  for (const { direction, type, nth, bytes } of frames) {
    if (!take(type) || nth > 1) continue;
    const step = Math.max(1, Math.floor(bytes.length / 80));
    for (let byte = 0; byte < bytes.length; byte += byte < 40 ? 1 : step) {
      flips.push({ direction, type, nth, byte, bit: (byte * 5 + type) % 8 });
    }
  }
  return flips;
}

function spoiled(way: Way, flip: Flip): Promise<Run> {
  return through(way, (passing) => {
    const isIt = passing.direction === flip.direction && passing.type === flip.type && passing.nth === flip.nth;
    if (isIt && flip.byte < passing.bytes.length) passing.bytes[flip.byte] ^= 1 << flip.bit;
    return passing.bytes;
  });
}
