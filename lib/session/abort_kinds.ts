// ABORT: the reason why one side ends the session, as a number and a text. Called by the session. Promises: the other side ends
// with the same exit code, and what the peer wrote is shown escaped.

import { display, utf8 } from "../base/bytes.ts";
import { type ErrorKind, TsyncError } from "../base/errors.ts";

/** Position + 1 = number on the wire. */
const KINDS = [
  "usage",
  "selection",
  "unsupported",
  "file",
  "stream",
  "interrupted",
  "guard",
  "timeout",
  "incompatible",
] as const satisfies ErrorKind[];

const STREAM = KINDS.indexOf("stream") + 1;

/** What to tell the peer of the error that ends our side. */
export function abortOf(error: unknown): { kind: number; text: Uint8Array } {
  if (!(error instanceof TsyncError)) {
    return { kind: STREAM, text: utf8(`internal error: ${error instanceof Error ? error.message : String(error)}`) };
  }
  const { data } = error;
  const kind = (KINDS as readonly ErrorKind[]).indexOf(data.kind) + 1;
  return { kind: kind === 0 ? STREAM : kind, text: utf8("detail" in data ? data.detail : error.message) };
}

/** The error that the peer's ABORT is to us. `who` is the peer: "the agent" or "the client". */
export function errorOfAbort(
  kind: number,
  text: Uint8Array,
  who: string,
  versions: { ours: string; theirs: string },
): TsyncError {
  const name = KINDS[kind - 1];
  const detail = display(text);
  if (name === "incompatible") return new TsyncError({ kind: name, ...versions });
  if (name === "stream") return new TsyncError({ kind: name, detail: `${who} ended the session: ${detail}` });
  return new TsyncError({ kind: name, detail });
}
