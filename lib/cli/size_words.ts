// Sizes as rsync writes them: "1.5m", "500K", "2GB" (units of 1000), "1KiB", "10G-1"; a unit alone is 0 of it. Called by the option
// tables.

import { display, latin1 } from "../base/bytes.ts";
import { FILE_BYTES } from "../base/limits.ts";
import { usageError } from "./option_values.ts";

const UNITS = "bkmgtp";

/** Beyond any file of rsync's. */
const MOST_BYTES = 2 ** 63;

/** Bytes; where no unit stands `plain` is it ("k": rates, "b": sizes). Throws TsyncError "usage". */
export function sizeOf(value: Uint8Array, word: string, plain: "b" | "k" = "b"): number {
  const parts = /^(\d*(?:\.\d*)?)([bkmgtp]?)(ib|b)?([+-]1)?$/i.exec(latin1(value));
  const bytes = parts === null ? NaN : bytesOf(parts, plain);
  if (!(bytes >= 0 && bytes < MOST_BYTES)) {
    throw usageError(
      `${word}: "${display(value)}" is not a size; give a number and B, K, M, G, T or P (1.5M, 500K, 2GB)`,
    );
  }
  // No file has more bytes than a number here holds.
  return Math.min(bytes, FILE_BYTES);
}

function bytesOf([, digits, unit, kind, one]: RegExpExecArray, plain: "b" | "k"): number {
  const base = kind?.toLowerCase() === "b" ? 1000 : 1024;
  const number = digits === "" || digits === "." ? 0 : Number(digits);
  return Math.floor(number * base ** UNITS.indexOf(unit.toLowerCase() || plain)) + Number(one ?? 0);
}

/** Smallest --bwlimit, bytes a second. */
const LEAST_RATE = 512;

/** A --bwlimit in whole KiB a second, as rsync rounds it; 0: none. Throws TsyncError "usage". */
export function rateOf(value: Uint8Array, word: string): number {
  const bytes = sizeOf(value, word, "k");
  if (bytes > 0 && bytes < LEAST_RATE) {
    throw usageError(
      `${word}: "${display(value)}" is too small; the least is ${LEAST_RATE} bytes a second (512b), 0 is no limit`,
    );
  }
  return Math.round(bytes / 1024);
}
