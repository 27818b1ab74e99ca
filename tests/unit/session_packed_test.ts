// PACKED in a session: what a target makes of it, when a source sends it, and that a whole run with it ends as one without.

import assert from "node:assert/strict";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { ByteReader } from "../../lib/base/codec.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { ZstdPacker, ZstdUnpacker } from "../../lib/codec/zstd.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { helloPayload, makeHello } from "../../lib/session/hello.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as event from "../../lib/wire/event_codec.ts";
import { encodeJob } from "../../lib/wire/job_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message } from "../../lib/wire/messages.ts";
import { decodePackedHead, encodePackedHead } from "../../lib/wire/packed_codec.ts";
import { ARCHIVE, runInMemory } from "../support/memory_run.ts";
import { Random } from "../support/random.ts";
import { differences } from "../support/model.ts";
import { file, folder, harvest, plant } from "../support/trees.ts";
import { type Frame, frame, frames, made, options, RawPeer, settled } from "../wire/raw_peer.ts";
import { addEntry, DIGEST, rootList } from "../wire/samples.ts";

const zstd = new ZstdPacker(3);

/** The payload of a PACKED of these bytes. */
function packed(...parts: Uint8Array[]): Uint8Array {
  const raw = concatBytes(...parts);
  const data = new Uint8Array(raw.length + 1000);
  return made((writer) => {
    encodePackedHead(writer, raw.length);
    writer.raw(data.subarray(0, zstd.pack(raw, data, 0, data.length)));
  });
}

/** The frames in a PACKED. */
function unpacked({ type, payload }: Frame): Frame[] {
  assert.equal(type, Message.packed);
  const reader = new ByteReader(payload);
  const bytes = decodePackedHead(reader);
  const into = new Uint8Array(bytes + 1);
  assert.ok(new ZstdUnpacker().unpack(reader.raw("data", reader.left), into, bytes));
  return frames(into.subarray(0, bytes));
}

const LIST = rootList();
addEntry(LIST, "f", { size: 2 ** 40 });
addEntry(LIST, "g", { size: 3 });
const ROOTS = frame(
  Message.roots,
  made((writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, LIST)),
);
const ENTRIES = frame(Message.list, made((writer) => lists.encodeList(writer, LIST, 0, 1, 2, 3, Infinity)));
const BEGIN = frame(Message.fileBegin, made((writer) => content.encodeFileBegin(writer, 1, 2 ** 40, null, false)));
const data = (offset: number, bytes: number) =>
  frame(Message.fileData, made((writer) => content.encodeFileData(writer, offset, new Uint8Array(bytes).fill(0x61))));

async function target(): Promise<RawPeer> {
  const peer = new RawPeer("agent");
  await peer.begin("target");
  return peer;
}

/** A target in the file f of 2^40 bytes. */
async function inFile(): Promise<RawPeer> {
  const peer = await target();
  await peer.bytes(ROOTS);
  peer.session.peerSource(peer.list).ready(true);
  await peer.bytes(ENTRIES);
  await peer.bytes(BEGIN);
  peer.half.calls.length = 0;
  peer.sent();
  return peer;
}

Deno.test("PACKED: its messages reach the half in their order, between those that are not packed, in every state of a target", async () => {
  const peer = await target();
  await peer.send(Message.packed, packed(ROOTS));
  peer.session.peerSource(peer.list).ready(true);
  await peer.send(Message.packed, packed(ENTRIES, BEGIN, data(0, 5)));
  await peer.bytes(data(5, 6));
  await peer.send(Message.packed, packed(data(11, 7)));
  assert.deepEqual(peer.half.calls, [
    'roots {"hasRoot":true,"single":false,"sources":1}',
    "listed 0 1 2 3",
    "fileBegin 1 1099511627776 -",
    "fileData 0 5",
    "fileData 5 6",
    "fileData 11 7",
  ]);
  assert.equal(peer.session.listBytes, ENTRIES.length - 5, "the list counts as it is, not as it crossed");
  assert.equal(peer.ending(), "");
});

Deno.test("PACKED: a half that waits is waited for, message by message, and nothing else is read meanwhile", async () => {
  const peer = await inFile();
  let release = () => {};
  peer.half.wait = () => new Promise<void>((resolve) => release = resolve);
  await peer.send(Message.packed, packed(data(0, 5), data(5, 6)));
  await peer.bytes(data(11, 7));
  for (const calls of [1, 2, 3]) {
    assert.equal(peer.half.calls.length, calls);
    release();
    await settled();
  }
  assert.deepEqual(peer.half.calls, ["fileData 0 5", "fileData 5 6", "fileData 11 7"]);
});

