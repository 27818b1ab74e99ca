// The target's own tree in a session that may compare digests of subtrees: whether that is offered, which scan it is (the one that began
// ahead, one of this thread, one of another), and what it says. Used by the target half. Promises: a scan that is not needed is stopped,
// and none begins before the source may begin, too.

import { actsAsRoot } from "../plan/owner_map.ts";
import type { TreeOffer } from "../session/ports.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import { comparesTrees, treeTerms } from "../tree/subtree_digests.ts";
import type { Lifetime } from "./lifetime.ts";
import { type Comparison, ownAccountNames, OwnTree, topFolders, type TreeComparer, treeOffer } from "./own_tree.ts";
import type { ScanAhead } from "./scan_ahead.ts";
import type { TargetState } from "./target_state.ts";
import { TreeThread } from "./tree_thread.ts";

/** Whether the source can tell digests of subtrees: then the own tree is scanned by this thread, or, within one process, by another one. */
export type TreeChoice = "not" | "here" | { threadSeed: { low: number; high: number } };

export class TargetTree {
  readonly #state: TargetState;
  readonly #lifetime: Lifetime;
  readonly #choice: TreeChoice;
  /** The scan that has begun, if any. */
  readonly #ahead: ScanAhead | null;
  #offered: TreeOffer | null = null;
  #tree: TreeComparer | null = null;
  /** With -A or -X: for the digests. Set before the root is open. */
  attributes: AttributeReader | null = null;

  constructor(state: TargetState, lifetime: Lifetime, choice: TreeChoice, ahead: ScanAhead | null) {
    this.#state = state;
    this.#lifetime = lifetime;
    this.#choice = choice;
    this.#ahead = ahead;
  }

  /** Whether what is equal need not be listed: where there is a tree, and the quick check alone decides. */
  offer(): TreeOffer | null {
    const { root, options, env, streaming } = this.#state;
    if (this.#choice === "not" || streaming || !comparesTrees(options)) return null;
    if (root.handle < 0 || root.isEmpty || root.singleName !== null) return null;
    return this.#offered = treeOffer(env);
  }

  /** The source knows of the offer, if one was made, and computes its digests: so do we. */
  begin(): void {
    if (this.#offered === null || this.#choice !== "here") return this.#ahead?.tree.stop();
    const { handle, hasMetadata } = this.#state.root;
    const ahead = this.#ahead;
    if (ahead !== null && ahead.isOfRoot === hasMetadata && ahead.isOf(handle)) this.#tree = ahead.tree;
    else {
      ahead?.tree.stop();
      // Where the root is not the source's own, a scan begins when it is needed.
      if (hasMetadata) this.#start(null);
    }
  }

  /** Within one process: the source's tree is large, and `only` (null: all) of the target root will be compared with it. */
  expectLarge(only: readonly Uint8Array[] | null): void {
    if (this.#offered !== null && this.#lifetime.ended === null) this.#start(only);
  }

  /** How each of these folders of the list is beside the own tree. */
  compare(folders: Uint32Array, digests: Uint8Array): Promise<Comparison[]> {
    const { list } = this.#state;
    const tree = this.#tree ?? this.#start(topFolders(list));
    return tree.compare([...folders].map((folder) => list.path(folder)), digests);
  }

  stop(): void {
    this.#tree?.stop();
    this.#tree = null;
  }

  #start(only: readonly Uint8Array[] | null): TreeComparer {
    const { root: { handle: root }, options, env, filters, digesters } = this.#state;
    const order = { root, only, options, terms: treeTerms(options, this.#offered!) };
    const tree = typeof this.#choice === "object"
      ? new TreeThread({ ...order, isRoot: actsAsRoot(env.identity), seed: this.#choice.threadSeed })
      : new OwnTree({
        ...{ ...order, os: env.os, filters, pause: () => env.pause() },
        accounts: ownAccountNames(env, options.numericIds),
        attributes: this.attributes,
        seal: (digest) => digesters!.list.hash(digest),
      });
    this.#tree = tree;
    this.#lifetime.beside(env.breathe().then(() => tree.run()));
    return tree;
  }
}
