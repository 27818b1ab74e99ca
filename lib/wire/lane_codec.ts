// LANES and JOIN (PROTOCOL.md section 13): how further connections of a run are asked for, and how one of them finds its agent. SPLIT says all
// by its type. Called by lib/session, and by both programs for the beginning of such a connection.

import { ByteReader, ByteWriter } from "../base/codec.ts";
import { LANE_TOKEN_BYTES, LANES_MORE } from "../base/limits.ts";
import { HEADER_BYTES, Message } from "./messages.ts";

/** The agent's answer: where it listens, and a token for each connection; no tokens: it takes none. */
export interface LaneOffer {
  /** LANE_TOKEN_BYTES that name the place, as the tokens. */
  place: Uint8Array;
  tokens: Uint8Array[];
}

export interface Join {
  place: Uint8Array;
  token: Uint8Array;
}

/** The client's question: so many connections more. */
export function encodeLanesAsked(writer: ByteWriter, count: number): void {
  writer.u8(count);
}

export function decodeLanesAsked(reader: ByteReader): number {
  const count = reader.u8("LANES count");
  if (count === 0 || count > LANES_MORE) reader.fail("LANES count", `${count} is not 1 to ${LANES_MORE}`);
  reader.done("LANES");
  return count;
}

export function encodeLanesOffered(writer: ByteWriter, { place, tokens }: LaneOffer): void {
  writer.raw(place);
  writer.u8(tokens.length);
  for (const token of tokens) writer.raw(token);
}

/** Copies. `asked`: more tokens than that are refused. */
export function decodeLanesOffered(reader: ByteReader, asked: number): LaneOffer {
  const place = reader.raw("LANES place", LANE_TOKEN_BYTES).slice();
  const count = reader.u8("LANES tokens");
  if (count > asked) reader.fail("LANES tokens", `${count}, ${asked} were asked for`);
  const tokens = Array.from({ length: count }, () => reader.raw("LANES token", LANE_TOKEN_BYTES).slice());
  reader.done("LANES");
  return { place, tokens };
}

export function encodeJoin(writer: ByteWriter, { place, token }: Join): void {
  writer.raw(place);
  writer.raw(token);
}

/** Copies. */
export function decodeJoin(reader: ByteReader): Join {
  const place = reader.raw("JOIN place", LANE_TOKEN_BYTES).slice();
  const token = reader.raw("JOIN token", LANE_TOKEN_BYTES).slice();
  reader.done("JOIN");
  return { place, token };
}

/** JOIN as the first and only bytes of a connection. */
export function joinFrame(join: Join): Uint8Array {
  const writer = new ByteWriter(HEADER_BYTES + 2 * LANE_TOKEN_BYTES);
  writer.u32(2 * LANE_TOKEN_BYTES);
  writer.u8(Message.join);
  encodeJoin(writer, join);
  return writer.view();
}

/** What a connection joins whose first bytes are these; null: it has another purpose. Throws TsyncError "stream". */
export function joinOf(early: Uint8Array): Join | null {
  if (early.length < HEADER_BYTES || early[HEADER_BYTES - 1] !== Message.join) return null;
  const reader = new ByteReader(early);
  const length = reader.u32("JOIN length");
  reader.u8("JOIN type");
  if (length !== reader.left) reader.fail("JOIN length", `${length}, ${reader.left} came`);
  return decodeJoin(reader);
}

/** Looks at all bytes, wherever they differ. */
export function isToken(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one[i] ^ other[i];
  return difference === 0;
}
