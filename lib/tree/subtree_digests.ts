// Digests of subtrees: one SHA-256 for each folder, over what the options compare of all it holds, so that two equal subtrees are
// known to be equal without listing them. Called with the pieces of a scan as they come, by the source half for its tree, before it
// hears from the target, and by the target half for its own. What a session tells is sealed with its seed. Promises: a folder that was not read whole, or holds one, has no digest
// (law 5); what two sides compare equal by the quick check and metadata may have different digests, never the other way round.
//
// Each entry in canonical order: length and bytes of its name, kind, and by kind and terms: mode, owner, group, time; then a
// file's size, a link's target, a device's number, a folder's digest; then what it has of extended attributes.

import { FIRST_SET, isNamed, Told } from "../base/attributes.ts";
import type { FileList } from "../base/file_list.ts";
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

/** The longest record of an entry: a name and two account names of 256 bytes at most, a link target of 4,095, numbers. */
const RECORD_BYTES = 6 << 10;
const BUFFER_BYTES = 64 << 10;
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
  digest: Uint8Array | null = null;
  tally: SubtreeTally = EMPTY_TALLY;
}

export class SubtreeDigests {
  #list: FileList;
  readonly #hash = new Sha256();
  readonly #terms: TreeTerms;
  readonly #accounts: AccountNames;
  readonly #folders = new Map<number, Folder>();
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
  add({ folder, first, count, isFirst, isLast, incomplete, isNamed }: Piece): void {
    const entry = this.#folder(folder);
    if (isFirst) entry.first = first;
    entry.count += count;
    if (incomplete) entry.isWhole = false;
    if (isNamed) entry.isNamed = true;
    for (let i = first; i < first + count; i++) if (this.#list.kind(i) === Kind.folder) entry.pending++;
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

  /** The folder's own entries in the list: [first, first + count). Of a listed folder. */
  range(folder: number): { first: number; count: number; isWhole: boolean; isNamed: boolean } {
    const { first, count, isWhole, isNamed } = this.#folders.get(folder)!;
    return { first, count, isWhole, isNamed };
  }

  #folder(folder: number): Folder {
    let entry = this.#folders.get(folder);
    if (entry === undefined) this.#folders.set(folder, entry = new Folder());
    return entry;
  }

  #complete(folder: number, entry: Folder): void {
    const tally = { ...EMPTY_TALLY };
    let isWhole = entry.isWhole && !entry.isNamed;
    for (let i = entry.first; i < entry.first + entry.count; i++) if (!this.#count(i, tally)) isWhole = false;
    entry.tally = tally;
    entry.digest = isWhole ? this.#digest(entry) : null;
    this.onComplete(folder);
    if (folder === 0) return;
    const parent = this.#list.parent(folder);
    const above = this.#folder(parent);
    above.pending--;
    if (above.isListed && above.pending === 0) this.#complete(parent, above);
  }

  /** Counts entry i and what lies below it; false if that has no digest. */
  #count(i: number, tally: SubtreeTally): boolean {
    const kind = this.#list.kind(i);
    const isAlike = this.#isComparable(i);
    if (kind === Kind.file || kind === Kind.link) tally.bytes += this.#list.size(i);
    if (kind === Kind.file) tally.files++;
    else if (kind === Kind.link) tally.links++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) tally.devices++;
    else if (kind !== Kind.folder) tally.specials++;
    else {
      const below = this.#folders.get(i)!;
      tally.files += below.tally.files;
      tally.folders += below.tally.folders + 1;
      tally.links += below.tally.links;
      tally.devices += below.tally.devices;
      tally.specials += below.tally.specials;
      tally.bytes += below.tally.bytes;
      return isAlike && below.digest !== null;
    }
    return isAlike;
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

  #digest({ first, count }: Folder): Uint8Array {
    this.#hash.reset();
    this.#used = 0;
    for (let i = first; i < first + count; i++) {
      if (this.#used > BUFFER_BYTES - RECORD_BYTES) this.#flush();
      this.#record(i);
    }
    this.#flush();
    return this.#hash.digest();
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #record(i: number): void {
    const list = this.#list;
    const { perms, times, omitDirTimes, omitLinkTimes, owner, group, wholeSeconds } = this.#terms;
    const kind = list.kind(i);
    const omits = kind === Kind.folder ? omitDirTimes : kind === Kind.link && omitLinkTimes;
    this.#bytes(list.namePiece(i), list.nameStart(i), list.nameLength(i));
    this.#u32(perms && kind !== Kind.link ? kind << 12 | list.mode(i) : kind << 12);
    if (owner) this.#account(list.uid(i), this.#users, this.#accounts.user);
    if (group) this.#account(list.gid(i), this.#groups, this.#accounts.group);
    // The quick check looks at the time of a file even where times are not kept.
    if (times && !omits || kind === Kind.file) {
      this.#number(list.mtimeSec(i));
      this.#u32(wholeSeconds ? 0 : list.mtimeNs(i));
    }
    if (kind === Kind.folder) this.#put(this.#folders.get(i)!.digest!);
    else if (kind === Kind.link) {
      const target = list.linkTarget(i);
      this.#u32(target.length);
      this.#put(target);
    } else this.#number(list.size(i));
    if (this.#terms.attributes) this.#attributesOf(i);
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

  /** A number up to 2^53 of either sign: low 32 bits, high part. */
  #number(value: number): void {
    this.#u32(value >>> 0);
    this.#u32(Math.floor(value / 4294967296) >>> 0);
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

  /** At most 255 bytes with their length. */
  #bytes(from: Uint8Array, start: number, length: number): void {
    const buffer = this.#buffer;
    let at = this.#used;
    buffer[at++] = length;
    for (let k = 0; k < length; k++) buffer[at + k] = from[start + k];
    this.#used = at + length;
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
