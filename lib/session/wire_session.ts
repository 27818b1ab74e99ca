// WireSession: one native session over a byte stream, for either program. Called by lib/job (client) and remote/ (agent); the
// halves see only the ports and events it gives them. It reads frames, holds each against the state table, credit and limits,
// and hands it on; it keeps the link alive and ends it with a reason. Promises: a handler that waits stops the reading (and so
// the peer, when its credit is spent); whatever ends the session fails everyone who waits for it (law 11).
//
// A SourcePort call of the source half must not wait for room in the TargetPort: reading stands still while it is handled,
// and the credit that makes room is read, too.

import { display } from "../base/bytes.ts";
import { assert, TsyncError } from "../base/errors.ts";
import { ByteReader } from "../base/codec.ts";
import { Gate } from "../base/gate.ts";
import type { FileList } from "../base/file_list.ts";
import { hasLastWord } from "../base/options.ts";
import { type ByteSink, type ByteSource, takeFrom } from "../os/streams.ts";
import { decodeAbort, decodeCredit, decodeEmpty, decodePing } from "../wire/event_codec.ts";
import type { Job } from "../wire/job_codec.ts";
import type { LaneLoss, LaneStreams } from "../transport/lanes.ts";
import { prefixed } from "../transport/early.ts";
import type { LaneOffer } from "../wire/lane_codec.ts";
import { type Capability, HEADER_BYTES, isBulk, Message } from "../wire/messages.ts";
import { errorOfAbort } from "./abort_kinds.ts";
import { Closing, LAST_WORD_MS } from "./closing.ts";
import { broken, type SessionCore } from "./core.ts";
import { CreditReturn } from "./credit_return.ts";
import { EventIntake, PeerEvents } from "./event_side.ts";
import type { Events } from "./events.ts";
import { Handshake, type HandshakeOptions } from "./handshake.ts";
import type { SessionSide } from "./hello.ts";
import { Inbox } from "./inbox.ts";
import { Keepalive, type SessionClock } from "./keepalive.ts";
import { Outbox } from "./outbox.ts";
import { Packer } from "./packer.ts";
import { Pulse } from "./pulse.ts";
import type { SourcePort, TargetPort, Wait } from "./ports.ts";
import { SourceSide } from "./source_side.ts";
import { Splitting } from "./splitting.ts";
import { SessionState, WAITING_FOR } from "./state.ts";
import { TargetSide } from "./target_side.ts";

export type { Job, SessionClock, SessionSide };

export interface WireSessionOptions extends HandshakeOptions {
  source: ByteSource;
  sink: ByteSink;
  clock: SessionClock;
  /** Our own idle limit; 0 = none. An agent takes the job's where it is shorter. */
  timeoutSeconds: number;
  /** Ends the connection, with whatever carries it; needed where further ones may be added. */
  endConnection?(): void;
}

export class WireSession {
  /** Settles when the session has ended: resolves at the orderly end, rejects at once with what ended it otherwise. */
  readonly ended: Promise<void>;
  receivedBytes = 0;
  #listBytes = 0;
  #source: ByteSource;
  readonly #side: SessionSide;
  readonly #peer: string;
  readonly #clock: SessionClock;
  readonly #timeoutSeconds: number;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  readonly #reader = new ByteReader(new Uint8Array(0));
  readonly #state: SessionState;
  readonly #keepalive: Keepalive;
  readonly #core: SessionCore;
  readonly #handshake: Handshake;
  readonly #pulse: Pulse;
  readonly #credit: CreditReturn;
  readonly #closing: Closing;
  readonly #splitting: Splitting;
  #isHandling = false;
  /** Open once our half, and the client's events, are attached. */
  readonly #halfGate: Gate;
  readonly #eventsGate: Gate;
  #sourceSide: SourceSide | null = null;
  #targetSide: TargetSide | null = null;
  #events: EventIntake | null = null;

