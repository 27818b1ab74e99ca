// What a run that names its entries one by one may be sent (R4): held against each piece of the list by a target half on the side
// that was given the names. Promises: an entry is on the way to a name that was asked for, is one, or lies in one whose content
// was asked for; and only where a folder's whole content was asked for is the rest of it this run's business, to be deleted.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { Kind } from "../os/os.ts";
import type { NamedPaths, PathRange } from "./named_paths.ts";
import { type NamedSources, NamedSourcesReader } from "./named_sources.ts";

interface Asked {
  isWhole: boolean;
  named: PathRange;
}

export class AskedNames {
  readonly #paths: NamedPaths;
  readonly #recursive: boolean;
  readonly #hasRoot: boolean;
  /** By folder of the list; one that is not there was asked for with all below it. */
  readonly #folders = new Map<number, Asked>();

  constructor({ paths, hasRoot }: NamedSources, options: SyncOptions) {
    paths.seal();
    this.#paths = paths;
    this.#recursive = options.recursive;
    this.#hasRoot = hasRoot;
    const end = paths.ended(paths.all);
    this.#folders.set(0, { isWhole: end > 0, named: { ...paths.all, lo: end } });
  }

  /** Made of the words of the command line, as the source does it. */
  static of(options: SyncOptions, sources: readonly Uint8Array[], names: Uint8Array | null): AskedNames {
    const steps = new NamedSourcesReader(options).read(sources, names);
    for (let step = steps.next();; step = steps.next()) if (step.done) return new AskedNames(step.value, options);
  }

  /** Throws if entry 0 may not stand for a folder of the source. */
  root(hasRoot: boolean): void {
    if (hasRoot && !this.#hasRoot) refuse("the metadata of a root that was not asked for");
  }

  /** Throws if entries [first, first + count) of `folder`, of which `isNamed` says that they may be some of many, were not asked for. */
  piece(list: FileList, folder: number, first: number, count: number, isNamed: boolean): void {
    const asked = this.#folders.get(folder);
    if (!isNamed && asked !== undefined && !asked.isWhole) refuse("all of a folder of which some names were asked for");
    if (asked === undefined) return;
    for (let i = first; i < first + count; i++) this.#entry(list, i, asked);
  }

  /** Whether this very path was asked for. */
  has(path: Uint8Array): boolean {
    const names = latin1(path).split("/");
    let range = this.#paths.all;
    for (const name of names) range = this.#paths.child({ ...range, lo: this.#paths.ended(range) }, fromLatin1(name));
    return this.#paths.ended(range) > range.lo;
  }

  /** Whether entry i of `folder` was named, or lies on the way to what was: the rules do not look at such a folder. */
  leadsTo(list: FileList, folder: number, i: number): boolean {
    const asked = this.#folders.get(folder);
    if (asked === undefined) return false;
    const { lo, hi } = this.#paths.child(asked.named, list.name(i));
    return lo < hi;
  }

  #entry(list: FileList, i: number, { isWhole, named }: Asked): void {
    const paths = this.#paths;
    const below = paths.child(named, list.name(i));
    const end = paths.ended(below);
    const isFolder = list.kind(i) === Kind.folder;
    if (!isWhole && (below.lo === below.hi || (!isFolder && end === below.lo))) {
      refuse("an entry that was not asked for");
    }
    if (!isFolder) return;
    let isWholeToo = this.#recursive && (isWhole || end > below.lo);
    if (isWholeToo) return;
    for (let k = below.lo; k < end; k++) if (paths.content(k)) isWholeToo = true;
    this.#folders.set(i, { isWhole: isWholeToo, named: { ...below, lo: end } });
  }
}

function refuse(what: string): never {
  throw new TsyncError({ kind: "stream", detail: `the peer sent ${what}` });
}
