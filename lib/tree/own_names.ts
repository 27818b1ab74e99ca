// Names that are tsync's own inside a tree (DESIGN D14): temporary files `.tsync-RUN-RANDOM` and the folder
// `.tsync-partial`. They are left out of scans and deletions on both sides. A temporary name proves itself: the last eight
// digits are a check over the rest, so that a user's file that merely looks alike is never taken for ours and removed.

import { fromLatin1, latin1 } from "../base/bytes.ts";

const PREFIX = [0x2e, 0x74, 0x73, 0x79, 0x6e, 0x63, 0x2d]; // ".tsync-"
const TEMPORARY = /^\.tsync-([0-9a-f]{8})-([0-9a-f]{16})([0-9a-f]{8})$/;

/** Whether the name lies in tsync's name space: a temporary name or the folder of partials. */
export function isOwnName(bytes: Uint8Array, at: number, length: number): boolean {
  if (length < 8 || bytes[at] !== 0x2e) return false;
  for (let i = 1; i < PREFIX.length; i++) if (bytes[at + i] !== PREFIX[i]) return false;
  const text = latin1(bytes.subarray(at, at + length));
  return text === ".tsync-partial" || TEMPORARY.test(text);
}

/** Whether the name is a temporary name that tsync itself made (its check digits are right). */
export function isOwnTemporary(name: Uint8Array): boolean {
  const match = TEMPORARY.exec(latin1(name));
  return match !== null && match[3] === check(match[1], match[2]);
}

/** Makes temporary names for one run: unique among live runs, 64 random bits each. */
export class TemporaryNames {
  readonly #run: string;
  readonly #random: (bytes: number) => Uint8Array;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random;
    this.#run = digits(random(4), 0, 4);
  }

  next(): Uint8Array<ArrayBuffer> {
    if (this.#at + 8 > this.#pool.length) {
      this.#pool = this.#random(4096);
      this.#at = 0;
    }
    const random = digits(this.#pool, this.#at, 8);
    this.#at += 8;
    return fromLatin1(`.tsync-${this.#run}-${random}${check(this.#run, random)}`);
  }
}

function digits(bytes: Uint8Array, at: number, count: number): string {
  let text = "";
  for (let i = at; i < at + count; i++) text += (bytes[i] + 256).toString(16).slice(1);
  return text;
}

/** 32-bit FNV-1a over run and random digits, with a word of our own in front. */
function check(run: string, random: string): string {
  let hash = 0x811c9dc5;
  for (const text of ["tsync temporary", run, random]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
