// New files in new folders, where source and target are one process: shared out in units between this thread and a second one,
// which is started once there is enough to do. Called by the target half for what the source half offers. Promises: whatever
// is not simply done is wanted again, so that the ordinary way retries and tells; a folder is put in place, and a folder handle
// closed, only when no unit is under way in it.

import { SMALL_FILE_BYTES } from "../base/limits.ts";
import type { Handle } from "../os/os.ts";
import { Kind } from "../os/os.ts";
import { REDO } from "../session/ports.ts";
import { Filler } from "../tree/fill.ts";
import { FileStatus, type FillUnit, UNIT_FILES } from "../tree/fill_unit.ts";
import type { Board } from "./board.ts";
import { wantedMode } from "./entry_metadata.ts";
import type { FileOutcomes } from "./file_outcomes.ts";
import type { Helper } from "./helper.ts";
import type { TargetState } from "./target_state.ts";

/** Content of one unit, unless a single file has more. */
const UNIT_BYTES = 4 << 20;
/** A file above this is the ordinary way's: it breathes and shows progress. */
const FILE_BYTES = 64 << 20;
/** The same where the file system may clone or copy by itself, so that nothing but small files is faster by hand. */
const SMALL_BYTES = SMALL_FILE_BYTES;
/** f_type of file systems that cannot: tmpfs, ext4. */
const BY_HAND = [0x01021994, 0xef53];
/** From here on a second thread pays (measured: 25 to 50 ms until it works, 17 MB): files and bytes seen. */
const HELPED_FILES = 1500;
const HELPED_BYTES = 48 << 20;
/** Longest wait for the second thread between two turns for signals, ms. */
const TURN_MS = 20;

/** A unit and what it is about; under way from its offer until it is taken in. */
interface Job {
  unit: FillUnit;
  isUnderWay: boolean;
  folder: number;
  source: Handle;
  indexes: Uint32Array;
  bytes: number;
}

export class NewFiles {
  readonly #state: TargetState;
  readonly #outcomes: FileOutcomes;
  readonly #helper: Helper;
  readonly #board: Board;
  readonly #filler: Filler;
  readonly #jobs: Job[];
  readonly #good = new Uint32Array(UNIT_FILES);
  #underWay = 0;
  /** Largest file taken; unknown until the first target folder is seen. */
  #fileBytes = -1;
  #files = 0;
  #bytes = 0;
  /** No space was left: the ordinary way will find that out. */
  #isOut = false;

