// How a session lives and ends: keepalive, timeouts, hello and versions, ABORT, BYE, a lost peer. Every way to end fails everyone who
// waits, with the reason.

import assert from "node:assert/strict";
import { RuleFlag } from "../../lib/filter/rule.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { ByteReader } from "../../lib/base/codec.ts";
import { EXIT_CODES, TsyncError } from "../../lib/base/errors.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { zeroTotals } from "../../lib/base/monitor.ts";
import { helloPayload, makeHello } from "../../lib/session/hello.ts";
import { WireSession } from "../../lib/session/wire_session.ts";
import * as event from "../../lib/wire/event_codec.ts";
import { encodeHello } from "../../lib/wire/hello_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message } from "../../lib/wire/messages.ts";
import { FakeClock, frame, isSettled, made, options, Pipe, RawPeer, settled } from "../wire/raw_peer.ts";
import { rootList } from "../wire/samples.ts";

const ROOTS = made((writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, rootList()));
const ping = (counter: number) => frame(Message.ping, made((writer) => event.encodePing(writer, counter)));

/** The counters of the PINGs that were sent. */
function pings(peer: RawPeer): number[] {
  return peer.sent().filter(({ type }) => type === Message.ping).map(({ payload }) =>
    event.decodePing(new ByteReader(payload))
  );
}

async function begun(side: "client" | "agent", role: "source" | "target", timeoutSeconds = 0): Promise<RawPeer> {
  const peer = new RawPeer(side, side === "client" ? timeoutSeconds : 0);
  await peer.begin(role, { timeoutSeconds });
  return peer;
}

Deno.test("keepalive: PING goes out after 5 s of silence, and not while something is sent", async () => {
  const peer = await begun("agent", "target");
  await peer.clock.pass(4500);
  assert.deepEqual(peer.sentNames(), []);
  await peer.clock.pass(500);
  assert.deepEqual(peer.sentNames(), ["PING"]);
  await peer.clock.pass(3000);
  peer.session.peerSource(peer.list).ready(false);
  await settled();
  await peer.clock.pass(3000);
  assert.deepEqual(peer.sentNames(), ["READY"]);
  await peer.clock.pass(2000);
  assert.deepEqual(peer.sentNames(), ["PING"]);
});

Deno.test("keepalive: with --timeout=6 PING goes out every 2 s", async () => {
  const peer = await begun("agent", "target", 6);
  for (let i = 0; i < 4; i++) {
    await peer.clock.pass(2000);
    await peer.bytes(ping(i + 1));
    assert.deepEqual(peer.sentNames(), ["PING"]);
  }
});

Deno.test("keepalive: PING counts the work done: messages, parts of messages, what worked() adds; no PINGs", async () => {
  const peer = await begun("agent", "target");
  await peer.clock.pass(5000);
  const [first] = pings(peer);
  await peer.bytes(ping(5));
  await peer.clock.pass(5000);
  assert.deepEqual(pings(peer), [first], "a PING is no work");
  await peer.send(Message.roots, ROOTS);
  await peer.clock.pass(5000);
  assert.deepEqual(pings(peer), [first + ROOTS.length + 5]);
  peer.session.worked(1000);
  await peer.bytes(frame(Message.list, new Uint8Array(500)).subarray(0, 300));
  await peer.clock.pass(5000);
  assert.deepEqual(pings(peer), [first + ROOTS.length + 5 + 1000 + 300]);
});

Deno.test("--timeout: silence of the peer ends a session with kind timeout, naming both and what was waited for", async () => {
  for (const side of ["client", "agent"] as const) {
    const peer = await begun(side, "target", 10);
    await peer.clock.pass(9500);
    assert.equal(peer.ending(), "");
    await peer.clock.pass(500);
    const [us, them] = side === "client" ? ["client", "agent"] : ["agent", "client"];
    assert.deepEqual(peer.failure(), {
      kind: "timeout",
      text: `the ${us} heard nothing from the ${them} for 10 s, waiting for its source roots`,
    });
    assert.equal(peer.sentNames().at(-1), "ABORT");
  }
});

Deno.test("--timeout: without it silence is borne", async () => {
  const peer = await begun("agent", "target");
  await peer.clock.pass(3_600_000);
  assert.equal(peer.ending(), "");
});

Deno.test("--timeout: PINGs whose counter does not rise do not hold a session open; those whose counter rises do", async () => {
  const peer = await begun("client", "target", 10);
  for (let i = 0; i < 20; i++) {
    await peer.clock.pass(2000);
    await peer.bytes(ping(i));
  }
  assert.equal(peer.ending(), "");
  for (let i = 0; i < 5; i++) {
    await peer.clock.pass(2000);
    await peer.bytes(ping(19 - i % 2));
  }
  assert.equal(peer.failure().kind, "timeout");
});

