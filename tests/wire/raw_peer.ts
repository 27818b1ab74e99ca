// For tests of the session: streams in memory, a clock that stands still, a peer that speaks in frames, and halves that note what
// they are told. Nothing here waits for real time.

import { setImmediate } from "node:timers";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { hex, latin1, utf8 } from "../../lib/base/bytes.ts";
import type { ByteSink, ByteSource } from "../../lib/os/streams.ts";
import type { Events } from "../../lib/session/events.ts";
import { helloPayload, makeHello, type SessionSide } from "../../lib/session/hello.ts";
import type { SessionClock } from "../../lib/session/keepalive.ts";
import type {
  BasisRange,
  SignatureHead,
  SourcePort,
  TargetPort,
  TreeOffer,
  Wait,
  WantKind,
} from "../../lib/session/ports.ts";
import { WireSession } from "../../lib/session/wire_session.ts";
import { encodeJob } from "../../lib/wire/job_codec.ts";
import { Message, messageName } from "../../lib/wire/messages.ts";

/** A stream in memory. Writes resolve when all was read, or at once when `capacity` has room for it. */
export class Pipe {
  readonly source: ByteSource = { read: (into) => this.#read(into) };
  readonly sink: ByteSink = { write: (bytes) => this.write(bytes), close: () => this.close() };
  /** The reader gets at most this many bytes at once. */
  cut = Infinity;
  capacity = Infinity;
  /** No write is taken while this is set. */
  isStuck = false;
  /** Writes reject with this. */
  broken: Error | null = null;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #isClosed = false;
  #wake: (() => void)[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    for (;;) {
      if (this.broken !== null) throw this.broken;
      if (!this.isStuck && this.#held <= this.capacity) break;
      await this.#change();
    }
    this.#chunks.push(copy);
    this.#held += copy.length;
    this.changed();
  }

  close(): void {
    this.#isClosed = true;
    this.changed();
  }

