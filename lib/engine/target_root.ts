// The target root: which folder the run writes in, by rsync's naming rules. An existing folder is it; a path that names no
// folder is made one, unless a single file is copied to that name.

import { errnoText } from "../base/errno.ts";
import { display, equalBytes, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Errno, type Handle, isSameInode, Kind, Listing, type Os, type Result, Stat } from "../os/os.ts";
import type { Roots } from "../session/ports.ts";
import { LEAST_KEPT_BYTES } from "../tree/partials.ts";
import { holdsNothing, ownTemporaries, PARTIAL_FOLDER } from "../tree/own_names.ts";

export interface TargetRoot {
  /** Its path, as typed. */
  path: Uint8Array;
  /** The folder everything is written below; -1 in a dry run in which it does not exist. */
  handle: Handle;
  /** Name the single file gets, or null. */
  singleName: Uint8Array | null;
  /** The folder stands for the source's own folder: its metadata is kept in step. */
  hasMetadata: boolean;
  /** It was made by this run (or would be). */
  isNew: boolean;
  /** It holds nothing: everything is wanted at once. */
  isEmpty: boolean;
}

const SLASH = 0x2f;
const HERE = new Uint8Array([0x2e]);
const UP = new Uint8Array([0x2e, 0x2e]);
const PRIVATE_FOLDER = 0o700;

/** Opens or makes the root for `path`; throws TsyncError "selection" or "file" if that cannot be. `mkpath`: it was to be made. */
export function openTargetRoot(
  os: Os,
  path: Uint8Array,
  roots: Roots,
  umask: number,
  { dryRun, mkpath }: { dryRun: boolean; mkpath: boolean },
): TargetRoot {
  const stat = new Stat();
  const word = path.length === 0 ? HERE : path;
  const result = os.statPath(word, true, stat);
  // Where nothing comes, as for one entry.
  const single = roots.single || roots.nothing;
  const endsInSlash = word[word.length - 1] === SLASH;
  const wantsFolder = endsInSlash || latin1(word.subarray(-2)) === "/.";
  if (result >= 0 && stat.kind === Kind.folder) return openExisting(os, word, roots);
  if (result >= 0 || result === -Errno.ENOTDIR || result === -Errno.ELOOP) {
    if (result < 0 || !single || wantsFolder) {
      const kind = result < 0 && mkpath ? "file" : "selection";
      refuse(kind, `cannot use "${display(word)}" as target: it is not a folder; name a folder or remove it`);
    }
    return openParent(os, word, false);
  }
  if (result !== -Errno.ENOENT) refuse("selection", `cannot look at target "${display(word)}": ${errnoText(-result)}`);
  if (single && !endsInSlash) return openParent(os, word, true);
  return makeRoot(os, word, roots, umask, dryRun);
}

function openExisting(os: Os, word: Uint8Array, roots: Roots): TargetRoot {
  const handle = os.openRoot(word);
  if (handle < 0) refuse("selection", `cannot open target "${display(word)}": ${errnoText(-handle)}`);
  const names = new Listing();
  const isEmpty = os.readFolder(handle, names) === 0 && holdsNothing(names) && !hasPartials(os, handle, names);
  return { path: word, handle, singleName: null, hasMetadata: roots.hasRoot, isNew: false, isEmpty };
}

/** 1 if the root's path still leads to the folder that is held open, 0 if not; a negated errno where that cannot be told. */
export function isStillThere(os: Os, { path, handle }: TargetRoot): Result {
  const [held, found] = [new Stat(), new Stat()];
  const looked = os.statHandle(handle, held);
  if (looked < 0) return looked;
  const again = os.statPath(path, true, found);
  if (again < 0) return again === -Errno.ENOENT || again === -Errno.ENOTDIR ? 0 : again;
  return isSameInode(held, found) ? 1 : 0;
}

/** In a run that goes on over a new connection: a target that holds nothing any more is another one, say without its file system. */
export function demandTheSame({ path, isEmpty }: TargetRoot): void {
  if (!isEmpty) return;
  const detail = `target "${
    display(path)
  }" holds nothing, although this run has put files there: is its file system mounted?`;
  throw new TsyncError({ kind: "guard", detail });
}

/** A single file under the path's own last name: the root is the folder that holds it. */
function openParent(os: Os, word: Uint8Array, isEmpty: boolean): TargetRoot {
  const parent = parentOf(word);
  const handle = os.openRoot(parent);
  if (handle < 0) {
    refuse("selection", `cannot open target folder "${display(parent)}": ${errnoText(-handle)}; make it first`);
  }
  const singleName = new Uint8Array(word.subarray(word.lastIndexOf(SLASH) + 1));
  const startsAnew = isEmpty && !hasPartials(os, handle);
  return { path: parent, handle, singleName, hasMetadata: false, isNew: false, isEmpty: startsAnew };
}

