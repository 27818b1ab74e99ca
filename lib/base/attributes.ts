// Sets of extended attributes and access lists (-X, -A) as they travel and are compared: pure. Equal sets are common, so a run holds
// each once (AttributeSets, in the file list) and an entry has a number. Promises: a set that was decoded has names of the three
// namespaces that a peer may speak of, in order, and access lists that a kernel can take; numbers of sets and bytes are bounded.

import { latin1 } from "./bytes.ts";
import { ByteReader, ByteWriter } from "./codec.ts";
import { ACL_ENTRIES, ATTRIBUTE_BYTES, ATTRIBUTE_NAME_BYTES, SET_BYTES, SETS, SETS_BYTES } from "./limits.ts";

export interface Attribute {
  name: Uint8Array;
  value: Uint8Array;
}

/** One line of an access list; `id` of a named user or group, else 0. */
export interface AclEntry {
  tag: number;
  perms: number;
  id: number;
}

/** The kernel's tags. */
export const AclTag = { owner: 0x01, user: 0x02, owningGroup: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const;

export interface AttributeSet {
  /** By name, rising. */
  attributes: Attribute[];
  /** In the order of tags and ids; null: the mode says it all. */
  access: AclEntry[] | null;
  /** What a folder gives to what is made in it. */
  defaults: AclEntry[] | null;
}

/** What an entry of the list says of its attributes, other than FIRST_SET + the number of its set. */
export const Told = { unknown: 0, none: 1 } as const;
export const FIRST_SET = 2;

/** No access list at all. */
export const EMPTY_SET: AttributeSet = { attributes: [], access: null, defaults: null };

/** A piece of the arena holds at least one set. */
const PIECE_BYTES = 1 << 20;

/** The distinct sets of a run, in the order in which they were met: as bytes, about 16 more than they have. */
export class AttributeSets {
  readonly #pieces: Uint8Array[] = [];
  #used = PIECE_BYTES;
  #bytes = 0;
  /** By number: piece times PIECE_BYTES and place in it, length. */
  readonly #at: number[] = [];
  readonly #length: number[] = [];
  /** Of the sets of this machine. */
  readonly #numbers = new Map<string, number>();

  readonly #notes: boolean;

  /** `notes`: they may hold rsync's own (-XX, and any set of this machine). */
  constructor(notes = false) {
    this.#notes = notes;
  }

  get count(): number {
    return this.#at.length;
  }

  /** Its bytes are views. */
  get(number: number): AttributeSet {
    return decodeSet(new ByteReader(this.encoded(number)), this.#notes);
  }

  /** A view of it as it travels. */
  encoded(number: number): Uint8Array {
    const at = this.#at[number];
    const start = at % PIECE_BYTES;
    return this.#pieces[Math.floor(at / PIECE_BYTES)].subarray(start, start + this.#length[number]);
  }

  /** The number of a set of this machine, one with something in it; -1 if it is more than a run carries. */
  intern(set: AttributeSet): number {
    const writer = new ByteWriter(256);
    encodeSet(writer, set);
    return this.internEncoded(writer.view());
  }

  /** The same with the set as it travels. */
  internEncoded(bytes: Uint8Array): number {
    const key = latin1(bytes);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (!this.#hasRoom(bytes.length)) return -1;
    this.#numbers.set(key, this.#at.length);
    return this.#push(bytes);
  }

  /** Takes a set as it came from a peer: the next number is its own. */
  take(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    if (!this.#hasRoom(bytes.length)) reader.fail("ATTRIBUTES", "they are too many");
    decodeSet(reader, this.#notes);
    this.#push(bytes);
  }

  #hasRoom(bytes: number): boolean {
    return bytes <= SET_BYTES && this.#at.length < SETS && this.#bytes + bytes <= SETS_BYTES;
  }

  #push(bytes: Uint8Array): number {
    if (this.#used + bytes.length > PIECE_BYTES) {
      this.#pieces.push(new Uint8Array(PIECE_BYTES));
      this.#used = 0;
    }
    this.#pieces[this.#pieces.length - 1].set(bytes, this.#used);
    this.#at.push((this.#pieces.length - 1) * PIECE_BYTES + this.#used);
    this.#used += bytes.length;
    this.#bytes += bytes.length;
    return this.#length.push(bytes.length) - 1;
  }
}

export function encodeSet(writer: ByteWriter, { attributes, access, defaults }: AttributeSet): void {
  writer.varint(attributes.length);
  for (const { name, value } of attributes) {
    writer.blob(name);
    writer.blob(value);
  }
  writer.u8((access === null ? 0 : 1) | (defaults === null ? 0 : 2));
  for (const acl of [access, defaults]) if (acl !== null) encodeAcl(writer, acl);
}

function encodeAcl(writer: ByteWriter, acl: readonly AclEntry[]): void {
  writer.varint(acl.length);
  for (const { tag, perms, id } of acl) {
    writer.u8(tag);
    writer.u8(perms);
    if (isNamed(tag)) writer.varint(id);
  }
}

/** Names and values are views of the reader's bytes. */
export function decodeSet(reader: ByteReader, notes = false): AttributeSet {
  const attributes: Attribute[] = [];
  const count = reader.varint("attributes", SET_BYTES);
  let last = "";
  for (let i = 0; i < count; i++) {
    const name = reader.blob("attribute name", ATTRIBUTE_NAME_BYTES);
    const text = latin1(name);
    if (!isCarried(text, notes) || text <= last) {
      reader.fail("attribute name", "it is none that travels, or not in order");
    }
    last = text;
    attributes.push({ name, value: reader.blob("attribute value", ATTRIBUTE_BYTES) });
  }
  const flags = reader.u8("access lists");
  if (flags > 3) reader.fail("access lists", `flags ${flags} are not legal`);
  const access = (flags & 1) === 0 ? null : decodeAcl(reader);
  const defaults = (flags & 2) === 0 ? null : decodeAcl(reader);
  if (count === 0 && flags === 0) reader.fail("attributes", "the set is empty");
  reader.done("ATTRIBUTES");
  return { attributes, access, defaults };
}

function decodeAcl(reader: ByteReader): AclEntry[] {
  const count = reader.varint("access list", ACL_ENTRIES);
  const acl: AclEntry[] = [];
  for (let i = 0; i < count; i++) {
    const tag = reader.u8("access list tag");
    const perms = reader.u8("access list permissions");
    if (perms > 7) reader.fail("access list permissions", `${perms} is more than 7`);
    acl.push({ tag, perms, id: isNamed(tag) ? reader.varint("access list id", ID_LIMIT) : 0 });
  }
  if (!isAcl(acl)) reader.fail("access list", "no kernel would take it");
  return acl;
}

/** uid and gid are below 2^32 - 1. */
const ID_LIMIT = 2 ** 32 - 2;

export function isNamed(tag: number): boolean {
  return tag === AclTag.user || tag === AclTag.group;
}

/** Whether the list has an entry of each kind that must be there, once, in order, and a mask where one is needed. */
function isAcl(acl: readonly AclEntry[]): boolean {
  for (let i = 1; i < acl.length; i++) if (compareAclEntries(acl[i - 1], acl[i]) >= 0) return false;
  const tags = acl.map(({ tag }) => tag);
  if (tags.some((tag) => !Object.values<number>(AclTag).includes(tag))) return false;
  const needed = [AclTag.owner, AclTag.owningGroup, AclTag.other].every((tag) => tags.includes(tag));
  return needed && (!tags.some(isNamed) || tags.includes(AclTag.mask));
}

export function compareAclEntries(a: AclEntry, b: AclEntry): number {
  return a.tag - b.tag || a.id - b.id;
}

/** Attributes of programs and of root; rsync's own notes of an entry only where `notes` are asked for (-XX). */
export function isCarried(name: string, notes: boolean): boolean {
  if (name.includes("\0") || (!notes && name.startsWith("user.rsync.%"))) return false;
  return /^(user|trusted|security)\.[^]/.test(name);
}

/** What begins the names of what rsync keeps for itself, and of attributes that only root could set. */
export const NOTE_PREFIX = "user.rsync.";

/** The name under which --fake-super keeps an attribute that is no access list. */
export function keptAs(name: string): string {
  return name.startsWith("user.") ? name : NOTE_PREFIX + name;
}

/** What can be set without root. */
export function isUsers(name: string): boolean {
  return name.startsWith("user.");
}

// The kernel's form of an access list: u32 version 2, then u16 tag, u16 permissions, u32 id each, little-endian.

const ACL_VERSION = 2;
const NO_ID = 0xffff_ffff;

/** Null if it has another form. */
export function parseAcl(bytes: Uint8Array): AclEntry[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 4 || bytes.length % 8 !== 4 || view.getUint32(0, true) !== ACL_VERSION) return null;
  const acl: AclEntry[] = [];
  for (let at = 4; at < bytes.length; at += 8) {
    const tag = view.getUint16(at, true);
    acl.push({ tag, perms: view.getUint16(at + 2, true) & 7, id: isNamed(tag) ? view.getUint32(at + 4, true) : 0 });
  }
  acl.sort(compareAclEntries);
  return isAcl(acl) ? acl : null;
}

export function formatAcl(acl: readonly AclEntry[]): Uint8Array {
  const bytes = new Uint8Array(4 + acl.length * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ACL_VERSION, true);
  acl.forEach(({ tag, perms, id }, i) => {
    view.setUint16(4 + i * 8, tag, true);
    view.setUint16(6 + i * 8, perms, true);
    view.setUint32(8 + i * 8, isNamed(tag) ? id : NO_ID, true);
  });
  return bytes;
}

/** Whether two access lists of files say the same beside what their modes say: owner, mask and others. */
export function sameBesideMode(a: readonly AclEntry[] | null, b: readonly AclEntry[] | null): boolean {
  if (a === null || b === null) return a === b;
  const own = ({ tag }: AclEntry) => isNamed(tag) || tag === AclTag.owningGroup;
  return sameAcl(a.filter(own), b.filter(own));
}

export function sameAcl(a: readonly AclEntry[] | null, b: readonly AclEntry[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length &&
    a.every(({ tag, perms, id }, i) => tag === b[i].tag && perms === b[i].perms && id === b[i].id);
}
