// The target's own tree, scanned while the source cannot be heard yet: in a pull the remote shell's handshake takes longer than
// reading a hundred thousand entries. Made by the job runner, taken over by the target half. Promises: it reads and changes nothing;
// the half takes it only if it is the folder that the run turns out to write in.

import type { SyncOptions } from "../base/options.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { type Handle, isSameOpen } from "../os/os.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import { comparesTrees, type Seal, treeTerms } from "../tree/subtree_digests.ts";
import type { Environment } from "./environment.ts";
import { ownAccountNames, OwnTree, treeOffer } from "./own_tree.ts";

export interface ScanAheadInput {
  env: Environment;
  options: SyncOptions;
  filters: FilterSet;
  /** The target path as typed. */
  path: Uint8Array;
  /** Names that the sources will have below it; null: the target stands for the source's own folder. */
  only: readonly Uint8Array[] | null;
  /** Reads attributes, where they count. */
  attributes: AttributeReader | null;
}

export class ScanAhead {
  readonly tree: OwnTree;
  /** Whether the target stands for the source's own folder. */
  readonly isOfRoot: boolean;
  /** What the session's seed makes of a digest; known before the first comparison. */
  seal: Seal | null = null;
  readonly #env: Environment;
  readonly #root: Handle;

  private constructor({ env, options, filters, only, attributes }: ScanAheadInput, root: Handle) {
    this.#env = env;
    this.#root = root;
    this.isOfRoot = only === null;
    this.tree = new OwnTree({
      ...{ os: env.os, root, only, options, filters, attributes, pause: () => env.pause() },
      terms: treeTerms(options, treeOffer(env)),
      accounts: ownAccountNames(env, options.numericIds),
      seal: (digest) => this.seal!(digest),
    });
  }

  /** Begins at the next turn; null where nothing will be compared, or nothing is there. */
  static begin(input: ScanAheadInput): ScanAhead | null {
    if (!comparesTrees(input.options)) return null;
    const root = input.env.os.openRoot(input.path);
    if (root < 0) return null;
    const ahead = new ScanAhead(input, root);
    // What goes wrong here leaves folders without a digest: they are listed.
    input.env.breathe().then(() => ahead.tree.run()).catch(() => {});
    return ahead;
  }

  /** Whether `root` is the folder that is being scanned. */
  isOf(root: Handle): boolean {
    return isSameOpen(this.#env.os, this.#root, root);
  }

  close(): void {
    this.tree.stop();
    this.#env.os.close(this.#root);
  }
}
