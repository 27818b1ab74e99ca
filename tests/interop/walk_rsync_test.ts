// How trees are walked, held against the installed rsync: other file systems (-x), links that are used as folders (-K), munged links.

import { AS_ROOT } from "../support/run.ts";
import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link } from "../support/trees.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };
const DATED = { mode: 0o755, ...OLD };
const TIMELESS = { without: ["mtime"] };

/** At the target links to folders inside and outside of it, and some to none. */
const LINKED: Entry[] = [
  folder("s", DATED),
  folder("s/a", DATED),
  file("s/a/new", "new", OLD),
  file("s/a/changed", "changed", NEW),
  folder("s/a/sub", DATED),
  file("s/a/sub/deep", "deep", OLD),
  folder("s/chain", DATED),
  file("s/chain/f", "f", OLD),
  folder("s/dangling", DATED),
  file("s/dangling/f", "f", OLD),
  folder("s/of file", DATED),
  file("s/of file/f", "f", OLD),
  link("s/link", "a", OLD),
  folder("d", DATED),
  folder("d/kept", DATED),
  folder("d/kept/a", DATED),
  file("d/kept/a/changed", "old", OLD),
  file("d/kept/a/same", "same", OLD),
  folder("d/kept/other", DATED),
  link("d/a", "kept/a", OLD),
  link("d/kept/a/sub", "../other", OLD),
  link("d/chain", "first", OLD),
  link("d/first", "./kept/../kept/last", OLD),
  link("d/kept/last", "end", OLD),
  folder("d/kept/end", DATED),
  link("d/dangling", "nowhere", OLD),
  link("d/of file", "a/same", OLD),
  link("d/link", "kept", OLD),
];

const KEPT: Scenario[] = [
  // Behind links rsync sets no times of folders.
  { name: "-K", options: "-aiK", entries: LINKED, ...TIMELESS },
  { name: "-K -n", options: "-ainK", entries: LINKED },
  { name: "-K -c", options: "-aicK", entries: LINKED, ...TIMELESS },
  {
    name: "-K, modes of folders",
    options: "-aiK",
    entries: [...LINKED, folder("s/a/sub", { mode: 0o750, ...OLD })],
    ...TIMELESS,
  },
  { name: "-K without -l", options: "-riK", entries: LINKED, ...TIMELESS },
  { name: "-K and backups", options: "-aiK --backup-dir=../b", entries: LINKED, ...TIMELESS },
  { name: "-K --delete of what a link leads to", options: "-aiK --delete", entries: LINKED },
  {
    name: "-K --delete in a folder behind a link",
    options: "-aiK --delete",
    sources: ["s/a"],
    target: "d/",
    entries: LINKED,
    ...TIMELESS,
  },
  {
    name: "-K of a link to a folder elsewhere",
    options: "-aK",
    entries: [
      folder("s", DATED),
      folder("s/a", DATED),
      file("s/a/f", "f", OLD),
      file("s/b", "b", OLD),
      folder("d", DATED),
      folder("out", DATED),
      link("d/a", "../out", OLD),
    ],
  },
];
if (AS_ROOT) {
  KEPT.push({
    name: "-K of somebody else's link",
    options: "-aiK",
    entries: [
      folder("s", DATED),
      folder("s/a", DATED),
      file("s/a/f", "f", OLD),
      folder("d", DATED),
      folder("d/kept", DATED),
      link("d/a", "kept", { uid: 1, gid: 1, ...OLD }),
    ],
  });
}

const MUNGED: Entry[] = [
  folder("s", DATED),
  link("s/plain", "a/b", OLD),
  link("s/up", "../../up", OLD),
  link("s/munged", "/rsyncd-munged/a/b", OLD),
  link("s/twice", "/rsyncd-munged//rsyncd-munged/a", OLD),
  link("s/almost", "/rsyncd-munged/", OLD),
  link("s/same", "x", OLD),
  folder("d", DATED),
  link("d/plain", "a/b", OLD),
  link("d/munged", "a/b", OLD),
  link("d/same", "/rsyncd-munged/x", OLD),
];

