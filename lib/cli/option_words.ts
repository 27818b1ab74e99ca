// From words to settings and operands, by popt's rules as rsync uses them: `-ab`, `-e VALUE`, `-eVALUE`, `--name=VALUE`,
// `--name VALUE`, `--no-name`, options after operands, `--` ends them, long names in full only, later words win. Called
// by request.ts. Words are bytes: what is no option stays as it is.

import { display, latin1 } from "../base/bytes.ts";
import type { Option } from "./option.ts";
import { OPTIONS } from "./option_table.ts";
import { usageError } from "./option_values.ts";
import { defaultSettings, rsyncSettings, type Settings } from "./settings.ts";

export interface ParsedWords {
  settings: Settings;
  operands: Uint8Array[];
  /** The words of each option. */
  options: Uint8Array[][];
}

/** In front of the names of our own options where the program stands in rsync's place. */
const OWN = "ts-";
const DASH = 0x2d;
const EQUALS = 0x3d;
const NOTHING = new Uint8Array(0);

/** Throws TsyncError "usage" at the first word that cannot be understood. With `asRsync` rsync's words only, and ours as --ts-NAME. */
export function parseWords(words: readonly Uint8Array[], asRsync = false): ParsedWords {
  return parseInto(asRsync ? rsyncSettings() : defaultSettings(), words);
}

/** The same on top of `settings`. */
export function parseInto(settings: Settings, words: readonly Uint8Array[]): ParsedWords {
  if (words.length === 1 && latin1(words[0]) === "-h") {
    settings.help = true;
    return { settings, operands: [], options: [] };
  }
  const operands: Uint8Array[] = [];
  const options: Uint8Array[][] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    const first = at;
    if (word.length < 2 || word[0] !== DASH) operands.push(word);
    else if (word[1] !== DASH) at += parseShort(settings, word, words[at + 1]);
    else if (word.length === 2) {
      operands.push(...words.slice(at + 1));
      break;
    } else at += parseLong(settings, word, words[at + 1]);
    if (operands[operands.length - 1] !== word) options.push(words.slice(first, at + 1));
  }
  return { settings, operands, options };
}

/** One or several short options; returns how many words behind this one were used up. */
function parseShort(settings: Settings, word: Uint8Array, next: Uint8Array | undefined): number {
  for (let i = 1; i < word.length; i++) {
    const letter = String.fromCharCode(word[i]);
    const option = OPTIONS.find((option) => option.short === letter);
    if (option === undefined) throw unknownShort(word, i);
    const name = `-${letter}`;
    if (option.argument === undefined) {
      if (word[i + 1] === EQUALS) throw takesNoArgument(word);
      option.set(settings, NOTHING, name);
      continue;
    }
    if (i + 1 < word.length) {
      option.set(settings, word.subarray(word[i + 1] === EQUALS ? i + 2 : i + 1), name);
      return 0;
    }
    if (next === undefined) throw missingArgument(name, option);
    option.set(settings, next, name);
    return 1;
  }
  return 0;
}

function parseLong(settings: Settings, word: Uint8Array, next: Uint8Array | undefined): number {
  const cut = word.indexOf(EQUALS);
  const name = latin1(word.subarray(2, cut < 0 ? word.length : cut));
  const { asRsync } = settings;
  if (name === "help" && cut >= 0 && !asRsync) {
    settings.manual = display(word.subarray(cut + 1));
    return 0;
  }
  const option = name === "" ? undefined : OPTIONS.find((option) => isNamed(option, name, asRsync));
  if (option === undefined) {
    const negated = name.startsWith("no-") ? negatable(name.slice(3), asRsync) : undefined;
    if (negated === undefined) throw unknownLong(word, name, asRsync);
    if (cut >= 0) throw takesNoArgument(word);
    negated(settings);
    return 0;
  }
  if (option.argument === undefined) {
    if (cut >= 0) throw takesNoArgument(word);
    option.set(settings, NOTHING, `--${name}`);
    return 0;
  }
  if (cut >= 0 || option.isOptional) {
    option.set(settings, cut < 0 ? NOTHING : word.subarray(cut + 1), `--${name}`);
    return 0;
  }
  if (next === undefined) throw missingArgument(`--${name}`, option);
  option.set(settings, next, `--${name}`);
  return 1;
}

/** What --no-NAME does, by long or short name. */
function negatable(name: string, asRsync: boolean): ((settings: Settings) => void) | undefined {
  if (name === "") return undefined;
  const isMeant = (option: Option) =>
    isNamed(option, name, asRsync) || (option.short === name && !option.unsetByNameOnly);
  return OPTIONS.find(isMeant)?.unset;
}

function isNamed(option: Option, name: string, asRsync: boolean): boolean {
  if (asRsync && option.own) return name === OWN + option.name;
  return option.name === name || option.aliases?.includes(name) === true;
}

function unknownShort(word: Uint8Array, at: number) {
  const letter = display(word.subarray(at, at + 1));
  return usageError(`-${letter}: unknown option${word.length > 2 ? ` in "${display(word)}"` : ""}`);
}

function unknownLong(word: Uint8Array, name: string, asRsync: boolean) {
  const isClose = (option: Option) => option.name.startsWith(name) && !(asRsync && option.own);
  const close = name.length < 2 ? [] : OPTIONS.filter(isClose);
  const hint = close.length === 1 ? `; --${close[0].name} must be written in full` : "";
  return usageError(`${display(word)}: unknown option${hint}`);
}

function takesNoArgument(word: Uint8Array) {
  return usageError(`${display(word)}: this option takes no argument`);
}

function missingArgument(name: string, option: Option) {
  return usageError(`${name}: argument ${option.argument} is missing`);
}
