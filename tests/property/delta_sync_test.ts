// Deltas as whole synchronisations in memory, push and pull: whatever was edited, and whatever happens to source or basis meanwhile,
// the target ends with the source's content, and for an edit it does not cost the file again. The next run sends nothing.

import assert from "node:assert/strict";
import { equalBytes, utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { OpenMode } from "../../lib/os/os.ts";
import { ARCHIVE, runInMemory } from "../support/memory_run.ts";
import { LONG, Random } from "../support/random.ts";
import { content, type Entry, file, folder, harvest, plant } from "../support/trees.ts";

const CASES = LONG ? 400 : 40;

/** An old content and a new one made of it, and about how many bytes are new. */
function edited(random: Random): { old: Uint8Array; fresh: Uint8Array; edits: number } {
  const size = 16_384 + random.below(random.chance(30) ? 2_000_000 : 200_000);
  const old = random.chance(20) ? new Uint8Array(size).fill(random.below(3)) : random.bytes(size);
  const parts: Uint8Array[] = [];
  let at = 0;
  let edits = 0;
  const count = random.below(6);
  for (let i = 0; i < count; i++) {
    const to = Math.min(size, at + random.below(size / 2));
    parts.push(old.subarray(at, to));
    const kind = random.below(3);
    const bytes = 1 + random.below(2000);
    if (kind < 2) parts.push(random.bytes(bytes));
    edits += 1;
    at = kind === 0 ? to : Math.min(size, to + bytes);
  }
  parts.push(old.subarray(at));
  const fresh = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    fresh.set(part, end);
    end += part.length;
  }
  return { old, fresh, edits };
}

Deno.test("a changed file becomes the source's whatever was edited, and costs about its edits", async () => {
  for (let seed = 1; seed <= CASES; seed++) {
    const random = new Random(seed);
    const way = seed % 2 === 0 ? "push" as const : "pull" as const;
    const os = openMemory({});
    const { old, fresh, edits } = edited(random);
    const options: Partial<SyncOptions> = { sparse: random.chance(30), blockBytes: random.chance(20) ? 4096 : 0 };
    plant("/", [folder("s"), folder("d")], os);
    plant("/s", [file("f", fresh, { sec: 2000 }), file("small", "x")], os);
    plant("/d", [file("f", old, { sec: 1000 })], os);
    const run = () => runInMemory({ way, options: { ...ARCHIVE, ...options }, source: os, target: os, seed });
    const first = await run();
    const label = `seed ${seed}`;
    assert.equal(first.code, 0, label);
    assert.ok(equalBytes(bytesOf(harvest(os, utf8("/d")).get("f")!, fresh.length), fresh), label);
    if (fresh.length >= 16_384) {
      const bound = 40_000 + edits * 8_000;
      assert.ok(first.totals.literalBytes <= bound, `${label}: ${first.totals.literalBytes} of ${fresh.length}`);
    }
    assert.equal(first.totals.literalBytes + first.totals.matchedBytes, fresh.length + 1, label);
    const second = await run();
    assert.equal(second.totals.transferredFiles, 0, label);
    assert.equal(os.openHandles(), 0, label);
  }
});

const SIZE = 300_000;

/** Runs with a file of which a middle part changed; `meddle` is called before each call that touches it. */
async function meddled(
  way: "push" | "pull",
  meddle: (verb: string, os: ReturnType<typeof openMemory>, count: number) => void,
): Promise<{ outcome: Awaited<ReturnType<typeof runInMemory>>; found: Uint8Array; fresh: Uint8Array }> {
  const random = new Random(7);
  const os = openMemory({});
  const old = random.bytes(SIZE);
  const fresh = old.slice();
  fresh.set(random.bytes(1000), 100_000);
  plant("/", [folder("s"), folder("d")], os);
  plant("/s", [file("f", fresh, { sec: 2000 })], os);
  plant("/d", [file("f", old, { sec: 1000 })], os);
  let count = 0;
  os.fault(({ verb }) => {
    if (verb === "readAt" || verb === "writeAllAt") meddle(verb, os, ++count);
    return undefined;
  });
  const outcome = await runInMemory({ way, options: ARCHIVE, source: os, target: os });
  os.clearFaults();
  assert.equal(os.openHandles(), 0);
  const entries = harvest(os, utf8("/d"));
  assert.deepEqual([...entries.keys()].filter((path) => path.includes(".tsync-")), []);
  const entry = entries.get("f")!;
  return { outcome, found: bytesOf(entry, entry.size ?? SIZE), fresh };
}

