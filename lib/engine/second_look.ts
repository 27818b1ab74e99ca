// The second look at the source: whether a path that the target is about to delete is truly absent there. Used by the source half, which hands
// over what it has opened. Promises: whatever cannot be looked at counts as present; what the run leaves out on purpose does not count.

import { equalBytes, joinPath } from "../base/bytes.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { Errno, type Handle, Kind, type Os, Stat } from "../os/os.ts";
import { FileSystems } from "../tree/file_systems.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import type { NamedPaths } from "../tree/named_paths.ts";
import { type Origin, placeOf } from "../tree/origins.ts";
import { isAskedKind } from "../tree/scan.ts";
import type { ScanPlaces } from "../tree/scan_places.ts";
import type { MissingArgs } from "./missing_args.ts";

const SLASH = 0x2f;

export interface SecondLookInput {
  os: Os;
  options: SyncOptions;
  filters: FilterSet;
  /** The arguments that are open; none once the half is closed. */
  origins: readonly Origin[];
  named: NamedPaths | null;
  missing: MissingArgs | null;
  places: ScanPlaces | null;
  follower: LinkFollower | null;
  /** -m: whether a folder holds nothing that would be listed. */
  isPruned: ((folder: Handle, path: Uint8Array) => boolean) | null;
}

/** Null if no source argument offers the path now; else why it must stay. */
export function secondLook(input: SecondLookInput, path: Uint8Array): Problem | null {
  const { origins, options } = input;
  const present = (verb: number, cause: number, errno: number): Problem => {
    return { verb, cause, errno, side: Side.source, path: new Uint8Array(path) };
  };
  const missing = input.missing?.look(path) ?? null;
  if (missing === 0) return present(Verb.remove, Cause.reappeared, 0);
  if (missing !== null && missing !== -Errno.ENOENT) return present(Verb.stat, Cause.system, -missing);
  // Nothing to look at proves nothing: a half that is closed must not let anything be deleted.
  if (origins.length === 0 && missing === null) return present(Verb.open, Cause.system, Errno.EBADF);
  const first = path.indexOf(SLASH);
  const top = first < 0 ? path : path.subarray(0, first);
  const holders = input.named?.holders(path, options.recursive);
  for (const [origin, { only }] of origins.entries()) {
    if (only !== null && !equalBytes(only, top)) continue;
    if (holders !== undefined && !holders.has(origin)) continue;
    const found = lookAt(input, path, origin);
    if (found === null) continue;
    if (typeof found !== "number") return present(found.verb, Cause.system, found.errno);
    // What the scan left out on purpose was there all the time.
    return present(Verb.remove, isAskedKind(found, options) ? Cause.reappeared : Cause.notAsked, 0);
  }
  return null;
}

/** Kind of what one argument has at the path; null: nothing, or nothing that counts. */
function lookAt(
  input: SecondLookInput,
  path: Uint8Array,
  origin: number,
): number | { verb: number; errno: number } | null {
  const { os, options, filters, follower, isPruned } = input;
  const cut = path.lastIndexOf(SLASH);
  const above = path.subarray(0, Math.max(0, cut));
  const name = path.subarray(cut + 1);
  const { root, rest } = placeOf(input.origins, origin, above);
  const folder = follower?.openBeneath(root, rest) ?? os.openBeneath(root, rest);
  if (folder === -Errno.ENOENT || folder === -Errno.ENOTDIR || folder === -Errno.ELOOP) return null;
  if (folder < 0) return { verb: Verb.open, errno: -folder };
  const stat = new Stat();
  const result = os.statAt(folder, name, 0, name.length, stat);
  const isLeftOut = options.oneFileSystem > 1 && result === 0 && stat.kind === Kind.folder &&
    new FileSystems(os).isElsewhere(folder, stat);
  os.close(folder);
  if (isLeftOut || result === -Errno.ENOENT) return null;
  if (result < 0) return { verb: Verb.stat, errno: -result };
  const isFolder = stat.kind === Kind.folder;
  if (isFolder && isPruned !== null && isPrunedAt(os, isPruned, root, joinPath(rest, name), path)) return null;
  // What a rule leaves out does not count, as for rsync: what it protects the target has not asked about.
  const place = input.places?.find(above, origin) ?? null;
  return !filters.isEmpty && filters.excluded(path, isFolder, place) ? null : stat.kind;
}

function isPrunedAt(
  os: Os,
  isPruned: (folder: Handle, path: Uint8Array) => boolean,
  root: Handle,
  place: Uint8Array,
  path: Uint8Array,
): boolean {
  const folder = os.openBeneath(root, place);
  if (folder < 0) return false;
  const found = isPruned(folder, path);
  os.close(folder);
  return found;
}
