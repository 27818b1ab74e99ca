// Digests of subtrees: one SHA-256 for each folder, over what the options compare of all it holds, so that two equal subtrees are
// known to be equal without listing them. Called with the pieces of a scan as they come, by the source half for its tree, before it
// hears from the target, and by the target half for its own. What a session tells is sealed with its seed. Promises: a folder that was not read whole, or holds one, has no digest
// (law 5); what two sides compare equal by the quick check and metadata may have different digests, never the other way round.
//
// What is digested of a folder is told by PROTOCOL.md, "Subtrees": its entries in canonical order, in blocks, of each block one column
// after the other, so that they are copied as they stand in the list.

import { FIRST_SET, isNamed, Told } from "../base/attributes.ts";
import { entryColumns, type FileList } from "../base/file_list.ts";
import { keepsFolderTimes, type SyncOptions } from "../base/options.ts";
import { RuleFlag } from "../filter/rule.ts";
import { Kind } from "../os/os.ts";
import { Sha256 } from "../hash/sha256.ts";
import { namesEntries } from "./origins.ts";
import type { Piece } from "./scan.ts";

/** A rule with one of these does not mean the same on both sides. */
const SIDED = RuleFlag.absolute | RuleFlag.sender | RuleFlag.receiver | RuleFlag.merge | RuleFlag.xattr;

/** What counts besides names, kinds, sizes and the times of files. */
export interface TreeTerms {
  perms: boolean;
  times: boolean;
  omitDirTimes: boolean;
  omitLinkTimes: boolean;
  owner: boolean;
  group: boolean;
  /** Nanoseconds do not count. */
  wholeSeconds: boolean;
  /** A folder that holds one of several names of an inode has no digest: the others lie anywhere. */
  hardLinks: boolean;
  /** Extended attributes or access lists count, as they were read. */
  attributes: boolean;
}

/** Modify window of a run that compares whole seconds: as rsync does without a window. */
const SAME_SECOND = -1;

/** Whether the quick check alone decides, so that equal digests say all there is to say, and both sides leave out the same names. */
export function comparesTrees(options: SyncOptions): boolean {
  const { recursive, checksum, ignoreTimes, reportUnchanged, modifyWindowNs, filters, pruneEmptyFolders } = options;
  if (!recursive || checksum || ignoreTimes || reportUnchanged || pruneEmptyFolders || namesEntries(options)) {
    return false;
  }
  if (modifyWindowNs !== null && modifyWindowNs !== SAME_SECOND) return false;
  if (filters.some(({ flags }) => (flags & SIDED) !== 0)) return false;
  if (options.altKind !== "none" || options.removeSourceFiles) return false;
  // What is compared is not what was listed.
  const { safeLinks, mungeLinks, unmungeLinks, atimes, wholeList } = options;
  if (safeLinks || mungeLinks || unmungeLinks || atimes || wholeList) return false;
  return (options.perms || !options.executability) && options.userMap.length === 0 && options.groupMap.length === 0;
}

/** What of the options counts, less what the target cannot set. */
export function treeTerms(
  options: SyncOptions,
  settable: { owner: boolean; group: boolean },
): TreeTerms {
  const { perms, times, omitLinkTimes, owner, group, modifyWindowNs, hardLinks, acls, xattrs } = options;
  return {
    ...{ perms, times, omitDirTimes: !keepsFolderTimes(options), omitLinkTimes },
    owner: owner && settable.owner,
    group: group && settable.group,
    wholeSeconds: modifyWindowNs === SAME_SECOND,
    hardLinks,
    attributes: acls || xattrs,
  };
}

/** Names of accounts; null: the number counts. */
export interface AccountNames {
  user(uid: number): Uint8Array | null;
  group(gid: number): Uint8Array | null;
}

/** Accounts are numbers. */
export const NUMBERS: AccountNames = { user: () => null, group: () => null };

/** What lies below a folder, all levels. */
export interface SubtreeTally {
  files: number;
  folders: number;
  links: number;
  devices: number;
  specials: number;
  /** Sum of the sizes of files and link targets, bytes. */
  bytes: number;
}

/** What a session tells of a subtree: 16 bytes made of its digest and the session's seed. */
export type Seal = (digest: Uint8Array) => Uint8Array;
export const SEAL_BYTES = 16;

/** Entries in one block. */
const BLOCK = 256;
/** The most that is kept of a block before it is digested: names, other columns, and a token for each account. */
const BUFFER_BYTES = BLOCK * (256 + 27 + 2 * (4 + 3 + 256));
const EMPTY_TALLY: SubtreeTally = { files: 0, folders: 0, links: 0, devices: 0, specials: 0, bytes: 0 };

