// TsyncError: the run cannot go on. One kind per situation with its data; the sentence is written once, here; the exit
// codes are rsync's. A single entry's trouble is a Problem (problem.ts); our own mistake is an assertion.

import { programName } from "./program.ts";

export type ErrorData =
  /** Wrong words on the command line. */
  | { kind: "usage"; detail: string }
  /** The two ends speak different protocol versions. */
  | { kind: "incompatible"; ours: string; theirs: string }
  /** A root or an input file cannot be used. */
  | { kind: "selection"; detail: string }
  | { kind: "unsupported"; detail: string }
  /** Handshake or deployment failed before the session began. */
  | { kind: "start"; detail: string }
  | { kind: "socket"; detail: string }
  /** The file system refuses the run as a whole (no space, root gone). */
  | { kind: "file"; detail: string }
  /** The peer broke the protocol, or the link broke. */
  | { kind: "stream"; detail: string; /** The peer is gone, and said nothing wrong. */ isGone?: true }
  /** Our own output cannot be written. */
  | { kind: "output"; detail: string }
  /** The agent ended by itself. */
  | { kind: "crashed"; detail: string }
  | { kind: "interrupted"; detail: string }
  /** A guard refused to delete. */
  | { kind: "guard"; detail: string }
  | { kind: "timeout"; detail: string }
  | { kind: "connectTimeout"; detail: string }
  /** The remote shell's own failure, before our hello: its code passes through. */
  | { kind: "remoteShell"; code: number; detail: string };

export type ErrorKind = ErrorData["kind"];

/** rsync's exit codes. */
export const EXIT_CODES: Record<Exclude<ErrorKind, "remoteShell">, number> = {
  usage: 1,
  incompatible: 2,
  selection: 3,
  unsupported: 4,
  start: 5,
  socket: 10,
  file: 11,
  stream: 12,
  output: 13,
  crashed: 12,
  interrupted: 20,
  guard: 25,
  timeout: 30,
  connectTimeout: 35,
};
/** Some entries were not transferred; some vanished before they were. */
export const EXIT_PARTIAL = 23;
export const EXIT_VANISHED = 24;

export class TsyncError extends Error {
  override readonly name = "TsyncError";
  readonly data: ErrorData;
  /** The message for who has seen what it quotes: lines that were shown when they came. */
  readonly shown: string;

  /** `shown`: the data without such quotes, where there are any. */
  constructor(data: ErrorData, shown = data) {
    super(sentence(data));
    this.data = data;
    this.shown = sentence(shown);
  }

  get exitCode(): number {
    return this.data.kind === "remoteShell" ? this.data.code : EXIT_CODES[this.data.kind];
  }
}

function sentence(data: ErrorData): string {
  switch (data.kind) {
    case "incompatible":
      return `protocol versions do not match: this side speaks ${data.ours}, the other ${data.theirs}; install the same tsync on both`;
    case "stream":
      return `connection broken: ${data.detail}`;
    case "usage":
      return `${data.detail} (see ${programName()} --help)`;
    default:
      return data.detail;
  }
}

/** Our own mistake: stops the program with the sentence. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(`tsync bug: ${sentence}`);
}
