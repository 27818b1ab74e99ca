// The legal twins of all hostile sessions: tsync against a source, a target, an agent and a client made by hand from the
// protocol's document. A refusal elsewhere in this folder means something because these sessions work.

import { assert, assertEquals } from "@std/assert";
import { encodePing, frame, fromLatin1, JOB_BIT, KIND, latin1, PIECE, TYPE } from "../support/protocol_bytes.ts";
import { type Entry, makeEntry } from "../support/protocol_bytes.ts";
import { planOf, type SourcePlan, type Tree } from "../support/protocol_halves.ts";
import {
  assertArrived,
  assertWorks,
  NEW_TREE,
  OLD_TARGET,
  play,
  type Role,
  type Row,
  testRows,
} from "../support/evil_play.ts";
import { before, either, MIDDLE, OPENING } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const BIG = new Uint8Array(400_000).map((_, i) => i * 7 % 253);
const tree: Tree = { ...NEW_TREE, big: BIG, empty: "", "odd\\ -n\x01\xc3\xa9": "odd", deep: { er: { est: "x" } } };

for (const role of ["client target", "agent target"] as Role[]) {
  for (const target of [OLD_TARGET, {}] as Tree[]) {
    const state = target === OLD_TARGET ? "a filled" : "an empty";
    rows.push({
      name: `${role}: ${state} folder receives a tree from a source made by hand`,
      async run() {
        const played = await play(role, { plan: planOf(tree), before: target });
        await assertWorks(played);
        assertEquals(played.source?.streaming, target !== OLD_TARGET);
        assertEquals(played.source?.problems, []);
        assertArrived(played, tree);
      },
    });
  }
  rows.push({
    name: `${role}: a folder listed in several pieces, and folders in any order, arrive`,
    async run() {
      const plan = planOf({ a: "1", b: "2", c: {}, d: { e: "3" }, f: {} });
      const [root, c, d, f] = plan.lists;
      plan.lists = [
        { folder: 0, flags: PIECE.first, entries: root.entries.slice(0, 2) },
        { folder: 0, flags: 0, entries: root.entries.slice(2, 3) },
        { folder: 0, flags: PIECE.last, entries: root.entries.slice(3) },
        f,
        d,
        c,
      ];
      const played = await play(role, { plan });
      await assertWorks(played);
      assertArrived(played, { a: "1", b: "2", c: {}, d: { e: "3" }, f: {} });
    },
  });
  rows.push({
    name: `${role}: names of 255 bytes, of dots, dashes, case twins and other bytes than UTF-8 arrive`,
    async run() {
      const names = [
        "x".repeat(255),
        "...",
        "..x",
        "-rf",
        "a\\b",
        "A",
        "a",
        "n\nl",
        "e\xcc\x81",
        "\xc3\xa9",
        "\x1b[31m",
      ];
      const odd = Object.fromEntries(names.map((name) => [name, name.slice(0, 4)]));
      const played = await play(role, { plan: planOf({ ...odd, "\xff\xfe": { link: "/nowhere" } }), before: {} });
      await assertWorks(played);
      assertEquals([...played.after.keys()].sort(), [...names, "\xff\xfe"].sort());
    },
  });
  rows.push({
    name: `${role}: extreme but legal numbers are taken`,
    async run() {
      const plan = planOf({ a: "1", b: "2", c: {} });
      const edge = (at: number, changes: Partial<Entry>) => Object.assign(plan.lists[0].entries[at], changes);
      edge(0, { nanoseconds: 999_999_999, seconds: -1, permissions: 0o400 });
      edge(1, { nanoseconds: 0, seconds: 2 ** 33 });
      const played = await play(role, { plan });
      await assertWorks(played);
      assertArrived(played, { a: "1", b: "2", c: {} });
    },
  });
  rows.push({
    name: `${role}: extras are deleted after a complete list and an answered CHECK`,
    async run() {
      const remove = { options: ["-a", "--delete"], job: { bits: 0xff | JOB_BIT.delete } };
      const played = await play(role, { ...remove, plan: planOf(NEW_TREE) });
      await assertWorks(played);
      assert(!played.after.has("extra") && !played.after.has("dir/old.txt"));
      assertEquals(played.source?.checked.toSorted(), ["dir/old.txt", "extra"]);
    },
  });
  rows.push({
    name: `${role}: a frame of exactly 1,048,576 bytes is taken`,
    async run() {
      const content = new Uint8Array(1_048_575).fill(7);
      const plan = planOf({ big: content });
      plan.pieceBytes = content.length;
      const played = await play(role, { plan });
      await assertWorks(played);
      assertArrived(played, { big: content });
    },
  });
  rows.push({
    name: `${role}: holes, written as gaps between pieces, read as zeros`,
    run: () => holes(role),
  });
}