Deno.test("--timeout: a message that comes byte by byte does not hold a session open; one at 1 KiB in time does", async () => {
  const message = frame(Message.list, new Uint8Array(1 << 20));
  for (const [step, isHeld] of [[1, false], [100, false], [1024, true]] as const) {
    const peer = await begun("client", "target", 10);
    await peer.send(Message.roots, ROOTS);
    let at = 0;
    for (let i = 0; i < 40 && peer.ending() === ""; i++) {
      await peer.bytes(message.subarray(at, at += step));
      await peer.clock.pass(2000);
    }
    assert.equal(peer.ending() === "", isHeld, `${step} bytes each 2 s`);
  }
});

Deno.test("--timeout: a thousand PINGs in one read are no progress", async () => {
  const peer = await begun("client", "target", 10);
  const many = new Uint8Array(1000 * 6);
  for (let i = 0; i < 1000; i++) many.set(ping(0), i * 6);
  for (let i = 0; i < 5; i++) {
    await peer.bytes(many);
    await peer.clock.pass(2000);
  }
  assert.equal(peer.failure().kind, "timeout");
});

Deno.test("--timeout: time in which our half is at work does not count, unless our writing is stuck too", async () => {
  const peer = await begun("client", "target", 10);
  peer.half.wait = () => new Promise(() => {});
  await peer.send(Message.roots, ROOTS);
  await peer.clock.pass(60_000);
  assert.equal(peer.ending(), "");
  peer.fromSession.isStuck = true;
  await peer.clock.pass(20_000);
  assert.equal(peer.failure().kind, "timeout");
});

Deno.test("--timeout: a process that stood still does not blame its peer", async () => {
  const peer = await begun("client", "target", 10);
  await peer.clock.stall(60_000);
  assert.equal(peer.ending(), "");
  await peer.clock.pass(10_000);
  assert.equal(peer.failure().kind, "timeout");
});

Deno.test("--timeout: a write that is stuck ends the session although nothing can be told", async () => {
  const peer = await begun("client", "source", 10);
  peer.fromSession.isStuck = true;
  peer.session.peerTarget(peer.list).roots({ hasRoot: true, single: false, sources: 1 });
  await peer.clock.pass(12_000);
  assert.equal(peer.failure().kind, "timeout");
  assert.equal(peer.clock.timers, 0);
});

Deno.test("--timeout: an agent keeps its own when the job asks for a longer one or none", async () => {
  for (const timeoutSeconds of [0, 100]) {
    const peer = new RawPeer("agent", 10);
    await peer.begin("target", { timeoutSeconds });
    await peer.clock.pass(10_000);
    assert.equal(peer.failure().kind, "timeout");
  }
});

Deno.test("handshake: HELLO and JOB have 20 s each, PINGs or not; it ends with exit code 5", async () => {
  for (const side of ["client", "agent"] as const) {
    const peer = new RawPeer(side);
    for (let i = 0; i < 19; i++) {
      await peer.clock.pass(1000);
      if (side === "agent") await peer.bytes(ping(i));
    }
    assert.equal(peer.ending(), "");
    await peer.clock.pass(1000);
    assert.equal(peer.failure().kind, "start");
    assert.equal((peer.outcome as TsyncError).exitCode, 5);
  }
});

function helloWith(changes: Partial<ReturnType<typeof makeHello>>): Uint8Array {
  return made((writer) => encodeHello(writer, { ...makeHello("agent"), ...changes }));
}

Deno.test("HELLO: another major version, or a capability that one side lacks, is incompatible and names it", async () => {
  const cases: [Partial<ReturnType<typeof makeHello>>, RegExp][] = [
    [{ major: 2 }, /protocol 1\.0 \(tsync .*\), the other protocol 2\.0;/],
    [{ major: 0, minor: 9 }, /the other protocol 0\.9;/],
    [{ requires: 4 + 8 }, /requires hard links;/],
    [{ requires: 2 ** 40 }, /requires capability 40;/],
    [{ version: utf8("1\x1b[31m") }, /^$/],
    [{ minor: 7, offers: 2 ** 52 + 255 }, /^$/],
  ];
  for (const [changes, text] of cases) {
    const peer = new RawPeer("client");
    await peer.send(Message.hello, helloWith(changes));
    assert.match(peer.ending(), text);
    if (peer.ending() === "") continue;
    assert.equal(peer.failure().kind, "incompatible");
    assert.equal((peer.outcome as TsyncError).exitCode, 2);
    assert.equal(peer.sentNames().at(-1), "ABORT");
  }
});

Deno.test("HELLO: what follows minor in another major version is not read", async () => {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, [2, 0, 0, 0, 9, 9, 9]);
  assert.equal(peer.failure().kind, "incompatible");
});

