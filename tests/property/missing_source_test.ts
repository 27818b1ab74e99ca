// Law 4 where no source is left: whatever may be deleted otherwise stays, and in a pull the target is not looked at.

import assert from "node:assert/strict";
import { latin1 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { Cause, Verb } from "../../lib/base/problem.ts";
import { Errno } from "../../lib/os/os.ts";
import { ARCHIVE, runInMemory, type Way } from "../support/memory_run.ts";
import { paths, tree } from "../support/memory_tree.ts";

const DELETE: Partial<SyncOptions> = { ...ARCHIVE, delete: true, noGuard: true };
const OPTIONS: Partial<SyncOptions>[] = [
  ARCHIVE,
  DELETE,
  { ...DELETE, deleteExcluded: true, ignoreErrors: true },
  { ...DELETE, ignoreErrors: true, checksum: true },
  { ...DELETE, ignoreErrors: true, relative: true },
  { ...DELETE, ignoreErrors: true, hardLinks: true, trash: ".tsync-trash", backup: true, backupDir: "kept" },
  { ...DELETE, ignoreErrors: true, ignoreMissingArgs: true },
  { delete: true, noGuard: true, ignoreErrors: true, dirs: true },
];

for (const way of ["local", "push", "pull"] satisfies Way[]) {
  Deno.test(`${way}: no source is left: nothing is deleted, whatever the options say, and each is told`, async () => {
    for (const options of OPTIONS) {
      for (const sources of [["/none"], ["/none/"], ["/s/f/x"], ["/none", "/nor/this/"], ["/none/", "/nor/this"]]) {
        const here = tree({ "s/f": "x", "d/none/old": "old", "d/s/old": "old", "d/old": "old" });
        const there = way === "local" ? here : tree({ "d/none/old": "old", "d/s/old": "old", "d/old": "old" });
        const [before, top] = [paths(there, "/d"), paths(there, "/").length];
        const about = `${JSON.stringify(options)} ${sources}`;
        const ran = await runInMemory({ way, options, source: here, target: there, sources, targetPath: "/d" });
        assert.equal(ran.error, null, about);
        assert.deepEqual(paths(there, "/d"), before, about);
        // With several arguments each is told by the path that was typed.
        const told = ran.problems.filter(({ verb, cause }) => verb === Verb.stat && cause === Cause.system);
        const isPassedOver = (source: string) =>
          options.ignoreMissingArgs && !source.endsWith("/") && source !== "/s/f/x";
        const typed = sources.filter((source) => !isPassedOver(source));
        assert.equal(ran.code, typed.length > 0 ? 23 : 0, about);
        assert.equal(told.length, typed.length, about);
        if (sources.length > 1 && !options.relative && !options.dirs) {
          assert.deepEqual(told.map(({ path }) => latin1(path)), typed, about);
        }
        const anew = await runInMemory({ way, options, source: here, target: there, sources, targetPath: "/new/x" });
        assert.equal(anew.code, way === "pull" ? ran.code : 3, about);
        assert.equal(paths(there, "/").length, top, about);
      }
    }
  });
}

Deno.test("what a source argument fails with besides is told and costs only itself", async () => {
  for (const errno of [Errno.EACCES, Errno.EIO]) {
    const os = tree({ "s/f": "x", "d/old": "old" });
    os.fault({ verb: "openRoot", when: 1, errno });
    const ran = await runInMemory({ way: "push", options: DELETE, source: os, target: tree({ "d/old": "old" }) });
    assert.equal(ran.code, 23);
    assert.deepEqual(ran.problems.map((problem) => problem.errno), [errno]);
  }
});
