// Further connections of a run: remote shells like the first, whose agents only carry (PROTOCOL.md section 13). Loaded where lane_watch.ts says so.
// Promises: they are opened all at a time; no question is asked on a terminal; what cannot be had is done without, and told once with -v;
// none of them outlives the session.

import { display, utf8 } from "../base/bytes.ts";
import { ownAgents } from "../deploy/bundle.ts";
import { remoteCommand } from "../deploy/command.ts";
import { launchAgent } from "../deploy/launch.ts";
import type { WireSession } from "../session/wire_session.ts";
import { prefixed } from "../transport/early.ts";
import { withSshWords } from "../transport/remote_shell.ts";
import type { Transport } from "../transport/transport.ts";
import { joinFrame } from "../wire/lane_codec.ts";
import { startCarrier } from "./carrier.ts";
import type { JobRequest, Remote } from "./request.ts";

/** ssh asks nothing, and gives a host up that does not answer. */
const QUIET_SSH = "-o BatchMode=yes -o ConnectTimeout=30";

/** Opens `count` more; settles when each is there or has failed. Rejects with the end of the session. */
export async function openLanes(
  session: WireSession,
  request: JobRequest,
  count: number,
  tell: (line: string) => void,
): Promise<void> {
  const says = (line: string) => request.connections!.tells && tell(line);
  const { place, tokens } = await session.askForLanes(count);
  if (tokens.length === 0) says("the other side takes no further connections");
  tellOfLoss(session, says);
  const results = await Promise.allSettled(
    tokens.map((token) => openLane(session, request.remote!, joinFrame({ place, token }))),
  );
  const failed = results.filter((result) => result.status === "rejected");
  if (failed.length === 0) return;
  const [{ reason }] = failed;
  const why = reason instanceof Error ? reason.message : String(reason);
  says(`${failed.length} of ${tokens.length} further connections could not be made: ${display(utf8(why))}`);
}

/** Once; not of those that end with the run. */
function tellOfLoss(session: WireSession, says: (line: string) => void): void {
  let isDue = true;
  const end = () => isDue = false;
  session.ended.then(end, end);
  session.onLaneLost((why) => {
    const what = why === "ended" ? "has ended" : "carries nothing any more and was ended";
    if (isDue) says(`a connection ${what}; the run goes on with those that are left`);
    isDue = false;
  });
}

async function openLane(session: WireSession, remote: Remote, early: Uint8Array): Promise<void> {
  const shell = { ...remote, rsh: withSshWords(remote.rsh, QUIET_SSH) };
  // Its loss costs nothing, if only it is noticed.
  const carrier = await startCarrier(shell, () => {}, true);
  const source = await joined(session, remote, carrier, early);
  session.addLane({ source, sink: carrier.sink, end: () => carrier.kill() });
}

/** Starts the agent at the other end; what it carries. */
async function joined(session: WireSession, { rsyncPath }: Remote, carrier: Transport, early: Uint8Array) {
  let isJoining = true;
  const stop = () => isJoining && carrier.kill();
  session.ended.then(stop, stop);
  const { deploys } = remoteCommand(rsyncPath);
  const { rest } = await launchAgent(carrier, session.helloPayload(), {
    agents: deploys ? ownAgents() : null,
    early,
    onUpload() {
      throw new Error("the agent is not there: this is another machine");
    },
  });
  isJoining = false;
  return prefixed(rest, carrier.source);
}
