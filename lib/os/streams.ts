// Byte streams as the rest of tsync sees them, and those of our own process. Called by transports, the command line and
// child.ts. Promises: backpressure (a write resolves when the system has taken all of it); a buffer belongs to the stream
// until its promise settles.

import { openLibC } from "./symbols.ts";

export interface ByteSource {
  /** Fills the beginning of `into` with what is there, at least one byte; null at the end. Rejects when the stream breaks. One read at a time. */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * The same where memory goes to and fro instead of being copied: what `into` lies in is given away, with every other view of it, and
   * comes back with the view of what was read, at its old place.
   */
  take?(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** Reads from a source as `take` does, whether it can hand memory over or not. */
export async function takeFrom(
  source: ByteSource,
  into: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (source.take !== undefined) return await source.take(into);
  const count = await source.read(into);
  return count === null ? null : into.subarray(0, count);
}

export interface ByteSink {
  /** Takes all of `bytes`. Rejects when the far side is gone (EPIPE) or the device is full. One write at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Tells the far side that nothing follows. Safe to call twice. */
  close(): void;
  /** Where write() resolves before the system has all of it: settles when it has. */
  flush?(): Promise<void>;
}

/** Our standard input. */
export function stdinSource(): ByteSource {
  return {
    async read(into) {
      for (;;) {
        try {
          return await Deno.stdin.read(into as Uint8Array<ArrayBuffer>);
        } catch (error) {
          await retryable(error, 0, POLLIN);
        }
      }
    },
  };
}

/** Our standard output (1) or error (2). */
export function standardSink(fd: 1 | 2): ByteSink {
  const stream = fd === 1 ? Deno.stdout : Deno.stderr;
  let open = true;
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        try {
          done += await stream.write(bytes.subarray(done) as Uint8Array<ArrayBuffer>);
        } catch (error) {
          await retryable(error, fd, POLLOUT);
        }
      }
    },
    close() {
      if (open) stream.close();
      open = false;
    },
  };
}

/**
 * Writes all of `bytes` to standard output (1) or error (2) before it returns. Throws when that is not possible; a full
 * pipe is waited for.
 */
export function writeStandardSync(fd: 1 | 2, bytes: Uint8Array): void {
  const stream = fd === 1 ? Deno.stdout : Deno.stderr;
  for (let done = 0; done < bytes.length;) {
    try {
      done += stream.writeSync(bytes.subarray(done) as Uint8Array<ArrayBuffer>);
    } catch (error) {
      if (!isTransient(error)) throw error;
      pollFd(fd, POLLOUT);
    }
  }
}

const POLLIN = 1;
const POLLOUT = 4;

// Programs that share a descriptor with us may have made it non-blocking (ssh does); then the system says "would block".
function isTransient(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock || error instanceof Deno.errors.Interrupted;
}

async function retryable(error: unknown, fd: number, events: number): Promise<void> {
  if (!isTransient(error)) throw error;
  await pollAsync(fd, events);
}

function pollRequest(fd: number, events: number): Uint8Array<ArrayBuffer> {
  const request = new DataView(new ArrayBuffer(8));
  request.setInt32(0, fd, true);
  request.setInt16(4, events, true);
  return new Uint8Array(request.buffer);
}

function pollFd(fd: number, events: number): void {
  openLibC().rare.poll(pollRequest(fd, events), 1, -1);
}

/** Resolves when `fd` takes something without waiting, or is broken. */
export function writable(fd: number): Promise<void> {
  return pollAsync(fd, POLLOUT);
}

async function pollAsync(fd: number, events: number): Promise<void> {
  await openLibC().beside.poll(pollRequest(fd, events), 1, -1);
}
