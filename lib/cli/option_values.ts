// Arguments of options, from bytes to values. Called by the option table. What cannot be understood is a usage error that
// names the word and says what would be right.

import { display, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";

export function usageError(detail: string): TsyncError {
  return new TsyncError({ kind: "usage", detail });
}

/** A whole decimal number from `min` to `max`; `meaning` names it ("a number of seconds"). */
export function numberOf(value: Uint8Array, word: string, meaning: string, min: number, max: number): number {
  const text = latin1(value);
  const number = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) {
    throw usageError(`${word}: "${display(value)}" is not ${meaning}; give a whole number from ${min} to ${max}`);
  }
  return number;
}

/** "N" or "P%". */
export function percentOrNumberOf(value: Uint8Array, word: string): { count: number } | { percent: number } {
  if (value[value.length - 1] === 0x25) {
    return { percent: numberOf(value.subarray(0, -1), word, "a percentage", 0, 100) };
  }
  return { count: numberOf(value, word, "a number of entries or a percentage (50%)", 0, 2 ** 32) };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A command to be run: UTF-8, not empty, no control characters. */
export function textOf(value: Uint8Array, word: string): string {
  let text: string;
  try {
    text = decoder.decode(value);
  } catch {
    throw usageError(`${word}: "${display(value)}" is not UTF-8`);
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) throw usageError(`${word}: "${display(value)}" has control characters`);
  return text;
}
