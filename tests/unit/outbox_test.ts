// When an outbox writes: control at once, a little bulk in company, much of it while its maker pauses.

import assert from "node:assert/strict";
import { TsyncError } from "../../lib/base/errors.ts";
import { Outbox } from "../../lib/session/outbox.ts";
import { Message } from "../../lib/wire/messages.ts";
import { settled } from "../wire/raw_peer.ts";

const KIB = 1024;

/** An outbox, the lengths of its writes, and what stands for the end of a turn of the event loop. */
function open() {
  const writes: number[] = [];
  const later: (() => void)[] = [];
  const sink = {
    write(bytes: Uint8Array) {
      writes.push(bytes.length);
      return Promise.resolve();
    },
    close: () => {},
  };
  const clock = { now: () => 0, soon: (fn: () => void) => void later.push(fn) };
  const outbox = new Outbox(sink, clock, (error) => {
    throw error;
  });
  return {
    outbox,
    writes,
    bulk(bytes: number) {
      outbox.bulk(Message.list).raw(new Uint8Array(bytes - 5));
      return outbox.bulkEnd();
    },
    /** The turn ends; microtasks have their way. */
    async turn() {
      for (const fn of later.splice(0)) fn();
      await settled();
    },
  };
}

Deno.test("a little bulk waits for company until the turn ends, and goes out in one write", async () => {
  const { bulk, writes, turn } = open();
  for (let i = 0; i < 10; i++) {
    assert.equal(bulk(1 * KIB), undefined);
    await settled();
  }
  assert.deepEqual(writes, []);
  await turn();
  assert.deepEqual(writes, [10 * KIB]);
  await turn();
  assert.deepEqual(writes, [10 * KIB], "nothing is left");
});

Deno.test("bulk that is enough goes out when its maker pauses; what comes behind it waits for company again", async () => {
  const { bulk, writes, turn } = open();
  bulk(16 * KIB);
  await settled();
  assert.deepEqual(writes, [16 * KIB]);
  bulk(2 * KIB);
  await settled();
  assert.deepEqual(writes, [16 * KIB]);
  await turn();
  assert.deepEqual(writes, [16 * KIB, 2 * KIB]);
});

Deno.test("control goes out at once, ahead of a little bulk, which then still waits", async () => {
  const { outbox, bulk, writes, turn } = open();
  bulk(2 * KIB);
  outbox.control(Message.ping);
  outbox.controlEnd();
  await settled();
  assert.deepEqual(writes, [5]);
  await turn();
  assert.deepEqual(writes, [5, 2 * KIB]);
});

Deno.test("who waits for all to be out does not wait for company", async () => {
  const { outbox, bulk, writes } = open();
  bulk(2 * KIB);
  await outbox.drained();
  assert.deepEqual(writes, [2 * KIB]);
});

Deno.test("without credit a little bulk waits for it, and nobody turns in a circle", async () => {
  const { outbox, bulk, writes, turn } = open();
  for (let left = 8 << 20; left > 0; left -= 128 * KIB) {
    bulk(128 * KIB);
    await settled();
    await turn();
  }
  assert.equal(writes.reduce((sum, bytes) => sum + bytes, 0), 8 << 20);
  const before = writes.length;
  bulk(1 * KIB);
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(writes.length, before);
  outbox.addCredit(1 * KIB, 0);
  await turn();
  assert.deepEqual(writes.slice(before), [1 * KIB]);
});

Deno.test("whoever makes bulk without a pause is asked for one at 32 KiB, 64 KiB and so on, so that its first bytes are on the way", async () => {
  const { bulk, writes, turn } = open();
  const asked: number[] = [];
  for (let made = 8; made <= 512; made += 8) {
    const wait = bulk(8 * KIB);
    if (wait === undefined) continue;
    asked.push(made);
    await turn();
    await wait;
  }
  assert.deepEqual(asked, [32, 96, 224, 480]);
  assert.deepEqual(writes.slice(0, 4), [32, 64, 128, 256].map((kib) => kib * KIB));
});

Deno.test("an outbox that was stopped writes nothing any more, whatever waits for company", async () => {
  const { outbox, bulk, writes, turn } = open();
  bulk(1 * KIB);
  outbox.stop(new TsyncError({ kind: "stream", detail: "over" }));
  await turn();
  assert.deepEqual(writes, []);
});
