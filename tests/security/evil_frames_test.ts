// F01, F02: frames of wrong length, unknown types, unknown flag bits, bytes too many and too few, and greetings that lie.
// Each legal length and value is a twin in evil_legal_test.ts.

import { assert, assertEquals } from "@std/assert";
import {
  concat,
  encodeEvent,
  encodeHello,
  frame,
  header,
  type Hello,
  JOB_BIT,
  latin1,
  makeHello,
  MAX_FRAME_BYTES,
  TYPE,
  type TypeName,
} from "../support/protocol_bytes.ts";
import { planOf } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import { Gone } from "../support/protocol_wire.ts";
import {
  assertRefused,
  assertUnharmed,
  assertWorks,
  expected,
  NEW_TREE,
  play,
  type Role,
  ROLES,
  type Row,
  sample,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";
import { after, before, edit, MIDDLE, OPENING, poke } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const hostile: Row[] = [];
const refused = (role: Role, claim: string, scenario: Scenario, codes = [12]) =>
  hostile.push({
    name: `${role}: ${claim} ends the session`,
    run: async () => await assertRefused(await play(role, { ...scenario }), codes, FRESH),
  });

/** A tree whose session holds every message: a file in pieces, a CHECK. */
const TREE = { ...NEW_TREE, pieces: "p".repeat(50) };
const FRESH = expected(TREE);
function everyMessage(): Scenario {
  const plan = planOf(TREE);
  plan.inPieces.add(4);
  return { plan, options: ["-a", "--delete"], job: { bits: 0xff | JOB_BIT.delete }, check: [latin1("gone")] };
}

// ---- F01 ----
for (const role of ROLES) {
  for (const length of [MAX_FRAME_BYTES + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const type = role.endsWith("target") ? TYPE.LIST : TYPE.WANT;
    refused(role, `a frame of ${length} bytes`, { tamper: before(MIDDLE[role], header(length, type)) });
  }
  refused(role, "a first frame of 4 GiB", { tamper: before(OPENING[role], header(2 ** 32 - 1, TYPE.HELLO)) });
}

// ---- F02: types ----
for (const role of ROLES) {
  for (const type of [0x00, 0x03, 0x0f, 0x1b, 0x2e, 0x2f, 0x34, 0x3f, 0x45, 0x4f, 0x54, 0x7f, 0x80, 0xff]) {
    const bad = frame(type, latin1("\x01"));
    refused(role, `the unknown type 0x${type.toString(16)}`, { tamper: before(MIDDLE[role], bad) });
  }
}

// ---- F02: payloads too long, too short, empty ----
const OURS: Record<Role, TypeName[]> = {
  "client target": ["HELLO", "ROOTS", "LIST", "LIST_END", "FILES", "FILE_BEGIN", "FILE_END", "SOURCE_DONE", "CHECKED"],
  "client source": ["HELLO", "READY", "WANT", "WANT_END", "CHECK", "TOTALS"],
  "agent target": ["JOB", "ROOTS", "LIST", "LIST_END", "FILES", "FILE_BEGIN", "FILE_END", "SOURCE_DONE", "CHECKED"],
  "agent source": ["JOB", "READY", "WANT", "WANT_END", "CHECK"],
};
for (const role of ROLES) {
  for (const name of OURS[role]) {
    refused(role, `${name} with a byte left over`, {
      ...everyMessage(),
      tamper: edit(name, (payload) => concat(payload, Uint8Array.of(0))),
    });
    if (name === "WANT_END") continue;
    refused(role, `${name} without its last byte`, {
      ...everyMessage(),
      tamper: edit(name, (payload) => payload.slice(0, -1)),
    });
    refused(role, `${name} without a payload`, { ...everyMessage(), tamper: edit(name, () => new Uint8Array(0)) });
  }
}
for (const role of ["client target", "agent target"] as Role[]) {
  refused(role, "FILE_DATA without data", {
    ...everyMessage(),
    tamper: edit("FILE_DATA", (payload) => payload.slice(0, 1)),
  });
  refused(role, "FILE_DATA without a payload", {
    ...everyMessage(),
    tamper: edit("FILE_DATA", () => new Uint8Array(0)),
  });
  refused(role, "PING without a payload", { tamper: before("LIST_END", frame(TYPE.PING)) });
}

// ---- F02: flags and choices ----
const FLAGS: Record<"source" | "target", [TypeName, at: number, bits: number[]][]> = {
  source: [
    ["ROOTS", 0, [4, 8, 0x80]],
    ["LIST", 1, [8, 16, 0x80]],
    // The entry's flags: folder index, flags, count, then the first entry.
    ["LIST", 3, [16, 0x80]],
    ["LIST_END", 0, [2, 0x80]],
    ["FILES", 1, [2, 0x80]],
    ["FILE_BEGIN", 1, [2, 0x80]],
    ["FILE_END", 0, [2, 0x80]],
    ["SOURCE_DONE", 0, [2, 0x80]],
    ["CHECKED", 1, [4, 0x80]],
  ],
  target: [
    ["READY", 0, [2, 0x80]],
    ["WANT", 0, [2, 0x80]],
  ],
};
for (const role of ROLES) {
  for (const [name, at, bits] of FLAGS[role.endsWith("target") ? "source" : "target"]) {
    for (const bit of bits) {
      const claim = `${name} with the unknown bit 0x${bit.toString(16)} in byte ${at}`;
      refused(role, claim, { ...everyMessage(), tamper: poke(name, at, (old) => old | bit) });
    }
  }
}
for (const share of [1, 2, 4]) {
  for (const role of ["client target", "agent target"] as Role[]) {
    refused(role, `a first entry that shares field ${share} with no entry`, {
      tamper: edit("LIST", (payload) => {
        payload[3] |= share;
        return payload;
      }),
    });
  }
}
for (const role of ["client target", "agent target"] as Role[]) {
  refused(role, "an entry with a digest nobody asked for", {
    tamper: edit("LIST", (payload) => {
      payload[3] |= 8;
      return concat(payload, new Uint8Array(16));
    }),
  });
  refused(role, "a folder with a digest", {
    ...everyMessage(),
    tamper: before(
      "LIST",
      frame(
        TYPE.LIST,
        Uint8Array.of(0, 3, 1, 8, 0xed, 0x41, 0, 1, 0x64, 0, 0, 0, 0, 0, 0, 0, ...new Array(16).fill(1)),
      ),
    ),
  });
  refused(role, "a first entry with a prefix", {
    tamper: edit("LIST", (payload) => {
      payload[6] = 3;
      return payload;
    }),
  });
}
refused("client source", "an event with an unknown change bit", {
  tamper: before("TOTALS", frame(TYPE.ENTRY, encodeEvent([[1, 2 ** 16]]))),
});

// ---- F02: hello ----
for (const role of ROLES) {
  const twice = frame(TYPE.HELLO, encodeHello(makeHello(role.startsWith("client") ? 1 : 0)));
  const hook = role.startsWith("client") ? after("HELLO", twice) : before("JOB", twice);
  refused(role, "a second HELLO right away", { tamper: hook });
  refused(role, "a second HELLO in the middle", { tamper: before(MIDDLE[role], twice) });
}
for (const role of ["client target", "client source"] as Role[]) {
  const early = role === "client target"
    ? frame(TYPE.SOURCE_DONE, Uint8Array.of(0))
    : frame(TYPE.READY, Uint8Array.of(0));
  refused(role, "a message before HELLO", { tamper: before("HELLO", early) });
  refused(role, "PING before HELLO", { tamper: before("HELLO", frame(TYPE.PING, Uint8Array.of(1))) });
}
for (const role of ["agent target", "agent source"] as Role[]) {
  refused(role, "a message before JOB", { tamper: before("JOB", frame(TYPE.READY, Uint8Array.of(0))) });
}

const HELLOS: [claim: string, change: Partial<Hello>, codes: number[]][] = [
  ["a hello of major version 2", { major: 2 }, [2]],
  ["a hello of major version 0", { major: 0 }, [2]],
  ["a hello of major version 65535", { major: 65_535 }, [2]],
  ["a hello that requires capability 3", { requires: 8 }, [2]],
  ["a hello that requires capability 40", { requires: 2 ** 40 }, [2]],
  ["a hello with a version text of 65 bytes", { version: new Uint8Array(65).fill(65) }, [12]],
  ["a hello that offers more than 53 bits", { offers: 2n ** 54n }, [12]],
  ["a hello with a short nonce", { nonce: new Uint8Array(15) }, [12]],
  ["a hello with a long nonce", { nonce: new Uint8Array(17) }, [12]],
];
for (const role of ROLES) {
  const wrongSide: [string, Partial<Hello>, number[]] = [
    "a hello of the wrong side",
    { side: role.startsWith("client") ? 0 : 1 },
    [12],
  ];
  for (const [claim, hello, codes] of [...HELLOS, wrongSide]) {
    refused(role, claim, { hello }, codes);
  }
}
rows.push({
  name: "client target: a required capability it lacks is named by its bit",
  async run() {
    const played = await play("client target", { hello: { requires: 2 ** 6 } });
    await assertRefused(played, [2]);
    assert(/resume|bit 6|capability 6/i.test(played.stderr), played.stderr);
  },
});

// ---- the launch line, at the agent ----
const good = `tsync1 ${"ab".repeat(16)} - 0 x86_64 ${btoa(String.fromCharCode(...encodeHello(makeHello(0))))} -\n`;
const LINES: [claim: string, line: string][] = [
  ["no line at all", ""],
  ["half a line", good.slice(0, 60)],
  ["another word than tsync1", good.replace("tsync1", "tsync2")],
  ["a marker of 31 digits", good.replace("ab", "a")],
  ["a marker that is no number", good.replace("ab", "x;")],
  ["a hello that is no base64", good.replace(/ [^ ]*\n$/, " !!!!\n")],
  ["an empty hello", good.replace(/ [^ ]*\n$/, " \n")],
  ["a field too few", good.replace(" x86_64", "")],
  ["a field too many", good.replace(" x86_64", " x86_64 more")],
  ["a line of 5,000 bytes", good.replace("x86_64", "x".repeat(4_900))],
  ["a line without end", "tsync1 ".repeat(20_000)],
  ["a NUL", good.replace("x86_64", "x86\0_64")],
  ["shell text", "$(touch canary/hit); touch hit\n"],
];
for (const [claim, line] of LINES) {
  rows.push({
    name: `agent target: a launch line with ${claim} is refused`,
    async run() {
      const played = await play("agent target", {
        async script(wire) {
          await wire.raw(latin1(line)).catch((error) => {
            if (!(error instanceof Gone)) throw error;
          });
        },
      });
      await assertUnharmed(played);
      assert(played.code !== 0, "exit 0");
      assertEquals(played.after, played.before);
    },
  });
}
rows.push({
  name: "agent target: the launch line in one byte pieces works as in one piece",
  async run() {
    const played = await play("agent target", {
      link: (duplex) => {
        let slow = 300;
        return {
          ...duplex,
          async write(bytes) {
            const part = bytes.subarray(0, slow);
            slow -= part.length;
            for (const byte of part) await duplex.write(Uint8Array.of(byte));
            if (part.length < bytes.length) await duplex.write(bytes.subarray(part.length));
          },
        };
      },
    });
    await assertWorks(played);
  },
});

testRows([...sample(hostile, 80, LONG), ...rows]);
