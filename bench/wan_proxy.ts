// A slow line in user space, a program of its own, so that the bench's own work does not disturb its clock:
//   deno run -N bench/wan_proxy.ts BYTES_PER_SECOND RTT_MS PORT...
// Listens on one port of loopback for each PORT and passes connections on to it. All connections share the line's rate, each direction
// for itself. Opening one costs a round trip before its first byte, as TCP's handshake does. Rate 0 is no limit: then it only counts.
// Prints {"ports":[...]}, then for each line on its input {"up":BYTES,"down":BYTES} since the last one; ends when its input ends.
// Not modelled: loss, slow start, headers of packets (the rate is that of payload). The kernel lets a sender put up to 4 MB into the
// buffers before the line, as a socket with a large buffer does.

import { Lane, type Link, PIECE_BYTES, windowBytes } from "./pacing.ts";

/** A timer fires up to a millisecond late: what is due within this goes at once, so that the error lies around zero. */
const EARLY_MS = 0.6;
/** One read. */
const READ_BYTES = 128 << 10;
/** What one connection may have on a line without a limit. */
const UNLIMITED_WINDOW_BYTES = 4 << 20;

interface Parcel {
  dueAt: number;
  /** null: the end of the stream. */
  bytes: Uint8Array | null;
  stream: Stream;
}

/** One direction of the line with everything that is on it, in order. */
class Wire {
  readonly #lane: Lane;
  readonly #parcels: Parcel[] = [];
  #first = 0;
  #isTimed = false;
  /** Bytes that entered since they were last asked for. */
  entered = 0;

  constructor(link: Link) {
    this.#lane = new Lane(link);
  }

  send(stream: Stream, bytes: Uint8Array | null): void {
    const now = performance.now();
    if (bytes === null) this.#parcels.push({ dueAt: this.#lane.dueAt(now, 0), bytes, stream });
    else {
      this.entered += bytes.length;
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        this.#parcels.push({ dueAt: this.#lane.dueAt(now, piece.length), bytes: piece, stream });
      }
    }
    if (!this.#isTimed) this.#deliver();
  }

  #deliver = (): void => {
    const limit = performance.now() + EARLY_MS;
    while (this.#first < this.#parcels.length && this.#parcels[this.#first].dueAt <= limit) {
      const { stream, bytes } = this.#parcels[this.#first++];
      stream.arrive(bytes);
    }
    if (this.#first > 1000 || this.#first === this.#parcels.length) {
      this.#parcels.splice(0, this.#first), this.#first = 0;
    }
    this.#isTimed = this.#parcels.length > 0;
    if (this.#isTimed) setTimeout(this.#deliver, Math.max(0, Math.floor(this.#parcels[0].dueAt - limit)));
  };
}

/** One direction of one connection. */
class Stream {
  #arrived: (Uint8Array | null)[] = [];
  #isWriting = false;
  #onLine = 0;
  #goOn: (() => void) | null = null;
  #end = Promise.withResolvers<void>();
  /** The end of the stream has arrived. */
  readonly ended = this.#end.promise;

  constructor(readonly wire: Wire, readonly window: number, readonly to: Promise<Deno.Conn>) {}

  /** Reads until the end and puts it on the line, no more than the window at a time. */
  async run(from: Deno.Conn): Promise<void> {
    for (;;) {
      const buffer = new Uint8Array(READ_BYTES);
      // A reset is an end as well: the other side sees the connection end.
      const got = await from.read(buffer).catch(() => null);
      this.wire.send(this, got === null ? null : buffer.subarray(0, got));
      if (got === null) return;
      this.#onLine += got;
      while (this.#onLine >= this.window) await new Promise<void>((resolve) => this.#goOn = resolve);
    }
  }

  arrive(bytes: Uint8Array | null): void {
    this.#arrived.push(bytes);
    if (!this.#isWriting) this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    const to = await this.to.catch(() => null);
    while (this.#arrived.length > 0) {
      const pieces = this.#arrived;
      this.#arrived = [];
      for (const piece of pieces) {
        try {
          if (piece === null) await to?.closeWrite();
          else for (let done = 0; to !== null && done < piece.length;) done += await to.write(piece.subarray(done));
        } catch {
          // The receiver has gone: what is left is read and dropped, and the reader meets its own end.
        }
        if (piece === null) {
          this.#end.resolve();
          continue;
        }
        this.#onLine -= piece.length;
        this.#goOn?.();
      }
    }
    this.#isWriting = false;
  }
}

async function pass(near: Deno.TcpConn, port: number, link: Link, up: Wire, down: Wire): Promise<void> {
  near.setNoDelay(true);
  const window = link.bytesPerSecond === 0 ? UNLIMITED_WINDOW_BYTES : windowBytes(link);
  // The first packet there, the answer back: only then the caller could send; half a trip later the other end would accept.
  const accepted = wait(link.rttMs * 1.5).then(() => Deno.connect({ hostname: "127.0.0.1", port }));
  const streams = [new Stream(up, window, accepted), new Stream(down, window, Promise.resolve(near))];
  try {
    const upward = wait(link.rttMs).then(() => streams[0].run(near));
    const far = await accepted;
    far.setNoDelay(true);
    await Promise.all([upward, streams[1].run(far), ...streams.map((stream) => stream.ended)]);
    far.close();
  } finally {
    near.close();
  }
}

function wait(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

async function serve(listener: Deno.TcpListener, port: number, link: Link, up: Wire, down: Wire): Promise<void> {
  for await (const near of listener) void pass(near, port, link, up, down).catch(() => {});
}

const [bytesPerSecond, rttMs, ...ports] = Deno.args.map(Number);
const link: Link = { bytesPerSecond, rttMs };
const up = new Wire(link), down = new Wire(link);
const listeners = ports.map((port) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void serve(listener, port, link, up, down);
  return listener;
});
console.log(JSON.stringify({ ports: listeners.map((listener) => listener.addr.port) }));
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  for (const _ of text.matchAll(/\n/g)) {
    console.log(JSON.stringify({ up: up.entered, down: down.entered }));
    up.entered = down.entered = 0;
  }
}
Deno.exit(0);
