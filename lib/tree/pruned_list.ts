// -m: a whole scan, listed again without the folders that hold nothing but folders. Called by the source half once everything is
// scanned: only then is it known what a folder holds. Promises: the root stays; the order is the scan's.

import { joinPath } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { LIST_ENTRIES } from "../base/limits.ts";
import { Errno, type Handle, Kind, Listing, type Os, Stat } from "../os/os.ts";
import type { ListCopy } from "./list_copy.ts";
import type { Piece } from "./scan.ts";
import { sortAsFolders } from "./scan_plans.ts";

export class PrunedList {
  /** Scanned folders that stay. Whoever scans adds those in which something was passed over that is no folder. */
  readonly kept = new IndexSet();
  readonly #scanned: FileList;
  readonly #list: FileList;
  readonly #copy: ListCopy;
  /** What came last of each scanned folder, and all of its entries. */
  readonly #folders = new Map<number, Piece>();

  /** `list` gets what stays by `copy`; it holds the root. */
  constructor(scanned: FileList, list: FileList, copy: ListCopy) {
    this.#scanned = scanned;
    this.#list = list;
    this.#copy = copy;
  }

  /** A piece of the scan, in its order. */
  add(piece: Piece): void {
    const before = this.#folders.get(piece.folder);
    const { first, count } = before ?? { first: piece.first, count: 0 };
    this.#folders.set(piece.folder, { ...piece, first, count: count + piece.count, isFirst: true });
  }

  /** What stays, listed anew. */
  *pieces(): Generator<Piece> {
    const scanned = this.#scanned;
    for (let i = scanned.count - 1; i > 0; i--) {
      if (scanned.kind(i) !== Kind.folder || this.kept.has(i)) this.kept.add(scanned.parent(i));
    }
    const pending: [folder: number, from: number][] = [[0, 0]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const children: [number, number][] = [];
      yield* this.#folder(next[0], this.#folders.get(next[1])!, children);
      const from = new Map(children);
      const order = children.map(([folder]) => folder);
      sortAsFolders(this.#list, order);
      for (const folder of order.reverse()) pending.push([folder, from.get(folder)!]);
    }
  }

  *#folder(folder: number, all: Piece, children: [number, number][]): Generator<Piece> {
    const scanned = this.#scanned;
    const list = this.#list;
    let first = list.count;
    let isFirst = true;
    for (let i = all.first; i < all.first + all.count; i++) {
      const isFolder = scanned.kind(i) === Kind.folder;
      if (isFolder && !this.kept.has(i)) continue;
      const copy = this.#copy.add(i, folder);
      if (isFolder) children.push([copy, i]);
      if (list.count - first < LIST_ENTRIES) continue;
      yield { ...all, folder, first, count: list.count - first, isFirst, isLast: false, incomplete: false };
      first = list.count;
      isFirst = false;
    }
    yield { ...all, folder, first, count: list.count - first, isFirst, isLast: true };
  }
}

/** Whether the open folder holds nothing but folders, all the way down, that are not excluded; one that cannot be read may hold more. */
export function holdsOnlyFolders(
  os: Os,
  folder: Handle,
  path: Uint8Array,
  excludes: (path: Uint8Array, isFolder: boolean) => boolean,
): boolean {
  const names = new Listing();
  if (os.readFolder(folder, names) < 0) return false;
  const stat = new Stat();
  for (let i = 0; i < names.count; i++) {
    const name = names.name(i);
    const looked = os.statAt(folder, name, 0, name.length, stat);
    if (looked === -Errno.ENOENT) continue;
    if (looked < 0) return false;
    const child = joinPath(path, name);
    if (excludes(child, stat.kind === Kind.folder)) continue;
    if (stat.kind !== Kind.folder) return false;
    const inner = os.openFolder(folder, name);
    const isEmpty = inner >= 0 && holdsOnlyFolders(os, inner, child, excludes);
    if (inner >= 0) os.close(inner);
    if (!isEmpty) return false;
  }
  return true;
}
