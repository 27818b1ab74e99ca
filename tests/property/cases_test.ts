// Single situations of a synchronisation in memory that need a certain system, a certain moment or a certain order of messages:
// what a random tree meets seldom, told by name.

import assert from "node:assert/strict";
import { equalBytes, utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { Cause } from "../../lib/base/problem.ts";
import { type MemoryOptions, type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Kind } from "../../lib/os/os.ts";
import { ARCHIVE, type MemoryOutcome, runInMemory, type Way } from "../support/memory_run.ts";
import { content, type Entry, file, folder, harvest, link, plant, special } from "../support/trees.ts";

const WAYS: readonly Way[] = ["local", "push", "pull"];

interface Case {
  source: Entry[];
  target: Entry[];
  options?: Partial<SyncOptions>;
  memory?: MemoryOptions;
  /** Called before the run. */
  prepare?(os: MemoryOs): void;
}

type Judge = (outcome: MemoryOutcome, found: Map<string, Entry>, os: MemoryOs) => void;

function testEach(claim: string, { source, target, options = {}, memory = {}, prepare }: Case, judge: Judge): void {
  for (const way of WAYS) {
    Deno.test(`${claim} (${way})`, async () => {
      const os = openMemory(memory);
      plant("/", [folder("s"), folder("d")], os);
      plant("/s", source, os);
      plant("/d", target, os);
      prepare?.(os);
      const outcome = await runInMemory({
        way,
        options: { ...ARCHIVE, ...options },
        source: os,
        target: os,
        uid: memory.uid,
      });
      os.clearFaults();
      judge(outcome, harvest(os, utf8("/d")), os);
      assert.equal(os.openHandles(), 0);
      const left = [...harvest(os, utf8("/d")).keys()].filter((path) => path.includes(".tsync-"));
      assert.deepEqual(left, [], "no temporary name is left");
    });
  }
}

const text = (entry: Entry | undefined) => new TextDecoder().decode(entry?.data?.[0]?.bytes);

testEach("--delete leaves what the source holds but was not asked for, and says nothing of it", {
  source: [link("link", "x"), special("fifo", Kind.fifo), file("sub/f", "x"), link("sub/link", "y")],
  target: [file("link", "old"), file("fifo", "old"), file("sub/link", "old"), file("extra", "goes")],
  options: { links: false, specials: false, devices: false, delete: true },
}, ({ code, problems }, found) => {
  assert.equal(code, 0);
  assert.ok(problems.every(({ cause }) => cause === Cause.notAsked));
  assert.deepEqual([...found.keys()].sort(), ["", "fifo", "link", "sub", "sub/f", "sub/link"]);
});

testEach(
  "--delete removes what only has the name of a folder that a rule leaves out, as the rule does not protect it",
  {
    source: [file("f", "x"), file("cache/in", "stays here")],
    target: [file("f", "x"), file("cache", "goes")],
    options: { delete: true, filters: [{ pattern: utf8("cache/"), flags: 0 }] },
  },
  ({ code, problems }, found) => {
    assert.deepEqual([code, problems], [0, []]);
    assert.deepEqual([...found.keys()].sort(), ["", "f"]);
  },
);

testEach("--delete leaves what has come to the source since it was listed: exit 23, told once", {
  source: [file("f", "x"), folder("sub")],
  target: [file("f", "x"), file("sub/late", "old"), file("extra", "goes")],
  options: { delete: true },
  prepare(os) {
    let isPlanted = false;
    let opened = 0;
    os.fault(({ verb, name }) => {
      const word = name === null ? "" : new TextDecoder().decode(name);
      if (verb === "openBeneath" && word === "sub") opened++;
      // Both trees were read: who looks at it then is at the latest the source, asked again before the deletion.
      if (isPlanted || opened < 2 || verb !== "statAt" || word !== "late") return undefined;
      isPlanted = true;
      plant("/s", [file("sub/late", "new")], os);
      return undefined;
    });
  },
}, ({ code, problems }, found) => {
  assert.equal(code, 23);
  assert.deepEqual(problems.map(({ cause }) => cause), [Cause.reappeared]);
  assert.deepEqual([...found.keys()].sort(), ["", "f", "sub", "sub/late"]);
});

testEach("a folder takes the place of a file or link where the file system cannot swap names", {
  source: [file("a/in", "new"), file("b/in", "new"), folder("c")],
  target: [file("a", "old"), link("b", "old"), special("c", Kind.fifo)],
  memory: { exchange: false },
}, ({ code }, found) => {
  assert.equal(code, 0);
  assert.deepEqual([...found.keys()].sort(), ["", "a", "a/in", "b", "b/in", "c"]);
  assert.equal(text(found.get("a/in")), "new");
});

testEach("a device whose number changes keeps its mode where modes are not kept", {
  source: [special("dev", Kind.charDevice, { device: [5, 6], mode: 0o641 })],
  target: [special("dev", Kind.charDevice, { device: [5, 7], mode: 0o604 })],
  options: { perms: false },
}, ({ code }, found) => {
  assert.equal(code, 0);
  const { mode, device } = found.get("dev")!;
  assert.deepEqual([mode, device], [0o604, [5, 6]]);
});

testEach("links and special files that replace another kind count as created", {
  source: [
    link("a", "x"),
    special("b", Kind.fifo),
    special("c", Kind.charDevice, { device: [1, 3] }),
    file("d", "x"),
    folder("e"),
  ],
  target: [file("a", "1"), file("b", "2"), file("c", "3"), link("d", "4"), file("e", "5")],
}, ({ code, totals }) => {
  assert.equal(code, 0);
  const { createdLinks, createdSpecials, createdDevices, createdFiles, createdFolders } = totals;
  assert.deepEqual([createdLinks, createdSpecials, createdDevices, createdFiles, createdFolders], [1, 1, 1, 1, 1]);
});

const LARGE = new Uint8Array(140_000).fill(5);

testEach("the list may end while a large file is under way", {
  source: [
    file("a", LARGE, { sec: 5 }),
    file("b", "small", { sec: 5 }),
    ...Array.from({ length: 30 }, (_, i) => folder(`d${i}`)),
  ],
  target: [file("a", "old"), file("b", "old")],
  memory: { readBytes: 3000 },
}, ({ code, error }, found) => {
  assert.equal(`${code} ${error}`, "0 null");
  assert.equal(found.get("a")!.size, LARGE.length);
});

testEach("an empty source is refused with --delete: nothing is done", {
  source: [],
  target: [file("a", "kept")],
  options: { delete: true },
}, ({ code }, found) => {
  assert.equal(code, 25);
  assert.deepEqual([...found.keys()], ["", "a"]);
});

for (const seekHole of ["true", "generic", "refused"] as const) {
  const island = { at: 300_000, bytes: utf8("island") };
  const source = [
    file("sparse", "", { data: [island], size: 900_000 }),
    file("small", "", { data: [{ at: 60_000, bytes: utf8("x") }], size: 100_000 }),
  ];
  const isSame: Judge = ({ code }, found, os) => {
    assert.equal(code, 0);
    const expected = harvest(os, utf8("/s"));
    for (const path of ["sparse", "small"]) {
      assert.ok(equalBytes(content(found.get(path)!), content(expected.get(path)!)), path);
    }
  };
  const bytesOf = (entry: Entry) => entry.data!.reduce((sum, { bytes }) => sum + bytes.length, 0);

  testEach(`holes: content is right where seekHole is "${seekHole}", and where it tells them they are kept`, {
    source,
    target: [],
    memory: { seekHole },
  }, (outcome, found, os) => {
    isSame(outcome, found, os);
    if (seekHole !== "true") return;
    for (const path of ["sparse", "small"]) {
      assert.equal(bytesOf(found.get(path)!), bytesOf(harvest(os, utf8("/s")).get(path)!), path);
    }
  });

  testEach(`-S makes the holes again where seekHole is "${seekHole}"`, {
    source,
    target: [],
    options: { sparse: true },
    memory: { seekHole },
  }, (outcome, found, os) => {
    isSame(outcome, found, os);
    // What is not told is seen in the room: each island takes one page on both sides, and the small file is not padded.
    const root = os.openRoot(utf8("/"));
    const info = os.fileSystem(root);
    os.close(root);
    assert.ok(typeof info !== "number" && info.totalBytes - info.freeBytes <= 4 * 4096, JSON.stringify(info));
  });
}
