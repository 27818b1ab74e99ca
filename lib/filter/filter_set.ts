// The ordered rules of a run, applied: the scan asks `excluded` for every entry before it looks into it, the deletion
// pass asks `protectedFromDeletion` before it removes one. First match wins; a path that no rule matches is neither
// excluded nor protected. Asking allocates nothing and costs nothing where there are no rules.
//
// Rules that depend on the folder (dir-merge) or on where the root lies ("/" modifier) are asked about with a FilterPlace,
// made folder by folder: `place` for what lies above the root, then `enter` for each folder on the way down.

import { equalBytes } from "../base/bytes.ts";
import { Pattern } from "./pattern.ts";
import { mergeName, type Rule, RuleError, RuleFlag, SIDES } from "./rule.ts";
import { isSameMerge, readRuleFile, type RuleSink } from "./rule_text.ts";

const SLASH = 0x2f;
const NO_BYTES = new Uint8Array(0);
/** Rules that one folder's merge files may hold. */
const FOLDER_RULES = 100_000;
/** Further files that one file in a folder may merge, and their bytes: what names what must end, whoever wrote it. */
const FOLDER_MERGES = 256;
const FOLDER_MERGE_BYTES = 4 << 20;

/** A dir-merge rule: which file is read in each folder, and how. */
class MergePoint {
  readonly name: Uint8Array;

  /** `isLocal`: a file that no folder below inherits names it. */
  constructor(readonly rule: Rule, readonly isLocal = false) {
    this.name = mergeName(rule);
  }
}

/** One rule, ready to be held against a path. */
class Decision {
  readonly pattern: Pattern | null;
  readonly exclude: boolean;
  readonly negated: boolean;
  readonly perishable: boolean;
  readonly absolute: boolean;

  /**
   * `lead`: stands in front of the path; `base`: where an anchored pattern begins, both as the rule's folder wants it. `isOfRoot`: that
   * is the root itself.
   */
  constructor(
    { flags, pattern }: Rule,
    readonly point: MergePoint | null,
    readonly lead: Uint8Array,
    readonly base: number,
    readonly isOfRoot: boolean,
  ) {
    this.pattern = point === null ? new Pattern(pattern) : null;
    this.exclude = (flags & RuleFlag.include) === 0;
    this.negated = (flags & RuleFlag.negated) !== 0;
    this.perishable = (flags & RuleFlag.perishable) !== 0;
    this.absolute = (flags & RuleFlag.absolute) !== 0;
  }
}

/** What one list of rules decides at each end. */
class Decisions {
  readonly hide: Decision[] = [];
  readonly protect: Decision[] = [];

  /** `lead` and `base` are those of the rules' folder. */
  add(rule: Rule, point: MergePoint | null, lead: Uint8Array = NO_BYTES, base = 0, isOfRoot = false): void {
    const decision = new Decision(rule, point, lead, base, isOfRoot);
    const sides = rule.flags & (RuleFlag.sender | RuleFlag.receiver);
    if (point !== null || sides !== RuleFlag.receiver) this.hide.push(decision);
    if (point !== null || sides !== RuleFlag.sender) this.protect.push(decision);
  }
}

/** Rules of one merge file, and those inherited. */
interface LocalRules {
  decisions: Decisions;
  next: LocalRules | null;
}

/** What holds in one folder; immutable, shared by all folders for which the same holds. */
export class FilterPlace {
  constructor(
    /** The transfer root's absolute path, without slash at either end. */
    readonly root: Uint8Array,
    readonly points: readonly MergePoint[],
    readonly rules: ReadonlyMap<MergePoint, LocalRules>,
    /** The rules of the root are another root's: what they anchor lies there. */
    readonly isElsewhere = false,
  ) {}

  /** The same rules seen from another root. */
  seenFrom(root: Uint8Array): FilterPlace {
    return new FilterPlace(root, this.points, this.rules, this.isElsewhere || !equalBytes(root, this.root));
  }
}

/** The end that asks. */
export type End = "sender" | "receiver";
/** A merge file's content; null where there is none. `fileName` is for messages. */
export type ReadMergeFile = (name: Uint8Array) => { bytes: Uint8Array; fileName: string } | RuleError | null;

