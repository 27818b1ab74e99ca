// Folders that options name (backups, alternative destinations, ...): operator's words, opened once and then walked by held handles
// only, so that no name of the list leads out of them (law 2). Made by Destinations. Promises: where such a folder lies inside the target,
// it is known by its inode, and nothing listed is put there and nothing of it is deleted.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { Errno, type Handle, type Os, Stat } from "../os/os.ts";
import { makeFolders } from "./target_root.ts";

const SLASH = "/";

export class SideFolders {
  readonly #os: Os;
  /** The target root as typed. */
  readonly #root: string;
  readonly #umask: number;
  readonly #open: Handle[] = [];
  readonly #known = new Set<string>();
  readonly #stat = new Stat();

  constructor(os: Os, root: Uint8Array, umask: number) {
    this.#os = os;
    this.#root = latin1(root);
    this.#umask = umask;
  }

  /** The word as a path: relative to the target root. */
  path(word: string): Uint8Array {
    if (word.startsWith(SLASH)) return fromLatin1(word);
    return fromLatin1(`${this.#root === "" ? "." : this.#root}${this.#root.endsWith(SLASH) ? "" : SLASH}${word}`);
  }

  /** Opens the folder; a negated errno if there is none. The handle stays ours. */
  open(word: string): Handle {
    const handle = this.#os.openRoot(this.path(word));
    if (handle < 0) return handle;
    this.#open.push(handle);
    if (this.#os.statHandle(handle, this.#stat) === 0) this.#known.add(identity(this.#stat));
    return handle;
  }

  /** Opens the folder, made if need be, with those above it. */
  make(word: string): Handle {
    const handle = this.open(word);
    if (handle !== -Errno.ENOENT) return handle;
    const made = makeFolders(this.#os, this.path(word), this.#umask, false);
    return made < 0 ? made : this.open(word);
  }

  /** Whether the folder that `stat` tells of is one of them. */
  isOne(stat: Stat): boolean {
    return this.#known.has(identity(stat));
  }

  /** The same by the open folder. */
  isOpen(folder: Handle): boolean {
    return this.#os.statHandle(folder, this.#stat) === 0 && this.isOne(this.#stat);
  }

  close(): void {
    for (const handle of this.#open.splice(0)) this.#os.close(handle);
  }
}

function identity({ devMajor, devMinor, inoHigh, inoLow }: Stat): string {
  return `${devMajor}:${devMinor}:${inoHigh}:${inoLow}`;
}
