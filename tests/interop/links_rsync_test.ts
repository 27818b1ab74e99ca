// What is copied and how: links, modes, owners, times, other file systems, devices. Each scenario is carried out by rsync and by
// tsync, on one machine, as a push and as a pull.

import { Kind } from "../../lib/os/os.ts";
import { AS_ROOT } from "../support/run.ts";
import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, special } from "../support/trees.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };

/** Modes of every sort; with `ids`, owners of every sort. */
function tree(ids = false): Entry[] {
  const owner = (uid: number, gid = uid) => ids && AS_ROOT ? { uid, gid } : {};
  return [
    folder("s", { mode: 0o755, ...NEW }),
    folder("s/in", { mode: 0o750, ...owner(1, 2), ...NEW }),
    file("s/in/plain", "plain", { mode: 0o640, ...owner(1), ...NEW }),
    file("s/in/runs", "runs", { mode: 0o754, ...owner(2), ...NEW }),
    file("s/secret", "secret", { mode: 0o600, ...owner(54321, 54322), ...NEW }),
    file("s/set", "set", { mode: AS_ROOT ? 0o6755 : 0o755, ...owner(0), ...NEW }),
    link("s/link", "in/plain", { ...owner(33), ...NEW }),
    special("s/fifo", Kind.fifo, { mode: 0o644, ...NEW }),
  ];
}

/** The same, and at the target older copies with other modes. */
function changed(): Entry[] {
  return [
    ...tree(),
    folder("d", { mode: 0o700, ...OLD }),
    folder("d/in", { mode: 0o711, ...OLD }),
    file("d/in/plain", "plain", { mode: 0o755, ...NEW }),
    file("d/in/runs", "runs", { mode: 0o644, ...OLD }),
    file("d/secret", "other", { mode: 0o444, ...OLD }),
    link("d/link", "elsewhere", OLD),
    special("d/fifo", Kind.fifo, { mode: 0o600, ...OLD }),
  ];
}

const CHMOD: Scenario[] = [
  ["-ai --chmod=D755,F644", "octal by kind"],
  ["-ai --chmod=Dg+s,ug+w,Fo-w,+X", "the manual's example"],
  ["-ai --chmod=a+w --chmod=o-w,g=u", "two options, one copies"],
  ["-ai --chmod=u=rwX,go=rX", "equals and X"],
  ["-ai --chmod=a-x,+X,u+s,+t", "special bits"],
].flatMap(([options, name]) => [
  { name: `chmod ${name}, new`, options, entries: tree() },
  { name: `chmod ${name}, changed`, options, entries: changed() },
]);

testScenarios("links", [
  ...CHMOD,
  { name: "chmod without -p, new", options: "-rlti --chmod=ugo=rwX", entries: tree() },
  { name: "chmod without -p, changed", options: "-rlti --chmod=ugo=rwX", entries: changed() },
  { name: "chmod nothing to do", options: "-aii --chmod=F600", entries: unchangedButFor(0o600) },
  { name: "chmod not understood", options: "-ai --chmod=u+y", entries: tree() },
  { name: "executability, new", options: "-rltiE", entries: tree() },
  { name: "executability, changed", options: "-rltiE", entries: changed() },
  { name: "executability, where -p says more", options: "-aiE", entries: changed() },
  { name: "executability with chmod", options: "-rltiE --chmod=F-x", entries: changed() },
  { name: "no times of folders, new", options: "-aiO", entries: tree(), without: ["mtime"] },
  { name: "no times of folders, changed", options: "-aiO", entries: changed(), without: ["mtime"] },
  { name: "no times of links", options: "-aiJ", entries: changed(), without: ["mtime"] },
  { name: "no times of either, dry", options: "-aiiOJn", entries: changed(), without: ["mtime"] },
]);

/** Source and target alike, but for the modes that the source's files have. */
function unchangedButFor(mode: number): Entry[] {
  const both = (at: string, has: number) => [
    folder(at, { mode: 0o755, ...NEW }),
    file(`${at}/f`, "f", { mode: has, ...NEW }),
    link(`${at}/l`, "f", NEW),
  ];
  return [...both("s", 0o644), ...both("d", mode)];
}

if (AS_ROOT) {
  testScenarios(
    "links",
    [
      ["--chown=1:2"],
      ["--chown=bin"],
      ["--chown=:sys"],
      ["--usermap=0-1:99,bin:7,*:8", "ranges, names, the rest"],
      ["--usermap=b*:5,[vw]ww*:6,:4", "wildcards, and accounts without a name"],
      ["--usermap=root:9 --groupmap=daemon:bin,2:5,?y*:6", "both"],
      ["--numeric-ids --usermap=daemon:4,2:6 --groupmap=*:7", "by number"],
      ["--usermap=1:2,1:3,nosuch:4", "the first counts"],
    ].map(([options, name = options]) => ({
      name: `owners: ${name}`,
      options: `-ai ${options}`,
      entries: tree(true),
    })),
  );
  testScenarios("links", [
    { name: "owners: chown without -o", options: "-rli --chown=1:2", entries: tree(true), without: ["mtime"] },
    { name: "owners: chown where they are others", options: "-ai --chown=1:2", entries: changed() },
    { name: "owners: usermap twice", options: "-ai --usermap=1:2 --usermap=2:3", entries: tree() },
    { name: "owners: usermap without colon", options: "-ai --usermap=1", entries: tree() },
    { name: "owners: a name that nobody has", options: "-ai --chown=nosuchname", entries: tree() },
  ]);
}
