// The client's ear: turns a half's events (by list index) into what a Monitor shows, and keeps the account of problems
// that decides the exit code. Used by every job, whichever half runs here.

import { Failures } from "./failures.ts";
import { Gate } from "../base/gate.ts";
import type { FileList } from "../base/file_list.ts";
import { withoutMarks } from "../base/lost_names.ts";
import { Change, type EntryFacts, type Monitor, type Totals, type Transfer, zeroTotals } from "../base/monitor.ts";
import { Cause, isNotice, isVanished, type Problem, Side, Verb } from "../base/problem.ts";
import { Kind } from "../os/os.ts";
import type { Events } from "../session/events.ts";
import type { JobRequest } from "./request.ts";
import { munged } from "../tree/munged_links.ts";

export class Reporter implements Events {
  readonly #list: FileList;
  readonly #monitor: Monitor;
  failed = 0;
  vanished = 0;
  readonly failures = new Failures();
  /** Failures that came, the same ones included. */
  #came = 0;
  /** --max-delete kept something. */
  stopped = false;
  #skipped = 0;
  #lastSkipped: { index: number; cause: number } | null = null;
  result: Totals = zeroTotals();
  /** Opened when the target half has told its totals: all is done. */
  readonly done = new Gate();

  /** Files whose change is told when they are in place. */
  readonly #underWay = new Map<number, number>();
  readonly #waitsForEnd: boolean;

  readonly #munges: boolean;
  readonly #converts: boolean;

  /**
   * `waitsForEnd`: the target tells of each file that is in place, and only then it is shown. `munges`: this is the target, which munges
   * links. `converts`: names are of another charset at one side.
   */
  constructor(list: FileList, monitor: Monitor, waitsForEnd = false, munges = false, converts = false) {
    this.#list = list;
    this.#monitor = monitor;
    this.#waitsForEnd = waitsForEnd;
    this.#munges = munges;
    this.#converts = converts;
  }

  entry(index: number, change: number, linkedWith = -1): void {
    // What a line says of a transfer is known only when the file is in place.
    if (this.#waitsForEnd && (change & Change.content) !== 0) this.#underWay.set(index, change);
    else this.#monitor.entry(this.#facts(index, linkedWith), change);
  }

  finished(index: number, transfer: Transfer): void {
    const change = this.#underWay.get(index);
    if (change === undefined) return;
    this.#underWay.delete(index);
    this.#monitor.entry({ ...this.#facts(index), transfer }, change);
  }

  /** Transfers that were told of, and of whose end nothing was heard. */
  *unfinished(): Iterable<[facts: EntryFacts, change: number]> {
    for (const [index, change] of this.#underWay) yield [this.#facts(index), change];
  }

  #facts(index: number, linkedWith = -1): EntryFacts {
    const list = this.#list;
    const kind = list.kind(index);
    const linkTarget = list.linkTarget(index);
    const isDevice = kind === Kind.charDevice || kind === Kind.blockDevice;
    return {
      index,
      path: list.path(index),
      kind,
      mode: list.mode(index),
      uid: list.uid(index),
      gid: list.gid(index),
      mtimeSec: list.mtimeSec(index),
      atimeSec: kind === Kind.folder ? undefined : list.atimeSec(index),
      size: isDevice ? 0 : list.size(index),
      linkTarget: this.#munges && kind === Kind.link ? munged(linkTarget) : linkTarget,
      linkedWith: linkedWith < 0 ? null : list.path(linkedWith),
      origin: list.origin(index),
    };
  }

  deleted(path: Uint8Array, kind: number): void {
    this.#monitor.deleted(path, kind);
  }

  problem(problem: Problem): void {
    if (problem.cause === Cause.deletionsStopped) this.stopped = true;
    if (!isNotice(problem)) {
      this.#came++;
      if (!this.failures.add(problem)) return;
      if (isVanished(problem)) this.vanished++;
      else this.failed++;
    }
    this.#monitor.problem(this.#converts ? { ...problem, path: withoutMarks(problem.path) } : problem);
  }

  transferred(files: number, bytes: number): void {
    this.#monitor.transferred(files, bytes);
  }

  skipped(index: number, cause: number): void {
    this.#skipped++;
    this.#lastSkipped = { index, cause };
  }

  totals(totals: Totals): void {
    // Fewer problems than files that did not come: the source kept one to itself, and exit 0 would be a lie.
    if (this.#skipped > this.#came) {
      const { index, cause } = this.#lastSkipped!;
      this.problem({ verb: Verb.transfer, cause, errno: 0, side: Side.source, path: this.#list.path(index) });
    }
    this.result = totals;
    this.done.open();
  }
}

/** The client's ear of one session. */
export function reporterOf(
  { options, peerOptions, direction }: JobRequest,
  list: FileList,
  monitor: Monitor,
): Reporter {
  const munges = direction === "pull" && options.mungeLinks;
  const converts = options.charset !== "" || (peerOptions?.charset ?? "") !== "";
  return new Reporter(list, monitor, options.tellsFinished && !options.dryRun, munges, converts);
}
