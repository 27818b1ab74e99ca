// Backups (-b): what is about to be replaced or deleted is kept under another name, beside the original or in a folder of its own. Called
// by the stage before it puts an entry in place, by the generator and by the deleter. Promises: the backup is there before the original is
// gone, and the original's name is never without either its old or its new entry (law 1); one that is a copy is on the disk by then (not with
// --no-fsync).

import { concatBytes, EMPTY, equalBytes, fromLatin1, joinPath, latin1 } from "../base/bytes.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, isSameInode, Kind, Stat } from "../os/os.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import { copyAside } from "../tree/copy_aside.ts";
import type { AheadOfDeletion } from "../tree/ahead.ts";
import { KeptFlush } from "../tree/kept_flush.ts";
import type { StagedFile } from "../tree/stage.ts";
import type { SideFolders } from "./side_folders.ts";
import type { TargetState } from "./target_state.ts";

const SLASH = 0x2f;
/** What hardLink says where there are no second links, or not for this entry. */
const NO_LINKS: readonly number[] = [-Errno.EPERM, -Errno.EMLINK, -Errno.EOPNOTSUPP, -Errno.ENOSYS, -Errno.EACCES];

export class Backup implements AheadOfDeletion {
  readonly #state: TargetState;
  readonly #sides: SideFolders;
  readonly #suffix: Uint8Array;
  readonly #stat = new Stat();
  /** --backup-dir; not opened before something is kept. */
  #root: Handle | null = null;
  /** The folder below it that was used last. */
  #path: Uint8Array = EMPTY;
  #folder: Handle = -1;
  #isTold = false;
  readonly #copies: KeptFlush;
  /** Originals, by path, that were copied ahead, and are not replaced or gone yet. */
  readonly #copied = new Map<string, Stat>();

  constructor(state: TargetState, sides: SideFolders) {
    this.#state = state;
    this.#sides = sides;
    this.#suffix = fromLatin1(state.options.backupSuffix);
    this.#copies = new KeptFlush(state.os);
    // If it is there already and lies inside the target, it must be known before anything is deleted.
    if (this.#isElsewhere) {
      const root = sides.open(state.options.backupDir);
      if (root >= 0) this.#root = root;
    }
  }

