// Child processes. Called by the transports (ssh) and by tests. Promises: argv goes to the system as it is, no shell; the
// end of the child is reported once; nothing of ours is inherited but what is named here.

import type { ByteSink, ByteSource } from "./streams.ts";
import { withStartedUmask } from "./umask.ts";

export interface SpawnOptions {
  /** Added to our environment. */
  env?: Record<string, string>;
  /** Where the child's standard error goes: "inherit" (default), "piped" or "null". */
  stderr?: "inherit" | "piped" | "null";
}

/** How a child ended: its exit code (128 + number for a signal), and the signal's name if one ended it. */
export interface ChildEnd {
  code: number;
  signal: string | null;
}

export interface Child {
  readonly pid: number;
  readonly stdin: ByteSink;
  readonly stdout: ByteSource;
  /** Null unless stderr is "piped". */
  readonly stderr: ByteSource | null;
  readonly ended: Promise<ChildEnd>;
  /** Sends a signal (default SIGTERM); nothing happens if the child has ended. */
  kill(signal?: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGHUP" | "SIGCONT"): void;
}

/** The program could not be started: "missing" (no such program), or "refused" with the system's words. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  constructor(readonly reason: "missing" | "refused", readonly program: string, detail: string) {
    super(`${program}: ${detail}`);
  }
}

/** Starts argv[0] (found by PATH) with piped standard input and output. Throws SpawnError. */
export function spawn(argv: string[], options: SpawnOptions = {}): Child {
  const [program, ...args] = argv;
  let child: Deno.ChildProcess;
  try {
    const command = new Deno.Command(program, {
      args,
      env: options.env,
      stdin: "piped",
      stdout: "piped",
      stderr: options.stderr ?? "inherit",
    });
    child = withStartedUmask(() => command.spawn());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new SpawnError("missing", program, "no such program");
    throw new SpawnError("refused", program, error instanceof Error ? error.message : String(error));
  }
  return {
    pid: child.pid,
    stdin: sinkOf(child.stdin),
    stdout: sourceOf(child.stdout),
    stderr: options.stderr === "piped" ? sourceOf(child.stderr) : null,
    ended: child.status.then((status) => ({ code: status.code, signal: status.signal })),
    kill(signal = "SIGTERM") {
      try {
        child.kill(signal);
      } catch {
        // It has ended already: there is nothing left to signal.
      }
    },
  };
}

/**
 * A stream hands out buffers only by taking them away (BYOB detaches what it is given). For `read` one inner buffer goes to and fro, and
 * its bytes are copied.
 */
const READ_BYTES = 256 * 1024;

function sourceOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): ByteSource {
  const reader = stream.getReader({ mode: "byob" });
  let spare: ArrayBuffer | null = null;
  let have: Uint8Array = new Uint8Array(0);
  const giveKept = (into: Uint8Array) => {
    const count = Math.min(have.length, into.length);
    into.set(count === have.length ? have : have.subarray(0, count));
    have = have.subarray(count);
    return count;
  };
  return {
    async read(into) {
      if (have.length === 0) {
        const { value, done } = await reader.read(new Uint8Array(spare ?? new ArrayBuffer(READ_BYTES)));
        if (value) spare = value.buffer;
        if (done || !value || value.length === 0) return null;
        have = value;
      }
      return giveKept(into);
    },
    async take(into) {
      if (have.length > 0) return into.subarray(0, giveKept(into));
      const { value, done } = await reader.read(into);
      return done || !value || value.length === 0 ? null : value;
    },
  };
}

function sinkOf(stream: WritableStream<Uint8Array<ArrayBuffer>>): ByteSink {
  const writer = stream.getWriter();
  // The reason comes by the write that failed; these promises would report it once more, to nobody.
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  let open = true;
  return {
    async write(bytes) {
      await writer.write(bytes as Uint8Array<ArrayBuffer>);
      // Deno lets a failed write resolve and puts the stream into error instead; `ready` then rejects with the reason.
      await writer.ready;
    },
    close() {
      if (open) writer.close().catch(() => {});
      open = false;
    },
  };
}
