// The records of a signature in plain TypeScript, from their definition (lib/hash/kernels/assembly/records.ts and scan.ts), and whole
// delta transfers for the tests: cut how the test wants, checked by comparing every copied byte.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { concatBytes } from "../../lib/base/bytes.ts";
import { BlockSigner } from "../../lib/delta/block_signer.ts";
import { FineSigner, Refiner } from "../../lib/delta/fine.ts";
import { gapsOf } from "../../lib/delta/gaps.ts";
import { DeltaKernels } from "../../lib/delta/kernels.ts";
import { Matcher } from "../../lib/delta/matcher.ts";
import { HOLE, literalBytes, type Runs } from "../../lib/delta/runs.ts";
import { Signature } from "../../lib/delta/signature.ts";
import {
  anchorRates,
  blockBytesFor,
  FINE_RECORD_BYTES,
  fineBlockBytesFor,
  fineCount,
  RECORD_BYTES,
  type Seed,
} from "../../lib/delta/sizes.ts";
import { xxh3Of64 } from "./xxh3_reference.ts";

export const SEED: Seed = { low: 0x12345678, high: 0x9abcdef0 };
const bigSeed = ({ low, high }: Seed) => (BigInt(high) << 32n) | BigInt(low);

export const kernels = await DeltaKernels.load();

// ---- the records, plainly

/** The cheap hash of the 16 bytes at `at`, signed. */
function windowHash(bytes: DataView, at: number): number {
  const word = (i: number) => bytes.getUint32(at + 4 * i, true);
  const first = (Math.imul(word(0), 0x9e3779b1) + word(1)) | 0;
  const second = (Math.imul(word(2), 0x9e3779b1) + word(3)) | 0;
  return Math.imul(first + second + (second << 5), 0x85ebca77);
}

/** Whether the window at `at` is a candidate at a rate. */
export function isCandidate(bytes: DataView, at: number, rate: number): boolean {
  return windowHash(bytes, at) < -(2 ** 31) + Math.floor((2 ** 32 - 1) / rate);
}

/** Id of the anchor at `at`, and head check of a block that begins there. */
export function idAndHead(bytes: Uint8Array, at: number, seed: Seed): { id: number; head: number } {
  const big = bigSeed(seed);
  return {
    id: Number(xxh3Of64(bytes.subarray(at, at + 16), big) & 0xffffffffn),
    head: Number(xxh3Of64(bytes.subarray(at, at + 64), big) >> 48n),
  };
}

/** All records of a basis. */
export function plainRecords(basis: Uint8Array, seed: Seed, blockBytes: number): Uint8Array {
  const rates = anchorRates(blockBytes);
  const given = new Uint32Array(8192);
  const big = bigSeed(seed);
  const count = Math.ceil(basis.length / blockBytes);
  const records = new Uint8Array(count * RECORD_BYTES);
  const view = new DataView(records.buffer);

  const findAnchor = (block: Uint8Array, rate: number, tries: number): { id: number; place: number } | null => {
    const bytes = new DataView(block.buffer, block.byteOffset, block.length);
    for (let at = 0; at + 16 <= Math.min(block.length, 32768); at++) {
      if (!isCandidate(bytes, at, rate)) continue;
      if (tries-- === 0) return null;
      const id = Number(xxh3Of64(block.subarray(at, at + 16), big) & 0xffffffffn);
      if (id === 0 || given[id % given.length] === id) continue;
      given[id % given.length] = id;
      return { id, place: at };
    }
    return null;
  };

  for (let i = 0; i < count; i++) {
    const block = basis.subarray(i * blockBytes, (i + 1) * blockBytes);
    const strong = xxh3Of64(block, big);
    const at = i * RECORD_BYTES;
    view.setUint32(at, Number(strong & 0xffffffffn), true);
    view.setUint16(at + 4, Number((strong >> 32n) & 0xffffn), true);
    view.setUint16(at + 6, Number(xxh3Of64(block.subarray(0, 64), big) >> 48n), true);
    let anchor: { id: number; place: number } | null = null;
    if (block.some((byte) => byte !== 0)) {
      anchor = findAnchor(block, rates.strong, 64);
      if (anchor === null) {
        anchor = findAnchor(block, rates.weak, 512);
        if (anchor !== null) anchor.place |= 0x8000;
      }
    }
    view.setUint32(at + 8, anchor?.id ?? 0, true);
    view.setUint16(at + 12, anchor?.place ?? 0xffff, true);
  }
  return records;
}

// ---- transfers

/** How many of the `left` bytes are given next. */
export type Cut = (left: number) => number;
export const WHOLE: Cut = (left) => left;

