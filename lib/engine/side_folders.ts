// Folders that options name (backups, alternative destinations, ...): operator's words, opened once and then walked by held handles
// only, so that no name of the list leads out of them (law 2); where a word may lead says side_word.ts. Made by Destinations. Promises: where
// such a folder lies inside the target, it is known by its inode, and nothing listed is put there and nothing of it is deleted.

import { type Handle, type Os, Stat } from "../os/os.ts";
import { makeSide, openSide, sidePath, type SideRoot } from "./side_word.ts";

export class SideFolders {
  readonly #os: Os;
  readonly #root: SideRoot;
  readonly #umask: number;
  readonly #open: Handle[] = [];
  readonly #known = new Set<string>();
  readonly #stat = new Stat();

  /** In a dry run the root may be missing. */
  constructor(os: Os, root: SideRoot, umask: number) {
    this.#os = os;
    this.#root = root;
    this.#umask = umask;
  }

  /** The word as a path, for messages. */
  path(word: string): Uint8Array {
    return sidePath(this.#root.path, word);
  }

  /** Whether the folder can be opened: 0 or a negated errno, as `open` gives it. */
  look(word: string): number {
    const handle = openSide(this.#os, this.#root, word);
    return handle < 0 ? handle : this.#os.close(handle);
  }

  /** Opens the folder; a negated errno if there is none, -EXDEV if a link in the target leads out of it. The handle stays ours. */
  open(word: string): Handle {
    return this.#keep(openSide(this.#os, this.#root, word));
  }

  /** The same, made if need be, with those above it. */
  make(word: string): Handle {
    return this.#keep(makeSide(this.#os, this.#root, word, this.#umask));
  }

  #keep(handle: Handle): Handle {
    if (handle < 0) return handle;
    this.#open.push(handle);
    if (this.#os.statHandle(handle, this.#stat) === 0) this.#known.add(identity(this.#stat));
    return handle;
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
