// --fake-super: what only root can give an entry (owner, group, set-id bits, kinds of special, access lists, attributes of other
// namespaces) is noted in extended attributes of a plain file or folder, in rsync's own form, and read back from there. This is a door
// to the system between a half and its own one; made by lib/engine/sides.ts. Promises: a file it makes is the user's own and can be read and
// written by the user; a note that is not in rsync's form, or does not fit what it hangs on, is an error of that entry (EINVAL).
//
// user.rsync.%stat holds "MODE MAJOR,MINOR UID:GID", the mode in octal with the kind; without it the entry is what it seems to be.
// Devices, FIFOs and sockets are empty files, links are files that hold their target. user.rsync.%aacl and %dacl hold access lists
// (fake_acl.ts); an attribute trusted.x is user.rsync.trusted.x.

import { keptAs, NOTE_PREFIX } from "../base/attributes.ts";
import { fromLatin1, latin1, utf8 } from "../base/bytes.ts";
import { LINK_TARGET_BYTES } from "../base/limits.ts";
import { Errno, type Handle, Kind, type Listing, OpenMode, type Os, type Result, Stat } from "../os/os.ts";
import { OsThrough } from "../os/through.ts";
import { fromNote, toNote } from "./fake_acl.ts";

const STAT = utf8("user.rsync.%stat");
/** Kernel's names of access lists, and what stands for them. */
const LISTS: ReadonlyMap<string, string> = new Map([
  ["system.posix_acl_access", "user.rsync.%aacl"],
  ["system.posix_acl_default", "user.rsync.%dacl"],
]);
const NOTES: ReadonlyMap<string, string> = new Map([...LISTS].map(([list, note]) => [note, list]));

/** Longest note of a stat that is in order, bytes. */
const STAT_BYTES = 64;
/** The kernel's bound of a value. */
const VALUE_BYTES = 65_536;
const NAMES_BYTES = 65_536;
/** A file that stands for a link is its owner's business. */
const STAND_IN = 0o600;
const HIGHEST_ID = 0xffff_fffe;
const HIGHEST_DEVICE = 0xffff_ffff;

const KINDS: readonly number[] = [
  ...[Kind.fifo, Kind.charDevice, Kind.folder, Kind.blockDevice, Kind.file, Kind.link, Kind.socket],
];

/** What a note says. */
interface Noted {
  kind: number;
  mode: number;
  rdevMajor: number;
  rdevMinor: number;
  uid: number;
  gid: number;
}

/** Null if the bytes are not in rsync's form. */
export function parseStatNote(bytes: Uint8Array): Noted | null {
  const parts = /^([0-7]{1,7}) (\d{1,10}),(\d{1,10}) (\d{1,10}):(\d{1,10})$/.exec(latin1(bytes));
  if (parts === null) return null;
  const bits = parseInt(parts[1], 8);
  const [rdevMajor, rdevMinor, uid, gid] = parts.slice(2).map(Number);
  const kind = bits >>> 12;
  if (!KINDS.includes(kind) || uid > HIGHEST_ID || gid > HIGHEST_ID) return null;
  if (rdevMajor > HIGHEST_DEVICE || rdevMinor > HIGHEST_DEVICE) return null;
  return { kind, mode: bits & 0o7777, rdevMajor, rdevMinor, uid, gid };
}

export function formatStatNote({ kind, mode, rdevMajor, rdevMinor, uid, gid }: Noted): Uint8Array {
  return utf8(`${(kind << 12 | mode).toString(8)} ${rdevMajor},${rdevMinor} ${uid}:${gid}`);
}

export class FakeSuper extends OsThrough {
  readonly #note = new Uint8Array(STAT_BYTES + 1);
  readonly #value = new Uint8Array(VALUE_BYTES);
  readonly #names = new Uint8Array(NAMES_BYTES);
  readonly #real = new Stat();

  readonly #isSource: boolean;

  /**
   * `isSource`: attributes of other namespaces, noted or not, have their own names, else they are listed as they are kept; who sets them
   * says keptAs.
   */
  constructor(inner: Os, isSource: boolean) {
    super(inner);
    this.#isSource = isSource;
    Object.assign(this.abilities, { owners: true, specials: true });
  }

  // ---- looking

