// Sends an agent to the launcher (PROTOCOL.md section 3, Upload). Called by launch.ts. Promises: a few pieces of memory,
// whatever the agent's size; waits for the far side to take each piece.

import { concatBytes, utf8 } from "../base/bytes.ts";
import { gzipPieces } from "../codec/gzip.ts";
import type { ByteSink } from "../os/streams.ts";
import type { AgentContent } from "./bundle.ts";

/**
 * Measured for the agent's 97 MB: level 1 makes 48.6 MB in 0.4 s, 2 40.8 MB in 0.8 s, 6 38.3 MB in 1.4 s. At 100 Mbit/s
 * that is 3.9, 3.3 and 3.1 s; over loopback the far side's gunzip takes 0.6 s in any case.
 */
const GZIP_LEVEL = 2;
/** Largest piece that the launcher takes, bytes. */
const PIECE_BYTES = 1 << 20;

/** Called after each piece: bytes sent, and bytes of the agent read for them so far. */
export type UploadProgress = (sentBytes: number, readBytes: number) => void;

/** Sends the whole agent, or as much until `stopped` says so; returns the bytes written. Rejects when the sink does. */
export async function sendAgent(
  sink: ByteSink,
  content: AgentContent,
  progress: UploadProgress,
  stopped: () => boolean,
): Promise<number> {
  let sentBytes = 0;
  let readBytes = 0;
  const write = async (bytes: Uint8Array) => {
    await sink.write(bytes);
    sentBytes += bytes.length;
  };
  const read = (into: Uint8Array) => {
    const count = content.readAt(into, readBytes);
    readBytes += count;
    return count;
  };
  for await (const piece of gzipPieces(read, GZIP_LEVEL)) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      const part = piece.subarray(at, at + PIECE_BYTES);
      await write(concatBytes(utf8(`${part.length}\n`), part));
    }
    progress(sentBytes, readBytes);
    if (stopped()) return sentBytes;
  }
  await write(utf8("0\n"));
  return sentBytes;
}
