// What --trash writes: one folder per run with the entries that were replaced or deleted, and the journal that says where they were and
// what the run made. Used by trash_os.ts. Promises: made when there is something to put in, so that a run that changes nothing
// leaves none; a record is in the journal before the change that it tells of; where that fails, the change is not made. What takes an older
// entry's place, or away, waits for `flush` or `flushNow`: its record and what is kept of it are on the disk then (not with --no-fsync).

import { EMPTY, equalBytes, fromLatin1 } from "../base/bytes.ts";
import { ByteWriter } from "../base/codec.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import type { SyncOptions } from "../base/options.ts";
import { wallSeconds } from "../os/clock.ts";
import { Errno, type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { copyAside } from "../tree/copy_aside.ts";
import { isInMemory } from "../tree/volumes.ts";
import { KeptFlush } from "../tree/kept_flush.ts";
import { readAttributes } from "../tree/entry_attributes.ts";
import { TRASH_NAME } from "../tree/own_names.ts";
import { JOURNAL, makeRun, openTrash, openTrashAt, runName } from "../tree/trash_folder.ts";
import { type Change, encodeRecord, keptName, stateOf } from "../tree/trash_record.ts";
import type { Environment } from "./environment.ts";
import { makeSide, openSide, sidePath } from "./side_word.ts";
import type { TargetRoot } from "./target_root.ts";
import { pruneTrash } from "./trash_history.ts";

/** What a second link cannot do and a copy can. */
const NO_LINKS: readonly number[] = [
  ...[Errno.EXDEV, Errno.EPERM, Errno.EMLINK, Errno.EOPNOTSUPP, Errno.ENOSYS, Errno.EACCES].map((errno) => -errno),
];
const PART = fromLatin1("part");

export class TrashWriter {
  readonly #os: Os;
  readonly #env: Environment;
  readonly #options: SyncOptions;
  #root: TargetRoot | null = null;
  #trash: Handle = -1;
  #run: Handle = -1;
  #name: Uint8Array = EMPTY;
  #journal: Handle = -1;
  #bytes = 0;
  #kept = 0;
  /** The trash cannot be written: nothing is changed any more. */
  #failed = 0;
  /** Copies that are not on the disk yet. */
  readonly #copies: KeptFlush;
  /** Something older was kept since the last flush. */
  #isDirty = false;
  /** The trash and its run's folder are new. */
  #isNew = true;
  #needsFlush = false;
  /** What the first flush that failed said: none of those that follow can say better. */
  lost = 0;
  /** The run's folder. */
  readonly #stat = new Stat();
  readonly #writer = new ByteWriter(4096);

  constructor(os: Os, env: Environment, options: SyncOptions) {
    this.#os = os;
    this.#env = env;
    this.#options = options;
    this.#copies = new KeptFlush(os);
  }

  /** The root is open. Throws TsyncError "selection" if the trash that is there cannot be trusted. */
  begin(root: TargetRoot): void {
    this.#root = root;
    const opened = this.#open();
    if (opened >= 0) this.#trash = opened;
  }

  get isRoot(): boolean {
    return this.#env.identity.uid === 0;
  }

  #open(): Handle {
    const { trash } = this.#options;
    const { uid } = this.#env.identity;
    const root = this.#root!;
    return this.#isInRoot
      ? openTrash(this.#os, root.handle, uid)
      : openTrashAt(this.#os, openSide(this.#os, root, trash), sidePath(root.path, trash), uid);
  }

  get #isInRoot(): boolean {
    return equalBytes(fromLatin1(this.#options.trash), TRASH_NAME);
  }

  /** Writes the record; 0, or a negated errno: then the change must not be made. */
  note(change: Change): number {
    const ready = this.#ready();
    if (ready < 0) return ready;
    if (change.kept > 0) this.#isDirty = true;
    this.#writer.clear();
    encodeRecord(this.#writer, change);
    return this.#append();
  }

  /** Brings what was kept and noted to the disk, if anything was kept: 0 or a negated errno. */
  async flush(): Promise<number> {
    if (!this.#isDue) return this.lost;
    return this.#flushed(await this.#copies.flush(this.#handles()));
  }

  /** The same, and waits. */
  flushNow(): number {
    if (!this.#isDue) return this.lost;
    return this.#flushed(this.#copies.flushNow(this.#handles()));
  }

  get #isDue(): boolean {
    return this.#needsFlush && this.#isDirty && this.lost === 0;
  }

  #handles(): Handle[] {
    this.#isDirty = false;
    const above = this.#isNew ? [this.#trash, ...(this.#isInRoot ? [this.#root!.handle] : [])] : [];
    return [this.#run, this.#journal, ...above];
  }

  #flushed(result: number): number {
    if (result === 0) this.#isNew = false;
    return this.lost = result;
  }

  /** Whether the entry lies on another file system than the trash, which must be there. */
  isElsewhere({ devMajor, devMinor }: Stat): boolean {
    return devMajor !== this.#stat.devMajor || devMinor !== this.#stat.devMinor;
  }

  /** The same for many at once. */
  noteAll(changes: readonly Change[]): number {
    const ready = this.#ready();
    if (ready < 0) return ready;
    for (let at = 0; at < changes.length;) {
      this.#writer.clear();
      while (at < changes.length && this.#writer.used < 1 << 18) encodeRecord(this.#writer, changes[at++]);
      const written = this.#append();
      if (written < 0) return written;
    }
    return 0;
  }

  #append(): number {
    const bytes = this.#writer.view();
    const written = this.#os.writeAllAt(this.#journal, bytes, this.#bytes);
    if (written < 0) {
      this.#os.truncate(this.#journal, this.#bytes);
      return written;
    }
    this.#bytes += bytes.length;
    return 0;
  }

  /** Where the journal ends now, for `takeBack`. */
  mark(): number {
    this.#ready();
    return this.#bytes;
  }

  /** The change that was noted last was refused: it never happened. */
  takeBack(mark: number): void {
    if (this.#journal < 0 || mark >= this.#bytes) return;
    this.#bytes = mark;
    this.#os.truncate(this.#journal, mark);
  }

  /**
   * Keeps what stands at `name` of `folder`, so that its name may be given to something else; the number under which it is kept, or a
   * negated errno. "move": it will be moved there by `moveAway`, so that on one file system nothing is done yet.
   */
  keep(folder: Handle, name: Uint8Array, path: Uint8Array, stat: Stat, how: "link" | "copy" | "move"): number {
    const ready = this.#ready();
    if (ready < 0) return ready;
    const number = ++this.#kept;
    if (how === "move" && !this.isElsewhere(stat)) return number;
    const to = keptName(number, path);
    const linked = how === "link" ? this.#os.hardLink(folder, name, this.#run, to) : -Errno.EXDEV;
    if (linked === 0) return number;
    if (!NO_LINKS.includes(linked)) return linked;
    const copied = this.#copy(folder, name, stat, to);
    return copied < 0 ? copied : number;
  }

  /** A copy that has its name when it is whole. */
  #copy(folder: Handle, name: Uint8Array, stat: Stat, to: Uint8Array): number {
    const os = this.#os;
    os.unlink(this.#run, PART);
    const copied = copyAside(os, folder, name, stat, this.#run, PART);
    const attributed = copied < 0 || stat.kind !== Kind.file ? copied : this.#copyAttributes(folder, name);
    const placed = attributed < 0 ? attributed : os.rename(this.#run, PART, this.#run, to);
    if (placed < 0) os.unlink(this.#run, PART);
    return placed < 0 || !this.#needsFlush ? placed : this.#copies.add(this.#run, to);
  }

  #copyAttributes(folder: Handle, name: Uint8Array): number {
    const os = this.#os;
    const from = os.openFile(folder, name, OpenMode.read, 0);
    const to = from < 0 ? from : os.pin(this.#run, PART);
    const attributes = to < 0 ? null : readAttributes(os, from, this.isRoot);
    let result = Math.min(0, to);
    for (const { name, value } of attributes ?? []) result = os.setAttribute(to, name, value) || result;
    if (from >= 0) os.close(from);
    if (to >= 0) os.close(to);
    // A file system elsewhere may have none: the content counts.
    return result === -Errno.EOPNOTSUPP ? 0 : result;
  }

  /** Moves the entry to where `number` is kept, which is a copy by now on another file system; 0 or a negated errno. */
  moveAway(folder: Handle, name: Uint8Array, path: Uint8Array, stat: Stat, number: number): number {
    if (this.isElsewhere(stat)) return this.#os.unlink(folder, name);
    const to = keptName(number, path);
    const moved = this.#os.rename(folder, name, this.#run, to);
    if (moved !== -Errno.EXDEV) return moved;
    // One file system, mounted twice.
    const copied = this.#copy(folder, name, stat, to);
    this.#isDirty = true;
    const flushed = copied < 0 ? copied : this.flushNow();
    return flushed < 0 ? flushed : this.#os.unlink(folder, name);
  }

  /** The run is over, and its own handles are closed. */
  end(): void {
    const os = this.#os;
    this.#copies.close();
    if (this.#journal >= 0) {
      this.#writer.clear();
      encodeRecord(this.#writer, { type: "end" });
      this.#append();
      os.close(this.#journal);
      os.close(this.#run);
      this.#journal = this.#run = -1;
      pruneTrash(os, this.#trash, this.#env.identity.uid, this.#options);
    }
    if (this.#trash >= 0) os.close(this.#trash);
    this.#trash = -1;
  }

  // ---- the run's folder

  #ready(): number {
    if (this.#journal >= 0) return 0;
    if (this.#failed < 0) return this.#failed;
    const made = this.#make();
    if (made >= 0) return 0;
    this.#failed = made;
    this.#unmake();
    throw new TsyncError({ kind: "file", detail: `cannot make the trash: ${errnoText(-made)}; nothing was changed` });
  }

  /** Nothing was changed, so there is nothing to undo: the run's folder goes again. */
  #unmake(): void {
    const os = this.#os;
    if (this.#run < 0) return;
    if (this.#journal >= 0) os.close(this.#journal);
    os.unlink(this.#run, JOURNAL);
    os.close(this.#run);
    os.removeFolder(this.#trash, this.#name);
    this.#journal = this.#run = -1;
  }

  #make(): number {
    const os = this.#os;
    const root = this.#root!.handle;
    const stat = new Stat();
    // Before the trash is made in it.
    const looked = os.statHandle(root, stat);
    if (looked < 0) return looked;
    const attributes = readAttributes(os, root, this.isRoot);
    if (this.#trash < 0) {
      const made = this.#makeTrash(root);
      if (made < 0) return made;
    }
    const now = wallSeconds();
    const timeSec = Math.floor(now);
    do {
      this.#name = runName(now, this.#env.randomBytes(3));
      this.#run = makeRun(os, this.#trash, this.#name);
    } while (this.#run === -Errno.EEXIST);
    if (this.#run < 0) return this.#run;
    const seen = os.statHandle(this.#run, this.#stat);
    if (seen < 0) return seen;
    this.#needsFlush = !this.#options.noFsync && !isInMemory(os, this.#run);
    this.#journal = os.openFile(this.#run, JOURNAL, OpenMode.create, 0o600);
    if (this.#journal < 0) return this.#journal;
    const { devMajor, devMinor, inoLow, inoHigh } = stat;
    const isNewRoot = this.#root!.isNew;
    encodeRecord(this.#writer, { type: "begin", timeSec, devMajor, devMinor, inoLow, inoHigh, isNewRoot });
    const state = stateOf(stat, attributes);
    encodeRecord(this.#writer, { type: "change", path: EMPTY, before: state, kept: 0, after: state, isOpen: true });
    return this.#append();
  }

  #makeTrash(root: Handle): number {
    const made = this.#isInRoot ? this.#os.makeFolder(root, TRASH_NAME, 0o700) : this.#makeAt();
    if (made < 0 && made !== -Errno.EEXIST) return made;
    const opened = this.#open();
    if (opened >= 0) this.#trash = opened;
    return Math.min(0, opened);
  }

  /** The folders above with the user's own mask, the trash itself for nobody else. */
  #makeAt(): number {
    const made = makeSide(this.#os, this.#root!, this.#options.trash, this.#env.umask | 0o077);
    return made < 0 ? made : this.#os.close(made);
  }
}
