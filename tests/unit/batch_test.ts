// --write-batch, --only-write-batch, --read-batch over the tree in memory: what a batch does elsewhere, what it cannot do, and batches that
// somebody else made. Words, and the script.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { Cause } from "../../lib/base/problem.ts";
import { readCommand } from "../../lib/cli/request.ts";
import { BatchFile } from "../../lib/engine/batch_file.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { ContentHash } from "../../lib/hash/content_hash.ts";
import { BatchRecording, playBatch } from "../../lib/job/batch.ts";
import { runLocal } from "../../lib/job/local.ts";
import { Reporter } from "../../lib/job/reporter.ts";
import type { JobRequest } from "../../lib/job/request.ts";
import { type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { OpenMode, Stat } from "../../lib/os/os.ts";
import { ARCHIVE, environment, Notes } from "../support/memory_run.ts";
import { LONG, Random } from "../support/random.ts";
import { content, type Entry, file, folder, harvest, link, plant } from "../support/trees.ts";

const LINES = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join("");
const ROUNDS = LONG ? 400 : 40;
const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };

const SOURCE: Entry[] = [
  file("new", "new", NEW),
  file("large", LINES(0, 20_000), NEW),
  file("changed", LINES(5, 9000), NEW),
  file("same", "same", OLD),
  folder("sub", OLD),
  file("sub/in", "in", NEW),
  file("sub/empty", "", NEW),
  link("sub/link", "in", OLD),
];
const TARGET: Entry[] = [
  file("changed", LINES(0, 8000), OLD),
  file("same", "same", OLD),
  file("extra", "extra", OLD),
];

/** A tree at /s, one at /t, and the folder /out. */
function world(source: readonly Entry[], target: readonly Entry[]): MemoryOs {
  const os = openMemory();
  for (const [root, entries] of [["/s", source], ["/t", target], ["/out", []]] as const) {
    os.makeRoot(utf8(root));
    plant(root, entries, os);
  }
  return os;
}

function requestFor(more: Partial<SyncOptions>): JobRequest {
  return {
    options: { ...defaultOptions(), ...ARCHIVE, reportEntries: true, ...more },
    peerOptions: null,
    direction: "local",
    sources: [utf8("/s/")],
    target: utf8("/t"),
    names: null,
    remote: null,
  };
}

const never = () => new AbortController().signal;

function parts(os: MemoryOs) {
  const monitor = new Notes();
  const list = new FileList();
  const reporter = new Reporter(list, monitor);
  const env = environment(os, { source: os, target: os, way: "local", options: {} }, 1);
  return { monitor, list, reporter, env, stop: never() };
}

/** Runs with a batch; the bytes of it. */
async function write(os: MemoryOs, more: Partial<SyncOptions> = {}): Promise<Uint8Array> {
  const request = requestFor({ wholeList: true, ...more });
  const { monitor, list, reporter, env, stop } = parts(os);
  const wish = { write: utf8("/out/b"), script: utf8("script\n") };
  const recording = await BatchRecording.begin(os, wish, request.options, list);
  const filters = filterSet([]);
  await runLocal(request, { env, list, filters, reporter, monitor, digesters: null, stop, recording });
  assert.deepEqual(monitor.problems, []);
  recording.finish();
  return readFile(os, "b");
}

function readFile(os: MemoryOs, name: string): Uint8Array {
  const folder = os.openRoot(utf8("/out"));
  const handle = os.openFile(folder, utf8(name), OpenMode.read, 0);
  const stat = new Stat();
  os.statHandle(handle, stat);
  const bytes = new Uint8Array(stat.size);
  os.readAt(handle, bytes, 0);
  os.close(handle);
  return bytes;
}

function opened(bytes: Uint8Array): BatchFile {
  return new BatchFile({
    bytes: bytes.length,
    regular: true,
    readAt(into, offset) {
      const piece = bytes.subarray(offset, offset + into.length);
      into.set(piece);
      return piece.length;
    },
    close: () => {},
  });
}

/** Reads the batch into /t. */
async function read(os: MemoryOs, bytes: Uint8Array, more: Partial<SyncOptions> = {}): Promise<Notes> {
  const { monitor, ...run } = parts(os);
  const request = { ...requestFor(more), sources: [utf8("b")] };
  await playBatch(request, opened(bytes), { ...run, monitor, filters: filterSet([]) });
  return monitor;
}

