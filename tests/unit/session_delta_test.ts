// What a session demands of messages about deltas and subtrees: signatures that were asked for and fit their basis, runs within it,
// answers to questions that were asked, and nothing that was not agreed on.

import assert from "node:assert/strict";
import { DELTA, WHOLE } from "../../lib/session/ports.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message } from "../../lib/wire/messages.ts";
import * as wish from "../../lib/wire/wish_codec.ts";
import { made, RawPeer } from "../wire/raw_peer.ts";
import { addEntry, DIGEST, rootList } from "../wire/samples.ts";

type Step = [number, Uint8Array];

async function play(peer: RawPeer, steps: Step[], complaint: RegExp | null): Promise<void> {
  for (const [i, [type, payload]] of steps.entries()) {
    if (i === steps.length - 1) assert.equal(peer.ending(), "", `step ${i} is reached`);
    await peer.send(type, payload);
  }
  if (complaint === null) return assert.equal(peer.ending(), "");
  assert.equal(peer.failure().kind, "stream");
  assert.match(peer.failure().text, complaint);
}

// ---- the source receives

/** A source with one file, entry 2, and a target that is ready; `trees`: it wants digests of subtrees. */
async function source(trees = false): Promise<RawPeer> {
  const peer = new RawPeer("agent");
  await peer.begin("source");
  const target = peer.session.peerTarget(peer.list);
  target.roots({ hasRoot: true, single: false, sources: 1 });
  target.listed(0, 1, 2, 3);
  const ready = { streaming: false, trees: trees ? { owner: true, group: true } : null };
  await peer.send(Message.ready, made((w) => wish.encodeReady(w, ready)));
  return peer;
}

const want = (delta: boolean): Step => [
  Message.want,
  made((w) => wish.encodeWant(w, Uint32Array.of(2), 0, 1, { redo: false, delta })),
];
const signature = (head: wish.SignatureHead | null, isLast: boolean, records: number, index = 2): Step => [
  Message.signature,
  made((w) => wish.encodeSignature(w, index, head, isLast, new Uint8Array(records * 14))),
];
const fine = (isLast: boolean, bytes: number): Step => [
  Message.fine,
  made((w) => wish.encodeFine(w, 2, isLast, new Uint8Array(bytes))),
];
const HEAD = { basisBytes: 10_000, blockBytes: 4096 };

const SOURCE_RULES: [string, Step[], RegExp | null][] = [
  ["a whole signature is taken", [want(true), signature(HEAD, true, 3)], null],
  ["a signature may come in parts", [want(true), signature(HEAD, false, 1), signature(null, true, 2)], null],
  ["a basis may be gone", [want(true), signature({ basisBytes: 0, blockBytes: 512 }, true, 0)], null],
  ["a file that is wanted whole has none", [want(false), signature(HEAD, true, 3)], /does not wait for one/],
  [
    "nothing is signed twice",
    [want(true), signature(HEAD, true, 3), signature(HEAD, true, 3)],
    /does not wait for one/,
  ],
  ["it begins with its head", [want(true), signature(null, true, 3)], /within another/],
  ["it has one head", [want(true), signature(HEAD, false, 1), signature(HEAD, true, 2)], /within another/],
  ["it does not end early", [want(true), signature(HEAD, true, 2)], /ends too early/],
  ["it has no more records than blocks", [want(true), signature(HEAD, true, 4)], /does not fit its basis/],
  ["its blocks are a power of two", [want(true), signature({ ...HEAD, blockBytes: 5000 }, true, 2)], /blocks of 5000/],
  [
    "its blocks are not too many",
    [want(true), signature({ basisBytes: 2 ** 40, blockBytes: 512 }, false, 1)],
    /blocks of 512/,
  ],
  ["fine records are asked for", [want(true), signature(HEAD, true, 3), fine(true, 5)], /not asked for/],
  ["deltas are not wanted twice", [want(true), want(true)], /cannot be wanted twice/],
  ["DESCEND answers SUBTREES", [[Message.descend, made((w) => wish.encodeDescend(w, 1, Uint8Array.of(1)))]], /without/],
];
for (const [name, steps, complaint] of SOURCE_RULES) {
  Deno.test(`SIGNATURE: ${name}`, async () => await play(await source(), steps, complaint));
}

Deno.test("SIGNATURE: records are whole ones", async () => {
  const bytes = made((w) => wish.encodeSignature(w, 2, HEAD, true, new Uint8Array(41)));
  await play(await source(), [want(true), [Message.signature, bytes]], /does not fit its basis/);
});

