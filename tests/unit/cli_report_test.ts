// What a run prints: rsync's lines for entries, deletions, statistics and summary, problems as sentences. The expected
// lines were printed by rsync 3.5.0; tests/interop/cli_rsync_test.ts compares with the installed one.

import { assertEquals } from "@std/assert";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { Change, type EntryFacts, zeroTotals } from "../../lib/base/monitor.ts";
import { Cause, isLeftOut, type Problem, Side, Verb } from "../../lib/base/problem.ts";
import { endingOf, endingOfError } from "../../lib/cli/exit.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { Output } from "../../lib/cli/output.ts";
import { Report } from "../../lib/cli/report.ts";
import { readCommand } from "../../lib/cli/request.ts";
import type { JobOutcome } from "../../lib/job/outcome.ts";
import { itemize } from "../../lib/plan/itemize.ts";

const FIFO = 1, DEVICE = 2, FOLDER = 4, FILE = 8, LINK = 10, SOCKET = 12;
const { create, content, local, checksum, size, time, timeNow, mode, owner, group } = Change;

function facts(path: string | Uint8Array, kind: number, linkTarget = ""): EntryFacts {
  const rest = { index: 0, mode: 0, uid: 0, gid: 0, mtimeSec: 0, size: 0, origin: 0 };
  return { ...rest, path: typeof path === "string" ? utf8(path) : path, kind, linkTarget: utf8(linkTarget) };
}

/** What a run with the words of `line` prints while `events` happen. */
async function printed(line: string, events: (report: Report) => void): Promise<{ out: string; err: string }> {
  const command = readCommand(line.split(" ").map((word) => utf8(word)), () => undefined);
  if (command.kind !== "sync") throw new Error(line);
  const said = { 1: "", 2: "" };
  const output = new Output({
    write: (fd, bytes) => {
      said[fd] += latin1(bytes);
      return Promise.resolve();
    },
    after: () => () => {},
  });
  const parts = { nowMs: () => 0, columns: () => 80, every: () => () => {}, terminal: false };
  const report = new Report(command.request, command.output, output, parts);
  events(report);
  report.stop();
  await output.flush();
  return { out: said[1], err: said[2] };
}

async function lines(line: string, events: (report: Report) => void): Promise<string[]> {
  return (await printed(line, events)).out.split("\n").slice(0, -1);
}

Deno.test("itemize writes rsync's eleven letters", () => {
  const cases: Array<[string, number, number, boolean]> = [
    ["<f+++++++++", FILE, create | content, true],
    [">f+++++++++", FILE, create | content, false],
    [">f+++++++++", FILE, create, false],
    ["cd+++++++++", FOLDER, create | local, true],
    ["cL+++++++++", LINK, create | local, false],
    ["cD+++++++++", DEVICE, create | local, false],
    ["cS+++++++++", FIFO, create | local, false],
    ["cS+++++++++", SOCKET, create, false],
    [">f.st......", FILE, content | size | time, false],
    ["<f..t......", FILE, content | time, true],
    ["<f..T......", FILE, content | time | timeNow, true],
    [">fcst......", FILE, content | checksum | size | time, false],
    [">f.........", FILE, content, false],
    [".f...p.....", FILE, mode, true],
    [".d..t......", FOLDER, time, true],
    [".f....o....", FILE, owner, false],
    [".f.....g...", FILE, group, false],
    [".S..tp.....", FIFO, time | mode, false],
    ["cLc........", LINK, local | checksum, true],
    ["cLc.t......", LINK, local | checksum | time, true],
    [".f         ", FILE, 0, false],
    [".d         ", FOLDER, 0, true],
  ];
  for (const [letters, kind, change, sending] of cases) assertEquals(itemize(kind, change, sending), letters);
});

Deno.test("-i: one line for each change, with slash and arrow; unchanged entries only with -ii", async () => {
  const events = (report: Report) => {
    report.phase("listing");
    report.entry(facts("", FOLDER), time);
    report.entry(facts("new", FILE), create | content);
    report.entry(facts("same", FILE), 0);
    report.entry(facts("link", LINK, "a b"), local | checksum);
    report.entry(facts("sub", FOLDER), 0);
    report.deleted(utf8("old/x"), FILE);
    report.deleted(utf8("old"), FOLDER);
  };
  const changed = [".d..t...... ./", "<f+++++++++ new", "cLc........ link -> a b"];
  assertEquals(await lines("-ai s/ h:d", events), [...changed, "*deleting   old/x", "*deleting   old/"]);
  assertEquals(await lines("-aii s/ h:d", events), [
    ".d..t...... ./",
    "<f+++++++++ new",
    ".f          same",
    "cLc........ link -> a b",
    ".d          sub/",
    "*deleting   old/x",
    "*deleting   old/",
  ]);
  assertEquals(await lines("-aiq s/ h:d", events), []);
  assertEquals(await lines("-a s/ h:d", events), []);
});

