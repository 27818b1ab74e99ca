// Names of the tree in memory: making, linking, renaming and removing entries. Called by MemoryOs. Promises: what Linux says of each, errors
// included; a name is never absent in between.

import { Errno, type Handle, Kind, type Result } from "./os.ts";
import { EINVAL, type MemoryTree, SEARCH, WRITE } from "./memory_tree.ts";
import { isName } from "./names.ts";

export function makeLink(tree: MemoryTree, folder: Handle, name: Uint8Array, target: Uint8Array): Result {
  if (!isName(name)) return EINVAL;
  if (target.length === 0) return -Errno.ENOENT;
  if (target.length > 4095) return -Errno.ENAMETOOLONG;
  if (target.includes(0)) return EINVAL;
  const made = tree.makeIn(folder, name, Kind.link, 0o777);
  if (typeof made === "number") return made;
  made.target = target.slice();
  return 0;
}

export function makeSpecial(
  tree: MemoryTree,
  folder: Handle,
  name: Uint8Array,
  kind: Kind,
  mode: number,
  major: number,
  minor: number,
): Result {
  const device = kind === Kind.charDevice || kind === Kind.blockDevice;
  if (!device && kind !== Kind.fifo && kind !== Kind.socket) return EINVAL;
  if (!(major >= 0 && major < 0x1000 && minor >= 0 && minor < 0x10_0000)) return EINVAL;
  if (device && !tree.privileged) return -Errno.EPERM;
  const made = tree.makeIn(folder, name, kind, mode);
  if (typeof made === "number") return made;
  if (device) [made.rdevMajor, made.rdevMinor] = [major, minor];
  return 0;
}

export function hardLink(
  tree: MemoryTree,
  fromFolder: Handle,
  from: Uint8Array,
  toFolder: Handle,
  to: Uint8Array,
): Result {
  const node = tree.find(fromFolder, from);
  if (!isName(to)) return EINVAL;
  const target = tree.folder(toFolder);
  if (typeof node === "number") return node;
  if (typeof target === "number") return target;
  const old = tree.child(target, to);
  if (typeof old !== "number") return -Errno.EEXIST;
  if (old !== -Errno.ENOENT) return old;
  if (node.kind === Kind.folder) return -Errno.EPERM;
  if (!target.linked) return -Errno.ENOENT;
  if (!tree.may(target, WRITE | SEARCH)) return -Errno.EACCES;
  if (node.names >= (tree.options.linksMax ?? 65_000)) return -Errno.EMLINK;
  tree.name(target, to, node);
  node.names++;
  tree.touch(target);
  tree.touch(node, false);
  return 0;
}

export function exchange(tree: MemoryTree, folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
  if (!isName(a) || !isName(b)) return EINVAL;
  const [parentA, parentB] = [tree.folder(folderA), tree.folder(folderB)];
  if (typeof parentA === "number") return parentA;
  if (typeof parentB === "number") return parentB;
  const [nodeA, nodeB] = [tree.child(parentA, a), tree.child(parentB, b)];
  if (typeof nodeA === "number") return nodeA;
  if (typeof nodeB === "number") return nodeB;
  if (tree.options.exchange === false) return EINVAL;
  if (!tree.may(parentA, WRITE | SEARCH) || !tree.may(parentB, WRITE | SEARCH)) return -Errno.EACCES;
  if (nodeA.contains(parentB) || nodeB.contains(parentA)) return EINVAL;
  tree.name(parentA, a, nodeB);
  tree.name(parentB, b, nodeA);
  for (const changed of [parentA, parentB]) tree.touch(changed);
  for (const changed of [nodeA, nodeB]) tree.touch(changed, false);
  return 0;
}

export function rename(
  tree: MemoryTree,
  fromFolder: Handle,
  from: Uint8Array,
  toFolder: Handle,
  to: Uint8Array,
  replace: boolean,
): Result {
  if (!isName(from) || !isName(to)) return EINVAL;
  const [source, target] = [tree.folder(fromFolder), tree.folder(toFolder)];
  if (typeof source === "number") return source;
  if (typeof target === "number") return target;
  const node = tree.child(source, from);
  if (typeof node === "number") return node;
  if (!target.linked) return -Errno.ENOENT;
  if (!tree.may(source, WRITE | SEARCH) || !tree.may(target, WRITE | SEARCH)) return -Errno.EACCES;
  const old = tree.child(target, to);
  if (typeof old === "number" && old !== -Errno.ENOENT) return old;
  if (typeof old !== "number") {
    if (!replace) return -Errno.EEXIST;
    if (old.contains(source)) return -Errno.ENOTEMPTY;
    if (old === node && tree.key(from) === tree.key(to) && source === target && equal(from, to)) return 0;
    // Two names of one inode: nothing happens.
    if (old === node && !(source === target && tree.key(from) === tree.key(to))) return 0;
  }
  if (node.kind === Kind.folder) {
    if (node.contains(target)) return EINVAL;
    if (typeof old !== "number" && old !== node) {
      if (old.kind !== Kind.folder) return -Errno.ENOTDIR;
      if (old.children.size > 0) return -Errno.ENOTEMPTY;
    }
  } else if (typeof old !== "number" && old.kind === Kind.folder) return -Errno.EISDIR;
  if (typeof old !== "number" && old !== node) tree.unname(target, to, old);
  source.children.delete(tree.key(from));
  tree.name(target, to, node);
  for (const changed of [source, target]) tree.touch(changed);
  tree.touch(node, false);
  return 0;
}

export function remove(tree: MemoryTree, folder: Handle, name: Uint8Array, folders: boolean): Result {
  const node = tree.find(folder, name);
  if (typeof node === "number") return node;
  const parent = tree.folder(folder);
  if (typeof parent === "number") return parent;
  if (!tree.may(parent, WRITE | SEARCH)) return -Errno.EACCES;
  if (folders && node.kind !== Kind.folder) return -Errno.ENOTDIR;
  if (!folders && node.kind === Kind.folder) return -Errno.EISDIR;
  if (node.children.size > 0) return -Errno.ENOTEMPTY;
  tree.unname(parent, name, node);
  tree.touch(parent);
  return 0;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
