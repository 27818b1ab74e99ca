// The scan of the source: reads folder after folder, depth first, appends entries to the file list and yields pieces of
// at most LIST_ENTRIES as they are found. Called by the source half. Promises: a folder that was not read whole, or lost an
// entry to an error, is marked incomplete, and then nothing is deleted anywhere (law 4, law 5).

import { AttributeSets, EMPTY_SET, FIRST_SET, Told } from "../base/attributes.ts";
import { compareBytes, compareRanges, EMPTY, equalBytes, joinPath } from "../base/bytes.ts";
import { deviceNumber, EntryColumns, FileList } from "../base/file_list.ts";
import { DEPTH, LINK_TARGET_BYTES, LIST_ENTRIES, NAME_BYTES, PATH_BYTES } from "../base/limits.ts";
import type { IndexSet } from "../base/index_set.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, type Os, Stat } from "../os/os.ts";
import type { FilterPlace } from "../filter/filter_set.ts";
import type { AttributeReader } from "./attributes.ts";
import { FirstNames } from "./first_names.ts";
import { FileSystems } from "./file_systems.ts";
import type { LinkFollower } from "./link_follower.ts";
import { unmunged } from "./munged_links.ts";
import type { NamedPaths, PathRange } from "./named_paths.ts";
import { listsFolders, type Origin, placeOf } from "./origins.ts";
import { isOwnName, isPartialFolder, isPartialFolderName, isTrashName } from "./own_names.ts";
import type { ScanPlaces } from "./scan_places.ts";
import { SortedListing } from "./sorted_listing.ts";

/** Names that are looked at in one go. */
const ROWS = 512;
/** Folders from which it may be judged what the others are like. */
const TYPICAL_FOLDERS = 8;

/** What the scan asks of the filters (lib/filter's FilterSet). */
export interface Filter {
  readonly isEmpty: boolean;
  excluded(path: Uint8Array, isFolder: boolean, place: FilterPlace | null): boolean;
}

/** Entries [first, first + count) of `folder` were appended. */
export interface Piece {
  folder: number;
  first: number;
  count: number;
  isFirst: boolean;
  isLast: boolean;
  incomplete: boolean;
  /** Only what was named was looked at: what else the folder holds is not this run's business. */
  isNamed?: boolean;
  /** The folder's own metadata does not count. */
  isBare?: boolean;
}

/** What is listed of a folder: the content of these origins, and what named paths lead to. */
interface Plan {
  whole: number[];
  named: PathRange;
  isBare: boolean;
}

/** How a name came to be listed: its folder was read, it was named, or it lies on the way to what was. */
const Way = { found: 0, named: 1, implied: 2 } as const;
type Way = typeof Way[keyof typeof Way];

function wayTo(paths: NamedPaths, k: number, end: number): Way {
  return paths.path(k).length > end ? Way.implied : Way.named;
}

const NOTHING: PathRange = { lo: 0, hi: 0, at: 0 };

/** Inode and change time folded to 32 bits: tells a file that was replaced or rewritten since it was listed. */
export function identityTag(stat: Stat): number {
  let tag = Math.imul(stat.inoLow ^ 0x9e3779b1, 0x85ebca6b) ^ stat.inoHigh;
  tag = Math.imul(tag ^ (stat.ctimeSec >>> 0), 0xc2b2ae35) ^ stat.ctimeNs;
  tag = Math.imul(tag ^ (tag >>> 15), 0x27d4eb2f) ^ (stat.devMajor * 4096 + stat.devMinor);
  return tag >>> 0;
}

/** Whether entries of this kind are transferred at all. */
export function isAskedKind(kind: number, options: SyncOptions): boolean {
  if (options.listOnly) return true;
  switch (kind) {
    case Kind.file:
      return true;
    case Kind.folder:
      return listsFolders(options);
    case Kind.link:
      return options.links;
    case Kind.charDevice:
    case Kind.blockDevice:
      return options.devices;
    default:
      return options.specials;
  }
}

