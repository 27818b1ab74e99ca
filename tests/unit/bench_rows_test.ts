// The rows of the bench and its templates: every row can be asked for, prepared and judged; a goal is met or missed as it says.

import assert from "node:assert/strict";
import { editsOf, entriesOf } from "../../bench/data.ts";
import { rotated } from "../../bench/measure.ts";
import { fillIn, PEERS, suits } from "../../bench/peers.ts";
import type { HistoryLine } from "../../bench/results.ts";
import { judge, type Row, ROWS, rowsNamed } from "../../bench/rows.ts";

function row(id: string): Row {
  const found = ROWS.find((row) => row.id === id);
  assert(found !== undefined, id);
  return found;
}

function line(change: Partial<HistoryLine>): HistoryLine {
  return {
    commit: "abc",
    date: "2026-11-21",
    machine: "m",
    programs: [],
    row: "push-256m",
    rounds: 5,
    isReflink: false,
    ratios: {},
    cpuRatios: {},
    seconds: {},
    cpuSeconds: {},
    walls: {},
    rss: {},
    wire: {},
    leftOut: {},
    ...change,
  };
}

Deno.test("rows have each their own id, and a change exactly when their state is changed", () => {
  assert.equal(new Set(ROWS.map((row) => row.id)).size, ROWS.length);
  for (const row of ROWS) assert.equal(row.change !== null, row.state === "changed", row.id);
});

Deno.test("rows each have tsync, and rsync wherever there is something to compare", () => {
  for (const row of ROWS) {
    const names = PEERS.filter((peer) => suits(peer, row)).map((peer) => peer.name);
    assert.equal(names[0], "tsync", row.id);
    assert.equal(names.includes("rsync"), row.state !== "firstContact", row.id);
    const needed = [...row.goals.wall, row.goals.cpu].map((goal) => goal?.against ?? "rsync");
    if (row.state !== "firstContact") {
      for (const name of needed) assert(names.includes(name), `${row.id} needs ${name}`);
    }
  }
});

Deno.test("rows never allow tsync to be slower than rsync, but for one small file over ssh on loopback", () => {
  const slower = ROWS.filter((row) => row.goals.wall[0].ratio > 1).map((row) => row.id);
  assert.deepEqual(slower, ["push-1k", "pull-1k"]);
});

Deno.test("rowsNamed takes an id, a part of ids, or a pattern with stars", () => {
  assert.deepEqual(rowsNamed("push-1g").map((row) => row.id), ["push-1g"]);
  assert.deepEqual(rowsNamed("insert2-disk").length, 4);
  const wan200 = ["wan200-10k-changed", "wan200-100m", "wan200-100m-one", "wan200-100m-four"];
  assert.deepEqual(rowsNamed("wan200*").map((row) => row.id), wan200);
  assert.deepEqual(rowsNamed("*-sparse").map((row) => row.id), ["local-sparse", "push-sparse", "pull-sparse"]);
  assert.deepEqual(rowsNamed("no such row"), []);
  assert.deepEqual(rowsNamed("push.1g"), []);
});

Deno.test("judge holds the wall time against each named tool, on a reflink file system by the stricter goal", () => {
  const met = judge(row("push-256m"), line({ ratios: { "rsync": 0.75, "rsync gcm": 0.96 } }));
  assert.deepEqual(met.map(({ against, isMet }) => [against, isMet]), [["rsync", true], ["rsync gcm", false]]);
  const local = { row: "local-256m", ratios: { rsync: 0.3 } };
  assert.equal(judge(row("local-256m"), line(local))[0].isMet, true);
  assert.equal(judge(row("local-256m"), line({ ...local, isReflink: true }))[0].isMet, false);
});

