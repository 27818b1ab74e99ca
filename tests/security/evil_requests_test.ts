// F08: an evil target asks the source for what was not offered: folders, links, indexes that do not exist, the same twice, and
// paths through links. The source opens nothing but what it listed; strace is the witness.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  encodeCheck,
  encodeCredit,
  encodeWant,
  frame,
  JOB_BIT,
  latin1,
  makeJob,
  TYPE,
} from "../support/protocol_bytes.ts";
import { openAsClient, playTarget, type Tree } from "../support/protocol_halves.ts";
import {
  assertRefused,
  assertUnharmed,
  assertWorks,
  play,
  type Role,
  type Row,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";
import { after, before, instead } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const SOURCES = ["client source", "agent source"] as Role[];
const refused = (role: Role, claim: string, scenario: Scenario) =>
  rows.push({
    name: `${role}: ${claim} is refused`,
    run: async () => await assertRefused(await play(role, { ...scenario })),
  });

// NEW_TREE is listed as 1 a.txt, 2 dir, 3 link, then 4 dir/b.txt, in whatever order folders come: 5 entries with the root.
const want = (...numbers: (number | bigint)[]) => frame(TYPE.WANT, encodeWant(0, numbers));
const redo = (...numbers: number[]) => frame(TYPE.WANT, encodeWant(1, numbers));
const WANTS: [string, Uint8Array[]][] = [
  ["WANT of the root", [want(0)]],
  ["WANT of a folder", [want(2)]],
  ["WANT of a link", [want(3)]],
  ["WANT of index n", [want(5)]],
  ["WANT of index 2^31", [want(2 ** 31)]],
  ["WANT of index 2^32+1", [want(2n ** 32n + 1n)]],
  ["WANT of index 2^53-1", [want(2n ** 53n - 1n)]],
  ["WANT of indexes whose sum is above 2^53", [want(1, 2n ** 53n - 1n)]],
  ["WANT of a file and the folder beside it", [want(1, 1)]],
  ["WANT of nothing", [frame(TYPE.WANT, encodeWant(0, []))]],
  ["WANT of one index twice in one message", [want(1, 0)]],
  ["WANT of one index twice in two messages", [want(1), want(1)]],
  ["WANT of 8,193 indexes", [want(...new Array(8_193).fill(1))]],
  ["WANT that counts 2^53-1 indexes", [frame(TYPE.WANT, encodeWant(0, [1], 2n ** 53n - 1n))]],
  ["WANT that counts more than it holds", [frame(TYPE.WANT, encodeWant(0, [1], 2))]],
  ["redo of what was never wanted", [redo(1)]],
  ["redo twice", [want(1), redo(1), redo(1)]],
];
for (const role of SOURCES) {
  for (const [claim, frames] of WANTS) {
    refused(role, claim, { tamper: instead("WANT", ...frames), streaming: false, lenient: true });
  }
  refused(role, "redo of an index that was redone already", {
    redo: [1],
    lenient: true,
    tamper: before("WANT_END", redo(1)),
  });
  refused(role, "WANT after WANT_END", { tamper: after("WANT_END", want(1)), want: [] });
  refused(role, "WANT in a streaming session", { tamper: before("WANT_END", want(1)), streaming: true });
  refused(role, "WANT_END twice", { tamper: before("WANT_END", frame(TYPE.WANT_END)) });
  refused(role, "CREDIT of 0", { tamper: before("WANT_END", frame(TYPE.CREDIT, encodeCredit(0))) });
  refused(role, "CREDIT above 2^31", { tamper: before("WANT_END", frame(TYPE.CREDIT, encodeCredit(2 ** 31 + 1))) });
  refused(role, "CREDIT of 1 MB nobody spent", { tamper: before("WANT_END", frame(TYPE.CREDIT, encodeCredit(1e6))) });
  refused(role, "CHECK of nothing", {
    check: [latin1("x")],
    tamper: instead("CHECK", frame(TYPE.CHECK, encodeCheck([]))),
  });
  refused(role, "CHECK of 4,097 paths", { check: Array.from({ length: 4_097 }, (_, i) => latin1(`x${i}`)) });
  refused(role, "CHECK that counts 2^53-1 paths", {
    check: [latin1("x")],
    tamper: instead("CHECK", frame(TYPE.CHECK, encodeCheck([latin1("x")], 2n ** 53n - 1n))),
  });
  refused(role, "CHECK before the last answer", {
    check: [latin1("x")],
    tamper: before("CHECK", frame(TYPE.CHECK, encodeCheck([latin1("a")])), want(1)),
  });
  rows.push({
    name: `${role}: redo of what was answered is answered once more`,
    async run() {
      const played = await play(role, { redo: [1] });
      await assertWorks(played);
      assertEquals(played.received.filter((name) => name === "FILES").length >= 2, true, played.received.join(" "));
    },
  });
  rows.push({
    name: `${role}: CHECK of 4,096 paths is answered`,
    async run() {
      const played = await play(role, { check: Array.from({ length: 4_096 }, (_, i) => latin1(`x${i}`)) });
      await assertWorks(played);
      assert(played.target!.checked!.slice(2).every((byte) => byte === 0xff));
    },
  });
}

// ---- paths through links: no oracle, no open ----
const OUT: Tree = { "a.txt": "a\n", out: { link: "../canary" }, up: { link: ".." }, dir: { "b.txt": "b\n" } };
const THROUGH = ["out/secret.txt", "out/no-such-file", "up/canary/secret.txt", "out/inner/f.txt", "dir/b.txt"];
for (const role of SOURCES) {
  rows.push({
    name: `${role}: CHECK through a link does not tell what lies behind it`,
    async run() {
      const played = await play(role, { tree: OUT, check: THROUGH.map(latin1) });
      await assertWorks(played, role === "client source" ? 23 : 0);
      assertEquals(played.target?.checked, Uint8Array.of(5, 0b01111));
    },
  });
}
rows.push({
  name: "agent source: a file listed and then replaced by a link outside is not read",
  async run() {
    const got: string[] = [];
    const played = await play("agent source", {
      tree: { "a.txt": "a\n", big: "b\n" },
      async script(wire, sandbox) {
        const opened = await openAsClient(wire, makeJob(1, [`${sandbox.tree}/`]));
        let swapped = false;
        wire.tamper = (name, payload) => {
          if (name !== "WANT" || swapped) return;
          swapped = true;
          for (const file of ["a.txt", "big"]) {
            Deno.removeSync(join(sandbox.tree, file));
            Deno.symlinkSync("../canary/secret.txt", join(sandbox.tree, file));
          }
          return [frame(TYPE.WANT, payload)];
        };
        const result = await playTarget(wire, opened, { streaming: false, check: [] }, true);
        for (const content of result.contents.values()) got.push(new TextDecoder().decode(content));
        for (const path of result.skipped.keys()) got.push(`skipped ${path}`);
      },
    });
    assert(!played.hung, "it hangs");
    assertEquals(got.sort(), ["skipped a.txt", "skipped big"], played.stderr);
  },
});

const strace = await new Deno.Command("sh", { args: ["-c", "command -v strace"], stdout: "null" }).output();
Deno.test({
  name: "client source: strace sees no opened or read path outside the source while an evil agent asks for them",
  ignore: !strace.success,
  async fn() {
    let trace = "";
    const played = await play("client source", {
      tree: OUT,
      prefix: (sandbox) => ["strace", "-f", "-qq", "-e", "trace=%file", "-o", join(sandbox.side, "trace")],
      streaming: true,
      check: THROUGH.map(latin1),
      examine: (sandbox) => trace = Deno.readTextFileSync(join(sandbox.side, "trace")),
    });
    await assertUnharmed({ ...played, peakKib: 0 });
    assert(trace.includes("a.txt"), "the trace sees nothing at all");
    const touched = trace.split("\n").filter((line) =>
      /secret\.txt|f\.txt|no-such-file/.test(line) && !/= -1 E|ELOOP|unfinished/.test(line)
    );
    assertEquals(touched, []);
  },
});

// The job bits named here are those of the document.
Deno.test("JOB_BIT: delete is bit 13 and recursive bit 0", () => {
  assertEquals([JOB_BIT.recursive, JOB_BIT.delete], [1, 8_192]);
});

testRows(rows);
