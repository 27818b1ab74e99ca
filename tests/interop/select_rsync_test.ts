// What is selected: -u, --existing, --ignore-existing, --size-only, --max-size, --min-size. The golden answer is the installed rsync's,
// asked in the same run.

import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, special } from "../support/trees.ts";
import { Kind } from "../../lib/os/os.ts";
import { testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const THEN = { sec: 1_100_000_000, ns: 0 };
const NEW = { sec: 1_200_000_000, ns: 0 };
const at = (path: string, mode = 0o755) => folder(path, { mode, ...THEN });

/** A source, and a target that is older, newer, equal, of another kind, or lacks it. */
const SOURCE: Entry[] = [
  at("s"),
  file("s/older", "from source", THEN),
  file("s/newer", "from source", THEN),
  file("s/equal", "the same", { mode: 0o640, ...THEN }),
  file("s/alike", "AAAA", THEN),
  file("s/missing", "new", THEN),
  file("s/empty", "", THEN),
  file("s/was-link", "a file", THEN),
  file("s/was-folder", "a file", THEN),
  link("s/link", "to here", THEN),
  link("s/new-link", "to here", THEN),
  special("s/fifo", Kind.fifo, { mode: 0o600, ...THEN }),
  at("s/was-file"),
  file("s/was-file/in", "in", THEN),
  at("s/sub", 0o750),
  file("s/sub/newer", "from source, longer", THEN),
  file("s/sub/missing", "new", THEN),
  at("s/sub/deep"),
  file("s/sub/deep/f", "f", THEN),
];
const TARGET: Entry[] = [
  folder("d", { mode: 0o700, ...OLD }),
  file("d/older", "old", OLD),
  file("d/newer", "of the target", NEW),
  file("d/equal", "the same", { mode: 0o600, ...THEN }),
  file("d/alike", "BBBB", NEW),
  link("d/was-link", "x", NEW),
  folder("d/was-folder", NEW),
  link("d/link", "elsewhere", NEW),
  file("d/was-file", "x", NEW),
  folder("d/sub", { mode: 0o700, ...NEW }),
  file("d/sub/newer", "of the target", NEW),
  file("d/extra", "x", NEW),
  file("d/sub/extra", "x", NEW),
];
const BOTH = [...SOURCE, ...TARGET];
const NO_CLASH = BOTH.filter(({ path }) => path !== "d/was-file");

testScenarios("select", [
  { name: "-u", entries: BOTH, options: "-a -i -vv -u" },
  { name: "-u first run", entries: SOURCE, options: "-a -i --update" },
  { name: "-u and --delete", entries: BOTH, options: "-a -i -u --delete" },
  { name: "-u -n", entries: BOTH, options: "-a -i -vv -u -n" },
  { name: "-u -c", entries: BOTH, options: "-a -i -u -c" },
  { name: "-u -I", entries: BOTH, options: "-a -i -u -I" },
  { name: "-u without times", entries: BOTH, options: "-rl -i -u", without: ["mtime"] },
  { name: "--existing", entries: BOTH, options: "-a -i -vv --existing" },
  { name: "--existing and --delete", entries: BOTH, options: "-a -i --existing --delete" },
  { name: "--existing to nothing", entries: SOURCE, options: "-a -i --existing" },
  { name: "--existing -n by its other name", entries: BOTH, options: "-a -i --ignore-non-existing -n" },
  { name: "--existing of a folder", entries: BOTH, options: "-a -i -vv --existing", sources: ["s", "s/sub"] },
  { name: "--ignore-existing", entries: NO_CLASH, options: "-a -i -vv --ignore-existing" },
  { name: "--ignore-existing, a file in a folder's place", entries: BOTH, options: "-a -i --ignore-existing" },
  { name: "--ignore-existing first run", entries: SOURCE, options: "-a -i --ignore-existing" },
  { name: "--ignore-existing of one file", entries: BOTH, options: "-a -i --ignore-existing", sources: ["s/older"] },
  {
    name: "--existing --ignore-existing --delete",
    entries: NO_CLASH,
    options: "-a -i -vv --existing --ignore-existing --delete",
  },
  { name: "--size-only", entries: BOTH, options: "-a -i --size-only" },
  { name: "--size-only without times", entries: BOTH, options: "-r -i --size-only", without: ["mtime"] },
  { name: "--size-only -I", entries: BOTH, options: "-a -i -I --size-only" },
  { name: "--size-only -c", entries: BOTH, options: "-a -i -c --size-only" },
  { name: "--max-size", entries: BOTH, options: "-a -i -vv --max-size=8" },
  { name: "--max-size first run", entries: SOURCE, options: "-a -i -v --max-size=3" },
  { name: "--max-size and --delete", entries: BOTH, options: "-a -i --delete --max-size 1" },
  { name: "--min-size and --max-size", entries: BOTH, options: "-a -i -vv --min-size=3 --max-size=10 -u" },
  { name: "--min-size -n", entries: BOTH, options: "-a -i --min-size=1b+1 -n" },
  {
    name: "all of them",
    entries: BOTH,
    options: "-a -i -vv -u --existing --size-only --min-size=1 --max-size=1k --delete",
  },
]);
