// What the bench measures on and over: the arithmetic of the slow line, random bytes that do not compress, text that does as text does.

import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { isWithin, Lane, windowBytes } from "../../bench/pacing.ts";
import { RandomBytes, seededRandom } from "../../bench/random.ts";
import { TextMaker } from "../../bench/text.ts";

// The runtime has it; the types that come with a package of ours are older.
const { zstdCompressSync } = zlib as unknown as { zstdCompressSync(bytes: Uint8Array): Uint8Array };

const LINK = { bytesPerSecond: 12.5e6, rttMs: 50 };

Deno.test("Lane delivers after the time on the line and half a round trip", () => {
  const lane = new Lane(LINK);
  assert.equal(lane.dueAt(1000, 12_500), 1000 + 1 + 25);
});

Deno.test("Lane lets what comes together leave one after the other, and never saves up time", () => {
  const lane = new Lane(LINK);
  assert.equal(lane.dueAt(0, 125_000), 10 + 25);
  assert.equal(lane.dueAt(0, 125_000), 20 + 25);
  // Idle from 20 to 100: the next one begins when it comes.
  assert.equal(lane.dueAt(100, 125_000), 110 + 25);
});

Deno.test("Lane keeps the rate whatever the pieces and their times", () => {
  const random = seededRandom(9), lane = new Lane(LINK);
  let bytes = 0, last = 0, now = 0;
  for (let i = 0; i < 5000; i++) {
    const piece = 1 + Math.floor(random() * 16384);
    // Faster than the line on average.
    now += random() * 0.5;
    const due = lane.dueAt(now, piece);
    bytes += piece;
    assert(due >= last && due >= now + 25);
    // Never ahead of what the line can have carried since the start.
    assert(due - 25 >= bytes / 12_500 - 1e-6);
    last = due;
  }
  assert(isWithin(bytes / (last - 25), 12_500, 0.01));
});

Deno.test("Lane without a limit delivers at once", () => {
  assert.equal(new Lane({ bytesPerSecond: 0, rttMs: 0 }).dueAt(7, 1e9), 7);
});

Deno.test("windowBytes fills a round trip and a queue", () => {
  assert(windowBytes(LINK) >= 625_000 + 65_536);
  assert(windowBytes({ bytesPerSecond: 12.5e6, rttMs: 200 }) >= 2_500_000);
});

Deno.test("isWithin takes the bound and nothing beyond", () => {
  assert(isWithin(105, 100, 0.05) && isWithin(95, 100, 0.05));
  assert(!isWithin(105.1, 100, 0.05) && !isWithin(94.9, 100, 0.05));
});

Deno.test("RandomBytes goes on from call to call, is the same for the same seed, and does not compress", () => {
  const whole = new Uint8Array(1 << 20), parts = new Uint8Array(1 << 20);
  new RandomBytes(5).fill(whole);
  const random = new RandomBytes(5);
  for (let at = 0; at < parts.length; at += 4096) random.fill(parts.subarray(at, at + 4096));
  assert.deepEqual(parts, whole);
  assert(zstdCompressSync(whole).length > whole.length);
  const other = new Uint8Array(1 << 20);
  new RandomBytes(6).fill(other);
  assert.notDeepEqual(other, whole);
});

Deno.test("TextMaker makes lines that go on from call to call and that zstd shrinks 3 to 5 times", () => {
  const whole = new Uint8Array(4 << 20), parts = new Uint8Array(4 << 20);
  new TextMaker(1).fill(whole);
  const maker = new TextMaker(1);
  for (let at = 0; at < parts.length; at += 4095) maker.fill(parts.subarray(at, at + 4095));
  assert(parts.every((byte, i) => byte === whole[i]));
  const ratio = whole.length / zstdCompressSync(whole).length;
  assert(ratio > 3 && ratio < 5, `${ratio}`);
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(whole).split("\n");
  assert(
    lines.slice(0, -1).every((line) => /^2026-11-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO |DEBUG|WARN |ERROR) ./.test(line)),
  );
  assert(new Set(lines).size > lines.length * 0.99);
});
