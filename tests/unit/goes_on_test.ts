// A run that goes on over a new connection finds the target it has written to, or none (JOB option goesOn).

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Stat } from "../../lib/os/os.ts";
import { ARCHIVE, runInMemory } from "../support/memory_run.ts";
import { file, folder, plant } from "../support/trees.ts";

for (const way of ["push", "pull"] as const) {
  Deno.test(`a target that holds nothing any more is refused, and nothing is made there (${way})`, async () => {
    for (const there of [[folder("d")], []]) {
      const source = openMemory();
      plant("/", [folder("s"), file("s/f", "content", { sec: 1 })], source);
      const target = openMemory();
      plant("/", there, target);
      const before = target.changes();
      const options = { ...ARCHIVE, goesOn: true };
      const { code, error } = await runInMemory({ way, source, target, options });
      assert.equal(code, 25, `${error}`);
      assert.match(`${error}`, /target "\/d" holds nothing, although this run has put files there/);
      assert.equal(target.changes(), before);
      assert.equal((await runInMemory({ way, source, target, options: { ...options, noGuard: true } })).code, 0);
      const root = target.openRoot(utf8("/d"));
      assert.equal(target.statAt(root, utf8("f"), 0, 1, new Stat()), 0);
      assert.equal((await runInMemory({ way, source, target, options })).code, 0);
    }
  });
}
