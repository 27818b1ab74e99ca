// What a session demands of the peer beyond the form of each message: lists whole and in order, content that was wanted, wishes that can
// be fulfilled, answers to questions that were asked, events about entries that exist.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { helloPayload, makeHello } from "../../lib/session/hello.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message } from "../../lib/wire/messages.ts";
import * as wish from "../../lib/wire/wish_codec.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { frame, made, options, RawPeer, settled } from "../wire/raw_peer.ts";
import { addEntry, DIGEST, rootList } from "../wire/samples.ts";

const ROOTS = (single = false) =>
  made((writer) => lists.encodeRoots(writer, { hasRoot: !single, single, sources: 1 }, rootList()));

/** An agent that is the target and has seen ROOTS; its READY says `streaming`, or is not sent. */
async function target(streaming: boolean | null, changes: Partial<SyncOptions> = {}, single = false): Promise<RawPeer> {
  const peer = new RawPeer("agent");
  await peer.begin("target", changes);
  await peer.send(Message.roots, ROOTS(single));
  if (streaming !== null) peer.session.peerSource(peer.list).ready(streaming);
  return peer;
}

interface Entry {
  name: string;
  mode?: number;
  size?: number;
}
const FOLDER = 0o040755;

/** A LIST payload of `folder`. */
function list(folder: number, flags: number, ...entries: Entry[]): Uint8Array {
  const all = rootList();
  for (const { name, mode, size } of entries) addEntry(all, name, { mode, size });
  return made((writer) => lists.encodeList(writer, all, folder, 1, entries.length, flags, Infinity));
}
const end = (complete: boolean, entries: number) => made((writer) => lists.encodeListEnd(writer, complete, entries, 0));
const begin = (index: number, size: number) =>
  made((writer) => content.encodeFileBegin(writer, index, size, null, false));
const file = (index: number, text: string) =>
  made((writer) => content.encodeFile(writer, index, null, utf8(text), DIGEST));
const fresh = (index: number, text: string) =>
  made((writer) => content.encodeFile(writer, index, { size: 0, mtimeSec: 0, mtimeNs: 0 }, utf8(text), DIGEST));
const data = (offset: number, length: number) =>
  made((writer) => content.encodeFileData(writer, offset, new Uint8Array(length)));
const wants = (indexes: number[], redo = false) =>
  made((writer) => wish.encodeWant(writer, Uint32Array.from(indexes), 0, indexes.length, { redo, delta: false }));

type Step = [number, Uint8Array | number[]];

/** Sends the steps; all but the last must be taken, the last ends the session with a stream error that matches, or none. */
async function play(peer: RawPeer, steps: Step[], complaint: RegExp | null): Promise<void> {
  for (const [i, [type, payload]] of steps.entries()) {
    if (i === steps.length - 1) assert.equal(peer.ending(), "", `step ${i} is reached`);
    await peer.send(type, payload);
  }
  if (complaint === null) return assert.equal(peer.ending(), "");
  const { kind, text } = peer.failure();
  assert.equal(kind, "stream");
  assert.match(text, complaint);
  assert.equal(peer.sentNames().at(-1), "ABORT");
}

const { list: LIST, listEnd: END, files: FILES, fileBegin: BEGIN, fileData: DATA, fileEnd: FILE_END, fileSkip: SKIP } =
  Message;
const A: Entry = { name: "a", size: 3 };
const D: Entry = { name: "d", mode: FOLDER };
const COMPLETE = [0, ...DIGEST];

