// Who may join a run by a further connection: whoever brings one of its tokens, once. In process: the door of the run's agent, and agents
// that only carry, with streams in memory for ssh; and the agent as a program, where a stranger asks it to carry.

import assert from "node:assert/strict";
import { hex, latin1, utf8 } from "../../lib/base/bytes.ts";
import { randomBytes } from "../../lib/os/random.ts";
import { connectInRun } from "../../lib/os/run_sockets.ts";
import type { WireSession } from "../../lib/session/wire_session.ts";
import type { LaneStreams } from "../../lib/transport/lanes.ts";
import type { Join, LaneOffer } from "../../lib/wire/lane_codec.ts";
import { serveLane } from "../../remote/lane.ts";
import { openLaneDoor } from "../../remote/lane_door.ts";
import { helloPayload, makeHello } from "../../lib/session/hello.ts";
import { joinFrame } from "../../lib/wire/lane_codec.ts";
import { formatLaunchLine } from "../../lib/wire/launch_line.ts";
import { TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { run as runProgram } from "../support/run.ts";
import { Pipe, settled } from "../wire/raw_peer.ts";

const MARKER = "0".repeat(32);

let home: string;
const before = Deno.env.get("HOME");
Deno.test.beforeEach(async () => {
  home = await Deno.makeTempDir({ prefix: "tsync-home-" });
  Deno.env.set("HOME", home);
});
Deno.test.afterEach(async () => {
  if (before === undefined) Deno.env.delete("HOME");
  else Deno.env.set("HOME", before);
  await Deno.remove(home, { recursive: true });
});

/** A run's agent as far as the door knows it. */
class Run {
  readonly joined: LaneStreams[] = [];
  readonly offer: LaneOffer;
  end!: () => void;

  constructor(count: number) {
    const ended = new Promise<void>((resolve) => this.end = resolve);
    const session = { ended, addLane: (streams: LaneStreams) => void this.joined.push(streams) };
    this.offer = openLaneDoor(session as unknown as WireSession, count);
  }
}

/** An agent that carries, with what its client sends and gets. */
function carry(join: Join) {
  const [up, down] = [new Pipe(), new Pipe()];
  const transport = { source: up.source, sink: down.sink, closed: new Promise<never>(() => {}), kill: () => {} };
  return { up, down, code: serveLane(join, MARKER, transport) };
}

/** What it answers. */
async function answered(down: Pipe): Promise<string> {
  const into = new Uint8Array(1000);
  return latin1(into.subarray(0, await down.source.read(into) ?? 0));
}

async function refused(join: Join): Promise<void> {
  const { down, code } = carry(join);
  assert.equal(await code, 5);
  assert.match(await answered(down), new RegExp(`^${MARKER} FAIL `));
}

const sockets = () => [...Deno.readDirSync(`${home}/.tsync/run`)].map(({ name }) => name);

Deno.test("JOIN: a token lets one connection in, whose bytes pass both ways; the same token lets no other in", async () => {
  const run = new Run(2);
  const { place, tokens } = run.offer;
  assert.equal(tokens.length, 2);
  assert.deepEqual(sockets(), [hex(place)]);
  assert.equal(Deno.statSync(`${home}/.tsync/run`).mode! & 0o777, 0o700);
  const { up, down, code } = carry({ place, token: tokens[0] });
  assert.equal(await answered(down), `${MARKER} OK\n`);
  while (run.joined.length === 0) await settled();
  await up.write(utf8("up"));
  const into = new Uint8Array(100);
  assert.equal(await run.joined[0].source.read(into), 2);
  assert.equal(latin1(into.subarray(0, 2)), "up");
  await run.joined[0].sink.write(utf8("down"));
  assert.equal(await answered(down), "down");

  await refused({ place, token: tokens[0] });
  await refused({ place, token: randomBytes(16) });
  await refused({ place: randomBytes(16), token: tokens[1] });
  assert.equal(run.joined.length, 1);

  const second = carry({ place, token: tokens[1] });
  assert.equal(await answered(second.down), `${MARKER} OK\n`);
  while (sockets().length > 0) await settled();
  assert.equal(run.joined.length, 2);
  // Either side's end is the carrier's.
  run.joined[0].end();
  assert.equal(await code, 0);
  second.up.close();
  assert.equal(await second.code, 0);
  assert.equal(await run.joined[1].source.read(into), null);
  run.joined[1].end();
  run.end();
});

Deno.test("JOIN: half a token, and none, get nothing and hold nobody up", async () => {
  const run = new Run(1);
  const { place, tokens } = run.offer;
  const silent = await connectInRun(hex(place));
  const half = await connectInRun(hex(place));
  await half!.sink.write(tokens[0].subarray(0, 15));
  half!.sink.close();
  assert.equal(await half!.source.read(new Uint8Array(1)), null, "it is ended without a word");
  const { down, up, code } = carry({ place, token: tokens[0] });
  assert.equal(await answered(down), `${MARKER} OK\n`);
  up.close();
  assert.equal(await code, 0);
  for (const one of [silent, half, ...run.joined]) one!.end();
  run.end();
});

Deno.test("LANES: the end of the run takes the socket away, and its connections fail", async () => {
  const run = new Run(3);
  run.end();
  while (sockets().length > 0) await settled();
  await refused({ place: run.offer.place, token: run.offer.tokens[0] });
});

Deno.test("LANES: a run folder that is a link, or another thing, is not used", async () => {
  await Deno.mkdir(`${home}/.tsync`, { mode: 0o700 });
  await Deno.mkdir(`${home}/elsewhere`);
  await Deno.symlink(`${home}/elsewhere`, `${home}/.tsync/run`);
  assert.deepEqual(new Run(1).offer.tokens, []);
  await Deno.remove(`${home}/.tsync/run`);
  await Deno.writeTextFile(`${home}/.tsync/run`, "");
  assert.deepEqual(new Run(1).offer.tokens, []);
  assert.deepEqual([...Deno.readDirSync(`${home}/elsewhere`)], []);
});

Deno.test("LANES: sockets of dead runs are taken away, those of others stay", async () => {
  const first = new Run(1);
  const dead = "a".repeat(32);
  Deno.listen({ transport: "unix", path: `${home}/.tsync/run/${dead}` }).close();
  const young = "b".repeat(32);
  Deno.listen({ transport: "unix", path: `${home}/.tsync/run/${young}` }).close();
  for (const name of [dead, young]) {
    if (!sockets().includes(name)) await Deno.writeTextFile(`${home}/.tsync/run/${name}`, "");
  }
  Deno.utimeSync(`${home}/.tsync/run/${dead}`, 1e9, 1e9);
  const isSocket = Deno.lstatSync(`${home}/.tsync/run/${dead}`).isSocket;
  const second = new Run(1);
  assert.equal(sockets().includes(dead), !isSocket);
  assert.ok(sockets().includes(young) && sockets().includes(hex(first.offer.place)));
  first.end();
  second.end();
  await settled();
});

Deno.test("JOIN: a program that knows no such run says so, and a served root takes one connection", async () => {
  const early = joinFrame({ place: randomBytes(16), token: randomBytes(16) });
  const line = latin1(
    formatLaunchLine({ marker: MARKER, agent: null, hello: helloPayload(makeHello("client")), early }, "x86_64"),
  );
  const asked = (words: string[], stdin = line) => runProgram([TSYNC_REMOTE, ...words], { stdin, env: { HOME: home } });
  const plain = await asked(["serve"]);
  assert.equal(plain.code, 5);
  assert.match(plain.out, new RegExp(`^${MARKER} FAIL the agent of this run is not found here`));
  const served = await asked(["serve", "--root", home]);
  assert.equal(served.code, 5);
  assert.match(served.out, new RegExp(`^${MARKER} FAIL a served root takes one connection`));
  // Something behind the JOIN.
  const more = btoa(latin1(Uint8Array.of(...early, 0)));
  const odd = await asked(["serve"], line.replace(/\S+\n$/, `${more}\n`));
  assert.equal(odd.code, 12);
  assert.equal(odd.out, "");
});