  override statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    const looked = this.inner.statAt(folder, bytes, at, length, out);
    if (looked < 0 || !holdsNotes(out.kind)) return looked;
    const name = bytes.subarray(at, at + length);
    if (this.inner.attributesAt(folder, name) === 0) return looked;
    const pin = this.inner.pin(folder, name);
    if (pin < 0) return pin;
    const result = this.statHandle(pin, out);
    this.inner.close(pin);
    return result;
  }

  override statHandle(handle: Handle, out: Stat): Result {
    const looked = this.inner.statHandle(handle, out);
    if (looked < 0 || !holdsNotes(out.kind)) return looked;
    const noted = this.#noted(handle, out.kind);
    if (typeof noted === "number") return noted;
    if (noted === null) return looked;
    Object.assign(out, noted);
    if (noted.kind !== Kind.file && noted.kind !== Kind.folder && noted.kind !== Kind.link) out.size = 0;
    return looked;
  }

  /** What is noted of the entry behind `handle`, which really is of `kind`; null: nothing; or a negated errno. */
  #noted(handle: Handle, kind: number): Noted | null | number {
    const length = this.inner.getAttribute(handle, STAT, this.#note);
    if (length === -Errno.ENODATA || length === -Errno.EOPNOTSUPP) return null;
    if (length < 0 && length !== -Errno.ERANGE) return length;
    const noted = length < 0 ? null : parseStatNote(this.#note.subarray(0, length));
    return noted !== null && (noted.kind === Kind.folder) === (kind === Kind.folder) ? noted : -Errno.EINVAL;
  }

  /** What seems to be a file may be noted to be something else. */
  override readFolder(folder: Handle, into: Listing): Result {
    const result = this.inner.readFolder(folder, into);
    for (let i = 0; i < into.count; i++) if (into.kind[i] === Kind.file) into.kind[i] = Kind.unknown;
    return result;
  }

  override readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    const length = this.inner.readLink(folder, name, into);
    if (length !== -Errno.EINVAL) return length;
    const handle = this.inner.openFile(folder, name, OpenMode.read, 0);
    if (handle < 0) return handle;
    const stat = this.#real;
    const looked = this.statHandle(handle, stat);
    const read = looked < 0 ? looked : stat.kind === Kind.link ? this.inner.readAt(handle, into, 0) : -Errno.EINVAL;
    this.inner.close(handle);
    if (read < 0) return read;
    const isTarget = read > 0 && read <= LINK_TARGET_BYTES && read === stat.size && !into.subarray(0, read).includes(0);
    return isTarget ? read : -Errno.EINVAL;
  }

  /** A link that is only noted leads nowhere. */
  override openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    const handle = this.inner.openThrough(folder, name, reads);
    if (handle < 0 || this.statHandle(handle, this.#real) < 0 || this.#real.kind !== Kind.link) return handle;
    this.inner.close(handle);
    return -Errno.ELOOP;
  }

  // ---- making

  override openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    if (how !== OpenMode.create) return this.inner.openFile(folder, name, how, mode);
    const real = realMode(Kind.file, mode);
    const handle = this.inner.openFile(folder, name, how, real);
    if (handle < 0 || real === mode) return handle;
    return this.#unless(this.setMode(handle, mode), handle, folder, name) ?? handle;
  }

  override makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    const real = realMode(Kind.folder, mode);
    const made = this.inner.makeFolder(folder, name, real);
    if (made < 0 || real === mode) return made;
    const pin = this.inner.pin(folder, name);
    const result = pin < 0 ? pin : this.setMode(pin, mode);
    if (pin >= 0) this.inner.close(pin);
    return result;
  }

  override makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    const noted = { kind: Kind.link, mode: 0o777, rdevMajor: 0, rdevMinor: 0 };
    return this.#makeStandIn(folder, name, STAND_IN, noted, target);
  }

  override makeSpecial(
    folder: Handle,
    name: Uint8Array,
    kind: Kind,
    mode: number,
    rdevMajor: number,
    rdevMinor: number,
  ): Result {
    const noted = { kind, mode, rdevMajor, rdevMinor };
    return this.#makeStandIn(folder, name, realMode(Kind.file, mode), noted, null);
  }

  #makeStandIn(
    folder: Handle,
    name: Uint8Array,
    mode: number,
    noted: Omit<Noted, "uid" | "gid">,
    content: Uint8Array | null,
  ): Result {
    const handle = this.inner.openFile(folder, name, OpenMode.create, mode);
    if (handle < 0) return handle;
    const real = this.#real;
    const result = this.inner.statHandle(handle, real) ||
      this.#keep(handle, { uid: real.uid, gid: real.gid, ...noted }, real) ||
      (content === null ? 0 : this.inner.writeAll(handle, content));
    const failed = this.#unless(result, handle, folder, name);
    return failed ?? this.inner.close(handle);
  }

  /** Null if all is well, else what was made goes again. */
  #unless(result: Result, handle: Handle, folder: Handle, name: Uint8Array): Result | null {
    if (result >= 0) return null;
    this.inner.close(handle);
    this.inner.unlink(folder, name);
    return result;
  }

  // ---- metadata

  override setMode(handle: Handle, mode: number): Result {
    const real = this.#real;
    const looked = this.inner.statHandle(handle, real);
    if (looked < 0) return looked;
    if (!holdsNotes(real.kind)) return this.inner.setMode(handle, mode);
    const wanted = realMode(real.kind, mode);
    if (wanted !== real.mode) {
      const result = this.inner.setMode(handle, wanted);
      if (result < 0) return result;
      real.mode = wanted;
    }
    return this.#keep(handle, { ...this.#current(handle, real), mode }, real);
  }

  override setOwner(handle: Handle, uid: number, gid: number): Result {
    const real = this.#real;
    const looked = this.inner.statHandle(handle, real);
    if (looked < 0) return looked;
    if (!holdsNotes(real.kind)) return this.inner.setOwner(handle, uid, gid);
    const now = this.#current(handle, real);
    return this.#keep(handle, { ...now, uid: uid < 0 ? now.uid : uid, gid: gid < 0 ? now.gid : gid }, real);
  }

  /** What counts as the entry's: what is noted, else what it seems to be; a note in disorder is about to be replaced. */
  #current(handle: Handle, real: Stat): Noted {
    const noted = this.#noted(handle, real.kind);
    if (typeof noted === "object" && noted !== null) return noted;
    const { kind, mode, uid, gid } = real;
    return { kind, mode, uid, gid, rdevMajor: 0, rdevMinor: 0 };
  }

  /** Notes what differs from what the entry is, and nothing else. */
  #keep(handle: Handle, noted: Noted, real: Stat): Result {
    const isReal = noted.kind === real.kind && noted.mode === real.mode && noted.uid === real.uid &&
      noted.gid === real.gid;
    if (!isReal) return this.inner.setAttribute(handle, STAT, formatStatNote(noted));
    const removed = this.inner.removeAttribute(handle, STAT);
    return removed === -Errno.ENODATA || removed === -Errno.EOPNOTSUPP ? 0 : removed;
  }

  // ---- extended attributes

  override listAttributes(handle: Handle, into: Uint8Array): Result {
    const length = this.inner.listAttributes(handle, this.#names);
    if (length <= 0) return length;
    const shown: string[] = [];
    for (const name of latin1(this.#names.subarray(0, length)).split("\0").slice(0, -1)) {
      const list = NOTES.get(name);
      if (list !== undefined) shown.push(list);
      else if (name.startsWith(`${NOTE_PREFIX}%`)) shown.push(...(name === latin1(STAT) ? [] : [name]));
      else if (name.startsWith("user.")) shown.push(this.#isSource ? ownName(name) : name);
      else if (this.#isSource && !name.startsWith("system.")) shown.push(name);
    }
    const bytes = fromLatin1([...new Set(shown)].map((name) => `${name}\0`).join(""));
    if (bytes.length > into.length) return -Errno.ERANGE;
    into.set(bytes);
    return bytes.length;
  }

  override getAttribute(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    const text = latin1(name);
    const note = LISTS.get(text);
    if (note === undefined) return this.#getKept(handle, name, into);
    const length = this.inner.getAttribute(handle, fromLatin1(note), this.#value);
    if (length < 0) return length;
    const stat = new Stat();
    const looked = this.statHandle(handle, stat);
    if (looked < 0) return looked;
    const list = fromNote(this.#value.subarray(0, length), note === LISTS.get(ACCESS) ? stat.mode : null);
    if (list === null) return -Errno.EINVAL;
    if (list.length > into.length) return -Errno.ERANGE;
    into.set(list);
    return list.length;
  }

  override setAttribute(handle: Handle, name: Uint8Array, value: Uint8Array): Result {
    const text = latin1(name);
    const note = LISTS.get(text);
    if (note === undefined) return this.inner.setAttribute(handle, name, value);
    const bytes = toNote(value, text === ACCESS);
    return bytes === null ? -Errno.EINVAL : this.inner.setAttribute(handle, fromLatin1(note), bytes);
  }

  override removeAttribute(handle: Handle, name: Uint8Array): Result {
    const note = LISTS.get(latin1(name));
    return this.inner.removeAttribute(handle, note === undefined ? name : fromLatin1(note));
  }

  /** What is noted counts before what the entry really has. */
  #getKept(handle: Handle, name: Uint8Array, into: Uint8Array): Result {
    if (!this.#isSource) return this.inner.getAttribute(handle, name, into);
    const noted = this.inner.getAttribute(handle, fromLatin1(keptAs(latin1(name))), into);
    return noted === -Errno.ENODATA ? this.inner.getAttribute(handle, name, into) : noted;
  }
}

const ACCESS = "system.posix_acl_access";

/** The name of what is kept so. */
function ownName(name: string): string {
  return name.startsWith(NOTE_PREFIX) ? name.slice(NOTE_PREFIX.length) : name;
}

/** The kernel keeps the attributes of users on files and folders only. */
function holdsNotes(kind: number): boolean {
  return kind === Kind.file || kind === Kind.folder;
}

/** Mode that the file or folder itself gets: no set-id or sticky bits, and its owner can always read and change it. */
function realMode(kind: number, mode: number): number {
  return (mode & 0o777) | (kind === Kind.folder ? 0o700 : 0o600);
}
