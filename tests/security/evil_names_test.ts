// F05, F06, F07: names that are none, paths that leave, folders that are links, entries twice, and entries nobody asked for.
// Whatever is refused, the canary beside the target stays as it is; the legal twins are here and in evil_legal_test.ts.

import { assert, assertEquals } from "@std/assert";
import {
  CAUSE,
  concat,
  encodeCheck,
  encodeDeleted,
  encodeList,
  type Entry,
  frame,
  JOB_BIT,
  KIND,
  latin1,
  makeEntry,
  PIECE,
  TYPE,
} from "../support/protocol_bytes.ts";
import { planOf, rootsOf, type SourcePlan, type Tree } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import {
  assertArrived,
  assertRefused,
  assertUnharmed,
  assertWorks,
  expected,
  NEW_TREE,
  play,
  type Played,
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
const refused = (role: Role, claim: string, scenario: () => Scenario, codes = [12], fresh?: "anything") =>
  hostile.push({
    name: `${role}: ${claim} is refused`,
    run: async () => await assertRefused(await play(role, { ...scenario() }), codes, fresh),
  });

/** A plan whose root holds these entries and nothing else. */
function planWith(...entries: Entry[]): SourcePlan {
  const plan = planOf({});
  plan.lists[0].entries = entries;
  return plan;
}

// ---- F05 ----
const BAD_NAMES: [string, string][] = [
  ["..", ".."],
  [".", "."],
  ["empty", ""],
  ["/x", "/x"],
  ["a/../../x", "a/../../x"],
  ["a//b", "a//b"],
  ["a/", "a/"],
  ["../canary/new", "../canary/new"],
  ["with NUL", "a\0b"],
  ["NUL alone", "\0"],
];
for (const role of TARGETS) {
  for (const [claim, name] of BAD_NAMES) {
    for (const kind of ["file", "folder", "link"] as const) {
      if (kind === "link" && claim.length > 5) continue;
      refused(role, `a ${kind} with the name ${claim}`, () => ({
        plan: planWith(makeEntry(name, { kind: KIND[kind], target: latin1("../canary") })),
      }));
    }
  }
  refused(role, "a name of 256 bytes, made by a shared prefix", () => {
    const long = makeEntry("x".repeat(255));
    const list = encodeList(0, [long]);
    const second = Uint8Array.of(7, 0xa4, 0x81, 255, 1, 0x79, 0, 0, 0, 0, 0);
    list[2] = 2;
    return { tamper: edit("LIST", () => concat(list, second)) };
  });
  refused(role, "a prefix longer than the name before", () => {
    const list = encodeList(0, [makeEntry("ab")]);
    list[2] = 2;
    return { tamper: edit("LIST", () => concat(list, Uint8Array.of(7, 0xa4, 0x81, 3, 1, 0x79, 0, 0, 0, 0, 0))) };
  });
  refused(
    role,
    "a path of more than 4,095 bytes",
    () => {
      let tree: Tree = {};
      for (let i = 0; i < 17; i++) tree = { ["n".repeat(255)]: tree };
      return { plan: planOf(tree), before: {} };
    },
    [12, 23],
    "anything",
  );
  refused(
    role,
    "a path of more than 1,024 names",
    () => {
      let tree: Tree = {};
      for (let i = 0; i < 1_030; i++) tree = { d: tree };
      return { plan: planOf(tree), before: {} };
    },
    [12, 23],
    "anything",
  );
}
const BAD_PATHS: [string, string][] = [
  ...BAD_NAMES.filter(([, name]) => name !== ""),
  ["dir/..", "dir/.."],
  ["dir/../../canary", "dir/../../canary"],
  ["/etc/passwd", "/etc/passwd"],
  ["dir/./x", "dir/./x"],
  ["a name of 256 bytes", "x".repeat(256)],
  ["5,000 bytes", "x/".repeat(2_499) + "xx"],
  ["1,025 names", "x/".repeat(1_024) + "x"],
];
for (const [claim, path] of BAD_PATHS) {
  for (const role of SOURCES) {
    refused(role, `CHECK of ${claim}`, () => ({ check: [latin1("gone"), latin1(path)] }));
  }
  refused("client source", `DELETED of ${claim}`, () => ({
    tamper: before("TOTALS", frame(TYPE.DELETED, encodeDeleted(KIND.file, latin1(path)))),
  }));
}
for (const role of SOURCES) {
  refused(role, "CHECK of the root", () => ({
    check: [latin1("gone")],
    tamper: instead("CHECK", frame(TYPE.CHECK, encodeCheck([latin1("")]))),
  }));
}
for (const role of SOURCES) {
  rows.push({
    name: `${role}: CHECK of a path of 1,024 names and one with a name of 255 bytes is answered`,
    async run() {
      const check = ["x/".repeat(1_023) + "x", "x".repeat(255), "a.txt/below"].map(latin1);
      const played = await play(role, { check });
      await assertWorks(played);
      assertEquals(played.target?.checked, Uint8Array.of(3, 7));
    },
  });
}

// ---- F06 ----
for (const role of TARGETS) {
  const link = makeEntry("d", { kind: KIND.link, permissions: 0o777, target: latin1("../canary") });
  const folder = makeEntry("d", { kind: KIND.folder, permissions: 0o755 });
  const file = (name: string) => makeEntry(name, { size: 4 });
  const lists = (...pieces: [number | bigint, number, Entry[]][]): Scenario => {
    const plan = planOf({});
    plan.lists = pieces.map(([index, flags, entries]) => ({ folder: index, flags, entries }));
    return { plan };
  };
  // What was legal in such a list may lie there already: the old files and the canary are what counts.
  const broken = (claim: string, scenario: () => Scenario) => refused(role, claim, scenario, [12], "anything");
  broken("a LIST below an entry that is a link", () => lists([0, 3, [link]], [1, 3, [file("f")]]));
  broken("a LIST below an entry that is a file", () => lists([0, 3, [file("d")]], [1, 3, [file("f")]]));
  broken("a LIST of a folder that was not announced", () => lists([0, 3, [folder]], [2, 3, []]));
  broken("a LIST of folder 2^32", () => lists([0, 3, [folder]], [2n ** 32n, 3, []]));
  broken("a LIST of folder 2^53-1", () => lists([0, 3, [folder]], [2n ** 53n - 1n, 3, []]));
  broken("a folder listed twice", () => lists([0, 3, [folder]], [1, 3, [file("f")]], [1, 3, [file("g")]]));
  broken("the root listed twice", () => lists([0, 3, [folder]], [0, 3, [file("f")]]));
  broken("a first LIST of another folder than the root", () => lists([1, 3, [folder]]));
  broken("a child before its folder", () => lists([0, 1, [file("a")]], [2, 3, [file("f")]], [0, 2, [folder]]));
  broken("a piece without a first one", () => lists([0, 2, [folder]]));
  broken("a second first piece", () => lists([0, 1, [file("a")]], [0, 3, [folder]]));
  broken("a LIST between two pieces of another", () => lists([0, 1, [folder]], [1, 3, []], [0, 2, [file("z")]]));
  broken("a piece after the last one", () => lists([0, 3, [file("a")]], [0, 2, [file("b")]]));
  broken("an index into the list being sent", () => lists([0, 3, [folder]], [1, 3, [folder]], [3, 3, []]));
  broken("the same name as file and folder", () => lists([0, 3, [file("d"), folder]], [2, 3, []]));
  broken("the same name as folder and link", () => lists([0, 3, [folder, link]], [1, 3, [file("secret.txt")]]));
  broken("the same name as link and folder", () => lists([0, 3, [link, folder]], [2, 3, [file("secret.txt")]]));
  broken("the same name in two pieces", () => lists([0, 1, [link]], [0, 2, [folder]], [2, 3, [file("secret.txt")]]));
  broken("names that fall", () => lists([0, 3, [file("b"), file("a")]]));
  broken("names that fall across pieces", () => lists([0, 1, [file("b")]], [0, 2, [file("a")]]));
  broken("names in signed byte order", () => lists([0, 3, [file("\xff"), file("a")]]));
  refused(role, "a root that is a file", () => ({ plan: planOf(NEW_TREE, { mode: (KIND.file << 12) | 0o644 }) }));
  refused(role, "a root that is a link", () => ({ plan: planOf(NEW_TREE, { mode: (KIND.link << 12) | 0o777 }) }));
  rows.push({
    name: `${role}: links planted at the target are replaced, never followed`,
    async run() {
      const planted: Tree = {
        "a.txt": { link: "../canary/secret.txt" },
        dir: { link: "../canary" },
        link: { link: "../canary/inner" },
      };
      const played = await play(role, {
        before: planted,
        plan: planOf({ ...NEW_TREE, dir: { "secret.txt": "evil" } }),
      });
      await assertWorks(played);
      assertArrived(played, { ...NEW_TREE, dir: { "secret.txt": "evil" } });
    },
  });
  rows.push({
    name: `${role}: a link of the list may point anywhere; nothing is written through it`,
    async run() {
      const tree: Tree = { out: { link: "../canary" }, root: { link: "/" }, self: { link: "self" } };
      const played = await play(role, { plan: planOf(tree) });
      await assertWorks(played);
      assertArrived(played, tree);
    },
  });
}

// ---- F07 ----
/** The session was ended without harm, and none of these names was made. */
async function notMade(played: Played, names: string[]): Promise<void> {
  await assertUnharmed(played);
  assertEquals(played.code, 12, played.stderr);
  for (const name of names) assert(!played.after.has(name), `${name} was made`);
}

const UNASKED: [claim: string, names: string[], scenario: () => Scenario][] = [
  ["a second top-level name", ["two"], () => ({
    sources: ["src/one"],
    plan: planOf({ one: "1", two: "2" }, { flags: 0 }),
  })],
  [
    "another top-level name",
    ["two"],
    () => ({ sources: ["src/one"], plan: planOf({ two: "2" }, { flags: 0 }) }),
  ],
  ["a name that --exclude names", ["secret.txt"], () => ({
    options: ["-a", "--exclude=secret*"],
    plan: planOf({ "open.txt": "1", "secret.txt": "2" }),
  })],
  ["a nested name that --exclude names", ["dir/b.txt"], () => ({
    options: ["-a", "--exclude=/dir/b.txt"],
    plan: planOf({ dir: { "b.txt": "1", "c.txt": "2" } }),
  })],
  ["a folder that --exclude names", ["cache", "cache/x"], () => ({
    options: ["-a", "--exclude=cache/"],
    plan: planOf({ a: "1", cache: { x: "2" } }),
  })],
  [
    "a link without --links",
    ["link"],
    () => ({ options: ["-rt"], plan: planOf({ a: "1", link: { link: "a" } }) }),
  ],
  ["a FIFO without --specials", ["pipe"], () => ({
    options: ["-rt"],
    plan: planOf({ a: "1", pipe: { entry: makeEntry("pipe", { kind: KIND.fifo }) } }),
  })],
  ["a device without --devices", ["null"], () => ({
    options: ["-rlt"],
    plan: planOf({ a: "1", null: { entry: makeEntry("null", { kind: KIND.charDevice, major: 1, minor: 3 }) } }),
  })],
  ["the content of a folder without --recursive", ["d/f"], () => ({
    options: ["-lptgoD"],
    sources: ["src/d"],
    plan: planOf({ d: { f: "1" } }, { flags: 0 }),
  })],
  ["a folder where a single file was announced", ["d", "d/f"], () => ({
    sources: ["src/d"],
    plan: planOf({ d: { f: "1" } }, { flags: 2 }),
  })],
  ["two entries where a single one was announced", ["e"], () => ({
    sources: ["src/d"],
    plan: planOf({ d: "1", e: "1" }, { flags: 2 }),
  })],
  ["a root folder where a name was asked for", ["passwd"], () => ({
    sources: ["src/one"],
    plan: planOf({ passwd: "1" }),
  })],
];
for (const [claim, names, scenario] of UNASKED) {
  hostile.push({
    name: `client target: ${claim} is not made`,
    run: async () => await notMade(await play("client target", scenario()), names),
  });
}
for (const kind of [KIND.link, KIND.fifo, KIND.charDevice]) {
  rows.push({
    name: `agent target: an entry of kind ${kind} that the job does not ask for is not made`,
    async run() {
      const odd = makeEntry("odd", { kind, target: latin1("a"), major: 1, minor: 3 });
      const job = { bits: JOB_BIT.recursive | JOB_BIT.times };
      await notMade(await play("agent target", { job, plan: planOf({ a: "1", odd: { entry: odd } }) }), ["odd"]);
    },
  });
}
rows.push({
  name: "agent target: a name that the job's own rules exclude is not made",
  async run() {
    const job = { rules: [{ flags: 0, pattern: latin1("secret*") }] };
    const plan = planOf({ open: "1", "secret.txt": "2" });
    await notMade(await play("agent target", { job, plan }), ["secret.txt"]);
  },
});
rows.push({
  name: "agent target: a name that a rule before the first dir-merge excludes is not made",
  async run() {
    const job = { rules: [{ flags: 0, pattern: latin1("secret*") }, { flags: 128, pattern: latin1(".rules") }] };
    const plan = planOf({ open: "1", "secret.txt": "2" });
    await notMade(await play("agent target", { job, plan }), ["secret.txt"]);
  },
});
rows.push({
  name: "client target: the one name that was asked for arrives",
  async run() {
    const plan = planOf({ one: "1" }, { flags: 0 });
    const played = await play("client target", { sources: ["src/one"], plan });
    await assertWorks(played);
    assertArrived(played, { one: "1" });
  },
});
rows.push({
  name: "client target: a folder asked for by name arrives with all below it",
  async run() {
    const plan = planOf({ one: { two: { three: "3" } } }, { flags: 0 });
    const played = await play("client target", { sources: ["src/one"], plan });
    await assertWorks(played);
    assertArrived(played, { one: { two: { three: "3" } } });
  },
});
rows.push({
  name: "client target: what the rules let through arrives",
  async run() {
    const plan = planOf({ "open.txt": "1", dir: { "c.txt": "2" } });
    const played = await play("client target", { options: ["-a", "--exclude=secret*", "--exclude=/dir/b.txt"], plan });
    await assertWorks(played);
    assertArrived(played, { "open.txt": "1", dir: { "c.txt": "2" } });
  },
});
for (const role of TARGETS) {
  rows.push({
    name: `${role}: names that look like our own temporary files harm nothing`,
    async run() {
      const tree: Tree = {
        ".tsync-00000000-0000000000000000": "evil",
        ".tsync-partial": { x: "evil" },
        "a.txt": "new\n",
      };
      const played = await play(role, { plan: planOf(tree) });
      await assertUnharmed(played);
      // A name of ours is a problem of that entry: the client's exit says so, the agent tells its client.
      assertEquals(played.code, role === "client target" ? 23 : 0, played.stderr);
      assert(!played.after.has(".tsync-partial/x"), "a partial was planted");
      if (role === "agent target") {
        assert(played.source!.problems.some((problem) => problem.cause === CAUSE.reservedName));
      }
      assertEquals(played.after.get("a.txt"), "f new\n");
    },
  });
  rows.push({
    name: `${role}: a planted link with the name of a folder of partials is not followed`,
    async run() {
      const played = await play(role, { before: { ".tsync-partial": { link: "../canary" }, "a.txt": "old\n" } });
      await assertUnharmed(played);
      assert([0, 23].includes(played.code), `exit ${played.code}: ${played.stderr}`);
    },
  });
}

testRows([...sample(hostile, 80, LONG), ...rows]);

// The helpers of this file are themselves kept honest.
Deno.test("planWith: the expected files of a plan are those of its tree", () => {
  assertEquals([...expected({ a: "1", d: { e: "2" } }).keys()], ["a", "d", "d/e"]);
  assertEquals(planWith(makeEntry("x")).lists[0].flags, PIECE.first | PIECE.last);
  assertEquals(rootsOf().flags, 1);
  assertEquals(encodeCheck([latin1("a")]), Uint8Array.of(1, 1, 0x61));
});
