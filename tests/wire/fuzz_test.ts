// Seeded fuzzing of every decoder: samples with bytes changed, numbers replaced by odd ones, parts doubled, dropped and mixed. Only
// TsyncError "stream" may come out, nothing may take 100 ms, and what is taken encodes to something that means the same. A few
// seconds in the gate, with TSYNC_TEST_LONG a minute; TSYNC_TEST_SEED repeats a run.

import assert from "node:assert/strict";
import { hex } from "../../lib/base/bytes.ts";
import { ByteWriter } from "../../lib/base/codec.ts";
import { Random } from "../support/random.ts";
import { attempt, payload, reencode, type Sample, SAMPLES } from "./samples.ts";

const SECONDS = Deno.env.get("TSYNC_TEST_LONG") ? 60 : 2;
const SEED = Number(Deno.env.get("TSYNC_TEST_SEED") ?? 20_261_121);

const ODD_NUMBERS = [
  0,
  1,
  127,
  128,
  255,
  256,
  8192,
  8193,
  65535,
  65536,
  131072,
  131073,
  2 ** 20,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
];
ODD_NUMBERS.push(2 ** 43, 2 ** 44 + 1, 2 ** 52, 2 ** 53 - 1);

function oddNumber(random: Random): Uint8Array {
  const writer = new ByteWriter(16);
  writer.varint(ODD_NUMBERS[random.below(ODD_NUMBERS.length)]);
  if (random.below(4) === 0) return Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
  return writer.view().slice();
}

function splice(bytes: Uint8Array, at: number, drop: number, put: Uint8Array): Uint8Array {
  const after = bytes.subarray(Math.min(bytes.length, at + drop));
  const joined = new Uint8Array(at + put.length + after.length);
  joined.set(bytes.subarray(0, at));
  joined.set(put, at);
  joined.set(after, at + put.length);
  return joined;
}

function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let changed: Uint8Array = bytes.slice();
  for (let round = 1 + random.below(4); round > 0; round--) {
    const at = random.below(changed.length + 1);
    const from = random.below(other.length + 1);
    switch (random.below(6)) {
      case 0:
        changed[at] = random.below(256);
        break;
      case 1:
        changed[at] ^= 1 << random.below(8);
        break;
      case 2:
        changed = splice(changed, at, random.below(4), oddNumber(random));
        break;
      case 3:
        changed = splice(changed, at, random.below(8), new Uint8Array(0));
        break;
      case 4:
        changed = splice(changed, at, 0, changed.slice(at, at + random.below(64)));
        break;
      default:
        changed = splice(changed, at, random.below(16), other.slice(from, from + random.below(64)));
    }
  }
  return changed;
}

/** What the decoder took, which must mean something stable; null if it refused. */
function outcome(sample: Sample, input: Uint8Array, where: string): Uint8Array | null {
  try {
    const output = attempt(sample, input);
    if (output !== null) assert.equal(hex(reencode(sample, output)), hex(output));
    return output;
  } catch (error) {
    throw new Error(`${where}, ${sample.name}: ${hex(input)}`, { cause: error });
  }
}

Deno.test(`decoders: ${SECONDS} s of fuzzing bring out nothing but TsyncError, and none takes 100 ms`, () => {
  const random = new Random(SEED);
  const payloads = SAMPLES.map(payload);
  const end = performance.now() + SECONDS * 1000;
  let [runs, taken] = [0, 0];
  while (performance.now() < end) {
    for (const [i, sample] of SAMPLES.entries()) {
      const input = mutate(payloads[i], payloads[random.below(payloads.length)], random);
      let ms = Infinity;
      // A machine that is busy with something else may be slow once, not three times.
      for (let round = 0; round < 3 && ms >= 100; round++) {
        const started = performance.now();
        const output = outcome(sample, input, `seed ${SEED}, run ${runs}`);
        ms = Math.min(ms, performance.now() - started);
        if (output !== null && round === 0) taken++;
      }
      assert.ok(ms < 100, `seed ${SEED}, run ${runs}, ${sample.name} took ${ms} ms: ${hex(input)}`);
      runs++;
    }
  }
  // The mutations are neither so wild that nothing is taken nor so tame that nothing is refused.
  assert.ok(taken > runs / 100 && taken < runs, `${taken} of ${runs} were taken`);
});