const LIST_RULES: [string, Step[], RegExp | null, Partial<SyncOptions>?][] = [
  ["the first LIST is that of folder 0", [[LIST, list(1, 3, A)]], /entry 1, which is not a folder/],
  ["a folder is listed once", [[LIST, list(0, 3, A)], [LIST, list(0, 3, { name: "b" })]], /folder 0 twice/],
  ["only a folder is listed", [[LIST, list(0, 3, A)], [LIST, list(1, 3, A)]], /entry 1, which is not a folder/],
  [
    "only an announced folder is listed",
    [[LIST, list(0, 3, A)], [LIST, list(2, 3, A)]],
    /entry 2, which is not a folder/,
  ],
  ["a first piece begins a folder", [[LIST, list(0, 2, A)]], /folder 0, which is not open/],
  ["pieces follow each other", [[LIST, list(0, 1, D)], [LIST, list(0, 2, { name: "e" })]], null],
  ["no folder comes between pieces", [[LIST, list(0, 1, D)], [LIST, list(1, 3, A)]], /folder 1 within that of 0/],
  ["the first piece is one", [[LIST, list(0, 1, D)], [LIST, list(0, 3, { name: "e" })]], /folder 0 within that of 0/],
  ["names rise across pieces", [[LIST, list(0, 1, D)], [LIST, list(0, 2, A)]], /names do not rise/],
  ["names rise across pieces strictly", [[LIST, list(0, 1, D)], [LIST, list(0, 2, D)]], /names do not rise/],
  ["a folder can be unreadable", [[LIST, list(0, 7)], [END, end(false, 1)]], null],
  ["an incomplete list is not called complete", [[LIST, list(0, 7)], [END, end(true, 1)]], /calls a list complete/],
  ["the end comes after the last piece", [[LIST, list(0, 1, A)], [END, end(true, 2)]], /before every folder/],
  ["the end comes after every folder", [[LIST, list(0, 3, D)], [END, end(true, 2)]], /before every folder/],
  ["the end comes after folder 0", [[END, end(true, 1)]], /before every folder/],
  ["the end counts the entries", [[LIST, list(0, 3, A)], [END, end(true, 3)]], /counts 3 entries, 2 came/],
  ["without -r nothing need be listed", [[END, end(true, 1)]], null, { recursive: false }],
  ["without -r a folder is not listed", [[LIST, list(0, 3, D)], [LIST, list(1, 3)]], /not recursive/, {
    recursive: false,
  }],
  ["without -r folders stay unlisted", [[LIST, list(0, 3, D)], [END, end(true, 2)]], null, { recursive: false }],
  [
    "after the end there is no list",
    [[LIST, list(0, 3)], [END, end(true, 1)], [LIST, list(0, 3)]],
    /LIST is not legal/,
  ],
  ["specials are asked for", [[LIST, list(0, 3, { name: "s", mode: 0o140600 })]], /kind 12 was not asked/, {
    specials: false,
  }],
  ["devices are asked for", [[LIST, list(0, 3, { name: "s", mode: 0o060600 })]], /kind 6 was not asked/, {
    devices: false,
  }],
  ["an account is told once", [[Message.account, [0, 7, 1, 97]], [Message.account, [1, 7, 1, 97]]], null],
  [
    "an account is not told twice",
    [[Message.account, [0, 7, 1, 97]], [Message.account, [0, 7, 1, 98]]],
    /account 7 twice/,
  ],
];
for (const [name, steps, complaint, changes] of LIST_RULES) {
  Deno.test(`LIST: ${name}`, async () => await play(await target(false, changes), steps, complaint));
}

Deno.test("LIST: a single source has one entry that is not a folder", async () => {
  await play(await target(true, {}, true), [[LIST, list(0, 3, A)], [END, end(true, 2)]], null);
  await play(await target(true, {}, true), [[LIST, list(0, 3, A, { name: "b" })]], /single source/);
  await play(await target(true, {}, true), [[LIST, list(0, 3, D)]], /single source/);
});

Deno.test("ROOTS: a pull has as many sources as it asked for", async () => {
  const peer = new RawPeer("client");
  await peer.begin("target");
  const roots = made((writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 2 }, rootList()));
  await play(peer, [[Message.roots, roots]], /2 arguments, 1 were given/);
});

Deno.test("ROOTS: where nothing is left, nothing is listed", async () => {
  const roots = { hasRoot: false, single: false, nothing: true, sources: 1 };
  const begins: Step = [Message.roots, made((writer) => lists.encodeRoots(writer, roots, rootList()))];
  for (
    const [steps, complaint] of [
      [[[LIST, list(0, 3)], [END, end(false, 1)]], null],
      [[[LIST, list(0, 3, A)]], /lists entries after it said that there are none/],
    ] as [Step[], RegExp | null][]
  ) {
    const peer = new RawPeer("client");
    await peer.begin("target");
    await play(peer, [begins, ...steps], complaint);
  }
});

