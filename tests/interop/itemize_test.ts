// What -i, -ii, -v and --stats print, line for line the installed rsync's, for every change there is, under every option that has a
// letter. Deletions come last in tsync (they wait for the whole list, law 4): they are compared by themselves.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { AS_ROOT } from "../support/run.ts";
import { LOCAL, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, name, special } from "../support/trees.ts";
import { differenceOf } from "./differences.ts";
import { ask, type Question, type Result } from "./oracle.ts";
import { OWN } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };

/** One entry at the source and one at the target for each change of each kind. */
function changes(privileged: boolean): Entry[] {
  const source: Entry[] = [];
  const target: Entry[] = [];
  const pair = (path: string, s: Entry | null, d: Entry | null) => {
    if (s !== null) source.push({ ...s, path: `s/${path}` });
    if (d !== null) target.push({ ...d, path: `d/${path}` });
  };
  const f = (content: string, more = {}) => file("", content, { mode: 0o644, ...OLD, ...more });
  const d = (more = {}) => folder("", { mode: 0o755, ...OLD, ...more });
  pair("file new", f("new"), null);
  pair("file same", f("same"), f("same"));
  pair("file content", f("content", NEW), f("CONTENT"));
  pair("file size", f("longer", NEW), f("short"));
  pair("file size only", f("longer"), f("short"));
  pair("file time", f("time", NEW), f("time"));
  pair("file mode", f("mode", { mode: 0o600 }), f("mode"));
  pair("file mode and time", f("mode", { mode: 0o600, ...NEW }), f("mode"));
  pair("file other content same time", f("abcd"), f("ABCD"));
  pair("file was link", f("x"), link("", "x", OLD));
  pair("file was folder", f("x"), d());
  pair("folder new", d(), null);
  pair("folder new/in", f("in"), null);
  pair("folder same", d(), d());
  pair("folder time", d(NEW), d());
  pair("folder mode", d({ mode: 0o700 }), d());
  pair("folder was file", d(), f("x"));
  pair("folder was link", d(), link("", "x", OLD));
  pair("link new", link("", "target", OLD), null);
  pair("link same", link("", "target", OLD), link("", "target", OLD));
  pair("link target", link("", "new target", NEW), link("", "target", OLD));
  pair("link target same time", link("", "new target", OLD), link("", "target", OLD));
  pair("link time", link("", "target", NEW), link("", "target", OLD));
  pair("link was file", link("", "target", OLD), f("x"));
  pair("fifo new", special("", Kind.fifo, OLD), null);
  pair("fifo time", special("", Kind.fifo, NEW), special("", Kind.fifo, OLD));
  pair("fifo was file", special("", Kind.fifo, OLD), f("x"));
  pair(name("ünicode\nline"), f("x"), null);
  pair("extra file", null, f("x"));
  pair("extra folder", null, d());
  pair("extra folder/in", null, f("x"));
  pair("extra link", null, link("", "x", OLD));
  if (privileged) {
    pair("file owner", f("owner", { uid: 7, gid: 8 }), f("owner"));
    pair("file group", f("group", { gid: 8 }), f("group"));
    pair("file all", f("all", { uid: 7, gid: 8, mode: 0o600, ...NEW }), f("ALL!"));
    pair("device new", special("", Kind.charDevice, { device: [1, 3], ...OLD }), null);
    pair(
      "device number",
      special("", Kind.charDevice, { device: [1, 3], ...NEW }),
      special("", Kind.charDevice, { device: [1, 5], ...OLD }),
    );
    pair("link owner", link("", "x", { uid: 7, ...OLD }), link("", "x", OLD));
    pair("folder owner", d({ uid: 7, gid: 8 }), d());
  }
  const parents = [folder("s", { mode: 0o755, ...NEW }), folder("d", { mode: 0o755, ...OLD })];
  // Folders get their times after what they hold.
  return [...parents, ...source, ...target];
}

const isDeletion = (line: string) => line.startsWith("*deleting") || line.startsWith("deleting ");
function comparable({ lines, code }: Result) {
  const shown = lines.filter((line) => !OWN.test(line));
  return {
    code,
    lines: shown.filter((line) => !isDeletion(line)),
    deletions: shown.filter(isDeletion).sort(),
  };
}

async function check(way: Topology, claim: string, question: Question): Promise<void> {
  const { tsync, rsync } = await ask(way, question);
  const [ours, theirs] = [comparable(tsync), comparable(rsync)];
  // With -vv and without -i rsync's two processes print by turns, as it happens.
  if (question.options.some((option) => /^-[^-i]*vv/.test(option))) {
    for (const one of [ours, theirs]) {
      one.lines.sort();
    }
  }
  const shown = `${claim} (${way.name}): ${question.options}\n${tsync.err}${rsync.err}`;
  if (differenceOf(`itemize: ${claim}`) !== undefined) {
    assert.notDeepEqual(ours, theirs, `no longer a difference: ${shown}`);
  } else assert.deepEqual(ours, theirs, shown);
}

const OPTIONS: readonly string[] = [
  ...[
    "-ai",
    "-aii",
    "-av",
    "-avv",
    "-aiv",
    "-ai --delete",
    "-av --delete",
    "-aci",
    "-aIi",
    "-ri",
    "-rti",
    "-rli",
    "-rlpi",
    "-ani --delete",
  ],
  ...["-rltgoDi", "-rtii", "-ai --no-p", "-ai --no-t", "-ai --no-o --no-g", "-rvv"],
];

testEach("-i and -v name every change as rsync does, in rsync's order", async (way) => {
  const entries = changes(AS_ROOT);
  for (const options of way === LOCAL ? OPTIONS : ["-ai --delete", "-avv", "-aii"]) {
    await check(way, options, {
      entries,
      options: [...options.split(" "), "--modify-window=0"],
      sources: ["s/"],
      target: "d",
    });
  }
});

testEach("-i and -v into a target that is new, from a folder and from a file, as rsync", async (way) => {
  const entries = changes(AS_ROOT).filter(({ path }) => path.startsWith("s"));
  for (const options of way === LOCAL ? ["-ai", "-av", "-aiv", "-avv", "-ani", "-anv"] : ["-ai", "-anv"]) {
    for (const source of ["s/", "s", "s/file new"]) {
      await check(way, `${options} ${source} into nothing`, {
        entries,
        options: options.split(" "),
        sources: [source],
        target: "d",
      });
    }
  }
});

testEach("--stats has rsync's labels and rsync's counts", async (way) => {
  const entries = changes(AS_ROOT);
  for (
    const options of way === LOCAL
      ? ["-a", "-a --delete", "-an --delete", "-r", "-rl", "-ac", "-aI", "-a --exclude=file*"]
      : ["-a --delete"]
  ) {
    await check(way, `--stats ${options}`, {
      entries,
      options: ["--stats", ...options.split(" ")],
      sources: ["s/"],
      target: "d",
    });
  }
});

Deno.test({
  name: "a block device replaces a character device of the same number; rsync changes only its time",
  ignore: !AS_ROOT,
  fn: () => {
    const device: [number, number] = [7, 9];
    const entries = [
      special("s/x", Kind.blockDevice, { device, ...NEW }),
      special("d/x", Kind.charDevice, { device, ...OLD }),
    ];
    return check(LOCAL, "block for character device", { entries, options: ["-ai"], sources: ["s/"], target: "d" });
  },
});
