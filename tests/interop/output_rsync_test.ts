// What is printed about a run, as rsync prints it: --out-format, --info, -h, --list-only, --stats, names with odd bytes. Times are
// fixed and the zone is this process's for both programs, so that dates are the same text.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { AS_ROOT } from "../support/run.ts";
import { LOCAL, PUSH, testEach, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, name, special } from "../support/trees.ts";
import { ask } from "./oracle.ts";
import { testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_234_567_890, ns: 0 };

/** New, changed, equal and extra entries of several kinds. */
function changes(): Entry[] {
  const f = (path: string, content: string, more = {}) => file(path, content, { mode: 0o644, ...OLD, ...more });
  const both = (path: string, make: (path: string) => Entry) => [make(`s/${path}`), make(`d/${path}`)];
  return [
    folder("s", { mode: 0o755, ...NEW }),
    folder("d", { mode: 0o755, ...OLD }),
    f("s/new", "new", { mode: 0o4711 }),
    f("s/longer", "x".repeat(12_345), NEW),
    f("d/longer", "x"),
    ...both("same", (path) => f(path, "same")),
    f("s/mode", "m", { mode: 0o600 }),
    f("d/mode", "m"),
    folder("s/sub", { mode: 0o1777, ...NEW }),
    folder("d/sub", { mode: 0o755, ...OLD }),
    f("s/sub/deep", "deep", NEW),
    folder("s/newsub", { mode: 0o750, ...OLD }),
    ...both("samesub", (path) => folder(path, { mode: 0o755, ...OLD })),
    link("s/link", "new", OLD),
    link("s/relink", "to", OLD),
    link("d/relink", "from", OLD),
    special("s/fifo", Kind.fifo, { mode: 0o640, ...OLD }),
    f("d/extra", "x"),
    folder("d/gone", OLD),
    f("d/gone/in", "x"),
  ];
}

/** Kinds, sizes and modes for a listing. */
function listed(): Entry[] {
  return [
    ...changes().filter(({ path }) => path.startsWith("s")),
    file("s/sub/big", new Uint8Array(1_234_567), { mode: 0o444, ...OLD }),
    file("s/sub/k", new Uint8Array(1000), { mode: 0o755, ...NEW }),
    file("s/sub/ki", new Uint8Array(1024), { mode: 0o2750, ...NEW }),
    ...(AS_ROOT ? [special("s/device", Kind.charDevice, { mode: 0o660, device: [1, 3], ...OLD })] : []),
    folder("e", { mode: 0o700, ...OLD }),
    file("e/other", "other", { mode: 0o644, ...NEW }),
  ];
}

/** Names that a terminal must not see as they are. */
function oddNames(): Entry[] {
  const f = (path: string) => file(path, "x", { mode: 0o644, ...OLD });
  return [
    folder("s", OLD),
    folder("d", OLD),
    f(name("s/ünïcode")),
    f("s/not utf8 \xff\xfe"),
    f("s/tab\tnew\nline\x1b[2J"),
    f("s/back\\slash"),
    f("s/looks\\#012like"),
    link("s/link", "to\x07\xff", OLD),
    f("d/extra\x01"),
  ];
}

const DELETIONS = "%i|%n|%L|%o|%l|%M|%f|%U|%G|%C|";
const KNOWN = "%i|%n|%L|%o|%l|%B|%M|%f|%a|%h|%m|%P|%u|%%";
/** -a with seconds on both sides: what rsync compares. */
const format = (words: string, out: string) => ({ options: words, entries: changes(), out });

