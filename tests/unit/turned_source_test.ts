// A source argument that is no folder when it is first looked at, and one when it is listed.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { Cause } from "../../lib/base/problem.ts";
import type { Handle, Stat } from "../../lib/os/os.ts";
import { OsThrough } from "../../lib/os/through.ts";
import { ARCHIVE, runInMemory, type Way } from "../support/memory_run.ts";
import { paths, tree } from "../support/memory_tree.ts";

/** Behind the first look at `name` in a folder, a folder stands there. */
class Turning extends OsThrough {
  looks = 0;
  override statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): number {
    const name = bytes.slice(at, at + length);
    const result = this.inner.statAt(folder, bytes, at, length, out);
    if (latin1(name) === "x" && this.looks++ === 0) {
      assert.equal(this.inner.unlink(folder, name), 0);
      assert.equal(this.inner.makeFolder(folder, name, 0o755), 0);
      const made = this.inner.openFolder(folder, name);
      assert.equal(this.inner.makeFolder(made, utf8("inner"), 0o755), 0);
      this.inner.close(made);
    }
    return result;
  }
}

const KINDS: Partial<SyncOptions>[] = [ARCHIVE, { ...ARCHIVE, delete: true, noGuard: true }, {
  ...ARCHIVE,
  relative: true,
}];

for (const way of ["local", "push", "pull"] satisfies Way[]) {
  Deno.test(`${way}: a single file that becomes a folder before it is listed is told as changed, and nothing is sent`, async () => {
    for (const options of KINDS) {
      for (const targetPath of ["/d", "/d/name"]) {
        const here = tree({ "x": "file", "d/old": "old" });
        const there = way === "local" ? here : tree({ "d/old": "old" });
        const source = new Turning(here);
        const target = way === "local" ? source : there;
        const ran = await runInMemory({ way, options, source, target, sources: ["x"], targetPath });
        assert.equal(ran.code, 24, String(ran.error));
        assert.ok(source.looks > 1);
        const found = ran.problems.map(({ cause, path }) => [cause, latin1(path)]);
        assert.deepEqual(found, [[Cause.changed, "x"]]);
        assert.deepEqual(paths(there, "/d"), ["old"]);
      }
    }
  });
}
