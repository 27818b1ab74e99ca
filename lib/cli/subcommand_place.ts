// Where a subcommand with one path works: here, or on another machine. Called by the subcommands that start a job of their own.

import type { Remote } from "../job/request.ts";
import { remoteShellArguments } from "../transport/remote_shell.ts";
import { readLogin, splitRemote } from "./operands.ts";
import type { Settings } from "./settings.ts";

export interface SubcommandPlace {
  /** Null: this machine. */
  remote: Remote | null;
  path: Uint8Array;
}

/** Reads [HOST:]PATH. Throws TsyncError "usage". */
export function readPlace(word: Uint8Array, rsh: string | null, settings: Settings): SubcommandPlace {
  const there = splitRemote(word);
  if (there === null) return { remote: null, path: word };
  const { rsyncPath, ipVersion } = settings;
  const remote = { ...readLogin(there.login), rsh, rsyncPath: rsyncPath || null, ipVersion, ownCiphers: true };
  remoteShellArguments(remote, "");
  return { remote, path: there.path };
}
