// The user's own small files below ~/.tsync/state (0700): which device a root was on, what failed in a run, the history of runs. Called
// by whoever keeps such a file, on the machine it speaks of, never in a dry run to write. Promises: no link is followed below the home
// folder; what is not a regular file of ours with one name is as good as not there, with a warning; a file is written whole or not at all.

import { assert } from "../base/errors.ts";
import { latin1, utf8 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { wallSeconds } from "./clock.ts";
import { Errno, type Handle, Kind, Listing, OpenMode, type Os, type Result, Stat } from "./os.ts";
import { randomBytes } from "./random.ts";

/** Files being written; one so old belongs to a run that is dead. */
const ASIDE = ".aside-";
const ASIDE_SECONDS = 3600;
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

export interface StateHome {
  os: Os;
  /** The user's home folder, raw. */
  home: Uint8Array;
  uid: number;
  /** Makes what is missing; else a folder that is not there is no news. */
  creates: boolean;
  /** Hears one sentence of each thing that is passed over. */
  warn(sentence: string): void;
}

/** Opens ~/.tsync/state; null where it is not there or cannot be trusted. */
export function openStateFolder(state: StateHome): StateFolder | null {
  const folder = openTsyncFolder(state, "state");
  return folder === null ? null : new StateFolder(state.os, folder, state.uid, state.warn);
}

/** Opens a folder below ~/.tsync that only its user may read; null where it is not there or cannot be trusted. */
export function openTsyncFolder({ os, home, uid, creates, warn }: StateHome, own: "state" | "run"): Handle | null {
  let folder = os.openRoot(home);
  let shown = "~";
  for (const [name, forbidden] of [[".tsync", OTHERS_WRITE], [own, OTHERS]] as const) {
    if (folder < 0) break;
    shown += `/${name}`;
    const child = openOwn(os, folder, utf8(name), uid, creates, forbidden);
    os.close(folder);
    if (typeof child === "string") {
      warn(`${shown} is not used: ${child}`);
      return null;
    }
    folder = child;
  }
  if (folder >= 0) return folder;
  // Users without a home folder of their own have no state, which is no news.
  if (![Errno.ENOENT, Errno.EACCES, Errno.EPERM, Errno.EROFS, Errno.ENOTDIR].includes(-folder as 2)) {
    warn(`${shown} cannot be used: ${errnoText(-folder)}`);
  }
  return null;
}

/** A handle, a negated errno, or why the folder is not to be trusted. */
function openOwn(
  os: Os,
  parent: Handle,
  name: Uint8Array,
  uid: number,
  creates: boolean,
  forbidden: number,
): Handle | string {
  if (creates) {
    const made = os.makeFolder(parent, name, 0o700);
    if (made < 0 && made !== -Errno.EEXIST) return made;
  }
  const folder = os.openFolder(parent, name);
  if (folder === -Errno.ENOTDIR || folder === -Errno.ELOOP) return "it is no folder, or a link";
  if (folder < 0) return folder;
  const stat = new Stat();
  const looked = os.statHandle(folder, stat);
  const flaw = looked < 0
    ? errnoText(-looked)
    : os.abilities.owners && stat.uid !== uid
    ? "it belongs to another user"
    : (stat.mode & forbidden) !== 0 && os.setMode(folder, 0o700) < 0
    ? "others may write to it or read it"
    : null;
  if (flaw === null) return folder;
  os.close(folder);
  return flaw;
}

/** Names of its files are ASCII and begin with a letter or a digit. */
export class StateFolder {
  readonly #os: Os;
  readonly #folder: Handle;
  readonly #uid: number;
  readonly #warn: (sentence: string) => void;

  constructor(os: Os, folder: Handle, uid: number, warn: (sentence: string) => void) {
    this.#os = os;
    this.#folder = folder;
    this.#uid = uid;
    this.#warn = warn;
  }

  /** The file's content; null if it is not there, cannot be trusted, or has more than `most` bytes (which is warned of). */
  read(name: string, most: number): Uint8Array | null {
    const os = this.#os;
    const file = os.openFile(this.#folder, nameBytes(name), OpenMode.read, 0);
    if (file === -Errno.ENOENT) return null;
    if (file < 0) return this.#passOver(name, file === -Errno.ELOOP ? "it is a link" : errnoText(-file));
    try {
      const stat = new Stat();
      const looked = os.statHandle(file, stat);
      if (looked < 0) return this.#passOver(name, errnoText(-looked));
      const flaw = this.#flawOf(stat);
      if (flaw !== null) return this.#passOver(name, flaw);
      if (stat.size > most) return this.#passOver(name, `it has more than ${most} bytes`);
      const bytes = new Uint8Array(stat.size);
      let filled = 0;
      while (filled < bytes.length) {
        const count = os.readAt(file, bytes.subarray(filled), filled);
        if (count < 0) return this.#passOver(name, errnoText(-count));
        if (count === 0) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    } finally {
      os.close(file);
    }
  }

  /** Writes the file aside and puts it in place: 0 or a negated errno. `isDurable`: it is on the disk before it has its name. */
  write(name: string, bytes: Uint8Array, isDurable = false): Result {
    const os = this.#os;
    const target = nameBytes(name);
    const aside = utf8(ASIDE + [...randomBytes(8)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    const file = os.openFile(this.#folder, aside, OpenMode.create, 0o600);
    if (file < 0) return file;
    let result = os.writeAll(file, bytes);
    if (result >= 0 && isDurable) result = os.sync(file);
    const closed = os.close(file);
    if (result >= 0) result = closed < 0 ? closed : os.rename(this.#folder, aside, this.#folder, target);
    if (result < 0) os.unlink(this.#folder, aside);
    return result < 0 ? result : 0;
  }

  /** Names of the files that begin with `prefix`, in the order of bytes. */
  names(prefix: string): string[] {
    const listing = new Listing();
    if (this.#os.readFolder(this.#folder, listing) < 0) return [];
    const names = Array.from({ length: listing.count }, (_, i) => latin1(listing.name(i)));
    return names.filter((name) => isStateName(name) && name.startsWith(prefix)).sort();
  }

  remove(name: string): Result {
    return this.#os.unlink(this.#folder, nameBytes(name));
  }

  /** Removes the oldest files that begin with `prefix` until `count` are left, and what dead runs left half-written. */
  keepNewest(prefix: string, count: number): void {
    const os = this.#os;
    const listing = new Listing();
    if (os.readFolder(this.#folder, listing) < 0) return;
    const files: { name: Uint8Array; sec: number; ns: number }[] = [];
    const stat = new Stat();
    const dead = wallSeconds() - ASIDE_SECONDS;
    for (let i = 0; i < listing.count; i++) {
      const name = listing.name(i).slice();
      const text = latin1(name);
      const isAside = text.startsWith(ASIDE);
      if (!isAside && !(isStateName(text) && text.startsWith(prefix))) continue;
      if (os.statAt(this.#folder, name, 0, name.length, stat) < 0) continue;
      if (!isAside) files.push({ name, sec: stat.mtimeSec, ns: stat.mtimeNs });
      else if (stat.mtimeSec < dead) os.unlink(this.#folder, name);
    }
    files.sort((a, b) => b.sec - a.sec || b.ns - a.ns);
    for (const { name } of files.slice(count)) os.unlink(this.#folder, name);
  }

  close(): void {
    this.#os.close(this.#folder);
  }

  #flawOf(stat: Stat): string | null {
    if (stat.kind !== Kind.file) return "it is no regular file";
    if (stat.nlink !== 1) return "it has more than one name";
    if (!this.#os.abilities.owners) return null;
    if (stat.uid !== this.#uid) return "it belongs to another user";
    return (stat.mode & OTHERS_WRITE) !== 0 ? "others may write to it" : null;
  }

  #passOver(name: string, why: string): null {
    this.#warn(`~/.tsync/state/${name} is not used: ${why}`);
    return null;
  }
}

function isStateName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

function nameBytes(name: string): Uint8Array {
  assert(isStateName(name), "a state file's name is short and plain");
  return utf8(name);
}
