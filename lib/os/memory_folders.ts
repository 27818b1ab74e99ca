// Folders of the tree in memory: opening them and what is in them, and listing. Called by MemoryOs. Promises: what Linux says of each, errors
// included.

import { Errno, type Handle, InsideMode, Kind, type Listing, OpenMode, type Result } from "./os.ts";
import { EBADF, EINVAL, type MemoryTree, READ, scramble, WRITE } from "./memory_tree.ts";
import { splitPath } from "./names.ts";

const ENXIO = -Errno.ENXIO;

export function makeRoot(tree: MemoryTree, path: Uint8Array): Result {
  const slash = path.lastIndexOf(0x2f);
  const parent = tree.resolve(slash <= 0 ? new Uint8Array([0x2f]) : path.subarray(0, slash), true);
  if (typeof parent === "number") return parent;
  const made = tree.make(parent, path.subarray(slash + 1), Kind.folder, 0o777);
  return typeof made === "number" ? made : 0;
}

export function openFolder(tree: MemoryTree, folder: Handle, name: Uint8Array): Handle {
  const node = tree.find(folder, name);
  if (typeof node === "number") return node;
  if (node.kind !== Kind.folder) return -Errno.ENOTDIR;
  return tree.openNode(node, READ);
}

export function openBeneath(tree: MemoryTree, root: Handle, path: Uint8Array): Handle {
  const names = splitPath(path);
  if (names === null) return EINVAL;
  let node = tree.folder(root);
  for (const name of names) {
    if (typeof node === "number") return node;
    node = tree.child(node, name);
    if (typeof node === "number") return node;
    if (node.kind === Kind.link) return -Errno.ELOOP;
    if (node.kind !== Kind.folder) return -Errno.ENOTDIR;
  }
  return typeof node === "number" ? node : tree.openNode(node, READ);
}

export function openInside(tree: MemoryTree, root: Handle, path: Uint8Array, how: number): Handle {
  const top = tree.folder(root);
  if (typeof top === "number") return top;
  const word = path.length === 0 ? new Uint8Array([0x2e]) : path;
  const node = tree.resolve(word, how !== InsideMode.pinLink, top, top);
  if (typeof node === "number") return node;
  if (how === InsideMode.pin || how === InsideMode.pinLink) return tree.keep(node, false, false, true);
  if (how === InsideMode.folder && node.kind !== Kind.folder) return -Errno.ENOTDIR;
  return tree.openNode(node, READ);
}

export function openThrough(tree: MemoryTree, folder: Handle, name: Uint8Array, reads: boolean): Handle {
  const found = tree.find(folder, name);
  if (typeof found === "number") return found;
  const parent = tree.folder(folder);
  if (typeof parent === "number") return parent;
  const node = tree.resolve(name, true, parent);
  if (typeof node === "number") return node;
  return reads ? tree.openNode(node, READ) : tree.keep(node, false, false, true);
}

export function readFolder(tree: MemoryTree, folder: Handle, into: Listing): Result {
  into.clear();
  const open = tree.open.get(folder);
  if (open === undefined || open.pinned) return EBADF;
  if (open.node.kind !== Kind.folder) return -Errno.ENOTDIR;
  if (!open.node.linked) return -Errno.ENOENT;
  // A seeded order that is not the order of creation, as real file systems have it.
  const salt = tree.options.seed ?? 1;
  const order = [...open.node.children.values()].map((child) => ({
    child,
    key: scramble(child.node.inode ^ salt),
  }));
  order.sort((a, b) => a.key - b.key || a.child.node.inode - b.child.node.inode);
  for (const { child } of order) {
    into.add(child.name, 0, child.name.length, tree.options.unknownKinds ? Kind.unknown : child.node.kind);
  }
  return 0;
}

export function readLink(tree: MemoryTree, folder: Handle, name: Uint8Array, into: Uint8Array): Result {
  const node = tree.find(folder, name);
  if (typeof node === "number") return node;
  if (node.kind !== Kind.link) return EINVAL;
  const length = Math.min(node.target.length, into.length);
  into.set(node.target.subarray(0, length));
  return length;
}

export function openFile(tree: MemoryTree, folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
  if (how === OpenMode.create) {
    const made = tree.makeIn(folder, name, Kind.file, mode);
    return typeof made === "number" ? made : tree.keep(made, true, true);
  }
  const node = tree.find(folder, name);
  if (typeof node === "number") return node;
  if (node.kind === Kind.link) return -Errno.ELOOP;
  if (node.kind !== Kind.file && node.kind !== Kind.folder && node.kind !== Kind.fifo) return ENXIO;
  if (how === OpenMode.write && node.kind === Kind.folder) return -Errno.EISDIR;
  return tree.openNode(node, how === OpenMode.write ? READ | WRITE : READ);
}
