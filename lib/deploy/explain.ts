// Why the far side did not become an agent, and what to do. Called by launch.ts and agents.ts. Pure: reasons in, a
// TsyncError out. ssh's 255 and a shell's 124-127 pass through as exit codes, because nothing of ours has run yet.

import { display } from "../base/bytes.ts";
import { type ErrorData, TsyncError } from "../base/errors.ts";
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
  const detail = `the far side cannot start the agent: ${words}${advice === undefined ? "" : `; ${advice}`}`;
  return new TsyncError(start(detail));
}

/**
 * For a stream that ended before an answer. `deployed`: the remote command was our launcher. What came on standard error was shown when it
 * came, and is quoted for those who read only the message.
 */
export function explainEnd(reason: CloseReason, finder: AnswerFinder, deployed: boolean): TsyncError {
  const noise = quoteNoise(finder.unanswered);
  const words = reason.lastWords.map((line) => line.trim()).slice(-4);
  const explain = endOf(reason, [noise, ...words].join(" | "), deployed);
  return new TsyncError(explain(quoted([noise, ...words])), explain(quoted([noise])));
}

/** Makes the error of what the message quotes. `said`: all that it said last. */
function endOf({ code, signal }: CloseReason, said: string, deployed: boolean): (quote: string) => ErrorData {
  if (signal !== null) {
    return (quote) => start(`the remote shell was ended by ${signal} before the agent answered${quote}`);
  }
  if (code === 255) return (quote) => remoteShell(code, `ssh could not connect or log in${quote}`);
  if (/restricted/.test(said)) {
    const advice = "give the account a normal shell, or a forced command that runs tsync-remote";
    const what = "the login shell at the far side is restricted and cannot start the agent";
    return (quote) => remoteShell(code, `${what}${quote}; ${advice}`);
  }
  if (code === 127 || code === 126) {
    const what = code === 127 ? "found no such program" : "may not run the program";
    const program = deployed ? "/bin/sh or a word of --rsync-path" : "the program named by --rsync-path";
    return (quote) => remoteShell(code, `the far side ${what} (${program})${quote}`);
  }
  if (code === 124 || code === 125) {
    return (quote) => remoteShell(code, `the remote shell ended with code ${code} before the agent answered${quote}`);
  }
  const advice = /tsync-remote: /.test(said)
    ? "tsync-remote runs there by a command of its own: correct that (in ~/.ssh/authorized_keys or sshd_config there)"
    : 'check that "ssh HOST true" works and that the account may run commands';
  return (quote) =>
    start(`the far side closed the connection (code ${code}) before the agent answered${quote}; ${advice}`);
}

/** What it said last, as the end of a sentence. */
function quoted(texts: string[]): string {
  const said = texts.filter((text) => text !== "");
  return said.length === 0 ? "" : ` (it said: ${said.join(" | ")})`;
}

function remoteShell(code: number, detail: string): ErrorData {
  // A restricted shell may end with any code; only a shell's own pass through.
  return code === 255 || (code >= 124 && code <= 127) ? { kind: "remoteShell", code, detail } : start(detail);
}

function start(detail: string): ErrorData {
  return { kind: "start", detail };
}