Deno.test("FINE: as many records as were asked for, and no more", async () => {
  for (const [bytes, complaint] of [[30, null], [35, /not asked for/]] as const) {
    const peer = await source();
    await play(peer, [want(true), signature(HEAD, true, 3)], null);
    // 5 and 1 blocks of 256 bytes... of a block size of 4 KiB.
    peer.session.peerTarget(peer.list).refine(2, [{ basisAt: 0, basisBytes: 1280 }, { basisAt: 4096, basisBytes: 1 }]);
    await play(peer, [fine(true, bytes)], complaint);
  }
});

Deno.test("DESCEND: answers each SUBTREES once, in order", async () => {
  const peer = await source(true);
  const target = peer.session.peerTarget(peer.list);
  target.subtrees(Uint32Array.of(0), DIGEST);
  target.subtrees(Uint32Array.of(1), DIGEST);
  const descend = (bits: number): Step => [
    Message.descend,
    made((w) => wish.encodeDescend(w, 1, Uint8Array.of(bits))),
  ];
  await play(peer, [descend(1), descend(0)], null);
  assert.deepEqual(peer.half.calls.slice(-2), ["descend 01", "descend 00"]);
  await play(peer, [descend(1)], /without SUBTREES/);
});

Deno.test("SIGNATURE: a source is never made to hold more than 32 MiB of records", async () => {
  const peer = new RawPeer("agent");
  await peer.begin("source");
  const target = peer.session.peerTarget(peer.list);
  const { list } = peer;
  for (let i = 0; i < 3; i++) list.add(Uint8Array.of(0x67 + i), 0, 1, 0, 0o100644, 0, 0, 3, 0, 0, 0, null);
  target.roots({ hasRoot: true, single: false, sources: 1 });
  target.listed(0, 1, 5, 3);
  await peer.send(Message.ready, [0]);
  const indexes = Uint32Array.of(2, 3, 4, 5);
  await peer.send(Message.want, made((w) => wish.encodeWant(w, indexes, 0, 4, { redo: false, delta: true })));
  const head = { basisBytes: 2 ** 34, blockBytes: 16384 };
  for (const index of indexes) {
    for (let left = 2 ** 20, isFirst = true; left > 0 && peer.outcome === null; isFirst = false) {
      const count = Math.min(left, 4681);
      left -= count;
      await peer.send(...signature(isFirst ? head : null, left === 0, count, index));
    }
  }
  assert.match(peer.failure().text, /too many signatures/);
  assert.ok(peer.half.calls.some((call) => call.startsWith("signature 4")), "two of 14 MiB were taken");
});

// ---- the target receives

/** A target that wants entry 1, a file of 10,000 bytes, as a delta, and has told its basis of 5,000. */
async function target(): Promise<RawPeer> {
  const peer = new RawPeer("agent");
  await peer.begin("target");
  const all = rootList();
  for (const name of ["a", "b"]) addEntry(all, name, { size: 10_000 });
  await peer.send(Message.roots, made((w) => lists.encodeRoots(w, { hasRoot: true, single: false, sources: 1 }, all)));
  const proxy = peer.session.peerSource(peer.list);
  proxy.ready(false);
  await peer.send(Message.list, made((w) => lists.encodeList(w, all, 0, 1, 2, 3, Infinity)));
  proxy.want(Uint32Array.of(1), DELTA);
  proxy.want(Uint32Array.of(2), WHOLE);
  proxy.signature(1, { basisBytes: 5000, blockBytes: 512 }, true, new Uint8Array(140));
  return peer;
}

const begin = (isDelta: boolean, index = 1): Step => [
  Message.fileBegin,
  made((w) => content.encodeFileBegin(w, index, 10_000, null, isDelta)),
];
const copy = (...runs: [number, number, number][]): Step => [
  Message.fileCopy,
  made((w) => runs.forEach((run) => content.encodeCopyRun(w, ...run))),
];
const refine = (...ranges: [number, number][]): Step => [
  Message.refine,
  made((w) => content.encodeRefine(w, 1, ranges.map(([basisAt, basisBytes]) => ({ basisAt, basisBytes })))),
];
const data = (offset: number, bytes: number): Step => [
  Message.fileData,
  made((w) => content.encodeFileData(w, offset, new Uint8Array(bytes))),
];

