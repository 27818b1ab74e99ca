// The beginning of a client's stream that waits for the agent, and how it is put in front of what follows.

import assert from "node:assert/strict";
import { concatBytes, latin1, utf8 } from "../../lib/base/bytes.ts";
import type { ByteSink } from "../../lib/os/streams.ts";
import { EarlySink, prefixed } from "../../lib/transport/early.ts";
import { Pipe } from "../wire/raw_peer.ts";

/** A sink that notes what it takes, a turn later. */
function slowSink(): ByteSink & { taken: string[] } {
  const taken: string[] = [];
  return {
    taken,
    async write(bytes) {
      await new Promise((resolve) => setTimeout(resolve));
      taken.push(latin1(bytes));
    },
    close: () => taken.push("closed"),
  };
}

Deno.test("EarlySink: what was written before the launch travels in the line, and nothing of it twice", async () => {
  const sink = slowSink();
  const early = new EarlySink(sink);
  const buffer = utf8("job");
  await early.write(buffer);
  buffer.fill(0);
  await early.write(utf8("roots"));
  assert.equal(latin1(early.take(8)), "jobroots");
  early.open();
  await early.write(utf8("list"));
  early.close();
  assert.deepEqual(sink.taken, ["list", "closed"]);
});

Deno.test("EarlySink: what is too long for the line, or comes later, goes out first and in order when the agent has answered", async () => {
  const sink = slowSink();
  const early = new EarlySink(sink);
  await early.write(utf8("job"));
  await early.write(utf8("roots"));
  assert.equal(early.take(7).length, 0);
  await early.write(utf8("ping"));
  assert.deepEqual(sink.taken, []);
  early.open();
  await Promise.all([early.write(utf8("list")), early.write(utf8("end"))]);
  assert.deepEqual(sink.taken, ["jobrootsping", "list", "end"]);
});

Deno.test("EarlySink: who writes next hears that what was kept could not be written", async () => {
  const failing: ByteSink = { write: () => Promise.reject(new Error("broken pipe")), close: () => {} };
  const early = new EarlySink(failing);
  await early.write(utf8("job"));
  early.open();
  await assert.rejects(early.write(utf8("list")), /broken pipe/);
});

Deno.test("prefixed: gives the beginning and then the source, whatever the reads are", async () => {
  for (const size of [1, 2, 3, 7, 100]) {
    const pipe = new Pipe();
    await pipe.write(utf8("and the rest"));
    pipe.close();
    const source = prefixed(utf8("first "), pipe.source);
    const parts: Uint8Array[] = [];
    const into = new Uint8Array(size);
    for (let n = await source.read(into); n !== null; n = await source.read(into)) parts.push(into.slice(0, n));
    assert.equal(latin1(concatBytes(...parts)), "first and the rest");
  }
});
