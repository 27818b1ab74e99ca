// A Monitor in front of the command line's, in a run that may be taken up again over a new connection: what was told before the loss is not
// told twice, what was done before it counts, progress does not fall. Made by reconnecting.ts. An entry is known again by its
// path. While nothing is lost it keeps 16 bytes for each entry that was told; a loss turns them into a map of paths.

import { latin1 } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import { Change, type EntryFacts, type Monitor, type Phase, type Totals } from "../base/monitor.ts";
import { Cause, isNotice, isVanished, type Problem } from "../base/problem.ts";
import { Kind } from "../os/os.ts";
import { Failures } from "./failures.ts";

/** What earlier connections told of an entry: `done` are the changes (create, content) that count unless they are told again. */
interface Earlier {
  change: number;
  done: number;
  kind: number;
  size: number;
}

const COUNTED = Change.create | Change.content;

export class ToldOnce implements Monitor {
  failed = 0;
  readonly failures = new Failures();
  vanished = 0;
  /** --max-delete kept something. */
  stopped = false;
  /** Entries deleted over all connections. */
  deletions = 0;
  readonly #monitor: Monitor;
  readonly #isDryRun: boolean;
  readonly #indexes: number[] = [];
  readonly #changes: number[] = [];
  #earlier: Map<string, Earlier> | null = null;
  /** Transfers that were under way at a loss: what is not told again was in place. */
  readonly #underWay = new Map<string, { facts: EntryFacts; change: number }>();
  readonly #problems = new Set<string>();
  /** A dry run deletes the same again. */
  readonly #deletedPaths = new Set<string>();
  readonly #deleted = new Map<number, number>();
  readonly #deletedBefore = new Map<number, number>();
  #files = 0;
  #bytes = 0;
  #filesBefore = 0;
  #bytesBefore = 0;
  #shownBytes = 0;
  #mostEntries = 0;
  #listedBytes = Infinity;
  #mostDone = 0;
  #mostBytes = 0;

  constructor(monitor: Monitor, isDryRun: boolean) {
    this.#monitor = monitor;
    this.#isDryRun = isDryRun;
  }

