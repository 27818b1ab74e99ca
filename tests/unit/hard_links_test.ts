// Names of one inode (-H) over the tree in memory: too many names, many names over many folders, a second run, a source that
// cannot give the content, what a dead run left behind.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { Cause } from "../../lib/base/problem.ts";
import { type MemoryOptions, type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Errno, Kind, Stat } from "../../lib/os/os.ts";
import { ARCHIVE, type MemoryRun, runInMemory, type Way } from "../support/memory_run.ts";
import { content, type Entry, file, folder, harvest, plant, sameAs, split } from "../support/trees.ts";

const T = { sec: 1_600_000_000, ns: 5 };
const OPTIONS = { ...ARCHIVE, hardLinks: true };
const WAYS: Way[] = ["local", "push", "pull"];

function tree(entries: readonly Entry[], options: MemoryOptions = {}): MemoryOs {
  const os = openMemory(options);
  plant("/", [folder("s"), folder("d"), ...entries], os);
  return os;
}

/** Both ends have the same tree in the beginning; only the target's is looked at. */
async function run(way: Way, target: MemoryOs, source: MemoryOs = target, options: MemoryRun["options"] = {}) {
  return await runInMemory({ way, source, target, options: { ...OPTIONS, ...options } });
}

/** Inode and number of names of the entry at `path`. */
function inode(os: MemoryOs, path: string): [number, number] {
  const [parent, name] = split(path);
  const handle = os.openRoot(utf8(`/${parent}`));
  const stat = new Stat();
  assert.equal(os.statAt(handle, utf8(name), 0, name.length, stat), 0, path);
  os.close(handle);
  return [stat.inoLow, stat.nlink];
}

const MANY = 300;
const many = () => {
  const names = Array.from({ length: MANY }, (_, i) => `s/f${i % 20}/n${i}`);
  return [file(names[0], "shared", T), ...names.slice(1).map((name) => sameAs(name, names[0]))];
};

for (const way of WAYS) {
  Deno.test(`${MANY} names over 20 folders are one inode with content sent once, and a second run changes nothing (${way})`, async () => {
    const os = tree(many());
    const first = await run(way, os);
    assert.deepEqual([first.code, first.totals.transferredFiles, first.totals.createdFiles], [0, 1, MANY]);
    const [, names] = inode(os, "d/f0/n0");
    assert.equal(names, MANY);
    const changes = os.changes();
    const second = await run(way, os);
    assert.deepEqual([second.code, second.lines, os.changes() - changes], [0, [], 0]);
  });

  Deno.test(`an inode that can have no more names goes on as a copy, which a second run leaves alone (${way})`, async () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"].map((name) => `s/${name}`);
    const source = tree([file(names[0], "shared", T), ...names.slice(1).map((name) => sameAs(name, names[0]))]);
    const target = way === "local" ? source : tree([], { linksMax: 3 });
    // In one process both ends have one system: there linking is made to fail.
    let links = 0;
    const refuse = () =>
      target.fault((call) => call.verb === "hardLink" && ++links % 3 === 0 ? Errno.EMLINK : undefined);
    if (way === "local") refuse();
    const first = await run(way, target, source);
    assert.deepEqual([first.code, first.error, first.totals.transferredFiles], [0, null, 1]);
    const found = harvest(target, utf8("/d"));
    for (const name of names) assert.equal(new TextDecoder().decode(content(found.get(name.slice(2))!)), "shared");
    if (way === "local") return;
    const groups = new Map<number, number>();
    for (const name of names) {
      groups.set(inode(target, `d/${name.slice(2)}`)[0], inode(target, `d/${name.slice(2)}`)[1]);
    }
    assert.deepEqual([...groups.values()].sort(), [1, 3, 3], JSON.stringify([...groups]));
    const second = await run(way, target, source);
    assert.deepEqual([second.code, second.lines, second.totals.transferredFiles], [0, [], 0]);
  });

  Deno.test(`where the content cannot be read the other names are told, and what stood there stays (${way})`, async () => {
    const source = tree([file("s/a", "new", T), sameAs("s/b", "s/a")]);
    const target = way === "local" ? source : tree([]);
    plant("/", [file("d/a", "old", { sec: 5 }), file("d/b", "old", { sec: 5 })], target);
    // Whichever name is opened to be read at the source; what stands at the target is not read.
    source.fault({ verb: "openFile", errno: Errno.EIO, name: utf8("a") });
    const outcome = await run(way, target, source);
    source.clearFaults();
    assert.equal(outcome.code, 23);
    assert.ok(outcome.problems.some(({ cause }) => cause === Cause.firstMissing));
    const found = harvest(target, utf8("/d"));
    for (const name of ["a", "b"]) assert.equal(new TextDecoder().decode(content(found.get(name)!)), "old");
  });

  Deno.test(`a link that a killed run left aside goes with the next run (${way})`, async () => {
    const source = tree([file("s/a", "1", T), sameAs("s/b", "s/a")]);
    const target = way === "local" ? source : tree([]);
    plant("/", [file("d/a", "1", T), file("d/b", "1", T)], target);
    target.fault({ verb: "rename", kill: "before" });
    await assert.rejects(run(way, target, source).then(({ error }) => Promise.reject(error)));
    target.restart();
    assert.ok([...harvest(target, utf8("/d")).keys()].some((path) => path.startsWith(".tsync-")));
    assert.equal((await run(way, target, source)).code, 0);
    assert.deepEqual([...harvest(target, utf8("/d")).keys()].sort(), ["", "a", "b"]);
    assert.equal(inode(target, "d/a")[0], inode(target, "d/b")[0]);
  });

  Deno.test(`what is swapped in under the first name after it was looked at is not linked with (${way})`, async () => {
    const source = tree([file("s/a", "1", T), sameAs("s/b", "s/a")]);
    const target = way === "local" ? source : tree([]);
    plant("/", [file("d/a", "1", T), file("outside", "canary", T)], target);
    target.fault((call) => {
      if (call.verb !== "hardLink") return undefined;
      target.clearFaults();
      const [root, d] = [target.openRoot(utf8("/")), target.openRoot(utf8("/d"))];
      target.exchange(root, utf8("outside"), d, utf8("a"));
      for (const handle of [root, d]) target.close(handle);
      return undefined;
    });
    const outcome = await run(way, target, source);
    assert.equal(outcome.code, 23);
    assert.ok(outcome.problems.some(({ cause }) => cause === Cause.targetChanged));
    assert.equal(harvest(target, utf8("/d")).has("b"), false);
  });
}

