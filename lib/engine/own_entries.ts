// The own entries of the folder whose list is in hand: finds the twin of each listed entry, and notes what has none. Used by the generator;
// deleter and target half take what was noted. Promises: our own names are never among the extras (D14), nor what rules or options protect.

import { joinPath } from "../base/bytes.ts";
import { FileList } from "../base/file_list.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, type Listing, Stat } from "../os/os.ts";
import { March } from "../plan/march.ts";
import { isOwnName, isOwnTemporary, isPartialFolder, isPartialFolderName, isTrashName } from "../tree/own_names.ts";
import { SortedListing } from "../tree/sorted_listing.ts";
import type { ToldFolder } from "./seen_folder.ts";
import type { TargetState } from "./target_state.ts";

export class OwnEntries {
  readonly #state: TargetState;
  readonly #names = new SortedListing();
  readonly #march = new March();
  readonly #stat = new Stat();
  #folder = -1;
  #seen: ToldFolder | null = null;
  /** Own entries without a twin in the list: parent = index of their folder in the file list. Only with --delete. */
  readonly extras = new FileList();
  /** Own entries looked at, extras included: what a share of deletions is reckoned against. */
  count = 0;
  /** Temporary names seen, by folder. */
  readonly leftovers = new Map<number, Uint8Array[]>();
  /** Folders with partials of earlier runs in them. */
  readonly withPartials: number[] = [];
  /** What else the folder holds is not this run's business: only a part of it is listed, or it lies on another file system (-x). */
  isSpared = false;
  /** Where names fold: positions of own names that no listed one has, byte by byte; looked at when the folder's list is complete. */
  readonly #unfolded: number[] = [];

  constructor(state: TargetState) {
    this.#state = state;
  }

  /** The folder in hand is another one, of which only a part may be listed; until it is read, it holds nothing. */
  begin(folder: number, isNamed: boolean): void {
    this.#folder = folder;
    this.isSpared = isNamed;
    this.#seen = null;
    this.#names.listing.clear();
    this.#march.start(null);
    this.#unfolded.length = 0;
  }

  /** Reads the names of the folder in hand; 0 or a negated errno. */
  read(handle: Handle): number {
    const result = this.#names.read(this.#state.os, handle);
    if (result < 0) return result;
    this.#state.folds?.learnFrom(handle, this.#names.listing);
    this.#march.start(this.#names);
    return 0;
  }

  /** The same by what was seen of it before. */
  take(seen: ToldFolder): void {
    this.#seen = seen;
    seen.list(this.#names);
    this.#state.folds?.learnFrom(this.#handle, this.#names.listing);
    this.#march.start(this.#names);
  }

  /** Fills `out` with what was seen of the file at a position; false if nothing was, or it was none. */
  seenFile(position: number, out: Stat): boolean {
    return this.#seen !== null && this.#seen.file(position, out);
  }

  /** What was seen of the folder in hand; null: it was read. */
  get seen(): ToldFolder | null {
    return this.#seen;
  }

  /** Position of the first own name that has not been found or passed over. */
  get position(): number {
    return this.#march.position;
  }

  /** The next so many own names are the twins of the next listed entries. */
  skip(count: number): void {
    this.#march.skip(count);
    this.count += count;
  }

  /** What the folder in hand held when it was read. */
  get listing(): Listing {
    return this.#names.listing;
  }

  /** Position of the twin of entry i, the next listed one, or -1. */
  find(i: number): number {
    return this.#march.find(this.#state.list, i, this.#extra);
  }

  /** The list of the folder in hand is complete. */
  end(): void {
    this.#march.finish(this.#extra);
    for (const position of this.#unfolded.splice(0)) this.#extraUnlessListed(position);
  }

  readonly #extra = (position: number): void => {
    if (this.#state.folds?.isOn) this.#unfolded.push(position);
    else this.#extraAt(position);
  };

  /** Where names fold, what is listed under another form of the name is no extra. */
  #extraUnlessListed(position: number): void {
    if (!this.#state.folds!.isListed(this.#names.name(position))) this.#extraAt(position);
  }

  #extraAt(position: number): void {
    const { listing, order } = this.#names;
    const row = order[position];
    const at = listing.at[row];
    const length = listing.length[row];
    if (isOwnName(listing.names, at, length)) return this.#leftover(listing.name(row));
    const state = this.#state;
    // Without a root folder of the source's own, what else lies in the target folder is none of this run's business.
    if (this.isSpared || (this.#folder === 0 && !state.root.hasMetadata)) return;
    this.count++;
    const { options, places, mounts } = state;
    if (!options.delete || !(options.recursive || options.dirs)) return;
    const path = joinPath(state.list.path(this.#folder), listing.name(row));
    const kind = this.#kindOf(listing.names, at, length, listing.kind[row], path);
    if (kind === Kind.unknown) return;
    const name = listing.name(row);
    const place = places?.of(this.#folder) ?? null;
    if (places?.isLost(this.#folder)) return;
    if (kind === Kind.folder && mounts?.keeps(this.#handle, this.#look(name), path)) return;
    if (state.isProtected(path, name, kind === Kind.folder, () => this.#look(name), place)) return;
    this.extras.add(listing.names, at, length, this.#folder, kind << 12, 0, 0, 0, 0, 0, 0, null);
  }

  /** The folder in hand, open. */
  get #handle(): Handle {
    return this.#state.folders.get(this.#folder);
  }

  #look(name: Uint8Array): Stat | null {
    return this.#state.os.statAt(this.#handle, name, 0, name.length, this.#stat) < 0 ? null : this.#stat;
  }

  /** The kind as the folder told it, else by stat; unknown if it is gone or cannot be looked at, which is told. */
  #kindOf(names: Uint8Array, at: number, length: number, hinted: number, path: Uint8Array): number {
    if (hinted !== Kind.unknown) return hinted;
    const looked = this.#state.os.statAt(this.#handle, names, at, length, this.#stat);
    if (looked < 0 && looked !== -Errno.ENOENT) this.#state.tell(Verb.stat, Cause.system, -looked, path);
    return looked < 0 ? Kind.unknown : this.#stat.kind;
  }

  // ---- names of our own

  #leftover(name: Uint8Array): void {
    if (isPartialFolderName(name) && this.#hasPartials(name)) return void this.withPartials.push(this.#folder);
    if (this.#isTrash(name)) return;
    if (!isOwnTemporary(name)) {
      const path = joinPath(this.#state.list.path(this.#folder), name);
      return this.#state.tell(Verb.skip, Cause.reservedName, 0, path);
    }
    const names = this.leftovers.get(this.#folder);
    if (names === undefined) this.leftovers.set(this.#folder, [new Uint8Array(name)]);
    else names.push(new Uint8Array(name));
  }

  #hasPartials(name: Uint8Array): boolean {
    const stat = this.#look(name);
    return stat !== null && isPartialFolder(stat, this.#state.env.identity.uid);
  }

  /** A trash lies where it was made by a run of its own. */
  #isTrash(name: Uint8Array): boolean {
    return isTrashName(name) && this.#look(name)?.kind === Kind.folder;
  }
}
