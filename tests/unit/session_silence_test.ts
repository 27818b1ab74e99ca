// What --timeout says when a peer does nothing any more: which side stands still, whether it lives, and at which file (D14).

import assert from "node:assert/strict";
import { IndexSet } from "../../lib/base/index_set.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as event from "../../lib/wire/event_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { Message } from "../../lib/wire/messages.ts";
import { frame, made, RawPeer } from "../wire/raw_peer.ts";
import { addEntry, rootList } from "../wire/samples.ts";

const ping = (counter: number) => frame(Message.ping, made((writer) => event.encodePing(writer, counter)));

/** A client that is the target of a folder with the large files "a" and "b", both wanted. */
async function waiting(): Promise<RawPeer> {
  const peer = new RawPeer("client", 10);
  await peer.begin("target", { timeoutSeconds: 10 });
  const list = rootList();
  for (const name of ["a", "b\n"]) addEntry(list, name, { size: 2 ** 40 });
  await peer.send(Message.roots, made((w) => lists.encodeRoots(w, { hasRoot: true, single: false, sources: 1 }, list)));
  const source = peer.session.peerSource(peer.list);
  source.ready(false);
  await peer.send(Message.list, made((w) => lists.encodeList(w, list, 0, 1, 2, 3, Infinity)));
  source.want(Uint32Array.of(1, 2), { redo: false, delta: false });
  await peer.send(Message.listEnd, made((w) => lists.encodeListEnd(w, true, 3, 2 ** 41)));
  return peer;
}

Deno.test("--timeout names the file that was wanted first and did not come", async () => {
  const peer = await waiting();
  await peer.clock.pass(10_000);
  assert.deepEqual(peer.failure(), {
    kind: "timeout",
    text: 'the client heard nothing from the agent for 10 s, waiting for file content of "a"',
  });
});

Deno.test("--timeout names the file that is coming, escaped, and says that the other side lives but stands still", async () => {
  const peer = await waiting();
  await peer.send(Message.fileBegin, made((w) => content.encodeFileBegin(w, 2, 2 ** 40, null, false)));
  for (let i = 0; i < 5; i++) {
    await peer.bytes(ping(7));
    await peer.clock.pass(2500);
  }
  assert.deepEqual(peer.failure(), {
    kind: "timeout",
    text: "the client saw no work of the agent, which answers, for 10 s, waiting for file content of " +
      String.raw`"b\#012"`,
  });
});

Deno.test("--timeout names the file that a target was sent last", async () => {
  const peer = new RawPeer("client", 10);
  await peer.begin("source", { timeoutSeconds: 10 });
  peer.list.setStat(2, 0o100644, 2 ** 40, 0, 0, 0);
  const target = peer.session.peerTarget(peer.list);
  target.roots({ hasRoot: true, single: false, sources: 1 });
  await peer.send(Message.ready, [1]);
  target.listed(0, 1, 2, 3);
  target.fileBegin(2, 2 ** 40, null, false);
  await peer.clock.pass(10_000);
  assert.deepEqual(peer.failure(), {
    kind: "timeout",
    text: 'the client heard nothing from the agent for 10 s, waiting for its wishes; the last file it was sent is "f"',
  });
});

Deno.test("IndexSet.lowest finds the lowest member, wherever it is", () => {
  const set = new IndexSet();
  assert.equal(set.lowest(), -1);
  for (const i of [100_000, 31, 64, 63]) set.add(i);
  for (const expected of [31, 63, 64, 100_000]) {
    assert.equal(set.lowest(), expected);
    set.delete(expected);
  }
  assert.equal(set.lowest(), -1);
});
