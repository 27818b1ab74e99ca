// Rules from text, read as rsync reads them: the arguments of --filter, --exclude and --include, the files of --exclude-from and
// --include-from, merge files, and the files that a dir-merge rule finds in each folder. lib/cli gathers a command line's with a
// RuleList, FilterSet those of a folder; both say how a further file is read. No file is opened here.

import { HANDED_DOWN, mergeName, type Rule, RuleError, RuleFlag, ruleFromParts, SIDES } from "./rule.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const BANG = 0x21;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SEMICOLON = 0x3b;
const UNDERSCORE = 0x5f;

/** "!" alone: forget every rule so far, those from other options and files included. */
export const CLEAR = "clear";
/** An empty text: no rule. */
export const NOTHING = "nothing";

/** Merge files that name each other end here. */
const MERGE_DEPTH = 16;

/**
 * How texts are read: RuleFlag bits. `plain`, `words`, `clears` and `nul` say what the syntax is, the handed-down ones (and
 * `senderOnly`) what each rule gets. The old style of --exclude and --include is a bit of its own.
 */
export type Style = number;
/** A pattern, or one behind "- " or "+ ", or "!". */
export const OLD_STYLE: Style = 1 << 20;

/** A file whose rules stand in the place of the rule that names it, to be read in this style. */
export class Merge {
  constructor(readonly name: Uint8Array, readonly style: Style) {}
}

/** The rules of --cvs-exclude, each with these flags. */
export class CvsRules {
  constructor(readonly flags: number) {}
}

export type ParsedRule = Rule | Merge | CvsRules | typeof CLEAR | typeof NOTHING | RuleError;

interface Prefix {
  flags: number;
  /** Where the modifiers begin, and what may stand there. */
  at: number;
  modifiers: string;
  merges: boolean;
}

const EXCLUDE = { flags: 0, modifiers: "/!Csrpx", merges: false };
const INCLUDE = { ...EXCLUDE, flags: RuleFlag.include };
const ONE_SIDED = { modifiers: "/!px", merges: false };
const HIDE = { ...ONE_SIDED, flags: RuleFlag.sender };
const SHOW = { ...ONE_SIDED, flags: RuleFlag.sender | RuleFlag.include };
const PROTECT = { ...ONE_SIDED, flags: RuleFlag.receiver };
const RISK = { ...ONE_SIDED, flags: RuleFlag.receiver | RuleFlag.include };
const MERGE = { flags: 0, modifiers: "/Csrpxenw-+", merges: true };
const DIR_MERGE = { ...MERGE, flags: RuleFlag.merge };

const SHORT = new Map<string, Omit<Prefix, "at">>([
  ...[["-", EXCLUDE], ["+", INCLUDE], ["H", HIDE], ["S", SHOW], ["P", PROTECT], ["R", RISK]] as const,
  ...[[".", MERGE], [":", DIR_MERGE]] as const,
]);
const LONG = new Map<string, Omit<Prefix, "at">>([
  ...[["exclude", EXCLUDE], ["include", INCLUDE], ["hide", HIDE], ["show", SHOW], ["protect", PROTECT]] as const,
  ...[["risk", RISK], ["merge", MERGE], ["dir-merge", DIR_MERGE]] as const,
]);

/** What a modifier adds to the flags; "e" is told apart from these. */
const MODIFIERS = new Map<string, number>([
  ["/", RuleFlag.absolute],
  ["!", RuleFlag.negated],
  ["s", RuleFlag.sender],
  ["r", RuleFlag.receiver],
  ["p", RuleFlag.perishable],
  ["x", RuleFlag.xattr],
  ["n", RuleFlag.noInherit],
  ["w", RuleFlag.words],
  ["-", RuleFlag.plain],
  ["+", RuleFlag.plain | RuleFlag.include],
  ["C", RuleFlag.plain | RuleFlag.clears | RuleFlag.words | RuleFlag.noInherit],
]);
const CVS_FILE = Uint8Array.from(".cvsignore", (char) => char.charCodeAt(0));

/**
 * What one argument, line or word says. Nothing is trimmed: "foo " is a name that ends in a space. `excludesFile`: before it the
 * name of its file is excluded (modifier "e").
 */