Deno.test("where the folder of the name that brings the content is lost, the others are told and the run ends", async () => {
  const names = [file("s/a", "1", T), sameAs("s/x/b", "s/a"), sameAs("s/y/c", "s/a"), folder("s/x"), folder("s/y")];
  for (const way of WAYS) {
    const source = tree(names);
    const target = way === "local" ? source : tree([]);
    for (const verb of ["makeFolder", "openFolder"] as const) {
      target.fault({ verb, errno: Errno.EACCES, name: utf8("y") });
    }
    const outcome = await run(way, target, source);
    assert.equal(outcome.code, 23, `${way}: ${outcome.error}`);
    assert.equal(outcome.problems.filter(({ cause }) => cause === Cause.firstMissing).length, 2);
    assert.deepEqual([...harvest(target, utf8("/d")).keys()].sort(), ["", "x"]);
  }
});

Deno.test("-c reads a file of several names once", async () => {
  const names = Array.from({ length: 30 }, (_, i) => `s/n${i}`);
  const source = tree([file(names[0], "1", T), ...names.slice(1).map((name) => sameAs(name, names[0]))]);
  const target = tree([]);
  assert.equal((await run("push", target, source)).code, 0);
  const before = source.calls("openFile");
  const again = await run("push", target, source, { checksum: true });
  assert.deepEqual([again.code, again.lines, source.calls("openFile") - before], [0, [], 1]);
});

Deno.test("links and specials that cannot be linked are made anew", async () => {
  const source = tree([
    { path: "s/l", kind: Kind.link, target: "x", ...T },
    sameAs("s/m", "s/l", Kind.link),
    { path: "s/p", kind: Kind.fifo, ...T },
    sameAs("s/q", "s/p", Kind.fifo),
  ]);
  const target = tree([]);
  target.fault({ verb: "hardLink", errno: Errno.EPERM });
  assert.equal((await run("push", target, source)).code, 0);
  const found = harvest(target, utf8("/d"));
  assert.deepEqual(["l", "m", "p", "q"].map((name) => found.get(name)?.kind), [
    Kind.link,
    Kind.link,
    Kind.fifo,
    Kind.fifo,
  ]);
});

Deno.test("killed at any call, every name holds the old content or the new, and the next run ends with one inode", async () => {
  const make = () =>
    tree([
      file("s/a", "new", T),
      sameAs("s/x/b", "s/a"),
      sameAs("s/y/c", "s/a"),
      folder("s/x"),
      folder("s/y"),
      file("d/a", "old", { sec: 5 }),
      file("d/x/b", "old", { sec: 5 }),
    ]);
  const text = (entry: Entry | undefined) => entry === undefined ? "" : new TextDecoder().decode(content(entry));
  const whole = make();
  const before = whole.changes();
  assert.equal((await run("local", whole)).code, 0);
  const calls = whole.changes() - before;
  assert.ok(calls > 8, `${calls} calls`);
  for (let n = 1; n <= calls; n++) {
    for (const kill of ["before", "after"] as const) {
      const os = make();
      os.fault({ verb: "changing", kill, when: n });
      await run("local", os);
      os.restart();
      const found = harvest(os, utf8("/d"));
      for (const [path, allowed] of [["a", ["old", "new"]], ["x/b", ["old", "new"]], ["y/c", ["", "new"]]] as const) {
        assert.ok((allowed as readonly string[]).includes(text(found.get(path))), `${path} ${kill} call ${n}`);
      }
      assert.equal((await run("local", os)).code, 0);
      const after = harvest(os, utf8("/d"));
      assert.deepEqual([...after.keys()].sort(), ["", "a", "x", "x/b", "y", "y/c"]);
      assert.deepEqual(["a", "x/b", "y/c"].map((path) => text(after.get(path))), ["new", "new", "new"]);
      assert.deepEqual(inode(os, "d/a"), inode(os, "d/y/c"));
      assert.deepEqual(inode(os, "d/a")[1], 3);
    }
  }
});

Deno.test("a dry run with -H, -A and -X changes nothing and prints what the real run prints", async () => {
  const entries = [
    file("s/a", "new", { ...T, attributes: { "user.x": "1" } }),
    sameAs("s/b", "s/a"),
    file("s/c", "same", { ...T, attributes: { "user.x": "1" } }),
    sameAs("s/d", "s/c"),
    file("d/a", "old", { sec: 5 }),
    file("d/b", "old", { sec: 5 }),
    file("d/c", "same", T),
    file("d/d", "same", T),
  ];
  for (const way of WAYS) {
    const os = tree(entries);
    const before = os.changes();
    const more = { acls: true, xattrs: true };
    const dry = await run(way, os, os, { ...more, dryRun: true });
    assert.equal(os.changes(), before);
    const real = await run(way, os, os, more);
    assert.deepEqual([dry.code, dry.lines.sort()], [0, real.lines.sort()]);
    assert.ok(real.lines.some((line) => line.startsWith("hf")), real.lines.join("\n"));
  }
});