export class Scan {
  readonly #os: Os;
  #list: FileList;
  readonly #origins: Origin[];
  readonly #options: SyncOptions;
  readonly #filter: Filter;
  readonly #report: (problem: Problem) => void;
  /** Null: links stay links. */
  readonly #follower: LinkFollower | null;
  /** -x; null: folders on other file systems are like any other. */
  readonly #fileSystems: FileSystems | null;
  /** --chmod. */
  readonly #changeMode: ((kind: number, mode: number) => number) | null;
  readonly #stat = new Stat();
  readonly #columns = new EntryColumns(ROWS);
  readonly #firstNames: FirstNames | null;
  #attributes: AttributeReader | null = null;
  readonly #sorted = new SortedListing();
  readonly #linkTarget = new Uint8Array(LINK_TARGET_BYTES + 1);
  /** Where rules depend on the folder: which hold in the one that is being read. Set before the first piece. */
  places: ScanPlaces | null = null;
  /** Folders to read, next one last. */
  readonly #pending: number[] = [];
  /** Plans of folders that are not simply all of what their origin holds. */
  readonly #plans = new Map<number, Plan>();
  /** The origins that hold a folder just listed, where there are several. */
  readonly #holders = new Map<number, number[]>();
  readonly #paths: NamedPaths | null;
  /** Folders in which something was left out because its kind was not asked for; null: nobody asks. */
  holdsOthers: IndexSet | null = null;
  /** The target was told that the one argument is no folder: it must not have become one. */
  isSingle = false;
  /** Whether every folder was read whole and no entry was lost to an error. */
  complete = true;
  /** Sum of the sizes of files and link targets listed. */
  bytes = 0;
  /** By so much the files listed take less room than their sizes say. */
  holeBytes = 0;
  /** Folders below the root that were read, and the entries found in them. */
  #foldersRead = 0;
  #entriesRead = 0;

  constructor(
    os: Os,
    list: FileList,
    origins: Origin[],
    options: SyncOptions,
    filter: Filter,
    report: (problem: Problem) => void,
    paths: NamedPaths | null = null,
    changeMode: ((kind: number, mode: number) => number) | null = null,
    follower: LinkFollower | null = null,
  ) {
    this.#paths = paths;
    this.#changeMode = changeMode;
    this.#follower = follower;
    this.#os = os;
    this.#list = list;
    this.#origins = origins;
    this.#options = options;
    this.#filter = filter;
    this.#report = report;
    this.#fileSystems = options.oneFileSystem > 0 ? new FileSystems(os) : null;
    this.#firstNames = options.hardLinks ? new FirstNames() : null;
  }

  /** From now on the extended attributes of entries are listed, too. */
  readAttributes(reader: AttributeReader): void {
    this.#attributes = reader;
    this.#list.sets = new AttributeSets(true);
  }

