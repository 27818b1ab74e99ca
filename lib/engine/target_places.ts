// Which rules hold in which folder of the target, for its deletions: the target's own files of rules count, as in rsync, as they are
// when the run comes to the folder, before anything in it is changed. Called by the generator and the deleter; made only by a run
// that deletes and has such rules.

import { Side } from "../base/problem.ts";
import type { FilterPlace } from "../filter/filter_set.ts";
import type { Handle } from "../os/os.ts";
import { absoluteWord, MergeFiles } from "../tree/merge_files.ts";
import type { TargetState } from "./target_state.ts";

export class TargetPlaces {
  readonly #state: TargetState;
  readonly #files: MergeFiles;
  /** By folder of the list; null: its file of rules cannot be used, and nothing in it is deleted. */
  readonly #places = new Map<number, FilterPlace | null>();

  /** `path`: the target as typed. */
  constructor(state: TargetState, path: Uint8Array) {
    this.#state = state;
    const { os, env, filters } = state;
    const root = absoluteWord(env.workingFolder(), path);
    this.#files = new MergeFiles(os, filters, root, Side.target, (problem) => state.events.problem(problem));
  }

  /** The run comes to a folder of the list that exists. */
  enter(folder: number, handle: Handle): void {
    const above = this.#above(folder);
    // The root is not the source's own: nothing in it is this run's business.
    const isForeign = folder === 0 && !this.#state.root.hasMetadata;
    const isKnown = above === null || isForeign;
    this.#places.set(folder, isKnown ? above : this.#files.enter(above, this.#state.path(folder), handle));
  }

  #above(folder: number): FilterPlace | null {
    const { list, root } = this.#state;
    if (folder === 0) return root.hasMetadata ? this.#files.start(null) : this.#files.bare();
    const parent = list.parent(folder);
    if (parent === 0 && !root.hasMetadata) return this.#files.start(list.name(folder));
    const above = this.#places.get(parent);
    return above === undefined ? this.#files.bare() : above;
  }

  /** What holds in a folder of the list; null: nothing but what holds everywhere, or it is lost. */
  of(folder: number): FilterPlace | null {
    return this.#places.get(folder) ?? null;
  }

  /** Its file of rules cannot be used. */
  isLost(folder: number): boolean {
    return this.#places.get(folder) === null;
  }

  /** What holds in a folder that goes, given what holds in the one that holds it; null if its file of rules cannot be used. */
  inside(above: FilterPlace | null, path: Uint8Array, handle: Handle): FilterPlace | null {
    return this.#files.enter(above ?? this.#files.bare(), path, handle);
  }
}
