// Partials of one run at the target: where the part of a file stays that came when the run ends early (D9), and how the next run finds it:
// as the basis of a delta, or, on one machine, as the file to write on where it differs. Made by TargetState; asked by generator, signer
// and receiver. Promises: what is found is only ever a basis, compared or verified byte by byte; it goes when the file is in place.

import { fromLatin1 } from "../base/bytes.ts";
import { IndexSet } from "../base/index_set.ts";
import { Errno, type Handle, Listing, OpenMode, type Os, Stat } from "../os/os.ts";
import { isTemporaryOf, ownTemporaries, PARTIAL_FOLDER } from "../tree/own_names.ts";
import { copyAside } from "../tree/copy_aside.ts";
import {
  KEPT_SECONDS,
  LEAST_KEPT_BYTES,
  makePartials,
  openPartial,
  openPartials,
  partialBytes,
  sweepPartials,
  takePartial,
} from "../tree/partials.ts";
import type { TargetState } from "./target_state.ts";

/** A smaller file is not kept unless an option names the place. */
const LEAST_BYTES = 1 << 20;
/** What of the old version is added behind the part: the kernel copies that in the time an interrupted program has. */
const TAIL_BYTES = 256 << 20;
const SLASH = 0x2f;

/** What the receiver knows of a file that will not come to its end. */
export interface Part {
  index: number;
  size: number;
  folder: Handle;
  handle: Handle;
  temporary: Uint8Array;
  /** It was a copy of its basis; what came ends at `end`. */
  isCopied: boolean;
  end: number;
  basis: Handle;
}

export class Partials {
  readonly #state: TargetState;
  readonly #os: Os;
  readonly #uid: number;
  /** --partial-dir; empty: ours. */
  readonly #word: Uint8Array;
  /** Files of this run that have a partial. */
  readonly #found = new IndexSet();
  /** The folder of partials of the folder looked at last. */
  #folder = -1;
  #handle: Handle = -1;
  /** Temporary files in it that were there before. */
  #left: Uint8Array[] = [];

  constructor(state: TargetState) {
    this.#state = state;
    this.#os = state.os;
    this.#uid = state.env.identity.uid;
    this.#word = fromLatin1(state.options.partialDir);
  }

