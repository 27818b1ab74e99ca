// Origins: the source arguments of one run, opened. `dir/` gives the folder's content, anything else the named entry in
// its parent folder, exactly as rsync reads its arguments.

import { latin1 } from "../base/bytes.ts";
import type { SyncOptions } from "../base/options.ts";
import type { Handle } from "../os/os.ts";

export interface Origin {
  /** The folder whose content (only = null) or whose entry `only` is transferred. Paths of the list lie below it. Origins may share it. */
  root: Handle;
  only: Uint8Array | null;
  /** The argument as typed, for messages; of an entry named one by one: the folder that was opened. */
  word: Uint8Array;
  /** Where in the list the root lies; empty: at its root. Anything else is behind a link of the origin `from`. */
  at: Uint8Array;
  from: number;
}

/** The folder and the path below it that stand for `path` in the list. */
export function placeOf(
  origins: readonly Origin[],
  origin: number,
  path: Uint8Array,
): { root: Handle; rest: Uint8Array } {
  let { root, at, from } = origins[origin];
  while (path.length < at.length) ({ root, at, from } = origins[from]);
  return { root, rest: at.length === 0 ? path : path.subarray(Math.min(path.length, at.length + 1)) };
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** Whether a run names its entries one by one (named_sources.ts). */
export function namesEntries({ relative, dirs, recursive, filesFrom }: SyncOptions): boolean {
  return relative || filesFrom || (dirs && !recursive);
}

/** Whether folders are listed at all. */
export function listsFolders({ relative, dirs, recursive }: SyncOptions): boolean {
  return recursive || dirs || relative;
}

/** Splits a source argument: the folder to open, and the entry in it (null: the folder's whole content). */
export function splitSource(word: Uint8Array): { folder: Uint8Array; only: Uint8Array | null } {
  if (word.length === 0) return { folder: new Uint8Array([DOT]), only: null };
  const cut = word.lastIndexOf(SLASH);
  const last = word.subarray(cut + 1);
  const text = latin1(last);
  if (text === "" || text === "." || text === "..") return { folder: word, only: null };
  if (cut < 0) return { folder: new Uint8Array([DOT]), only: last };
  return { folder: cut === 0 ? word.subarray(0, 1) : word.subarray(0, cut), only: last };
}

/** Top-level names of arguments that name an entry. */
export function namedByArguments(sources: Uint8Array[]): Uint8Array[] {
  return sources.map((source) => splitSource(source).only).filter((only) => only !== null);
}

/** Top-level names that the arguments ask for, each once; null where a folder's whole content was asked for. */
export function namesAskedFor(sources: Uint8Array[]): Uint8Array[] | null {
  const names = new Map<string, Uint8Array>();
  for (const source of sources) {
    const { only } = splitSource(source);
    if (only === null || latin1(source) === "~") return null;
    names.set(latin1(only), only);
  }
  return [...names.values()];
}
