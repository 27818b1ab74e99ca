// Hard links, extended attributes and access lists beside rsync's: first run, changed runs, dry runs, deletions.

import { Kind } from "../../lib/os/os.ts";
import { type Entry, file, folder, link, sameAs, special } from "../support/trees.ts";
import { useOtherMachine } from "../support/topology.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const AS_ROOT = Deno.uid() === 0;
const OLD = { sec: 1_000_000_000, ns: 5 };
const NEW = { sec: 1_100_000_000, ns: 7 };
const TOPS = [folder("s", { mode: 0o755, ...NEW }), folder("d", { mode: 0o755, ...OLD })];

// ---- names of one inode

/** a, x/b and y/c are one file, l and m another, and there are links and a FIFO of two names. */
function linked(root: string, more = {}): Entry[] {
  return [
    file(`${root}/a`, "one", { ...OLD, mode: 0o644, ...more }),
    sameAs(`${root}/x/b`, `${root}/a`),
    sameAs(`${root}/y/c`, `${root}/a`),
    file(`${root}/l`, "two", OLD),
    sameAs(`${root}/m`, `${root}/l`),
    file(`${root}/alone`, "three", OLD),
    link(`${root}/sym`, "nowhere", OLD),
    sameAs(`${root}/sym2`, `${root}/sym`, Kind.link),
    special(`${root}/pipe`, Kind.fifo, OLD),
    sameAs(`${root}/pipe2`, `${root}/pipe`, Kind.fifo),
    folder(`${root}/x`, { mode: 0o755, ...NEW }),
    folder(`${root}/y`, { mode: 0o755, ...NEW }),
  ];
}

/** The same names, each a file of its own. */
function apart(root: string): Entry[] {
  return linked(root).map((entry) => {
    const { sameAs: other, ...rest } = entry;
    if (other === undefined) return entry;
    const model = linked(root).find(({ path }) => path === other)!;
    return { ...model, ...rest };
  });
}

const without = (entries: Entry[], ...paths: string[]) => entries.filter(({ path }) => !paths.includes(path));
const LINKS = { extra: ["links"] } as const;
const links = (name: string, options: string, entries: readonly Entry[], more: Partial<Scenario> = {}): Scenario => {
  return { name, options, entries: [...TOPS, ...entries], ...LINKS, ...more };
};

const SOURCE = linked("s");
const PAIR = [...SOURCE, ...linked("d")];

testScenarios("metadata", [
  links("-H into nothing", "-aHi", SOURCE),
  links("-H into a folder that is not there", "-aHv", SOURCE, { target: "new" }),
  links("-H -n into nothing", "-aHni", SOURCE),
  links("-H --stats into nothing", "-aH --stats", SOURCE),
  links("-H where all is as it should be", "-aHii", PAIR),
  links("-H -vv where all is as it should be", "-aHvv", PAIR),
  links("-H where the names are files of their own", "-aHi", [...SOURCE, ...apart("d")]),
  links("-H -n where the names are files of their own", "-aHni", [...SOURCE, ...apart("d")]),
  links("-H -v where the names are files of their own", "-aHv", [...SOURCE, ...apart("d")]),
  links("no -H", "-ai", [...SOURCE, ...linked("d")]),
  links("-H of a changed file", "-aHi", [...linked("s", { data: [], ...NEW }), ...linked("d")]),
  links("-H -n of a changed file", "-aHni", [...linked("s", { data: [], ...NEW }), ...linked("d")]),
  links("-H of a changed mode", "-aHi", [...linked("s", { mode: 0o600 }), ...linked("d")]),
  links("-H with the first name gone at the source", "-aHi --delete", [
    ...without(linked("s"), "s/l", "s/m"),
    ...linked("d"),
  ]),
  links("-H with the first name missing at the target", "-aHi", [
    ...SOURCE,
    file("d/x/b", "one", { ...OLD, mode: 0o644 }),
    sameAs("d/y/c", "d/x/b"),
  ]),
  links("-H with an old second name and no first", "-aHi", [...SOURCE, file("d/x/b", "an old one", NEW)]),
  links("-H with other kinds in the way", "-aHi", [
    ...SOURCE,
    ...without(linked("d"), "d/x/b", "d/y/c"),
    link("d/x/b", "elsewhere", OLD),
    folder("d/y/c", { mode: 0o755, ...OLD }),
  ]),
  links("-H with a full folder in the way and --delete", "-aHi --delete", [
    ...SOURCE,
    ...without(linked("d"), "d/x/b"),
    file("d/x/b/full", "1", OLD),
  ]),
  links("-H where the target links too much", "-aHi", [
    ...SOURCE,
    ...without(linked("d"), "d/l", "d/m", "d/alone"),
    sameAs("d/l", "d/a"),
    sameAs("d/alone", "d/a"),
  ]),
  links("-H with a name left out by a rule", "-aHi --exclude=/a", SOURCE),
  links("-H with a rule and --delete", "-aHi --exclude=b --delete", PAIR),
  links("-H of a part of the names", "-aHi", SOURCE, { sources: ["s/x/"] }),
  links("-H across source arguments", "-aHi", SOURCE, {
    sources: ["s/x", "s/y", "s/a"],
    without: ["mtime"],
  }),
  links("-H of one name to a name", "-aHi", SOURCE, { sources: ["s/a"], target: "d/z", without: ["mtime"] }),
  links("-H without -t", "-rHi", [...SOURCE, ...apart("d")], { without: ["mtime"] }),
  links("-H without -t, links", "-rlHi", [...SOURCE, ...apart("d")], { without: ["mtime"] }),
  links("-H -c", "-aHci", [...SOURCE, ...apart("d")]),
  links("-H -I", "-aHIi", PAIR),
  links("-H with other owners at the target", "-aHi", [
    ...SOURCE,
    ...without(apart("d"), "d/x/b"),
    file("d/x/b", "one", { ...OLD, mode: 0o600, ...(AS_ROOT ? { uid: 1, gid: 1 } : {}) }),
  ]),
]);
