// Text as servers log it, the same for the same seed and never repeating: lines with a rising time, a level, a program, a request with
// numbers and names that come in Zipf's proportions. Called by data.ts. Promises: zstd shrinks it 3 to 5 times (a unit test holds that).

import { seededRandom } from "./random.ts";

const LEVELS = ["INFO ", "INFO ", "INFO ", "INFO ", "DEBUG", "DEBUG", "WARN ", "ERROR"];
const SYLLABLES =
  "ka re to mi sol un ver dex ply gra ten oro lim bas que sta nor eth ula pim cro fas wen dri hul jab zen mon tri cul"
    .split(" ");
/** `$w` a word, `$n` a number, `$i` a session's id, `$a` an address, `$t` a duration. */
const MESSAGES = [
  "request GET /api/v2/$w/$n finished with 200 in $t ms for $a session=$i",
  "request POST /api/v2/$w/$w finished with 201 in $t ms for $a session=$i bytes=$n",
  'cache miss for key "$w:$w:$n", loading from shard $n',
  "user $w logged in from $a (session $i)",
  "job $w-$w[$n] scheduled on worker $n, queue depth $n",
  "connection to $a lost: broken pipe; retrying in $t ms",
  "  at $w.$w.handle$n(/srv/app/lib/$w/$w.ts:$n:$n)",
  "slow query ($t ms): SELECT * FROM $w WHERE $w_id = $n AND state = '$w' LIMIT $n",
  '{"event":"$w.$w","id":$n,"actor":"$w","trace":"$i","ok":true,"took":$t}',
  "$w: checked $n entries of $w, $n changed, $n unchanged",
];
const WORDS = 3000;
/** Longest line: room that must be left in the buffer. */
const LINE_BYTES = 512;

export class TextMaker {
  readonly #random: () => number;
  readonly #words: Uint8Array[];
  readonly #templates: (Uint8Array | string)[][];
  readonly #buffer = new Uint8Array(LINE_BYTES);
  #line = new Uint8Array(0);
  #at = 0;
  #milliseconds: number;

  constructor(seed: number) {
    const random = this.#random = seededRandom(seed);
    const encoder = new TextEncoder();
    this.#words = Array.from({ length: WORDS }, () => {
      const length = 2 + Math.floor(random() * 3);
      return encoder.encode(Array.from({ length }, () => SYLLABLES[Math.floor(random() * SYLLABLES.length)]).join(""));
    });
    this.#templates = MESSAGES.flatMap((message) =>
      LEVELS.map((level) =>
        ` ${level} ${message}\n`.split(/(\$[wniat])/).map((part) => /^\$/.test(part) ? part : encoder.encode(part))
      )
    );
    this.#milliseconds = Math.floor(random() * 86_400_000);
  }

  /** Fills all of `into`, on from where the last call ended. */
  fill(into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      if (this.#at === this.#line.length) {
        this.#line = this.#buffer.subarray(0, this.#writeLine());
        this.#at = 0;
      }
      const piece = this.#line.subarray(this.#at, this.#at + into.length - done);
      into.set(piece, done);
      done += piece.length;
      this.#at += piece.length;
    }
  }

  #writeLine(): number {
    const random = this.#random;
    this.#milliseconds += Math.floor(random() * random() * 40);
    let at = this.#time();
    // Some messages are far more frequent than others.
    const template = this.#templates[Math.floor(random() * random() * this.#templates.length)];
    for (const part of template) {
      if (typeof part === "string") at = this.#field(part, at);
      else {
        this.#buffer.set(part, at);
        at += part.length;
      }
    }
    return at;
  }

  #field(kind: string, at: number): number {
    const random = this.#random;
    switch (kind) {
      case "$w": {
        const word = this.#words[Math.floor(WORDS ** random()) - 1];
        this.#buffer.set(word, at);
        return at + word.length;
      }
      case "$n":
        return this.#number(Math.floor(10 ** (random() * 6)), at);
      case "$t":
        return this.#number(Math.floor(10 ** (random() * 3)), at);
      case "$a":
        at = this.#number(10, at);
        for (const range of [4, 16, 254]) {
          this.#buffer[at] = 0x2e;
          at = this.#number(1 + Math.floor(random() * range), at + 1);
        }
        return at;
      default: {
        // One of the sessions of the last minutes; ids do not compress, but they come again.
        const session = Math.floor(this.#milliseconds / 60_000) * 500 + Math.floor(random() * 500);
        for (let i = 0, state = Math.imul(session + 1, 0x9e3779b1); i < 16; i++) {
          state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
          this.#buffer[at++] = HEX.charCodeAt((state >>> 9) & 15);
        }
        return at;
      }
    }
  }

  /** 2026-11-21T10:31:44.123Z: the day goes on when a day is over. */
  #time(): number {
    const text = DAY, ms = this.#milliseconds;
    for (let i = 0; i < text.length; i++) this.#buffer[i] = text.charCodeAt(i);
    this.#digits(1 + Math.floor(ms / 86_400_000) % 28, 8, 2);
    this.#digits(Math.floor(ms / 3_600_000) % 24, 11, 2);
    this.#digits(Math.floor(ms / 60_000) % 60, 14, 2);
    this.#digits(Math.floor(ms / 1000) % 60, 17, 2);
    this.#digits(ms % 1000, 20, 3);
    return text.length;
  }

  #digits(value: number, at: number, count: number): void {
    for (let i = at + count - 1; i >= at; i--, value = Math.floor(value / 10)) this.#buffer[i] = 0x30 + value % 10;
  }

  #number(value: number, at: number): number {
    const count = value < 10 ? 1 : Math.floor(Math.log10(value) + 1e-9) + 1;
    this.#digits(value, at, count);
    return at + count;
  }
}

const DAY = "2026-11-00T00:00:00.000Z";
const HEX = "0123456789abcdef";
