// --delete-missing-args: the second look, and the guard against a list of names whose source is gone.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { MissingArgs } from "../../lib/engine/missing_args.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Errno } from "../../lib/os/os.ts";
import { ARCHIVE, runInMemory, type Way } from "../support/memory_run.ts";
import { file, folder, harvest, link, plant } from "../support/trees.ts";

Deno.test("missing arguments: what has come meanwhile is there, what was never missing is not known", () => {
  const os = openMemory();
  plant("/s", [folder("sub"), link("out", "/elsewhere")], (plant("/", [folder("s"), folder("elsewhere")], os), os));
  const root = os.openRoot(utf8("/s"));
  const missing = new MissingArgs(os);
  for (const path of ["a", "sub/b", "sub/no/c", "out/d"]) missing.add(utf8(path), root, utf8(path));
  missing.add(utf8("e"), -1, utf8("e"));
  assert.deepEqual(missing.paths(), ["a", "sub/b", "sub/no/c", "out/d", "e"].map(utf8));
  const look = (path: string) => missing.look(utf8(path));
  for (const path of ["a", "sub/b", "sub/no/c", "out/d", "e"]) assert.equal(look(path), -Errno.ENOENT, path);
  plant("/s", [file("sub/b", "x")], os);
  plant("/elsewhere", [file("d", "x")], os);
  assert.deepEqual([look("sub/b"), look("out/d"), look("other")], [0, -Errno.ENOENT, null]);
  os.close(root);
});

async function left(way: Way, count: number, options: Partial<SyncOptions>): Promise<[number, number]> {
  const os = openMemory();
  const names = Array.from({ length: count }, (_, i) => `f${i}`);
  plant("/", [folder("s"), folder("d")], os);
  plant("/d", names.map((name) => file(name, "x")), os);
  const sources = names.map((name) => `/s/${name}`);
  const { code } = await runInMemory({
    ...{ way, source: os, target: os, sources },
    options: { ...ARCHIVE, deleteMissingArgs: true, ...options },
  });
  assert.equal(os.openHandles(), 0);
  return [code, harvest(os, utf8("/d")).size - 1];
}

for (const way of ["local", "push", "pull"] as Way[]) {
  Deno.test(`missing arguments: many of them, and nothing else, are not deleted unless that is meant (${way})`, async () => {
    assert.deepEqual(await left(way, 100, {}), [0, 0]);
    assert.deepEqual(await left(way, 101, {}), [25, 101]);
    assert.deepEqual(await left(way, 101, { noGuard: true }), [0, 0]);
    assert.deepEqual(await left(way, 101, { deleteLimit: { count: 101 } }), [0, 0]);
    assert.equal((await left(way, 5, { maxDelete: 3 }))[1], 2);
    assert.deepEqual(await left(way, 5, { dryRun: true }), [0, 5]);
  });
}
