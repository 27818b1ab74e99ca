// Whether ssh asks its server for a sign of life. It does not by itself: a line that dies without a word (a machine that slept, or has another
// address now) then hangs for a quarter of an hour. Called by the carrier in a run that may go on over a new connection. Promises: what
// the user has set is left alone; nothing is added where that cannot be told in time. Never throws.

import { checkRemote, type RemoteShell, splitWords } from "./remote_shell.ts";
import { askSsh } from "./ssh_config.ts";

/** ssh asks after so many seconds in which it heard nothing, and gives up after so many questions. The agent speaks every 5 s by itself. */
const INTERVAL_SECONDS = 20;
const QUESTIONS = 3;

/** Words for ssh, in front of the host. */
export async function aliveWords(remote: RemoteShell): Promise<string[]> {
  try {
    checkRemote(remote);
    const words = splitWords(remote.rsh ?? "ssh");
    if (words.length === 0 || words[0].replace(/^.*\//, "") !== "ssh") return [];
    const login = remote.user === null ? [] : ["-l", remote.user];
    const interval = (await askSsh([...words, "-G", ...login, remote.host]))?.get("serveraliveinterval");
    if (interval !== "0") return [];
    return ["-o", `ServerAliveInterval=${INTERVAL_SECONDS}`, "-o", `ServerAliveCountMax=${QUESTIONS}`];
  } catch {
    return [];
  }
}
