// A bad line between client and agent. `TcpProxy` stands between ssh and sshd and cuts, resets, stalls, slows or spoils the
// encrypted stream at a byte. `Channel` stands in for ssh altogether and does the same to the protocol itself, frame by
// frame. Both count what passes.

import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { TSYNC_REMOTE } from "./evil_sandbox.ts";
import { marked } from "./processes.ts";

/** From the client to the agent, or back. */
export type Direction = "up" | "down";

export interface Harm {
  direction: Direction;
  /** After so many bytes of that direction. */
  at: number;
  /** close: both ways end; reset: both ways break; stall: nothing passes any more, either way; flip: one bit is turned. */
  what: "close" | "reset" | "stall" | "flip";
}

export interface ProxyPlan {
  harm?: Harm;
  /** What follows when that is done, one by one: each counts its bytes from then on. */
  more?: Harm[];
  /** May be changed while the line is up. */
  bytesPerSecond?: number;
  /** No new connection gets through. */
  isAway?: boolean;
}

// ---- below ssh -----------------------------------------------------------------------------------------------------

/** A TCP proxy on loopback for one kind of harm, done once. */
export class TcpProxy {
  readonly passed = { up: 0, down: 0 };
  connections = 0;
  /** When the harm was done, by performance.now(); 0 = not yet. */
  harmedAt = 0;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<number>();
  /** On these nothing passes any more; new ones are as good as the first. */
  readonly #stalled = new Set<Socket>();

  private constructor(readonly port: number, readonly server: Server, readonly plan: ProxyPlan) {}

  static async start(target: number, plan: ProxyPlan = {}): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const proxy = new TcpProxy(port, server, plan);
    server.on("connection", (near) => {
      proxy.connections++;
      if (plan.isAway) return near.destroy();
      const far = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
      for (const socket of [near, far]) {
        proxy.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.setMaxListeners(0);
        socket.on("error", () => {});
        socket.on("close", () => proxy.#sockets.delete(socket));
      }
      proxy.#pump("up", near, far);
      proxy.#pump("down", far, near);
    });
    return proxy;
  }

  /** Words for ssh that lead it here; the host key is the server's. */
  rsh(words: string, target: number): string {
    return `${words} -p ${this.port} -o HostKeyAlias=[127.0.0.1]:${target}`;
  }

  async #pump(direction: Direction, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length;) {
          if (this.#stalled.has(from)) await never();
          const { bytesPerSecond } = this.plan;
          const piece = bytesPerSecond === undefined
            ? chunk.subarray(at)
            : chunk.subarray(at, at + Math.ceil(bytesPerSecond / 20));
          at += piece.length;
          if (!this.#pass(direction, piece, to)) await never();
          if (bytesPerSecond !== undefined) await this.#sleep(piece.length / bytesPerSecond * 1000);
          else if (to.writableNeedDrain) await drained(to);
        }
      }
      if (!this.#stalled.has(from)) to.end();
    } catch {
      to.destroy();
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }

