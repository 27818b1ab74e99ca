// Whether the other listed names of an inode still are names of it, for -H: a file that is not as it was listed any more may be another one
// that took this name only, and its content must not become that of the others. Called by the sender for such files; the names of
// each inode are gathered from the list with the first of them, 8 bytes a name.

import type { FileList } from "../base/file_list.ts";
import { isSameInode, type Os, Stat } from "../os/os.ts";
import type { FolderCache } from "./folder_cache.ts";
import type { LinkFollower } from "./link_follower.ts";
import { openListed } from "./read_file.ts";

export class NamesOfOne {
  readonly #os: Os;
  readonly #list: FileList;
  readonly #folders: FolderCache;
  readonly #follower: LinkFollower | null;
  /** By first name, in a list that has ended. */
  #names: Map<number, number[]> | null = null;
  readonly #stat = new Stat();

  constructor(os: Os, list: FileList, folders: FolderCache, follower: LinkFollower | null) {
    this.#os = os;
    this.#list = list;
    this.#folders = folders;
    this.#follower = follower;
  }

  /** Whether every listed name of entry i's inode leads to the inode of `opened`. */
  areOne(i: number, opened: Stat): boolean {
    return this.#all(this.#list.firstName(i)).every((name) => name === i || this.#leadsTo(name, opened));
  }

  #all(first: number): readonly number[] {
    if (this.#names === null) {
      this.#names = new Map();
      const list = this.#list;
      for (let i = 1; i < list.count; i++) {
        const of = list.firstName(i);
        if (of < 0) continue;
        const names = this.#names.get(of);
        if (names === undefined) this.#names.set(of, [i]);
        else names.push(i);
      }
    }
    return this.#names.get(first) ?? [];
  }

  #leadsTo(i: number, opened: Stat): boolean {
    const list = this.#list;
    const folder = this.#folders.get(list.parent(i), list.origin(i));
    const file = folder < 0 ? folder : openListed(this.#os, list, i, folder, this.#follower);
    if (file < 0) return false;
    const looked = this.#os.statHandle(file, this.#stat);
    this.#os.close(file);
    return looked === 0 && isSameInode(this.#stat, opened);
  }
}
