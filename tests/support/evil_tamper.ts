// Ways to spoil one outgoing message: hooks for Wire.send, all acting on the first message of a name.

import { frame, TYPE, type TypeName } from "./protocol_bytes.ts";
import type { Role } from "./evil_play.ts";
import type { Tamper } from "./protocol_wire.ts";

/** Sends more, then the message. */
export function before(name: TypeName, ...more: Uint8Array[]): Tamper {
  return (sent, payload, nth) => sent === name && nth === 0 ? [...more, frame(TYPE[sent], payload)] : undefined;
}

/** Sends the message, then more. */
export function after(name: TypeName, ...more: Uint8Array[]): Tamper {
  return (sent, payload, nth) => sent === name && nth === 0 ? [frame(TYPE[sent], payload), ...more] : undefined;
}

/** Sends something else; nothing at all when no frame is given. */
export function instead(name: TypeName, ...others: Uint8Array[]): Tamper {
  return (sent, _, nth) => sent === name && nth === 0 ? others : undefined;
}

/** Sends the message with another payload. */
export function edit(name: TypeName, change: (payload: Uint8Array) => Uint8Array): Tamper {
  return (sent, payload, nth) => sent === name && nth === 0 ? [frame(TYPE[sent], change(payload.slice()))] : undefined;
}

/** Sets one byte of the payload. */
export function poke(name: TypeName, at: number, value: (old: number) => number): Tamper {
  return edit(name, (payload) => {
    payload[at] = value(payload[at]);
    return payload;
  });
}

/** Both hooks; the first that answers counts. */
export function either(...hooks: Tamper[]): Tamper {
  return (name, payload, nth) => {
    for (const hook of hooks) {
      const frames = hook(name, payload, nth);
      if (frames !== undefined) return frames;
    }
  };
}

/** The first message that we send after the greeting. */
export const OPENING: Record<Role, TypeName> = {
  "client target": "HELLO",
  "client source": "HELLO",
  "agent target": "JOB",
  "agent source": "JOB",
};

/** A message of ours in the middle of the session. */
export const MIDDLE: Record<Role, TypeName> = {
  "client target": "LIST_END",
  "agent target": "LIST_END",
  "client source": "WANT_END",
  "agent source": "WANT_END",
};
