// lib/codec: zstd of blocks, and when it is used. The chooser is held against links that are played: what would have been measured
// at the level it chose.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import {
  type CompressionWish,
  ContentJudge,
  LevelChooser,
  RAW,
  SAMPLE_BYTES,
  sampleOf,
} from "../../lib/codec/choose.ts";
import { ZstdPacker, ZstdUnpacker } from "../../lib/codec/zstd.ts";
import { Random } from "../support/random.ts";
import { run } from "../support/run.ts";
import { zstdPacked, zstdUnpacked } from "../support/zstd.ts";

const AUTO: CompressionWish = { compress: "auto", compressLevel: null };
const FORCED: CompressionWish = { compress: "always", compressLevel: null };

/** A link and the machines at its ends; all in MB/s. */
interface Played {
  link: number;
  /** What the receiver can do with content. */
  receiver?: number;
  /** What the source gives, not compressed; and what levels 1, 3 and 6 take in. */
  source?: number;
  intake?: Record<number, number>;
  shrink?: number;
}

/** Plays `count` measurements; the levels that were chosen. */
function play(chooser: LevelChooser, played: Played, count: number): number[] {
  const { link, receiver = 1000, source = 1000, intake = { 1: 300, 3: 220, 6: 110 }, shrink = 4 } = played;
  const levels: number[] = [];
  for (let i = 0; i < count; i++) {
    const level = chooser.level;
    levels.push(level);
    const factor = level === RAW ? 1 : shrink;
    const made = level === RAW ? source : Math.min(source, intake[level]);
    const content = Math.min(made, receiver, link * factor);
    chooser.measured({
      bytes: content / factor * 50_000,
      ms: 50,
      // Who is not the bottleneck waits for who is.
      stuckMs: 50 * (1 - content / made),
      receiverIdle: 1 - content / receiver,
      shrink: factor,
    });
  }
  return levels;
}

const last = (levels: number[]) => levels.at(-1)!;

Deno.test("compression by the link's rate: 6 at 10 and 100 Mbit/s, 3 at 300, 1 at 800, none at 2 Gbit/s, on both sides of a first guess", () => {
  for (const [link, level] of [[1.2, 6], [12, 6], [37, 3], [100, 1], [250, RAW], [600, RAW]]) {
    for (const roundTripMs of [0.2, 50]) {
      const chooser = new LevelChooser(AUTO);
      chooser.roundTrip(roundTripMs);
      assert.equal(last(play(chooser, { link }, 60)), level, `${link} MB/s, ${roundTripMs} ms`);
    }
  }
});

Deno.test("compression over a far link begins with the first block, over a near one once it was slow three times", () => {
  const far = new LevelChooser(AUTO);
  far.roundTrip(50);
  assert.equal(far.level, 3);
  const near = new LevelChooser(AUTO);
  near.roundTrip(0.3);
  assert.deepEqual(play(near, { link: 12 }, 5), [RAW, RAW, RAW, 6, 6]);
  const once = new LevelChooser(AUTO);
  for (let i = 0; i < 20; i++) {
    assert.equal(last(play(once, { link: 12 }, 2)), RAW);
    assert.equal(last(play(once, { link: 500 }, 1)), RAW);
  }
});

Deno.test("compression stays off where the receiver or the source is what everybody waits for", () => {
  for (const played of [{ link: 500, receiver: 30 }, { link: 500, source: 30 }, { link: 100, source: 30 }]) {
    assert.deepEqual(new Set(play(new LevelChooser(AUTO), played, 200)), new Set([RAW]), JSON.stringify(played));
  }
  // And it ends where a first guess was wrong.
  const guessed = new LevelChooser(AUTO);
  guessed.roundTrip(20);
  assert.equal(last(play(guessed, { link: 500, receiver: 30 }, 60)), RAW);
});

Deno.test("compression that does not help, because the machine is the link, is tried ever more rarely", () => {
  const busy = { link: 110, intake: { 1: 90, 3: 60, 6: 40 } };
  const levels = play(new LevelChooser(AUTO), busy, 1000);
  const packed = levels.filter((level) => level !== RAW).length;
  assert.ok(packed >= 6 && packed < 60, `${packed} of 1000`);
  // Where it helps it stays.
  const helped = play(new LevelChooser(AUTO), { link: 110 }, 1000).filter((level) => level === RAW).length;
  assert.ok(helped < 20, `${helped} of 1000 went as they were`);
});

Deno.test("compression does not stop because some content did not shrink", () => {
  const chooser = new LevelChooser(AUTO);
  play(chooser, { link: 12 }, 4);
  assert.ok(!play(chooser, { link: 12, shrink: 1 }, 100).includes(RAW));
  assert.equal(last(play(chooser, { link: 12 }, 10)), 6);
});

Deno.test("compression that is asked for never ends, whatever the link; that is forbidden never begins; a level that is named holds", () => {
  for (const link of [1, 12, 100, 1000]) {
    assert.ok(!play(new LevelChooser(FORCED), { link }, 200).includes(RAW));
    const never = new LevelChooser({ compress: "never", compressLevel: 6 });
    never.roundTrip(200);
    assert.deepEqual(new Set(play(never, { link }, 50)), new Set([RAW]));
    const named = new LevelChooser({ compress: "always", compressLevel: 3 });
    assert.deepEqual(new Set(play(named, { link }, 50)), new Set([3]));
  }
  assert.equal(last(play(new LevelChooser(FORCED), { link: 1000 }, 50)), 1, "it holds the link up as little as it can");
});

