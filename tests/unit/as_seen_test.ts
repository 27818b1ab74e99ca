// AsSeen: runs of files pass by columns exactly where each would pass by itself, and none where options ask for more.

import assert from "node:assert/strict";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { AsSeen } from "../../lib/engine/as_seen.ts";
import { ListedFolder } from "../../lib/engine/seen_folder.ts";
import type { TargetState } from "../../lib/engine/target_state.ts";
import { Kind, Stat } from "../../lib/os/os.ts";
import { compareMetadata, quickCheck } from "../../lib/plan/compare.ts";
import { Random } from "../support/random.ts";

interface Row {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  sec: number;
  ns: number;
}

function listOf(rows: readonly Row[]): FileList {
  const list = new FileList();
  const none = new Uint8Array(0);
  list.add(none, 0, 0, 0, Kind.folder << 12, 0, 0, 0, 0, 0, 0, null);
  for (const { name, mode, uid, gid, size, sec, ns } of rows) {
    const target = mode >>> 12 === Kind.link ? fromLatin1("to".repeat(size)).subarray(0, size) : null;
    list.add(fromLatin1(name), 0, name.length, 0, mode, uid, gid, size, sec, ns, 0, target);
  }
  return list;
}

const options = { ...defaultOptions(), recursive: true, perms: true, times: true, owner: true, group: true };

/** The part of the target's state that is asked. Users above 10 have another number here; groups above 10 are left as they are. */
function stateOf(list: FileList, more: Partial<typeof options> = {}, beside: Partial<TargetState> = {}): TargetState {
  const owners = {
    uid: (i: number) => list.uid(i) > 10 ? list.uid(i) + 100 : list.uid(i),
    gid: (i: number) => list.gid(i) > 10 ? -1 : list.gid(i),
  };
  const nothing = { attributes: null, alternatives: null, folds: null, links: null, placed: null };
  return { list, owners, ...nothing, options: { ...options, ...more }, ...beside } as unknown as TargetState;
}

Deno.test("AsSeen passes what the quick check and the metadata pass one by one", () => {
  const random = new Random(21);
  const lengths: number[] = [];
  for (let round = 0; round < 400; round++) {
    const perms = round % 3 !== 0;
    const listed: Row[] = Array.from({ length: random.below(40) }, (_, k) => ({
      name: `${String.fromCharCode(97 + k)}${"x".repeat(random.below(6))}`,
      ...{ mode: Kind.file << 12 | 0o644, uid: random.pick([0, 5, 11]), gid: random.pick([0, 11]) },
      ...{ size: random.below(5), sec: random.below(9) - 4, ns: random.below(3) },
    }));
    const own = listed.map((row) => ({ ...row, uid: row.uid > 10 ? row.uid + 100 : row.uid }));
    for (const row of own) {
      if (random.below(12) > 0) continue;
      const changes: Partial<Row>[] = [
        ...[{ mode: Kind.file << 12 | 0o600 }, { mode: Kind.folder << 12 | 0o644 }, { size: 6 }, { sec: 77 }],
        ...[{ ns: 5 }, { ns: 0 }, { uid: 9 }, { gid: 9 }, { name: `${row.name.slice(0, -1)}z` }, {
          name: row.name + "y",
        }],
      ];
      Object.assign(row, random.pick(changes));
    }
    const [list, ownList] = [listOf(listed), listOf(own)];
    const state = stateOf(list, { perms });
    const seen = new ListedFolder(ownList, 1, own.length).told;
    const stat = new Stat();
    const passes = (k: number) =>
      listed[k].name === own[k].name && seen.file(k, stat) &&
      compareMetadata(list, k + 1, stat, state.options, state.owners) === 0 && quickCheck(list, k + 1, stat, null);
    const asSeen = new AsSeen(state);
    assert.ok(asSeen.decides);
    asSeen.begin(1, listed.length);
    for (let k = 0; k < listed.length;) {
      let expected = 0, bytes = 0;
      for (; k + expected < listed.length && passes(k + expected); expected++) bytes += listed[k + expected].size;
      assert.equal(asSeen.run(k + 1, seen, k), expected, `round ${round}, entry ${k}`);
      assert.equal(asSeen.bytes, bytes);
      lengths.push(expected);
      k += expected + 1;
    }
  }
  assert.ok(lengths.some((length) => length === 0) && lengths.some((length) => length > 10), "both kinds were met");
});

Deno.test("AsSeen finds its place where one side has names that the other has not", () => {
  const row = (name: string): Row => ({ name, mode: Kind.file << 12 | 0o644, uid: 0, gid: 0, size: 1, sec: 1, ns: 1 });
  const list = listOf(["a", "bb", "d", "eee", "f"].map(row));
  const seen = new ListedFolder(listOf(["a", "b", "d", "ddd", "eee", "f"].map(row)), 1, 6).told;
  const asSeen = new AsSeen(stateOf(list));
  asSeen.begin(1, 5);
  assert.equal(asSeen.run(1, seen, 0), 1);
  assert.equal(asSeen.run(3, seen, 2), 1, "bb is new");
  assert.equal(asSeen.run(4, seen, 4), 2, "ddd is an extra one");
});

Deno.test("AsSeen passes no name that may be one of ours, nothing but files, and nothing beyond the piece or what was seen", () => {
  const row = (name: string, kind: number = Kind.file): Row => ({
    ...{ name, mode: kind << 12 | 0o644, uid: 0, gid: 0, size: 1, sec: 1, ns: 1 },
  });
  const rows = [row("a"), row(".tsync-partial"), row("b", Kind.folder), row("c", Kind.link), row("d"), row("e")];
  const list = listOf(rows);
  const seen = new ListedFolder(listOf(rows.slice(0, 5)), 1, 5).told;
  const asSeen = new AsSeen(stateOf(list));
  asSeen.begin(1, 6);
  assert.deepEqual([0, 1, 2, 3, 4].map((k) => asSeen.run(k + 1, seen, k)), [1, 0, 0, 0, 1]);
  asSeen.begin(1, 1);
  assert.equal(asSeen.run(1, seen, 0), 1);
});

Deno.test("AsSeen decides nothing where options or the run ask for more", () => {
  const list = listOf([]);
  assert.ok(new AsSeen(stateOf(list)).decides);
  const more = [
    ...[{ modifyWindowNs: 0 }, { ignoreTimes: true }, { sizeOnly: true }, { atimes: true }, { reportUnchanged: true }],
    { perms: false, executability: true },
  ];
  for (const options of more) assert.ok(!new AsSeen(stateOf(list, options)).decides, JSON.stringify(options));
  for (const part of ["attributes", "alternatives", "folds", "links", "placed"]) {
    assert.ok(!new AsSeen(stateOf(list, {}, { [part]: {} })).decides, part);
  }
});
