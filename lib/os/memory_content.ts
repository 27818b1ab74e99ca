// Content of files of the tree in memory: reading, writing, holes, copies. Called by MemoryOs. Promises: what Linux says of each, errors included;
// space is taken by pages.

import { Errno, type Handle, Kind, type Result } from "./os.ts";
import type { Node } from "./memory_node.ts";
import { EBADF, EINVAL, type MemoryTree } from "./memory_tree.ts";

const ENXIO = -Errno.ENXIO;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

export function read(tree: MemoryTree, handle: Handle, into: Uint8Array): Result {
  const open = tree.readable(handle);
  if (typeof open === "number") return open;
  const count = open.node.readAt(tree.short(into), open.position);
  open.position += count;
  return count;
}

export function readAt(tree: MemoryTree, handle: Handle, into: Uint8Array, offset: number): Result {
  if (!isOffset(offset)) return EINVAL;
  const open = tree.readable(handle);
  return typeof open === "number" ? open : open.node.readAt(tree.short(into), offset);
}

export function writeAll(tree: MemoryTree, handle: Handle, bytes: Uint8Array, limit: number): Result {
  if (bytes.length === 0) return 0;
  const open = tree.writable(handle);
  if (typeof open === "number") return open;
  const count = tree.write(open.node, bytes.subarray(0, limit), open.position);
  open.position += count;
  return count < Math.min(limit, bytes.length) ? -Errno.ENOSPC : 0;
}

export function writeAllAt(tree: MemoryTree, handle: Handle, bytes: Uint8Array, offset: number, limit: number): Result {
  if (!isOffset(offset) || offset + bytes.length > OFFSET_MAX) return EINVAL;
  if (bytes.length === 0) return 0;
  const open = tree.writable(handle);
  if (typeof open === "number") return open;
  const count = tree.write(open.node, bytes.subarray(0, limit), offset);
  return count < Math.min(limit, bytes.length) ? -Errno.ENOSPC : 0;
}

export function truncate(tree: MemoryTree, handle: Handle, size: number): Result {
  if (!isOffset(size)) return EINVAL;
  const open = tree.writable(handle);
  // ftruncate says EINVAL, not EBADF, for a handle that only reads.
  if (typeof open === "number") return tree.open.get(handle)?.pinned === false ? EINVAL : open;
  open.node.truncate(size, tree.space);
  tree.touch(open.node);
  return 0;
}

export function endOf(tree: MemoryTree, handle: Handle): Result {
  const open = tree.open.get(handle);
  if (open === undefined || open.pinned) return EBADF;
  return open.node.kind === Kind.file ? open.node.size : EINVAL;
}

export function punchHole(tree: MemoryTree, handle: Handle, offset: number, length: number): Result {
  if (!isOffset(offset) || !(length > 0) || !isOffset(offset + length)) return EINVAL;
  const open = tree.writable(handle);
  if (typeof open === "number") return open;
  open.node.clear(offset, offset + length, tree.space);
  open.node.soil(offset);
  tree.touch(open.node);
  return 0;
}

export function allocate(tree: MemoryTree, handle: Handle, length: number): Result {
  if (!(length > 0)) return EINVAL;
  const open = tree.writable(handle);
  // Space here is pages with content: none can be taken ahead.
  return typeof open === "number" ? open : -Errno.EOPNOTSUPP;
}

export function cloneFile(tree: MemoryTree, from: Handle, to: Handle): Result {
  const [source, target] = [tree.readable(from), tree.writable(to)];
  if (typeof source === "number") return source;
  if (typeof target === "number") return target;
  if (!tree.options.reflink) return -Errno.EOPNOTSUPP;
  if (!target.node.cloneFrom(source.node, tree.space)) return -Errno.ENOSPC;
  tree.touch(target.node);
  return 0;
}

export function copyRange(
  tree: MemoryTree,
  from: Handle,
  fromOffset: number,
  to: Handle,
  toOffset: number,
  length: number,
): Result {
  if (!isOffset(fromOffset) || !isOffset(toOffset) || !(length >= 0)) return EINVAL;
  const kinds = [tree.open.get(from), tree.open.get(to)].map((open) => open?.pinned === false ? open.node.kind : -1);
  if (kinds.includes(-1)) return EBADF;
  if (kinds.includes(Kind.folder)) return -Errno.EISDIR;
  if (kinds.some((kind) => kind !== Kind.file)) return EINVAL;
  const [source, target] = [tree.readable(from), tree.writable(to)];
  if (typeof source === "number") return source;
  if (typeof target === "number") return target;
  const wanted = Math.max(0, Math.min(length, source.node.size - fromOffset));
  const overlap = fromOffset < toOffset + wanted && toOffset < fromOffset + wanted;
  if (source.node === target.node && overlap) return EINVAL;
  const step = tree.short(new Uint8Array(Math.min(wanted, 1 << 20)));
  const bytes = step.subarray(0, source.node.readAt(step, fromOffset));
  const count = tree.write(target.node, bytes, toOffset);
  return count === 0 && bytes.length > 0 ? -Errno.ENOSPC : count;
}

function seek(
  tree: MemoryTree,
  handle: Handle,
  from: number,
  find: (node: Node) => number,
  generic: (from: number, size: number) => number,
): Result {
  const open = tree.open.get(handle);
  if (open === undefined || open.pinned) return EBADF;
  const telling = tree.options.seekHole ?? "true";
  if (telling === "refused" || !isOffset(from) || open.node.kind !== Kind.file) return EINVAL;
  if (from >= open.node.size) return ENXIO;
  if (telling === "generic") return generic(from, open.node.size);
  const found = find(open.node);
  return found < 0 ? ENXIO : found;
}

export function seekData(tree: MemoryTree, handle: Handle, from: number): Result {
  return seek(tree, handle, from, (node) => node.dataFrom(from), (from) => from);
}

export function seekHole(tree: MemoryTree, handle: Handle, from: number): Result {
  return seek(tree, handle, from, (node) => node.holeFrom(from), (_, size) => size);
}

/** What the file holds is on the disk, and all names made before. */
export function flush(tree: MemoryTree, handle: Handle): Result {
  const open = tree.open.get(handle);
  if (open === undefined || open.pinned) return EBADF;
  open.node.isFlushed = true;
  tree.commitNames();
  return 0;
}

function isOffset(offset: number): boolean {
  return offset >= 0 && offset <= OFFSET_MAX;
}
