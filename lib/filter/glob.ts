// rsync's wildcards as a set of states advanced one byte at a time (Glushkov's automaton in bits): a match costs path
// bytes x pattern bytes / 32 at most, whatever the pattern, because nothing is ever tried again (R11). Pattern (pattern.ts)
// compiles one Glob per pattern that has wildcards.
//
// State i means "the first i one-byte tokens are matched". A star is no token: it lets the state it stands at stay where
// it is, on any byte ("**") or any byte but "/" ("*").

const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const MINUS = 0x2d;
const BANG = 0x21;
const CARET = 0x5e;

/** The bytes that one token takes: 256 flags. */
type ByteSet = Uint8Array;

const NO_BYTE: ByteSet = new Uint8Array(256);
const ALL_BUT_SLASH: ByteSet = new Uint8Array(256).map((_, byte) => byte === SLASH ? 0 : 1);
const SINGLES: ByteSet[] = [];

/** The set of `byte` alone. One object per byte, so that a set met again is known as such. */
function single(byte: number): ByteSet {
  if (SINGLES[byte] === undefined) {
    SINGLES[byte] = new Uint8Array(256);
    SINGLES[byte][byte] = 1;
  }
  return SINGLES[byte];
}

/** A pattern with wildcards, ready to match. Not reentrant (it keeps its state words), which synchronous use never asks. */
export class Glob {
  /** State words per row of `#steps`. */
  readonly #words: number;
  /** byte -> row: bytes that no token tells apart share a row. */
  readonly #rowOfByte = new Uint8Array(256);
  /** row x words: bit i is set where token i takes the byte. */
  readonly #steps: Int32Array;
  /** Bit i is set where state i may stay on "/" (deep), or on another byte (shallow). */
  readonly #deepStay: Int32Array;
  readonly #shallowStay: Int32Array;
  readonly #acceptWord: number;
  readonly #acceptBit: number;
  readonly #states: Int32Array;

  constructor(pattern: Uint8Array) {
    const tokens: ByteSet[] = [];
    const stars = readTokens(pattern, tokens);
    const words = (tokens.length >> 5) + 1;
    this.#words = words;
    this.#acceptWord = tokens.length >> 5;
    this.#acceptBit = 1 << (tokens.length & 31);
    this.#deepStay = new Int32Array(words);
    this.#shallowStay = new Int32Array(words);
    for (const { state, deep } of stars) {
      const bit = 1 << (state & 31);
      this.#shallowStay[state >> 5] |= bit;
      if (deep) this.#deepStay[state >> 5] |= bit;
    }
    this.#steps = buildSteps(tokens, words, this.#rowOfByte);
    this.#states = new Int32Array(words);
  }

  /**
   * Whether path[from, to) matches from end to end. `slashBefore` and `slashAfter` match it as if a "/" stood before
   * or after it; `floating` lets the match begin at any component.
   */
  matches(
    path: Uint8Array,
    from: number,
    to: number,
    slashBefore: boolean,
    slashAfter: boolean,
    floating: boolean,
  ): boolean {
    const first = slashBefore ? from - 1 : from;
    const last = slashAfter ? to + 1 : to;
    return this.#words === 1
      ? this.#matchWord(path, from, to, first, last, floating)
      : this.#matchWords(path, from, to, first, last, floating);
  }

  /** At most 31 tokens, as nearly every pattern has: the states are one number. */
  #matchWord(path: Uint8Array, from: number, to: number, first: number, last: number, floating: boolean): boolean {
    const rows = this.#rowOfByte;
    const steps = this.#steps;
    const deep = this.#deepStay[0];
    const shallow = this.#shallowStay[0];
    let states = 1;
    for (let at = first; at < last; at++) {
      const byte = at < from || at >= to ? SLASH : path[at];
      const stay = byte === SLASH ? deep : shallow;
      states = ((states & steps[rows[byte]]) << 1) | (states & stay);
      if (byte === SLASH && floating) states |= 1;
      else if (states === 0 && !floating) return false;
    }
    return (states & this.#acceptBit) !== 0;
  }

