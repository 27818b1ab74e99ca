// What is told beside the lines for people: --json and --log-file of the compiled program, and where they may be written.

import assert from "node:assert/strict";
import { JsonEvent } from "../../lib/cli/json_schema.ts";
import { give, PLAIN_USER, usePlainUser } from "../support/plain_user.ts";
import { tsyncWords } from "../support/program.ts";
import { AS_ROOT, PLAIN, run, tsync, withPlace } from "../support/run.ts";
import { file, folder, link, plant } from "../support/trees.ts";

usePlainUser();

/** Each line checked by the schema. */
function eventsOf(text: string): JsonEvent[] {
  assert.ok(text.endsWith("\n"));
  return text.split("\n").slice(0, -1).map((line) => JsonEvent.parse(JSON.parse(line)));
}

type Of<Type extends JsonEvent["type"]> = Extract<JsonEvent, { type: Type }>;
function only<Type extends JsonEvent["type"]>(events: JsonEvent[], type: Type): Of<Type>[] {
  return events.filter((event): event is Of<Type> => event.type === type);
}

const UNREADABLE = ["17", "555", "998"];

for (const way of PLAIN_USER) {
  Deno.test(`A13: --json of 1,000 files, three of them unreadable: every line fits the schema, the counts add up (${way.name})`, () =>
    withPlace(async (place) => {
      const files = Array.from({ length: 1000 }, (_, i) => String(i));
      plant(place, [
        folder("s"),
        ...files.map((i) =>
          file(`s/d${Number(i) % 7}/${i}`, i, UNREADABLE.includes(i) ? { mode: 0 } : { mode: 0o644 })
        ),
        file("d/extra", "x"),
      ]);
      await give(place);
      const words = ["-a", `--json=${place}/events`];
      const { code, out } = await way.sync(words, `${place}/s/`, `${place}/d`);
      assert.deepEqual([code, out], [23, ""]);
      const events = eventsOf(await Deno.readTextFile(`${place}/events`));
      assert.deepEqual([events[0].type, events.at(-1)!.type], ["start", "summary"]);
      const problems = only(events, "problem");
      const path = (i: string) => `d${Number(i) % 7}/${i}`;
      assert.deepEqual(problems.map((problem) => problem.path).sort(), UNREADABLE.map(path).sort());
      assert.ok(
        problems.every(({ severity, side, errno }) => severity === "failed" && side === "source" && errno === 13),
      );
      const [summary] = only(events, "summary");
      const told = only(events, "entry").filter(({ kind }) => kind === "file");
      assert.deepEqual([summary.exitCode, summary.failed, summary.vanished], [23, 3, 0]);
      assert.equal(told.length, 997);
      assert.equal(told.length, summary.totals!.transferredFiles);
      assert.equal(told.reduce((sum, { size }) => sum + size!, 0), summary.totals!.transferredBytes);
      assert.equal(summary.totals!.files, 1000);
      const last = only(events, "progress").at(-1)!;
      assert.deepEqual([last.files, last.listComplete], [997, true]);
      // Again: nothing but the problems.
      await Deno.remove(`${place}/events`);
      await way.sync(words, `${place}/s/`, `${place}/d`);
      const again = eventsOf(await Deno.readTextFile(`${place}/events`));
      assert.deepEqual([
        only(again, "entry").filter(({ kind }) => kind === "file").length,
        only(again, "problem").length,
      ], [0, 3]);
    }));
}

Deno.test("--json alone: objects on standard output, lines for people on standard error; names are exact and harmless", () =>
  withPlace(async (place) => {
    plant(place, [
      folder("s"),
      file("s/\xff\x1b[2J", "x"),
      file("s/__proto__", "x"),
      link("s/link", "\xfe"),
      file("s/\xe2\x80\xae", "x"),
      file("d/old", "x"),
    ]);
    const { code, out, err } = await tsync(["-ai", "--delete", "--json", "s/", "d"], { cwd: place });
    assert.equal(code, 0);
    assert.match(err, /\*deleting {3}old\n/);
    const entries = only(eventsOf(out), "entry");
    const bytes = (text: string) => Array.from(atob(text), (one) => one.charCodeAt(0));
    assert.deepEqual(bytes(entries.find(({ pathBase64 }) => pathBase64)!.pathBase64!), [0xff, 0x1b, 0x5b, 0x32, 0x4a]);
    assert.deepEqual(bytes(entries.find(({ path }) => path === "link")!.linkTargetBase64!), [0xfe]);
    assert.ok(entries.some(({ path }) => path === "__proto__") && entries.some(({ path }) => path === "\u202e"));
    assert.deepEqual(entries.filter(({ action }) => action === "delete").map(({ path }) => path), ["old"]);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  }));

