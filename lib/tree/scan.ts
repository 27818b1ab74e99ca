// The scan of the source: reads folder after folder, depth first, appends entries to the file list and yields pieces of
// at most LIST_ENTRIES as they are found. Called by the source half. Promises: a folder that was not read whole, or lost an
// entry to an error, is marked incomplete, and then nothing is deleted anywhere (law 4, law 5).

import { AttributeSets, EMPTY_SET, FIRST_SET, Told } from "../base/attributes.ts";
import { compareBytes, EMPTY, joinPath, latin1 } from "../base/bytes.ts";
import { deviceNumber, FileList } from "../base/file_list.ts";
import { DEPTH, LINK_TARGET_BYTES, LIST_ENTRIES, NAME_BYTES, PATH_BYTES } from "../base/limits.ts";
import type { IndexSet } from "../base/index_set.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, type Listing, type Os, type Stat } from "../os/os.ts";
import type { FilterPlace } from "../filter/filter_set.ts";
import type { AttributeReader } from "./attributes.ts";
import { FirstNames } from "./first_names.ts";
import { FileSystems } from "./file_systems.ts";
import type { LinkFollower } from "./link_follower.ts";
import { unmunged } from "./munged_links.ts";
import type { NamedPaths } from "./named_paths.ts";
import { listsFolders, type Origin } from "./origins.ts";
import { isOwnName, isPartialFolder, isPartialFolderName, isTrashName } from "./own_names.ts";
import { identityTag } from "./identity_tag.ts";
import { MANY, ScanLooks } from "./scan_looks.ts";
import { type NameAdder, type OpenFolder, ScanNames, Way } from "./scan_names.ts";
import type { ScanPlaces } from "./scan_places.ts";
import { ScanPlans } from "./scan_plans.ts";
import type { SortedListing } from "./sorted_listing.ts";

const SLASH = 0x2f;
/** Folders from which it may be judged what the others are like. */
const TYPICAL_FOLDERS = 8;