const MUNGING: Scenario[] = [
  { name: "--munge-links", options: "-ai --munge-links", entries: MUNGED },
  { name: "--munge-links of the other side", options: "-ai -M--munge-links", entries: MUNGED },
  { name: "--munge-links of both sides", options: "-ai --munge-links -M--munge-links", entries: MUNGED },
  { name: "--munge-links taken back", options: "-ai --munge-links --no-munge-links", entries: MUNGED },
  { name: "--munge-links and --safe-links", options: "-ai --munge-links --safe-links", entries: MUNGED },
  {
    name: "--munge-links of the other side and --safe-links",
    options: "-ai -M--munge-links --safe-links",
    entries: MUNGED,
  },
];

/** Mount points at the source: what they hold is theirs, and what the target has there stays. */
const MOUNTED = {
  mounts: ["s/m", "s/a/n"],
  entries: [
    folder("s", DATED),
    file("s/f", "f", OLD),
    folder("s/a", DATED),
    file("s/a/f", "f", OLD),
    folder("s/a/n", { mode: 0o711, ...OLD }),
    file("s/a/n/g", "g", OLD),
    folder("s/m", { mode: 0o700, ...OLD }),
    file("s/m/f", "f", OLD),
    file("s/m/sub/g", "g", OLD),
    link("s/file over there", "m/f", OLD),
    link("s/folder over there", "m/sub", OLD),
    folder("d", DATED),
    folder("d/m", DATED),
    file("d/m/own", "own", OLD),
    folder("d/extra", DATED),
    file("d/extra/f", "f", OLD),
  ],
};

/** Mount points at the target (J06): nothing is deleted there, and what the source has goes there. */
const MOUNTED_THERE = {
  mounts: ["d/m", "d/gone/n", "d/shared"],
  entries: [
    folder("s", DATED),
    file("s/f", "f", OLD),
    folder("s/shared", DATED),
    file("s/shared/new", "new", OLD),
    folder("d", DATED),
    file("d/m/own", "own", OLD),
    folder("d/m", DATED),
    folder("d/gone", DATED),
    file("d/gone/goes", "goes", OLD),
    file("d/gone/n/own", "own", OLD),
    folder("d/gone/n", DATED),
    file("d/shared/own", "own", OLD),
    folder("d/shared", DATED),
    file("d/goes", "goes", OLD),
  ],
};

const FILE_SYSTEMS: Scenario[] = [
  ...["-ai", "-ain", "-aic", "-ri"].flatMap((options): Scenario[] => [
    { name: `-x ${options}`, options: `${options}x --delete`, ...MOUNTED, ...TIMELESS },
    { name: `-xx ${options}`, options: `${options}xx --delete --info=mount`, ...MOUNTED, ...TIMELESS },
  ]),
  { name: "-x taken back", options: "-aix --no-x", ...MOUNTED, ...TIMELESS },
  { name: "-x and -L", options: "-aixL", ...MOUNTED, ...TIMELESS },
  { name: "-xx and -L", options: "-aixxL", ...MOUNTED, ...TIMELESS },
  { name: "-x of mount points", options: "-aix --delete", sources: ["s/m", "s/a"], ...MOUNTED, ...TIMELESS },
  { name: "-xx of mount points", options: "-aixx --delete", sources: ["s/m", "s/a"], ...MOUNTED, ...TIMELESS },
  { name: "-x -R", options: "-aixR --delete", sources: ["s/./a/n/g", "s/./m/sub"], ...MOUNTED, ...TIMELESS },
  { name: "-x and rules", options: "-aix --delete --exclude=n", ...MOUNTED, ...TIMELESS },
  { name: "-x -m", options: "-aixm", ...MOUNTED, ...TIMELESS },
  { name: "-x of two folders", options: "-aix", sources: ["s/", "s/a/"], target: "e/", ...MOUNTED, ...TIMELESS },
  {
    name: "-x spares mount points at the target",
    options: "-aix --delete",
    ...MOUNTED_THERE,
    ...TIMELESS,
  },
  { name: "-xx spares mount points at the target", options: "-aixx --delete", ...MOUNTED_THERE, ...TIMELESS },
  { name: "-x at the target, dry", options: "-ainx --delete", ...MOUNTED_THERE, ...TIMELESS },
  {
    name: "-x at the target, a mount point as argument",
    options: "-aix --delete",
    sources: ["s/shared"],
    ...MOUNTED_THERE,
    ...TIMELESS,
  },
];

