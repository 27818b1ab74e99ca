// How the threads of this process share a processor with others. Called by the job runner once the remote shell runs. Promises: nothing but the
// order of turns changes; where the system does not know this (Linux before 6.12), nothing does.

import { linuxMachine } from "./linux_machine.ts";
import { openLibC } from "./symbols.ts";

/** struct sched_attr in its first version: size, policy, flags, nice, priority, runtime, deadline, period. */
const ATTR_BYTES = 48;
const POLICY_AT = 4;
const RUNTIME_AT = 24;
const SCHED_OTHER = 0;
/** Three times what the kernel gives by itself are enough; more changes nothing (measured: 2 to 100 ms). */
const LONG_TURN_NS = 10_000_000;

/**
 * Asks for long turns, in exchange for which whoever wakes up with a short one to make goes first. Else each of the many short turns of
 * a handshake may wait for the end of ours. Measured on two processors: `ssh host true` 262 ms by itself, 320 beside a scan, 282
 * beside one that takes long turns. Source: the kernel's EEVDF scheduler, where a task's slice is its request and sets its deadline.
 */
export function takeLongTurns(): void {
  const machine = linuxMachine(Deno.build.arch);
  if (Deno.build.os !== "linux" || machine === undefined) return;
  try {
    const { rare } = openLibC();
    const attr = new DataView(new ArrayBuffer(ATTR_BYTES));
    const bytes = new Uint8Array(attr.buffer);
    for (const { name } of Deno.readDirSync("/proc/self/task")) {
      const thread = Number(name);
      if (rare.sched_getattr(machine.sched_getattr, thread, bytes, ATTR_BYTES, 0) < 0) continue;
      if (attr.getUint32(POLICY_AT, true) !== SCHED_OTHER) continue;
      attr.setBigUint64(RUNTIME_AT, BigInt(LONG_TURN_NS), true);
      rare.sched_setattr(machine.sched_setattr, thread, bytes, 0);
    }
  } catch {
    // Without FFI turns are what they are.
  }
}