Deno.test("-v: names what is made or transferred, folders for any change; -vv the rest", async () => {
  const events = (report: Report) => {
    report.phase("listing");
    report.entry(facts("", FOLDER), time);
    report.entry(facts("f", FILE), mode);
    report.entry(facts("l", LINK, "x"), time);
    report.entry(facts("n", FILE), content | time);
    report.entry(facts("same", FILE), 0);
    report.entry(facts("sub", FOLDER), 0);
    report.entry(facts("sub2", FOLDER), owner);
    report.entry(facts("m", LINK, "x"), local | checksum);
    report.deleted(utf8("e"), FILE);
  };
  assertEquals(await lines("-av s/ h:d", events), [
    "sending incremental file list",
    "./",
    "n",
    "sub2/",
    "m -> x",
    "deleting e",
  ]);
  assertEquals((await lines("-av h:s/ d", events))[0], "receiving incremental file list");
  assertEquals((await lines("-av s/ d", events))[0], "sending incremental file list");
  assertEquals((await lines("-lptv s/ d", events))[0], "./");
  assertEquals(await lines("-avv s/ h:d", events), [
    "sending incremental file list",
    "./",
    "f",
    "l",
    "n",
    "same is uptodate",
    "sub2/",
    "m -> x",
    "deleting e",
  ]);
});

Deno.test("a target that is made is told; it is an entry only if a source gave its content", async () => {
  const root = (report: Report) => report.entry(facts("", FOLDER), create | local);
  const bare = (report: Report) => report.entry(facts("", FOLDER), create);
  assertEquals(await lines("-ai s/ d/", root), ["created directory d", "cd+++++++++ ./"]);
  assertEquals(await lines("-av s/. h:x//", root), ["created directory x/", "./"]);
  assertEquals(await lines("-ai s d", bare), ["created directory d"]);
  assertEquals(await lines("-ai a b/ d", root), ["created directory d", "cd+++++++++ ./"]);
  assertEquals(await lines("-a s/ d/", root), []);
});

Deno.test("names are escaped so that no terminal and no line is disturbed", async () => {
  const events = (report: Report) => {
    report.entry(facts("new\nline\x1b[2J", FILE), create | content);
    report.entry(facts(new Uint8Array([0xff, 0x61]), FILE), create | content);
    report.entry(facts("l", LINK, "a\tb"), create | local);
  };
  assertEquals(await lines("-ai s/ d", events), [
    ">f+++++++++ new\\#012line\\#033[2J",
    ">f+++++++++ \\#377a",
    "cL+++++++++ l -> a\tb",
  ]);
});

function outcome(change: Partial<JobOutcome>): JobOutcome {
  return {
    totals: zeroTotals(),
    wireSentBytes: 0,
    wireReceivedBytes: 0,
    failed: 0,
    vanished: 0,
    stopped: false,
    elapsedMs: 500,
    ...change,
  };
}

Deno.test("--stats and the summary have rsync's labels, order and numbers", async () => {
  const totals = {
    ...zeroTotals(),
    files: 1301,
    folders: 2,
    links: 1,
    devices: 1,
    specials: 2,
    createdFiles: 1,
    createdLinks: 1,
    deletedFiles: 2,
    deletedFolders: 2,
    deletedLinks: 1,
    deletedSpecials: 1,
    transferredFiles: 1301,
    totalBytes: 3005393,
    transferredBytes: 3005392,
    literalBytes: 3005391,
    matchedBytes: 5,
    listBytes: 12345,
  };
  const result = outcome({ totals, wireSentBytes: 3080893, wireReceivedBytes: 24750, elapsedMs: 1500 });
  assertEquals(await lines("-a --stats s/ d", (report) => report.finish(result)), [
    "",
    "Number of files: 1,307 (reg: 1,301, dir: 2, link: 1, dev: 1, special: 2)",
    "Number of created files: 2 (reg: 1, link: 1)",
    "Number of deleted files: 6 (reg: 2, dir: 2, link: 1, special: 1)",
    "Number of regular files transferred: 1,301",
    "Total file size: 3,005,393 bytes",
    "Total transferred file size: 3,005,392 bytes",
    "Literal data: 3,005,391 bytes",
    "Matched data: 5 bytes",
    "File list size: 12,345",
    "File list generation time: 0.000 seconds",
    "File list transfer time: 0.000 seconds",
    "Total bytes sent: 3,080,893",
    "Total bytes received: 24,750",
    "",
    "sent 3,080,893 bytes  received 24,750 bytes  2,070,428.67 bytes/sec",
    "total size is 3,005,393  speedup is 0.97",
  ]);
  assertEquals(await lines("-avn s/ d", (report) => report.finish(result)), [
    "",
    "sent 3,080,893 bytes  received 24,750 bytes  2,070,428.67 bytes/sec",
    "total size is 3,005,393  speedup is 0.97 (DRY RUN)",
  ]);
  assertEquals(await lines("-ai s/ d", (report) => report.finish(result)), []);
  assertEquals(await lines("-avq --stats s/ d", (report) => report.finish(result)), []);
  assertEquals(
    (await lines("-av s/ d", (report) => report.finish(outcome({}))))[2],
    "total size is 0  speedup is 0.00",
  );
});

