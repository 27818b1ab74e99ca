// Alternative destinations (--compare-dest, --copy-dest, --link-dest): trees in which entries are looked for that the target lacks. Asked by
// the generator for each such entry, by signer and receiver for the basis of a delta. Promises: only reads; what is found is reached
// below a root that is held open, never through a link.

import { equalBytes } from "../base/bytes.ts";
import { deviceMajor, deviceMinor } from "../base/file_list.ts";
import { LINK_TARGET_BYTES } from "../base/limits.ts";
import { Verb } from "../base/problem.ts";
import { Errno, type Handle, isSameInode, Kind, OpenMode, Stat } from "../os/os.ts";
import { compareMetadata, quickCheck } from "../plan/compare.ts";
import { digestFile } from "../tree/digest_file.ts";
import type { TargetState } from "./target_state.ts";

/** How much of an entry is the same: it is of that kind, its content is equal, its metadata too. */
export const Match = { kind: 1, content: 2, all: 3 } as const;

export interface Found {
  /** Which alternative. */
  at: number;
  match: number;
  stat: Stat;
}

export class Alternatives {
  readonly #state: TargetState;
  readonly #roots: readonly Handle[];
  /** The folder that is being compared, opened in each alternative when it is needed; undefined: not yet. */
  #folder = -1;
  readonly #handles: (Handle | undefined)[] = [];
  readonly #linkTarget = new Uint8Array(LINK_TARGET_BYTES + 1);
  /** Where the basis of a file lies that is wanted as a delta. */
  readonly #bases = new Map<number, number>();
  /** With -c: what was found of this entry. */
  #digested: { index: number; found: Found | null } = { index: -1, found: null };
  /** --compare-dest: files at the target that are the same in an alternative; they go at the end. */
  readonly needless: number[] = [];

  constructor(state: TargetState, roots: readonly Handle[]) {
    this.#state = state;
    this.#roots = roots;
  }

  get count(): number {
    return this.#roots.length;
  }

  /** The folder `folder` of the list in alternative `at`, or a negated errno. */
  folder(folder: number, at: number): Handle {
    if (this.#folder !== folder) {
      this.#leave();
      this.#folder = folder;
    }
    return this.#handles[at] ??= this.#state.os.openBeneath(this.#roots[at], this.#state.list.path(folder));
  }

