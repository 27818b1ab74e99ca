// What a target takes of a list: only what was asked for (R4). Asked by the target half about each piece of the list before anything is done
// with it. Promises: throws TsyncError "stream" for a name, a kind or a missing argument that nobody asked for, and for what our own
// rules leave out; what rules in the source's own folders may include again is not ours to judge.

import { latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { Kind } from "../os/os.ts";
import type { AskedNames } from "../tree/asked_names.ts";
import { isAskedKind } from "../tree/scan.ts";

/** How it is told what that is. */
export interface RequestedWords {
  /** The source is a batch (--read-batch): it sends what is wanted only, and nobody asked it for anything. */
  isBatch?: boolean;
  /** Top-level names that were asked for; null = whatever the source holds. */
  expected: Uint8Array[] | null;
  /** --delete-missing-args: what may be told to be missing, where `asked` does not say it; null: whatever the source was given. */
  missable?: Uint8Array[] | null;
  /** In a run that names its entries one by one: what was asked for, if it is known here. */
  asked?: AskedNames | null;
}

export class Requested {
  readonly #list: FileList;
  readonly #filters: FilterSet;
  readonly #options: SyncOptions;
  readonly #asked: AskedNames | null;
  readonly #expected: Set<string> | null;
  readonly #missable: Set<string> | null;
  readonly #isFiltered: boolean;

  constructor(list: FileList, filters: FilterSet, options: SyncOptions, words: RequestedWords) {
    this.#list = list;
    this.#filters = filters;
    this.#options = options;
    this.#asked = words.asked ?? null;
    this.#expected = words.expected === null ? null : new Set(words.expected.map(latin1));
    this.#missable = words.missable == null ? null : new Set(words.missable.map(latin1));
    this.#isFiltered = words.isBatch !== true && !filters.isEmpty;
  }

  root(hasRoot: boolean): void {
    this.#asked?.root(hasRoot);
  }

  /** Entries [first, first + count) of `folder`. Rules do not look at folders on the way to what was named. */
  piece(folder: number, first: number, count: number, isNamed: boolean): void {
    const list = this.#list;
    this.#asked?.piece(list, folder, first, count, isNamed);
    const expected = folder === 0 ? this.#expected : null;
    for (let i = first; i < first + count; i++) {
      const kind = list.kind(i);
      const isFolder = kind === Kind.folder;
      if (kind !== Kind.file && !isAskedKind(kind, this.#options)) {
        refuse("an entry of a kind that was not asked for");
      }
      if (expected !== null && !expected.has(latin1(list.name(i)))) refuse("an entry that was not asked for");
      if (!this.#isFiltered || (isNamed && isFolder && this.#leadsTo(folder, i))) continue;
      if (this.#filters.surelyExcluded(list.path(i), isFolder)) refuse("an entry that is excluded");
    }
  }

  #leadsTo(folder: number, i: number): boolean {
    return this.#asked?.leadsTo(this.#list, folder, i) ?? true;
  }

  /** An argument that the source does not have. */
  missing(path: Uint8Array): void {
    const isAsked = this.#asked?.has(path) ?? this.#missable?.has(latin1(path)) ?? true;
    if (!isAsked) refuse("a missing name that was not asked for");
  }
}

function refuse(what: string): never {
  throw new TsyncError({ kind: "stream", detail: `the peer sent ${what}` });
}
