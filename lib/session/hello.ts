// HELLO of our side, and the judgement of the peer's (law 10). The client's travels in the launch line; the agent's goes out as its
// first frame.

import { display, utf8 } from "../base/bytes.ts";
import { ByteReader, ByteWriter } from "../base/codec.ts";
import { TsyncError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { ContentHash } from "../hash/content_hash.ts";
import { randomBytes } from "../os/random.ts";
import { decodeHello, encodeHello, type Hello } from "../wire/hello_codec.ts";
import {
  Capability,
  CAPABILITY_NAMES,
  HelloSide,
  NONCE_BYTES,
  PROTOCOL_MAJOR,
  PROTOCOL_MINOR,
  VERSION_BYTES,
} from "../wire/messages.ts";

export type SessionSide = "client" | "agent";

/** What this version can do, and what it cannot do without. */
const OFFERS = Capability.delta | Capability.subtreeDigests | Capability.compression | Capability.severalChannels;
const REQUIRES = 0;

/** A HELLO of ours with a new nonce; `version` is the program's, for people; `withholds` are Capability bits that are not offered. */
export function makeHello(side: SessionSide, version: string = VERSION, withholds = 0): Hello {
  return {
    major: PROTOCOL_MAJOR,
    minor: PROTOCOL_MINOR,
    side: HelloSide[side],
    version: utf8(version).slice(0, VERSION_BYTES),
    offers: OFFERS & ~withholds,
    requires: REQUIRES,
    nonce: randomBytes(NONCE_BYTES),
  };
}

/** The payload of HELLO: for the launch line in base64, or for a frame. */
export function helloPayload(hello: Hello): Uint8Array {
  const writer = new ByteWriter(128);
  encodeHello(writer, hello);
  return writer.view();
}

/** Decodes the peer's HELLO and demands that it is compatible with ours. Throws TsyncError "incompatible" or "stream". */
export function acceptHello(payload: Uint8Array, ours: Hello): Hello {
  const theirs = decodeHello(new ByteReader(payload));
  if (theirs.major !== ours.major) throw incompatible(ours, theirs, "");
  if (theirs.side === ours.side) {
    throw new TsyncError({ kind: "stream", detail: "the peer says that it is on this side of the session" });
  }
  demand(theirs.requires, ours.offers, (bit) => incompatible(ours, theirs, ` and requires ${bit}`));
  demand(ours.requires, theirs.offers, (bit) => incompatible(ours, theirs, ` without ${bit}`));
  return theirs;
}

function incompatible(ours: Hello, theirs: Hello, why: string): TsyncError {
  return new TsyncError({ kind: "incompatible", ours: helloVersion(ours), theirs: helloVersion(theirs) + why });
}

/** Protocol and program version for people. */
export function helloVersion(hello: Hello): string {
  const program = hello.version.length === 0 ? "" : ` (tsync ${display(hello.version)})`;
  return `protocol ${hello.major}.${hello.minor}${program}`;
}

/** Throws for the lowest bit of `required` that is not in `offered`; both are whole numbers up to 2^53. */
function demand(required: number, offered: number, error: (name: string) => TsyncError): void {
  for (let bit = 0; bit < 53; bit++) {
    const isRequired = Math.floor(required / 2 ** bit) % 2 === 1;
    if (isRequired && Math.floor(offered / 2 ** bit) % 2 === 0) {
      throw error(CAPABILITY_NAMES[bit] ?? `capability ${bit}`);
    }
  }
}

/** The seed of every digest of a session, from both ends' randomness (R13). */
export async function sessionSeed(
  clientNonce: Uint8Array,
  agentNonce: Uint8Array,
): Promise<{ low: number; high: number }> {
  const hash = await ContentHash.create(0, 0);
  hash.reset();
  hash.update(clientNonce);
  hash.update(agentNonce);
  const reader = new ByteReader(hash.digest());
  return { low: reader.u32("seed"), high: reader.u32("seed") };
}
