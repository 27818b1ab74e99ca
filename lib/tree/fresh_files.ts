// What a new file of ours looks like before anything is set: owner, group and mode that its folder and mount give it. Used by
// whoever makes many files (receiver, Filler). Promises: looked at once per folder, since only a folder's set-group bit,
// default ACL or mount changes them; where that changes the mode, each time.

import { type Handle, type Os, Stat } from "../os/os.ts";

/** Mode of a new file until its owner is set, and of a temporary one until its content is verified (R7). */
export const PRIVATE = 0o600;

export class FreshFiles {
  readonly #os: Os;
  readonly #fresh = new Stat();
  #folder = -1;
  /** A new file there has the mode it was made with. */
  #modesHold = false;

  constructor(os: Os) {
    this.#os = os;
  }

  /** Nothing is known any more. */
  forget(): void {
    this.#folder = -1;
  }

  /**
   * Mode to make a file in `folder` (any number of the caller's that names it) with: its final one where new files have the owner
   * and group it shall have (one call less per file), else private until they are set.
   */
  modeFor(folder: number, mode: number, uid: number, gid: number): number {
    if (this.#folder !== folder || !this.#modesHold) return PRIVATE;
    const isOurs = (uid < 0 || uid === this.#fresh.uid) && (gid < 0 || gid === this.#fresh.gid);
    return isOurs ? mode & 0o777 : PRIVATE;
  }

  /** What the file just made in `folder` with `mode` has. Valid until the next call. */
  look(file: Handle, folder: number, mode: number): Stat {
    const fresh = this.#fresh;
    if (this.#folder !== folder || !this.#modesHold) {
      const looked = this.#os.statHandle(file, fresh);
      // What cannot be looked at is like nothing that is wanted: everything is set.
      if (looked < 0) fresh.mode = fresh.uid = fresh.gid = -1;
      this.#modesHold = fresh.mode === mode;
      this.#folder = looked < 0 ? -1 : folder;
      fresh.mtimeSec = -1;
      fresh.mtimeNs = -1;
    }
    if (this.#modesHold) fresh.mode = mode;
    return fresh;
  }
}
