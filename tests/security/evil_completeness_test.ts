// F13, J08: a source that lies about how much it has told. With --delete nothing may go unless the whole list is known to be
// complete and each candidate was still absent at the source; a peer's word that something is to be deleted counts for nothing.

import { assert, assertEquals } from "@std/assert";
import {
  concat,
  encodeChecked,
  encodeDeleted,
  encodeList,
  encodeListEnd,
  frame,
  JOB_BIT,
  KIND,
  latin1,
  makeEntry,
  PIECE,
  TYPE,
} from "../support/protocol_bytes.ts";
import { type ListPiece, planOf, type SourcePlan, type Tree } from "../support/protocol_halves.ts";
import type { Tamper } from "../support/protocol_wire.ts";
import {
  assertOldOrNew,
  assertUnharmed,
  assertWorks,
  expected,
  play,
  type Played,
  type Role,
  type Row,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";
import { before, either, instead } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const TARGETS = ["client target", "agent target"] as Role[];
const OLD: Tree = { "a.txt": "old a\n", extra: "extra\n", dir: { "old.txt": "old\n" }, gone: { sub: { x: "x" } } };
const TREE: Tree = { "a.txt": "new a\n", dir: { "b.txt": "bee\n" } };

function session(change?: (plan: SourcePlan) => void): Scenario {
  const plan = planOf(TREE);
  change?.(plan);
  return { before: OLD, plan, options: ["-a", "--delete"], job: { bits: 0xff | JOB_BIT.delete } };
}

/** It ended with one of these codes, and everything of the target is still there. */
async function nothingDeleted(played: Played, codes: number[]): Promise<void> {
  await assertUnharmed(played);
  assert(codes.includes(played.code), `exit ${played.code}: ${played.stderr}`);
  assertOldOrNew(played, expected(TREE));
  for (const path of ["extra", "dir/old.txt", "gone/sub/x"]) assert(played.after.has(path), `${path} was deleted`);
}

const keeps = (role: Role, claim: string, scenario: () => Scenario, codes = [12]) =>
  rows.push({
    name: `${role}: ${claim} deletes nothing`,
    run: async () => await nothingDeleted(await play(role, scenario()), codes),
  });

const lists = (change: (lists: ListPiece[]) => ListPiece[]) => () => session((plan) => plan.lists = change(plan.lists));
const tampered = (tamper: Tamper) => () => ({ ...session(), tamper });

for (const role of TARGETS) {
  rows.push({
    name: `${role}: the same session told honestly deletes exactly the extras`,
    async run() {
      const played = await play(role, session());
      await assertWorks(played);
      assertEquals(played.after, expected(TREE));
      assertEquals(played.source!.checked.toSorted().at(-1)?.startsWith("gone"), true);
    },
  });

  // ---- "complete", but folders were never listed ----
  keeps(role, "LIST_END while an announced folder was never listed", lists((all) => all.slice(0, 1)));
  keeps(role, "LIST_END before any LIST", lists(() => []));
  keeps(role, "LIST_END before the last piece of a folder", lists((all) => [{ ...all[0], flags: PIECE.first }]));
  keeps(
    role,
    "LIST_END inside the pieces of the last folder",
    lists((all) => [all[0], { ...all[1], flags: PIECE.first }]),
  );
  keeps(
    role,
    "LIST_END with a count that leaves out what came",
    tampered(instead("LIST_END", frame(TYPE.LIST_END, encodeListEnd(true, 3, 10)))),
  );
  keeps(
    role,
    "LIST_END with a count above what came",
    tampered(instead("LIST_END", frame(TYPE.LIST_END, encodeListEnd(true, 400, 10)))),
  );
  keeps(
    role,
    "a complete LIST_END after an incomplete LIST",
    lists((all) => [all[0], { ...all[1], flags: 7 }]),
  );
  keeps(role, "LIST_END twice", tampered(before("LIST_END", frame(TYPE.LIST_END, encodeListEnd(true, 1, 0)))));
  keeps(
    role,
    "SOURCE_DONE instead of LIST_END",
    tampered(instead("LIST_END", frame(TYPE.SOURCE_DONE, Uint8Array.of(0)))),
  );
  keeps(role, "SOURCE_DONE before WANT_END", tampered(before("FILES", frame(TYPE.SOURCE_DONE, Uint8Array.of(0)))));
  keeps(role, "a LIST after LIST_END", tampered(before("SOURCE_DONE", frame(TYPE.LIST, encodeList(2, [])))));
  keeps(
    role,
    "CHECKED that nobody asked for",
    tampered(before("SOURCE_DONE", frame(TYPE.CHECKED, encodeChecked(1, Uint8Array.of(1))))),
  );

  // ---- honest about being incomplete ----
  keeps(role, "a folder with an incomplete listing", () => {
    const scenario = session((plan) => {
      plan.lists[1].flags = 7;
      plan.lists[1].entries = [];
      plan.contents.clear();
      plan.contents.set(1, latin1("new a\n"));
      plan.complete = false;
      plan.errors = true;
    });
    return scenario;
  }, [0, 23]);
  keeps(role, "a LIST_END that says incomplete", () => session((plan) => plan.complete = false), [0, 23]);
  keeps(role, "a SOURCE_DONE that says errors", () => session((plan) => plan.errors = true), [0, 23]);

  // ---- the answer to CHECK ----
  keeps(role, "a stream that ends instead of the answer to CHECK", () => {
    let close: (() => Promise<void>) | null = null;
    return {
      ...session(),
      link: (duplex) => (close = () => duplex.closeWrite(), duplex),
      tamper(name) {
        if (name !== "CHECKED") return;
        close?.();
        return [];
      },
    };
  });
  keeps(role, "an answer to CHECK that says everything is back", () => ({
    ...session(),
    tamper: (name, payload) =>
      name === "CHECKED"
        ? [frame(TYPE.CHECKED, concat(payload.slice(0, 1), new Uint8Array(payload.length - 1)))]
        : undefined,
  }), [0, 23, 24]);
  keeps(
    role,
    "a CHECKED of fewer paths",
    tampered(instead("CHECKED", frame(TYPE.CHECKED, encodeChecked(0, new Uint8Array(0))))),
  );
  keeps(
    role,
    "a second CHECKED",
    tampered((name, payload) =>
      name === "CHECKED"
        ? [frame(TYPE.CHECKED, encodeChecked(1, Uint8Array.of(3))), frame(TYPE.CHECKED, payload)]
        : undefined
    ),
  );

  // ---- emptiness ----
  keeps(
    role,
    "an empty list",
    () => ({ before: OLD, plan: planOf({}), options: ["-a", "--delete"], job: { bits: 0xff | JOB_BIT.delete } }),
    role === "client target" ? [25] : [0, 12, 25],
  );
  keeps(role, "a root that is no folder of the source", () => ({
    before: OLD,
    plan: planOf({ "a.txt": "new a\n" }, { flags: 0 }),
    sources: ["src/a.txt"],
    options: ["-a", "--delete"],
    job: { bits: 0xff | JOB_BIT.delete },
  }), [0, 12, 23]);
  rows.push({
    name: `${role}: a kind that changes under a folder of extras removes it only after the list is complete`,
    async run() {
      // `gone` becomes a file; the stream ends before LIST_END.
      const plan = planOf({ gone: "now a file" });
      let close: (() => Promise<void>) | null = null;
      const played = await play(role, {
        ...session(),
        plan,
        link: (duplex) => (close = () => duplex.closeWrite(), duplex),
        tamper(name) {
          if (name !== "LIST_END") return;
          close?.();
          return [];
        },
      });
      await nothingDeleted(played, [12]);
    },
  });
}

// ---- a peer that orders deletions ----
keeps(
  "client target",
  "DELETED from a source",
  tampered(before("LIST_END", frame(TYPE.DELETED, encodeDeleted(KIND.file, latin1("extra"))))),
);
rows.push({
  name: "client source: DELETED from the agent removes nothing of the source",
  async run() {
    let kept = false;
    const played = await play("client source", {
      tamper: either(before("TOTALS", frame(TYPE.DELETED, encodeDeleted(KIND.file, latin1("a.txt"))))),
      examine: (sandbox) => kept = Deno.readTextFileSync(`${sandbox.tree}/a.txt`) === "new a, longer\n",
    });
    await assertWorks(played);
    assert(kept);
  },
});
rows.push({
  name: "client target: more than half of 300 entries to delete is refused whatever the source says is complete",
  async run() {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, "x"]));
    const played = await play("client target", {
      before: many,
      plan: planOf({ f1: "x" }),
      options: ["-a", "--delete"],
    });
    await assertUnharmed(played);
    assertEquals(played.code, 25, played.stderr);
    assertEquals(played.after.size, 300);
    assert(played.stderr.includes("--delete-limit"), played.stderr);
  },
});

Deno.test("encodeList: the LIST of these tests is complete by its flags", () => {
  assertEquals(encodeList(0, [makeEntry("x")])[1], 3);
});

testRows(rows);
