// Why the far side did not become an agent, and what to do. Called by launch.ts and agents.ts. Pure: reasons in, a
// TsyncError out. ssh's 255 and a shell's 124-127 pass through as exit codes, because nothing of ours has run yet.

import { display } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { CloseReason } from "../transport/transport.ts";
import { type AnswerFinder, quoteNoise } from "./answer.ts";

/** What the launcher says, and what helps. The first match counts. */
const ADVICE: [RegExp, string][] = [
  [
    /glibc|GLIBC|cannot run here.*(not found|No such file)/,
    "the agent needs Linux with glibc 2.27 or later; musl systems (Alpine) cannot run it",
  ],
  [
    /cannot run here.*(ermission denied|was refused)/,
    "the home folder there seems to be mounted noexec: install tsync-remote in another folder there and name its path by --rsync-path",
  ],
  [
    /[Nn]o space|[Qq]uota/,
    "the agent needs 100 MB in the home folder there: make room, or remove old agents by: tsync agent remove HOST",
  ],
  [
    /cannot write to the home folder/,
    "make it writable for this user, or install tsync-remote in another folder there and name its path by --rsync-path",
  ],
  [
    /gzip is missing|sha256sum, shasum/,
    "install it there, or install tsync-remote there by hand and name its path by --rsync-path",
  ],
];

/** For `MARKER FAIL text`. */
export function explainFail(text: Uint8Array): TsyncError {
  const words = display(text).trim();
  const advice = ADVICE.find(([pattern]) => pattern.test(words))?.[1];
  return start(`the far side cannot start the agent: ${words}${advice === undefined ? "" : `; ${advice}`}`);
}

/** For a stream that ended before an answer. `deployed`: the remote command was our launcher. */
export function explainEnd(reason: CloseReason, finder: AnswerFinder, deployed: boolean): TsyncError {
  const said = saidText(reason, finder);
  const { code } = reason;
  if (reason.signal !== null) {
    return start(`the remote shell was ended by ${reason.signal} before the agent answered${said}`);
  }
  if (code === 255) return remoteShell(code, `ssh could not connect or log in${said}`);
  if (/restricted/.test(said)) {
    return remoteShell(
      code,
      `the login shell at the far side is restricted and cannot start the agent${said}; give the account a normal shell, or ` +
        `a forced command that runs tsync-remote`,
    );
  }
  if (code === 127 || code === 126) {
    const what = code === 127 ? "found no such program" : "may not run the program";
    const program = deployed ? "/bin/sh or a word of --rsync-path" : "the program named by --rsync-path";
    return remoteShell(code, `the far side ${what} (${program})${said}`);
  }
  if (code === 124 || code === 125) {
    return remoteShell(code, `the remote shell ended with code ${code} before the agent answered${said}`);
  }
  return start(
    `the far side closed the connection (code ${code}) before the agent answered${said}; check that ` +
      `"ssh HOST true" works and that the account may run commands`,
  );
}

/** What it said last, as the end of a sentence. */
function saidText(reason: CloseReason, finder: AnswerFinder): string {
  const said = [quoteNoise(finder.unanswered), ...reason.lastWords.map((line) => line.trim()).slice(-4)]
    .filter((text) => text !== "");
  return said.length === 0 ? "" : ` (it said: ${said.join(" | ")})`;
}

function remoteShell(code: number, detail: string): TsyncError {
  // A restricted shell may end with any code; only a shell's own pass through.
  return code === 255 || (code >= 124 && code <= 127)
    ? new TsyncError({ kind: "remoteShell", code, detail })
    : start(detail);
}

function start(detail: string): TsyncError {
  return new TsyncError({ kind: "start", detail });
}
