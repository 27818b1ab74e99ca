// One end of a session as a test holds it: lines and frames over a byte stream. Reading goes on in the background, so
// that a peer never blocks because a test is still writing. Sending is raw; nothing is checked on the way out.

import { concat, frame, fromLatin1, MAX_FRAME_BYTES, type TYPE, typeName, Violation } from "./protocol_bytes.ts";

export interface Duplex {
  /** Next bytes, or null at the end of the stream. */
  read(): Promise<Uint8Array | null>;
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction; the other stays open. */
  closeWrite(): Promise<void>;
  close(): void;
}

export interface Frame {
  type: number;
  payload: Uint8Array;
}

/** The other side is gone: end of stream, or a write that found nobody. */
export class Gone extends Error {
  override readonly name = "Gone";
}

/** What replaces or surrounds one outgoing message; nothing returned means: send it as it is. */
export type Tamper = (name: keyof typeof TYPE, payload: Uint8Array, nth: number) => Uint8Array[] | void;

export class Wire {
  /** Names of the messages received, in order. */
  readonly received: string[] = [];
  /** Bytes written so far. */
  sentBytes = 0;
  /** After this many bytes our direction ends, in the middle of whatever it is. */
  cutAfterBytes = Infinity;
  readonly #duplex: Duplex;
  #pending: Uint8Array = new Uint8Array(0);
  #chunks: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | null = null;
  readonly #counts = new Map<string, number>();
  readonly #pump: Promise<void>;
  tamper: Tamper | undefined;

  constructor(duplex: Duplex, tamper?: Tamper) {
    this.#duplex = duplex;
    this.tamper = tamper;
    this.#pump = this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const chunk = await this.#duplex.read().catch(() => null);
      if (chunk === null) break;
      this.#chunks.push(chunk);
      this.#wake?.();
    }
    this.#ended = true;
    this.#wake?.();
  }

  /** Waits for more bytes; false at the end of the stream. */
  async #more(): Promise<boolean> {
    while (this.#chunks.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#chunks.length === 0) return false;
    this.#pending = concat(this.#pending, ...this.#chunks);
    this.#chunks = [];
    return true;
  }

  /** One line with its newline; Gone when the stream ends before it. */
  async line(): Promise<Uint8Array> {
    for (;;) {
      const at = this.#pending.indexOf(10);
      if (at >= 0) {
        const line = this.#pending.slice(0, at + 1);
        this.#pending = this.#pending.slice(at + 1);
        return line;
      }
      if (!await this.#more()) throw new Gone(`stream ended within a line: ${fromLatin1(this.#pending.slice(0, 200))}`);
    }
  }

  /** Puts bytes in front of what was not read yet. */
  unread(bytes: Uint8Array): void {
    this.#pending = concat(bytes, this.#pending);
  }

  /** The next frame; Gone at the end of the stream, Violation when it breaks section 4. */
  async next(): Promise<Frame> {
    while (this.#pending.length < 5) {
      if (await this.#more()) continue;
      if (this.#pending.length > 0) throw new Violation("stream ended within a frame header");
      throw new Gone("end of stream");
    }
    const length = new DataView(this.#pending.buffer, this.#pending.byteOffset).getUint32(0, true);
    if (length > MAX_FRAME_BYTES) throw new Violation(`frame of ${length} bytes`);
    while (this.#pending.length < 5 + length) {
      if (!await this.#more()) throw new Gone("stream ended within a frame");
    }
    const type = this.#pending[4];
    const payload = this.#pending.slice(5, 5 + length);
    this.#pending = this.#pending.slice(5 + length);
    this.received.push(typeName(type));
    return { type, payload };
  }

  /** True when a whole frame can be taken without waiting. */
  get frameWaits(): boolean {
    if (this.#chunks.length > 0) {
      this.#pending = concat(this.#pending, ...this.#chunks);
      this.#chunks = [];
    }
    if (this.#pending.length < 5) return false;
    return this.#pending.length >= 5 + new DataView(this.#pending.buffer, this.#pending.byteOffset).getUint32(0, true);
  }

  async raw(bytes: Uint8Array): Promise<void> {
    const part = bytes.slice(0, Math.max(0, this.cutAfterBytes - this.sentBytes));
    this.sentBytes += part.length;
    try {
      if (part.length > 0) await this.#duplex.write(part);
      if (part.length < bytes.length) await this.#duplex.closeWrite();
    } catch {
      throw new Gone("nobody reads any more");
    }
    if (part.length < bytes.length) throw new Gone("cut here by the test");
  }

  /** Sends one message by its name, or what the tamper hook makes of it. */
  async send(name: keyof typeof TYPE, type: number, payload: Uint8Array = new Uint8Array(0)): Promise<void> {
    const nth = this.#counts.get(name) ?? 0;
    this.#counts.set(name, nth + 1);
    for (const bytes of this.tamper?.(name, payload, nth) ?? [frame(type, payload)]) await this.raw(bytes);
  }

  async closeWrite(): Promise<void> {
    await this.#duplex.closeWrite().catch(() => {});
  }

  /** Waits until the other side has ended its direction, throwing away what still comes. */
  async drain(): Promise<void> {
    await this.#pump;
  }

  /** Frames still unread; for a look at what came last. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = [];
    try {
      for (;;) frames.push(await this.next());
    } catch (error) {
      if (!(error instanceof Gone) && !(error instanceof Violation)) throw error;
    }
    return frames;
  }

  close(): void {
    this.#duplex.close();
  }
}

/** Two ends of one in-memory link: what one writes the other reads. */
export function pairOfDuplexes(): [Duplex, Duplex] {
  const one = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 64 });
  const two = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 64 });
  return [fromStreams(one.readable, two.writable), fromStreams(two.readable, one.writable)];
}

/** A child's stdout and stdin, or any two streams, as a Duplex. */
export function fromStreams(readable: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>): Duplex {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  // A broken pipe is told by the write that meets it; nobody else waits for these promises.
  writer.closed.catch(() => {});
  reader.closed.catch(() => {});
  return {
    async read() {
      const { value, done } = await reader.read();
      return done ? null : value;
    },
    write: (bytes) => writer.write(bytes),
    closeWrite: () => writer.close(),
    close() {
      reader.cancel().catch(() => {});
      writer.abort().catch(() => {});
    },
  };
}

export function fromConnection(connection: Deno.Conn): Duplex {
  const buffer = new Uint8Array(65_536);
  let open = true;
  return {
    async read() {
      const count = await connection.read(buffer);
      return count === null ? null : buffer.slice(0, count);
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    closeWrite: () => connection.closeWrite(),
    close() {
      if (open) connection.close();
      open = false;
    },
  };
}
