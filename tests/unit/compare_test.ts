// The quick check, equal times (D11), and which attributes differ.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { Change } from "../../lib/base/monitor.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { Cause } from "../../lib/base/problem.ts";
import { Kind, Stat } from "../../lib/os/os.ts";
import {
  beyondSizes,
  compareMetadata,
  isNewer,
  keepsTime,
  type OwnerMap,
  quickCheck,
  runnable,
  sameTime,
} from "../../lib/plan/compare.ts";

type Time = [number, number];
const SECOND = 1e9;

Deno.test("sameTime without a window: equal seconds, and equal nanoseconds unless one side has none", () => {
  const cases: [Time, Time, boolean][] = [
    [[5, 7], [5, 7], true],
    [[5, 7], [5, 8], false],
    [[5, 0], [5, 8], true],
    [[5, 7], [5, 0], true],
    [[5, 0], [6, 0], false],
    [[-1, 999_999_999], [-1, 999_999_999], true],
    [[-1, 999_999_999], [0, 0], false],
  ];
  for (const [a, b, same] of cases) {
    assert.equal(sameTime(...a, ...b, null), same, `${a} ${b}`);
    assert.equal(sameTime(...b, ...a, null), same, `${b} ${a}`);
  }
});

Deno.test("sameTime below zero: whole seconds, as rsync compares them", () => {
  const cases: [Time, Time, number, boolean][] = [
    [[5, 1], [5, 999_999_999], -1, true],
    [[5, 999_999_999], [6, 0], -1, false],
    [[1, 999_999_999], [3, 0], -2, false],
    [[1, 0], [2, 999_999_999], -2, true],
    [[-1, 0], [1, 0], -2, false],
    [[-1, 0], [1, 0], -3, true],
  ];
  for (const [a, b, window, same] of cases) {
    assert.equal(sameTime(...a, ...b, window), same, `${a} ${b} ${window}`);
    assert.equal(sameTime(...b, ...a, window), same, `${b} ${a} ${window}`);
  }
});

Deno.test("sameTime with a window: no further apart than it, across seconds, below zero and far away", () => {
  const cases: [Time, Time, number, boolean][] = [
    [[5, 0], [5, 1], 0, false],
    [[5, 0], [5, 0], 0, true],
    [[5, 0], [6, 0], SECOND, true],
    [[5, 0], [6, 1], SECOND, false],
    [[5, 999_999_999], [6, 0], 1, true],
    [[-1, 999_999_999], [0, 0], 1, true],
    [[-1, 999_999_999], [0, 1], 1, false],
    [[0, 0], [2 ** 43, 0], SECOND, false],
    [[2 ** 43, 1], [2 ** 43, 2], 0, false],
  ];
  for (const [a, b, window, same] of cases) {
    assert.equal(sameTime(...a, ...b, window), same, `${a} ${b} ${window}`);
    assert.equal(sameTime(...b, ...a, window), same, `${b} ${a} ${window}`);
  }
});

/** A list with one entry, and a stat that is equal to it. */
function pair(kind: number = Kind.file): { list: FileList; stat: Stat } {
  const list = new FileList();
  list.add(utf8("x"), 0, 1, 0, (kind << 12) | 0o4644, 7, 8, 100, 5, 6, 0, null);
  const stat = Object.assign(new Stat(), { kind, mode: 0o4644, uid: 7, gid: 8, size: 100, mtimeSec: 5, mtimeNs: 6 });
  return { list, stat };
}

Deno.test("quickCheck: same size and same time, nothing else", () => {
  const { list, stat } = pair();
  assert.equal(quickCheck(list, 0, stat, null), true);
  for (const change of [{ size: 101 }, { mtimeSec: 6 }, { mtimeNs: 7 }]) {
    assert.equal(quickCheck(list, 0, Object.assign(pair().stat, change), null), false);
  }
  for (const change of [{ mode: 0 }, { uid: 1 }, { gid: 1 }, { inoLow: 9 }, { ctimeSec: 3 }]) {
    assert.equal(quickCheck(list, 0, Object.assign(pair().stat, change), null), true);
  }
});