/** What is asked for and is not there. */
const MISSING: Entry[] = [
  folder("s", DATED),
  file("s/there", "there", OLD),
  folder("s/a", DATED),
  file("s/a/there", "there", OLD),
  folder("d", DATED),
  file("d/gone", "gone", OLD),
  file("d/stays", "stays", OLD),
  link("d/link", "stays", OLD),
  folder("d/empty", DATED),
  folder("d/full", DATED),
  file("d/full/in", "in", OLD),
  folder("d/a", DATED),
  file("d/a/gone", "gone", OLD),
  file("d/a/stays", "stays", OLD),
];
const GONE = ["s/there", "s/gone", "s/link", "s/empty", "s/full", "s/never"];

const ARGUMENTS: Scenario[] = [
  {
    name: "--delete-missing-args",
    options: "-ai --delete-missing-args",
    sources: GONE,
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args -n",
    options: "-ain --delete-missing-args",
    sources: GONE,
    target: "d/",
    entries: MISSING,
  },
  {
    name: "--delete-missing-args --force",
    options: "-ai --delete-missing-args --force",
    sources: GONE,
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args --delete",
    options: "-ai --delete-missing-args --delete",
    sources: [...GONE, "s/a"],
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args of nothing else",
    options: "-ai --delete-missing-args",
    sources: ["s/gone"],
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args -R",
    options: "-aiR --delete-missing-args",
    sources: ["s/./a/gone", "s/./a/there", "s/./gone"],
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args and backups",
    options: "-aib --delete-missing-args",
    sources: ["s/there", "s/gone"],
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args and --ignore-missing-args",
    options: "-ai --delete-missing-args --ignore-missing-args",
    sources: GONE,
    target: "d/",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args of one, the target is a file",
    options: "-ai --delete-missing-args",
    sources: ["s/gone"],
    target: "d/stays",
    entries: MISSING,
    ...TIMELESS,
  },
  {
    name: "--delete-missing-args of one, no target",
    options: "-ai --delete-missing-args",
    sources: ["s/gone"],
    target: "new",
    entries: MISSING,
    ...TIMELESS,
  },
];

/** A folder that is shown at a second place is of the file system that it lies on. */
const BOUND_ENTRIES = [folder("s", DATED), file("s/f", "f", OLD), folder("d", DATED), file("far/in", "in", OLD)];
const BOUND: Scenario[] = [
  {
    name: "-x, bound from the same file system",
    options: "-aix",
    bind: ["far", "s/bound"],
    entries: BOUND_ENTRIES,
    ...TIMELESS,
  },
  {
    name: "-x, bound from another one",
    options: "-aix",
    mounts: ["far"],
    bind: ["far", "s/bound"],
    entries: BOUND_ENTRIES,
    ...TIMELESS,
  },
  {
    name: "-x --delete, bound at the target from another one",
    options: "-aix --delete",
    mounts: ["far"],
    bind: ["far", "d/bound"],
    entries: BOUND_ENTRIES,
    ...TIMELESS,
  },
];

testScenarios("walk", [...ARGUMENTS, ...KEPT, ...MUNGING, ...AS_ROOT ? [...FILE_SYSTEMS, ...BOUND] : []]);