Deno.test("judge holds CPU, the larger side's memory and the bytes on the wire", () => {
  const text = judge(row("wan50-100m-text"), line({ cpuRatios: { "rsync": 3, "rsync -z": 1 } }));
  assert.deepEqual(text.map(({ what, against, isMet }) => [what, against, isMet]), [["CPU", "rsync -z", true]]);
  const limit = 100e6 + 100 * entriesOf("256m");
  for (const [peak, isMet] of [[limit, true], [limit + 1, false]] as const) {
    assert.equal(judge(row("push-256m"), line({ rss: { tsync: [5, peak] } }))[0].isMet, isMet);
  }
  const wire = (id: string, up: number, down: number) => judge(row(id), line({ wire: { tsync: [up, down] } }))[0].isMet;
  assert.equal(wire("push-1g-insert2", 0.1e6, 0.2e6), true);
  assert.equal(wire("push-1g-insert2", 0.1e6, 0.2e6 + 1), false);
  assert.equal(wire("wan50-100m-1pct", 1.3e6, 5e6), true);
  assert.equal(wire("wan50-100m-1pct", 1.3e6 + 1, 0), false);
});

Deno.test("judge says nothing about what was not measured, nor about the CPU of one small file", () => {
  assert.deepEqual(judge(row("push-256m"), line({})), []);
  assert.deepEqual(judge(row("push-1k"), line({ cpuRatios: { rsync: 9 } })), []);
});

Deno.test("entriesOf counts files and folders with the root", () => {
  assert.equal(entriesOf("100k"), 101_001);
  assert.equal(entriesOf("mixed"), 1 + 4 + 10 + 4 + 1 + 1 + 1000 + 100 + 10 + 1);
  assert.equal(entriesOf("1g"), 1);
});

Deno.test("editsOf lie in order, apart, inside the file, and are as many and as large as their name says", () => {
  for (const bytes of [100e6, 256 << 20, 2 ** 30]) {
    for (const change of ["1 % changed", "2 bytes inserted", "100 insertions"] as const) {
      const edits = editsOf(change, bytes);
      assert.equal(edits.length, change === "2 bytes inserted" ? 1 : 100);
      let end = 0;
      for (const { at, length } of edits) {
        assert(at >= end && length > 0 && Number.isInteger(at));
        end = at + length;
      }
      assert(end <= bytes);
    }
    const changed = editsOf("1 % changed", bytes).reduce((sum, edit) => sum + edit.length, 0);
    assert(Math.abs(changed / bytes - 0.01) < 0.0001);
    assert(editsOf("100 insertions", bytes).every(({ length, isMissing }) => isMissing && length <= 1000));
  }
});

Deno.test("fillIn puts words in, and refuses a word it does not know or a shell would change", () => {
  assert.equal(fillIn("exec a {from} '{ssh}'", { from: "h:/x/", ssh: "ssh -F /c" }), "exec a h:/x/ 'ssh -F /c'");
  assert.throws(() => fillIn("{nothing}", {}), /not known/);
  for (const word of ["a'b", "a;b", "$x", "a\nb", "`x`", "a&b"]) {
    assert.throws(() => fillIn("{from}", { from: word }), /minds/);
  }
});

Deno.test("a row's own words reach tsync and nobody else", () => {
  const { words } = row("wan200-100m-one");
  const has = ({ lines }: typeof PEERS[number]) =>
    Object.values(lines).filter((line) => line.includes("{words}")).length;
  assert.deepEqual(PEERS.map(has), PEERS.map(({ name }) => name === "tsync" ? 3 : 0));
  const known = { tsync: "tsync", ssh: "ssh", from: "a", to: "b" };
  assert.equal(fillIn(PEERS[0].lines.push!, { ...known, words }), "exec tsync -a --connections=1 -e 'ssh' a b");
  assert.equal(row("wan200-100m").words, "");
});

Deno.test("rotated gives each tool each place once", () => {
  const orders = [0, 1, 2].map((round) => rotated(["a", "b", "c"], round).join(""));
  assert.deepEqual(orders, ["abc", "bca", "cab"]);
});
