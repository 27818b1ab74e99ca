// SPLIT and LANES as a session takes them from a peer that breaks the rules, and the decision when further connections are needed.

import assert from "node:assert/strict";
import { LaneNeed } from "../../lib/job/lane_watch.ts";
import { Capability, Message } from "../../lib/wire/messages.ts";
import { helloPayload, makeHello } from "../../lib/session/hello.ts";
import { frame, made, options, Pipe, RawPeer, settled } from "../wire/raw_peer.ts";
import { encodeJob } from "../../lib/wire/job_codec.ts";
import { WireSession } from "../../lib/session/wire_session.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { encodeChunkHeader } from "../../lib/transport/lane_chunk.ts";

async function peerOf(side: "client" | "agent"): Promise<RawPeer> {
  const peer = new RawPeer(side);
  await peer.begin("target");
  return peer;
}

function chunk(sequence: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + content.length);
  encodeChunkHeader(bytes, { length: content.length, sequence, used: 0 });
  bytes.set(content, 16);
  return bytes;
}

Deno.test("SPLIT: an agent answers with its own, once, and goes on in chunks", async () => {
  const peer = await peerOf("agent");
  await peer.send(Message.split);
  assert.deepEqual(peer.sentNames(), ["SPLIT"]);
  // A PING cut in two, the second part first.
  const ping = frame(Message.ping, [9]);
  await peer.bytes(chunk(1, ping.subarray(3)));
  await peer.bytes(chunk(0, ping.subarray(0, 3)));
  assert.equal(peer.ending(), "");
  // Another SPLIT inside of the chunks.
  await peer.bytes(chunk(2, frame(Message.split)));
  assert.match(peer.ending(), /SPLIT came a second time/);
  assert.equal(peer.failure().kind, "stream");
});

Deno.test("SPLIT: what comes behind it in the same read is chunks already", async () => {
  const peer = await peerOf("agent");
  const bytes = [...frame(Message.ping, [1]), ...frame(Message.split), ...chunk(0, frame(Message.abort, [5, 0]))];
  await peer.bytes(Uint8Array.from(bytes));
  await settled();
  assert.equal(peer.failure().kind, "stream");
  assert.match(peer.ending(), /client/);
});

Deno.test("SPLIT and LANES: unasked, twice, or not agreed on, they end the session", async () => {
  for (const type of [Message.split, Message.lanes]) {
    const client = await peerOf("client");
    await client.send(type, type === Message.lanes ? [...new Uint8Array(17)] : []);
    assert.match(client.ending(), /came unasked/);
  }
  const asked = await peerOf("agent");
  await asked.send(Message.lanes, [3]);
  await settled();
  assert.deepEqual(asked.sentNames(), ["LANES"]);
  await asked.send(Message.lanes, [3]);
  assert.match(asked.ending(), /LANES came a second time/);

  const client = await peerOf("client");
  const offer = client.session.askForLanes(2);
  await client.send(Message.lanes, [...new Uint8Array(16), 3, ...new Uint8Array(48)]);
  assert.match(client.ending(), /LANES tokens: 3, 2 were asked for/);
  await assert.rejects(offer);

  for (const type of [Message.split, Message.lanes]) {
    const peer = new RawPeer("agent");
    const plain = new WireSession({
      ...{
        source: peer.toSession.source,
        sink: peer.fromSession.sink,
        side: "agent",
        clock: peer.clock,
        timeoutSeconds: 0,
      },
      withholds: Capability.severalChannels,
    });
    plain.acceptHello(helloPayload(makeHello("client")));
    const ended = plain.run().then(() => "", (error) => String(error.message));
    await peer.session.fail(new Error("the other one speaks"));
    await peer.send(
      Message.job,
      made((w) => encodeJob(w, { agentIsSource: false, options: options(), paths: [utf8("x")] })),
    );
    await peer.send(type, type === Message.lanes ? [1] : []);
    assert.match(await ended, /is not legal in the state/);
  }
});

Deno.test("SPLIT: a chunk that breaks the rules is an offence, and no lost link", async () => {
  const peer = await peerOf("agent");
  await peer.send(Message.split);
  await peer.bytes(Uint8Array.of(255, 255, 255, 255, ...new Uint8Array(12)));
  const { kind, text } = peer.failure();
  assert.equal(kind, "stream");
  assert.match(text, /breaks the rules of lanes: a chunk of 4294967295 bytes/);
  assert.equal("isGone" in (peer.outcome as { data: object }).data, false);
});

Deno.test("SPLIT: a connection that gives nothing while another one does is ended after ten seconds; the session's end stops the clock", async () => {
  const peer = await peerOf("agent");
  const [up, down] = [new Pipe(), new Pipe()];
  let isEnded = false;
  peer.session.addLane({ source: up.source, sink: down.sink, end: () => isEnded = true });
  await peer.send(Message.split);
  const said: string[] = [];
  peer.session.onLaneLost((why) => said.push(why));
  const empty = chunk(0, new Uint8Array(0));
  for (let second = 0; second < 20; second++) {
    await peer.bytes(empty);
    if (second < 10) await up.write(empty);
    await peer.clock.pass(1000);
    assert.equal(isEnded, second >= 19, `${second} s`);
  }
  assert.deepEqual(said, ["silent"]);
  assert.ok(down.drain().length >= 16, "it is told each second that we live");
  assert.equal(peer.ending(), "");
  await peer.session.fail(new Error("enough"));
  assert.equal(peer.clock.timers, 0);
});

Deno.test("further connections are needed where the link is waited for, at a window in a long round trip, for a while", () => {
  const MIB = 1 << 20;
  /** Half-second looks with so many MiB each, waited for so long. */
  const looks = (mib: number[], waitedMs: number, tripMs: number) => {
    const need = new LaneNeed(0);
    let [bytes, waited] = [0, 0];
    return mib.map((each, i) =>
      need.look((i + 1) * 500, { bytes: bytes += each * MIB, waitedMs: waited += waitedMs }, tripMs)
    );
  };
  assert.deepEqual(looks([5, 5, 5], 450, 200), [false, false, true], "2 MiB in 200 ms are 5 in half a second");
  assert.deepEqual(looks([5, 5, 1, 5, 5, 5], 450, 200), [false, false, false, false, false, true], "in a row");
  assert.deepEqual(looks([50, 50, 50], 450, 200), [false, false, false], "no line with such a window is that long");
  assert.deepEqual(looks([5, 5, 5], 100, 200), [false, false, false], "it is not the link that is waited for");
  assert.deepEqual(looks([3, 3, 3], 450, 200), [false, false, false], "less than a window");
  assert.deepEqual(looks([500, 500, 500], 450, 10), [false, false, false], "a short round trip");
  assert.deepEqual(looks([20, 20, 20], 450, 50), [false, false, true]);
});
