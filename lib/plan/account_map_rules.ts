// --usermap and --groupmap: FROM:TO pairs parted by commas; the first whose FROM fits an account of the source gives the number
// that it has here. FROM is a number, a range, a name with or without wildcards, or empty (an account without a name); TO a
// number or a name here. Pure. Loaded by a run that has such a rule. Promises: what is not understood, or names nobody here, ends the run before it begins.

import { display, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Glob } from "../filter/glob.ts";

const COLON = 0x3a;
const COMMA = 0x2c;
/** The highest number an account can have. */
const ID_LIMIT = 2 ** 32 - 2;
const NAMELESS = new Uint8Array(0);

type Fits = (id: number, name: Uint8Array | null) => boolean;

/** The map of `text`; `numberOf` knows the names here. Throws TsyncError: "usage" where rsync refuses, "selection" for a name that it
 * does not know. */
export function parseAccountMap(
  option: string,
  text: Uint8Array,
  numberOf: (name: Uint8Array) => number | null,
): (id: number, name: Uint8Array | null) => number | null {
  const rules: { fits: Fits; to: number }[] = [];
  for (const pair of text.length === 0 ? [] : splitAt(text, COMMA)) {
    const colon = pair.indexOf(COLON);
    if (colon < 0) refuse(`${option}: "${display(pair)}" has no colon; write FROM:TO`);
    const to = pair.subarray(colon + 1);
    if (to.length === 0) refuse(`${option}: "${display(pair)}" has nothing behind the colon`);
    const fits = fitsOf(option, pair.subarray(0, colon));
    rules.push({ fits, to: targetOf(option, to, numberOf) });
  }
  return (id, name) => rules.find(({ fits }) => fits(id, name))?.to ?? null;
}

function fitsOf(option: string, from: Uint8Array): Fits {
  const text = latin1(from);
  if (text === "") return (_, name) => name === null;
  if (/^[0-9]/.test(text)) {
    const range = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(text);
    if (range === null) refuse(`${option}: "${display(from)}" is not a number or a range of numbers`);
    const low = Number(range[1]);
    const high = Number(range[2] ?? range[1]);
    return (id) => id >= low && id <= high;
  }
  if (/^\*+$/.test(text)) return () => true;
  if (/[*?[]/.test(text)) {
    const glob = new Glob(from);
    return (_, name) => glob.matches(name ?? NAMELESS, 0, name?.length ?? 0, false, false, false);
  }
  return (_, name) => name !== null && latin1(name) === text;
}

function targetOf(option: string, to: Uint8Array, numberOf: (name: Uint8Array) => number | null): number {
  const text = latin1(to);
  if (!/^[0-9]+$/.test(text)) return numberOf(to) ?? unknown(option, to);
  const number = Number(text);
  if (number > ID_LIMIT) refuse(`${option}: "${text}" is no number of an account`);
  return number;
}

function* splitAt(text: Uint8Array, separator: number): Generator<Uint8Array> {
  for (let start = 0; start <= text.length;) {
    const found = text.indexOf(separator, start);
    const end = found < 0 ? text.length : found;
    yield text.subarray(start, end);
    start = end + 1;
  }
}

function unknown(option: string, name: Uint8Array): never {
  const detail = `${option}: nobody is called "${display(name)}" at the target: nothing was done`;
  throw new TsyncError({ kind: "selection", detail });
}

function refuse(detail: string): never {
  throw new TsyncError({ kind: "usage", detail });
}
