// Credit, order and backpressure of a session; and two sessions that talk to each other through streams in memory.

import assert from "node:assert/strict";
import { concatBytes, equalBytes, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { BULK_WINDOW_BYTES } from "../../lib/base/limits.ts";
import { zeroTotals } from "../../lib/base/monitor.ts";
import { ContentHash } from "../../lib/hash/content_hash.ts";
import { sessionSeed } from "../../lib/session/hello.ts";
import type { Wait } from "../../lib/session/ports.ts";
import { WireSession } from "../../lib/session/wire_session.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as event from "../../lib/wire/event_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { isBulk, Message } from "../../lib/wire/messages.ts";
import { Random } from "../support/random.ts";
import {
  FakeClock,
  type Frame,
  isSettled,
  made,
  NotingEvents,
  options,
  Pipe,
  RawPeer,
  settled,
} from "../wire/raw_peer.ts";
import { addEntry, DIGEST, rootList } from "../wire/samples.ts";

const CHUNK = new Uint8Array(256 << 10);
const cost = (frames: Frame[]) =>
  frames.filter(({ type }) => isBulk(type)).reduce((sum, { payload }) => sum + payload.length + 5, 0);

/** A client that is the source of one file "f" (2) of 2^40 bytes, wanted and begun. */
async function sending(): Promise<RawPeer> {
  const peer = new RawPeer("client");
  await peer.begin("source");
  peer.list.setStat(2, 0o100644, 2 ** 40, 0, 0, 0);
  const target = peer.session.peerTarget(peer.list);
  target.roots({ hasRoot: true, single: false, sources: 1 });
  await peer.send(Message.ready, [1]);
  target.listed(0, 1, 2, 3);
  target.fileBegin(2, 2 ** 40, null, false);
  await settled();
  return peer;
}

Deno.test("credit: a source sends 8 MiB and at most one frame more, then waits, and goes on with what it is given", async () => {
  const peer = await sending();
  const target = peer.session.peerTarget(peer.list);
  let sent = cost(peer.sent());
  let granted = BULK_WINDOW_BYTES;
  let offset = 0;
  let wait: Wait;
  const fill = async () => {
    for (;;) {
      wait = target.fileData(offset, CHUNK);
      offset += CHUNK.length;
      if (wait !== undefined && !await isSettled(wait)) break;
    }
    const frames = peer.sent();
    const last = frames.at(-1)!.payload.length + 5;
    sent += cost(frames);
    assert.ok(sent >= granted, "what may be sent is sent");
    assert.ok(sent - last < granted, "the last frame began with credit");
    assert.ok(offset - sent < 3 << 20, `what waits is bounded: ${offset - sent}`);
  };
  await fill();
  assert.equal(await isSettled(wait), false, "without credit the caller waits");
  for (const credit of [1 << 20, 3 << 20, 1]) {
    // One byte of credit lets one frame go, once what was overdrawn is given back.
    const more = credit === 1 ? sent - granted + 1 : credit;
    granted += more;
    await peer.send(Message.credit, made((writer) => event.encodeCredit(writer, more, 0)));
    await fill();
  }
  assert.equal(peer.ending(), "");
});

Deno.test("credit: a source is not given more than it spent", async () => {
  const peer = await sending();
  const spent = cost(peer.sent());
  await peer.send(Message.credit, made((writer) => event.encodeCredit(writer, spent, 0)));
  assert.equal(peer.ending(), "");
  await peer.send(Message.credit, [1, 0]);
  assert.match(peer.failure().text, /more credit than was spent/);
});

/** An agent that is a target in a file of 2^40 bytes. */
async function receiving(): Promise<{ peer: RawPeer; spent: number }> {
  const peer = new RawPeer("agent");
  await peer.begin("target");
  const list = rootList();
  addEntry(list, "f", { size: 2 ** 40 });
  const roots = made((writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, list));
  const entries = made((writer) => lists.encodeList(writer, list, 0, 1, 1, 3, Infinity));
  const begin = made((writer) => content.encodeFileBegin(writer, 1, 2 ** 40, null, false));
  await peer.send(Message.roots, roots);
  peer.session.peerSource(peer.list).ready(true);
  await peer.send(Message.list, entries);
  await peer.send(Message.fileBegin, begin);
  peer.sent();
  return { peer, spent: roots.length + entries.length + begin.length + 15 };
}

const data = (offset: number, length: number) =>
  made((writer) => content.encodeFileData(writer, offset, new Uint8Array(length)));

Deno.test("credit: a target gives back what its half is through with, in steps of at least 1 MiB, and nothing before", async () => {
  const { peer, spent } = await receiving();
  let release = () => {};
  peer.half.wait = () => new Promise<void>((resolve) => release = resolve);
  let handled = spent;
  let given = 0;
  for (let i = 0; i < 20; i++) {
    const payload = data(i * CHUNK.length, CHUNK.length);
    await peer.send(Message.fileData, payload);
    assert.deepEqual(peer.sent(), [], "the half is at work");
    release();
    await settled();
    handled += payload.length + 5;
    for (const { type, payload } of peer.sent()) {
      assert.equal(type, Message.credit);
      const credit = payload[0] & 127 | (payload[1] & 127) << 7 | (payload[2] & 127) << 14 | (payload[3] ?? 0) << 21;
      assert.ok(credit >= 1 << 20);
      given += credit;
      assert.equal(given, handled);
    }
  }
  assert.ok(handled - given < (1 << 20) && given > 4 << 20);
});

Deno.test("credit: a source that sends without it gains nothing, because the target reads no further than its half is", async () => {
  const { peer, spent } = await receiving();
  peer.half.wait = () => new Promise(() => {});
  for (let i = 0; i < 60; i++) await peer.send(Message.fileData, data(i * CHUNK.length, CHUNK.length));
  assert.equal(peer.half.calls.filter((call) => call.startsWith("fileData")).length, 1);
  assert.ok(peer.session.receivedBytes < spent + 1_500_000, `${peer.session.receivedBytes}`);
  assert.deepEqual(peer.sent(), []);
});

Deno.test("order: bulk messages arrive in the order of the calls, small files batched, control ahead of queued bulk", async () => {
  const peer = await sending();
  const target = peer.session.peerTarget(peer.list);
  peer.sent();
  peer.fromSession.isStuck = true;
  target.fileData(0, CHUNK);
  await settled();
  target.fileData(CHUNK.length, CHUNK);
  target.fileEnd(true, DIGEST);
  // A PING overtakes what is queued, not what is being written.
  await peer.clock.pass(20_000);
  peer.fromSession.isStuck = false;
  peer.fromSession.changed();
  await settled();
  assert.deepEqual(peer.sentNames(), ["FILE_DATA", "FILE_DATA", "FILE_END"]);
  await peer.clock.pass(5000);
  assert.deepEqual(peer.sentNames(), ["PING"]);
});

Deno.test("backpressure: a caller is asked to wait when more than 1 MiB is queued, and goes on when half of it is written", async () => {
  const peer = await sending();
  const target = peer.session.peerTarget(peer.list);
  peer.sent();
  peer.fromSession.isStuck = true;
  let calls = 0;
  let wait: Wait;
  do wait = target.fileData(calls++ * CHUNK.length, CHUNK); while (wait === undefined || await isSettled(wait));
  assert.ok(calls >= 4 && calls <= 6, `${calls}`);
  assert.equal(await isSettled(wait), false);
  peer.fromSession.isStuck = false;
  peer.fromSession.changed();
  assert.equal(await isSettled(wait), true);
  assert.equal(peer.sent().length, calls);
});

Deno.test("events: an agent whose client does not read them stops taking content until it does", async () => {
  const { peer } = await receiving();
  const events = peer.session.peerEvents();
  peer.half.wait = (call) => {
    if (call.startsWith("fileData")) {
      for (let i = 0; i < 1000; i++) {
        events.deleted(new Uint8Array(400).fill(0x61), 8);
      }
    }
    return undefined;
  };
  peer.fromSession.isStuck = true;
  for (let i = 0; i < 20; i++) await peer.send(Message.fileData, data(i, 1));
  const taken = peer.half.calls.filter((call) => call.startsWith("fileData")).length;
  // What is being written, more than 1 MiB behind it, and nothing else.
  assert.ok(taken >= 3 && taken <= 5, `${taken}`);
  assert.ok(events.room!() !== undefined);
  peer.fromSession.isStuck = false;
  peer.fromSession.changed();
  await settled();
  assert.equal(peer.half.calls.filter((call) => call.startsWith("fileData")).length, 20);
  assert.equal(peer.sent().filter(({ type }) => type === Message.deleted).length, 20_000);
});

Deno.test("events: entries wait for each other, and go before the agent waits for the client", async () => {
  const { peer } = await receiving();
  const events = peer.session.peerEvents();
  peer.half.wait = (call) => {
    if (call.startsWith("fileData")) { for (let i = 0; i < 100; i++) events.entry(i, 1); }
    return undefined;
  };
  await peer.send(Message.fileData, data(0, 1));
  const [told, ...more] = peer.sent();
  assert.equal(told.type, Message.entry);
  assert.equal(told.payload.length, 200);
  assert.deepEqual(more, []);
});

Deno.test("nothing lingers: one small message is written as soon as the caller pauses", async () => {
  const peer = await sending();
  const target = peer.session.peerTarget(peer.list);
  peer.sent();
  target.fileEnd(true, DIGEST);
  assert.deepEqual(peer.sent(), [], "not before");
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(peer.sentNames(), ["FILE_END"]);
});

interface Pair {
  client: WireSession;
  agent: WireSession;
  up: Pipe;
  down: Pipe;
}

/** Two sessions joined by streams, past hello; `tune` sets the streams up. */
function pair(tune: (pipe: Pipe) => void): Pair & { runs: Promise<void>[] } {
  const [up, down] = [new Pipe(), new Pipe()];
  tune(up);
  tune(down);
  const clock = new FakeClock();
  const client = new WireSession({ source: down.source, sink: up.sink, side: "client", clock, timeoutSeconds: 0 });
  const agent = new WireSession({ source: up.source, sink: down.sink, side: "agent", clock, timeoutSeconds: 0 });
  agent.acceptHello(client.helloPayload());
  return { client, agent, up, down, runs: [client.run(), agent.run()] };
}

/** A push of files of all sizes through a pair; returns what arrived, by index. */
async function push(
  files: Uint8Array[],
  streaming: boolean,
  deletes: boolean,
  tune: (pipe: Pipe) => void,
  begun: (client: WireSession, agent: WireSession) => void = () => {},
) {
  const { client, agent, runs } = pair(tune);
  const arrived = new Map<number, Uint8Array>();
  const order: string[] = [];
  agent.receiveJob().then(() => {
    const list = new FileList();
    const source = agent.peerSource(list);
    const events = agent.peerEvents();
    let [current, part, at] = [0, new Uint8Array(0), 0];
    let isListed = false;
    const endWhenDone = () => isListed && arrived.size === files.length ? source.wantEnd() : undefined;
    const answered = (index: number, bytes: Uint8Array) => {
      arrived.set(index, bytes);
      events.entry(index, 1);
      endWhenDone();
      // Every third takes its time.
      return index % 3 === 0 ? settled() : undefined;
    };
    agent.attachTarget({
      roots: () => source.ready(streaming),
      account: () => undefined,
      listed: (_folder, first, count) => {
        if (!streaming) {
          source.want(Uint32Array.from({ length: count }, (_, i) => first + i), { redo: false, delta: false });
        }
        return undefined;
      },
      subtrees: () => undefined,
      listEnd: () => {
        isListed = true;
        return endWhenDone();
      },
      file: (index, _fresh, bytes) => answered(index, bytes.slice()),
      fileBegin: (index, size) => {
        [current, part, at] = [index, new Uint8Array(size), 0];
        return undefined;
      },
      fileData: (offset, bytes) => {
        assert.ok(offset >= at);
        part.set(bytes, offset);
        at = offset + bytes.length;
        return settled();
      },
      fileCopy: () => undefined,
      fileBasis: () => undefined,
      refine: () => undefined,
      fileEnd: () => answered(current, part),
      fileSkip: () => undefined,
      sourceDone: () => {
        events.totals({ ...zeroTotals(), files: files.length });
        return undefined;
      },
      checked: () => undefined,
    }, list);
  });
  const events = new NotingEvents();
  client.onEvents(events);
  client.sendJob({ agentIsSource: false, options: options({ delete: deletes }), paths: [utf8("x")] });
  begun(client, agent);
  const list = rootList();
  const target = client.peerTarget(list);
  const send = async (i: number) => {
    const bytes = files[i - 1];
    order.push(`entry ${i} 1`);
    if (bytes.length <= 131_072) return await target.file(i, null, bytes, DIGEST);
    await target.fileBegin(i, bytes.length, null, false);
    for (let at = 0; at < bytes.length; at += 262_144) await target.fileData(at, bytes.subarray(at, at + 262_144));
    await target.fileEnd(true, DIGEST);
  };
  let sending: Promise<void> = Promise.resolve();
  client.attachSource({
    ready: () => undefined,
    descend: () => undefined,
    signature: () => undefined,
    fine: () => undefined,
    placed: () => undefined,
    want: (indexes) => {
      for (const i of indexes) sending = sending.then(() => send(i));
      return undefined;
    },
    wantEnd: () => {
      target.sourceDone(false);
      return undefined;
    },
    check: () => undefined,
  }, list);
  await target.roots({ hasRoot: true, single: false, sources: 1 });
  await settled();
  for (const [i, bytes] of files.entries()) addEntry(list, `f${10_000 + i}`, { size: bytes.length });
  await target.listed(0, 1, files.length, 3);
  if (streaming) { for (let i = 1; i <= files.length; i++) await send(i); }
  await target.listEnd(true, list.count, 0);
  while (!events.calls.some((call) => call.startsWith("totals"))) await settled();
  await client.sendBye();
  await Promise.all(runs);
  assert.equal(client.sentBytes, agent.receivedBytes);
  assert.equal(agent.sentBytes, client.receivedBytes);
  assert.deepEqual(await client.seed(), await agent.seed());
  return { arrived, told: events.calls.filter((call) => call.startsWith("entry")), order };
}

Deno.test("a whole push through two sessions carries every byte, whatever the streams do", async () => {
  const random = new Random(3);
  const sizes = [
    0,
    1,
    131_072,
    131_073,
    3_000_000,
    12_000_000,
    ...Array.from({ length: 300 }, () => random.below(60_000)),
  ];
  const files = sizes.map((size) => new Uint8Array(size).map(() => random.below(256)));
  const tunes: ((pipe: Pipe) => void)[] = [
    () => {},
    (pipe) => pipe.capacity = 65_536,
    (pipe) => Object.defineProperty(pipe, "cut", { get: () => 1 + random.below(200_000) }),
  ];
  for (const tune of tunes) {
    for (const streaming of [true, false]) {
      for (const deletes of [true, false]) {
        const { arrived, told, order } = await push(files, streaming, deletes, tune);
        for (const [i, bytes] of files.entries()) assert.ok(equalBytes(arrived.get(i + 1)!, bytes), `file ${i}`);
        assert.deepEqual(told, order);
      }
    }
  }
});

/** Joins the sessions by `count` further connections; each ends after `bytes[i]`, if that is a number. */
function moreConnections(client: WireSession, agent: WireSession, tune: (pipe: Pipe) => void, bytes: number[]): void {
  const place = new Uint8Array(16);
  agent.onLanesAsked((count) => Promise.resolve({ place, tokens: Array(count).fill(place) }));
  client.seed().then(() => client.askForLanes(bytes.length)).then(({ tokens }) => {
    assert.equal(tokens.length, bytes.length);
    for (const most of bytes) {
      const [up, down] = [new Pipe(), new Pipe()];
      const end = () => {
        for (const pipe of [up, down]) {
          pipe.broken = new Error("gone");
          pipe.drain();
          pipe.close();
        }
      };
      for (const pipe of [up, down]) tune(pipe);
      let passed = 0;
      const sink = {
        ...up.sink,
        write(bytes: Uint8Array) {
          passed += bytes.length;
          if (passed > most) end();
          return up.write(bytes);
        },
      };
      client.addLane({ source: down.source, sink, end });
      agent.addLane({ source: up.source, sink: down.sink, end });
    }
  });
}

Deno.test("a push over several connections, some of which end on the way, ends as over one", async () => {
  const random = new Random(4);
  const sizes = [3_000_000, 9_000_000, 0, 1, ...Array.from({ length: 200 }, () => random.below(60_000))];
  const files = sizes.map((size) => new Uint8Array(size).map(() => random.below(256)));
  const tune = (pipe: Pipe) => {
    pipe.capacity = 65_536;
    Object.defineProperty(pipe, "cut", { get: () => 1 + random.below(200_000) });
  };
  for (const bytes of [[Infinity, Infinity], [300_000, 2_000_000, Infinity], [1000, 10, 0]]) {
    for (const streaming of [true, false]) {
      let most = 0;
      let isAsked = false;
      const { arrived, told, order } = await push(files, streaming, true, tune, (client, agent) => {
        moreConnections(client, agent, tune, bytes);
        isAsked = true;
        client.ended.then(() => most = client.connections);
      });
      assert.ok(isAsked);
      for (const [i, content] of files.entries()) assert.ok(equalBytes(arrived.get(i + 1)!, content), `file ${i}`);
      assert.deepEqual(told, order);
      await settled();
      assert.ok(most >= 2, `${most} connections`);
    }
  }
});

Deno.test("the seed of a session is that of PROTOCOL.md: the first 8 bytes of XXH3-128 over both nonces, little-endian", async () => {
  const [client, agent] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const digest = (await ContentHash.create(0, 0)).hash(concatBytes(client, agent));
  const view = new DataView(digest.buffer);
  const seed = await sessionSeed(client, agent);
  assert.deepEqual(seed, { low: view.getUint32(0, true), high: view.getUint32(4, true) });
  assert.notDeepEqual(await sessionSeed(agent, client), seed);
});
