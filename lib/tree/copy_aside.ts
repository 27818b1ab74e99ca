// A copy of one entry that is no folder, with its metadata, under a name of the caller's: where a rename or a second link is not possible
// because another file system begins there. Called for backups. Promises: what it leaves is whole or gone.

import { Errno, type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { applyMetadata } from "./apply.ts";
import { PRIVATE } from "./fresh_files.ts";
import { nextExtent } from "./sparse.ts";

/** Longest list of names, and longest value, that Linux has. */
const ATTRIBUTE_BYTES = 64 << 10;
const STEP_BYTES = 256 << 10;

/** Makes the copy of `name`, whose stat is `stat`; 0 or a negated errno (EEXIST: `to` is taken). */
export function copyAside(os: Os, from: Handle, name: Uint8Array, stat: Stat, into: Handle, to: Uint8Array): number {
  const made = stat.kind === Kind.file
    ? copyFile(os, from, name, stat, into, to)
    : makeOther(os, from, name, stat, into, to);
  if (made < 0) return made;
  const pin = os.pin(into, to);
  const has = new Stat();
  const looked = pin < 0 ? pin : os.statHandle(pin, has);
  if (looked === 0 && os.abilities.attributes) copyAttributes(os, from, name, pin);
  const failure = looked < 0 ? { errno: -looked } : applyMetadata(os, pin, has, { ...stat, setsTime: true });
  if (pin >= 0) os.close(pin);
  if (failure === null) return 0;
  os.unlink(into, to);
  return -failure.errno;
}

/** Extended attributes, as far as they can be had and set: access lists and capabilities are among them. */
function copyAttributes(os: Os, from: Handle, name: Uint8Array, to: Handle): void {
  if (os.attributesAt(from, name) === 0) return;
  const source = os.pin(from, name);
  if (source < 0) return;
  const names = new Uint8Array(ATTRIBUTE_BYTES);
  const value = new Uint8Array(ATTRIBUTE_BYTES);
  const used = os.listAttributes(source, names);
  for (let at = 0; at < used;) {
    const end = names.indexOf(0, at);
    const attribute = names.slice(at, end);
    const length = os.getAttribute(source, attribute, value);
    if (length >= 0) os.setAttribute(to, attribute, value.subarray(0, length));
    at = end + 1;
  }
  os.close(source);
}

function makeOther(os: Os, from: Handle, name: Uint8Array, stat: Stat, into: Handle, to: Uint8Array): number {
  if (stat.kind !== Kind.link) return os.makeSpecial(into, to, stat.kind, PRIVATE, stat.rdevMajor, stat.rdevMinor);
  const target = new Uint8Array(4096);
  const length = os.readLink(from, name, target);
  return length < 0 ? length : os.makeLink(into, to, target.subarray(0, length));
}

function copyFile(
  os: Os,
  from: Handle,
  name: Uint8Array,
  { size, allocated }: Stat,
  into: Handle,
  to: Uint8Array,
): number {
  const source = os.openFile(from, name, OpenMode.read, 0);
  if (source < 0) return source;
  const target = os.openFile(into, to, OpenMode.create, PRIVATE);
  if (target < 0) {
    os.close(source);
    return target;
  }
  const copied = os.cloneFile(source, target) === 0 ? 0 : copyContent(os, source, target, size, allocated >= size);
  os.close(source);
  const closed = os.close(target);
  const result = copied < 0 ? copied : closed;
  if (result < 0) os.unlink(into, to);
  return result;
}

/** Content by its extents, so that holes stay holes. */
function copyContent(os: Os, source: Handle, target: Handle, size: number, isDense: boolean): number {
  const step = new Uint8Array(STEP_BYTES);
  for (let at = 0; at < size;) {
    const extent = nextExtent(os, source, at, size, isDense);
    if (extent === null) break;
    if (typeof extent === "number") return extent;
    for (at = extent.start; at < extent.end;) {
      const count = os.readAt(source, extent.end - at < STEP_BYTES ? step.subarray(0, extent.end - at) : step, at);
      if (count < 0) return count;
      if (count === 0) return -Errno.EIO;
      const written = os.writeAllAt(target, step.subarray(0, count), at);
      if (written < 0) return written;
      at += count;
    }
  }
  return os.truncate(target, size);
}