Deno.test("HELLO: a peer that claims our side is refused", async () => {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, helloPayload(makeHello("client")));
  assert.match(peer.failure().text, /on this side/);
});

Deno.test("HELLO: an agent that refuses the client's has said its own before, and then why", async () => {
  const [up, down] = [new Pipe(), new Pipe()];
  const agent = new WireSession({
    source: up.source,
    sink: down.sink,
    side: "agent",
    clock: new FakeClock(),
    timeoutSeconds: 0,
  });
  const peer = new RawPeer("client");
  const theirs = made((writer) => encodeHello(writer, { ...makeHello("client"), major: 7 }));
  assert.throws(() => agent.acceptHello(theirs), TsyncError);
  await agent.fail(new TsyncError({ kind: "incompatible", ours: "1", theirs: "7" }));
  await peer.bytes(down.drain());
  assert.equal(peer.failure().kind, "incompatible");
});

Deno.test("ABORT: its kind and text become our error, with the exit code of the table and the text escaped", async () => {
  const kinds = [
    "usage",
    "selection",
    "unsupported",
    "file",
    "stream",
    "interrupted",
    "guard",
    "timeout",
    "incompatible",
  ] as const;
  for (const [i, kind] of kinds.entries()) {
    const peer = await begun("client", "source");
    await peer.send(Message.abort, made((writer) => event.encodeAbort(writer, i + 1, utf8("no\x1b[2J\u202e way"))));
    assert.equal(peer.failure().kind, kind);
    assert.equal((peer.outcome as TsyncError).exitCode, EXIT_CODES[kind]);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(peer.failure().text, /[\x00-\x1f\u202e]/);
    if (kind !== "incompatible") assert.match(peer.failure().text, /no\\#033\[2J/);
    assert.deepEqual(peer.sentNames(), [], "an ABORT is not answered");
  }
});

Deno.test("ABORT: each of our errors crosses the wire as its kind, our own mistakes as a stream error", async () => {
  const cases: [unknown, string, RegExp][] = [
    [new TsyncError({ kind: "guard", detail: "too much" }), "guard", /^too much$/],
    [new TsyncError({ kind: "file", detail: "disk full" }), "file", /^disk full$/],
    [new TsyncError({ kind: "output", detail: "pipe" }), "stream", /the client ended the session: pipe/],
    [new Error("tsync bug: x"), "stream", /internal error: tsync bug: x/],
  ];
  for (const [error, kind, text] of cases) {
    const ours = await begun("client", "target");
    ours.half.wait = () => {
      throw error;
    };
    await ours.send(Message.roots, ROOTS);
    assert.equal(ours.outcome, error);
    const theirs = await begun("agent", "source");
    for (const { type, payload } of ours.sent()) await theirs.send(type, payload);
    assert.equal(theirs.failure().kind, kind);
    assert.match(theirs.failure().text, text);
  }
});

Deno.test("ABORT: a text of more than 4,096 bytes is cut", async () => {
  const peer = await begun("client", "target");
  peer.session.fail(new TsyncError({ kind: "file", detail: "x".repeat(10_000) }));
  await settled();
  const abort = peer.sent().at(-1)!;
  assert.equal(event.decodeAbort(new ByteReader(abort.payload)).text.length, 4096);
});

Deno.test("a stream that ends without BYE is a broken link on either side", async () => {
  for (const [side, text] of [["client", /the agent ended unexpectedly/], ["agent", /the client went away/]] as const) {
    const peer = await begun(side, "target");
    peer.toSession.close();
    await settled();
    assert.equal(peer.failure().kind, "stream");
    assert.match(peer.failure().text, text);
    assert.deepEqual(peer.sent(), []);
  }
});

Deno.test("a sink that breaks ends the session a second later, unless the peer still says why", async () => {
  const silent = await begun("client", "source");
  silent.fromSession.broken = new Error("EPIPE");
  silent.session.peerTarget(silent.list).roots({ hasRoot: true, single: false, sources: 1 });
  await settled();
  assert.equal(silent.ending(), "");
  await silent.clock.pass(1000);
  assert.match(silent.failure().text, /the agent reads no more/);

  const told = await begun("client", "source");
  told.fromSession.broken = new Error("EPIPE");
  told.session.peerTarget(told.list).roots({ hasRoot: true, single: false, sources: 1 });
  await settled();
  await told.send(Message.abort, made((writer) => event.encodeAbort(writer, 4, utf8("disk full"))));
  assert.equal(told.failure().text, "disk full");
  assert.equal(told.clock.timers <= 1, true);
  await told.clock.pass(2000);
  assert.equal(told.clock.timers, 0);
});

Deno.test("the loss of the peer fails everyone who waits, at once and with the reason", async () => {
  const client = new RawPeer("client");
  const seed = client.session.seed();
  const ended = client.session.ended;
  client.toSession.close();
  for (const waiter of [seed, ended]) await assert.rejects(waiter, /the agent ended unexpectedly/);

  const agent = new RawPeer("agent");
  const job = agent.session.receiveJob();
  agent.toSession.close();
  await assert.rejects(job, /the client went away/);
  await assert.rejects(agent.session.receiveJob(), /the client went away/);

  const source = await begun("client", "source");
  const target = source.session.peerTarget(source.list);
  source.fromSession.isStuck = true;
  let room = target.account(0, 1, new Uint8Array(200).fill(0x61));
  while (room === undefined || await isSettled(room)) room = target.account(0, 1, new Uint8Array(200).fill(0x61));
  source.toSession.close();
  await assert.rejects(room, /the agent ended unexpectedly/);
  assert.throws(() => target.account(0, 2, utf8("a")), /the agent ended unexpectedly/);
  await assert.rejects(source.session.sendBye(), /the agent ended unexpectedly/);

  const half = await begun("agent", "target");
  half.toSession.close();
  await settled();
  assert.throws(() => half.session.peerSource(half.list).ready(true), /the client went away/);
  // Events after the end are dropped: whoever cleans up may still tell.
  half.session.peerEvents().problem({ verb: 1, cause: 0, errno: 1, side: 1, path: utf8("x") });
  half.session.peerEvents().totals(zeroTotals());
});

Deno.test("a peer lost before the half is attached fails what waits for it", async () => {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, helloPayload(makeHello("agent")));
  peer.session.sendJob({ agentIsSource: true, options: options(), paths: [utf8("x")] });
  await peer.send(Message.roots, ROOTS);
  await peer.session.fail(new TsyncError({ kind: "interrupted", detail: "Ctrl-C" }));
  assert.equal(peer.failure().kind, "interrupted");
});

