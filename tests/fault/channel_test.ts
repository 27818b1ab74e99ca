// Harm inside the channel, where no cipher notices it: the stream ends at the edge of each frame and beside it (D13, J08), and bits
// turn in every field (D17). Content is guarded by its digest: whatever happens, each path is old or new.

import assert from "node:assert/strict";
import { allGone } from "../support/processes.ts";
import { sweep } from "../support/run.ts";
import { Message } from "../../lib/wire/messages.ts";
import { contentFlip, cutsOf, cutStream, flipsOf, flipText, frames, spoiled, type Way } from "./channel_runs.ts";
import { sampled, together } from "./sample.ts";
import { look, makeTemplate, type Workload } from "./workload.ts";

const WAYS: Way[] = ["push", "pull"];

let template: Workload;
Deno.test.beforeAll(async () => {
  template = await makeTemplate();
});
Deno.test.afterAll(() => sweep(template.place));

for (const way of WAYS) {
  Deno.test(`a stream that ends at or beside any frame's edge is never exit 0 and deletes nothing too early (${way})`, async () => {
    const cuts = cutsOf(await frames({ template }, way));
    const source = way === "push" ? "up" : "down";
    const always = cuts.filter(({ frame, passes }) =>
      frame.direction === source && frame.type === Message.list && passes === frame.bytes.length
    );
    assert.ok(always.length > 0, "cuts right after the entries of a folder");
    await together([...always.slice(0, 2), ...sampled(cuts, 11, 31)], 3, async (one) => {
      await cutStream({ template }, way, one);
    });
  });

  Deno.test(`a bit turned in any field of content is noticed, and no path gets anything but old or new content (${way})`, async () => {
    const guarded: number[] = [
      Message.files,
      Message.fileBegin,
      Message.fileData,
      Message.fileEnd,
      Message.fileSkip,
      Message.listEnd,
      Message.sourceDone,
      Message.want,
      Message.wantEnd,
      Message.credit,
      Message.ready,
      Message.check,
      Message.checked,
      Message.totals,
    ];
    const flips = flipsOf(await frames({ template }, way), (type) => guarded.includes(type));
    await together(sampled(flips, 14, 32), 3, (flip) => contentFlip({ template }, way, flip));
  });

  Deno.test(`a bit turned in any other field harms no content: old, new, or nothing at all (${way})`, async () => {
    const guarded: number[] = [Message.hello, Message.job, Message.roots, Message.list, Message.account];
    const flips = flipsOf(await frames({ template }, way), (type) => guarded.includes(type));
    await together(sampled(flips, 7, 33), 3, async (flip) => {
      const { work, channel, ran } = await spoiled({ template }, way, flip);
      const what = `${way}, ${flipText(flip)}: exit ${ran.code} ${ran.err}`;
      assert.ok(ran.code < 124, what);
      assert.doesNotMatch(ran.err, /internal error|panicked|Uncaught/, what);
      await channel.close();
      await allGone(work.place, 12_000);
      // A name or a number that is another legal one cannot be told from a true one; content can.
      const contents = new Set([...work.old.values(), ...work.fresh.values()]);
      for (const [path, state] of look(work.target)) {
        assert.ok(!state.startsWith("f ") || contents.has(state), `${what}\n${path}: ${state.slice(0, 80)}`);
      }
      await sweep(work.place);
    });
  });
}