export class FilterSet {
  /** No rule works on names. */
  readonly isEmpty: boolean;
  /** Some rule needs a FilterPlace. */
  readonly hasPlaces: boolean;
  /** Some rule is read folder by folder. */
  readonly hasMerges: boolean;
  readonly hasXattrRules: boolean;
  readonly #global = new Decisions();
  readonly #xattr = new Decisions();
  readonly #points: MergePoint[] = [];
  /** Rules that a peer is known to know as well as we do: those before the first that needs a place. */
  readonly #known: number;

  constructor(rules: readonly Rule[]) {
    let known = -1;
    for (const rule of rules) {
      const isMerge = (rule.flags & RuleFlag.merge) !== 0;
      if (!isMerge && (rule.flags & RuleFlag.xattr) !== 0) {
        this.#xattr.add(rule, null);
        continue;
      }
      if (known < 0 && (isMerge || (rule.flags & RuleFlag.absolute) !== 0)) known = this.#global.hide.length;
      const point = isMerge ? new MergePoint(rule) : null;
      if (point !== null) this.#points.push(point);
      this.#global.add(rule, point);
    }
    const { hide, protect } = this.#global;
    this.#known = known < 0 ? hide.length : known;
    this.isEmpty = hide.length === 0 && protect.length === 0;
    this.hasPlaces = known >= 0;
    this.hasMerges = this.#points.length > 0;
    this.hasXattrRules = this.#xattr.hide.length + this.#xattr.protect.length > 0;
  }

