// Which names are listed: -d, -m, -R with its folders on the way, --files-from. The golden answer is the installed rsync's, asked in
// the same run.

import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, special } from "../support/trees.ts";
import { Kind } from "../../lib/os/os.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const THEN = { sec: 1_100_000_000, ns: 0 };
const at = (path: string, mode = 0o755) => folder(path, { mode, ...THEN });
const f = (path: string) => file(path, path, THEN);

const SOURCE: Entry[] = [
  at("s", 0o711),
  f("s/r"),
  at("s/a", 0o750),
  f("s/a/g"),
  at("s/a/b", 0o700),
  f("s/a/b/x"),
  at("s/a/b/c"),
  f("s/a/b/c/f"),
  at("s/e"),
  at("s/e/e2"),
  at("s/p"),
  special("s/p/fifo", Kind.fifo, { mode: 0o600, ...THEN }),
  at("s/t"),
  f("s/t/only.tmp"),
  link("s/lnk", "a", THEN),
  link("s/flnk", "r", THEN),
  at("o"),
  at("o/a"),
  f("o/a/g"),
  f("o/a/other"),
];
/** An older target with things of its own everywhere. */
const TARGET: Entry[] = [
  folder("d", { mode: 0o700, ...OLD }),
  file("d/r", "old", OLD),
  f("d/own"),
  folder("d/a", { mode: 0o700, ...OLD }),
  file("d/a/g", "old", OLD),
  f("d/a/own"),
  folder("d/a/b", OLD),
  f("d/a/b/own"),
  folder("d/e", OLD),
  folder("d/e/own", OLD),
  folder("d/s", { mode: 0o700, ...OLD }),
  f("d/s/own"),
  folder("d/s/a", OLD),
  f("d/s/a/own"),
  folder("d/lnk", OLD),
];
const BOTH = [...SOURCE, ...TARGET];
const EMPTY = [...SOURCE, folder("d", OLD)];

/** A list of names beside the tree. */
const named = (entries: Entry[], names: string) => [...entries, file("list", names, THEN)];
const from = (name: string, names: string, options: string, more: Partial<Scenario> = {}): Scenario => {
  return { name, entries: named(BOTH, names), options: `--files-from=list ${options}`, sources: ["s"], ...more };
};
const SOME = "a/b/c/f\nr\n";

