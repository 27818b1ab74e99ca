// What the generator does with an entry that an alternative destination has: leaves it out, links it, or copies it. Loaded and made with the
// alternatives. Promises: a link or copy is put in place like any other entry (law 1), and only if what was found is still what it was;
// where that fails the entry comes from the source after all.

import { Change } from "../base/monitor.ts";
import type { AltKind } from "../base/options.ts";
import { Errno, type Handle, Kind, Stat } from "../os/os.ts";
import { compareMetadata } from "../plan/compare.ts";
import { applyMetadata } from "../tree/apply.ts";
import { copyFile, type HoleOptions } from "../tree/copy.ts";
import { PRIVATE } from "../tree/fresh_files.ts";
import { isUnchanged } from "../tree/read_file.ts";
import { type Alternatives, type Found, Match } from "./alternatives.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import type { TargetState } from "./target_state.ts";

export class AlternativeEntries {
  readonly #state: TargetState;
  readonly #alternatives: Alternatives;
  readonly #kind: AltKind;
  /** Files to be copied when the piece of the list is through. */
  #copies: { index: number; found: Found }[] = [];

  constructor(state: TargetState, alternatives: Alternatives) {
    this.#state = state;
    this.#alternatives = alternatives;
    this.#kind = state.options.altKind;
  }

