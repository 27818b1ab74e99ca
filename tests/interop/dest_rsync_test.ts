// Backups, alternative destinations and the modes of deleting, held against the installed rsync.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { withPlace } from "../support/run.ts";
import { LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, plant, special } from "../support/trees.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };
const DATED = { mode: 0o755, ...OLD };

/** What a changed run meets: new, changed and equal entries, entries of other kinds, and extra ones. */
const CHANGED: Entry[] = [
  folder("s", DATED),
  folder("d", DATED),
  file("s/new", "new", OLD),
  file("s/same", "same", OLD),
  file("d/same", "same", OLD),
  file("s/changed", "changed", NEW),
  file("d/changed", "old", { mode: 0o640, ...OLD }),
  file("s/mode", "mode", { mode: 0o600, ...OLD }),
  file("d/mode", "mode", { mode: 0o644, ...OLD }),
  link("s/link", "new target", OLD),
  link("d/link", "old target", OLD),
  folder("s/to folder", DATED),
  file("s/to folder/in", "in", OLD),
  file("d/to folder", "was a file", OLD),
  file("s/to file", "is a file", OLD),
  folder("d/to file", DATED),
  special("s/to fifo", Kind.fifo, OLD),
  file("d/to fifo", "was a file", OLD),
  folder("s/sub", DATED),
  folder("d/sub", DATED),
  file("s/sub/changed", "changed", NEW),
  file("d/sub/changed", "old", OLD),
  file("d/extra", "extra", OLD),
  link("d/extra link", "nowhere", OLD),
  file("d/extra~", "an old backup", OLD),
  folder("d/gone", { mode: 0o750, ...OLD }),
  folder("d/gone/deep", { mode: 0o711, ...OLD }),
  file("d/gone/deep/file", "file", OLD),
  file("d/gone/file", "file", OLD),
];

/** Backups renew the times of folders that both programs leave alone, and those of their own folders. */
const TIMELESS = { without: ["mtime"] };

const BACKUPS: Scenario[] = [
  { name: "-b", options: "-aib", entries: CHANGED, ...TIMELESS },
  { name: "-b --delete", options: "-aib --delete", entries: CHANGED, ...TIMELESS },
  { name: "-b --suffix", options: "-aib --suffix=.old --delete", entries: CHANGED, ...TIMELESS },
  { name: "-b -n", options: "-aibn --delete", entries: CHANGED },
  { name: "-b -c", options: "-aibc", entries: CHANGED, ...TIMELESS },
  { name: "-b without -t", options: "-rlib", entries: CHANGED, ...TIMELESS },
  {
    name: "--backup-dir beside the target",
    options: "-ai --delete --backup-dir=../kept",
    entries: CHANGED,
    ...TIMELESS,
  },
  { name: "--backup-dir -n", options: "-ain --delete --backup-dir=../kept", entries: CHANGED },
  {
    name: "--backup-dir with a suffix, several levels",
    options: "-ai --delete -b --backup-dir=../kept/today --suffix=.1",
    entries: CHANGED,
    ...TIMELESS,
  },
  {
    name: "--backup-dir inside the target, first run",
    options: "-ai --delete --backup-dir=kept",
    entries: CHANGED,
    ...TIMELESS,
  },
  {
    name: "--backup-dir inside the target, second run",
    options: "-ai --delete --backup-dir=kept",
    entries: [...CHANGED, folder("d/kept", DATED), file("d/kept/old", "kept", OLD)],
    ...TIMELESS,
  },
  {
    name: "--backup-dir over an older backup",
    options: "-ai --delete --backup-dir=../kept",
    entries: [
      ...CHANGED,
      file("kept/changed", "older", OLD),
      link("kept/link", "older", OLD),
      file("kept/gone", "no folder", OLD),
    ],
    ...TIMELESS,
  },
  {
    name: "-b over an older backup",
    options: "-aib",
    entries: [...CHANGED, file("d/changed~", "older", OLD), file("d/link~", "was a file", OLD)],
    ...TIMELESS,
  },
  {
    name: "-b of a file under a new name",
    options: "-aib",
    sources: ["s/changed"],
    target: "d/sub/changed",
    entries: CHANGED,
    ...TIMELESS,
  },
  {
    name: "--backup-dir of a file under a new name",
    options: "-ai --backup-dir=../../kept",
    sources: ["s/changed"],
    target: "d/sub/changed",
    entries: CHANGED,
    ...TIMELESS,
  },
];

