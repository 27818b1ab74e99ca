// Runs: what of a new file is taken from its basis, and where it has holes. Made by Matcher and Refiner, read by the sender.
// Promises: `newAt` rises, runs do not overlap, adjoining ones are one; what lies between them is literal.

/** `basisAt` of a run that is a hole of the new file: neither copied nor sent. */
export const HOLE = -1;

/** Most runs of one file: 24 MiB. What would be more of them is literal. */
export const MAX_RUNS = 1 << 20;

export interface Runs {
  readonly count: number;
  /** Offsets in the new file and in the basis (or HOLE), and lengths, bytes; `count` of each are meant. */
  readonly newAt: Float64Array;
  readonly basisAt: Float64Array;
  readonly bytes: Float64Array;
}

/** Collects runs, one after the other. */
export class RunList implements Runs {
  count = 0;
  newAt = new Float64Array(16);
  basisAt = new Float64Array(16);
  bytes = new Float64Array(16);

  get isFull(): boolean {
    return this.count >= MAX_RUNS;
  }

  /** Adds a run, or makes the last one longer. False, and nothing done, if the list is full. */
  add(newAt: number, basisAt: number, bytes: number): boolean {
    if (bytes === 0) return true;
    const last = this.count - 1;
    if (last >= 0 && this.newAt[last] + this.bytes[last] === newAt) {
      const goesOn = basisAt === HOLE
        ? this.basisAt[last] === HOLE
        : this.basisAt[last] !== HOLE && this.basisAt[last] + this.bytes[last] === basisAt;
      if (goesOn) {
        this.bytes[last] += bytes;
        return true;
      }
    }
    if (this.isFull) return false;
    if (this.count === this.newAt.length) this.#grow();
    this.newAt[this.count] = newAt;
    this.basisAt[this.count] = basisAt;
    this.bytes[this.count++] = bytes;
    return true;
  }

  #grow(): void {
    const grown = (old: Float64Array<ArrayBuffer>) => {
      const more = new Float64Array(2 * old.length);
      more.set(old);
      return more;
    };
    this.newAt = grown(this.newAt);
    this.basisAt = grown(this.basisAt);
    this.bytes = grown(this.bytes);
  }
}

/** One list of two, of equal bytes each, in any order: where runs overlap, the one that begins later is cut. */
export function joinRuns(one: Runs, two: Runs): Runs {
  if (two.count === 0) return one;
  // Indices below one.count are of `one`; numbers, because there may be two million runs.
  const newAt = (i: number) => i < one.count ? one.newAt[i] : two.newAt[i - one.count];
  const order = new Uint32Array(one.count + two.count).map((_, i) => i).sort((i, k) => newAt(i) - newAt(k));
  const joined = new RunList();
  let end = 0;
  for (const index of order) {
    const [list, i] = index < one.count ? [one, index] : [two, index - one.count];
    const overlap = Math.max(0, end - list.newAt[i]);
    if (overlap >= list.bytes[i]) continue;
    const basisAt = list.basisAt[i] === HOLE ? HOLE : list.basisAt[i] + overlap;
    if (!joined.add(list.newAt[i] + overlap, basisAt, list.bytes[i] - overlap)) break;
    end = list.newAt[i] + list.bytes[i];
  }
  return joined;
}

/** Bytes of a file of `newBytes` that lie in no run. */
export function literalBytes(runs: Runs, newBytes: number): number {
  let literal = newBytes;
  for (let i = 0; i < runs.count; i++) literal -= runs.bytes[i];
  return literal;
}
