// --read-batch: the source half of a run that has no source. What the batch lists is told to the target half as a peer would tell it, and
// what that wants is taken from the batch. Made by lib/job. Promises: what the batch says goes through the checks of a session
// (session/target_side.ts), as a peer's words do; a file that the batch does not hold, or holds as changes to another basis than is there,
// is told and stays as it is.

import { ByteReader, ByteWriter } from "../base/codec.ts";
import type { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import { makeBitmap, setBit } from "../base/bitmap.ts";
import { hasLastWord, type SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { Outbox } from "../session/outbox.ts";
import type { SignatureHead, SourcePort, TargetPort, TreeOffer, Wait, WantKind } from "../session/ports.ts";
import { SessionState } from "../session/state.ts";
import { TargetSide } from "../session/target_side.ts";
import {
  decodeFile,
  decodeFileBegin,
  emptyFileRecord,
  encodeFile,
  encodeFileBegin,
  encodeFileSkip,
  encodeSourceDone,
} from "../wire/content_codec.ts";
import { Message } from "../wire/messages.ts";
import { BatchFile, broken } from "./batch_file.ts";

export interface PlayerPlan {
  batch: BatchFile;
  list: FileList;
  options: SyncOptions;
  report(problem: Problem): void;
  pause(): Promise<void> | undefined;
}

export class BatchPlayer implements SourcePort {
  readonly #plan: PlayerPlan;
  readonly #side: TargetSide;
  readonly #reader = new ByteReader(new Uint8Array(0));
  readonly #writer = new ByteWriter(4096);
  readonly #state = new SessionState(true);
  readonly #record = emptyFileRecord();
  #half: TargetPort | null = null;
  /** Wanted, and ready to be answered; entries wanted again are below zero. */
  readonly #queue: number[] = [];
  /** Sizes of the bases that are being signed. */
  readonly #bases = new Map<number, number>();
  #wake = new Gate();
  readonly #ready = new Gate();
  #isEnded = false;
  #failure: unknown = null;

  constructor(plan: PlayerPlan) {
    this.#plan = plan;
    const { options, list } = plan;
    this.#state.role = "target";
    this.#state.phase = "roots";
    this.#state.deletes = hasLastWord(options);
    // What the side would say to a source is said to nobody.
    const nobody = { write: () => Promise.resolve(), close: () => {} };
    const outbox = new Outbox(nobody, { now: () => 0, soon: queueMicrotask }, (error) => this.fail(error));
    this.#side = new TargetSide({
      ...{ outbox, reader: this.#reader, state: this.#state, isOver: false },
      job: { agentIsSource: false, options, paths: [] },
      can: (capability) => capability === "delta",
      guard: () => {
        if (this.#failure !== null) throw this.#failure;
      },
      now: () => 0,
    }, list);
  }

  attach(half: TargetPort): void {
    this.#half = half;
    this.#side.attach(half);
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.#ready.fail(error);
    this.#wake.fail(error);
  }

  /** Runs until every want is served. */
  async run(): Promise<void> {
    const { batch, pause } = this.#plan;
    for (let at = batch.first; this.#state.phase !== "data";) {
      const { type, payload, next } = batch.frame(at);
      at = next;
      if (BatchFile.isOfList(type)) await this.#receive(type, payload);
      if (type === Message.roots) await this.#ready.promise;
      if (type === Message.listEnd) break;
      await pause();
    }
    if (this.#state.phase !== "data") broken("its list has no end");
    while (!this.#isEnded) {
      this.#wake = new Gate();
      for (const wanted of this.#queue.splice(0)) {
        await this.#serve(wanted < 0 ? -wanted : wanted, wanted < 0);
        await pause();
      }
      if (!this.#isEnded && this.#queue.length === 0) await this.#wake.promise;
    }
    if (!this.#state.deletes) return;
    this.#writer.clear();
    encodeSourceDone(this.#writer, batch.sourceErred);
    await this.#receive(Message.sourceDone, this.#writer.view());
  }

  /** Gives the side a message as if it had come. */
  #receive(type: number, payload: Uint8Array): Wait {
    if (this.#failure !== null) throw this.#failure;
    if (!this.#state.isLegal(type)) broken(this.#state.complaint(type));
    this.#reader.reset(payload);
    return this.#side.receive(type);
  }

  // ---- content

  /** Names of one inode have one content, whichever of them it was told under. */
  #contentOf(index: number) {
    const { batch, list } = this.#plan;
    const own = batch.contents.get(index);
    if (own !== undefined || !this.#plan.options.hardLinks || list.firstName(index) < 0) return own;
    const first = list.firstName(index);
    for (const [other, content] of batch.contents) {
      if (other < list.count && (other === first || list.firstName(other) === first)) return content;
    }
    return undefined;
  }

  async #serve(index: number, isAgain: boolean): Promise<void> {
    const content = this.#contentOf(index);
    const basis = this.#bases.get(index) ?? 0;
    this.#bases.delete(index);
    if (content === undefined) return await this.#skip(index, Cause.notInBatch);
    // What did not verify was made of another basis.
    if (isAgain || content.basisBytes > basis) return await this.#skip(index, Cause.otherBasis);
    await this.#play(index, content.at);
  }

  async #skip(index: number, cause: number): Promise<void> {
    const path = this.#plan.list.path(index);
    this.#plan.report({ verb: Verb.transfer, cause, errno: 0, side: Side.target, path });
    this.#writer.clear();
    encodeFileSkip(this.#writer, index, cause);
    await this.#receive(Message.fileSkip, this.#writer.view());
  }

  /** Passes on the frames of one content, as that of `index`. */
  async #play(index: number, from: number): Promise<void> {
    const { batch, pause } = this.#plan;
    const record = this.#record;
    const writer = this.#writer;
    for (let at = from;;) {
      const { type, payload, next } = batch.frame(at);
      at = next;
      const reader = new ByteReader(payload);
      writer.clear();
      if (type === Message.files) {
        decodeFile(reader, record);
        encodeFile(writer, index, record.fresh, record.content, record.digest);
        return await this.#receive(type, writer.view());
      }
      if (type === Message.fileBegin) {
        const isDelta = decodeFileBegin(reader, record);
        encodeFileBegin(writer, index, record.size, record.fresh, isDelta);
        await this.#receive(type, writer.view());
        continue;
      }
      // Other messages may stand between.
      if (type !== Message.fileData && type !== Message.fileCopy && type !== Message.fileEnd) continue;
      await this.#receive(type, payload);
      if (type === Message.fileEnd) return;
      await pause();
    }
  }

  // ---- SourcePort

  ready(streaming: boolean, trees: TreeOffer | null = null): Wait {
    this.#side.ready(streaming, trees);
    this.#ready.open();
    return undefined;
  }

  descend(differs: Uint8Array): Wait {
    return this.#side.descend(differs);
  }

  want(indexes: Uint32Array, kind: WantKind): Wait {
    this.#side.want(indexes, kind);
    if (kind.delta) return undefined;
    for (const index of indexes) this.#queue.push(kind.redo ? -index : index);
    this.#wake.open();
    return undefined;
  }

  signature(index: number, head: SignatureHead | null, isLast: boolean, records: Uint8Array): Wait {
    this.#side.signature(index, head, isLast, records);
    if (head !== null) this.#bases.set(index, head.basisBytes);
    if (!isLast) return undefined;
    this.#queue.push(index);
    this.#wake.open();
    return undefined;
  }

  fine(index: number, isLast: boolean, records: Uint8Array): Wait {
    return this.#side.fine(index, isLast, records);
  }

  placed(): Wait {
    return undefined;
  }

  wantEnd(): Wait {
    this.#isEnded = true;
    this.#wake.open();
    return this.#side.wantEnd();
  }

  /** What is not listed was not at the source. */
  check(paths: Uint8Array[]): Wait {
    const absent = makeBitmap(paths.length);
    paths.forEach((_, i) => setBit(absent, i));
    return this.#half!.checked(absent);
  }
}
