// The target's own tree, or part of it, scanned by another thread. Made by the target half: for all of it where source and target are
// one process, so that both trees are read at once; for half of a large one elsewhere. Promises: a thread that cannot start or fails
// finds nothing equal, and everything is listed.

import type { SyncOptions } from "../base/options.ts";
import type { Handle } from "../os/os.ts";
import { startThread, type Thread } from "../os/thread.ts";
import type { SubtreeTally, TreeTerms } from "../tree/subtree_digests.ts";
import type { TreeComparer, TreeHelper, TreeResult } from "./own_tree.ts";

/** What the thread is told first. */
export interface TreeOrder {
  root: Handle;
  only: readonly Uint8Array[] | null;
  options: SyncOptions;
  terms: TreeTerms;
  seed: { low: number; high: number };
  /** Accounts are numbers, not names. */
  byNumber: boolean;
}

/** What it is asked then: to compare paths, or, without digests, for what it found. */
export interface TreeQuestion {
  paths: readonly Uint8Array[];
  digests: Uint8Array | null;
}

export class TreeThread implements TreeComparer, TreeHelper {
  readonly #thread: Thread;
  readonly #only: readonly Uint8Array[];
  /** Those who wait for an answer, oldest first; null: there will be none. */
  readonly #waiting: ((answer: unknown) => void)[] = [];
  #isOver = false;

  constructor(order: TreeOrder) {
    this.#only = order.only ?? [];
    const answer = (message: unknown) => this.#waiting.shift()!(message);
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

  async compare(paths: readonly Uint8Array[], digests: Uint8Array): Promise<(SubtreeTally | null)[]> {
    return (await this.#ask({ paths, digests })) as (SubtreeTally | null)[] | null ??
      new Array(paths.length).fill(null);
  }

  async result(): Promise<TreeResult | null> {
    return (await this.#ask({ paths: this.#only, digests: null })) as TreeResult | null;
  }

  #ask(question: TreeQuestion): Promise<unknown> {
    if (this.#isOver) return Promise.resolve(null);
    this.#thread.post(question);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
