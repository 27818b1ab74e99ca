// What tells a file from another one that took its place, or from itself rewritten, in four bytes. Called by the scan for each entry, by what
// reads a file that was listed, and, for many at a time, by the kernel of folders (lib/os/kernels/assembly/folder.ts, which does the same).

import type { Stat } from "../os/os.ts";

/** Inode and change time folded to 32 bits: tells a file that was replaced or rewritten since it was listed. */
export function identityTag(stat: Stat): number {
  let tag = Math.imul(stat.inoLow ^ 0x9e3779b1, 0x85ebca6b) ^ stat.inoHigh;
  tag = Math.imul(tag ^ (stat.ctimeSec >>> 0), 0xc2b2ae35) ^ stat.ctimeNs;
  tag = Math.imul(tag ^ (tag >>> 15), 0x27d4eb2f) ^ (stat.devMajor * 4096 + stat.devMinor);
  return tag >>> 0;
}
