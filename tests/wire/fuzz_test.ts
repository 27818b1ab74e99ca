// Seeded fuzzing of every decoder: samples with bytes changed, numbers replaced by odd ones, parts doubled, dropped and mixed. Only
// TsyncError "stream" may come out, nothing may take 100 ms, memory stays bounded (looked at in the long run), and what is taken encodes to something that means the
// same. Two seconds in the gate, with TSYNC_TEST_LONG 1,000,000 inputs in all (TSYNC_TEST_ROUNDS: so many for each sample); TSYNC_TEST_SEED repeats a run.

import assert from "node:assert/strict";
import { hex } from "../../lib/base/bytes.ts";
import { assertMemory, mutate } from "../support/mutations.ts";
import { LONG, Random } from "../support/random.ts";
import { attempt, payload, reencode, type Sample, SAMPLES } from "./samples.ts";

const GATE_MS = 2000;
const LONG_ROUNDS = Number(Deno.env.get("TSYNC_TEST_ROUNDS") ?? Math.ceil(1_000_000 / SAMPLES.length));
const SEED = Number(Deno.env.get("TSYNC_TEST_SEED") ?? 20_261_121);

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

Deno.test("decoders: fuzzing brings out nothing but TsyncError, none takes 100 ms, and memory stays bounded", () => {
  const random = new Random(SEED);
  const payloads = SAMPLES.map(payload);
  const end = performance.now() + GATE_MS;
  let [runs, taken] = [0, 0];
  for (let round = 0; LONG ? round < LONG_ROUNDS : performance.now() < end; round++) {
    if (round % 1000 === 0) assertMemory();
    for (const [i, sample] of SAMPLES.entries()) {
      const input = mutate(payloads[i], payloads[random.below(payloads.length)], random);
      let ms = Infinity;
      // A machine that is busy with something else may be slow once, not three times.
      for (let again = 0; again < 3 && ms >= 100; again++) {
        const started = performance.now();
        const output = outcome(sample, input, `seed ${SEED}, run ${runs}`);
        ms = Math.min(ms, performance.now() - started);
        if (output !== null && again === 0) taken++;
      }
      assert.ok(ms < 100, `seed ${SEED}, run ${runs}, ${sample.name} took ${ms} ms: ${hex(input)}`);
      runs++;
    }
  }
  // The mutations are neither so wild that nothing is taken nor so tame that nothing is refused.
  assert.ok(taken > runs / 100 && taken < runs, `${taken} of ${runs} were taken`);
});
