// The folder of a trash and the runs in it: opened below a held root or by an operator's word, and looked at before anything in it is
// believed. Called by whoever writes a trash, undoes a run, or tells of runs. Promises: nothing is reached through a link; what
// is not ours, or what others could write to, is refused; a run's folder that a live run holds is left alone.

import { equalBytes, fromLatin1, hex, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { errnoText } from "../base/errno.ts";
import { Errno, type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { TRASH_NAME } from "./own_names.ts";
import { eachName } from "./stage.ts";
import { isRunName, readRecords, type TrashRecord } from "./trash_record.ts";

export const JOURNAL = fromLatin1("journal");
/** Its presence says that the run was undone. */
export const UNDONE = fromLatin1("undone");
/** The same of an undo that was begun. */
export const UNDOING = fromLatin1("undoing");
/** A longer journal is not read, bytes. */
const JOURNAL_BYTES = 4 * 2 ** 30 - 1;
const OTHERS_WRITE = 0o022;

/** Demands that what is open is a folder of ours that nobody else can write to. Throws TsyncError "selection". */
function demandOurs(os: Os, handle: Handle, uid: number, what: string): void {
  const stat = new Stat();
  const looked = os.statHandle(handle, stat);
  if (looked < 0) refuse(`cannot look at ${what}: ${errnoText(-looked)}`);
  if (stat.kind !== Kind.folder) refuse(`${what} is no folder`);
  if (stat.uid !== uid || (stat.mode & OTHERS_WRITE) !== 0) {
    refuse(`${what} is not used: it belongs to somebody else, or others can write to it`);
  }
}

/** The trash in the root, opened; -ENOENT if there is none. Throws TsyncError "selection" if it cannot be trusted. */
export function openTrash(os: Os, root: Handle, uid: number): Handle {
  return checked(os, os.openFolder(root, TRASH_NAME), uid, `the trash "${latin1(TRASH_NAME)}"`);
}

/** The trash at an operator's word: `opened` as its folder was opened, or a negated errno; closed again where it cannot be trusted. */
export function openTrashAt(os: Os, opened: Handle, path: Uint8Array, uid: number): Handle {
  return checked(os, opened, uid, `the trash "${latin1(path)}"`);
}

function checked(os: Os, handle: Handle, uid: number, what: string): Handle {
  if (handle === -Errno.ENOENT) return handle;
  if (handle === -Errno.EXDEV) {
    refuse(`cannot use ${what}: a link on the way leads out of the target; name the folder itself`);
  }
  if (handle < 0) refuse(`cannot open ${what}: ${errnoText(-handle)}`);
  try {
    demandOurs(os, handle, uid, what);
    return handle;
  } catch (error) {
    os.close(handle);
    throw error;
  }
}

/** A run's folder, made and held by a shared lock; below zero: a negated errno. */
export function makeRun(os: Os, trash: Handle, name: Uint8Array): Handle {
  const made = os.makeFolder(trash, name, 0o700);
  if (made < 0) return made;
  const handle = os.openFolder(trash, name);
  if (handle >= 0) os.lockShared(handle);
  else os.removeFolder(trash, name);
  return handle;
}

/** A run's folder, opened. Throws TsyncError "selection" if there is none, or it cannot be trusted. */
export function openRun(os: Os, trash: Handle, name: Uint8Array, uid: number): Handle {
  const what = `the run "${latin1(name)}"`;
  if (!isRunName(name)) refuse(`${what}: runs are named DATE-TIME-RANDOM; tsync history shows them`);
  const handle = checked(os, os.openFolder(trash, name), uid, what);
  if (handle < 0) refuse(`${what} is not in the trash; tsync history shows which are`);
  return handle;
}

/** The names of the runs in the trash, oldest first. */
export function runNames(os: Os, trash: Handle): Uint8Array[] {
  const names: string[] = [];
  eachName(os, trash, (name) => {
    if (isRunName(name)) names.push(latin1(name));
  });
  return names.sort().map(fromLatin1);
}

/** A name for a run that begins at `timeSec`: names rise as time does, to the millisecond, and the last five digits are chance. */
export function runName(timeSec: number, random: Uint8Array): Uint8Array {
  const [date, time] = new Date(Math.floor(timeSec * 1000)).toISOString().split("T");
  const last = time.slice(9, 12) + hex(random.subarray(0, 3)).slice(0, 5);
  return fromLatin1(`${date.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${last}`);
}

/** The journal of a run; null if it has none. Throws TsyncError "selection" if it cannot be trusted or is damaged. */
export function readJournal(os: Os, run: Handle, uid: number): Iterable<TrashRecord> | null {
  const handle = os.openFile(run, JOURNAL, OpenMode.read, 0);
  if (handle === -Errno.ENOENT) return null;
  if (handle < 0) refuse(`cannot open the journal: ${errnoText(-handle)}`);
  try {
    const stat = new Stat();
    const looked = os.statHandle(handle, stat);
    if (looked < 0) refuse(`cannot look at the journal: ${errnoText(-looked)}`);
    const isOurs = stat.kind === Kind.file && stat.uid === uid && stat.nlink === 1 && (stat.mode & OTHERS_WRITE) === 0;
    if (!isOurs) refuse("the journal is not used: it is no file of ours alone");
    if (stat.size > JOURNAL_BYTES) refuse("the journal is too long");
    return readRecords(readAll(os, handle, stat.size));
  } finally {
    os.close(handle);
  }
}

function readAll(os: Os, handle: Handle, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let used = 0;
  while (used < size) {
    const count = os.readAt(handle, bytes.subarray(used), used);
    if (count < 0) refuse(`cannot read the journal: ${errnoText(-count)}`);
    if (count === 0) break;
    used += count;
  }
  return bytes.subarray(0, used);
}

/** Bytes of the files in a run's folder, its journal included; and whether the run was undone, or that was begun. */
export function weighRun(os: Os, run: Handle): { bytes: number; isUndone: boolean; isBegun: boolean } {
  const stat = new Stat();
  let bytes = 0;
  let isUndone = false;
  let isBegun = false;
  eachName(os, run, (name) => {
    if (equalBytes(name, UNDONE)) isUndone = true;
    if (equalBytes(name, UNDOING)) isBegun = true;
    if (os.statAt(run, name, 0, name.length, stat) === 0 && stat.kind === Kind.file) bytes += stat.size;
  });
  return { bytes, isUndone, isBegun };
}

/** Whether removeRun would take it out: it is neither being written nor undone. */
export function isRemovable(os: Os, trash: Handle, name: Uint8Array, uid: number): boolean {
  const run = os.openFolder(trash, name);
  if (run < 0) return false;
  try {
    demandOurs(os, run, uid, "a run");
    return os.lockExclusive(run) >= 0;
  } catch (error) {
    if (error instanceof TsyncError) return false;
    throw error;
  } finally {
    os.close(run);
  }
}

/** Takes a run out of the trash for good, unless it is being written or undone; false if it stays. */
export function removeRun(os: Os, trash: Handle, name: Uint8Array, uid: number): boolean {
  const run = os.openFolder(trash, name);
  if (run < 0) return false;
  try {
    demandOurs(os, run, uid, "a run");
    if (os.lockExclusive(run) < 0) return false;
    // What is left without a journal is known to be nothing that could be undone.
    os.unlink(run, JOURNAL);
    eachName(os, run, (kept) => {
      if (os.unlink(run, kept) === -Errno.EISDIR) os.removeFolder(run, kept);
    });
  } catch (error) {
    if (error instanceof TsyncError) return false;
    throw error;
  } finally {
    os.close(run);
  }
  return os.removeFolder(trash, name) === 0;
}

function refuse(detail: string): never {
  throw new TsyncError({ kind: "selection", detail });
}
