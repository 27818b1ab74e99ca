// Names that are tsync's own inside a tree (DESIGN D14): temporary files `.tsync-RUN-RANDOM` and the folders
// `.tsync-partial` and `.tsync-trash`. They are left out of scans and deletions on both sides. A temporary name proves itself: the last eight
// digits are a check over the rest, so that a user's file that merely looks alike is never taken for ours and removed.

import { fromLatin1, hex, latin1 } from "../base/bytes.ts";
import { Kind, type Listing, type Stat } from "../os/os.ts";

const PREFIX = [0x2e, 0x74, 0x73, 0x79, 0x6e, 0x63, 0x2d]; // ".tsync-"
const RUN_DIGITS = 8;
const RANDOM_DIGITS = 16;
const CHECK_DIGITS = 8;
const RANDOM_AT = PREFIX.length + RUN_DIGITS + 1;
const CHECK_AT = RANDOM_AT + RANDOM_DIGITS;
/** Where the digits begin that may tell what it is for. */
const FOR_AT = CHECK_AT - 8;
const TEMPORARY = /^\.tsync-[0-9a-f]{8}-[0-9a-f]{24}$/;
const DIGITS = fromLatin1("0123456789abcdef");
/** Start of the check over run and random digits: FNV-1a of a word of our own. */
const WORD = fromLatin1("tsync temporary");
const SEED = fold(0x811c9dc5, WORD, 0, WORD.length);

/** The folder in a target root that --trash moves things to. */
const TRASH = ".tsync-trash";
export const TRASH_NAME = fromLatin1(TRASH);
/** Where parts of files lie unless an option says otherwise: in the folder of the file itself. */
const PARTIALS = ".tsync-partial";
export const PARTIAL_FOLDER = fromLatin1(PARTIALS);
const OTHERS = 0o077;

/** Whether the name lies in tsync's name space: a temporary name, the folder of partials or of a trash. */
export function isOwnName(bytes: Uint8Array, at: number, length: number): boolean {
  if (length < 8 || bytes[at] !== 0x2e) return false;
  for (let i = 1; i < PREFIX.length; i++) if (bytes[at + i] !== PREFIX[i]) return false;
  const text = latin1(bytes.subarray(at, at + length));
  return text === PARTIALS || text === TRASH || TEMPORARY.test(text);
}

/** Whether the name is that of a trash. */
export function isTrashName(name: Uint8Array): boolean {
  return name.length === TRASH.length && latin1(name) === TRASH;
}

export function isPartialFolderName(name: Uint8Array): boolean {
  return name.length === PARTIALS.length && latin1(name) === PARTIALS;
}

/** Whether that is a folder of partials as we make them; `uid` null: whosever it is. */
export function isPartialFolder({ kind, mode, uid: owner }: Stat, uid: number | null): boolean {
  return kind === Kind.folder && (mode & OTHERS) === 0 && (uid === null || owner === uid);
}

/** Whether a folder with this listing holds nothing but names of ours. */
export function holdsNothing({ count, names, at, length }: Listing): boolean {
  for (let i = 0; i < count; i++) if (!isOwnName(names, at[i], length[i])) return false;
  return true;
}

/** Whether the name is a temporary name that tsync itself made (its check digits are right). */
export function isOwnTemporary(name: Uint8Array): boolean {
  if (!TEMPORARY.test(latin1(name))) return false;
  const run = fold(SEED, name, PREFIX.length, PREFIX.length + RUN_DIGITS);
  const check = fold(run, name, RANDOM_AT, CHECK_AT);
  return latin1(name.subarray(CHECK_AT)) === check.toString(16).padStart(CHECK_DIGITS, "0");
}

/** Those of the names that are temporary names of ours. */
export function ownTemporaries({ count, names, at, length }: Listing): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    if (!isOwnName(names, at[i], length[i])) continue;
    const name = names.slice(at[i], at[i] + length[i]);
    if (isOwnTemporary(name)) found.push(name);
  }
  return found;
}

/** Makes temporary names for one run: unique among live runs, 64 random bits each. */
export class TemporaryNames {
  readonly #random: (bytes: number) => Uint8Array;
  /** ".tsync-RUN-" and room for the rest: copied for each name. */
  readonly #template: Uint8Array<ArrayBuffer>;
  readonly #seed: number;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random;
    this.#template = fromLatin1(`.tsync-${hex(random(4))}-${"0".repeat(RANDOM_DIGITS + CHECK_DIGITS)}`);
    this.#seed = fold(SEED, this.#template, PREFIX.length, PREFIX.length + RUN_DIGITS);
  }

  /** `of`: the name that the file is for, of which half of the random digits are made. */
  next(of: Uint8Array | null = null): Uint8Array<ArrayBuffer> {
    if (this.#at === this.#pool.length) {
      this.#pool = this.#random(8 * 512);
      this.#at = 0;
    }
    const name = new Uint8Array(this.#template);
    for (let i = RANDOM_AT; i < CHECK_AT; i += 2) {
      const byte = this.#pool[this.#at++];
      name[i] = DIGITS[byte >>> 4];
      name[i + 1] = DIGITS[byte & 15];
    }
    if (of !== null) putDigits(name, CHECK_AT, digitsOf(name, of));
    const check = fold(this.#seed, name, RANDOM_AT, CHECK_AT);
    putDigits(name, name.length, check);
    return name;
  }
}

/** Whether the temporary name was made for a file of that name (by chance: one in 2^32). */
export function isTemporaryOf(temporary: Uint8Array, name: Uint8Array): boolean {
  if (!isOwnTemporary(temporary)) return false;
  const made = new Uint8Array(temporary);
  putDigits(made, CHECK_AT, digitsOf(temporary, name));
  return latin1(made) === latin1(temporary);
}

/** What the second half of the random digits is in a name that is made for a file, from all before it. */
function digitsOf(temporary: Uint8Array, name: Uint8Array): number {
  return fold(fold(SEED, temporary, PREFIX.length, FOR_AT), name, 0, name.length);
}

/** Writes eight digits that end before `end`. */
function putDigits(name: Uint8Array, end: number, value: number): void {
  for (let i = end - 1; i >= end - 8; i--) {
    name[i] = DIGITS[value & 15];
    value >>>= 4;
  }
}

/** 32-bit FNV-1a over bytes[from, to), starting from `hash`. */
function fold(hash: number, bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash >>> 0;
}
