// The names of one folder for a scan: of the one source that holds it, of several, which are merged, or those that are named one by one.
// Called by Scan, which appends them. Promises: canonical order; of equal names a folder comes first, then the first source's.

import { compareBytes, EMPTY, equalBytes } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { Verb } from "../base/problem.ts";
import { type Handle, Kind, type Os } from "../os/os.ts";
import type { NamedPaths, PathRange } from "./named_paths.ts";
import type { Origin } from "./origins.ts";
import type { ScanLooks } from "./scan_looks.ts";
import type { ScanPlaces } from "./scan_places.ts";
import type { Plan } from "./scan_plans.ts";
import { SortedListing } from "./sorted_listing.ts";

/** How a name came to be listed: its folder was read, it was named, or it lies on the way to what was. */
export const Way = { found: 0, named: 1, implied: 2 } as const;
export type Way = typeof Way[keyof typeof Way];

function wayTo(paths: NamedPaths, k: number, end: number): Way {
  return paths.path(k).length > end ? Way.implied : Way.named;
}

/** A name in one of several sources. */
interface Found {
  name: Uint8Array;
  origin: number;
  sorted: SortedListing;
  position: number;
  handle: Handle;
  way: Way;
}

/** The names of one folder, to be appended one by one. */
export interface Names {
  count: number;
  handles: Handle[];
  incomplete: boolean;
  /** Appends one; false if it was lost to an error. */
  add(position: number): boolean;
  /** Where they are all that one source's folder holds: it, and they. */
  whole?: { place: OpenFolder; sorted: SortedListing };
}

/** A folder as one origin has it. */
export interface OpenFolder {
  /** Its place in the list. */
  folder: number;
  path: Uint8Array;
  handle: Handle;
  origin: number;
}

/** Who appends, and tells what could not be read. */
export interface NameAdder {
  /** Appends one name of a folder; false if it was lost to an error. */
  add(place: OpenFolder, sorted: SortedListing, position: number, way?: Way): boolean;
  /** The same for a name that an earlier source gave, too; null if that one was not appended. */
  addTwin(place: OpenFolder, name: Uint8Array): boolean | null;
  failed(verb: number, errno: number, path: Uint8Array): boolean;
}

export interface ScanNamesInput {
  os: Os;
  list: FileList;
  origins: Origin[];
  options: SyncOptions;
  /** What is named one by one; null: nothing is. */
  paths: NamedPaths | null;
  looks: ScanLooks;
  adder: NameAdder;
}

export class ScanNames {
  readonly #input: ScanNamesInput;
  #list: FileList;
  readonly #looks: ScanLooks;
  readonly #adder: NameAdder;
  readonly #sorted = new SortedListing();
  /** Where rules depend on the folder. */
  places: ScanPlaces | null = null;

  constructor(input: ScanNamesInput) {
    this.#input = input;
    this.#list = input.list;
    this.#looks = input.looks;
    this.#adder = input.adder;
  }

  /** The list was taken over by `other`. */
  moveTo(other: FileList): void {
    this.#list = other;
  }

  /** The names of a folder that `plan` asks for; its handles are the caller's to close. */
  of(folder: number, plan: Plan | undefined): Names {
    if (plan === undefined) return this.#readOne(folder, this.#list.origin(folder));
    const { whole, named } = plan;
    if (named.lo === named.hi) {
      if (whole.length === 0) return { count: 0, handles: [], incomplete: false, add: () => true };
      return whole.length === 1 ? this.#readOne(folder, whole[0]) : this.#readMerged(folder, plan);
    }
    return whole.length === 0 && this.#input.paths!.isOfOne(named)
      ? this.#readNamed(folder, named)
      : this.#readMerged(folder, plan);
  }

