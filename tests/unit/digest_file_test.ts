import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { ContentHash } from "../../lib/hash/content_hash.ts";
import { openOs } from "../../lib/os/choose.ts";
import { OpenMode } from "../../lib/os/os.ts";
import { digestFile } from "../../lib/tree/digest_file.ts";
import { withPlace } from "../support/run.ts";

async function digestOf(folder: string, name: string): Promise<Uint8Array | null> {
  const os = openOs();
  const root = os.openRoot(utf8(folder));
  const file = os.openFile(root, utf8(name), OpenMode.read, 0);
  assert.ok(file >= 0);
  try {
    return await digestFile(os, file, await ContentHash.create(0, 0), () => Promise.resolve());
  } finally {
    os.close(file);
    os.close(root);
  }
}

Deno.test("digestFile reads a file whole, and of a device that never ends nothing", async () => {
  await withPlace(async (place) => {
    const content = new Uint8Array(600_000).map((_, i) => i * 7);
    await Deno.writeFile(`${place}/file`, content);
    const hash = await ContentHash.create(0, 0);
    assert.deepEqual(await digestOf(place, "file"), hash.hash(content));
    assert.equal(await digestOf("/dev", "zero"), null);
  });
});
