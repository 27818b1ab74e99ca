// HELLO: who speaks, which version, what it can do. Encoded for the launch line (client) and the first frame (agent); checked
// by lib/session. Promises: a peer of another major version is told apart before the rest of its words is looked at.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { NONCE_BYTES, PROTOCOL_MAJOR, VERSION_BYTES } from "./messages.ts";

export interface Hello {
  major: number;
  minor: number;
  /** HelloSide of the sender. */
  side: number;
  /** The program's version, for people; any bytes from a peer. */
  version: Uint8Array;
  /** Capability bits. */
  offers: number;
  requires: number;
  nonce: Uint8Array;
}

export function encodeHello(writer: ByteWriter, hello: Hello): void {
  writer.u16(hello.major);
  writer.u16(hello.minor);
  writer.u8(hello.side);
  writer.blob(hello.version);
  writer.varint(hello.offers);
  writer.varint(hello.requires);
  writer.raw(hello.nonce);
}

/** The peer's HELLO; of one of another major version only major and minor are known, the rest is empty. Fields are copies. */
export function decodeHello(reader: ByteReader): Hello {
  const major = reader.u16("HELLO major");
  const minor = reader.u16("HELLO minor");
  if (major !== PROTOCOL_MAJOR) {
    return { major, minor, side: 0, version: new Uint8Array(0), offers: 0, requires: 0, nonce: new Uint8Array(0) };
  }
  const side = reader.u8("HELLO side");
  if (side > 1) reader.fail("HELLO side", `${side} is not 0 or 1`);
  const version = reader.blob("HELLO version", VERSION_BYTES).slice();
  const offers = reader.varint("HELLO offers", Number.MAX_SAFE_INTEGER);
  const requires = reader.varint("HELLO requires", Number.MAX_SAFE_INTEGER);
  const nonce = reader.raw("HELLO nonce", NONCE_BYTES).slice();
  reader.done("HELLO");
  return { major, minor, side, version, offers, requires, nonce };
}
