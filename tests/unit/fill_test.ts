// What two threads of a local run share: units of files, the board they lie on, and one large copy. Both threads' calls are made
// here by one, in the orders that matter.

import assert from "node:assert/strict";
import { equalBytes } from "../../lib/base/bytes.ts";
import { Board, UNITS } from "../../lib/engine/board.ts";
import { openLinux } from "../../lib/os/linux.ts";
import { OpenMode, type Os, Stat } from "../../lib/os/os.ts";
import { Filler } from "../../lib/tree/fill.ts";
import { FileStatus, FillUnit, UNIT_FILES, UnitState } from "../../lib/tree/fill_unit.ts";
import { identityTag } from "../../lib/tree/identity_tag.ts";
import { SharedCopy } from "../../lib/tree/shared_copy.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const newBoard = () => new Board(new SharedArrayBuffer(Board.BYTES));

async function withFolder(use: (os: Os, folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tsync-unit-" });
  try {
    use(openLinux(), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("FillUnit: a full unit of longest names, largest ids and odd numbers reads as it was added, by another view too", () => {
  const memory = new SharedArrayBuffer(FillUnit.BYTES * 2);
  const unit = new FillUnit(memory, FillUnit.BYTES);
  unit.begin(7, 9, true);
  const name = new Uint8Array(255).fill(0xff);
  for (let k = 0; k < UNIT_FILES; k++) {
    name[0] = k + 1;
    unit.add(name, 0, 255, 2 ** 53 - 1 - k, -k, 999_999_999, 0xffff_ffff, 0o7777, k % 2 ? -1 : 0xffff_fffe, k);
  }
  const seen = new FillUnit(memory, FillUnit.BYTES);
  assert.deepEqual([seen.count, seen.source, seen.target, seen.setsTimes], [UNIT_FILES, 7, 9, true]);
  for (let k = 0; k < UNIT_FILES; k++) {
    name[0] = k + 1;
    assert.deepEqual([...seen.name(k)], [...name]);
    assert.deepEqual(
      [seen.size(k), seen.mtimeSec(k), seen.mtimeNs(k), seen.tag(k), seen.mode(k), seen.uid(k), seen.gid(k)],
      [2 ** 53 - 1 - k, -k, 999_999_999, 0xffff_ffff, 0o7777, k % 2 ? -1 : 0xffff_fffe, k],
    );
    assert.equal(seen.status(k), FileStatus.notDone);
  }
  assert.ok(new Uint8Array(memory, 0, FillUnit.BYTES).every((byte) => byte === 0), "the unit before is untouched");
});

Deno.test("Board: a unit is one thread's at a time; what is taken cannot be taken back, what is finished is home", () => {
  const board = newBoard();
  assert.equal(board.claim(UnitState.taken), null);
  for (const unit of board.units) board.offer(unit);
  const first = board.claim(UnitState.taken);
  assert.equal(first, board.units[0]);
  assert.equal(board.takeBack(board.units[0]), false);
  assert.equal(board.isTaken(board.units[0], 0), true);
  assert.equal(board.takeBack(board.units[1]), true);
  assert.equal(board.isHome(board.units[1]), true);
  for (let i = 2; i < UNITS; i++) assert.equal(board.claim(), board.units[i]);
  assert.equal(board.claim(), null);
  board.finish(board.units[0]);
  assert.equal(board.isHome(board.units[0]), true);
  assert.equal(board.isTaken(board.units[0], 0), false);
});

Deno.test("Board: an offer between looking and waiting is not slept over, and quitting ends the waiting", () => {
  const board = newBoard();
  const rung = board.rung();
  board.offer(board.units[0]);
  assert.equal(board.waitForRing(rung), true);
  board.quit();
  assert.equal(board.waitForRing(board.rung()), false);
  assert.equal(board.stop[0], 1);
});

/** A unit of all files of `folder`/source for `folder`/target. */
function unitOf(os: Os, folder: string, names: string[]): FillUnit {
  const unit = newBoard().units[0];
  const stat = new Stat();
  unit.begin(os.openRoot(utf8(`${folder}/source`)), os.openRoot(utf8(`${folder}/target`)), true);
  for (const name of names) {
    assert.equal(os.statPath(utf8(`${folder}/source/${name}`), false, stat), 0);
    const bytes = utf8(name);
    const { size, mtimeSec, mtimeNs, mode } = stat;
    unit.add(bytes, 0, bytes.length, size, mtimeSec, mtimeNs, identityTag(stat), mode, -1, -1);
  }
  return unit;
}

Deno.test("Filler: files as listed are made whole; what changed, went, has holes or is in the way is not done and not left", async () => {
  await withFolder((os, folder) => {
    for (const name of ["source", "target"]) Deno.mkdirSync(`${folder}/${name}`);
    const names = ["small", "empty", "large", "changed", "gone", "holes", "there", "long changed"];
    const large = "0123456789".repeat(70_000);
    for (const name of names) Deno.writeTextFileSync(`${folder}/source/${name}`, name === "empty" ? "" : name);
    for (const name of ["large", "long changed"]) Deno.writeTextFileSync(`${folder}/source/${name}`, large);
    Deno.truncateSync(`${folder}/source/holes`, 1 << 20);
    Deno.chmodSync(`${folder}/source/small`, 0o4751);
    Deno.writeTextFileSync(`${folder}/target/there`, "somebody else's");
    const unit = unitOf(os, folder, names);
    Deno.writeTextFileSync(`${folder}/source/changed`, "CHANGED");
    Deno.utimeSync(`${folder}/source/long changed`, 1, 2);
    Deno.removeSync(`${folder}/source/gone`);
    new Filler(os, new Int32Array(1)).run(unit);
    os.close(unit.source);
    os.close(unit.target);
    const done = names.filter((_, k) => unit.status(k) === FileStatus.done);
    assert.deepEqual(done, ["small", "empty", "large"]);
    const there = [...Deno.readDirSync(`${folder}/target`)].map(({ name }) => name).sort();
    assert.deepEqual(there, ["empty", "large", "small", "there"]);
    assert.equal(Deno.readTextFileSync(`${folder}/target/large`), large);
    assert.equal(Deno.readTextFileSync(`${folder}/target/there`), "somebody else's");
    assert.equal(Deno.statSync(`${folder}/target/small`).mode! & 0o7777, 0o4751);
  });
});

Deno.test("Filler: after the order to stop nothing is begun", async () => {
  await withFolder((os, folder) => {
    for (const name of ["source", "target"]) Deno.mkdirSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/source/a`, "a");
    const unit = unitOf(os, folder, ["a"]);
    new Filler(os, new Int32Array([1])).run(unit);
    os.close(unit.source);
    os.close(unit.target);
    assert.equal(unit.status(0), FileStatus.notDone);
    assert.deepEqual([...Deno.readDirSync(`${folder}/target`)], []);
  });
});

/** Opens a source of `size` bytes and a fresh target, shares the copy, and compares. */
async function sharedCopy(size: number, use: (os: Os, copy: SharedCopy, source: string) => void): Promise<void> {
  await withFolder((os, folder) => {
    const content = new Uint8Array(size).map((_, i) => (i * 31) ^ (i >>> 11));
    Deno.writeFileSync(`${folder}/source`, content);
    const root = os.openRoot(utf8(folder));
    const from = os.openFile(root, utf8("source"), OpenMode.read, 0);
    const to = os.openFile(root, utf8("target"), OpenMode.create, 0o600);
    const copy = new SharedCopy(new SharedArrayBuffer(SharedCopy.BYTES), 0, () => {});
    copy.begin(from, to, size);
    use(os, copy, `${folder}/source`);
    for (const handle of [from, to, root]) os.close(handle);
    const there = Deno.readFileSync(`${folder}/target`);
    assert.ok(equalBytes(there, Deno.readFileSync(`${folder}/source`).subarray(0, there.length)));
  });
}

Deno.test("SharedCopy: pieces taken in turns make the whole file, and the sum is its size", async () => {
  for (const size of [1, 1 << 20, (5 << 20) + 12_345]) {
    await sharedCopy(size, (os, copy) => {
      const [one, two] = [new Uint8Array(256 << 10), new Uint8Array(256 << 10)];
      let own = copy.piece(os, one);
      assert.equal(copy.help(os, two, new Int32Array(1)), true);
      assert.equal(copy.help(os, two, new Int32Array(1)), false, "nobody joins twice");
      for (let count = copy.piece(os, one); count > 0; count = copy.piece(os, one)) own += count;
      const { result, copied } = copy.end();
      assert.deepEqual([result, own + copied], [0, size]);
    });
  }
});

Deno.test("SharedCopy: a file that ended early ends the copy, a failing write tells its errno, and nothing goes on after either", async () => {
  await sharedCopy(6 << 20, (os, copy, source) => {
    const bytes = new Uint8Array(256 << 10);
    assert.equal(copy.piece(os, bytes), 1 << 20);
    Deno.truncateSync(source, (1 << 20) + 1000);
    assert.equal(copy.piece(os, bytes), 1000);
    assert.equal(copy.piece(os, bytes), 0);
    assert.deepEqual(copy.end(), { result: 0, verb: 0, copied: 0 });
  });
  await sharedCopy(3 << 20, (os, copy) => {
    const full: Os = Object.create(os, { writeAllAt: { value: () => -28 } });
    const plain: Os = Object.create(os, {
      readAt: { value: (...args: Parameters<Os["readAt"]>) => os.readAt(...args) },
      writeAllAt: { value: (...args: Parameters<Os["writeAllAt"]>) => os.writeAllAt(...args) },
    });
    Object.defineProperty(full, "readAt", { value: (...args: Parameters<Os["readAt"]>) => os.readAt(...args) });
    const bytes = new Uint8Array(256 << 10);
    assert.equal(copy.piece(plain, bytes), 1 << 20);
    assert.equal(copy.piece(full, bytes), 0);
    assert.equal(copy.piece(plain, bytes), 0);
    assert.equal(copy.end().result, -28);
  });
});

Deno.test("SharedCopy: nobody joins after the end", async () => {
  await sharedCopy(1 << 20, (os, copy) => {
    copy.end();
    assert.equal(copy.help(os, new Uint8Array(256 << 10), new Int32Array(1)), false);
  });
});
