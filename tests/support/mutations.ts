// Seeded changes of a byte string that keep most of its structure: what every fuzzer here feeds to its decoder.

import assert from "node:assert/strict";
import { ByteWriter } from "../../lib/base/codec.ts";
import type { Random } from "./random.ts";

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

export function oddNumber(random: Random): Uint8Array {
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

/** `bytes` with one to four changes; what is put in may come from `other`. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
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

/**
 * What the isolate in which decoders are fuzzed may hold, bytes. Nearly all of it is garbage, which levels off; 8 MB are left of it after a
 * collection, however long it goes on. What else runs in the process is not counted: files of tests run side by side in one.
 */
const MEMORY_BYTES = 2 ** 30;

export function assertMemory(): void {
  const { heapTotal, external } = Deno.memoryUsage();
  assert.ok(heapTotal + external < MEMORY_BYTES, `${heapTotal} + ${external} bytes`);
}
