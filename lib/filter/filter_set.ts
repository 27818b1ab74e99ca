// The ordered rules of a run, applied: the scan asks `excluded` for every entry before it looks into it, the deletion
// pass asks `protectedFromDeletion` before it removes one. First match wins; a path that no rule matches is neither
// excluded nor protected. Asking allocates nothing and costs nothing where there are no rules.

import { Pattern } from "./pattern.ts";
import type { Rule, RuleSide } from "./rule.ts";

const SLASH = 0x2f;

interface Decision {
  readonly pattern: Pattern;
  readonly exclude: boolean;
}

export class FilterSet {
  /** No rule works on the sender, nor on the receiver. */
  readonly isEmpty: boolean;
  readonly #hide: Decision[] = [];
  readonly #protect: Decision[] = [];

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const decision = { pattern: new Pattern(rule.pattern), exclude: rule.action === "exclude" };
      if (worksOn(rule.side, "sender")) this.#hide.push(decision);
      if (worksOn(rule.side, "receiver")) this.#protect.push(decision);
    }
    this.isEmpty = rules.length === 0;
  }

  /**
   * Whether the sender leaves an entry out. `path` is relative to the transfer root as rsync sees it (with the source's
   * last name in front where the source was given without trailing slash), no slash at either end; only its first
   * `length` bytes count, so that a scan can keep one buffer. The root itself (length 0) is never excluded. What lies
   * in an excluded folder is not asked about: the caller does not look into it.
   */
  excluded(path: Uint8Array, isFolder: boolean, length: number = path.length): boolean {
    return decide(this.#hide, path, isFolder, length);
  }

  /**
   * Whether the receiver keeps an entry that the sender does not have. `path` as in `excluded`. A protected folder is
   * kept with all it holds; a folder that holds a protected entry cannot be removed either, only the rest of it.
   */
  protectedFromDeletion(path: Uint8Array, isFolder: boolean, length: number = path.length): boolean {
    return decide(this.#protect, path, isFolder, length);
  }
}

function worksOn(side: RuleSide, end: "sender" | "receiver"): boolean {
  return side === "both" || side === end;
}

function decide(decisions: readonly Decision[], path: Uint8Array, isFolder: boolean, length: number): boolean {
  const count = decisions.length;
  if (count === 0 || length === 0) return false;
  let nameStart = length;
  while (nameStart > 0 && path[nameStart - 1] !== SLASH) nameStart--;
  for (let i = 0; i < count; i++) {
    const decision = decisions[i];
    if (decision.pattern.matches(path, length, nameStart, isFolder)) return decision.exclude;
  }
  return false;
}
