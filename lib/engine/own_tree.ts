// The target's own tree as a whole, scanned while the source scans its, for the digests of subtrees. Called by the target half in a
// session that compares them. Promises: nothing is told of what cannot be read or is not a run's business (a folder that holds
// such has no digest, so that it is listed and dealt with); a folder that the list names and the target lacks differs.

import { compareRanges } from "../base/bytes.ts";
import { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { type Handle, Kind } from "../os/os.ts";
import type { Wait } from "../session/ports.ts";
import { type Piece, Scan } from "../tree/scan.ts";
import { type AccountNames, SubtreeDigests, type SubtreeTally, type TreeTerms } from "../tree/subtree_digests.ts";
import type { Environment } from "./environment.ts";

export interface OwnTreeInput {
  env: Environment;
  root: Handle;
  /** Folders right below the root that count; null: the whole root. */
  only: Uint8Array[] | null;
  options: SyncOptions;
  filters: FilterSet;
  terms: TreeTerms;
  hash: ConstructorParameters<typeof SubtreeDigests>[1];
  /** The session's list. */
  list: FileList;
}

/** The folder is not there, or not known yet whether it is. */
const NONE = -1;

export class OwnTree {
  readonly #list: FileList;
  readonly #own = new FileList();
  readonly #digests: SubtreeDigests;
  readonly #pieces: Iterator<Piece>;
  readonly #pause: () => Wait;
  /** Own folder of each folder of the session's list that was looked for. */
  readonly #ownOf = new Map<number, number>([[0, 0]]);
  #isScanned = false;
  #isDirty = false;
  #isStopped = false;

  constructor({ env, root, only, options, filters, terms, hash, list }: OwnTreeInput) {
    this.#list = list;
    this.#pause = () => env.pause();
    this.#digests = new SubtreeDigests(this.#own, hash, terms, ownAccountNames(env, options.numericIds));
    const everything = { ...options, recursive: true, links: true, devices: true, specials: true };
    const word = new Uint8Array(0);
    const origins = only === null ? [{ root, only, word }] : only.map((name) => ({ root, only: name, word }));
    const scan = new Scan(env.os, this.#own, origins, everything, filters, () => this.#isDirty = true);
    scan.addRoot(null);
    this.#pieces = scan.pieces();
  }

  /** Scans on its own until it is through or stopped. */
  async run(): Promise<void> {
    while (!this.#isScanned && !this.#isStopped) {
      this.#step();
      const wait = this.#pause();
      if (wait !== undefined) await wait;
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** What lies below a folder of the session's list, if its subtree has this digest here; else null. */
  async equal(folder: number, digest: Uint8Array): Promise<SubtreeTally | null> {
    const own = await this.#find(folder);
    if (own === NONE) return null;
    await this.#until(() => this.#digests.isComplete(own));
    const ours = this.#digests.digest(own);
    return ours !== null && ours.every((byte, i) => byte === digest[i]) ? this.#digests.tally(own) : null;
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue() && !this.#isScanned) {
      this.#step();
      const wait = this.#pause();
      if (wait !== undefined) await wait;
    }
  }

  #step(): void {
    this.#isDirty = false;
    const next = this.#pieces.next();
    if (next.done) this.#isScanned = true;
    else this.#digests.add({ ...next.value, incomplete: next.value.incomplete || this.#isDirty });
  }

  async #find(folder: number): Promise<number> {
    const known = this.#ownOf.get(folder);
    if (known !== undefined) return known;
    const parent = await this.#find(this.#list.parent(folder));
    if (parent !== NONE) await this.#until(() => this.#digests.isListed(parent));
    const found = parent === NONE ? NONE : this.#child(parent, folder);
    this.#ownOf.set(folder, found);
    return found;
  }

  /** The own child folder of the name that `folder` has in the session's list. */
  #child(parent: number, folder: number): number {
    const list = this.#list;
    const own = this.#own;
    const { first, count } = this.#digests.range(parent);
    const piece = list.namePiece(folder);
    const at = list.nameStart(folder);
    const length = list.nameLength(folder);
    let low = first;
    let high = first + count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareRanges(
        own.namePiece(middle),
        own.nameStart(middle),
        own.nameLength(middle),
        piece,
        at,
        length,
      );
      if (order === 0) return own.kind(middle) === Kind.folder ? middle : NONE;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return NONE;
  }
}

/** The names that a source's names lead to: only one that leads back to its number counts. */
function ownAccountNames({ accounts }: Environment, numericIds: boolean): AccountNames {
  if (numericIds) return { user: () => null, group: () => null };
  const good = (name: Uint8Array | null, id: number, idOf: (name: Uint8Array) => number | null) =>
    name !== null && idOf(name) === id ? name : null;
  return {
    user: (uid) => good(accounts.nameOfUid(uid), uid, (name) => accounts.uidOf(name)),
    group: (gid) => good(accounts.nameOfGid(gid), gid, (name) => accounts.gidOf(name)),
  };
}
