// Events: what a target half tells of its work, by list index. In one process the client's own reporter implements it; an
// agent gets a proxy that encodes (event_side.ts), and the client's session hands the decoded calls to the same reporter.

import type { Totals, Transfer } from "../base/monitor.ts";
import type { Problem } from "../base/problem.ts";
import type { Wait } from "./ports.ts";

export interface Events {
  /** An entry's change (Change bits), at most once per entry; 0 = unchanged (only with reportUnchanged). */
  entry(index: number, change: number): void;
  deleted(path: Uint8Array, kind: number): void;
  problem(problem: Problem): void;
  /** Files and content bytes put in place so far. */
  transferred(files: number, bytes: number): void;
  /** A wanted file is in place; only if the job asks for that (tellsFinished), once per entry. */
  finished?(index: number, transfer: Transfer): void;
  /** A wanted file was not sent (a cause of lib/base/problem.ts). The source tells why by a problem of its own, if it is honest. */
  skipped?(index: number, cause: number): void;
  /** Once, when all is done. */
  totals(totals: Totals): void;
  /** Undefined, or a promise to await before telling more: what was told waits in memory. Costs nothing to ask. */
  room?(): Wait;
}
