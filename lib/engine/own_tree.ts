// The target's own tree as a whole, scanned while the source scans its, for the digests of subtrees. Called by the target half in a
// session that compares them. Promises: nothing is told of what cannot be read or is not a run's business (a folder that holds
// such has no digest, so that it is listed and dealt with); a folder that the list names and the target lacks differs.

import { compareRanges } from "../base/bytes.ts";
import { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { type Handle, Kind, type Os } from "../os/os.ts";
import type { TreeOffer, Wait } from "../session/ports.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import { type Piece, Scan } from "../tree/scan.ts";
import {
  type AccountNames,
  NUMBERS,
  type Seal,
  SEAL_BYTES,
  SubtreeDigests,
  type SubtreeTally,
  type TreeTerms,
} from "../tree/subtree_digests.ts";
import type { Environment } from "./environment.ts";
import { ListedFolder, SEEN_ENTRIES, type SeenFolder } from "./seen_folder.ts";

/** Compares what lies below folders of the target root with digests of the source's. */
export interface TreeComparer {
  /** Scans until it is through or stopped. */
  run(): Promise<void>;
  stop(): void;
  /** For each path below the root and its SEAL_BYTES of `digests`. */
  compare(paths: readonly Uint8Array[], digests: Uint8Array): Promise<Comparison[]>;
}

/** What lies below a folder, if it is equal here; else what was seen of the folder itself, where that can be told. */
export type Comparison<Seen = SeenFolder> = { equal: SubtreeTally } | { seen: Seen | null };

export interface OwnTreeInput {
  os: Os;
  root: Handle;
  /** Folders right below the root that count; null: the whole root. */
  only: readonly Uint8Array[] | null;
  options: SyncOptions;
  filters: FilterSet;
  terms: TreeTerms;
  accounts: AccountNames;
  /** Null where attributes do not count. */
  attributes: AttributeReader | null;
  seal: Seal;
  pause(): Wait;
}

const NONE = -1;
const SLASH = 0x2f;

export class OwnTree implements TreeComparer {
  readonly #own = new FileList();
  readonly #digests: SubtreeDigests;
  readonly #pieces: Iterator<Piece>;
  readonly #pause: () => Wait;
  readonly #seal: Seal;
  #isScanned = false;
  #isDirty = false;
  #isStopped = false;

  constructor({ os, root, only, options, filters, terms, accounts, attributes, seal, pause }: OwnTreeInput) {
    this.#pause = pause;
    this.#seal = seal;
    this.#digests = new SubtreeDigests(this.#own, terms, accounts);
    const everything = { ...options, recursive: true, links: true, devices: true, specials: true };
    const word = new Uint8Array(0);
    const origin = { root, only: null, word, at: word, from: 0 };
    const origins = only === null ? [origin] : only.map((name) => ({ ...origin, only: name }));
    const scan = new Scan(os, this.#own, origins, everything, filters, () => this.#isDirty = true);
    if (attributes !== null) scan.readAttributes(attributes);
    scan.addRoot(null);
    this.#pieces = scan.pieces();
  }

  async run(): Promise<void> {
    await this.#until(() => false);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async compare(paths: readonly Uint8Array[], digests: Uint8Array): Promise<Comparison<ListedFolder>[]> {
    const comparisons: Comparison<ListedFolder>[] = [];
    for (const [k, path] of paths.entries()) {
      const own = await this.#find(path);
      const ours = own === NONE ? null : await this.#digestOf(own);
      const isEqual = ours !== null && this.#seal(ours).every((byte, i) => byte === digests[k * SEAL_BYTES + i]);
      comparisons.push(isEqual ? { equal: this.#digests.tally(own) } : { seen: this.#seen(own) });
    }
    return comparisons;
  }

  #seen(own: number): ListedFolder | null {
    if (own === NONE || !this.#digests.isListed(own)) return null;
    const { first, count, isAll } = this.#digests.range(own);
    return isAll && count <= SEEN_ENTRIES ? new ListedFolder(this.#own, first, count) : null;
  }

  async #digestOf(own: number): Promise<Uint8Array | null> {
    await this.#until(() => this.#digests.isComplete(own));
    return this.#digests.isComplete(own) ? this.#digests.digest(own) : null;
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue() && !this.#isScanned && !this.#isStopped) {
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

  async #find(path: Uint8Array): Promise<number> {
    let folder = 0;
    for (let at = 0; at < path.length && folder !== NONE;) {
      const slash = path.indexOf(SLASH, at);
      const end = slash < 0 ? path.length : slash;
      const parent = folder;
      await this.#until(() => this.#digests.isListed(parent));
      folder = this.#digests.isListed(parent) ? this.#child(parent, path, at, end - at) : NONE;
      at = end + 1;
    }
    return folder;
  }

  /** The child folder whose name stands in `bytes`. */
  #child(parent: number, bytes: Uint8Array, at: number, length: number): number {
    const own = this.#own;
    const { first, count } = this.#digests.range(parent);
    let low = first;
    let high = first + count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const name = own.namePiece(middle);
      const order = compareRanges(name, own.nameStart(middle), own.nameLength(middle), bytes, at, length);
      if (order === 0) return own.kind(middle) === Kind.folder ? middle : NONE;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return NONE;
  }
}

/** What lets itself be set here, and so counts. */
export function treeOffer({ identity }: Environment): TreeOffer {
  return { owner: actsAsRoot(identity), group: true };
}

/** The names that a source's names lead to: only one that leads back to its number counts. */
export function ownAccountNames({ accounts }: Environment, numericIds: boolean): AccountNames {
  if (numericIds) return NUMBERS;
  const good = (name: Uint8Array | null, id: number, idOf: (name: Uint8Array) => number | null) =>
    name !== null && idOf(name) === id ? name : null;
  return {
    user: (uid) => good(accounts.nameOfUid(uid), uid, (name) => accounts.uidOf(name)),
    group: (gid) => good(accounts.nameOfGid(gid), gid, (name) => accounts.gidOf(name)),
  };
}

/** Folders right below the root of a list: what of the target's root counts where the root is not the source's own. */
export function topFolders(list: FileList): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let i = 1; i < list.count && list.parent(i) === 0; i++) {
    if (list.kind(i) === Kind.folder) names.push(list.name(i).slice());
  }
  return names;
}
