// What a delta finds: literal bytes on known changes stay near what the changes themselves are, on easy and on hard content, in both
// rounds.

import assert from "node:assert/strict";
import { concatBytes } from "../../lib/base/bytes.ts";
import { Matcher } from "../../lib/delta/matcher.ts";
import { fineBlockBytesFor, RECORD_BYTES } from "../../lib/delta/sizes.ts";
import { checkRuns, feed, kernels, SEED, sign, signatureOf, transfer } from "../support/delta_reference.ts";
import { Random } from "../support/random.ts";

const MIB = 1 << 20;

/** Random content, four bytes at a time. */
function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let x = seed;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

/** `content` with `edits` changes far from each other, alternately an insertion and a removal of up to 1,000 bytes. */
function shifted(content: Uint8Array, edits: number, random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < edits; i++) {
    const place = Math.floor((i + 0.2 + 0.6 * random.below(1000) / 1000) * content.length / edits);
    parts.push(content.subarray(at, place));
    const bytes = 1 + random.below(1000);
    if (i % 2 === 0) parts.push(noise(bytes, i + 1));
    at = i % 2 === 0 ? place : place + bytes;
  }
  return concatBytes(...parts, content.subarray(at));
}

/** `content` with `places` overwritten by other bytes. */
function overwritten(content: Uint8Array, places: number, bytes: number, random: Random): Uint8Array {
  const changed = content.slice();
  for (let i = 0; i < places; i++) {
    const at = Math.floor((i + 0.2 + 0.6 * random.below(1000) / 1000) * (content.length - bytes) / places);
    for (let k = 0; k < bytes; k++) changed[at + k] ^= 1 + random.below(255);
  }
  return changed;
}

function pagesWithCounter(bytes: number): Uint8Array {
  const page = noise(4096, 77);
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 4096) {
    content.set(page, at);
    new DataView(content.buffer).setUint32(at + 100, at / 4096);
  }
  return content;
}

function lines(bytes: number, line: (i: number) => string): Uint8Array {
  const parts: string[] = [];
  for (let i = 0, length = 0; length < bytes; i++) length += parts[parts.push(line(i)) - 1].length;
  return new TextEncoder().encode(parts.join("")).slice(0, bytes);
}

const EDITS = 20;
const BLOCK = 16384;
const FINE = fineBlockBytesFor(BLOCK);

Deno.test("delta: the same content is one run, and nothing is literal", () => {
  const content = noise(3 * MIB + 77, 5);
  const { one, literal, gaps } = transfer(content, content);
  assert.deepEqual([one.count, literal[0], gaps], [1, 0, 0]);
});

Deno.test("delta: two bytes inserted at the start cost two bytes", () => {
  const content = noise(4 * MIB, 6);
  assert.equal(transfer(content, concatBytes(new Uint8Array([1, 2]), content), { blockBytes: BLOCK }).literal[0], 2);
});

Deno.test("delta: overwritten ranges cost the blocks they touch, then the fine blocks they touch", () => {
  const content = noise(8 * MIB, 7);
  const fresh = overwritten(content, EDITS, 5000, new Random(1));
  const { literal } = transfer(content, fresh, { blockBytes: BLOCK });
  assert.ok(literal[0] <= EDITS * 2 * BLOCK, `${literal[0]}`);
  assert.ok(literal[1] <= EDITS * (5000 + 2 * FINE), `${literal[1]}`);
});

Deno.test("delta: many small overwrites cost one block each, then one fine block or two", () => {
  const content = noise(8 * MIB, 8);
  const places = 300;
  const { literal } = transfer(content, overwritten(content, places, 16, new Random(2)), { blockBytes: BLOCK });
  assert.ok(literal[0] <= places * 1.05 * BLOCK, `${literal[0]}`);
  assert.ok(literal[1] <= places * 1.1 * FINE, `${literal[1]}`);
});

const ALL = [4096, BLOCK, 65536];

/** Most blocks that one insertion or removal may cost in round one. */
const SHIFTED: [name: string, content: () => Uint8Array, blocks: number, sizes: number[]][] = [
  ["random", () => noise(8 * MIB, 9), 1.5, ALL],
  [
    "a log",
    () => lines(8 * MIB, (i) => `2026-11-21 10:0${i % 10} web app[${i % 97}]: GET /item/${i * 7919 % 1000} 200\n`),
    3,
    ALL,
  ],
  [
    "counted rows",
    () => lines(8 * MIB, (i) => `INSERT INTO items VALUES (${i}, 'item', 0, NULL, 'aaaaaaaaaaaaaaaa');\n`),
    3,
    ALL,
  ],
  ["zeros", () => new Uint8Array(8 * MIB), 2, ALL],
  ["near-identical pages with a counter", () => pagesWithCounter(8 * MIB), 5, [4096, BLOCK]],
];

for (const [name, make, blocks, sizes] of SHIFTED) {
  Deno.test(`delta: insertions and removals in ${name} cost at most ${blocks} blocks each, then about what was inserted`, () => {
    const content = make();
    const fresh = shifted(content, EDITS, new Random(3));
    for (const blockBytes of sizes) {
      const fine = fineBlockBytesFor(blockBytes);
      const { literal } = transfer(content, fresh, { blockBytes });
      assert.ok(literal[0] <= EDITS * blocks * blockBytes, `${blockBytes}: ${literal[0]}`);
      // Half of the edits insert 500 bytes on average; each edit may touch a fine block on either side.
      assert.ok(literal[1] <= EDITS * (2 * fine + 500), `${blockBytes}, fine: ${literal[1]}`);
    }
  });
}

