// Signs the blocks of a basis: strong hash, head check, anchor (records.ts). Called by lib/delta/block_signer.ts. Promises: constant
// memory; an anchor's id was not lately given to another block of this file, so that near-identical blocks are told apart.

// @ts-nocheck: AssemblyScript, not TypeScript.

import { ANCHOR_SPAN, NO_ANCHOR, putRecord, RECORD_BYTES, WEAK } from "./records";
import { idOf, isZero, scan, setRate, WINDOW_BYTES } from "./scan";

/** Ids given lately, each in the one place its low bits name. */
const GIVEN_SLOTS: u32 = 8192;
const GIVEN: usize = memory.data(32768, 16);
/** Candidates that are looked at in one block: bounds the time that content full of equal windows takes. */
const TRIES: u32 = 64;
const WEAK_TRIES: u32 = 512;

let rate: u32 = 1024;
let weakRate: u32 = 64;

/** Starts a file; of the two rates see match.ts. */
export function signStart(strongRate: u32, secondRate: u32): void {
  rate = strongRate;
  weakRate = secondRate;
  memory.fill(GIVEN, 0, 4 * GIVEN_SLOTS);
}

let anchorAt: u32 = 0;
let anchorName: u32 = 0;

/** Finds the first candidate of the block whose id is new, into anchorAt and anchorName. */
function findAnchor(at: usize, bytes: u32, tries: u32): bool {
  const end = at + (bytes < ANCHOR_SPAN ? bytes : ANCHOR_SPAN) - WINDOW_BYTES + 1;
  for (let from = at; from < end && tries > 0; tries--) {
    const found = scan(from, end);
    if (found === end) return false;
    const id = idOf(found);
    const slot = GIVEN + 4 * (id & (GIVEN_SLOTS - 1));
    if (id !== 0 && load<u32>(slot) !== id) {
      store<u32>(slot, id);
      anchorAt = <u32> (found - at);
      anchorName = id;
      return true;
    }
    from = found + 1;
  }
  return false;
}

/** The record of one block, at `into`. */
export function signBlock(at: usize, bytes: u32, into: usize): void {
  if (bytes >= WINDOW_BYTES && !isZero(at, bytes)) {
    setRate(rate);
    if (findAnchor(at, bytes, TRIES)) {
      putRecord(into, at, bytes, anchorName, anchorAt);
      return;
    }
    setRate(weakRate);
    if (findAnchor(at, bytes, WEAK_TRIES)) {
      putRecord(into, at, bytes, anchorName, anchorAt | WEAK);
      return;
    }
  }
  putRecord(into, at, bytes, 0, NO_ANCHOR);
}

/** Whole blocks one after the other. */
export function signBlocks(at: usize, blockBytes: u32, blocks: u32, into: usize): void {
  for (let i: u32 = 0; i < blocks; i++) signBlock(at + i * blockBytes, blockBytes, into + i * RECORD_BYTES);
}
