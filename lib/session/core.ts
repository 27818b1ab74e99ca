// What the two sides of a session (source_side.ts, target_side.ts) and its events (event_side.ts) share with the session.

import type { ByteReader } from "../base/codec.ts";
import { TsyncError } from "../base/errors.ts";
import type { Job } from "../wire/job_codec.ts";
import type { Capability } from "../wire/messages.ts";
import type { Outbox } from "./outbox.ts";
import type { SessionState } from "./state.ts";

export interface SessionCore {
  readonly outbox: Outbox;
  /** Set to the payload of the message that is being handled. */
  readonly reader: ByteReader;
  readonly state: SessionState;
  /** Null until there is one. */
  readonly job: Job | null;
  /** Whether both sides offered it. */
  can(capability: keyof typeof Capability): boolean;
  /** Throws the error that ended the session, if it has ended. */
  guard(): void;
  /** Whether the session has ended. */
  readonly isOver: boolean;
  now(): number;
}

/** The file that the peer has in hand, as far as we know: the one whose content we wait for, or that it was sent last. */
export interface InHand {
  path: Uint8Array;
  isSent: boolean;
}

/** The peer broke a rule. */
export function broken(detail: string): never {
  throw new TsyncError({ kind: "stream", detail });
}