function problem(change: Partial<Problem>): Problem {
  return { verb: Verb.open, cause: Cause.system, errno: 13, side: Side.source, path: utf8("x/y"), ...change };
}

Deno.test("a problem is one line on standard error: side, verb, path, the system's words", async () => {
  const said = async (line: string, change: Partial<Problem>) =>
    (await printed(line, (report) => report.problem(problem(change)))).err;
  const denied = "failed: Permission denied (13); run it as a user who may read it\n";
  assertEquals(await said("-a s/ d", {}), `tsync: [sender] open "s/x/y" ${denied}`);
  assertEquals(await said("-a a/x d", {}), `tsync: [sender] open "a/x/y" ${denied}`);
  assertEquals(await said("-a /x d", {}), `tsync: [sender] open "/x/y" ${denied}`);
  assertEquals(await said("-a x d", {}), `tsync: [sender] open "x/y" ${denied}`);
  assertEquals(await said("-a . d", {}), `tsync: [sender] open "x/y" ${denied}`);
  assertEquals(await said("-a a b d", {}), `tsync: [sender] open "x/y" ${denied}`);
  assertEquals(await said("-a s d", { path: utf8("") }), `tsync: [sender] open "s" ${denied}`);
  assertEquals(
    await said("-aq s/ h:d", { side: Side.target }),
    `tsync: [receiver] open "d/x/y" ${denied.replace("read it", "write there")}`,
  );
  assertEquals(
    await said("-a s/ /", { side: Side.target }),
    `tsync: [receiver] open "/x/y" ${denied.replace("read it", "write there")}`,
  );
  assertEquals(
    await said("-a s/ d", { cause: Cause.vanished, path: utf8("a\nb") }),
    'tsync: [sender] file has vanished: "s/a\\#012b"\n',
  );
  const changed = await said("-a s/ d", { cause: Cause.changed, verb: Verb.read });
  assertEquals(/^tsync: \[sender\] read "s\/x\/y" failed: .*--allow-torn/.test(changed), true);
  const chown = await said("-a s/ d", { verb: Verb.setOwner, errno: 1, side: Side.target });
  assertEquals(/chown "d\/x\/y" failed: Operation not permitted \(1\); .*--no-o/.test(chown), true);
});

Deno.test("every cause and verb has its words", async () => {
  for (const cause of Object.values(Cause)) {
    for (const verb of Object.values(Verb)) {
      const isDetail = isLeftOut(cause) || [Cause.mountSkipped, Cause.mountKept, Cause.done].includes(cause as never);
      const words = isDetail ? "-avv s/ d" : "-ai s/ d";
      const { out, err } = await printed(words, (report) => report.problem(problem({ cause, verb })));
      assertEquals(/unknown reason|handle/.test(out + err), false, `${cause} ${verb}`);
      // What undo and history tell is their own command's to show.
      const isOthers = cause >= Cause.restored && cause <= Cause.trashRunGone;
      const isNoDeed = cause === Cause.done && verb !== Verb.remove && verb !== Verb.backUp;
      assertEquals((out + err) !== "", cause !== Cause.duplicate && !isOthers && !isNoDeed);
    }
  }
});

Deno.test("-x: mount points are told with --info=mount or -vv only, those left out by side", async () => {
  const events = (report: Report) => {
    report.problem(problem({ cause: Cause.mountSkipped, side: Side.source, path: utf8("m") }));
    report.problem(problem({ cause: Cause.mountSkipped, side: Side.target, path: utf8("n") }));
    report.problem(problem({ cause: Cause.mountKept, side: Side.target, path: utf8("k") }));
  };
  const told =
    "[sender] skipping mount-point dir m\n[generator] skipping mount-point dir n\ncannot delete mount point: k\n";
  assertEquals(await printed("-axi s/ d", events), { out: "", err: "" });
  assertEquals((await printed("-axi --info=mount s/ d", events)).out, told);
  assertEquals((await printed("-axvv s/ d", events)).out, told);
});

