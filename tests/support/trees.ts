// Trees for tests, as data: planted on a disk through lib/os or in the tree in memory, read back from either. What was
// really planted on a disk is judged by manifest.ts, which shares nothing with tsync.
//
// Paths and link targets are latin1 text: one character per byte, so that any name can be written down.

import assert from "node:assert/strict";
import { fromLatin1, joinPath, latin1, utf8 } from "../../lib/base/bytes.ts";
import { openLinux } from "../../lib/os/linux.ts";
import { Errno, type Handle, Kind, Listing, OpenMode, type Os, Stat } from "../../lib/os/os.ts";

export interface Entry {
  /** Below the root; "" is the root itself. */
  path: string;
  kind: number;
  mode?: number;
  uid?: number;
  gid?: number;
  sec?: number;
  ns?: number;
  /** Of a file: its data; what lies between is a hole. */
  data?: { at: number; bytes: Uint8Array }[];
  /** Of a file, bytes; default: the end of its data. */
  size?: number;
  /** Of a link. */
  target?: string;
  /** Path of an entry of which this is another name; all else is that one's. */
  sameAs?: string;
  /** Extended attributes by name, the values latin1; the access lists as the kernel writes them among them. */
  attributes?: Record<string, string>;
  /** Of a device: major and minor. */
  device?: [number, number];
}

/** One character per byte of the text's UTF-8, as paths here are written. */
export function name(text: string): string {
  return latin1(utf8(text));
}

type More = Omit<Entry, "path" | "kind">;

export function folder(path: string, more: More = {}): Entry {
  return { path, kind: Kind.folder, ...more };
}

export function file(path: string, content: string | Uint8Array = "", more: More = {}): Entry {
  const bytes = typeof content === "string" ? utf8(content) : content;
  return { path, kind: Kind.file, data: bytes.length > 0 ? [{ at: 0, bytes }] : [], ...more };
}

export function link(path: string, target: string, more: More = {}): Entry {
  return { path, kind: Kind.link, target, ...more };
}

/** Another name of the entry at `other`. */
export function sameAs(path: string, other: string, kind: number = Kind.file): Entry {
  return { path, kind, sameAs: other };
}

export function special(path: string, kind: number, more: More = {}): Entry {
  return { path, kind, ...more };
}

let shared: Os | undefined;
/** The door to the real system, for planting. */
export function disk(): Os {
  return shared ??= openLinux();
}

/**
 * Makes the entries below the folder `root`, which exists. Parents may be left out: they are made as they are needed;
 * folders that exist are used. The process's umask is left alone (022, scripts/test.sh): other threads of it run other tests.
 */
export function plant(root: string | Uint8Array, entries: readonly Entry[], os: Os = disk()): void {
  const handle = good(os.openRoot(typeof root === "string" ? utf8(root) : root), "open the root");
  const parentHandle = new ParentHandle(os, handle);
  const made = new Set<string>([""]);
  try {
    for (const entry of [...entries].sort((a, b) => depth(a.path) - depth(b.path))) {
      for (const parent of parents(entry.path)) {
        if (!made.has(parent)) make(os, parentHandle, folder(parent), made);
      }
      if (entry.sameAs === undefined) make(os, parentHandle, entry, made);
    }
    for (const { path, sameAs } of entries) {
      if (sameAs === undefined) continue;
      const [[toFolder, to], [fromFolder, from]] = [split(path), split(sameAs)];
      const held = good(os.openBeneath(handle, fromLatin1(fromFolder)), `open ${fromFolder}`);
      for (const parent of parents(path)) if (!made.has(parent)) make(os, parentHandle, folder(parent), made);
      good(os.hardLink(held, fromLatin1(from), parentHandle.of(toFolder), fromLatin1(to)), `link ${path}`);
      os.close(held);
    }
    // Deepest first: what is made in a folder renews its time, and a closed folder takes nothing more.
    for (const entry of [...entries].sort((a, b) => depth(b.path) - depth(a.path))) finish(os, parentHandle, entry);
  } finally {
    parentHandle.close();
    os.close(handle);
  }
}

/** The folder last worked in, kept open. */
class ParentHandle {
  #path = "";
  #handle: Handle = -1;

  constructor(readonly os: Os, readonly root: Handle) {}

