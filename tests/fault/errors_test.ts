// Every system call of a run fails once (D03, D05, D06, D08, D09): the failure is told with the system's words, everything else is
// done, each path is old or new, no temporary file stays, nothing is deleted after the source had an error, and the next run
// is clean. Interrupted calls (EINTR) go unnoticed.

import assert from "node:assert/strict";
import { same } from "../support/manifest.ts";
import { sweep } from "../support/run.ts";
import { straceWords, struckLine } from "../support/strace.ts";
import { AT_SOURCE, AT_TARGET, clean, enumerate, failAll, watched } from "./failing_calls.ts";
import { sampled, together } from "./sample.ts";
import { sync } from "./ways.ts";
import { assertOldOrNew, freshWorkload, makeTemplate, unfinished, type Workload } from "./workload.ts";

/** Calls that a signal may interrupt. */
const INTERRUPTIBLE = [
  "openat",
  "openat2",
  "getdents64",
  "read",
  "pread64",
  "pwrite64",
  "copy_file_range",
  "ftruncate",
  "fchmod",
];

let template: Workload;
Deno.test.beforeAll(async () => {
  template = await makeTemplate();
});
Deno.test.afterAll(() => sweep(template.place));

for (const [way, count] of [["local", 24], ["push", 11], ["pull", 11]] as const) {
  Deno.test(`each failing call at the target is told, costs its own entry only and is mended by the next run (${way})`, async () => {
    await failAll({ template }, await enumerate({ template }, way, "target", AT_TARGET), count, 11);
  });
}

for (const [way, count] of [["local", 11], ["push", 7], ["pull", 7]] as const) {
  Deno.test(`each failing call at the source is told, and nothing is deleted after it (${way})`, async () => {
    await failAll({ template }, await enumerate({ template }, way, "source", AT_SOURCE), count, 12);
  });
}

for (const end of ["source", "target"] as const) {
  Deno.test(`each interrupted call at the ${end} is made again, and nobody notices`, async () => {
    const errors = Object.fromEntries(INTERRUPTIBLE.map((call) => [call, ["EINTR"]]));
    const failures = await enumerate({ template }, "local", end, errors);
    await together(sampled(failures, 9, 13), 3, async (one) => {
      const work = await freshWorkload(template);
      const log = `${work.place}/log`;
      const watch = { calls: one.call, paths: watched(work, end, one.call), log };
      const front = straceWords(watch, { effect: "error=EINTR", when: one.when });
      const ran = await sync(work, "local", { fronts: { client: front } });
      assert.equal(`${ran.code} ${ran.err}`, "0 ", `EINTR from ${one.call} ${one.when}: ${await struckLine(log)}`);
      await same(work.source, work.target);
      await sweep(work.place);
    });
  });
}

Deno.test("a file size limit of the process costs the files above it only, and no temporary file stays", async () => {
  const work = await freshWorkload(template);
  // 200 KiB: a write that crosses it is short, the next one fails.
  const limit = ["sh", "-c", `trap '' XFSZ; ulimit -f 400; exec "$@"`, "sh"];
  const ran = await sync(work, "local", { fronts: { client: limit } });
  assert.equal(ran.code, 23, ran.err);
  assert.match(ran.err, /File too large/);
  assert.deepEqual(assertOldOrNew(work, "file size limit"), []);
  assert.deepEqual(unfinished(work).sort(), ["/a/u1", "/u0", "/u3"]);
  await clean(work, "local", "file size limit");
});

Deno.test("a short write is continued where it stopped", async () => {
  const work = await freshWorkload(template);
  // The file system has room for the first part of a large write only: an update of 300 KB into a tmpfs of 400 KB that holds
  // the old one. The first write is short, the second fails, the run says so, and with room it goes through.
  const log = `${work.place}/log`;
  const watch = straceWords({ calls: "pwrite64", log });
  const limit = ["sh", "-c", `trap '' XFSZ; ulimit -f 300; exec "$@"`, "sh", ...watch];
  const ran = await sync(work, "push", { fronts: { agent: limit } });
  assert.equal(ran.code, 23, ran.err);
  const writes = (await Deno.readTextFile(log)).split("\n").filter((line) => line.startsWith("pwrite64("));
  // 153,600 bytes fit: the write of 262,144 comes back short, and the rest is tried at the place where it stopped.
  const short = writes.findIndex((line) => /, 262144, 0\) = 153600$/.test(line));
  assert.ok(short >= 0, writes.filter((line) => line.includes("262144")).join("\n"));
  assert.match(writes[short + 1], /, 108544, 153600\) = -1 EFBIG/);
  await clean(work, "push", "short writes");
});