  /** Writes a piece, with the harm if it is due in it; false if nothing passes any more. */
  #pass(direction: Direction, piece: Buffer, to: Socket): boolean {
    const { harm } = this.plan;
    const before = this.passed[direction];
    this.passed[direction] += piece.length;
    if (this.harmedAt > 0 || harm?.direction !== direction || this.passed[direction] <= harm.at) {
      to.write(piece);
      return true;
    }
    this.harmedAt = performance.now();
    const offset = Math.max(0, harm.at - before);
    if (harm.what === "flip") {
      const spoiled = Buffer.from(piece);
      spoiled[offset] ^= 1 << (harm.at % 8);
      to.write(spoiled);
      return true;
    }
    to.write(piece.subarray(0, offset));
    if (harm.what === "stall") { for (const socket of this.#sockets) this.#stalled.add(socket); }
    else for (const socket of this.#sockets) harm.what === "reset" ? socket.resetAndDestroy() : socket.destroy();
    const next = this.plan.more?.shift();
    if (next !== undefined) {
      this.plan.harm = next;
      this.harmedAt = this.passed.up = this.passed.down = 0;
    }
    return false;
  }

  /** Breaks what is connected now. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends what is still connected and the server. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** Leaving the loop over a socket would end it: who is not to pass any more waits here until close() ends all. */
function never(): Promise<never> {
  return new Promise(() => {});
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}

// ---- inside the channel --------------------------------------------------------------------------------------------

/** A frame on its way: its direction, its type, how many of that type came before in that direction, and its bytes. */
export interface PassingFrame {
  direction: Direction;
  type: number;
  nth: number;
  /** Header included. */
  bytes: Uint8Array;
}

/** What becomes of a frame: it passes, as it is or changed; or so many of its bytes pass and then the line is cut. */
export type Fate = Uint8Array | { cutAfter: number } | { stall: true };

/** Stands in for ssh: starts the agent itself and passes frames between it and the client's stand-in for ssh. */
export class Channel {
  readonly frames: PassingFrame[] = [];
  /** When the line was cut, by performance.now(); 0 = not. */
  cutAt = 0;
  agentCode: Promise<number>;
  readonly #socket: string;
  readonly #listener: Deno.UnixListener;
  #child: Deno.ChildProcess | undefined;
  #connection: Deno.UnixConn | undefined;
  #resolveCode!: (code: number) => void;
  #done: Promise<unknown>;

  private constructor(place: string, readonly fate: (frame: PassingFrame) => Fate, front: readonly string[]) {
    this.#socket = `${place}/socket`;
    this.#listener = Deno.listen({ transport: "unix", path: this.#socket });
    this.agentCode = new Promise((resolve) => this.#resolveCode = resolve);
    this.#done = this.#serve(place, front);
  }

  /** `fate` decides over each frame. */
  static open(
    place: string,
    fate: (frame: PassingFrame) => Fate = ({ bytes }) => bytes,
    front: readonly string[] = [],
  ): Channel {
    return new Channel(place, fate, front);
  }

  /** All that can be is packed. */
  packs = false;

  /**
   * Options that lead the client here. The remote program's name keeps the client from deploying. Nothing is packed, unless `packs` says that all
   * is: on a busy machine a slow answer would be taken for a far link, and the frames would not be those that are asked for.
   */
  get options(): string[] {
    const standIn = new URL("./evil_rsh.ts", import.meta.url).pathname;
    return [
      "-e",
      `${Deno.execPath()} run -A --no-config --no-lock --no-check ${standIn} ${this.#socket}`,
      "--rsync-path",
      "/agent",
      this.packs ? "-z" : "--no-z",
    ];
  }

  async #serve(place: string, front: readonly string[]): Promise<void> {
    let connection: Deno.UnixConn;
    try {
      connection = await this.#listener.accept();
    } catch {
      return this.#resolveCode(-1);
    }
    this.#connection = connection;
    const [program, ...args] = [...front, TSYNC_REMOTE];
    const child = new Deno.Command(program, {
      args,
      env: marked(place),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#child = child;
    child.status.then(({ code }) => this.#resolveCode(code));
    const agentIn = child.stdin.getWriter();
    const toAgent = (bytes: Uint8Array) => agentIn.write(bytes as Uint8Array<ArrayBuffer>);
    const toClient = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    };
    await Promise.all([
      this.#pass("up", connection.readable, toAgent).finally(() => agentIn.close().catch(() => {})),
      this.#pass("down", child.stdout, toClient).finally(() => closeQuietly(connection)),
    ]);
  }

  /** One text line, then frames. */
  async #pass(
    direction: Direction,
    from: ReadableStream<Uint8Array>,
    write: (bytes: Uint8Array) => Promise<unknown>,
  ): Promise<void> {
    const counts = new Map<number, number>();
    let have = new Uint8Array(0);
    let greeted = false;
    try {
      for await (const chunk of from) {
        have = joined(have, chunk);
        for (;;) {
          const length = greeted ? frameLength(have) : have.indexOf(0x0a) + 1;
          if (length === 0 || length > have.length) break;
          const bytes = have.slice(0, length);
          have = have.subarray(length);
          if (!greeted) {
            greeted = true;
            await write(bytes);
            continue;
          }
          const type = bytes[4];
          const nth = counts.get(type) ?? 0;
          counts.set(type, nth + 1);
          const frame = { direction, type, nth, bytes };
          this.frames.push(frame);
          const fate = this.fate(frame);
          if (fate instanceof Uint8Array) await write(fate);
          else if ("stall" in fate) return await new Promise(() => {});
          else {
            await write(bytes.subarray(0, fate.cutAfter));
            return this.cut();
          }
        }
      }
    } catch {
      // The other end has gone.
    }
  }

  /** Both ways end at once, as when the connection dies. */
  cut(): void {
    this.cutAt = performance.now();
    if (this.#connection !== undefined) closeQuietly(this.#connection);
    // The agent's input ends and its output breaks with the last reader's end.
    this.#child?.stdin.close().catch(() => {});
    this.#child?.stdout.cancel().catch(() => {});
  }

  async close(): Promise<void> {
    this.#listener.close();
    if (this.#connection !== undefined) closeQuietly(this.#connection);
    let timer = 0;
    const patience = new Promise((resume) => timer = setTimeout(resume, 100));
    await Promise.race([this.#done, patience]);
    clearTimeout(timer);
  }
}

function closeQuietly(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Length of the frame at the start, header included; 0 if its header is not whole. */
function frameLength(bytes: Uint8Array): number {
  if (bytes.length < 5) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) + 5;
}
