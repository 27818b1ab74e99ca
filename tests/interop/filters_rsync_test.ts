// Filters as people use them, each by the whole programs, on one machine, pushed and pulled: what is copied, what is deleted, what is
// said. That every corner of the language is rsync's is the business of filter_rsync_test.ts and filter_fuzz_rsync_test.ts.

import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link } from "../support/trees.ts";
import { testScenarios } from "./scenario.ts";

useOtherMachine();

/** A folder that stays though it was to go has a time of its own in each run. */
const KEPT = { without: ["mtime"] };
const OLD = { sec: 1_000_000_000, ns: 0 };

/** A small project at the source, and an older state of it with files of its own at the target. */
function project(more: Record<string, string> = {}): Entry[] {
  const files: Record<string, string> = {
    "s/main.c": "int main;",
    "s/main.o": "object",
    "s/notes.txt": "notes",
    "s/src/a.c": "a",
    "s/src/a.o": "a object",
    "s/src/deep/b.c": "b",
    "s/src/deep/b.o": "b object",
    "s/tmp/scratch": "scratch",
    "s/.git/config": "git",
    "d/main.c": "int old;",
    "d/main.o": "built here",
    "d/local.conf": "local",
    "d/src/gone.c": "gone",
    "d/src/gone.o": "gone object",
    "d/old/x.o": "old object",
    "d/old/y.c": "old",
    "d/tmp/here": "here",
    ...more,
  };
  const times = { ...OLD, mode: 0o644 };
  const entries = Object.entries(files).map(([path, content]) => file(path, content, times));
  const folders = ["s", "s/src", "s/src/deep", "s/tmp", "s/.git", "d", "d/src", "d/old", "d/tmp"];
  return [
    ...entries,
    ...folders.map((path) => folder(path, { ...OLD, mode: 0o755 })),
    link("s/src/link.o", "a.o", OLD),
  ];
}

