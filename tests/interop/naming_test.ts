// What goes where (A03-A05): source with and without slash, every kind of target, single files, several sources. The golden answer is
// the installed rsync's, asked in the same run.

import assert from "node:assert/strict";
import { LOCAL, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link } from "../support/trees.ts";
import { LONG } from "../support/random.ts";
import { differenceOf } from "./differences.ts";
import { ask, type Question } from "./oracle.ts";

useOtherMachine();

const WHEN = { sec: 1_010_101_010, ns: 0 };
const at = (path: string) => folder(path, { mode: 0o750, ...WHEN });

const SOURCE: Entry[] = [
  at("s"),
  file("s/f", "content", WHEN),
  at("s/sub"),
  file("s/sub/g", "deeper", WHEN),
  link("s/l", "f", WHEN),
];

const TARGETS: Record<string, Entry[]> = {
  "missing": [],
  "a folder": [folder("d"), file("d/old", "old", WHEN)],
  "a file": [file("d", "a file", WHEN)],
  "a link to a folder": [folder("real"), file("real/old", "old", WHEN), link("d", "real", WHEN)],
  "a link to a file": [file("real", "a file", WHEN), link("d", "real", WHEN)],
  "a dangling link": [link("d", "nowhere", WHEN)],
  "in a folder that is missing": [],
};

async function check(way: Topology, claim: string, question: Question): Promise<void> {
  const { tsync, rsync } = await ask(way, { without: ["mtime"], ...question });
  const declared = differenceOf(`naming: ${claim}`);
  const shown = `${claim} (${way.name})\ntsync: ${tsync.err}rsync: ${rsync.err}`;
  if (declared !== undefined) {
    assert.notDeepEqual(
      [tsync.code, [...tsync.tree]],
      [rsync.code, [...rsync.tree]],
      `no longer a difference: ${shown}`,
    );
    return;
  }
  assert.deepEqual(tsync.tree, rsync.tree, shown);
  assert.equal(tsync.code, rsync.code, shown);
}

/** Local all, over ssh those that matter most: the rules are the target half's, whoever runs it. */
async function eachTarget(
  way: Topology,
  what: string,
  sources: string[],
  options: string[],
  slashes: string[],
): Promise<void> {
  for (const [name, entries] of Object.entries(TARGETS)) {
    for (const slash of slashes) {
      const target = name.startsWith("in a folder") ? `x/d${slash}` : `d${slash}`;
      await check(way, `${what} to ${name}${slash === "" ? "" : ` and ${slash}`}`, {
        entries: [...SOURCE, ...entries],
        options,
        sources,
        target,
      });
    }
  }
}

testEach("a folder without slash goes into the target, by every kind of target, as rsync does", (way) => {
  return eachTarget(way, "folder", ["s"], ["-a"], way === LOCAL ? ["", "/", "/."] : [""]);
});

testEach("a folder's content goes to the target, by every kind of target, as rsync does", (way) => {
  return eachTarget(way, "content", ["s/"], ["-a"], way === LOCAL ? ["", "/"] : [""]);
});

testEach("a single file goes to the name or into the folder, by every kind of target, as rsync does", (way) => {
  return eachTarget(way, "file", ["s/f"], ["-a"], way === LOCAL ? ["", "/"] : [""]);
});

testEach("a single link goes to the name or into the folder, as rsync does", (way) => {
  return eachTarget(way, "link", ["s/l"], ["-a"], ["", "/"]);
}, [LOCAL]);

testEach("several sources, by every kind of target, as rsync does", (way) => {
  return eachTarget(way, "several", ["s/f", "s/sub"], ["-a"], way === LOCAL ? ["", "/"] : [""]);
});

testEach("odd ways to name a folder: ., .., //, /., as rsync does", async (way) => {
  for (const source of ["s/.", "s//", "s/sub/..", "s/./", "s//sub", "./s", "s/sub/../f", "s/sub/../../s/"]) {
    await check(way, `source ${source}`, {
      entries: [...SOURCE, folder("d")],
      options: ["-a"],
      sources: [source],
      target: "d",
    });
  }
}, [LOCAL]);

testEach("a folder without -r is left out, as rsync does", async (way) => {
  for (const sources of [["s"], ["s/"], ["s/f", "s/sub"], ["s", "s/f"]]) {
    for (const target of ["d", "new"]) {
      await check(way, `${sources} without -r to ${target}`, {
        entries: [...SOURCE, folder("d")],
        options: ["-t"],
        sources,
        target,
      });
    }
  }
}, [LOCAL]);

/** Sources that hold the same names. */
const TWINS: Entry[] = [
  ...[
    file("one/f", "first", WHEN),
    file("two/f", "second, longer", WHEN),
    file("one/only", "1", WHEN),
    file("two/other", "2", WHEN),
  ],
  ...[
    file("one/mix", "a file", WHEN),
    file("two/mix/in", "in a folder", WHEN),
    file("one/dir/a", "a", WHEN),
    file("two/dir/b", "b", WHEN),
  ],
  ...[
    file("one/rev/in", "in a folder", WHEN),
    file("two/rev", "a file", WHEN),
    link("one/link", "x", WHEN),
    file("two/link", "f", WHEN),
  ],
  ...[at("one"), at("two"), folder("one/dir", { mode: 0o700, ...WHEN }), folder("two/dir", { mode: 0o755, ...WHEN })],
];

testEach("several sources with equal names: the first one counts, folders unite, as rsync does", async (way) => {
  const sets = [["one/", "two/"], ["two/", "one/"], ["one/f", "two/f"], ["one/dir", "two/dir"], ["one/f", "one/f"], [
    "one/",
    "two",
  ]];
  for (
    const sources of way === LOCAL
      ? [...sets, ["one/mix", "two/mix"], ["one/rev", "two/rev"], ["two/", "one/dir"]]
      : sets.slice(0, 4)
  ) {
    for (const options of [["-a"], ["-a", "--delete", "--no-guard"]]) {
      await check(way, `twins ${sources} ${options[1] ?? ""}`, {
        entries: [...TWINS, file("d/extra", "x", WHEN), file("d/dir/extra", "x", WHEN)],
        options: options.filter((word) => word !== "--no-guard"),
        sources,
        target: "d",
      });
    }
  }
});

testEach("a source that is missing costs only itself, a missing target folder the run, as rsync does", async (way) => {
  const entries = [...SOURCE, file("d/old", "x", WHEN)];
  const sets = [["missing"], ["missing", "s/f"], ["s/f", "missing/"], ["s/f/"], ["s/f/x"]];
  for (const sources of way === LOCAL ? sets : sets.slice(0, 2)) {
    await check(way, `missing ${sources}`, { entries, options: ["-a"], sources, target: "d" });
    await check(way, `missing ${sources} and --delete`, { entries, options: ["-a", "--delete"], sources, target: "d" });
  }
});

testEach("where no source is left, the target is made, left alone or refused as rsync does", async (way) => {
  const sets = [["missing"], ["missing/", "s/f/x"]];
  for (const sources of way === LOCAL || LONG ? sets : sets.slice(0, 1)) {
    for (const target of ["d", "d/", "d/.", "x/d", "x/d/", "file", "file/", "full"]) {
      for (const options of LONG ? [["-a"], ["-an"], ["-a", "--mkpath"], ["-aR"], ["-a", "--delete"]] : [["-a"]]) {
        const entries = [...SOURCE, file("file", "a file", WHEN), file("full/old", "x", WHEN)];
        await check(way, `${options} of missing ${sources} to ${target}`, { entries, options, sources, target });
      }
    }
  }
});
