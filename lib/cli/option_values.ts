// Arguments of options, from bytes to values. Called by the option table. What cannot be understood is a usage error that
// names the word and says what would be right.

import { display, latin1 } from "../base/bytes.ts";
import { ACCOUNT_MAP_BYTES, PATH_BYTES } from "../base/limits.ts";
import { TsyncError } from "../base/errors.ts";
import type { SyncOptions } from "../base/options.ts";
import { HIGHEST_LEVEL, LOWEST_LEVEL } from "../codec/choose.ts";
import type { Settings } from "./settings.ts";

const COLON = 0x3a;

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

/** One of `words`, which may be cut short and written in capitals. */
export function oneOf(value: Uint8Array, word: string, words: readonly string[]): string {
  const text = latin1(value).toLowerCase();
  const meant = text === "" ? undefined : words.find((one) => one.startsWith(text));
  if (meant === undefined) {
    throw usageError(
      `${word}: "${display(value)}" is not known here; give ${words.join(", ")} or the beginning of one`,
    );
  }
  return meant;
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

/** Takes the text of --usermap or --groupmap, or what --chown means in their words. Each may come once, from one of them. */
export function setAccountMap(settings: Settings, name: "userMap" | "groupMap", text: Uint8Array, word: string): void {
  const by = name === "userMap" ? "mapsUsers" : "mapsGroups";
  if (settings[by] !== null) {
    const both = settings[by] === word ? "is given twice" : `contradicts ${settings[by]}`;
    throw usageError(`${word} ${both}; write one list`);
  }
  if (text.length > ACCOUNT_MAP_BYTES) throw usageError(`${word}: it is longer than ${ACCOUNT_MAP_BYTES} bytes`);
  if (text.length === 0) throw usageError(`${word}: it is empty; write FROM:TO`);
  settings[by] = word;
  settings.options[name] = text;
}

/** USER, USER: or USER:GROUP or :GROUP. */
export function setOwnerOfAll(settings: Settings, value: Uint8Array, word: string): void {
  const colon = value.indexOf(COLON);
  const user = colon < 0 ? value : value.subarray(0, colon);
  const group = colon < 0 ? value.subarray(0, 0) : value.subarray(colon + 1);
  if (value.includes(0x2c)) throw usageError(`${word}: "${display(value)}" is not USER:GROUP`);
  if (user.length > 0) setAccountMap(settings, "userMap", new Uint8Array([0x2a, COLON, ...user]), word);
  if (group.length > 0) setAccountMap(settings, "groupMap", new Uint8Array([0x2a, COLON, ...group]), word);
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
