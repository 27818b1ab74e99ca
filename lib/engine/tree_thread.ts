// The target's own tree scanned by a second thread, where source and target are one process: both trees are read at once. Made by the
// target half when the source's tree has turned out to be large. Promises: a thread that cannot start or fails finds nothing equal,
// and everything is listed.

import type { SyncOptions } from "../base/options.ts";
import type { Handle } from "../os/os.ts";
import { startThread, type Thread } from "../os/thread.ts";
import type { TreeTerms } from "../tree/subtree_digests.ts";
import type { Comparison, TreeComparer } from "./own_tree.ts";
import { type SeenRange, type SeenRows, ToldFolder } from "./seen_folder.ts";

/** What the thread is told first. */
export interface TreeOrder {
  root: Handle;
  only: readonly Uint8Array[] | null;
  options: SyncOptions;
  terms: TreeTerms;
  isRoot: boolean;
  seed: { low: number; high: number };
}

/** What it is asked then, and what it answers. */
export interface TreeQuestion {
  paths: readonly Uint8Array[];
  digests: Uint8Array;
}
export interface TreeAnswer {
  comparisons: Comparison<SeenRange>[];
  rows: SeenRows;
}

export class TreeThread implements TreeComparer {
  readonly #thread: Thread;
  /** Those who wait for an answer, oldest first; null: there will be none. */
  readonly #waiting: ((answer: TreeAnswer | null) => void)[] = [];
  #isOver = false;

  constructor(order: TreeOrder) {
    const answer = (message: unknown) => this.#waiting.shift()!(message as TreeAnswer);
    this.#thread = startThread(new URL("./own_tree_worker.ts", import.meta.url), () => this.stop(), answer);
    this.#thread.post(order);
  }

  /** The thread does by itself. */
  run(): Promise<void> {
    return Promise.resolve();
  }

  stop(): void {
    this.#isOver = true;
    this.#thread.end();
    for (const resolve of this.#waiting.splice(0)) resolve(null);
  }

  async compare(paths: readonly Uint8Array[], digests: Uint8Array): Promise<Comparison[]> {
    const nothing: Comparison[] = new Array(paths.length).fill({ seen: null });
    if (this.#isOver) return nothing;
    this.#thread.post({ paths, digests } satisfies TreeQuestion);
    const answer = await new Promise<TreeAnswer | null>((resolve) => this.#waiting.push(resolve));
    return answer?.comparisons.map((one) =>
      "equal" in one ? one : { seen: one.seen === null ? null : new ToldFolder(answer.rows, one.seen) }
    ) ?? nothing;
  }
}