Deno.test("PACKED: credit is given back for what crossed, once all of it is through", async () => {
  const peer = await inFile();
  const pieces = 3;
  const payload = packed(...Array.from({ length: pieces }, (_, i) => data(i * 300_000, 300_000)));
  let crossed = ROOTS.length + ENTRIES.length + BEGIN.length;
  const given: number[] = [];
  let count = 0;
  for (; given.length < 2; count++) {
    assert.ok(count < 200_000 / payload.length * 20);
    // Bytes that do not shrink make it quick.
    const noise = new Random(count).bytes(200_000);
    const plain = frame(
      Message.fileData,
      made((writer) => content.encodeFileData(writer, 2 ** 30 + count * 2 ** 20, noise)),
    );
    await peer.send(Message.packed, packed(plain));
    crossed += packed(plain).length + 5;
    for (const { type, payload } of peer.sent()) {
      assert.equal(type, Message.credit);
      given.push(event.decodeCredit(new ByteReader(payload)).bytes);
      assert.equal(given.reduce((a, b) => a + b), crossed);
    }
  }
  assert.ok(given.every((bytes) => bytes >= 1 << 20));
});

const ODD: [string, Uint8Array, RegExp][] = [
  ["a message that is not legal", packed(data(0, 5), BEGIN), /FILE_BEGIN is not legal in the state/],
  ["a PACKED", packed(frame(Message.packed, packed(data(0, 5)))), /PACKED cannot be in it/],
  ["a PING", packed(data(0, 5), frame(Message.ping, [1])), /PING cannot be in it/],
  ["a JOB", packed(frame(Message.job)), /JOB cannot be in it/],
  ["half a message", packed(data(0, 5).subarray(0, 8)), /it is not whole/],
  ["half a header", packed(data(0, 5), Uint8Array.of(1, 0, 0)), /half a header/],
  ["no data", Uint8Array.of(1, 5), /there is none/],
  ["nothing", Uint8Array.of(1, 0, 1), /it holds nothing/],
  ["another codec", Uint8Array.of(2, 5, 1), /2 is unknown/],
  ["junk", Uint8Array.of(1, 5, 1, 2, 3), /does not unpack to 5 bytes/],
  ["more than 1 MiB", packed(data(0, 1 << 20), data(1 << 20, 100)), /over the limit/],
];
for (const [what, payload, sentence] of ODD) {
  Deno.test(`PACKED with ${what} in it ends the session before the half hears of it`, async () => {
    const peer = await inFile();
    await peer.send(Message.packed, payload);
    assert.equal(peer.failure().kind, "stream");
    assert.match(peer.failure().text, sentence);
    assert.deepEqual(peer.half.calls, what === "a message that is not legal" ? ["fileData 0 5"] : []);
  });
}

Deno.test("PACKED of a peer that did not offer compression ends the session", async () => {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, helloPayload({ ...makeHello("agent"), offers: 0 }));
  peer.session.sendJob({ agentIsSource: true, options: options(), paths: [utf8("x")] });
  peer.session.attachTarget(peer.half, peer.list);
  await peer.send(Message.packed, packed(ROOTS));
  assert.match(peer.failure().text, /PACKED is not legal/);
});

/** What a source sends of a large file of this content, at once. */
async function sends(
  bytes: Uint8Array,
  changes: Partial<SyncOptions>,
  offers = makeHello("agent").offers,
): Promise<Frame[]> {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, helloPayload({ ...makeHello("agent"), offers }));
  await peer.send(Message.ping, [0]);
  peer.session.sendJob({ agentIsSource: false, options: options(changes), paths: [utf8("x")] });
  const list = rootList();
  addEntry(list, "f", { size: bytes.length });
  peer.session.attachSource(peer.half, list);
  const proxy = peer.session.peerTarget(list);
  proxy.roots({ hasRoot: true, single: false, sources: 1 });
  await peer.send(Message.ready, [1]);
  proxy.listed(0, 1, 1, 3);
  proxy.fileBegin(1, bytes.length, null, false);
  await settled();
  peer.sent();
  for (let at = 0; at < bytes.length; at += 256 << 10) {
    await proxy.fileData(at, bytes.subarray(at, at + (256 << 10)));
    await settled();
  }
  proxy.fileEnd(true, DIGEST);
  await settled();
  assert.equal(peer.ending(), "");
  assert.equal(peer.session.sentBytes > 0, true);
  return peer.sent();
}

const TEXT = utf8("what compresses well, compresses well; ".repeat(100_000));
const NOISE = new Random(1).bytes(TEXT.length);
const size = (all: Frame[]) => all.reduce((sum, { payload }) => sum + payload.length + 5, 0);

