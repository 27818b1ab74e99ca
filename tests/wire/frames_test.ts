// The frame loop: one recorded good session, fed to an agent byte by byte, in odd cuts, cut off at every byte, and with frames of
// every length around the limit.

import assert from "node:assert/strict";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { FRAME_BYTES } from "../../lib/base/limits.ts";
import { zeroTotals } from "../../lib/base/monitor.ts";
import * as content from "../../lib/wire/content_codec.ts";
import { encodeJob } from "../../lib/wire/job_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message } from "../../lib/wire/messages.ts";
import { Random } from "../support/random.ts";
import { frame, made, options, RawPeer, settled } from "./raw_peer.ts";
import { addEntry, DIGEST, rootList } from "./samples.ts";

/** A push with --delete of folder "d" with files "a" (3 bytes) and "b" (300,000 bytes), into an empty target. */
function goodSession(): Uint8Array {
  const list = rootList();
  addEntry(list, "d", { mode: 0o040755 });
  addEntry(list, "a", { parent: 1, size: 3 });
  addEntry(list, "b", { parent: 1, size: 300_000 });
  const large = new Uint8Array(200_000);
  return concatBytes(
    frame(
      Message.job,
      made((writer) =>
        encodeJob(writer, { agentIsSource: false, options: options({ delete: true }), paths: [utf8("x")] })
      ),
    ),
    frame(
      Message.roots,
      made((writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, list)),
    ),
    frame(Message.ping, [1]),
    frame(Message.account, made((writer) => lists.encodeAccount(writer, 0, 7, utf8("seven")))),
    frame(Message.list, made((writer) => lists.encodeList(writer, list, 0, 1, 1, 3, Infinity))),
    frame(Message.list, made((writer) => lists.encodeList(writer, list, 1, 2, 2, 3, Infinity))),
    frame(Message.files, made((writer) => content.encodeFile(writer, 2, null, utf8("abc"), DIGEST))),
    frame(Message.fileBegin, made((writer) => content.encodeFileBegin(writer, 3, 300_000, null, false))),
    frame(Message.fileData, made((writer) => content.encodeFileData(writer, 0, large))),
    frame(Message.listEnd, made((writer) => lists.encodeListEnd(writer, true, 4, 300_003))),
    frame(Message.fileData, made((writer) => content.encodeFileData(writer, 250_000, large.subarray(0, 50_000)))),
    frame(Message.fileEnd, made((writer) => content.encodeFileEnd(writer, DIGEST))),
    frame(Message.sourceDone, [0]),
    frame(Message.bye),
  );
}

const CALLS = [
  'roots {"hasRoot":true,"single":false,"sources":1}',
  "account 0 7 seven",
  "listed 0 1 1 3",
  "listed 1 2 2 3",
  "file 2 - abc a0a1",
  "fileBegin 3 300000 -",
  "fileData 0 200000",
  "listEnd true 4 300003",
  "fileData 250000 50000",
  "fileEnd true",
  "sourceDone false",
];

/** An agent whose half behaves. With `isSlow` each call is answered a turn later. */
function agent(isSlow = false): RawPeer {
  const peer = new RawPeer("agent");
  peer.session.receiveJob().then(() => {
    const source = peer.session.peerSource(peer.list);
    peer.session.attachTarget(peer.half, peer.list);
    peer.half.wait = (call) => {
      const act = () => {
        if (call.startsWith("roots")) source.ready(true);
        if (call.startsWith("fileEnd")) source.wantEnd();
        if (call.startsWith("sourceDone")) peer.session.peerEvents().totals(zeroTotals());
      };
      if (isSlow) return settled().then(act);
      return void act();
    };
  }, () => {});
  return peer;
}

async function ended(peer: RawPeer): Promise<string> {
  for (let turns = 0; peer.outcome === null && turns < 1_000_000; turns++) await settled();
  return peer.ending();
}

Deno.test("a good session is understood whole, byte by byte, and in odd cuts, by a quick half and a slow one", async () => {
  const random = new Random(7);
  const session = goodSession();
  // Byte by byte goes through all but the middle of the large content.
  const cuts: (() => number)[] = [
    () => Infinity,
    () => 65_536,
    () => 1 + random.below(9),
    () => 1 + random.below(100_000),
  ];
  for (const isSlow of [false, true]) {
    for (const cut of cuts) {
      const peer = agent(isSlow);
      const write = peer.toSession.write(session);
      Object.defineProperty(peer.toSession, "cut", { get: cut });
      await write;
      assert.equal(await ended(peer), "ok");
      assert.deepEqual(peer.half.calls, CALLS);
      assert.equal(peer.session.receivedBytes, session.length);
    }
  }
});

Deno.test("a good session fed one byte at a time is understood", async () => {
  const peer = agent();
  peer.toSession.cut = 1;
  await peer.toSession.write(goodSession());
  assert.equal(await ended(peer), "ok");
  assert.deepEqual(peer.half.calls, CALLS);
});

Deno.test("a session cut off at any byte ends with a stream error, never well", async () => {
  const session = goodSession();
  // Within content one cut is like the next: every byte of the heads, and some in between.
  const isHead = (at: number) => at < 400 || at > session.length - 200 || at % 10_007 === 0;
  for (let at = 0; at < session.length; at++) {
    if (!isHead(at)) continue;
    const peer = agent();
    await peer.toSession.write(session.subarray(0, at));
    peer.toSession.close();
    await ended(peer);
    assert.deepEqual(peer.failure(), { kind: "stream", text: "connection broken: the client went away" }, `${at}`);
    await peer.session.receiveJob().catch(() => {});
  }
});

Deno.test("a frame of 1 MiB is taken, a longer one is refused as soon as its header is there", async () => {
  const peer = agent();
  const job = made((writer) => encodeJob(writer, { agentIsSource: false, options: options(), paths: [utf8("x")] }));
  await peer.send(Message.job, job);
  const whole = new Uint8Array(5 + FRAME_BYTES);
  new DataView(whole.buffer).setUint32(0, FRAME_BYTES, true);
  whole[4] = Message.ping;
  await peer.bytes(whole);
  assert.match(peer.failure().text, /PING.*bytes too many/);

  for (const length of [FRAME_BYTES + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const other = agent();
    const header = new Uint8Array(5);
    new DataView(header.buffer).setUint32(0, length, true);
    header[4] = Message.job;
    await other.bytes(header);
    assert.match(other.failure().text, new RegExp(`a frame of ${length} bytes`));
    assert.equal(other.failure().kind, "stream");
  }
});
