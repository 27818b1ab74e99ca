// The lines of --progress where there is no terminal: what their rates mean.

import assert from "node:assert/strict";
import type { EntryFacts } from "../../lib/base/monitor.ts";
import { FileProgress } from "../../lib/cli/file_progress.ts";
import { Progress } from "../../lib/cli/progress.ts";

Deno.test("files that are told of together share the time since what was told before them", () => {
  let now = 0;
  const lines = new FileProgress(false, 0, () => now);
  const progress = new Progress(null, 0);
  const rate = (size: number) => {
    const line = lines.line({ size, index: 0 } as EntryFacts, progress);
    return /([\d.]+[kMG]B\/s)/.exec(line)![1];
  };
  now = 1000;
  assert.equal(rate(1 << 20), "1024.00kB/s");
  now = 1000.001;
  assert.equal(rate(3 << 20), "4.00MB/s", "not three megabytes in a thousandth of a millisecond");
  now = 3000;
  assert.equal(rate(2 << 20), "1.00MB/s");
});
