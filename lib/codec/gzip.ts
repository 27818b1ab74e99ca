// gzip of a long stream: the upload of the agent, hence loaded only when it is asked for. Called by lib/deploy. Promises: a
// few pieces of memory, whatever the length; compresses no faster than the pieces are taken.

/** Bytes read at a time, and the largest piece given out. */
const PIECE_BYTES = 256 << 10;

/** Compresses all that `read(into)` gives until it returns 0. What `read` throws, the iteration throws. */
export async function* gzipPieces(read: (into: Uint8Array) => number, level: number): AsyncGenerator<Uint8Array> {
  const { createGzip } = await import("node:zlib");
  const gzip = createGzip({ level, chunkSize: PIECE_BYTES });
  const feeding = feed(gzip, read).catch((error) => gzip.destroy(error));
  try {
    for await (const piece of gzip as AsyncIterable<Uint8Array>) yield piece;
  } finally {
    gzip.destroy();
    await feeding;
  }
}

interface Gzip {
  readonly destroyed: boolean;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  on(event: "drain" | "close", listener: () => void): unknown;
  off(event: "drain" | "close", listener: () => void): unknown;
}

async function feed(gzip: Gzip, read: (into: Uint8Array) => number): Promise<void> {
  while (!gzip.destroyed) {
    const piece = new Uint8Array(PIECE_BYTES);
    const count = read(piece);
    if (count === 0) break;
    if (gzip.write(piece.subarray(0, count))) continue;
    // A destroyed stream has all the room there will be.
    await new Promise<void>((resume) => {
      const go = () => {
        gzip.off("drain", go);
        gzip.off("close", go);
        resume();
      };
      gzip.on("drain", go);
      gzip.on("close", go);
    });
  }
  if (!gzip.destroyed) gzip.end();
}
