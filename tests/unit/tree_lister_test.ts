// What a session lists and what it only tells digests of: small trees whole, small subtrees over a long way, what cannot be read, and
// a scan that takes long.

import assert from "node:assert/strict";
import { display, EMPTY, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { TreeLister } from "../../lib/engine/tree_lister.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Stat } from "../../lib/os/os.ts";
import { ListCopy } from "../../lib/tree/list_copy.ts";
import { type Piece, Scan } from "../../lib/tree/scan.ts";
import { NUMBERS, SubtreeDigests } from "../../lib/tree/subtree_digests.ts";
import { type Entry, file, folder, plant, sameAs } from "../support/trees.ts";

const TERMS = {
  ...{ perms: true, times: true, omitDirTimes: false, omitLinkTimes: false },
  ...{ owner: true, group: true, wholeSeconds: false, hardLinks: false, attributes: false },
};

interface Run {
  entries: Entry[];
  smallTree?: number;
  roundTripMs?: number;
  hasRoot?: boolean;
  /** Folders that differ at the target. */
  differ?: string[];
  /** Time that passes at each look at the clock, ms. */
  stepMs?: number;
  hardLinks?: boolean;
  /** Not readable at the source. */
  closed?: string;
}

/** What was told, in order: "list PATH", "list PATH!" (incomplete) or "tell PATH". */
async function told(run: Run): Promise<string[]> {
  const os = openMemory({});
  plant("/", [folder("s")], os);
  plant("/s", run.entries, os);
  if (run.closed !== undefined) {
    os.fault(({ verb, name }) => verb === "openBeneath" && display(name!).endsWith(run.closed!) ? -13 : undefined);
  }
  const root = os.openRoot(utf8("/s"));
  const scanned = new FileList();
  const options = { ...defaultOptions(), recursive: true, hardLinks: run.hardLinks ?? false };
  const scan = new Scan(
    os,
    scanned,
    [{ root, only: null, word: utf8("s"), at: EMPTY, from: 0 }],
    options,
    filterSet([]),
    () => {},
  );
  scan.addRoot(new Stat());
  const digests = new SubtreeDigests(scanned, { ...TERMS, hardLinks: options.hardLinks }, NUMBERS);
  const pieces = scan.pieces();
  // In time, as during a handshake; or not.
  if (run.stepMs === undefined) { for (const piece of pieces) digests.add(piece); }
  const list = new FileList();
  const copy = new ListCopy(scanned, list);
  copy.add(0, 0);
  const lines: string[] = [];
  let ms = 0;
  const lister: TreeLister = new TreeLister({
    scanned,
    digests,
    seal: (digest) => digest.subarray(0, 16),
    pieces,
    list,
    copy,
    smallTree: run.smallTree ?? 0,
    roundTripMs: () => run.roundTripMs ?? 0,
    hasRoot: run.hasRoot ?? true,
    now: () => ms += run.stepMs ?? 0,
    pause: () => undefined,
    send(piece: Piece) {
      lines.push(`list ${display(list.path(piece.folder))}${piece.incomplete ? "!" : ""}`);
      return Promise.resolve();
    },
    offer(folders) {
      const bits = new Uint8Array(Math.ceil(folders.length / 8));
      folders.forEach((at, i) => {
        const path = display(list.path(at));
        lines.push(`tell ${path}`);
        if (run.differ?.includes(path)) bits[i >> 3] |= 1 << (i & 7);
      });
      queueMicrotask(() => lister.descend(bits));
      return undefined;
    },
  });
  await lister.run();
  os.close(root);
  return lines;
}

const TREE = [file("a/x/1", "1"), file("a/y/2", "2"), file("b/3", "3"), file("top", "t")];

Deno.test("TreeLister: an equal tree is told by one digest", async () => {
  assert.deepEqual(await told({ entries: TREE }), ["tell "]);
});

Deno.test("TreeLister: only the branch that differs is listed", async () => {
  assert.deepEqual(await told({ entries: TREE, differ: ["", "a", "a/y"] }), [
    "tell ",
    "list ",
    "tell a",
    "tell b",
    "list a",
    "tell a/x",
    "tell a/y",
    "list a/y",
  ]);
});

Deno.test("TreeLister: a small tree is listed at once, depth first, and so are small arguments beside each other", async () => {
  const whole = ["list ", "list a", "list a/x", "list a/y", "list b"];
  assert.deepEqual(await told({ entries: TREE, smallTree: 256 }), whole);
  assert.deepEqual(await told({ entries: TREE, smallTree: 256, hasRoot: false }), whole);
  assert.deepEqual(await told({ entries: TREE, smallTree: 3, hasRoot: false }), ["list ", "list b", "tell a"]);
});

Deno.test("TreeLister: over a long way small subtrees of what differs are listed unasked", async () => {
  const many = Array.from({ length: 40 }, (_, i) => file(`big/${i}`, "x"));
  const few = Array.from({ length: 31 }, (_, i) => file(`a/${100 + i}`, "x"));
  const lines = await told({ entries: [...TREE, ...few, ...many], roundTripMs: 50, differ: ["a"] });
  assert.deepEqual(lines, ["list ", "tell a", "tell b", "tell big", "list a", "list a/x", "list a/y"]);
});

Deno.test("TreeLister: over a long way a small root is listed unasked, and what is right below it told; a large one is told", async () => {
  assert.deepEqual(await told({ entries: TREE, roundTripMs: 50 }), ["list ", "tell a", "tell b"]);
  const large = Array.from({ length: 260 }, (_, i) => file(`${1000 + i}`, "x"));
  assert.deepEqual(await told({ entries: [...TREE, ...large], roundTripMs: 50 }), ["tell "]);
});

Deno.test("TreeLister: a folder that cannot be read has no digest, nor has what holds it, and is listed as incomplete", async () => {
  assert.deepEqual(await told({ entries: TREE, closed: "x" }), ["list ", "list a", "list a/x!", "tell b", "tell a/y"]);
});

Deno.test("TreeLister: with -H a folder that holds one of several names of an inode has no digest", async () => {
  const entries = [...TREE, sameAs("a/y/again", "a/x/1")];
  const lines = await told({ entries, hardLinks: true });
  assert.deepEqual(lines, ["list ", "list a", "list a/x", "list a/y", "tell b"]);
  assert.deepEqual(await told({ entries: TREE, hardLinks: true }), ["tell "]);
  assert.deepEqual(await told({ entries }), ["tell "]);
});

Deno.test("TreeLister: a scan that takes long is not waited for: what it is in is listed, what it has passed is compared", async () => {
  const lines = await told({ entries: TREE, stepMs: 600, differ: ["a", "a/x", "a/y", "b"] });
  assert.equal(lines[0], "list ");
  const listed = lines.filter((line) => line.startsWith("list")).map((line) => line.slice(5)).sort();
  assert.deepEqual(listed, ["", "a", "a/x", "a/y", "b"]);
});
