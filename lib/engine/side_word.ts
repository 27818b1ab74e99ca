// A word of an option for a folder beside the target's tree (backups, alternative destinations, temporary files, the trash): where it leads,
// seen from the target root. Called by side_folders.ts and by whoever writes or reads a trash. Promises: a relative word that says nothing of
// leaving the root does not leave it. Links below the root are followed as long as they stay there: a peer may have sent them in an earlier
// run, or another user may swap them now. Any other word is the operator's own path.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { Errno, type Handle, InsideMode, type Os } from "../os/os.ts";
import { makeFolders, makeInside } from "./target_root.ts";

const SLASH = "/";
const UP = "..";

/** The root as it is open (negative: it is not there) and as it was typed. */
export interface SideRoot {
  readonly handle: Handle;
  readonly path: Uint8Array;
}

/** The word as a path: relative to the target root. */
export function sidePath(root: Uint8Array, word: string): Uint8Array {
  const typed = latin1(root);
  if (word.startsWith(SLASH)) return fromLatin1(word);
  return fromLatin1(`${typed === "" ? "." : typed}${typed.endsWith(SLASH) ? "" : SLASH}${word}`);
}

/** Opens the folder; a negated errno if there is none, -EXDEV if a link below the root leads out of it. The handle is the caller's. */
export function openSide(os: Os, root: SideRoot, word: string): Handle {
  const names = namesBelow(word);
  return names === null ? os.openRoot(sidePath(root.path, word)) : openNames(os, root.handle, names);
}

/** The same, made if need be, with those above it. */
export function makeSide(os: Os, root: SideRoot, word: string, umask: number): Handle {
  const opened = openSide(os, root, word);
  if (opened !== -Errno.ENOENT) return opened;
  const names = namesBelow(word);
  if (names === null) {
    const made = makeFolders(os, sidePath(root.path, word), umask, false);
    return made < 0 ? made : openSide(os, root, word);
  }
  let there = names.length - 1;
  let folder = openNames(os, root.handle, names.slice(0, there));
  while (folder === -Errno.ENOENT && there > 0) folder = openNames(os, root.handle, names.slice(0, --there));
  for (const name of names.slice(there)) {
    if (folder < 0) return folder;
    const { handle } = makeInside(os, folder, fromLatin1(name), umask);
    os.close(folder);
    folder = handle;
  }
  return folder;
}

function openNames(os: Os, root: Handle, names: readonly string[]): Handle {
  if (root < 0) return -Errno.ENOENT;
  const path = fromLatin1(names.join(SLASH));
  const opened = os.openInside(root, path, InsideMode.folder);
  // A kernel that cannot follow links and stay below has none followed.
  return opened === -Errno.ENOSYS || opened === -Errno.EPERM ? os.openBeneath(root, path) : opened;
}

/** The names of a relative word that stays below the root, ".." taken with the name before it; null for any other word. */
function namesBelow(word: string): string[] | null {
  if (word.startsWith(SLASH)) return null;
  const names: string[] = [];
  for (const name of word.split(SLASH)) {
    if (name === "" || name === ".") continue;
    if (name !== UP) names.push(name);
    else if (names.pop() === undefined) return null;
  }
  return names;
}
