// FolderKernel against what it stands for: the same names, errors, order and looks as takeDirents, compareBytes and statAt give, and what
// does not fit it left to them.

import assert from "node:assert/strict";
import { compareBytes, fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { FolderKernel } from "../../lib/os/folder_kernel.ts";
import { openLinux } from "../../lib/os/linux.ts";
import { takeDirents } from "../../lib/os/linux_structs.ts";
import { Kind, Listing, type ManySeen, type Os, Stat } from "../../lib/os/os.ts";
import { identityTag } from "../../lib/tree/identity_tag.ts";
import { SortedListing } from "../../lib/tree/sorted_listing.ts";
import { Random } from "../support/random.ts";
import { withPlace } from "../support/run.ts";
import { dirent } from "../support/dirents.ts";

/** What both make of the same pieces of a folder. */
function takeBoth(kernel: FolderKernel, pieces: readonly Uint8Array[]): { ours: unknown; plain: unknown } {
  kernel.clear();
  const [ours, plain] = [new Listing(), new Listing()];
  const results: number[][] = [[], []];
  for (const bytes of pieces) {
    kernel.dirents.set(bytes);
    results[0].push(kernel.take(bytes.length));
    results[1].push(takeDirents(bytes, bytes.length, plain));
  }
  kernel.fill(ours, true);
  const told = (listing: Listing) =>
    Array.from({ length: listing.count }, (_, i) => [latin1(listing.name(i)), listing.kind[i]]);
  return { ours: [results[0], told(ours)], plain: [results[1], told(plain)] };
}

Deno.test("FolderKernel takes what takeDirents takes, and refuses what it refuses", () => {
  const random = new Random(3);
  const kernel = new FolderKernel();
  const names = [".", "..", "...", ".a", "a/b", "", "x".repeat(255), "y".repeat(256), "\xff\xfe", "\n"];
  for (const name of names) {
    const { ours, plain } = takeBoth(kernel, [dirent(utf8("first"), 8), dirent(fromLatin1(name), random.below(16))]);
    assert.deepEqual(ours, plain, JSON.stringify(name));
  }
  for (let round = 0; round < 20_000; round++) {
    const bytes = random.bytes(random.below(120)).map((byte) => byte % 3 === 0 ? byte % 40 : byte);
    const { ours, plain } = takeBoth(kernel, [bytes]);
    assert.deepEqual(ours, plain);
  }
  assert.equal(kernel.take(kernel.dirents.length + 1), -5, "more filled than there is");
});

Deno.test("FolderKernel puts names into the order of their bytes", () => {
  const random = new Random(5);
  const kernel = new FolderKernel();
  for (let round = 0; round < 60; round++) {
    kernel.clear();
    const start = "what all begin with".slice(0, random.below(19));
    const distinct = new Set<string>(round % 7 === 0 ? [start || "x"] : []);
    const most = [0, 1, 2, 3, 7, 500, 3000][round % 7];
    // Few different bytes: many names share their first eight, and some are the beginning of others.
    while (distinct.size < most) {
      const bytes = random.bytes(1 + random.below(14));
      distinct.add(start + latin1(bytes.map((byte) => round % 2 ? byte % 2 + 254 : byte % 46 + 1)));
    }
    const names = random.shuffle([...distinct]);
    const sorted = new SortedListing();
    for (const name of names) {
      const record = dirent(fromLatin1(name), 8);
      kernel.dirents.set(record);
      assert.equal(kernel.take(record.length), 0);
    }
    kernel.fill(sorted.listing, true);
    assert.equal(sorted.listing.sorter, kernel);
    sorted.sort();
    const order = Array.from({ length: sorted.count }, (_, i) => latin1(sorted.name(i)));
    assert.deepEqual(order, [...names].sort((a, b) => compareBytes(fromLatin1(a), fromLatin1(b))));
  }
});

/** The folder, read and sorted by a door that has read enough before. */
function readSorted(os: Os, path: string): { folder: number; sorted: SortedListing } {
  const folder = os.openRoot(utf8(path));
  const sorted = new SortedListing();
  assert.equal(sorted.read(os, folder), 0);
  assert.equal(sorted.read(os, folder), 0);
  return { folder, sorted };
}

/** Rows of what was seen, each beside what statAt says of the name. */
function assertSeen(os: Os, folder: number, sorted: SortedListing, from: number, seen: ManySeen): void {
  const stat = new Stat();
  let nameAt = 0, bytes = 0, holes = 0;
  for (let row = 0; row < seen.count; row++) {
    const name = sorted.name(from + row);
    assert.equal(os.statAt(folder, name, 0, name.length, stat), 0);
    const c = seen.columns;
    const isFile = stat.kind === Kind.file;
    assert.deepEqual(
      [
        c.nameLength[row],
        c.mode[row],
        c.uid[row],
        c.gid[row],
        c.size[row],
        c.mtimeSec[row],
        c.mtimeNs[row],
        c.tag[row],
      ],
      [
        ...[name.length, stat.kind << 12 | stat.mode, stat.uid, stat.gid, isFile ? stat.size : 0, stat.mtimeSec],
        ...[stat.mtimeNs, identityTag(stat)],
      ],
      latin1(name),
    );
    assert.deepEqual(seen.names.slice(nameAt, nameAt + name.length), name);
    nameAt += name.length;
    if (isFile) {
      bytes += stat.size;
      holes += Math.max(0, stat.size - stat.allocated);
    }
  }
  assert.deepEqual([seen.nameBytes, seen.bytes, seen.holeBytes], [nameAt, bytes, holes]);
}

Deno.test("statMany sees of each file and folder what statAt sees, and stops at what is neither", async () => {
  await withPlace((place) => {
    const random = new Random(11);
    const os = openLinux();
    const root = os.openRoot(utf8(place));
    for (let i = 0; i < 900; i++) {
      const path = `${place}/${String(i).padStart(4, "0")}`;
      if (i % 17 === 3) Deno.mkdirSync(path, { mode: 0o711 });
      else Deno.writeFileSync(path, random.bytes(random.below(3)), { mode: random.below(0o1000) | 0o200 });
      const handle = os.pin(root, utf8(path.slice(-4)));
      assert.equal(os.setTimes(handle, random.below(2 ** 33) - 2 ** 32, random.below(1e9)), 0);
      os.close(handle);
    }
    os.close(root);
    const sparse = Deno.openSync(`${place}/0100`, { write: true });
    sparse.truncateSync(5 * 2 ** 30);
    sparse.close();
    Deno.symlinkSync("0000", `${place}/0500-link`);
    Deno.writeTextFileSync(`${place}/.tsync-12345678-notours`, "");
    Deno.removeSync(`${place}/0700`);
    const { folder, sorted } = readSorted(os, place);
    // ".tsync-..." stands first, 0500-link behind 0500.
    assert.equal(
      os.statMany!(folder, sorted.listing, 0, 512)!.count,
      0,
      "what may be a name of ours is not looked at here",
    );
    const upToMany = os.statMany!(folder, sorted.listing, 1, 2000)!;
    assert.equal(upToMany.count, 501, "up to the link");
    assertSeen(os, folder, sorted, 1, upToMany);
    assert.ok(upToMany.holeBytes >= 5 * 2 ** 30 - 4096);
    assert.equal(os.statMany!(folder, sorted.listing, 502, 100)!.count, 0, "a link");
    Deno.removeSync(`${place}/0600`);
    const upToGone = os.statMany!(folder, sorted.listing, 503, 512)!;
    assert.equal(upToGone.count, 99, "up to one that has gone meanwhile");
    assertSeen(os, folder, sorted, 503, upToGone);
    const few = os.statMany!(folder, sorted.listing, 603, 5)!;
    assert.equal(few.count, 5, "no more than asked for");
    assertSeen(os, folder, sorted, 603, few);
    const end = os.statMany!(folder, sorted.listing, 650, 512)!;
    assert.equal(end.count, sorted.count - 650);
    assertSeen(os, folder, sorted, 650, end);
    const other = new SortedListing();
    assert.equal(other.read(os, folder), 0);
    assert.equal(os.statMany!(folder, sorted.listing, 603, 5), null, "another listing was read since");
    sorted.listing.clear();
    assert.equal(os.statMany!(folder, other.listing, 603, 5)!.count, 5);
    other.listing.add(utf8("more"), 0, 4, Kind.file);
    assert.equal(os.statMany!(folder, other.listing, 603, 5), null, "a listing that was added to");
    os.close(folder);
    return Promise.resolve();
  });
});

Deno.test("a folder with more names than the kernel holds is read and sorted without it", async () => {
  await withPlace((place) => {
    const names = Array.from({ length: 16_500 }, (_, i) => `${i * 7919 % 16_500}`);
    for (const name of names) Deno.writeTextFileSync(`${place}/${name}`, "");
    const os = openLinux();
    const { folder, sorted } = readSorted(os, place);
    assert.equal(sorted.listing.sorter, null);
    assert.equal(os.statMany!(folder, sorted.listing, 0, 5), null);
    assert.deepEqual(Array.from({ length: sorted.count }, (_, i) => latin1(sorted.name(i))), names.sort());
    os.close(folder);
    return Promise.resolve();
  });
});
