// Rules from text: the arguments of --exclude and --include, and the files of --exclude-from and --include-from, read as
// rsync reads them. lib/cli collects them in a RuleList in the order of the command line. No file is opened here.

import { type Rule, type RuleAction, RuleError, ruleFromParts } from "./rule.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const BANG = 0x21;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SEMICOLON = 0x3b;

/** "!" alone: forget every rule so far, those from other options and files included. */
export const CLEAR = "clear";
/** An empty text: no rule. */
export const NOTHING = "nothing";

export type ParsedRule = Rule | typeof CLEAR | typeof NOTHING | RuleError;

/**
 * The rule that one argument or one line says: "- PATTERN" excludes, "+ PATTERN" includes, anything else is a pattern
 * that does `defaultAction`. Nothing is trimmed: "foo " is a name that ends in a space.
 */
export function parseRule(text: Uint8Array, defaultAction: RuleAction): ParsedRule {
  if (text.length === 0) return NOTHING;
  if (text.length === 1 && text[0] === BANG) return CLEAR;
  if (text.length >= 2 && text[1] === SPACE && (text[0] === PLUS || text[0] === MINUS)) {
    return ruleFromParts(text.slice(2), text[0] === PLUS ? "include" : "exclude");
  }
  return ruleFromParts(text.slice(), defaultAction);
}

/**
 * The rules of a whole file, in order; CLEAR stands where a line says "!". Lines end with a newline, a carriage return
 * or both. Empty lines and lines that start with "#" or ";" are no rules. The first bad line makes the answer a
 * RuleError that names `fileName` (as the user is to read it) and the line.
 */
export function parseRuleFile(
  bytes: Uint8Array,
  defaultAction: RuleAction,
  fileName: string,
): Array<Rule | typeof CLEAR> | RuleError {
  const rules: Array<Rule | typeof CLEAR> = [];
  let lineNumber = 1;
  let start = 0;
  for (let end = 0; end <= bytes.length; end++) {
    if (end < bytes.length && bytes[end] !== NEWLINE && bytes[end] !== RETURN) continue;
    if (end > start && bytes[start] !== HASH && bytes[start] !== SEMICOLON) {
      const rule = parseRule(bytes.subarray(start, end), defaultAction);
      if (rule instanceof RuleError) return new RuleError(`${fileName}, line ${lineNumber}: ${rule.sentence}`);
      if (rule !== NOTHING) rules.push(rule);
    }
    if (bytes[end] === RETURN && bytes[end + 1] === NEWLINE) end++;
    start = end + 1;
    lineNumber++;
  }
  return rules;
}

/** The rules of a command line, gathered in its order. */
export class RuleList {
  /** First match wins, so the order is the meaning. */
  readonly rules: Rule[] = [];

  /** One --exclude or --include. A RuleError leaves the list as it was. */
  addText(text: Uint8Array, defaultAction: RuleAction): RuleError | undefined {
    const rule = parseRule(text, defaultAction);
    if (rule instanceof RuleError) return rule;
    if (rule !== NOTHING) this.#add(rule);
  }

  /** The content of one --exclude-from or --include-from. A RuleError leaves the list as it was. */
  addFile(bytes: Uint8Array, defaultAction: RuleAction, fileName: string): RuleError | undefined {
    const rules = parseRuleFile(bytes, defaultAction, fileName);
    if (rules instanceof RuleError) return rules;
    for (const rule of rules) this.#add(rule);
  }

  #add(rule: Rule | typeof CLEAR): void {
    if (rule === CLEAR) this.rules.length = 0;
    else this.rules.push(rule);
  }
}
