// Round two: the target signs a range of the basis in fine blocks (FineSigner), the source compares the gap of the new file with it,
// aligned with the gap's start and with its end (Refiner), because what was changed in between leaves both sides of itself in place.
// Promises: constant memory beside the records of one gap (at most GAP_BYTES of basis: 640 KiB in blocks of 256 bytes) and the runs;
// each range is read once, in order.

import { assert } from "../base/errors.ts";
import { RecordList } from "./block_signer.ts";
import { type Gap, GAP_BYTES } from "./gaps.ts";
import type { DeltaKernels, Workspace } from "./kernels.ts";
import { joinRuns, RunList, type Runs } from "./runs.ts";
import { FINE_RECORD_BYTES, fineCount, type Seed } from "./sizes.ts";

const WINDOW_BYTES = 256 << 10;

/** Signs ranges of a basis, one after the other. */
export class FineSigner {
  readonly #kernels: DeltaKernels;
  readonly #fineBytes: number;
  readonly #window: number;
  readonly #out: number;
  readonly #records = new RecordList();
  #workspace: Workspace | null;
  #fill = 0;

  constructor(kernels: DeltaKernels, seed: Seed, fineBytes: number) {
    assertFineBytes(fineBytes);
    this.#kernels = kernels;
    this.#fineBytes = fineBytes;
    this.#workspace = kernels.take(seed);
    this.#window = this.#workspace.reserve(WINDOW_BYTES);
    this.#out = this.#workspace.reserve((WINDOW_BYTES / fineBytes) * FINE_RECORD_BYTES);
  }

