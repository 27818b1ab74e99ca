// Signatures that a hostile peer might send: matching ends, states runs within both files, and costs no more than its guards allow
// (lib/hash/kernels/assembly/match.ts), counted in bytes and look-ups, not in seconds.

import assert from "node:assert/strict";
import { Refiner } from "../../lib/delta/fine.ts";
import { Matcher } from "../../lib/delta/matcher.ts";
import { type Runs } from "../../lib/delta/runs.ts";
import { anchorRates, FINE_RECORD_BYTES, fineCount, RECORD_BYTES } from "../../lib/delta/sizes.ts";
import { feed, idAndHead, isCandidate, kernels, SEED, sign, signatureOf } from "../support/delta_reference.ts";
import { Random } from "../support/random.ts";

const MIB = 1 << 20;

function noise(bytes: number): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
  return content;
}

/** Content in which every fourth window is a candidate of an anchor: a word repeated whose window hash is low. */
function fullOfCandidates(bytes: number, rate: number): Uint8Array {
  const words = new Uint32Array(4);
  for (let word = 1;; word++) {
    words.fill(word);
    if (isCandidate(new DataView(words.buffer), 0, rate)) {
      return new Uint8Array(new Uint32Array(bytes / 4).fill(word).buffer);
    }
  }
}

/** Matches, and holds runs and cost against their bounds. */
function survive(what: string, records: Uint8Array, basisBytes: number, blockBytes: number, fresh: Uint8Array): Runs {
  const matcher = new Matcher(kernels, signatureOf(basisBytes, blockBytes, records), SEED, fresh.length);
  feed(matcher, fresh, () => 100_000);
  const { searched, failed, looked } = matcher.cost;
  const runs = matcher.finish();
  let end = 0;
  for (let i = 0; i < runs.count; i++) {
    assert.ok(runs.newAt[i] >= end, `${what}: runs rise`);
    end = runs.newAt[i] + runs.bytes[i];
    assert.ok(runs.basisAt[i] >= 0 && runs.basisAt[i] + runs.bytes[i] <= basisBytes, `${what}: within the basis`);
  }
  assert.ok(end <= fresh.length, `${what}: within the new file`);
  const rates = anchorRates(blockBytes);
  assert.ok(searched <= fresh.length, `${what}: searched once (${searched})`);
  assert.ok(
    failed <= 4 * searched + (16 << 20) + 17 * blockBytes,
    `${what}: blocks hashed in vain (${failed} of ${searched})`,
  );
  // The factor, what is free, and a quarter more where the search steps over what is too much.
  assert.ok(looked <= 8 * searched / rates.weak + 1025, `${what}: look-ups (${looked} in ${searched})`);
  return runs;
}

function contents(rate: number): [string, Uint8Array][] {
  const page = noise(4096);
  const pages = new Uint8Array(4 * MIB);
  for (let at = 0; at < pages.length; at += 4096) pages.set(page, at);
  return [
    ["random", noise(4 * MIB)],
    ["zeros", new Uint8Array(4 * MIB)],
    ["one page", pages],
    ["candidates", fullOfCandidates(4 * MIB, rate)],
  ];
}

Deno.test("Matcher survives records at random, equal records, and records of nothing", () => {
  for (const blockBytes of [512, 4096, 65536]) {
    for (const [name, fresh] of contents(anchorRates(blockBytes).strong)) {
      const count = 20_000;
      const random = noise(count * RECORD_BYTES);
      const own = sign(fresh.subarray(0, blockBytes), blockBytes);
      for (const tail of [0, 1, 300]) {
        const basisBytes = count * blockBytes - (tail === 0 ? 0 : blockBytes - tail);
        const what = `${name}, ${blockBytes}, tail ${tail}`;
        survive(`${what}: random`, random, basisBytes, blockBytes, fresh);
        survive(`${what}: zeros`, new Uint8Array(count * RECORD_BYTES), basisBytes, blockBytes, fresh);
        survive(`${what}: ones`, new Uint8Array(count * RECORD_BYTES).fill(0xff), basisBytes, blockBytes, fresh);
        const equal = new Uint8Array(count * RECORD_BYTES);
        for (let i = 0; i < count; i++) equal.set(own, i * RECORD_BYTES);
        survive(`${what}: equal`, equal, basisBytes, blockBytes, fresh);
      }
    }
  }
});