/** The target has nothing, the alternatives `p` and `q` some of it. */
const ALTERNATIVES: Entry[] = [
  folder("s", DATED),
  folder("d", DATED),
  folder("p", DATED),
  folder("q", DATED),
  file("s/equal", "equal", OLD),
  file("p/equal", "equal", OLD),
  file("s/in q", "in q", OLD),
  file("q/in q", "in q", OLD),
  file("s/better in q", "better", OLD),
  file("p/better in q", "BETTER", NEW),
  file("q/better in q", "better", OLD),
  file("s/mode", "mode", { mode: 0o600, ...OLD }),
  file("p/mode", "mode", { mode: 0o644, ...OLD }),
  file("s/time", "time", NEW),
  file("p/time", "time", OLD),
  file("s/size", "size", NEW),
  file("p/size", "another size", OLD),
  file("s/in neither", "in neither", OLD),
  file("s/kind", "a file", OLD),
  folder("p/kind", DATED),
  link("s/link", "target", OLD),
  link("p/link", "target", OLD),
  link("s/other link", "target", OLD),
  link("p/other link", "other", OLD),
  special("s/fifo", Kind.fifo, { mode: 0o644, ...OLD }),
  special("q/fifo", Kind.fifo, { mode: 0o644, ...OLD }),
  folder("s/sub", DATED),
  folder("p/sub", { mode: 0o711, ...NEW }),
  file("s/sub/equal", "equal", OLD),
  file("p/sub/equal", "equal", OLD),
  folder("s/equal sub", DATED),
  folder("q/equal sub", DATED),
  folder("s/new sub", DATED),
  file("s/new sub/file", "file", OLD),
];

/** The target has some of it, too. */
const HALF_THERE: Entry[] = [
  ...ALTERNATIVES,
  file("d/equal", "equal", OLD),
  file("d/in q", "other", OLD),
  file("d/mode", "mode", { mode: 0o644, ...OLD }),
  file("d/time", "time", NEW),
  link("d/link", "target", OLD),
  folder("d/sub", DATED),
  file("d/sub/equal", "EQUAL", NEW),
  file("d/extra", "extra", OLD),
];

const DESTS = ["compare", "copy", "link"].flatMap((kind): Scenario[] => {
  const both = `--${kind}-dest=../p --${kind}-dest=../q/`;
  return [
    { name: `--${kind}-dest -ii`, options: `-aii ${both}`, entries: ALTERNATIVES },
    { name: `--${kind}-dest -n`, options: `-ain ${both}`, entries: HALF_THERE },
    { name: `--${kind}-dest -c`, options: `-aic ${both}`, entries: ALTERNATIVES },
    { name: `--${kind}-dest without -a`, options: `-ri ${both}`, entries: ALTERNATIVES, ...TIMELESS },
    { name: `--${kind}-dest, half there`, options: `-aii --delete ${both}`, entries: HALF_THERE },
    {
      name: `--${kind}-dest of a file under a new name`,
      options: `-ai --${kind}-dest=../p`,
      sources: ["s/equal"],
      target: "d/link",
      entries: ALTERNATIVES,
      ...TIMELESS,
    },
  ];
});
DESTS.push(
  { name: "--link-dest that is not there", options: "-ai --link-dest=../none", entries: HALF_THERE },
  { name: "--link-dest -v", options: "-av --link-dest=../p", entries: ALTERNATIVES },
  { name: "--link-dest -b", options: "-aib --link-dest=../p", entries: HALF_THERE, ...TIMELESS },
  { name: "--copy-dest -v", options: "-av --copy-dest=../p", entries: ALTERNATIVES },
);

/** Extra entries enough to stop half way. */
const MANY: Entry[] = [
  folder("s", DATED),
  folder("d", DATED),
  file("s/one", "1", OLD),
  folder("s/sub", DATED),
  folder("d/sub", DATED),
  folder("d/a", DATED),
  folder("d/a/b", DATED),
  folder("d/c", DATED),
  ...[1, 2, 3].flatMap((n) => [
    file(`d/x${n}`, "x", OLD),
    file(`d/a/b/y${n}`, "y", OLD),
    file(`d/sub/z${n}`, "z", OLD),
  ]),
  link("d/c/l", "q", OLD),
];

/** Folders that hold something, where something else shall be. */
const IN_THE_WAY: Entry[] = [
  folder("s", DATED),
  folder("d", DATED),
  file("s/file", "a file", OLD),
  folder("d/file", DATED),
  folder("d/file/sub", DATED),
  folder("d/link", DATED),
  file("d/file/in", "in", OLD),
  file("d/file/sub/deep", "deep", OLD),
  link("s/link", "target", OLD),
  folder("d/link/in", DATED),
  file("d/other", "stays", OLD),
];

