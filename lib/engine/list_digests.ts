// -c: the content digest of each file travels with its entry. Used by the source half with each piece of the list. Promises: the names of one
// inode are read once; what cannot be read has no digest, and differs.

import type { FileList } from "../base/file_list.ts";
import { Kind, type Os } from "../os/os.ts";
import { digestFile } from "../tree/digest_file.ts";
import type { FolderCache } from "../tree/folder_cache.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import { openListed } from "../tree/read_file.ts";
import type { Piece } from "../tree/scan.ts";
import type { Digester } from "./environment.ts";

export class ListDigests {
  readonly #os: Os;
  readonly #list: FileList;
  readonly #folders: FolderCache;
  readonly #follower: LinkFollower | null;
  readonly #breathe: () => Promise<void>;

  constructor(
    os: Os,
    list: FileList,
    folders: FolderCache,
    follower: LinkFollower | null,
    breathe: () => Promise<void>,
  ) {
    this.#os = os;
    this.#list = list;
    this.#folders = folders;
    this.#follower = follower;
    this.#breathe = breathe;
  }

  async add(piece: Piece, digester: Digester): Promise<void> {
    for (let i = piece.first; i < piece.first + piece.count; i++) {
      if (this.#list.kind(i) !== Kind.file || this.#hasDigest(i)) continue;
      const folder = this.#folders.get(this.#list.parent(i), this.#list.origin(i));
      const file = folder < 0 ? folder : openListed(this.#os, this.#list, i, folder, this.#follower);
      if (file < 0) continue;
      const digest = await digestFile(this.#os, file, digester, this.#breathe);
      this.#os.close(file);
      if (digest !== null) this.#list.setDigest(i, digest);
    }
  }

  /** Another name of a file has the digest of the first one. */
  #hasDigest(i: number): boolean {
    const first = this.#list.firstName(i);
    const digest = first < 0 || first === i ? null : this.#list.digest(first);
    if (digest !== null) this.#list.setDigest(i, digest);
    return digest !== null;
  }
}
