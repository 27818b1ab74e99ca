// A scan's looks at folders and names as the origins have them: links are followed where that is asked, and where an origin begins its
// root is looked at. Called by Scan and by what finds the names of a folder for it.

import { equalBytes, joinPath } from "../base/bytes.ts";
import { entryColumns } from "../base/file_list.ts";
import { NAME_BYTES } from "../base/limits.ts";
import { type Handle, Kind, type ManySeen, type Os, Stat } from "../os/os.ts";
import { identityTag } from "./identity_tag.ts";
import type { LinkFollower } from "./link_follower.ts";
import { type Origin, placeOf } from "./origins.ts";
import { isOwnName } from "./own_names.ts";
import type { SortedListing } from "./sorted_listing.ts";

/** Names that are looked at in one go. */
export const MANY = 512;
const NOTHING_SEEN = { count: 0, nameBytes: 0, bytes: 0, holeBytes: 0 };

export class ScanLooks {
  /** What was seen last. */
  readonly stat = new Stat();
  readonly #os: Os;
  readonly #origins: Origin[];
  /** Null: links stay links. */
  readonly #follower: LinkFollower | null;
  #seen: ManySeen | null = null;

  constructor(os: Os, origins: Origin[], follower: LinkFollower | null) {
    this.#os = os;
    this.#origins = origins;
    this.#follower = follower;
  }

  get follows(): boolean {
    return this.#follower !== null;
  }

  /** Opens the folder as one origin holds it. */
  open(origin: number, path: Uint8Array): Handle {
    const { root, rest } = placeOf(this.#origins, origin, path);
    return this.#follower?.openBeneath(root, rest) ?? this.#os.openBeneath(root, rest);
  }

  /**
   * lstat of a name in an open folder, or what the link leads to if it is one to follow (where that cannot be looked at, the stat is the
   * link's own), or, where an origin begins at it, of that origin's root; 0 or a negated errno.
   */
  look(origin: number, path: Uint8Array, handle: Handle, names: Uint8Array, at: number, length: number): number {
    const stat = this.stat;
    if (this.#beginsAt(origin, path, names, at, length)) {
      return this.#os.statHandle(this.#origins[origin].root, stat);
    }
    stat.kind = Kind.unknown;
    const result = this.#os.statAt(handle, names, at, length, stat);
    if (result < 0 || stat.kind !== Kind.link || this.#follower === null) return result;
    return Math.min(0, this.#follower.look(handle, names.slice(at, at + length), depthOf(path), stat));
  }

  /** Looks at many names as statMany of Os does, one by one. */
  many(handle: Handle, { listing, order }: SortedListing, position: number, most: number): ManySeen {
    const seen = this.#seen ??= {
      columns: entryColumns(MANY),
      names: new Uint8Array(MANY * NAME_BYTES),
      ...NOTHING_SEEN,
    };
    Object.assign(seen, NOTHING_SEEN);
    const { nameLength, mode, uid, gid, size, mtimeSec, mtimeNs, tag } = seen.columns;
    const stat = this.stat;
    for (let count = 0; count < most; seen.count = ++count) {
      const row = order[position + count];
      const at = listing.at[row];
      const length = listing.length[row];
      const hinted = listing.kind[row];
      if (hinted !== Kind.file && hinted !== Kind.folder && hinted !== Kind.unknown) break;
      if (isOwnName(listing.names, at, length) || this.#os.statAt(handle, listing.names, at, length, stat) < 0) break;
      const kind = stat.kind;
      if (kind !== Kind.file && kind !== Kind.folder) break;
      seen.names.set(listing.names.subarray(at, at + length), seen.nameBytes);
      seen.nameBytes += length;
      nameLength[count] = length;
      mode[count] = (kind << 12) | stat.mode;
      uid[count] = stat.uid;
      gid[count] = stat.gid;
      mtimeSec[count] = stat.mtimeSec;
      mtimeNs[count] = stat.mtimeNs;
      tag[count] = identityTag(stat);
      size[count] = 0;
      if (kind === Kind.folder) continue;
      size[count] = stat.size;
      seen.bytes += stat.size;
      if (stat.allocated < stat.size) seen.holeBytes += stat.size - stat.allocated;
    }
    return seen;
  }

  #beginsAt(origin: number, path: Uint8Array, names: Uint8Array, at: number, length: number): boolean {
    const begins = this.#origins[origin].at;
    if (begins.length === 0 || begins.length !== path.length + length + (path.length === 0 ? 0 : 1)) return false;
    return equalBytes(begins, joinPath(path, names.subarray(at, at + length)));
  }
}

/** Folders between the root and what is in the folder at `path`. */
function depthOf(path: Uint8Array): number {
  if (path.length === 0) return 0;
  let depth = 1;
  for (const byte of path) if (byte === 0x2f) depth++;
  return depth;
}
