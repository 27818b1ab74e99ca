// kernels.ts [--mib=N] [--rounds=N] [--block=N]: what the kernels of hashing and delta transfer cost, in CPU seconds per GiB of file
// (user and system, this process), with the file in the page cache. Each row checks what it computed before its figure is shown.
// Files lie in the machine's temporary folder, or in that of --place=FOLDER.

import { parseArgs } from "@std/cli/parse-args";
import assert from "node:assert/strict";
import process from "node:process";
import { BlockSigner } from "../lib/delta/block_signer.ts";
import { FineSigner, Refiner } from "../lib/delta/fine.ts";
import { type Gap, gapsOf } from "../lib/delta/gaps.ts";
import { DeltaKernels } from "../lib/delta/kernels.ts";
import { Matcher } from "../lib/delta/matcher.ts";
import { literalBytes, type Runs } from "../lib/delta/runs.ts";
import { Signature } from "../lib/delta/signature.ts";
import { blockBytesFor, fineBlockBytesFor, RECORD_BYTES } from "../lib/delta/sizes.ts";
import { ContentHash } from "../lib/hash/content_hash.ts";
import { median } from "./results.ts";

const options = parseArgs(Deno.args, { string: ["mib", "rounds", "block", "place"] });
const bytes = Number(options.mib ?? 256) << 20;
const rounds = Number(options.rounds ?? 5);
const blockBytes = blockBytesFor(bytes, Number(options.block ?? 0));
const fineBytes = fineBlockBytesFor(blockBytes);
const seed = { low: 1, high: 2 };
const PIECE_BYTES = 256 << 10;

interface Taker {
  space(): Uint8Array;
  filled(count: number): void;
}

/** Reads [at, at + count) of a file into a taker. */
function feed(taker: Taker, file: Deno.FsFile, at = 0, count = Infinity): void {
  file.seekSync(at, Deno.SeekMode.Start);
  while (count > 0) {
    const got = file.readSync(taker.space().subarray(0, Math.min(PIECE_BYTES, count)));
    if (got === null) return;
    taker.filled(got);
    count -= got;
  }
}

/** CPU seconds of this process so far. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const folder = await Deno.makeTempDir({ dir: options.place, prefix: "tsync-bench-" });
const cleanUp = () => Deno.removeSync(folder, { recursive: true });
Deno.addSignalListener("SIGINT", () => {
  cleanUp();
  Deno.exit(130);
});

/** A file of random pieces, each made by `piece` from its number. */
function makeFile(name: string, write: (file: Deno.FsFile) => void): Deno.FsFile {
  const file = Deno.openSync(`${folder}/${name}`, { read: true, write: true, create: true });
  write(file);
  return file;
}

function writeNoise(file: Deno.FsFile, count: number): void {
  const piece = new Uint8Array(PIECE_BYTES);
  for (let left = count; left > 0; left -= piece.length) {
    for (let at = 0; at < piece.length; at += 65536) crypto.getRandomValues(piece.subarray(at, at + 65536));
    file.writeSync(piece.subarray(0, left));
  }
}

function copyOf(basis: Deno.FsFile, file: Deno.FsFile): void {
  const piece = new Uint8Array(PIECE_BYTES);
  basis.seekSync(0, Deno.SeekMode.Start);
  for (let got = basis.readSync(piece); got !== null; got = basis.readSync(piece)) {
    file.writeSync(piece.subarray(0, got));
  }
}

/** How many places the file of small overwrites has: as many as leave about half of the blocks as they were. */
const PLACES = Math.ceil(0.61 * bytes / blockBytes);

