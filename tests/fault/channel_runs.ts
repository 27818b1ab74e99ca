// Runs over a channel that cuts or spoils frames, and what must hold after them. Called by channel_test and dense_test.

import assert from "node:assert/strict";
import { Channel, type Fate, type PassingFrame } from "../support/cutproxy.ts";
import { TSYNC } from "../support/evil_sandbox.ts";
import { same } from "../support/manifest.ts";
import { allGone, marked } from "../support/processes.ts";
import { type Ran, run, sweep } from "../support/run.ts";
import { Message, messageName } from "../../lib/wire/messages.ts";
import { sync } from "./ways.ts";
import { assertOldOrNew, freshWorkload, look, temporaries, type Workload } from "./workload.ts";

export type Way = "push" | "pull";

/** What is run: copies of a template, with these options; all packed or nothing. */
export interface Trial {
  template: Workload;
  options?: readonly string[];
  packs?: boolean;
}

export interface Run {
  work: Workload;
  channel: Channel;
  ran: Ran;
  endedAt: number;
}

export async function through(trial: Trial, way: Way, fate?: (frame: PassingFrame) => Fate): Promise<Run> {
  const { template, options = [], packs = false } = trial;
  const work = await freshWorkload(template);
  const channel = Channel.open(work.place, fate);
  channel.packs = packs;
  const ends = way === "push" ? [`${work.source}/`, `x:${work.target}`] : [`x:${work.source}/`, work.target];
  const words = [TSYNC, "-a", "--delete", "--timeout=10", ...options, ...channel.options, ...ends];
  const ran = await run(words, { env: marked(work.place) });
  return { work, channel, ran, endedAt: performance.now() };
}

export async function finish({ work, channel }: Run, what: string): Promise<void> {
  await channel.close();
  await allGone(work.place, 10_000);
  const again = await sync(work, "local");
  assert.equal(`${again.code} ${again.err}`, "0 ", `${what}: the next run`);
  assert.deepEqual(temporaries(look(work.target)), [], what);
  await same(work.source, work.target);
  await sweep(work.place);
}

/** The frames of an undisturbed run. */
export async function frames(trial: Trial, way: Way): Promise<PassingFrame[]> {
  const result = await through(trial, way);
  assert.equal(`${result.ran.code} ${result.ran.err}`, "0 ");
  const seen = [...result.channel.frames];
  await finish(result, "undisturbed");
  return seen;
}

/** What says whether anything may be deleted: a "no" in place of a "yes" cannot be told from a true one, and what is extra stays. */
const VERDICTS: readonly number[] = [Message.listEnd, Message.sourceDone, Message.checked];

export interface Cut {
  frame: PassingFrame;
  /** Bytes of the frame that still pass: none, one, all but one, all. */
  passes: number;
}

/** Cuts at and beside the edges of each frame. How many PINGs and CREDITs there are is a matter of time. */
export function cutsOf(frames: PassingFrame[]): Cut[] {
  const steady = frames.filter(({ type }) => type !== Message.ping && type !== Message.credit);
  return steady.flatMap((frame) => {
    const length = frame.bytes.length;
    return [...new Set([0, 1, length - 1, length])].map((passes) => ({ frame, passes }));
  });
}

/** The stream ends there: never exit 0, old or new, and nothing deleted before the whole list came. Returns whether it came to that. */
export async function cutStream(trial: Trial, way: Way, { frame, passes }: Cut): Promise<boolean> {
  const source = way === "push" ? "up" : "down";
  const { direction, type, nth } = frame;
  const result = await through(trial, way, (passing) => {
    const isIt = passing.direction === direction && passing.type === type && passing.nth === nth;
    return isIt ? { cutAfter: passes } : passing.bytes;
  });
  const { work, channel, ran } = result;
  const what = `${way}, ${direction} ${messageName(type)} ${nth} cut after ${passes}: exit ${ran.code} ${ran.err}`;
  if (channel.cutAt > 0) {
    // Behind the whole answer to the target's last question nothing is waited for but the goodbye.
    const isAnswered = way === "pull" && type === Message.checked && passes === frame.bytes.length;
    const isLastWord = type === Message.bye || (type === Message.totals && passes > 0) || isAnswered;
    assert.ok(ran.code === 12 || (isLastWord && ran.code === 0), what);
    assert.ok(result.endedAt - channel.cutAt < 5_000, what);
    // A run that says it is done is done.
    if (ran.code === 0) await same(work.source, work.target);
  }
  await allGone(work.place, 10_000);
  assert.deepEqual(assertOldOrNew(work, what), [], what);
  // Whatever the target had to tell after its last check came after the whole list.
  const isBeforeEnd = direction === source && type <= Message.listEnd;
  const now = look(work.target);
  const gone = [...work.old.keys()].filter((path) => !now.has(path));
  if (isBeforeEnd) assert.deepEqual(gone, [], what);
  await finish(result, what);
  return channel.cutAt > 0;
}

export interface Flip {
  direction: string;
  type: number;
  nth: number;
  /** Of the frame, header included. */
  byte: number;
  bit: number;
}

export function flipText({ direction, type, nth, byte, bit }: Flip): string {
  return `${direction} ${messageName(type)} ${nth}, byte ${byte}, bit ${bit}`;
}

/** One flip in each byte of the first frames of each type; in long payloads every so many bytes. */
export function flipsOf(frames: PassingFrame[], take: (type: number) => boolean): Flip[] {
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

export function spoiled(trial: Trial, way: Way, flip: Flip): Promise<Run> {
  return through(trial, way, (passing) => {
    const isIt = passing.direction === flip.direction && passing.type === flip.type && passing.nth === flip.nth;
    if (isIt && flip.byte < passing.bytes.length) passing.bytes[flip.byte] ^= 1 << flip.bit;
    return passing.bytes;
  });
}

/** One bit turned in what tells of content: noticed, repaired, or without effect; each path is old or new. */
export async function contentFlip(trial: Trial, way: Way, flip: Flip): Promise<void> {
  const result = await spoiled(trial, way, flip);
  const { work, ran } = result;
  const what = `${way}, ${flipText(flip)}: exit ${ran.code} ${ran.err}`;
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
}