  get #isElsewhere(): boolean {
    return this.#state.options.backupDir !== "";
  }

  /** Whether a backup stands beside its original, so that the folder of both is not empty. */
  get isBeside(): boolean {
    return !this.#isElsewhere;
  }

  /** Whether the name is one of a backup beside its original. */
  isBackup(name: Uint8Array): boolean {
    return this.isBeside && name.length > this.#suffix.length &&
      equalBytes(name.subarray(name.length - this.#suffix.length), this.#suffix);
  }

  /**
   * Keeps what stands at the staged file's name. 0: it may be put in place; 1: it has been, because that was the one way to keep
   * both; or a negated errno: then nothing has changed.
   */
  keep(file: StagedFile): number {
    const { os, list } = this.#state;
    const { folder, name } = file;
    const looked = os.statAt(folder, name, 0, name.length, this.#stat);
    if (looked === -Errno.ENOENT || (looked === 0 && this.#stat.kind === Kind.folder)) return 0;
    if (looked < 0) return looked;
    const path = list.path(list.parent(file.index));
    if (this.#takeCopied(path, name, this.#stat)) return this.#told(path, name, 0);
    const to = this.#folderFor(folder, path);
    if (to < 0) return to;
    const backup = this.#nameFor(name);
    if (backup === null) return -Errno.ENAMETOOLONG;
    const kept = this.#second(folder, name, to, backup);
    if (!NO_LINKS.includes(kept)) return this.#told(path, name, kept);
    const swapped = os.exchange(folder, file.temporary, folder, name);
    if (swapped === -Errno.ENOENT) return 0;
    if (swapped < 0) return this.#told(path, name, this.#copy(folder, name, to, backup));
    const moved = this.#move(folder, file.temporary, to, backup);
    if (moved === 0) return this.#told(path, name, 1);
    os.exchange(folder, file.temporary, folder, name);
    return moved;
  }

  // ---- ahead of many changes

  keepAhead({ folder, name, index, isSame }: StagedFile): number {
    const { list } = this.#state;
    return isSame ? 0 : this.keepGoing(folder, list.path(list.parent(index)), name);
  }

  /** Only what needs a copy is kept ahead: a second link, or a rename, takes no time and has nothing to be flushed. */
  keepGoing(folder: Handle, path: Uint8Array, name: Uint8Array): number {
    const { os } = this.#state;
    const stat = new Stat();
    const backup = this.#nameFor(name);
    if (!this.#isElsewhere || backup === null || this.isBackup(name)) return 0;
    if (os.statAt(folder, name, 0, name.length, stat) < 0 || stat.kind === Kind.folder) return 0;
    const to = this.#folderFor(folder, path);
    if (to < 0) return to;
    const has = new Stat();
    const looked = os.statHandle(to, has);
    if (looked < 0 || (has.devMajor === stat.devMajor && has.devMinor === stat.devMinor)) return Math.min(0, looked);
    const copied = this.#copyAnyway(folder, name, to, backup);
    if (copied === 0) this.#copied.set(latin1(joinPath(path, name)), stat);
    return copied;
  }

  /** What a folder held is not kept with it. */
  goes(): void {}

  async flush(): Promise<number> {
    return this.#flushed(this.#copies.isEmpty ? 0 : await this.#copies.flush());
  }

  flushNow(): number {
    return this.#flushed(this.#copies.isEmpty ? 0 : this.#copies.flushNow());
  }

  /** What is not on the disk does not count as copied. */
  #flushed(result: number): number {
    if (result < 0) this.#copied.clear();
    return result;
  }

  /** Whether the original that `stat` tells of was copied ahead. */
  #takeCopied(path: Uint8Array, name: Uint8Array, stat: Stat): boolean {
    if (this.#copied.size === 0) return false;
    const key = latin1(joinPath(path, name));
    const copied = this.#copied.get(key);
    this.#copied.delete(key);
    return copied !== undefined && isSameInode(copied, stat) && copied.size === stat.size &&
      copied.mtimeSec === stat.mtimeSec && copied.mtimeNs === stat.mtimeNs;
  }

  // ---- one by one

  /** Keeps a copy of a file that will be written in place; 0 or a negated errno. */
  keepCopy(folder: Handle, path: Uint8Array, name: Uint8Array): number {
    const backup = this.#nameFor(name);
    if (backup === null) return -Errno.ENAMETOOLONG;
    const to = this.#folderFor(folder, path);
    return to < 0 ? to : this.#told(path, name, this.#copy(folder, name, to, backup));
  }

  /** Moves the entry `from` of the folder at `path` (whose name is or was `name`) away for good; 0 or a negated errno. */
  moveAway(folder: Handle, from: Uint8Array, path: Uint8Array, name: Uint8Array): number {
    const backup = this.#nameFor(name);
    if (backup === null) return -Errno.ENAMETOOLONG;
    const { os } = this.#state;
    if (this.#copied.size > 0 && os.statAt(folder, from, 0, from.length, this.#stat) === 0) {
      if (this.#takeCopied(path, name, this.#stat)) return this.#told(path, name, os.unlink(folder, from));
    }
    const to = this.#folderFor(folder, path);
    return to < 0 ? to : this.#told(path, name, this.#move(folder, from, to, backup));
  }

  #told(path: Uint8Array, name: Uint8Array, result: number): number {
    const { options } = this.#state;
    if (result >= 0 && options.tellsMore) this.#state.tell(Verb.backUp, Cause.done, 0, joinPath(path, name));
    return result;
  }

  close(): void {
    this.#copies.close();
    this.#leaveFolder();
  }

  #nameFor(name: Uint8Array): Uint8Array | null {
    return name.length + this.#suffix.length > 255 ? null : concatBytes(name, this.#suffix);
  }

  /** A second link under the backup's name, in place of an older backup. */
  #second(folder: Handle, name: Uint8Array, to: Handle, backup: Uint8Array): number {
    const { os, stage } = this.#state;
    const linked = os.hardLink(folder, name, to, backup);
    if (linked === -Errno.EXDEV) return this.#copy(folder, name, to, backup);
    if (linked !== -Errno.EEXIST) return linked;
    const aside = stage.createOther(to, (temporary) => os.hardLink(folder, name, to, temporary));
    // Of a name that is taken and another file system the kernel may tell either first.
    if (aside === -Errno.EXDEV) return this.#copy(folder, name, to, backup);
    return typeof aside === "number" ? aside : this.#place(to, aside, backup);
  }

  #move(folder: Handle, from: Uint8Array, to: Handle, backup: Uint8Array): number {
    const { os } = this.#state;
    const moved = os.rename(folder, from, to, backup);
    if (moved === -Errno.EISDIR) {
      const cleared = os.removeFolder(to, backup);
      return cleared < 0 ? cleared : os.rename(folder, from, to, backup);
    }
    if (moved !== -Errno.EXDEV) return moved;
    const copied = this.#copy(folder, from, to, backup);
    return copied < 0 ? copied : os.unlink(folder, from);
  }

  /** A copy that is on the disk. */
  #copy(folder: Handle, name: Uint8Array, to: Handle, backup: Uint8Array): number {
    const copied = this.#copyAnyway(folder, name, to, backup);
    return copied < 0 ? copied : this.flushNow();
  }

  /** A copy that is still to be brought to the disk. */
  #copyAnyway(folder: Handle, name: Uint8Array, to: Handle, backup: Uint8Array): number {
    const { os, stage, options } = this.#state;
    const stat = new Stat();
    const looked = os.statAt(folder, name, 0, name.length, stat);
    if (looked < 0) return looked;
    const aside = stage.createOther(to, (temporary) => copyAside(os, folder, name, stat, to, temporary));
    const placed = typeof aside === "number" ? aside : this.#place(to, aside, backup);
    return placed < 0 || options.noFsync ? placed : this.#copies.add(to, backup);
  }

  /** Gives what was made aside the backup's name, in place of an older backup. */
  #place(to: Handle, aside: Uint8Array, backup: Uint8Array): number {
    const { os, stage } = this.#state;
    let placed = os.rename(to, aside, to, backup);
    if (placed === -Errno.EISDIR && os.removeFolder(to, backup) === 0) placed = os.rename(to, aside, to, backup);
    // Where the older backup is a link to the same file, the rename leaves both names.
    stage.discard(to, aside);
    return placed;
  }

  // ---- the folder of backups

  /** The folder that takes the backups of what lies in `folder`, whose path below the root is `path`. Not the caller's to close. */
  #folderFor(folder: Handle, path: Uint8Array): Handle {
    if (!this.#isElsewhere) return folder;
    if (this.#folder >= 0 && equalBytes(path, this.#path)) return this.#folder;
    this.#leaveFolder();
    this.#tellFolder();
    this.#root ??= this.#sides.make(this.#state.options.backupDir);
    if (this.#root < 0) {
      const failed = this.#root;
      this.#root = null;
      return failed;
    }
    const made = this.#makeBelow(this.#root, path);
    if (made < 0) return made;
    this.#path = path.slice();
    return this.#folder = made;
  }

  /** Before the first backup: where they go, and whether that folder is new. */
  #tellFolder(): void {
    if (this.#isTold || !this.#state.options.tellsMore) return;
    this.#isTold = true;
    this.#state.tell(Verb.backUp, Cause.done, this.#root === null ? 1 : 0, EMPTY);
  }

  /** Opens or makes each folder of the path; a new one is like the one of the same path at the target. */
  #makeBelow(root: Handle, path: Uint8Array): Handle {
    const { os } = this.#state;
    let folder = os.openBeneath(root, EMPTY);
    for (let start = 0; folder >= 0 && start < path.length;) {
      const slash = path.indexOf(SLASH, start);
      const end = slash < 0 ? path.length : slash;
      const child = this.#makeChild(folder, path.subarray(start, end), path.subarray(0, end));
      os.close(folder);
      folder = child;
      start = end + 1;
    }
    return folder;
  }

  #makeChild(folder: Handle, name: Uint8Array, path: Uint8Array): Handle {
    const { os } = this.#state;
    const opened = os.openFolder(folder, name);
    if (opened >= 0) return opened;
    if (opened === -Errno.ENOTDIR || opened === -Errno.ELOOP) {
      // An older backup of something that was no folder.
      const cleared = os.unlink(folder, name);
      if (cleared < 0) return cleared;
    } else if (opened !== -Errno.ENOENT) return opened;
    const made = os.makeFolder(folder, name, 0o700);
    if (made < 0) return made;
    const child = os.openFolder(folder, name);
    if (child >= 0) this.#likeOriginal(child, path);
    return child;
  }

  #likeOriginal(folder: Handle, path: Uint8Array): void {
    const { os, env } = this.#state;
    const original = this.#state.openBeneath(path);
    if (original < 0) return;
    const stat = new Stat();
    if (os.statHandle(original, stat) === 0) {
      if (actsAsRoot(env.identity)) os.setOwner(folder, stat.uid, stat.gid);
      os.setMode(folder, stat.mode);
    }
    os.close(original);
  }

  #leaveFolder(): void {
    if (this.#folder < 0) return;
    this.#state.stage.close(this.#folder);
    this.#folder = -1;
  }
}
