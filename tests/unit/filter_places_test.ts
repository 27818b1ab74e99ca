// Rules that depend on the folder: which hold where, what becomes of a file of rules that cannot be used, and what a target takes from
// a source whose rules it cannot know. That the answers are rsync's own is the business of tests/interop/filter_fuzz_rsync_test.ts.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { MERGE_FILE_BYTES } from "../../lib/base/limits.ts";
import { defaultOptions, type FilterRule } from "../../lib/base/options.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import type { FilterPlace } from "../../lib/filter/filter_set.ts";
import { RuleError, RuleFlag } from "../../lib/filter/rule.ts";
import { RuleList } from "../../lib/filter/rule_text.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Kind } from "../../lib/os/os.ts";
import { absolutePath, absoluteWord } from "../../lib/tree/merge_files.ts";
import { comparesTrees } from "../../lib/tree/subtree_digests.ts";
import { ARCHIVE, type MemoryOutcome, runInMemory } from "../support/memory_run.ts";
import { type Entry, file, folder, harvest, link, plant, special } from "../support/trees.ts";

/** Rules as --filter takes them. */
function rules(...texts: string[]): FilterRule[] {
  const list = new RuleList();
  for (const text of texts) assert.equal(list.addText(utf8(text), 0), undefined, text);
  return list.rules;
}

const OPTIONS = { ...ARCHIVE, delete: true, noGuard: true };

/** A run in memory, and the paths that the target then has. */
async function synchronise(
  entries: readonly Entry[],
  filters: FilterRule[],
): Promise<MemoryOutcome & { left: string[] }> {
  const os = openMemory();
  plant("/", [folder("s"), folder("d"), ...entries], os);
  const outcome = await runInMemory({ way: "push", options: { ...OPTIONS, filters }, source: os, target: os });
  assert.equal(os.openHandles(), 0, "handles are left open");
  return { ...outcome, left: [...harvest(os, utf8("/d")).keys()].filter((path) => path !== "").sort() };
}

Deno.test("a folder's rules hold in it and below it, before those it inherits", async () => {
  const source = ["x", "a/x", "a/y", "a/b/x", "a/b/y", "c/y"].map((path) => file(`s/${path}`, "1"));
  const files = [file("s/.f", "- x\n"), file("s/a/b/.f", "+ x\n- /y\n")];
  const { code, left } = await synchronise([...source, ...files], rules(":e .f"));
  assert.equal(code, 0);
  assert.deepEqual(left, ["a", "a/b", "a/b/x", "a/y", "c", "c/y"]);
});

Deno.test("for deletions the target's own files of rules count, as they were before the run changed them", async () => {
  const { code, left } = await synchronise(
    [
      file("s/.f", "- new\n"),
      file("d/.f", "P kept\n"),
      file("d/kept", "1"),
      file("d/gone/kept", "1"),
      file("d/gone/other", "1"),
    ],
    rules(": .f"),
  );
  assert.equal(code, 0);
  assert.deepEqual(left, [".f", "gone", "gone/kept", "kept"]);
});

const UNUSABLE: [string, Entry][] = [
  ["a link", link("a/.f", "../rules")],
  ["a FIFO", special("a/.f", Kind.fifo)],
  ["too large", file("a/.f", "", { size: MERGE_FILE_BYTES + 1 })],
];

for (const [what, entry] of UNUSABLE) {
  Deno.test(`a file of rules at the source that is ${what}: the folder is passed over, told, and nothing is deleted`, async () => {
    const entries = [{ ...entry, path: `s/${entry.path}` }, file("s/a/x", "1"), file("s/y", "1"), file("d/old", "1")];
    const { code, left, problems } = await synchronise([...entries, file("s/rules", "- nothing\n")], rules(": .f"));
    assert.equal(code, 23);
    assert.deepEqual(problems.map(({ path }) => latin1(path)), ["a/.f"]);
    assert.deepEqual(left, ["a", "old", "rules", "y"]);
  });

  Deno.test(`a file of rules at the target that is ${what}: nothing in its folder is deleted, and it is told`, async () => {
    const own = ["d/a/x", "d/a/b/x", "d/gone/a/x", "d/old"].map((path) => file(path, "1"));
    const entries = [...own, file("s/a/y", "1"), { ...entry, path: `d/${entry.path}` }, {
      ...entry,
      path: `d/gone/${entry.path}`,
    }];
    const { code, left, problems } = await synchronise(entries, rules(": .f"));
    assert.equal(code, 23);
    assert.ok(problems.some(({ path, side }) => latin1(path) === "a/.f" && side === 1));
    assert.deepEqual(left, ["a", "a/.f", "a/b", "a/b/x", "a/x", "a/y", "gone", "gone/a", "gone/a/.f", "gone/a/x"]);
  });
}

Deno.test("a folder of that name is no file of rules", async () => {
  const { code, left } = await synchronise([file("s/.f/x", "1"), file("d/old", "1")], rules(": .f"));
  assert.equal(code, 0);
  assert.deepEqual(left, [".f", ".f/x"]);
});

Deno.test("a rule that cannot be understood ends the run, as does a merge rule that leads out of its folder", async () => {
  for (const text of ["bogus", ". ../outside", ". /etc/passwd", ": /other", "-C", "- \n"]) {
    const { code, left, error } = await synchronise(
      [file("s/a/.f", `# rules\n${text}\n`), file("d/old", "1")],
      rules(": .f"),
    );
    assert.equal(code, 1, text);
    assert.match(String(error), /a\/\.f/, text);
    assert.ok(left.includes("old"));
  }
});

