// ROOTS, ACCOUNT, LIST, SUBTREES, LIST_END: the file list on the wire, straight from and to a FileList, without an object per entry.
// Called by lib/session. Promises: what decodeEntries adds has a checked name, rises strictly within its folder, and has a
// legal kind, mode, size and time; which folder may be listed when is the session's rule.

import { AttributeSets, FIRST_SET } from "../base/attributes.ts";
import { EMPTY } from "../base/bytes.ts";
import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { deviceMajor, deviceMinor, deviceNumber, type FileList } from "../base/file_list.ts";
import {
  ACCOUNT_BYTES,
  DEPTH,
  ENTRIES,
  FILE_BYTES,
  LINK_TARGET_BYTES,
  LIST_ENTRIES,
  NAME_BYTES,
  PATH_BYTES,
  SET_BYTES,
  SOURCES,
  TIME_SECONDS,
} from "../base/limits.ts";
import { checkLinkTarget, checkName } from "../base/relative_path.ts";
import {
  ALL_KINDS,
  DIGEST_BYTES,
  EntryFlag,
  ID_LIMIT,
  Kind,
  MAJOR_LIMIT,
  MINOR_LIMIT,
  NANOSECONDS_LIMIT,
  RootsFlag,
  SUBTREES,
} from "./messages.ts";

/** An upper bound of one encoded entry, bytes. */
export const ENTRY_BYTES = 4400;

export interface WireRoots {
  hasRoot: boolean;
  single: boolean;
  nothing?: boolean;
  sources: number;
}

/** Entry 0 of `list` is the root's metadata when hasRoot. */
export function encodeRoots(writer: ByteWriter, roots: WireRoots, list: FileList, columns = NO_COLUMNS): void {
  writer.u8(
    (roots.hasRoot ? RootsFlag.hasRoot : 0) | (roots.single ? RootsFlag.single : 0) |
      (roots.nothing ? RootsFlag.nothing : 0),
  );
  writer.varint(roots.sources);
  if (!roots.hasRoot) return;
  writer.u16(list.kind(0) << 12 | list.mode(0));
  writer.varint(list.uid(0));
  writer.varint(list.gid(0));
  writer.signed(list.mtimeSec(0));
  writer.u32(list.mtimeNs(0));
  if (columns.folderSizes) writer.varint(list.size(0));
  if (!columns.attributes) return;
  const told = list.attributes(0);
  writer.u8(told);
  if (told === FIRST_SET) writer.blob(list.sets!.encoded(0));
}

/** Adds entry 0 to the empty `list`: the root, or a stand-in for it. */
export function decodeRoots(reader: ByteReader, list: FileList, columns = NO_COLUMNS): WireRoots {
  const flags = reader.u8("ROOTS flags");
  const hasRoot = (flags & RootsFlag.hasRoot) !== 0;
  const single = (flags & RootsFlag.single) !== 0;
  const nothing = (flags & RootsFlag.nothing) !== 0;
  const isOne = flags === 0 || flags === RootsFlag.hasRoot || flags === RootsFlag.single || flags === RootsFlag.nothing;
  if (!isOne) reader.fail("ROOTS flags", `${flags} is not legal`);
  const sources = reader.varint("ROOTS sources", SOURCES);
  if (sources === 0) reader.fail("ROOTS sources", "there is none");
  let [mode, uid, gid, seconds, nanoseconds, size] = [Kind.folder << 12 | 0o755, 0, 0, 0, 0, 0];
  if (hasRoot) {
    mode = reader.u16("ROOTS mode");
    if (mode >>> 12 !== Kind.folder) reader.fail("ROOTS mode", "it is not that of a folder");
    uid = reader.varint("ROOTS uid", ID_LIMIT);
    gid = reader.varint("ROOTS gid", ID_LIMIT);
    seconds = reader.signed("ROOTS time", TIME_SECONDS);
    nanoseconds = decodeNanoseconds(reader, "ROOTS time");
    if (columns.folderSizes) size = reader.varint("ROOTS size", FILE_BYTES);
  }
  if (columns.attributes) list.sets = new AttributeSets(columns.attributeNotes);
  let told = 0;
  if (columns.attributes && hasRoot) {
    told = reader.u8("ROOTS attributes");
    if (told > FIRST_SET) reader.fail("ROOTS attributes", `${told} is not legal`);
    if (told === FIRST_SET) list.sets!.take(reader.blob("ROOTS attributes", SET_BYTES));
  }
  reader.done("ROOTS");
  list.add(EMPTY, 0, 0, 0, mode, uid, gid, size, seconds, nanoseconds, 0, null);
  if (told !== 0) list.setAttributes(0, told);
  return { hasRoot, single, sources, ...(nothing ? { nothing } : {}) };
}

