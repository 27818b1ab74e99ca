// The guard against a plan that does not fit: judged as a whole before the first change where the source could tell how much it holds, as it
// comes where not; what it cannot be sure of is not refused, and what is replaced one after the other needs room for one only (K08).

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import type { MemoryOptions, MemoryOs } from "../../lib/os/memory.ts";
import { OpenMode, Stat } from "../../lib/os/os.ts";
import { ARCHIVE, type MemoryOutcome, type MemoryRun, runInMemory, type Way } from "../support/memory_run.ts";
import { paths, tree } from "../support/memory_tree.ts";

const WAYS: Way[] = ["local", "push", "pull"];
const PAGE = 4096;
const XFS = 0x58465342;
type Files = Record<string, string | number>;

/** Source and target (one system in a local run), with `freePages` left where the target is. */
function disks(way: Way, files: Files, old: Files, freePages: number, more: MemoryOptions = {}) {
  const pagesOf = (tree: Files) =>
    Object.values(tree).reduce<number>(
      (sum, has) => sum + Math.ceil((typeof has === "number" ? has : has.length) / PAGE),
      0,
    );
  const isLocal = way === "local";
  const totalBytes = (freePages + pagesOf(old) + (isLocal ? pagesOf(files) : 0)) * PAGE;
  const target = tree({ ...(isLocal ? files : {}), ...old, "d/": "" }, { totalBytes, ...more });
  return { source: isLocal ? target : tree(files), target };
}

/** Each path below /d with its size and time, folders' times included. */
function state(os: MemoryOs): string[] {
  const stat = new Stat();
  return ["", ...paths(os, "/d").map((path) => `/${path}`)].map((path) => {
    os.statPath(utf8(`/d${path}`), false, stat);
    return `${path} ${stat.kind} ${stat.size} ${stat.mtimeSec}.${stat.mtimeNs} ${stat.inoLow}`;
  });
}

function refused(outcome: MemoryOutcome, says: RegExp): void {
  assert.equal(outcome.code, 11, String(outcome.error ?? JSON.stringify(outcome.problems)));
  assert.match((outcome.error as Error).message, says);
}

function passed(outcome: MemoryOutcome): void {
  assert.equal(outcome.code, 0, String(outcome.error ?? JSON.stringify(outcome.problems)));
}

/** A folder whose files fit, and a later one whose files do not. */
const LATER: Files = { "s/a/new/f": 5 * PAGE, "s/a/old": 2 * PAGE, "s/z/large": 30 * PAGE };

Deno.test("a plan that fits only in part is refused before the first change, whatever the target holds, with need and have", async () => {
  const holds: [Files, RegExp, Partial<SyncOptions>?][] = [
    [{}, /at least 151552 bytes more, 122880 are free: (no file was written|nothing was changed); .*--no-space-check/],
    [{ "d/a/old": PAGE, "d/extra": "x" }, /at least 147456 bytes more, 122880 are free: nothing was changed/],
    [{ "d/a/old": 2 * PAGE, "d/extra": "x" }, /nothing was changed/, { checksum: true, delete: true }],
    [{ "d/a/old": PAGE, "d/z/large": PAGE }, /nothing was changed/, { inplace: true }],
  ];
  for (const way of WAYS) {
    for (const [old, says, more] of holds) {
      for (const dryRun of [false, true]) {
        for (const seed of [1, 2]) {
          const { source, target } = disks(way, LATER, old, 30);
          const before = state(target);
          const options = { ...ARCHIVE, ...more, dryRun };
          refused(await runInMemory({ way, options, source, target, seed }), says);
          assert.deepEqual(state(target), before, `${way} ${Object.keys(old)}`);
        }
      }
    }
  }
});

Deno.test("inodes: the whole plan is judged before the first change", async () => {
  for (const way of ["push", "pull"] as const) {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`s/g${i % 5}/f${i}`, "x"]));
    for (const old of [{}, { "d/extra": "x" }] as Files[]) {
      const target = tree({ ...old, "d/": "" }, { inodes: 40 });
      const before = state(target);
      refused(
        await runInMemory({ way, options: ARCHIVE, source: tree(many), target }),
        /needs 55 inodes, \d+ are free/,
      );
      assert.deepEqual(state(target), before);
    }
  }
});

Deno.test("what is nearly full takes what has room: all that was held back is done as ever", async () => {
  for (const way of WAYS) {
    for (
      const more of [{}, { checksum: true }, { delete: true }, { backup: true }, { hardLinks: true }, {
        trash: ".tsync-trash",
      }]
    ) {
      // Beside the 46 pages that are equal there is room for what is new, and for no more than that.
      const old = { "d/same": 46 * PAGE, "d/a/old": PAGE, "d/a/gone": "x" };
      const { source, target } = disks(way, { ...LATER, "s/same": 46 * PAGE }, old, 40);
      const same = [["/s/same", source], ["/d/same", target]] as const;
      for (const [path, os] of same) {
        const pin = os.openRoot(utf8(path.slice(0, 2)));
        const file = os.openFile(pin, utf8("same"), OpenMode.write, 0);
        os.setTimes(file, 1_600_000_000, 0);
        os.close(file);
        os.close(pin);
      }
      const run: MemoryRun = { way, options: { ...ARCHIVE, ...more }, source, target };
      const outcome = await runInMemory(run);
      passed(outcome);
      assert.deepEqual(outcome.totals.transferredFiles, 3, JSON.stringify(more));
      const again = await runInMemory(run);
      passed(again);
      assert.equal(again.totals.transferredFiles, 0);
    }
  }
});

