// F09, F10: content with wrong offsets, sizes, lengths and digests, and content nobody wanted. A wrong digest is asked for again
// once and then reported (exit 23), with the old file in place; broken framing of content ends the session (exit 12).

import { assert, assertEquals } from "@std/assert";
import {
  CAUSE,
  concat,
  encodeFileBegin,
  encodeFileData,
  encodeFileEnd,
  encodeFiles,
  encodeFileSkip,
  frame,
  latin1,
  TYPE,
  u64le,
  Writer,
} from "../support/protocol_bytes.ts";
import { type Opened, planOf } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import type { Tamper } from "../support/protocol_wire.ts";
import {
  assertArrived,
  assertRefused,
  assertUnharmed,
  assertWorks,
  expected,
  play,
  type Played,
  type Role,
  type Row,
  sample,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";
import { before, edit, either, instead } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const TARGETS = ["client target", "agent target"] as Role[];
const BODY = "0123456789".repeat(5);
const TREE = { "a.txt": "new a, longer\n", pieces: BODY };
const SIZE = BODY.length;

/** a.txt is index 1 in one record, `pieces` index 2 by FILE_BEGIN. */
function session(): Scenario {
  const plan = planOf(TREE);
  plan.inPieces.add(2);
  return { plan };
}

const hostile: Row[] = [];
const refused = (role: Role, claim: string, tamper: Tamper, codes = [12]) =>
  hostile.push({
    name: `${role}: ${claim} is refused`,
    run: async () => await assertRefused(await play(role, { ...session(), tamper }), codes, expected(TREE)),
  });

const data = (offset: number | bigint, text: string) => frame(TYPE.FILE_DATA, encodeFileData(offset, latin1(text)));
const begin = (index: number | bigint, size: number | bigint) =>
  frame(TYPE.FILE_BEGIN, encodeFileBegin({ index, size }));
const record = (index: number | bigint, text: string) =>
  frame(TYPE.FILES, encodeFiles([{ index, content: latin1(text), digest: new Uint8Array(16) }]));

for (const role of TARGETS) {
  // ---- offsets and sizes ----
  refused(role, "FILE_DATA that overlaps what came", instead("FILE_DATA", data(0, BODY), data(SIZE - 1, "x")));
  refused(role, "FILE_DATA that goes back", instead("FILE_DATA", data(20, "abc"), data(0, "abc")));
  refused(role, "FILE_DATA at the same place again", instead("FILE_DATA", data(0, "abc"), data(0, "abc")));
  refused(role, "FILE_DATA beyond the size", instead("FILE_DATA", data(0, BODY + "x")));
  refused(role, "FILE_DATA that starts at the size", instead("FILE_DATA", data(SIZE, "x")));
  refused(role, "FILE_DATA at 2^53-1", instead("FILE_DATA", data(2n ** 53n - 1n, "x")));
  refused(role, "FILE_DATA at 2^53", instead("FILE_DATA", data(2n ** 53n, "x")));
  refused(role, "FILE_DATA at 2^64-1", instead("FILE_DATA", data(2n ** 64n - 1n, "x")));
  refused(role, "FILE_DATA whose offset wraps in 32 bits", instead("FILE_DATA", data(2n ** 32n, "x")));
  refused(role, "FILE_DATA without FILE_BEGIN", before("FILE_BEGIN", data(0, "x")));
  refused(role, "FILE_END without FILE_BEGIN", before("FILE_BEGIN", frame(TYPE.FILE_END, encodeFileEnd(1))));
  refused(role, "FILE_BEGIN inside a file", before("FILE_DATA", begin(2, SIZE)));
  refused(role, "FILES inside a file", before("FILE_DATA", record(1, "x")));
  refused(role, "FILE_SKIP inside a file", before("FILE_DATA", frame(TYPE.FILE_SKIP, encodeFileSkip(2, 1))));
  refused(role, "SOURCE_DONE inside a file", before("FILE_DATA", frame(TYPE.SOURCE_DONE, Uint8Array.of(0))));
  refused(role, "FILE_BEGIN of another size than listed", instead("FILE_BEGIN", begin(2, SIZE + 1)));
  refused(role, "FILE_BEGIN of size 2^53", instead("FILE_BEGIN", begin(2, 2n ** 53n)));
  refused(role, "FILE_END complete without digest", instead("FILE_END", frame(TYPE.FILE_END, Uint8Array.of(0))));
  refused(role, "FILE_END with a digest of 8 bytes", instead("FILE_END", frame(TYPE.FILE_END, new Uint8Array(9))));
  refused(role, "FILE_END with a digest of 32 bytes", instead("FILE_END", frame(TYPE.FILE_END, new Uint8Array(33))));
  refused(
    role,
    "FILE_END abandoned with a digest",
    instead("FILE_END", frame(TYPE.FILE_END, encodeFileEnd(1, new Uint8Array(16)))),
  );
  refused(role, "FILE_END of outcome 2", instead("FILE_END", frame(TYPE.FILE_END, Uint8Array.of(2))));
  rows.push({
    name: `${role}: a fresh file of 2^52 bytes, all hole, fails alone or is refused`,
    async run() {
      const fresh = { seconds: 1_700_000_001, nanoseconds: 0 };
      const huge = frame(TYPE.FILE_BEGIN, encodeFileBegin({ index: 2, size: 2 ** 52, fresh }));
      const played = await play(role, {
        ...session(),
        tamper: either(instead("FILE_BEGIN", huge), instead("FILE_DATA")),
      });
      await assertRefused(played, [11, 12, 23], expected(TREE));
    },
  });

  // ---- records ----
  refused(role, "FILES without a record", instead("FILES", frame(TYPE.FILES)));
  refused(role, "a record of other length than listed", instead("FILES", record(1, "short")));
  refused(role, "a record longer than 131,072 bytes", instead("FILES", record(1, "x".repeat(131_073))));
  refused(
    role,
    "a record longer than its frame",
    instead("FILES", frame(TYPE.FILES, new Writer().u8(1).u8(0).varint(100_000).raw(latin1("x")).bytes())),
  );
  refused(
    role,
    "a record of length 2^53-1",
    instead("FILES", frame(TYPE.FILES, new Writer().u8(1).u8(0).varint(2n ** 53n - 1n).bytes())),
  );
  refused(
    role,
    "a record of length 2^64-1",
    instead("FILES", frame(TYPE.FILES, new Writer().u8(1).u8(0).varint(2n ** 64n - 1n).bytes())),
  );
  refused(role, "a record without its digest", edit("FILES", (payload) => payload.slice(0, -16)));
  refused(role, "a record with a digest of 15 bytes", edit("FILES", (payload) => payload.slice(0, -1)));
  refused(role, "a record and half of another", edit("FILES", (payload) => concat(payload, payload.slice(0, 9))));
  refused(role, "the same record twice in one message", edit("FILES", (payload) => concat(payload, payload)));
  refused(
    role,
    "the same content twice",
    (name, payload) => name === "FILES" ? [frame(TYPE.FILES, payload), frame(TYPE.FILES, payload)] : undefined,
  );
  for (const index of [0, 3, 2 ** 31, 2n ** 32n + 1n, 2n ** 53n - 1n]) {
    refused(role, `content of index ${index}, which was not wanted`, instead("FILES", record(index, "x")));
    refused(role, `FILE_BEGIN of index ${index}, which was not wanted`, instead("FILE_BEGIN", begin(index, SIZE)));
    refused(
      role,
      `FILE_SKIP of index ${index}, which was not wanted`,
      instead("FILES", frame(TYPE.FILE_SKIP, encodeFileSkip(index, 1))),
    );
  }
  refused(
    role,
    "FILE_SKIP twice",
    instead("FILES", ...[1, 1].map((index) => frame(TYPE.FILE_SKIP, encodeFileSkip(index, 1)))),
  );
  refused(role, "FILE_SKIP with an unknown cause", instead("FILES", frame(TYPE.FILE_SKIP, encodeFileSkip(1, 59))));
  rows.push({
    name: `${role}: content of a folder and of a link is refused`,
    async run() {
      for (const index of [1, 2]) {
        const plan = planOf({ d: {}, l: { link: "../canary/secret.txt" }, x: "x" });
        await assertRefused(
          await play(role, { plan, tamper: instead("FILES", record(index, "evil")) }),
          [12],
          expected({ d: {}, l: { link: "../canary/secret.txt" }, x: "x" }),
        );
      }
    },
  });
  rows.push({
    name: `${role}: content of a file that is up to date already is refused, for it was not wanted`,
    async run() {
      // First run brings the tree with the plan's times; a second session in the same place finds it unchanged.
      const played = await play(role, {
        before: { same: "same" },
        plan: planOf({
          same: { entry: { seconds: 1_600_000_000, nanoseconds: 7, permissions: 0o644 }, content: latin1("same") },
          z: "z",
        }),
        prepare: (sandbox) => Deno.utimeSync(`${sandbox.target}/same`, 1_600_000_000, 1_600_000_000),
        options: ["-a", "--modify-window=1"],
        job: { windowNs: 1_000_000_000 },
        tamper: before("FILES", record(1, "evil")),
      });
      await assertRefused(played, [12], expected({ same: "same", z: "z" }));
    },
  });
  for (const cause of [CAUSE.system, CAUSE.vanished, CAUSE.changed]) {
    rows.push({
      name: `${role}: FILE_SKIP of cause ${cause} leaves the old file, brings the others, and is no success`,
      async run() {
        const played = await play(role, {
          ...session(),
          tamper: instead("FILES", frame(TYPE.FILE_SKIP, encodeFileSkip(1, cause))),
        });
        await assertUnharmed(played);
        // The agent reports to the client and ends in peace; the client says how it went.
        const codes = role === "client target" ? [23, 24] : [0];
        assert(codes.includes(played.code), `exit ${played.code}`);
        assertEquals([played.after.get("a.txt"), played.after.get("pieces")], ["f old a\n", `f ${BODY}`]);
      },
    });
  }

  // ---- digests ----
  for (
    const [name, index, path, old] of [["FILES", 1, "a.txt", "f old a\n"], [
      "FILE_END",
      2,
      "pieces",
      undefined,
    ]] as const
  ) {
    rows.push({
      name: `${role}: ${name} with a wrong digest is asked for once more, and the good second answer arrives`,
      async run() {
        const played = await play(role, { ...session(), tamper: edit(name, spoilEnd) });
        await assertWorks(played);
        assertArrived(played, TREE);
        assertEquals(redone(played), [index]);
      },
    });
    rows.push({
      name: `${role}: ${name} with a wrong digest twice keeps the old file, brings the others and exits 23`,
      async run() {
        const played = await play(role, {
          ...session(),
          tamper: (sent, payload) => sent === name ? [frame(TYPE[name], spoilEnd(payload))] : undefined,
        });
        await assertUnharmed(played);
        assertReported(played);
        assertEquals(redone(played), [index]);
        assertEquals(played.after.get(path), old);
        const other = name === "FILES" ? "pieces" : "a.txt";
        assertEquals(played.after.get(other), expected(TREE).get(other));
        if (role === "client target") assert(played.stderr.includes(path), played.stderr);
      },
    });
  }
  rows.push({
    name:
      `${role}: right digest of wrong bytes in the old seed does not pass: content is checked under the session's seed`,
    async run() {
      // XXH3-128 of the content without a seed would be easy to prepare; it must not count.
      const { makeDigest } = await import("../support/protocol_bytes.ts");
      const plain = await makeDigest(0n);
      const content = latin1(TREE["a.txt"]);
      const bad = frame(TYPE.FILES, encodeFiles([{ index: 1, content, digest: plain(content) }]));
      const played = await play(role, { ...session(), tamper: (sent) => sent === "FILES" ? [bad] : undefined });
      await assertUnharmed(played);
      assertReported(played);
      assertEquals(played.after.get("a.txt"), "f old a\n");
    },
  });
  rows.push({
    name: `${role}: the digest of pieces covers their offsets: the same bytes as one hole elsewhere do not pass`,
    async run() {
      const moved = instead("FILE_DATA", data(1, BODY.slice(0, SIZE - 1)));
      const played = await play(role, { ...session(), tamper: moved });
      await assertWorks(played);
      assertEquals(redone(played), [2]);
      assertArrived(played, TREE);
    },
  });
  rows.push({
    name: `${role}: an abandoned file may be begun three times`,
    async run() {
      const attempt = concat(begin(2, SIZE), data(0, "half"), frame(TYPE.FILE_END, encodeFileEnd(1)));
      const again = before("FILE_BEGIN", attempt, attempt);
      const played = await play(role, { ...session(), tamper: again });
      await assertWorks(played);
      assertArrived(played, TREE);
    },
  });
  const attempt = concat(begin(2, SIZE), data(0, "half"), frame(TYPE.FILE_END, encodeFileEnd(1)));
  refused(role, "a file begun a fourth time", before("FILE_BEGIN", attempt, attempt, attempt));
  refused(
    role,
    "an abandoned file followed by another one",
    before("FILE_BEGIN", attempt, record(1, "new a, longer\n")),
  );
  rows.push({
    name: `${role}: a fresh record has its own size and time`,
    async run() {
      let opened: Opened | null = null;
      const content = latin1("changed since");
      const played = await play(role, {
        ...session(),
        onOpened: (now) => opened = now,
        tamper(name) {
          if (name !== "FILES" || opened === null) return;
          const fresh = { seconds: 1_700_000_500, nanoseconds: 3 };
          return [frame(TYPE.FILES, encodeFiles([{ index: 1, content, fresh, digest: opened.digest(content) }]))];
        },
      });
      await assertWorks(played);
      assertEquals(played.after.get("a.txt"), "f changed since");
    },
  });
  rows.push({
    name: `${role}: pieces cut at other places arrive, for the digest does not cover the cuts`,
    async run() {
      let opened: Opened | null = null;
      const cuts: [number, string][] = [[0, BODY.slice(0, 1)], [1, BODY.slice(1, 30)], [30, BODY.slice(30)]];
      const played = await play(role, {
        ...session(),
        onOpened: (now) => opened = now,
        tamper(name) {
          if (name === "FILE_DATA") return cuts.map(([offset, text]) => data(offset, text));
          if (name !== "FILE_END" || opened === null) return;
          const sum = opened.digest(u64le(0), latin1(BODY), u64le(SIZE));
          return [frame(TYPE.FILE_END, encodeFileEnd(0, sum))];
        },
      });
      await assertWorks(played);
      assertArrived(played, TREE);
    },
  });
  rows.push({
    name: `${role}: 16 MiB of content for a file of 50 bytes are refused without storing them`,
    async run() {
      const piece = frame(TYPE.FILE_DATA, encodeFileData(0, new Uint8Array(1_000_000)));
      const played = await play(role, { ...session(), tamper: instead("FILE_DATA", ...new Array(16).fill(piece)) });
      await assertRefused(played, [12], expected(TREE));
    },
  });
}

/** Content that did not verify is told: by exit 23, and by the agent as PROBLEM (and exit 0, for the client decides). */
function assertReported(played: Played): void {
  assertEquals(played.code, played.role === "client target" ? 23 : 0, played.stderr);
  if (played.role === "agent target") {
    assertEquals(played.source?.problems.map((problem) => problem.cause), [CAUSE.verify]);
  }
}

function spoilEnd(payload: Uint8Array): Uint8Array {
  const bytes = payload.slice();
  bytes[bytes.length - 1] ^= 1;
  return bytes;
}

/** Indexes that were asked for again. */
function redone(played: Played): number[] {
  return (played.source?.wanted ?? []).filter((index) => index < 0).map((index) => -index);
}

testRows([...sample(hostile, 60, LONG), ...rows]);
