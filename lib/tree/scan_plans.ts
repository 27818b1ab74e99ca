// Which folders a scan reads, in which order, and what of each: all that one origin holds, what several hold together, or what is named
// one by one. Called by Scan. Promises: depth first, in rsync's order; a folder comes once.

import { compareRanges } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { Kind } from "../os/os.ts";
import type { FileSystems } from "./file_systems.ts";
import type { NamedPaths, PathRange } from "./named_paths.ts";
import type { Origin } from "./origins.ts";

/** What is listed of a folder: the content of these origins, and what named paths lead to. */
export interface Plan {
  whole: number[];
  named: PathRange;
  isBare: boolean;
}

const NOTHING: PathRange = { lo: 0, hi: 0, at: 0 };

export interface ScanPlansInput {
  list: FileList;
  origins: readonly Origin[];
  options: SyncOptions;
  filter: { readonly isEmpty: boolean };
  /** What is named one by one; null: nothing is. */
  paths: NamedPaths | null;
  /** -x; null: folders on other file systems are like any other. */
  fileSystems: FileSystems | null;
}

export class ScanPlans {
  readonly #input: ScanPlansInput;
  #list: FileList;
  /** Folders to read, next one last. */
  readonly #pending: number[] = [];
  /** Plans of folders that are not simply all of what their origin holds. */
  readonly #plans = new Map<number, Plan>();
  /** The origins that hold a folder just listed, where there are several. */
  readonly #holders = new Map<number, number[]>();

  constructor(input: ScanPlansInput) {
    this.#input = input;
    this.#list = input.list;
  }

  /** The list was taken over by `other`. */
  moveTo(other: FileList): void {
    this.#list = other;
  }

  /** Folders to read. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Begins with the root. */
  begin(): void {
    const { paths, origins } = this.#input;
    const whole = origins.map((_, origin) => origin);
    if (paths !== null) this.#plans.set(0, this.#planRoot(paths));
    else if (whole.length > 1) this.#plans.set(0, { whole, named: NOTHING, isBare: false });
    this.#pending.push(0);
  }

  /** The next folder; undefined: there is none. */
  next(): number | undefined {
    return this.#pending.pop();
  }

  /** What is listed of a folder; undefined: all that its own origin holds. Once. */
  take(folder: number): Plan | undefined {
    const plan = this.#plans.get(folder);
    this.#plans.delete(folder);
    return plan;
  }

  /** Another origin holds the folder `i`, which was listed last, too. */
  unite(i: number, origin: number): void {
    const holders = this.#holders.get(i) ?? [this.#list.origin(i)];
    if (!holders.includes(origin)) holders.push(origin);
    this.#holders.set(i, holders);
  }

  #planRoot(paths: NamedPaths): Plan {
    const named = paths.all;
    const end = paths.ended(named);
    const whole: number[] = [];
    for (let k = 0; k < end; k++) whole.push(paths.origin(k));
    return { whole, named: { ...named, lo: end }, isBare: false };
  }

  /**
   * Puts the folders among the entries appended since `first`, which were found in `parent`, on the stack, so that they come off in
   * rsync's order, and tells of each; `plan`: what was listed of `parent`.
   */
  descend(first: number, parent: number, plan: Plan | undefined, tell: (folder: number) => void): void {
    const { options, paths, fileSystems } = this.#input;
    if (options.listOnly && !options.recursive && paths === null) return;
    const list = this.#list;
    const folders = list.ofKind(Kind.folder, first, list.count - first);
    if (paths !== null || !options.recursive) { for (const i of folders) this.#plan(i, parent, plan); }
    else this.#planShared();
    for (const i of folders) if (fileSystems?.mounts.has(i)) this.#planMount(i);
    sortAsFolders(list, folders);
    for (const folder of folders.reverse()) {
      this.#pending.push(folder);
      tell(folder);
    }
  }

  /** Nothing is listed of a folder on another file system, unless another argument holds it on its own. */
  #planMount(i: number): void {
    const plan = this.#plans.get(i);
    const whole = plan === undefined ? [] : plan.whole.filter((origin) => origin !== this.#list.origin(i));
    this.#plans.set(i, { whole, named: plan?.named ?? NOTHING, isBare: false });
  }

  /** Folders that several arguments hold are read in each. */
  #planShared(): void {
    if (this.#holders.size === 0) return;
    for (const [i, whole] of this.#holders) this.#plans.set(i, { whole, named: NOTHING, isBare: false });
    this.#holders.clear();
  }

  /** What is listed of a folder in a run that names entries one by one; `above`: what was of its parent. */
  #plan(i: number, parent: number, above: Plan | undefined): void {
    const list = this.#list;
    const { paths, filter, options: { recursive, noImpliedDirs } } = this.#input;
    const holders = this.#holders.get(i) ?? [list.origin(i)];
    this.#holders.delete(i);
    const isInWhole = above === undefined
      ? (origin: number) => origin === list.origin(parent)
      : (origin: number) => above.whole.includes(origin);
    const whole = recursive ? holders.filter(isInWhole) : [];
    if (paths === null || above === undefined || above.named.lo === above.named.hi) {
      if (recursive && whole.length === 1 && whole[0] === list.origin(i)) return;
      this.#plans.set(i, { whole, named: NOTHING, isBare: false });
      return;
    }
    const named = paths.child(above.named, list.name(i));
    const end = paths.ended(named);
    for (let k = named.lo; k < end; k++) {
      const origin = paths.origin(k);
      if ((recursive || paths.content(k)) && !whole.includes(origin)) whole.push(origin);
    }
    const isBare = noImpliedDirs && end === named.lo && !holders.some(isInWhole);
    const rest = { ...named, lo: end };
    // A rule may leave out on the way what is named behind it.
    const isOfWhole = recursive && filter.isEmpty && whole.length === 1 && paths.isOfOne(rest) &&
      paths.origin(rest.lo) === whole[0];
    const isCovered = rest.lo === rest.hi || isOfWhole;
    if (recursive && isCovered && whole.length === 1 && whole[0] === list.origin(i)) return;
    this.#plans.set(i, { whole, named: isCovered ? NOTHING : rest, isBare });
  }
}

/** Sorts folders of one folder as rsync visits them. */
export function sortAsFolders(list: FileList, folders: number[]): void {
  folders.sort((a, b) => compareAsFolders(list, a, b));
}

/** rsync orders folders as if their names ended in "/". */
function compareAsFolders(list: FileList, a: number, b: number): number {
  const aLength = list.nameLength(a);
  const bLength = list.nameLength(b);
  const common = Math.min(aLength, bLength);
  const difference = compareRanges(
    list.namePiece(a),
    list.nameStart(a),
    common,
    list.namePiece(b),
    list.nameStart(b),
    common,
  );
  if (difference !== 0 || aLength === bLength) return difference;
  const next = aLength > bLength
    ? list.namePiece(a)[list.nameStart(a) + common]
    : list.namePiece(b)[list.nameStart(b) + common];
  const slash = 0x2f;
  return aLength > bLength ? next - slash : slash - next;
}