const owners: OwnerMap = { uid: () => 7, gid: () => 8 };
const nobody: OwnerMap = { uid: () => -1, gid: () => -1 };
const all = { ...defaultOptions(), perms: true, times: true, owner: true, group: true };

Deno.test("compareMetadata tells each attribute that differs and was asked for", () => {
  const { list } = pair();
  const cases: [Partial<Stat>, number][] = [
    [{}, 0],
    [{ mode: 0o644 }, Change.mode],
    [{ uid: 1 }, Change.owner],
    [{ gid: 1 }, Change.group],
    [{ mtimeNs: 1 }, Change.time],
    [{ mode: 0, uid: 0, gid: 0, mtimeSec: 0 }, Change.mode | Change.owner | Change.group | Change.time],
    [{ size: 1 }, 0],
  ];
  for (const [change, bits] of cases) {
    const stat = Object.assign(pair().stat, change);
    assert.equal(compareMetadata(list, 0, stat, all, owners), bits, JSON.stringify(change));
    assert.equal(compareMetadata(list, 0, stat, defaultOptions(), nobody), 0, "nothing was asked for");
  }
});

Deno.test("compareMetadata does not look at a link's mode", () => {
  const { list, stat } = pair(Kind.link);
  stat.mode = 0o777;
  assert.equal(compareMetadata(list, 0, stat, all, owners), 0);
});

Deno.test("isNewer: a later second, or a later nanosecond of the same one where both sides have them", () => {
  const { list, stat } = pair();
  const cases: [number, number, boolean][] = [[5, 6, false], [6, 0, true], [4, 9, false], [5, 7, true], [5, 5, false]];
  for (const [mtimeSec, mtimeNs, newer] of cases) {
    assert.equal(isNewer(list, 0, Object.assign(stat, { mtimeSec, mtimeNs })), newer, `${mtimeSec} ${mtimeNs}`);
  }
  const whole = new FileList();
  whole.add(utf8("x"), 0, 1, 0, (Kind.file << 12) | 0o644, 7, 8, 100, 5, 0, 0, null);
  assert.equal(isNewer(whole, 0, Object.assign(stat, { mtimeSec: 5, mtimeNs: 7 })), false);
});

Deno.test("beyondSizes: the limits themselves are within, and 0 is a limit", () => {
  const beyond = (size: number, maxSize: number | null, minSize: number | null) =>
    beyondSizes(size, { ...defaultOptions(), maxSize, minSize });
  assert.deepEqual([beyond(10, 10, 10), beyond(0, null, null), beyond(0, 0, 0)], [-1, -1, -1]);
  assert.deepEqual([beyond(11, 10, null), beyond(1, 0, null)], [Cause.tooLarge, Cause.tooLarge]);
  assert.deepEqual([beyond(9, null, 10), beyond(9, 8, 10)], [Cause.tooSmall, Cause.tooLarge]);
});

Deno.test("-O and -J take folders and links out of -t, -E makes files runnable where they can be read", () => {
  const options = { ...defaultOptions(), times: true, omitDirTimes: true };
  assert.deepEqual([Kind.folder, Kind.link, Kind.file].map((kind) => keepsTime(options, kind)), [false, true, true]);
  options.omitLinkTimes = true;
  assert.equal(keepsTime(options, Kind.link), false);
  assert.equal(keepsTime({ ...options, times: false }, Kind.file), false);
  const rows = [[0o644, 0o755, 0o644], [0o755, 0o640, 0o750], [0o700, 0o711, 0o711], [0o700, 0, 0], [
    0o600,
    0o600,
    0o600,
  ]];
  for (const [listed, has, becomes] of rows) assert.equal(runnable(listed, has), becomes, `${listed} on ${has}`);
});
