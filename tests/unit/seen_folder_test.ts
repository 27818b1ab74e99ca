// A folder that differs is decided by what the scan of the own tree saw of it: what is as it should be is not looked at again, what differs
// only where more counts than was seen; and nothing is decided so where the scan did not see all that counts.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Kind, Stat } from "../../lib/os/os.ts";
import { RecordingOs } from "../../lib/os/recording.ts";
import { ScanAhead } from "../../lib/engine/scan_ahead.ts";
import { SEEN_ENTRIES } from "../../lib/engine/seen_folder.ts";
import { defaultOptions, type FilterRule } from "../../lib/base/options.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { SortedListing } from "../../lib/tree/sorted_listing.ts";
import { ARCHIVE, memoryEnvironment, runInMemory, type Way } from "../support/memory_run.ts";
import { content, type Entry, file, folder, harvest, link, plant } from "../support/trees.ts";

const DATED = { mode: 0o644, sec: 1_000_000_000, ns: 5 };
const FOLDER = { mode: 0o755, sec: 1_000_000_000, ns: 0 };

/** The source's tree is /s, the target's /d, each in a system of its own. */
async function synchronise(
  way: Exclude<Way, "local">,
  source: Entry[],
  target: Entry[],
  options = {},
  prepare: (far: ReturnType<typeof openMemory>) => void = () => {},
) {
  const [near, far] = [openMemory({}), openMemory({})];
  plant("/", [folder("s", FOLDER), ...source], near);
  plant("/", [folder("d", FOLDER), ...target], far);
  prepare(far);
  const os = new RecordingOs(far);
  const run = { way, options: { ...ARCHIVE, ...options }, source: near, target: os, smallTree: 0 };
  const outcome = await runInMemory(run);
  assert.equal(outcome.code, 0, String(outcome.error));
  const looks = new Map<string, number>();
  for (const { verb, name } of os.notes) {
    if (verb === "statAt") looks.set(latin1(name!), (looks.get(latin1(name!)) ?? 0) + 1);
  }
  const lists = os.count("readFolder");
  return { outcome, looks, lists, tree: harvest(far, utf8("/d")) };
}

const tree = (top: string) => [
  folder(`${top}/x`, FOLDER),
  ...["a", "b", "c", "d"].map((name) => file(`${top}/x/${name}`, name, DATED)),
];

for (const way of ["push", "pull"] as const) {
  Deno.test(`of a folder that differs only what may become a delta is looked at again (${way})`, async () => {
    const large = (top: string, more = "") => file(`${top}/x/large`, "l".repeat(16 << 10) + more, DATED);
    const target = tree("d").map((entry) => entry.path === "d/x/b" ? { ...entry, sec: 7 } : entry);
    const { looks, lists, tree: after } = await synchronise(
      way,
      [...tree("s"), large("s", "longer")],
      [...target, large("d")],
    );
    assert.deepEqual(["a", "b", "c", "d"].map((name) => looks.get(name)), [1, 1, 1, 1]);
    assert.ok(looks.get("large")! > 1, `${looks.get("large")}`);
    assert.equal(lists, 3, "each folder is read once, and the root when it was opened");
    assert.equal(after.get("x/b")!.sec, DATED.sec);
    assert.equal(content(after.get("x/large")!).length, (16 << 10) + 6);
  });

  Deno.test(`a folder that is all seen, and whose content comes from elsewhere, is opened for that alone (${way})`, async () => {
    const target = tree("d").filter(({ path }) => path !== "d/x/b");
    const { looks, tree: after } = await synchronise(way, tree("s"), target);
    assert.equal(looks.get("b"), undefined, "what was not there is not looked for");
    assert.equal(looks.get("x"), 2, "by the scan, and for its own metadata");
    assert.equal(latin1(content(after.get("x/b")!)), "b");
  });

  Deno.test(`a folder that became another kind after it was seen is replaced as ever (${way})`, async () => {
    const source = tree("s").map((entry) => entry.path === "s/x/b" ? { ...entry, sec: 7 } : entry);
    const { outcome, tree: after } = await synchronise(way, source, tree("d"), {}, (far) => {
      let looks = 0;
      far.fault(({ verb, name }) => {
        // The scan's look at it is the first one.
        if (verb !== "statAt" || latin1(name!) !== "x" || ++looks !== 2) return undefined;
        const root = far.openRoot(utf8("/d"));
        far.rename(root, utf8("x"), root, utf8("y"));
        far.makeLink(root, utf8("x"), utf8("y"));
        far.close(root);
        return undefined;
      });
    });
    assert.equal(outcome.code, 0, JSON.stringify(outcome.problems));
    assert.equal(after.get("x/b")!.sec, 7);
    assert.equal(after.get("x")!.kind, Kind.folder);
  });

  Deno.test(`what a differing folder holds beside the list is deleted, and what is missing made (${way})`, async () => {
    const target = [
      ...tree("d").filter(({ path }) => path !== "d/x/c"),
      ...["aa", "z"].map((name) => file(`d/x/${name}`, "extra", DATED)),
      link("d/x/l", "nowhere", DATED),
      folder("d/x/sub", FOLDER),
    ];
    const { tree: after } = await synchronise(way, tree("s"), target, { delete: "during" });
    assert.deepEqual([...after.keys()].sort(), ["", "x", "x/a", "x/b", "x/c", "x/d"]);
    assert.equal(latin1(content(after.get("x/c")!)), "c");
  });
}

