// The guard against a source and a target of one machine that lie in each other: a run that would copy its own copies, or delete its
// own source. Called by the source half before anything is told. Promises: folders are known by their inodes, whatever links or
// mounts the words lead through; what a rule leaves out does not count; nothing is changed.

import { display, equalBytes, joinPath, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { SyncOptions } from "../base/options.ts";
import { Errno, isSameInode, Kind, Listing, type Os, Stat } from "../os/os.ts";
import { type Origin, splitSource } from "../tree/origins.ts";

const SLASH = 0x2f;
const DOT = new Uint8Array([0x2e]);
/** Folders above a folder that are looked at. */
const MOST_ABOVE = 2048;

export interface OverlapQuestion {
  os: Os;
  options: SyncOptions;
  origins: readonly Origin[];
  /** The target as typed. */
  target: Uint8Array;
  /** Whether what lies in the folder at `path` (of the list) is listed, as far as it was asked for and no rule leaves it out. */
  lists(path: Uint8Array, origin: number): boolean;
  /** Whether a rule keeps the folder at `path` of the target from being deleted. */
  protects(path: Uint8Array): boolean;
}

/** Throws TsyncError "selection" if the run would copy what it writes, or delete its source. */
export function guardOverlap(question: OverlapQuestion): void {
  const { os, origins, target } = question;
  const stat = new Stat();
  // What is no folder is refused as a target for that.
  if (os.statPath(target, true, stat) === 0 && stat.kind !== Kind.folder) return;
  const place = existingFolder(os, target);
  if (place === null) return;
  const above = foldersAbove(os, place.word);
  // It was there just now, and cannot be looked at any more: who opens it tells.
  if (above.length === 0) return;
  origins.forEach(({ root, only, word }, origin) => {
    const looked = only === null ? os.statHandle(root, stat) : os.statAt(root, only, 0, only.length, stat);
    if (looked < 0 || stat.kind !== Kind.folder) return;
    const steps = above.findIndex((folder) => isSameInode(folder, stat));
    if (steps >= 0) return guardInside(question, { origin, word, only }, place, above, steps);
    if (question.options.delete && place.missing.length === 0) guardAround(question, { word, only }, above[0]);
  });
}

interface Source {
  word: Uint8Array;
  only: Uint8Array | null;
}

/** The target is the source folder or lies in it. */
function guardInside(
  { os, options, lists, target }: OverlapQuestion,
  { origin, word, only }: Source & { origin: number },
  place: Place,
  above: readonly Stat[],
  steps: number,
): void {
  const names = [...namesBelow(os, place.word, above, steps), ...place.missing];
  const shown = `the target "${display(target)}"`;
  if (names.length === 0 && only === null) {
    if (options.delete) refuse(`${shown} is the source "${display(word)}" itself, and --delete could delete in it`);
    return;
  }
  // A folder that goes into itself lands below its own name.
  if (names.length === 0) names.push(only!);
  let path: Uint8Array = only ?? new Uint8Array(0);
  for (const name of names) {
    path = joinPath(path, name);
    if (!lists(path, origin)) return;
  }
  refuse(`${shown} lies inside the source "${display(word)}", and the run would copy its own copies`, path);
}

/** The source lies in the target: --delete must not reach it. */
function guardAround({ os, protects, target }: OverlapQuestion, { word, only }: Source, root: Stat): void {
  const { folder } = splitSource(word);
  const above = foldersAbove(os, folder);
  const steps = above.findIndex((place) => isSameInode(place, root));
  if (steps < 0) return;
  const names = namesBelow(os, folder, above, steps);
  if (only !== null) names.push(only);
  // With "dir" only what lies below its own name in the target is this run's business; that may be the source itself.
  if (only !== null && names.length > 1 && !equalBytes(names[0], only)) return;
  let path: Uint8Array = new Uint8Array(0);
  for (const name of names) {
    path = joinPath(path, name);
    if (protects(path)) return;
  }
  refuse(
    `the source "${display(word)}" lies inside the target "${display(target)}", and --delete could delete it`,
    path,
  );
}

function refuse(why: string, path?: Uint8Array): never {
  const hint = path === undefined ? "" : `--exclude=/${display(path)}/ leaves that folder alone; `;
  throw new TsyncError({
    kind: "selection",
    detail: `${why}: nothing was done; ${hint}if this is meant, say --no-guard`,
  });
}

interface Place {
  /** A path to a folder that is there. */
  word: Uint8Array;
  /** What the run makes below it. */
  missing: Uint8Array[];
}

/** The target, or the nearest folder above it that is there; null where that cannot be told. */
function existingFolder(os: Os, target: Uint8Array): Place | null {
  const stat = new Stat();
  const missing: Uint8Array[] = [];
  let word = target.length === 0 ? DOT : target;
  for (;;) {
    const looked = os.statPath(word, true, stat);
    if (looked === 0 && stat.kind === Kind.folder) return { word, missing };
    if (looked < 0 && looked !== -Errno.ENOENT) return null;
    let end = word.length;
    while (end > 1 && word[end - 1] === SLASH) end--;
    const cut = word.subarray(0, end).lastIndexOf(SLASH);
    const name = word.subarray(cut + 1, end);
    if (end === 0 || latin1(name) === "." || latin1(name) === "..") return null;
    missing.unshift(new Uint8Array(name));
    if (cut < 0) {
      // A name in the working folder.
      return os.statPath(DOT, true, stat) === 0 ? { word: DOT, missing } : null;
    }
    word = word.subarray(0, Math.max(cut, 1));
  }
}

/** The folder at `word` and those above it, up to the top. */
function foldersAbove(os: Os, word: Uint8Array): Stat[] {
  const found: Stat[] = [];
  for (let steps = 0; steps < MOST_ABOVE; steps++) {
    const stat = new Stat();
    if (os.statPath(stepsUp(word, steps), true, stat) < 0) break;
    if (found.length > 0 && isSameInode(found[found.length - 1], stat)) break;
    found.push(stat);
  }
  return found;
}

function stepsUp(word: Uint8Array, steps: number): Uint8Array {
  const path = new Uint8Array(word.length + 3 * steps);
  path.set(word);
  for (let k = 0; k < steps; k++) path.set([SLASH, 0x2e, 0x2e], word.length + 3 * k);
  return path;
}

/** Names on the way from the folder `steps` above `word` down to it. */
function namesBelow(os: Os, word: Uint8Array, above: readonly Stat[], steps: number): Uint8Array[] {
  const names: Uint8Array[] = [];
  const listing = new Listing();
  const stat = new Stat();
  for (let k = steps; k > 0; k--) {
    const folder = os.openRoot(stepsUp(word, k));
    if (folder < 0) return names;
    os.readFolder(folder, listing);
    for (let i = 0; i < listing.count; i++) {
      const name = listing.name(i);
      if (os.statAt(folder, name, 0, name.length, stat) < 0 || !isSameInode(stat, above[k - 1])) continue;
      names.push(new Uint8Array(name));
      break;
    }
    os.close(folder);
  }
  return names;
}