/** What the scan asks of the filters (lib/filter's FilterSet). */
export interface Filter {
  readonly isEmpty: boolean;
  /** `length`: of the path in `path`. */
  excluded(path: Uint8Array, isFolder: boolean, place: FilterPlace | null, length?: number): boolean;
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
  /** It holds names that are not listed: our own, or what a rule leaves out. */
  passesOver?: boolean;
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
  readonly #looks: ScanLooks;
  readonly #names: ScanNames;
  readonly #plans: ScanPlans;
  readonly #stat: Stat;
  readonly #path = new Uint8Array(PATH_BYTES + NAME_BYTES + 1);
  readonly #firstNames: FirstNames | null;
  #attributes: AttributeReader | null = null;
  readonly #linkTarget = new Uint8Array(LINK_TARGET_BYTES + 1);
  #places: ScanPlaces | null = null;
  readonly #namesPaths: boolean;
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
  /** Names were passed over in the folder in hand: ours, or what a rule leaves out. */
  #passesOver = false;
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
    this.#namesPaths = paths !== null;
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
    this.#looks = new ScanLooks(os, origins, follower);
    this.#stat = this.#looks.stat;
    this.#plans = new ScanPlans({ list, origins, options, filter, paths, fileSystems: this.#fileSystems });
    const adder: NameAdder = {
      add: (place, sorted, position, way) => this.#add(place, sorted, position, way),
      addTwin: (place, name) => this.#addTwin(place, name),
      failed: (verb, errno, path) => this.#failed(verb, errno, path),
    };
    this.#names = new ScanNames({ os, list, origins, options, paths, looks: this.#looks, adder });
  }

  /** Where rules depend on the folder: which hold in the one that is being read. Set before the first piece. */
  set places(places: ScanPlaces) {
    this.#places = this.#names.places = places;
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
    this.#plans.begin();
  }

  /** What was found so far moves to the empty list `other`, and what is found from now on goes there. */
  moveTo(other: FileList): void {
    other.takeOver(this.#list);
    this.#list = other;
    this.#plans.moveTo(other);
    this.#names.moveTo(other);
  }

  /** How many entries there will be, if the folders to come are like those below the root so far; 0 before there were a few. */
  get estimate(): number {
    if (this.#foldersRead < TYPICAL_FOLDERS) return 0;
    return this.#list.count + this.#plans.pending * this.#entriesRead / this.#foldersRead;
  }

  /** Reads everything below the root; the caller may send and pause between pieces. */
  *pieces(): Generator<Piece> {
    for (let folder = this.#plans.next(); folder !== undefined; folder = this.#plans.next()) {
      yield* this.#folder(folder);
    }
  }

  *#folder(folder: number): Generator<Piece> {
    const plan = this.#plans.take(folder);
    this.#places?.begin(folder);
    this.#passesOver = false;
    const isNamed = plan !== undefined && plan.whole.length === 0;
    const about = isNamed ? { isNamed, isBare: plan.isBare } : undefined;
    const names = this.#names.of(folder, plan);
    const plain = names.whole !== undefined && this.#isPlain(names.whole.place) ? names.whole : null;
    const firstOfFolder = this.#list.count;
    let first = firstOfFolder;
    let isFirst = true;
    try {
      for (let position = 0, passedTo = 0; position < names.count;) {
        const room = LIST_ENTRIES - (this.#list.count - first);
        if (plain !== null && position >= passedTo) {
          passedTo = position + this.#passRules(plain.place, plain.sorted, position);
        }
        const most = Math.min(room, passedTo - position);
        const added = plain === null || most === 0 ? 0 : this.#addPlain(plain.place, plain.sorted, position, most);
        if (added === 0 && !names.add(position)) names.incomplete = true;
        position += Math.max(added, 1);
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
    this.#plans.descend(firstOfFolder, folder, plan, (child) => this.#places?.expect(child));
    const { incomplete } = names;
    if (incomplete) this.complete = false;
    const count = this.#list.count - first;
    yield { folder, first, count, isFirst, isLast: true, incomplete, passesOver: this.#passesOver, ...about };
  }

  /** A name that an earlier source also gave: folders unite, anything else is left out and told. */
  #addTwin({ folder, path, handle, origin }: OpenFolder, name: Uint8Array): boolean | null {
    const last = this.#list.count - 1;
    if (last === 0 || this.#list.parent(last) !== folder || compareBytes(this.#list.name(last), name) !== 0) {
      return null;
    }
    const looked = this.#looks.look(origin, path, handle, name, 0, name.length);
    if (looked < 0) return this.#notLooked(-looked, path, name, origin);
    if (this.#list.kind(last) === Kind.folder && this.#stat.kind === Kind.folder) {
      if (this.#isElsewhere(folder, handle, origin)) return true;
      this.#plans.unite(last, origin);
    } else this.#problem(Verb.skip, Cause.duplicate, 0, joinPath(path, name));
    return true;
  }

  /** Whether an entry is a folder, or what a folder of partials is for; temporary names aside. */
  #leadsToPartials(handle: Handle, path: Uint8Array, listing: Listing, row: number): boolean {
    const at = listing.at[row];
    const stat = this.#stat;
    const name = listing.name(row);
    if (this.#os.statAt(handle, listing.names, at, listing.length[row], stat) < 0) return false;
    const cut = path.lastIndexOf(SLASH);
    if (isPartialFolderName(path.subarray(cut + 1))) return stat.kind === Kind.file;
    // What else is in a folder of that name may be a tree like any other.
    const { partialDir } = this.#options;
    if (stat.kind === Kind.file) return partialDir !== "" && latin1(path.subarray(cut + 1)) === partialDir;
    if (isPartialFolderName(name)) return isPartialFolder(stat, null);
    return stat.kind === Kind.folder && !isOwnName(name, 0, name.length);
  }

  /** A name of ours is told, unless it is what it should be and so nobody's business who copies from here. */
  #passOwnName(handle: Handle, path: Uint8Array, listing: Listing, row: number): void {
    this.#passesOver = true;
    const name = listing.name(row);
    const stat = this.#stat;
    const isPartials = isPartialFolderName(name) && this.#os.statAt(handle, name, 0, name.length, stat) === 0 &&
      isPartialFolder(stat, null);
    const isTrash = isTrashName(name) && listing.kind[row] === Kind.folder;
    if (!isPartials && !isTrash) this.#problem(Verb.skip, Cause.reservedName, 0, joinPath(path, name));
  }

  /** Whether a file or folder in this one that passes the rules and has been looked at is appended, and nothing more is asked of it. */
  #isPlain({ folder, path }: OpenFolder): boolean {
    const { partialsOnly, folderSizes, atimes } = this.#options;
    return !this.#namesPaths && this.#follower === null &&
      this.#fileSystems === null && this.#changeMode === null && this.#attributes === null &&
      this.#firstNames === null && listsFolders(this.#options) && !partialsOnly && !folderSizes && !atimes &&
      path.length + 1 + NAME_BYTES <= PATH_BYTES && this.#list.depth(folder) < DEPTH - 1;
  }

  /** How many names from `position` on, some hundred at most, no rule leaves out, as far as can be told without looking at them. */
  #passRules({ path, origin }: OpenFolder, { listing, order, count }: SortedListing, position: number): number {
    const most = Math.min(MANY, count - position);
    if (this.#filter.isEmpty) return most;
    const place = this.#places?.of(origin) ?? null;
    const whole = this.#path;
    whole.set(path);
    whole[path.length] = SLASH;
    const start = path.length === 0 ? 0 : path.length + 1;
    for (let passed = 0; passed < most; passed++) {
      const row = order[position + passed];
      const kind = listing.kind[row];
      if (kind === Kind.unknown) return passed;
      const length = listing.length[row];
      for (let k = 0, at = listing.at[row]; k < length; k++) whole[start + k] = listing.names[at + k];
      if (this.#filter.excluded(whole, kind === Kind.folder, place, start + length)) return passed;
    }
    return most;
  }

  /**
   * Appends names of a folder from `position` on, at most `limit`, up to the first that is no file or folder, is ours, or cannot be looked
   * at: #add sees to that one. Returns how many.
   */
  #addPlain({ folder, handle, origin }: OpenFolder, sorted: SortedListing, position: number, limit: number): number {
    const most = Math.min(limit, MANY, sorted.count - position);
    const seen = this.#os.statMany?.(handle, sorted.listing, position, most) ??
      this.#looks.many(handle, sorted, position, most);
    const { columns, names, nameBytes, count } = seen;
    if (count === 0) return 0;
    this.bytes += seen.bytes;
    this.holeBytes += seen.holeBytes;
    const first = this.#list.addRows(columns, count, folder, names.subarray(0, nameBytes));
    if (origin !== 0) { for (let i = first; i < first + count; i++) this.#list.setOrigin(i, origin); }
    return count;
  }

  /** Appends one name of a folder; false if it was lost to an error. */
  #add(place: OpenFolder, sorted: SortedListing, position: number, way: Way = Way.found): boolean {
    const { folder, path, handle, origin } = place;
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
    const result = this.#looks.look(origin, path, handle, names, at, length);
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
    return this.#append(place, listing, row, isElsewhere);
  }

  /** Appends a name that #stat tells of; false if it was lost to an error. */
  #append(place: OpenFolder, listing: Listing, row: number, isElsewhere: boolean): boolean {
    const { folder, path, handle, origin } = place;
    const stat = this.#stat;
    const kind = stat.kind;
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
      listing.names,
      listing.at[row],
      listing.length[row],
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

  /** What ScanLooks.look or lstat could not look at. A link to be followed that leads nowhere is dropped, and nothing is deleted. */
  #notLooked(errno: number, path: Uint8Array, name: Uint8Array, origin: number): boolean {
    if (this.#follower === null || this.#stat.kind !== Kind.link) {
      return this.#failed(Verb.stat, errno, joinPath(path, name));
    }
    if (!this.#filter.isEmpty && this.#isExcluded(path, name, Kind.link, origin)) return true;
    this.#problem(Verb.readLink, Cause.system, errno, joinPath(path, name));
    return false;
  }

  #isExcluded(path: Uint8Array, name: Uint8Array, kind: number, origin: number): boolean {
    const place = this.#places?.of(origin) ?? null;
    if (!this.#filter.excluded(joinPath(path, name), kind === Kind.folder, place)) return false;
    this.#passesOver = true;
    return true;
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
