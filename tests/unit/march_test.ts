// The march: the twins and the extras it finds are those that set arithmetic finds, however the list is cut into pieces.

import assert from "node:assert/strict";
import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { March } from "../../lib/plan/march.ts";
import { SortedListing } from "../../lib/tree/sorted_listing.ts";
import { Random } from "../support/random.ts";

function ownNames(names: string[]): SortedListing {
  const sorted = new SortedListing();
  for (const name of names) sorted.listing.add(fromLatin1(name), 0, name.length, 8);
  sorted.sort();
  return sorted;
}

/** A list of the root and `names` in canonical order. */
function listOf(names: string[]): FileList {
  const list = new FileList();
  list.add(new Uint8Array(0), 0, 0, 0, 0o40755, 0, 0, 0, 0, 0, 0, null);
  for (const name of names) list.add(fromLatin1(name), 0, name.length, 0, 0o100644, 0, 0, 0, 0, 0, 0, null);
  return list;
}

function marched(listed: string[], own: string[] | null): { twins: string[]; extras: string[] } {
  const list = listOf(listed);
  const sorted = own === null ? null : ownNames(own);
  const march = new March();
  const extras: string[] = [];
  const twins: string[] = [];
  const extra = (position: number) => extras.push(latin1(sorted!.name(position)));
  march.start(sorted);
  for (let i = 1; i < list.count; i++) {
    const position = march.find(list, i, extra);
    if (position < 0) continue;
    assert.equal(latin1(sorted!.name(position)), latin1(list.name(i)), "a twin has the same name");
    twins.push(latin1(list.name(i)));
  }
  march.finish(extra);
  return { twins, extras };
}

const byBytes = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;

Deno.test("March finds every twin and every extra exactly once, in order", () => {
  const random = new Random(1);
  const alphabet = "ab\x01\x02.\xfe\xff";
  const word = () =>
    Array.from({ length: 1 + random.below(6) }, () => alphabet[random.below(alphabet.length)]).join("");
  for (let round = 0; round < 500; round++) {
    const pool = [...new Set(Array.from({ length: random.below(30) }, word))];
    const listed = pool.filter(() => random.chance(60)).sort(byBytes);
    const own = pool.filter(() => random.chance(60));
    const { twins, extras } = marched(listed, own);
    assert.deepEqual(twins, listed.filter((name) => own.includes(name)));
    assert.deepEqual(extras, own.filter((name) => !listed.includes(name)).sort(byBytes));
  }
});

Deno.test("March over nothing finds nothing, and nothing listed makes all names extra", () => {
  assert.deepEqual(marched(["a", "b"], null), { twins: [], extras: [] });
  assert.deepEqual(marched(["a", "b"], []), { twins: [], extras: [] });
  assert.deepEqual(marched([], ["b", "a"]), { twins: [], extras: ["a", "b"] });
});

Deno.test("March.start begins anew, and finish ends: nothing of the folder before is told", () => {
  const march = new March();
  const told: number[] = [];
  march.start(ownNames(["a", "b"]));
  march.finish((position) => told.push(position));
  march.finish((position) => told.push(position));
  assert.deepEqual(told, [0, 1]);
  march.start(ownNames(["c"]));
  assert.equal(march.find(listOf(["c"]), 1, () => assert.fail()), 0);
});
