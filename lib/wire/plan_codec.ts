// PLAN: how much the source holds, told before its list where it has been scanned to its end, so that a target may see whether all of it
// has room before it changes anything. Called by lib/session.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { ENTRIES } from "../base/limits.ts";

/** What a source holds. */
export interface PlanTotals {
  /** With the root. */
  entries: number;
  /** Sizes of files and lengths of link targets, bytes. */
  bytes: number;
  /** By so much less room do its files take there than their sizes say, bytes. */
  holeBytes: number;
}

export function encodePlan(writer: ByteWriter, { entries, bytes, holeBytes }: PlanTotals): void {
  writer.varint(entries);
  writer.varint(bytes);
  writer.varint(holeBytes);
}

export function decodePlan(reader: ByteReader): PlanTotals {
  const entries = reader.varint("PLAN entries", ENTRIES);
  if (entries === 0) reader.fail("PLAN entries", "the root is one");
  const bytes = reader.varint("PLAN bytes", Number.MAX_SAFE_INTEGER);
  const holeBytes = reader.varint("PLAN holes", Number.MAX_SAFE_INTEGER);
  reader.done("PLAN");
  return { entries, bytes, holeBytes };
}