  /** The connection was lost: `list` is what it listed, `underWay` transfers whose end was not told. */
  lost(list: FileList, underWay: Iterable<[facts: EntryFacts, change: number]>): void {
    const earlier = this.#earlier ??= new Map();
    this.#indexes.forEach((index, i) => {
      const change = this.#changes[i];
      const path = latin1(list.path(index));
      const known = earlier.get(path);
      if (known !== undefined) known.done |= change & COUNTED;
      else earlier.set(path, { change, done: change & COUNTED, kind: list.kind(index), size: list.size(index) });
    });
    this.#indexes.length = this.#changes.length = 0;
    for (const [facts, change] of underWay) this.#underWay.set(latin1(facts.path), { facts, change });
    if (!this.#isDryRun) { for (const [kind, count] of this.#deleted) add(this.#deletedBefore, kind, count); }
    this.#deleted.clear();
    this.#filesBefore += this.#files;
    this.#bytesBefore += this.#bytes;
    this.#files = this.#bytes = 0;
    this.#listedBytes = Infinity;
  }

  /** Whether an earlier connection put files in place. */
  get hasPlaced(): boolean {
    return this.#filesBefore > 0 && !this.#isDryRun;
  }

  /** Whether the job got farther than when this was asked last. */
  hasAdvanced(): boolean {
    const done = this.#filesBefore + this.#files + (this.#earlier?.size ?? 0) + this.#indexes.length + this.deletions;
    const isFarther = done > this.#mostDone || this.#bytes > this.#mostBytes;
    this.#mostDone = Math.max(this.#mostDone, done);
    this.#mostBytes = Math.max(this.#mostBytes, this.#bytes);
    return isFarther;
  }

  /** The last connection's totals, with what was done before it. `underWay` transfers have not been told of at its end. */
  whole(totals: Totals, underWay: Iterable<[facts: EntryFacts, change: number]>): Totals {
    if (this.#earlier === null) return totals;
    const sum = { ...totals };
    for (const [facts] of underWay) this.#underWay.delete(latin1(facts.path));
    for (const { facts, change } of this.#underWay.values()) {
      this.#monitor.entry(
        { ...facts, transfer: { literalBytes: facts.size, signatureBytes: 0, digest: null } },
        change,
      );
      count(sum, { change, done: change & COUNTED, kind: facts.kind, size: facts.size });
    }
    for (const entry of this.#earlier.values()) if (entry.done !== 0) count(sum, entry);
    for (const [kind, number] of this.#deletedBefore) sum[DELETED[kind] ?? "deletedSpecials"] += number;
    return sum;
  }

  phase(phase: Phase): void {
    this.#monitor.phase(phase);
  }

  entry(facts: EntryFacts, change: number): void {
    this.#indexes.push(facts.index);
    this.#changes.push(change);
    if (this.#earlier !== null && this.#isKnown(facts, change)) return;
    this.#monitor.entry(facts, change);
  }

  #isKnown({ path }: EntryFacts, change: number): boolean {
    const key = latin1(path);
    if ((change & Change.content) !== 0) this.#underWay.delete(key);
    const known = this.#earlier!.get(key);
    if (known === undefined) return false;
    known.done &= ~change;
    return change === 0 || known.change !== 0;
  }

  deleted(path: Uint8Array, kind: number): void {
    add(this.#deleted, kind, 1);
    if (!this.#isDryRun) this.deletions++;
    else {
      const key = latin1(path);
      if (this.#deletedPaths.has(key)) return;
      this.#deletedPaths.add(key);
    }
    this.#monitor.deleted(path, kind);
  }

  problem(problem: Problem): void {
    const { verb, cause, errno, side, path } = problem;
    const key = `${verb} ${cause} ${errno} ${side} ${latin1(path)}`;
    if (this.#problems.has(key)) return;
    this.#problems.add(key);
    if (cause === Cause.deletionsStopped) this.stopped = true;
    if (!isNotice(problem)) this.failures.add(problem);
    if (isVanished(problem)) this.vanished++;
    else if (!isNotice(problem)) this.failed++;
    this.#monitor.problem(problem);
  }

  listed(entries: number, bytes: number, complete: boolean): void {
    if (complete) this.#listedBytes = bytes;
    if (this.#earlier !== null && !complete && entries < this.#mostEntries) return;
    this.#mostEntries = Math.max(this.#mostEntries, entries);
    this.#monitor.listed(entries, bytes, complete);
  }

  transferred(files: number, bytes: number): void {
    this.#files = files;
    this.#bytes = bytes;
    if (this.#earlier === null) {
      this.#shownBytes = bytes;
      return this.#monitor.transferred(files, bytes);
    }
    // What was under way at the loss comes again.
    const sum = Math.min(this.#bytesBefore + bytes, this.#listedBytes);
    this.#shownBytes = Math.max(this.#shownBytes, sum);
    this.#monitor.transferred(this.#filesBefore + files, this.#shownBytes);
  }
}

const DELETED: Record<
  number,
  "deletedFiles" | "deletedFolders" | "deletedLinks" | "deletedDevices" | undefined
> = {
  [Kind.file]: "deletedFiles",
  [Kind.folder]: "deletedFolders",
  [Kind.link]: "deletedLinks",
  [Kind.charDevice]: "deletedDevices",
  [Kind.blockDevice]: "deletedDevices",
};

/** Adds an entry that an earlier connection brought, and that the last one found as it should be. */
function count(sum: Totals, { done, kind, size }: Earlier): void {
  if (kind !== Kind.folder) sum.unchanged = Math.max(0, sum.unchanged - 1);
  if ((done & Change.create) !== 0) {
    if (kind === Kind.file) sum.createdFiles++;
    else if (kind === Kind.folder) sum.createdFolders++;
    else if (kind === Kind.link) sum.createdLinks++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) sum.createdDevices++;
    else sum.createdSpecials++;
  }
  if ((done & Change.content) !== 0) {
    sum.transferredFiles++;
    sum.transferredBytes += size;
    sum.literalBytes += size;
  }
}

function add(counts: Map<number, number>, kind: number, count: number): void {
  counts.set(kind, (counts.get(kind) ?? 0) + count);
}
