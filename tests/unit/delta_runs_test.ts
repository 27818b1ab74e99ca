// Lists of runs, how they are joined, and the gaps between them.

import assert from "node:assert/strict";
import { GAP_BYTES, gapsOf } from "../../lib/delta/gaps.ts";
import { HOLE, joinRuns, literalBytes, RunList, type Runs } from "../../lib/delta/runs.ts";

type Run = [newAt: number, basisAt: number, bytes: number];

function listOf(...runs: Run[]): RunList {
  const list = new RunList();
  for (const run of runs) assert.ok(list.add(...run));
  return list;
}

const runsOf = (runs: Runs): Run[] =>
  Array.from({ length: runs.count }, (_, i) => [runs.newAt[i], runs.basisAt[i], runs.bytes[i]]);

Deno.test("RunList joins what adjoins in both files, and holes with holes", () => {
  assert.deepEqual(
    runsOf(listOf([0, 100, 10], [10, 110, 5], [15, 120, 5], [20, HOLE, 7], [27, HOLE, 3], [30, 29, 1], [40, 30, 0])),
    [[0, 100, 15], [15, 120, 5], [20, HOLE, 10], [30, 29, 1]],
  );
  assert.deepEqual(
    runsOf(listOf([0, HOLE, 1], [1, 0, 5])),
    [[0, HOLE, 1], [1, 0, 5]],
    "a hole is not what lies before offset 0",
  );
});

Deno.test("RunList holds 2^20 runs, and then takes only what makes the last one longer", () => {
  const list = new RunList();
  let count = 0;
  while (list.add(2 * count, 10 * count, 1)) count++;
  assert.deepEqual([count, list.isFull], [1 << 20, true]);
  const last = 2 * (count - 1);
  assert.ok(list.add(last + 1, 10 * (count - 1) + 1, 4));
  assert.equal(list.bytes[count - 1], 5);
});

Deno.test("joinRuns: sorted, cut where they overlap, one list", () => {
  const one = listOf([100, 0, 50], [300, 1000, 50], [400, HOLE, 100]);
  const two = listOf([150, 50, 10], [295, 500, 20], [140, 2000, 15], [155, 55, 40], [310, 9, 3]);
  const joined = joinRuns(one, two);
  const expected = [[100, 0, 50], [150, 2010, 5], [155, 55, 40], [295, 500, 20], [315, 1015, 35], [400, HOLE, 100]];
  assert.deepEqual(runsOf(joined), expected);
  assert.equal(joinRuns(one, listOf()), one);
  assert.equal(literalBytes(joined, 1000), 1000 - 250);
});

const gaps = (runs: Runs, newBytes: number, basisBytes: number, fineBytes = 128) =>
  gapsOf(runs, newBytes, basisBytes, fineBytes).map((gap) => [gap.newAt, gap.newBytes, gap.basisAt, gap.basisBytes]);

Deno.test("gapsOf: a gap between equal alignments faces its own place in the basis", () => {
  assert.deepEqual(gaps(listOf([0, 100, 1000], [3000, 3100, 1000]), 4000, 9000), [[1000, 2000, 1100, 2000]]);
});

Deno.test("gapsOf: what was inserted or removed faces what lies between its neighbours' origins", () => {
  assert.deepEqual(gaps(listOf([0, 0, 1000], [3000, 2500, 1000]), 4000, 3500), [[1000, 2000, 1000, 1500]]);
  // Much was removed, or the neighbours come from elsewhere: each side faces its neighbour's surroundings.
  const apart = [[1000, 500, 1000, 500], [1000, 500, 49_500, 500]];
  assert.deepEqual(gaps(listOf([0, 0, 1000], [1500, 50_000, 1000]), 2500, 51_000), apart);
  const swapped = [[1000, 500, 51_000, 500], [1100, 400, 0, 400]];
  assert.deepEqual(gaps(listOf([0, 50_000, 1000], [1500, 400, 1000]), 2500, 60_000), swapped);
});

Deno.test("gapsOf: before the first copy equal offsets, after the last one equal distance from the end", () => {
  assert.deepEqual(gaps(listOf([1000, 1000, 50]), 1050, 1050), [[0, 1000, 0, 1000]]);
  assert.deepEqual(gaps(listOf([0, 0, 1000]), 2000, 1800), [[1000, 1000, 1000, 800]]);
  assert.deepEqual(gaps(listOf(), 5000, 4500), [[0, 5000, 0, 4500]]);
  assert.deepEqual(gaps(listOf(), 5000, 0), []);
});

Deno.test("gapsOf leaves holes and what is too short alone", () => {
  assert.deepEqual(gaps(listOf([0, 0, 1000], [1200, 1200, 100], [1300, HOLE, 700]), 3000, 3000), [[
    2000,
    1000,
    2000,
    1000,
  ]]);
  assert.deepEqual(gaps(listOf([0, 0, 1000], [1255, 1255, 1000]), 2255, 2255), []);
});

Deno.test("gapsOf: a file of a million holes takes no longer than it should", () => {
  const runs = new RunList();
  for (let i = 1; i < 1_000_000; i++) runs.add(10_000 * i, HOLE, 5000);
  const started = performance.now();
  assert.equal(gaps(runs, 1e10, 1e10).length, 1_000_000);
  assert.ok(performance.now() - started < 10_000);
});

Deno.test("gapsOf: long gaps are cut, and long shifted ones and files without any copy are looked at near their ends only", () => {
  const long = 3 * GAP_BYTES + 5000;
  const pinned = gapsOf(listOf([0, 0, 100], [100 + long, 100 + long, 100]), 200 + long, 200 + long, 1024);
  assert.deepEqual(pinned.map((gap) => gap.newBytes), [GAP_BYTES, GAP_BYTES, GAP_BYTES, 5000]);
  for (const basisBytes of [2 ** 40, 2 ** 40 + 1, 2 ** 30]) {
    const none = gapsOf(listOf(), 2 ** 40, basisBytes, 1024);
    assert.ok(none.length === 2 && none.every((gap) => gap.basisBytes <= GAP_BYTES && gap.newBytes === gap.basisBytes));
    assert.equal(none[1].newAt + none[1].newBytes, 2 ** 40);
    assert.equal(none[1].basisAt + none[1].basisBytes, basisBytes);
  }
});