Deno.test("files of rules that name each other end somewhere", async () => {
  const { code } = await synchronise([file("s/.f", ": .g\n. .f\n"), file("s/.g", ": .f\n")], rules(": .f"));
  assert.equal(code, 1);
  const bush = [1, 2, 3, 4, 5].map((n) => file(`s/.${n}`, `. .${n + 1}\n`.repeat(200)));
  const { code: second, error } = await synchronise([...bush, file("s/.6", "")], rules(": .1"));
  assert.equal(second, 1);
  assert.match(String(error), /256 files/);
});

Deno.test("the folders above are looked into from where the rule's path says", async () => {
  const os = openMemory();
  const above = [file(".f", "- 1\n"), file("p/.f", "- 2\n- /q/s/3\n- /s/4\n"), file("p/q/.f", "- 5\n")];
  const content = ["1", "2", "3", "4", "5", "6"].map((name) => file(`p/q/s/${name}`, name));
  plant("/", [...above, ...content, folder("d")], os);
  for (
    const [path, expected] of [["/.f", "46"], ["../../.f", "146"], ["../.f", "12346"], ["/other/.f", "123456"], [
      ".f",
      "123456",
    ]]
  ) {
    const options = { ...OPTIONS, filters: rules(`: ${path}`) };
    const { code } = await runInMemory({ way: "local", options, source: os, target: os, sources: ["/p/q/s/"] });
    assert.equal(code, 0);
    assert.equal([...harvest(os, utf8("/d")).keys()].sort().join(""), expected, path);
  }
});

Deno.test("a file of rules above that names another one has that looked into as well, there and below", async () => {
  const os = openMemory();
  const above = [file("p/.f", ": .g\n"), file("p/.g", "- 1\n"), file("p/s/.g", "- 2\n")];
  plant("/", [...above, ...["1", "2", "3", "a/1", "a/2"].map((name) => file(`p/s/${name}`, name)), folder("d")], os);
  const options = { ...OPTIONS, filters: rules(":e /.f", "- .g") };
  await runInMemory({ way: "pull", options, source: os, target: os, sources: ["/p/s/"] });
  assert.deepEqual([...harvest(os, utf8("/d")).keys()].sort(), ["", "3", "a"]);
});

Deno.test("an absolute rule means the whole path at each end", () => {
  const set = filterSet(rules("-/ /home/me/x", "-/ me/y", "-s/ /srv/z"));
  const place = set.bare(utf8("home/me"));
  const excluded = (path: string, at: FilterPlace = place) => set.excluded(utf8(path), false, at);
  assert.deepEqual(["x", "y", "z", "a/x"].map((path) => excluded(path)), [true, true, false, false]);
  assert.equal(excluded("z", set.bare(utf8("srv"))), true);
  assert.equal(excluded("srv/z", set.bare(utf8(""))), true);
  assert.equal(set.protectedFromDeletion(utf8("x"), false, place), true);
  assert.equal(set.protectedFromDeletion(utf8("z"), false, set.bare(utf8("srv"))), false);
});

Deno.test("a perishable rule does not count in a folder that goes", () => {
  const set = filterSet(rules("-p *.o", "P x.o"));
  const asked = (path: string, isDoomed: boolean) => set.protectedFromDeletion(utf8(path), false, null, isDoomed);
  assert.deepEqual([asked("a.o", false), asked("a.o", true), asked("x.o", true)], [true, false, true]);
});

Deno.test("what a source may not list is judged by the rules before the first that the target cannot know", () => {
  const surely = (...texts: string[]) => filterSet(rules(...texts)).surelyExcluded(utf8("secret"), false);
  assert.deepEqual([surely("- secret"), surely("P secret"), surely("- secret", ": .f")], [true, false, true]);
  assert.deepEqual([surely(": .f", "- secret"), surely("-/ /a", "- secret"), surely("+ s*", "- secret")], [
    false,
    false,
    false,
  ]);
});

Deno.test("rules for names of extended attributes stand apart", () => {
  const set = filterSet(rules("-x user.a*", "+xr *", "-xr user.b"));
  assert.deepEqual([set.isEmpty, set.hasXattrRules, set.excluded(utf8("user.a"), false)], [true, true, false]);
  const asked = (name: string, end: "sender" | "receiver") => set.xattrExcluded(utf8(name), end);
  assert.deepEqual([asked("user.a1", "sender"), asked("user.b", "sender"), asked("user.b", "receiver")], [
    true,
    null,
    false,
  ]);
  assert.equal(filterSet(rules("- user.a")).hasXattrRules, false);
});

Deno.test("subtrees are compared by digest only where both sides leave out the same names", () => {
  const compares = (...texts: string[]) =>
    comparesTrees({ ...defaultOptions(), recursive: true, times: true, filters: rules(...texts) });
  assert.deepEqual([compares("- a", "+ b", "-p c"), compares("H a"), compares("-/ a"), compares(": .f")], [
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("a word is made an absolute path without asking the system", () => {
  const shown = (folder: string, word: string) => latin1(absoluteWord(folder, utf8(word)));
  assert.deepEqual([shown("/a/b", "c/"), shown("/a/b", "../c/./d//e"), shown("/a", "/x/.."), shown("/", "../..")], [
    "a/b/c",
    "a/c/d/e",
    "",
    "",
  ]);
  assert.equal(latin1(absolutePath(utf8("a/b"), utf8("../../.."))), "");
});

Deno.test("a rule whose flags do not fit together is refused", () => {
  for (const flags of [RuleFlag.words, RuleFlag.merge | RuleFlag.negated, 1 << 14]) {
    assert.throws(() => filterSet([{ flags, pattern: utf8("x") }]), /flags/);
  }
  assert.ok(new RuleList().addText(utf8(". x"), 0) instanceof RuleError);
});
