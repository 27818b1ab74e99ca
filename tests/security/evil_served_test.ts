// F19, F20: a hostile client, written from the document, against an agent that serves one folder in each of its modes. It asks for
// what is refused, offers what is there as something else, and speaks of what the agent's HELLO left out.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ARCHIVE_BITS, frame, fromLatin1, JOB_BIT, latin1, Writer } from "../support/protocol_bytes.ts";
import { planOf, type Tree } from "../support/protocol_halves.ts";
import {
  assertArrived,
  assertRefused,
  assertUnharmed,
  assertWorks,
  NEW_TREE,
  OLD_TARGET,
  play,
  type Played,
  type Role,
  type Row,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";
import { before } from "../support/evil_tamper.ts";
import { LONG, type Sandbox } from "../support/evil_sandbox.ts";

/** The message that the hand-written half never sends. */
const SUBTREES = 0x1e;

const rows: Row[] = [];
const row = (name: string, run: () => Promise<void>) => rows.push({ name, run });

/** A session with the served target, in the modes given; the paths are the client's own words. */
function served(modes: string[], paths: string[], scenario: Scenario & { role?: Role } = {}): Promise<Played> {
  const { role = "agent target", job, ...rest } = scenario;
  const prepare = (sandbox: Sandbox) => {
    Deno.symlinkSync("../canary", join(sandbox.target, "out"));
    Deno.symlinkSync(sandbox.canary, join(sandbox.target, "absolute"));
    Deno.symlinkSync("dir", join(sandbox.target, "in"));
  };
  return play(role, {
    prepare,
    agentWords: (sandbox) => ["serve", "--root", sandbox.target, ...modes],
    ...rest,
    job: { paths: paths.map(latin1), ...job },
  });
}

/** Nothing of what was there has changed, and nothing is new. */
function assertAsBefore(played: Played): void {
  assertEquals([...played.after].sort(), [...played.before].sort());
}

row("a served root takes what is pushed to its top", async () => {
  const played = await served([], ["/"]);
  await assertWorks(played);
  assertArrived(played);
});

const OUT = ["..", "/..", "../canary", "dir/../../canary", "out", "out/inner", "absolute", "~/..", "/../../../../etc"];
for (const path of LONG ? OUT : ["../canary", "out/inner", "absolute"]) {
  for (const role of ["agent target", "agent source"] as Role[]) {
    row(`${role}: the path ${path} is refused`, async () => {
      // A link that is named itself is told as a link.
      const played = await served([], [role === "agent source" ? `${path}/` : path], { role });
      await assertRefused(played, [3]);
      assertAsBefore(played);
    });
  }
}

row("a file with the whole path of the canary becomes one below the root", async () => {
  const played = await served([], ["/x"]);
  await assertWorks(played);
  assertEquals(played.after.get("x/a.txt"), "f new a, longer\n");
});

// What a mode refuses as a whole. Bits of the second word: copyDevices 43, writeDevices 44, force 58, removeSourceFiles 61, inplace 63.
const [COPIES_DEVICES, WRITES_DEVICES, FORCE, REMOVES, INPLACE] = [43, 44, 58, 61, 63].map((bit) =>
  [(1 << (bit - 32)) >>> 0, 0] as [number, number]
);
const KEEPS = ["--no-delete", "--append-new"];
const WHOLE: [string, string[][], Role, Scenario][] = [
  ["to be the target", [["--read-only"]], "agent target", {}],
  ["to be the target of a dry run", [["--read-only"]], "agent target", {
    job: { bits: ARCHIVE_BITS | JOB_BIT.dryRun },
  }],
  ["to be the source", [["--write-only"]], "agent source", {}],
  ["to remove its files", [["--read-only"], ...KEEPS.map((mode) => [mode])], "agent source", {
    job: { moreBits: REMOVES },
  }],
  ["to compare by content", [["--write-only"]], "agent target", { job: { bits: ARCHIVE_BITS | JOB_BIT.checksum } }],
  ["to delete", KEEPS.map((mode) => [mode]), "agent target", {
    job: { bits: ARCHIVE_BITS | JOB_BIT.delete | JOB_BIT.noGuard },
  }],
  ["to use force", KEEPS.map((mode) => [mode]), "agent target", { job: { moreBits: FORCE } }],
  ["to read devices as files", [["--read-only"]], "agent source", { job: { moreBits: COPIES_DEVICES } }],
  ["to write into devices", [["--write-only"]], "agent target", { job: { moreBits: WRITES_DEVICES } }],
  ["to write in place", KEEPS.map((mode) => [mode]), "agent target", { job: { moreBits: INPLACE } }],
];
for (const [claim, modes, role, scenario] of WHOLE) {
  for (const mode of modes) {
    row(`${mode.join(" ")} refuses ${claim}`, async () => {
      const played = await served(mode, ["/"], { role, ...scenario });
      await assertRefused(played, [4]);
      assertEquals(played.aborted?.kind, 3);
      assertAsBefore(played);
    });
  }
}

row("--write-only offers no deltas and no digests: to require them ends the session", async () => {
  for (const requires of [1, 2]) {
    const played = await served(["--write-only"], ["/"], { hello: { requires, offers: 7 } });
    await assertRefused(played, [2]);
    assertAsBefore(played);
  }
});

row("--write-only refuses digests of subtrees that it did not offer to compare", async () => {
  const subtrees = new Writer().varint(1).varint(0).raw(new Uint8Array(16)).bytes();
  const played = await served(["--write-only"], ["/"], {
    hello: { offers: 7 },
    tamper: before("LIST_END", frame(SUBTREES, subtrees)),
  });
  await assertRefused(played, [12]);
});

row("--write-only says nothing of what a changed file looked like", async () => {
  const content = new Uint8Array(100_000).fill(7);
  const changed = content.slice();
  changed[50_000] = 8;
  const played = await served(["--write-only"], ["/"], {
    before: { big: content },
    plan: planOf({ big: changed }),
    hello: { offers: 7 },
  });
  await assertWorks(played);
  assert(!played.received.some((name) => ["SIGNATURE", "FINE", "DESCEND"].includes(name)), played.received.join(" "));
  assertEquals(played.after.get("big"), "f 100000 bytes");
});

// What is listed as something else than it is there.
const TURNED: [string, Tree][] = [
  ["a file that stands as a folder", { dir: "no folder\n" }],
  ["a folder that stands as a file", { "a.txt": { inner: "x\n" } }],
  ["a link that stands as a file", { "a.txt": { link: "../canary/secret.txt" } }],
  ["a file that stands as a link", { in: "no link\n" }],
  ["a folder that stands as a link", { in: { "old.txt": "x\n" }, out: { "secret.txt": "x\n" } }],
];
for (const mode of KEEPS) {
  for (const [claim, tree] of TURNED) {
    row(`${mode}: ${claim} stays what it is`, async () => {
      const played = await served([mode], ["/"], { plan: planOf(tree) });
      await assertUnharmed(played);
      assertEquals([played.code, played.source?.problems.length! > 0], [0, true]);
      assertAsBefore(played);
    });
  }
}

row("--no-delete: a file gets new content, and nothing else goes", async () => {
  const played = await served(["--no-delete"], ["/"]);
  await assertWorks(played);
  assertArrived(played);
});

for (const flag of [0, JOB_BIT.ignoreTimes, JOB_BIT.checksum, JOB_BIT.reportUnchanged | JOB_BIT.reportEntries]) {
  row(`--append-new: what is there stays as it is, what is new comes (job bits ${flag.toString(16)})`, async () => {
    const played = await served(["--append-new"], ["/"], {
      job: { bits: ARCHIVE_BITS | flag },
      plan: planOf({ ...NEW_TREE, extra: "", dir: { "b.txt": "bee\n", "old.txt": "other\n" } }),
    });
    await assertUnharmed(played);
    assertEquals(played.code, 0);
    for (const [path, what] of played.before) assertEquals(played.after.get(path), what, path);
    assertEquals(played.after.get("dir/b.txt"), "f bee\n");
    assertEquals(played.after.size, played.before.size + 2);
    const told = played.source!.problems.map(({ cause, path }) => `${cause} ${fromLatin1(path)}`).sort();
    assertEquals(told, ["62 a.txt", "62 dir/old.txt", "62 extra"]);
  });
}

row("--read-only: a pull of all that is there touches none of it", async () => {
  const played = await served(["--read-only"], ["/"], { role: "agent source", before: OLD_TARGET });
  await assertWorks(played);
  assertEquals(played.target!.contents.size, 3);
  assertAsBefore(played);
});

testRows(rows);
