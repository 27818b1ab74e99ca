// Finds the far side's answers (PROTOCOL.md section 3) among what a login says before them. Called by launch.ts and
// agents.ts. Pure. Promises: at most NOISE_BYTES and one answer are held; nothing but the marker followed by a known word
// counts, so an echo of our own line does not.

import { concatBytes, display, EMPTY, latin1, utf8 } from "../base/bytes.ts";
import { NOISE_BYTES, TEXT_BYTES } from "../base/limits.ts";

export type Answer =
  | { word: "OK" }
  /** The far side wants the agent; `machine` is its `uname -m`. */
  | { word: "NEED"; machine: string }
  /** `text` as the far side sent it, for display only. */
  | { word: "FAIL"; text: Uint8Array };

export class AnswerFinder {
  /** What came before the answers and between them. */
  noise: Uint8Array = EMPTY;
  #held: Uint8Array = EMPTY;
  readonly #marker: Uint8Array;

  constructor(marker: string) {
    this.#marker = utf8(marker + " ");
  }

  /** Bytes that were pushed and belong to no answer yet; after OK, the beginning of the frames. */
  get rest(): Uint8Array {
    return this.#held;
  }

  /** All that was pushed and was no answer. */
  get unanswered(): Uint8Array {
    return concatBytes(this.noise, this.#held);
  }

  /** More login noise than is borne. */
  get overflowed(): boolean {
    return this.noise.length > NOISE_BYTES;
  }

  /** Takes what was read; the next answer, or null if it is not there yet. Call with EMPTY to ask for another one. */
  push(bytes: Uint8Array): Answer | null {
    this.#held = concatBytes(this.#held, bytes);
    for (;;) {
      const at = indexOf(this.#held, this.#marker);
      if (at < 0) {
        this.#skip(Math.max(0, this.#held.length - this.#marker.length + 1));
        return null;
      }
      this.#skip(at);
      const end = this.#held.subarray(0, this.#marker.length + TEXT_BYTES).indexOf(0x0a);
      if (end < 0 && this.#held.length < this.#marker.length + TEXT_BYTES) return null;
      const answer = end < 0 ? null : parseAnswer(this.#held.subarray(this.#marker.length, end));
      if (answer !== null) {
        this.#held = this.#held.slice(end + 1);
        return answer;
      }
      this.#skip(this.#marker.length);
    }
  }

  /** The first `count` held bytes are noise. */
  #skip(count: number): void {
    if (count === 0) return;
    const room = Math.max(0, NOISE_BYTES + 1 - this.noise.length);
    this.noise = concatBytes(this.noise, this.#held.subarray(0, Math.min(count, room)));
    this.#held = this.#held.slice(count);
  }
}

/** The answer after the marker and its space, without the newline; null if it is none. */
function parseAnswer(line: Uint8Array): Answer | null {
  const text = latin1(line);
  if (text === "OK") return { word: "OK" };
  const machine = /^NEED ([A-Za-z0-9_]{1,32})$/.exec(text);
  if (machine !== null) return { word: "NEED", machine: machine[1] };
  return text.startsWith("FAIL ") ? { word: "FAIL", text: line.slice(5) } : null;
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (
    let at = bytes.indexOf(part[0]);
    at >= 0 && at + part.length <= bytes.length;
    at = bytes.indexOf(part[0], at + 1)
  ) {
    let i = 1;
    while (i < part.length && bytes[at + i] === part[i]) i++;
    if (i === part.length) return at;
  }
  return -1;
}

/** Characters of noise that a message quotes. */
const QUOTE_CHARACTERS = 400;

/** The noise, escaped, its lines joined, cut to what a person reads; empty if there is nothing but white space. */
export function quoteNoise(noise: Uint8Array): string {
  const lines = latin1(noise).split(/[\r\n]+/).map((line) => line.trim()).filter((line) => line !== "");
  const text = lines.map((line) => display(Uint8Array.from(line, (c) => c.charCodeAt(0)))).join(" | ");
  return text.length <= QUOTE_CHARACTERS ? text : `${text.slice(0, QUOTE_CHARACTERS)}... (${noise.length} bytes)`;
}
