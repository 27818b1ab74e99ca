// SortedListing: canonical order is that of unsigned bytes, whatever the lengths, prefixes and the order of adding.

import assert from "node:assert/strict";
import { compareBytes, fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { SortedListing } from "../../lib/tree/sorted_listing.ts";
import { Random } from "../support/random.ts";
import { file, plant } from "../support/trees.ts";

function add(sorted: SortedListing, name: Uint8Array, kind = 8): void {
  sorted.listing.add(name, 0, name.length, kind);
}

const namesOf = (sorted: SortedListing) => Array.from({ length: sorted.count }, (_, i) => latin1(sorted.name(i)));

Deno.test("SortedListing orders names as unsigned bytes", () => {
  const sorted = new SortedListing();
  const names = [
    "b",
    "a",
    "\xff",
    "\x80",
    "\x7f",
    "ab",
    "abcdef",
    "abcdefg",
    "abcdeg",
    "\x01",
    "B",
    "abcdef\x01",
    "\xff\xff\xff\xff\xff\xff\xff",
  ];
  for (const name of names) add(sorted, fromLatin1(name));
  sorted.sort();
  assert.deepEqual(namesOf(sorted), [...names].sort((a, b) => compareBytes(fromLatin1(a), fromLatin1(b))));
});

Deno.test("SortedListing orders thousands of random names with long common prefixes, and keeps each name's kind", () => {
  const random = new Random(9);
  const sorted = new SortedListing();
  for (let round = 0; round < 5; round++) {
    sorted.listing.clear();
    const kinds = new Map<string, number>();
    // What all of them begin with is passed over, also where one is no longer than that.
    const start = "shared by all ".slice(0, 3 * round);
    while (kinds.size < 3000) {
      const name = latin1(random.bytes(1 + random.below(12)).map((byte) => byte % 3 ? byte % 4 + 1 : byte || 1));
      if (!name.includes("/")) kinds.set(start + name, random.below(16));
    }
    if (start !== "") kinds.set(start, 3);
    for (const [name, kind] of kinds) add(sorted, fromLatin1(name), kind);
    sorted.sort();
    const names = namesOf(sorted);
    assert.deepEqual(names, [...kinds.keys()].sort((a, b) => compareBytes(fromLatin1(a), fromLatin1(b))));
    for (let i = 0; i < names.length; i++) assert.equal(sorted.kind(i), kinds.get(names[i]));
  }
});

Deno.test("SortedListing.read gives the folder's names sorted, an error nothing", () => {
  const os = openMemory({ seed: 12 });
  plant("/", ["c", "a", "b"].map((name) => file(name)), os);
  const root = os.openRoot(utf8("/"));
  const sorted = new SortedListing();
  assert.equal(sorted.read(os, root), 0);
  assert.deepEqual(namesOf(sorted), ["a", "b", "c"]);
  os.fault({ verb: "readFolder", when: 1, errno: 5 });
  assert.equal(sorted.read(os, root), -5);
  assert.equal(sorted.count, 0);
  os.close(root);
});

Deno.test("SortedListing.keepOrder leaves names as they were added", () => {
  const sorted = new SortedListing();
  const names = Array.from({ length: 1500 }, (_, i) => `${1500 - i}`);
  for (const name of names) add(sorted, fromLatin1(name));
  sorted.keepOrder();
  assert.deepEqual(namesOf(sorted), names);
  sorted.sort();
  assert.deepEqual(namesOf(sorted), names.toSorted());
});

Deno.test("SortedListing orders one name, and none", () => {
  const sorted = new SortedListing();
  sorted.sort();
  assert.deepEqual(namesOf(sorted), []);
  add(sorted, fromLatin1("only"));
  sorted.sort();
  assert.deepEqual(namesOf(sorted), ["only"]);
});