Deno.test("delta: parts that change places are found where they went", () => {
  const content = noise(4 * MIB, 10);
  const cuts = [0, 1_000_001, 1_700_003, 3_333_333, content.length];
  const part = (i: number) => content.subarray(cuts[i], cuts[i + 1]);
  const { literal } = transfer(content, concatBytes(part(2), part(0), part(3), part(1)), { blockBytes: BLOCK });
  assert.ok(literal[0] <= 4 * 2 * BLOCK, `${literal[0]}`);
  assert.ok(literal[1] <= 4 * 2 * FINE, `${literal[1]}`);
});

Deno.test("delta: a line changed in a small file costs one block, then a part of it", () => {
  const content = lines(9000, (i) => `option.${i * 31 % 777} = ${i * i}\n`);
  const fresh = concatBytes(
    content.subarray(0, 4000),
    new TextEncoder().encode("new.option = 1\n"),
    content.subarray(4000),
  );
  const { literal } = transfer(content, fresh);
  assert.ok(literal[0] <= 2 * 2048 + 15, `${literal[0]}`);
  assert.ok(literal[1] <= 2 * 256 + 15, `${literal[1]}`);
});

Deno.test("delta: blocks larger than a read, up to the largest, are found where they moved", () => {
  const content = noise(40 * MIB + 5, 20);
  const inserted = concatBytes(content.subarray(0, 3 * MIB), noise(777, 21), content.subarray(3 * MIB));
  for (const blockBytes of [MIB, 16 * MIB]) {
    assert.equal(transfer(content, content, { blockBytes }).literal[0], 0);
    const { literal } = transfer(content, inserted, { blockBytes, cut: () => 200_000 });
    assert.ok(literal[0] <= blockBytes + 777, `${blockBytes}: ${literal[0]}`);
    assert.ok(literal[1] <= 2 * 1024 + 777, `${blockBytes}, fine: ${literal[1]}`);
  }
});

Deno.test("delta: unrelated content is literal as a whole, and its second round asks for little", () => {
  const { literal, records } = transfer(noise(32 * MIB, 11), noise(32 * MIB, 12));
  assert.deepEqual(literal, [32 * MIB, 32 * MIB]);
  assert.ok(records[1] <= 2 * 4 * MIB / 512 * 5, `${records[1]}`);
});

Deno.test("delta: without any anchor the alignments of the start, the end and the last match are found", () => {
  const content = noise(MIB, 13);
  const records = sign(content, 4096);
  for (let at = 12; at < records.length; at += RECORD_BYTES) records.fill(0xff, at, at + 2);
  const insertion = noise(1000, 14);
  const fresh = concatBytes(content.subarray(0, 400_000), insertion, content.subarray(400_000));
  const matcher = new Matcher(kernels, signatureOf(content.length, 4096, records), SEED, fresh.length);
  feed(matcher, fresh);
  const runs = matcher.finish();
  checkRuns(runs, content, fresh);
  assert.equal(runs.count, 2);
  assert.ok(runs.bytes[0] + runs.bytes[1] >= content.length - 4096);
});

Deno.test("delta: holes of the new file are runs of their own, and what lies beside them is found", () => {
  const content = noise(MIB, 15);
  const fresh = concatBytes(content.subarray(0, 300_000), new Uint8Array(3 * MIB), content.subarray(300_000));
  const { one, literal } = transfer(content, fresh, { blockBytes: 4096, holes: [[300_000, 300_000 + 3 * MIB]] });
  assert.equal(one.count, 3);
  assert.equal(one.bytes[1], 3 * MIB);
  assert.ok(literal[0] <= 2 * 4096);
});

Deno.test("Matcher: offsets beyond 4 GiB and 2^50 are exact", () => {
  const tail = noise(100_000, 16);
  for (const far of [2 ** 32 - 1000, 2 ** 43, 2 ** 50 + 12_345]) {
    const matcher = new Matcher(kernels, signatureOf(tail.length, 2048, sign(tail, 2048)), SEED, far + tail.length);
    matcher.skipTo(far);
    feed(matcher, tail);
    const runs = matcher.finish();
    assert.deepEqual([...runs.newAt.subarray(0, runs.count)], [0, far]);
    assert.deepEqual([...runs.basisAt.subarray(0, runs.count)], [-1, 0]);
    assert.equal(runs.bytes[1], tail.length);
  }
});

Deno.test("Matcher: a signature of which nothing or only a part arrived is used as far as it goes", () => {
  const content = noise(100_000, 17);
  const records = sign(content, 2048);
  for (const [known, expected] of [[0, 0], [1, 2048], [20, 20 * 2048], [49, content.length]]) {
    const part = records.subarray(0, known * RECORD_BYTES);
    const matcher = new Matcher(kernels, signatureOf(content.length, 2048, part), SEED);
    feed(matcher, content);
    const runs = matcher.finish();
    assert.equal(runs.count === 0 ? 0 : runs.bytes[0], expected);
  }
});

Deno.test("matchers and signers of many files may be under way at a time", () => {
  const random = new Random(18);
  const files = Array.from({ length: 12 }, (_, i) => {
    const basis = noise(50_000 + 1000 * i, 100 + i);
    const fresh = shifted(basis, 3, random);
    return {
      basis,
      fresh,
      matcher: new Matcher(kernels, signatureOf(basis.length, 2048, sign(basis, 2048)), SEED, fresh.length),
    };
  });
  for (let at = 0; at < 65_000; at += 5000) {
    for (const { fresh, matcher } of files) feed(matcher, fresh.subarray(at, at + 5000));
  }
  for (const { basis, fresh, matcher } of files) {
    const runs = matcher.finish();
    checkRuns(runs, basis, fresh);
    assert.ok(runs.count >= 3);
  }
});