class Folder {
  first = 0;
  count = 0;
  /** Child folders whose subtree is not complete. */
  pending = 0;
  isListed = false;
  isWhole = true;
  /** It lies on another file system: what it holds is nobody's business. */
  isNamed = false;
  passesOver = false;
  digest: Uint8Array | null = null;
  tally: SubtreeTally = EMPTY_TALLY;
}

export class SubtreeDigests {
  #list: FileList;
  readonly #hash = new Sha256();
  readonly #terms: TreeTerms;
  readonly #accounts: AccountNames;
  readonly #folders = new Map<number, Folder>();
  readonly #columns = entryColumns(BLOCK);
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;
  readonly #users = new Map<number, Uint8Array>();
  readonly #groups = new Map<number, Uint8Array>();
  /** Called with each folder when all below it has been read. */
  onComplete: (folder: number) => void = () => {};

  constructor(list: FileList, terms: TreeTerms, accounts: AccountNames) {
    this.#list = list;
    this.#terms = terms;
    this.#accounts = accounts;
  }

  /** The list was taken over by `other`. */
  moveTo(other: FileList): void {
    this.#list = other;
  }

  /** A piece of the scan, in its order. */
  add({ folder, first, count, isFirst, isLast, incomplete, isNamed, passesOver }: Piece): void {
    const entry = this.#folder(folder);
    if (isFirst) entry.first = first;
    entry.count += count;
    if (incomplete) entry.isWhole = false;
    if (isNamed) entry.isNamed = true;
    if (passesOver) entry.passesOver = true;
    entry.pending += this.#list.ofKind(Kind.folder, first, count).length;
    if (!isLast) return;
    entry.isListed = true;
    if (entry.pending === 0) this.#complete(folder, entry);
  }

  isListed(folder: number): boolean {
    return this.#folders.get(folder)?.isListed ?? false;
  }

  /** Whether all below the folder has been read, or tried. */
  isComplete(folder: number): boolean {
    const entry = this.#folders.get(folder);
    return entry !== undefined && entry.isListed && entry.pending === 0;
  }

  /** 32 bytes, or null where something below could not be read. Of a complete folder. */
  digest(folder: number): Uint8Array | null {
    return this.#folders.get(folder)!.digest;
  }

  /** Of a complete folder. */
  tally(folder: number): SubtreeTally {
    return this.#folders.get(folder)!.tally;
  }

  /** Entries below a complete folder. */
  entries(folder: number): number {
    const { files, folders, links, devices, specials } = this.tally(folder);
    return files + folders + links + devices + specials;
  }

  /** The folder's own entries in the list: [first, first + count), and whether these are all that it holds. Of a listed folder. */
  range(folder: number): { first: number; count: number; isWhole: boolean; isNamed: boolean; isAll: boolean } {
    const { first, count, isWhole, isNamed, passesOver } = this.#folders.get(folder)!;
    return { first, count, isWhole, isNamed, isAll: isWhole && !isNamed && !passesOver };
  }

