// A trash that somebody else has laid his hands on: links planted for the trash, its runs and journals, other owners, journals that name what
// lies outside or speak of another folder, entries swapped for links (R5-R7, I04). All of it is refused, and a canary stays as it was.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { Cause, type Problem } from "../../lib/base/problem.ts";
import { performTrashTask } from "../../lib/engine/trash_task.ts";
import { type Handle, Kind, type Os, Stat } from "../../lib/os/os.ts";
import { OsThrough } from "../../lib/os/through.ts";
import { type Change, encodeRecord, stateOf, type TrashRecord } from "../../lib/tree/trash_record.ts";
import { ARCHIVE, memoryEnvironment, runInMemory } from "../support/memory_run.ts";
import { photograph } from "../support/race.ts";
import { AS_ROOT, withPlace } from "../support/run.ts";
import { disk, file, folder, plant } from "../support/trees.ts";

const UID = Deno.uid() ?? 0;

interface Place {
  root: string;
  canary: string;
  trash: string;
  /** The folder of the one run in it. */
  run: string;
}

/** A target with one run that can be undone, and a canary beside it. */
async function withTrash(use: (place: Place) => Promise<void>): Promise<void> {
  await withPlace(async (place) => {
    for (const name of ["s", "d", "canary"]) await Deno.mkdir(`${place}/${name}`);
    plant(`${place}/s`, [file("a", "the new one"), folder("sub"), file("sub/b", "newer"), file("fresh", "x")]);
    plant(`${place}/d`, [file("a", "old"), folder("sub"), file("sub/b", "old"), file("sub/gone", "gone")]);
    plant(`${place}/canary`, [file("a", "canary"), file("b", "canary"), file("gone", "canary")]);
    const os = disk();
    const { code, error } = await runInMemory({
      ...{ way: "local", source: os, target: os, uid: UID, sources: [`${place}/s/`], targetPath: `${place}/d` },
      options: { ...ARCHIVE, devices: false, specials: false, delete: true, trash: ".tsync-trash" },
    });
    assert.equal(code, 0, String(error));
    const trash = `${place}/d/.tsync-trash`;
    const [run] = [...Deno.readDirSync(trash)].map(({ name }) => `${trash}/${name}`);
    await use({ root: `${place}/d`, canary: `${place}/canary`, trash, run });
  });
}

async function task(root: string, more: Partial<SyncOptions> = {}, os: Os = disk()): Promise<Problem[]> {
  const told: Problem[] = [];
  const nothing = () => {};
  const events = {
    ...{ entry: nothing, deleted: nothing, transferred: nothing, totals: nothing },
    problem: (problem: Problem) => void told.push(problem),
  };
  await performTrashTask(
    memoryEnvironment(os, UID, 3),
    events,
    { ...defaultOptions(), trashTask: "undo", ...more },
    utf8(root),
  );
  return told;
}

/** Undo is refused as it should be, and neither the target nor the canary is touched. */
async function demandRefusal({ root, canary }: Place, pattern: RegExp): Promise<void> {
  const before = [await photograph(root), await photograph(canary)];
  await assert.rejects(task(root), (error: unknown) => {
    assert.ok(error instanceof TsyncError, String(error));
    assert.match(error.message, pattern);
    return true;
  });
  assert.deepEqual([await photograph(root), await photograph(canary)], before);
}

async function replace(path: string, make: (away: string) => Promise<void> | void): Promise<void> {
  await Deno.rename(path, `${path}.away`);
  await make(`${path}.away`);
}