Deno.test("LIST: what was decoded stands in the list, every kind with all its facts", async () => {
  const all = rootList();
  addEntry(all, "dev", { mode: 0o020600, uid: 5, gid: 6, size: 7 * 2 ** 32 + 8, seconds: -5, ns: 9 });
  const file = addEntry(all, "file", { uid: 5, gid: 7, size: 2 ** 40, seconds: -5, ns: 10 });
  all.setDigest(file, DIGEST);
  addEntry(all, "file\xff", { uid: 5, gid: 7, size: 0, seconds: 2 ** 42, ns: 999_999_999 });
  addEntry(all, "link", { mode: 0o120777, uid: 9, gid: 7, target: utf8("../x") });
  const peer = await target(false, { checksum: true });
  await peer.send(LIST, made((writer) => lists.encodeList(writer, all, 0, 1, 4, 3, Infinity)));
  const { list: got } = peer;
  assert.equal(got.count, 5);
  const facts = (list: FileList, i: number) => [
    latin1(list.path(i)),
    list.kind(i),
    list.mode(i),
    list.uid(i),
    list.gid(i),
    list.size(i),
    list.mtimeSec(i),
    list.mtimeNs(i),
    list.parent(i),
    latin1(list.linkTarget(i)),
  ];
  for (let i = 0; i < 5; i++) assert.deepEqual(facts(got, i), facts(all, i));
  assert.deepEqual(got.digest(2)!.slice(), DIGEST);
});

Deno.test("LIST: what a call announces is cut into messages that fit, and means the same", async () => {
  const all = new FileList();
  all.add(utf8(""), 0, 0, 0, FOLDER, 0, 0, 0, 0, 0, 0, null);
  const long = "x".repeat(4000);
  for (let i = 0; i < 8192; i++) addEntry(all, `n${10_000 + i}`, { mode: 0o120777, target: utf8(long + i) });
  const port = new RawPeer("client");
  await port.send(Message.hello, helloPayload(makeHello("agent")));
  await port.send(Message.ping, [0]);
  port.session.sendJob({ agentIsSource: false, options: options(), paths: [utf8("x")] });
  port.session.attachSource(port.half, all);
  const proxy = port.session.peerTarget(all);
  proxy.roots({ hasRoot: true, single: false, sources: 1 });
  await settled();
  port.sent();
  const wait = proxy.listed(0, 1, 8192, 3);
  assert.ok(wait !== undefined, "33 MB are more than fits the queue");
  const receiver = await target(false);
  let pieces = 0;
  for (let turn = 0; turn < 200; turn++) {
    await settled();
    for (const { type, payload } of port.sent()) {
      assert.equal(type, LIST);
      pieces++;
      await receiver.send(type, payload);
    }
    const credit = receiver.sent().filter(({ type }) => type === Message.credit);
    for (const { type, payload } of credit) await port.send(type, payload);
  }
  await wait;
  assert.ok(pieces > 32, `${pieces}`);
  assert.equal(receiver.ending(), "");
  assert.equal(receiver.list.count, 8193);
  for (const i of [1, 5000, 8192]) {
    assert.equal(latin1(receiver.list.name(i)), latin1(all.name(i)));
    assert.equal(latin1(receiver.list.linkTarget(i)), latin1(all.linkTarget(i)));
  }
  const flags = receiver.half.calls.filter((call) => call.startsWith("listed")).map((call) => call.split(" ")[4]);
  assert.deepEqual([flags[0], flags.at(-1), new Set(flags.slice(1, -1))], ["1", "2", new Set(["0"])]);
});

/** A target with files "a" and "b" of 3 bytes and folder "d" listed. */
async function listed(streaming: boolean | null): Promise<RawPeer> {
  const peer = await target(streaming);
  await peer.send(LIST, list(0, 3, A, { name: "b", size: 3 }, D));
  return peer;
}