/** The scenario's words are parted by spaces: a format has none. */
testScenarios("output", [
  ...[
    ["all escapes", "-a"],
    ["all escapes of unchanged entries", "-aii"],
  ].map(([claim, words]) => ({ name: claim, ...withFormat(format(words, KNOWN)) })),
  { name: "escapes of deletions", ...withFormat(format("-a --delete", DELETIONS)) },
  { name: "escapes of deletions in a dry run", ...withFormat(format("-an --delete", DELETIONS)) },
  { name: "owner and group", ...withFormat(format("-a", "%n|%U|%G")) },
  { name: "owner and group that are not kept", ...withFormat(format("-rlt", "%n|%U|%G")) },
  { name: "content digests", ...withFormat(format("-a --delete", "%n|%C")) },
  { name: "content digests of a dry run", ...withFormat(format("-an", "%i|%n|%C")) },
  { name: "content digests with -c", ...withFormat(format("-ac", "%n|%C")) },
  { name: "widths and numbers", ...withFormat(format("-a", "%12n|%-12n|%08l|%-8l|%'l|%''l|%'''l|%5%|%x|%-14i|%3o")) },
  { name: "what is no escape", ...withFormat(format("-a", "%n%|%q%5|%'z%")) },
  { name: "an empty format", ...withFormat(format("-a --delete", "")) },
  { name: "a format without letters with -vv", ...withFormat(format("-avv --delete --no-W", "%o_%n%L")) },
  { name: "a format without letters with -ii", ...withFormat(format("-aii", "%n%L")) },
  { name: "a format with the operation and deletions", ...withFormat(format("-a --delete", "%o:%n")) },
  { name: "a format with --info=name0", ...withFormat(format("-a --info=name0", "%n")) },
  { name: "long names of a folder itself", ...withFormat(format("-a", "%f:%n")), sources: ["s"], without: ["mtime"] },
  {
    name: "long names of several sources",
    ...withFormat(format("-a", "%f:%n")),
    sources: ["s/new", "s/sub", ".//s/./link"],
    without: ["mtime"],
  },
  ...[
    "-av --delete",
    "-avv",
    "-a --info=name",
    "-a --info=name2",
    "-a --delete --info=del",
    "-av --delete --info=name0",
    "-av --info=stats0",
    "-av --info=flist0,stats0",
    "-avi --info=none",
    "-r --info=nonreg0",
    "-rv",
    "-r",
    "-rq",
    "-aq --info=name,stats2",
    "-ai --info=name2",
    "-a --info=all0,NAME1",
    "-a --debug=none --info=name --no-motd --outbuf=L",
    "-aiv --no-v --stats",
    "-a --stats -h --delete",
    "-a --stats -hh",
    "-a --stats --no-h",
    "-an --stats --delete",
    "-a --info=stats2",
    "-avqq",
  ].map((options) => ({ name: options, options, entries: changes(), without: ["mtime"], local: true })),
  ...[
    ["", "s"],
    ["", "s/"],
    ["-r", "s"],
    ["-a", "s/"],
    ["-l", "s/"],
    ["-h", "s/sub/"],
    ["-hh", "s/sub/"],
    ["-hhh", "s/sub/"],
    ["--no-h -r", "s/"],
    ["-r --exclude=sub", "s/"],
    ["-aq", "s/"],
    ["-ai --delete", "s/"],
    ["-a", "s/new"],
    ["-l", "s/link"],
    ["-r --stats", "s"],
    ["-av", "s/"],
  ].map(([words, source]) => ({
    name: `--list-only ${words} ${source}`,
    options: `--list-only${words === "" ? "" : ` ${words}`}`,
    sources: [source],
    entries: listed(),
    // A listing in which the target is elsewhere: rsync does not tell the other side how numbers are to be written.
    local: words.includes("h"),
  })),
  {
    name: "--list-only of several sources",
    options: "--list-only -r",
    sources: ["s/sub", "s/new", "e/"],
    entries: listed(),
  },
  { name: "--list-only of odd names", options: "--list-only -a", entries: oddNames() },
  { name: "odd names with -v", options: "-av --delete", entries: oddNames() },
  { name: "odd names with -i in a dry run", options: "-ani --delete", entries: oddNames() },
  { name: "odd names as they are with -8", options: "-av8 --delete", entries: oddNames() },
  { name: "odd names in a format", ...withFormat({ options: "-a", entries: oddNames(), out: "%n|%f%L|%-30n|" }) },
]);

function withFormat({ options, entries, out }: { options: string; entries: Entry[]; out: string }) {
  return { options: `${options} --out-format=${out}`, entries };
}