export function parseRule(text: Uint8Array, style: Style): { rule: ParsedRule; excludesFile?: boolean } {
  if (text.length === 0) return { rule: NOTHING };
  const isOld = (style & OLD_STYLE) !== 0;
  if (!isOld && (style & RuleFlag.plain) === 0) return parseFilter(text, style);
  if (text.length === 1 && text[0] === BANG && (isOld || (style & RuleFlag.clears) !== 0)) return { rule: CLEAR };
  let flags = style & HANDED_DOWN;
  let pattern = text;
  if (isOld && text.length >= 2 && text[1] === SPACE && (text[0] === PLUS || text[0] === MINUS)) {
    flags = (flags & ~RuleFlag.include) | (text[0] === PLUS ? RuleFlag.include : 0);
    pattern = text.subarray(2);
  }
  return { rule: ruleFromParts(pattern.slice(), withSides(flags, style)) };
}

/** A rule that names no side works at the source only under --delete-excluded. */
function withSides(flags: number, style: Style): number {
  return (flags & SIDES) === 0 && (style & RuleFlag.senderOnly) !== 0 ? flags | RuleFlag.sender : flags;
}

function parseFilter(text: Uint8Array, style: Style): { rule: ParsedRule; excludesFile?: boolean } {
  const word = String.fromCharCode(...text.subarray(0, 16));
  if (word[0] === "!" || /^clear([ ,_]|$)/.test(word)) {
    const isBare = text.length === (word[0] === "!" ? 1 : 5);
    return { rule: isBare ? CLEAR : new RuleError("a clear rule (!) with something behind it") };
  }
  const prefix = prefixOf(word);
  if (prefix === null) {
    return { rule: new RuleError("no filter rule: it begins with none of - + H S P R ! . : or their long words") };
  }
  const modifiers = readModifiers(text, prefix);
  if (modifiers instanceof RuleError) return { rule: modifiers };
  const { flags: own, at, excludesFile, cvs } = modifiers;
  if ((style & SIDES) !== 0 && (own & SIDES) !== 0) {
    return { rule: new RuleError("a rule with a side of its own in a merge file that was given one") };
  }
  const flags = own | (style & HANDED_DOWN & ~RuleFlag.include);
  if (cvs && !prefix.merges) return { rule: new CvsRules(withSides(flags, style)) };
  let rest = text.slice(at);
  if (rest.length === 0 && cvs) rest = CVS_FILE;
  if (rest.length === 0) return { rule: new RuleError("a filter rule without a pattern or file") };
  if (!prefix.merges) return { rule: ruleFromParts(rest, withSides(flags, style)) };
  const merge = flags | (style & (RuleFlag.nul | RuleFlag.senderOnly)) &
      ((flags & SIDES) !== 0 ? ~RuleFlag.senderOnly : -1);
  const rule = (own & RuleFlag.merge) !== 0 ? ruleFromParts(rest, merge) : new Merge(rest, merge);
  return { rule, excludesFile };
}

function prefixOf(word: string): Prefix | null {
  const short = SHORT.get(word[0]);
  if (short !== undefined) return { ...short, at: word[1] === "," ? 2 : 1 };
  const name = /^[a-z-]*/.exec(word)![0];
  const long = LONG.get(name);
  const next = word[name.length];
  if (long === undefined || (next !== undefined && !", _".includes(next))) return null;
  return { ...long, at: next === "," ? name.length + 1 : name.length };
}

/** The flags with those of the modifiers, and where the pattern begins. */
function readModifiers(
  text: Uint8Array,
  prefix: Prefix,
): { flags: number; at: number; excludesFile: boolean; cvs: boolean } | RuleError {
  let { flags, at } = prefix;
  let excludesFile = false;
  let cvs = false;
  for (; at < text.length && text[at] !== SPACE && text[at] !== UNDERSCORE; at++) {
    const letter = String.fromCharCode(text[at]);
    const isTwice = prefix.merges && "-+C".includes(letter) && (flags & RuleFlag.plain) !== 0;
    if (!prefix.modifiers.includes(letter) || isTwice) {
      return new RuleError(`modifier ${JSON.stringify(letter)} at position ${at} does not belong there`);
    }
    if (letter === "e") excludesFile = true;
    else if (letter === "C") {
      cvs = true;
      if (prefix.merges) flags |= MODIFIERS.get(letter)!;
    } else flags |= MODIFIERS.get(letter)!;
  }
  return { flags, at: Math.min(at + 1, text.length), excludesFile, cvs };
}

/** Where rules go, and what they need from outside. */
export interface RuleSink {
  /** The rules come from a folder's own file. */
  readonly isInFolder?: boolean;
  add(rule: Rule): void;
  clear(): void;
  /** The content of a file that a merge rule names. */
  read(name: Uint8Array): { bytes: Uint8Array; fileName: string } | RuleError;
  /** The rules that a "C" modifier stands for, in their order. */
  cvs(flags: number): readonly Rule[] | RuleError;
}

