// R4 where entries are named one by one (-R, -d): an evil source lists what was not asked for, or calls a folder's list complete of
// which only some names were asked for, so that the rest would be deleted. And an evil client's names for --files-from.

import {
  type Entry,
  frame,
  fromLatin1,
  KIND,
  latin1,
  makeEntry,
  makeJob,
  PIECE,
  TYPE,
} from "../support/protocol_bytes.ts";
import { openAsClient, planOf } from "../support/protocol_halves.ts";
import { assertRefused, assertWorks, play, type Row, type Scenario, testRows } from "../support/evil_play.ts";

const rows: Row[] = [];

const NAMED = 8;
const BARE = 16;
const ALL = PIECE.first | PIECE.last;
const file = (name: string): Entry => makeEntry(name, { size: 0 });
const folder = (name: string): Entry => makeEntry(name, { kind: KIND.folder, permissions: 0o755 });
const link = (name: string): Entry =>
  makeEntry(name, { kind: KIND.link, permissions: 0o777, target: latin1("../canary") });

/** A run that asks for `source` alone, and what the source lists. */
function lists(options: string[], source: string, ...pieces: [number, number, Entry[]][]): Scenario {
  const plan = planOf({});
  plan.roots.flags = 0;
  plan.lists = pieces.map(([index, flags, entries]) => ({ folder: index, flags, entries }));
  return { plan, options, sources: [source], before: { a: { "old.txt": "old\n", b: { "old.txt": "old\n" } } } };
}

const ON_THE_WAY: [number, number, Entry[]] = [0, ALL | NAMED, [folder("a")]];
const relative = (...pieces: [number, number, Entry[]][]) => lists(["-aR", "--delete"], "src/./a/b", ...pieces);

const REFUSED: [string, Scenario][] = [
  ["a name beside the folder on the way", relative([0, ALL | NAMED, [folder("a"), file("c")]])],
  ["a name beside what was asked for", relative(ON_THE_WAY, [1, ALL | NAMED, [folder("b"), file("c")]])],
  ["a file in place of the folder on the way", relative([0, ALL | NAMED, [file("a")]])],
  ["a link in place of the folder on the way", relative([0, ALL | NAMED, [link("a")]])],
  ["all of the root, of which a name was asked for", relative([0, ALL, [folder("a")]])],
  ["all of a folder on the way", relative(ON_THE_WAY, [1, ALL, [folder("b")]], [2, ALL, []])],
  [
    "a bare folder where the ones on the way count",
    relative(ON_THE_WAY, [1, ALL | NAMED | BARE, [folder("b")]], [2, ALL, []]),
  ],
  [
    "what is below a folder that -d asked for",
    lists(["-d"], "src/a", [0, ALL | NAMED, [folder("a")]], [1, ALL | NAMED, [file("x")]]),
  ],
  [
    "all of a folder that -d asked for",
    lists(["-dt", "--delete"], "src/a", [0, ALL | NAMED, [folder("a")]], [1, ALL, []]),
  ],
  [
    "two levels of a folder's content that -d asked for",
    lists(["-d"], "src/a/", [0, ALL, [folder("b")]], [1, ALL | NAMED, [file("x")]]),
  ],
  ["named entries in a run that names none", lists(["-a"], "src/a", [0, ALL | NAMED, [folder("a")]], [1, ALL, []])],
  ["a bare root", lists(["-aR", "--no-implied-dirs"], "src/./a", [0, ALL | NAMED | BARE, [folder("a")]], [1, ALL, []])],
];
for (const [claim, scenario] of REFUSED) {
  rows.push({
    name: `client target: ${claim} is refused`,
    run: async () => await assertRefused(await play("client target", scenario), [12], "anything"),
  });
}
rows.push({
  name: "client target: the metadata of a root that was not asked for is refused",
  async run() {
    const scenario = relative(ON_THE_WAY, [1, ALL | NAMED, [folder("b")]], [2, ALL, []]);
    scenario.plan!.roots.flags = 1;
    await assertRefused(await play("client target", scenario), [12], "anything");
  },
});
rows.push({
  name: "client target: what was asked for is taken, and only its own folder is cleared",
  async run() {
    const played = await play(
      "client target",
      relative(ON_THE_WAY, [1, ALL | NAMED, [folder("b")]], [2, ALL, [link("new")]]),
    );
    await assertWorks(played);
    const left = [...played.after.keys()].sort().join(" ");
    if (left !== "a a/b a/b/new a/old.txt") throw new Error(left);
  },
});

// ---- names ----
/** filesFrom is bit 53, relative 51, dirs 50. */
const NAMING = 1 << (53 - 32) | 1 << (51 - 32) | 1 << (50 - 32);
const named = (...parts: Uint8Array[]): Scenario => ({
  async script(wire, sandbox) {
    await openAsClient(wire, makeJob(1, [sandbox.tree], { moreBits: [NAMING, 0] }));
    for (const part of parts) await wire.raw(frame(0x04, part));
    for (;;) if ((await wire.next()).type === TYPE.ABORT) return;
  },
});
const names = (flags: number, text: string) => Uint8Array.of(flags, ...latin1(text));
const BAD_NAMES: [string, Uint8Array[], number[]][] = [
  ["NAMES whose last name has no end", [names(1, "a.txt")], [12]],
  ["NAMES with an unknown flag", [names(2, "a.txt\0")], [12]],
  ["NAMES that are empty and not the last", [names(0, "")], [12]],
  ["NAMES after the last", [names(1, "a.txt\0"), names(1, "b\0")], [12]],
  ["a name of 4,096 bytes", [names(1, `${"x/".repeat(2_048)}\0`)], [1]],
];
for (const [claim, parts, codes] of BAD_NAMES) {
  rows.push({
    name: `agent source: ${claim} is refused`,
    run: async () => await assertRefused(await play("agent source", named(...parts)), codes),
  });
}
rows.push({
  name: "agent source: names lead out of the folder neither by .. nor by / nor through somebody's link",
  async run() {
    const listed: string[] = [];
    const played = await play("agent source", {
      tree: { "a.txt": "a\n" },
      async script(wire, sandbox) {
        await openAsClient(wire, makeJob(1, [sandbox.tree], { moreBits: [NAMING, 0] }));
        await wire.raw(
          frame(0x04, names(1, "../canary/secret.txt\0/etc/passwd\0a/../../canary/secret.txt\0../../a.txt\0")),
        );
        for (;;) {
          const { type, payload } = await wire.next();
          if (type === TYPE.ROOTS) await wire.raw(frame(TYPE.READY, Uint8Array.of(1)));
          if (type === TYPE.LIST) listed.push(fromLatin1(payload));
          if (type === TYPE.LIST_END) return;
        }
      },
    });
    const all = listed.join(" ");
    if (/secret|passwd|canary|etc/.test(all) || !all.includes("a.txt")) throw new Error(`${all} ${played.stderr}`);
  },
});

testRows(rows);
