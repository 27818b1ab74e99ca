// Deletions: last of all, and only after a complete list from a source that read everything (law 4). First everything that
// would go is counted and held against the guard; then the source is asked once more whether it is truly absent there; then
// folder after folder goes, in reverse order as rsync does it. Each step works below held folders, never through a link.

import { hasBit } from "../base/bitmap.ts";
import { compareBytes, fromLatin1, joinPath, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import { CHECK_PATHS } from "../base/limits.ts";
import { mayDelete } from "../base/options.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, Stat } from "../os/os.ts";
import { replaceEmptyFolder } from "../tree/stage.ts";
import type { FilterPlace } from "../filter/filter_set.ts";
import type { SourcePort } from "../session/ports.ts";
import { refuseEmptySource, refuseMany } from "./deletion_guard.ts";
import { eachChild, isEmptyFolder } from "./doomed_folder.ts";
import { keepExtras, keepInside } from "./keep_doomed.ts";
import type { OwnEntries } from "./own_entries.ts";
import type { TargetState } from "./target_state.ts";

const SLASH = 0x2f;

export class Deleter {
  readonly #state: TargetState;
  readonly #own: OwnEntries;
  #answer: Gate<Uint8Array> | null = null;
  #failure: unknown = null;
  /** Dry run: the entries in whose way a folder stands that is not empty, by list index. */
  #fullFolders: number[] = [];
  /** Entries that went (or would), and those that --max-delete kept. */
  #gone = 0;
  #skipped = 0;

  constructor(state: TargetState, own: OwnEntries) {
    this.#state = state;
    this.#own = own;
  }

  /** Deletes the extra entries, if `allowed`. Returns the guard's refusal if too many would go: then nothing was deleted. */
  async run(allowed: boolean): Promise<TsyncError | null> {
    const refusal = await this.#runExtras(allowed);
    const isAllowed = refusal === null && (allowed || this.#state.options.ignoreErrors);
    const next = isAllowed ? await this.#deleteMissing() : null;
    this.#tellStopped();
    return refusal ?? next;
  }

  async #runExtras(allowed: boolean): Promise<TsyncError | null> {
    const state = this.#state;
    const { extras } = this.#own;
    this.#fullFolders = state.inTheWay.filter((i) => !isEmptyFolder(state, state.path(i)));
    const doomed = extras.count + state.blocked.length + this.#fullFolders.length;
    if (!mayDelete(state.options) || doomed === 0) {
      this.#refuseBlocked();
      return null;
    }
    allowed ||= state.options.ignoreErrors;
    const refusal = allowed ? refuseEmptySource(state) ?? refuseMany(state.options, () => this.#count()) : null;
    if (!allowed || refusal !== null) {
      this.#refuseBlocked();
      return refusal;
    }
    await this.#deleteExtras();
    await this.#clearBlocked();
    return null;
  }

  /** --max-delete: what was passed over is told, which decides the exit code. */
  #tellStopped(): void {
    if (this.#skipped > 0) this.#state.tell(Verb.remove, Cause.deletionsStopped, 0, fromLatin1(String(this.#skipped)));
  }

  /** Whether --max-delete lets nothing more go. */
  get #isStopped(): boolean {
    const { maxDelete } = this.#state.options;
    return maxDelete >= 0 && this.#gone >= maxDelete;
  }

  fail(error: unknown): void {
    this.#failure = error;
    this.#answer?.fail(error);
  }

  checked(absent: Uint8Array): void {
    const answer = this.#answer;
    this.#answer = null;
    if (answer === null) throw new TsyncError({ kind: "stream", detail: "an answer to a question that was not asked" });
    answer.open(new Uint8Array(absent));
  }

  close(): void {
    for (const file of this.#state.blocked) {
      this.#state.os.unlink(file.folder, file.temporary);
      this.#state.os.close(file.folder);
    }
    this.#state.blocked.length = 0;
  }

  // ---- counting

  /** What would go, folders' content included, and how many entries the target has in all. */
  #count(): { doomed: number; all: number } {
    const { extras, count } = this.#own;
    let inside = 0;
    for (let i = 0; i < extras.count; i++) {
      if (extras.kind(i) === Kind.folder) {
        inside += this.#countInside(this.#extraPath(i), this.#placeOf(extras.parent(i)));
      }
    }
    const full = [...this.#state.blocked.map(({ index }) => index), ...this.#fullFolders];
    for (const index of full) inside += 1 + this.#countInside(this.#state.path(index), this.#placeOver(index));
    return { doomed: extras.count + inside, all: count + inside };
  }

  #countInside(path: Uint8Array, above: FilterPlace | null): number {
    let count = 0;
    eachChild(this.#state, path, above, (_handle, _name, kind, child, place) => {
      count += 1 + (kind === Kind.folder ? this.#countInside(child, place) : 0);
    });
    return count;
  }

  /** Which rules hold in a folder of the list, where that depends on the folder. */
  #placeOf(folder: number): FilterPlace | null {
    return this.#state.places?.of(folder) ?? null;
  }

  /** Which rules hold where entry `index` of the list lies. */
  #placeOver(index: number): FilterPlace | null {
    return this.#placeOf(this.#state.list.parent(index));
  }

  // ---- deleting

  async #deleteExtras(): Promise<void> {
    const { extras } = this.#own;
    const order = this.#state.options.maxDelete < 0 ? null : orderOfRsync(extras, this.#state.list);
    const at = order === null ? (k: number) => k : (k: number) => order[k];
    for (let end = extras.count; end > 0;) {
      const start = Math.max(0, end - CHECK_PATHS);
      const absent = await this.#ask(start, end, at);
      const doomed: number[] = [];
      // What is there again, the source has told.
      for (let k = end - 1; k >= start; k--) if (hasBit(absent, k - start)) doomed.push(at(k));
      await keepExtras(this.#state, extras, doomed);
      for (const i of doomed) this.#deleteExtra(i);
      await (this.#state.events.room?.() ?? this.#state.env.breathe());
      end = start;
    }
  }

  /** Asks the source whether extras at(start) to at(end - 1) are still absent there; the bits of its answer. */
  async #ask(start: number, end: number, at: (k: number) => number): Promise<Uint8Array> {
    const paths: Uint8Array[] = [];
    for (let k = start; k < end; k++) paths.push(this.#extraPath(at(k)));
    return await this.#askAbout(paths, this.#state.source);
  }

  async #askAbout(paths: Uint8Array[], source: SourcePort): Promise<Uint8Array> {
    if (this.#failure !== null) throw this.#failure;
    const answer = new Gate<Uint8Array>();
    this.#answer = answer;
    await source.check(paths);
    return await answer.promise;
  }

  #deleteExtra(i: number): void {
    const state = this.#state;
    const { extras } = this.#own;
    const path = this.#extraPath(i);
    if (state.keptLinks?.keeps(path)) return;
    const folder = state.options.dryRun ? state.folders.get(extras.parent(i)) : state.openForChange(extras.parent(i));
    if (folder < 0) return state.tell(Verb.remove, Cause.system, -folder, path);
    this.#delete(folder, new Uint8Array(extras.name(i)), extras.kind(i), path, this.#placeOf(extras.parent(i)), false);
  }

  /**
   * Removes one entry, a folder with all it holds; false if it (or something protected in it) stays. `place`: which rules hold where it
   * lies; `isInside`: in a folder that goes.
   */
  #delete(
    folder: Handle,
    name: Uint8Array,
    kind: number,
    path: Uint8Array,
    place: FilterPlace | null,
    isInside: boolean,
  ): boolean {
    const { os, options } = this.#state;
    if (kind !== Kind.folder) {
      if (this.#isStopped) return this.#skip();
      const result = options.dryRun ? 0 : this.#removeFile(folder, name, path);
      return this.#deleted(result, kind, path);
    }
    if (!this.#deleteInside(path, place)) {
      this.#state.tell(Verb.remove, Cause.notEmpty, 0, path);
      if (isInside && this.#isStopped) this.#skipped++;
      return false;
    }
    if (this.#isStopped) return this.#skip();
    const parentPath = path.subarray(0, Math.max(0, path.lastIndexOf(0x2f)));
    const parent = options.dryRun ? -1 : this.#state.openBeneath(parentPath);
    const result = options.dryRun ? 0 : parent < 0 ? parent : os.removeFolder(parent, name);
    if (parent >= 0) os.close(parent);
    return this.#deleted(result, kind, path);
  }

  /** --delete-missing-args: what the source was asked for and does not have goes, folders that hold something only with --delete or --force. */
  async #deleteMissing(): Promise<TsyncError | null> {
    const { missing, options, list, source, env, events } = this.#state;
    const found = missing.filter((path) => this.#kindAt(path) !== Kind.unknown);
    const refusal = refuseMany(options, () => ({ doomed: found.length, all: found.length + list.count - 1 }));
    if (refusal !== null) return refusal;
    for (let end = found.length; end > 0; end -= CHECK_PATHS) {
      const paths = found.slice(Math.max(0, end - CHECK_PATHS), end);
      const absent = await this.#askAbout(paths, source);
      for (let k = paths.length - 1; k >= 0; k--) if (hasBit(absent, k)) this.#deleteNamed(paths[k]);
      await (events.room?.() ?? env.breathe());
    }
    return null;
  }

  /** Kind of what stands at a path of the target; unknown: nothing, or it cannot be looked at, which is told. */
  #kindAt(path: Uint8Array): number {
    const state = this.#state;
    const folder = state.openBeneath(path.subarray(0, Math.max(0, path.lastIndexOf(SLASH))));
    if (folder === -Errno.ENOENT || folder === -Errno.ENOTDIR || folder === -Errno.ELOOP) return Kind.unknown;
    const stat = new Stat();
    const at = path.lastIndexOf(SLASH) + 1;
    const looked = folder < 0 ? folder : state.os.statAt(folder, path, at, path.length - at, stat);
    if (folder >= 0) state.os.close(folder);
    if (looked < 0 && looked !== -Errno.ENOENT) state.tell(Verb.stat, Cause.system, -looked, path);
    return looked < 0 ? Kind.unknown : stat.kind;
  }

  #deleteNamed(path: Uint8Array): void {
    const state = this.#state;
    const kind = this.#kindAt(path);
    if (kind === Kind.unknown || state.keptLinks?.keeps(path)) return;
    if (kind === Kind.folder && !mayDelete(state.options) && !isEmptyFolder(state, path)) {
      return state.tell(Verb.remove, Cause.notEmpty, 0, path);
    }
    const cut = path.lastIndexOf(SLASH);
    const folder = state.openBeneath(path.subarray(0, Math.max(0, cut)));
    if (folder < 0) return state.tell(Verb.remove, Cause.system, -folder, path);
    this.#delete(folder, path.subarray(cut + 1), kind, path, this.#placeAbove(path), false);
    state.os.close(folder);
  }

  /** Which rules hold in the folder that holds `path`, which need not be listed. */
  #placeAbove(path: Uint8Array): FilterPlace | null {
    const { places, os } = this.#state;
    let place = this.#placeOf(0);
    for (let end = path.indexOf(SLASH); places !== null && end > 0; end = path.indexOf(SLASH, end + 1)) {
      const folder = this.#state.openBeneath(path.subarray(0, end));
      if (folder < 0) break;
      place = places.inside(place, path.subarray(0, end), folder);
      os.close(folder);
    }
    return place;
  }

  #skip(): false {
    this.#skipped++;
    return false;
  }

  /** Takes a file, link or special away, with -b to its backup. */
  #removeFile(folder: Handle, name: Uint8Array, path: Uint8Array): number {
    const { os, backup } = this.#state;
    if (backup === null || backup.isBackup(name)) return os.unlink(folder, name);
    const parent = path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
    return backup.moveAway(folder, name, parent, name);
  }

  /**
   * Empties a folder: its files while it is open, its folders one by one after; true if nothing stays. `above`: which rules hold where
   * it lies.
   */
  #deleteInside(path: Uint8Array, above: FilterPlace | null): boolean {
    let isEmpty = true;
    let closedMode = -1;
    let own: FilterPlace | null = null;
    const folders: Uint8Array[] = [];
    const left = eachChild(this.#state, path, above, (handle, name, kind, child, place) => {
      if (closedMode < 0) closedMode = this.#openUp(handle);
      own = place;
      if (kind === Kind.folder) folders.push(child);
      else if (!this.#delete(handle, name, kind, child, place, true) || this.#leavesBackup(name)) isEmpty = false;
    }, (folder, doomed) => keepInside(this.#state, folder, path, doomed));
    if (left > 0) isEmpty = false;
    for (const child of folders) {
      const name = child.subarray(child.lastIndexOf(0x2f) + 1);
      if (!this.#delete(-1, name, Kind.folder, child, own, true)) isEmpty = false;
    }
    if (!isEmpty && closedMode > 0) this.#closeAgain(path, closedMode);
    return isEmpty;
  }

  /** Whether a file's backup lies where the file lay. */
  #leavesBackup(name: Uint8Array): boolean {
    const { backup, options } = this.#state;
    return !options.dryRun && backup !== null && backup.isBeside && !backup.isBackup(name);
  }

  /** A closed folder of ours that goes is opened up first. The mode it had, or 0 where nothing was to be done. */
  #openUp(folder: Handle): number {
    const { os, options, env } = this.#state;
    if (options.dryRun || env.identity.uid === 0) return 0;
    const stat = new Stat();
    if (os.statHandle(folder, stat) < 0 || (stat.mode & 0o300) === 0o300) return 0;
    return os.setMode(folder, stat.mode | 0o700) < 0 ? 0 : stat.mode;
  }

  /** The folder stays after all (something in it is protected), as it was. */
  #closeAgain(path: Uint8Array, mode: number): void {
    const { os } = this.#state;
    const folder = this.#state.openBeneath(path);
    if (folder < 0) return;
    os.setMode(folder, mode);
    os.close(folder);
  }

  #deleted(result: number, kind: number, path: Uint8Array): boolean {
    const { totals, events } = this.#state;
    this.#gone++;
    if (result < 0 && result !== -Errno.ENOENT) {
      this.#state.tell(Verb.remove, Cause.system, -result, path);
      return false;
    }
    if (kind === Kind.folder) totals.deletedFolders++;
    else if (kind === Kind.link) totals.deletedLinks++;
    else if (kind === Kind.charDevice || kind === Kind.blockDevice) totals.deletedDevices++;
    else if (kind === Kind.file) totals.deletedFiles++;
    else totals.deletedSpecials++;
    events.deleted(path, kind);
    return true;
  }

  /** Path of an extra entry below the root. */
  #extraPath(i: number): Uint8Array {
    const { extras } = this.#own;
    return joinPath(this.#state.list.path(extras.parent(i)), extras.name(i));
  }

  // ---- files whose name a full folder holds

  async #clearBlocked(): Promise<void> {
    const state = this.#state;
    for (const index of this.#fullFolders) {
      const path = state.path(index);
      // As in rsync, the folder that gives way is not told itself.
      if (!this.#deleteInside(path, this.#placeOver(index))) state.problem(Verb.rename, Errno.ENOTEMPTY, index);
    }
    for (const file of state.blocked.splice(0).sort((a, b) => a.index - b.index)) {
      const path = state.path(file.index);
      const isEmpty = this.#deleteInside(path, this.#placeOver(file.index));
      const result = isEmpty ? replaceEmptyFolder(state.os, file.folder, file.temporary, file.name) : -Errno.ENOTEMPTY;
      state.settled(file, -result);
      state.os.close(file.folder);
      await state.env.breathe();
    }
  }

  #refuseBlocked(): void {
    const state = this.#state;
    for (const index of this.#fullFolders) state.tell(Verb.replace, Cause.folderInWay, 0, state.path(index));
    for (const file of state.blocked.splice(0)) {
      state.stage.discard(file.folder, file.temporary);
      state.tell(Verb.replace, Cause.folderInWay, 0, state.path(file.index));
      state.os.close(file.folder);
    }
  }
}

/**
 * Where only some may go, it matters which: the extras so that, read from the end, folder comes after folder as in rsync, and in each
 * its folders come before its other entries, both from the last name to the first.
 */
function orderOfRsync(extras: FileList, list: FileList): number[] {
  const paths = new Map<number, string[]>();
  const pathOf = (parent: number) => {
    const known = paths.get(parent) ?? latin1(list.path(parent)).split("/");
    paths.set(parent, known);
    return known;
  };
  const isFolder = (i: number) => extras.kind(i) === Kind.folder ? 1 : 0;
  return Array.from({ length: extras.count }, (_, i) => i).sort((a, b) => {
    if (extras.parent(a) !== extras.parent(b)) {
      return -compareParts(pathOf(extras.parent(a)), pathOf(extras.parent(b)));
    }
    return isFolder(a) - isFolder(b) || compareBytes(extras.name(a), extras.name(b));
  });
}

/** Paths, component by component: a folder comes before what lies in it. */
function compareParts(a: string[], b: string[]): number {
  for (let k = 0; k < Math.min(a.length, b.length); k++) if (a[k] !== b[k]) return a[k] < b[k] ? -1 : 1;
  return a.length - b.length;
}
