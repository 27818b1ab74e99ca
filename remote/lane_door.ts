// Where further connections of this run come in: a socket that those agents find who hold a token. Loaded by the agent when its client asks. Promises:
// each token lets one connection in, once; nobody else gets a word; the socket is gone with the last token, with the run, or after a minute.

import { hex } from "../lib/base/bytes.ts";
import { HANDSHAKE_MS, HANDSHAKE_PHASE_MS, LANE_TOKEN_BYTES } from "../lib/base/limits.ts";
import { after } from "../lib/os/clock.ts";
import { randomBytes } from "../lib/os/random.ts";
import { listenInRun, type LocalConnection, type RunSocket } from "../lib/os/run_sockets.ts";
import { NO_LANES } from "../lib/session/splitting.ts";
import type { WireSession } from "../lib/session/wire_session.ts";
import { isToken, type LaneOffer } from "../lib/wire/lane_codec.ts";
import { LANE_WELCOME } from "./lane.ts";

/** Connections that are let try; only our own user can. */
const ATTEMPTS = 64;

/** Opens the door for so many connections; what the client is told of it. None for a run that keeps to a rate: each would. */
export function openLaneDoor(session: WireSession, count: number): LaneOffer {
  if (count === 0) return NO_LANES;
  const place = randomBytes(LANE_TOKEN_BYTES);
  const socket = listenInRun(hex(place));
  if (socket === null) return NO_LANES;
  const tokens = Array.from({ length: count }, () => randomBytes(LANE_TOKEN_BYTES));
  const cancel = after(HANDSHAKE_MS, () => socket.close());
  const close = () => {
    cancel();
    socket.close();
  };
  session.ended.then(close, close);
  letIn(session, socket, [...tokens], close);
  return { place, tokens };
}

async function letIn(session: WireSession, socket: RunSocket, tokens: Uint8Array[], close: () => void): Promise<void> {
  for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
    const connection = await socket.accept();
    if (connection === null) return;
    welcome(session, connection, tokens).then(() => {
      if (tokens.length === 0) close();
    }, () => connection.end());
  }
  close();
}

/** Takes a connection in that brings a token, which is then spent; ends any other. */
async function welcome(session: WireSession, connection: LocalConnection, tokens: Uint8Array[]): Promise<void> {
  const cancel = after(HANDSHAKE_PHASE_MS, () => connection.end());
  const brought = new Uint8Array(LANE_TOKEN_BYTES);
  for (let filled = 0; filled < brought.length;) {
    const count = await connection.source.read(brought.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  cancel();
  // Each is looked at: the time tells nothing.
  const found = tokens.map((token) => isToken(token, brought)).indexOf(true);
  if (found < 0) return connection.end();
  tokens.splice(found, 1);
  await connection.sink.write(LANE_WELCOME);
  session.addLane(connection);
}