  /** The best match of file i; of equal ones the first. */
  file(i: number): Found | null {
    if (this.#digested.index === i) return this.#digested.found;
    const { list, options } = this.#state;
    return this.#best(i, (_at, stat) => !options.ignoreTimes && quickCheck(list, i, stat, options.modifyWindowNs));
  }

  /** The same by digests (-c): what `file` will answer for i. */
  async digest(i: number): Promise<void> {
    const { list, options } = this.#state;
    const equal = new Set<number>();
    const listed = list.digest(i);
    for (let at = 0; at < this.#roots.length && listed !== null; at++) {
      const stat = this.#look(i, at);
      if (stat?.kind !== Kind.file || stat.size !== list.size(i) || options.ignoreTimes) continue;
      const file = this.#open(i, at);
      if (file < 0) continue;
      const digest = await digestFile(this.#state.os, file, this.#state.digesters!.list, this.#state.env.breathe);
      this.#state.os.close(file);
      if (digest !== null && equalBytes(digest, listed)) equal.add(at);
    }
    this.#digested = { index: i, found: this.#best(i, (at) => equal.has(at)) };
  }

  /** The best match of a link or special. */
  other(i: number): Found | null {
    return this.#best(i, (at, stat) => this.#isSameOther(i, at, stat));
  }

  /** What the first alternative that has it tells of a folder; null if none does. */
  folderStat(i: number): Stat | null {
    for (let at = 0; at < this.#roots.length; at++) {
      const stat = this.#look(i, at);
      if (stat?.kind === Kind.folder) return stat;
    }
    return null;
  }

  /** File i will be wanted as a delta of what was found. */
  useAsBasis(i: number, { at }: Found): void {
    this.#bases.set(i, at);
  }

  /** Opens the basis of file i, or null where that is the target's own. */
  openBasis(i: number): Handle | null {
    const at = this.#bases.get(i);
    return at === undefined ? null : this.#open(i, at);
  }

  /** Opens file i in an alternative. */
  open(i: number, { at }: Found): Handle {
    return this.#open(i, at);
  }

  /** --compare-dest: takes away what the target need not have, if that is still so. */
  async removeNeedless(): Promise<void> {
    const { list, os, env } = this.#state;
    for (const i of this.needless) {
      const found = this.#best(i, (_at, stat) => stat.size === list.size(i));
      const folder = found?.match === Match.all ? this.#state.openForChange(list.parent(i)) : -1;
      const removed = folder < 0 ? 0 : os.unlink(folder, this.#state.name(i));
      if (removed < 0 && removed !== -Errno.ENOENT) this.#state.problem(Verb.remove, -removed, i);
      await env.pause();
    }
  }

  close(): void {
    this.#leave();
  }

  #open(i: number, at: number): Handle {
    const { os, list } = this.#state;
    const folder = os.openBeneath(this.#roots[at], list.path(list.parent(i)));
    if (folder < 0) return folder;
    const file = os.openFile(folder, this.#state.name(i), OpenMode.read, 0);
    os.close(folder);
    return file;
  }

  #look(i: number, at: number): Stat | null {
    const { os, list } = this.#state;
    const folder = this.folder(list.parent(i), at);
    const name = this.#state.name(i);
    const stat = new Stat();
    return folder < 0 || os.statAt(folder, name, 0, name.length, stat) < 0 ? null : stat;
  }

  #best(i: number, isEqual: (at: number, stat: Stat) => boolean): Found | null {
    const { list, options, owners } = this.#state;
    let best: Found | null = null;
    for (let at = 0; at < this.#roots.length; at++) {
      const stat = this.#look(i, at);
      if (stat === null || stat.kind !== list.kind(i)) continue;
      const match = !isEqual(at, stat)
        ? Match.kind
        : compareMetadata(list, i, stat, options, owners) === 0
        ? Match.all
        : Match.content;
      if (match > (best?.match ?? 0)) best = { at, match, stat };
      if (match === Match.all) break;
    }
    return best;
  }

  #isSameOther(i: number, at: number, stat: Stat): boolean {
    const { os, list } = this.#state;
    if (stat.kind === Kind.link) {
      const length = os.readLink(this.folder(list.parent(i), at), this.#state.name(i), this.#linkTarget);
      return length >= 0 && equalBytes(this.#linkTarget.subarray(0, length), this.#state.linkTarget(i));
    }
    if (stat.kind !== Kind.charDevice && stat.kind !== Kind.blockDevice) return true;
    return deviceMajor(list.size(i)) === stat.rdevMajor && deviceMinor(list.size(i)) === stat.rdevMinor;
  }

  /**
   * A second name for entry i as it was found, under `to` in `folder`. 0 or a negated errno: also where something else stands there by
   * now, or where no link is possible.
   */
  link(i: number, { at, stat }: Found, folder: Handle, to: Uint8Array): number {
    const { os, list } = this.#state;
    const from = this.folder(list.parent(i), at);
    const linked = from < 0 ? from : os.hardLink(from, this.#state.name(i), folder, to);
    if (linked < 0) return linked;
    const made = new Stat();
    const looked = os.statAt(folder, to, 0, to.length, made);
    if (looked === 0 && isSame(made, stat)) return 0;
    os.unlink(folder, to);
    return -Errno.ENOENT;
  }

  #leave(): void {
    for (const handle of this.#handles.splice(0)) if (handle !== undefined && handle >= 0) this.#state.os.close(handle);
  }
}

/** The same inode with the same content, as far as its times tell; a link changes ctime. */
function isSame(a: Stat, b: Stat): boolean {
  return isSameInode(a, b) && a.kind === b.kind && a.size === b.size && a.mtimeSec === b.mtimeSec &&
    a.mtimeNs === b.mtimeNs;
}
