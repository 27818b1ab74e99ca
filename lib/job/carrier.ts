// The remote shell of a run, started while everything else is still being loaded: its handshake is the longest wait. Called by the
// command line, which then loads the job.

import { remoteCommand } from "../deploy/command.ts";
import { aliveWords } from "../transport/alive.ts";
import { cipherWords } from "../transport/ciphers.ts";
import { openSsh } from "../transport/openssh.ts";
import type { Transport } from "../transport/transport.ts";
import type { Remote } from "./request.ts";

/**
 * Starts it; `mayReturn`: a lost connection is made anew, so that its loss is to be noticed. What it says on its standard error goes to `tell`, line by line, escaped. Throws TsyncError "usage" for words that must not
 * be passed on, "start" if it cannot be started.
 */
export async function startCarrier(
  remote: Remote,
  tell: (line: string) => void,
  mayReturn = false,
): Promise<Transport> {
  const words = await Promise.all([remote.ownCiphers ? cipherWords(remote) : [], mayReturn ? aliveWords(remote) : []]);
  return openSsh(remote, remoteCommand(remote.rsyncPath).text, tell, words.flat());
}
