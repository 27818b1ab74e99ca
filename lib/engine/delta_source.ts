// What the sender needs of a basis: signatures as they come in, the comparison of a file with one (round one), and of its gaps with
// fine records (round two). Called by sender.ts and source_half.ts. Promises: a file is read in order, in constant memory; what is
// held between the rounds are its runs, its gaps and their records.

import { assert } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { RecordList } from "../delta/block_signer.ts";
import { type Gap, gapsOf } from "../delta/gaps.ts";
import { Refiner } from "../delta/fine.ts";
import { DeltaKernels } from "../delta/kernels.ts";
import { Matcher } from "../delta/matcher.ts";
import { literalBytes, RunList, type Runs } from "../delta/runs.ts";
import { Signature } from "../delta/signature.ts";
import { FINE_RECORD_BYTES, fineBlockBytesFor, fineCount, type Seed } from "../delta/sizes.ts";
import type { Handle, Os, Stat } from "../os/os.ts";
import type { SignatureHead } from "../session/ports.ts";
import { nextExtent } from "../tree/sparse.ts";
import { ChunkDigest } from "./chunk_digest.ts";
import { BREATH_BYTES, type Digester, type Environment } from "./environment.ts";

/** Literals below this are sent as they are, bytes; and those that the link carries in a round trip, at BYTES_PER_MS. */
const LEAST_LITERAL_BYTES = 16 << 10;
const BYTES_PER_MS = 12_500;
const STEP_BYTES = 256 << 10;
/** Ranges of one REFINE; further gaps stay literal. */
const MOST_GAPS = 8192;

/** A file between its two rounds. */
interface Refining {
  runs: Runs;
  gaps: Gap[];
  /** Fine records as they came. */
  records: RecordList;
  before: Stat;
  digest: Uint8Array;
}

/** A file compared with its basis. */
export interface Compared {
  runs: Runs;
  digest: Uint8Array;
}

export class DeltaSource {
  readonly #env: Environment;
  readonly #os: Os;
  readonly #list: FileList;
  readonly #seed: Seed;
  readonly #roundTripMs: () => number;
  readonly #fillsHoles: boolean;
  readonly #signatures = new Map<number, Signature | null>();
  readonly #refining = new Map<number, Refining>();
  #kernels: DeltaKernels | null = null;

  constructor(env: Environment, list: FileList, seed: Seed, roundTripMs: () => number, fillsHoles: boolean) {
    this.#env = env;
    this.#os = env.os;
    this.#list = list;
    this.#seed = seed;
    this.#roundTripMs = roundTripMs;
    this.#fillsHoles = fillsHoles;
  }

  /** A part of a signature; the head comes first. */
  signature(index: number, head: SignatureHead | null, records: Uint8Array): void {
    if (head !== null) {
      this.#signatures.set(index, head.basisBytes === 0 ? null : new Signature(head.basisBytes, head.blockBytes));
    }
    this.#signatures.get(index)?.add(records);
  }

  fine(index: number, records: Uint8Array): void {
    this.#refining.get(index)?.records.add(records);
  }