Deno.test("Matcher: a peer that knows the content cannot make it hash in vain beyond the budget", () => {
  for (const blockBytes of [2048, 65536]) {
    for (const [name, fresh] of contents(anchorRates(blockBytes).strong)) {
      // Heads, ids and places are true, strong hashes are not; every block claims the same and each other place, weakly and not.
      for (const weak of [0, 0x80]) {
        const shiftedBy = 1000;
        const records = sign(fresh.subarray(shiftedBy), blockBytes);
        for (let at = 0; at < records.length; at += RECORD_BYTES) {
          records[at] ^= 1;
          if (records[at + 13] !== 0xff) records[at + 13] |= weak;
        }
        const runs = survive(
          `${name}, ${blockBytes}, weak ${weak}`,
          records,
          fresh.length - shiftedBy,
          blockBytes,
          fresh,
        );
        assert.equal(runs.count, 0, "nothing matches a wrong strong hash");

        const same = new Uint8Array(records.length);
        for (let at = 0; at < records.length; at += RECORD_BYTES) same.set(records.subarray(0, RECORD_BYTES), at);
        survive(`${name}, ${blockBytes}, weak ${weak}, one id`, same, fresh.length - shiftedBy, blockBytes, fresh);
      }
    }
  }
});

Deno.test("Matcher: four blocks for each anchor of the content, with true heads and wrong hashes, stop at the budget", () => {
  const blockBytes = 65536;
  const fresh = noise(8 * MIB);
  const view = new DataView(fresh.buffer);
  const records: number[] = [];
  for (let at = 0; at + 64 <= fresh.length; at++) {
    if (!isCandidate(view, at, anchorRates(blockBytes).strong)) continue;
    const { id, head } = idAndHead(fresh, at, SEED);
    const record = new DataView(new ArrayBuffer(RECORD_BYTES));
    record.setUint16(6, head, true);
    record.setUint32(8, id, true);
    for (let i = 0; i < 4; i++) records.push(...new Uint8Array(record.buffer));
  }
  const count = records.length / RECORD_BYTES;
  assert.ok(count > 20_000, "enough to hash 1 GiB in vain");
  survive("true heads", new Uint8Array(records), count * blockBytes, blockBytes, fresh);
});

/** Ids that the table looks for in one place, as many as there are. */
function crowdedIds(cellBits: number): number[] {
  const golden = 0x9e3779b1;
  let inverse = 1;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(golden, inverse));
  const mask = 2 ** cellBits - 1;
  const ids: number[] = [];
  // The place is (id * golden) ^ (id >>> 15): for each upper part of an id at most one lower part of 15 bits leads to place 0.
  for (let upper = 0; upper < 1 << 17; upper++) {
    const lower = Math.imul(upper - Math.imul(upper << 15, golden), inverse) & mask;
    if (lower < 1 << 15) ids.push(((upper << 15) | lower) >>> 0);
  }
  const placeOf = (id: number) => (Math.imul(id, golden) ^ (id >>> 15)) & mask;
  assert.ok(ids.every((id) => placeOf(id) === 0));
  return ids;
}

Deno.test("Matcher: ids that crowd one place of the table cost no more than a few looks each", () => {
  const fresh = noise(MIB);
  const count = (1 << 17) - 2;
  const ids = crowdedIds(18);
  assert.ok(ids.length > 10_000);
  const records = noise(count * RECORD_BYTES);
  const view = new DataView(records.buffer);
  for (let i = 0; i < count; i++) {
    view.setUint32(i * RECORD_BYTES + 8, ids[i % ids.length], true);
    view.setUint16(i * RECORD_BYTES + 12, 0, true);
  }
  const started = performance.now();
  survive("crowded", records, count * 2048, 2048, fresh);
  assert.ok(performance.now() - started < 3000, "insertion is bounded");
});

Deno.test("Matcher: more runs than a list holds leave the rest literal", () => {
  // Two blocks in turn, neither followed by the other in the basis: each is a run of its own.
  const basis = noise(3 * 512);
  const pair = new Uint8Array(1024 * 512);
  for (let at = 0; at < pair.length; at += 1024) {
    pair.set(basis.subarray(1024), at);
    pair.set(basis.subarray(0, 512), at + 512);
  }
  const matcher = new Matcher(kernels, signatureOf(basis.length, 512, sign(basis, 512)), SEED, 2 ** 40);
  const rounds = 1100;
  for (let i = 0; i < rounds; i++) feed(matcher, pair);
  assert.equal(matcher.offset, rounds * pair.length);
  const runs = matcher.finish();
  assert.ok(runs.count > 1_000_000 && runs.count <= 1 << 20, `${runs.count}`);
});

Deno.test("Refiner survives records at random and finds only what they state", () => {
  const random = new Random(1);
  for (let round = 0; round < 200; round++) {
    const fineBytes = random.pick([128, 256, 1024]);
    const [newBytes, basisBytes] = [1 + random.below(20_000), 1 + random.below(20_000)];
    const refiner = new Refiner(kernels, SEED, fineBytes);
    const gap = { newAt: 2 ** 45 + random.below(1000), newBytes, basisAt: random.below(1000), basisBytes };
    refiner.begin(gap, noise(fineCount(basisBytes, fineBytes) * FINE_RECORD_BYTES));
    feed(refiner, noise(newBytes + random.below(500)), () => 1 + random.below(3000));
    refiner.end();
    assert.equal(
      refiner.finish({ count: 0, newAt: new Float64Array(), basisAt: new Float64Array(), bytes: new Float64Array() })
        .count,
      0,
    );
  }
});
