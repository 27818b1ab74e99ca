// Which rules hold in which folder of the source: the scan enters each folder, as each source argument holds it, with the rules of
// the folder above, and finds its own files of rules (merge_files.ts). Made by the source half when rules depend on the place.
// Promises, as in rsync: a folder's content given as a source (`dir/`) says what holds at the root for all sources.

import { latin1 } from "../base/bytes.ts";
import { EMPTY } from "../base/bytes.ts";
import { type Problem, Side } from "../base/problem.ts";
import type { FilterPlace, FilterSet } from "../filter/filter_set.ts";
import type { Handle, Os } from "../os/os.ts";
import { absoluteWord, MergeFiles } from "./merge_files.ts";
import { type Origin, splitSource } from "./origins.ts";

/** What holds in one folder, by origin; null: its file of rules cannot be used. */
type Places = Map<number, FilterPlace | null>;

export class ScanPlaces {
  readonly #os: Os;
  readonly #filters: FilterSet;
  readonly #origins: readonly Origin[];
  readonly #workingFolder: string;
  readonly #report: (problem: Problem) => void;
  readonly #files = new Map<number, MergeFiles>();
  /** By folder still to be read: what holds in the folder that holds it. */
  readonly #above = new Map<number, Places>();
  #from: Places | undefined;
  #entered: Places = new Map();
  /** What holds at the root, once the first source that is a folder's content has been entered. */
  #root: FilterPlace | null | undefined;
  #last: { key: string; place: FilterPlace | null } | null = null;

  constructor(
    os: Os,
    filters: FilterSet,
    origins: readonly Origin[],
    workingFolder: string,
    report: (problem: Problem) => void,
  ) {
    this.#os = os;
    this.#filters = filters;
    this.#origins = origins;
    this.#workingFolder = workingFolder;
    this.#report = report;
  }

  /** The scan comes to `folder`. */
  begin(folder: number): void {
    this.#from = this.#above.get(folder);
    this.#above.delete(folder);
    this.#entered = new Map();
  }

  /** The folder as one origin holds it is open; false if it must be passed over. */
  enter(path: Uint8Array, origin: number, handle: Handle): boolean {
    const place = path.length === 0 ? this.#enterRoot(origin, handle) : this.#enterBelow(path, origin, handle);
    this.#entered.set(origin, place);
    return place !== null;
  }

  /** What holds in the folder that was entered last. */
  of(origin: number): FilterPlace | null {
    const place = this.#entered.get(origin);
    return place !== undefined ? place : this.#seen(this.#root ?? null, origin);
  }

  /** `folder` will be read later; it lies in the one that was entered last. */
  expect(folder: number): void {
    this.#above.set(folder, this.#entered);
  }

  /** What holds in the folder `path` now, as the scan would find it; null if that cannot be said. */
  find(path: Uint8Array, origin: number): FilterPlace | null {
    const key = `${origin}/${latin1(path)}`;
    if (this.#last?.key !== key) this.#last = { key, place: this.#find(path, origin) };
    return this.#last.place;
  }

  #find(path: Uint8Array, origin: number): FilterPlace | null {
    const { root } = this.#origins[origin];
    let place: FilterPlace | null = path.length === 0 ? this.#seen(this.#root ?? null, origin) : this.#start(origin);
    for (let end = 0; place !== null && end < path.length;) {
      const slash = path.indexOf(0x2f, end + 1);
      end = slash < 0 ? path.length : slash;
      const folder = path.subarray(0, end);
      const handle = this.#os.openBeneath(root, folder);
      // What lies in a folder that is not there is not there.
      if (handle < 0) return place;
      try {
        place = this.#filesOf(origin).enter(place, folder, handle);
      } finally {
        this.#os.close(handle);
      }
    }
    return place;
  }

  #enterRoot(origin: number, handle: Handle): FilterPlace | null {
    if (this.#origins[origin].only !== null) return this.#seen(this.#root ?? null, origin);
    if (this.#root === undefined) {
      const files = this.#filesOf(origin);
      this.#root = files.enter(files.start(null), EMPTY, handle);
      return this.#root;
    }
    return this.#root === null ? null : this.#seen(this.#root, origin);
  }

  #enterBelow(path: Uint8Array, origin: number, handle: Handle): FilterPlace | null {
    const isTop = path.indexOf(0x2f) < 0;
    const above = isTop ? this.#start(origin) : this.#from?.get(origin) ?? null;
    return above === null ? null : this.#filesOf(origin).enter(above, path, handle);
  }

  /** What holds above the folders right below the root. */
  #start(origin: number): FilterPlace | null {
    if (this.#root === null) return null;
    if (this.#root !== undefined) return this.#seen(this.#root, origin);
    return this.#filesOf(origin).start(this.#origins[origin].only);
  }

  #seen(place: FilterPlace | null, origin: number): FilterPlace {
    const bare = this.#filesOf(origin).bare();
    return place === null ? bare : place.seenFrom(bare.root);
  }

  #filesOf(origin: number): MergeFiles {
    let files = this.#files.get(origin);
    if (files === undefined) {
      const root = absoluteWord(this.#workingFolder, splitSource(this.#origins[origin].word).folder);
      files = new MergeFiles(this.#os, this.#filters, root, Side.source, this.#report);
      this.#files.set(origin, files);
    }
    return files;
  }
}