  /** The common case: one source holds the folder. */
  #readOne(folder: number, origin: number): Names {
    const path = this.#list.path(folder);
    const sorted = this.#sorted;
    const { handle, incomplete } = this.#read(folder, path, origin, sorted);
    const place = { folder, path, handle, origin };
    return {
      count: sorted.count,
      handles: handle < 0 ? [] : [handle],
      incomplete,
      add: (position) => this.#adder.add(place, sorted, position),
      whole: folder === 0 && this.#input.origins[origin].only !== null ? undefined : { place, sorted },
    };
  }

  /** Only names are looked at, all of one source: nothing is read. */
  #readNamed(folder: number, named: PathRange): Names {
    const paths = this.#input.paths!;
    const origin = paths.origin(named.lo);
    const path = this.#list.path(folder);
    const sorted = this.#sorted;
    sorted.listing.clear();
    const ways: Way[] = [];
    let before: Uint8Array = EMPTY;
    for (let k = named.lo; k < named.hi; k++) {
      const name = paths.nameAt(k, named.at);
      if (k > named.lo && equalBytes(name, before)) continue;
      sorted.listing.add(name, 0, name.length, Kind.unknown);
      ways.push(wayTo(paths, k, named.at + name.length));
      before = name;
    }
    sorted.keepOrder();
    const handle = this.#looks.open(origin, path);
    if (handle < 0) this.#adder.failed(Verb.open, -handle, path);
    const place = { folder, path, handle, origin };
    return {
      count: handle < 0 ? 0 : sorted.count,
      handles: handle < 0 ? [] : [handle],
      incomplete: handle < 0,
      add: (position) => this.#adder.add(place, sorted, position, ways[position]),
    };
  }

  /** Several sources hold the folder: their names are merged; of equal names the first source's counts, folders unite. */
  #readMerged(folder: number, plan: Plan): Names {
    const path = this.#list.path(folder);
    const found: Found[] = [];
    const handles: Handle[] = [];
    let incomplete = false;
    const named = new SortedListing();
    for (const origin of plan.whole) {
      const { root, only } = this.#input.origins[origin];
      if (folder === 0 && only !== null) {
        found.push({ name: only, origin, sorted: named, position: named.count, handle: root, way: Way.found });
        named.listing.add(only, 0, only.length, Kind.unknown);
        continue;
      }
      const sorted = new SortedListing();
      const read = this.#read(folder, path, origin, sorted);
      incomplete ||= read.incomplete;
      if (read.handle < 0) continue;
      handles.push(read.handle);
      for (let position = 0; position < sorted.count; position++) {
        const name = sorted.name(position);
        found.push({ name, origin, sorted, position, handle: read.handle, way: Way.found });
      }
    }
    if (!this.#findNamed(path, plan.named, named, found, handles)) incomplete = true;
    named.keepOrder();
    found.sort((a, b) => compareBytes(a.name, b.name) || a.origin - b.origin);
    if (this.#input.options.recursive || this.#input.paths !== null) this.#foldersFirst(path, found);
    const add = (at: number): boolean => {
      const { name, origin, sorted, position, handle, way } = found[at];
      const place = { folder, path, handle, origin };
      const isTwin = at > 0 && compareBytes(found[at - 1].name, name) === 0;
      const added = isTwin ? this.#adder.addTwin(place, name) : null;
      return added ?? this.#adder.add(place, sorted, position, way);
    };
    return { count: found.length, handles, incomplete, add };
  }

  /** Adds the names that paths of the range lead to, for each origin once; false if one of the folders cannot be opened. */
  #findNamed(path: Uint8Array, range: PathRange, named: SortedListing, found: Found[], handles: Handle[]): boolean {
    const paths = this.#input.paths;
    const opened = new Map<number, Handle>();
    /** Those found for the name in hand, by origin. */
    const twins = new Map<number, Found>();
    let before: Uint8Array = EMPTY;
    let isGood = true;
    for (let k = range.lo; k < range.hi; k++) {
      const name = paths!.nameAt(k, range.at);
      if (!equalBytes(name, before)) twins.clear();
      before = name;
      const origin = paths!.origin(k);
      const way = wayTo(paths!, k, range.at + name.length);
      if (twins.has(origin)) continue;
      let handle = opened.get(origin);
      if (handle === undefined) {
        opened.set(origin, handle = this.#looks.open(origin, path));
        if (handle >= 0) handles.push(handle);
        else isGood = this.#adder.failed(Verb.open, -handle, path) && isGood;
      }
      if (handle < 0) continue;
      const entry = { name, origin, sorted: named, position: named.count, handle, way };
      named.listing.add(name, 0, name.length, Kind.unknown);
      twins.set(origin, entry);
      found.push(entry);
    }
    return isGood;
  }

  /** Of equal names a folder goes before anything else, as in rsync: what it holds must have its place. */
  #foldersFirst(path: Uint8Array, found: Found[]): void {
    for (let first = 0; first < found.length;) {
      let end = first + 1;
      while (end < found.length && compareBytes(found[end].name, found[first].name) === 0) end++;
      for (let at = first; end - first > 1 && at < end; at++) {
        const { name, origin, sorted, position, handle } = found[at];
        let kind = sorted.kind(position);
        const isOpen = kind === Kind.unknown || (kind === Kind.link && this.#looks.follows);
        if (isOpen && this.#looks.look(origin, path, handle, name, 0, name.length) === 0) kind = this.#looks.stat.kind;
        if (kind !== Kind.folder) continue;
        found.splice(first, 0, ...found.splice(at, 1));
        break;
      }
      first = end;
    }
  }

  /** Opens and lists the folder as one source holds it. */
  #read(
    folder: number,
    path: Uint8Array,
    origin: number,
    sorted: SortedListing,
  ): { handle: Handle; incomplete: boolean } {
    const { only } = this.#input.origins[origin];
    sorted.listing.clear();
    const handle = this.#looks.open(origin, path);
    if (handle < 0) {
      this.#adder.failed(Verb.open, -handle, path);
      return { handle, incomplete: true };
    }
    if (folder === 0 && only !== null) {
      sorted.listing.add(only, 0, only.length, Kind.unknown);
      sorted.sort();
      return { handle, incomplete: false };
    }
    if (this.places !== null && !this.#enter(this.places, path, origin, handle)) {
      sorted.sort();
      return { handle, incomplete: true };
    }
    const result = sorted.read(this.#input.os, handle);
    if (result < 0) this.#adder.failed(Verb.list, -result, path);
    return { handle, incomplete: result < 0 };
  }

  /** Finds the rules that hold in the folder; one that cannot be understood ends the run, and nothing stays open. */
  #enter(places: ScanPlaces, path: Uint8Array, origin: number, handle: Handle): boolean {
    try {
      return places.enter(path, origin, handle);
    } catch (error) {
      this.#input.os.close(handle);
      throw error;
    }
  }
}