async function holes(role: Role): Promise<void> {
  const size = 3_000_000;
  const content = new Uint8Array(size);
  content.set(latin1("head"), 0);
  content.set(latin1("tail"), size - 400_000);
  const plan: SourcePlan = planOf({ sparse: content });
  // Pieces of zeros are left out; the digest then covers only what is sent.
  plan.skipZeroPieces = true;
  plan.pieceBytes = 100_000;
  const played = await play(role, { plan });
  await assertWorks(played);
  assertArrived(played, { sparse: content });
}

for (const role of ["client source", "agent source"] as Role[]) {
  for (const streaming of [false, true]) {
    rows.push({
      name: `${role}: a target made by hand gets the whole tree, streaming ${streaming ? "on" : "off"}`,
      async run() {
        const real: Tree = { ...NEW_TREE, big: BIG, empty: "" };
        const played = await play(role, { tree: real, streaming });
        await assertWorks(played);
        const got = played.target!;
        assertEquals([...got.entries.keys()].sort(), ["a.txt", "big", "dir", "dir/b.txt", "empty", "link"]);
        assertEquals(fromLatin1(got.contents.get("dir/b.txt")!), "bee\n");
        assertEquals(got.contents.get("big"), BIG);
        assertEquals(got.contents.size, 4);
        assertEquals(got.entries.get("link")?.kind, KIND.link);
        assertEquals(fromLatin1(got.entries.get("link")!.target), "a.txt");
        assertEquals(got.listEnd.complete, true);
        assertEquals(got.errors, false);
      },
    });
  }
  rows.push({
    name: `${role}: CHECK tells what is absent from what is there`,
    async run() {
      const check = ["gone", "a.txt", "dir/b.txt", "dir/gone", "gone/too"].map(latin1);
      const played = await play(role, { check });
      // What is there again and so stays is a problem that the client tells.
      await assertWorks(played, role === "client source" ? 23 : 0);
      assertEquals(played.target?.checked, Uint8Array.of(5, 0b11001));
    },
  });
}

for (const role of ["client target", "agent target", "client source", "agent source"] as Role[]) {
  rows.push({
    name: `${role}: PING is taken anywhere after the greeting`,
    async run() {
      const ping = frame(TYPE.PING, encodePing(7));
      const end = {
        "client target": "SOURCE_DONE",
        "agent target": "BYE",
        "client source": "TOTALS",
        "agent source": "BYE",
      };
      const tamper = either(before(MIDDLE[role], ping, ping), before(end[role] as "BYE", ping));
      const played = await play(role, {
        tamper: role.startsWith("agent") ? either(before(OPENING[role], ping), tamper) : tamper,
      });
      await assertWorks(played);
    },
  });
}

for (const role of ["client target", "client source"] as Role[]) {
  for (let time = 1; time <= 5; time++) {
    rows.push({
      name: `${role}: its BYE reaches the agent, time ${time}`,
      async run() {
        const played = await play(role);
        await assertWorks(played);
        assertEquals(played.received.at(-1), "BYE");
      },
    });
  }
}

rows.push({
  name: "client target: a newer minor version, offers it does not know and a strange version text are taken",
  async run() {
    const played = await play("client target", {
      hello: { minor: 65_535, offers: 2n ** 53n - 8n, version: latin1("\x1b]0;x\x07".repeat(9)) },
    });
    await assertWorks(played);
    assert(!played.stderr.includes("\x1b"));
    assertArrived(played);
  },
});

rows.push({
  name: "agent target: folders, links and a FIFO of the list are made",
  async run() {
    const plan = planOf({ f: { entry: makeEntry("f", { kind: KIND.fifo }) }, l: { link: "x" }, d: {} });
    const played = await play("agent target", { plan });
    await assertWorks(played);
    assertEquals([played.after.get("f"), played.after.get("l"), played.after.get("d")], ["p", "l x", "d"]);
  },
});

testRows(rows);
