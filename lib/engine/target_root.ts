// The target root: which folder the run writes in, by rsync's naming rules. An existing folder is it; a path that names no
// folder is made one, unless a single file is copied to that name.

import { errnoText } from "../base/errno.ts";
import { display, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Errno, type Handle, Kind, Listing, type Os, Stat } from "../os/os.ts";
import type { Roots } from "../session/ports.ts";
import { holdsNothing } from "../tree/own_names.ts";

export interface TargetRoot {
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

/** Opens or makes the root for `path`; throws TsyncError "selection" or "file" if that cannot be. */
export function openTargetRoot(os: Os, path: Uint8Array, roots: Roots, umask: number, dryRun: boolean): TargetRoot {
  const stat = new Stat();
  const word = path.length === 0 ? new Uint8Array([0x2e]) : path;
  const result = os.statPath(word, true, stat);
  const wantsFolder = word[word.length - 1] === SLASH || latin1(word.subarray(-2)) === "/.";
  if (result >= 0 && stat.kind === Kind.folder) return openExisting(os, word, roots);
  if (result >= 0 || result === -Errno.ENOTDIR || result === -Errno.ELOOP) {
    if (result < 0 || !roots.single || wantsFolder) {
      refuse("selection", `cannot use "${display(word)}" as target: it is not a folder; name a folder or remove it`);
    }
    return openParent(os, word, false);
  }
  if (result !== -Errno.ENOENT) refuse("selection", `cannot look at target "${display(word)}": ${errnoText(-result)}`);
  if (roots.single && !wantsFolder) return openParent(os, word, true);
  return makeRoot(os, word, roots, umask, dryRun);
}

function openExisting(os: Os, word: Uint8Array, roots: Roots): TargetRoot {
  const handle = os.openRoot(word);
  if (handle < 0) refuse("selection", `cannot open target "${display(word)}": ${errnoText(-handle)}`);
  const names = new Listing();
  const isEmpty = os.readFolder(handle, names) === 0 && holdsNothing(names);
  return { handle, singleName: null, hasMetadata: roots.hasRoot, isNew: false, isEmpty };
}

/** A single file under the path's own last name: the root is the folder that holds it. */
function openParent(os: Os, word: Uint8Array, isEmpty: boolean): TargetRoot {
  const cut = word.lastIndexOf(SLASH);
  const parent = cut < 0 ? new Uint8Array([0x2e]) : cut === 0 ? word.subarray(0, 1) : word.subarray(0, cut);
  const handle = os.openRoot(parent);
  if (handle < 0) {
    refuse("selection", `cannot open target folder "${display(parent)}": ${errnoText(-handle)}; make it first`);
  }
  return { handle, singleName: new Uint8Array(word.subarray(cut + 1)), hasMetadata: false, isNew: false, isEmpty };
}

function makeRoot(os: Os, word: Uint8Array, roots: Roots, umask: number, dryRun: boolean): TargetRoot {
  if (dryRun) return { handle: -1, singleName: null, hasMetadata: roots.hasRoot, isNew: true, isEmpty: true };
  const made = os.makeRoot(word);
  if (made < 0) {
    const hint = made === -Errno.ENOENT ? "; make the folder above it first" : "";
    refuse("file", `cannot create target "${display(word)}": ${errnoText(-made)}${hint}`);
  }
  const handle = os.openRoot(word);
  if (handle < 0) refuse("file", `cannot open target "${display(word)}": ${errnoText(-handle)}`);
  os.setMode(handle, 0o777 & ~umask);
  return { handle, singleName: null, hasMetadata: roots.hasRoot, isNew: true, isEmpty: true };
}

function refuse(kind: "selection" | "file", detail: string): never {
  throw new TsyncError({ kind, detail });
}