const DELETIONS: Scenario[] = [
  ...["--del", "--delete-before", "--delete-after"].map((mode) => (
    { name: mode, options: `-ai ${mode}`, entries: CHANGED }
  )),
  ...[0, 4].map((most) => (
    { name: `--max-delete=${most}`, options: `-ai --delete --max-delete=${most}`, entries: MANY, ...TIMELESS }
  )),
  { name: "--max-delete -n", options: "-ain --delete --max-delete=5", entries: MANY },
  { name: "--max-delete without --delete", options: "-ai --max-delete=1", entries: MANY },
  {
    name: "--max-delete and backups",
    options: "-ai --delete --max-delete=3 --backup-dir=../kept",
    entries: MANY,
    ...TIMELESS,
  },
  {
    name: "--ignore-errors",
    options: "-ai --delete --ignore-errors",
    sources: ["s/", "s/none"],
    entries: CHANGED,
  },
  { name: "--force", options: "-ai --force", entries: IN_THE_WAY },
  { name: "--force -n", options: "-ain --force", entries: IN_THE_WAY },
  { name: "--force and backups", options: "-ai --force --backup-dir=../kept", entries: IN_THE_WAY, ...TIMELESS },
  { name: "--delete with folders in the way", options: "-ai --delete", entries: IN_THE_WAY },
];

const PATHS: Scenario[] = [
  { name: "--mkpath", options: "-ai --mkpath", target: "d/x/y/z", entries: CHANGED, ...TIMELESS },
  { name: "--mkpath -n", options: "-ain --mkpath", target: "d/x/y/z", entries: CHANGED },
  { name: "--mkpath of nothing new", options: "-ai --mkpath", entries: CHANGED },
  {
    name: "--mkpath of a file under a new name",
    options: "-ai --mkpath",
    sources: ["s/same"],
    target: "d/x/y/z",
    entries: CHANGED,
    ...TIMELESS,
  },
  {
    name: "--mkpath of a file into a new folder",
    options: "-ai --mkpath",
    sources: ["s/same"],
    target: "d/x/y/z/",
    entries: CHANGED,
    ...TIMELESS,
  },
];

/** What goes at the source is what the target has, whatever became of it there. */
const MOVED: Entry[] = [
  ...CHANGED,
  folder("s/empty", DATED),
  folder("p", DATED),
  folder("p/sub", DATED),
  file("p/new", "new", OLD),
];

const REMOVALS: Scenario[] = [
  { name: "--remove-source-files", options: "-ai --remove-source-files", entries: MOVED, ...TIMELESS },
  {
    name: "--remove-source-files to an empty target",
    options: "-ai --remove-sent-files",
    // rsync keeps a FIFO at the source then.
    entries: MOVED.filter(({ path }) => path !== "s/to fifo"),
    target: "e/",
    ...TIMELESS,
  },
  { name: "--remove-source-files -n", options: "-ain --remove-source-files", entries: MOVED },
  { name: "--remove-source-files of files only", options: "-ri --remove-source-files", entries: MOVED, ...TIMELESS },
  {
    name: "--remove-source-files --delete",
    options: "-ai --remove-source-files --delete --exclude=new",
    entries: MOVED,
    ...TIMELESS,
  },
  {
    name: "--remove-source-files with alternatives",
    options: "-ai --remove-source-files --compare-dest=../p",
    entries: MOVED,
    ...TIMELESS,
  },
  {
    name: "--remove-source-files of one file",
    options: "-ai --remove-source-files",
    sources: ["s/changed", "s/sub/changed"],
    entries: MOVED,
    ...TIMELESS,
  },
];

const LARGE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >>> 7);
const SHIFTED = Uint8Array.from([...LARGE.subarray(0, 100_000), 1, 2, 3, ...LARGE.subarray(100_000)]);

/** Larger files, too, which cross as deltas. */
const WRITTEN: Entry[] = [
  ...CHANGED,
  file("s/shorter", LARGE.subarray(0, 200_000), NEW),
  file("d/shorter", LARGE, OLD),
  file("s/longer", SHIFTED, NEW),
  file("d/longer", LARGE, OLD),
  file("s/back", LARGE, NEW),
  file("d/back", SHIFTED, OLD),
  {
    path: "s/holes",
    kind: Kind.file,
    ...NEW,
    size: 400_000,
    data: [{ at: 200_000, bytes: LARGE.subarray(0, 50_000) }],
  },
  file("d/holes", SHIFTED, OLD),
  file("s/zeros", new Uint8Array(300_000), NEW),
  file("d/zeros", LARGE, { mode: 0o600, ...OLD }),
];