  /** Something was set: those who wait look again. */
  changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  async #read(into: Uint8Array): Promise<number | null> {
    while (this.#held === 0) {
      if (this.#isClosed) return null;
      await this.#change();
    }
    const first = this.#chunks[0];
    const count = Math.min(first.length, into.length, this.cut);
    into.set(first.subarray(0, count));
    if (count === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    this.#held -= count;
    this.changed();
    return count;
  }

  /** Takes all that was written. */
  drain(): Uint8Array {
    const all = new Uint8Array(this.#held);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [];
    this.#held = 0;
    this.changed();
    return all;
  }
}

/** A clock that goes only when told. */
export class FakeClock implements SessionClock {
  ms = 1000;
  #timers: { due: number; ms: number; fn: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  every(ms: number, fn: () => void): () => void {
    const timer = { due: this.ms + ms, ms, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** That takes no time. */
  soon(fn: () => void): void {
    queueMicrotask(fn);
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Lets `ms` pass; between two timers everything that is ready happens. */
  async pass(ms: number): Promise<void> {
    const end = this.ms + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.ms = next.due;
      next.due += next.ms;
      next.fn();
      await settled();
    }
    this.ms = end;
    await settled();
  }

  /** The process stood still for `ms`: each timer fires once, late. */
  async stall(ms: number): Promise<void> {
    this.ms += ms;
    for (const timer of [...this.#timers]) {
      if (timer.due > this.ms) continue;
      timer.due = this.ms + timer.ms;
      timer.fn();
    }
    await settled();
  }
}

/** Everything that could happen without anything from outside has happened: one turn of the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Frame {
  type: number;
  payload: Uint8Array;
}

export function frame(type: number, payload: Uint8Array | number[] = []): Uint8Array {
  const writer = new ByteWriter(64);
  writer.u32(payload.length);
  writer.u8(type);
  writer.raw(Uint8Array.from(payload));
  return writer.view().slice();
}

export function frames(bytes: Uint8Array): Frame[] {
  const reader = new ByteReader(bytes);
  const all: Frame[] = [];
  while (reader.left > 0) {
    const length = reader.u32("length");
    const type = reader.u8("type");
    all.push({ type, payload: reader.raw("payload", length).slice() });
  }
  return all;
}

/** Encodes a payload. */
export function made(encode: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(64);
  encode(writer);
  return writer.view().slice();
}

export function options(changes: Partial<SyncOptions> = {}): SyncOptions {
  return { ...defaultOptions(), recursive: true, links: true, devices: true, specials: true, ...changes };
}

/** A half that notes every call as a line, and answers with `wait` where it is set. */
export class NotingHalf implements TargetPort, SourcePort {
  readonly calls: string[] = [];
  wait: (call: string) => Wait = () => undefined;

  #note(call: string): Wait {
    this.calls.push(call);
    return this.wait(call);
  }
  roots = (r: { hasRoot: boolean; single: boolean; sources: number }) => this.#note(`roots ${JSON.stringify(r)}`);
  account = (kind: number, id: number, name: Uint8Array) => this.#note(`account ${kind} ${id} ${latin1(name)}`);
  // Bytes of holes are noted where there are any.
  listed = (...p: number[]) => this.#note(`listed ${p.slice(0, p[4] > 0 ? 5 : 4).join(" ")}`);
  listEnd = (complete: boolean, entries: number, bytes: number) =>
    this.#note(`listEnd ${complete} ${entries} ${bytes}`);
  file = (i: number, fresh: { size: number } | null, content: Uint8Array, digest: Uint8Array | null) =>
    this.#note(
      `file ${i} ${fresh?.size ?? "-"} ${latin1(content.subarray(0, 20))} ${
        digest === null ? "-" : hex(digest).slice(0, 4)
      }`,
    );
  fileBegin = (i: number, size: number, fresh: { size: number } | null, isDelta: boolean) =>
    this.#note(`fileBegin ${i} ${size} ${fresh?.size ?? "-"}${isDelta ? " delta" : ""}`);
  fileBasis = (offset: number, basisOffset: number, bytes: number) =>
    this.#note(`fileBasis ${offset} ${basisOffset} ${bytes}`);
  refine = (index: number, ranges: readonly BasisRange[]) => this.#note(`refine ${index} ${JSON.stringify(ranges)}`);
  fileData = (offset: number, bytes: Uint8Array) => this.#note(`fileData ${offset} ${bytes.length}`);
  fileCopy = () => this.#note("fileCopy");
  fileEnd = (complete: boolean) => this.#note(`fileEnd ${complete}`);
  fileSkip = (i: number, cause: number) => this.#note(`fileSkip ${i} ${cause}`);
  sourceDone = (errors: boolean) => this.#note(`sourceDone ${errors}`);
  checked = (absent: Uint8Array) => this.#note(`checked ${hex(absent)}`);
  subtrees = (folders: Uint32Array, digests: Uint8Array) =>
    this.#note(`subtrees ${folders.join(",")} ${hex(digests).slice(0, 4)}`);
  ready = (streaming: boolean, trees: TreeOffer | null = null) =>
    this.#note(`ready ${streaming}${trees === null ? "" : ` ${trees.owner} ${trees.group}`}`);
  descend = (differs: Uint8Array) => this.#note(`descend ${hex(differs)}`);
  want = (indexes: Uint32Array, { redo, delta }: WantKind) =>
    this.#note(`want ${indexes.join(",")} ${redo}${delta ? " delta" : ""}`);
  signature = (index: number, head: SignatureHead | null, isLast: boolean, records: Uint8Array) =>
    this.#note(`signature ${index} ${JSON.stringify(head)} ${isLast} ${records.length}`);
  fine = (index: number, isLast: boolean, records: Uint8Array) =>
    this.#note(`fine ${index} ${isLast} ${records.length}`);
  placed = (indexes: Uint32Array) => this.#note(`placed ${indexes}`);
  wantEnd = () => this.#note("wantEnd");
  check = (paths: Uint8Array[]) => this.#note(`check ${paths.map(latin1).join(",")}`);
}

export class NotingEvents implements Events {
  readonly calls: string[] = [];
  entry = (index: number, change: number) => void this.calls.push(`entry ${index} ${change}`);
  deleted = (path: Uint8Array, kind: number) => void this.calls.push(`deleted ${latin1(path)} ${kind}`);
  problem = (p: { verb: number; path: Uint8Array }) => void this.calls.push(`problem ${p.verb} ${latin1(p.path)}`);
  transferred = (files: number, bytes: number) => void this.calls.push(`transferred ${files} ${bytes}`);
  totals = (totals: { files: number }) => void this.calls.push(`totals ${totals.files}`);
}

/** A session under test, and the peer's end of its streams. */
export class RawPeer {
  readonly toSession = new Pipe();
  readonly fromSession = new Pipe();
  readonly clock = new FakeClock();
  readonly session: WireSession;
  readonly half = new NotingHalf();
  readonly events = new NotingEvents();
  readonly list = new FileList();
  /** How run() ended: null while it runs, "ok", or the error. */
  outcome: "ok" | unknown = null;

  constructor(readonly side: SessionSide, timeoutSeconds = 0) {
    this.session = new WireSession({
      source: this.toSession.source,
      sink: this.fromSession.sink,
      side,
      clock: this.clock,
      timeoutSeconds,
    });
    if (side === "agent") this.session.acceptHello(helloPayload(makeHello("client")));
    this.session.run().then(() => this.outcome = "ok", (error) => this.outcome = error);
    if (side === "client") this.session.onEvents(this.events);
  }

  /** Sends raw bytes and lets everything happen that follows. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.toSession.write(bytes);
    await settled();
  }

  async send(type: number, payload: Uint8Array | number[] = []): Promise<void> {
    await this.bytes(frame(type, payload));
  }

  /** What the session has sent since the last call. */
  sent(): Frame[] {
    return frames(this.fromSession.drain());
  }

  sentNames(): string[] {
    return this.sent().map(({ type }) => messageName(type));
  }

  /** Brings hello and job behind us; our side is then source or target. The source's list holds root, folder "d", file "f". */
  async begin(role: "source" | "target", changes: Partial<SyncOptions> = {}): Promise<void> {
    const agentIsSource = (this.side === "agent") === (role === "source");
    const job = { agentIsSource, options: options(changes), paths: [utf8("x")] };
    if (this.side === "client") {
      await this.send(Message.hello, helloPayload(makeHello("agent")));
      this.session.sendJob(job);
    } else await this.send(Message.job, made((writer) => encodeJob(writer, job)));
    if (role === "target") this.session.attachTarget(this.half, this.list);
    else {
      this.list.add(utf8(""), 0, 0, 0, 0o040755, 0, 0, 0, 0, 0, 0, null);
      this.list.add(utf8("d"), 0, 1, 0, 0o040755, 0, 0, 0, 0, 0, 0, null);
      this.list.add(utf8("f"), 0, 1, 0, 0o100644, 0, 0, 3, 0, 0, 0, null);
      this.session.attachSource(this.half, this.list);
    }
    // The link has no length.
    await this.send(Message.ping, [0]);
    await settled();
    this.fromSession.drain();
  }

  /** What the session ended with: "" while it runs, "ok", or the error's text. */
  ending(): string {
    return this.outcome === null ? "" : this.outcome instanceof Error ? this.outcome.message : String(this.outcome);
  }

  /** The kind and the text of the TsyncError that ended the session; fails if it goes on, or ended otherwise. */
  failure(): { kind: string; text: string } {
    if (!(this.outcome instanceof TsyncError)) {
      throw new Error(`the session did not end with a TsyncError: ${this.outcome}`, { cause: this.outcome });
    }
    return { kind: this.outcome.data.kind, text: this.outcome.message };
  }
}

/** Whether a promise has settled by now. */
export async function isSettled(wait: Wait): Promise<boolean> {
  let done = false;
  wait!.then(() => done = true, () => done = true);
  await settled();
  return done;
}