  #folder(folder: number): Folder {
    let entry = this.#folders.get(folder);
    if (entry === undefined) this.#folders.set(folder, entry = new Folder());
    return entry;
  }

  #complete(folder: number, entry: Folder): void {
    const { first, count } = entry;
    const tally = { ...EMPTY_TALLY };
    let isWhole = entry.isWhole && !entry.isNamed;
    this.#hash.reset();
    for (let done = 0; done < count; done += BLOCK) {
      const some = Math.min(count - done, BLOCK);
      this.#list.copyColumns(first + done, some, this.#columns);
      if (!this.#takeBlock(first + done, some, tally)) isWhole = false;
      if (isWhole) this.#digestBlock(first + done, some);
    }
    entry.tally = tally;
    entry.digest = isWhole ? this.#hash.digest() : null;
    this.onComplete(folder);
    if (folder === 0) return;
    const parent = this.#list.parent(folder);
    const above = this.#folder(parent);
    above.pending--;
    if (above.isListed && above.pending === 0) this.#complete(parent, above);
  }

  /** Counts the entries in #columns and what lies below them, and leaves of the columns what counts; false if one of them has no digest. */
  #takeBlock(first: number, count: number, tally: SubtreeTally): boolean {
    const { perms, hardLinks, attributes } = this.#terms;
    const { mode, size } = this.#columns;
    let isAlike = true;
    for (let row = 0; row < count; row++) {
      const kind = mode[row] >>> 12;
      if (kind === Kind.file) {
        tally.files++;
        tally.bytes += size[row];
        if (!perms) mode[row] = kind << 12;
      } else if (!this.#takeOther(first + row, row, kind, tally)) isAlike = false;
    }
    if (this.#terms.wholeSeconds) this.#columns.mtimeNs.fill(0, 0, count);
    if (hardLinks || attributes) {
      for (let row = 0; row < count; row++) if (!this.#isComparable(first + row)) isAlike = false;
    }
    return isAlike;
  }

  /** The same of one that is no file. */
  #takeOther(i: number, row: number, kind: number, tally: SubtreeTally): boolean {
    const { perms, times, omitDirTimes, omitLinkTimes } = this.#terms;
    const { mode, size, mtimeSec, mtimeNs } = this.#columns;
    if (!perms || kind === Kind.link) mode[row] = kind << 12;
    if (!times || (kind === Kind.folder ? omitDirTimes : kind === Kind.link && omitLinkTimes)) {
      mtimeSec[row] = 0;
      mtimeNs[row] = 0;
    }
    if (kind === Kind.link) {
      tally.links++;
      tally.bytes += size[row];
    } else if (kind === Kind.charDevice || kind === Kind.blockDevice) tally.devices++;
    else if (kind !== Kind.folder) tally.specials++;
    else {
      size[row] = 0;
      const below = this.#folders.get(i)!;
      tally.files += below.tally.files;
      tally.folders += below.tally.folders + 1;
      tally.links += below.tally.links;
      tally.devices += below.tally.devices;
      tally.specials += below.tally.specials;
      tally.bytes += below.tally.bytes;
      return below.digest !== null;
    }
    return true;
  }

  /** Whether what the entry says of names and attributes means the same to both sides. */
  #isComparable(i: number): boolean {
    const list = this.#list;
    if (this.#terms.hardLinks && list.firstName(i) >= 0) return false;
    if (!this.#terms.attributes) return true;
    const told = list.attributes(i);
    if (told < FIRST_SET) return told === Told.none;
    // Accounts in access lists are numbers of the machine that told them.
    const { access, defaults } = list.sets!.get(told - FIRST_SET);
    return this.#accounts === NUMBERS || ![...access ?? [], ...defaults ?? []].some(({ tag }) => isNamed(tag));
  }

  #digestBlock(first: number, count: number): void {
    const { nameLength, mode, uid, gid, size, mtimeSec, mtimeNs } = this.#columns;
    this.#u32(count);
    this.#column(nameLength, count);
    this.#used = this.#list.copyNames(first, count, this.#buffer, this.#used);
    this.#column(mode, count);
    if (this.#terms.owner) this.#accountsOf(uid, count, this.#users, this.#accounts.user);
    if (this.#terms.group) this.#accountsOf(gid, count, this.#groups, this.#accounts.group);
    this.#column(mtimeSec, count);
    this.#column(mtimeNs, count);
    this.#column(size, count);
    this.#flush();
    for (let row = 0; row < count; row++) {
      const kind = mode[row] >>> 12;
      if (kind === Kind.folder) this.#hash.update(this.#folders.get(first + row)!.digest!);
      else if (kind === Kind.link) this.#hash.update(this.#list.linkTarget(first + row));
    }
    if (!this.#terms.attributes) return;
    for (let row = 0; row < count; row++) this.#attributesOf(first + row);
    this.#flush();
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  /** The first rows as their bytes. */
  #column(column: Uint8Array | Uint16Array | Uint32Array | Float64Array, count: number): void {
    const bytes = count * column.BYTES_PER_ELEMENT;
    this.#buffer.set(new Uint8Array(column.buffer, 0, bytes), this.#used);
    this.#used += bytes;
  }

  /** Runs of one account: how many entries, and whose. */
  #accountsOf(
    column: Uint32Array,
    count: number,
    known: Map<number, Uint8Array>,
    nameOf: (id: number) => Uint8Array | null,
  ): void {
    for (let from = 0, row = 1; row <= count; row++) {
      if (row < count && column[row] === column[from]) continue;
      this.#u32(row - from);
      this.#account(column[from], known, nameOf);
      from = row;
    }
  }

  /** Nothing, or length and bytes of the set, which may be longer than the buffer. */
  #attributesOf(i: number): void {
    const told = this.#list.attributes(i);
    if (told < FIRST_SET) return this.#u32(0);
    const set = this.#list.sets!.encoded(told - FIRST_SET);
    this.#u32(set.length);
    this.#flush();
    this.#hash.update(set);
  }

  #u32(value: number): void {
    const buffer = this.#buffer;
    const at = this.#used;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
    this.#used = at + 4;
  }

  #put(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #account(id: number, known: Map<number, Uint8Array>, nameOf: (id: number) => Uint8Array | null): void {
    let token = known.get(id);
    if (token === undefined) known.set(id, token = accountToken(id, id === 0 ? null : nameOf(id)));
    this.#put(token);
  }
}

/** A number, or a name with its length: neither can be taken for the other. */
function accountToken(id: number, name: Uint8Array | null): Uint8Array {
  if (name === null) return Uint8Array.of(0, id, id >>> 8, id >>> 16, id >>> 24);
  const token = new Uint8Array(3 + name.length);
  token.set([1, name.length, name.length >>> 8]);
  token.set(name, 3);
  return token;
}
