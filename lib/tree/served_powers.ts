// What a served root lets a session do, and what of it is the session's own. Made by the agent from its own command line (R19),
// asked by ServedOs only. Promises: nothing that a peer says changes it.

import { ServedErrno } from "../base/errno.ts";
import { type Handle, isSameInode, type Os, Stat } from "../os/os.ts";
import { isOwnTemporary } from "./own_names.ts";

export interface Powers {
  /** Content of what is there may be read. */
  readonly reads: boolean;
  /** Anything may be made or changed. */
  readonly writes: boolean;
  /**
   * What is there when the session begins: "nothing" of it stays by force; "names": each name stays, and stays what it is (a file may get
   * whole new content); "all": it is not touched at all.
   */
  readonly keeps: "nothing" | "names" | "all";
}

/** What a served root refuses, as negated errnos: what it does not allow, and what leads out of it. */
export const REFUSED = -ServedErrno.refused;
export const OUTSIDE = -ServedErrno.outside;

/** Entries that this session made, by inode, and tsync's own temporary ones, by name: they may be changed and removed again. */
export class OwnEntries {
  readonly #os: Os;
  readonly #stat = new Stat();
  readonly #other = new Stat();
  /** By device: the inodes, some 40 bytes each. */
  readonly #inodes = new Map<string, Set<number | string>>();

  constructor(os: Os) {
    this.#os = os;
  }

  /** The entry just made at `name`. */
  made(folder: Handle, name: Uint8Array): void {
    if (this.#os.statAt(folder, name, 0, name.length, this.#stat) === 0) this.#add(this.#stat);
  }

  /** The file just made. */
  madeOpen(handle: Handle): void {
    if (this.#os.statHandle(handle, this.#stat) === 0) this.#add(this.#stat);
  }

  /** Whether the open or pinned entry is ours. */
  hasOpen(handle: Handle): boolean {
    return this.#os.statHandle(handle, this.#stat) === 0 && this.#has(this.#stat);
  }

  /** Whether what stands at `name` is ours. */
  has(folder: Handle, name: Uint8Array): boolean {
    return this.#os.statAt(folder, name, 0, name.length, this.#stat) === 0 && this.#has(this.#stat);
  }

  /** The same, or the name is a temporary one of tsync's, this run's or a dead one's. */
  mayGo(folder: Handle, name: Uint8Array): boolean {
    return isOwnTemporary(name) || this.has(folder, name);
  }

  /** Whether both names mean entries of one kind that is no folder; a name that nothing has does not stand in the way. */
  isAlike(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): boolean {
    const looked = this.#os.statAt(toFolder, to, 0, to.length, this.#other);
    if (looked < 0) return true;
    if (this.#os.statAt(fromFolder, from, 0, from.length, this.#stat) < 0) return true;
    return this.#stat.kind === this.#other.kind || isSameInode(this.#stat, this.#other);
  }

  /** The entry at `name` is about to go: its inode's number may soon be another's. */
  forget(folder: Handle, name: Uint8Array): void {
    if (this.#os.statAt(folder, name, 0, name.length, this.#stat) < 0 || this.#stat.nlink > 1) return;
    this.#inodes.get(device(this.#stat))?.delete(inode(this.#stat));
  }

  #add(stat: Stat): void {
    const key = device(stat);
    let inodes = this.#inodes.get(key);
    if (inodes === undefined) this.#inodes.set(key, inodes = new Set());
    inodes.add(inode(stat));
  }

  #has(stat: Stat): boolean {
    return this.#inodes.get(device(stat))?.has(inode(stat)) ?? false;
  }
}

function device({ devMajor, devMinor }: Stat): string {
  return `${devMajor}:${devMinor}`;
}

/** A number where it is exact. */
function inode({ inoHigh, inoLow }: Stat): number | string {
  return inoHigh < 2 ** 21 ? inoHigh * 2 ** 32 + inoLow : `${inoHigh}:${inoLow}`;
}
