// The sources of a run that names its entries one by one, made into NamedPaths: the arguments of -R and -d, the names of
// --files-from, by rsync's rules. Called by the source half, which then looks them up (look_up.ts), and by a target half that takes
// nothing else (asked_names.ts). Loaded only by a run that needs it. Promises: both make the same of the same words.
//
// `dir/./rest`: what stands before "/./" is the folder to open, `rest` the path at the target. A rest that begins with "./" names the
// root, too; one that ends in "/" or "/." means what the folder holds.

import { display, EMPTY, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { PATH_BYTES, SOURCES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import { NamedPaths } from "./named_paths.ts";
import { splitSource } from "./origins.ts";

const SLASH = 0x2f;
const DOT = 0x2e;
const HERE = new Uint8Array([DOT]);

export interface NamedSources {
  paths: NamedPaths;
  /** The folders to open, by origin. */
  folders: Uint8Array[];
  /** The root's own metadata was asked for, whether or not it is what a path names. */
  hasRoot: boolean;
}

/** Those of the arguments; with `names` (each ended by NUL) the only argument is the folder that they lie in. */
export class NamedSourcesReader {
  readonly #options: SyncOptions;
  readonly #paths = new NamedPaths();
  readonly #folders: Uint8Array[] = [];
  readonly #origins = new Map<string, number>();
  readonly #scratch = new Uint8Array(PATH_BYTES + 1);
  readonly #clean = new Uint8Array(PATH_BYTES + 1);
  #hasRoot = false;
  #isArgument = false;

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  /** Reads all; yields now and then, so that the caller may pause. */
  *read(sources: readonly Uint8Array[], names: Uint8Array | null): Generator<void, NamedSources> {
    if (names === null) { for (const word of sources) this.#argument(word); }
    else yield* this.#names(sources[0], names);
    return { paths: this.#paths, folders: this.#folders, hasRoot: this.#hasRoot };
  }

  #argument(word: Uint8Array): void {
    this.#isArgument = true;
    if (this.#options.relative) return this.#relative(word, EMPTY);
    const { folder, only } = splitSource(word);
    const path = only ?? EMPTY;
    if (only === null) this.#hasRoot = true;
    this.#paths.add(path, 0, path.length, this.#origin(folder), only === null);
  }

  *#names(base: Uint8Array, names: Uint8Array): Generator<void> {
    if (base.length === 0) base = HERE;
    this.#origin(base);
    for (let at = 0, read = 0; at < names.length; read++) {
      const end = names.indexOf(0, at);
      if (end < 0 || end - at > PATH_BYTES) {
        const shown = display(names.subarray(at, at + 60));
        throw new TsyncError({
          kind: "usage",
          detail: `--files-from: "${shown}...": a name has at most ${PATH_BYTES} bytes`,
        });
      }
      this.#name(base, names.subarray(at, end));
      at = end + 1;
      if ((read & 4095) === 4095) yield;
    }
  }

  /** A name below `base`: it cannot leave it, ".." goes up at most to it. */
  #name(base: Uint8Array, name: Uint8Array): void {
    let word = name;
    if (hasParent(name)) word = this.#scratch.subarray(0, resolveParents(name, this.#scratch));
    let from = 0;
    while (from < word.length && word[from] === SLASH) from++;
    word = from === word.length ? HERE : word.subarray(from);
    if (this.#options.relative) return this.#relative(word, base);
    const { folder, only } = splitSource(word);
    const path = only ?? EMPTY;
    if (only === null) this.#hasRoot = true;
    this.#paths.add(path, 0, path.length, this.#origin(below(base, folder)), only === null);
  }

  /** A path of -R, below `base` if that is not empty. */
  #relative(word: Uint8Array, base: Uint8Array): void {
    const anchor = anchorOf(word);
    const isAbsolute = word[0] === SLASH && base.length === 0;
    const before = anchor < 0 ? (isAbsolute ? word.subarray(0, 1) : HERE) : word.subarray(0, Math.max(anchor, 1));
    const rest = anchor < 0 ? word : word.subarray(anchor + 3);
    const used = this.#cleaned(rest, word);
    const last = rest[rest.length - 1];
    const isContent = used === 0 || last === SLASH ||
      (last === DOT && (rest.length === 1 || rest[rest.length - 2] === SLASH));
    const isBelowRoot = rest[0] === DOT && (rest.length === 1 || rest[1] === SLASH);
    if (used === 0 || (isBelowRoot && !this.#options.noImpliedDirs)) this.#hasRoot = true;
    this.#paths.add(this.#clean, 0, used, this.#origin(base.length === 0 ? before : below(base, before)), isContent);
  }

  /** The components of `rest` joined by single "/", in #clean; their length. */
  #cleaned(rest: Uint8Array, word: Uint8Array): number {
    const clean = this.#clean;
    let used = 0;
    for (let at = 0; at < rest.length;) {
      let end = rest.indexOf(SLASH, at);
      if (end < 0) end = rest.length;
      const length = end - at;
      const isDots = length <= 2 && rest[at] === DOT && (length === 1 || rest[at + 1] === DOT);
      if (isDots && length === 2) {
        throw new TsyncError({ kind: "usage", detail: `"${display(word)}": ".." cannot be in a relative path` });
      }
      if (length > 0 && !isDots) {
        if (used > 0) clean[used++] = SLASH;
        for (; at < end; at++) clean[used++] = rest[at];
      }
      at = end + 1;
    }
    return used;
  }

  #origin(folder: Uint8Array): number {
    const key = latin1(folder);
    const known = this.#origins.get(key);
    const origin = this.#folders.length;
    // Of arguments with the same names the first one counts: a folder that comes again behind others is another origin.
    if (known !== undefined && (!this.#isArgument || known === origin - 1)) return known;
    if (origin >= SOURCES) throw tooMany();
    this.#folders.push(new Uint8Array(folder));
    this.#origins.set(key, origin);
    return origin;
  }
}

export function tooMany(): TsyncError {
  return new TsyncError({ kind: "usage", detail: `the sources lie in more than ${SOURCES} folders` });
}

/** Where the first "/./" begins; -1 if there is none. */
function anchorOf(word: Uint8Array): number {
  for (let at = word.indexOf(SLASH); at >= 0 && at + 2 < word.length; at = word.indexOf(SLASH, at + 1)) {
    if (word[at + 1] === DOT && word[at + 2] === SLASH) return at;
  }
  return -1;
}

function below(base: Uint8Array, folder: Uint8Array): Uint8Array {
  if (folder.length === 1 && folder[0] === DOT) return base;
  const slash = base[base.length - 1] === SLASH ? 0 : 1;
  const path = new Uint8Array(base.length + slash + folder.length);
  path.set(base);
  path[base.length] = SLASH;
  path.set(folder, base.length + slash);
  return path;
}

function hasParent(name: Uint8Array): boolean {
  for (let at = name.indexOf(DOT); at >= 0; at = name.indexOf(DOT, at + 1)) {
    const isName = name[at + 1] === DOT && (at + 2 === name.length || name[at + 2] === SLASH);
    if (isName && (at === 0 || name[at - 1] === SLASH)) return true;
  }
  return false;
}

/** Takes each ".." off with the name before it, into `out`; the length. */
function resolveParents(name: Uint8Array, out: Uint8Array): number {
  const kept: Uint8Array[] = [];
  for (let at = 0; at <= name.length;) {
    let end = name.indexOf(SLASH, at);
    if (end < 0) end = name.length;
    const part = name.subarray(at, end);
    const text = part.length <= 2 ? latin1(part) : "";
    if (text === "..") { while (kept.length > 0 && latin1(kept[kept.length - 1]) === ".") kept.pop(); }
    if (text === "..") kept.pop();
    else if (part.length > 0 || end === name.length) kept.push(part);
    at = end + 1;
  }
  let used = 0;
  kept.forEach((part, i) => {
    if (i > 0) out[used++] = SLASH;
    out.set(part, used);
    used += part.length;
  });
  return used;
}