try {
  const basis = makeFile("basis", (file) => writeNoise(file, bytes));
  const shifted = makeFile("shifted", (file) => {
    file.writeSync(new Uint8Array([1, 2]));
    copyOf(basis, file);
  });
  const scattered = makeFile("scattered", (file) => {
    copyOf(basis, file);
    for (let i = 0; i < PLACES; i++) {
      file.seekSync(Math.floor(Math.random() * (bytes - 16)), Deno.SeekMode.Start);
      file.writeSync(crypto.getRandomValues(new Uint8Array(16)));
    }
  });
  const other = makeFile("other", (file) => writeNoise(file, bytes));

  const kernels = await DeltaKernels.load();
  const hash = await ContentHash.create(1, 2);
  const piece = new Uint8Array(PIECE_BYTES);

  const sign = (file: Deno.FsFile, size: number) => {
    const signer = new BlockSigner(kernels, seed, size);
    feed(signer, file);
    signer.finish();
    return signer.take();
  };
  const records = sign(basis, blockBytes);
  const match = (file: Deno.FsFile, fileBytes: number): Runs => {
    const signature = new Signature(bytes, blockBytes);
    signature.add(records);
    const matcher = new Matcher(kernels, signature, seed, fileBytes);
    feed(matcher, file);
    return matcher.finish();
  };
  const scatteredRuns = match(scattered, bytes);
  const gaps = gapsOf(scatteredRuns, bytes, bytes, fineBytes);
  const fineSign = (): Uint8Array[] => {
    const signer = new FineSigner(kernels, seed, fineBytes);
    const all = gaps.map((gap: Gap) => {
      feed(signer, basis, gap.basisAt, gap.basisBytes);
      signer.endRange();
      return signer.take();
    });
    signer.close();
    return all;
  };
  const fineRecords = fineSign();
  const digest = (file: Deno.FsFile) => {
    hash.reset();
    feed({ space: () => piece, filled: (count) => hash.update(piece.subarray(0, count)) }, file);
    return hash.digest().toHex();
  };
  const digestOfBasis = digest(basis);
  const literal = (runs: Runs, size: number) => literalBytes(runs, size);

  /** Name, work, and what proves that it was done. */
  const rows: [string, () => unknown, (result: never) => void][] = [
    ["read only", () => feed({ space: () => piece, filled: () => {} }, basis), () => {}],
    ["read and XXH3-128 (copied in)", () => digest(basis), (result: string) => assert.equal(result, digestOfBasis)],
    ...[4096, 16384, 65536, 131072].map((size): [string, () => unknown, (result: never) => void] => [
      `sign, blocks of ${size >> 10} KiB`,
      () => sign(basis, size),
      (result: Uint8Array) => assert.equal(result.length, Math.ceil(bytes / size) * RECORD_BYTES),
    ]),
    ["match, the same", () => match(basis, bytes), (runs: Runs) => assert.equal(literal(runs, bytes), 0)],
    [
      "match, 2 bytes inserted",
      () => match(shifted, bytes + 2),
      (runs: Runs) => assert.equal(literal(runs, bytes + 2), 2),
    ],
    [
      "match, scattered overwrites",
      () => match(scattered, bytes),
      (runs: Runs) => assert.ok(literal(runs, bytes) < 0.55 * bytes),
    ],
    ["match, unrelated", () => match(other, bytes), (runs: Runs) => assert.equal(runs.count, 0)],
    [
      "round two of scattered, basis",
      fineSign,
      (result: Uint8Array[]) => assert.deepEqual(result.at(-1), fineRecords.at(-1)),
    ],
    [
      "round two of scattered, new file",
      () => {
        const refiner = new Refiner(kernels, seed, fineBytes);
        gaps.forEach((gap, i) => {
          refiner.begin(gap, fineRecords[i]);
          feed(refiner, scattered, gap.newAt, gap.newBytes);
          refiner.end();
        });
        return refiner.finish(scatteredRuns);
      },
      (runs: Runs) => assert.ok(literal(runs, bytes) <= PLACES * 2 * fineBytes),
    ],
  ];
  console.log(`${bytes >> 20} MiB, blocks of ${blockBytes >> 10} KiB, medians of ${rounds} rounds, CPU s/GiB`);
  const costs = rows.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    rows.forEach(([, work, check], i) => {
      const before = cpuSeconds();
      const result = work();
      costs[i].push((cpuSeconds() - before) * (2 ** 30 / bytes));
      check(result as never);
    });
  }
  rows.forEach(([name], i) => {
    console.log(`${median(costs[i]).toFixed(3)}  (${Math.min(...costs[i]).toFixed(3)})  ${name}`);
  });
} finally {
  cleanUp();
}
