// Lines of --list-only, and what they share with the escapes of --out-format: letters of a mode, local time. Pure. Called by the
// reporter of a listing and by line_format.ts.

import type { EntryFacts } from "../base/monitor.ts";
import { shownNumber } from "./numbers.ts";

const FOLDER = 4;
const LINK = 10;
const KIND_LETTERS: Record<number, string> = { 1: "p", 2: "c", 4: "d", 6: "b", 8: "-", 10: "l", 12: "s" };

/** "drwxr-xr-t" */
export function modeLetters(kind: number, mode: number): string {
  const of = (shift: number, special: boolean, letter: string) => {
    const x = (mode >>> shift & 1) !== 0;
    const last = special ? (x ? letter : letter.toUpperCase()) : x ? "x" : "-";
    return (mode >>> shift & 4 ? "r" : "-") + (mode >>> shift & 2 ? "w" : "-") + last;
  };
  return (KIND_LETTERS[kind] ?? "?") + of(6, (mode & 0o4000) !== 0, "s") + of(3, (mode & 0o2000) !== 0, "s") +
    of(0, (mode & 0o1000) !== 0, "t");
}

/** "2026/11/21 16:56:04" in the local zone, with `between` in the middle. */
export function isoDay(seconds: number, between: string): string {
  const date = new Date(Math.floor(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `0000/00/00${between}00:00:00`;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${String(date.getFullYear()).padStart(4, "0")}/${two(date.getMonth() + 1)}/${two(date.getDate())}${between}` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** One line without its newline; `human` as in -h, `showsTarget`: links are kept as links, `atimes`: -U. */
export function listLine(
  facts: EntryFacts,
  human: number,
  showsTarget: boolean,
  show: (bytes: Uint8Array) => string,
  atimes = false,
) {
  const { kind, mode, size, mtimeSec, path, linkTarget } = facts;
  const width = human === 0 ? 11 : 14;
  const atime = !atimes ? "" : ` ${facts.atimeSec === undefined ? "".padEnd(19) : isoDay(facts.atimeSec, " ")}`;
  const arrow = kind === LINK && showsTarget ? ` -> ${show(linkTarget)}` : "";
  const sized = kind === FOLDER || kind === 8 || kind === LINK ? size : 0;
  return `${modeLetters(kind, mode)} ${shownNumber(sized, human).padStart(width)} ${isoDay(mtimeSec, " ")}${atime} ${
    path.length === 0 ? "." : show(path)
  }${arrow}`;
}