testScenarios("select", [
  { name: "-d of content", entries: BOTH, options: "-d -lpt -i -v" },
  { name: "-d of content, first run", entries: SOURCE, options: "-dltp -i", sources: ["s/."] },
  { name: "-d of folders", entries: BOTH, options: "-dt -i -v", sources: ["s", "s/a", "s/r"] },
  { name: "-d of a folder alone, first run", entries: SOURCE, options: "-dt -i", sources: ["s/a"] },
  { name: "-d and --delete", entries: BOTH, options: "-d -t -i --delete" },
  {
    name: "-d and --delete, content and a folder",
    entries: BOTH,
    options: "-dt -i --delete",
    sources: ["s/a/", "s/e"],
  },
  { name: "-d -n", entries: BOTH, options: "-dt -i -n" },
  { name: "-d with -r: -r wins", entries: BOTH, options: "-d -rlt -i" },
  { name: "--no-d", entries: BOTH, options: "-dt --no-d -i", sources: ["s", "s/r"] },
  { name: "--old-dirs", entries: BOTH, options: "-t -i --old-dirs" },
  { name: "--old-dirs of a folder and --delete", entries: BOTH, options: "-t -i --old-d --delete", sources: ["s"] },

  { name: "-m", entries: EMPTY, options: "-a -i -v -m" },
  { name: "-m and --delete", entries: BOTH, options: "-a -i -m --delete" },
  { name: "-m with a filter", entries: EMPTY, options: "-a -i --prune-empty-dirs --exclude=*.tmp" },
  { name: "-m without kinds", entries: EMPTY, options: "-rt -i -m" },
  { name: "-m of folders", entries: EMPTY, options: "-a -i -m -n", sources: ["s/e", "s/a", "o/a"] },
  { name: "-m -d", entries: EMPTY, options: "-dlt -i -m" },
  { name: "-m --no-m", entries: EMPTY, options: "-a -i -m --no-m" },
  { name: "-m --max-size", entries: EMPTY, options: "-a -i -m --max-size=5" },

  { name: "-R", entries: EMPTY, options: "-a -i -v -R", sources: ["/./s/a/b", "/./s/r"].map((path) => `.${path}`) },
  { name: "-R from /./ on", entries: BOTH, options: "-aR -i", sources: ["s/./a/b", "s/./r", "s/./lnk"] },
  { name: "-R first run", entries: SOURCE, options: "-aR -i", sources: ["s/./a/b", "s/./r"] },
  { name: "-R of one file to a new name", entries: SOURCE, options: "-aR -i", sources: ["s/./r"] },
  { name: "-R and --delete", entries: BOTH, options: "-aR -i --delete", sources: ["s/./a/b/", "s/./e"] },
  { name: "-R and --delete of all", entries: BOTH, options: "-aR -i --delete", sources: ["s/./"] },
  { name: "-R -n", entries: BOTH, options: "-aR -i -n", sources: ["s/./a/b/c", "s/./e"] },
  { name: "-R without -r", entries: BOTH, options: "-Rt -i", sources: ["s/./a/g", "s/./a", "s/./a/b/x"] },
  { name: "-R -d", entries: BOTH, options: "-Rdt -i", sources: ["s/./a/", "s/./e", "s/./a/b/c/f"] },
  { name: "-R through a link", entries: EMPTY, options: "-aR -i", sources: ["s/./lnk/b/c", "s/./flnk"] },
  {
    name: "-R of sources with the same names",
    entries: BOTH,
    options: "-aR -i",
    sources: ["s/./a/b/x", "o/./a", "s/./a/g"],
  },
  {
    name: "-R and the same folder twice",
    entries: EMPTY,
    options: "-aR -i",
    sources: ["s/./a", "s/./a/b/c/", "s//./a//b"],
  },
  { name: "-R and the root's own metadata", entries: BOTH, options: "-aR -i", sources: ["s/././r"] },
  {
    name: "-R with filters",
    entries: EMPTY,
    options: "-aR -i --exclude=a --exclude=c",
    sources: ["s/./a/b", "s/./a"],
    notPull: true,
  },
  {
    name: "-R --no-implied-dirs",
    entries: BOTH,
    options: "-aR -i --no-implied-dirs",
    sources: ["s/./a/b/c", "s/./e/e2"],
  },
  {
    name: "-R --no-implied-dirs, first run",
    entries: EMPTY,
    options: "-aR -i --no-i-d",
    sources: ["s/./a/b/c/f", "s/./e/e2"],
  },
  {
    name: "-R and a name that is missing",
    entries: EMPTY,
    options: "-aR -i --delete",
    sources: ["s/./a/b/no", "s/./p/no", "s/./r"],
  },
  { name: "-R -m", entries: EMPTY, options: "-aR -i -m", sources: ["s/./e", "s/./a/b"] },
  { name: "-R --no-R", entries: EMPTY, options: "-aR --no-R -i", sources: ["s/a/b"] },
  { name: "-R --existing", entries: BOTH, options: "-aR -i -vv --existing", sources: ["s/./a/b", "s/./t/only.tmp"] },
  { name: "-R --stats", entries: EMPTY, options: "-aR --stats --existing", sources: ["s/./a/b", "s/./r"], local: true },

  from("--files-from", SOME, "-a -i -v"),
  from("--files-from, first run", SOME, "-t -i", { entries: named(SOURCE, SOME) }),
  from("--files-from of one file to a new name", "r\n", "-t -i", { entries: named(SOURCE, "r\n") }),
  from("--files-from and folders", "a\ne/\n/a/b/\n", "-a -i"),
  from("--files-from -r", "a/b\ne\n", "-a -r -i -v --delete"),
  from("--files-from and --delete", "a/\ne\n", "-a -i --delete"),
  from("--files-from of all", ".\n", "-a -i --delete"),
  from("--files-from, odd names", "\n# no\n; no\n//r\n../a/./g\na/b/../g\n./e\na//b///x\nr\nr", "-a -i", {
    notPull: true,
  }),
  from("--files-from through links", "lnk/b/c/f\nlnk\nflnk\n", "-a -i", {
    entries: named(EMPTY, "lnk/b/c/f\nlnk\nflnk\n"),
  }),
  ...(Deno.uid() !== 0 ? [] : [
    from("--files-from and somebody's link", "lnk/b/c/f\nr\n", "-a -i", {
      entries: named(
        [...EMPTY.filter(({ path }) => path !== "s/lnk"), link("s/lnk", "a", { uid: 65534, ...THEN })],
        "lnk/b/c/f\nr\n",
      ),
    }),
  ]),
  from("--files-from and a link with a slash", "lnk\nlnk/\n", "-a -i", { entries: named(EMPTY, "lnk\nlnk/\n") }),
  from("--files-from and names that are missing", "no\na/no\nno/no\nr\n", "-a -i --delete -r"),
  from("--files-from --ignore-missing-args", "no\na/no\nno/no\nr\n", "-a -i --ignore-missing-args"),
  from("--files-from --no-R", "a/b/c/f\nr\ne/e2\n", "-a -i --no-R"),
  from("--files-from --no-R and a folder's content", "a/b/\nr\n", "-a -i --no-R"),
  from("--files-from --no-d", "a\na/b/x\nr\n", "-a -i --no-d", { notPull: true }),
  from("--files-from --no-implied-dirs", SOME, "-a -i --no-implied-dirs"),
  from("--files-from -0", "a/b/c/f\0r\0", "-a -i -0"),
  from("--files-from -m", "e\na/b/x\n", "-a -i -m -r", { entries: named(EMPTY, "e\na/b/x\n") }),
  from("--files-from with filters", "a/b/c/f\nt/only.tmp\na/g\n", "-a -i --exclude=*.tmp --exclude=/a", {
    notPull: true,
  }),
  from("--files-from and nothing in it", "\n", "-a -i --delete"),
  from("--files-from -u -n", SOME, "-a -i -u -n"),
  from("--files-from names a file as the source", SOME, "-a -i", { sources: ["s/r"], notPull: true }),
  {
    name: "--ignore-missing-args",
    entries: BOTH,
    options: "-a -i --ignore-missing-args",
    sources: ["s/no", "s/r", "s/no2"],
  },
  {
    name: "--ignore-missing-args in a folder that is missing",
    entries: BOTH,
    options: "-a -i --ignore-missing-args",
    sources: ["s/r", "no/no"],
  },
]);
