// The state table of a session: which message may come in which phase (PROTOCOL.md section 10). Read by the session for every
// frame, and by the matrix test. What a message must also fulfil (an index that was wanted, credit) is checked by the side
// that takes it.

import { Message, messageName } from "../wire/messages.ts";

export type Phase =
  /** Client: waits for the agent's HELLO. */
  | "hello"
  /** Agent: waits for the job. */
  | "job"
  /** Client: has not sent its job. */
  | "idle"
  // Our half is the target.
  | "roots"
  | "list"
  | "list in a file"
  | "data"
  | "data in a file"
  | "target check"
  // Our half is the source.
  /** Agent: waits for the names to transfer. */
  | "names"
  | "ready"
  | "want"
  | "source check"
  /** The target has sent or received TOTALS. */
  | "end";

const LIST_MESSAGES = [
  Message.plan,
  Message.account,
  Message.list,
  Message.subtrees,
  Message.attributes,
  Message.missing,
  Message.listEnd,
];
const CONTENT_MESSAGES = [Message.files, Message.fileBegin, Message.fileSkip, Message.refine];
const IN_FILE_MESSAGES = [Message.fileData, Message.fileCopy, Message.fileEnd];

const LEGAL: Record<Phase, number[]> = {
  hello: [Message.hello],
  job: [Message.job],
  idle: [],
  roots: [Message.roots],
  list: [...LIST_MESSAGES, ...CONTENT_MESSAGES],
  "list in a file": [...LIST_MESSAGES, ...IN_FILE_MESSAGES],
  data: [...CONTENT_MESSAGES, Message.sourceDone],
  "data in a file": IN_FILE_MESSAGES,
  "target check": [Message.checked],
  names: [Message.names],
  ready: [Message.ready],
  want: [Message.want, Message.signature, Message.fine, Message.placed, Message.wantEnd, Message.descend],
  "source check": [Message.check],
  end: [],
};

/** What the session is doing when it hears nothing, for people: "waiting for ...". */
export const WAITING_FOR: Record<Phase, string> = {
  hello: "its hello",
  job: "the job",
  idle: "the job to begin",
  roots: "its source roots",
  list: "its file list",
  "list in a file": "file content",
  data: "file content",
  "data in a file": "file content",
  "target check": "its answer about deletions",
  names: "the names to transfer",
  ready: "the target root",
  want: "its wishes",
  "source check": "it to finish",
  end: "the end",
};

export type Role = "none" | "source" | "target";

export class SessionState {
  phase: Phase;
  /** What our half is, once there is a job. */
  role: Role = "none";
  /** Whether the job deletes: else the target may end without a last question to the source. */
  deletes = false;
  /** PLACED or WANT_END has gone out or come in: from here on something may be removed at the source, or deleted. */
  isPastWants = false;
  readonly #isClient: boolean;

  constructor(isClient: boolean) {
    this.#isClient = isClient;
    this.phase = isClient ? "hello" : "job";
  }

  /** Whether a message of this type may come now. */
  isLegal(type: number): boolean {
    if (this.phase === "hello") return type === Message.hello;
    if (type === Message.ping || type === Message.abort) return true;
    if (type === Message.credit) return this.role === "source";
    if (type === Message.packed) return this.role === "target" && this.phase !== "end";
    if (type === Message.lanes || type === Message.split) return this.role !== "none";
    if (type === Message.bye) return !this.#isClient && this.role !== "none";
    return this.#isLegalEvent(type) || LEGAL[this.phase].includes(type);
  }

  /** Events come to the client while there is a job that has not ended. */
  #isLegalEvent(type: number): boolean {
    if (!this.#isClient || this.role === "none" || this.phase === "end") return false;
    if (type === Message.problem) return true;
    if (this.role !== "source") return false;
    if (type === Message.totals) return this.phase === "source check" || (this.phase === "want" && !this.deletes);
    return type === Message.entry || type === Message.finished || type === Message.deleted || type === Message.progress;
  }

  /** The sentence about a message that is not legal. */
  complaint(type: number): string {
    return `${messageName(type)} is not legal in the state "${this.phase}"`;
  }
}