  /** Appends entry 0. With a root folder its metadata counts, else it only holds the named entries. */
  addRoot(stat: Stat | null, handle: Handle = -1): void {
    if (stat === null) this.#list.add(EMPTY, 0, 0, 0, Kind.folder << 12, 0, 0, 0, 0, 0, 0, null);
    else {
      const mode = (Kind.folder << 12) | (this.#changeMode?.(Kind.folder, stat.mode) ?? stat.mode);
      const size = this.#options.folderSizes ? stat.size : 0;
      this.#list.add(EMPTY, 0, 0, 0, mode, stat.uid, stat.gid, size, stat.mtimeSec, stat.mtimeNs, 0, null);
      if (this.#attributes !== null) this.#listAttributes(0, handle, EMPTY);
    }
    const origins = this.#origins.map((_, origin) => origin);
    if (this.#paths !== null) this.#plans.set(0, this.#planRoot(this.#paths));
    else if (origins.length > 1) this.#plans.set(0, { whole: origins, named: NOTHING, isBare: false });
    this.#pending.push(0);
  }

  /** What was found so far moves to the empty list `other`, and what is found from now on goes there. */
  moveTo(other: FileList): void {
    other.takeOver(this.#list);
    this.#list = other;
  }

  /** How many entries there will be, if the folders to come are like those below the root so far; 0 before there were a few. */
  get estimate(): number {
    if (this.#foldersRead < TYPICAL_FOLDERS) return 0;
    return this.#list.count + this.#pending.length * this.#entriesRead / this.#foldersRead;
  }

  /** Reads everything below the root; the caller may send and pause between pieces. */
  *pieces(): Generator<Piece> {
    while (this.#pending.length > 0) {
      const folder = this.#pending.pop()!;
      yield* this.#folder(folder);
    }
  }

  #planRoot(paths: NamedPaths): Plan {
    const named = paths.all;
    const end = paths.ended(named);
    const whole: number[] = [];
    for (let k = 0; k < end; k++) whole.push(paths.origin(k));
    return { whole, named: { ...named, lo: end }, isBare: false };
  }

  *#folder(folder: number): Generator<Piece> {
    const plan = this.#plans.get(folder);
    this.#plans.delete(folder);
    this.places?.begin(folder);
    const isNamed = plan !== undefined && plan.whole.length === 0;
    const about = isNamed ? { isNamed, isBare: plan.isBare } : undefined;
    const names = this.#namesOf(folder, plan);
    const firstOfFolder = this.#list.count;
    let first = firstOfFolder;
    let isFirst = true;
    try {
      for (let position = 0; position < names.count;) {
        const plain = names.addPlain?.(position, LIST_ENTRIES - (this.#list.count - first)) ?? 0;
        if (plain === 0 && !names.add(position)) names.incomplete = true;
        position += Math.max(plain, 1);
        if (this.#list.count - first < LIST_ENTRIES) continue;
        yield { folder, first, count: this.#list.count - first, isFirst, isLast: false, incomplete: false, ...about };
        first = this.#list.count;
        isFirst = false;
      }
    } finally {
      for (const handle of names.handles) this.#os.close(handle);
    }
    if (folder !== 0) {
      this.#foldersRead++;
      this.#entriesRead += this.#list.count - firstOfFolder;
    }
    this.#descend(firstOfFolder, folder, plan);
    const { incomplete } = names;
    if (incomplete) this.complete = false;
    yield { folder, first, count: this.#list.count - first, isFirst, isLast: true, incomplete, ...about };
  }

  #namesOf(folder: number, plan: Plan | undefined): Names {
    if (plan === undefined) return this.#readOne(folder, this.#list.origin(folder));
    const { whole, named } = plan;
    if (named.lo === named.hi) {
      if (whole.length === 0) return { count: 0, handles: [], incomplete: false, add: () => true };
      return whole.length === 1 ? this.#readOne(folder, whole[0]) : this.#readMerged(folder, plan);
    }
    return whole.length === 0 && this.#paths!.isOfOne(named)
      ? this.#readNamed(folder, named)
      : this.#readMerged(folder, plan);
  }

  /** The common case: one source holds the folder. */
  #readOne(folder: number, origin: number): Names {
    const path = this.#list.path(folder);
    const sorted = this.#sorted;
    const { handle, incomplete } = this.#read(folder, path, origin, sorted);
    return {
      count: sorted.count,
      handles: handle < 0 ? [] : [handle],
      incomplete,
      add: (position) => this.#add(folder, path, handle, origin, sorted, position),
      addPlain: this.#looksOnly && (folder !== 0 || this.#origins[origin].only === null) &&
          path.length + 1 + NAME_BYTES <= PATH_BYTES && this.#list.depth(folder) < DEPTH - 1
        ? (position, limit) => this.#addPlain(folder, handle, origin, sorted, position, limit)
        : undefined,
    };
  }

  /** Whether a file or folder below the root that has been looked at is appended, whatever it is, and nothing more is asked of it. */
  get #looksOnly(): boolean {
    const { partialsOnly, folderSizes, atimes } = this.#options;
    return this.#filter.isEmpty && this.places === null && this.#paths === null && this.#follower === null &&
      this.#fileSystems === null &&
      this.#changeMode === null && this.#attributes === null && this.#firstNames === null &&
      listsFolders(this.#options) && !partialsOnly && !folderSizes && !atimes;
  }

  /** Only names are looked at, all of one source: nothing is read. */
  #readNamed(folder: number, named: PathRange): Names {
    const paths = this.#paths!;
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
    const handle = this.#open(origin, path);
    if (handle < 0) this.#failed(Verb.open, -handle, path);
    return {
      count: handle < 0 ? 0 : sorted.count,
      handles: handle < 0 ? [] : [handle],
      incomplete: handle < 0,
      add: (position) => this.#add(folder, path, handle, origin, sorted, position, ways[position]),
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
      const { root, only } = this.#origins[origin];
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
    if (this.#options.recursive || this.#paths !== null) this.#foldersFirst(path, found);
    const add = (at: number): boolean => {
      const { name, origin, sorted, position, handle, way } = found[at];
      const isTwin = at > 0 && compareBytes(found[at - 1].name, name) === 0;
      const joined = isTwin ? this.#joined(folder, path, handle, name, origin) : null;
      return joined ?? this.#add(folder, path, handle, origin, sorted, position, way);
    };
    return { count: found.length, handles, incomplete, add };
  }

  /** Adds the names that paths of the range lead to, for each origin once; false if one of the folders cannot be opened. */
  #findNamed(path: Uint8Array, range: PathRange, named: SortedListing, found: Found[], handles: Handle[]): boolean {
    const paths = this.#paths;
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
        opened.set(origin, handle = this.#open(origin, path));
        if (handle >= 0) handles.push(handle);
        else isGood = this.#failed(Verb.open, -handle, path) && isGood;
      }
      if (handle < 0) continue;
      const entry = { name, origin, sorted: named, position: named.count, handle, way };
      named.listing.add(name, 0, name.length, Kind.unknown);
      twins.set(origin, entry);
      found.push(entry);
    }
    return isGood;
  }

  /** Opens the folder as one origin holds it. */
  #open(origin: number, path: Uint8Array): Handle {
    const { root, rest } = placeOf(this.#origins, origin, path);
    return this.#follower?.openBeneath(root, rest) ?? this.#os.openBeneath(root, rest);
  }

  /**
   * lstat of a name in an open folder, or what the link leads to if it is one to follow (where that cannot be looked at, the stat is the
   * link's own), or, where an origin begins at it, of that origin's root; 0 or a negated errno.
   */
  #look(origin: number, path: Uint8Array, handle: Handle, names: Uint8Array, at: number, length: number): number {
    const stat = this.#stat;
    if (this.#paths !== null && this.#beginsAt(origin, path, names, at, length)) {
      return this.#os.statHandle(this.#origins[origin].root, stat);
    }
    stat.kind = Kind.unknown;
    const result = this.#os.statAt(handle, names, at, length, stat);
    if (result < 0 || stat.kind !== Kind.link || this.#follower === null) return result;
    return Math.min(0, this.#follower.look(handle, names.slice(at, at + length), depthOf(path), stat));
  }

  #beginsAt(origin: number, path: Uint8Array, names: Uint8Array, at: number, length: number): boolean {
    const begins = this.#origins[origin].at;
    if (begins.length === 0 || begins.length !== path.length + length + (path.length === 0 ? 0 : 1)) return false;
    return equalBytes(begins, joinPath(path, names.subarray(at, at + length)));
  }

  /** Of equal names a folder goes before anything else, as in rsync: what it holds must have its place. */
  #foldersFirst(path: Uint8Array, found: Found[]): void {
    for (let first = 0; first < found.length;) {
      let end = first + 1;
      while (end < found.length && compareBytes(found[end].name, found[first].name) === 0) end++;
      for (let at = first; end - first > 1 && at < end; at++) {
        const { name, origin, sorted, position, handle } = found[at];
        let kind = sorted.kind(position);
        const isOpen = kind === Kind.unknown || (kind === Kind.link && this.#follower !== null);
        if (isOpen && this.#look(origin, path, handle, name, 0, name.length) === 0) kind = this.#stat.kind;
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
    const { only } = this.#origins[origin];
    sorted.listing.clear();
    const handle = this.#open(origin, path);
    if (handle < 0) {
      this.#failed(Verb.open, -handle, path);
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
    const result = sorted.read(this.#os, handle);
    if (result < 0) this.#failed(Verb.list, -result, path);
    return { handle, incomplete: result < 0 };
  }

  /** Finds the rules that hold in the folder; one that cannot be understood ends the run, and nothing stays open. */
  #enter(places: ScanPlaces, path: Uint8Array, origin: number, handle: Handle): boolean {
    try {
      return places.enter(path, origin, handle);
    } catch (error) {
      this.#os.close(handle);
      throw error;
    }
  }

  /**
   * A name that an earlier source also gave: folders unite, anything else is left out and told. Null if the earlier one was not
   * listed, false if this one was lost to an error.
   */
  #joined(folder: number, path: Uint8Array, handle: Handle, name: Uint8Array, origin: number): boolean | null {
    const last = this.#list.count - 1;
    if (last === 0 || this.#list.parent(last) !== folder || compareBytes(this.#list.name(last), name) !== 0) {
      return null;
    }
    const looked = this.#look(origin, path, handle, name, 0, name.length);
    if (looked < 0) return this.#notLooked(-looked, path, name, origin);
    if (this.#list.kind(last) === Kind.folder && this.#stat.kind === Kind.folder) {
      if (this.#isElsewhere(folder, handle, origin)) return true;
      const holders = this.#holders.get(last) ?? [this.#list.origin(last)];
      if (!holders.includes(origin)) holders.push(origin);
      this.#holders.set(last, holders);
    } else this.#problem(Verb.skip, Cause.duplicate, 0, joinPath(path, name));
    return true;
  }

  /** Whether an entry is a folder, or what a folder of partials is for; temporary names aside. */
  #leadsToPartials(handle: Handle, path: Uint8Array, listing: SortedListing["listing"], row: number): boolean {
    const at = listing.at[row];
    const stat = this.#stat;
    const name = listing.name(row);
    if (this.#os.statAt(handle, listing.names, at, listing.length[row], stat) < 0) return false;
    const cut = path.lastIndexOf(0x2f);
    if (isPartialFolderName(path.subarray(cut + 1))) return stat.kind === Kind.file;
    if (isPartialFolderName(name)) return isPartialFolder(stat, null);
    return stat.kind === Kind.folder && !isOwnName(name, 0, name.length);
  }

  /** A name of ours is told, unless it is what it should be and so nobody's business who copies from here. */
  #passOwnName(handle: Handle, path: Uint8Array, listing: SortedListing["listing"], row: number): void {
    const name = listing.name(row);
    const stat = this.#stat;
    const isPartials = isPartialFolderName(name) && this.#os.statAt(handle, name, 0, name.length, stat) === 0 &&
      isPartialFolder(stat, null);
    const isTrash = isTrashName(name) && listing.kind[row] === Kind.folder;
    if (!isPartials && !isTrash) this.#problem(Verb.skip, Cause.reservedName, 0, joinPath(path, name));
  }

  /**
   * Appends names of a folder from `position` on, at most `limit`, up to the first that is no file or folder, is ours, or cannot be looked
   * at: #add sees to that one. Returns how many.
   */
  #addPlain(
    folder: number,
    handle: Handle,
    origin: number,
    sorted: SortedListing,
    position: number,
    limit: number,
  ): number {
    const { listing, order } = sorted;
    const { nameLength, mode, uid, gid, size, mtimeSec, mtimeNs, tag } = this.#columns;
    const stat = this.#stat;
    const most = Math.min(limit, ROWS, sorted.count - position);
    let count = 0;
    for (; count < most; count++) {
      const row = order[position + count];
      const at = listing.at[row];
      const length = listing.length[row];
      const hinted = listing.kind[row];
      if (hinted !== Kind.file && hinted !== Kind.folder && hinted !== Kind.unknown) break;
      if (isOwnName(listing.names, at, length) || this.#os.statAt(handle, listing.names, at, length, stat) < 0) break;
      const kind = stat.kind;
      if (kind !== Kind.file && kind !== Kind.folder) break;
      nameLength[count] = length;
      mode[count] = (kind << 12) | stat.mode;
      uid[count] = stat.uid;
      gid[count] = stat.gid;
      mtimeSec[count] = stat.mtimeSec;
      mtimeNs[count] = stat.mtimeNs;
      tag[count] = identityTag(stat);
      size[count] = 0;
      if (kind === Kind.folder) continue;
      size[count] = stat.size;
      this.bytes += stat.size;
      if (stat.allocated < stat.size) this.holeBytes += stat.size - stat.allocated;
    }
    if (count === 0) return 0;
    const first = this.#list.addRows(this.#columns, count, folder, listing, order, position);
    if (origin !== 0) { for (let i = first; i < first + count; i++) this.#list.setOrigin(i, origin); }
    return count;
  }

  /** Appends one name of a folder; false if it was lost to an error. */
  #add(
    folder: number,
    path: Uint8Array,
    handle: Handle,
    origin: number,
    sorted: SortedListing,
    position: number,
    way: Way = Way.found,
  ): boolean {
    const listing = sorted.listing;
    const row = sorted.order[position];
    const at = listing.at[row];
    const length = listing.length[row];
    const names = listing.names;
    if (this.#options.partialsOnly) {
      if (!this.#leadsToPartials(handle, path, listing, row)) return true;
    } else if (isOwnName(names, at, length)) {
      this.#passOwnName(handle, path, listing, row);
      return true;
    }
    const stat = this.#stat;
    const isOpen = this.#follower !== null && listing.kind[row] === Kind.link;
    const hinted = isOpen ? Kind.unknown : listing.kind[row];
    // What is named, or on the way to it, has passed the rules that look at it.
    const filters = !this.#filter.isEmpty && way === Way.found;
    if (filters && hinted !== Kind.unknown && this.#isExcluded(path, listing.name(row), hinted, origin)) return true;
    const result = this.#look(origin, path, handle, names, at, length);
    if (result < 0) return this.#notLooked(-result, path, listing.name(row), origin);
    const kind = stat.kind;
    if (filters && hinted === Kind.unknown && this.#isExcluded(path, listing.name(row), kind, origin)) return true;
    if (way === Way.implied && kind !== Kind.folder) {
      return this.#failed(Verb.open, Errno.ENOTDIR, joinPath(path, listing.name(row)));
    }
    if (this.isSingle && kind === Kind.folder) {
      this.#problem(Verb.stat, Cause.changed, 0, joinPath(path, listing.name(row)));
      return false;
    }
    if (!isAskedKind(kind, this.#options)) {
      this.holdsOthers?.add(folder);
      const cause = kind === Kind.folder ? Cause.notRecursive : Cause.notAsked;
      this.#problem(Verb.skip, cause, 0, joinPath(path, listing.name(row)));
      return true;
    }
    const isElsewhere = kind === Kind.folder && way === Way.found && this.#isElsewhere(folder, handle, origin);
    if (isElsewhere && this.#options.oneFileSystem > 1) {
      this.#problem(Verb.skip, Cause.mountSkipped, 0, joinPath(path, listing.name(row)));
      return true;
    }
    if (path.length + 1 + length > PATH_BYTES || (kind === Kind.folder && this.#list.depth(folder) >= DEPTH - 1)) {
      this.#problem(Verb.list, Cause.tooLong, 0, joinPath(path, listing.name(row)));
      return false;
    }
    let size = 0;
    let target: Uint8Array | null = null;
    if (kind === Kind.file || (kind === Kind.folder && this.#options.folderSizes)) size = stat.size;
    else if (kind === Kind.link) {
      const targetLength = this.#os.readLink(handle, listing.name(row), this.#linkTarget);
      if (targetLength < 0) return this.#failed(Verb.readLink, -targetLength, joinPath(path, listing.name(row)));
      target = this.#linkTarget.subarray(0, targetLength);
      if (this.#options.unmungeLinks) target = unmunged(target);
      size = target.length;
    } else if (kind === Kind.charDevice || kind === Kind.blockDevice) {
      size = deviceNumber(stat.rdevMajor, stat.rdevMinor);
    }
    const bits = this.#changeMode === null || kind === Kind.link ? stat.mode : this.#changeMode(kind, stat.mode);
    const mode = (kind << 12) | bits;
    const { uid, gid, mtimeSec, mtimeNs } = stat;
    const index = this.#list.add(
      names,
      at,
      length,
      folder,
      mode,
      uid,
      gid,
      size,
      mtimeSec,
      mtimeNs,
      identityTag(stat),
      target,
    );
    if (origin !== 0) this.#list.setOrigin(index, origin);
    if (this.#options.atimes && kind !== Kind.folder) this.#list.setAtime(index, stat.atimeSec, stat.atimeNs);
    if (isElsewhere) this.#fileSystems!.mounts.add(index);
    if (this.#attributes !== null) {
      const isFollowed = this.#follower !== null && kind !== Kind.link && listing.kind[row] !== kind;
      this.#listAttributesAt(index, handle, listing.name(row), path, isFollowed);
    }
    if (this.#firstNames !== null && stat.nlink > 1 && kind !== Kind.folder) {
      this.#list.setFirstName(index, this.#firstNames.of(this.#list, index, stat));
    }
    if (kind === Kind.file || kind === Kind.link) this.bytes += size;
    if (kind === Kind.file && stat.allocated < size) this.holeBytes += size - stat.allocated;
    return true;
  }

  /** -x: whether what #stat tells of, found in an open folder, lies on another file system than that. What is named is where it is. */
  #isElsewhere(folder: number, handle: Handle, origin: number): boolean {
    if (this.#fileSystems === null || (folder === 0 && this.#origins[origin].only !== null)) return false;
    return this.#fileSystems.isElsewhere(handle, this.#stat);
  }

  /** Notes what entry `index` has, which is `name` in an open folder, or what that link leads to. Most have nothing, which costs one call. */
  #listAttributesAt(index: number, folder: Handle, name: Uint8Array, path: Uint8Array, isFollowed: boolean): void {
    if (!isFollowed && this.#os.attributesAt(folder, name) === 0) return this.#list.setAttributes(index, Told.none);
    const pin = isFollowed ? this.#os.openThrough(folder, name, false) : this.#os.pin(folder, name);
    this.#listAttributes(index, pin, joinPath(path, name));
    if (pin >= 0) this.#os.close(pin);
  }

  /** Notes what entry `index` behind `handle`, a negated errno where it could not be opened, has. */
  #listAttributes(index: number, handle: Handle, path: Uint8Array): void {
    const set = handle < 0 ? handle : this.#attributes!.read(handle);
    if (typeof set === "number") return void this.#failed(Verb.readAttributes, -set, path);
    const number = set === EMPTY_SET ? -1 : this.#list.sets!.intern(set);
    if (set !== EMPTY_SET && number < 0) return this.#problem(Verb.readAttributes, Cause.tooMuch, 0, path);
    this.#list.setAttributes(index, set === EMPTY_SET ? Told.none : FIRST_SET + number);
  }

  /** Puts the folders among the entries appended since `first` on the stack, so that they come off in rsync's order. */
  #descend(first: number, parent: number, plan: Plan | undefined): void {
    if (this.#options.listOnly && !this.#options.recursive && this.#paths === null) return;
    const list = this.#list;
    const folders: number[] = [];
    for (let i = first; i < list.count; i++) if (list.kind(i) === Kind.folder) folders.push(i);
    if (this.#paths !== null || !this.#options.recursive) { for (const i of folders) this.#plan(i, parent, plan); }
    else this.#planShared();
    for (const i of folders) if (this.#fileSystems?.mounts.has(i)) this.#planMount(i);
    sortAsFolders(list, folders);
    for (const folder of folders.reverse()) {
      this.#pending.push(folder);
      this.places?.expect(folder);
    }
  }

  /** Nothing is listed of a folder on another file system, unless another argument holds it on its own. */
  #planMount(i: number): void {
    const plan = this.#plans.get(i);
    const whole = plan === undefined ? [] : plan.whole.filter((origin) => origin !== this.#list.origin(i));
    this.#plans.set(i, { whole, named: plan?.named ?? NOTHING, isBare: false });
  }

  /** Folders that several arguments hold are read in each. */
  #planShared(): void {
    if (this.#holders.size === 0) return;
    for (const [i, whole] of this.#holders) this.#plans.set(i, { whole, named: NOTHING, isBare: false });
    this.#holders.clear();
  }

  /** What is listed of a folder in a run that names entries one by one; `above`: what was of its parent. */
  #plan(i: number, parent: number, above: Plan | undefined): void {
    const list = this.#list;
    const paths = this.#paths;
    const { recursive, noImpliedDirs } = this.#options;
    const holders = this.#holders.get(i) ?? [list.origin(i)];
    this.#holders.delete(i);
    const isInWhole = above === undefined
      ? (origin: number) => origin === list.origin(parent)
      : (origin: number) => above.whole.includes(origin);
    const whole = recursive ? holders.filter(isInWhole) : [];
    if (paths === null || above === undefined || above.named.lo === above.named.hi) {
      if (recursive && whole.length === 1 && whole[0] === list.origin(i)) return;
      this.#plans.set(i, { whole, named: NOTHING, isBare: false });
      return;
    }
    const named = paths.child(above.named, list.name(i));
    const end = paths.ended(named);
    for (let k = named.lo; k < end; k++) {
      const origin = paths.origin(k);
      if ((recursive || paths.content(k)) && !whole.includes(origin)) whole.push(origin);
    }
    const isBare = noImpliedDirs && end === named.lo && !holders.some(isInWhole);
    const rest = { ...named, lo: end };
    // A rule may leave out on the way what is named behind it.
    const isOfWhole = recursive && this.#filter.isEmpty && whole.length === 1 && paths.isOfOne(rest) &&
      paths.origin(rest.lo) === whole[0];
    const isCovered = rest.lo === rest.hi || isOfWhole;
    if (recursive && isCovered && whole.length === 1 && whole[0] === list.origin(i)) return;
    this.#plans.set(i, { whole, named: isCovered ? NOTHING : rest, isBare });
  }

  /** What `#look` or lstat could not look at. A link to be followed that leads nowhere is dropped, and nothing is deleted. */
  #notLooked(errno: number, path: Uint8Array, name: Uint8Array, origin: number): boolean {
    if (this.#follower === null || this.#stat.kind !== Kind.link) {
      return this.#failed(Verb.stat, errno, joinPath(path, name));
    }
    if (!this.#filter.isEmpty && this.#isExcluded(path, name, Kind.link, origin)) return true;
    this.#problem(Verb.readLink, Cause.system, errno, joinPath(path, name));
    return false;
  }

  #isExcluded(path: Uint8Array, name: Uint8Array, kind: number, origin: number): boolean {
    return this.#filter.excluded(joinPath(path, name), kind === Kind.folder, this.places?.of(origin) ?? null);
  }

  /** Reports an error of the system; true if the entry had merely vanished and its folder still counts as read whole. */
  #failed(verb: number, errno: number, path: Uint8Array): boolean {
    const vanished = errno === Errno.ENOENT && path.length > 0;
    this.#problem(verb, vanished ? Cause.vanished : Cause.system, vanished ? 0 : errno, path);
    return vanished;
  }

  #problem(verb: number, cause: number, errno: number, path: Uint8Array): void {
    this.#report({ verb, cause, errno, side: Side.source, path: new Uint8Array(path) });
  }
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
interface Names {
  count: number;
  handles: Handle[];
  incomplete: boolean;
  /** Appends one; false if it was lost to an error. */
  add(position: number): boolean;
  /** Appends several at once, as far as that goes, and tells how many; 0: the first is one for `add`. */
  addPlain?: (position: number, limit: number) => number;
}

/** Sorts folders of one folder as rsync visits them. */
export function sortAsFolders(list: FileList, folders: number[]): void {
  folders.sort((a, b) => compareAsFolders(list, a, b));
}

/** rsync orders folders as if their names ended in "/". */
function compareAsFolders(list: FileList, a: number, b: number): number {
  const aLength = list.nameLength(a);
  const bLength = list.nameLength(b);
  const common = Math.min(aLength, bLength);
  const difference = compareRanges(
    list.namePiece(a),
    list.nameStart(a),
    common,
    list.namePiece(b),
    list.nameStart(b),
    common,
  );
  if (difference !== 0 || aLength === bLength) return difference;
  const next = aLength > bLength
    ? list.namePiece(a)[list.nameStart(a) + common]
    : list.namePiece(b)[list.nameStart(b) + common];
  const slash = 0x2f;
  return aLength > bLength ? next - slash : slash - next;
}

/** Folders between the root and what is in the folder at `path`. */
function depthOf(path: Uint8Array): number {
  if (path.length === 0) return 0;
  let depth = 1;
  for (const byte of path) if (byte === 0x2f) depth++;
  return depth;
}