/** One text with all that it leads to. */
export function readRule(text: Uint8Array, style: Style, sink: RuleSink, depth = 0): RuleError | undefined {
  const { rule, excludesFile } = parseRule(text, style);
  if (rule instanceof RuleError) return rule;
  if (rule === NOTHING) return;
  if (rule === CLEAR) return void sink.clear();
  if (rule instanceof CvsRules) {
    const rules = sink.cvs(rule.flags);
    if (rules instanceof RuleError) return rules;
    for (const one of rules) sink.add(one);
    return;
  }
  if (excludesFile) {
    const named = rule instanceof Merge ? { flags: 0, pattern: rule.name } : rule;
    const name = mergeName(named);
    // As in rsync, in a folder's own file it is for both sides whatever else is said.
    if (name.length > 0) sink.add({ flags: sink.isInFolder ? 0 : withSides(0, style), pattern: name });
  }
  if (!(rule instanceof Merge)) return void sink.add(rule);
  if (depth === MERGE_DEPTH) return new RuleError("merge files that name each other more than 16 deep");
  const file = sink.read(rule.name);
  return file instanceof RuleError ? file : readRuleFile(file.bytes, rule.style, file.fileName, sink, depth + 1);
}

/**
 * The rules of a whole file, in order. Lines end with a newline, a carriage return or both (`nul`: with NUL). Empty lines and
 * lines that start with "#" or ";" are no rules. The first bad line makes the answer a RuleError that names `fileName` (as the
 * user is to read it) and the line.
 */
export function readRuleFile(
  bytes: Uint8Array,
  style: Style,
  fileName: string,
  sink: RuleSink,
  depth = 0,
): RuleError | undefined {
  const isWords = (style & RuleFlag.words) !== 0;
  const isEnd = isWords ? isWordEnd : (style & RuleFlag.nul) !== 0 ? isNul : isLineEnd;
  let line = 1;
  let start = 0;
  for (let end = 0; end <= bytes.length; end++) {
    if (end < bytes.length && !isEnd(bytes[end], style)) continue;
    const isComment = !isWords && (bytes[start] === HASH || bytes[start] === SEMICOLON);
    if (end > start && !isComment) {
      const error = readRule(bytes.subarray(start, end), style, sink, depth);
      if (error !== undefined) {
        const place = isWords ? fileName : `${fileName}, line ${line}`;
        return new RuleError(`${place}: ${error.sentence}`, error.isFile);
      }
    }
    if (!isWords && bytes[end] === RETURN && bytes[end + 1] === NEWLINE) end++;
    start = end + 1;
    line++;
  }
}

const isNul = (byte: number) => byte === 0;
const isLineEnd = (byte: number) => byte === NEWLINE || byte === RETURN;
const isWordEnd = (byte: number, style: Style) =>
  byte === SPACE || (byte >= 0x09 && byte <= 0x0d) || (byte === 0 && (style & RuleFlag.nul) !== 0);

/** The rules of a command line, gathered in its order. */
export class RuleList implements RuleSink {
  /** First match wins, so the order is the meaning. */
  readonly rules: Rule[] = [];
  readonly #files: Pick<RuleSink, "read" | "cvs">;

  /** `files`: what a merge rule and a "C" lead to; default: they are refused. */
  constructor(files: Pick<RuleSink, "read" | "cvs"> = { read: noFile, cvs: noFile }) {
    this.#files = files;
  }

  /** One argument. */
  addText(text: Uint8Array, style: Style): RuleError | undefined {
    return readRule(text, style, this);
  }

  /** The content of one file. */
  addFile(bytes: Uint8Array, style: Style, fileName: string): RuleError | undefined {
    return readRuleFile(bytes, style, fileName, this);
  }

  add(rule: Rule): void {
    // As in rsync, a second dir-merge rule for the same file name adds nothing.
    const isMerge = (rule.flags & RuleFlag.merge) !== 0;
    if (isMerge && this.rules.some((other) => isSameMerge(other, rule))) return;
    this.rules.push(rule);
  }

  clear(): void {
    this.rules.length = 0;
  }

  read(name: Uint8Array) {
    return this.#files.read(name);
  }

  cvs(flags: number) {
    return this.#files.cvs(flags);
  }
}

/** Whether both are dir-merge rules for files of one name. */
export function isSameMerge(a: Rule, b: Rule): boolean {
  if ((a.flags & b.flags & RuleFlag.merge) === 0) return false;
  const [one, other] = [mergeName(a), mergeName(b)];
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function noFile(): RuleError {
  return new RuleError("a file cannot be read here");
}
