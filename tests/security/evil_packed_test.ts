// F11: an evil source packs what must not be packed: bombs, lies about the size, junk, windows of gigabytes, messages in it that
// have no business there. Every message packed as it should be is the legal twin.

import { assert } from "@std/assert";
import { concat, frame, latin1, TYPE, type TypeName } from "../support/protocol_bytes.ts";
import {
  assertArrived,
  assertRefused,
  assertWorks,
  play,
  type Role,
  type Row,
  testRows,
} from "../support/evil_play.ts";
import { before, MIDDLE } from "../support/evil_tamper.ts";
import { zstdPacked as zstd } from "../support/zstd.ts";

const TARGETS = ["client target", "agent target"] as Role[];
const OFFER = { offers: 1 << 2 };

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
  return Uint8Array.of(...bytes, value);
}

const packed = (data: Uint8Array, says: number, codec = 1) =>
  frame(TYPE.PACKED, concat(Uint8Array.of(codec), varint(says), data));
const pack = (...frames: Uint8Array[]) => packed(zstd(concat(...frames)), concat(...frames).length);

/** A legal message for the middle of a session; its bytes are not looked at where it is refused before. */
const SKIP = frame(TYPE.FILE_SKIP, Uint8Array.of(1, 1));
const bomb = zstd(new Uint8Array(1 << 30));
const EVIL: [string, Uint8Array][] = [
  ["1 GiB in 32 KiB that says 1 MiB", packed(bomb, 1 << 20)],
  ["1 GiB that says 1 GiB", packed(bomb, 1 << 30)],
  ["1 GiB that says 2^53-1", packed(bomb, Number.MAX_SAFE_INTEGER)],
  ["1 GiB that says 1", packed(bomb, 1)],
  ["a message that says one byte too many", packed(zstd(SKIP), SKIP.length + 1)],
  ["a message that says one byte too few", packed(zstd(SKIP), SKIP.length - 1)],
  ["data that is cut", packed(zstd(SKIP).subarray(0, 10), SKIP.length)],
  ["junk", packed(latin1("junk, junk, junk"), 100)],
  ["no data", packed(new Uint8Array(0), 100)],
  ["a window of 8 MiB", packed(zstd(new Uint8Array(9 << 20), 23), 1 << 20)],
  ["a window of 2^41", packed(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0), 100)],
  ["another codec", packed(zstd(SKIP), SKIP.length, 2)],
  ["itself", pack(pack(SKIP))],
  ["half a message", packed(zstd(SKIP.subarray(0, 6)), 6)],
  ["a message that says 4 GiB", pack(Uint8Array.of(255, 255, 255, 255, TYPE.FILE_DATA, 1, 2))],
  ["a PING", pack(frame(TYPE.PING, Uint8Array.of(9)))],
  ["an ABORT", pack(frame(TYPE.ABORT, Uint8Array.of(1, 0)))],
  ["a JOB", pack(frame(TYPE.JOB, Uint8Array.of(1)))],
  ["a message of an unknown type", pack(frame(0x2f, Uint8Array.of(1)))],
  ["a message that is not legal", pack(frame(TYPE.FILE_DATA, Uint8Array.of(0, 1)))],
];

const rows: Row[] = [];
for (const role of TARGETS) {
  for (const [claim, bytes] of EVIL) {
    rows.push({
      name: `${role}: PACKED with ${claim} ends the session`,
      run: async () => await assertRefused(await play(role, { hello: OFFER, tamper: before(MIDDLE[role], bytes) })),
    });
  }
  rows.push({
    name: `${role}: PACKED that was not offered ends the session`,
    run: async () => await assertRefused(await play(role, { tamper: before(MIDDLE[role], pack(SKIP)) })),
  });
  rows.push({
    name: `${role}: every bulk message packed by itself is as good as plain`,
    run: async () => {
      const names: TypeName[] = [];
      const played = await play(role, {
        hello: OFFER,
        tamper(name, payload) {
          if (TYPE[name] < 0x10 || TYPE[name] > 0x2f) return;
          names.push(name);
          return [pack(frame(TYPE[name], payload))];
        },
      });
      await assertWorks(played);
      assertArrived(played);
      assert(names.length > 4, names.join(" "));
    },
  });
}
for (const role of ["client source", "agent source"] as Role[]) {
  rows.push({
    name: `${role}: PACKED to a source ends the session`,
    run: async () => await assertRefused(await play(role, { hello: OFFER, tamper: before(MIDDLE[role], pack(SKIP)) })),
  });
}
testRows(rows);
