// The target of --list-only: takes the source's list, tells each entry, wants nothing. Called by the source half (or, over a
// connection, by the session) as any target is; the job waits for `run`.

import type { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import { Change, type Totals, zeroTotals } from "../base/monitor.ts";
import { TsyncError } from "../base/errors.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { Kind } from "../os/os.ts";
import type { Events } from "../session/events.ts";
import type { Roots, SourcePort, TargetPort, Wait } from "../session/ports.ts";

export interface ListPlan {
  list: FileList;
  events: Events;
  source: SourcePort;
  /** What was listed is removed at the source, folders aside. */
  removes?: boolean;
}

export class ListTarget implements TargetPort {
  readonly #plan: ListPlan;
  readonly #totals = zeroTotals();
  readonly #files: number[] = [];
  readonly #listed = new Gate();
  readonly #done = new Gate();

  constructor(plan: ListPlan) {
    this.#plan = plan;
  }

  /** Runs until the whole list was told. */
  async run(): Promise<Totals> {
    await this.#listed.promise;
    if (this.#plan.removes && this.#files.length > 0) await this.#plan.source.placed(Uint32Array.from(this.#files));
    await this.#plan.source.wantEnd();
    await this.#done.promise;
    this.#plan.events.totals(this.#totals);
    return this.#totals;
  }

  fail(error: unknown): void {
    this.#listed.fail(error);
    this.#done.fail(error);
  }

  roots(roots: Roots): Wait {
    if (roots.hasRoot) this.#tell(0);
    return this.#plan.source.ready(false, null);
  }

  listed(_folder: number, first: number, count: number): Wait {
    for (let i = first; i < first + count; i++) this.#tell(i);
    return this.#plan.events.room?.();
  }

  #tell(i: number): void {
    const { list, events } = this.#plan;
    const totals = this.#totals;
    const kind = list.kind(i);
    if (this.#plan.removes && kind === Kind.file) this.#files.push(i);
    if (kind === Kind.file) totals.files++;
    else if (kind === Kind.folder) totals.folders++;
    else if (kind === Kind.link) totals.links++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) totals.devices++;
    else totals.specials++;
    if (kind === Kind.file || kind === Kind.link) totals.totalBytes += list.size(i);
    events.entry(i, Change.create);
  }

  missing(paths: readonly Uint8Array[]): Wait {
    const { events } = this.#plan;
    for (const path of paths) {
      events.problem({ verb: Verb.skip, cause: Cause.missing, errno: 0, side: Side.source, path });
    }
    return undefined;
  }

  listEnd(): Wait {
    this.#listed.open();
    return undefined;
  }

  sourceDone(): Wait {
    this.#done.open();
    return undefined;
  }

  account(): Wait {
    return undefined;
  }

  subtrees(): Wait {
    return refuse("digests of subtrees");
  }
  file(): Wait {
    return refuse("content");
  }
  fileBegin(): Wait {
    return refuse("content");
  }
  fileData(): Wait {
    return refuse("content");
  }
  fileBasis(): Wait {
    return refuse("content");
  }
  refine(): Wait {
    return refuse("content");
  }
  fileCopy(): Promise<void> | undefined {
    return refuse("content");
  }
  fileEnd(): Wait {
    return refuse("content");
  }
  fileSkip(): Wait {
    return refuse("content");
  }
  checked(): Wait {
    return refuse("an answer");
  }
}

function refuse(what: string): never {
  throw new TsyncError({ kind: "stream", detail: `the peer sent ${what} that was not asked for` });
}
