// One pattern, compiled: which part of a path it looks at, and the cheapest way to compare that part. FilterSet makes
// one Pattern per rule and asks it about every entry; matching allocates nothing.

import { Glob } from "./glob.ts";

const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;

/** The part of a path that a pattern is held against. */
const Scope = {
  /** The last component. */
  name: 0,
  /** The last components, one more than the pattern has slashes. */
  tail: 1,
  /** The whole path. */
  whole: 2,
  /** The whole path, or what is left of it behind any "/". */
  floating: 3,
} as const;

const Shape = {
  literal: 0,
  /** "*", then plain bytes. */
  suffix: 1,
  /** Plain bytes, then "*". */
  prefix: 2,
  glob: 3,
} as const;

export class Pattern {
  readonly #scope: number;
  readonly #shape: number;
  readonly #foldersOnly: boolean;
  readonly #slashes: number;
  /** What is compared byte by byte, where there is no glob. */
  readonly #plain: Uint8Array;
  readonly #glob: Glob | undefined;
  readonly #slashBefore: boolean;
  readonly #folderSlashAfter: boolean;
  /** It begins with "/". */
  readonly isAnchored: boolean;

  /** `pattern` is a rule's pattern as written; see PATTERN MATCHING RULES in rsync's manual. */
  constructor(pattern: Uint8Array) {
    let text = pattern;
    const anchored = this.isAnchored = text[0] === SLASH;
    if (anchored) text = text.subarray(1);
    this.#foldersOnly = text.length > 0 && text[text.length - 1] === SLASH;
    if (this.#foldersOnly) text = text.subarray(0, -1);

    // As in rsync, slashes and double stars count wherever they stand, even inside a class.
    this.#slashes = text.reduce((count, byte) => byte === SLASH ? count + 1 : count, 0);
    this.#scope = anchored
      ? Scope.whole
      : hasDoubleStar(text)
      ? Scope.floating
      : this.#slashes > 0
      ? Scope.tail
      : Scope.name;
    // "**/x" also means an x at the top, "x/***" also the folder x itself.
    this.#slashBefore = !anchored && text[0] === STAR && text[1] === STAR;
    this.#folderSlashAfter = text.length >= 3 && text.subarray(-3).every((byte) => byte === STAR);

    const shape = shapeOf(text);
    // A lone star stops at "/", which only a name is known to be without.
    this.#shape = shape === Shape.literal || this.#scope === Scope.name ? shape : Shape.glob;
    this.#plain = this.#shape === Shape.suffix
      ? text.subarray(1)
      : this.#shape === Shape.prefix
      ? text.subarray(0, -1)
      : text;
    this.#glob = this.#shape === Shape.glob ? new Glob(text) : undefined;
  }

  /** Whether path[0, length), whose last component starts at `nameStart`, is meant; an anchored pattern begins at `base`. */
  matches(path: Uint8Array, length: number, nameStart: number, isFolder: boolean, base = 0): boolean {
    if (this.#foldersOnly && !isFolder) return false;
    const scope = this.#scope;
    const from = scope === Scope.name
      ? nameStart
      : scope === Scope.tail
      ? startOfTail(path, length, this.#slashes)
      : scope === Scope.whole
      ? base
      : 0;
    if (from < 0) return false;
    const shape = this.#shape;
    if (shape === Shape.glob) {
      const slashAfter = this.#folderSlashAfter && isFolder;
      return this.#glob!.matches(path, from, length, this.#slashBefore, slashAfter, scope === Scope.floating);
    }
    const plain = this.#plain;
    const spare = length - from - plain.length;
    if (spare < 0 || (spare > 0 && shape === Shape.literal)) return false;
    return equalAt(path, shape === Shape.suffix ? from + spare : from, plain);
  }
}

function shapeOf(text: Uint8Array): number {
  let stars = 0;
  let escapes = 0;
  for (const byte of text) {
    if (byte === STAR) stars++;
    else if (byte === BACKSLASH) escapes++;
    else if (byte === QUESTION || byte === OPEN) return Shape.glob;
  }
  // A backslash is an ordinary byte where there are no wildcards.
  if (stars === 0) return Shape.literal;
  if (stars > 1 || escapes > 0) return Shape.glob;
  return text[0] === STAR ? Shape.suffix : text[text.length - 1] === STAR ? Shape.prefix : Shape.glob;
}

function hasDoubleStar(text: Uint8Array): boolean {
  return text.some((byte, at) => byte === STAR && text[at + 1] === STAR);
}

/** Where the last `slashes + 1` components begin; -1 where there are fewer. */
function startOfTail(path: Uint8Array, length: number, slashes: number): number {
  let left = slashes;
  for (let at = length - 1; at >= 0; at--) if (path[at] === SLASH && left-- === 0) return at + 1;
  return left === 0 ? 0 : -1;
}

function equalAt(path: Uint8Array, at: number, plain: Uint8Array): boolean {
  // From the end: names that begin alike differ there.
  for (let i = plain.length - 1; i >= 0; i--) if (path[at + i] !== plain[i]) return false;
  return true;
}