  #matchWords(path: Uint8Array, from: number, to: number, first: number, last: number, floating: boolean): boolean {
    const words = this.#words;
    const states = this.#states;
    states.fill(0);
    states[0] = 1;
    for (let at = first; at < last; at++) {
      const byte = at < from || at >= to ? SLASH : path[at];
      const stay = byte === SLASH ? this.#deepStay : this.#shallowStay;
      const row = this.#rowOfByte[byte] * words;
      let carry = 0;
      let alive = 0;
      for (let word = 0; word < words; word++) {
        const now = states[word];
        const taken = now & this.#steps[row + word];
        const next = (taken << 1) | carry | (now & stay[word]);
        carry = taken >>> 31;
        states[word] = next;
        alive |= next;
      }
      if (byte === SLASH && floating) states[0] |= 1;
      else if (alive === 0 && !floating) return false;
    }
    return (states[this.#acceptWord] & this.#acceptBit) !== 0;
  }
}

/** Gives bytes that every token treats alike the same row, and fills each row with the bits of the tokens that take it. */
function buildSteps(tokens: ByteSet[], words: number, rowOfByte: Uint8Array): Int32Array {
  let rows = 1;
  for (const set of new Set(tokens)) rows = splitRows(set, rows, rowOfByte);
  const steps = new Int32Array(rows * words);
  for (let row = 0; row < rows; row++) {
    const byte = rowOfByte.indexOf(row);
    for (let i = 0; i < tokens.length; i++) if (tokens[i][byte]) steps[row * words + (i >> 5)] |= 1 << (i & 31);
  }
  return steps;
}

/** Splits each row that holds bytes inside and outside of `set`; returns how many rows there are then. */
function splitRows(set: ByteSet, rows: number, rowOfByte: Uint8Array): number {
  const inside = new Uint16Array(rows);
  const outside = new Uint16Array(rows);
  for (let byte = 0; byte < 256; byte++) (set[byte] ? inside : outside)[rowOfByte[byte]]++;
  const rowInside = inside.map((count, row) => count > 0 && outside[row] > 0 ? rows++ : row);
  for (let byte = 0; byte < 256; byte++) if (set[byte]) rowOfByte[byte] = rowInside[rowOfByte[byte]];
  return rows;
}

/** Appends the tokens of `pattern` and returns where its stars stand. A broken end is a token that takes no byte. */
function readTokens(pattern: Uint8Array, tokens: ByteSet[]): Array<{ state: number; deep: boolean }> {
  const stars: Array<{ state: number; deep: boolean }> = [];
  let at = 0;
  while (at < pattern.length) {
    const byte = pattern[at];
    if (byte === STAR) {
      const start = at;
      while (pattern[at] === STAR) at++;
      stars.push({ state: tokens.length, deep: at - start > 1 });
      continue;
    }
    if (byte === OPEN) {
      const set = new Uint8Array(256);
      at = readClass(pattern, at + 1, set);
      tokens.push(set);
    } else if (byte === BACKSLASH) {
      tokens.push(at + 1 < pattern.length ? single(pattern[at + 1]) : NO_BYTE);
      at += 2;
    } else {
      tokens.push(byte === QUESTION ? ALL_BUT_SLASH : single(byte));
      at++;
    }
  }
  return stars;
}

/**
 * Reads a class from behind its "[" into `set` and returns where it ends. A class without end, or with a POSIX name that
 * does not exist, takes no byte, so its pattern matches nothing.
 */
function readClass(pattern: Uint8Array, start: number, set: ByteSet): number {
  let at = start;
  const negated = pattern[at] === BANG || pattern[at] === CARET;
  if (negated) at++;
  let rangeStart = -1;
  // A "]" in first place is an ordinary byte.
  for (let first = true; first || pattern[at] !== CLOSE; first = false) {
    if (at >= pattern.length) return takeNoByte(pattern, set);
    const byte = pattern[at];
    if (byte === OPEN && pattern[at + 1] === COLON) {
      const close = pattern.indexOf(CLOSE, at + 2);
      if (close < 0) return takeNoByte(pattern, set);
      if (close > at + 2 && pattern[close - 1] === COLON) {
        const isMember = POSIX_CLASSES.get(String.fromCharCode(...pattern.subarray(at + 2, close - 1)));
        if (isMember === undefined) return takeNoByte(pattern, set);
        for (let member = 0; member < 128; member++) if (isMember(member)) set[member] = 1;
        rangeStart = -1;
        at = close + 1;
        continue;
      }
    }
    const isRange = byte === MINUS && rangeStart >= 0 && at + 1 < pattern.length && pattern[at + 1] !== CLOSE;
    if (isRange) at++;
    if (pattern[at] === BACKSLASH && (isRange || byte === BACKSLASH)) at++;
    if (at >= pattern.length) return takeNoByte(pattern, set);
    const member = pattern[at++];
    if (isRange) set.fill(1, rangeStart, member + 1);
    else set[member] = 1;
    rangeStart = isRange ? -1 : member;
  }
  if (negated) { for (let byte = 0; byte < 256; byte++) set[byte] ^= 1; }
  set[SLASH] = 0;
  return at + 1;
}

function takeNoByte(pattern: Uint8Array, set: ByteSet): number {
  set.fill(0);
  return pattern.length;
}

const isUpper = (byte: number) => byte >= 0x41 && byte <= 0x5a;
const isLower = (byte: number) => byte >= 0x61 && byte <= 0x7a;
const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isAlpha = (byte: number) => isUpper(byte) || isLower(byte);
const isAlnum = (byte: number) => isAlpha(byte) || isDigit(byte);
const isGraph = (byte: number) => byte > 0x20 && byte < 0x7f;

/** ASCII, as in the C and UTF-8 locales. */
const POSIX_CLASSES = new Map<string, (byte: number) => boolean>([
  ["alnum", isAlnum],
  ["alpha", isAlpha],
  ["blank", (byte) => byte === 0x20 || byte === 0x09],
  ["cntrl", (byte) => byte < 0x20 || byte === 0x7f],
  ["digit", isDigit],
  ["graph", isGraph],
  ["lower", isLower],
  ["print", (byte) => byte >= 0x20 && byte < 0x7f],
  ["punct", (byte) => isGraph(byte) && !isAlnum(byte)],
  ["space", (byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)],
  ["upper", isUpper],
  ["xdigit", (byte) => isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)],
]);
