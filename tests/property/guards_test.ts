// The guards, each over every way a run can go: what they refuse they refuse before the first change, with the exit code and the option
// that lets it pass; what looks like it and is harmless passes.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { Cause } from "../../lib/base/problem.ts";
import { isSameDevice } from "../../lib/engine/source_devices.ts";
import type { MemoryOptions, MemoryOs } from "../../lib/os/memory.ts";
import { OpenMode, Stat } from "../../lib/os/os.ts";
import { ARCHIVE, type MemoryOutcome, type MemoryRun, runInMemory, type Way } from "../support/memory_run.ts";
import { paths, tree } from "../support/memory_tree.ts";

const WAYS: Way[] = ["local", "push", "pull"];
const DELETE: Partial<SyncOptions> = { ...ARCHIVE, delete: true };

function refused(outcome: MemoryOutcome, code: number, says: RegExp): void {
  assert.equal(outcome.code, code, String(outcome.error));
  assert.match((outcome.error as Error).message, says);
}

function passed(outcome: MemoryOutcome): void {
  assert.equal(outcome.code, 0, String(outcome.error ?? JSON.stringify(outcome.problems)));
}

function local(os: MemoryOs, options: Partial<SyncOptions>, sources: string[], targetPath: string) {
  return runInMemory({ way: "local", options, source: os, target: os, sources, targetPath });
}

function exclude(pattern: string): Partial<SyncOptions> {
  return { filters: [{ pattern: utf8(pattern), flags: 0 }] };
}

// ---- overlap

const NESTED = { "home/a": "a", "home/sub/b": "b", "home/backup/": "" };

Deno.test("a target inside the source is refused with exit 3 before the first change, however it is written", async () => {
  for (
    const [source, target] of [
      ["/home/", "/home/backup"],
      ["/home", "/home/backup/"],
      ["/home", "/home/sub/../backup"],
      ["/home/", "/home/new"],
      ["/home", "/home"],
      ["/", "/home/backup"],
    ]
  ) {
    for (const dryRun of [false, true]) {
      const os = tree(NESTED);
      const before = paths(os, "/");
      refused(await local(os, { ...ARCHIVE, dryRun }, [source], target), 3, /lies inside the source .* --no-guard/);
      assert.deepEqual(paths(os, "/"), before, `${source} ${target}`);
    }
  }
});

Deno.test("a file in the source is no target, and is called what it is", async () => {
  for (const target of ["/home/a", "/home/sub/b"]) {
    const os = tree(NESTED);
    refused(await local(os, ARCHIVE, ["/home/"], target), 3, /cannot use .* as target: it is not a folder/);
    assert.deepEqual(paths(os, "/"), paths(tree(NESTED), "/"));
  }
});

Deno.test("a target inside the source is found through a link", async () => {
  const os = tree(NESTED);
  const root = os.openRoot(utf8("/"));
  os.makeLink(root, utf8("there"), utf8("home/backup"));
  refused(await local(os, ARCHIVE, ["/home/"], "/there/"), 3, /lies inside the source/);
});

Deno.test("a target inside the source passes where a rule leaves it out, where nothing is listed there, and with --no-guard", async () => {
  const cases: [string, Partial<SyncOptions>, string][] = [
    ["/home/", exclude("/backup/"), "/home/backup"],
    ["/home", exclude("backup"), "/home/backup"],
    ["/home/a", {}, "/home/backup/"],
    ["/home/sub/", {}, "/home/backup/"],
  ];
  for (const [source, options, target] of cases) {
    const os = tree(NESTED);
    passed(await local(os, { ...ARCHIVE, ...options }, [source], target));
    assert.ok(paths(os, target).length > 0);
  }
  // As rsync does it: what the run writes it may find again.
  const os = tree(NESTED);
  assert.equal((await local(os, { ...ARCHIVE, noGuard: true }, ["/home/"], "/home/new")).error, null);
  assert.ok(paths(os, "/home/new").includes("sub/b"));
});

Deno.test("a target that cannot be looked at while it is compared with the source is told, or the run goes on: nothing breaks", async () => {
  const codes = new Set<number>();
  for (const verb of ["statPath", "statHandle"] as const) {
    for (let when = 1; when <= 8; when++) {
      const os = tree({ "s/a": "new", "s/sub/b": "b", "d/a": "older", "d/gone": "gone" });
      os.fault({ verb, when, errno: 5 });
      const outcome = await local(os, { ...DELETE, noGuard: false }, ["/s/"], "/d");
      assert.ok([0, 3, 11, 23].includes(outcome.code), `${verb} ${when}: ${(outcome.error as Error)?.stack}`);
      if (outcome.code === 3 || outcome.code === 11) {
        assert.match((outcome.error as Error).message, /Input\/output error/);
      }
      codes.add(outcome.code);
    }
  }
  assert.deepEqual([...codes].sort(), [0, 23]);
});

