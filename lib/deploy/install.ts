// Sends an agent to the launcher (PROTOCOL.md section 3, Upload). Called by launch.ts. Promises: a few pieces of memory,
// whatever the agent's size; waits for the far side to take each piece.

import type { ByteSink } from "../os/streams.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { type AgentContent, READ_BYTES } from "./bundle.ts";

/**
 * Measured for the agent's 97 MB: level 1 makes 48.6 MB in 0.4 s, 2 40.8 MB in 0.8 s, 6 38.3 MB in 1.4 s. At 100 Mbit/s
 * that is 3.9, 3.3 and 3.1 s; over loopback the far side's gunzip takes 0.6 s in any case.
 */
const GZIP_LEVEL = 2;
/** Largest piece, bytes; the launcher takes up to 1 MiB. */
const PIECE_BYTES = 256 << 10;

/** Called after each piece: bytes sent, bytes of the agent they hold so far. */
export type UploadProgress = (sentBytes: number, doneBytes: number) => void;

/** Sends the whole agent; returns the bytes written. Rejects when the sink does, or when `stopped` says so. */
export async function sendAgent(
  sink: ByteSink,
  content: AgentContent,
  progress: UploadProgress,
  stopped: () => boolean,
): Promise<number> {
  let sentBytes = 0;
  const write = async (bytes: Uint8Array) => {
    await sink.write(bytes);
    sentBytes += bytes.length;
  };
  const { createGzip } = await import("node:zlib");
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: PIECE_BYTES });
  let doneBytes = 0;
  const feed = async () => {
    for (;;) {
      const piece = new Uint8Array(READ_BYTES);
      const count = content.readAt(piece, doneBytes);
      if (count === 0 || gzip.destroyed) break;
      doneBytes += count;
      if (!gzip.write(piece.subarray(0, count))) await new Promise<void>((resume) => onceDrained(gzip, resume));
    }
    gzip.end();
  };
  const feeding = feed().catch((error) => gzip.destroy(error));
  try {
    for await (const piece of gzip as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < piece.length; at += PIECE_BYTES) {
        const part = piece.subarray(at, at + PIECE_BYTES);
        await write(concatBytes(utf8(`${part.length}\n`), part));
      }
      progress(sentBytes, doneBytes);
      if (stopped()) return sentBytes;
    }
    await write(utf8("0\n"));
  } finally {
    gzip.destroy();
    await feeding;
  }
  return sentBytes;
}

interface Drained {
  once(event: "drain" | "close", listener: () => void): unknown;
}

/** Waits for room; a destroyed stream has all the room there will be. */
function onceDrained(gzip: Drained, resume: () => void): void {
  gzip.once("drain", resume);
  gzip.once("close", resume);
}