  /**
   * Whether the sender leaves an entry out. `path` is relative to the transfer root as rsync sees it (with the source's
   * last name in front where the source was given without trailing slash), no slash at either end; only its first
   * `length` bytes count, so that a scan can keep one buffer. The root itself (length 0) is never excluded. What lies
   * in an excluded folder is not asked about: the caller does not look into it. `place`: the folder that holds the entry.
   */
  excluded(path: Uint8Array, isFolder: boolean, place: FilterPlace | null = null, length = path.length): boolean {
    return decide(this.#global.hide, this.#global.hide.length, true, place, path, isFolder, length, false) ===
      Answer.exclude;
  }

  /** Whether an honest sender with the same rules leaves the entry out, whatever files of rules lie in its folders. */
  surelyExcluded(path: Uint8Array, isFolder: boolean): boolean {
    return decide(this.#global.hide, this.#known, true, null, path, isFolder, path.length, false) === Answer.exclude;
  }

  /**
   * Whether the receiver keeps an entry that the sender does not have. `path` and `place` as in `excluded`. A protected folder
   * is kept with all it holds; a folder that holds a protected entry cannot be removed either, only the rest of it.
   * `isDoomed`: the folder that holds it is being deleted, so that perishable rules do not count.
   */
  protectedFromDeletion(
    path: Uint8Array,
    isFolder: boolean,
    place: FilterPlace | null = null,
    isDoomed = false,
  ): boolean {
    const { protect } = this.#global;
    return decide(protect, protect.length, false, place, path, isFolder, path.length, isDoomed) === Answer.exclude;
  }

  /**
   * For --xattrs: whether a rule with the "x" modifier leaves out the attribute `name` ("user.foo") when the source reads it
   * (`side` "sender") or the target deletes it ("receiver"); null where no such rule speaks of it. Rules of merge files in
   * folders do not count.
   */
  xattrExcluded(name: Uint8Array, side: End): boolean | null {
    const decisions = side === "sender" ? this.#xattr.hide : this.#xattr.protect;
    const answer = decide(decisions, decisions.length, side === "sender", null, name, false, name.length, false);
    return answer === Answer.none ? null : answer === Answer.exclude;
  }

  /** What holds before any folder below the root at the absolute path `root` is entered. */
  bare(root: Uint8Array): FilterPlace {
    return new FilterPlace(root, this.#points, new Map());
  }

  /** The merge rules that name a folder from which on the folders above the root are looked into, with that folder's path as written. */
  *pathsAbove(): Generator<{ point: MergePoint; path: Uint8Array }> {
    for (const point of this.#points) {
      const { pattern } = point.rule;
      const cut = pattern.length - point.name.length;
      if (cut > 0) yield { point, path: pattern.subarray(0, cut) };
    }
  }

  /** `place` with what one folder above the root says; `lead`: the path from that folder to the root, with a "/" behind it. */
  enterAbove(
    place: FilterPlace,
    point: MergePoint,
    lead: Uint8Array,
    end: End,
    read: ReadMergeFile,
  ): FilterPlace | RuleError {
    const rules = new Map(place.rules);
    const points = place.points.filter(({ isLocal }) => !isLocal);
    const known = this.#points.length;
    // The rule's own file, and those that such a file names, here or further up.
    for (let i = -1; i < points.length; i = Math.max(i + 1, known)) {
      const one = i < 0 ? point : points[i];
      const found = readLocal(one, place, points, { end, read, lead, base: 0 });
      if (found instanceof RuleError) return found;
      put(rules, one, found);
    }
    return new FilterPlace(place.root, points, rules);
  }

  /** What holds in a folder, given what holds in the one that holds it. `path` is relative to the transfer root, `end` is ours. */
  enter(above: FilterPlace, path: Uint8Array, end: End, read: ReadMergeFile): FilterPlace | RuleError {
    const points = above.points.filter(({ isLocal }) => !isLocal);
    const rules = new Map<MergePoint, LocalRules>();
    const base = path.length === 0 ? 0 : path.length + 1;
    let isSame = true;
    // The list grows while it is read: a merge file may name another one.
    for (let i = 0; i < points.length; i++) {
      const found = readLocal(points[i], above, points, { end, read, lead: NO_BYTES, base });
      if (found instanceof RuleError) return found;
      put(rules, points[i], found);
      if ((above.rules.get(points[i]) ?? null) !== found) isSame = false;
    }
    const isAbove = isSame && points.length === above.points.length &&
      points.every((one, i) => one === above.points[i]);
    return isAbove ? above : new FilterPlace(above.root, points, rules, above.isElsewhere);
  }
}

function put(rules: Map<MergePoint, LocalRules>, point: MergePoint, local: LocalRules | null): void {
  if (local === null) rules.delete(point);
  else rules.set(point, local);
}

/** A folder whose files of rules are read: by which end, how, and where their anchored patterns begin. */
interface FolderOfRules {
  end: End;
  read: ReadMergeFile;
  lead: Uint8Array;
  base: number;
}

/** The rules of `point`'s file in one folder before those inherited. New points are added to `points`. */
function readLocal(
  point: MergePoint,
  above: FilterPlace,
  points: MergePoint[],
  folder: FolderOfRules,
): LocalRules | null | RuleError {
  const { flags } = point.rule;
  const inherited = (flags & RuleFlag.noInherit) !== 0 ? null : above.rules.get(point) ?? null;
  const file = point.name.length === 0 ? null : folder.read(point.name);
  if (file === null || file instanceof RuleError) return file ?? inherited;
  const isLocal = point.isLocal || (flags & RuleFlag.noInherit) !== 0;
  const sink = new FolderSink(points, inherited, folder, isLocal);
  const error = readRuleFile(file.bytes, flags & ~RuleFlag.merge, file.fileName, sink);
  if (error !== undefined) return error;
  return sink.failure === null ? sink.result : new RuleError(`${file.fileName}: ${sink.failure}`);
}

/** Takes the rules of one merge file. */
class FolderSink implements RuleSink {
  readonly isInFolder = true;
  #decisions = new Decisions();
  #count = 0;
  #own: MergePoint[] = [];
  #inherited: LocalRules | null;
  #merges = 0;
  #mergedBytes = 0;
  /** What is wrong with the file as a whole. */
  failure: string | null = null;

  constructor(
    readonly points: MergePoint[],
    inherited: LocalRules | null,
    readonly folder: FolderOfRules,
    readonly isLocal: boolean,
  ) {
    this.#inherited = inherited;
  }

  get result(): LocalRules | null {
    return this.#count === 0 ? this.#inherited : { decisions: this.#decisions, next: this.#inherited };
  }

  add(rule: Rule): void {
    if (++this.#count > FOLDER_RULES) {
      this.failure ??= `more than ${FOLDER_RULES} rules in one folder`;
      return;
    }
    const isMerge = (rule.flags & RuleFlag.merge) !== 0;
    if (!isMerge) {
      const { lead, base } = this.folder;
      if ((rule.flags & RuleFlag.xattr) === 0) {
        this.#decisions.add(rule, null, lead, base, lead.length === 0 && base === 0);
      }
      return;
    }
    const sides = rule.flags & SIDES;
    // As in rsync, one that is for the other end only is none of ours.
    if (sides !== 0 && (sides & RuleFlag[this.folder.end]) === 0) return;
    if (this.points.some((point) => isSameMerge(point.rule, rule))) return;
    if (rule.pattern.includes(SLASH)) {
      this.failure ??= "a dir-merge rule with a path in a folder's own file of rules";
      return;
    }
    const point = new MergePoint(rule, this.isLocal);
    this.#own.push(point);
    this.points.push(point);
    this.#decisions.add(rule, point);
  }

  /** Forgets what this file said and what it inherits. */
  clear(): void {
    this.#decisions = new Decisions();
    this.#count = 0;
    this.#inherited = null;
    for (const point of this.#own.splice(0)) this.points.splice(this.points.indexOf(point), 1);
  }

  read(name: Uint8Array) {
    const file = this.folder.read(name) ?? new RuleError("a file that a merge rule names is not there", true);
    this.#merges++;
    if (!(file instanceof RuleError)) this.#mergedBytes += file.bytes.length;
    if (this.#merges <= FOLDER_MERGES && this.#mergedBytes <= FOLDER_MERGE_BYTES) return file;
    return new RuleError("merge rules that lead to more than 256 files or 4 MiB");
  }

  cvs(): RuleError {
    return new RuleError("a rule with modifier C in a folder's own file of rules");
  }
}

const Answer = { none: 0, include: 1, exclude: 2 } as const;

/** What the first `count` decisions say of the path; `hides`: at the source. */
function decide(
  decisions: readonly Decision[],
  count: number,
  hides: boolean,
  place: FilterPlace | null,
  path: Uint8Array,
  isFolder: boolean,
  length: number,
  isDoomed: boolean,
): number {
  if (count === 0 || length === 0) return Answer.none;
  const nameStart = startOfName(path, length);
  for (let i = 0; i < count; i++) {
    const decision = decisions[i];
    const { pattern } = decision;
    if (pattern === null) {
      for (let local = place?.rules.get(decision.point!) ?? null; local !== null; local = local.next) {
        const own = hides ? local.decisions.hide : local.decisions.protect;
        const answer = decide(own, own.length, hides, place, path, isFolder, length, isDoomed);
        if (answer !== Answer.none) return answer;
      }
      continue;
    }
    if (isDoomed && decision.perishable) continue;
    const isMatch = decision.isOfRoot && !decision.absolute && pattern.isAnchored && place!.isElsewhere
      ? false
      : decision.absolute || (pattern.isAnchored && decision.lead.length > 0)
      ? matchesLed(decision, place, path, isFolder, length)
      : pattern.matches(path, length, nameStart, isFolder, decision.base);
    if (isMatch !== decision.negated) return decision.exclude ? Answer.exclude : Answer.include;
  }
  return Answer.none;
}

/** Matches the path with what stands in front of it. */
function matchesLed(
  { pattern, absolute, lead }: Decision,
  place: FilterPlace | null,
  path: Uint8Array,
  isFolder: boolean,
  length: number,
): boolean {
  const root = place?.root ?? NO_BYTES;
  const front = !absolute ? lead : root;
  const slash = absolute && root.length > 0 ? 1 : 0;
  const whole = new Uint8Array(front.length + slash + length);
  whole.set(front);
  if (slash === 1) whole[front.length] = SLASH;
  whole.set(path.subarray(0, length), front.length + slash);
  return pattern!.matches(whole, whole.length, startOfName(whole, whole.length), isFolder);
}

function startOfName(path: Uint8Array, length: number): number {
  let start = length;
  while (start > 0 && path[start - 1] !== SLASH) start--;
  return start;
}
