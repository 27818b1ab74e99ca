// The escapes of --out-format and --log-file-format ("%i %n%L"), as rsync's manual lists them. Loaded only by a run that has one
// of the two. Promises: whatever a name or the format holds, what comes out is one line that is safe to show.

import { fromLatin1, hex, latin1 } from "../base/bytes.ts";
import { Change, type EntryFacts } from "../base/monitor.ts";
import type { JobRequest } from "../job/request.ts";
import { DELETING, itemize } from "../plan/itemize.ts";
import { shownNumber } from "./numbers.ts";
import { isoDay, modeLetters } from "./list_line.ts";

const FOLDER = 4;
const LINK = 10;
const SLASH = 0x2f;
/** Widest field, characters: rsync's lines end soon after. */
const WIDEST = 4096;

/** What one line is about. */
export interface LineSubject {
  facts: EntryFacts;
  change: number;
  isDeletion: boolean;
}

/** What is the same for all lines of a run. */
export interface LineContext {
  request: JobRequest;
  /** How names are shown. */
  show(bytes: Uint8Array): string;
  nowSeconds(): number;
  processId: number;
}

interface Field {
  /** The escape as written, for one that is not known. */
  text: string;
  letter: string;
  width: number;
  isLeft: boolean;
  /** How a number is written: 0 digits only, 1 with commas, 2 and 3 in units. */
  human: number;
}

const KNOWN = "niLolbcCBMUGftpmPauh%";
/** Left as they are: a program that is no daemon knows no such thing. */
const FOR_DAEMONS = "aPuh";

export class LineFormat {
  readonly #parts: (string | Field)[] = [];
  readonly #context: LineContext;
  readonly #prefixes: Uint8Array[];

  constructor(format: Uint8Array, context: LineContext) {
    this.#context = context;
    this.#prefixes = context.request.sources.map(sourcePrefix);
    const text = latin1(format);
    const escape = /%('*)(-?)([0-9]*)([a-zA-Z%])/g;
    let at = 0;
    for (let found = escape.exec(text); found !== null; found = escape.exec(text)) {
      const [all, marks, minus, digits, letter] = found;
      this.#parts.push(text.slice(at, found.index));
      const isKnown = KNOWN.includes(letter) && !FOR_DAEMONS.includes(letter);
      const width = Math.min(Number(digits), WIDEST);
      if (isKnown) this.#parts.push({ text: all, letter, width, isLeft: minus !== "", human: marks.length });
      else this.#parts.push(all);
      at = found.index + all.length;
    }
    this.#parts.push(text.slice(at));
  }

  uses(letter: string): boolean {
    return this.#parts.some((part) => typeof part !== "string" && part.letter === letter);
  }

  /** Whether a line says what only the end of a transfer tells. */
  get needsEnd(): boolean {
    return this.uses("b") || this.uses("c") || this.uses("C");
  }

  /** One line without its newline. Names are bytes until it is whole: widths count them, and then all of it is made safe to show. */
  line(subject: LineSubject): string {
    const line = this.#parts.map((part) => typeof part === "string" ? part : this.#field(part, subject)).join("");
    return this.#context.show(fromLatin1(line));
  }

  #field(field: Field, subject: LineSubject): string {
    const text = this.#value(field, subject);
    return field.isLeft ? text.padEnd(field.width) : text.padStart(field.width);
  }

  /** One character per byte. */
  #value({ letter, human }: Field, { facts, change, isDeletion }: LineSubject): string {
    const { request } = this.#context;
    const { options, direction } = request;
    const number = (value: number) => shownNumber(value, human);
    const isRoot = facts.path.length === 0;
    switch (letter) {
      case "i":
        return isDeletion ? DELETING : itemize(facts.kind, change, direction === "push");
      case "n":
        return (isRoot ? "." : latin1(facts.path)) + (facts.kind === FOLDER ? "/" : "");
      case "f":
        return latin1(this.#longName(facts, isDeletion));
      case "L":
        return facts.kind === LINK && !isDeletion ? ` -> ${latin1(facts.linkTarget)}` : "";
      case "o":
        return isDeletion ? "del." : direction === "pull" ? "recv" : "send";
      case "l":
        return number(facts.size);
      case "b":
        return number(facts.transfer?.literalBytes ?? 0);
      case "c":
        // As in rsync, the receiver of content does not count what it said.
        return number(direction === "pull" ? 0 : facts.transfer?.signatureBytes ?? 0);
      case "C":
        return digestText(facts, options.dryRun && (change & Change.content) !== 0);
      case "B":
        return isDeletion ? "---------" : modeLetters(facts.kind, facts.mode).slice(1);
      case "M":
        return isoDay(isDeletion ? 0 : facts.mtimeSec, "-");
      case "U":
        return number(isDeletion ? 0 : facts.uid);
      case "G":
        return isDeletion ? number(0) : options.group ? number(facts.gid) : "DEFAULT";
      case "t":
        return isoDay(this.#context.nowSeconds(), " ");
      case "p":
        return number(this.#context.processId);
      case "%":
        return "%";
      default:
        return "";
    }
  }

  /** The sender's name for it: the source as typed, without a leading slash, and what is below it. */
  #longName({ path, origin }: EntryFacts, isDeletion: boolean): Uint8Array {
    if (isDeletion || this.#context.request.direction === "pull") {
      return path.length === 0 ? new Uint8Array([0x2e]) : path;
    }
    const prefix = this.#prefixes[origin] ?? this.#prefixes[0];
    const name = path.length === 0 ? new Uint8Array([0x2e]) : path;
    return prefix.length === 0 ? name : new Uint8Array([...prefix, SLASH, ...name]);
  }
}

/** Of a file that was transferred, zeros if it only would be; what has no content, or was not transferred, has blanks. */
function digestText({ transfer }: EntryFacts, wouldBe: boolean): string {
  if (transfer?.digest) return hex(transfer.digest);
  return (wouldBe ? "0" : " ").repeat(32);
}

/** "./a//b/name" -> "a/b", "/a/b/" -> "a/b": the folder in which paths of the list begin. */
export function sourcePrefix(word: Uint8Array): Uint8Array {
  const parts = latin1(word).split("/");
  const last = parts[parts.length - 1];
  if (last !== "" && last !== "." && last !== "..") parts.pop();
  const kept = parts.filter((part) => part !== "" && part !== ".").join("/");
  return fromLatin1(kept);
}
