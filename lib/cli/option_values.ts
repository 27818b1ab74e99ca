// Arguments of options, from bytes to values. Called by the option table. What cannot be understood is a usage error that
// names the word and says what would be right.

import { display, latin1 } from "../base/bytes.ts";
import { PATH_BYTES } from "../base/limits.ts";
import { TsyncError } from "../base/errors.ts";
import type { SyncOptions } from "../base/options.ts";
import { HIGHEST_LEVEL, LOWEST_LEVEL } from "../codec/choose.ts";

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

/** Names of --compress-choice: rsync's for what we have. Others end the run, as in an rsync that was built without them. */
export function compressionOf(value: Uint8Array, word: string): SyncOptions["compress"] {
  switch (latin1(value).toLowerCase()) {
    case "auto":
      return "auto";
    case "none":
      return "never";
    case "zstd":
      return "always";
  }
  throw new TsyncError({
    kind: "unsupported",
    detail: `${word}: "${display(value)}" is not known here; give zstd, none or auto`,
  });
}

/** A zstd level; as in rsync one that is out of range means the nearest there is. Null: none in particular (0). */
export function levelOf(value: Uint8Array, word: string): number | null {
  const level = numberOf(value, word, "a compression level", -(2 ** 31), 2 ** 31 - 1);
  return level === 0 ? null : Math.min(Math.max(level, LOWEST_LEVEL), HIGHEST_LEVEL);
}

/** A folder, raw, as options hold it. */
export function folderOf(value: Uint8Array, word: string): string {
  if (value.length > PATH_BYTES) throw usageError(`${word}: the path is longer than ${PATH_BYTES} bytes`);
  return latin1(value);
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