/** Whether something came in part before: then it is asked for as a delta. */
function hasPartials(os: Os, root: Handle, names: Listing | null = null): boolean {
  const stat = new Stat();
  const isLarge = (name: Uint8Array) =>
    os.statAt(root, name, 0, name.length, stat) === 0 && stat.size >= LEAST_KEPT_BYTES;
  return os.statAt(root, PARTIAL_FOLDER, 0, PARTIAL_FOLDER.length, stat) === 0 ||
    (names !== null && ownTemporaries(names).some(isLarge));
}

function parentOf(word: Uint8Array): Uint8Array {
  const cut = word.lastIndexOf(SLASH);
  return cut < 0 ? HERE : cut === 0 ? word.subarray(0, 1) : word.subarray(0, cut);
}

/** --mkpath: the folder that a run with this target will write in, by the same rules. */
export function folderToMake(word: Uint8Array, roots: Roots): Uint8Array {
  return (roots.single || roots.nothing) && word[word.length - 1] !== SLASH ? parentOf(word) : withoutLastSlash(word);
}

function withoutLastSlash(word: Uint8Array): Uint8Array {
  let end = word.length;
  while (end > 1 && word[end - 1] === SLASH) end--;
  return word.subarray(0, end);
}

function makeRoot(os: Os, word: Uint8Array, roots: Roots, umask: number, dryRun: boolean): TargetRoot {
  if (dryRun) {
    return { path: word, handle: -1, singleName: null, hasMetadata: roots.hasRoot, isNew: true, isEmpty: true };
  }
  const path = withoutLastSlash(word);
  const above = os.openRoot(parentOf(path));
  const handle = above < 0 ? above : makeInside(os, above, path.subarray(path.lastIndexOf(SLASH) + 1), umask).handle;
  if (above >= 0) os.close(above);
  if (handle < 0) {
    const hint = handle === -Errno.ENOENT ? "; make the folder above it first" : "";
    refuse("file", `cannot create target "${display(word)}": ${errnoText(-handle)}${hint}`);
  }
  return { path: word, handle, singleName: null, hasMetadata: roots.hasRoot, isNew: true, isEmpty: true };
}

/**
 * Makes the folder at an operator's path and those above it that are missing; how many (would be) made, or a negated errno. What is
 * there is gone through as the word says, from the first missing folder on nothing is reached through a link.
 */
export function makeFolders(os: Os, path: Uint8Array, umask: number, dryRun: boolean): number {
  const stat = new Stat();
  const missing: Uint8Array[] = [];
  let word = withoutLastSlash(path);
  for (; os.statPath(word, true, stat) === -Errno.ENOENT; word = withoutLastSlash(parentOf(word))) {
    const name = word.subarray(word.lastIndexOf(SLASH) + 1);
    if (equalBytes(word, HERE)) return -Errno.ENOENT;
    if (equalBytes(name, UP)) {
      // What it goes up from is made first, as the word says.
      const made = makeFolders(os, parentOf(word), umask, dryRun);
      const rest = made < 0 ? made : dryRun ? missing.length : makeFolders(os, path, umask, dryRun);
      return rest < 0 ? rest : made + rest;
    }
    if (!equalBytes(name, HERE)) missing.unshift(name);
  }
  return dryRun ? missing.length : makeEach(os, word, missing, umask);
}

/** Makes the folders `names`, each in the one before it, below the one at the operator's word; how many, or a negated errno. */
function makeEach(os: Os, word: Uint8Array, names: readonly Uint8Array[], umask: number): number {
  if (names.length === 0) return 0;
  let folder = os.openRoot(word);
  let count = 0;
  for (const name of names) {
    if (folder < 0) return folder;
    const made = makeInside(os, folder, name, umask);
    os.close(folder);
    folder = made.handle;
    if (made.isNew) count++;
  }
  if (folder < 0) return folder;
  os.close(folder);
  return count;
}

/** Makes the folder `name` and opens it: the one that was made, or that another one made meanwhile; never through a link. */
export function makeInside(
  os: Os,
  folder: Handle,
  name: Uint8Array,
  umask: number,
): { handle: Handle; isNew: boolean } {
  const made = os.makeFolder(folder, name, PRIVATE_FOLDER);
  if (made < 0 && made !== -Errno.EEXIST) return { handle: made, isNew: false };
  const handle = os.openFolder(folder, name);
  if (handle >= 0 && made === 0) os.setMode(handle, 0o777 & ~umask);
  return { handle, isNew: made === 0 };
}

function refuse(kind: "selection" | "file", detail: string): never {
  throw new TsyncError({ kind, detail });
}
