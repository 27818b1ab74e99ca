// The bench's history, statistics and tables: medians of ratios within rounds, losses first, the README between its markers.

import assert from "node:assert/strict";
import { newest, parseHistory } from "../../bench/history.ts";
import { type Circumstances, type HistoryLine, historyLine, median, type Run } from "../../bench/results.ts";
import { BEGIN, END, formatMarkdown, formatText, missed, putIntoReadme, sorted } from "../../bench/table.ts";

const ABOUT: Circumstances = {
  commit: "abc",
  date: "2026-11-21",
  machine: "two cores",
  programs: ["tsync 1", "rsync 3"],
};

function runs(...seconds: number[]): Run[] {
  return seconds.map((wallSeconds) => ({
    wallSeconds,
    clientCpuSeconds: wallSeconds / 2,
    farCpuSeconds: wallSeconds / 4,
  }));
}

function measured(id: string, ours: number[], theirs: number[], more: Partial<HistoryLine> = {}): HistoryLine {
  const tools = [{ tool: "tsync", runs: runs(...ours), inspection: null }, {
    tool: "rsync",
    runs: runs(...theirs),
    inspection: null,
  }];
  return { ...historyLine({ id, isReflink: false, tools, leftOut: [] }, ABOUT), ...more };
}

Deno.test("median is the middle, or between the two middle ones, and leaves the order alone", () => {
  const values = [9, 1, 5];
  assert.equal(median(values), 5);
  assert.deepEqual(values, [9, 1, 5]);
  assert.equal(median([4, 1, 3, 10]), 3.5);
});

Deno.test("historyLine takes the ratio within each round before the median", () => {
  const line = measured("push-1g", [1, 4, 9], [2, 2, 3]);
  assert.equal(line.ratios.rsync, 2);
  assert.equal(line.seconds.tsync, 4);
  assert.equal(line.cpuSeconds.tsync, 3);
  assert.deepEqual(line.walls.rsync, [2, 2, 3]);
  assert.equal(line.rounds, 3);
});

Deno.test("historyLine keeps what was looked at, what was left out, and no tool without a run", () => {
  const inspection = { clientPeakBytes: 70e6, farPeakBytes: null, upBytes: 5, downBytes: 6 };
  const tools = [{ tool: "tsync", runs: runs(1), inspection }, { tool: "rsync", runs: [], inspection: null }];
  const line = historyLine(
    { id: "push-1g", isReflink: true, tools, leftOut: [{ tool: "sy", why: "2 missing" }] },
    ABOUT,
  );
  assert.deepEqual(line.rss, { tsync: [70e6, null] });
  assert.deepEqual(line.wire, { tsync: [5, 6] });
  assert.deepEqual(line.leftOut, { sy: "2 missing" });
  assert.deepEqual(line.ratios, {});
  assert.deepEqual(Object.keys(line.seconds), ["tsync"]);
});

Deno.test("a line of the history comes back as it was, and a broken one is named", () => {
  const line = measured("push-1g", [1], [2]);
  assert.deepEqual(parseHistory(JSON.stringify(line) + "\n"), [line]);
  assert.throws(() => parseHistory(JSON.stringify(line) + "\n{\n"), /line 2 of the history/);
  assert.throws(() => parseHistory("{}\n"), /line 1 of the history/);
});

Deno.test("newest prefers five rounds to fewer, and then the later line", () => {
  const five = [1, 1, 1, 1, 1];
  const lines = [
    measured("push-1k", five, five, { commit: "a" }),
    measured("push-1k", five, five, { commit: "b" }),
    measured("push-1k", [1, 1, 1], [1, 1, 1], { commit: "c" }),
    measured("push-1g", [1], [1], { commit: "d" }),
    measured("no longer a row", five, five),
  ];
  assert.deepEqual(newest(lines, ["push-1g", "push-1k", "pull-1k"]).map((line) => line.commit), ["d", "b"]);
});

Deno.test("sorted puts losses first, then missed goals, then the rest, each by ratio", () => {
  const lines = [
    measured("local-100k", [0.3], [1]),
    measured("push-1g", [0.9], [1]),
    measured("push-1k", [1.1], [1]),
    measured("push-256m", [0.8], [1]),
    measured("local-sparse", [2], [1]),
    measured("push-sparse", [0.01], [1]),
  ];
  const ids = sorted(lines).map(({ row }) => row.id);
  assert.deepEqual(ids, ["local-sparse", "push-1k", "push-1g", "push-256m", "local-100k", "push-sparse"]);
  assert.deepEqual(
    missed(lines).filter((text) => /wall/.test(text)).map((text) => text.split(":")[0]),
    ids.slice(0, 4).filter((id) => id !== "push-1k"),
  );
});

Deno.test("formatText and formatMarkdown say what is missed, what failed, and how few rounds there were", () => {
  const lines = [measured("push-1g", [0.9], [1], { leftOut: { sy: "no" }, wire: { tsync: [2e9, 1] } })];
  for (const text of [formatText(lines), formatMarkdown(lines)]) {
    assert.match(text, /push ssh: 1 GB \(1 round\)/);
    assert.match(text, /0\.90\s.*0\.75 MISSED/);
    assert.match(text, /sy failed/);
  }
  assert.match(formatMarkdown(lines), /Machine: two cores\.[^]*abc \(2026-11-21\), 1 rows/);
  assert.match(formatText([measured("push-1g", [0.7], [1])]), /0\.75 ok/);
});

Deno.test("putIntoReadme replaces what is between the markers and nothing else, and demands both", () => {
  const readme = `before\n\n${BEGIN}\n\nold\n\n${END}\n\nafter\n`;
  const once = putIntoReadme(readme, "new");
  assert.equal(once, `before\n\n${BEGIN}\n\nnew\n\n${END}\n\nafter\n`);
  assert.equal(putIntoReadme(once, "new"), once);
  for (const broken of ["", BEGIN, `${END}${BEGIN}`, `${BEGIN}${END}${END}`]) {
    assert.throws(() => putIntoReadme(broken, "new"), /needs/);
  }
});

Deno.test("README has the two markers", () => {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  assert.notEqual(putIntoReadme(readme, "x"), readme);
});
