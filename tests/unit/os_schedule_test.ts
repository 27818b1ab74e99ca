// Long turns are asked for without any other change to how the process is scheduled.

import assert from "node:assert/strict";
import { linuxMachine } from "../../lib/os/linux_machine.ts";
import { takeLongTurns } from "../../lib/os/schedule.ts";
import { openLibC } from "../../lib/os/symbols.ts";

/** Policy, nice value and turn (ns) of this thread. */
function attributes(): { policy: number; nice: number; turnNs: bigint } {
  const bytes = new Uint8Array(48);
  const got = openLibC().rare.sched_getattr(linuxMachine(Deno.build.arch)!.sched_getattr, 0, bytes, bytes.length, 0);
  assert.equal(got, 0);
  const view = new DataView(bytes.buffer);
  return { policy: view.getUint32(4, true), nice: view.getInt32(16, true), turnNs: view.getBigUint64(24, true) };
}

Deno.test("takeLongTurns: the turn gets long where the kernel knows turns; policy and nice value stay", () => {
  const before = attributes();
  takeLongTurns();
  const after = attributes();
  assert.deepEqual([after.policy, after.nice], [before.policy, before.nice]);
  const [major, minor] = Deno.osRelease().split(".").map((part) => parseInt(part));
  if (major > 6 || (major === 6 && minor >= 12)) assert.equal(after.turnNs, 10_000_000n);
});
