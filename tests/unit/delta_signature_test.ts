// Block sizes, signatures and their records: against the plain reference, and within their bounds.

import assert from "node:assert/strict";
import { concatBytes } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { BlockSigner } from "../../lib/delta/block_signer.ts";
import { Signature } from "../../lib/delta/signature.ts";
import {
  blockBytesFor,
  blockCount,
  fineBlockBytesFor,
  isBlockBytes,
  MAX_BLOCK_BYTES,
  MAX_BLOCKS,
  MIN_BLOCK_BYTES,
  RECORD_BYTES,
} from "../../lib/delta/sizes.ts";
import { feed, kernels, plainRecords, SEED, sign } from "../support/delta_reference.ts";
import { Random } from "../support/random.ts";

const KIB = 1024, GIB = 2 ** 30, TIB = 2 ** 40;

Deno.test("blockBytesFor grows with the root of the size, and a signature keeps its bound up to 16 TiB", () => {
  for (
    const [bytes, expected] of [[0, 2 * KIB], [4096, 2 * KIB], [GIB, 64 * KIB], [TIB, 2048 * KIB], [
      16 * TIB,
      16384 * KIB,
    ]]
  ) {
    assert.equal(blockBytesFor(bytes), expected, `${bytes} bytes`);
  }
  let last = 0;
  for (let bytes = 1; bytes < 2 ** 53; bytes *= 1.7) {
    const size = Math.floor(bytes);
    const blockBytes = blockBytesFor(size);
    assert.ok(blockBytes >= last && isBlockBytes(blockBytes, size), `${size} bytes`);
    assert.ok(blockCount(size, blockBytes) <= MAX_BLOCKS);
    if (size <= 16 * TIB) assert.ok(blockCount(size, blockBytes) * blockBytes >= size, "the whole basis is signed");
    const fine = fineBlockBytesFor(blockBytes);
    assert.ok(fine >= 128 && fine <= 4096 && blockBytes % fine === 0);
    last = blockBytes;
  }
});

Deno.test("blockBytesFor takes a wish as far as the bounds allow", () => {
  assert.equal(blockBytesFor(GIB, 700), 1024);
  assert.equal(blockBytesFor(GIB, 1), 1024, "2^20 blocks at most");
  assert.equal(blockBytesFor(1000, 1), MIN_BLOCK_BYTES);
  assert.equal(blockBytesFor(1000, 2 ** 40), MAX_BLOCK_BYTES);
  assert.equal(blockBytesFor(TIB, 4096), 1024 * KIB);
});

Deno.test("isBlockBytes: what a peer may say", () => {
  for (const bad of [0, 1, -512, 256, 513, 1.5, NaN, Infinity, 2 ** 25, 2 ** 31, 2 ** 53]) {
    assert.equal(isBlockBytes(bad, 1000), false, `${bad}`);
  }
  assert.equal(isBlockBytes(512, 512 * MAX_BLOCKS), true);
  assert.equal(isBlockBytes(512, 512 * MAX_BLOCKS + 1), false, "too many blocks");
  assert.equal(isBlockBytes(MAX_BLOCK_BYTES, 2 ** 53), true);
});

/** Contents that reach each way a block can get its anchor, or none. */
function contents(): [name: string, bytes: Uint8Array][] {
  const random = new Random(11);
  const page = random.bytes(256);
  const pages = new Uint8Array(60_000);
  for (let at = 0; at < pages.length; at += 256) {
    new DataView(page.buffer).setUint32(100, at);
    pages.set(page.subarray(0, pages.length - at), at);
  }
  return [
    ["random", random.bytes(50_001)],
    ["zeros", new Uint8Array(9000)],
    ["pages", pages],
    ["pattern", new Uint8Array(20_000).map((_, i) => i % 5)],
    ["fifteen bytes", random.bytes(15)],
    ["nothing", new Uint8Array(0)],
  ];
}

