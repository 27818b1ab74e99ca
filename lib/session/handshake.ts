// The first words of a session: HELLO, JOB and NAMES, of both sides and in either direction. Owned by the session, which hands it these
// messages and is called when there are a job and both HELLOs. Promises: the peer's HELLO is judged before anything else of it counts
// (law 10); who waits for a word hears when the session ends instead (law 11).

import { CHUNK_BYTES, FRAME_BYTES } from "../base/limits.ts";
import type { ByteReader } from "../base/codec.ts";
import { TsyncError } from "../base/errors.ts";
import { Gate } from "../base/gate.ts";
import type { Hello } from "../wire/hello_codec.ts";
import { decodeJob, encodeJob, type Job } from "../wire/job_codec.ts";
import { Capability, HEADER_BYTES, Message } from "../wire/messages.ts";
import { encodeNames } from "../wire/names_codec.ts";
import type { Closing } from "./closing.ts";
import { acceptHello, helloPayload, helloVersion, makeHello, sessionSeed, type SessionSide } from "./hello.ts";
import { NamesIntake } from "./names_intake.ts";
import type { Outbox } from "./outbox.ts";

export interface HandshakeOptions {
  side: SessionSide;
  /** The program's version, as HELLO tells it. */
  version?: string;
  /** Capability bits that are not offered. */
  withholds?: number;
}

export class Handshake {
  /** What is to be done; null until that is known. */
  job: Job | null = null;
  readonly #side: SessionSide;
  readonly #outbox: Outbox;
  readonly #closing: Closing;
  /** There is a job; `isAgreed`: both HELLOs, too. */
  readonly #onJob: (job: Job, isAgreed: boolean) => void;
  readonly #ours: Hello;
  #theirs: Hello | null = null;
  readonly #hello: Gate<Hello>;
  readonly #job: Gate<Job>;
  readonly #names: Gate<Uint8Array>;
  readonly #intake = new NamesIntake();

  constructor(
    { side, version, withholds }: HandshakeOptions,
    outbox: Outbox,
    closing: Closing,
    onJob: (job: Job, isAgreed: boolean) => void,
  ) {
    this.#side = side;
    this.#outbox = outbox;
    this.#closing = closing;
    this.#onJob = onJob;
    this.#ours = makeHello(side, version, withholds);
    this.#hello = closing.watch(new Gate<Hello>());
    this.#job = closing.watch(new Gate<Job>());
    this.#names = closing.watch(new Gate<Uint8Array>());
  }

  /** Whether both sides offered it; known when the peer's HELLO has come. */
  can(capability: keyof typeof Capability): boolean {
    return this.#theirs !== null && (this.#ours.offers & this.#theirs.offers & Capability[capability]) !== 0;
  }

  /** Protocol and version of both sides, for people. */
  get versions(): { ours: string; theirs: string } {
    return {
      ours: helloVersion(this.#ours),
      theirs: this.#theirs === null ? "another version" : helloVersion(this.#theirs),
    };
  }

  /** The payload of our HELLO. */
  payload(): Uint8Array {
    return helloPayload(this.#ours);
  }

  /** Sends our HELLO as a frame. */
  sendHello(): void {
    this.#outbox.control(Message.hello).raw(this.payload());
    this.#outbox.controlEnd();
  }

  /** The peer's HELLO. Throws TsyncError "incompatible" or "stream". */
  takeHello(payload: Uint8Array): void {
    this.#theirs = acceptHello(payload, this.#ours);
    this.#hello.open(this.#theirs);
  }

  /** The seed of this session's digests. Waits for the peer's HELLO. */
  async seed(): Promise<{ low: number; high: number }> {
    const theirs = (await this.#hello.promise).nonce;
    const ours = this.#ours.nonce;
    return this.#side === "client" ? sessionSeed(ours, theirs) : sessionSeed(theirs, ours);
  }

  /** The client's word of what is to be done, as it gets to the agent with the options `told`. Throws TsyncError "usage" if it is too long. */
  sendJob(job: Job, told: Job["options"]): void {
    this.#closing.guard();
    const writer = this.#outbox.control(Message.job);
    const before = writer.used;
    encodeJob(writer, { ...job, options: told });
    if (writer.used - before > FRAME_BYTES) {
      writer.used = before - HEADER_BYTES;
      throw new TsyncError({ kind: "usage", detail: "the filter rules and paths of one run fill more than 1 MiB" });
    }
    this.#outbox.controlEnd();
    this.#begin(job);
  }

  receiveJob(): Promise<Job> {
    return this.#job.promise;
  }

  takeJob(reader: ByteReader): void {
    const job = decodeJob(reader);
    this.#begin(job);
    this.#job.open(job);
  }

  #begin(job: Job): void {
    this.job = job;
    this.#onJob(job, this.#theirs !== null);
  }

  /** The names to transfer, each ended by NUL, in parts. */
  async sendNames(names: Uint8Array): Promise<void> {
    for (let at = 0; at === 0 || at < names.length;) {
      this.#closing.guard();
      const part = names.subarray(at, at + CHUNK_BYTES);
      at += Math.max(1, part.length);
      encodeNames(this.#outbox.control(Message.names), part, at >= names.length);
      this.#outbox.controlEnd();
      await this.#outbox.drained();
    }
  }

  receiveNames(): Promise<Uint8Array> {
    return this.#names.promise;
  }

  /** True when that was the last part. */
  takeNames(reader: ByteReader): boolean {
    const names = this.#intake.take(reader);
    if (names !== null) this.#names.open(names);
    return names !== null;
  }
}