export function encodeAccount(writer: ByteWriter, kind: number, id: number, name: Uint8Array): void {
  writer.u8(kind);
  writer.varint(id);
  writer.blob(name);
}

/** The name is a view. */
export function decodeAccount(reader: ByteReader): { kind: number; id: number; name: Uint8Array } {
  const kind = reader.u8("ACCOUNT kind");
  if (kind > 1) reader.fail("ACCOUNT kind", `${kind} is not 0 or 1`);
  const id = reader.varint("ACCOUNT id", ID_LIMIT);
  const name = reader.blob("ACCOUNT name", ACCOUNT_BYTES);
  if (name.length === 0 || name.includes(0) || name.includes(0x3a)) reader.fail("ACCOUNT name", "it is not one");
  reader.done("ACCOUNT");
  return { kind, id, name };
}

/** Folders [from, to) of `folders`, which rise, and 16 bytes each of `digests`. */
export function encodeSubtrees(
  writer: ByteWriter,
  folders: Uint32Array,
  digests: Uint8Array,
  from: number,
  to: number,
): void {
  writer.varint(to - from);
  let before = 0;
  for (let i = from; i < to; i++) {
    writer.varint(folders[i] - before);
    writer.raw(digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES));
    before = folders[i];
  }
}

/** 1 to SUBTREES folders, each below `entries`, and their digests, copied. */
export function decodeSubtrees(reader: ByteReader, entries: number): { folders: Uint32Array; digests: Uint8Array } {
  const count = reader.varint("SUBTREES folders", SUBTREES);
  if (count === 0) reader.fail("SUBTREES folders", "there is none");
  const folders = new Uint32Array(count);
  const digests = new Uint8Array(count * DIGEST_BYTES);
  let index = 0;
  for (let i = 0; i < count; i++) {
    const step = reader.varint("SUBTREES index", ENTRIES);
    if (step === 0 && i > 0) reader.fail("SUBTREES index", "indexes do not rise");
    index += step;
    if (index >= entries) reader.fail("SUBTREES index", `${index} was not listed`);
    folders[i] = index;
    digests.set(reader.raw("SUBTREES digest", DIGEST_BYTES), i * DIGEST_BYTES);
  }
  reader.done("SUBTREES");
  return { folders, digests };
}

export function encodeListEnd(writer: ByteWriter, complete: boolean, entries: number, bytes: number): void {
  writer.flag(complete);
  writer.varint(entries);
  writer.varint(bytes);
}

export function decodeListEnd(reader: ByteReader): { complete: boolean; entries: number; bytes: number } {
  const complete = reader.flag("LIST_END flags");
  const entries = reader.varint("LIST_END entries", ENTRIES);
  const bytes = reader.varint("LIST_END bytes", Number.MAX_SAFE_INTEGER);
  reader.done("LIST_END");
  return { complete, entries, bytes };
}

/**
 * A LIST payload with entries [first, first + count) of `list` as children of `folder`; stops early, after at least one
 * entry, when the payload passes `softBytes`. Returns how many entries it holds. `flags` are those of a piece that holds all;
 * of one that stops early the flag `last` is taken off, of one that does not begin at `begin` the flag `first`. `holeBytes`: by so much
 * the files that were scanned since the LIST before take less room than their sizes say.
 */