Deno.test("messages that come before the half is attached wait for it", async () => {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, helloPayload(makeHello("agent")));
  peer.session.sendJob({ agentIsSource: true, options: options(), paths: [utf8("x")] });
  await peer.send(Message.roots, ROOTS);
  assert.equal(peer.ending(), "");
  peer.session.attachTarget(peer.half, new FileList());
  await settled();
  assert.equal(peer.half.calls.length, 1);
});

Deno.test("fail() tells the peer, at most a second long, and resolves; a second call does nothing", async () => {
  const peer = await begun("client", "source");
  await peer.session.fail(new TsyncError({ kind: "interrupted", detail: "Ctrl-C" }));
  assert.deepEqual(peer.sentNames(), ["ABORT"]);
  await peer.session.fail(new Error("too late"));
  assert.equal(peer.failure().text, "Ctrl-C");

  const stuck = await begun("client", "source");
  stuck.fromSession.isStuck = true;
  let isDone = false;
  stuck.session.fail(new TsyncError({ kind: "interrupted", detail: "Ctrl-C" })).then(() => isDone = true);
  await stuck.clock.pass(900);
  assert.equal(isDone, false);
  await stuck.clock.pass(100);
  assert.equal(isDone, true);
  assert.equal(stuck.failure().text, "Ctrl-C");
});

Deno.test("BYE: the client ends when it is written, the agent when it comes; before the end it is an interruption", async () => {
  const client = await begun("client", "target");
  client.fromSession.isStuck = true;
  const bye = client.session.sendBye();
  await settled();
  assert.equal(client.ending(), "");
  client.fromSession.isStuck = false;
  client.fromSession.changed();
  await bye;
  await settled();
  assert.equal(client.ending(), "ok");
  assert.deepEqual(client.sentNames(), ["BYE"]);
  await client.session.ended;

  const source = await begun("agent", "source");
  await source.send(Message.bye);
  assert.equal(source.failure().kind, "interrupted");
  assert.equal((source.outcome as TsyncError).exitCode, 20);
});

Deno.test("JOB: one that does not fit a frame is a usage error before anything is sent, and the session goes on", async () => {
  const peer = new RawPeer("client");
  await peer.send(Message.hello, helloPayload(makeHello("agent")));
  const pattern = new Uint8Array(4096);
  const filters = Array.from({ length: 300 }, () => ({ flags: RuleFlag.include, pattern }));
  const job = { agentIsSource: false, options: options({ filters }), paths: [utf8("x")] };
  assert.throws(() => peer.session.sendJob(job), /more than 1 MiB/);
  peer.session.sendJob({ ...job, options: options() });
  await settled();
  assert.deepEqual(peer.sentNames(), ["PING", "JOB"]);
});

Deno.test("a session that has ended leaves no timer", async () => {
  const peer = await begun("agent", "target");
  peer.toSession.close();
  await settled();
  assert.equal(peer.clock.timers, 0);
  const client = await begun("client", "target");
  await client.session.sendBye();
  assert.equal(client.clock.timers, 0);
});
