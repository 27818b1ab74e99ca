// The XXH3 kernels against two implementations that share nothing with them: hash-wasm and the plain one of the tests' support.

import assert from "node:assert/strict";
import xxh128 from "hash-wasm/xxhash128";
import xxh3 from "hash-wasm/xxhash3";
import { ContentHash } from "../../lib/hash/content_hash.ts";
import * as hashModule from "../../lib/hash/kernels/hash_wasm.ts";
import { LONG, Random } from "../support/random.ts";
import { xxh3Of128, xxh3Of64 } from "../support/xxh3_reference.ts";

interface Oracle {
  init(): Oracle;
  update(bytes: Uint8Array): Oracle;
  digest(): string;
}

/** What the kernel module exports, as far as it is used here. */
interface Kernel {
  memory: WebAssembly.Memory;
  INPUT: WebAssembly.Global;
  INPUT_BYTES: WebAssembly.Global;
  RESULT: WebAssembly.Global;
  setSeed(low: number, high: number): void;
  hash64(at: number, bytes: number, into: number): void;
}

const SEEDS: [low: number, high: number][] = [[0, 0], [1, 0], [0x85ebca87, 0x9e3779b1], [0xffffffff, 0xffffffff]];
const CONTENT = new Random(3).bytes(300_000);
const bigSeed = (low: number, high: number) => (BigInt(high) << 32n) | BigInt(low);
const makeOracle64 = (low: number, high: number): Promise<Oracle> => xxh3.createXXHash3(low, high);
const makeOracle128 = (low: number, high: number): Promise<Oracle> => xxh128.createXXHash128(low, high);

function kernelOf64(low: number, high: number): (bytes: Uint8Array) => string {
  const kernel = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.fromBase64(hashModule.WASM_BASE64)))
    .exports as unknown as Kernel;
  kernel.setSeed(low, high);
  const memory = new Uint8Array(kernel.memory.buffer);
  const [input, result] = [kernel.INPUT.value, kernel.RESULT.value];
  return (bytes) => {
    assert.ok(bytes.length <= kernel.INPUT_BYTES.value);
    // What is read beyond the input would show: it differs from call to call.
    memory.fill(bytes.length, input, input + kernel.INPUT_BYTES.value);
    memory.set(bytes, input);
    kernel.hash64(input, bytes.length, result);
    return memory.slice(result, result + 8).toHex();
  };
}

Deno.test("XXH3-64 and -128 are hash-wasm's and the plain one's at each length from 0 to 1,024, under four seeds", async () => {
  for (const [low, high] of SEEDS) {
    const of64 = kernelOf64(low, high);
    const of128 = await ContentHash.create(low, high);
    const [oracle64, oracle128] = [await makeOracle64(low, high), await makeOracle128(low, high)];
    for (let length = 0; length <= 1024; length++) {
      const bytes = CONTENT.subarray(7 * length, 8 * length);
      const where = `${length} bytes, seed ${high}:${low}`;
      assert.equal(of64(bytes), oracle64.init().update(bytes).digest(), `64, ${where}`);
      assert.equal(of128.hash(bytes).toHex(), oracle128.init().update(bytes).digest(), `128, ${where}`);
      // The plain one takes its time.
      if (length <= 300 || length % 31 === 0 || LONG) {
        const seed = bigSeed(low, high);
        assert.equal(of64(bytes), xxh3Of64(bytes, seed).toString(16).padStart(16, "0"), `plain 64, ${where}`);
        assert.equal(
          of128.hash(bytes).toHex(),
          xxh3Of128(bytes, seed).toString(16).padStart(32, "0"),
          `plain 128, ${where}`,
        );
      }
    }
  }
});

Deno.test("XXH3: long inputs, around the ends of its blocks and of the kernel's room", async () => {
  for (const [low, high] of SEEDS) {
    const of64 = kernelOf64(low, high);
    const of128 = await ContentHash.create(low, high);
    const [oracle64, oracle128] = [await makeOracle64(low, high), await makeOracle128(low, high)];
    for (const middle of [2048, 3072, 16384, 32768, 65536, 131072, 262144]) {
      for (
        const length of [
          middle - 65,
          middle - 64,
          middle - 1,
          middle,
          middle + 1,
          middle + 63,
          middle + 64,
          middle + 65,
        ]
      ) {
        const bytes = CONTENT.subarray(0, length);
        if (length <= 65536) assert.equal(of64(bytes), oracle64.init().update(bytes).digest(), `64, ${length} bytes`);
        assert.equal(of128.hash(bytes).toHex(), oracle128.init().update(bytes).digest(), `128, ${length} bytes`);
      }
    }
  }
});

Deno.test("ContentHash: a stream has the digest of its whole, however it is cut", async () => {
  const random = new Random(4);
  const hash = await ContentHash.create(5, 6);
  const cuts: ((left: number) => number)[] = [
    () => 1,
    () => 64,
    () => 256,
    () => 257,
    () => random.below(3),
    () => random.below(300),
    () => random.below(70_000),
    (left) => (left + 1) >> 1,
  ];
  for (let round = 0; round < 400; round++) {
    const length = round < 340 ? round + (round % 3) * 200 : random.below(CONTENT.length);
    const bytes = CONTENT.subarray(0, length);
    const expected = hash.hash(bytes).toHex();
    const cut = cuts[round % cuts.length];
    hash.reset();
    for (let at = 0; at < length;) {
      const end = Math.min(length, at + cut(length - at));
      hash.update(bytes.subarray(at, end));
      at = end;
    }
    assert.equal(hash.digest().toHex(), expected, `round ${round}: ${length} bytes`);
  }
});
