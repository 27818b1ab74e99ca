// When a run is to stop: --stop-after (minutes) and --stop-at (a moment, of which any part may be left out, as rsync takes it).
// Called by the option table. Pure: "now" is given.

import { display, latin1 } from "../base/bytes.ts";
import { usageError } from "./option_values.ts";

const MINUTE_MS = 60_000;

/** Minutes as C's atoi reads them: what follows the digits is passed over. In milliseconds. Throws TsyncError "usage". */
export function minutesOf(value: Uint8Array, word: string): number {
  const minutes = Number(/^\d+/.exec(latin1(value))?.[0] ?? 0);
  if (minutes <= 0) throw usageError(`${word}: "${display(value)}" is not a number of minutes above 0`);
  return Math.min(minutes * MINUTE_MS, Number.MAX_SAFE_INTEGER);
}

interface Moment {
  year: number | null;
  month: number | null;
  day: number | null;
  hour: number | null;
  minute: number;
}

/**
 * The next moment after `nowMs` (since 1970) that fits [[Y-]M-]D, [H]:M or both with a T between them, in this machine's time zone. A
 * year of one or two digits is the next such year. Throws TsyncError "usage".
 */
export function momentOf(value: Uint8Array, word: string, nowMs: number): number {
  const moment = readMoment(latin1(value));
  const found = moment === null ? null : moment.year === null ? nextFit(moment, nowMs) : inYear(moment, nowMs);
  if (found === null) {
    throw usageError(
      `${word}: "${display(value)}" is not a time; write 2027-12-31T23:59, 12-31, 31, T23:59, 23:59 or :59`,
    );
  }
  if (found <= nowMs) throw usageError(`${word}: "${display(value)}" is not in the future`);
  return found;
}

function readMoment(text: string): Moment | null {
  const parts = /^(?:(?:(\d+)[-/])?(?:(\d+)[-/]))?(\d+)?(?:T?(?:(\d+)?:(\d+))|T)?$/.exec(
    text.includes(":") ? beforeTime(text) : text,
  );
  if (parts === null) return null;
  const [year, month, day, hour] = parts.slice(1, 5).map((part) => part === undefined ? null : Number(part));
  const minute = parts[5] === undefined ? null : Number(parts[5]);
  if (day === null && minute === null) return null;
  if (month !== null && (month < 1 || month > 12)) return null;
  if (day !== null && (day < 1 || day > 31)) return null;
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59) return null;
  // With a day the hour cannot be left open.
  if (day !== null && minute !== null && hour === null) return null;
  return { year, month, day, hour: day === null ? hour : hour ?? 0, minute: minute ?? 0 };
}

/** "14:00" is an hour, not a day: a T is put in front of it. */
function beforeTime(text: string): string {
  return text.includes("T") ? text : `T${text}`;
}

/** A year that is given: the two-digit one is the next of them. Days a month does not have run into the next, as in C. */
function inYear(moment: Moment, nowMs: number): number {
  const { year, month, day, hour, minute } = moment;
  const at = (year: number) => {
    const date = new Date(2000, month! - 1, day!, hour!, minute);
    date.setFullYear(year, month! - 1, day!);
    return date.getTime();
  };
  if (year! >= 100) return at(year!);
  const century = new Date(nowMs).getFullYear() - new Date(nowMs).getFullYear() % 100;
  const soon = at(century + year!);
  return soon > nowMs ? soon : at(century + 100 + year!);
}

/** Years in which a given month and day must occur: a 29th of February may be eight years away. */
const YEARS = 9;

/** The first moment after now with these parts: minutes, hours, days or months are tried one after the other. */
function nextFit({ month, day, hour, minute }: Moment, nowMs: number): number | null {
  const now = new Date(nowMs);
  const base: number[] = [now.getFullYear(), now.getMonth(), now.getDate(), now.getHours()];
  if (day === null) {
    const step = hour === null ? "hour" : "day";
    for (let k = 0; k <= 2; k++) {
      const date: Date = step === "hour"
        ? new Date(base[0], base[1], base[2], base[3] + k, minute)
        : new Date(base[0], base[1], base[2] + k, hour!, minute);
      if (date.getTime() > nowMs) return date.getTime();
    }
    return null;
  }
  for (let k = 0; k <= 12 * YEARS; k++) {
    const date: Date = new Date(base[0], base[1] + k, day, hour!, minute);
    const isDay = date.getDate() === day && (month === null || date.getMonth() === month - 1);
    if (isDay && date.getTime() > nowMs) return date.getTime();
  }
  return null;
}
