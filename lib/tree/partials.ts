// Folders of partials (DESIGN D9, D14): files that came in part when a run ended early. A partial is the basis of the next attempt, never a
// result. Called by the target half and by whoever deletes a folder that holds one. Promises: a partial is used
// only if nobody else can change it: a regular file of ours with one name, in a folder of ours that nobody else may write to; never through a
// link. Where an option names the folder, who may write to it is the operator's affair.

import { Errno, type Handle, isSameInode, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { isPartialFolder, PARTIAL_FOLDER } from "./own_names.ts";
import { eachName } from "./stage.ts";

const PRIVATE_FOLDER = 0o700;
/** Less than this of a file is not worth a signature, bytes. */
export const LEAST_KEPT_BYTES = 64 << 10;
/** Partials nobody came back for are removed after seven days. */
export const KEPT_SECONDS = 7 * 24 * 3600;

/** Opens the folder of partials in `folder`; a negated errno, EPERM where it is not one of ours. */
export function openPartials(os: Os, folder: Handle, uid: number): Handle {
  const handle = os.openFolder(folder, PARTIAL_FOLDER);
  if (handle < 0) return handle;
  const stat = new Stat();
  if (os.statHandle(handle, stat) === 0 && isPartialFolder(stat, uid)) return handle;
  os.close(handle);
  return -Errno.EPERM;
}

/** The same, made if it is missing. */
export function makePartials(os: Os, folder: Handle, uid: number): Handle {
  const made = os.makeFolder(folder, PARTIAL_FOLDER, PRIVATE_FOLDER);
  if (made < 0 && made !== -Errno.EEXIST) return made;
  return openPartials(os, folder, uid);
}

/** Whether what the handle is of may serve as a partial. */
function isSound({ kind, uid: owner, nlink }: Stat, uid: number | null): boolean {
  return kind === Kind.file && nlink === 1 && (uid === null || owner === uid);
}

/** Size of the partial `name`, or -1 where there is none that may be used; `uid` null: whosever it is. */
export function partialBytes(os: Os, partials: Handle, name: Uint8Array, uid: number | null): number {
  const stat = new Stat();
  return os.statAt(partials, name, 0, name.length, stat) === 0 && isSound(stat, uid) ? stat.size : -1;
}

/** Opens the partial `name` in OpenMode `how`; a negated errno, EPERM where it must not be used. */
export function openPartial(os: Os, partials: Handle, name: Uint8Array, uid: number | null, how: number): Handle {
  const handle = os.openFile(partials, name, how, 0);
  if (handle < 0) return handle;
  const stat = new Stat();
  if (os.statHandle(handle, stat) === 0 && isSound(stat, uid)) return handle;
  os.close(handle);
  return -Errno.EPERM;
}

/**
 * Makes the partial `name` the temporary file `temporary` of `folder` (replacing the empty one there) and opens it to be written; a negated
 * errno where it cannot be used: then the temporary is as it was, or gone.
 */
export function takePartial(
  os: Os,
  partials: Handle,
  name: Uint8Array,
  uid: number,
  folder: Handle,
  temporary: Uint8Array,
): Handle {
  const handle = openPartial(os, partials, name, uid, OpenMode.write);
  if (handle < 0) return handle;
  const [opened, placed] = [new Stat(), new Stat()];
  const moved = os.rename(partials, name, folder, temporary);
  const looked = moved < 0 ? moved : os.statAt(folder, temporary, 0, temporary.length, placed);
  // Somebody put another file there between the two: it is nobody's partial.
  const isIt = looked === 0 && os.statHandle(handle, opened) === 0 && isSameInode(opened, placed) &&
    isSound(opened, uid);
  if (isIt) return handle;
  os.close(handle);
  return looked < 0 ? looked : -Errno.EPERM;
}

/** Removes the partials in `folder` that are older than `before` (seconds since 1970), and their folder once it is empty; whether anything went. */
export function sweepPartials(os: Os, folder: Handle, uid: number, before: number): boolean {
  const partials = openPartials(os, folder, uid);
  if (partials < 0) return false;
  const stat = new Stat();
  let removed = 0;
  eachName(os, partials, (name) => {
    if (os.statAt(partials, name, 0, name.length, stat) < 0 || stat.kind === Kind.folder) return;
    if (stat.mtimeSec < before && os.unlink(partials, name) === 0) removed++;
  });
  os.close(partials);
  return os.removeFolder(folder, PARTIAL_FOLDER) === 0 || removed > 0;
}
