// Metadata of the tree in memory: mode, owner, times, extended attributes (user., trusted. and security., these two for root, and the two access
// lists, kept as they come), locks. Called by MemoryOs. Promises: what Linux says of each, errors included.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { Errno, type Handle, Kind, type Result } from "./os.ts";
import type { Node } from "./memory_node.ts";
import { EBADF, EINVAL, type MemoryTree, WRITE } from "./memory_tree.ts";

export function setMode(tree: MemoryTree, handle: Handle, mode: number): Result {
  const node = tree.owned(handle);
  if (typeof node === "number") return node;
  if (node.kind === Kind.link) return -Errno.EOPNOTSUPP;
  node.mode = mode & 0o7777;
  tree.touch(node, false);
  return 0;
}

export function setOwner(tree: MemoryTree, handle: Handle, uid: number, gid: number): Result {
  if (!isId(uid) || !isId(gid)) return EINVAL;
  const node = tree.owned(handle);
  if (typeof node === "number") return node;
  const changes = (uid !== -1 && uid !== node.uid) || (gid !== -1 && gid !== node.gid);
  if (!tree.privileged && changes && !(uid === -1 && gid === tree.options.gid)) return -Errno.EPERM;
  if (uid !== -1) node.uid = uid;
  if (gid !== -1) node.gid = gid;
  // Linux takes set-id bits off a file whose owner is set, for root too; set-group-id only where it means execution.
  if (node.kind !== Kind.folder) node.mode &= (node.mode & 0o010) !== 0 ? ~0o6000 : ~0o4000;
  tree.touch(node, false);
  return 0;
}

export function setTimes(tree: MemoryTree, handle: Handle, mtimeSec: number, mtimeNs: number): Result {
  if (!Number.isSafeInteger(mtimeSec) || !(mtimeNs >= 0 && mtimeNs <= 999_999_999)) return EINVAL;
  const node = tree.owned(handle);
  if (typeof node === "number") return node;
  [node.mtimeSec, node.mtimeNs] = [mtimeSec, mtimeNs];
  tree.touch(node, false);
  return 0;
}

export function setAccessTime(tree: MemoryTree, handle: Handle, atimeSec: number, atimeNs: number): Result {
  if (!Number.isSafeInteger(atimeSec) || !(atimeNs >= 0 && atimeNs <= 999_999_999)) return EINVAL;
  const node = tree.owned(handle);
  if (typeof node === "number") return node;
  [node.atimeSec, node.atimeNs] = [atimeSec, atimeNs];
  tree.touch(node, false);
  return 0;
}

export function listAttributes(tree: MemoryTree, handle: Handle, into: Uint8Array): Result {
  const open = tree.open.get(handle);
  if (open === undefined) return EBADF;
  const bytes = attributeNames(tree, open.node);
  if (bytes.length > into.length) return -Errno.ERANGE;
  into.set(bytes);
  return bytes.length;
}

export function getAttribute(tree: MemoryTree, handle: Handle, name: Uint8Array, into: Uint8Array): Result {
  const open = tree.open.get(handle);
  if (open === undefined) return EBADF;
  if (!isAttributeName(name)) return EINVAL;
  const value = open.node.attributes.get(latin1(name));
  if (value === undefined) return -Errno.ENODATA;
  if (value.length > into.length) return -Errno.ERANGE;
  into.set(value);
  return value.length;
}

export function setAttribute(tree: MemoryTree, handle: Handle, name: Uint8Array, value: Uint8Array): Result {
  const node = attributesOf(tree, handle, name);
  if (typeof node === "number") return node;
  if (value.length > 65_536) return -Errno.ERANGE;
  node.attributes.set(latin1(name), value.slice());
  tree.touch(node, false);
  return 0;
}

export function removeAttribute(tree: MemoryTree, handle: Handle, name: Uint8Array): Result {
  const node = attributesOf(tree, handle, name);
  if (typeof node === "number") return node;
  if (!node.attributes.delete(latin1(name))) return -Errno.ENODATA;
  tree.touch(node, false);
  return 0;
}

export function attributesAt(tree: MemoryTree, folder: Handle, name: Uint8Array): Result {
  const node = tree.find(folder, name);
  return typeof node === "number" ? node : attributeNames(tree, node).length;
}

export function unlock(tree: MemoryTree, handle: Handle): Result {
  const open = tree.open.get(handle);
  if (open === undefined || open.pinned) return EBADF;
  open.node.locks.delete(handle);
  return 0;
}

function attributeNames(tree: MemoryTree, node: Node): Uint8Array {
  const names = [...node.attributes.keys()].filter((name) => tree.privileged || !name.startsWith("trusted."));
  return fromLatin1(names.map((name) => name + "\0").join(""));
}

/** The held node if we may change this attribute of it. */
function attributesOf(tree: MemoryTree, handle: Handle, name: Uint8Array): Node | Result {
  const open = tree.open.get(handle);
  if (open === undefined) return EBADF;
  if (!isAttributeName(name)) return EINVAL;
  const text = latin1(name);
  const { node } = open;
  if (text.startsWith("user.")) {
    if (node.kind !== Kind.file && node.kind !== Kind.folder) return -Errno.EPERM;
    return tree.may(node, WRITE) ? node : -Errno.EACCES;
  }
  if (text.startsWith("system.posix_acl_")) {
    if (node.kind === Kind.link) return -Errno.EOPNOTSUPP;
    return tree.owned(handle);
  }
  if (!text.startsWith("trusted.") && !text.startsWith("security.")) return -Errno.EOPNOTSUPP;
  return tree.privileged ? node : -Errno.EPERM;
}

export function lock(tree: MemoryTree, handle: Handle, exclusive: boolean): Result {
  const open = tree.open.get(handle);
  if (open === undefined || open.pinned) return EBADF;
  for (const [other, held] of open.node.locks) {
    if (other === handle || !(exclusive || held)) continue;
    // As flock does it: a change of a lock that fails gives up the old one.
    open.node.locks.delete(handle);
    return -Errno.EAGAIN;
  }
  open.node.locks.set(handle, exclusive);
  return 0;
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= -1 && id < 0xffff_ffff;
}

function isAttributeName(name: Uint8Array): boolean {
  return name.length > 0 && name.length <= 255 && !name.includes(0);
}