  of(path: string): Handle {
    if (this.#handle >= 0 && this.#path === path) return this.#handle;
    this.close();
    this.#path = path;
    return this.#handle = good(this.os.openBeneath(this.root, fromLatin1(path)), `open ${path}`);
  }

  close(): void {
    if (this.#handle >= 0) this.os.close(this.#handle);
    this.#handle = -1;
  }
}

function depth(path: string): number {
  return path === "" ? 0 : path.split("/").length;
}

function parents(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

/** [path of the folder, name in it]. */
export function split(path: string): [string, string] {
  const cut = path.lastIndexOf("/");
  return cut < 0 ? ["", path] : [path.slice(0, cut), path.slice(cut + 1)];
}

function make(os: Os, parents: ParentHandle, entry: Entry, made: Set<string>): void {
  if (made.has(entry.path)) return;
  made.add(entry.path);
  const [parent, last] = split(entry.path);
  const at = parents.of(parent);
  const bytes = fromLatin1(last);
  if (entry.kind === Kind.folder) {
    const result = os.makeFolder(at, bytes, 0o755);
    if (result !== -Errno.EEXIST) good(result, `make ${entry.path}`);
  }
  if (entry.kind === Kind.link) good(os.makeLink(at, bytes, fromLatin1(entry.target!)), `link ${entry.path}`);
  else if (entry.kind === Kind.file) {
    const handle = good(os.openFile(at, bytes, OpenMode.create, 0o644), `create ${entry.path}`);
    for (const { at: offset, bytes } of entry.data ?? []) good(os.writeAllAt(handle, bytes, offset), "write");
    if (entry.size !== undefined) good(os.truncate(handle, entry.size), "truncate");
    good(os.close(handle), "close");
  } else if (entry.kind !== Kind.folder && entry.kind !== Kind.link) {
    const [major, minor] = entry.device ?? [0, 0];
    good(os.makeSpecial(at, bytes, entry.kind, 0o644, major, minor), `mknod ${entry.path}`);
  }
}

/** Owner, mode and time. */
function finish(os: Os, parents: ParentHandle, entry: Entry): void {
  const { path, kind, mode, uid, gid, sec, ns, attributes } = entry;
  if (mode === undefined && uid === undefined && gid === undefined && sec === undefined && !attributes) return;
  const [parent, last] = split(path);
  const at = parents.of(parent);
  const handle = path === "" ? at : good(os.pin(at, fromLatin1(last)), `pin ${path}`);
  if (uid !== undefined || gid !== undefined) good(os.setOwner(handle, uid ?? -1, gid ?? -1), `chown ${path}`);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    good(os.setAttribute(handle, fromLatin1(name), fromLatin1(value)), `set ${name} of ${path}`);
  }
  if (mode !== undefined && kind !== Kind.link) good(os.setMode(handle, mode), `chmod ${path}`);
  if (sec !== undefined) good(os.setTimes(handle, sec, ns ?? 0), `utimes ${path}`);
  if (handle !== at) os.close(handle);
}

export function good(result: number, what: string): number {
  assert.ok(result >= 0, `${what}: errno ${-result}`);
  return result;
}

/** Everything below the folder `root`, the root included, by path. Holes are told by `seekData` where it tells them. */
export function harvest(os: Os, root: Uint8Array): Map<string, Entry> {
  const found = new Map<string, Entry>();
  const handle = good(os.openRoot(root), "open the root");
  const stat = new Stat();
  good(os.statHandle(handle, stat), "stat the root");
  found.set("", entryOf("", stat));
  harvestFolder(os, handle, new Uint8Array(0), found);
  os.close(handle);
  return found;
}

function harvestFolder(os: Os, handle: Handle, path: Uint8Array, found: Map<string, Entry>): void {
  const listing = new Listing();
  good(os.readFolder(handle, listing), "read a folder");
  const names = Array.from({ length: listing.count }, (_, i) => listing.name(i).slice());
  for (const bytes of names) {
    const child = joinPath(path, bytes);
    const stat = new Stat();
    good(os.statAt(handle, bytes, 0, bytes.length, stat), "stat");
    const entry = entryOf(latin1(child), stat);
    found.set(entry.path, entry);
    if (stat.kind === Kind.folder) {
      const inner = good(os.openFolder(handle, bytes), "open a folder");
      harvestFolder(os, inner, child, found);
      os.close(inner);
    } else if (stat.kind === Kind.link) {
      const target = new Uint8Array(4096);
      entry.target = latin1(target.subarray(0, good(os.readLink(handle, bytes, target), "read a link")));
    } else if (stat.kind === Kind.file) entry.data = extents(os, handle, bytes, stat.size);
  }
}

function entryOf(path: string, stat: Stat): Entry {
  const { kind, mode, uid, gid, mtimeSec: sec, mtimeNs: ns } = stat;
  const entry: Entry = { path, kind, mode, uid, gid, sec, ns };
  if (kind === Kind.file) entry.size = stat.size;
  if (kind === Kind.charDevice || kind === Kind.blockDevice) entry.device = [stat.rdevMajor, stat.rdevMinor];
  return entry;
}

function extents(os: Os, folder: Handle, bytes: Uint8Array, size: number): { at: number; bytes: Uint8Array }[] {
  const handle = good(os.openFile(folder, bytes, OpenMode.read, 0), "open a file");
  const data: { at: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < size;) {
    const start = os.seekData(handle, at);
    if (start === -6) break;
    const from = start < 0 ? at : start;
    const end = start < 0 ? size : Math.min(size, good(os.seekHole(handle, from), "seek a hole"));
    const content = new Uint8Array(end - from);
    for (let done = 0; done < content.length;) {
      const count = good(os.readAt(handle, content.subarray(done), from + done), "read");
      if (count === 0) break;
      done += count;
    }
    data.push({ at: from, bytes: content });
    at = end;
  }
  os.close(handle);
  return data;
}

/** The whole content of a small file. */
export function content(entry: Entry): Uint8Array {
  const end = Math.max(0, ...(entry.data ?? []).map(({ at, bytes }) => at + bytes.length));
  const all = new Uint8Array(entry.size ?? end);
  for (const { at, bytes } of entry.data ?? []) all.set(bytes.subarray(0, all.length - at), at);
  return all;
}

/** An access list as the kernel writes it: [tag, permissions, id] each. */
export function acl(...entries: [number, number, number?][]): string {
  const bytes = entries.flatMap(([tag, perms, id]) => {
    const last = id === undefined ? [255, 255, 255, 255] : [id & 255, id >> 8 & 255, id >> 16 & 255, id >>> 24];
    return [tag, 0, perms, 0, ...last];
  });
  return String.fromCharCode(2, 0, 0, 0, ...bytes);
}