for (const way of ["push", "pull"] as const) {
  Deno.test(`a basis that changes after it was signed costs a second transfer, never content (${way})`, async () => {
    const other = new Random(9).bytes(SIZE);
    const { outcome, found, fresh } = await meddled(way, (verb, os) => {
      // The first write at the target: signatures are out, the basis is about to be used.
      if (verb !== "writeAllAt") return;
      os.clearFaults();
      overwrite(os, "/d", other);
    });
    assert.equal(outcome.code, 0);
    assert.ok(equalBytes(found, fresh));
  });

  Deno.test(`a source that changes at any read is sent as it was or as it is, never mixed (${way})`, async () => {
    const later = new Random(11).bytes(SIZE);
    const seen = new Set<string>();
    for (let moment = 1; moment <= 12; moment++) {
      let reads = 0;
      const { outcome, found, fresh } = await meddled(way, (verb, os) => {
        if (verb !== "readAt" || ++reads !== moment) return;
        os.clearFaults();
        overwrite(os, "/s", later);
      });
      assert.equal(outcome.code, 0, `read ${moment}`);
      const which = equalBytes(found, fresh) ? "old" : equalBytes(found, later) ? "new" : "mixed";
      assert.notEqual(which, "mixed", `read ${moment}`);
      seen.add(which);
    }
    assert.deepEqual([...seen].sort(), ["new", "old"], "early changes arrive, late ones do not");
  });

  Deno.test(`without deltas (-W) a changed file goes whole (${way})`, async () => {
    const random = new Random(3);
    const os = openMemory({});
    const old = random.bytes(SIZE);
    const fresh = old.slice();
    fresh[5] ^= 1;
    plant("/", [folder("s"), folder("d")], os);
    plant("/s", [file("f", fresh, { sec: 2000 })], os);
    plant("/d", [file("f", old, { sec: 1000 })], os);
    const whole = await runInMemory({ way, options: { ...ARCHIVE, wholeFile: true }, source: os, target: os });
    assert.equal(whole.totals.literalBytes, SIZE);
    overwrite(os, "/d", old);
    const delta = await runInMemory({ way, options: ARCHIVE, source: os, target: os });
    assert.ok(delta.totals.literalBytes < 10_000);
    assert.ok(equalBytes(bytesOf(harvest(os, utf8("/d")).get("f")!, SIZE), fresh));
  });

  Deno.test(`holes of a changed file stay holes, and its basis may have others (${way})`, async () => {
    const random = new Random(4);
    const os = openMemory({});
    const block = random.bytes(65_536);
    const sparse = (parts: [number, Uint8Array][], size: number, sec: number): Entry => ({
      ...file("f", new Uint8Array(0), { sec }),
      data: parts.map(([at, bytes]) => ({ at, bytes })),
      size,
    });
    plant("/", [folder("s"), folder("d")], os);
    plant("/s", [sparse([[0, block], [1 << 20, block]], 3 << 20, 2000)], os);
    plant("/d", [sparse([[1 << 19, block]], 2 << 20, 1000)], os);
    const { code, totals } = await runInMemory({ way, options: ARCHIVE, source: os, target: os });
    assert.equal(code, 0);
    assert.ok(totals.literalBytes < 65_536, `${totals.literalBytes}`);
    const [found, wanted] = ["/d", "/s"].map((path) => content(harvest(os, utf8(path)).get("f")!));
    assert.ok(equalBytes(found, wanted));
  });
}

/** Writes new content into the file that is there. */
function overwrite(os: ReturnType<typeof openMemory>, path: string, bytes: Uint8Array): void {
  const root = os.openRoot(utf8(path));
  const handle = os.openFile(root, utf8("f"), OpenMode.write, 0);
  assert.ok(handle >= 0);
  assert.ok(os.writeAllAt(handle, bytes, 0) >= 0);
  os.close(handle);
  os.close(root);
}

function bytesOf(entry: Entry, size: number): Uint8Array {
  const all = new Uint8Array(size);
  for (const { at, bytes } of entry.data ?? []) all.set(bytes, at);
  return all;
}