const CASES: [string, RegExp, (place: Place) => Promise<unknown>][] = [
  [
    "the trash is a link",
    /cannot open the trash/,
    ({ root, trash, canary }) =>
      Deno.rename(trash, `${canary}.trash`).then(() => Deno.symlink(`${canary}.trash`, `${root}/.tsync-trash`)),
  ],
  [
    "the trash is a file",
    /cannot open the trash/,
    ({ trash }) => Deno.remove(trash, { recursive: true }).then(() => Deno.writeTextFile(trash, "")),
  ],
  ["others can write to the trash", /others can write/, ({ trash }) => Deno.chmod(trash, 0o777)],
  ["others can write to the run", /no run in the trash/, ({ run }) => Deno.chmod(run, 0o770)],
  [
    "the run is a link",
    /no run in the trash/,
    ({ run, canary }) => Deno.rename(run, `${canary}.run`).then(() => Deno.symlink(`${canary}.run`, run)),
  ],
  [
    "the journal is a link",
    /no run in the trash/,
    ({ run, canary }) =>
      Deno.rename(`${run}/journal`, `${canary}.j`).then(() => Deno.symlink(`${canary}.j`, `${run}/journal`)),
  ],
  [
    "the journal has a second name",
    /no run in the trash/,
    ({ run, canary }) => Deno.link(`${run}/journal`, `${canary}.j`),
  ],
  ["others can write to the journal", /no run in the trash/, ({ run }) => Deno.chmod(`${run}/journal`, 0o666)],
  [
    "the journal is a folder",
    /no run in the trash/,
    ({ run }) => replace(`${run}/journal`, () => Deno.mkdir(`${run}/journal`)),
  ],
  [
    "the journal is a FIFO",
    /no run in the trash/,
    ({ run }) => replace(`${run}/journal`, () => plant(run, [{ path: "journal", kind: Kind.fifo, mode: 0o600 }])),
  ],
];

for (const [what, pattern, spoil] of CASES) {
  Deno.test(`undo is refused, and nothing is touched: ${what}`, async () => {
    await withTrash(async (place) => {
      await spoil(place);
      await demandRefusal(place, pattern);
    });
  });
}

Deno.test({
  name: "undo is refused, and nothing is touched: trash, run or journal belong to somebody else",
  ignore: !AS_ROOT,
  fn: async () => {
    for (const part of ["trash", "run", "journal"] as const) {
      await withTrash(async (place) => {
        await Deno.chown(part === "journal" ? `${place.run}/journal` : place[part], 12_345, 12_345);
        await demandRefusal(place, part === "trash" ? /belongs to somebody else/ : /no run in the trash/);
      });
    }
  },
});

/** Writes a journal of the run that begins rightly and goes on with `changes`. */
async function forge({ root, run }: Place, changes: Partial<Change>[], begin: Partial<Stat> = {}): Promise<void> {
  const os = disk();
  const stat = new Stat();
  const handle = os.openRoot(utf8(root));
  assert.equal(os.statHandle(handle, stat), 0);
  os.close(handle);
  const { devMajor, devMinor, inoLow, inoHigh } = Object.assign(new Stat(), stat, begin);
  const records: TrashRecord[] = [
    { type: "begin", timeSec: 1, devMajor, devMinor, inoLow, inoHigh, isNewRoot: false },
    ...changes.map((more): Change => {
      return { type: "change", path: utf8("a"), before: null, kept: 0, after: stateOf(stat), isOpen: true, ...more };
    }),
  ];
  const writer = new ByteWriter(64);
  for (const record of records) encodeRecord(writer, record);
  await Deno.writeFile(`${run}/journal`, writer.view(), { mode: 0o600 });
}

Deno.test("undo is refused, and nothing is touched: a journal with paths that lead out, or into tsync's own names", async () => {
  await withTrash(async (place) => {
    for (const path of ["../canary/a", "..", "/etc/passwd", "sub/../../canary/a", "sub//b", ".tsync-trash/x", "a\0b"]) {
      await forge(place, [{ path: utf8(path) }]);
      // One that cannot be read is none, and one that is named is refused.
      await demandRefusal(place, /no run in the trash/);
      const name = place.run.slice(place.run.lastIndexOf("/") + 1);
      await assert.rejects(task(place.root, { trashTask: `undo ${name}` }), /the journal is damaged/);
    }
  });
});

Deno.test("undo is refused, and nothing is touched: a journal of another folder or another file system", async () => {
  await withTrash(async (place) => {
    await forge(place, [], { inoLow: 12 });
    await demandRefusal(place, /another folder or file system/);
    await forge(place, [], { devMinor: 0xfffff });
    await demandRefusal(place, /another folder or file system/);
  });
  await withTrash(async (place) => {
    await Deno.mkdir(`${place.canary}/d`);
    await Deno.rename(place.trash, `${place.canary}/d/.tsync-trash`);
    await demandRefusal({ ...place, root: `${place.canary}/d` }, /another folder or file system/);
  });
});

Deno.test("undo is refused, and nothing is touched: a journal whose number names nothing, or something of another kind", async () => {
  await withTrash(async (place) => {
    const old = stateOf(Object.assign(new Stat(), { kind: Kind.file, mode: 0o644, size: 3 }));
    await forge(place, [{ path: utf8("a"), before: old, kept: 77, after: { ...old, inoLow: 0, inoHigh: 0 } }]);
    await demandRefusal(place, /1 entry changed since that run/);
  });
});

