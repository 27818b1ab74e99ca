// Starts wan_proxy.ts for the rows that need a slow line, and checks that the line is what it claims before anything is measured over
// it. Called by far_side.ts. Promises: a line whose round trip or rate is off by more than 5 % is refused.

import { isWithin, type Link } from "./pacing.ts";

export type LinkName = "loopback" | "wan50" | "wan200";

const MBIT_100 = 100e6 / 8;
export const LINKS: Record<Exclude<LinkName, "loopback">, Link> = {
  wan50: { bytesPerSecond: MBIT_100, rttMs: 50 },
  wan200: { bytesPerSecond: MBIT_100, rttMs: 200 },
};

/** A line that passes everything on at once: only its counters are of use. */
export const NO_LIMIT: Link = { bytesPerSecond: 0, rttMs: 0 };

export interface OpenLink {
  port: number;
  pid: number;
  /** Payload bytes that entered the line since the last call. */
  takeCounts(): Promise<{ upBytes: number; downBytes: number }>;
  close(): Promise<void>;
}

const TOLERANCE = 0.05;
/** A busy machine delays a packet now and then: the check may be repeated. */
const TRIES = 6;
const PINGS = 15;
const BULK_BYTES = 12 << 20;
/** Not measured at the start of the bulk: what the sender's and the line's buffers let through at once. */
const SKIPPED_BYTES = 2 << 20;

/** Opens a line to `port` of loopback. Throws when it is not what `link` says. */
export async function openLink(link: Link, port: number, say: (text: string) => void): Promise<OpenLink> {
  const isLimited = link.bytesPerSecond > 0;
  using peer = isLimited ? servePeer() : null;
  const [program, ...words] = proxyProgram();
  const child = new Deno.Command(program, {
    args: [...words, String(link.bytesPerSecond), String(link.rttMs), String(port)]
      .concat(peer === null ? [] : [String(peer.port)]),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = linesOf(child.stdout);
  const input = child.stdin.getWriter();
  const close = async () => {
    await input.close().catch(() => {});
    await child.status;
  };
  const next = async () => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error("wan_proxy.ts has ended");
    return JSON.parse(value);
  };
  const takeCounts = async () => {
    await input.write(new Uint8Array([10]));
    const { up, down } = await next();
    return { upBytes: up as number, downBytes: down as number };
  };
  try {
    const { ports } = await next();
    if (isLimited) await mustBeAsSaid(link, ports[1], say);
    await takeCounts();
    return { port: ports[0], pid: child.pid, takeCounts, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Its processor time is not counted, but it must come when it is due: before other work, as far as the user may ask for that. */
function proxyProgram(): string[] {
  const program = [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--allow-net",
    new URL("wan_proxy.ts", import.meta.url).pathname,
  ];
  return [...FIRST.find((words) => works([...words, "true"])) ?? [], ...program];
}

const FIRST = [["chrt", "-f", "20"], ["nice", "-n", "-10"]];

function works([program, ...args]: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

export interface LinkFigures {
  rttMs: number;
  upBytesPerSecond: number;
  downBytesPerSecond: number;
}

async function mustBeAsSaid(link: Link, port: number, say: (text: string) => void): Promise<void> {
  let text = "";
  for (let i = 0; i < TRIES; i++) {
    const found = await measureLink(port);
    const rates = [found.upBytesPerSecond, found.downBytesPerSecond];
    text = `${found.rttMs.toFixed(1)} ms, ${rates.map((rate) => (rate * 8 / 1e6).toFixed(1)).join(" and ")} Mbit/s`;
    if (
      isWithin(found.rttMs, link.rttMs, TOLERANCE) &&
      rates.every((rate) => isWithin(rate, link.bytesPerSecond, TOLERANCE))
    ) {
      say(`line of ${link.rttMs} ms: measured ${text}`);
      return;
    }
  }
  throw new Error(
    `the line should have ${link.rttMs} ms and ${
      link.bytesPerSecond * 8 / 1e6
    } Mbit/s but has ${text}; is the machine busy?`,
  );
}

/** What a line to the peer below really does: the median of single bytes there and back, and bulk each way. */
async function measureLink(port: number): Promise<LinkFigures> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const byte = new Uint8Array(1), times: number[] = [];
  for (let i = 0; i <= PINGS; i++) {
    const start = performance.now();
    await conn.write(new Uint8Array([PING]));
    await conn.read(byte);
    times.push(performance.now() - start);
  }
  // The first one pays for the connection.
  const rttMs = times.slice(1).sort((a, b) => a - b)[PINGS >> 1];
  await conn.write(new Uint8Array([PULL]));
  const downBytesPerSecond = await receiveBulk(conn);
  await conn.write(new Uint8Array([PUSH]));
  await sendBulk(conn);
  const answer = new Uint8Array(8);
  for (let got = 0; got < 8;) got += (await conn.read(answer.subarray(got))) ?? 8;
  return { rttMs, upBytesPerSecond: new DataView(answer.buffer).getFloat64(0), downBytesPerSecond };
}

const PING = 1, PULL = 2, PUSH = 3;

/** The other end of the check: answers bytes, sends and measures bulk. */
function servePeer(): { port: number } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (conn: Deno.Conn) => {
    const byte = new Uint8Array(1);
    while ((await conn.read(byte)) !== null) {
      if (byte[0] === PING) await conn.write(byte);
      else if (byte[0] === PULL) await sendBulk(conn);
      else {
        const view = new DataView(new ArrayBuffer(8));
        view.setFloat64(0, await receiveBulk(conn));
        await conn.write(new Uint8Array(view.buffer));
      }
    }
    conn.close();
  };
  (async () => {
    for await (const conn of listener) void answer(conn).catch(() => {});
  })();
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

async function sendBulk(conn: Deno.Conn): Promise<void> {
  const piece = new Uint8Array(256 << 10);
  for (let sent = 0; sent < BULK_BYTES;) {
    sent += await conn.write(piece.subarray(0, Math.min(piece.length, BULK_BYTES - sent)));
  }
}

/** Bytes per second of what comes after the first SKIPPED_BYTES. */
async function receiveBulk(conn: Deno.Conn): Promise<number> {
  const piece = new Uint8Array(256 << 10);
  let got = 0, start = 0, skipped = 0;
  while (got < BULK_BYTES) {
    const length = await conn.read(piece.subarray(0, Math.min(piece.length, BULK_BYTES - got)));
    if (length === null) throw new Error("the line was cut while it was checked");
    got += length;
    if (start === 0 && got >= SKIPPED_BYTES) {
      start = performance.now();
      skipped = got;
    }
  }
  return (BULK_BYTES - skipped) / (performance.now() - start) * 1000;
}
