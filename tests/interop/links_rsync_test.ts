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
  { name: "drop-D, new", options: "-ai --drop-D", entries: tree() },
  { name: "drop-D, changed", options: "-ai --drop-D --delete", entries: changed() },
  { name: "no times of folders, new", options: "-aiO", entries: tree() },
  { name: "no times of folders, changed", options: "-aiO", entries: changed() },
  { name: "no times of links", options: "-aiJ", entries: changed() },
  { name: "no times of either, dry", options: "-aiiOJn", entries: changed() },
]);

/** Links of every sort; `more` of the sorts that not every option can follow. */
function links(more: Entry[] = []): Entry[] {
  return [
    folder("s", { mode: 0o755, ...NEW }),
    folder("s/sub", { mode: 0o755, ...NEW }),
    folder("s/sub/deep", { mode: 0o750, ...NEW }),
    file("s/file", "file", { mode: 0o640, ...NEW }),
    file("s/sub/inner", "inner", { mode: 0o644, ...OLD }),
    file("out/secret", "secret", { mode: 0o600, ...OLD }),
    file("out/dir/x", "x", { mode: 0o644, ...OLD }),
    folder("out", { mode: 0o755, ...OLD }),
    folder("out/dir", { mode: 0o711, ...OLD }),
    link("s/to file", "file", OLD),
    link("s/to link", "to file", OLD),
    link("s/to folder", "sub", OLD),
    link("s/dot", "./file", OLD),
    link("s/out file", "../out/secret", OLD),
    link("s/out folder", "../out/dir", OLD),
    link("s/middle", "sub/../file", OLD),
    link("s/through parent", "../s/file", OLD),
    link("s/sub/up", "../file", OLD),
    link("s/sub/up two", "../../out/secret", OLD),
    link("s/sub/deep/up", "../../file", OLD),
    link("s/sub/deep/dots", "../../sub/deep/../inner", OLD),
    ...more,
  ];
}
const DANGLING = [link("s/dangling", "nowhere", OLD), link("s/loop", "loop", OLD), link("s/dangling out", "../x", OLD)];
const ABSOLUTE = [link("s/absolute", "/nowhere/at/all", OLD)];
/** A target with what the links lead to in other states. */
const FOLLOWED = [
  folder("d", { mode: 0o755, ...OLD }),
  file("d/to file", "file", { mode: 0o640, ...NEW }),
  file("d/to link", "other", { mode: 0o640, ...OLD }),
  folder("d/to folder", { mode: 0o700, ...OLD }),
  file("d/to folder/extra", "extra", { ...OLD }),
  link("d/out file", "../out/secret", OLD),
  link("d/dot", "file", OLD),
];

/** The same without a folder where a link is to be. */
const WITHOUT_FOLDERS = FOLLOWED.filter(({ path }) => !path.startsWith("d/to folder"));

/** Source and target alike, but for the modes that the source's files have. */
function unchangedButFor(mode: number): Entry[] {
  const both = (at: string, has: number) => [
    folder(at, { mode: 0o755, ...NEW }),
    file(`${at}/f`, "f", { mode: has, ...NEW }),
    link(`${at}/l`, "f", NEW),
  ];
  return [...both("s", 0o644), ...both("d", mode)];
}

testScenarios("links", [
  { name: "-L, new", options: "-aiL", entries: links() },
  { name: "-L, changed", options: "-aiL", entries: links(FOLLOWED) },
  { name: "-L, changed, dry", options: "-aiLn --delete", entries: links(FOLLOWED) },
  { name: "-L, changed, deleting", options: "-aiL --delete", entries: links(FOLLOWED) },
  { name: "-L, checksums", options: "-aiLc", entries: links(FOLLOWED) },
  { name: "-L without -l, times and all", options: "-riL", entries: links(), without: ["mtime"] },
  { name: "-L, the folder itself", options: "-aiL", entries: links(), sources: ["s"], without: ["mtime"] },
  { name: "-L, dangling links", options: "-aiL", entries: links(DANGLING) },
  { name: "-L, dangling links delete nothing", options: "-aiL --delete", entries: links([...DANGLING, ...FOLLOWED]) },
  {
    name: "-L, a link to its own folder",
    options: "-aiL",
    entries: [folder("s", NEW), file("s/f", "f", NEW), link("s/self", ".", OLD)],
  },
  {
    name: "-L, links as arguments",
    options: "-aiL",
    entries: links(),
    sources: ["s/to file", "s/to folder"],
    target: "d/",
    without: ["mtime"],
  },
  { name: "-L, excluded by what it leads to", options: "-aiL --exclude=to*/", entries: links() },
  { name: "-L, dangling and excluded", options: "-aiL --exclude=dang* --exclude=loop", entries: links(DANGLING) },
  { name: "-k, new", options: "-aik", entries: links(DANGLING) },
  { name: "-k, changed", options: "-aik --delete", entries: links([...DANGLING, ...FOLLOWED]) },
  { name: "-k without -l", options: "-rik", entries: links(), without: ["mtime"] },
  {
    name: "-k, a link as argument",
    options: "-aik",
    entries: links(),
    sources: ["s/to folder"],
    target: "d",
    without: ["mtime"],
  },
  { name: "unsafe copied, content", options: "-ai --copy-unsafe-links", entries: links() },
  {
    name: "unsafe copied, the folder itself",
    options: "-ai --copy-unsafe-links",
    entries: links(),
    sources: ["s"],
    without: ["mtime"],
  },
  { name: "unsafe copied, changed", options: "-ai --copy-unsafe-links --delete", entries: links(WITHOUT_FOLDERS) },
  { name: "unsafe copied, dangling", options: "-ai --copy-unsafe-links", entries: links([...DANGLING, ...ABSOLUTE]) },
  { name: "unsafe copied, without -l", options: "-ri --copy-unsafe-links", entries: links(), without: ["mtime"] },
  { name: "unsafe copied goes before safe", options: "-ai --copy-unsafe-links --safe-links", entries: links() },
  { name: "safe, content", options: "-aiv --safe-links", entries: links([...DANGLING, ...ABSOLUTE]) },
  {
    name: "safe, the folder itself",
    options: "-aiv --safe-links",
    entries: links(ABSOLUTE),
    sources: ["s"],
    without: ["mtime"],
  },
  { name: "safe, changed", options: "-ai --safe-links --delete", entries: links([...ABSOLUTE, ...WITHOUT_FOLDERS]) },
  { name: "safe and -k", options: "-ai -k --safe-links", entries: links(DANGLING) },
]);

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