export function encodeList(
  writer: ByteWriter,
  list: FileList,
  folder: number,
  first: number,
  count: number,
  flags: number,
  softBytes: number,
  columns: ListColumns = NO_COLUMNS,
  holeBytes = 0,
): number {
  const start = writer.used;
  writer.varint(folder);
  const flagsAt = writer.used;
  writer.u8(holeBytes > 0 ? flags | HOLES : flags);
  if (holeBytes > 0) writer.varint(holeBytes);
  const countAt = writer.used;
  const asked = Math.min(count, LIST_ENTRIES);
  writer.varint(asked);
  const entriesAt = writer.used;
  let done = 0;
  while (done < asked && writer.used - start < softBytes) {
    encodeEntry(writer, list, first + done, done === 0, columns);
    done++;
  }
  if (done < count) writer.bytes[flagsAt] &= ~LAST_PIECE;
  if (done < asked) putCount(writer, countAt, entriesAt, done);
  return done;
}

const LAST_PIECE = 2;
const HOLES = 32;

/** Writes another number where a larger one stood, and moves what follows if it is shorter. */
function putCount(writer: ByteWriter, countAt: number, entriesAt: number, count: number): void {
  const end = writer.used;
  writer.used = countAt;
  writer.varint(count);
  const shift = entriesAt - writer.used;
  if (shift > 0) writer.bytes.copyWithin(writer.used, entriesAt, end);
  writer.used = end - shift;
}

function encodeEntry(writer: ByteWriter, list: FileList, i: number, isFirst: boolean, columns: ListColumns): void {
  writer.reserve(ENTRY_BYTES);
  const kind = list.kind(i);
  const uid = list.uid(i);
  const gid = list.gid(i);
  const seconds = list.mtimeSec(i);
  const digest = kind === Kind.file ? list.digest(i) : null;
  const hasDigest = digest !== null && !isZero(digest);
  let flags = hasDigest ? EntryFlag.digest : 0;
  let prefix = 0;
  const piece = list.namePiece(i);
  const at = list.nameStart(i);
  const length = list.nameLength(i);
  if (!isFirst) {
    if (uid === list.uid(i - 1)) flags |= EntryFlag.sameUid;
    if (gid === list.gid(i - 1)) flags |= EntryFlag.sameGid;
    if (seconds === list.mtimeSec(i - 1)) flags |= EntryFlag.sameSeconds;
    const before = list.namePiece(i - 1);
    const beforeAt = list.nameStart(i - 1);
    const most = Math.min(length, list.nameLength(i - 1));
    while (prefix < most && piece[at + prefix] === before[beforeAt + prefix]) prefix++;
  }
  const b = writer.bytes;
  let used = writer.used;
  const mode = kind << 12 | list.mode(i);
  b[used++] = flags;
  b[used++] = mode & 255;
  b[used++] = mode >>> 8;
  b[used++] = prefix;
  b[used++] = length - prefix;
  for (let j = prefix; j < length; j++) b[used++] = piece[at + j];
  writer.used = used;
  if ((flags & EntryFlag.sameUid) === 0) writer.varint(uid);
  if ((flags & EntryFlag.sameGid) === 0) writer.varint(gid);
  if ((flags & EntryFlag.sameSeconds) === 0) writer.signed(seconds);
  writer.u32(list.mtimeNs(i));
  if (kind === Kind.file || (columns.folderSizes && kind === Kind.folder)) writer.varint(list.size(i));
  else if (kind === Kind.link) writer.blob(list.linkTarget(i));
  else if (kind === Kind.characterDevice || kind === Kind.blockDevice) {
    writer.varint(deviceMajor(list.size(i)));
    writer.varint(deviceMinor(list.size(i)));
  }
  if (hasDigest) writer.raw(digest);
  if (columns.links && kind !== Kind.folder) {
    const firstName = list.firstName(i);
    writer.varint(firstName < 0 ? 0 : i - firstName + 1);
  }
  if (columns.attributes) writer.varint(list.attributes(i));
  if (columns.atimes && kind !== Kind.folder) {
    writer.signed(list.atimeSec(i));
    writer.u32(list.atimeNs(i));
  }
}

/** A digest column is zero where none was set. */
function isZero(digest: Uint8Array): boolean {
  for (let i = 0; i < DIGEST_BYTES; i++) if (digest[i] !== 0) return false;
  return true;
}

