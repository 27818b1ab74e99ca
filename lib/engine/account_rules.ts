// The rules of --usermap, --groupmap and --chown for a target half: made by whoever makes that half, and only where there are any.

import type { SyncOptions } from "../base/options.ts";
import type { AccountRules } from "../plan/owner_map.ts";
import type { Environment } from "./environment.ts";

/**
 * Null without rules. Throws TsyncError "usage" if one is not understood. Where source and target are one machine (`isLocal`) names
 * are not told: they are the ones here.
 */
export async function accountRules(
  options: SyncOptions,
  env: Environment,
  isLocal = false,
): Promise<AccountRules | null> {
  const { userMap, groupMap, numericIds } = options;
  if (userMap.length === 0 && groupMap.length === 0) return null;
  const { parseAccountMap } = await import("../plan/account_map_rules.ts");
  const users = parseAccountMap("--chown or --usermap", userMap, (name) => env.accounts.uidOf(name));
  const groups = parseAccountMap("--chown or --groupmap", groupMap, (name) => env.accounts.gidOf(name));
  // The name of number 0 does not travel: it is the one it has here.
  const isOurs = (id: number) => !numericIds && (isLocal || id === 0);
  return {
    user: (id, name) => users(id, isOurs(id) ? env.accounts.nameOfUid(id) : name),
    group: (id, name) => groups(id, isOurs(id) ? env.accounts.nameOfGid(id) : name),
  };
}
