// Entries of a scan that are listed again in another order or without some of them: what they say of other entries is told anew.
// Called by who lists (tree_lister.ts, pruned_list.ts) and the source half, with the root first. Promises: of the names of one inode
// the one that is copied first is the first name; sets of attributes are numbered as they are met, if the list has sets of its own.

import { FIRST_SET } from "../base/attributes.ts";
import { type EntryColumns, entryColumns, type FileList } from "../base/file_list.ts";
import { NAME_BYTES } from "../base/limits.ts";
import { Kind } from "../os/os.ts";

/** Entries that are copied in one go. */
const MANY = 512;

export class ListCopy {
  readonly #scanned: FileList;
  readonly #list: FileList;
  /** First names of inodes: index in the scan, index in the list. */
  readonly #firstNames = new Map<number, number>();
  #many: readonly [EntryColumns, Uint8Array<ArrayBuffer>] | null = null;

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

  /** Appends copies of scanned entries [first, first + count) as children of `parent`; returns those of them that are folders. */
  addMany(first: number, count: number, parent: number): number[] {
    const scanned = this.#scanned;
    const links = scanned.ofKind(Kind.link, first, count);
    const end = first + count;
    for (let i = first, link = 0; i < end;) {
      if (i === links[link]) {
        this.add(i++, parent);
        link++;
        continue;
      }
      const some = Math.min((links[link] ?? end) - i, MANY);
      if (scanned.isBare(i, some)) this.#addBare(i, some, parent);
      else for (let at = i; at < i + some; at++) this.add(at, parent);
      i += some;
    }
    return scanned.ofKind(Kind.folder, first, count);
  }

  /** Copies of entries of which only columns tell. */
  #addBare(first: number, count: number, parent: number): void {
    const [columns, names] = this.#many ??= [entryColumns(MANY), new Uint8Array(MANY * NAME_BYTES)] as const;
    this.#scanned.copyColumns(first, count, columns);
    const bytes = this.#scanned.copyNames(first, count, names, 0);
    this.#list.addRows(columns, count, parent, names.subarray(0, bytes));
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
