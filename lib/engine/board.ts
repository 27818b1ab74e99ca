// The board on which two threads of one process find their work: a few units in shared memory, each taken by the thread that is
// free first, oldest first. Held by helper.ts and fill_worker.ts. Promises: a unit is one thread's at a time; nobody waits for
// what the other one does not have.

import { FillUnit, UnitState } from "../tree/fill_unit.ts";
import { SharedCopy } from "../tree/shared_copy.ts";

/** Units under way: enough that neither thread waits, few enough that little memory and few folders are held. */
export const UNITS = 6;

const CONTROL_BYTES = 64;

export class Board {
  static readonly BYTES = CONTROL_BYTES + SharedCopy.BYTES + UNITS * FillUnit.BYTES;

  readonly units: FillUnit[] = [];
  /** The one large copy that both may work on. */
  readonly copy: SharedCopy;
  /** stop[0] other than 0: nothing more is begun. */
  readonly stop: Int32Array;
  /** Counts offers. */
  readonly #bell: Int32Array;
  readonly #quit: Int32Array;
  /** Where this thread looks first: units are offered and taken in turn. */
  #next = 0;

  constructor(memory: SharedArrayBuffer) {
    this.stop = new Int32Array(memory, 0, 1);
    this.#bell = new Int32Array(memory, 4, 1);
    this.#quit = new Int32Array(memory, 8, 1);
    this.copy = new SharedCopy(memory, CONTROL_BYTES, () => this.#ring());
    const first = CONTROL_BYTES + SharedCopy.BYTES;
    for (let i = 0; i < UNITS; i++) this.units.push(new FillUnit(memory, first + i * FillUnit.BYTES));
  }

  /** Takes the oldest unit that is on offer, whose state becomes `state`; null if there is none. */
  claim(state: number = UnitState.home): FillUnit | null {
    for (let i = 0; i < UNITS; i++) {
      const unit = this.units[(this.#next + i) % UNITS];
      if (Atomics.compareExchange(unit.state, 0, UnitState.ready, state) !== UnitState.ready) continue;
      this.#next = (this.#next + i + 1) % UNITS;
      return unit;
    }
    return null;
  }

  offer(unit: FillUnit): void {
    Atomics.store(unit.state, 0, UnitState.ready);
    this.#ring();
  }

  /** The unit was done by the second thread. */
  finish(unit: FillUnit): void {
    Atomics.store(unit.state, 0, UnitState.home);
    Atomics.notify(unit.state, 0);
  }

  isHome(unit: FillUnit): boolean {
    return Atomics.load(unit.state, 0) === UnitState.home;
  }

  /** Takes this unit back if it is still on offer. */
  takeBack(unit: FillUnit): boolean {
    return Atomics.compareExchange(unit.state, 0, UnitState.ready, UnitState.home) === UnitState.ready;
  }

  /** Waits up to `ms` while the second thread has the unit; whether it still has. */
  isTaken(unit: FillUnit, ms: number): boolean {
    if (Atomics.load(unit.state, 0) !== UnitState.taken) return false;
    Atomics.wait(unit.state, 0, UnitState.taken, ms);
    return Atomics.load(unit.state, 0) === UnitState.taken;
  }

  /** The number of offers so far. */
  rung(): number {
    return Atomics.load(this.#bell, 0);
  }

  /** Waits until more than `rung` offers were made; false: there will be none. */
  waitForRing(rung: number): boolean {
    if (Atomics.load(this.#quit, 0) !== 0) return false;
    Atomics.wait(this.#bell, 0, rung);
    return Atomics.load(this.#quit, 0) === 0;
  }

  /** The waiting thread ends. */
  quit(): void {
    Atomics.store(this.stop, 0, 1);
    Atomics.store(this.#quit, 0, 1);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }
}
