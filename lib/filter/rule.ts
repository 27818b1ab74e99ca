// One filter rule as data: what a pattern, written as rsync's users write it, does to the names it matches. The command
// line makes rules (rule_text.ts), the protocol carries them as their parts, both ends build them again here with the
// same checks, and FilterSet (filter_set.ts) applies them.

export type RuleAction = "include" | "exclude";

/**
 * Where a rule works. On the sender an exclude hides a name from the transfer; on the receiver it protects the name
 * from deletion. "both" is what --exclude and --include mean; --delete-excluded turns that into "sender".
 */
export type RuleSide = "sender" | "receiver" | "both";

/** Plain data; make one with `ruleFromParts`, so that the pattern is known to be usable. */
export interface Rule {
  readonly action: RuleAction;
  readonly side: RuleSide;
  /** The pattern as written, without a "+ " or "- " in front: 1 to PATTERN_BYTES bytes, no NUL. */
  readonly pattern: Uint8Array;
}

/** What is wrong with a rule, as one sentence for the user. A value, never thrown. */
export class RuleError {
  constructor(readonly sentence: string) {}
}

/** Longest pattern, bytes: rsync's, and no path that tsync carries is longer. */
export const PATTERN_BYTES = 4095;

/**
 * A rule from its parts, as they travel between the ends. Refuses an empty pattern, a NUL byte (it could never match)
 * and one that is too long: rsync drops such a rule with a warning, and goes on to copy or delete what it was to spare.
 */
export function ruleFromParts(pattern: Uint8Array, action: RuleAction, side: RuleSide = "both"): Rule | RuleError {
  if (pattern.length === 0) return new RuleError(`${action} rule without a pattern`);
  if (pattern.length > PATTERN_BYTES) {
    return new RuleError(`${action} pattern of ${pattern.length} bytes; at most ${PATTERN_BYTES} are possible`);
  }
  if (pattern.includes(0)) return new RuleError(`${action} pattern with a NUL byte, which no name can hold`);
  return { action, side, pattern };
}
