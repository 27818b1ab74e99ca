// The state table, held against the one in PROTOCOL.md section 10, and a live session in every state given every message.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { zeroTotals } from "../../lib/base/monitor.ts";
import { type Phase, SessionState } from "../../lib/session/state.ts";
import { helloPayload, makeHello, type SessionSide } from "../../lib/session/hello.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message, messageName } from "../../lib/wire/messages.ts";
import * as wish from "../../lib/wire/wish_codec.ts";
import { made, options, RawPeer, settled } from "../wire/raw_peer.ts";
import { addEntry, DIGEST, payload, rootList, SAMPLES } from "../wire/samples.ts";

type Role = "none" | "source" | "target";

interface Cell {
  side: SessionSide;
  role: Role;
  phase: Phase;
}

const TARGET_PHASES: Phase[] = ["roots", "list", "list in a file", "data", "data in a file", "target check"];
const SOURCE_PHASES: Phase[] = ["ready", "want", "source check"];

/** Every state that there is. */
const CELLS: Cell[] = [
  { side: "client", role: "none", phase: "hello" },
  // The job went out before.
  { side: "client", role: "source", phase: "hello" },
  { side: "client", role: "target", phase: "hello" },
  { side: "client", role: "none", phase: "idle" },
  { side: "agent", role: "none", phase: "job" },
  { side: "agent", role: "source", phase: "names" },
  ...(["client", "agent"] as const).flatMap((side) => [
    ...TARGET_PHASES.map((phase): Cell => ({ side, role: "target", phase })),
    ...SOURCE_PHASES.map((phase): Cell => ({ side, role: "source", phase })),
  ]),
  { side: "client", role: "source", phase: "end" },
  { side: "agent", role: "target", phase: "end" },
];

/** The rows of the table in PROTOCOL.md: receiver, state, legal messages without what must have come "after". */
function documentRows(): { receivers: string; states: string; legal: string[] }[] {
  const text = Deno.readTextFileSync(new URL("../../lib/wire/PROTOCOL.md", import.meta.url));
  const lines = text.slice(text.indexOf("## 10.")).split("\n").filter((line) => /^\| *[a-z]/.test(line));
  const rows = lines.filter((line) => !/^\| *receiver /.test(line));
  return rows.map((row) => {
    const [, receivers, states, legal] = row.split("|").map((cell) => cell.trim());
    const plain = legal.replace(/ after (a )?[A-Z_]+( was sent)?/g, "").replace(/TOTALS, once \(below\)/, "");
    return { receivers, states, legal: plain.match(/[A-Z][A-Z_]+/g) ?? [] };
  });
}

