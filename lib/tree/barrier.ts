// Batches of staged files on their way through the barrier: gathered, flushed while the next ones are gathered, then given their names
// in the order in which they were staged. Called by the stage only. Promises: one flush at a time; no more waits than
// MOST_FILES, MOST_BYTES and the limit of open handles allow, if the caller heeds `pause`; nothing lands after `halt`.

import type { Os } from "../os/os.ts";
import type { Ahead } from "./ahead.ts";
import { type Flush, whileFlushing } from "./flush.ts";
import type { StagedFile } from "./stage.ts";

/** A flush begins once so much is gathered, or the first has waited so long, and none is under way (measured on ext4: see README). */
const START_FILES = 256;
const START_BYTES = 16 << 20;
const START_MS = 500;
/** What may be gathered beside a flush: then the caller waits. */
const MOST_FILES = 4096;
const MOST_BYTES = 256 << 20;
/** Of the limit of open handles, what is left for everything else. */
const OTHER_HANDLES = 48;
/** A stopped run still flushes so much that was gathered. */
const LAST_FILES = 256;
const LAST_BYTES = 16 << 20;
/** Files landed between two turns for the rest of the program. */
const TURN_FILES = 256;

interface Flight {
  files: StagedFile[];
  /** 1: not known yet. */
  results: Int32Array;
  landed: number;
  done: Promise<void>;
}

/** What a run that ends early still has. */
export interface Remains {
  /** On the disk, without their names. */
  flushed: StagedFile[];
  unflushed: StagedFile[];
}

export interface BarrierPlan {
  os: Os;
  flush: Flush;
  /** Milliseconds since some moment. */
  now(): number;
  breathe(): Promise<void>;
  /** The file is flushed (0) or could not be (a negated errno). */
  land(file: StagedFile, result: number): void;
  /** Landing failed in a way that ends the run. */
  onBroken(error: unknown): void;
  /** What keeps what the files replace; null: nothing does. */
  ahead(): Ahead | null;
}

export class Barrier {
  readonly #plan: BarrierPlan;
  #gathered: StagedFile[] = [];
  #bytes = 0;
  #since = 0;
  #flight: Flight | null = null;
  #isHalted = false;
  readonly #halted = Promise.withResolvers<void>();
  #mostFiles = 0;

  constructor(plan: BarrierPlan) {
    this.#plan = plan;
  }

  /** Files wait for a flush, or are in one. */
  get isWaiting(): boolean {
    return this.#flight !== null || this.#gathered.length > 0;
  }

  add(file: StagedFile): void {
    if (this.#gathered.length === 0) this.#since = this.#plan.now();
    this.#gathered.push(file);
    this.#bytes += file.bytes;
    this.poke();
  }

  /** Begins a flush if one is due. */
  poke(): void {
    const count = this.#gathered.length;
    if (count === 0 || this.#flight !== null || this.#isHalted) return;
    const isDue = count >= Math.min(START_FILES, this.#most() >> 1) || this.#bytes >= START_BYTES ||
      this.#plan.now() - this.#since >= START_MS;
    if (isDue) this.#begin();
  }

  /** Each file holds one handle, and its folder may be held for it. */
  #most(): number {
    if (this.#mostFiles === 0) {
      const limit = (this.#plan.os.openLimit() - OTHER_HANDLES) >> 2;
      this.#mostFiles = Math.max(2, Math.min(MOST_FILES, limit));
    }
    return this.#mostFiles;
  }

  /** To be waited for before more is staged; undefined while there is room. */
  pause(): Promise<void> | undefined {
    if (this.#gathered.length < this.#most() && this.#bytes < MOST_BYTES) return undefined;
    this.#begin();
    return this.#untilHalted(this.#flight?.done);
  }

  /** Resolves when nothing waits any more, or the run ends. */
  async drain(): Promise<void> {
    while (this.isWaiting && !this.#isHalted) {
      this.#begin();
      await this.#untilHalted(this.#flight?.done);
    }
  }

  async #untilHalted(work: Promise<void> | undefined): Promise<void> {
    await Promise.race([work, this.#halted.promise]);
  }

  #begin(): void {
    if (this.#flight !== null || this.#gathered.length === 0 || this.#isHalted) return;
    const files = this.#takeGathered();
    const results = new Int32Array(files.length).fill(1);
    const flight: Flight = { files, results, landed: 0, done: Promise.resolve() };
    this.#flight = flight;
    flight.done = this.#fly(flight);
    flight.done.catch((error) => this.#plan.onBroken(error));
  }

  #takeGathered(): StagedFile[] {
    const files = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    return files;
  }

  async #fly(flight: Flight): Promise<void> {
    const { files, results } = flight;
    await whileFlushing(this.#flushAll(files, results), this.#plan.breathe);
    while (flight.landed < files.length) {
      if (this.#isHalted) return;
      const i = flight.landed++;
      this.#plan.land(files[i], results[i]);
      if (flight.landed % TURN_FILES === 0) await this.#plan.breathe();
    }
    this.#flight = null;
    this.poke();
  }

  /** The files, and what is kept of those that they replace: a file whose predecessor is not safe counts as one that is not flushed. */
  async #flushAll(files: readonly StagedFile[], results: Int32Array): Promise<void> {
    const { flush, ahead } = this.#plan;
    const keeper = ahead();
    if (keeper === null) return await flush.files(files, results);
    const kept = files.map((file) => keeper.keepAhead(file));
    const own = new Int32Array(results);
    const [, all] = await Promise.all([flush.files(files, own), keeper.flush()]);
    own.forEach((result, i) => results[i] = Math.min(kept[i], all, result));
  }

  /** The run ends: what has not landed stays as it is. */
  halt(): void {
    this.#isHalted = true;
    this.#halted.resolve();
  }

  /**
   * After `halt`: what is left. Waits for the flush under way, and with `keeps` flushes what is gathered if that is little, but not
   * beyond `limit`. What is still in a flush then counts as unflushed.
   */
  async end(keeps: boolean, limit: Promise<unknown>): Promise<Remains> {
    const remains: Remains = { flushed: [], unflushed: [] };
    const flight = this.#flight;
    this.#flight = null;
    if (flight !== null) {
      await Promise.race([flight.done.catch(() => {}), limit]);
      this.#sort(flight.files, flight.results, flight.landed, remains);
    }
    const isLittle = this.#gathered.length <= LAST_FILES && this.#bytes <= LAST_BYTES;
    const files = this.#takeGathered();
    const results = new Int32Array(files.length).fill(keeps && isLittle ? 1 : -1);
    if (keeps && isLittle && files.length > 0) {
      await Promise.race([this.#plan.flush.files(files, results).catch(() => {}), limit]);
    }
    this.#sort(files, results, 0, remains);
    return remains;
  }

  /** Handles in a flush that goes on stay open: they are the process's to close. */
  #sort(files: StagedFile[], results: Int32Array, from: number, remains: Remains): void {
    for (let i = from; i < files.length; i++) {
      const closed = results[i] === 1 ? 0 : this.#plan.os.close(files[i].handle!);
      (results[i] === 0 && closed === 0 ? remains.flushed : remains.unflushed).push(files[i]);
    }
  }
}
