// Extended attributes and access lists of entries on disk (-X, -A): read at the source with the scan, compared and set at the
// target. Loaded with these options only. Promises: everything goes to a held inode (R6); only the namespaces user., trusted. and
// security. are set (the latter two by root), and the two POSIX access lists; what is larger than tsync carries is told.

import {
  type AclEntry,
  AclTag,
  type Attribute,
  type AttributeSet,
  compareAclEntries,
  EMPTY_SET,
  FIRST_SET,
  formatAcl,
  isCarried,
  isUsers,
  keptAs,
  parseAcl,
  sameAcl,
  sameBesideMode,
  Told,
} from "../base/attributes.ts";
import { equalBytes, fromLatin1, latin1 } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import { Change } from "../base/monitor.ts";
import type { SyncOptions } from "../base/options.ts";
import { Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, type Os, type Stat } from "../os/os.ts";
import type { AttributeTask, Failure } from "./apply.ts";

const ACCESS = "system.posix_acl_access";
const DEFAULTS = "system.posix_acl_default";
/** The kernel's bounds of a list of names and of a value. */
const LIST_BYTES = 65_536;
const VALUE_BYTES = 65_536;
/** Sets that need not be decoded again: a few are common, the others are met once. */
const KNOWN_SETS = 64;

type Wanted = Pick<SyncOptions, "acls" | "xattrs" | "xattrNotes" | "fakeSuper">;

/** Whether an attribute of that name is this run's business on this side. */
export type Carries = (name: Uint8Array) => boolean;

/** What rules about attributes ("x") let through on `side`; where there are none, all to root, else what is the user's. */
export function carriesOn(side: "sender" | "receiver", filters: AttributeRules, isRoot: boolean): Carries {
  if (filters.hasXattrRules) return (name) => filters.xattrExcluded(name, side) !== true;
  return (name) => isRoot || isUsers(latin1(name));
}

/** What of the filters (lib/filter's FilterSet) is asked. */
export interface AttributeRules {
  readonly hasXattrRules: boolean;
  xattrExcluded(name: Uint8Array, side: "sender" | "receiver"): boolean | null;
}

/** What a target reads: as in rsync, notes that the source does not tell go like any other attribute. */
export function withNotes(wanted: Wanted): Wanted {
  return { ...wanted, xattrNotes: true };
}

/** Reads what an entry has of what the options carry. */
export class AttributeReader {
  readonly #os: Os;
  readonly #wanted: Wanted;
  readonly #carries: Carries;
  readonly #names = new Uint8Array(LIST_BYTES);
  readonly #value = new Uint8Array(VALUE_BYTES);

  constructor(os: Os, wanted: Wanted, carries: Carries) {
    this.#os = os;
    this.#wanted = wanted;
    this.#carries = carries;
  }

  /** The set, EMPTY_SET if there is nothing, or a negated errno. */
  read(handle: Handle): AttributeSet | number {
    const length = this.#os.listAttributes(handle, this.#names);
    if (length === 0 || length === -Errno.EOPNOTSUPP) return EMPTY_SET;
    if (length < 0) return length;
    const set: AttributeSet = { attributes: [], access: null, defaults: null };
    const names = latin1(this.#names.subarray(0, length)).split("\0").slice(0, -1).sort();
    for (const name of names) {
      const isList = name === ACCESS || name === DEFAULTS;
      const bytes = fromLatin1(name);
      const isWanted = isList
        ? this.#wanted.acls
        : this.#wanted.xattrs && isCarried(name, this.#wanted.xattrNotes) && this.#carries(bytes);
      if (!isWanted) continue;
      const read = this.#os.getAttribute(handle, bytes, this.#value);
      // Gone since it was listed.
      if (read === -Errno.ENODATA) continue;
      if (read < 0) return read;
      const value = this.#value.slice(0, read);
      if (name === ACCESS) set.access = parseAcl(value);
      else if (name === DEFAULTS) set.defaults = parseAcl(value);
      else set.attributes.push({ name: bytes, value });
    }
    return set.attributes.length === 0 && set.access === null && set.defaults === null ? EMPTY_SET : set;
  }
}

/** The numbers that accounts of the other machine have here. */
export interface AccountNumbers {
  userHere(id: number): number;
  groupHere(id: number): number;
}

/** Compares and sets what the list says of entries. */
export class AttributeWriter {
  readonly #os: Os;
  readonly #options: Wanted;
  readonly #isRoot: boolean;
  readonly #carries: Carries;
  readonly #list: FileList;
  readonly #accounts: AccountNumbers;
  readonly #reader: AttributeReader;
  /** By number: what of the sets met last can be had here. */
  readonly #wanted = new Map<number, AttributeSet>();

  constructor(
    os: Os,
    options: Wanted,
    isRoot: boolean,
    carries: Carries,
    list: FileList,
    accounts: AccountNumbers,
  ) {
    this.#os = os;
    this.#options = options;
    this.#isRoot = isRoot;
    this.#carries = carries;
    this.#list = list;
    this.#accounts = accounts;
    this.#reader = new AttributeReader(os, withNotes(options), carries);
  }