Deno.test("a measurement of no time says nothing", () => {
  const chooser = new LevelChooser(FORCED);
  chooser.measured({ bytes: 1 << 20, ms: 0, stuckMs: 0, receiverIdle: 1, shrink: 1 });
  assert.equal(chooser.level, 3);
});

Deno.test("content: after blocks that do not shrink 1, 3, 7 and then 8 go unseen; one that shrinks ends that", () => {
  const judge = new ContentJudge();
  const seen: number[] = [];
  for (let round = 0; round < 5; round++) {
    let unseen = 0;
    while (!judge.isWorthLooking()) unseen++;
    seen.push(unseen);
    judge.looked(false);
  }
  assert.deepEqual(seen, [0, 1, 3, 7, 8]);
  while (!judge.isWorthLooking());
  judge.looked(true);
  assert.equal(judge.isWorthLooking(), true);
});

Deno.test("content: a sample is spread over the block from its first byte to its last; a small block is its own", () => {
  const into = new Uint8Array(SAMPLE_BYTES);
  const block = new Uint8Array(512 << 10);
  block[0] = 1;
  block[block.length - 1] = 2;
  const sample = sampleOf(block, into);
  assert.equal(sample.length, SAMPLE_BYTES);
  assert.deepEqual([sample[0], sample[SAMPLE_BYTES - 1]], [1, 2]);
  const small = new Uint8Array(2 * SAMPLE_BYTES - 1);
  assert.equal(sampleOf(small, into), small);
});

const text = (bytes: number) => {
  const random = new Random(7);
  const words = Array.from({ length: 500 }, () => `${random.below(1e6).toString(36)} `);
  let all = "";
  while (all.length < bytes) all += random.pick(words);
  return utf8(all.slice(0, bytes));
};

Deno.test("zstd: what any zstd unpacks, and what any zstd packed, at every level and size", () => {
  const unpacker = new ZstdUnpacker();
  const all = text(1 << 20);
  const into = new Uint8Array((1 << 20) + 1);
  for (const level of [-50, -7, -1, 1, 3, 6, 9, 10, 15, 22]) {
    const packer = new ZstdPacker(level);
    for (const bytes of level < 10 ? [1, 2, 100, 65_536, 500_000, 1 << 20] : [1, 50_000]) {
      const raw = all.subarray(0, bytes);
      const out = new Uint8Array(bytes + 1000);
      const packed = out.subarray(3, 3 + packer.pack(raw, out, 3, out.length - 3));
      assert.equal(compare(zstdUnpacked(packed), raw), 0);
      assert.equal(unpacker.unpack(packed, into, bytes), true, `${level}, ${bytes}`);
      assert.equal(compare(into.subarray(0, bytes), raw), 0);
    }
    packer.close();
  }
  assert.equal(unpacker.unpack(zstdPacked(all.subarray(0, 300_000), 21), into, 300_000), false, "a window of 2 MiB");
  unpacker.close();
});

function compare(a: Uint8Array, b: Uint8Array): number {
  return a.length - b.length || a.findIndex((byte, i) => byte !== b[i]) + 1;
}

Deno.test("zstd: a block that needs more than the room is no block, and spoils nothing", () => {
  const packer = new ZstdPacker(1);
  const raw = text(200_000);
  const out = new Uint8Array(200_000);
  const bytes = packer.pack(raw, out, 0, out.length);
  assert.ok(bytes > 0 && bytes < 150_000, `${bytes}`);
  for (const room of [0, 1, 1000, bytes - 1]) {
    out.fill(0xee);
    assert.equal(packer.pack(raw, out, 10, room), -1, `${room}`);
    assert.ok(out.subarray(10 + room).every((byte) => byte === 0xee));
  }
  assert.equal(packer.pack(raw, out, 0, bytes + 1), bytes);
});

Deno.test("zstd: a bomb, a lie about the size and a cut are refused, and the unpacker goes on", () => {
  const unpacker = new ZstdUnpacker();
  const into = new Uint8Array((1 << 20) + 1);
  const good = zstdPacked(text(5000));
  const works = () => assert.equal(unpacker.unpack(good, into, 5000), true);
  works();
  const bomb = zstdPacked(new Uint8Array(256 << 20));
  assert.ok(bomb.length < 20_000);
  for (const bytes of [1, 1000, 1 << 20]) {
    into.fill(0xee);
    assert.equal(unpacker.unpack(bomb, into, bytes), false);
    assert.ok(into.subarray(bytes + 1).every((byte) => byte === 0xee), "no more is written than was said");
    works();
  }
  for (const bytes of [1, 4999, 5001, 1 << 20]) {
    assert.equal(unpacker.unpack(good, into, bytes), false);
    works();
  }
  assert.equal(unpacker.unpack(good.subarray(0, good.length - 20), into, 5000), false);
  works();
});

Deno.test("zstd: junk and spoiled blocks are refused or give what was said, and nothing is thrown, then or later", async () => {
  const into = new Uint8Array(5001);
  const good = zstdPacked(text(5000));
  const random = new Random(3);
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const spoiled = good.slice();
    spoiled[random.below(spoiled.length)] ^= 1 << random.below(8);
    if (!new ZstdUnpacker().unpack(spoiled, into, 5000)) refused++;
    assert.equal(new ZstdUnpacker().unpack(random.bytes(100), into, 100), false);
  }
  assert.ok(refused > 30, `${refused}`);
  // An error of a stream is told again in a later turn, to whoever listens.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("zstd: four thousand blocks take no memory", async () => {
  const program = new URL("../support/zstd_rounds.ts", import.meta.url).pathname;
  const { code, out, err } = await run([Deno.execPath(), "run", "-A", "--no-check", program]);
  assert.equal(code, 0, err);
  assert.ok(Number(out) < 16 << 20, out);
});
