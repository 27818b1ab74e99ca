// One filter rule as data: what a pattern, written as rsync's users write it, does to the names it matches, or which file in
// each folder holds more rules. The command line makes rules (rule_text.ts), the protocol carries them as flags and bytes,
// both ends check them again here, and FilterSet (filter_set.ts) applies them.

/** What a rule says beside its bytes. One number, as it travels. */
export const RuleFlag = {
  /** What matches is included; else excluded. Of a merge file without prefixes: what its patterns do. */
  include: 1,
  /** "/": the pattern is held against the whole path of the file system. */
  absolute: 2,
  /** "!": the rule is for what does not match. */
  negated: 4,
  /** "s", hide, show: it works at the source: an exclude hides a name from the transfer. */
  sender: 8,
  /** "r", protect, risk: it works at the target: an exclude protects a name from deletion. Neither: both. */
  receiver: 16,
  /** "p": it does not count in folders that are being deleted. */
  perishable: 32,
  /** "x": it is about the names of extended attributes. */
  xattr: 64,
  /** dir-merge: the bytes name a file of rules to be read in each folder. The flags above are what its rules get. */
  merge: 128,
  /** "n": its rules are for its own folder, not for those below. */
  noInherit: 256,
  /** "w": words are rules, not lines. */
  words: 512,
  /** "-" and "+": each line is a pattern, without prefix. */
  plain: 1024,
  /** "C": plain, but "!" forgets. */
  clears: 2048,
  /** --from0: lines end with NUL. */
  nul: 4096,
  /** --delete-excluded: its rules work at the source only unless they say otherwise. */
  senderOnly: 8192,
} as const;

const ALL_FLAGS = 0x3fff;
/** What a rule read from a merge file takes over from the rule that names the file. */
export const HANDED_DOWN = RuleFlag.include | RuleFlag.absolute | RuleFlag.sender | RuleFlag.receiver |
  RuleFlag.perishable | RuleFlag.xattr;
const MERGE_ONLY = ALL_FLAGS & ~(HANDED_DOWN | RuleFlag.negated | RuleFlag.merge);
export const SIDES = RuleFlag.sender | RuleFlag.receiver;

/** Plain data; make one with `ruleFromParts`, so that it is known to be usable. */
export interface Rule {
  /** RuleFlag bits. */
  readonly flags: number;
  /** The pattern as written, or the merge file's name or path: 1 to PATTERN_BYTES bytes, no NUL. */
  readonly pattern: Uint8Array;
}

/** What is wrong with a rule, as one sentence for the user. A value, never thrown. */
export class RuleError {
  /** `isFile`: a file of rules cannot be read, which ends a run with another code. */
  constructor(readonly sentence: string, readonly isFile: boolean = false) {}
}

/** Longest pattern, bytes: rsync's, and no path that tsync carries is longer. */
export const PATTERN_BYTES = 4095;

/**
 * A rule from its parts, as they travel between the ends. Refuses an empty pattern, a NUL byte (it could never match)
 * and one that is too long: rsync drops such a rule with a warning, and goes on to copy or delete what it was to spare.
 */
export function ruleFromParts(pattern: Uint8Array, flags: number): Rule | RuleError {
  const kind = (flags & RuleFlag.merge) !== 0 ? "dir-merge" : (flags & RuleFlag.include) !== 0 ? "include" : "exclude";
  const isMerge = kind === "dir-merge";
  if (flags !== (flags & ALL_FLAGS) || (flags & (isMerge ? RuleFlag.negated : MERGE_ONLY)) !== 0) {
    return new RuleError(`${kind} rule with flags that do not belong to it`);
  }
  if (pattern.length === 0) return new RuleError(`${kind} rule without a pattern`);
  if (pattern.length > PATTERN_BYTES) {
    return new RuleError(`${kind} pattern of ${pattern.length} bytes; at most ${PATTERN_BYTES} are possible`);
  }
  if (pattern.includes(0)) return new RuleError(`${kind} pattern with a NUL byte, which no name can hold`);
  return { flags, pattern };
}

/** The name of a merge file in each folder: its path's last component. */
export function mergeName(rule: Rule): Uint8Array {
  return rule.pattern.subarray(rule.pattern.lastIndexOf(0x2f) + 1);
}
