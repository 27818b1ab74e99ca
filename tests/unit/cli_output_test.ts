// Output and progress: what is written when, in which order, what happens when it cannot be written, and what a terminal sees.

import process from "node:process";
import { assertEquals } from "@std/assert";
import { display, displayEightBit, latin1, utf8 } from "../../lib/base/bytes.ts";
import { Change } from "../../lib/base/monitor.ts";
import { Cause, Side, Verb } from "../../lib/base/problem.ts";
import {
  clockTime,
  shortBytes,
  shownFraction,
  shownNumber,
  withCommas,
  withCommasAndCents,
} from "../../lib/cli/numbers.ts";
import { infoLevel, type InfoName } from "../../lib/cli/info.ts";
import { isoDay, modeLetters } from "../../lib/cli/list_line.ts";
import { Output } from "../../lib/cli/output.ts";
import { Progress } from "../../lib/cli/progress.ts";
import { Report } from "../../lib/cli/report.ts";
import { readCommand } from "../../lib/cli/request.ts";

/** A stage on which time passes and readers read only when told. */
class Stage {
  nowMs = 0;
  /** Each write as "1 text" or "2 text". */
  writes: string[] = [];
  /** Readers that have not taken a write yet; null: they take all at once. */
  blocked: Array<() => void> | null = null;
  failing: { 1?: string; 2?: string } = {};
  #timers: Array<{ at: number; every: number | null; fn: () => void }> = [];

  readonly output = new Output({
    write: (fd, bytes) => {
      const failure = this.failing[fd];
      if (failure !== undefined) return Promise.reject(new Error(failure));
      this.writes.push(`${fd} ${latin1(bytes)}`);
      return this.blocked === null ? Promise.resolve() : new Promise((resolve) => this.blocked!.push(resolve));
    },
    after: (ms, fn) => this.#timer(ms, null, fn),
  });
  readonly every = (ms: number, fn: () => void) => this.#timer(ms, ms, fn);

  #timer(ms: number, every: number | null, fn: () => void): () => void {
    const timer = { at: this.nowMs + ms, every, fn };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  get timers(): number {
    return this.#timers.length;
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      this.nowMs += 10;
      for (const timer of [...this.#timers]) {
        if (timer.at > this.nowMs) continue;
        if (timer.every === null) this.#timers = this.#timers.filter((other) => other !== timer);
        else timer.at += timer.every;
        timer.fn();
      }
      for (let i = 0; i < 20; i++) await null;
    }
  }

  report(line: string, terminal: boolean, columns = 80): Report {
    const command = readCommand(line.split(" ").map((word) => utf8(word)), () => undefined);
    if (command.kind !== "sync") throw new Error(line);
    const parts = { nowMs: () => this.nowMs, columns: () => columns, every: this.every, terminal };
    return new Report(command.request, command.output, this.output, parts);
  }
}

Deno.test("Output: --outbuf=N writes at once, B only when there is much; --stderr=all leaves standard output alone", async () => {
  const stage = new Stage();
  stage.output.buffering = "none";
  stage.output.out("a\n");
  await stage.pass(10);
  assertEquals(stage.writes, ["1 a\n"]);
  stage.output.buffering = "full";
  stage.output.out("b\n");
  await stage.pass(1000);
  assertEquals(stage.writes.length, 1);
  stage.output.allToStderr = true;
  stage.output.out("c\n");
  await stage.output.flush();
  assertEquals(stage.writes.slice(1), ["1 b\n", "2 c\n"]);
});

Deno.test("-8: bytes that are not UTF-8 reach the stream as they are, control characters do not", async () => {
  const stage = new Stage();
  stage.output.out(
    `${displayEightBit(new Uint8Array([0x61, 0xff, 0x1b, 0x09, 0xc3, 0xa9, 0x7f]))} ${display(utf8("\u{1f4a9}é"))}\n`,
  );
  await stage.output.flush();
  assertEquals(stage.writes, [`1 a\xff\\#033\t\xc3\xa9\\#177 ${latin1(utf8("\u{1f4a9}é"))}\n`]);
});

Deno.test("numbers as -h wants them", () => {
  const shown = (value: number) => [0, 1, 2, 3].map((human) => shownNumber(value, human)).join(" ");
  assertEquals(shown(999), "999 999 999 999");
  assertEquals(shown(1000), "1000 1,000 1.00K 1,000");
  assertEquals(shown(999_999), "999999 999,999 1000.00K 976.56K");
  assertEquals(shown(1234567), "1234567 1,234,567 1.23M 1.18M");
  assertEquals(shown(2 ** 52), "4503599627370496 4,503,599,627,370,496 4.50P 4.00P");
  assertEquals([shownFraction(1234.5, 0), shownFraction(1234.5, 1), shownFraction(1234.5, 2)], [
    "1234.50",
    "1,234.50",
    "1.23K",
  ]);
});

