// Delta transfer over many pairs of old and new content, block sizes and cuts: what runs and literals make is the new content, always,
// and each run is of equal bytes.

import assert from "node:assert/strict";
import { concatBytes } from "../../lib/base/bytes.ts";
import { type Cut, transfer, WHOLE } from "../support/delta_reference.ts";
import { firstSeed, LONG, Random } from "../support/random.ts";

const ROUNDS = LONG ? 3000 : 300;

/** Content of one of the kinds that are hard in their own way. */
function makeContent(random: Random, bytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  switch (random.below(7)) {
    case 0:
      return content;
    case 1: // One page with a counter.
      for (let at = 0, page = random.bytes(256); at < bytes; at += 256) {
        new DataView(page.buffer).setUint32(40, at);
        content.set(page.subarray(0, bytes - at), at);
      }
      return content;
    case 2: { // Lines of a log.
      let text = "";
      for (let i = 0; text.length < bytes; i++) {
        text += `2026-11-21 10:${i % 60} host app[${random.below(9)}]: request ${i} done\n`;
      }
      return new TextEncoder().encode(text).slice(0, bytes);
    }
    case 3: // One short pattern again and again.
      return content.map((_, i) => i % 7);
    case 4: // Random with zeros between.
      for (let at = 0; at < bytes; at += 3000) content.set(random.bytes(Math.min(1000, bytes - at)), at);
      return content;
    default:
      return random.bytes(bytes);
  }
}

/** The content after some edits of each kind. */
function edit(random: Random, old: Uint8Array): Uint8Array {
  let content = old;
  for (let edits = random.below(6); edits > 0; edits--) {
    const at = random.below(content.length + 1);
    const bytes = random.pick([1, 2, 15, 100, 1000, 5000]);
    const [before, after] = [content.subarray(0, at), content.subarray(at)];
    switch (random.below(6)) {
      case 0:
        content = concatBytes(before, random.bytes(bytes), after);
        break;
      case 1:
        content = concatBytes(before, after.subarray(bytes));
        break;
      case 2: {
        const patch = random.bytes(bytes).subarray(0, after.length);
        content = concatBytes(before, patch, after.subarray(patch.length));
        break;
      }
      case 3: // The halves change places.
        content = concatBytes(after, before);
        break;
      case 4: // A part appears twice.
        content = concatBytes(before, after.subarray(0, 4 * bytes), after);
        break;
      default:
        content = concatBytes(before, new Uint8Array(bytes), after);
    }
  }
  return content;
}

/** Whole ranges of zeros that the new file might keep as holes. */
function holesOf(random: Random, content: Uint8Array): [number, number][] {
  const holes: [number, number][] = [];
  for (let at = 0; at < content.length; at += 512) {
    let end = at;
    while (end < content.length && content[end] === 0) end++;
    if (end - at >= 512 && random.chance(80)) {
      holes.push([at, end]);
      at = end - (end % 512);
    }
  }
  return holes;
}

Deno.test("delta: runs and literals make the new content, whatever the contents, block sizes and cuts", () => {
  for (let round = 0, seed = firstSeed(); round < ROUNDS; round++, seed++) {
    const random = new Random(seed);
    const old = makeContent(random, random.pick([0, 1, 511, 512, 5000, 40_000, 200_000]) + random.below(3));
    const fresh = random.chance(8) ? makeContent(random, random.below(100_000)) : edit(random, old);
    const cut: Cut = random.pick([WHOLE, WHOLE, () => 1 + random.below(3000), () => 4096, () => 511]);
    const blockBytes = random.pick([512, 1024, 2048, 4096, 16384, 65536, undefined]);
    const holes = random.chance(30) ? holesOf(random, fresh) : [];
    try {
      const { literal } = transfer(old, fresh, { blockBytes, cut, holes });
      assert.ok(literal[1] <= literal[0], "the second round loses nothing");
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

Deno.test("delta: what is cut otherwise gives the same runs", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new Random(seed);
    const old = makeContent(random, 150_000);
    const fresh = edit(random, old);
    const whole = transfer(old, fresh, { blockBytes: 2048 });
    const pieces = transfer(old, fresh, { blockBytes: 2048, cut: () => 1 + random.below(5000) });
    assert.equal(pieces.records[0], whole.records[0]);
    for (const key of ["newAt", "basisAt", "bytes"] as const) {
      const of = (runs: typeof whole.one) => runs[key].subarray(0, runs.count);
      assert.deepEqual(of(pieces.one), of(whole.one), `seed ${seed}, ${key}`);
    }
  }
});