interface Taker {
  space(): Uint8Array;
  filled(count: number): void;
}

/** Gives all of `bytes` to a signer, matcher or refiner. */
export function feed(taker: Taker, bytes: Uint8Array, cut: Cut = WHOLE): void {
  for (let at = 0; at < bytes.length;) {
    const space = taker.space();
    assert.ok(space.length > 0, "there is space");
    const count = Math.min(space.length, Math.max(1, cut(bytes.length - at)), bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    taker.filled(count);
    at += count;
  }
}

export function sign(basis: Uint8Array, blockBytes: number, cut: Cut = WHOLE, seed: Seed = SEED): Uint8Array {
  const signer = new BlockSigner(kernels, seed, blockBytes);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < basis.length; at += 1 << 20) {
    feed(signer, basis.subarray(at, at + (1 << 20)), cut);
    parts.push(signer.take());
  }
  signer.finish();
  parts.push(signer.take());
  return concatBytes(...parts);
}

export function signatureOf(basisBytes: number, blockBytes: number, records: Uint8Array): Signature {
  const signature = new Signature(basisBytes, blockBytes);
  signature.add(records);
  return signature;
}

export interface Options {
  blockBytes?: number;
  cut?: Cut;
  /** Ranges of the new file that are holes, rising; they hold zeros. */
  holes?: [at: number, end: number][];
}

export interface Transfer {
  one: Runs;
  two: Runs;
  /** Literal bytes after each round, and bytes of records. */
  literal: [number, number];
  records: [number, number];
  gaps: number;
}

/** Both rounds; fails unless `fresh` is what runs and literals make. */
export function transfer(basis: Uint8Array, fresh: Uint8Array, options: Options = {}): Transfer {
  const { blockBytes = blockBytesFor(basis.length), cut = WHOLE, holes = [] } = options;
  const records = sign(basis, blockBytes, cut);
  const matcher = new Matcher(kernels, signatureOf(basis.length, blockBytes, records), SEED, fresh.length);
  let at = 0;
  for (const [from, to] of holes) {
    feed(matcher, fresh.subarray(at, from), cut);
    matcher.skipTo(to);
    at = to;
  }
  feed(matcher, fresh.subarray(at), cut);
  assert.equal(matcher.offset, fresh.length);
  const one = matcher.finish();
  checkRuns(one, basis, fresh);

  const fineBytes = fineBlockBytesFor(blockBytes);
  const gaps = gapsOf(one, fresh.length, basis.length, fineBytes);
  const signer = new FineSigner(kernels, SEED, fineBytes);
  const refiner = new Refiner(kernels, SEED, fineBytes);
  let fineRecords = 0;
  for (const gap of gaps) {
    assert.ok(gap.basisAt >= 0 && gap.basisAt + gap.basisBytes <= basis.length, "a gap lies in the basis");
    feed(signer, basis.subarray(gap.basisAt, gap.basisAt + gap.basisBytes), cut);
    signer.endRange();
    const taken = signer.take();
    assert.equal(taken.length, fineCount(gap.basisBytes, fineBytes) * FINE_RECORD_BYTES);
    fineRecords += taken.length;
    refiner.begin(gap, taken);
    feed(refiner, fresh.subarray(gap.newAt, gap.newAt + gap.newBytes), cut);
    refiner.end();
  }
  signer.close();
  const two = refiner.finish(one);
  checkRuns(two, basis, fresh);
  return {
    one,
    two,
    literal: [literalBytes(one, fresh.length), literalBytes(two, fresh.length)],
    records: [records.length, fineRecords],
    gaps: gaps.length,
  };
}

/** Each run is of equal bytes (a hole: of zeros), rises, stays within both files, and does not adjoin its like. */
export function checkRuns(runs: Runs, basis: Uint8Array, fresh: Uint8Array): void {
  let end = 0;
  for (let i = 0; i < runs.count; i++) {
    const [newAt, basisAt, bytes] = [runs.newAt[i], runs.basisAt[i], runs.bytes[i]];
    assert.ok(bytes > 0 && newAt >= end && newAt + bytes <= fresh.length, `run ${i} lies where it may`);
    const copied = basisAt === HOLE ? new Uint8Array(bytes) : basis.subarray(basisAt, basisAt + bytes);
    assert.equal(copied.length, bytes, `run ${i} lies in the basis`);
    assert.equal(Buffer.compare(fresh.subarray(newAt, newAt + bytes), copied), 0, `run ${i} is of equal bytes`);
    end = newAt + bytes;
  }
}
