// --delete-missing-args at the source: the arguments that were not there when they were looked up, and the second look right before the
// target deletes what it has in their place. Made by the source half of a run with that option.

import { latin1 } from "../base/bytes.ts";
import { Errno, type Handle, type Os, Stat } from "../os/os.ts";

const SLASH = 0x2f;

export class MissingArgs {
  readonly #os: Os;
  /** By path in the list: the open folder that the path was looked up in, or -1 if there was none, and the rest of the path. */
  readonly #places = new Map<string, { root: Handle; rest: Uint8Array }>();
  readonly #stat = new Stat();

  constructor(os: Os) {
    this.#os = os;
  }

  /** `path`: where it would be in the list; `rest` below `root`, which stays the caller's. */
  add(path: Uint8Array, root: Handle, rest: Uint8Array): void {
    this.#places.set(latin1(path), { root, rest: new Uint8Array(rest) });
  }

  paths(): Uint8Array[] {
    return [...this.#places.keys()].map((path) => Uint8Array.from(path, (c) => c.charCodeAt(0)));
  }

  /** 0: it is there now; a negated errno: it cannot be looked at, -ENOENT if it is missing still; null: it was not missing. */
  look(path: Uint8Array): number | null {
    const place = this.#places.get(latin1(path));
    if (place === undefined) return null;
    const { root, rest } = place;
    if (root < 0) return -Errno.ENOENT;
    const cut = rest.lastIndexOf(SLASH);
    const folder = this.#os.openBeneath(root, rest.subarray(0, Math.max(0, cut)));
    if (folder === -Errno.ENOTDIR || folder === -Errno.ELOOP) return -Errno.ENOENT;
    if (folder < 0) return folder;
    const looked = this.#os.statAt(folder, rest, cut + 1, rest.length - cut - 1, this.#stat);
    this.#os.close(folder);
    return looked;
  }
}