const IN_PLACE: Scenario[] = [
  { name: "--fsync", options: "-ai --fsync --delete", entries: CHANGED },
  { name: "--fsync -b", options: "-aib --fsync", entries: CHANGED, ...TIMELESS },
  { name: "--inplace", options: "-ai --inplace", entries: WRITTEN },
  { name: "--inplace --no-whole-file", options: "-ai --inplace --no-whole-file --delete", entries: WRITTEN },
  { name: "--inplace -S", options: "-aiS --inplace", entries: WRITTEN },
  { name: "--inplace -b", options: "-aib --inplace", entries: WRITTEN, ...TIMELESS },
  { name: "--inplace --backup-dir", options: "-ai --inplace --backup-dir=../kept", entries: WRITTEN, ...TIMELESS },
  { name: "--inplace without -a", options: "-ri --inplace", entries: WRITTEN, ...TIMELESS },
  { name: "--partial", options: "-ai --partial", entries: WRITTEN },
];

testScenarios("dest", [...IN_PLACE, ...REMOVALS, ...BACKUPS, ...DESTS, ...DELETIONS, ...PATHS]);

testEach("dest: --link-dest gives second names, and only to what is the same in everything", async (way) => {
  for (const program of ["sync", "rsync"] as const) {
    await withPlace(async (place) => {
      plant(place, ALTERNATIVES);
      const words = ["-a", "--link-dest=../p", "--link-dest=../q"];
      assert.equal((await way[program](words, `${place}/s/`, `${place}/d`)).code, 0);
      const inode = async (path: string) => (await Deno.lstat(`${place}/${path}`)).ino;
      for (const [path, from] of [["equal", "p"], ["in q", "q"], ["better in q", "q"], ["link", "p"], ["fifo", "q"]]) {
        assert.equal(await inode(`d/${path}`), await inode(`${from}/${path}`), path);
      }
      for (const path of ["mode", "time", "size", "other link"]) {
        assert.notEqual(await inode(`d/${path}`), await inode(`p/${path}`), path);
      }
    });
  }
});

testEach("--remove-source-files leaves alone what could not be put in place", async (way) => {
  await withPlace(async (place) => {
    plant(place, [file("s/a", "a"), file("s/full", "file"), file("d/full/in", "in the way")]);
    const ran = await way.sync(["-a", "--remove-source-files"], `${place}/s/`, `${place}/d`);
    assert.equal(ran.code, 23);
    assert.deepEqual([...Deno.readDirSync(`${place}/s`)].map(({ name }) => name), ["full"]);
  });
});

Deno.test("--remove-source-files does not remove the file at the target itself", async () => {
  await withPlace(async (place) => {
    plant(place, [file("s/a", "a")]);
    const ran = await LOCAL.sync(["-a", "--remove-source-files"], `${place}/s/`, `${place}/s`);
    assert.equal(ran.code, 23);
    assert.equal(await Deno.readTextFile(`${place}/s/a`), "a");
  });
});

testEach("--inplace writes into the file itself, and only where it differs", async (way) => {
  await withPlace(async (place) => {
    plant(place, [file("s/f", SHIFTED.subarray(0, LARGE.length), NEW), file("d/f", LARGE, OLD)]);
    await Deno.link(`${place}/d/f`, `${place}/second`);
    assert.equal((await way.sync(["-a", "--inplace"], `${place}/s/`, `${place}/d`)).code, 0);
    assert.deepEqual(await Deno.readFile(`${place}/second`), await Deno.readFile(`${place}/s/f`));
  });
});

Deno.test("--partial keeps what came of a file when the line breaks, and the next run goes on from it; with --no-partial nothing stays", async () => {
  await withPlace(async (place) => {
    const bytes = new Uint8Array(8 << 20);
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    plant(place, [file("s/big", bytes), folder("d")]);
    await Deno.writeTextFile(`${place}/cut`, '#!/bin/sh\nshift\ndd bs=65536 count=60 2>/dev/null | sh -c "$*"\n', {
      mode: 0o755,
    });
    await Deno.writeTextFile(`${place}/line`, '#!/bin/sh\nshift\nexec sh -c "$*"\n', { mode: 0o755 });
    const push = (rsh: string, ...options: string[]) => {
      const words = ["-a", ...options, "-e", `${place}/${rsh}`, "--rsync-path", TSYNC_REMOTE];
      return LOCAL.sync(words, [`${place}/s/`], `h:${place}/d`);
    };
    assert.equal((await push("cut", "--no-partial")).code, 12);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)], []);
    assert.equal((await push("cut", "--partial")).code, 12);
    const part = await Deno.readFile(`${place}/d/big`);
    assert.ok(part.length > 1 << 20 && part.length < 4_000_000, `${part.length} bytes came`);
    assert.deepEqual(part, bytes.subarray(0, part.length));
    const ran = await push("line", "--stats");
    assert.equal(ran.code, 0);
    assert.match(ran.out, /Matched data: [1-9],/);
    assert.deepEqual(await Deno.readFile(`${place}/d/big`), bytes);
  });
});
