// Deltas as whole synchronisations in memory, push and pull: whatever was edited, and whatever happens to source or basis meanwhile,
// the target ends with the source's content, and for an edit it does not cost the file again. The next run sends nothing.

import assert from "node:assert/strict";
import { equalBytes, utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Errno, OpenMode } from "../../lib/os/os.ts";
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
    const copiedAheadBytes = seed % 3 === 0 ? undefined : 1;
    const run = () =>
      runInMemory({ way, options: { ...ARCHIVE, ...options }, source: os, target: os, seed, copiedAheadBytes });
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

/** More than four chunks, so that some of a copy are left as they are. */
const SIZE = 1_200_000;

function sample(): { old: Uint8Array; fresh: Uint8Array } {
  const random = new Random(7);
  const old = random.bytes(SIZE);
  const fresh = old.slice();
  fresh.set(random.bytes(1000), 900_000);
  return { old, fresh };
}

/** Runs with a file of which a middle part changed; `meddle` is called before each call that touches it. */
async function meddled(
  way: "push" | "pull",
  copiedAheadBytes: number | undefined,
  meddle: (verb: string, os: ReturnType<typeof openMemory>, count: number) => void,
): Promise<{ outcome: Awaited<ReturnType<typeof runInMemory>>; found: Uint8Array; fresh: Uint8Array }> {
  const os = openMemory({});
  const { old, fresh } = sample();
  plant("/", [folder("s"), folder("d")], os);
  plant("/s", [file("f", fresh, { sec: 2000 })], os);
  plant("/d", [file("f", old, { sec: 1000 })], os);
  let count = 0;
  os.fault(({ verb }) => {
    if (verb === "readAt" || verb === "writeAllAt" || verb === "copyRange") meddle(verb, os, ++count);
    return undefined;
  });
  const outcome = await runInMemory({ way, options: ARCHIVE, source: os, target: os, copiedAheadBytes });
  os.clearFaults();
  assert.equal(os.openHandles(), 0);
  const entries = harvest(os, utf8("/d"));
  assert.deepEqual([...entries.keys()].filter((path) => path.includes(".tsync-")), []);
  const entry = entries.get("f")!;
  return { outcome, found: bytesOf(entry, entry.size ?? SIZE), fresh };
}

