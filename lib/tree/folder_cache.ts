// Held folder handles by file list index: the last few folders a half works in stay open, so that a file costs no walk.
// Every handle is reached from its root beneath, never through a link (law 2, R5).

import type { FileList } from "../base/file_list.ts";
import { Errno, type Handle, type Os, Stat } from "../os/os.ts";

/** Open folders per cache: two of them, the runtime's own handles and those of the file in hand fit a limit of 64. */
const HELD = 12;
/** Key of a folder in the cache: its index in the list, and this for each origin before its own. */
const ORIGIN = 2 ** 32;

interface Held {
  handle: Handle;
  /** Mode bits and group, for what a new file in here will get. */
  mode: number;
  gid: number;
}

export class FolderCache {
  readonly #os: Os;
  readonly #list: FileList;
  readonly #placeOf: (origin: number, path: Uint8Array) => { root: Handle; rest: Uint8Array };
  readonly #follower: { openBeneath(root: Handle, path: Uint8Array): Handle };
  readonly #close: (folder: number, handle: Handle) => void;
  readonly #onOpen: (handle: Handle, stat: Stat) => void;
  /** In order of use, oldest first. */
  readonly #held = new Map<number, Held>();
  readonly #stat = new Stat();
  #last = -1;
  #lastHeld: Held | null = null;

  constructor(
    os: Os,
    list: FileList,
    placeOf: (origin: number, path: Uint8Array) => { root: Handle; rest: Uint8Array },
    close: (folder: number, handle: Handle) => void = (_, handle) => os.close(handle),
    follower: { openBeneath(root: Handle, path: Uint8Array): Handle } = os,
    onOpen: (handle: Handle, stat: Stat) => void = () => {},
  ) {
    this.#follower = follower;
    this.#os = os;
    this.#list = list;
    this.#placeOf = placeOf;
    this.#close = close;
    this.#onOpen = onOpen;
  }

  /**
   * The open folder, or a negated errno. The handle stays the cache's. With several source arguments a folder that they share
   * is another one in each: `origin` says in which.
   */
  get(folder: number, origin = 0): Handle {
    const key = origin * ORIGIN + folder;
    if (key === this.#last) return this.#lastHeld!.handle;
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#held.delete(key);
      this.#held.set(key, held);
      this.#last = key;
      this.#lastHeld = held;
      return held.handle;
    }
    const { root, rest } = this.#placeOf(origin, this.#list.path(folder));
    const handle = this.#follower.openBeneath(root, rest);
    return handle < 0 ? handle : this.put(key, handle);
  }

  /** Takes over an open handle for the folder; returns it. */
  put(folder: number, handle: Handle): Handle {
    const result = this.#os.statHandle(handle, this.#stat);
    if (result < 0) {
      this.#os.close(handle);
      // What is open is not absent, whatever a file system says: taken for a new folder, nothing in it would be looked at.
      return result === -Errno.ENOENT ? -Errno.EIO : result;
    }
    this.drop(folder);
    if (this.#held.size >= HELD) {
      const [oldest] = this.#held.keys();
      this.drop(oldest);
    }
    const held = { handle, mode: this.#stat.mode, gid: this.#stat.gid };
    this.#held.set(folder, held);
    this.#last = folder;
    this.#lastHeld = held;
    this.#onOpen(handle, this.#stat);
    return handle;
  }

  /** Mode and group of a folder just got. */
  facts(folder: number): { mode: number; gid: number } {
    return folder === this.#last ? this.#lastHeld! : this.#held.get(folder)!;
  }

  drop(folder: number): void {
    const held = this.#held.get(folder);
    if (held === undefined) return;
    this.#held.delete(folder);
    if (this.#last === folder) {
      this.#last = -1;
      this.#lastHeld = null;
    }
    this.#close(folder, held.handle);
  }

  close(): void {
    for (const folder of [...this.#held.keys()]) this.drop(folder);
  }
}