export interface ListHead {
  folder: number;
  flags: number;
  holeBytes: number;
  count: number;
}

/** What the job's options add to each entry. */
export interface ListColumns {
  /** Which entries are names of one inode. */
  links: boolean;
  /** Which set of extended attributes it has. */
  attributes: boolean;
  /** With rsync's own (-XX). */
  attributeNotes?: boolean;
  /** How large a folder is. */
  folderSizes: boolean;
  /** When it was last read. */
  atimes?: boolean;
}
export const NO_COLUMNS: ListColumns = { links: false, attributes: false, folderSizes: false };

/** What the job allows in its list. */
export interface ListRules extends ListColumns {
  /** Bit k set: entries of kind k were asked for. */
  kinds: number;
  /** Files may have digests. */
  digests: boolean;
}

/** Sums of what decodeEntries added; the caller's to keep. */
export interface ListTally {
  files: number;
  folders: number;
  /** Files that are another name of one before. */
  otherNames: number;
  /** Bytes that the list's arena holds: names and link targets. */
  nameBytes: number;
}

/** The head of a LIST into `head`; the entries follow in the same reader. */
export function decodeListHead(reader: ByteReader, head: ListHead): void {
  head.folder = reader.varint("LIST folder", ENTRIES);
  head.flags = reader.u8("LIST flags");
  if (head.flags > 63) reader.fail("LIST flags", `${head.flags} is not legal`);
  head.holeBytes = (head.flags & HOLES) === 0 ? 0 : reader.varint("LIST holes", Number.MAX_SAFE_INTEGER);
  if (head.holeBytes === 0 && (head.flags & HOLES) !== 0) reader.fail("LIST holes", "there are none");
  head.count = reader.varint("LIST entries", LIST_ENTRIES);
  if (head.count === 0 && (head.flags & LAST_PIECE) === 0) {
    reader.fail("LIST entries", "a piece without entries is not the last");
  }
}

// The name of the entry before, then of this one: prefix and rest are joined here. One decoder runs at a time: it never waits.
const nameScratch = new Uint8Array(NAME_BYTES);

/**
 * Adds the entries of a LIST to `list`, as children of head.folder, which is a folder in it. Without the flag `first`, the
 * last entry of `list` is the one before. Demands that the payload ends with the last entry.
 */
export function decodeEntries(
  reader: ByteReader,
  list: FileList,
  head: ListHead,
  rules: ListRules,
  tally: ListTally,
): void {
  const { folder, count } = head;
  const name = nameScratch;
  const room = count === 0 ? 0 : roomForName(reader, list, folder);
  let before = -1;
  if ((head.flags & 1) === 0) {
    before = list.nameLength(list.count - 1);
    name.set(list.name(list.count - 1));
  }
  let [uid, gid, seconds] = [0, 0, 0];
  for (let n = 0; n < count; n++) {
    const flags = reader.u8("entry flags");
    const mode = reader.u16("entry mode");
    const kind = mode >>> 12;
    const prefix = reader.u8("entry name");
    const rest = reader.u8("entry name");
    if (flags > (n === 0 ? 8 : 15) || (n === 0 && (flags & 7) !== 0)) {
      reader.fail("entry flags", `${flags} is not legal here`);
    }
    if ((rules.kinds & ALL_KINDS & (1 << kind)) === 0) reader.fail("entry mode", `kind ${kind} was not asked for`);
    if (prefix > (n === 0 ? 0 : before)) reader.fail("entry name", "it shares more than the name before has");
    const length = prefix + rest;
    if (length > room) reader.fail("entry name", "the path is too long");
    if (rest > reader.left) reader.fail("entry name", "message ends early");
    joinName(reader, name, before, prefix, rest);
    before = length;
    if ((flags & EntryFlag.sameUid) === 0) uid = reader.varint("entry uid", ID_LIMIT);
    if ((flags & EntryFlag.sameGid) === 0) gid = reader.varint("entry gid", ID_LIMIT);
    if ((flags & EntryFlag.sameSeconds) === 0) seconds = reader.signed("entry time", TIME_SECONDS);
    const nanoseconds = decodeNanoseconds(reader, "entry time");
    let size = 0;
    let target: Uint8Array | null = null;
    if (kind === Kind.file) {
      size = reader.varint("entry size", FILE_BYTES);
      tally.files++;
    } else if (kind === Kind.folder) {
      if (rules.folderSizes) size = reader.varint("entry size", FILE_BYTES);
      tally.folders++;
    } else if (kind === Kind.link) {
      target = reader.blob("entry link target", LINK_TARGET_BYTES);
      checkLinkTarget(target);
      size = target.length;
      tally.nameBytes += size;
    } else if (kind === Kind.characterDevice || kind === Kind.blockDevice) {
      const major = reader.varint("entry device", MAJOR_LIMIT);
      size = deviceNumber(major, reader.varint("entry device", MINOR_LIMIT));
    }
    tally.nameBytes += length;
    const index = list.add(name, 0, length, folder, mode, uid, gid, size, seconds, nanoseconds, 0, target);
    if ((flags & EntryFlag.digest) !== 0) {
      if (kind !== Kind.file || !rules.digests) reader.fail("entry digest", "none was asked for");
      list.setDigest(index, reader.raw("entry digest", DIGEST_BYTES));
    }
    if (rules.links && kind !== Kind.folder) decodeLink(reader, list, index, tally);
    if (rules.attributes) decodeAttributes(reader, list, index);
    if (rules.atimes && kind !== Kind.folder) {
      const atime = reader.signed("entry access time", TIME_SECONDS);
      list.setAtime(index, atime, decodeNanoseconds(reader, "entry access time"));
    }
  }
  reader.done("LIST");
}

