// -K and -x against an evil peer: a source that sends a link and then what shall lie behind it, or calls any folder one of another file
// system so that what it tells is not all there is.

import { type Entry, frame, KIND, latin1, makeEntry, PIECE, TYPE } from "../support/protocol_bytes.ts";
import { openAsAgent, planOf } from "../support/protocol_halves.ts";
import { assertRefused, play, type Played, type Row, type Scenario, testRows } from "../support/evil_play.ts";

const rows: Row[] = [];
const NAMED = 8;
const ALL = PIECE.first | PIECE.last;
const file = (name: string): Entry => makeEntry(name, { size: 0 });
const folder = (name: string): Entry => makeEntry(name, { kind: KIND.folder, permissions: 0o755 });
const link = (name: string, target: string): Entry =>
  makeEntry(name, { kind: KIND.link, permissions: 0o777, target: latin1(target) });

function lists(options: string[], before: Scenario["before"], ...pieces: [number, number, Entry[]][]): Scenario {
  const plan = planOf({});
  plan.lists = pieces.map(([index, flags, entries]) => ({ folder: index, flags, entries }));
  return { plan, options, before };
}

function demandUntouched({ outside, code }: Played, codes: number[]): void {
  if (outside !== "") throw new Error(`outside of the target: ${outside}`);
  if (!codes.includes(code)) throw new Error(`exit ${code}`);
}

const LINKED: Scenario["before"] = {
  own: { link: "in/way" },
  in: { way: { "old.txt": "old\n" } },
  out: { link: "../canary" },
};

rows.push({
  name: "client target: -K: a link of an earlier run to the canary is not used for what comes now",
  async run() {
    const played = await play(
      "client target",
      lists(["-aK"], LINKED, [0, ALL, [folder("out")]], [1, ALL, [link("f", "x")]]),
    );
    demandUntouched(played, [23]);
  },
});
rows.push({
  name: "client target: -K: a link sent in this run, on the way of the target's own, leads nowhere else",
  async run() {
    const played = await play(
      "client target",
      lists(
        ["-aK", "--delete", "--no-guard"],
        LINKED,
        [0, ALL, [folder("in"), folder("own")]],
        // The folder that the target's own link leads to becomes a link to the canary, before that is listed.
        [1, ALL, [link("way", "../../canary")]],
        [2, ALL, [link("new", "x"), folder("sub")]],
        [5, ALL, []],
      ),
    );
    demandUntouched(played, [0, 23]);
  },
});
rows.push({
  name: "client target: -K: two entries of one name, a link and a folder, are refused",
  async run() {
    const scenario = lists(["-aK"], {}, [0, ALL, [link("a", "../canary"), folder("a")]], [2, ALL, [file("f")]]);
    await assertRefused(await play("client target", scenario), [12], "anything");
  },
});
for (
  const [claim, pieces] of [
    ["a folder of another file system of which something is told", [[0, ALL, [folder("a")]], [1, ALL | NAMED, [
      file("f"),
    ]]]],
    ["one whose list goes on", [[0, ALL, [folder("a")]], [1, PIECE.first | NAMED, []]]],
  ] as [string, [number, number, Entry[]][]][]
) {
  rows.push({
    name: `client target: -x: ${claim} is refused`,
    run: async () => await assertRefused(await play("client target", lists(["-ax"], {}, ...pieces)), [12], "anything"),
  });
}
rows.push({
  name: "client target: without -x no folder is of another file system",
  run: async () =>
    await assertRefused(
      await play("client target", lists(["-a"], {}, [0, ALL, [folder("a")]], [1, ALL | NAMED, []])),
      [12],
      "anything",
    ),
});
rows.push({
  name: "client target: -x: in a folder that the source calls one of another file system nothing is deleted",
  async run() {
    const before = { a: { "old.txt": "old\n" }, extra: "x" };
    const played = await play(
      "client target",
      lists(["-ax", "--delete", "--no-guard"], before, [0, ALL, [folder("a")]], [1, ALL | NAMED, []]),
    );
    demandUntouched(played, [0]);
    const left = [...played.after.keys()].sort().join(" ");
    if (left !== "a a/old.txt") throw new Error(left);
  },
});

/** A source that says that `path` is not there, after the root's list. */
function misses(options: string[], sources: string[], path: string): Scenario {
  const plan = planOf({});
  plan.roots.flags = 0;
  plan.lists = [];
  return {
    plan,
    options,
    sources,
    before: { a: "a\n", b: { c: "c\n" } },
    async script(wire) {
      await openAsAgent(wire);
      await wire.raw(frame(TYPE.ROOTS, Uint8Array.of(0, sources.length)));
      await wire.raw(frame(TYPE.LIST, Uint8Array.of(0, options[0] === "-aR" ? ALL | NAMED : ALL, 0)));
      await wire.raw(frame(0x2a, Uint8Array.of(1, path.length, ...latin1(path))));
      await wire.raw(frame(TYPE.LIST_END, Uint8Array.of(1, 1, 0)));
      for (;;) {
        const { type } = await wire.next();
        if (type === TYPE.ABORT || type === TYPE.BYE) return;
        if (type === TYPE.WANT_END) await wire.raw(frame(TYPE.SOURCE_DONE, Uint8Array.of(0)));
        if (type === TYPE.CHECK) await wire.raw(frame(TYPE.CHECKED, Uint8Array.of(1, 1)));
      }
    },
  };
}

for (
  const [claim, scenario] of [
    ["that was not asked for", misses(["-a", "--delete-missing-args"], ["src/x"], "a")],
    ["below what was asked for", misses(["-a", "--delete-missing-args"], ["src/b"], "b/c")],
    ["out of the root", misses(["-a", "--delete-missing-args"], ["src/x"], "../canary")],
    ["beside a folder's content", misses(["-a", "--delete-missing-args"], ["src/", "src/x"], "a")],
    ["that -R did not name", misses(["-aR", "--delete-missing-args"], ["src/./b/x"], "b/c")],
    ["without the option", misses(["-a"], ["src/a"], "a")],
  ] as [string, Scenario][]
) {
  rows.push({
    name: `client target: a missing name ${claim} deletes nothing`,
    async run() {
      const played = await play("client target", scenario);
      await assertRefused(played, [12], "anything");
      if (!/missing name|MISSING|"\.\." as a name/.test(played.stderr)) throw new Error(played.stderr);
    },
  });
}
rows.push({
  name: "client target: a missing name that was asked for is deleted, and only that",
  async run() {
    const played = await play("client target", misses(["-aR", "--delete-missing-args"], ["src/./b/c"], "b/c"));
    demandUntouched(played, [0]);
    const left = [...played.after.keys()].sort().join(" ");
    if (left !== "a b") throw new Error(left);
  },
});

testRows(rows);