Deno.test("letters of a mode, and times that no calendar has", () => {
  assertEquals(modeLetters(4, 0o1777), "drwxrwxrwt");
  assertEquals(modeLetters(8, 0o7000), "---S--S--T");
  assertEquals(modeLetters(8, 0o6751), "-rwsr-s--x");
  assertEquals(isoDay(2 ** 43, "-"), "0000/00/00-00:00:00");
});

Deno.test("--info: -v, --stats and --progress raise levels, what is said flag by flag counts more", () => {
  const level = (line: string, name: InfoName) => {
    const command = readCommand(`${line} s d`.split(" ").map((word) => utf8(word)), () => undefined);
    if (command.kind !== "sync") throw new Error(line);
    return infoLevel(command.output, name);
  };
  assertEquals([level("-a", "nonreg"), level("-a", "name")], [1, 0]);
  assertEquals([level("-v", "name"), level("-vv", "name"), level("-vv", "misc"), level("-vvv", "skip")], [1, 2, 2, 1]);
  assertEquals([level("-v --info=name0", "name"), level("--info=name0 -vv", "name")], [0, 0]);
  assertEquals([level("--stats", "stats"), level("--progress", "flist"), level("--info=all", "del")], [2, 2, 1]);
  assertEquals([level("-v --info=NONE,del", "name"), level("-v --info=NONE,del", "del")], [0, 1]);
  assertEquals([level("--info=all3", "stats"), level("--info=name99", "name"), level("--info=", "del")], [3, 9, 0]);
});

Deno.test("Output gathers lines into one write after 100 ms, and leaves no timer behind", async () => {
  const stage = new Stage();
  stage.output.out("a\n");
  stage.output.out("b\n");
  await stage.pass(50);
  assertEquals(stage.writes, []);
  await stage.pass(60);
  assertEquals(stage.writes, ["1 a\nb\n"]);
  assertEquals(stage.timers, 0);
});

Deno.test("Output writes at once when there is much", async () => {
  const stage = new Stage();
  stage.output.out("x".repeat(64 * 1024));
  await stage.pass(10);
  assertEquals(stage.writes.length, 1);
});

Deno.test("Output keeps the order of what goes to standard output and error", async () => {
  const stage = new Stage();
  stage.output.out("a");
  stage.output.err("b");
  stage.output.out("c");
  stage.output.out("d");
  await stage.output.flush();
  assertEquals(stage.writes, ["1 a", "2 b", "1 cd"]);
});

Deno.test("Output: a slow reader does not hold up who speaks, and pace asks for a pause once much waits", async () => {
  const stage = new Stage();
  stage.blocked = [];
  stage.output.out("first");
  await stage.pass(200);
  assertEquals(stage.output.pace(), undefined);
  for (let i = 0; i < 100; i++) stage.output.out("y".repeat(64 * 1024));
  const pause = stage.output.pace();
  let over = false;
  pause?.then(() => over = true);
  await stage.pass(10);
  assertEquals([pause !== undefined, over, stage.writes.length], [true, false, 1]);
  stage.blocked.shift()!();
  await stage.pass(10);
  stage.blocked.shift()!();
  await stage.pass(10);
  assertEquals([over, stage.writes.length, stage.output.idle], [true, 2, true]);
});

Deno.test("D20: Output that cannot be written is told once, then dropped; flush still ends", async () => {
  const stage = new Stage();
  stage.failing = { 1: "Broken pipe (os error 32)" };
  const told: string[] = [];
  stage.output.onFailure = (error) => told.push(`${error.exitCode} ${error.message}`);
  stage.output.out("a");
  await stage.output.flush();
  stage.output.out("b");
  stage.output.err("c");
  await stage.output.flush();
  assertEquals(told, ["13 write to standard output failed: Broken pipe (32)"]);
  assertEquals(stage.writes, ["2 c"]);
});

Deno.test("D20: a standard error that cannot be written does not disturb standard output", async () => {
  const stage = new Stage();
  stage.failing = { 2: "No space left on device (os error 28)" };
  stage.output.err("a");
  stage.output.out("b");
  stage.output.err("c");
  await stage.output.flush();
  assertEquals([stage.writes, stage.output.failure, stage.output.idle], [["1 b"], null, true]);
});

Deno.test("progress is one line on a terminal, drawn five times a second, cleared before other text and at the end", async () => {
  const stage = new Stage();
  const report = stage.report("-a s/ h:d", true);
  report.phase("transferring");
  report.listed(10, 1000, true);
  report.transferred(5, 500);
  await stage.pass(1150);
  const frames = stage.writes.length;
  assertEquals(frames >= 1 && frames <= 5, true);
  assertEquals(stage.writes[0].startsWith("1 \rtransferring  50%  5 files  500 B of 1.00 KB  "), true);
  report.problem({ verb: Verb.open, cause: Cause.system, errno: 13, side: Side.source, path: utf8("x") });
  report.stop();
  await stage.output.flush();
  const text = stage.writes.slice(frames).join("|");
  assertEquals(/^1 \r +\r\|2 tsync: \[sender\] open "s\/x" failed: Permission denied \(13\); .*\n$/.test(text), true);
  assertEquals(stage.timers, 0);
});

