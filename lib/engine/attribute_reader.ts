// What reads extended attributes and access lists with a scan (-A, -X): loaded only where an option asks for it.

import type { SyncOptions } from "../base/options.ts";
import type { Os } from "../os/os.ts";
import type { AttributeReader, AttributeRules } from "../tree/attributes.ts";

export interface AttributeReaderInput {
  options: SyncOptions;
  os: Os;
  filters: AttributeRules;
  isRoot: boolean;
  side: "sender" | "receiver";
}

/** Null: nobody asks for them. */
export async function attributeReader(input: AttributeReaderInput): Promise<AttributeReader | null> {
  const { options, os, filters, isRoot, side } = input;
  if (!options.acls && !options.xattrs) return null;
  const { AttributeReader, carriesOn, withNotes } = await import("../tree/attributes.ts");
  return new AttributeReader(os, side === "receiver" ? withNotes(options) : options, carriesOn(side, filters, isRoot));
}