  /** File i, for which there is nothing at the target that counts. True: done; else what a delta could be made of, or null. */
  newFile(i: number): true | Found | null {
    const found = this.#alternatives.file(i);
    if (found === null || found.match === Match.kind) return found;
    if (found.match === Match.all && this.#takeAsItIs(i, found)) return true;
    this.#report(i, Change.local | this.#change(i, found.stat));
    if (!this.#state.options.dryRun) this.#copies.push({ index: i, found });
    return true;
  }

  /** File i, which the target has (`stat`): true if an alternative has it as it shall be, and that counts more. */
  existingFile(i: number, stat: Stat): boolean {
    if (this.#kind === "copy") return false;
    const found = this.#alternatives.file(i);
    if (found?.match !== Match.all) return false;
    if (this.#kind === "link") {
      if (found.stat.inoLow === stat.inoLow && found.stat.inoHigh === stat.inoHigh) return false;
      return this.#link(i, found, true);
    }
    this.#alternatives.needless.push(i);
    return this.#leaveOut(i);
  }

  /** A link or special that the target lacks: 0 if it is done, else the bits with which it is to be made. */
  newOther(i: number): number {
    const found = this.#alternatives.other(i);
    if (found === null) return Change.create | Change.local;
    if (found.match === Match.all && this.#takeAsItIs(i, found)) return 0;
    return Change.local | this.#change(i, found.stat) | (found.match === Match.kind ? Change.checksum : 0);
  }

  /** The bits with which a folder is told that the target lacks, or null if no alternative has it. */
  newFolder(i: number): number | null {
    const stat = this.#alternatives.folderStat(i);
    if (stat === null) return null;
    const { list, options, owners } = this.#state;
    return Change.local | compareMetadata(list, i, stat, options, owners);
  }

  /** Bits by which file i differs from what was found and will be the basis of its content. */
  basisChange(i: number, { stat }: Found): number {
    return this.#change(i, stat) | (this.#state.list.size(i) !== stat.size ? Change.size : 0);
  }

  #change(i: number, stat: Stat): number {
    const { list, options, owners } = this.#state;
    return compareMetadata(list, i, stat, options, owners) | (options.times ? 0 : Change.time | Change.timeNow);
  }

  /** Nothing to bring in step: left out or linked. False: it is to be copied. */
  #takeAsItIs(i: number, found: Found): boolean {
    if (this.#kind === "compare") return this.#leaveOut(i);
    return this.#kind === "link" && this.#link(i, found, false);
  }

  #leaveOut(i: number): true {
    this.#state.confirm(i);
    this.#state.totals.unchanged++;
    this.#report(i, 0);
    return true;
  }

  /** Makes entry i a second name of what was found. False: that cannot be. */
  #link(i: number, found: Found, replaces: boolean): boolean {
    const state = this.#state;
    if (!state.options.dryRun && !this.#placeLink(i, found, replaces)) return false;
    state.totals.unchanged++;
    this.#report(i, Change.hardLink);
    return true;
  }

  #placeLink(i: number, found: Found, replaces: boolean): boolean {
    const state = this.#state;
    const { stage, list } = state;
    const folder = state.openForChange(list.parent(i));
    if (folder < 0) return false;
    const name = new Uint8Array(state.name(i));
    const isFile = list.kind(i) === Kind.file;
    if (!replaces) {
      const linked = this.#alternatives.link(i, found, folder, name);
      if (linked === 0 && isFile) state.inPlace(i);
      else if (linked === 0) state.confirm(i);
      if (linked !== -Errno.EEXIST) return linked === 0;
    }
    const aside = stage.createOther(folder, (temporary) => this.#alternatives.link(i, found, folder, temporary));
    if (typeof aside === "number") return false;
    stage.addName({ folder, temporary: aside, name, index: i, bytes: 0, isSame: true }, replaces && isFile);
    return true;
  }

  /** Told like an unchanged entry where only that is the news. */
  #report(i: number, change: number): void {
    this.#state.changes.made(i, change);
  }

  // ---- copies

  /** Makes the copies that are due; returns the files that could not be copied. */
  async copy(): Promise<number[]> {
    const failed: number[] = [];
    const copies = this.#copies;
    this.#copies = [];
    for (const { index, found } of copies) if (!await this.#copy(index, found)) failed.push(index);
    return failed;
  }

  async #copy(i: number, found: Found): Promise<boolean> {
    const { os, list } = this.#state;
    if (this.#state.openForChange(list.parent(i)) < 0) return false;
    const source = this.#alternatives.open(i, found);
    if (source < 0) return false;
    // A handle of its own: the cache may close the shared one meanwhile.
    const folder = this.#state.openBeneath(list.path(list.parent(i)));
    const isCopied = folder >= 0 && await this.#copyInto(i, found, source, folder);
    os.close(source);
    if (folder >= 0) this.#state.stage.close(folder);
    await this.#state.stage.pause();
    return isCopied;
  }

  async #copyInto(i: number, found: Found, source: Handle, folder: Handle): Promise<boolean> {
    const state = this.#state;
    const { os, stage, options, env } = state;
    const handle = stage.create(folder, PRIVATE);
    if (handle < 0) return false;
    const { temporary } = stage;
    const turn = { breathe: env.breathe, progress: () => {} };
    const isGood = await this.#copyContent(source, found, handle, options, turn) && this.#finish(i, handle);
    const volume = isGood ? stage.flushes(folder, state.replaced.has(i)) : undefined;
    if ((volume === undefined && os.close(handle) < 0) || !isGood) {
      stage.discard(folder, temporary);
      return false;
    }
    const { size } = found.stat;
    state.totals.matchedBytes += size;
    state.transfers?.set(i, { literalBytes: 0, digest: null });
    stage.add({ folder, temporary, name: new Uint8Array(state.name(i)), index: i, bytes: size, volume, handle });
    return true;
  }

  async #copyContent(
    source: Handle,
    found: Found,
    target: Handle,
    holes: HoleOptions,
    turn: { breathe(): Promise<void>; progress(): void },
  ): Promise<boolean> {
    const { os } = this.#state;
    const [before, after] = [new Stat(), new Stat()];
    if (os.statHandle(source, before) < 0 || !isUnchanged(found.stat, before)) return false;
    const { errno } = await copyFile(os, source, before, target, before.size, holes, turn);
    if (errno !== 0 || os.truncate(target, before.size) < 0) return false;
    return os.statHandle(source, after) === 0 && isUnchanged(before, after);
  }

  #finish(i: number, handle: Handle): boolean {
    const { os } = this.#state;
    const has = new Stat();
    return os.statHandle(handle, has) === 0 &&
      applyMetadata(os, handle, has, wantedMetadata(this.#state, i, -1)) === null;
  }
}