/** Of which entry before this one is another name; one that is the first of several is told as such. */
function decodeLink(reader: ByteReader, list: FileList, i: number, tally: ListTally): void {
  const steps = reader.varint("entry link", ENTRIES);
  if (steps === 0) return;
  const first = i - steps + 1;
  if (first !== i) {
    if (first < 1 || list.firstName(first) !== first) reader.fail("entry link", "it leads to no first name");
    if (list.kind(first) !== list.kind(i) || list.size(first) !== list.size(i)) {
      reader.fail("entry link", "it leads to another kind or size");
    }
    if (list.kind(i) === Kind.file) tally.otherNames++;
  }
  list.setFirstName(i, first);
}

/** What is told of the entry's extended attributes: nothing, that it has none, or a set that was told before. */
function decodeAttributes(reader: ByteReader, list: FileList, i: number): void {
  const told = reader.varint("entry attributes", FIRST_SET + (list.sets?.count ?? 0) - 1);
  if (told !== 0) list.setAttributes(i, told);
}

/** Puts the rest of a name behind the prefix it shares with the one before, which stands in `name`; checks name and order. */
function joinName(reader: ByteReader, name: Uint8Array, before: number, prefix: number, rest: number): void {
  const b = reader.bytes;
  const at = reader.at;
  let i = 0;
  // Up to the first byte that differs, both names are one.
  while (i < rest && prefix + i < before && b[at + i] === name[prefix + i]) i++;
  const rises = i < rest && (prefix + i >= before || b[at + i] > name[prefix + i]);
  if (!rises) reader.fail("entry name", "names do not rise");
  for (; i < rest; i++) name[prefix + i] = b[at + i];
  reader.at = at + rest;
  checkName(name, 0, prefix + rest);
}

/** Longest name that a child of `folder` may have, bytes. */
function roomForName(reader: ByteReader, list: FileList, folder: number): number {
  let path = 0;
  let depth = 1;
  for (let at = folder; at !== 0; at = list.parent(at)) {
    path += list.nameLength(at) + 1;
    depth++;
  }
  if (depth > DEPTH) reader.fail("entry name", "the path is too deep");
  return Math.min(NAME_BYTES, PATH_BYTES - path);
}

export function decodeNanoseconds(reader: ByteReader, what: string): number {
  const nanoseconds = reader.u32(what);
  if (nanoseconds > NANOSECONDS_LIMIT) reader.fail(what, `${nanoseconds} ns is a second or more`);
  return nanoseconds;
}
