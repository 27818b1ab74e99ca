// F14: numbers that are too large, negative, overlong or simply none: in entries, roots, accounts, jobs, events and counts. Each
// field's largest legal neighbours are taken in evil_legal_test.ts and at the end of this file.

import { assert, assertEquals } from "@std/assert";
import {
  concat,
  encodeAccount,
  encodeChecked,
  encodeDeleted,
  encodeEntry,
  encodeEvent,
  encodeJob,
  encodeList,
  encodeListEnd,
  encodePing,
  encodeProblem,
  encodeProgress,
  encodeTotals,
  type Entry,
  frame,
  type Job,
  JOB_BIT,
  KIND,
  latin1,
  makeEntry,
  makeJob,
  type Roots,
  TYPE,
  Writer,
} from "../support/protocol_bytes.ts";
import { planOf } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import type { Tamper } from "../support/protocol_wire.ts";
import {
  assertArrived,
  assertRefused,
  assertUnharmed,
  assertWorks,
  play,
  type Role,
  type Row,
  sample,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";
import { before, edit, instead } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const TARGETS = ["client target", "agent target"] as Role[];
const SOURCES = ["client source", "agent source"] as Role[];
const hostile: Row[] = [];
const refused = (role: Role, claim: string, scenario: Scenario, codes = [12]) =>
  hostile.push({
    name: `${role}: ${claim} is refused`,
    run: async () => await assertRefused(await play(role, { ...scenario }), codes),
  });

const HUGE: [string, bigint][] = [["2^53", 2n ** 53n], ["2^56-1", 2n ** 56n - 1n], ["2^63", 2n ** 63n], [
  "2^64-1",
  2n ** 64n - 1n,
]];
const HUGE_TIMES: [string, bigint][] = [["2^43+1", 2n ** 43n + 1n], ["-2^43-1", -(2n ** 43n) - 1n], [
  "2^62",
  2n ** 62n,
]];
const HUGE_IDS: [string, bigint][] = [["2^32-1", 2n ** 32n - 1n], ["2^32", 2n ** 32n], ["2^53", 2n ** 53n], [
  "2^64-1",
  2n ** 64n - 1n,
]];

// ---- entries ----
const ENTRIES: [string, Partial<Entry>][] = [
  ...HUGE.map(([text, size]) => [`a size of ${text}`, { size }] as [string, Partial<Entry>]),
  ...HUGE_TIMES.map(([text, seconds]) => [`a time of ${text} seconds`, { seconds }] as [string, Partial<Entry>]),
  ...HUGE_IDS.map(([text, uid]) => [`the uid ${text}`, { uid }] as [string, Partial<Entry>]),
  ...HUGE_IDS.map(([text, gid]) => [`the gid ${text}`, { gid }] as [string, Partial<Entry>]),
  ["10^9 nanoseconds", { nanoseconds: 1e9 }],
  ["2^32-1 nanoseconds", { nanoseconds: 2 ** 32 - 1 }],
  ...[0, 3, 5, 7, 9, 11, 13, 14, 15].map((kind) => [`an entry of kind ${kind}`, { kind }] as [string, Partial<Entry>]),
  ["a link without a target", { kind: KIND.link }],
  ["a link target with NUL", { kind: KIND.link, target: latin1("a\0b") }],
  ["a link target of 4,096 bytes", { kind: KIND.link, target: new Uint8Array(4_096).fill(97) }],
  ["a link target of 1 MB", { kind: KIND.link, target: new Uint8Array(1_000_000).fill(97) }],
  ["a device of major 2^20", { kind: KIND.charDevice, major: 2n ** 20n, minor: 1 }],
  ["a device of minor 2^32", { kind: KIND.blockDevice, major: 1, minor: 2n ** 32n }],
];
for (const role of TARGETS) {
  for (const [claim, change] of ENTRIES) {
    const plan = planOf({});
    plan.lists[0].entries = [makeEntry("x", change)];
    refused(role, claim, { plan });
  }

  // ---- numbers in another form ----
  const folder = (...bytes: number[]): Tamper =>
    edit("LIST", (payload) => concat(Uint8Array.from(bytes), payload.slice(1)));
  refused(role, "a number with a needless zero byte", { tamper: folder(0x80, 0x00) });
  refused(role, "a number of nine bytes", { tamper: folder(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01) });
  refused(role, "a number that does not end", {
    tamper: instead("LIST", frame(TYPE.LIST, new Uint8Array(50).fill(0x80))),
  });
  refused(role, "1 MiB of number bytes", {
    tamper: instead("LIST", frame(TYPE.LIST, new Uint8Array(1_048_576).fill(0xff))),
  });

  // ---- roots, accounts, counts ----
  const roots: [string, Partial<Roots>][] = [
    ["a root of uid 2^32-1", { uid: 2n ** 32n - 1n }],
    ["a root of gid 2^64-1", { gid: 2n ** 64n - 1n }],
    ["a root of 2^43+1 seconds", { seconds: 2n ** 43n + 1n }],
    ["a root of 10^9 nanoseconds", { nanoseconds: 1e9 }],
    ["2^53 source arguments", { args: 2n ** 53n }],
    ["no source argument", { args: 0 }],
    ["65,536 source arguments", { args: 65_536 }],
    ["a root that is single too", { flags: 3 }],
    ["a root of no kind", { mode: 0o755 }],
  ];
  for (const [claim, change] of roots) refused(role, claim, { plan: planOf({ a: "1" }, change) });
  const account = (group: number, id: number | bigint, name: string) =>
    before("LIST", frame(TYPE.ACCOUNT, encodeAccount(group, id, latin1(name))));
  refused(role, "an account that is neither user nor group", { tamper: account(2, 1, "x") });
  refused(role, "an account of id 2^32-1", { tamper: account(0, 2n ** 32n - 1n, "x") });
  refused(role, "an account without a name", { tamper: account(0, 1_000, "") });
  refused(role, "an account name of 257 bytes", { tamper: account(0, 1_000, "x".repeat(257)) });
  refused(role, "an account name with NUL", { tamper: account(1, 1_000, "a\0b") });
  refused(role, "an account name with a colon", { tamper: account(1, 1_000, "root:x:0") });
  const named = (id: number) => frame(TYPE.ACCOUNT, encodeAccount(0, id, latin1("x")));
  refused(role, "an account named twice", { tamper: before("LIST", named(5), named(5)) });
  refused(role, "65,537 accounts", {
    tamper: before("LIST", ...Array.from({ length: 65_537 }, (_, i) => named(i + 10))),
  });
  const list = (count: number | bigint, entries: Entry[] = []) =>
    instead("LIST", frame(TYPE.LIST, encodeList(0, entries, 3, count)));
  refused(role, "a LIST that counts 8,193 entries", {
    tamper: list(8_193, Array.from({ length: 8_193 }, (_, i) => makeEntry(`n${String(i).padStart(5, "0")}`))),
  });
  refused(role, "a LIST that counts 2^53-1 entries", { tamper: list(2n ** 53n - 1n) });
  refused(role, "a LIST that counts 2^64-1 entries", { tamper: list(2n ** 64n - 1n) });
  refused(role, "a LIST that counts more than it holds", { tamper: list(2, [makeEntry("a")]) });
  refused(role, "a LIST that counts less than it holds", { tamper: list(1, [makeEntry("a"), makeEntry("b")]) });
  refused(role, "a LIST that counts none and holds one", { tamper: list(0, [makeEntry("a")]) });
  for (const entries of [0, 4, 6, 2n ** 53n - 1n, 2n ** 64n - 1n]) {
    refused(role, `a LIST_END that counts ${entries} entries of 5`, {
      tamper: edit("LIST_END", () => encodeListEnd(true, entries, 0)),
    });
  }
  refused(role, "a LIST_END of 2^53 bytes", { tamper: edit("LIST_END", () => encodeListEnd(true, 5, 2n ** 53n)) });
  refused(role, "PING of 2^53", { tamper: before("LIST_END", frame(TYPE.PING, encodePing(2n ** 53n))) });
  const deleting = { options: ["-a", "--delete"], job: { bits: 0xff | JOB_BIT.delete } };
  refused(role, "CHECKED of another count", {
    ...deleting,
    tamper: instead("CHECKED", frame(TYPE.CHECKED, encodeChecked(3, Uint8Array.of(7)))),
  });
  refused(role, "CHECKED of 2^53-1", {
    ...deleting,
    tamper: instead("CHECKED", frame(TYPE.CHECKED, encodeChecked(2n ** 53n - 1n, Uint8Array.of(7)))),
  });
}

// ---- events, to a client ----
const EVENTS: [string, number, Uint8Array][] = [
  ["an event of change 2^16", TYPE.ENTRY, encodeEvent([[1, 65_536]])],
  ["an event of an entry that does not exist", TYPE.ENTRY, encodeEvent([[5, 1]])],
  ["an event of index 2^53-1", TYPE.ENTRY, encodeEvent([[2n ** 53n - 1n, 1]])],
  ["an event of index 2^64-1", TYPE.ENTRY, encodeEvent([[2n ** 64n - 1n, 1]])],
  ["an event of one entry twice", TYPE.ENTRY, encodeEvent([[1, 1], [1, 1]])],
  ["an ENTRY without an event", TYPE.ENTRY, new Uint8Array(0)],
  ["half an event", TYPE.ENTRY, Uint8Array.of(1)],
  ["a deletion of kind 3", TYPE.DELETED, encodeDeleted(3, latin1("extra"))],
  ["a deletion of kind 255", TYPE.DELETED, encodeDeleted(255, latin1("extra"))],
  ["progress of 2^53 files", TYPE.PROGRESS, encodeProgress(2n ** 53n, 0)],
  ["progress of 2^64-1 bytes", TYPE.PROGRESS, encodeProgress(0, 2n ** 64n - 1n)],
  ["a finished file that was not asked for", 0x45, new Writer().varint(1).varint(1).varint(0).u8(0).bytes()],
  ["a problem of verb 0", TYPE.PROBLEM, encodeProblem({ verb: 0 })],
  ["a problem of verb 29", TYPE.PROBLEM, encodeProblem({ verb: 29 })],
  ["a problem of cause 59", TYPE.PROBLEM, encodeProblem({ cause: 59 })],
  ["a problem of cause 63", TYPE.PROBLEM, encodeProblem({ cause: 63 })],
  ["a problem of errno 4,096", TYPE.PROBLEM, encodeProblem({ errno: 4_096 })],
  ["a problem of side 2", TYPE.PROBLEM, encodeProblem({ side: 2 })],
  [
    "a problem whose path is longer than its frame",
    TYPE.PROBLEM,
    new Writer().u8(1).u8(0).u8(1).u8(0).varint(4_000).bytes(),
  ],
  [
    "a problem whose path has 2^53-1 bytes",
    TYPE.PROBLEM,
    new Writer().u8(1).u8(0).u8(1).u8(0).varint(2n ** 53n - 1n).bytes(),
  ],
  ["totals of 21 numbers", TYPE.TOTALS, encodeTotals(new Array(21).fill(0))],
  ["totals of 23 numbers", TYPE.TOTALS, encodeTotals(new Array(23).fill(0))],
  ["totals of 2^53", TYPE.TOTALS, encodeTotals([2n ** 53n, ...new Array(21).fill(0)])],
];
for (const [claim, type, payload] of EVENTS) {
  refused("client source", claim, {
    tamper: instead("TOTALS", frame(type, payload), frame(TYPE.TOTALS, encodeTotals())),
  });
}
refused("client source", "progress that falls", {
  tamper: before("TOTALS", ...[5, 4].map((files) => frame(TYPE.PROGRESS, encodeProgress(files, 10)))),
});
refused("client target", "another number of source arguments than the job has paths", {
  plan: planOf({ a: "1" }, { args: 2 }),
});
for (const [claim, type, payload] of EVENTS.filter(([, type]) => type === TYPE.PROBLEM)) {
  refused("client target", claim, { tamper: before("LIST_END", frame(type, payload)) });
}

// ---- the job, to an agent ----
const rule = (bytes: number) => ({ flags: 0, pattern: new Uint8Array(bytes).fill(97) });
const JOBS: [string, Partial<Job>][] = [
  ["a job of role 2", { role: 2 }],
  ["a job of role 255", { role: 255 }],
  ["a job with bit 85", { moreBits: [0, 0x20_0000] }],
  ["a job with bit 95", { moreBits: [0, 0x8000_0000] }],
  ["a window of 2^52 ns", { windowNs: 2n ** 52n }],
  ["a window of 2^31+1 whole seconds", { windowNs: -3 - 2 ** 31 }],
  ["a window of 2^63 ns", { windowNs: 2n ** 63n }],
  ["a delete limit of kind 3", { limitKind: 3 }],
  ["a delete limit of 101 percent", { limitKind: 2, limit: 101 }],
  ["a delete guard with a limit of its own", { limitKind: 0, limit: 1 }],
  ["a delete limit of 2^32+1", { limitKind: 1, limit: 2n ** 32n + 1n }],
  ["a timeout of 2^31+1 s", { timeoutSeconds: 2n ** 31n + 1n }],
  ["a rule of 4,097 bytes", { rules: [rule(4_097)] }],
  ["100,001 rules", { rules: new Array(100_001).fill(rule(1)) }],
  ["no path", { paths: [] }],
  ["a path of 4,096 bytes", { paths: [new Uint8Array(4_096).fill(97)] }],
  ["a path with NUL", { paths: [latin1("tar\0get")] }],
];
for (const role of ["agent target", "agent source"] as Role[]) {
  for (const [claim, change] of JOBS) {
    const job = role === "agent source" && change.role === 2 ? { ...change, role: 7 } : change;
    refused(role, claim, { job });
  }
  if (role === "agent target") refused(role, "a job that lists a target", { job: { moreBits: [0, 0x4_0000] } });
  const tail = (...numbers: (number | bigint)[]): Tamper =>
    edit("JOB", () => {
      const writer = new Writer().u8(role === "agent target" ? 0 : 1).u32(0xff).u32(0).u32(0).signed(-1).u8(0).varint(0)
        .u8(0)
        .varint(0);
      for (const number of numbers) writer.varint(number);
      return writer.bytes();
    });
  refused(role, "a job that counts 2^53-1 rules", { tamper: tail(2n ** 53n - 1n) });
  refused(role, "a job that counts 2^64-1 rules", { tamper: tail(2n ** 64n - 1n) });
  // Behind the rules: how many values; each has a tag, the length of its blob, the blob.
  refused(role, "a job that counts 2^53-1 values", { tamper: tail(0, 2n ** 53n - 1n) });
  refused(role, "a job with value 0", { tamper: tail(0, 1, 0, 1, 5, 1, 1, 97) });
  refused(role, "a job with value 127", { tamper: tail(0, 1, 127, 1, 5, 1, 1, 97) });
  refused(role, "a job with a value twice", { tamper: tail(0, 2, 1, 1, 5, 1, 1, 5, 1, 1, 97) });
  refused(role, "a job with values in falling order", { tamper: tail(0, 2, 2, 1, 5, 1, 1, 5, 1, 1, 97) });
  refused(role, "a job whose value is longer than its number", { tamper: tail(0, 1, 1, 2, 5, 5, 1, 1, 97) });
  refused(role, "a job whose value is empty", { tamper: tail(0, 1, 1, 0, 1, 1, 97) });
  refused(role, "a job that counts 65,536 paths", { tamper: tail(0, 0, 65_536) });
  refused(role, "a job that counts 65,535 paths and holds none", { tamper: tail(0, 0, 65_535) });
  refused(role, "a job whose path is longer than the frame", { tamper: tail(0, 0, 1, 4_000) });
  refused(role, "a rule with flags beyond the known", { job: { rules: [{ ...rule(3), flags: 0x4000 }] } });
}
refused("agent target", "a target of two paths", { job: { paths: [latin1("target"), latin1("canary")] } });

rows.push({
  name: "agent target: a job at the edge of every limit is taken",
  async run() {
    const job: Partial<Job> = {
      windowNs: 2 ** 52 - 1,
      limitKind: 2,
      limit: 100,
      timeoutSeconds: 2 ** 31,
      rules: [rule(4_095), ...new Array(1_000).fill(rule(1))],
    };
    const played = await play("agent target", { job, plan: planOf({ b: "1" }) });
    await assertWorks(played);
    assertArrived(played, { b: "1" });
  },
});
rows.push({
  name: "agent source: 300 paths of one job are one source",
  async run() {
    const played = await play("agent source", {
      async script(wire, sandbox) {
        const { openAsClient, playTarget } = await import("../support/protocol_halves.ts");
        const paths = Array.from({ length: 300 }, (_, i) => `${sandbox.tree}/${i % 2 === 0 ? "a.txt" : "dir"}`);
        const opened = await openAsClient(wire, makeJob(1, paths));
        const result = await playTarget(wire, opened, { streaming: true, check: [] }, true);
        assert(result.entries.has("a.txt") && result.entries.has("dir"));
      },
    });
    await assertUnharmed({ ...played, peakKib: 0 });
  },
});

for (const role of SOURCES) {
  rows.push({
    name: `${role}: the longest legal number form is read`,
    async run() {
      const played = await play(role, { tamper: before("WANT_END", frame(TYPE.PING, encodePing(2n ** 53n - 1n))) });
      await assertWorks(played);
    },
  });
}

Deno.test("encodeEntry: the numbers of these tests are really on the wire", () => {
  const bytes = encodeEntry(makeEntry("x", { size: 2n ** 64n - 1n, uid: 0, gid: 0, seconds: 0, nanoseconds: 0 }));
  assertEquals(bytes.slice(-10), Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 1));
  assertEquals(encodeJob(makeJob(0, ["x"]))[0], 0);
});

testRows([...sample(hostile, 80, LONG), ...rows]);