Deno.test("BlockSigner makes the records of the plain reference, however the basis is cut", () => {
  const random = new Random(12);
  const kinds = new Set<string>();
  for (const [name, basis] of contents()) {
    for (const blockBytes of [512, 2048, 16384]) {
      const expected = plainRecords(basis, SEED, blockBytes);
      for (const cut of [(left: number) => left, () => 1 + random.below(4000)]) {
        assert.deepEqual(sign(basis, blockBytes, cut), expected, `${name}, blocks of ${blockBytes}`);
      }
      for (let at = 12; at < expected.length; at += RECORD_BYTES) {
        const place = expected[at] | (expected[at + 1] << 8);
        kinds.add(place === 0xffff ? "none" : place >= 0x8000 ? "weak" : "strong");
      }
    }
  }
  assert.equal(kinds.size, 3, "the contents reach each kind of anchor");
});

Deno.test("BlockSigner.zeros gives the records of read zeros", () => {
  const random = new Random(13);
  for (let round = 0; round < 40; round++) {
    const signer = new BlockSigner(kernels, SEED, 1024);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) {
      const bytes = random.bytes(random.pick([0, 1, 1000, 1024, 3000, 300_000]));
      const zeros = random.pick([0, 1, 1024, 5000, 700_000]);
      feed(signer, bytes);
      signer.zeros(zeros);
      parts.push(bytes, new Uint8Array(zeros));
    }
    signer.finish();
    assert.deepEqual(signer.take(), sign(concatBytes(...parts), 1024), `round ${round}`);
  }
});

Deno.test("BlockSigner: a hole of 16 TiB and more costs its records and no reading", () => {
  const signer = new BlockSigner(kernels, SEED, MAX_BLOCK_BYTES);
  signer.zeros(2 ** 50);
  signer.finish();
  assert.equal(signer.take().length, MAX_BLOCKS * RECORD_BYTES);
});

Deno.test("signers work side by side, and one that was given up leaves no trace", () => {
  const basis = new Random(14).bytes(100_000);
  const expected = sign(basis, 2048);
  new BlockSigner(kernels, { low: 1, high: 1 }, 2048).close();
  const signers = [1, 2, 3, 4, 5, 6].map(() => new BlockSigner(kernels, SEED, 2048));
  for (let at = 0; at < basis.length; at += 10_000) {
    for (const signer of signers) feed(signer, basis.subarray(at, at + 10_000));
  }
  for (const signer of signers) {
    signer.finish();
    assert.deepEqual(signer.take(), expected);
  }
  assert.notDeepEqual(sign(basis, 2048, undefined, { low: 1, high: 1 }), expected, "the seed counts");
});

Deno.test("Signature takes no more records than the basis has blocks, whole ones, and no memory before they arrive", () => {
  const refused = (records: number, bytes: number) => {
    const signature = new Signature(10 * 2048 - 5, 2048);
    signature.add(new Uint8Array(records * RECORD_BYTES));
    assert.throws(
      () => signature.add(new Uint8Array(bytes)),
      (error) => error instanceof TsyncError && error.data.kind === "stream",
    );
  };
  refused(10, RECORD_BYTES);
  refused(0, 11 * RECORD_BYTES);
  refused(2, RECORD_BYTES - 1);

  const signature = new Signature(2 ** 53 - 1, MAX_BLOCK_BYTES);
  assert.equal(signature.expected, MAX_BLOCKS);
  assert.ok(signature.records.buffer.byteLength < 10_000);
  signature.add(new Uint8Array(100 * RECORD_BYTES));
  assert.deepEqual([signature.count, signature.isWhole, signature.lastBytes], [100, false, MAX_BLOCK_BYTES]);

  const small = new Signature(10 * 2048 - 5, 2048);
  for (let i = 0; i < 10; i++) small.add(new Uint8Array(RECORD_BYTES).fill(i));
  assert.deepEqual([small.isWhole, small.lastBytes, small.records[9 * RECORD_BYTES]], [true, 2043, 9]);
});
