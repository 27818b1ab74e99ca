// The scan of the source: reads folder after folder, depth first, appends entries to the file list and yields pieces of
// at most LIST_ENTRIES as they are found. Called by the source half. Promises: a folder that was not read whole, or lost an
// entry to an error, is marked incomplete, and then nothing is deleted anywhere (law 4, law 5).

import { compareBytes, compareRanges, EMPTY, joinPath } from "../base/bytes.ts";
import { deviceNumber, FileList } from "../base/file_list.ts";
import { DEPTH, LINK_TARGET_BYTES, LIST_ENTRIES, PATH_BYTES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, type Os, Stat } from "../os/os.ts";
import type { LinkFollower } from "./link_follower.ts";
import type { Origin } from "./origins.ts";
import { isOwnName } from "./own_names.ts";
import { SortedListing } from "./sorted_listing.ts";

/** Folders from which it may be judged what the others are like. */
const TYPICAL_FOLDERS = 8;

/** What the scan asks of the filters (lib/filter's FilterSet). */
export interface Filter {
  readonly isEmpty: boolean;
  excluded(path: Uint8Array, isFolder: boolean): boolean;
}

/** Entries [first, first + count) of `folder` were appended. */
export interface Piece {
  folder: number;
  first: number;
  count: number;
  isFirst: boolean;
  isLast: boolean;
  incomplete: boolean;
}

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
      return options.recursive;
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
  /** --chmod. */
  readonly #changeMode: ((kind: number, mode: number) => number) | null;
  readonly #stat = new Stat();
  readonly #sorted = new SortedListing();
  readonly #linkTarget = new Uint8Array(LINK_TARGET_BYTES + 1);
  /** Folders to read, next one last. */
  readonly #pending: number[] = [];
  /** Origins of folders that several source arguments share. */
  readonly #shared = new Map<number, number[]>();
  /** Whether every folder was read whole and no entry was lost to an error. */
  complete = true;
  /** Sum of the sizes of files and link targets listed. */
  bytes = 0;
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
    changeMode: ((kind: number, mode: number) => number) | null = null,
    follower: LinkFollower | null = null,
  ) {
    this.#changeMode = changeMode;
    this.#follower = follower;
    this.#os = os;
    this.#list = list;
    this.#origins = origins;
    this.#options = options;
    this.#filter = filter;
    this.#report = report;
  }

  /** Appends entry 0. With a root folder its metadata counts, else it only holds the named entries. */
  addRoot(stat: Stat | null): void {
    if (stat === null) this.#list.add(EMPTY, 0, 0, 0, Kind.folder << 12, 0, 0, 0, 0, 0, 0, null);
    else {
      const mode = (Kind.folder << 12) | (this.#changeMode?.(Kind.folder, stat.mode) ?? stat.mode);
      const size = this.#options.folderSizes ? stat.size : 0;
      this.#list.add(EMPTY, 0, 0, 0, mode, stat.uid, stat.gid, size, stat.mtimeSec, stat.mtimeNs, 0, null);
    }
    if (this.#origins.length > 1) this.#shared.set(0, this.#origins.map((_, origin) => origin));
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

  *#folder(folder: number): Generator<Piece> {
    const origins = this.#shared.get(folder);
    this.#shared.delete(folder);
    const names = origins === undefined ? this.#readOne(folder) : this.#readMerged(folder, origins);
    const firstOfFolder = this.#list.count;
    let first = firstOfFolder;
    let isFirst = true;
    try {
      for (let position = 0; position < names.count; position++) {
        if (!names.add(position)) names.incomplete = true;
        if (this.#list.count - first < LIST_ENTRIES) continue;
        yield { folder, first, count: this.#list.count - first, isFirst, isLast: false, incomplete: false };
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
    this.#descend(firstOfFolder);
    if (names.incomplete) this.complete = false;
    yield { folder, first, count: this.#list.count - first, isFirst, isLast: true, incomplete: names.incomplete };
  }

  /** The common case: one source holds the folder. */
  #readOne(folder: number): Names {
    const origin = this.#list.origin(folder);
    const path = this.#list.path(folder);
    const sorted = this.#sorted;
    const { handle, incomplete } = this.#read(folder, path, origin, sorted);
    return {
      count: sorted.count,
      handles: handle < 0 ? [] : [handle],
      incomplete,
      add: (position) => this.#add(folder, path, handle, origin, sorted, position),
    };
  }

  /** Several sources hold the folder: their names are merged; of equal names the first source's counts, folders unite. */
  #readMerged(folder: number, origins: number[]): Names {
    const path = this.#list.path(folder);
    const found: Found[] = [];
    const handles: Handle[] = [];
    let incomplete = false;
    const named = new SortedListing();
    for (const origin of origins) {
      const { root, only } = this.#origins[origin];
      if (folder === 0 && only !== null) {
        found.push({ name: only, origin, sorted: named, position: named.count, handle: root });
        named.listing.add(only, 0, only.length, Kind.unknown);
        continue;
      }
      const sorted = new SortedListing();
      const read = this.#read(folder, path, origin, sorted);
      incomplete ||= read.incomplete;
      if (read.handle < 0) continue;
      handles.push(read.handle);
      for (let position = 0; position < sorted.count; position++) {
        found.push({ name: sorted.name(position), origin, sorted, position, handle: read.handle });
      }
    }
    named.keepOrder();
    found.sort((a, b) => compareBytes(a.name, b.name) || a.origin - b.origin);
    if (this.#options.recursive) this.#foldersFirst(found, this.#list.depth(folder));
    const add = (at: number): boolean => {
      const { name, origin, sorted, position, handle } = found[at];
      const isTwin = at > 0 && compareBytes(found[at - 1].name, name) === 0;
      const joined = isTwin ? this.#joined(folder, path, handle, name, origin) : null;
      return joined ?? this.#add(folder, path, handle, origin, sorted, position);
    };
    return { count: found.length, handles, incomplete, add };
  }

  /** Of equal names a folder goes before anything else, as in rsync: what it holds must have its place. */
  #foldersFirst(found: Found[], depth: number): void {
    for (let first = 0; first < found.length;) {
      let end = first + 1;
      while (end < found.length && compareBytes(found[end].name, found[first].name) === 0) end++;
      for (let at = first; end - first > 1 && at < end; at++) {
        const { name, sorted, position, handle } = found[at];
        let kind = sorted.kind(position);
        const isOpen = kind === Kind.unknown || (kind === Kind.link && this.#follower !== null);
        if (isOpen && this.#look(handle, name, 0, name.length, depth, this.#stat) === 0) kind = this.#stat.kind;
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
    const { root, only } = this.#origins[origin];
    sorted.listing.clear();
    const handle = this.#follower?.openBeneath(root, path) ?? this.#os.openBeneath(root, path);
    if (handle < 0) {
      this.#failed(Verb.open, -handle, path);
      return { handle, incomplete: true };
    }
    if (folder === 0 && only !== null) {
      sorted.listing.add(only, 0, only.length, Kind.unknown);
      sorted.sort();
      return { handle, incomplete: false };
    }
    const result = sorted.read(this.#os, handle);
    if (result < 0) this.#failed(Verb.list, -result, path);
    return { handle, incomplete: result < 0 };
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
    const looked = this.#look(handle, name, 0, name.length, this.#list.depth(folder), this.#stat);
    if (looked < 0) return this.#notLooked(-looked, path, name);
    if (this.#list.kind(last) === Kind.folder && this.#stat.kind === Kind.folder) {
      const shared = this.#shared.get(last) ?? [this.#list.origin(last)];
      if (!shared.includes(origin)) shared.push(origin);
      this.#shared.set(last, shared);
    } else this.#problem(Verb.skip, Cause.duplicate, 0, joinPath(path, name));
    return true;
  }

  /** Appends one name of a folder; false if it was lost to an error. */
  #add(
    folder: number,
    path: Uint8Array,
    handle: Handle,
    origin: number,
    sorted: SortedListing,
    position: number,
  ): boolean {
    const listing = sorted.listing;
    const row = sorted.order[position];
    const at = listing.at[row];
    const length = listing.length[row];
    const names = listing.names;
    if (isOwnName(names, at, length)) {
      this.#problem(Verb.skip, Cause.reservedName, 0, joinPath(path, listing.name(row)));
      return true;
    }
    const stat = this.#stat;
    const isOpen = this.#follower !== null && listing.kind[row] === Kind.link;
    const hinted = isOpen ? Kind.unknown : listing.kind[row];
    const filters = !this.#filter.isEmpty;
    if (filters && hinted !== Kind.unknown && this.#isExcluded(path, listing.name(row), hinted)) return true;
    const result = this.#follower !== null
      ? this.#look(handle, names, at, length, this.#list.depth(folder), stat)
      : this.#os.statAt(handle, names, at, length, stat);
    if (result < 0) return this.#notLooked(-result, path, listing.name(row));
    const kind = stat.kind;
    if (filters && hinted === Kind.unknown && this.#isExcluded(path, listing.name(row), kind)) return true;
    if (!isAskedKind(kind, this.#options)) {
      const cause = kind === Kind.folder ? Cause.notRecursive : Cause.notAsked;
      this.#problem(Verb.skip, cause, 0, joinPath(path, listing.name(row)));
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
      size = targetLength;
      target = this.#linkTarget.subarray(0, targetLength);
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
    if (kind === Kind.file || kind === Kind.link) this.bytes += size;
    return true;
  }

  /** Puts the folders among the entries appended since `first` on the stack, so that they come off in rsync's order. */
  #descend(first: number): void {
    if (this.#options.listOnly && !this.#options.recursive) return;
    const list = this.#list;
    const folders: number[] = [];
    for (let i = first; i < list.count; i++) if (list.kind(i) === Kind.folder) folders.push(i);
    sortAsFolders(list, folders);
    for (const folder of folders.reverse()) this.#pending.push(folder);
  }

  /** lstat, or what the link leads to if it is one to follow; where that cannot be looked at, `stat` is the link's own. */
  #look(handle: Handle, names: Uint8Array, at: number, length: number, depth: number, stat: Stat): number {
    stat.kind = Kind.unknown;
    const result = this.#os.statAt(handle, names, at, length, stat);
    if (result < 0 || stat.kind !== Kind.link || this.#follower === null) return result;
    return Math.min(0, this.#follower.look(handle, names.slice(at, at + length), depth, stat));
  }

  /** What `#look` or lstat could not look at. A link to be followed that leads nowhere is dropped, and nothing is deleted. */
  #notLooked(errno: number, path: Uint8Array, name: Uint8Array): boolean {
    if (this.#follower === null || this.#stat.kind !== Kind.link) {
      return this.#failed(Verb.stat, errno, joinPath(path, name));
    }
    if (!this.#filter.isEmpty && this.#isExcluded(path, name, Kind.link)) return true;
    this.#problem(Verb.readLink, Cause.system, errno, joinPath(path, name));
    return false;
  }

  #isExcluded(path: Uint8Array, name: Uint8Array, kind: number): boolean {
    return this.#filter.excluded(joinPath(path, name), kind === Kind.folder);
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
}

/** The names of one folder, to be appended one by one. */
interface Names {
  count: number;
  handles: Handle[];
  incomplete: boolean;
  add(position: number): boolean;
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
