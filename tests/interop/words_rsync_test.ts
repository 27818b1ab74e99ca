// Every option that rsync's own help names, in every form a command line knows, given to both programs: what rsync refuses tsync
// refuses, what rsync takes tsync takes. Options that tsync does not have yet are counted and passed over; those that it refuses on
// purpose are in REFUSED. Then what the words do, side by side.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { parseWords } from "../../lib/cli/option_words.ts";
import { OPTIONS } from "../../lib/cli/option_table.ts";
import { run } from "../support/run.ts";
import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link } from "../support/trees.ts";
import { testScenarios } from "./scenario.ts";

useOtherMachine();

interface Known {
  long: string;
  short?: string;
  argument: boolean;
}

/** Long names that rsync's help mentions only beside another one. */
const ALIASES: Record<string, string> = {
  "zc": "compress-choice",
  "zl": "compress-level",
  "zt": "compress-threads",
  "cc": "checksum-choice",
  "i-r": "inc-recursive",
  "protect-args": "secluded-args",
  "time-limit": "stop-after",
};

async function rsyncOptions(): Promise<Known[]> {
  const { out } = await run(["rsync", "--help"]);
  const known: Known[] = [];
  for (const line of out.slice(out.indexOf("\nOptions\n")).split("\n")) {
    const row = /^(?:--([a-z0-9-]+)(=\S+)?(?:, )?)?(?:-(\S))?(?:, --\S+)?(?: \(\*\))? {2,}/i.exec(line);
    if (row === null || (row[1] === undefined && row[3] === undefined) || row[1] === "no-OPTION") continue;
    known.push({ long: row[1] ?? "", short: row[3], argument: row[2] !== undefined });
  }
  for (const [alias, name] of Object.entries(ALIASES)) {
    known.push({ long: alias, argument: known.find(({ long }) => long === name)!.argument });
  }
  return known;
}

/** What an option takes that does not take "5". */
const VALUES: Record<string, string> = {
  "write-batch": "/dev/null",
  "only-write-batch": "/dev/null",
  "read-batch": "/dev/null",
  "compress-choice": "zstd",
  "zc": "zstd",
  "checksum-choice": "md5",
  "cc": "md5",
  "remote-option": "-S",
  "iconv": "-",
  "stop-at": "23:59",
  "chmod": "u+w",
  "filter": "- x",
  "info": "name",
  "debug": "none",
  "stderr": "e",
  "outbuf": "L",
  "chown": "a:b",
  "usermap": "a:b",
  "groupmap": "a:b",
  "copy-as": "root",
  "max-alloc": "1G",
  "files-from": "/dev/null",
  "exclude-from": "/dev/null",
  "include-from": "/dev/null",
  "password-file": "/dev/null",
  "early-input": "/dev/null",
  "log-file": "/dev/null",
};

/** Taken by rsync, and refused with code 4 because tsync has nothing like it. */
const REFUSED = ["new-compress", "old-compress", "crtimes", "confine-root", "copy-as"];

/** Words that say the option, take it back, misspell it, repeat it, and give it an argument in each way or one too many. */
function forms({ long, short, argument }: Known): string[][] {
  const value = VALUES[long] ?? "5";
  const list: string[][] = [];
  if (long !== "") {
    list.push([`--${long}`], [`--no-${long}`], [`--no-${long}=1`], [`--${long}x`], [`--${long.slice(0, -1)}`]);
    if (argument) list.push([`--${long}`, value], [`--${long}=${value}`], [`--${long}=${value}`, `--${long}`, value]);
    else list.push([`--${long}=1`], [`--${long}`, `--${long}`], [`--${long}`, `--no-${long}`]);
  }
  if (short !== undefined) {
    list.push([`-${short}`], [`--no-${short}`]);
    if (argument) {
      list.push([`-${short}`, value], [`-${short}${value}`], [`-${short}=${value}`], [`-r${short}`, value], [
        `-r${short}${value}`,
      ]);
    } else list.push([`-r${short}`], [`-${short}r`], [`-${short}=1`], [`-${short}${short}`]);
  }
  return list;
}

function ours(words: string[]): string {
  try {
    parseWords(["--version", ...words].map((word) => utf8(word)), true);
    return "taken";
  } catch (error) {
    if (error instanceof TsyncError) return error.data.kind === "usage" ? "refused" : error.data.kind;
    throw error;
  }
}

const names = new Set(OPTIONS.flatMap(({ name, short, aliases }) => [name, short, ...aliases ?? []]));