Deno.test("progress keeps within the columns and skips frames while the terminal is slow", async () => {
  const stage = new Stage();
  const report = stage.report("-a s/ h:d", true, 20);
  report.phase("transferring");
  stage.blocked = [];
  await stage.pass(2000);
  assertEquals(stage.writes.length, 1);
  assertEquals(stage.writes[0].length, "1 \r".length + 19);
  report.stop();
});

Deno.test("progress is not shown with -v, -i or -q, nor where there is no terminal; --progress brings it back", async () => {
  const frames = async (line: string, terminal: boolean) => {
    const stage = new Stage();
    const report = stage.report(line, terminal);
    report.phase("transferring");
    await stage.pass(1200);
    report.stop();
    return stage.writes.length;
  };
  assertEquals(await frames("-a s d", false), 0);
  assertEquals(await frames("-av s d", true), 1); // the line about the list
  assertEquals(await frames("-ai s d", true), 0);
  assertEquals(await frames("-aq --progress s d", true), 0);
  assertEquals(await frames("-a --no-progress s d", true), 0);
  assertEquals(await frames("-ai --progress s d", true) > 1, true);
  assertEquals(await frames("-a --progress s d", false), 1);
});

Deno.test("progress: the percent never falls, and reaches 100 only at the end", () => {
  const progress = new Progress("h", 0);
  const percents: number[] = [];
  progress.phase = "transferring";
  assertEquals(/%/.test(progress.line(0, 200)), false);
  progress.listComplete = true;
  for (const [bytes, total] of [[0, 0], [10, 100], [20, 100], [20, 400], [90, 400], [400, 400], [500, 400]]) {
    progress.bytes = bytes;
    progress.listedBytes = total;
    percents.push(Number(/(\d+)%/.exec(progress.line(0, 200))![1]));
  }
  assertEquals(percents, [0, 10, 20, 20, 22, 99, 99]);
  progress.phase = "finishing";
  assertEquals(/100%/.test(progress.line(0, 200)), true);
});

Deno.test("progress: the rate is that of the last three seconds", () => {
  const progress = new Progress(null, 0);
  progress.phase = "transferring";
  for (let ms = 0; ms <= 10_000; ms += 200) {
    progress.bytes = ms < 5000 ? ms * 1000 : 5_000_000;
    const rate = / ([\d.]+ [A-Z]*B)\/s/.exec(progress.line(ms, 200))![1];
    if (ms === 4000) assertEquals(rate, "1.00 MB");
    if (ms === 10_000) assertEquals(rate, "0 B");
  }
});

Deno.test("progress names each phase", () => {
  const progress = new Progress("web1", 0);
  const phases = ["connecting", "deploying", "listing", "transferring", "deleting", "finishing"] as const;
  const said = phases.map((phase) => {
    progress.phase = phase;
    return progress.line(1000, 200).split("  ")[0];
  });
  const expected = ["connecting to web1", "installing tsync-remote on web1", ...phases.slice(2)];
  assertEquals(said, expected);
});

Deno.test("numbers are written as rsync writes them", () => {
  assertEquals([0, 999, 1000, 1234567].map(withCommas), ["0", "999", "1,000", "1,234,567"]);
  assertEquals([0, 0.005, 1234.5].map(withCommasAndCents), ["0.00", "0.01", "1,234.50"]);
  assertEquals([0, 999, 1000, 12345, 999_600, 5e15].map(shortBytes), [
    "0 B",
    "999 B",
    "1.00 KB",
    "12.3 KB",
    "1.00 MB",
    "5.00 PB",
  ]);
  assertEquals([5, 65, 3725].map(clockTime), ["0:05", "1:05", "1:02:05"]);
});

Deno.test("a report of 200,000 changes takes little processor time", async () => {
  const stage = new Stage();
  const report = stage.report("-ai s/ h:d", false);
  const path = utf8("some/folder/with/a/name");
  const before = process.cpuUsage();
  for (let i = 0; i < 200_000; i++) {
    const rest = { index: 0, mode: 0, uid: 0, gid: 0, mtimeSec: 0, size: 0, origin: 0 };
    report.entry({ ...rest, path, kind: 8, linkTarget: path }, Change.create | Change.content);
    if (i % 1000 === 0) await stage.output.pace();
  }
  await stage.output.flush();
  const microseconds = process.cpuUsage(before).user / 200_000;
  assertEquals(microseconds < 20, true, `${microseconds} microseconds each`);
});