  constructor(state: TargetState, outcomes: FileOutcomes, helper: Helper) {
    this.#state = state;
    this.#outcomes = outcomes;
    this.#helper = helper;
    this.#board = helper.board;
    this.#filler = new Filler(state.os, helper.board.stop);
    this.#jobs = helper.board.units.map((unit) => {
      return { unit, isUnderWay: false, folder: -1, source: -1, indexes: new Uint32Array(UNIT_FILES), bytes: 0 };
    });
    state.newFolders.beforePlace = (folder) => this.#settle((job) => job.folder === folder);
  }

  /** Takes what it can of the wanted files among the entries of one folder; returns the indexes that are left to be sent. */
  take(source: Handle, first: number, count: number): Uint32Array {
    const { list, wanted } = this.#state;
    const folder = list.parent(first);
    const target = this.#targetOf(folder);
    if (target >= 0 && this.#fileBytes < 0) this.#fileBytes = this.#limitOf(target);
    const left: number[] = [];
    let job: Job | null = null;
    for (let i = first; i < first + count; i++) {
      if (list.kind(i) !== Kind.file) continue;
      if (target < 0 || !wanted.has(i) || list.size(i) > this.#fileBytes) {
        left.push(i);
        continue;
      }
      if (job !== null && (job.unit.count === UNIT_FILES || job.bytes >= UNIT_BYTES)) {
        this.#offer(job);
        job = null;
      }
      job ??= this.#begin(folder, source, target);
      this.#add(job, i);
    }
    if (job !== null) this.#offer(job);
    return Uint32Array.from(left);
  }

  /** The open target folder, if it is one that is not in place yet. */
  #targetOf(folder: number): Handle {
    const { newFolders, options } = this.#state;
    const isOdd = options.sparse || options.plainDigests || options.acls || options.xattrs || options.atimes ||
      options.openNoatime;
    if (this.#isOut || isOdd || !newFolders.has(folder)) return -1;
    const target = this.#state.openForChange(folder);
    // Opening may have put it in place.
    return newFolders.has(folder) ? target : -1;
  }

  #limitOf(target: Handle): number {
    const info = this.#state.os.fileSystem(target);
    return typeof info !== "number" && BY_HAND.includes(info.type) ? FILE_BYTES : SMALL_BYTES;
  }

  #add(job: Job, i: number): void {
    const { list, owners } = this.#state;
    const size = list.size(i);
    job.indexes[job.unit.count] = i;
    job.bytes += size;
    job.unit.add(
      list.namePiece(i),
      list.nameStart(i),
      list.nameLength(i),
      size,
      list.mtimeSec(i),
      list.mtimeNs(i),
      list.tag(i),
      wantedMode(this.#state, i, -1),
      owners.uid(i),
      owners.gid(i),
    );
  }

  /** A job that is free; where all are under way, this thread does some first. */
  #begin(folder: number, source: Handle, target: Handle): Job {
    for (;;) {
      this.#takeIn();
      const job = this.#jobs.find(({ isUnderWay }) => !isUnderWay);
      if (job === undefined) {
        this.#work();
        continue;
      }
      job.folder = folder;
      job.source = source;
      job.bytes = 0;
      job.unit.begin(source, target, this.#state.options.times);
      return job;
    }
  }

  #offer(job: Job): void {
    job.isUnderWay = true;
    this.#underWay++;
    this.#files += job.unit.count;
    this.#bytes += job.bytes;
    const helper = this.#helper;
    if (this.#files > HELPED_FILES || this.#bytes > HELPED_BYTES) helper.start();
    if (helper.hasStarted) return this.#board.offer(job.unit);
    this.#filler.run(job.unit);
    this.#end(job);
  }

  /** Does one unit that is on offer, if there is one. */
  #work(): boolean {
    const unit = this.#board.claim();
    if (unit === null) return false;
    this.#filler.run(unit);
    return true;
  }

  /** Takes in what was done. */
  #takeIn(): void {
    for (const job of this.#jobs) if (job.isUnderWay && this.#board.isHome(job.unit)) this.#end(job);
  }

  #end(job: Job): void {
    const { unit, folder, indexes } = job;
    const good = this.#good;
    const again: number[] = [];
    let count = 0;
    for (let k = 0; k < unit.count; k++) {
      if (unit.status(k) === FileStatus.done) good[count++] = indexes[k];
      else again.push(indexes[k]);
      if (unit.status(k) === FileStatus.noSpace) this.#isOut = true;
    }
    job.isUnderWay = false;
    this.#underWay--;
    if (again.length > 0) this.#state.source.want(Uint32Array.from(again), REDO);
    this.#outcomes.filled(folder, good, count);
  }

  // ---- waiting

  /** A source folder is about to be closed. */
  settleSource(source: Handle): void {
    this.#settle((job) => job.source === source);
  }

  /** Does or waits for every unit under way that `isMeant`. */
  #settle(isMeant: (job: Job) => boolean): void {
    if (this.#underWay === 0) return;
    for (const job of this.#jobs) {
      if (!job.isUnderWay || !isMeant(job)) continue;
      if (this.#board.takeBack(job.unit)) this.#filler.run(job.unit);
      while (this.#board.isTaken(job.unit, TURN_MS));
      this.#end(job);
    }
  }

  /** Does what is left, with turns for signals. */
  async finish(breathe: () => Promise<void>): Promise<void> {
    for (;;) {
      this.#takeIn();
      if (this.#underWay === 0) return;
      if (!this.#work()) this.#waitATurn();
      await breathe();
    }
  }

  /** The run ends early: nothing more is begun; resolves when the second thread has stopped, too. What was done stays unsaid. */
  async stop(breathe: () => Promise<void>): Promise<void> {
    Atomics.store(this.#board.stop, 0, 1);
    for (const job of this.#jobs) if (job.isUnderWay && this.#board.takeBack(job.unit)) job.isUnderWay = false;
    while (this.#waitATurn()) await breathe();
    for (const job of this.#jobs) job.isUnderWay = false;
    this.#underWay = 0;
  }

  /** Waits a little for the second thread; whether it is at work on something. */
  #waitATurn(): boolean {
    const taken = this.#jobs.find((job) => job.isUnderWay && !this.#board.isHome(job.unit));
    if (taken === undefined) return false;
    this.#board.isTaken(taken.unit, TURN_MS);
    return true;
  }
}
