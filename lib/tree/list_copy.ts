// Entries of a scan that are listed again in another order or without some of them: what they say of other entries is told anew.
// Called by who lists (tree_lister.ts, pruned_list.ts) and the source half, with the root first. Promises: of the names of one inode
// the one that is copied first is the first name; sets of attributes are numbered as they are met, if the list has sets of its own.

import { FIRST_SET } from "../base/attributes.ts";
import type { FileList } from "../base/file_list.ts";

export class ListCopy {
  readonly #scanned: FileList;
  readonly #list: FileList;
  /** First names of inodes: index in the scan, index in the list. */
  readonly #firstNames = new Map<number, number>();

  constructor(scanned: FileList, list: FileList) {
    this.#scanned = scanned;
    this.#list = list;
  }

  /** Appends a copy of scanned entry i as a child of `parent`, and returns its index. */
  add(i: number, parent: number): number {
    const copy = this.#list.addCopy(this.#scanned, i, parent);
    const first = this.#scanned.firstName(i);
    if (first >= 0) this.#copyFirstName(first, copy);
    this.#copyAttributes(i, copy);
    return copy;
  }

  #copyFirstName(first: number, copy: number): void {
    const known = this.#firstNames.get(first);
    if (known === undefined) this.#firstNames.set(first, copy);
    this.#list.setFirstName(copy, known ?? copy);
  }

  #copyAttributes(i: number, copy: number): void {
    const told = this.#scanned.attributes(i);
    const [from, to] = [this.#scanned.sets, this.#list.sets];
    if (from === null || to === null) return;
    const isNew = told >= FIRST_SET && from !== to;
    this.#list.setAttributes(copy, isNew ? FIRST_SET + to.internEncoded(from.encoded(told - FIRST_SET)) : told);
  }
}