Deno.test("every form of every option of rsync --help is taken or refused as rsync does", async () => {
  const known = await rsyncOptions();
  assert.ok(known.length > 150, `${known.length} options in rsync --help`);
  const wrong: string[] = [];
  let asked = 0;
  const missing: string[] = [];
  for (const option of known) {
    const name = option.long.replace(/^no-/, "") || option.short!;
    if (!names.has(name)) {
      missing.push(option.long || `-${option.short}`);
      continue;
    }
    if (name === "help" || REFUSED.includes(name)) continue;
    for (const words of forms(option)) {
      // With --version nothing but the words is looked at.
      const ran = await run(["rsync", "--version", ...words]);
      const theirs = ran.code === 0 ? "taken" : "refused";
      asked++;
      if (ours(words) !== theirs) wrong.push(`${words.join(" ")}: rsync ${theirs}, tsync ${ours(words)}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(asked > 250, `${asked} lines`);
  console.log(`${asked} lines; ${missing.length} options of rsync are not here: ${missing.join(" ")}`);
});

Deno.test("an option is marked as tsync's own exactly where rsync does not know it", async () => {
  for (const { name, own } of OPTIONS) {
    if (name === "") continue;
    const { err } = await run(["rsync", "--version", `--${name}`]);
    assert.equal(err.includes("unknown option"), own === true, `${name}: ${err}`);
  }
});

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };

/** New, changed, equal and superfluous entries, and one whose folder is new. */
const TREE: Entry[] = [
  folder("s", NEW),
  folder("d", OLD),
  file("s/same", "same", OLD),
  file("d/same", "same", OLD),
  file("s/changed", "new content", NEW),
  file("d/changed", "old", OLD),
  folder("s/sub", NEW),
  file("s/sub/new", "new", { mode: 0o640, ...NEW }),
  link("s/sub/link", "new", NEW),
  file("d/extra", "extra", OLD),
  folder("d/gone", OLD),
  file("d/gone/in", "x", OLD),
];
const NO_TARGET = TREE.filter(({ path }) => !path.startsWith("d"));

/** Equal sizes, times that differ by parts of a second and by whole ones: seconds and nanoseconds of each side. */
const TIMES: Entry[] = [
  [0, 0, 0, 1],
  [0, 200_000_000, 0, 900_000_000],
  [0, 900_000_000, 1, 0],
  [0, 900_000_000, 2, 0],
  [0, 0, 1, 999_999_999],
].flatMap(([aSec, aNs, bSec, bNs], i) => [
  file(`s/${i}`, "new", { sec: OLD.sec + aSec, ns: aNs }),
  file(`d/${i}`, "old", { sec: OLD.sec + bSec, ns: bNs }),
]).concat([folder("s", OLD), folder("d", OLD)]);

const ZEROS: Entry[] = [folder("s", OLD), file("s/zeros", new Uint8Array(100_000), OLD), file("s/x", "x", OLD)];
const AS = { first: ["--as-rsync"] };

testScenarios("words", [
  { name: "long and short, one by one", entries: TREE, options: "-r --links -ptgo --devices --specials -i" },
  { name: "bundled, taken back and given again", entries: TREE, options: "-avi --no-perms --no-o --no-v -p --delete" },
  {
    name: "-a without its parts is -r",
    entries: TREE,
    options: "-ai --no-l --no-p --no-t --no-g --no-o --no-D",
    without: ["mtime"],
  },
  { name: "--bwlimit, first run", entries: NO_TARGET, options: "-ai --bwlimit=5m" },
  { name: "--bwlimit, changed run with deletions", entries: TREE, options: "-ai --delete --bwlimit=2000" },
  { name: "--bwlimit in a dry run", entries: TREE, options: "-ain --delete --bwlimit=10K" },
  { name: "--bwlimit with checksums", entries: TIMES, options: "-aic --bwlimit=5000", ...AS },
  { name: "--stop-after and --timeout that do not come", entries: TREE, options: "-ai --stop-after=5 --timeout=60" },
  { name: "--stop-at that does not come", entries: TREE, options: "-ai --delete --stop-at=2099-12-31T23:59" },
  { name: "-M for the other side", entries: TREE, options: "-ai -M--bwlimit=5m --remote-option=--timeout=50" },
  { name: "-M-S", entries: ZEROS, options: "-ai -M-S" },
  { name: "secluded, old and trusted", entries: TREE, options: "-ais --trust-sender --no-old-args --protocol=31" },
  { name: "--no-inc-recursive and --max-alloc", entries: TREE, options: "-ai --no-inc-recursive --max-alloc=2G" },
  { name: "--cc and --checksum-seed with -c", entries: TIMES, options: "-aic --cc=md5 --checksum-seed=7", ...AS },
  { name: "--cc=none", entries: TREE, options: "-ai --checksum-choice=none" },
  { name: "-z with everything about it", entries: TREE, options: "-aiz --zl=3 --zt=2 --skip-compress=gz/zip" },
  {
    name: "what only a daemon needs",
    entries: TREE,
    options: "-ai --port=5 --address=127.0.0.1 --sockopts=SO_KEEPALIVE",
  },
  { name: "-4 with a remote shell that is not ssh", entries: TREE, options: "-ai -4 --blocking-io --no-iconv" },
  { name: "-@1: whole seconds, one apart", entries: TIMES, options: "-rti -@1" },
  { name: "-@2: whole seconds, two apart", entries: TIMES, options: "-rti --modify-window=2" },
  { name: "-@-1: nanoseconds", entries: TIMES, options: "-rti -@-1" },
  { name: "as rsync: the same second is the same", entries: TIMES, options: "-rti", ...AS },
  { name: "as rsync: the same second, -a and --delete", entries: TIMES, options: "-ai --delete", ...AS },
  { name: "as rsync: -@0 and -@-1, the later wins", entries: TIMES, options: "-rti -@0 -@-1", ...AS },
  { name: "as rsync: first run", entries: NO_TARGET, options: "-av", ...AS },
  { name: "as rsync: changed run", entries: TREE, options: "-aiv --delete", ...AS },
  { name: "as rsync: dry run", entries: TREE, options: "-ain --delete", ...AS },
  { name: "as rsync: zeros with -S", entries: ZEROS, options: "-aiS", ...AS },
  { name: "as rsync: -z and -W", entries: TREE, options: "-aizW", ...AS },
  {
    name: "as rsync: an empty source deletes all",
    entries: [folder("s", NEW), ...TREE.filter(({ path }) => path.startsWith("d/"))],
    options: "-ai --delete",
    ...AS,
  },
  {
    name: "as rsync: a mass deletion is done",
    entries: [
      folder("s", OLD),
      file("s/x", "x", OLD),
      ...Array.from({ length: 150 }, (_, i) => file(`d/${i}`, "x", OLD)),
    ],
    options: "-a --delete",
    ...AS,
  },
]);