  /** Where the next bytes of the range are to be read into, up to 256 KiB. Good until the next call. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#live().view(this.#window + this.#fill, WINDOW_BYTES - this.#fill);
  }

  /** The first `count` bytes of space() are the next bytes of the range. */
  filled(count: number): void {
    assert(count <= WINDOW_BYTES - this.#fill, "more bytes than there is space for");
    this.#fill += count;
    if (this.#fill === WINDOW_BYTES) this.endRange();
  }

  /** The range ends here: its last block may be shorter. A new range may follow. */
  endRange(): void {
    const workspace = this.#live();
    workspace.call.fineSign(this.#window, this.#fill, this.#fineBytes, this.#out);
    this.#records.add(workspace.view(this.#out, fineCount(this.#fill, this.#fineBytes) * FINE_RECORD_BYTES));
    this.#fill = 0;
  }

  /** The records since the last take(), in order; the caller owns them. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#records.take();
  }

  /** Gives the memory back. */
  close(): void {
    if (this.#workspace !== null) this.#kernels.give(this.#workspace);
    this.#workspace = null;
  }

  #live(): Workspace {
    assert(this.#workspace !== null, "a closed signer");
    return this.#workspace;
  }
}

/** The fine blocks of a gap under one alignment, and which of them is next. */
interface Grid {
  /** Where the basis range's start lies in the gap; negative where the range is longer than the gap. */
  readonly origin: number;
  block: number;
}

/** Refines the gaps of one file, in any order. */
export class Refiner {
  readonly #kernels: DeltaKernels;
  readonly #fineBytes: number;
  readonly #recordsAt: number;
  readonly #window: number;
  readonly #windowBytes: number;
  /** The runs of all gaps so far, not sorted. */
  readonly #refined = new RunList();
  #workspace: Workspace | null;
  #gap: Gap | null = null;
  #grids: Grid[] = [];
  #found: RunList[] = [];
  /** Where in the gap the window begins, and bytes in it. */
  #base = 0;
  #fill = 0;

  constructor(kernels: DeltaKernels, seed: Seed, fineBytes: number) {
    assertFineBytes(fineBytes);
    this.#kernels = kernels;
    this.#fineBytes = fineBytes;
    this.#workspace = kernels.take(seed);
    this.#windowBytes = WINDOW_BYTES + 2 * fineBytes;
    this.#window = this.#workspace.reserve(this.#windowBytes);
    this.#recordsAt = this.#workspace.reserve(fineCount(GAP_BYTES, fineBytes) * FINE_RECORD_BYTES);
  }

  /** Starts a gap with the fine records of its whole basis range (the session has checked that they are as many as there are blocks). */
  begin(gap: Gap, records: Uint8Array): void {
    assert(this.#gap === null && gap.basisBytes <= GAP_BYTES, "one gap at a time, of bounded size");
    assert(records.length === fineCount(gap.basisBytes, this.#fineBytes) * FINE_RECORD_BYTES, "the records of the gap");
    this.#live().view(this.#recordsAt, records.length).set(records);
    this.#gap = gap;
    const origins = gap.newBytes === gap.basisBytes ? [0] : [0, gap.newBytes - gap.basisBytes];
    this.#grids = origins.map((origin) => ({ origin, block: Math.max(0, Math.ceil(-origin / this.#fineBytes)) }));
    this.#found = origins.map(() => new RunList());
    this.#base = this.#fill = 0;
  }

  /** Where the next bytes of the gap are to be read into: 256 KiB or more. Good until the next call. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#live().view(this.#window + this.#fill, this.#windowBytes - this.#fill);
  }

  /** The first `count` bytes of space() are the next bytes of the gap; what is beyond its end is left out. */
  filled(count: number): void {
    const gap = this.#gap;
    assert(gap !== null && count <= this.#windowBytes - this.#fill, "more bytes than there is space for");
    this.#fill = Math.min(this.#fill + count, gap.newBytes - this.#base);
    let needed = this.#base + this.#fill;
    this.#grids.forEach((grid, i) => {
      this.#compare(gap, grid, this.#found[i]);
      const isDone = grid.block * this.#fineBytes >= gap.basisBytes;
      if (!isDone) needed = Math.min(needed, Math.max(this.#base, grid.origin + grid.block * this.#fineBytes));
    });
    this.#moveTo(needed);
  }

  /** Compares the blocks of one alignment as far as the window reaches. */
  #compare(gap: Gap, grid: Grid, found: RunList): void {
    const { call } = this.#live();
    const end = this.#base + this.#fill;
    for (let at = grid.block * this.#fineBytes; at < gap.basisBytes; at = ++grid.block * this.#fineBytes) {
      const bytes = Math.min(this.#fineBytes, gap.basisBytes - at);
      const inGap = grid.origin + at;
      if (inGap + bytes > end) return;
      const record = this.#recordsAt + grid.block * FINE_RECORD_BYTES;
      if (call.fineEqual(this.#window + inGap - this.#base, bytes, record) !== 0) {
        found.add(gap.newAt + inGap, gap.basisAt + at, bytes);
      }
    }
  }

  /** Drops the window's content before `needed`, an offset in the gap. */
  #moveTo(needed: number): void {
    const dropped = needed - this.#base;
    this.#live().view(this.#window, this.#windowBytes).copyWithin(0, dropped, this.#fill);
    this.#base += dropped;
    this.#fill -= dropped;
  }

  /** The gap ends here. */
  end(): void {
    for (const { newAt, basisAt, bytes, count } of this.#found) {
      for (let i = 0; i < count; i++) this.#refined.add(newAt[i], basisAt[i], bytes[i]);
    }
    this.#found = [];
    this.#gap = null;
  }

  /** The runs of round one and of all gaps as one list. Gives the memory back; nothing follows. */
  finish(runs: Runs): Runs {
    this.close();
    return joinRuns(runs, this.#refined);
  }

  /** Gives the memory back; finish() does, so that this is for what is given up on the way. */
  close(): void {
    if (this.#workspace !== null) this.#kernels.give(this.#workspace);
    this.#workspace = null;
  }

  #live(): Workspace {
    assert(this.#workspace !== null, "a finished refiner");
    return this.#workspace;
  }
}

function assertFineBytes(fineBytes: number): void {
  assert(
    Number.isInteger(Math.log2(fineBytes)) && fineBytes >= 128 && fineBytes <= 4096,
    `fine blocks of ${fineBytes} bytes`,
  );
}
