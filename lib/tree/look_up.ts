// Looks the named sources of a run up before it lists anything: what is missing is told and left out, so that no folder is made only
// because something was to be in it. Called by the source half. As in rsync, a link that stands for a folder on the way to a name is
// followed, and listed as the folder it leads to; but only if it belongs to us or to root. What lies beyond it gets an origin of its own.

import { EMPTY, latin1 } from "../base/bytes.ts";
import { SOURCES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, type Os, Stat } from "../os/os.ts";
import type { NamedPaths } from "./named_paths.ts";
import { tooMany } from "./named_sources.ts";
import { type Origin, placeOf } from "./origins.ts";

const SLASH = 0x2f;

export interface LookUpInput {
  os: Os;
  paths: NamedPaths;
  /** Those that links lead to are added. */
  origins: Origin[];
  options: SyncOptions;
  /** Our user. */
  uid: number;
  /** `path` cannot be used: it is left out. */
  lost(path: Uint8Array, errno: number): void;
  /** `path` is not there: whether that is no failure. */
  missing(path: Uint8Array, origin: number): boolean;
  /** Whether a rule leaves it out. */
  excludes(path: Uint8Array, isFolder: boolean): boolean;
  /** Told, but no failure. */
  notice(path: Uint8Array, verb: number, cause: number): void;
}

export class LookUp {
  readonly #input: LookUpInput;
  readonly #stat = new Stat();
  /** Origins made for links, by origin and path of the link; or a negated errno. */
  readonly #followed = new Map<string, number>();
  #parent: Uint8Array = EMPTY;
  #parentOrigin = -1;
  #handle: Handle = -1;
  /** Kind of what was found last. */
  lastKind: number = Kind.unknown;

  constructor(input: LookUpInput) {
    this.#input = input;
  }

  /** Looks all up and drops from the paths what is not there; yields now and then. */
  *run(): Generator<void> {
    const { paths } = this.#input;
    paths.seal();
    try {
      for (let k = 0; k < paths.count; k++) {
        this.#one(k);
        if ((k & 255) === 255) yield;
      }
    } finally {
      this.#forget();
    }
    paths.seal();
  }

  #one(k: number): void {
    const { paths, options, lost, missing, notice, excludes } = this.#input;
    const path = paths.path(k);
    const found = this.#look(k, path);
    if (found < 0) {
      paths.drop(k);
      if (found !== -Errno.ENOENT || !missing(path, paths.origin(k))) lost(path, -found);
      return;
    }
    if (excludes(path, this.#stat.kind === Kind.folder)) return paths.drop(k);
    this.lastKind = this.#stat.kind;
    if (this.lastKind !== Kind.folder || options.recursive || options.dirs) return;
    paths.drop(k);
    notice(path, Verb.skip, Cause.notRecursive);
  }

  /** Fills #stat with what stands at path k, whose origin may become another one; 0 or a negated errno. */
  #look(k: number, path: Uint8Array): number {
    const { os, paths, origins } = this.#input;
    const origin = this.#reach(paths.origin(k), path);
    if (origin < 0) return origin;
    if (origin !== paths.origin(k)) paths.setOrigin(k, origin);
    const { root, rest } = placeOf(origins, origin, path);
    if (rest.length === 0) return os.statHandle(root, this.#stat);
    const looked = os.statAt(this.#handle, path, path.lastIndexOf(SLASH) + 1, nameLength(path), this.#stat);
    if (looked < 0 || this.#stat.kind !== Kind.link || !paths.content(k)) return looked;
    const followed = this.#follow(origin, path);
    if (followed < 0) return followed;
    paths.setOrigin(k, followed);
    return os.statHandle(origins[followed].root, this.#stat);
  }

  /** Opens the folder that holds `path`; the origin it lies in, another one where a link leads there, or a negated errno. */
  #reach(origin: number, path: Uint8Array): number {
    const { os, origins } = this.#input;
    const parent = path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
    for (let links = 0;; links++) {
      if (path.length === 0) return origin;
      if (origin === this.#parentOrigin && isEqual(parent, this.#parent)) return origin;
      const { root, rest } = placeOf(origins, origin, parent);
      const handle = os.openBeneath(root, rest);
      if (handle >= 0) {
        this.#forget();
        this.#handle = handle;
        this.#parent = parent;
        this.#parentOrigin = origin;
        return origin;
      }
      if ((handle !== -Errno.ELOOP && handle !== -Errno.ENOTDIR) || links > parent.length) return handle;
      origin = this.#followFirst(origin, parent, handle);
      if (origin < 0) return origin;
    }
  }

  /** The origin behind the first link on the way to `folder`; the given errno if there is none. */
  #followFirst(origin: number, folder: Uint8Array, errno: number): number {
    const { os, origins } = this.#input;
    for (let end = this.#input.origins[origin].at.length; end < folder.length;) {
      const from = end === 0 ? 0 : end + 1;
      const slash = folder.indexOf(SLASH, from);
      end = slash < 0 ? folder.length : slash;
      const { root, rest } = placeOf(origins, origin, folder.subarray(0, Math.max(0, from - 1)));
      const handle = os.openBeneath(root, rest);
      if (handle < 0) return handle;
      const looked = os.statAt(handle, folder, from, end - from, this.#stat);
      os.close(handle);
      if (looked < 0) return looked;
      if (this.#stat.kind === Kind.link) return this.#follow(origin, folder.subarray(0, end));
    }
    return errno;
  }

  /** The origin of the folder that the link at `path`, which #stat holds, leads to; or a negated errno. */
  #follow(origin: number, path: Uint8Array): number {
    const { os, origins, uid } = this.#input;
    const key = `${origin}:${latin1(path)}`;
    const known = this.#followed.get(key);
    if (known !== undefined) return known;
    let result = -Errno.ELOOP;
    // Somebody else's link could lead anywhere, with our rights.
    if (this.#stat.uid === uid || this.#stat.uid === 0) {
      const { word, at } = origins[origin];
      const rest = at.length === 0 ? path : path.subarray(at.length + 1);
      const typed = new Uint8Array(word.length + 1 + rest.length);
      typed.set(word);
      typed[word.length] = SLASH;
      typed.set(rest, word.length + 1);
      const root = os.openRoot(typed);
      result = root < 0 ? root : origins.length;
      if (root >= 0) {
        if (origins.length >= SOURCES) throw tooMany();
        origins.push({ root, only: null, word: typed, at: new Uint8Array(path), from: origin });
      }
    }
    this.#followed.set(key, result);
    return result;
  }

  #forget(): void {
    if (this.#handle >= 0) this.#input.os.close(this.#handle);
    this.#handle = -1;
    this.#parentOrigin = -1;
  }
}

function nameLength(path: Uint8Array): number {
  return path.length - path.lastIndexOf(SLASH) - 1;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
}