  get #isOurs(): boolean {
    return this.#word.length === 0;
  }

  /** Whose a basis must be: where an option names the folder, what is complete there has its owner already. */
  get #owner(): number | null {
    return this.#isOurs ? this.#uid : null;
  }

  get #isAbsolute(): boolean {
    return this.#word[0] === SLASH;
  }

  /** Whether a run that finds nothing of its own at the target may still find partials. */
  get areElsewhere(): boolean {
    return !this.#isOurs;
  }

  /** Name that a temporary file for file i is made for, if it may become a partial though the run is killed. */
  nameFor(i: number): Uint8Array | null {
    return this.#isOurs && this.#state.list.size(i) >= LEAST_BYTES ? this.#state.name(i) : null;
  }

  /**
   * Bytes of the partial of file i that may serve, or 0; `open` gives its folder; `own`: what that holds. What a killed run was writing
   * becomes its partial.
   */
  find(i: number, open: () => Handle, own: Listing): number {
    const { list, created } = this.#state;
    const parent = list.parent(i);
    if (list.size(i) < this.#least(LEAST_BYTES) || (created.has(parent) && !this.#isAbsolute)) return 0;
    if (this.#folder !== parent) {
      this.#leave();
      this.#folder = parent;
      this.#handle = this.#open(open());
      this.#left = this.#isOurs ? ownTemporaries(own) : [];
    }
    if (this.#left.length > 0) this.#adopt(i, open());
    if (this.#handle < 0) return 0;
    const bytes = partialBytes(this.#os, this.#handle, this.#state.name(i), this.#owner);
    if (bytes < this.#least(LEAST_KEPT_BYTES)) return 0;
    this.#found.add(i);
    return bytes;
  }

  /** Bytes of file i that an earlier run left, whatever becomes of them: nothing is changed. */
  peek(i: number): number {
    const { list } = this.#state;
    const folder = this.#state.openBeneath(list.path(list.parent(i)));
    if (folder < 0) return 0;
    const name = this.#state.name(i);
    const own = new Listing();
    let bytes = this.inside(folder, (partials) => Math.max(0, partialBytes(this.#os, partials, name, this.#owner)));
    if (this.#isOurs && this.#os.readFolder(folder, own) === 0) {
      for (const left of ownTemporaries(own)) {
        if (isTemporaryOf(left, name)) bytes = Math.max(bytes, partialBytes(this.#os, folder, left, this.#uid));
      }
    }
    this.#os.close(folder);
    return Math.max(0, bytes);
  }

  /** What a dead run was writing for file i becomes its partial, unless a live one is at work in the folder. */
  #adopt(i: number, folder: Handle): void {
    const name = this.#state.name(i);
    const left = this.#left.filter((temporary) => isTemporaryOf(temporary, name));
    const bytes = (temporary: Uint8Array) => partialBytes(this.#os, folder, temporary, this.#uid);
    const [longest] = left.sort((a, b) => bytes(b) - bytes(a));
    const had = this.#handle < 0 ? -1 : partialBytes(this.#os, this.#handle, name, this.#uid);
    if (longest === undefined || bytes(longest) <= Math.max(had, LEAST_KEPT_BYTES)) return;
    // A handle of its own: its lock is another one than this run's.
    const own = this.#state.openBeneath(this.#state.list.path(this.#state.list.parent(i)));
    if (own < 0) return;
    if (this.#os.lockExclusive(own) === 0) {
      if (this.#handle < 0) this.#handle = makePartials(this.#os, own, this.#uid);
      if (this.#handle >= 0) this.#os.rename(own, longest, this.#handle, name);
    }
    this.#os.close(own);
  }

  /** Opens the partial of file i to read; null where none was found, or it is gone. */
  openBasis(i: number, folder: Handle): Handle | null {
    if (this.#found.size === 0 || !this.#found.has(i)) return null;
    const handle = this.inside(folder, (partials) => {
      return openPartial(this.#os, partials, this.#state.name(i), this.#owner, OpenMode.read);
    });
    return handle < 0 ? null : handle;
  }

  /** Makes the partial of file i its temporary file, and opens it to be written; null where there is none. */
  take(i: number, folder: Handle, temporary: Uint8Array): Handle | null {
    if (this.#found.size === 0 || !this.#found.has(i)) return null;
    const handle = this.inside(folder, (partials) => {
      const place = this.#state.stage.placeOf(folder, temporary);
      return takePartial(this.#os, partials, this.#state.name(i), this.#uid, place, temporary);
    });
    return handle < 0 ? null : handle;
  }

  /** The file is in place: its partial goes. */
  placed(i: number): void {
    if (this.#found.size === 0 || !this.#found.delete(i)) return;
    const folder = this.#state.folders.get(this.#state.list.parent(i));
    if (folder < 0) return;
    this.inside(folder, (partials) => this.#os.unlink(partials, this.#state.name(i)));
    this.removeEmpty(folder);
  }

  /** Keeps what came of a file, instead of the partial it may have; false: it is not worth it or cannot be, and nothing has changed. */
  keep(part: Part): boolean {
    const { index, size, folder, handle, temporary, isCopied, end, basis } = part;
    const stat = new Stat();
    if (size < this.#least(LEAST_BYTES) || this.#os.statHandle(handle, stat) < 0) return false;
    if ((isCopied ? Math.min(end, stat.size) : stat.size) < this.#least(LEAST_KEPT_BYTES)) return false;
    if (basis >= 0 && !isCopied) this.#addTail(handle, stat.size, basis);
    this.#os.statHandle(handle, stat);
    const kept = this.inside(folder, (partials) => {
      const name = this.#state.name(index);
      if (partialBytes(this.#os, partials, name, this.#owner) > stat.size) return -Errno.EEXIST;
      const from = this.#state.stage.placeOf(folder, temporary);
      const moved = this.#os.rename(from, temporary, partials, name);
      return moved === -Errno.EXDEV ? this.#copy(from, temporary, stat, partials, name) : moved;
    }, true);
    if (kept < 0) this.removeEmpty(folder);
    return kept === 0;
  }

  /** Removes what nobody came back for in a folder of the target; whether anything went. */
  sweep(folder: Handle): boolean {
    const now = this.#state.env.wallSeconds?.() ?? 0;
    return sweepPartials(this.#os, folder, this.#uid, now - KEPT_SECONDS);
  }

  close(): void {
    this.#leave();
  }

  #least(bytes: number): number {
    return this.#isOurs ? bytes : 1;
  }

  /** Behind a part that came as a delta the next attempt finds what the old version has there. */
  #addTail(handle: Handle, from: number, basis: Handle): void {
    const stat = new Stat();
    if (this.#os.statHandle(basis, stat) < 0) return;
    const end = Math.min(stat.size, from + TAIL_BYTES);
    for (let at = from; at < end;) {
      const count = this.#os.copyRange(basis, at, handle, at, end - at);
      if (count <= 0) return;
      at += count;
    }
  }

  /** The folder that an option names lies on another file system. */
  #copy(folder: Handle, temporary: Uint8Array, stat: Stat, partials: Handle, name: Uint8Array): number {
    this.#os.unlink(partials, name);
    const copied = copyAside(this.#os, folder, temporary, stat, partials, name);
    return copied < 0 ? copied : this.#state.stage.discard(folder, temporary);
  }

  #leave(): void {
    if (this.#handle >= 0) this.#os.close(this.#handle);
    this.#folder = this.#handle = -1;
  }

  #open(folder: Handle): Handle {
    if (this.#isOurs) return openPartials(this.#os, folder, this.#uid);
    if (this.#isAbsolute) return this.#state.destinations?.partials(false) ?? -Errno.ENOENT;
    return this.#os.openBeneath(folder, this.#word);
  }

  #make(folder: Handle): Handle {
    if (this.#isOurs) return makePartials(this.#os, folder, this.#uid);
    if (this.#isAbsolute) return this.#state.destinations?.partials(true) ?? -Errno.ENOENT;
    const { parent, name } = this.#split(folder);
    if (parent < 0) return parent;
    const made = this.#os.makeFolder(parent, name, 0o700);
    if (parent !== folder) this.#os.close(parent);
    return made < 0 && made !== -Errno.EEXIST ? made : this.#open(folder);
  }

  /** A relative word in its last component and the folder that this lies in, which the caller closes if it is another one. */
  #split(folder: Handle): { parent: Handle; name: Uint8Array } {
    const cut = this.#word.lastIndexOf(SLASH);
    if (cut < 0) return { parent: folder, name: this.#word };
    return { parent: this.#os.openBeneath(folder, this.#word.subarray(0, cut)), name: this.#word.subarray(cut + 1) };
  }

  /** Does `work` in the folder of partials of `folder`, made if need be where it `makes`; its result, or a negated errno. */
  inside(folder: Handle, work: (partials: Handle) => number, makes = false): number {
    const partials = makes ? this.#make(folder) : this.#open(folder);
    if (partials < 0) return partials;
    const result = work(partials);
    // The folder of an absolute word is held for the whole run.
    if (!this.#isAbsolute) this.#os.close(partials);
    return result;
  }

  /** Takes the folder of partials away if it is empty; one that an absolute word names stays, as in rsync. */
  removeEmpty(folder: Handle): void {
    if (this.#isAbsolute) return;
    if (this.#isOurs) {
      const partials = openPartials(this.#os, folder, this.#uid);
      if (partials < 0) return;
      this.#os.close(partials);
      return void this.#os.removeFolder(folder, PARTIAL_FOLDER);
    }
    const { parent, name } = this.#split(folder);
    if (parent < 0) return;
    this.#os.removeFolder(parent, name);
    if (parent !== folder) this.#os.close(parent);
  }
}