const CONTENT_RULES: [string, boolean | null, Step[], RegExp | null][] = [
  ["streams every listed file", true, [[FILES, file(1, "abc")], [SKIP, [2, 1]]], null],
  ["is answered once", true, [[FILES, file(1, "abc")], [FILES, file(1, "abc")]], /entry 1, which was not wanted/],
  ["is not skipped twice", true, [[SKIP, [1, 1]], [SKIP, [1, 1]]], /entry 1, which was not wanted/],
  ["is of a listed entry", true, [[FILES, file(4, "abc")]], /entry 4, which is not a listed file/],
  ["is of a file", true, [[FILES, file(3, "")]], /entry 3, which is not a listed file/],
  ["is not of the root", true, [[SKIP, [0, 1]]], /entry 0, which is not a listed file/],
  ["comes after READY", null, [[FILES, file(1, "abc")]], /entry 1, which was not wanted/],
  ["begins after READY", null, [[BEGIN, begin(1, 3)]], /entry 1, which was not wanted/],
  ["comes when it is wanted", false, [[FILES, file(1, "abc")]], /entry 1, which was not wanted/],
  ["has the listed size", true, [[FILES, file(1, "ab")]], /has 2 bytes, which is not its size/],
  ["has another size when it is fresh", true, [[FILES, fresh(1, "ab")]], null],
  ["begins with the listed size", true, [[BEGIN, begin(1, 4)]], /has 4 bytes, which is not its size/],
  ["holds a record", true, [[FILES, []]], /holds no record/],
  ["goes to its size", true, [[BEGIN, begin(1, 3)], [DATA, data(0, 3)], [FILE_END, COMPLETE]], null],
  ["may be all hole", true, [[BEGIN, begin(1, 3)], [FILE_END, COMPLETE]], null],
  ["may be data at the end", true, [[BEGIN, begin(1, 3)], [DATA, data(2, 1)]], null],
  ["does not go beyond its size", true, [[BEGIN, begin(1, 3)], [DATA, data(0, 4)]], /beyond the file's size/],
  ["does not begin beyond its size", true, [[BEGIN, begin(1, 3)], [DATA, data(4, 1)]], /beyond the file's size/],
  ["does not pass 2^53", true, [[BEGIN, begin(1, 3)], [DATA, data(2 ** 53 - 1, 2)]], /beyond the file's size/],
  ["does not go backwards", true, [[BEGIN, begin(1, 3)], [DATA, data(0, 2)], [DATA, data(1, 1)]], /goes backwards/],
  ["is one file at a time", true, [[BEGIN, begin(1, 3)], [BEGIN, begin(2, 3)]], /FILE_BEGIN is not legal/],
  ["is abandoned, then skipped", true, [[BEGIN, begin(1, 3)], [FILE_END, [1]], [SKIP, [1, 2]]], null],
  ["is abandoned, then sent", true, [[BEGIN, begin(1, 3)], [FILE_END, [1]], [FILES, file(1, "abc")]], null],
  [
    "is abandoned, then answered before another",
    true,
    [[BEGIN, begin(1, 3)], [FILE_END, [1]], [FILES, file(2, "abc")]],
    /entry 2 while entry 1 was not answered/,
  ],
  [
    "is begun three times",
    true,
    [...Array.from({ length: 2 }, (): Step[] => [[BEGIN, begin(1, 3)], [FILE_END, [1]]]).flat(), [BEGIN, begin(1, 3)]],
    null,
  ],
  [
    "is not begun four times",
    true,
    [...Array.from({ length: 3 }, (): Step[] => [[BEGIN, begin(1, 3)], [FILE_END, [1]]]).flat(), [BEGIN, begin(1, 3)]],
    /begun too often/,
  ],
  [
    "ends after WANT_END",
    true,
    [[SKIP, [1, 1]], [SKIP, [2, 1]], [Message.sourceDone, [0]]],
    /SOURCE_DONE is not legal/,
  ],
];
Deno.test("content of several names of one inode comes to an empty target once, under the last one, after the list", async () => {
  const all = rootList();
  for (const name of ["a", "b"]) addEntry(all, name, { size: 3 });
  for (const i of [1, 2]) all.setFirstName(i, 1);
  const linked = made((writer) =>
    lists.encodeList(writer, all, 0, 1, 2, 3, Infinity, { links: true, attributes: false, folderSizes: false })
  );
  const begun = () => target(true, { hardLinks: true });
  const [LISTED, ENDED]: Step[] = [[LIST, linked], [END, end(true, 3)]];
  await play(await begun(), [LISTED, ENDED, [FILES, file(2, "one")]], null);
  await play(await begun(), [LISTED, [FILES, file(2, "one")]], /comes under another name/);
  await play(await begun(), [LISTED, ENDED, [FILES, file(1, "one")]], /comes under another name/);
  await play(await begun(), [LISTED, ENDED, [FILES, file(2, "one")], [FILES, file(2, "one")]], /not wanted/);
});

Deno.test("sets of attributes come only where they were asked for, and an entry names one that was told", async () => {
  const set: Step = [Message.attributes, [1, 6, ...utf8("user.a"), 1, 49, 0]];
  const entry = (told: number): Step => {
    const all = rootList();
    addEntry(all, "a", { size: 3 });
    all.setAttributes(1, told);
    return [
      LIST,
      made((w) =>
        lists.encodeList(w, all, 0, 1, 1, 3, Infinity, { links: false, attributes: true, folderSizes: false })
      ),
    ];
  };
  await play(await target(false), [set], /not asked for/);
  // ROOTS of a job with attributes say nothing of the root's own here: there is none.
  const begun = async () => {
    const peer = new RawPeer("agent");
    await peer.begin("target", { xattrs: true });
    await peer.send(Message.roots, [0, 1]);
    peer.session.peerSource(peer.list).ready(false);
    return peer;
  };
  await play(await begun(), [entry(1), [END, end(true, 2)]], null);
  await play(await begun(), [set, entry(2), [END, end(true, 2)]], null);
  await play(await begun(), [entry(2)], /entry attributes/);
  await play(await begun(), [set, entry(3)], /entry attributes/);
  const foreign: Step = [Message.attributes, [1, 8, ...utf8("system.a"), 1, 49, 0]];
  await play(await begun(), [foreign], /attribute name/);
  const unasked = made((w) => {
    const all = rootList();
    addEntry(all, "a");
    lists.encodeList(w, all, 0, 1, 1, 3, Infinity, { links: false, attributes: true, folderSizes: false });
  });
  await play(await target(false), [[LIST, unasked]], /bytes|left/);
});

for (const [name, streaming, steps, complaint] of CONTENT_RULES) {
  Deno.test(`content ${name}`, async () => await play(await listed(streaming), steps, complaint));
}

Deno.test("content that is wanted is answered once, and once more when it is wanted again", async () => {
  const peer = await listed(false);
  const source = peer.session.peerSource(peer.list);
  source.want(Uint32Array.of(1), { redo: false, delta: false });
  await peer.send(FILES, file(1, "abc"));
  source.want(Uint32Array.of(1), { redo: true, delta: false });
  await peer.send(BEGIN, begin(1, 3));
  await peer.send(FILE_END, COMPLETE);
  assert.throws(
    () => (source.want(Uint32Array.of(2), { redo: false, delta: false }), source.wantEnd()),
    /the wishes end when all are answered/,
  );
  await play(peer, [[FILES, file(1, "abc")]], /entry 1, which was not wanted/);
});

Deno.test("SOURCE_DONE before WANT_END ends the session", async () => {
  const peer = await listed(true);
  await peer.send(LIST, list(3, 3));
  await peer.send(END, end(true, 4));
  await play(peer, [[Message.sourceDone, [0]]], /SOURCE_DONE before WANT_END/);
});

/** A client that is the source of root, folder "d" (1) and file "f" (2), announced; the target has said READY. */
async function source(streaming: boolean, announce = true, tellsFinished = false): Promise<RawPeer> {
  const peer = new RawPeer("client");
  await peer.begin("source", { tellsFinished });
  const proxy = peer.session.peerTarget(peer.list);
  proxy.roots({ hasRoot: true, single: false, sources: 1 });
  await peer.send(Message.ready, [streaming ? 1 : 0]);
  if (announce) proxy.listed(0, 1, 2, 3);
  return peer;
}
const { want: WANT, wantEnd: WANT_END } = Message;

const WANT_RULES: [string, boolean, Step[], RegExp | null][] = [
  ["of a listed file is given to the half", false, [[WANT, wants([2])]], null],
  ["of a folder", false, [[WANT, wants([1])]], /entry 1, which is not a file/],
  ["of the root", false, [[WANT, wants([0])]], /entry 0, which is not a file/],
  ["of an index that is not announced", false, [[WANT, wants([3])]], /3 was not listed/],
  ["of index 2^31", false, [[WANT, [0, 1, 0x80, 0x80, 0x80, 0x80, 8]]], /over the limit/],
  ["of a file twice", false, [[WANT, wants([2])], [WANT, wants([2])]], /entry 2, which cannot be wanted twice/],
  [
    "again of a file that was not sent",
    false,
    [[WANT, wants([2])], [WANT, wants([2], true)]],
    /cannot be wanted again/,
  ],
  ["in a streaming session", true, [[WANT, wants([2])]], /WANT in a streaming session/],
  ["again in a streaming session, of what was not sent", true, [[WANT, wants([2], true)]], /cannot be wanted again/],
  ["that never ends", false, [[WANT_END, []]], /WANT_END before the list has ended/],
];
for (const [name, streaming, steps, complaint] of WANT_RULES) {
  Deno.test(`WANT ${name}`, async () => await play(await source(streaming), steps, complaint));
}

const PLACED = Message.placed;
const placed = (indexes: number[]) => [...made((writer) => wish.encodePlaced(writer, Uint32Array.from(indexes)))];

const PLACED_RULES: [
  string,
  { asked?: boolean; listed?: boolean; sent?: boolean; wanted?: boolean },
  number[][],
  RegExp | null,
][] = [
  ["of a file that was sent is given to the half", {}, [[2]], null],
  ["of a file that was never wanted is given to the half", { wanted: false }, [[2]], null],
  ["in a job that did not ask for it", { asked: false }, [[2]], /removes nothing at the source/],
  ["before the list has ended", { listed: false }, [[2]], /before the list has ended/],
  ["of a file that was wanted and not sent", { sent: false }, [[2]], /whose content was not sent/],
  ["of a folder", {}, [[1]], /entry 1, which is a folder/],
  ["of the root", {}, [[0]], /entry 0, which is a folder/],
  ["of an index that is not announced", {}, [[3]], /3 was not listed/],
  ["of a file twice", {}, [[2], [2]], /entry 2 twice/],
];
for (const [name, given, messages, complaint] of PLACED_RULES) {
  Deno.test(`PLACED ${name}`, async () => {
    const { asked = true, listed = true, sent = true, wanted = true } = given;
    const peer = new RawPeer("client");
    await peer.begin("source", { removeSourceFiles: asked });
    const proxy = peer.session.peerTarget(peer.list);
    proxy.roots({ hasRoot: true, single: false, sources: 1 });
    await peer.send(Message.ready, [0]);
    proxy.listed(0, 1, 2, 3);
    proxy.listed(1, 3, 0, 3);
    if (wanted) await peer.send(WANT, wants([2]));
    if (wanted && sent) proxy.file(2, null, utf8("abc"), DIGEST);
    if (listed) proxy.listEnd(true, 3, 3);
    await play(peer, messages.map((indexes): Step => [PLACED, placed(indexes)]), complaint);
    assert.equal(peer.half.calls.includes("placed 2"), complaint === null || messages.length > 1);
  });
}

Deno.test("WANT of a file that is scanned but not announced ends the session", async () => {
  await play(await source(false, false), [[WANT, wants([2])]], /2 was not listed/);
});

Deno.test("WANT again is taken once, of what was sent as content; the end comes when all is answered", async () => {
  for (const streaming of [false, true]) {
    const peer = await source(streaming);
    const proxy = peer.session.peerTarget(peer.list);
    if (!streaming) await peer.send(WANT, wants([2]));
    proxy.file(2, null, utf8("abc"), DIGEST);
    await peer.send(WANT, wants([2], true));
    proxy.listed(1, 3, 0, 3);
    proxy.listEnd(true, 3, 3);
    const late = await source(streaming);
    late.session.peerTarget(late.list).listed(1, 3, 0, 3);
    late.session.peerTarget(late.list).listEnd(true, 3, 3);
    if (!streaming) await late.send(WANT, wants([2]));
    await play(late, [[WANT_END, []]], /before every wish was answered/);
    proxy.file(2, null, utf8("abc"), DIGEST);
    await play(peer, [[WANT, wants([2], true)]], /cannot be wanted again/);
  }
});

Deno.test("content that nobody wants does not leave the source", async () => {
  const peer = await source(false);
  const proxy = peer.session.peerTarget(peer.list);
  assert.throws(() => proxy.file(2, null, utf8("abc"), DIGEST), /only content that is wanted/);
  assert.throws(() => proxy.fileSkip(2, 1), /only content that is wanted/);
});

/** A source whose target may now ask what is absent. */
async function checking(): Promise<RawPeer> {
  const peer = await source(false);
  const proxy = peer.session.peerTarget(peer.list);
  proxy.listed(1, 3, 0, 3);
  proxy.listEnd(true, 3, 3);
  await peer.send(WANT_END);
  return peer;
}
const QUESTION = [1, 1, 97];

Deno.test("CHECK comes after SOURCE_DONE, one at a time", async () => {
  await play(await checking(), [[Message.check, QUESTION]], /CHECK before the source was done/);
  const peer = await checking();
  peer.session.peerTarget(peer.list).sourceDone(false);
  await peer.send(Message.check, QUESTION);
  peer.session.peerTarget(peer.list).checked(Uint8Array.of(1));
  await play(peer, [[Message.check, QUESTION], [Message.check, QUESTION]], /before the one before was answered/);
});

/** A target whose source is done. */
async function asking(): Promise<RawPeer> {
  const peer = await target(false, { delete: true });
  await peer.send(LIST, list(0, 3));
  await peer.send(END, end(true, 1));
  peer.session.peerSource(peer.list).wantEnd();
  await peer.send(Message.sourceDone, [0]);
  await settled();
  peer.sent();
  return peer;
}

Deno.test("CHECKED answers a CHECK, with as many bits as it had paths", async () => {
  await play(await asking(), [[Message.checked, [1, 1]]], /CHECKED without a CHECK/);
  const peer = await asking();
  peer.session.peerSource(peer.list).check([utf8("a"), utf8("b")]);
  await play(peer, [[Message.checked, [1, 1]]], /1 answers to 2 questions/);
});

Deno.test("CHECK of many long paths is cut into messages that fit, and the answers are joined", async () => {
  const peer = await asking();
  const paths = Array.from({ length: 1003 }, (_, i) => utf8("a/".repeat(1000) + `${i}`));
  peer.session.peerSource(peer.list).check(paths);
  let asked = 0;
  for (;;) {
    await settled();
    const [question] = peer.sent().filter(({ type }) => type === Message.check);
    if (question === undefined) break;
    const count = question.payload[0] & 127 | question.payload[1] << 7;
    asked += count;
    const bits = new Uint8Array(Math.ceil(count / 8)).fill(0xff);
    if (count % 8 !== 0) bits[bits.length - 1] = (1 << (count % 8)) - 1;
    await peer.send(Message.checked, made((writer) => content.encodeChecked(writer, count, bits)));
  }
  assert.equal(asked, 1003);
  assert.equal(peer.half.calls.at(-1), `checked ${"ff".repeat(125)}07`);
});

Deno.test("ENTRY tells each announced entry once; PROGRESS does not fall", async () => {
  const entry = (...indexes: number[]): Step => [Message.entry, indexes.flatMap((i) => [i, 1])];
  await play(await source(false), [entry(0, 2)], null);
  await play(await source(false), [entry(3)], /index 3, which was not listed/);
  await play(await source(false, false), [entry(2)], /index 2, which was not listed/);
  await play(await source(false), [entry(2), entry(1), entry(2)], /index 2 twice/);
  await play(await source(false), [entry()], /holds no record/);
  await play(await source(false), [[Message.progress, [2, 9]], [Message.progress, [2, 9]]], null);
  await play(await source(false), [[Message.progress, [2, 9]], [Message.progress, [1, 9]]], /PROGRESS falls/);
  await play(await source(false), [[Message.progress, [2, 9]], [Message.progress, [2, 8]]], /PROGRESS falls/);
});

Deno.test("FINISHED comes only if the job asks, of an announced entry, once", async () => {
  const finished = (index: number): Step => [Message.finished, [index, 3, 0, 0]];
  await play(await source(false), [finished(2)], /FINISHED, which was not asked for/);
  const asking = () => source(false, true, true);
  await play(await asking(), [finished(2)], null);
  await play(await asking(), [finished(3)], /index 3, which was not listed/);
  await play(await asking(), [finished(2), finished(2)], /index 2 twice/);
});

Deno.test("events of an agent reach the client as they were told, entries batched in one message", async () => {
  const agent = await target(false);
  await settled();
  agent.sent();
  const events = agent.session.peerEvents();
  for (const [index, change] of [[1, 3], [0, 32]]) events.entry(index, change);
  events.deleted(utf8("old"), 8);
  events.problem({ verb: 2, cause: 0, errno: 5, side: 1, path: utf8("bad/../path\n") });
  for (let i = 1; i < 1000; i++) events.transferred(i, 10 * i);
  await settled();
  const client = await source(false);
  const told = agent.sent();
  assert.equal(told.length, 4, "progress is told at once, then not for a while");
  for (const { type, payload } of told) await client.bytes(frame(type, payload));
  assert.deepEqual(client.events.calls, [
    "entry 1 3",
    "entry 0 32",
    "deleted old 8",
    "problem 2 bad/../path\n",
    "transferred 1 10",
  ]);
});
