// User and group names and their numbers, by the C library (so that LDAP and others count) or, without FFI, by /etc/passwd
// and /etc/group. Called where names travel with owners. Promises: names are bytes; each question is asked once per run.

import { openLibC } from "./symbols.ts";
import { NAME_MAX } from "./names.ts";

/** What is not there has null. */
export interface Accounts {
  uidOf(name: Uint8Array): number | null;
  gidOf(name: Uint8Array): number | null;
  nameOfUid(uid: number): Uint8Array | null;
  nameOfGid(gid: number): Uint8Array | null;
  /** The groups of this process, the effective one included: those a plain user may give files to. */
  ownGroups(): number[];
}

/** The accounts of this machine, remembered per question. */
export function openAccounts(): Accounts {
  let inner: Accounts;
  try {
    openLibC();
    inner = new LibCAccounts();
  } catch {
    inner = new FileAccounts(read("/etc/passwd"), read("/etc/group"));
  }
  return remembering(inner);
}

function remembering(inner: Accounts): Accounts {
  const byName = (ask: (name: Uint8Array) => number | null) => {
    const known = new Map<string, number | null>();
    return (name: Uint8Array) => {
      const key = String.fromCharCode(...name.subarray(0, NAME_MAX + 1));
      let id = known.get(key);
      if (id === undefined) known.set(key, id = isAccountName(name) ? ask(name) : null);
      return id;
    };
  };
  const byId = (ask: (id: number) => Uint8Array | null) => {
    const known = new Map<number, Uint8Array | null>();
    return (id: number) => {
      let name = known.get(id);
      if (name === undefined) known.set(id, name = isAccountId(id) ? ask(id) : null);
      return name;
    };
  };
  return {
    uidOf: byName((name) => inner.uidOf(name)),
    gidOf: byName((name) => inner.gidOf(name)),
    nameOfUid: byId((uid) => inner.nameOfUid(uid)),
    nameOfGid: byId((gid) => inner.nameOfGid(gid)),
    ownGroups: () => inner.ownGroups(),
  };
}

function isAccountName(name: Uint8Array): boolean {
  return name.length >= 1 && name.length <= NAME_MAX && !name.includes(0) && !name.includes(0x0a) &&
    !name.includes(0x3a);
}

function isAccountId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < 0xffff_ffff;
}

const ERANGE = 34;
/** A group's line holds all its members, so it can be long. */
const MAX_RECORD_BYTES = 16 << 20;

type Buffer = Uint8Array<ArrayBuffer>;
type Lookup = (record: Buffer, space: Buffer, spaceBytes: bigint, found: Buffer) => number;

class LibCAccounts implements Accounts {
  readonly #lib = openLibC().accounts;
  // struct passwd: name, password (pointers), uid, gid ...; struct group: name, password (pointers), gid ...
  readonly #record: Buffer = new Uint8Array(64);
  readonly #found: Buffer = new Uint8Array(8);
  #space: Buffer = new Uint8Array(16 * 1024);

  uidOf(name: Uint8Array): number | null {
    const text = terminated(name);
    return this.#ask((r, s, n, f) => this.#lib.getpwnam_r(text, r, s, n, f)) ? this.#id() : null;
  }

  gidOf(name: Uint8Array): number | null {
    const text = terminated(name);
    return this.#ask((r, s, n, f) => this.#lib.getgrnam_r(text, r, s, n, f)) ? this.#id() : null;
  }

  nameOfUid(uid: number): Uint8Array | null {
    return this.#ask((r, s, n, f) => this.#lib.getpwuid_r(uid, r, s, n, f)) ? this.#name() : null;
  }

  nameOfGid(gid: number): Uint8Array | null {
    return this.#ask((r, s, n, f) => this.#lib.getgrgid_r(gid, r, s, n, f)) ? this.#name() : null;
  }

  ownGroups(): number[] {
    const ids = new Uint32Array(65_536);
    const count = this.#lib.getgroups(ids.length, new Uint8Array(ids.buffer));
    return [...new Set([this.#lib.getegid(), ...ids.subarray(0, Math.max(count, 0))])];
  }

  /** True if the record is filled. */
  #ask(lookup: Lookup): boolean {
    for (;;) {
      this.#found.fill(0);
      const error = lookup(this.#record, this.#space, BigInt(this.#space.length), this.#found);
      if (error === ERANGE && this.#space.length < MAX_RECORD_BYTES) {
        this.#space = new Uint8Array(this.#space.length * 4);
        continue;
      }
      return error === 0 && this.#found.some((byte) => byte !== 0);
    }
  }

  #id(): number {
    return new DataView(this.#record.buffer).getUint32(16, true);
  }

  /** The name lies in `#space`; its pointer says where, and is held against the buffer's own bounds. */
  #name(): Uint8Array | null {
    const place = new DataView(this.#record.buffer).getBigUint64(0, true);
    const start = Number(place - Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#space)));
    if (!(start >= 0 && start < this.#space.length)) return null;
    const end = this.#space.indexOf(0, start);
    return end < 0 ? null : this.#space.slice(start, end);
  }
}

function terminated(name: Uint8Array): Buffer {
  const text = new Uint8Array(name.length + 1);
  text.set(name);
  return text;
}

/** Accounts from the text of /etc/passwd and /etc/group. */
export class FileAccounts implements Accounts {
  readonly #users: [Uint8Array, number][];
  readonly #groups: [Uint8Array, number][];

  constructor(passwd: Uint8Array, group: Uint8Array) {
    this.#users = parseAccounts(passwd);
    this.#groups = parseAccounts(group);
  }

  uidOf(name: Uint8Array): number | null {
    return idOf(this.#users, name);
  }

  gidOf(name: Uint8Array): number | null {
    return idOf(this.#groups, name);
  }

  nameOfUid(uid: number): Uint8Array | null {
    return this.#users.find(([, id]) => id === uid)?.[0] ?? null;
  }

  nameOfGid(gid: number): Uint8Array | null {
    return this.#groups.find(([, id]) => id === gid)?.[0] ?? null;
  }

  ownGroups(): number[] {
    const gid = Deno.gid();
    return gid === null ? [] : [gid];
  }
}

function idOf(accounts: [Uint8Array, number][], name: Uint8Array): number | null {
  const found = accounts.find(([known]) => known.length === name.length && known.every((byte, i) => byte === name[i]));
  return found?.[1] ?? null;
}

/** Lines of NAME:PASSWORD:ID:...; others are passed over. */
function parseAccounts(file: Uint8Array): [Uint8Array, number][] {
  const accounts: [Uint8Array, number][] = [];
  for (let start = 0; start < file.length;) {
    let end = file.indexOf(0x0a, start);
    if (end < 0) end = file.length;
    const line = file.subarray(start, end);
    start = end + 1;
    const nameEnd = line.indexOf(0x3a);
    const idStart = line.indexOf(0x3a, nameEnd + 1) + 1;
    if (nameEnd < 1 || idStart === 0) continue;
    const digits = /^\d{1,10}(?=:|$)/.exec(String.fromCharCode(...line.subarray(idStart, idStart + 11)));
    const id = digits === null ? -1 : Number(digits[0]);
    if (isAccountId(id)) accounts.push([line.slice(0, nameEnd), id]);
  }
  return accounts;
}

function read(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch {
    return new Uint8Array(0);
  }
}
