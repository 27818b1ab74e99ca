// Faults by script for the in-memory tree: an errno at the n-th call of a verb, a write that stops half-way, the death of
// the process before or after a call. Called by memory.ts and by tests. Promises: the same script on the same calls does
// the same.

import { isChanging, type Verb } from "./verbs.ts";

/** One call of a verb, as faults see it. */
export interface Call {
  verb: Verb;
  /** The name (or first name) of the call, if it takes one. */
  name: Uint8Array | null;
  changing: boolean;
  /** How often this verb was called, this call included. */
  count: number;
  /** How many calls of any verb there were, and how many of changing ones, this one included. */
  total: number;
  changes: number;
}

/** What happens instead of the call, or around it. */
export interface Verdict {
  /** The call fails with this errno (positive). */
  errno?: number;
  /** The process dies before the call, or after it was done. */
  kill?: "before" | "after";
  /** For writeAll and writeAllAt: so many bytes reach the file before the errno or the death. */
  afterBytes?: number;
}

/** Which calls a verdict is for. */
export interface Fault extends Verdict {
  verb: Verb | "changing" | "any";
  /** The n-th matching call from now on (1 = the next) and no other; left out: every one. */
  when?: number;
  /** Only calls with this name. */
  name?: Uint8Array;
}

export type FaultHook = (call: Call) => Verdict | number | undefined;

/** Thrown by every verb from the moment the script killed the process until `restart`. */
export class Killed extends Error {
  override readonly name = "Killed";
}

/** The faults in force, and the counts. */
export class FaultPlan {
  readonly counts: Map<Verb, number> = new Map();
  total = 0;
  changes = 0;
  #faults: { fault: Fault; seen: number }[] = [];
  #hooks: FaultHook[] = [];

  add(fault: Fault | FaultHook): void {
    if (typeof fault === "function") this.#hooks.push(fault);
    else this.#faults.push({ fault, seen: 0 });
  }

  clear(): void {
    this.#faults = [];
    this.#hooks = [];
  }

  /** Counts a call and finds its verdict. */
  judge(verb: Verb, name: Uint8Array | null, how?: number): Verdict | undefined {
    const changing = isChanging(verb, how);
    const count = (this.counts.get(verb) ?? 0) + 1;
    this.counts.set(verb, count);
    this.total++;
    if (changing) this.changes++;
    const call: Call = { verb, name, changing, count, total: this.total, changes: this.changes };
    for (const hook of this.#hooks) {
      const verdict = hook(call);
      if (typeof verdict === "number") {
        if (verdict !== 0) return { errno: Math.abs(verdict) };
      } else if (verdict !== undefined) return verdict;
    }
    for (const entry of this.#faults) {
      if (!matches(entry.fault, call)) continue;
      entry.seen++;
      if (entry.fault.when === undefined || entry.fault.when === entry.seen) return entry.fault;
    }
    return undefined;
  }
}

function matches(fault: Fault, call: Call): boolean {
  if (fault.verb === "changing" ? !call.changing : fault.verb !== "any" && fault.verb !== call.verb) return false;
  if (fault.name === undefined) return true;
  const [a, b] = [fault.name, call.name];
  return b !== null && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
