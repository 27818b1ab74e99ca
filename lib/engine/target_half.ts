// The target half: generator and receiver together, as one story. The source half (or its proxy) calls the TargetPort
// methods as things come; `run` waits for the turning points and does what follows each.
//
//   roots      open or make the target root, say whether it is empty              (open_target.ts)
//   subtrees   compare digests with those of the own tree, say what differs        (target_tree.ts)
//   listed     march, decide, make what needs no content, ask for the rest         (generator.ts)
//   file ...   write aside, verify, stage, put in place                            (receiver.ts)
//   listEnd    nothing is wanted any more -> wantEnd -> sourceDone
//   delete     only after a complete list and an error-free source                 (deleter.ts)
//   finish     sweep; folder metadata, deepest first; totals                      (finish_folders.ts)

import { makeBitmap, setBit } from "../base/bitmap.ts";
import { TsyncError } from "../base/errors.ts";
import { Gate } from "../base/gate.ts";
import type { Totals } from "../base/monitor.ts";
import { hasDestinations } from "../base/options.ts";
import { type Handle, isSameInode, Kind, type Os, Stat } from "../os/os.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import {
  AccountKind,
  type BasisRange,
  DELTA,
  FolderPiece,
  type Fresh,
  type PlanTotals,
  type Roots,
  type TargetPort,
  type Wait,
  WHOLE,
} from "../session/ports.ts";
import { BasisCopies } from "./basis_copy.ts";
import { BasisSigner } from "./basis_signer.ts";
import type { Delayed } from "./delayed.ts";
import { Deleter } from "./deleter.ts";
import type { Environment } from "./environment.ts";
import { FileOutcomes } from "./file_outcomes.ts";
import { finishFolders } from "./finish_folders.ts";
import { Generator } from "./generator.ts";
import { Lifetime } from "./lifetime.ts";
import { NewFiles } from "./new_files.ts";
import { loadParts, needsParts, openTarget } from "./open_target.ts";
import { Receiver } from "./receiver.ts";
import { Requested, type RequestedWords } from "./requested.ts";
import type { ScanAhead } from "./scan_ahead.ts";
import type { SpaceGuard } from "./space_guard.ts";
import type { SpacePlan } from "./space_plan.ts";
import { type TargetInput, TargetState } from "./target_state.ts";
import { TargetTree, type TreeChoice } from "./target_tree.ts";
import type { TrashOs } from "./trash_os.ts";
import type { Wishes } from "./wish_list.ts";

export interface TargetPlan extends TargetInput, RequestedWords {
  trees: TreeChoice;
  /** The scan of the own tree, if it has begun. */
  ahead?: ScanAhead | null;
  /** --chmod, where the source does not know of it: what the mode of a listed entry counts as. */
  changeMode?: ((kind: number, mode: number) => number) | null;
  /** --trash: stands before the door to the system. */
  trash?: TrashOs | null;
  /** Nothing is done with the target where nothing comes to it. */
  leavesAlone?: boolean;
  /** The target path as typed. */
  path: Uint8Array;
  /** A basis from this size on is copied while it is signed. */
  copiedAheadBytes?: number;
  /** Hears of the list as it comes, where the source is elsewhere. */
  onListed?(entries: number, bytes: number, complete: boolean): void;
}

export class TargetHalf implements TargetPort {
  readonly #state: TargetState;
  /** A turn for timers and signals, also after the end. */
  readonly #breathe: () => Promise<void>;
  readonly #path: Uint8Array;
  readonly #isBatch: boolean;
  readonly #mayLeave: boolean;
  /** The root is not even looked at. */
  #isLeft = false;
  readonly #trash: TrashOs | null;
  /** The door to the system behind that of the trash. */
  readonly #plainOs: Os;
  /** While it is not known whether all has room: what is listed waits for the end of the list. */
  #held: SpacePlan | null = null;
  readonly #requested: Requested;
  readonly #tree: TargetTree;
  readonly #changeMode: ((kind: number, mode: number) => number) | null;
  readonly #onListed: TargetPlan["onListed"];
  readonly #generator: Generator;
  readonly #receiver: Receiver;
  readonly #deleter: Deleter;
  readonly #copies: BasisCopies;
  readonly #signer: BasisSigner;
  readonly #newFiles: NewFiles | null;
  readonly #listDone = new Gate<boolean>();
  readonly #answered = new Gate();
  readonly #sourceDone = new Gate<boolean>();
  /** Never opened. */
  readonly #failed = new Gate();
  readonly #lifetime = new Lifetime((error) => this.fail(error));

