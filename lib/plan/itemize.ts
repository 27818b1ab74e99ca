// rsync's eleven letters for what happens to an entry (`-i`), e.g. ">f.st......": first what is done, then the kind, then
// one letter per attribute. Pure. Called by the reporter of the command line and by tests.

import { Change } from "../base/monitor.ts";

/** Kinds as in file_list.ts (file type bits of st_mode >> 12). */
const KIND_LETTERS: Record<number, string> = { 1: "S", 2: "D", 4: "d", 6: "D", 8: "f", 10: "L", 12: "S" };
const FILE = 8;

/** What a removed entry has in front of its name. */
export const DELETING = "*deleting  ";

/**
 * The letters for `change` (Change bits) of an entry of `kind`. `sending` tells whether content leaves this machine
 * ("<", a push) or arrives (">", a pull or a local run). 0 gives an unchanged entry's letters.
 */
export function itemize(kind: number, change: number, sending: boolean): string {
  const created = (change & Change.create) !== 0;
  const transferred = (change & Change.content) !== 0 || (created && kind === FILE);
  const local = created || (change & Change.local) !== 0;
  const isLinked = (change & Change.linked) !== 0;
  const isAlternative = (change & Change.hardLink) !== 0;
  const moves = transferred ? (sending ? "<" : ">") : isAlternative ? "h" : local ? "c" : ".";
  const action = isLinked ? "h" : moves;
  const head = action + (KIND_LETTERS[kind] ?? "?");
  if (created) return head + "+++++++++";
  const letters = (change & Change.checksum ? "c" : ".") + (change & Change.size ? "s" : ".") +
    (change & Change.timeNow ? "T" : change & Change.time ? "t" : ".") + (change & Change.mode ? "p" : ".") +
    (change & Change.owner ? "o" : ".") + (change & Change.group ? "g" : ".") +
    (change & Change.atime ? "u" : ".") +
    (change & Change.acl ? "a" : ".") + (change & Change.xattr ? "x" : ".");
  return head + (!transferred && letters === "........." ? "         " : letters);
}