Deno.test("a source that is too large to be scanned beforehand is judged as it comes: what is in place is complete", async () => {
  for (const way of WAYS) {
    for (const old of [{}, { "d/f0000": "old" }] as Files[]) {
      const files = Object.fromEntries(
        Array.from({ length: 2600 }, (_, i) => [`s/d${i >> 8}/f${`${i}`.padStart(4, "0")}`, "new!"]),
      );
      files["s/zz"] = "new!";
      const { source, target } = disks(way, files, old, 1500);
      refused(await runInMemory({ way, options: ARCHIVE, source, target }), /not enough space|No space left/);
      const stat = new Stat();
      for (const path of paths(target, "/d")) {
        assert.doesNotMatch(path, /tsync/);
        target.statPath(utf8(`/d/${path}`), false, stat);
        assert.ok(stat.kind === 4 || stat.size === 4 || path === "f0000", path);
      }
    }
  }
});

Deno.test("what is replaced and kept takes room, too: as a backup, in the trash, until all is there", async () => {
  const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`s/f${i}`, 10 * PAGE + 1]));
  const old = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`d/f${i}`, 10 * PAGE]));
  const wholeFile = true;
  for (const way of WAYS) {
    for (
      const more of [{ backup: true }, { backup: true, backupDir: "../kept" }, { trash: ".tsync-trash" }, {
        delayUpdates: true,
      }]
    ) {
      const { source, target } = disks(way, files, old, 30);
      const before = state(target);
      const options = { ...ARCHIVE, wholeFile, backupSuffix: "backupDir" in more ? "" : "~", ...more };
      refused(await runInMemory({ way, options, source, target }), /nothing was changed/);
      assert.deepEqual(state(target), before);
    }
    const { source, target } = disks(way, files, old, 30);
    passed(await runInMemory({ way, options: { ...ARCHIVE, wholeFile }, source, target }));
  }
});

Deno.test("K08: a delta into files that are replaced one after the other needs room for one", async () => {
  for (const way of ["push", "pull"] as const) {
    const names = Array.from({ length: 8 }, (_, i) => `f${i}`);
    const old = Object.fromEntries(names.map((name) => [`d/${name}`, 40 * PAGE]));
    const files = Object.fromEntries(names.map((name) => [`s/${name}`, 40 * PAGE + 100]));
    const { source, target } = disks(way, files, old, 50);
    const outcome = await runInMemory({ way, options: ARCHIVE, source, target, copiedAheadBytes: PAGE });
    passed(outcome);
    assert.ok(outcome.totals.matchedBytes > 7 * 40 * PAGE, "they came as deltas");
  }
});

Deno.test("content that may take less room than its size is not refused: zeros with -S, a delta where content is shared", async () => {
  for (const way of WAYS) {
    const source = tree({ "s/": "", "d/": "", "d/x": "x" });
    const folder = source.openRoot(utf8("/s"));
    const file = source.openFile(folder, utf8("zeros"), OpenMode.create, 0o644);
    source.writeAll(file, new Uint8Array(50 * PAGE));
    const target = way === "local" ? source : tree({ "d/": "", "d/x": "x" }, { totalBytes: 20 * PAGE });
    passed(await runInMemory({ way, options: { ...ARCHIVE, sparse: true }, source, target }));
  }
  for (const old of [{ "d/f": 60 * PAGE }]) {
    const { source, target } = disks("push", { "s/f": 60 * PAGE + 9 }, old, 20, { fileSystemType: XFS, reflink: true });
    // The tree in memory takes the room of a clone as if it were a copy: it says so itself, nobody else before it.
    refused(
      await runInMemory({ way: "push", options: ARCHIVE, source, target, copiedAheadBytes: PAGE }),
      /No space left/,
    );
  }
});

Deno.test("a part that an earlier run left counts for the plan: what is missing has room", async () => {
  const options = { ...ARCHIVE, keepsPartials: true };
  const size = 600 * PAGE;
  const old: Files = { "d/.tsync-partial/f": 500 * PAGE, "d/x": "x" };
  const { source, target } = disks("local", { "s/f": size }, old, 110);
  const partials = target.openRoot(utf8("/d/.tsync-partial"));
  target.setMode(partials, 0o700);
  target.close(partials);
  passed(await runInMemory({ way: "local", options, source, target }));
  assert.deepEqual(paths(target, "/d"), ["f", "x"]);
});