Deno.test("a source that is to compress packs what shrinks, message by message as it was, and nothing else", async () => {
  const plain = await sends(TEXT, { compress: "never" });
  assert.ok(plain.every(({ type }) => type !== Message.packed));
  const text = await sends(TEXT, { compress: "always" });
  assert.ok(size(text) < size(plain) / 20);
  assert.deepEqual(text.flatMap((one) => one.type === Message.packed ? unpacked(one) : [one]), plain);
  const noise = await sends(NOISE, { compress: "always" });
  assert.ok(noise.every(({ type }) => type !== Message.packed));
  assert.deepEqual(await sends(TEXT, { compress: "always" }, 0), plain, "a peer that does not offer it");
  assert.deepEqual(await sends(TEXT, { compress: "auto" }), plain, "nothing says that the link is slow");
});

Deno.test("a source measures the round trip to the first PING, and compresses from then on if that is long", async () => {
  for (const [ms, isFar] of [[14, false], [40, true]] as const) {
    const peer = new RawPeer("client");
    await peer.send(Message.hello, helloPayload(makeHello("agent")));
    peer.session.sendJob({ agentIsSource: false, options: options(), paths: [utf8("x")] });
    await peer.clock.pass(ms);
    assert.equal(peer.session.roundTripMs, null);
    await peer.send(Message.ping, [0]);
    assert.equal(peer.session.roundTripMs, ms);
    await peer.clock.pass(100);
    await peer.send(Message.ping, [0]);
    assert.equal(peer.session.roundTripMs, ms, "later ones say nothing");
    const list = rootList();
    for (let i = 0; i < 200; i++) addEntry(list, `name ${1000 + i}`, {});
    peer.session.attachSource(peer.half, list);
    peer.sent();
    peer.session.peerTarget(list).roots({ hasRoot: true, single: false, sources: 1 });
    await settled();
    peer.session.peerTarget(list).listed(0, 1, 200, 3);
    await settled();
    assert.deepEqual(peer.sentNames(), ["ROOTS", isFar ? "PACKED" : "LIST"]);
  }
});

Deno.test("an agent measures the round trip from its HELLO, and answers the client's first PING at once; a client HELLO", async () => {
  const peer = new RawPeer("agent");
  await peer.clock.pass(33);
  await peer.send(Message.ping, [0]);
  assert.equal(peer.session.roundTripMs, 33);
  assert.deepEqual(peer.sentNames(), ["HELLO", "PING"]);
  const job = { agentIsSource: true, options: options(), paths: [utf8("x")] };
  await peer.send(Message.job, made((writer) => encodeJob(writer, job)));
  await peer.send(Message.ping, [0]);
  assert.deepEqual(peer.sentNames(), []);
  const client = new RawPeer("client");
  await client.send(Message.hello, helloPayload(makeHello("agent")));
  assert.deepEqual(client.sentNames(), ["PING"]);
});

Deno.test("CREDIT says how long the target waited for bytes", async () => {
  const peer = await inFile();
  const idle: number[] = [];
  peer.half.wait = () => peer.clock.pass(30);
  for (let i = 0; i < 9; i++) {
    await peer.clock.pass(10);
    await peer.bytes(data(i * 300_000, 300_000));
    await settled();
    for (const { type, payload } of peer.sent()) {
      if (type === Message.credit) idle.push(event.decodeCredit(new ByteReader(payload)).idlePercent);
    }
  }
  assert.deepEqual(idle.slice(-1), [25]);
});

for (const way of ["push", "pull"] as const) {
  Deno.test(`a ${way} with compression at any level ends as one without`, async () => {
    const outcomes = [];
    for (
      const [compress, compressLevel] of [["never", null], ["always", null], ["always", 1], ["always", -7]] as const
    ) {
      const os = openMemory({ seed: 1 });
      const random = new Random(5);
      plant("/", [folder("s")], os);
      const small = Array.from({ length: 300 }, (_, i) => file(`d/${i}`, "line of text\n".repeat(random.below(900))));
      plant("/s", [
        folder("d"),
        ...small,
        file("noise", random.bytes(700_000)),
        file("text", TEXT.subarray(0, 1_500_000)),
        file("mixed", concatBytes(TEXT.subarray(0, 400_000), random.bytes(400_000), TEXT.subarray(0, 400_000))),
      ], os);
      const run = await runInMemory({ way, options: { ...ARCHIVE, compress, compressLevel }, source: os, target: os });
      assert.equal(run.code, 0, String(run.error));
      assert.deepEqual(differences(harvest(os, utf8("/s")), harvest(os, utf8("/d"))), []);
      outcomes.push({ totals: run.totals, lines: run.lines });
    }
    for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
  });
}
