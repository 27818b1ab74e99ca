// Following links at the source, for -L, -k and --copy-unsafe-links. Made by the source half of a run with one of them; asked by the
// scan, the sender and whoever opens a source folder. Promises: a link is followed only where these options say so, whatever it is
// by the time it is opened; a folder is reached through at most 40 links, as the kernel counts, so that a loop ends.

import { LINK_TARGET_BYTES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import { splitPath } from "../os/names.ts";
import { Errno, type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { isUnsafeLink } from "../plan/unsafe_link.ts";

const MOST_LINKS = 40;

export class LinkFollower {
  readonly #os: Os;
  readonly #options: SyncOptions;
  readonly #target = new Uint8Array(LINK_TARGET_BYTES + 1);
  readonly #stat = new Stat();

  constructor(os: Os, options: SyncOptions) {
    this.#os = os;
    this.#options = options;
  }

  /**
   * `stat` holds what lstat says of `name`, a link in a folder `depth` levels below the top: if it is to be followed it then holds what
   * it leads to. 1: followed; 0: it stays a link; below zero: a negated errno.
   */
  look(folder: Handle, name: Uint8Array, depth: number, stat: Stat): number {
    const { copyLinks, copyDirlinks } = this.#options;
    const always = copyLinks || this.#isUnsafe(folder, name, depth);
    if (!always && !copyDirlinks) return 0;
    const pin = this.#os.openThrough(folder, name, false);
    if (pin < 0) return always ? pin : 0;
    const looked = this.#os.statHandle(pin, this.#stat);
    this.#os.close(pin);
    if (looked < 0) return looked;
    if (!always && this.#stat.kind !== Kind.folder) return 0;
    Object.assign(stat, this.#stat);
    return 1;
  }

  /** Opens the file for reading, through a link if it is one to follow. */
  openFile(folder: Handle, name: Uint8Array, depth: number): Handle {
    const file = this.#os.openFile(folder, name, OpenMode.read, 0);
    if (file !== -Errno.ELOOP || !(this.#options.copyLinks || this.#isUnsafe(folder, name, depth))) return file;
    return this.#openThrough(folder, name, Kind.file);
  }

  /** Opens the folder at `path` below `root`. */
  openBeneath(root: Handle, path: Uint8Array): Handle {
    const names = splitPath(path);
    if (names === null) return -Errno.EINVAL;
    let folder = this.#os.openBeneath(root, path.subarray(0, 0));
    let links = 0;
    for (let depth = 0; folder >= 0 && depth < names.length; depth++) {
      let next = this.#os.openFolder(folder, names[depth]);
      if (next === -Errno.ENOTDIR || next === -Errno.ELOOP) {
        next = this.#follow(folder, names[depth], depth, next);
        if (next >= 0 && ++links > MOST_LINKS) {
          this.#os.close(next);
          next = -Errno.ELOOP;
        }
      }
      this.#os.close(folder);
      folder = next;
    }
    return folder;
  }

  #follow(folder: Handle, name: Uint8Array, depth: number, refused: number): Handle {
    const { copyLinks, copyDirlinks } = this.#options;
    if (!copyLinks && !copyDirlinks && !this.#isUnsafe(folder, name, depth)) return refused;
    return this.#openThrough(folder, name, Kind.folder);
  }

  /** What the name leads to, if it is of `kind`: nothing else is ever opened for reading. */
  #openThrough(folder: Handle, name: Uint8Array, kind: number): Handle {
    const pin = this.#os.openThrough(folder, name, false);
    if (pin < 0) return pin;
    const looked = this.#os.statHandle(pin, this.#stat);
    this.#os.close(pin);
    if (looked < 0) return looked;
    if (this.#stat.kind !== kind) return kind === Kind.folder ? -Errno.ENOTDIR : -Errno.ENXIO;
    return this.#os.openThrough(folder, name, true);
  }

  #isUnsafe(folder: Handle, name: Uint8Array, depth: number): boolean {
    if (!this.#options.copyUnsafeLinks) return false;
    const length = this.#os.readLink(folder, name, this.#target);
    return length >= 0 && isUnsafeLink(this.#target.subarray(0, length), depth);
  }
}