testScenarios("filter", [
  { name: "exclude keeps built files on both sides", ...KEPT, options: "-ai --delete -f -_*.o", entries: project() },
  { name: "hide leaves out and does not protect", options: "-ai --delete -f H_*.o", entries: project() },
  { name: "protect keeps and does not leave out", ...KEPT, options: "-ai --delete -f P_*.o", entries: project() },
  { name: "risk takes protection away", ...KEPT, options: "-ai --delete -f R_/main.o -f -_*.o", entries: project() },
  { name: "show brings back", ...KEPT, options: "-ai --delete -f S_/main.o -f -_*.o", entries: project() },
  {
    name: "long words with modifiers",
    options: "-ai --delete --filter=exclude,s_*.o --filter=include,r_*.c",
    entries: project(),
  },
  { name: "a perishable rule lets its folder go", options: "-ai --delete -f -p_*.o", entries: project() },
  {
    name: "a rule that is not perishable keeps its folder",
    ...KEPT,
    options: "-rti --delete -f P_*.o",
    entries: project(),
  },
  { name: "only the C files and the way to them", options: "-ai -f +_*/ -f +_*.c -f -_*", entries: project() },
  { name: "all but folders left out by a negated rule", options: "-ai -f -!_*/", entries: project() },
  { name: "a folder with all below it", options: "-ai --delete -f -_/src/***", entries: project() },
  { name: "clear forgets what stood before", options: "-ai --exclude=* -f ! -f -_*.o", entries: project() },
  {
    name: "delete-excluded deletes what is left out",
    options: "-ai --delete-excluded --exclude=*.o --exclude=tmp",
    entries: project(),
  },
  {
    name: "delete-excluded and a rule that protects",
    options: "-ai --delete-excluded --exclude=*.o -f P_/old",
    entries: project(),
  },
  {
    name: "nothing of it in a dry run",
    ...KEPT,
    options: "-ain --delete -f P_/local.conf -f -_*.c",
    entries: project(),
  },
  {
    name: "dir-merge with inheritance",
    ...KEPT,
    options: "-ai --delete -f :_.rules",
    entries: project({
      "s/.rules": "- *.o\n- /notes.txt\n",
      "s/src/.rules": "+ b.o\n- deep/b.c\n",
      "d/.rules": "P *.o\n- /local.conf\n",
    }),
  },
  {
    name: "dir-merge without inheritance",
    options: "-ai --delete -f :n_.rules",
    entries: project({ "s/.rules": "- *.o\n", "s/src/deep/.rules": "- b.c\n", "d/src/.rules": "- gone.c\n" }),
  },
  {
    name: "dir-merge whose files stay behind",
    options: "-ai --delete -f :e_.rules",
    entries: project({ "s/.rules": "- *.o\n", "s/src/.rules": "- a.c\n", "d/.rules": "- *.conf\n" }),
  },
  {
    name: "dir-merge of plain patterns",
    options: "-ai --delete -f :-_.ignore",
    entries: project({ "s/.ignore": "# comment\n*.o\n/tmp\n", "s/src/.ignore": "deep/\n", "d/.ignore": "old\n" }),
  },
  {
    name: "dir-merge of words for one side",
    options: "-ai --delete -f :sw-_.ignore",
    entries: project({ "s/.ignore": "*.o /tmp\n", "d/.ignore": "old local.conf\n" }),
  },
  {
    name: "a folder's file forgets what it inherits",
    options: "-ai -f :_.rules",
    entries: project({ "s/.rules": "- *.o\n", "s/src/.rules": "!\n- *.c\n" }),
  },
  {
    name: "a folder's file merges another one",
    options: "-ai --delete -f :_.rules",
    entries: project({
      "s/.rules": ". .more\n: .extra\n",
      "s/.more": "- *.o\n",
      "s/src/.extra": "- deep\n",
      "d/old/.extra": "P y.c\n",
    }),
  },
  {
    name: "perishable rules from a folder's file",
    options: "-ai --delete -f :p_.rules",
    entries: project({ "d/.rules": "- *.o\n", "d/old/.rules": "- y.c\n", "s/.rules": "- *.o\n" }),
  },
  {
    name: "-F finds the files of the folders above",
    options: "-aiF --delete",
    sources: ["s/src"],
    entries: project({ "s/.rsync-filter": "- /src/deep\n- *.o\n", "s/src/.rsync-filter": "- a.c\n" }),
  },
  {
    name: "-FF leaves them behind",
    ...KEPT,
    options: "-aiFF --delete",
    entries: project({
      "s/.rsync-filter": "- *.o\n",
      "d/.rsync-filter": "P *.conf\n",
      "d/old/.rsync-filter": "P y.c\n",
    }),
  },
  {
    name: "delete-excluded with files of rules",
    options: "-aiF --delete-excluded",
    entries: project({ "s/.rsync-filter": "- *.o\n", "d/.rsync-filter": "- *.conf\nP /old\n" }),
  },
  {
    name: "-C leaves out what compilers and version control leave",
    options: "-aiC --delete",
    entries: project({
      "s/.cvsignore": "notes.txt tmp\n",
      "d/.cvsignore": "*.conf\n",
      "s/core": "core",
      "s/a~": "tilde",
    }),
  },
  {
    name: "-C and an include before it",
    options: "-aiC --include=main.o --delete",
    entries: project({ "s/src/.cvsignore": "! a.c\n" }),
  },
  {
    name: "the files of -C in the middle of the rules",
    options: "-ai -f :C -f +_notes.txt -f -C",
    entries: project({ "s/.cvsignore": "notes.txt\n", "s/src/.cvsignore": "deep\n" }),
  },
  {
    name: "two sources, each with its files of rules",
    options: "-ai --delete -f :_.rules",
    sources: ["s/src", "s/tmp"],
    entries: project({ "s/src/.rules": "- *.o\n", "s/tmp/.rules": "- scratch\n", "d/src/.rules": "- gone.o\n" }),
  },
  {
    name: "a single file is no folder's business",
    ...KEPT,
    options: "-ai -f :_.rules --delete-excluded",
    sources: ["s/main.c"],
    entries: project({ "s/.rules": "- main.c\n" }),
  },
  {
    name: "a rule of a folder's file that cannot be understood",
    options: "-a -f :_.rules",
    entries: project({ "s/.rules": "bogus\n" }),
    local: true,
  },
  {
    name: "what stays in a folder below one that goes",
    options: "-ai --delete -f P_keep",
    ...KEPT,
    entries: project({ "d/old/in/keep": "keep", "d/old/in/other": "other" }),
  },
  {
    // rsync does not tell the far side of -0.
    name: "rules that end with NUL",
    options: "-ai -0 -f :_.rules",
    local: true,
    entries: project({ "s/.rules": "- *.o\0- notes.txt\0" }),
  },
  {
    name: "-F with two folders",
    options: "-aiF --delete",
    sources: ["s/src", "s/tmp"],
    entries: project({ "s/.rsync-filter": "- *.o\n- scratch\n" }),
  },
  {
    name: "a file of rules that is a link",
    options: "-ai -f :_.rules",
    entries: [...project({ "s/notes.rules": "- *.o\n" }), link("s/src/.rules", "../notes.rules", OLD)],
  },
  {
    name: "anchored rules in a folder whose name has wildcards",
    options: "-ai -f :_.rules",
    entries: project({ "s/[x]/.rules": "- /f*\n", "s/[x]/file": "file" }),
    without: ["mtime"],
  },
  {
    name: "anchored rules in the root of the first of two source folders",
    options: "-ai -f :_.rules",
    entries: [
      ...project({ "s/.rules": "- /Makefile\n- *.o\n- ! /*\n" }),
      file("t/Makefile", "other", OLD),
      file("t/x.o", "o", OLD),
    ],
    sources: ["s/", "t/"],
    without: ["mtime"],
  },
  {
    name: "a rule for the other side alone in a file above the source that is given a side",
    options: "-ai -F",
    entries: [...project(), file(".rsync-filter", ":rp .more\n", OLD), file(".more", "dir-merge,r .most\n", OLD)],
  },
  { name: "a rule that cannot be understood", options: "-a -f bogus", entries: project() },
  { name: "a merge file that is not there", options: "-a -f ._/does/not/exist", entries: project() },
]);
