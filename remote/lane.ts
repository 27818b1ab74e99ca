// An agent that only carries: a further connection of a run whose agent listens nearby (PROTOCOL.md section 13). Loaded by agent.ts where the
// launch line asks for that. Promises: not a byte is looked at, kept back or made up; it ends when either side does.

import { hex } from "../lib/base/bytes.ts";
import { EXIT_CODES } from "../lib/base/errors.ts";
import { connectInRun, type LocalConnection } from "../lib/os/run_sockets.ts";
import type { ByteSink, ByteSource } from "../lib/os/streams.ts";
import type { Transport } from "../lib/transport/transport.ts";
import type { Join } from "../lib/wire/lane_codec.ts";
import { answerFail, answerOk } from "../lib/wire/launch_line.ts";

/** What the run's agent says to a token that is good. */
export const LANE_WELCOME = new Uint8Array([1]);
const BUFFER_BYTES = 256 << 10;

/** Returns the exit code. */
export async function serveLane(join: Join, marker: string, { source, sink }: Transport): Promise<number> {
  const connection = await connectInRun(hex(join.place));
  if (connection === null || !await isWelcome(connection, join.token)) {
    connection?.end();
    await sink.write(answerFail(marker, "the agent of this run is not found here, or does not know this connection"));
    return EXIT_CODES.start;
  }
  await sink.write(answerOk(marker));
  await Promise.race([pass(source, connection.sink), pass(connection.source, sink)]);
  connection.end();
  return 0;
}

async function isWelcome(connection: LocalConnection, token: Uint8Array): Promise<boolean> {
  try {
    await connection.sink.write(token);
    return await connection.source.read(new Uint8Array(LANE_WELCOME.length)) === LANE_WELCOME.length;
  } catch {
    return false;
  }
}

/** Until one of the two ends. */
async function pass(from: ByteSource, to: ByteSink): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      await to.write(buffer.subarray(0, count));
    }
  } catch {
    // A side that is gone is a side that has ended.
  }
}