Deno.test("undo is refused, and nothing is touched: a folder on the way is a link by now, or what is kept was swapped for one", async () => {
  await withTrash(async (place) => {
    await Deno.rename(`${place.root}/sub`, `${place.root}/sub.away`);
    await Deno.symlink(place.canary, `${place.root}/sub`);
    await demandRefusal(place, /entries changed since that run/);
  });
  await withTrash(async (place) => {
    const kept = [...Deno.readDirSync(place.run)].find(({ name }) => name.endsWith("-a"))!.name;
    await Deno.remove(`${place.run}/${kept}`);
    await Deno.symlink(`${place.canary}/a`, `${place.run}/${kept}`);
    await demandRefusal(place, /1 entry changed since that run/);
  });
});

/** Does something once, right before undo's first rename. */
class Swapping extends OsThrough {
  #swap: (() => void) | null;

  constructor(inner: Os, swap: () => void) {
    super(inner);
    this.#swap = swap;
  }

  override rename(from: Handle, a: Uint8Array, to: Handle, b: Uint8Array): number {
    this.#swap?.();
    this.#swap = null;
    return super.rename(from, a, to, b);
  }

  override unlink(folder: Handle, name: Uint8Array): number {
    this.#swap?.();
    this.#swap = null;
    return super.unlink(folder, name);
  }
}

Deno.test("a folder that is swapped for a link in the midst of undo (I04): the canary is untouched, and the run is not told to be undone", async () => {
  await withTrash(async ({ root, canary, run }) => {
    const before = await photograph(canary);
    const swap = () => {
      Deno.renameSync(`${root}/sub`, `${root}/sub.away`);
      Deno.symlinkSync(canary, `${root}/sub`);
    };
    const told = await task(root, {}, new Swapping(disk(), swap));
    assert.equal(await photograph(canary), before);
    assert.ok(told.some(({ cause, errno }) => cause === Cause.system && errno !== 0), "what could not be done is told");
    assert.ok(![...Deno.readDirSync(run)].some(({ name }) => name === "undone"));
  });
});

Deno.test("a run with --trash whose trash is planted as a link is refused before it changes anything; a user's file of that name stays", async () => {
  for (
    const make of [
      (place: string) => Deno.symlinkSync(`${place}/canary`, `${place}/d/.tsync-trash`),
      (place: string) => Deno.writeTextFileSync(`${place}/d/.tsync-trash`, "mine"),
      (place: string) => {
        Deno.mkdirSync(`${place}/d/.tsync-trash`);
        Deno.chmodSync(`${place}/d/.tsync-trash`, 0o777);
      },
    ]
  ) {
    await withPlace(async (place) => {
      for (const name of ["s", "d", "canary"]) await Deno.mkdir(`${place}/${name}`);
      plant(`${place}/s`, [file("a", "new")]);
      plant(`${place}/d`, [file("a", "older"), file("b", "b")]);
      make(place);
      const before = [await photograph(`${place}/d`), await photograph(`${place}/canary`)];
      const os = disk();
      const { code, error } = await runInMemory({
        ...{ way: "local", source: os, target: os, uid: UID, sources: [`${place}/s/`], targetPath: `${place}/d` },
        options: { ...ARCHIVE, devices: false, specials: false, delete: true, noGuard: true, trash: ".tsync-trash" },
      });
      assert.equal(code, 3, String(error));
      assert.deepEqual([await photograph(`${place}/d`), await photograph(`${place}/canary`)], before);
    });
  }
});

Deno.test("a peer that lists the name of a trash has it refused as one of tsync's own", async () => {
  await withPlace(async (place) => {
    for (const name of ["s", "d"]) await Deno.mkdir(`${place}/${name}`);
    // A file of that name is the user's: it is told of; a folder is a trash, and passed over.
    plant(`${place}/s`, [file(".tsync-trash", "mine"), file("a", "a")]);
    const os = disk();
    const { code, problems } = await runInMemory({
      ...{ way: "push", source: os, target: os, uid: UID, sources: [`${place}/s/`], targetPath: `${place}/d` },
      options: { ...ARCHIVE, devices: false, specials: false },
    });
    assert.equal(code, 23);
    assert.deepEqual(problems.map(({ path, cause }) => [latin1(path), cause]), [[".tsync-trash", Cause.reservedName]]);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name), ["a"]);
  });
});