Deno.test("--read-batch does to another target what --write-batch did to the first, and a second time nothing", async () => {
  for (const deletes of [false, true]) {
    const first = world(SOURCE, TARGET);
    const bytes = await write(first, { delete: deletes });
    const stat = new Stat();
    const out = first.openRoot(utf8("/out"));
    for (const [name, mode] of [["b", 0o600], ["b.sh", 0o700]] as const) {
      const word = utf8(name);
      assert.equal(first.statAt(out, word, 0, word.length, stat), 0);
      assert.equal(stat.mode, mode, name);
    }
    assert.equal(latin1(readFile(first, "b.sh")), "script\n");
    const second = world([], TARGET);
    const told = await read(second, bytes, { delete: deletes });
    assert.deepEqual(told.problems, []);
    assert.deepEqual(harvest(second, utf8("/t")), harvest(first, utf8("/t")));
    assert.ok(bytes.length < 260_000, `the changed file is in it as what differs: ${bytes.length}`);
    assert.deepEqual((await read(second, bytes, { delete: deletes })).lines, []);
  }
});

Deno.test("--only-write-batch changes nothing at the target, and makes the same batch", async () => {
  const first = world(SOURCE, TARGET);
  const before = harvest(first, utf8("/t"));
  const bytes = await write(first, { delete: true, dryRun: true, batchOnly: true });
  assert.deepEqual(harvest(first, utf8("/t")), before);
  assert.deepEqual((await read(first, bytes, { delete: true })).problems, []);
  const other = world(SOURCE, TARGET);
  await write(other, { delete: true });
  assert.deepEqual(harvest(first, utf8("/t")), harvest(other, utf8("/t")));
});

Deno.test("a file that is not the one the batch was made against stays as it is, and is told", async () => {
  const bytes = await write(world(SOURCE, TARGET));
  const bases = [LINES(3, 8000), LINES(0, 8000).toUpperCase(), "short", LINES(0, 20)];
  for (const basis of bases) {
    const os = world([], [file("changed", basis, OLD), file("same", "same", OLD)]);
    const { problems } = await read(os, bytes);
    assert.deepEqual(problems.map(({ cause, path }) => [cause, latin1(path)]), [[Cause.otherBasis, "changed"]]);
    const tree = harvest(os, utf8("/t"));
    assert.equal(latin1(content(tree.get("changed")!)), basis);
    assert.equal(tree.has("new"), true, "the others come");
  }
  const { problems } = await read(world([], []), bytes);
  assert.deepEqual(
    problems.map(({ cause, path }) => [cause, latin1(path)]).sort(),
    [[Cause.otherBasis, "changed"], [Cause.notInBatch, "same"]].sort(),
  );
});

Deno.test("-H, -n and -c with batches", async () => {
  const linked = [...SOURCE, { path: "zzz", kind: 8, sameAs: "new" }];
  const bytes = await write(world(linked, TARGET), { hardLinks: true });
  const os = world([], [...TARGET, file("new", "new", NEW)]);
  assert.deepEqual((await read(os, bytes, {})).problems, []);
  const stat = new Stat();
  os.statAt(os.openRoot(utf8("/t")), utf8("zzz"), 0, 3, stat);
  assert.equal(stat.nlink, 2);
  const dry = world([], TARGET);
  const before = harvest(dry, utf8("/t"));
  assert.ok((await read(dry, bytes, { dryRun: true })).lines.length > 5);
  assert.deepEqual(harvest(dry, utf8("/t")), before);
  const checked = await write(world(SOURCE, TARGET), { checksum: true });
  const target = world([], [file("same", "SAME", OLD), ...TARGET.filter(({ path }) => path !== "same")]);
  assert.deepEqual((await read(target, checked, { checksum: true })).problems.map(({ cause }) => cause), [
    Cause.notInBatch,
  ]);
});