  /** Change bits (acl, xattr) by which the entry behind `handle` differs from what is `told` of it. */
  compare(handle: Handle, told: number): number {
    if (told === Told.unknown) return 0;
    const own = this.#reader.read(handle);
    return typeof own === "number" ? 0 : this.#compare(own, this.#of(told));
  }

  #compare(own: AttributeSet, wanted: AttributeSet): number {
    const { acls, xattrs } = this.#options;
    const sameLists = !acls || (sameBesideMode(own.access, wanted.access) && sameAcl(own.defaults, wanted.defaults));
    return (sameLists ? 0 : Change.acl) | (!xattrs || sameAttributes(own, wanted) ? 0 : Change.xattr);
  }

  /** What applyMetadata shall do for an entry of which `told` is told; null: nothing. */
  task(told: number): AttributeTask | null {
    return told === Told.unknown ? null : (handle, has) => this.#bring(handle, has, this.#of(told));
  }

  /** Of a set what can be had here: without root only what is the user's; access lists with this machine's numbers. */
  #of(told: number): AttributeSet {
    if (told === Told.none) return EMPTY_SET;
    const number = told - FIRST_SET;
    let wanted = this.#wanted.get(number);
    if (wanted === undefined) {
      const { attributes, access, defaults } = this.#list.sets!.get(number);
      wanted = {
        attributes: this.#carried(attributes),
        access: this.#here(access),
        defaults: this.#here(defaults),
      };
      if (this.#wanted.size >= KNOWN_SETS) this.#wanted.clear();
      this.#wanted.set(number, wanted);
    }
    return wanted;
  }

  #carried(attributes: readonly Attribute[]): Attribute[] {
    const carried = attributes.filter(({ name }) => this.#carries(name));
    return this.#options.fakeSuper ? keptHere(carried) : carried;
  }

  /** Two accounts of the other machine may be one here: the first counts. */
  #here(acl: AclEntry[] | null): AclEntry[] | null {
    if (acl === null) return null;
    const here = acl.map(({ tag, perms, id }) => {
      if (tag === AclTag.user) return { tag, perms, id: this.#accounts.userHere(id) };
      return { tag, perms, id: tag === AclTag.group ? this.#accounts.groupHere(id) : id };
    });
    here.sort(compareAclEntries);
    return here.filter((entry, i) => i === 0 || compareAclEntries(here[i - 1], entry) !== 0);
  }

  /** Brings the entry to `wanted`; true if something was changed, false if it had it, or what failed. */
  #bring(handle: Handle, has: Stat, wanted: AttributeSet): Failure | boolean {
    const own = this.#reader.read(handle);
    if (typeof own === "number") return { verb: Verb.readAttributes, errno: -own };
    const change = this.#compare(own, wanted);
    if (change === 0) return false;
    let result = this.#set(handle, own, wanted, change, has.kind);
    // Without root one's own entry that is closed to writing has to be opened for it; the mode is set again behind this.
    if (result === -Errno.EACCES && !this.#isRoot && this.#os.setMode(handle, Math.max(0, has.mode) | 0o600) === 0) {
      result = this.#set(handle, own, wanted, change, has.kind);
    }
    return result < 0 ? { verb: Verb.setAttributes, errno: -result } : true;
  }

  #set(handle: Handle, own: AttributeSet, wanted: AttributeSet, change: number, kind: number): number {
    const os = this.#os;
    if ((change & Change.xattr) !== 0) {
      const ours = new Map(own.attributes.map(({ name, value }) => [latin1(name), value]));
      for (const { name, value } of wanted.attributes) {
        const old = ours.get(latin1(name));
        ours.delete(latin1(name));
        if (old !== undefined && equalBytes(old, value)) continue;
        const result = os.setAttribute(handle, name, value);
        if (result < 0) return result;
      }
      for (const name of ours.keys()) {
        const result = os.removeAttribute(handle, fromLatin1(name));
        if (result < 0 && result !== -Errno.ENODATA) return result;
      }
    }
    if ((change & Change.acl) === 0) return 0;
    const result = sameBesideMode(own.access, wanted.access) ? 0 : this.#setAcl(handle, ACCESS, wanted.access);
    if (result < 0 || kind !== Kind.folder || sameAcl(own.defaults, wanted.defaults)) return result;
    return this.#setAcl(handle, DEFAULTS, wanted.defaults);
  }

  #setAcl(handle: Handle, name: string, acl: AclEntry[] | null): number {
    if (acl !== null) return this.#os.setAttribute(handle, fromLatin1(name), formatAcl(acl));
    const result = this.#os.removeAttribute(handle, fromLatin1(name));
    return result === -Errno.ENODATA ? 0 : result;
  }
}

/** --fake-super: the names under which they are kept. */
function keptHere(attributes: readonly Attribute[]): Attribute[] {
  const kept = new Map(attributes.map(({ name, value }) => [keptAs(latin1(name)), value]));
  return [...kept].sort(([a], [b]) => a < b ? -1 : 1).map(([name, value]) => ({ name: fromLatin1(name), value }));
}

function sameAttributes(a: AttributeSet, b: AttributeSet): boolean {
  return a.attributes.length === b.attributes.length &&
    a.attributes.every(({ name, value }, i) =>
      equalBytes(name, b.attributes[i].name) && equalBytes(value, b.attributes[i].value)
    );
}
