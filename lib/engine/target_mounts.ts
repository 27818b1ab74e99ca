// -x at the target: what lies on another file system is not deleted, whatever the source has. Made by the target half of a run with
// that option; asked by generator and deleter. Promises: nothing is deleted in a listed folder that lies on another file system than
// the topmost listed one above it, and no folder that lies on another one than the folder it is in (a mount point).

import { latin1 } from "../base/bytes.ts";
import { IndexSet } from "../base/index_set.ts";
import type { FileList } from "../base/file_list.ts";
import { Cause, Verb } from "../base/problem.ts";
import { type Handle, Kind, type Os, Stat } from "../os/os.ts";
import { FileSystems, isSameDevice } from "../tree/file_systems.ts";
import type { TargetState } from "./target_state.ts";

export class TargetMounts {
  readonly #state: TargetState;
  readonly #os: Os;
  readonly #list: FileList;
  readonly #fileSystems: FileSystems;
  /** Folders of which only what was named is listed. */
  readonly #named = new IndexSet();
  /** Mount points that were told of: they are looked at when they are counted, and again. */
  readonly #told = new Set<string>();
  /** What stat tells of the topmost folders. */
  readonly #tops = new Map<number, Stat>();

  constructor(state: TargetState) {
    this.#state = state;
    this.#os = state.os;
    this.#list = state.list;
    this.#fileSystems = new FileSystems(state.os);
  }

  /** A listed folder was opened: whether what it holds beside is spared. */
  begin(folder: number, handle: Handle, isNamed: boolean): boolean {
    if (isNamed) {
      this.#named.add(folder);
      return true;
    }
    const stat = new Stat();
    if (this.#os.statHandle(handle, stat) < 0) return true;
    const top = this.#topOf(folder);
    if (top === folder) this.#tops.set(folder, stat);
    const first = this.#tops.get(top);
    return first === undefined || !isSameDevice(first, stat);
  }

  /** The argument that the folder belongs to: what the operator named may lie anywhere. */
  #topOf(folder: number): number {
    for (let at = folder;;) {
      if (at === 0 || this.#tops.has(at)) return at;
      const parent = this.#list.parent(at);
      if (this.#named.has(parent) || (parent === 0 && !this.#state.root.hasMetadata)) return at;
      at = parent;
    }
  }

  /** Whether an own folder, found in an open one, is a mount point and stays; told once, as in rsync. `isInside`: in a folder that goes. */
  keeps(folder: Handle, found: Stat | null, path: Uint8Array, isInside = false): boolean {
    if (found === null || found.kind !== Kind.folder || !this.#fileSystems.isElsewhere(folder, found)) return false;
    const key = latin1(path);
    const isLeftOut = this.#state.options.oneFileSystem > 1;
    if (this.#told.has(key) || (isInside && !isLeftOut)) return true;
    this.#told.add(key);
    this.#state.tell(Verb.remove, isLeftOut ? Cause.mountSkipped : Cause.mountKept, 0, path);
    return true;
  }

  /** Whether the folder behind `handle`, which is about to be emptied, lies on another file system than the one it is in. */
  isMounted(handle: Handle, path: Uint8Array): boolean {
    const { root } = this.#state;
    const parent = this.#state.openBeneath(path.subarray(0, Math.max(0, path.lastIndexOf(0x2f))));
    const stat = new Stat();
    const isMounted = path.length > 0 &&
      (parent < 0 || root.handle < 0 || this.#os.statHandle(handle, stat) < 0 ||
        this.#fileSystems.isElsewhere(parent, stat));
    if (parent >= 0) this.#os.close(parent);
    return isMounted;
  }
}