Deno.test("what was backed up and removed is told as --info says, names escaped", async () => {
  const events = (report: Report) => {
    report.problem(problem({ cause: Cause.done, verb: Verb.backUp, errno: 1, path: new Uint8Array(0) }));
    report.problem(problem({ cause: Cause.done, verb: Verb.backUp, path: utf8("a/b\n") }));
    report.problem(problem({ cause: Cause.done, verb: Verb.remove, path: utf8("c") }));
  };
  const kept = "(new) backup_dir is ../k\nbacked up a/b\\#012 to ../k/a/b\\#012.1\n";
  const words = "-a --backup-dir=../k/ --suffix=.1";
  assertEquals(await printed(`${words} s/ d`, events), { out: "", err: "" });
  assertEquals((await printed(`${words} --info=backup s/ d`, events)).out, kept);
  assertEquals((await printed(`${words} --info=remove s/ d`, events)).out, "sender removed c\n");
  assertEquals((await printed(`${words} -vv --info=backup0 s/ d`, events)).out.endsWith("sender removed c\n"), true);
  assertEquals((await printed(`${words} -vvq s/ d`, events)).out, "");
});

Deno.test("what an option leaves out at the target is told with -vv only", async () => {
  const events = (report: Report) => {
    report.problem(problem({ cause: Cause.newer, path: utf8("a\nb") }));
    report.problem(problem({ cause: Cause.newFolder, path: utf8("sub") }));
  };
  for (const words of ["-a s/ d", "-aii s/ d", "-avvq s/ d"]) {
    assertEquals(await printed(words, events), { out: "", err: "" }, words);
  }
  assertEquals((await printed("-avv s/ d", events)).out, 'a\\#012b is newer\nnot creating new directory "sub"\n');
});

Deno.test("what was not asked for is told on standard output as rsync tells it, not with -q", async () => {
  const events = (report: Report) => {
    report.problem(problem({ cause: Cause.notAsked, path: utf8("dev") }));
    report.problem(problem({ cause: Cause.notRecursive, path: utf8("sub") }));
    report.problem(problem({ cause: Cause.notRecursive, path: utf8("") }));
  };
  assertEquals(await printed("-r s/ d", events), {
    out: 'skipping non-regular file "dev"\nskipping directory sub\nskipping directory .\n',
    err: "",
  });
  assertEquals(await printed("-rq s/ d", events), { out: "", err: "" });
});

Deno.test("the exit code: failed entries before vanished ones, said in the last line", () => {
  assertEquals(endingOf(outcome({})), { code: 0, words: "" });
  assertEquals(endingOf(outcome({ vanished: 2 })), {
    code: 24,
    words: "tsync warning: some files vanished before they could be transferred (code 24)\n",
  });
  assertEquals(endingOf(outcome({ failed: 1, vanished: 2 })), {
    code: 23,
    words: "tsync error: some files/attrs were not transferred (see previous errors) (code 23)\n",
  });
});

Deno.test("every kind of error ends in rsync's number for it", () => {
  const kinds: Array<[ConstructorParameters<typeof TsyncError>[0], number]> = [
    [{ kind: "usage", detail: "x" }, 1],
    [{ kind: "incompatible", ours: "1", theirs: "2" }, 2],
    [{ kind: "selection", detail: "x" }, 3],
    [{ kind: "unsupported", detail: "x" }, 4],
    [{ kind: "start", detail: "x" }, 5],
    [{ kind: "socket", detail: "x" }, 10],
    [{ kind: "file", detail: "x" }, 11],
    [{ kind: "stream", detail: "x" }, 12],
    [{ kind: "output", detail: "x" }, 13],
    [{ kind: "interrupted", detail: "x" }, 20],
    [{ kind: "guard", detail: "x" }, 25],
    [{ kind: "timeout", detail: "x" }, 30],
    [{ kind: "connectTimeout", detail: "x" }, 35],
    [{ kind: "remoteShell", code: 127, detail: "x" }, 127],
    [{ kind: "remoteShell", code: 255, detail: "x" }, 255],
    [{ kind: "remoteShell", code: 77, detail: "x" }, 77],
  ];
  for (const [data, code] of kinds) {
    const ending = endingOfError(new TsyncError(data));
    assertEquals(ending.code, code);
    assertEquals(ending.words.endsWith(`(code ${code})\n`) && ending.words.startsWith("tsync: "), true);
  }
  const hostile = endingOfError(new TsyncError({ kind: "start", detail: "a\x1b]52;x\x07\u202eb" }));
  assertEquals(hostile.words.split("\n")[0], "tsync: a?]52;x??b");
});
