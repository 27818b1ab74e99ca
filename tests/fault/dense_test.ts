// The faults of errors_test, channel_test and link_test in runs with delta, holes and packed frames (D06, D13, D16, D17). In the gate a few of each.

import assert from "node:assert/strict";
import { Message, messageName } from "../../lib/wire/messages.ts";
import { LONG } from "../support/random.ts";
import { sweep } from "../support/run.ts";
import { contentFlip, cutsOf, cutStream, flipsOf, frames, type Trial } from "./channel_runs.ts";
import { ALL_LITERAL, DENSE, makeDenseTemplate } from "./dense_workload.ts";
import { AT_TARGET, enumerate, failAll } from "./failing_calls.ts";
import { sampled, together } from "./sample.ts";
import type { Workload } from "./workload.ts";

let template: Workload;
Deno.test.beforeAll(async () => {
  template = await makeDenseTemplate();
});
Deno.test.afterAll(() => sweep(template.place));

/** Calls by which a delta and holes are written, and their errors; on this thread no kernel copies. */
const WRITES = { pwrite64: AT_TARGET.pwrite64, ftruncate: AT_TARGET.ftruncate };

for (const way of ["local", "push", "pull"] as const) {
  Deno.test(`delta and holes: each write that fails is told, costs its own entry only and is mended by the next run (${way})`, async () => {
    const trial = { template, options: DENSE };
    const failures = await enumerate(trial, way, "target", WRITES);
    for (const call of Object.keys(WRITES)) assert.ok(failures.some((one) => one.call === call), call);
    await failAll(trial, failures, 6, 41);
  });
}

/** Frames of delta, which nothing hides; and what everything of the source travels in. */
const DELTA: number[] = [Message.signature, Message.fine, Message.fileCopy, Message.refine, Message.fileData];
const PACKED: number[] = [Message.packed];

for (const way of ["push", "pull"] as const) {
  for (const packs of [false, true]) {
    const kind = packs ? "packed" : "delta and holes";
    const types = packs ? PACKED : DELTA;
    // In the gate each way has one of them.
    const isDue = LONG || packs === (way === "push");
    if (isDue) {
      Deno.test(`${kind}: a stream that ends at or beside a frame's edge, and bits turned in it, leave old or new (${way})`, async () => {
        const trial: Trial = { template, options: ["-S", ALL_LITERAL], packs };
        const seen = await frames(trial, way);
        for (const type of types) assert.ok(seen.some((frame) => frame.type === type), messageName(type));
        const cuts = cutsOf(seen.filter(({ type }) => types.includes(type)));
        let reached = 0;
        await together(
          sampled(cuts, 4, 42),
          3,
          async (one) => void (reached += Number(await cutStream(trial, way, one))),
        );
        assert.ok(reached > 0, "none of the frames came again");
        const flips = flipsOf(seen, (type) => types.includes(type));
        await together(sampled(flips, 6, 43), 3, (one) => contentFlip(trial, way, one));
      });
    }
  }
}
