// Which owner and group an entry gets: by name where one was told, else by number, never 0 by accident; without root only one's own.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { AccountMap } from "../../lib/plan/owner_map.ts";

/** A list whose entry i has uid IDS[i] and gid IDS[i]. */
const IDS = [0, 5, 1000, 4_294_967_294];
function list(): FileList {
  const list = new FileList();
  for (const id of IDS) list.add(utf8("x"), 0, 1, 0, 8 << 12, id, id, 0, 0, 0, 0, null);
  return list;
}

const options = { ...defaultOptions(), owner: true, group: true };
const root = { uid: 0, gid: 0, groups: new Set([0]) };
const plain = { uid: 1000, gid: 1000, groups: new Set([1000, 5]) };
const uids = (map: AccountMap) => IDS.map((_, i) => map.uid(i));
const gids = (map: AccountMap) => IDS.map((_, i) => map.gid(i));

Deno.test("AccountMap as root: numbers stay where no name was told", () => {
  const map = new AccountMap(list(), options, root);
  assert.deepEqual(uids(map), IDS);
  assert.deepEqual(gids(map), IDS);
});

Deno.test("AccountMap as root: a told name maps its number, and 0 stays 0 whatever is told", () => {
  const map = new AccountMap(list(), options, root);
  map.mapUser(5, 77);
  map.mapGroup(1000, 88);
  map.mapUser(0, 99);
  map.mapGroup(0, 99);
  assert.deepEqual(uids(map), [0, 77, 1000, 4_294_967_294]);
  assert.deepEqual(gids(map), [0, 5, 88, 4_294_967_294]);
});

Deno.test("AccountMap leaves alone what was not asked for", () => {
  const map = new AccountMap(list(), defaultOptions(), root);
  assert.deepEqual(uids(map), [-1, -1, -1, -1]);
  assert.deepEqual(gids(map), [-1, -1, -1, -1]);
});

Deno.test("AccountMap without root: owners stay, groups only one's own, also after a name was mapped", () => {
  const map = new AccountMap(list(), options, plain);
  assert.deepEqual(uids(map), [-1, -1, -1, -1]);
  assert.deepEqual(gids(map), [-1, 5, 1000, -1]);
  map.mapGroup(4_294_967_294, 5);
  map.mapGroup(5, 6);
  assert.deepEqual(gids(map), [-1, -1, 1000, 5]);
});

Deno.test("account maps: the first rule that fits, by number, range, name, wildcard and no name", async () => {
  const { parseAccountMap } = await import("../../lib/plan/account_map_rules.ts");
  const here = (name: Uint8Array) => latin1(name) === "bin" ? 2 : null;
  const map = parseAccountMap("--usermap", utf8("7:bin,10-12:1,d*n:3,www:4,:5,x?:6,[yz]*:7"), here);
  const named = (id: number, name: string | null) => map(id, name === null ? null : utf8(name));
  assert.deepEqual(
    [named(7, "x1"), named(10, null), named(12, "www"), named(13, "daemon"), named(13, "www"), named(13, null)],
    [2, 1, 1, 3, 4, 5],
  );
  assert.deepEqual([named(99, "x1"), named(99, "x"), named(99, "zed"), named(99, "other")], [6, null, 7, null]);
  for (const bad of ["1", "1:", "0*:5", "0-:4", "1:99999999999", "1:4294967295", "1:2,", ",", "1:nobody here"]) {
    assert.throws(() => parseAccountMap("--usermap", utf8(bad), here), bad);
  }
});
