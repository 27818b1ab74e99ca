// The verbs of Os as data. Read by memory.ts (faults by script) and recording.ts (counts).

import { OpenMode, type Os } from "./os.ts";

export type Verb = Exclude<keyof Os, "abilities">;

/** Verbs that change a tree whenever they succeed; openFile is one only when it creates. */
const CHANGING: ReadonlySet<Verb> = new Set<Verb>([
  "makeRoot",
  "writeAll",
  "writeAllAt",
  "truncate",
  "punchHole",
  "allocate",
  "cloneFile",
  "copyRange",
  "makeFolder",
  "makeLink",
  "makeSpecial",
  "hardLink",
  "rename",
  "renameNew",
  "exchange",
  "unlink",
  "removeFolder",
  "setMode",
  "setOwner",
  "setTimes",
  "setAccessTime",
  "setAttribute",
  "removeAttribute",
]);

/** True if this call changes a tree when it succeeds. `how` is openFile's OpenMode. */
export function isChanging(verb: Verb, how?: number): boolean {
  return CHANGING.has(verb) || (verb === "openFile" && how === OpenMode.create);
}