Deno.test("--json to a descriptor that was given, to one that was not, and to a full device", () =>
  withPlace(async (place) => {
    plant(place, [file("s/f", "x")]);
    const shell = (line: string) => run(["sh", "-c", line, "sh", ...tsyncWords()], { cwd: place });
    assert.equal((await shell(`"$@" -a --json=5 s/ d 5>events | cat`)).code, 0);
    assert.equal(only(eventsOf(await Deno.readTextFile(`${place}/events`)), "summary")[0].exitCode, 0);
    for (const fd of [4, 7, 9, 12, 300]) {
      const { code, err } = await shell(`"$@" -a --json=${fd} s/ new`);
      assert.deepEqual([code, /--json: .* cannot be written/.test(err)], [11, true], `${fd}: ${err}`);
    }
    const full = await shell(`"$@" -a --json=/dev/full s/ d`);
    assert.deepEqual([full.code, /--json: write failed: No space left/.test(full.err)], [13, true], full.err);
    const early = await shell(`"$@" -a --json=6 s/ events 6>early`);
    const [summary] = only(eventsOf(await Deno.readTextFile(`${place}/early`)), "summary");
    assert.deepEqual([early.code, summary.exitCode, summary.totals], [3, 3, undefined]);
    assert.match(summary.error!, /cannot use "events" as target/);
  }));

/** A log without its dates and process numbers. */
const logged = async (path: string) =>
  (await Deno.readTextFile(path)).replaceAll(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\d+\] /gm, "").replaceAll(
    /^(sent|total size is|rsync error|tsync error|File list|Total bytes|Literal).*\n/gm,
    "",
  ).split("\n").sort();

Deno.test("--log-file: the lines rsync writes, with several formats, in a dry run and with an error", async () => {
  const old = { sec: 1_000_000_000, ns: 0 };
  const entries = [
    folder("s", { sec: 1_100_000_000, ns: 0 }),
    file("s/new", "new", old),
    file("s/mode", "m", { mode: 0o600, ...old }),
    file("s/same", "x", old),
    link("s/link", "new", old),
    folder("s/sub", old),
    folder("d", old),
    file("d/mode", "m", { mode: 0o644, ...old }),
    file("d/same", "x", old),
    file("d/extra", "x", old),
  ];
  for (
    const words of [
      "-a --delete",
      "-av --delete",
      "-ai",
      "-aii",
      "-avv",
      "-avq",
      "-an --delete",
      "-a --log-file-format=",
      "-a --delete --log-file-format=%o:%n",
      "-a --delete --log-file-format=%n",
      "-a --out-format=%i:%n",
      "-r",
      "-a --stats --delete",
    ]
  ) {
    const logs: string[][] = [];
    for (const program of [tsyncWords(), ["rsync"]]) {
      await withPlace(async (place) => {
        plant(place, entries);
        await run([...program, ...words.split(" "), "--log-file=log", "s/", "d"], { cwd: place });
        const own = /^(total: matches|delta-transmission)/;
        logs.push((await logged(`${place}/log`)).filter((line) => !own.test(line)));
      });
    }
    assert.deepEqual(logs[0], logs[1], words);
  }
});

Deno.test("--log-file: what is there stays; a problem is logged; a log that cannot be opened is told and left", () =>
  withPlace(async (place) => {
    plant(place, [file("s/f", "x"), file("log", "before\n")]);
    await tsync(["-a", "--log-file=log", "s/", "nothing", "d"], { cwd: place });
    const log = await Deno.readTextFile(`${place}/log`);
    assert.match(log, /^before\n.*building file list\n/);
    assert.match(log, /\] tsync: \[sender\] stat "nothing" failed: No such file or directory \(2\)\n/);
    assert.match(log, /\] tsync error: some files.*\(code 23\)/);
    const { code, err } = await tsync(["-a", "--log-file=none/log", "s/", "d"], { cwd: place });
    assert.deepEqual(
      [code, /failed to open log file "none\/log": No such file or directory/.test(err)],
      [0, true],
      err,
    );
  }));

Deno.test({
  name: "--log-file and --json follow no link that somebody else made, also not behind one of ours",
  ignore: !AS_ROOT,
  fn: () =>
    withPlace(async (place) => {
      plant(place, [
        file("s/f", "x"),
        file("precious", "precious"),
        link("theirs", "precious", { uid: PLAIN, gid: PLAIN }),
        link("behind", "theirs"),
        link("ours", "sub/../fine"),
        folder("sub"),
      ]);
      for (const name of ["theirs", "behind"]) {
        const log = await tsync(["-a", `--log-file=${name}`, "s/", "d"], { cwd: place });
        assert.match(log.err, /failed to open log file/);
        const json = await tsync(["-a", `--json=${name}`, "s/", "d"], { cwd: place });
        assert.equal(json.code, 11, json.err);
      }
      assert.equal(await Deno.readTextFile(`${place}/precious`), "precious");
      assert.equal((await tsync(["-a", "--log-file=ours", "s/", "d"], { cwd: place })).err, "");
      assert.match(await Deno.readTextFile(`${place}/fine`), /building file list/);
    }),
});
