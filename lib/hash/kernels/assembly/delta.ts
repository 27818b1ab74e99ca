// The module behind lib/delta: XXH3, signing, matching, fine blocks. Its memory from ROOM on is the caller's to divide.

// @ts-nocheck: AssemblyScript, not TypeScript.

export { setSeed, streamDigest, streamStart, streamUpdate } from "./xxh3";
export { isZero } from "./scan";
export { fineEqual, fineSign } from "./records";
export { signBlock, signBlocks, signStart } from "./sign";
export { matchAdvance, matchKeepFrom, matchMove, matchSkip, matchStart, OUT, OUT_ENTRIES } from "./match";
export { matchFailed, matchLooked, matchSearched } from "./match";

/** The first address that the module itself does not use. */
export function room(): usize {
  return (__heap_base + 63) & ~63;
}
