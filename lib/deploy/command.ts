// The remote command: what the login shell at the far side is given. Called by the job runner and tests. Promises: without
// --rsync-path it is one constant, the same in every run; with it, the operator's own words and that constant, nothing else.

import { LAUNCHER } from "./launcher.ts";

export interface RemoteCommand {
  text: string;
  /** The command is our launcher: the launch line names an agent, and NEED is answered by an upload. */
  deploys: boolean;
}

/**
 * --rsync-path as typed, null where it was not given. Its last word says what runs: `rsync` (with or without a path, as
 * scripts have it) or `tsync-remote` stands for the deployed agent, and the words before it are kept in front ("sudo",
 * "mkdir -p x &&"). Anything else is run as it is, and reads the launch line itself.
 */
export function remoteCommand(rsyncPath: string | null): RemoteCommand {
  const shell = `/bin/sh -c '${LAUNCHER}'`;
  const path = rsyncPath?.trim() ?? "";
  if (path === "") return { text: `exec ${shell}`, deploys: true };
  const cut = path.lastIndexOf(" ") + 1;
  const [before, last] = [path.slice(0, cut), path.slice(cut)];
  if (last !== "tsync-remote" && last !== "rsync" && !last.endsWith("/rsync")) return { text: path, deploys: false };
  return { text: before === "" ? `exec ${shell}` : before + shell, deploys: true };
}