Deno.test("--delete does not reach a source inside the target, nor a target that is the source", async () => {
  for (
    const [source, target] of [["/home/sub/", "/home"], ["/home/sub", "/"], ["/home/", "/home"], ["/home", "/"]]
  ) {
    const os = tree({ ...NESTED, "home/home/x": "x" });
    const before = paths(os, "/");
    const outcome = await local(os, DELETE, [source], target);
    if (source === "/home/sub" && target === "/") passed(outcome);
    else {
      refused(outcome, 3, /--delete could delete .*--no-guard/);
      assert.deepEqual(paths(os, "/"), before, `${source} ${target}`);
    }
  }
  const kept = tree(NESTED);
  passed(await local(kept, { ...DELETE, ...exclude("/sub/") }, ["/home/sub/"], "/home"));
  assert.deepEqual(paths(kept, "/home"), ["b", "sub", "sub/b"]);
});

// ---- another device

Deno.test("a source on another device than last time is refused with exit 25 by a run that may delete, on the source's machine", async () => {
  for (const way of WAYS) {
    const about: MemoryOptions = { fileSystemType: 0xef53, fileSystemId: "1111111111111111" };
    const source = tree({ "s/a": "a", "s/b": "b" }, about);
    const target = way === "local" ? source : tree({ "d/old": "old" });
    const run: MemoryRun = { way, options: DELETE, source, target, home: "/" };
    const at = (more: Partial<SyncOptions>) => runInMemory({ ...run, options: { ...DELETE, ...more } });
    passed(await at({ dryRun: true }));
    assert.deepEqual(paths(source, "/.tsync"), [], "a dry run notes nothing");
    passed(await at({}));
    const noted = paths(source, "/.tsync");
    assert.equal(noted.length, 2, `${way}: ${noted}`);
    passed(await at({}));
    // Another disk is mounted there now, or none.
    Object.assign(about, { fileSystemType: 0x01021994, fileSystemId: "2222222222222222" });
    const before = paths(target, "/d");
    for (const dryRun of [true, false]) {
      refused(await at({ dryRun }), 25, /"\/s\/" is on another device .*--allow-other-device/);
    }
    assert.deepEqual(paths(target, "/d"), before);
    passed(await at({ delete: false }));
    passed(await at({ noGuard: true }));
    refused(await at({}), 25, /another device/);
    passed(await at({ allowOtherDevice: true }));
    passed(await at({}));
  }
});

Deno.test("J02: a source that was a folder and is a file now is refused with exit 25, and nothing is removed", async () => {
  const os = tree({ "s/dir/a": "a", "d/": "" });
  const run: MemoryRun = { way: "local", options: DELETE, source: os, target: os, sources: ["/s/dir"], home: "/" };
  passed(await runInMemory(run));
  const s = os.openRoot(utf8("/s"));
  os.rename(s, utf8("dir"), s, utf8("away"));
  os.close(os.openFile(s, utf8("dir"), OpenMode.create, 0o644));
  refused(await runInMemory(run), 25, /was a folder .* is none any more/);
  assert.deepEqual(paths(os, "/d"), ["dir", "dir/a"]);
});

Deno.test("a note of the device that is no note of ours is passed over with a warning, and the run goes on", async () => {
  const os = tree({ "s/a": "a" });
  const run: MemoryRun = { way: "local", options: DELETE, source: os, target: os, home: "/" };
  passed(await runInMemory(run));
  const state = os.openRoot(utf8("/.tsync/state"));
  const [name] = paths(os, "/.tsync/state");
  for (const content of ["{", "[]", '{"v":1,"path":"/other","device":"0:1","fileSystem":"","type":1}']) {
    os.unlink(state, utf8(name));
    const file = os.openFile(state, utf8(name), OpenMode.create, 0o600);
    os.writeAll(file, utf8(content));
    os.close(file);
    const outcome = await runInMemory(run);
    passed(outcome);
    assert.deepEqual(outcome.problems.map(({ cause }) => cause), [Cause.stateUnused]);
  }
  os.unlink(state, utf8(name));
  os.makeLink(state, utf8(name), utf8("/s/a"));
  const outcome = await runInMemory(run);
  assert.match(new TextDecoder().decode(outcome.problems[0].path), /it is a link/);
});

Deno.test("isSameDevice: a device that was renumbered is the same, another file system is not", () => {
  const ext = { device: "8:1", fileSystem: "aa", type: 1 };
  const same = (now: Partial<typeof ext>, before: Partial<typeof ext> = {}) =>
    isSameDevice({ ...ext, ...before }, { ...ext, ...now });
  assert.equal(same({}), true);
  assert.equal(same({ device: "8:17" }), true);
  assert.equal(same({ device: "8:17", fileSystem: "bb" }), false);
  assert.equal(same({ device: "8:17", fileSystem: "" }, { fileSystem: "" }), false);
  assert.equal(same({ device: "0:50", fileSystem: "" }, { device: "0:44", fileSystem: "" }), true);
  assert.equal(same({ type: 2 }), false);
});

