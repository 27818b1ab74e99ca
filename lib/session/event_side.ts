// Events of a session: the agent's proxy, which encodes what its half tells, and the client's intake, which checks and hands it
// to the client's reporter. Made by WireSession. Promises: an entry is told only if it was announced, and once; progress
// never falls; what the agent tells after the session has ended is dropped.

import type { Totals, Transfer } from "../base/monitor.ts";
import { IndexSet } from "../base/index_set.ts";
import { PROBLEMS } from "../base/limits.ts";
import type { Problem } from "../base/problem.ts";
import {
  decodeDeleted,
  decodeEntryRecord,
  decodeFinished,
  decodeProblem,
  decodeProgress,
  decodeTotals,
  encodeDeleted,
  encodeEntryRecord,
  encodeFinished,
  encodeProblem,
  encodeProgress,
  encodeTotals,
  type EntryRecord,
} from "../wire/event_codec.ts";
import { Message } from "../wire/messages.ts";
import { broken, type SessionCore } from "./core.ts";
import type { Events } from "./events.ts";
import type { Wait } from "./ports.ts";

/** PROGRESS is not sent more often, ms. */
const PROGRESS_MS = 100;

/** The agent's events as frames. */
export class PeerEvents implements Events {
  readonly #core: SessionCore;
  #files = 0;
  #bytes = 0;
  #isProgressDue = false;
  #progressMs = -Infinity;

  constructor(core: SessionCore) {
    this.#core = core;
  }

  entry(index: number, change: number): void {
    if (this.#core.isOver) return;
    encodeEntryRecord(this.#core.outbox.entry(), index, change);
    this.#core.outbox.entryEnd();
  }

  finished(index: number, transfer: Transfer): void {
    if (this.#core.isOver) return;
    encodeFinished(this.#core.outbox.control(Message.finished), index, transfer);
    this.#core.outbox.controlEnd();
  }

  deleted(path: Uint8Array, kind: number): void {
    if (this.#core.isOver) return;
    encodeDeleted(this.#core.outbox.control(Message.deleted), path, kind);
    this.#core.outbox.controlEnd();
  }

  problem(problem: Problem): void {
    if (this.#core.isOver) return;
    encodeProblem(this.#core.outbox.control(Message.problem), problem);
    this.#core.outbox.controlEnd();
  }

  transferred(files: number, bytes: number): void {
    this.#files = files;
    this.#bytes = bytes;
    this.#isProgressDue = true;
    if (this.#core.now() - this.#progressMs >= PROGRESS_MS) this.#sendProgress();
  }

  totals(totals: Totals): void {
    if (this.#core.isOver) return;
    if (this.#isProgressDue) this.#sendProgress();
    encodeTotals(this.#core.outbox.control(Message.totals), totals);
    this.#core.outbox.controlEnd();
    this.#core.state.phase = "end";
  }

  room(): Wait {
    return this.#core.isOver ? undefined : this.#core.outbox.room();
  }

  #sendProgress(): void {
    if (this.#core.isOver) return;
    this.#isProgressDue = false;
    this.#progressMs = this.#core.now();
    encodeProgress(this.#core.outbox.control(Message.progress), this.#files, this.#bytes);
    this.#core.outbox.controlEnd();
  }
}

/** The agent's events as they come to the client. */
export class EventIntake {
  readonly #core: SessionCore;
  readonly #events: Events;
  /** How many entries the agent was told; more, it cannot speak of. */
  readonly #announced: () => number;
  readonly #told = new IndexSet();
  readonly #finished = new IndexSet();
  readonly #record: EntryRecord = { index: 0, change: 0 };
  #files = 0;
  #bytes = 0;
  #problems = 0;

  constructor(core: SessionCore, events: Events, announced: () => number) {
    this.#core = core;
    this.#events = events;
    this.#announced = announced;
  }

  receive(type: number): Wait {
    const { reader } = this.#core;
    if (type === Message.entry) this.#receiveEntries();
    else if (type === Message.finished) this.#receiveFinished();
    else if (type === Message.deleted) {
      const { path, kind } = decodeDeleted(reader);
      this.#events.deleted(path, kind);
    } else if (type === Message.problem) this.#receiveProblem();
    else if (type === Message.progress) this.#receiveProgress();
    else {
      const totals = decodeTotals(reader);
      this.#core.state.phase = "end";
      this.#events.totals(totals);
    }
    return undefined;
  }

  #receiveEntries(): void {
    const { reader } = this.#core;
    if (reader.left === 0) reader.fail("ENTRY", "it holds no record");
    while (reader.left > 0) {
      decodeEntryRecord(reader, this.#record);
      const { index, change } = this.#record;
      if (index >= this.#announced()) broken(`ENTRY of index ${index}, which was not listed`);
      if (!this.#told.add(index)) broken(`ENTRY of index ${index} twice`);
      this.#events.entry(index, change);
    }
  }

  #receiveFinished(): void {
    const { index, transfer } = decodeFinished(this.#core.reader);
    if (!this.#core.job!.options.tellsFinished) broken("FINISHED, which was not asked for");
    if (index >= this.#announced()) broken(`FINISHED of index ${index}, which was not listed`);
    if (!this.#finished.add(index)) broken(`FINISHED of index ${index} twice`);
    this.#events.finished?.(index, transfer);
  }

  #receiveProblem(): void {
    if (++this.#problems > PROBLEMS) broken("the agent tells too many problems");
    this.#events.problem(decodeProblem(this.#core.reader));
  }

  #receiveProgress(): void {
    const { files, bytes } = decodeProgress(this.#core.reader);
    if (files < this.#files || bytes < this.#bytes) broken("PROGRESS falls");
    this.#files = files;
    this.#bytes = bytes;
    this.#events.transferred(files, bytes);
  }
}