  has(index: number): boolean {
    return (this.#signatures.get(index) ?? null) !== null;
  }

  isRefining(index: number): boolean {
    return this.#refining.has(index);
  }

  /** The stat of the file when it was compared. */
  comparedAt(index: number): Stat {
    return this.#refining.get(index)!.before;
  }

  forget(index: number): void {
    this.#signatures.delete(index);
    this.#refining.delete(index);
  }

  /** Round one: the runs and the digest of the file; 1 if it got shorter meanwhile, or a negated errno. */
  async compare(index: number, file: Handle, before: Stat, digester: Digester): Promise<Compared | number> {
    this.#kernels ??= await DeltaKernels.load();
    const matcher = new Matcher(this.#kernels, this.#signatures.get(index)!, this.#seed, before.size);
    try {
      const digest = new ChunkDigest(digester, before.size);
      const failed = await this.#feed(matcher, digest, file, before);
      if (failed !== 0) return failed;
      return { runs: matcher.finish(), digest: digest.end(before.size) };
    } finally {
      matcher.close();
    }
  }

  /**
   * --append: the basis is the beginning of the file, and what is behind it goes as it is. The digest is of that, with `verifies` of all. 1 if
   * there is nothing behind it, or a negated errno.
   */
  async appended(
    index: number,
    file: Handle,
    before: Stat,
    digester: Digester,
    verifies: boolean,
  ): Promise<Compared | number> {
    const { basisBytes } = this.#signatures.get(index)!;
    if (before.size < basisBytes) return 1;
    const digest = new ChunkDigest(digester, before.size);
    const piece = new Uint8Array(STEP_BYTES);
    let sinceBreath = 0;
    for (let at = verifies ? 0 : basisBytes; at < before.size;) {
      const left = before.size - at;
      const count = this.#os.readAt(file, left < STEP_BYTES ? piece.subarray(0, left) : piece, at);
      if (count <= 0) return count === 0 ? 1 : count;
      digest.data(at, piece.subarray(0, count));
      at += count;
      sinceBreath += count;
      if (sinceBreath < BREATH_BYTES) continue;
      sinceBreath = 0;
      await this.#env.breathe();
    }
    const runs = new RunList();
    runs.add(0, 0, basisBytes);
    return { runs, digest: digest.end(before.size) };
  }

  async #feed(matcher: Matcher, digest: ChunkDigest, file: Handle, { size, allocated }: Stat): Promise<number> {
    let sinceBreath = 0;
    for (let at = 0; at < size;) {
      const extent = nextExtent(this.#os, file, at, size, allocated >= size || this.#fillsHoles);
      if (typeof extent === "number") return extent;
      matcher.skipTo(extent === null ? size : extent.start);
      if (extent === null) break;
      for (at = extent.start; at < extent.end;) {
        const space = matcher.space();
        const piece = extent.end - at < space.length ? space.subarray(0, extent.end - at) : space;
        const count = this.#os.readAt(file, piece, at);
        if (count <= 0) return count === 0 ? 1 : count;
        digest.data(at, piece.subarray(0, count));
        matcher.filled(count);
        at += count;
        sinceBreath += count;
        if (sinceBreath < BREATH_BYTES) continue;
        sinceBreath = 0;
        await this.#env.breathe();
      }
    }
    return 0;
  }

  /** The ranges that pay a second round, which the caller then asks for; none: the runs are what there is. */
  gaps(index: number, { runs, digest }: Compared, before: Stat): Gap[] {
    const { basisBytes, blockBytes } = this.#signatures.get(index)!;
    const literal = literalBytes(runs, before.size);
    if (literal < Math.max(LEAST_LITERAL_BYTES, this.#roundTripMs() * BYTES_PER_MS)) return [];
    const gaps = gapsOf(runs, before.size, basisBytes, fineBlockBytesFor(blockBytes)).slice(0, MOST_GAPS);
    if (gaps.length > 0) this.#refining.set(index, { runs, gaps, records: new RecordList(), before, digest });
    return gaps;
  }

  /** Round two: the runs with what the fine records add. */
  async refine(index: number, file: Handle): Promise<Compared> {
    const { runs, gaps, records, digest } = this.#refining.get(index)!;
    const { blockBytes } = this.#signatures.get(index)!;
    const fineBytes = fineBlockBytesFor(blockBytes);
    const bytes = gaps.map((gap) => fineCount(gap.basisBytes, fineBytes) * FINE_RECORD_BYTES);
    const all = records.take();
    // The target could not read its basis again: what was found stands.
    if (all.length !== bytes.reduce((sum, count) => sum + count, 0)) return { runs, digest };
    assert(this.#kernels !== null, "a file was compared before it is refined");
    const refiner = new Refiner(this.#kernels, this.#seed, fineBytes);
    try {
      let from = 0;
      for (const [k, gap] of gaps.entries()) {
        refiner.begin(gap, all.subarray(from, from += bytes[k]));
        this.#feedGap(refiner, file, gap);
        refiner.end();
        await this.#env.pause();
      }
      return { runs: refiner.finish(runs), digest };
    } finally {
      refiner.close();
    }
  }

  /** Reads the gap as far as it can be read; the caller sees afterwards whether the file changed. */
  #feedGap(refiner: Refiner, file: Handle, gap: Gap): void {
    for (let done = 0; done < gap.newBytes;) {
      const space = refiner.space();
      const left = gap.newBytes - done;
      const count = this.#os.readAt(file, left < space.length ? space.subarray(0, left) : space, gap.newAt + done);
      if (count <= 0) return;
      refiner.filled(count);
      done += count;
    }
  }
}
