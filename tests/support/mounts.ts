// File systems of their own below a test's place, so that walks meet mount points. Root only.

import assert from "node:assert/strict";
import { run } from "./run.ts";

/** Mounts a tmpfs on each of `paths` below `place`, which are made, and takes them away again. */
export async function withMounts(place: string, paths: readonly string[], use: () => Promise<void>): Promise<void> {
  const mounted: string[] = [];
  try {
    for (const path of paths) {
      const folder = `${place}/${path}`;
      await Deno.mkdir(folder, { recursive: true });
      const { code, err } = await run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tsync-test", folder]);
      assert.equal(code, 0, err);
      mounted.push(folder);
    }
    await use();
  } finally {
    for (const folder of mounted.reverse()) await run(["umount", folder]);
  }
}

/** Shows the folder `from` at `to` too, as a bind mount does; both are made. */
export async function withBind(from: string, to: string, use: () => Promise<void>): Promise<void> {
  for (const folder of [from, to]) await Deno.mkdir(folder, { recursive: true });
  const { code, err } = await run(["mount", "--bind", from, to]);
  assert.equal(code, 0, err);
  try {
    await use();
  } finally {
    await run(["umount", to]);
  }
}