const TARGET_RULES: [string, Step[], RegExp | null][] = [
  ["runs and data take turns", [begin(true), copy([0, 0, 100]), data(100, 5), copy([105, 4900, 100])], null],
  ["a basis may be used in any order, and twice", [begin(true), copy([0, 4000, 1000], [1000, 0, 5000])], null],
  ["a file without signature is no delta", [begin(true, 2)], /whose basis was not signed/],
  ["a whole file has no runs", [begin(false), copy([0, 0, 1])], /no delta/],
  ["runs lie within the basis", [begin(true), copy([0, 4999, 2])], /beyond the basis/],
  ["runs begin within the basis", [begin(true), copy([0, 2 ** 52, 1])], /beyond the basis/],
  ["runs rise", [begin(true), copy([100, 0, 100], [199, 0, 1])], /backwards/],
  ["runs end with the file", [begin(true), copy([9999, 0, 2])], /beyond the file/],
  ["there is at least one run", [begin(true), copy()], /no run/],
  ["ranges are refined before the file", [refine([0, 5000]), begin(true)], null],
  ["ranges are refined once", [refine([0, 10]), refine([0, 10])], /nothing to refine/],
  ["ranges lie within the basis", [refine([4999, 2])], /beyond the basis/],
  ["ranges are together at most twice the file and 1 MiB", [
    refine(...Array.from({ length: 214 }, (): [number, number] => [0, 5000])),
  ], /more than there is/],
  ["a file in hand is ended before another is refined", [begin(true), refine([0, 10])], /REFINE is not legal/],
];
for (const [name, steps, complaint] of TARGET_RULES) {
  Deno.test(`a delta: ${name}`, async () => await play(await target(), steps, complaint));
}

/** A target with one folder, entry 1, that wants digests of subtrees, or not. */
async function treeTarget(wants: boolean): Promise<RawPeer> {
  const peer = new RawPeer("agent");
  await peer.begin("target");
  const all = rootList();
  addEntry(all, "d", { mode: 0o040755 });
  addEntry(all, "f", { size: 1 });
  await peer.send(Message.roots, made((w) => lists.encodeRoots(w, { hasRoot: true, single: false, sources: 1 }, all)));
  peer.session.peerSource(peer.list).ready(false, wants ? { owner: true, group: true } : null);
  await peer.send(Message.list, made((w) => lists.encodeList(w, all, 0, 1, 2, 3, Infinity)));
  return peer;
}

const subtrees = (...folders: number[]): Step => [
  Message.subtrees,
  made((w) => lists.encodeSubtrees(w, Uint32Array.from(folders), new Uint8Array(160), 0, folders.length)),
];
const listEnd = (entries: number): Step => [Message.listEnd, made((w) => lists.encodeListEnd(w, true, entries, 0))];
const folderList = (folder: number): Step => [
  Message.list,
  made((w) => lists.encodeList(w, rootList(), folder, 1, 0, 3, Infinity)),
];

const TREE_RULES: [string, Step[], number | null, Step[], RegExp | null][] = [
  ["an equal folder is not listed", [subtrees(1)], 0, [listEnd(3)], null],
  ["a folder that differs is listed", [subtrees(1)], 1, [folderList(1), listEnd(3)], null],
  ["a folder that differs must be listed", [subtrees(1)], 1, [listEnd(3)], /before every folder/],
  ["an equal folder cannot be listed", [subtrees(1)], 0, [folderList(1)], /not found to differ/],
  ["a folder is told before it is judged", [subtrees(1)], null, [folderList(1)], /not found to differ/],
  ["the list does not end in the middle", [subtrees(1)], null, [listEnd(3)], /before every folder/],
  ["a folder is told once", [subtrees(1)], null, [subtrees(1)], /too late/],
  ["a listed folder is not told", [folderList(1)], null, [subtrees(1)], /too late/],
  ["only folders are told", [], null, [subtrees(2)], /not a folder/],
  ["only announced folders are told", [], null, [subtrees(3)], /was not listed/],
];
for (const [name, before, verdict, after, complaint] of TREE_RULES) {
  Deno.test(`SUBTREES: ${name}`, async () => {
    const peer = await treeTarget(true);
    for (const step of before) await peer.send(...step);
    if (verdict !== null) peer.session.peerSource(peer.list).descend(Uint8Array.of(verdict));
    await play(peer, after, complaint);
  });
}

Deno.test("SUBTREES: comes only where it was wanted", async () => {
  await play(await treeTarget(false), [subtrees(1)], /not wanted/);
});
