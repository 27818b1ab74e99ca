// The end of a run in one place: which exit code, and the last words on standard error. Called by run.ts.

import { EXIT_PARTIAL, EXIT_VANISHED, TsyncError } from "../base/errors.ts";
import { PROBLEM_CLASSES } from "../base/problem_class.ts";
import { programName } from "../base/program.ts";
import type { JobOutcome } from "../job/outcome.ts";

export interface Ending {
  code: number;
  /** Lines for standard error, with their newlines; empty after a success. */
  words: string;
  /** What --retry-failed knows the run by; left out: nothing is noted. */
  failedRun?: string;
}

/** rsync's words for its exit codes. */
const WORDS: Record<number, string> = {
  1: "syntax or usage error",
  2: "protocol incompatibility",
  3: "errors selecting input/output files, dirs",
  4: "requested action not supported",
  5: "error starting client-server protocol",
  10: "error in socket IO",
  11: "error in file IO",
  12: "error in tsync protocol data stream",
  13: "errors with program diagnostics",
  14: "error in IPC code",
  15: "sibling process crashed",
  16: "sibling process terminated abnormally",
  20: "received SIGINT, SIGTERM, or SIGHUP",
  [EXIT_PARTIAL]: "some files/attrs were not transferred (see previous errors)",
  [EXIT_VANISHED]: "some files vanished before they could be transferred",
  25: "a guard stopped deletions",
  30: "timeout in data send/receive",
  35: "timeout waiting for the connection",
  124: "remote shell failed",
  125: "remote shell killed",
  126: "remote command could not be run",
  127: "remote command not found",
  255: "unexplained error of the remote shell",
};

/** How a run ends that came to its end: failed entries count more than vanished ones. `failedRun`: what --retry-failed knows it by. */
export function endingOf(outcome: JobOutcome, failedRun: string | null = null): Ending {
  const counts = countsLine(outcome, failedRun);
  const noted = failedRun === null ? {} : { failedRun };
  if (outcome.failed > 0) return { code: EXIT_PARTIAL, words: counts + lastLine(EXIT_PARTIAL), ...noted };
  if (outcome.vanished > 0) {
    return { code: EXIT_VANISHED, words: counts + lastLine(EXIT_VANISHED, "warning"), ...noted };
  }
  if (outcome.stopped) return { code: 25, words: lastLine(25) };
  return { code: 0, words: "" };
}

/** "tsync: 3 failures: 1 denied, 2 metadata only"; rsync has no such line. */
function countsLine({ failures, failed, vanished }: JobOutcome, failedRun: string | null): string {
  if (failures === undefined || programName() === "rsync") return "";
  const counts = PROBLEM_CLASSES.filter((name) => failures.counts[name] > 0)
    .map((name) => `${failures.counts[name]} ${name}${name === "metadata" ? " only" : ""}`);
  const all = failed + vanished;
  const retry = failedRun === null ? "" : `; --retry-failed tries these paths again (--retry-failed=${failedRun})`;
  return `${programName()}: ${all} ${all === 1 ? "failure" : "failures"}: ${counts.join(", ")}${retry}\n`;
}

/** How a run ends that could not go on. `isSeen`: the words are for who saw what the message quotes. */
export function endingOfError(error: TsyncError, isSeen = false): Ending {
  const code = error.exitCode;
  const message = isSeen ? error.shown : error.message;
  return { code, words: `${programName()}: ${printable(message)}\n${lastLine(code)}` };
}

/** How a run ends by our own mistake. */
export function endingOfBug(error: unknown): Ending {
  const detail = error instanceof Error ? error.stack ?? error.message : String(error);
  return {
    code: 14,
    words: `${programName()}: internal error, please report it:\n${printable(detail)}\n${lastLine(14)}`,
  };
}

/** Whoever makes a message escapes the names in it; a control character that slips through must not reach a terminal (R14). */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "?");
}

function lastLine(code: number, what = "error"): string {
  const words = (WORDS[code] ?? "unexplained error").replace("tsync", programName());
  return `${programName()} ${what}: ${words} (code ${code})\n`;
}