for (const [way, copiedAheadBytes] of [["push", undefined], ["push", 1], ["pull", undefined], ["pull", 1]] as const) {
  const how = `${way}, ${copiedAheadBytes === undefined ? "basis copied by the delta" : "basis copied ahead"}`;

  Deno.test(`a basis that changes after it was signed costs a second transfer, never content (${how})`, async () => {
    const other = new Random(9).bytes(SIZE);
    const { outcome, found, fresh } = await meddled(way, copiedAheadBytes, (verb, os) => {
      // The first write at the target: signatures are out, the basis is about to be used.
      if (verb !== "writeAllAt") return;
      os.clearFaults();
      overwrite(os, "/d", other);
    });
    assert.equal(outcome.code, 0);
    assert.ok(equalBytes(found, fresh));
  });

  Deno.test(`a basis that changes at any look at it never mixes into the new file (${how})`, async () => {
    const other = new Random(9).bytes(SIZE);
    for (let moment = 1; moment <= 24; moment++) {
      // The new content itself, so that what is signed from there on matches and what was copied before does not.
      for (const isNew of [false, true]) {
        const { outcome, found, fresh } = await meddled(way, copiedAheadBytes, (_verb, os, count) => {
          if (count !== moment) return;
          os.clearFaults();
          overwrite(os, "/d", isNew ? sample().fresh : other);
        });
        assert.equal(outcome.code, 0, `call ${moment}`);
        assert.ok(equalBytes(found, fresh), `call ${moment}`);
      }
    }
  });

  Deno.test(`a source that changes at any read is sent as it was or as it is, never mixed (${how})`, async () => {
    const later = new Random(11).bytes(SIZE);
    const seen = new Set<string>();
    for (let moment = 1; moment <= 12; moment++) {
      let reads = 0;
      const { outcome, found, fresh } = await meddled(way, copiedAheadBytes, (verb, os) => {
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

  Deno.test(`holes of a changed file stay holes, and its basis may have others or none (${how})`, async () => {
    const random = new Random(4);
    const block = random.bytes(65_536);
    const full = random.bytes(2 << 20);
    const sparse = (parts: [number, Uint8Array][], size: number, sec: number): Entry => ({
      ...file("f", new Uint8Array(0), { sec }),
      data: parts.map(([at, bytes]) => ({ at, bytes })),
      size,
    });
    const news: [number, Uint8Array][][] = [
      [[0, block], [1 << 20, block]],
      [[1 << 19, full.subarray(1 << 19, 1 << 20)], [3 << 19, block]],
      [],
    ];
    for (const parts of news) {
      for (const basis of [sparse([[1 << 19, block]], 2 << 20, 1000), file("f", full, { sec: 1000 })]) {
        const os = openMemory({});
        plant("/", [folder("s"), folder("d")], os);
        plant("/s", [sparse(parts, 3 << 20, 2000)], os);
        plant("/d", [basis], os);
        const { code, totals } = await runInMemory({ way, options: ARCHIVE, source: os, target: os, copiedAheadBytes });
        assert.equal(code, 0);
        const known = (basis.data ?? []).flatMap(({ bytes }) => parts.filter(([, part]) => includes(bytes, part)));
        const unknown = parts.filter((part) => !known.includes(part)).reduce((sum, [, part]) => sum + part.length, 0);
        assert.ok(totals.literalBytes <= unknown + 8192, `${totals.literalBytes} of ${unknown}`);
        const [found, wanted] = ["/d", "/s"].map((path) => harvest(os, utf8(path)).get("f")!);
        assert.ok(equalBytes(content(found), content(wanted)));
        const dataBytes = (entry: Entry) => (entry.data ?? []).reduce((sum, { bytes }) => sum + bytes.length, 0);
        assert.ok(dataBytes(found) <= dataBytes(wanted) + 8192, `${dataBytes(found)} bytes are no hole`);
        assert.equal(os.openHandles(), 0);
      }
    }
  });
}

Deno.test("a copy of the basis that fails at any call is done without", async () => {
  const random = new Random(13);
  const old = random.bytes(SIZE);
  const fresh = old.slice();
  fresh.set(random.bytes(1000), 100_000);
  for (const errno of [Errno.EIO, Errno.EXDEV, Errno.ENOSPC, Errno.EOPNOTSUPP]) {
    for (const short of [false, true]) {
      const os = openMemory({});
      plant("/", [folder("s"), folder("d")], os);
      plant("/s", [file("f", fresh, { sec: 2000 })], os);
      plant("/d", [file("f", old, { sec: 1000 })], os);
      let calls = 0;
      os.fault(({ verb }) => verb === "copyRange" && (!short || ++calls > 1) ? -errno : undefined);
      const { code, totals } = await runInMemory({
        ...{ way: "push", options: ARCHIVE, source: os, target: os, copiedAheadBytes: 1 },
      });
      os.clearFaults();
      assert.equal(code, 0, `errno ${errno}`);
      assert.ok(totals.literalBytes < 10_000, `errno ${errno}: ${totals.literalBytes}`);
      const entries = harvest(os, utf8("/d"));
      assert.ok(equalBytes(bytesOf(entries.get("f")!, SIZE), fresh));
      assert.deepEqual([...entries.keys()].filter((path) => path.includes(".tsync-")), []);
      assert.equal(os.openHandles(), 0);
    }
  }
});

for (const way of ["push", "pull"] as const) {
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

/** Whether `part` is all of `bytes` or begins at its own place in them. */
function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  const at = part.byteOffset - bytes.byteOffset;
  return equalBytes(bytes, part) || (bytes.buffer === part.buffer && at >= 0 && at + part.length <= bytes.length);
}

function bytesOf(entry: Entry, size: number): Uint8Array {
  const all = new Uint8Array(size);
  for (const { at, bytes } of entry.data ?? []) all.set(bytes, at);
  return all;
}