  constructor(plan: TargetPlan) {
    this.#breathe = plan.env.breathe;
    // A pause is where a half that has ended finds out: behind it no handle is what it was.
    const breathe = async () => {
      await plan.env.breathe();
      this.#lifetime.demandAlive();
    };
    this.#trash = plan.trash ?? null;
    this.#plainOs = plan.env.os;
    const os = this.#trash?.os ?? plan.env.os;
    const env: Environment = Object.create(plan.env, { breathe: { value: breathe }, os: { value: os } });
    this.#state = new TargetState({ ...plan, env });
    this.#path = plan.path;
    this.#isBatch = plan.isBatch ?? false;
    this.#requested = new Requested(plan.list, plan.filters, plan.options, plan);
    this.#tree = new TargetTree(this.#state, this.#lifetime, plan.trees, plan.ahead ?? null);
    this.#mayLeave = plan.leavesAlone ?? false;
    this.#onListed = plan.onListed;
    this.#changeMode = plan.changeMode ?? null;
    this.#generator = new Generator(this.#state);
    this.#state.onBroken = (error) => this.fail(error);
    this.#copies = new BasisCopies(this.#state, (work) => this.#lifetime.beside(work), plan.copiedAheadBytes);
    const outcomes = new FileOutcomes(this.#state);
    this.#receiver = new Receiver(this.#state, this.#copies, outcomes);
    this.#deleter = new Deleter(this.#state, this.#generator.own);
    this.#signer = new BasisSigner(this.#state, this.#copies);
    outcomes.onAnswered = (index) => {
      this.#signer.answered(index);
      this.#state.links?.awaited.delete(index);
      if (this.#state.wanted.size === 0) this.#checkAnswered();
    };
    this.#newFiles = plan.helper === undefined ? null : new NewFiles(this.#state, outcomes, plan.helper);
  }

  /** Runs until everything is in place; throws what ended the run early, with nothing half-written left behind. */
  async run(): Promise<Totals> {
    const state = this.#state;
    try {
      const complete = await this.#listDone.promise;
      await this.#answered.promise;
      if (this.#isLeft) return await this.#endOfNothing();
      state.newFolders.placeAll();
      await state.stage.drain();
      this.#lifetime.demandAlive();
      if (state.delayed !== null) await this.#placeDelayed(state.delayed);
      await state.links?.link();
      state.demandRoot();
      await this.#tellPlaced();
      await state.source.wantEnd();
      const sourceErred = await this.#sourceDone.promise;
      const refusal = await this.#deleter.run(complete && !sourceErred);
      await state.links?.finish();
      if (complete && !state.options.dryRun) await state.alternatives?.removeNeedless();
      finishFolders(state, this.#generator.own);
      if (state.options.fsync) await this.#flushEverything();
      state.demandRoot();
      if (refusal !== null) throw refusal;
      state.events.totals(state.totals);
      // The totals go out first.
      if (this.#receiver.large.lingers) await this.#breathe();
      return state.totals;
    } finally {
      this.#lifetime.end(new TsyncError({ kind: "stream", detail: "the target half has ended" }));
      const { error } = this.#lifetime.ended!;
      state.stage.halt();
      this.#tree.stop();
      this.#signer.fail(error);
      await this.#newFiles?.stop(this.#breathe);
      const dropped = this.#copies.dropAll();
      await this.#lifetime.settled();
      await dropped;
      this.#receiver.large.abandon();
      this.#receiver.large.close();
      state.newFolders.placeAll();
      await state.stage.end(isStop(error));
      this.#deleter.close();
      state.partials?.close();
      state.destinations?.close();
      state.folders.close();
      if (state.root !== undefined && state.root.handle >= 0) state.os.close(state.root.handle);
      this.#trash?.end();
    }
  }

  async #placeDelayed(delayed: Delayed): Promise<void> {
    await delayed.place();
    await this.#state.stage.drain();
    this.#lifetime.demandAlive();
  }

  /** Nothing came. */
  async #endOfNothing(): Promise<Totals> {
    const { source, events, totals } = this.#state;
    await source.wantEnd();
    await this.#sourceDone.promise;
    events.totals(totals);
    return totals;
  }

  /** All that was written, renamed and removed is on the disk behind this; a signal is not held up. */
  async #flushEverything(): Promise<void> {
    await Promise.race([this.#state.stage.flushEverything(), this.#failed.promise]);
  }

  /** --remove-source-files: what has its place is told while the source still answers. */
  async #tellPlaced(): Promise<void> {
    const { placed, failed, list, source } = this.#state;
    if (placed === null || placed.size === 0) return;
    if (!this.#state.options.noFsync) await this.#flushEverything();
    const indexes = [...placed.descending()].filter((i) => !failed.has(list.parent(i)));
    if (indexes.length > 0) await source.placed(Uint32Array.from(indexes).reverse());
  }

  /** The session ended: everyone who waits is told why. */
  fail(error: unknown): void {
    this.#lifetime.end(error);
    this.#state.stage.halt();
    for (const gate of [this.#listDone, this.#answered, this.#sourceDone, this.#failed]) gate.fail(error);
    this.#deleter.fail(error);
    this.#signer.fail(error);
  }

  // ---- TargetPort

  roots(roots: Roots): Wait {
    this.#lifetime.demandAlive();
    if (roots.nothing && this.#mayLeave) {
      this.#isLeft = true;
      // Nothing was offered: what is scanned of the tree ends.
      this.#tree.begin();
      return this.#state.source.ready(false, null);
    }
    return needsParts(this.#state) ? this.#lifetime.during(this.#beginWithParts(roots)) : this.#begin(roots);
  }

  async #beginWithParts(roots: Roots): Promise<void> {
    this.#tree.attributes = await loadParts(this.#state, this.#generator);
    this.#lifetime.demandAlive();
    await this.#begin(roots);
  }

  #begin(roots: Roots): Wait {
    const state = this.#state;
    this.#requested.root(roots.hasRoot);
    if (roots.hasRoot) this.#changeModes(0, 1);
    openTarget(state, this.#path, roots, this.#trash);
    return hasDestinations(state.options) ? this.#openDestinations() : this.#ready();
  }

  /** Backups and alternative destinations lie beside the root: they are opened with it. */
  async #openDestinations(): Promise<void> {
    const { Destinations } = await import("./destinations.ts");
    this.#lifetime.demandAlive();
    this.#state.destinations = new Destinations(this.#state);
    const { options, backup } = this.#state;
    if (backup !== null && options.backupDir !== "") this.#state.keepAhead(backup);
    await this.#ready();
  }

  /** The root is open: the source may begin. */
  #ready(): Wait {
    const state = this.#state;
    const { options } = state;
    // Where much of what is listed may be left out, the source waits for what is wanted.
    const wantsAll = !options.existing && options.maxSize === null && options.minSize === null &&
      !state.partials?.areElsewhere;
    state.streaming = !this.#isBatch && state.root.isEmpty && !options.dryRun && wantsAll &&
      state.alternatives === null;
    const wait = state.source.ready(state.streaming, this.#tree.offer());
    // Not before that is said: the source computes its digests meanwhile.
    this.#tree.begin();
    return wait;
  }

  /** Within one process: the source's tree is large, and `only` (null: all) of the target root will be compared with it. */
  expectLargeTree(only: readonly Uint8Array[] | null): void {
    this.#tree.expectLarge(only);
  }

  async subtrees(folders: Uint32Array, digests: Uint8Array): Promise<void> {
    this.#lifetime.demandAlive();
    await this.#lifetime.during(this.#compareSubtrees(folders, digests));
  }

  async #compareSubtrees(folders: Uint32Array, digests: Uint8Array): Promise<void> {
    const state = this.#state;
    const differs = makeBitmap(folders.length);
    const comparisons = await this.#tree.compare(folders, digests);
    this.#lifetime.demandAlive();
    folders.forEach((folder, k) => {
      const comparison = comparisons[k];
      if ("equal" in comparison && !state.failed.has(state.list.parent(folder))) {
        return this.#generator.equalSubtree(folder, comparison.equal);
      }
      setBit(differs, k);
      if ("seen" in comparison && comparison.seen !== null) state.seen.set(folder, comparison.seen);
    });
    await state.source.descend(differs);
  }

  account(kind: number, id: number, name: Uint8Array): Wait {
    const { env, owners, options } = this.#state;
    if (options.numericIds) return;
    owners.name(kind, id, name);
    const mapped = kind === AccountKind.user ? env.accounts.uidOf(name) : env.accounts.gidOf(name);
    if (mapped === null) return;
    if (kind === AccountKind.user) owners.mapUser(id, mapped);
    else owners.mapGroup(id, mapped);
  }

  planned(totals: PlanTotals): Wait {
    this.#lifetime.demandAlive();
    const { space, streaming, options, env, alternatives, folds } = this.#state;
    if (space === null || space.surelyFits(totals)) return;
    if (streaming) {
      const makesAll = !options.dropSpecials && (actsAsRoot(env.identity) || !options.devices);
      if (!options.hardLinks) space.demandAll(totals, makesAll);
      return;
    }
    // What becomes of an alternative destination's files, and of names that fold, is decided once.
    return this.#isBatch || alternatives !== null || folds !== null ? undefined : this.#hold(space, totals.holeBytes);
  }

  async #hold(space: SpaceGuard, holeBytes: number): Promise<void> {
    const { SpacePlan } = await import("./space_plan.ts");
    this.#lifetime.demandAlive();
    const guard = space.another("nothing was changed");
    guard.holes(holeBytes);
    this.#held = new SpacePlan(this.#state, guard, this.#plainOs);
  }

  async #decideHeld(held: SpacePlan): Promise<void> {
    await held.check();
    this.#held = null;
    for (const { folder, first, count, flags } of held.pieces) await this.#decide(folder, first, count, flags);
  }

  async listed(folder: number, first: number, count: number, flags: number, holeBytes = 0): Promise<void> {
    this.#lifetime.demandAlive();
    if (this.#isLeft) return;
    this.#state.space?.holes(holeBytes);
    this.#requested.piece(folder, first, count, (flags & FolderPiece.named) !== 0);
    this.#changeModes(first, count);
    if (this.#held !== null) return this.#held.hold(folder, first, count, flags);
    await this.#lifetime.during(this.#decide(folder, first, count, flags));
  }

  async #decide(folder: number, first: number, count: number, flags: number): Promise<void> {
    const wishes = await this.#generator.listed(folder, first, count, flags);
    this.#lifetime.demandAlive();
    const { list, totals, space, doneFiles } = this.#state;
    space?.check(totals, doneFiles);
    this.#onListed?.(list.count, totals.totalBytes, false);
    await this.#want(wishes);
    const pause = this.#state.events.room?.() ?? this.#state.env.pause();
    if (pause !== undefined) await pause;
  }

  async #want({ wants, deltas }: Wishes): Promise<void> {
    const { source, streaming } = this.#state;
    if (wants.length > 0 && !streaming) await source.want(wants, WHOLE);
    if (deltas.length > 0) {
      await source.want(deltas, DELTA);
      this.#lifetime.beside(this.#signer.add(deltas));
    }
  }

  missing(paths: readonly Uint8Array[]): Wait {
    this.#lifetime.demandAlive();
    for (const path of paths) {
      this.#requested.missing(path);
      this.#state.missing.push(path);
    }
    return undefined;
  }

  async listEnd(complete: boolean, entries: number, bytes: number): Promise<void> {
    this.#onListed?.(entries, bytes, true);
    if (this.#held !== null) await this.#lifetime.during(this.#decideHeld(this.#held));
    if (this.#newFiles !== null) await this.#lifetime.during(this.#newFiles.finish(this.#state.env.breathe));
    this.#tree.stop();
    const { links } = this.#state;
    if (links !== null) {
      this.#lifetime.demandAlive();
      await this.#lifetime.during(links.decide());
      this.#lifetime.demandAlive();
      this.#state.space?.check(this.#state.totals, this.#state.doneFiles);
      const { wants, deltas } = this.#generator.takeWishes();
      await this.#want({ wants: wants.sort(), deltas: deltas.sort() });
    }
    this.#listDone.open(complete);
    this.#checkAnswered();
  }

  fill(source: Handle, first: number, count: number): Uint32Array | null {
    this.#lifetime.demandAlive();
    return this.#newFiles?.take(source, first, count) ?? null;
  }

  isItself(index: number, stat: Stat): boolean {
    const { folders, list, os } = this.#state;
    const folder = folders.get(list.parent(index));
    const name = this.#state.name(index);
    const own = new Stat();
    return folder >= 0 && os.statAt(folder, name, 0, name.length, own) === 0 && isSameInode(own, stat);
  }

  closing(source: Handle): void {
    this.#newFiles?.settleSource(source);
  }

  file(index: number, fresh: Fresh | null, content: Uint8Array, digest: Uint8Array | null): Wait {
    this.#lifetime.demandAlive();
    return this.#receiver.file(index, fresh, content, digest);
  }

  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait {
    this.#lifetime.demandAlive();
    return this.#lifetime.whileWaiting(this.#receiver.fileBegin(index, size, fresh, isDelta));
  }

  fileBasis(offset: number, basisOffset: number, bytes: number): Promise<void> {
    this.#lifetime.demandAlive();
    return this.#lifetime.during(this.#receiver.large.basis(offset, basisOffset, bytes));
  }

  refine(index: number, ranges: readonly BasisRange[]): Promise<void> {
    this.#lifetime.demandAlive();
    return this.#lifetime.during(this.#signer.refine(index, ranges));
  }

  fileData(offset: number, bytes: Uint8Array): Wait {
    this.#lifetime.demandAlive();
    return this.#lifetime.whileWaiting(this.#receiver.large.data(offset, bytes));
  }

  fileCopy(source: Handle, stat: Stat): Promise<number> {
    this.#lifetime.demandAlive();
    return this.#lifetime.during(this.#receiver.large.copy(source, stat));
  }

  fileEnd(complete: boolean, digest: Uint8Array | null): Wait {
    this.#lifetime.demandAlive();
    return this.#lifetime.whileWaiting(this.#receiver.large.end(complete, digest));
  }

  fileSkip(index: number, cause: number): Wait {
    this.#lifetime.demandAlive();
    return this.#receiver.fileSkip(index, cause);
  }

  sourceDone(errors: boolean): Wait {
    this.#sourceDone.open(errors);
    return undefined;
  }

  checked(absent: Uint8Array): Wait {
    this.#deleter.checked(absent);
    return undefined;
  }

  // ---- turning points

  #changeModes(first: number, count: number): void {
    const { list } = this.#state;
    for (let i = first; this.#changeMode !== null && i < first + count; i++) {
      if (list.kind(i) !== Kind.link) list.setMode(i, this.#changeMode(list.kind(i), list.mode(i)));
    }
  }

  #checkAnswered(): void {
    // A file under way is off the wanted ones, and the list may end while it comes.
    const { links } = this.#state;
    if (links !== null && links.awaited.size > 0) return;
    if (this.#listDone.isOpen && this.#state.wanted.size === 0 && !this.#receiver.large.isOpen) this.#answered.open();
  }
}

/** The run ends by a signal, because its time is up (--stop-at), or because the peer is gone: nothing is wrong with what has come. */
function isStop(error: unknown): boolean {
  if (!(error instanceof TsyncError)) return false;
  const { data } = error;
  return data.kind === "interrupted" || data.kind === "timeout" || (data.kind === "stream" && data.isGone === true);
}