/** The messages that PROTOCOL.md allows in a state, by name. */
function documentedMessages({ side, role, phase }: Cell, deletes = true): Set<string> {
  if (phase === "hello") return new Set(["HELLO"]);
  const legal = new Set<string>(["PING", "ABORT"]);
  if (role === "source") legal.add("CREDIT");
  if (role === "target" && phase !== "end") legal.add("PACKED");
  if (role !== "none") { for (const name of ["LANES", "SPLIT"]) legal.add(name); }
  for (const row of documentRows()) {
    const who = [side, role, `${side} as ${role}`];
    const isRow = who.includes(row.receivers) && phase !== "end" || row.receivers === `${side} as ${role}`;
    const states = row.states.replace(/ \(.*| after SOURCE_DONE.*/, "").replace(/,$/, "").split(", ");
    const isState = states.includes(phase) || (row.states === "any after JOB" && role !== "none");
    if (isRow && isState) { for (const name of row.legal) legal.add(name); }
  }
  if (side === "client" && (phase === "source check" || (phase === "want" && !deletes))) legal.add("TOTALS");
  // An early BYE is no breach (the text below the table): the session ends, as one that was broken off.
  if (side === "agent" && role !== "none") legal.add("BYE");
  return legal;
}

const TYPES = [...Object.values(Message), 0x00, 0x03, 0x0f, 0x2e, 0x2f, 0x34, 0x3f, 0x46, 0x57, 0x7f, 0xff];

Deno.test("the state table is the one in PROTOCOL.md", () => {
  assert.ok(documentRows().length >= 14);
  for (const cell of CELLS) {
    for (const deletes of [true, false]) {
      const state = new SessionState(cell.side === "client");
      state.phase = cell.phase;
      state.role = cell.role;
      state.deletes = deletes;
      const legal = TYPES.filter((type) => state.isLegal(type)).map(messageName);
      assert.deepEqual(
        new Set(legal),
        documentedMessages(cell, deletes),
        `${cell.side} as ${cell.role} in ${cell.phase}`,
      );
    }
  }
});

const ROOTS = made((writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, rootList()));

/** A list of files "f" and "g" with 3 bytes each. */
function list(): Uint8Array {
  const all = rootList();
  addEntry(all, "f", { size: 3 });
  addEntry(all, "g", { size: 3 });
  return made((writer) => lists.encodeList(writer, all, 0, 1, 2, 3, Infinity));
}

/** A live session in the given state. */
async function inState({ side, role, phase }: Cell): Promise<RawPeer> {
  const peer = new RawPeer(side);
  if (phase === "hello" && role !== "none") {
    peer.session.sendJob({ agentIsSource: role === "target", options: options(), paths: [utf8("x")] });
  }
  if (phase === "hello" || phase === "job") return peer;
  if (phase === "idle") {
    await peer.send(Message.hello, helloPayload(makeHello("agent")));
    return peer;
  }
  await peer.begin(role as "source" | "target", { delete: true, filesFrom: phase === "names" });
  await (role === "source" ? asSource(peer, phase) : asTarget(peer, phase));
  return peer;
}

async function asSource(peer: RawPeer, phase: Phase): Promise<void> {
  if (phase === "names") return;
  const target = peer.session.peerTarget(peer.list);
  target.roots({ hasRoot: true, single: false, sources: 1 });
  if (phase === "ready") return;
  await peer.send(Message.ready, [0]);
  if (phase === "want") return;
  target.listed(0, 1, 2, 3);
  target.listed(1, 3, 0, 3);
  target.listEnd(true, 3, 3);
  await peer.send(Message.wantEnd);
  target.sourceDone(false);
  if (phase === "end") await peer.send(Message.totals, payload(SAMPLES.find(({ type }) => type === Message.totals)!));
}

async function asTarget(peer: RawPeer, phase: Phase): Promise<void> {
  if (phase === "roots") return;
  await peer.send(Message.roots, ROOTS);
  const source = peer.session.peerSource(peer.list);
  source.ready(true);
  if (phase === "list") return;
  await peer.send(Message.list, list());
  const begin = made((writer) => content.encodeFileBegin(writer, 1, 3, null, false));
  if (phase === "list in a file") return await peer.send(Message.fileBegin, begin);
  await peer.send(Message.listEnd, made((writer) => lists.encodeListEnd(writer, true, 3, 6)));
  if (phase === "data") return;
  if (phase === "data in a file") return await peer.send(Message.fileBegin, begin);
  for (const i of [1, 2]) await peer.send(Message.fileSkip, [i, 1]);
  source.wantEnd();
  await peer.send(Message.sourceDone, [0]);
  if (phase === "end") peer.session.peerEvents().totals(zeroTotals());
}

Deno.test("a session gives each message in each state to its half, or ends with a stream error that names the state", async () => {
  for (const cell of CELLS) {
    const documented = documentedMessages(cell);
    for (const type of TYPES) {
      const peer = await inState(cell);
      assert.equal(peer.ending(), "", `${cell.side} as ${cell.role} does not reach ${cell.phase}: ${peer.ending()}`);
      const sample = SAMPLES.find((one) => one.type === type);
      await peer.send(type, sample === undefined ? [] : payload(sample));
      // What is in a PACKED may be refused where PACKED itself is not.
      const refused = RegExp(`: ${messageName(type)} is not legal in the state "(.*)"`).exec(peer.ending());
      const where = `${messageName(type)} to ${cell.side} as ${cell.role} in ${cell.phase}`;
      assert.equal(refused !== null, !documented.has(messageName(type)), `${where}: ${peer.ending()}`);
      if (refused !== null) {
        assert.equal(refused[1], cell.phase, where);
        assert.equal(peer.failure().kind, "stream");
        assert.equal(peer.sentNames().at(-1), "ABORT", where);
      }
      await peer.session.fail(new Error("the test is over"));
      await settled();
      assert.equal(peer.clock.timers, 0, "an ended session leaves no timer");
    }
  }
});

Deno.test("legal messages of a whole session reach the half in order, with what they say", async () => {
  const peer = await inState({ side: "agent", role: "target", phase: "list in a file" });
  await peer.send(Message.fileData, made((writer) => content.encodeFileData(writer, 1, Uint8Array.of(7, 8))));
  await peer.send(Message.listEnd, made((writer) => lists.encodeListEnd(writer, true, 3, 6)));
  await peer.send(Message.fileEnd, made((writer) => content.encodeFileEnd(writer, DIGEST)));
  await peer.send(
    Message.files,
    made((writer) => content.encodeFile(writer, 2, null, Uint8Array.of(97, 98, 99), DIGEST)),
  );
  peer.session.peerSource(peer.list).want(Uint32Array.of(2), { redo: true, delta: false });
  await peer.send(
    Message.files,
    made((writer) => content.encodeFile(writer, 2, { size: 1, mtimeSec: 5, mtimeNs: 6 }, Uint8Array.of(97), DIGEST)),
  );
  peer.session.peerSource(peer.list).wantEnd();
  await peer.send(Message.sourceDone, [1]);
  peer.session.peerSource(peer.list).check([Uint8Array.of(97), Uint8Array.of(98)]);
  await peer.send(Message.checked, [2, 1]);
  assert.deepEqual(peer.half.calls, [
    'roots {"hasRoot":true,"single":false,"sources":1}',
    "listed 0 1 2 3",
    "fileBegin 1 3 -",
    "fileData 1 2",
    "listEnd true 3 6",
    "fileEnd true",
    "file 2 - abc a0a1",
    "file 2 1 a a0a1",
    "sourceDone true",
    "checked 01",
  ]);
  assert.deepEqual(peer.sentNames(), ["READY", "WANT", "WANT_END", "CHECK"]);
  peer.session.peerEvents().totals(zeroTotals());
  await peer.send(Message.bye);
  assert.equal(peer.ending(), "ok");
});

Deno.test("wishes of the target reach the source half in order, with what they say", async () => {
  const peer = await inState({ side: "client", role: "source", phase: "want" });
  const target = peer.session.peerTarget(peer.list);
  target.listed(0, 1, 2, 3);
  target.listed(1, 3, 0, 7);
  target.listEnd(false, 3, 3);
  await peer.send(
    Message.want,
    made((writer) => wish.encodeWant(writer, Uint32Array.of(2), 0, 1, { redo: false, delta: false })),
  );
  target.file(2, null, Uint8Array.of(1, 2, 3), DIGEST);
  await peer.send(
    Message.want,
    made((writer) => wish.encodeWant(writer, Uint32Array.of(2), 0, 1, { redo: true, delta: false })),
  );
  target.fileBegin(2, 3, null, false);
  target.fileData(0, Uint8Array.of(1, 2, 3));
  target.fileEnd(true, DIGEST);
  await peer.send(Message.wantEnd);
  target.sourceDone(false);
  await peer.send(Message.check, [1, 1, 97]);
  target.checked(Uint8Array.of(1));
  await settled();
  assert.deepEqual(peer.half.calls, ["ready false", "want 2 false", "want 2 true", "wantEnd", "check a"]);
  assert.deepEqual(
    peer.sentNames().join(" "),
    "ROOTS LIST LIST LIST_END FILES FILE_BEGIN FILE_DATA FILE_END SOURCE_DONE CHECKED",
  );
});

/** A source whose list, one file, has ended. */
async function listedSource(side: SessionSide, deletes: boolean): Promise<RawPeer> {
  const peer = new RawPeer(side);
  await peer.begin("source", { delete: deletes });
  const target = peer.session.peerTarget(peer.list);
  target.roots({ hasRoot: true, single: false, sources: 1 });
  await peer.send(Message.ready, [0]);
  target.listed(0, 1, 2, 3);
  target.listed(1, 3, 0, 3);
  target.listEnd(true, 3, 3);
  return peer;
}

const TOTALS = payload(SAMPLES.find(({ type }) => type === Message.totals)!);
const WANT_FILE = made((writer) => wish.encodeWant(writer, Uint32Array.of(2), 0, 1, { redo: false, delta: false }));

Deno.test("without delete a target ends the wishes by its totals or a goodbye, and a source half hears of it", async () => {
  const client = await listedSource("client", false);
  await client.send(Message.want, WANT_FILE);
  client.session.peerTarget(client.list).fileSkip(2, 1);
  await client.send(Message.totals, TOTALS);
  assert.equal(client.half.calls.at(-1), "wantEnd");
  client.sentNames();
  client.session.peerTarget(client.list).sourceDone(true);
  await settled();
  assert.deepEqual(client.sentNames(), [], "nobody asks for SOURCE_DONE");
  assert.equal(client.ending(), "");

  const agent = await listedSource("agent", false);
  await agent.send(Message.bye);
  assert.equal(agent.half.calls.at(-1), "wantEnd");
  assert.equal(agent.ending(), "ok");
  assert.equal(agent.session.peerTarget(agent.list).sourceDone(false), undefined, "after the end, too");
});

Deno.test("totals or a goodbye before the list has ended or a wish was answered, or in a job with delete, are no end", async () => {
  const early = new RawPeer("client");
  await early.begin("source", { delete: false });
  early.session.peerTarget(early.list).roots({ hasRoot: true, single: false, sources: 1 });
  await early.send(Message.ready, [0]);
  await early.send(Message.totals, TOTALS);
  assert.match(early.ending(), /TOTALS before the list has ended/);

  const wanting = await listedSource("client", false);
  await wanting.send(Message.want, WANT_FILE);
  await wanting.send(Message.totals, TOTALS);
  assert.match(wanting.ending(), /TOTALS before every wish was answered/);

  const deleting = await listedSource("client", true);
  await deleting.send(Message.totals, TOTALS);
  assert.match(deleting.ending(), /TOTALS is not legal in the state "want"/);

  for (const [deletes, wants] of [[false, true], [true, false]]) {
    const agent = await listedSource("agent", deletes);
    if (wants) await agent.send(Message.want, WANT_FILE);
    await agent.send(Message.bye);
    assert.match(agent.ending(), /ended the run early/);
  }
});

Deno.test("a target does not ask a source for its last word where nothing is deleted", async () => {
  for (const deletes of [false, true]) {
    const peer = new RawPeer("agent");
    await peer.begin("target", { delete: deletes });
    await asTarget(peer, "data");
    for (const i of [1, 2]) await peer.send(Message.fileSkip, [i, 1]);
    peer.sentNames();
    peer.session.peerSource(peer.list).wantEnd();
    await settled();
    assert.deepEqual(peer.sentNames(), deletes ? ["WANT_END"] : []);
    assert.equal(peer.half.calls.includes("sourceDone false"), !deletes);
    if (!deletes) await peer.send(Message.sourceDone, [0]);
    assert.equal(peer.ending() !== "", !deletes);
  }
});

Deno.test("a client that says job and roots before HELLO has come goes on when it comes", async () => {
  const peer = new RawPeer("client");
  peer.session.sendJob({ agentIsSource: false, options: options(), paths: [utf8("x")] });
  peer.list.add(utf8(""), 0, 0, 0, 0o040755, 0, 0, 0, 0, 0, 0, null);
  peer.session.attachSource(peer.half, peer.list);
  peer.session.peerTarget(peer.list).roots({ hasRoot: true, single: false, sources: 1 });
  await peer.session.drained();
  assert.deepEqual(peer.sentNames(), ["JOB", "ROOTS"]);
  await peer.send(Message.hello, helloPayload(makeHello("agent")));
  await peer.send(Message.ready, [1]);
  assert.deepEqual(peer.half.calls, ["ready true"]);
  assert.deepEqual(peer.sentNames(), ["PING"]);
});
