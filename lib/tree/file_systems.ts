// Folders on other file systems (-x). Made by a scan with that option; the target half asks the same of what it might delete.
// Promises: what cannot be looked at counts as elsewhere, so that it is left alone.

import { IndexSet } from "../base/index_set.ts";
import { type Handle, type Os, Stat } from "../os/os.ts";

export class FileSystems {
  readonly #os: Os;
  readonly #stat = new Stat();
  /** Listed folders that lie on another file system than the folder they are in. */
  readonly mounts = new IndexSet();

  constructor(os: Os) {
    this.#os = os;
  }

  /** Whether `found`, of an entry in the open folder, is of another file system than the folder. */
  isElsewhere(folder: Handle, found: Stat): boolean {
    return this.#os.statHandle(folder, this.#stat) < 0 || !isSameDevice(this.#stat, found);
  }
}

export function isSameDevice(a: Stat, b: Stat): boolean {
  return a.devMajor === b.devMajor && a.devMinor === b.devMinor;
}