  constructor(options: WireSessionOptions) {
    this.#source = options.source;
    this.#side = options.side;
    this.#peer = options.side === "client" ? "the agent" : "the client";
    this.#clock = options.clock;
    this.#timeoutSeconds = options.timeoutSeconds;
    this.#state = new SessionState(options.side === "client");
    const now = () => options.clock.now();
    this.#outbox = new Outbox(options.sink, options.clock, () => this.#onBrokenSink());
    this.#pulse = new Pulse(this.#outbox, now);
    this.#credit = new CreditReturn(this.#outbox, now);
    const { sink, endConnection } = options;
    const first = { sink, end: () => endConnection?.() };
    this.#splitting = new Splitting(options.side, this.#outbox, options.clock, first);
    this.#closing = new Closing(this.#outbox, options.clock, () => {
      this.#keepalive.stop();
      this.#splitting.stop();
    });
    this.ended = this.#closing.end.promise;
    this.#handshake = new Handshake(
      options,
      this.#outbox,
      this.#closing,
      (job, isAgreed) => this.#onJob(job, isAgreed),
    );
    this.#halfGate = this.#closing.watch(new Gate());
    this.#eventsGate = this.#closing.watch(new Gate());
    this.#keepalive = new Keepalive(options.clock, {
      lastWriteMs: () => this.#outbox.lastWriteMs,
      isWriting: () => this.#outbox.isWriting,
      isHandling: () => this.#isHandling,
      sendPing: () => this.#pulse.send(this.#inbox.pending),
      onSilence: (idleMs, isAlive) => this.#onSilence(idleMs, isAlive),
    });
    this.#core = this.#makeCore();
  }

  #makeCore(): SessionCore {
    // deno-lint-ignore no-this-alias
    const session = this;
    return {
      outbox: this.#outbox,
      reader: this.#reader,
      state: this.#state,
      get job() {
        return session.#handshake.job;
      },
      can: (capability) => session.can(capability),
      guard: () => this.#closing.guard(),
      get isOver() {
        return session.#closing.isOver;
      },
      now: () => this.#clock.now(),
    };
  }

  /** Bytes of the encoded file list, sent or received. */
  get listBytes(): number {
    return this.#listBytes + (this.#sourceSide?.listBytes ?? 0);
  }

  get sentBytes(): number {
    return this.#outbox.sentBytes;
  }

  /** Whether something may have been removed at the source, or deleted, by what was said last. */
  get isPastWants(): boolean {
    return this.#state.isPastWants;
  }

  /** Whether both sides offered it; known when the peer's HELLO has come. */
  can(capability: keyof typeof Capability): boolean {
    return this.#handshake.can(capability);
  }

  /** The link's round trip, as far as a program's own haste can tell; null until it is known, soon after hello or job. */
  get roundTripMs(): number | null {
    return this.#pulse.roundTripMs;
  }

  // Hello and job.

  /** The payload of our HELLO. */
  helloPayload(): Uint8Array {
    return this.#handshake.payload();
  }

  /**
   * The agent: takes the client's HELLO from the launch line and answers with its own as the first frame. Throws TsyncError
   * "incompatible" or "stream"; the caller then tells the client by fail().
   */
  acceptHello(payload: Uint8Array): void {
    this.#handshake.sendHello();
    this.#pulse.asked();
    this.#handshake.takeHello(payload);
  }

  /** The seed of this session's digests. Waits for the peer's HELLO. */
  seed(): Promise<{ low: number; high: number }> {
    return this.#handshake.seed();
  }

  /**
   * The client: sends the job, if need be before the agent's HELLO has come; `told` are the options that the agent gets (-M). Throws
   * TsyncError "usage" if it is too long to travel.
   */
  sendJob(job: Job, told = job.options): void {
    this.#handshake.sendJob(job, told);
  }

  /** The agent: the client's job. */
  receiveJob(): Promise<Job> {
    return this.#handshake.receiveJob();
  }

  /** The client: the names to transfer, each ended by NUL. After the agent's HELLO, in a job that asks for them. */
  sendNames(names: Uint8Array): Promise<void> {
    return this.#handshake.sendNames(names);
  }

  /** The agent: those names. */
  receiveNames(): Promise<Uint8Array> {
    return this.#handshake.receiveNames();
  }

  #onJob(job: Job, isAgreed: boolean): void {
    this.#state.role = (this.#side === "agent") === job.agentIsSource ? "source" : "target";
    this.#state.deletes = hasLastWord(job.options);
    if (isAgreed) this.#begin(job);
  }

  /** There are a job and both HELLOs. */
  #begin(job: Job): void {
    const isSource = this.#state.role === "source";
    const { filesFrom, filesFromThere, trashTask } = job.options;
    const takesNames = this.#side === "agent" && filesFrom && filesFromThere === null;
    this.#state.phase = !isSource ? "roots" : takesNames ? "names" : "ready";
    // Nothing is listed: the target works and tells.
    if (trashTask !== "") this.#state.phase = isSource ? "source check" : "end";
    this.#credit.begin();
    if (isSource && this.can("compression")) {
      this.#outbox.packer = new Packer(job.options);
      if (this.roundTripMs !== null) this.#outbox.packer.roundTrip(this.roundTripMs);
    }
    const limits = [this.#timeoutSeconds, job.options.timeoutSeconds].filter((seconds) => seconds > 0);
    this.#keepalive.setTimeout(limits.length === 0 ? 0 : Math.min(...limits));
  }

  /** Settles when what was said so far has been written, as far as credit allows; rejects when the session ends before. */
  drained(): Promise<void> {
    return this.#outbox.drained();
  }

  // Several connections.

  /** The client: asks the agent for so many connections more, once; its answer. Only with the capability, and after the job. */
  askForLanes(count: number): Promise<LaneOffer> {
    this.#closing.guard();
    const offer = this.#closing.watch(new Gate<LaneOffer>());
    this.#splitting.ask(count, offer);
    return offer.promise;
  }

  /** The agent: who answers that. */
  onLanesAsked(answer: (count: number) => Promise<LaneOffer>): void {
    this.#splitting.onAsked = answer;
  }

  /** A further connection stands, with an agent that has joined ours. The first one splits the stream. */
  addLane(streams: LaneStreams): void {
    if (this.#closing.isOver) streams.end();
    else this.#splitting.add(streams);
  }

  /** Calls `fn` for each connection that ends while others stand. */
  onLaneLost(fn: (why: LaneLoss) => void): void {
    this.#splitting.onLost = fn;
  }

  /** The most connections at a time so far. */
  get connections(): number {
    return this.#splitting.most;
  }

  /** The run is over: says on every connection that nothing follows; or ends them. */
  closeConnections(): void {
    this.#splitting.close();
  }

  endConnections(): void {
    this.#splitting.end();
  }

  /** Bytes in the direction of content so far, and how long it was the link that we waited for, ms. */
  flow(): { bytes: number; waitedMs: number } {
    if (this.#state.role !== "source") return { bytes: this.receivedBytes, waitedMs: this.#credit.waitedMs };
    const { sentBytes, writtenMs, isWriting, lastWriteMs } = this.#outbox;
    return { bytes: sentBytes, waitedMs: writtenMs + (isWriting ? this.#clock.now() - lastWriteMs : 0) };
  }

  #receiveLanes(type: number): void {
    if (!this.can("severalChannels")) broken(this.#state.complaint(type));
    const reader = this.#open();
    if (type === Message.lanes) return this.#splitting.receive(reader);
    this.#source = this.#splitting.receiveSplit(reader, () => {
      const rest = this.#inbox.takeRest();
      this.receivedBytes -= rest.length;
      return prefixed(rest, this.#source);
    });
  }

  // The halves.

  /** Our half is the target; what the source lists goes into the empty `list`. After the job. */
  attachTarget(half: TargetPort, list: FileList): void {
    this.#target(list).attach(half);
    this.#halfGate.open();
  }

  /** Our half is the source of `list`. After the job. */
  attachSource(half: SourcePort, list: FileList): void {
    this.#sourceOf(list).attach(half);
    this.#halfGate.open();
  }

  /** The target at the other end, for a source half whose list is `list`. After the job. */
  peerTarget(list: FileList): TargetPort {
    return this.#sourceOf(list);
  }

  /** The source at the other end, for a target half whose list is `list`. After the job. */
  peerSource(list: FileList): SourcePort {
    return this.#target(list);
  }

  /** The agent: where its half tells of its work. */
  peerEvents(): Events {
    assert(this.#side === "agent", "the client speaks to the user itself");
    return new PeerEvents(this.#core);
  }

  /** The client: takes what the agent tells. */
  onEvents(events: Events): void {
    this.#events = new EventIntake(this.#core, events, () => this.#sourceSide?.announced ?? 0);
    this.#eventsGate.open();
  }

  #sourceOf(list: FileList): SourceSide {
    assert(this.#state.role === "source", "the job makes our half the source");
    return this.#sourceSide ??= new SourceSide(this.#core, list);
  }

  #target(list: FileList): TargetSide {
    assert(this.#state.role === "target", "the job makes our half the target");
    return this.#targetSide ??= new TargetSide(this.#core, list);
  }

  /** Our half did `units` of work that no message shows (it scanned entries): the peer's timeout hears of it. */
  worked(units: number): void {
    this.#pulse.worked(units);
    this.#keepalive.workedOurselves();
  }

  // The end.

  /** The client: the run is over. Resolves when that is written; the session has ended then. */
  async sendBye(): Promise<void> {
    this.#closing.guard();
    this.#outbox.control(Message.bye);
    this.#outbox.controlEnd();
    await this.#outbox.drained();
    this.#closing.finish();
  }

  /**
   * Ends the session with `error`: fails all who wait, and tells the peer by ABORT if that is possible within a second.
   * Resolves when that is done. A second call only waits for that.
   */
  fail(error: unknown): Promise<void> {
    return this.#closing.fail(error, true);
  }

  /** The peer does not read any more. If it said why, that comes in; if it says nothing, this is the reason. */
  #onBrokenSink(): void {
    if (this.#closing.isOver) return;
    const cancel = this.#clock.every(LAST_WORD_MS, () => {
      cancel();
      this.#closing.fail(this.#lost(`${this.#peer} reads no more`), false);
    });
  }

  /** Says which side stands still, and at what, as far as that is known. */
  #onSilence(idleMs: number, isAlive: boolean): void {
    const seconds = Math.round(idleMs / 1000);
    const what = isAlive ? `saw no work of ${this.#peer}, which answers,` : `heard nothing from ${this.#peer}`;
    const inHand = this.#sourceSide?.inHand() ?? this.#targetSide?.inHand() ?? null;
    const where = inHand === null
      ? ""
      : inHand.isSent
      ? `; the last file it was sent is "${display(inHand.path)}"`
      : ` of "${display(inHand.path)}"`;
    const detail = `the ${this.#side} ${what} for ${seconds} s, waiting for ${WAITING_FOR[this.#state.phase]}${where}`;
    this.fail(new TsyncError(this.#handshake.job === null ? { kind: "start", detail } : { kind: "timeout", detail }));
  }

  // Reading.

  /**
   * Reads until the session ends. Resolves at the orderly end: the client after sendBye(), the agent when BYE has come.
   * Rejects with what ended it otherwise (TsyncError, or our own mistake), after the peer was told.
   */
  run(): Promise<void> {
    this.#keepalive.start();
    // A read may hang for as long as the peer is silent; the session's end does not wait for it.
    this.#read().catch((error) => this.fail(error));
    return this.#closing.closed.promise;
  }

  async #read(): Promise<void> {
    const inbox = this.#inbox;
    while (!this.#closing.isOver) {
      while (inbox.next()) {
        if (inbox.type === Message.ping) {
          this.#receivePing();
          continue;
        }
        if (inbox.type === Message.packed) {
          this.#unpack();
          continue;
        }
        const wait = this.#receive();
        if (wait !== undefined) await this.#pause(wait);
        if (this.#closing.isOver) return;
        this.#handled();
        // Events wait in memory: a client that does not read them is not given more to do.
        const room = this.#state.role === "target" ? this.#outbox.room() : undefined;
        if (room !== undefined) await this.#pause(room);
      }
      this.#keepalive.heardPart(inbox.pending);
      this.#outbox.flushEntries();
      const read = await this.#readSome();
      if (read === null) return this.#onEndOfStream();
      this.receivedBytes += read.length;
      inbox.filled(read);
    }
  }

  /** Nothing is read while our side is at work. */
  async #pause(wait: Promise<void>): Promise<void> {
    this.#isHandling = true;
    await wait;
    this.#isHandling = false;
  }

  async #readSome(): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      this.#credit.reads();
      const read = await takeFrom(this.#source, this.#inbox.space());
      this.#credit.hasRead();
      return read;
    } catch (error) {
      if (error instanceof TsyncError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw this.#lost(`reading from ${this.#peer} failed: ${why}`);
    }
  }

  #onEndOfStream(): void {
    const detail = this.#side === "client" ? "the agent ended unexpectedly" : "the client went away";
    this.#closing.fail(this.#lost(detail), false);
  }

  #lost(detail: string): TsyncError {
    return new TsyncError({ kind: "stream", detail, isGone: true });
  }

  /** Puts the reader on the payload of the frame that was found. */
  #open(): ByteReader {
    const reader = this.#reader;
    reader.bytes = this.#inbox.bytes;
    reader.at = this.#inbox.payloadAt;
    reader.end = this.#inbox.payloadEnd;
    return reader;
  }

  #receivePing(): void {
    if (!this.#state.isLegal(Message.ping)) broken(this.#state.complaint(Message.ping));
    this.#keepalive.heardPing(decodePing(this.#open()));
    if (!this.#pulse.heard()) return;
    if (this.#side === "agent") this.#pulse.send(this.#inbox.pending);
    this.#outbox.packer?.roundTrip(this.roundTripMs!);
  }

  /** The frames of a PACKED message take its place, each held against the state table by itself. */
  #unpack(): void {
    if (!this.can("compression") || !this.#state.isLegal(Message.packed)) broken(this.#state.complaint(Message.packed));
    this.#keepalive.heard();
    this.#inbox.unpack();
  }

  #receive(): Wait {
    const { type } = this.#inbox;
    if (!this.#state.isLegal(type)) broken(this.#state.complaint(type));
    this.#keepalive.heard();
    if (type >= Message.roots && type < Message.entry) {
      return this.#halfGate.isOpen ? this.#receiveForHalf(type) : this.#receiveLater(this.#halfGate, type);
    }
    if (type >= Message.entry && type < Message.ping) {
      return this.#events === null ? this.#receiveLater(this.#eventsGate, type) : this.#receiveEvent(type);
    }
    return this.#receiveControl(type);
  }

  /** A message that came before there is someone to take it. */
  async #receiveLater(gate: Gate, type: number): Promise<void> {
    await gate.promise;
    await (gate === this.#halfGate ? this.#receiveForHalf(type) : this.#receiveEvent(type));
  }

  #receiveForHalf(type: number): Wait {
    this.#open();
    return isBulk(type) ? this.#targetSide!.receive(type) : this.#sourceSide!.receive(type);
  }

  #receiveEvent(type: number): Wait {
    if (type === Message.totals && this.#state.phase === "want") return this.#receiveLastTotals();
    this.#open();
    return this.#events!.receive(type);
  }

  /** TOTALS that stands for WANT_END, too. */
  async #receiveLastTotals(): Promise<void> {
    await this.#sourceSide!.wantsEnd("TOTALS");
    this.#open();
    await this.#events!.receive(Message.totals);
  }

  #receiveControl(type: number): Wait {
    const reader = this.#open();
    switch (type) {
      case Message.hello:
        this.#handshake.takeHello(reader.raw("HELLO", reader.left));
        this.#state.phase = "idle";
        this.#pulse.send(this.#inbox.pending);
        this.#pulse.asked();
        if (this.#handshake.job !== null) this.#begin(this.#handshake.job);
        break;
      case Message.job:
        this.#handshake.takeJob(reader);
        break;
      case Message.names:
        if (this.#handshake.takeNames(reader)) this.#state.phase = "ready";
        break;
      case Message.credit: {
        const { bytes, idlePercent } = decodeCredit(reader);
        this.#outbox.addCredit(bytes, idlePercent / 100);
        break;
      }
      case Message.lanes:
      case Message.split:
        this.#receiveLanes(type);
        break;
      case Message.abort:
        this.#receiveAbort(reader);
        break;
      default:
        decodeEmpty(reader, "BYE");
        this.#receiveBye();
    }
    return undefined;
  }

  #receiveAbort(reader: ByteReader): void {
    const { kind, text } = decodeAbort(reader);
    this.#closing.fail(errorOfAbort(kind, text, this.#peer, this.#handshake.versions), false);
  }

  #receiveBye(): void {
    const isDone = this.#state.role === "source" ? this.#sourceSide?.endsByBye() : this.#state.phase === "end";
    if (isDone) this.#closing.finish();
    else this.#closing.fail(new TsyncError({ kind: "interrupted", detail: "the client ended the run early" }), false);
  }

  /** The message that was found is through: gives its credit back. */
  #handled(): void {
    const { type, payloadAt, payloadEnd, cost } = this.#inbox;
    this.#pulse.worked(HEADER_BYTES + payloadEnd - payloadAt);
    if (type === Message.list) this.#listBytes += payloadEnd - payloadAt;
    if (isBulk(type)) this.#credit.handled(cost);
  }
}