/** Rates, times and how much is left are each program's own. */
const progressOf = (lines: string[]) =>
  lines.map((line) =>
    line.slice(line.lastIndexOf("\r") + 1).replace(/[ 0-9.]{7}[kMG]B\/s .*xfr#.*/, " RATE").replace(/^ +/, " ")
  ).filter((line) => !line.startsWith("sending") && !line.startsWith("receiving")).sort();

testEach("--progress without a terminal: rsync's lines for each file", async (way) => {
  for (
    const options of [
      "-a --progress",
      "-a --progress --no-h",
      "-ai --progress -h",
      "-a --info=progress",
      "-an --progress",
      "-aP",
    ]
  ) {
    const { tsync, rsync } = await ask(way, {
      entries: changes(),
      options: options.split(" "),
      sources: ["s/"],
      target: "d",
    });
    assert.deepEqual(progressOf(tsync.lines), progressOf(rsync.lines), `${options}\n${tsync.lines}\n${rsync.lines}`);
    assert.equal(tsync.code, rsync.code);
  }
});

testEach("%b and %c: what came as it is, and what was said of the file that was there", async (way) => {
  const bytes = new Uint8Array(300_000).map((_, i) => (i * 2_654_435_761) >>> 13);
  const { tsync } = await ask(way, {
    entries: [
      file("s/changed", new Uint8Array([...bytes, 1]), NEW),
      file("d/changed", bytes, OLD),
      file("s/new", bytes.subarray(1), OLD),
      folder("s/folder", OLD),
    ],
    options: ["-a", "--out-format=%n %b %c"],
    sources: ["s/"],
    target: "d",
  });
  const said = new Map(tsync.lines.map((line) => line.split(" ")).map(([of, b, c]) => [of, [Number(b), Number(c)]]));
  assert.deepEqual([said.get("new"), said.get("folder/")], [[299_999, 0], [0, 0]]);
  const [literal, signed] = said.get("changed")!;
  if (way === LOCAL) assert.deepEqual([literal, signed], [300_001, 0]);
  else assert.deepEqual([literal < 20_000, signed > 0], [true, way.name === "push"], `${literal} ${signed}`);
});

testEach("-B: of small blocks more is said than of large ones", async (way) => {
  const bytes = new Uint8Array(300_000).map((_, i) => (i * 2_654_435_761) >>> 13);
  const said = async (size: number) => {
    const { tsync } = await ask(way, {
      entries: [file("s/changed", bytes.with(100_000, bytes[100_000] ^ 1), NEW), file("d/changed", bytes, OLD)],
      options: ["-a", "--no-W", `-B${size}`, "--out-format=%c"],
      sources: ["s/"],
      target: "d",
    });
    return Math.max(...tsync.lines.map(Number));
  };
  const [small, large] = [await said(1000), await said(100_000)];
  assert.ok(large > 0 && small > 10 * large, `${small} bytes, and ${large} bytes`);
}, [PUSH]);

Deno.test("--stderr=all and --msgs2stderr: nothing is left on standard output", async () => {
  for (const word of ["--stderr=all", "--msgs2stderr", "--stderr=a"]) {
    const { tsync, rsync } = await ask(LOCAL, {
      entries: changes(),
      options: ["-ai", word],
      sources: ["s/"],
      target: "d",
    });
    assert.deepEqual([tsync.lines, rsync.lines], [[""], [""]], word);
    const lines = (text: string) => text.split("\n").sort();
    assert.deepEqual(lines(tsync.err), lines(rsync.err), word);
  }
});

testEach("a single operand is listed, here and there", async (way) => {
  const { tsync, rsync } = await ask(way, {
    entries: listed(),
    options: ["--list-only"],
    sources: ["s/"],
    target: "nowhere",
  });
  assert.deepEqual([...tsync.lines].sort(), [...rsync.lines].sort());
});

const SHY: Entry[] = [
  folder("s", OLD),
  folder("d", OLD),
  file("s/delete\x7f", "", OLD),
  file(name("s/\u202e\u0085"), "", OLD),
];
testScenarios("output", [
  { name: "DEL, C1 and what turns text around", options: "-ai", entries: SHY },
  { name: "DEL in a listing", options: "--list-only -r", entries: SHY },
]);