Deno.test("what is compared of each entry decides: mode, owner, group, size, time", async () => {
  const changes: Partial<Entry>[] = [{ mode: 0o600 }, { uid: 3 }, { gid: 4 }, { ns: 6 }, { sec: 6 }];
  for (const change of [...changes, { data: [{ at: 0, bytes: utf8("longer") }] }]) {
    const target = tree("d").map((entry) => entry.path === "d/x/c" ? { ...entry, ...change } : entry);
    const { tree: after } = await synchronise("push", tree("s"), target);
    const { mode, uid, gid, sec, ns } = after.get("x/c")!;
    const text = latin1(content(after.get("x/c")!));
    const { mode: wanted, sec: wantedSec, ns: wantedNs } = DATED;
    assert.deepEqual([mode, uid, gid, sec, ns, text], [wanted, 0, 0, wantedSec, wantedNs, "c"], JSON.stringify(change));
  }
});

/** What the scan of /d says of its folder x, compared with a digest that nothing has. */
async function seenOf(
  entries: Entry[],
  prepare: (os: ReturnType<typeof openMemory>) => void = () => {},
  rules: FilterRule[] = [],
) {
  const os = openMemory({});
  plant("/", [folder("d", FOLDER), folder("d/x", FOLDER), ...entries], os);
  prepare(os);
  const ahead = ScanAhead.begin({
    env: memoryEnvironment(os, 0, 1),
    options: { ...defaultOptions(), ...ARCHIVE },
    filters: filterSet(rules),
    path: utf8("/d"),
    only: null,
    attributes: null,
  })!;
  ahead.seal = (bytes) => bytes.subarray(0, 16);
  const [one] = await ahead.tree.compare([utf8("x")], new Uint8Array(16));
  ahead.close();
  assert.ok("seen" in one);
  return one.seen === null ? null : one.seen.told;
}

Deno.test("what was seen is each name with its kind, and what is compared of a file", async () => {
  const entries = [file("d/x/f", "four", { ...DATED, uid: 7, gid: 8 }), folder("d/x/s", FOLDER), link("d/x/l", "to")];
  const seen = (await seenOf(entries))!;
  const sorted = new SortedListing();
  seen.list(sorted);
  assert.equal(sorted.count, 3);
  const told = [0, 1, 2].map((position) => [latin1(sorted.name(position)), sorted.kind(position)]);
  assert.deepEqual(told, [["f", Kind.file], ["l", Kind.link], ["s", Kind.folder]]);
  const stat = new Stat();
  assert.deepEqual([0, 1, 2].map((position) => seen.file(position, stat)), [true, false, false]);
  const { kind, mode, uid, gid, size, mtimeSec, mtimeNs } = stat;
  assert.deepEqual([kind, mode, uid, gid, size], [Kind.file, DATED.mode, 7, 8, 4]);
  assert.deepEqual([mtimeSec, mtimeNs], [DATED.sec, DATED.ns]);
});

Deno.test("nothing is told of a folder that was not read whole, holds names of ours or what a rule leaves out, or is very large", async () => {
  const few = [file("d/x/a", "a", DATED), file("d/x/b", "b", DATED)];
  assert.ok(await seenOf(few) !== null);
  const fail = (os: ReturnType<typeof openMemory>) => os.fault({ verb: "statAt", name: utf8("a"), errno: 5 });
  assert.equal(await seenOf(few, fail), null);
  assert.equal(await seenOf([...few, { ...folder("d/x/.tsync-partial"), mode: 0o700 }]), null);
  const rules = [{ pattern: utf8("*.o"), flags: 0 }];
  assert.equal(await seenOf([...few, file("d/x/c.o", "left out", DATED)], () => {}, rules), null);
  assert.ok(await seenOf([...few, file("d/x/c.c", "listed", DATED)], () => {}, rules) !== null);
  const many = Array.from({ length: SEEN_ENTRIES + 1 }, (_, i) => file(`d/x/${i}`));
  assert.equal(await seenOf(many), null);
});