/** What is told of a batch that is none; "taken" if it is. */
async function refusal(bytes: Uint8Array): Promise<string> {
  const os = world([file("x", "x")], TARGET);
  const outside = JSON.stringify([...harvest(os, utf8("/s")), ...harvest(os, utf8("/out"))]);
  let told = "taken";
  try {
    await read(os, bytes, { delete: true });
  } catch (error) {
    if (!(error instanceof TsyncError)) throw error;
    told = error.message;
  }
  assert.equal(
    JSON.stringify([...harvest(os, utf8("/s")), ...harvest(os, utf8("/out"))]),
    outside,
    "nothing outside is touched",
  );
  return told;
}

Deno.test("a batch that is cut, or changed in any byte, is refused before anything is done", async () => {
  const bytes = await write(world(SOURCE, TARGET));
  const random = new Random(7);
  for (let i = 0; i < 60; i++) {
    const os = world([], TARGET);
    const before = harvest(os, utf8("/t"));
    const cut = i % 2 === 0;
    const at = i < 40 ? random.below(400) : random.below(bytes.length);
    const other = cut ? bytes.slice(0, at) : bytes.slice();
    if (!cut) other[at] ^= 1 << random.below(8);
    await assert.rejects(read(os, other), TsyncError, `byte ${at}`);
    assert.deepEqual(harvest(os, utf8("/t")), before);
  }
  await assert.rejects(read(world([], TARGET), new Uint8Array([...bytes, 0])), /behind its end/);
  assert.match(await refusal(utf8("no batch at all, but long enough")), /none that this version/);
});

Deno.test("a batch with a digest of its own choosing is taken for what a peer says: refused or harmless, never worse", async () => {
  const few = SOURCE.filter(({ path }) => path !== "large");
  const bytes = await write(world(few, TARGET), { delete: true });
  const hash = await ContentHash.create(0, 0);
  const endAt = bytes.length - 5 - 24;
  const random = new Random(11);
  const seen = new Set<string>();
  for (let i = 0; i < ROUNDS; i++) {
    const other = bytes.slice();
    for (let k = random.below(3); k >= 0; k--) {
      other[14 + random.below(i % 3 > 0 ? 500 : endAt - 14)] = random.below(256);
    }
    hash.reset();
    hash.update(other.subarray(0, endAt));
    other.set(hash.digest(), bytes.length - 16);
    seen.add((await refusal(other)).replace(/\d+/g, "N"));
  }
  assert.ok(seen.size > 3, [...seen].join("\n"));
});

function sync(line: string, asRsync = false) {
  const words = line.split(" ").map((word) => utf8(word));
  const command = readCommand(words, () => undefined, asRsync);
  if (command.kind !== "sync") throw new Error(line);
  return command.request;
}

Deno.test("words of batches, and the script that repeats them", () => {
  const script = (line: string, asRsync = false) => {
    const { batch } = sync(line, asRsync);
    assert.ok(batch && "write" in batch);
    return latin1(batch.script).replace(/^#!\/bin\/sh\n/, "");
  };
  assert.equal(
    script("-ai --delete --write-batch=/x/it's -e ssh --exclude *.o s/ h:d/"),
    `'tsync' '-ai' '--delete' '--exclude' '*.o' --read-batch='/x/it'\\''s' \${1:-'d/'}\n`,
  );
  assert.equal(script("-a --write-batch b s/ d", true), "'rsync' '-a' --read-batch='b' ${1:-'d'}\n");
  const only = sync("-a --only-write-batch=b s d").options;
  assert.deepEqual([only.dryRun, only.batchOnly, only.wholeList], [true, true, true]);
  const { options: plain, batch } = sync("-an --write-batch=b s d");
  assert.deepEqual([batch, plain.batchOnly, plain.wholeList], [null, false, false], "a dry run makes none");
  const { batch: reading, sources, target } = sync("-a --read-batch=b d");
  assert.deepEqual([reading, sources, target], [{ read: utf8("b") }, [utf8("b")], utf8("d")]);
  const wrong = ["--read-batch=b", "--read-batch=b s d", "--read-batch=b h:d", "--read-batch=b --write-batch=c d"];
  for (
    const line of [...wrong, "--read-batch=b -M-S d", "--read-batch=b --files-from=/dev/null d", "--write-batch=- s d"]
  ) {
    assert.throws(
      () => sync(`-a ${line}`),
      (error) => error instanceof TsyncError && error.data.kind === "usage",
      line,
    );
  }
});
