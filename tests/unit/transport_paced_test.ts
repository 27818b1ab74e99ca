// The rate of --bwlimit by a clock that the test moves: the average is kept, saved time is worth little, pieces are small.

import assert from "node:assert/strict";
import type { TargetPort } from "../../lib/session/ports.ts";
import { limitedTarget } from "../../lib/job/limited.ts";
import { Pace, pacedSink } from "../../lib/transport/paced.ts";

Deno.test("Pace: whoever waits as told keeps the rate, late timers are caught up, an idle line earns half a second at most", () => {
  let now = 1000;
  const pace = new Pace(100, () => now);
  let spent = 0;
  while (spent < 1000 * 1024) {
    // Each timer comes 3 ms late.
    now += pace.spend(5000) + 3;
    spent += 5000;
  }
  const seconds = (now - 1000) / 1000;
  assert.ok(Math.abs(spent / 1024 / 100 / seconds - 1) < 0.01, `${seconds} s`);
  now += 60_000;
  let free = 0;
  while (pace.spend(1024) === 0) free += 1024;
  assert.ok(free <= 51 * 1024, `${free} bytes at once`);
});

Deno.test("pacedSink: all bytes in their order, in pieces of 50 ms; a failure of the sink comes through", async () => {
  const content = crypto.getRandomValues(new Uint8Array(50_000));
  const pieces: Uint8Array[] = [];
  let closed = false;
  const sink = pacedSink(
    {
      write: (bytes) => {
        pieces.push(bytes.slice());
        return Promise.resolve();
      },
      close: () => closed = true,
    },
    200,
  );
  const from = performance.now();
  await sink.write(content);
  const took = performance.now() - from;
  sink.close();
  assert.ok(closed);
  assert.ok(took > 200, `${took} ms for 244`);
  assert.ok(pieces.every(({ length }) => length <= 10_240));
  const joined = new Uint8Array(pieces.flatMap((piece) => [...piece]));
  assert.deepEqual(joined, content);
  const broken = pacedSink({ write: () => Promise.reject(new Error("gone")), close() {} }, 200);
  await assert.rejects(broken.write(content), /gone/);
});

Deno.test("limitedTarget: content goes on in pieces at its places, and there is no way around it", async () => {
  const said: string[] = [];
  const target = new Proxy({}, {
    get: (_, name) => (...given: unknown[]) => {
      said.push(`${String(name)} ${given.map((one) => one instanceof Uint8Array ? one.length : one)}`);
    },
  }) as TargetPort;
  const limited = limitedTarget(target, 100);
  await limited.fileData(7, new Uint8Array(12_000));
  assert.deepEqual(said, ["fileData 7,5120", "fileData 5127,5120", "fileData 10247,1760"]);
  assert.equal(limited.fill, undefined);
  assert.equal(limited.closing, undefined);
});
