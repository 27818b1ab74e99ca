// Putting metadata on a pinned inode (R6): owner before mode, because a change of owner clears set-id bits; time last,
// because nothing after it may touch the entry. Called for staged files, for entries that differ in metadata only, and
// for folders at the end of a run.

import { Verb } from "../base/problem.ts";
import { type Handle, Kind, type Os, type Stat } from "../os/os.ts";

/** What an entry shall have; -1 (mode, uid, gid) or null times: as it is. */
export interface Wanted {
  mode: number;
  uid: number;
  gid: number;
  setsTime: boolean;
  mtimeSec: number;
  mtimeNs: number;
  /** Left out: the access time is as it is. */
  atime?: { sec: number; ns: number };
  /** Brings extended attributes in step; null or left out: they stay as they are. */
  attributes?: AttributeTask | null;
}

/** True if it changed something, false if all was as it should be, or what failed. */
export type AttributeTask = (handle: Handle, has: Stat) => Failure | boolean;

export interface Failure {
  verb: number;
  errno: number;
}

/** Brings the entry behind `handle` from `has` to `wanted` with as few calls as that takes; null, or what failed first. */
export function applyMetadata(os: Os, handle: Handle, has: Stat, wanted: Wanted): Failure | null {
  const uid = wanted.uid >= 0 && wanted.uid !== has.uid ? wanted.uid : -1;
  const gid = wanted.gid >= 0 && wanted.gid !== has.gid ? wanted.gid : -1;
  const changesOwner = uid >= 0 || gid >= 0;
  if (changesOwner) {
    const result = os.setOwner(handle, uid, gid);
    if (result < 0) return { verb: Verb.setOwner, errno: -result };
  }
  // Behind the owner, whose change takes capabilities off; before the mode, which an access list changes, too.
  const attributed = wanted.attributes?.(handle, has) ?? false;
  if (typeof attributed === "object") return attributed;
  const changesMode = wanted.mode !== has.mode || attributed || (changesOwner && (has.mode & 0o6000) !== 0);
  if (has.kind !== Kind.link && wanted.mode >= 0 && changesMode) {
    const result = os.setMode(handle, wanted.mode);
    if (result < 0) return { verb: Verb.setMode, errno: -result };
  }
  if (wanted.setsTime && (wanted.mtimeSec !== has.mtimeSec || wanted.mtimeNs !== has.mtimeNs)) {
    const result = os.setTimes(handle, wanted.mtimeSec, wanted.mtimeNs);
    if (result < 0) return { verb: Verb.setTimes, errno: -result };
  }
  const { atime } = wanted;
  if (atime !== undefined && (atime.sec !== has.atimeSec || atime.ns !== has.atimeNs)) {
    const result = os.setAccessTime(handle, atime.sec, atime.ns);
    if (result < 0) return { verb: Verb.setTimes, errno: -result };
  }
  return null;
}