// ---- space

Deno.test("a plan that does not fit is refused with exit 11 before a file is written, with need and have", async () => {
  for (const way of WAYS) {
    for (const dryRun of [false, true]) {
      for (
        const [holds, says] of [[{}, /300000 bytes more, 200704 are free/], [
          { "d/x": "x" },
          /196608 are free/,
        ]] as const
      ) {
        const files = { "s/a": 100_000, "s/b": 100_000, "s/c": 100_000 };
        const target = tree({ ...holds, ...(way === "local" ? files : {}), "d/": "" }, {
          totalBytes: way === "local" ? 200_704 + 3 * 102_400 : 200_704,
        });
        const source = way === "local" ? target : tree(files);
        const run: MemoryRun = { way, options: { ...ARCHIVE, dryRun }, source, target };
        refused(await runInMemory(run), 11, new RegExp(`not enough space.*${says.source}.*--no-space-check`));
        assert.deepEqual(paths(target, "/d"), Object.keys(holds).map((path) => path.slice(2)));
        if (dryRun) continue;
        // Without the check the disk says it, and what is in place is complete.
        const outcome = await runInMemory({ ...run, options: { ...ARCHIVE, noSpaceCheck: true } });
        refused(outcome, 11, /No space left/);
      }
    }
  }
});

Deno.test("K08: files that are replaced one after the other fit where only one has room", async () => {
  for (const way of WAYS) {
    const old = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`d/f${i}`, 98_304]));
    const fresh = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`s/f${i}`, 100_000]));
    const room = (count: number) => count * 102_400;
    const target = tree({ ...old, ...(way === "local" ? fresh : {}) }, {
      totalBytes: room(way === "local" ? 20 : 10) + 102_400,
    });
    const source = way === "local" ? target : tree(fresh);
    passed(await runInMemory({ way, options: { ...ARCHIVE, wholeFile: true }, source, target }));
  }
});

Deno.test("holes of the source need no room", async () => {
  for (const way of WAYS) {
    const source = tree({ "s/": "", "d/": "" }, { totalBytes: 200_704 });
    const folder = source.openRoot(utf8("/s"));
    const file = source.openFile(folder, utf8("holes"), OpenMode.create, 0o644);
    source.writeAllAt(file, utf8("end"), 10_000_000);
    source.close(file);
    const target = way === "local" ? source : tree({ "d/": "" }, { totalBytes: 200_704 });
    passed(await runInMemory({ way, options: ARCHIVE, source, target }));
    const stat = new Stat();
    target.statPath(utf8("/d/holes"), true, stat);
    assert.equal(stat.size, 10_000_003);
  }
});

Deno.test("a plan of more entries than inodes is refused; what may be compressed or shared is not", async () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`s/f${i}`, "x"]));
  refused(
    await runInMemory({
      way: "push",
      options: ARCHIVE,
      source: tree(many),
      target: tree({ "d/": "" }, { inodes: 40 }),
    }),
    11,
    /50 inodes, 39 are free/,
  );
  const large = { "s/a": 300_000 };
  const btrfs = tree({ "d/": "" }, { totalBytes: 200_704, fileSystemType: 0x9123683e });
  refused(
    await runInMemory({ way: "push", options: ARCHIVE, source: tree(large), target: btrfs }),
    11,
    /No space left/,
  );
  const xfs = tree({ ...large, "d/": "" }, { totalBytes: 303_104 + 8192, fileSystemType: 0x58465342 });
  refused(await local(xfs, ARCHIVE, ["/s/"], "/d"), 11, /No space left/);
});

// ---- the target root

Deno.test("a target root that is removed or replaced while the run writes ends it with exit 11, and nothing is made in its place", async () => {
  for (const way of WAYS) {
    for (const replaces of [false, true]) {
      const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`s/f${i}`, `content ${i}`]));
      const target = tree({ ...(way === "local" ? files : {}), "d/old": "old" });
      const source = way === "local" ? target : tree(files);
      let done = false;
      target.fault((call) => {
        if (done || call.verb !== "writeAll" && call.verb !== "writeAllAt") return undefined;
        done = true;
        const top = target.openRoot(utf8("/"));
        target.rename(top, utf8("d"), top, utf8("away"));
        if (replaces) target.makeFolder(top, utf8("d"), 0o755);
        target.close(top);
        return undefined;
      });
      const outcome = await runInMemory({ way, options: DELETE, source, target });
      refused(outcome, 11, /"\/d" was removed or replaced/);
      assert.deepEqual(paths(target, "/d"), []);
      assert.ok(paths(target, "/away").includes("old"), "nothing was deleted");
    }
  }
});
