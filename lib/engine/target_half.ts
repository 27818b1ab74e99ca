// The target half: generator and receiver together, as one story. The source half (or its proxy) calls the TargetPort
// methods as things come; `run` waits for the turning points and does what follows each.
//
//   roots      open or make the target root, say whether it is empty
//   subtrees   compare digests with those of the own tree, say what differs        (own_tree.ts)
//   listed     march, decide, make what needs no content, ask for the rest         (generator.ts)
//   file ...   write aside, verify, stage, put in place                            (receiver.ts)
//   listEnd    nothing is wanted any more -> wantEnd -> sourceDone
//   delete     only after a complete list and an error-free source                 (deleter.ts)
//   finish     folder metadata, deepest first; sweep; totals

import { makeBitmap, setBit } from "../base/bitmap.ts";
import { latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Gate } from "../base/gate.ts";
import type { Totals } from "../base/monitor.ts";
import { hasDestinations, mayDelete } from "../base/options.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { type Handle, isSameInode, Kind, type Os, Stat } from "../os/os.ts";
import {
  AccountKind,
  type BasisRange,
  DELTA,
  FolderPiece,
  type Fresh,
  type PlanTotals,
  type Roots,
  type TargetPort,
  type TreeOffer,
  type Wait,
  WHOLE,
} from "../session/ports.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import { applyMetadata } from "../tree/apply.ts";
import type { AskedNames } from "../tree/asked_names.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import { demandUseless } from "../tree/munged_links.ts";
import { isAskedKind } from "../tree/scan.ts";
import { sweep } from "../tree/stage.ts";
import { comparesTrees, treeTerms } from "../tree/subtree_digests.ts";
import { attributeReader } from "./attribute_reader.ts";
import { BasisCopies } from "./basis_copy.ts";
import { BasisSigner } from "./basis_signer.ts";
import type { Delayed } from "./delayed.ts";
import { Deleter } from "./deleter.ts";
import { seededDigesters } from "./digesters.ts";
import type { Environment } from "./environment.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import { FileOutcomes } from "./file_outcomes.ts";
import { Generator } from "./generator.ts";
import { ownAccountNames, OwnTree, topFolders, type TreeComparer, treeOffer } from "./own_tree.ts";
import { Receiver } from "./receiver.ts";
import { NewFiles } from "./new_files.ts";
import type { ScanAhead } from "./scan_ahead.ts";
import { NameFolds, timeWindowNs } from "./name_folds.ts";
import { SpaceGuard } from "./space_guard.ts";
import type { SpacePlan } from "./space_plan.ts";
import { SideFolders } from "./side_folders.ts";
import { demandTheSame, folderToMake, makeFolders, openTargetRoot } from "./target_root.ts";
import { TreeThread } from "./tree_thread.ts";
import { TargetPlaces } from "./target_places.ts";
import type { TrashOs } from "./trash_os.ts";
import { type TargetInput, TargetState } from "./target_state.ts";
import type { Wishes } from "./wish_list.ts";

const SLASH = 0x2f;

export interface TargetPlan extends TargetInput {
  /** The source can tell digests of subtrees: the own tree is scanned by this thread, or, within one process, by another one. */
  trees: "not" | "here" | { threadSeed: { low: number; high: number } };
  /** The scan of the own tree, if it has begun. */
  ahead?: ScanAhead | null;
  /** --chmod, where the source does not know of it: what the mode of a listed entry counts as. */
  changeMode?: ((kind: number, mode: number) => number) | null;
  /** --trash: stands before the door to the system. */
  trash?: TrashOs | null;
  /** The source is a batch (--read-batch): it sends what is wanted only, and nobody asked it for anything. */
  isBatch?: boolean;
  /** The target path as typed. */
  path: Uint8Array;
  /** A basis from this size on is copied while it is signed. */
  copiedAheadBytes?: number;
  /** Hears of the list as it comes, where the source is elsewhere. */
  onListed?(entries: number, bytes: number, complete: boolean): void;
  /** Top-level names that were asked for; null = whatever the source holds (R4). */
  expected: Uint8Array[] | null;
  /** --delete-missing-args: what may be told to be missing, where `asked` does not say it; null: whatever the source was given. */
  missable?: Uint8Array[] | null;
  /** In a run that names its entries one by one: what was asked for, if it is known here (R4). */
  asked?: AskedNames | null;
}

export class TargetHalf implements TargetPort {
  readonly #state: TargetState;
  /** A turn for timers and signals, also after the end. */
  readonly #breathe: () => Promise<void>;
  readonly #path: Uint8Array;
  readonly #isBatch: boolean;
  readonly #localSources: readonly Uint8Array[];
  readonly #trash: TrashOs | null;
  /** The door to the system behind that of the trash. */
  readonly #plainOs: Os;
  /** While it is not known whether all has room: what is listed waits for the end of the list. */
  #held: SpacePlan | null = null;
  readonly #trees: TargetPlan["trees"];
  readonly #ahead: ScanAhead | null;
  readonly #expected: Set<string> | null;
  readonly #asked: AskedNames | null;
  readonly #missable: Set<string> | null;
  readonly #changeMode: ((kind: number, mode: number) => number) | null;
  readonly #onListed: TargetPlan["onListed"];
  readonly #generator: Generator;
  readonly #receiver: Receiver;
  readonly #deleter: Deleter;
  readonly #copies: BasisCopies;
  readonly #signer: BasisSigner;
  /** With -A or -X: for the digests of the own tree. */
  #attributes: AttributeReader | null = null;
  /** The tree at the target, in a session that compares digests of subtrees. */
  #ownTree: TreeComparer | null = null;
  #offered: TreeOffer | null = null;
  readonly #newFiles: NewFiles | null;
  readonly #listDone = new Gate<boolean>();
  readonly #answered = new Gate();
  readonly #sourceDone = new Gate<boolean>();
  /** Never opened. */
  readonly #failed = new Gate();
  /** Why nothing is taken any more; null while the half works. */
  #ended: { error: unknown } | null = null;
  /** The calls that are working on open files and folders across pauses. */
  readonly #working = new Set<Promise<unknown>>();

  constructor(plan: TargetPlan) {
    this.#breathe = plan.env.breathe;
    // A pause is where a half that has ended finds out: behind it no handle is what it was.
    const breathe = async () => {
      await plan.env.breathe();
      this.#demandAlive();
    };
    this.#trash = plan.trash ?? null;
    this.#plainOs = plan.env.os;
    const os = this.#trash?.os ?? plan.env.os;
    const env: Environment = Object.create(plan.env, { breathe: { value: breathe }, os: { value: os } });
    this.#state = new TargetState({ ...plan, env });
    this.#localSources = plan.localSources ?? [];
    this.#path = plan.path;
    this.#isBatch = plan.isBatch ?? false;
    this.#trees = plan.trees;
    this.#ahead = plan.ahead ?? null;
    this.#onListed = plan.onListed;
    this.#expected = plan.expected === null ? null : new Set(plan.expected.map(latin1));
    this.#asked = plan.asked ?? null;
    this.#missable = plan.missable == null ? null : new Set(plan.missable.map(latin1));
    this.#changeMode = plan.changeMode ?? null;
    this.#generator = new Generator(this.#state);
    this.#state.onBroken = (error) => this.fail(error);
    this.#copies = new BasisCopies(this.#state, (work) => this.#beside(work), plan.copiedAheadBytes);
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
      state.newFolders.placeAll();
      await state.stage.drain();
      this.#demandAlive();
      if (state.delayed !== null) await this.#placeDelayed(state.delayed);
      await state.links?.link();
      state.demandRoot();
      await this.#tellPlaced();
      await state.source.wantEnd();
      const sourceErred = await this.#sourceDone.promise;
      const refusal = await this.#deleter.run(complete && !sourceErred);
      await state.links?.finish();
      if (complete && !state.options.dryRun) await state.alternatives?.removeNeedless();
      this.#finish();
      if (state.options.fsync) await this.#flushEverything();
      state.demandRoot();
      if (refusal !== null) throw refusal;
      state.events.totals(state.totals);
      // The totals go out first.
      if (this.#receiver.large.lingers) await this.#breathe();
      return state.totals;
    } finally {
      this.#ended ??= { error: new TsyncError({ kind: "stream", detail: "the target half has ended" }) };
      state.stage.halt();
      this.#ownTree?.stop();
      this.#signer.fail(this.#ended.error);
      await this.#newFiles?.stop(this.#breathe);
      const dropped = this.#copies.dropAll();
      await Promise.allSettled(this.#working);
      await dropped;
      this.#receiver.large.abandon();
      this.#receiver.large.close();
      state.newFolders.placeAll();
      await state.stage.end(isStop(this.#ended.error));
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
    this.#demandAlive();
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
    this.#ended ??= { error };
    this.#state.stage.halt();
    for (const gate of [this.#listDone, this.#answered, this.#sourceDone, this.#failed]) gate.fail(error);
    this.#deleter.fail(error);
    this.#signer.fail(error);
  }

  /** After the end a call would work with handles that are closed, or mean something else by now: it is refused. */
  #demandAlive(): void {
    if (this.#ended !== null) throw this.#ended.error;
  }

  /** Notes that `work` holds handles until it settles. */
  async #during<T>(work: Promise<T>): Promise<T> {
    this.#working.add(work);
    try {
      return await work;
    } finally {
      this.#working.delete(work);
    }
  }

  /** The same for a call that mostly has nothing to wait for. */
  #whileWaiting(wait: Wait): Wait {
    return wait === undefined ? undefined : this.#during(wait);
  }

  /** Lets `work` go on beside everything else; its failure is the half's, unless that has ended. */
  #beside(work: Promise<void> | undefined): void {
    if (work === undefined) return;
    this.#during(work).catch((error) => {
      if (this.#ended === null) this.fail(error);
    });
  }

  // ---- TargetPort

  roots(roots: Roots): Wait {
    this.#demandAlive();
    const { hardLinks, acls, xattrs, plainDigests, fuzzy } = this.#state.options;
    return hardLinks || acls || xattrs || plainDigests || fuzzy > 0
      ? this.#during(this.#beginWithMore(roots))
      : this.#begin(roots);
  }

  /** Loads what only some runs need. */
  async #beginWithMore(roots: Roots): Promise<void> {
    const state = this.#state;
    const { options, os, env, filters, list, owners } = state;
    if (options.hardLinks) {
      const { HardLinks } = await import("./hard_links.ts");
      state.links = new HardLinks(state, this.#generator);
    }
    if (options.acls || options.xattrs) {
      const { AttributeWriter, carriesOn } = await import("../tree/attributes.ts");
      const isRoot = actsAsRoot(env.identity);
      const carries = carriesOn("receiver", filters, isRoot);
      state.attributes = new AttributeWriter(os, options, isRoot, carries, list, owners);
      this.#attributes = await attributeReader({ options, os, filters, isRoot, side: "receiver" });
    }
    if (options.fuzzy > 0 && state.usesDelta) {
      const { Similar } = await import("./similar.ts");
      state.similar = new Similar(state);
    }
    if (options.plainDigests) state.plainDigester = (await seededDigesters({ low: 0, high: 0 })).content;
    this.#demandAlive();
    await this.#begin(roots);
  }

  #begin(roots: Roots): Wait {
    const state = this.#state;
    const { os, env, options } = state;
    this.#asked?.root(roots.hasRoot);
    if (options.mungeLinks) demandUseless(os);
    if (options.openNoatime) os.readQuietly();
    if (roots.hasRoot) this.#changeModes(0, 1);
    // What an earlier connection has put there is there: nothing is made in its place.
    const goesOn = options.goesOn && !options.noGuard;
    if (options.mkpath && !goesOn) this.#makePath(roots);
    state.root = openTargetRoot(os, this.#path, roots, env.umask, options.dryRun || goesOn);
    if (goesOn) demandTheSame(state.root);
    this.#lookAtFileSystem();
    this.#trash?.begin(state.root);
    if (mayDelete(options) && state.filters.hasPlaces) state.places = new TargetPlaces(state, this.#path);
    return hasDestinations(options) ? this.#openDestinations() : this.#ready();
  }

  /** What there is to know of the target's file system: how much it takes, how it keeps names and times. */
  #lookAtFileSystem(): void {
    const state = this.#state;
    const { os, env, options, root, list } = state;
    const info = root.handle < 0 ? root.handle : os.fileSystem(root.handle);
    if (typeof info === "number") return;
    state.folds = NameFolds.of(os, list, root, info, (i) => state.tell(Verb.skip, Cause.collision, 0, state.path(i)));
    const window = timeWindowNs(info);
    if (window > 0 && options.modifyWindowNs === null) state.options = { ...options, modifyWindowNs: window };
    if (options.noGuard || options.noSpaceCheck) return;
    state.space = new SpaceGuard(info, {
      uid: env.identity.uid,
      inPlace: options.inplace,
      keepsReplaced: this.#keepsReplaced(),
      makesHoles: options.sparse,
      part: (i) => state.partials?.peek(i) ?? 0,
      linksNames: options.hardLinks || options.altKind === "link",
      isOneFileSystem: () => this.#localSources.some((source) => sharesDevice(os, root.handle, source)),
    });
  }

  /** Whether what is replaced goes on taking room on the root's file system. */
  #keepsReplaced(): boolean {
    const { os, env, options, root } = this.#state;
    const { backup, backupDir, trash, delayUpdates, partialDir } = options;
    const isBeside = (word: string) =>
      word === "" || isOnDevice(os, root.handle, new SideFolders(os, root.path, env.umask).path(word));
    return (backup && isBeside(backupDir)) || (trash !== "" && isBeside(trash)) ||
      (delayUpdates && !partialDir.startsWith("/"));
  }

  /** Backups and alternative destinations lie beside the root: they are opened with it. */
  async #openDestinations(): Promise<void> {
    const { Destinations } = await import("./destinations.ts");
    this.#demandAlive();
    this.#state.destinations = new Destinations(this.#state);
    await this.#ready();
  }

  /** --mkpath: makes the root with all above it; a dry run only tells. */
  #makePath(roots: Roots): void {
    const { os, env, options } = this.#state;
    const folder = folderToMake(this.#path, roots);
    const made = makeFolders(os, folder, env.umask, options.dryRun);
    const problem = { verb: Verb.create, side: Side.target, path: folder };
    if (made > 0) this.#state.events.problem({ ...problem, cause: Cause.madeFolders, errno: made });
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
    const offer = this.#treeOffer();
    const wait = state.source.ready(state.streaming, offer);
    // Not before that is said: the source computes its digests meanwhile.
    if (offer !== null && this.#trees === "here") this.#scanOwnTree();
    else this.#ahead?.tree.stop();
    return wait;
  }

  /** Goes on with the scan that has begun, if it is the right one, else begins one; where the root is not the source's own, when it is needed. */
  #scanOwnTree(): void {
    const { handle, hasMetadata } = this.#state.root;
    const ahead = this.#ahead;
    if (ahead !== null && ahead.isOfRoot === hasMetadata && ahead.isOf(handle)) this.#ownTree = ahead.tree;
    else {
      ahead?.tree.stop();
      if (hasMetadata) this.#startOwnTree(null);
    }
  }

  /** Whether what is equal need not be listed: where there is a tree, and the quick check alone decides. */
  #treeOffer(): TreeOffer | null {
    const { root, options, env, streaming } = this.#state;
    if (this.#trees === "not" || streaming || !comparesTrees(options)) return null;
    if (root.handle < 0 || root.isEmpty || root.singleName !== null) return null;
    return this.#offered = treeOffer(env);
  }

  /** Within one process: the source's tree is large, and `only` (null: all) of the target root will be compared with it. */
  expectLargeTree(only: readonly Uint8Array[] | null): void {
    if (this.#offered !== null && this.#ended === null) this.#startOwnTree(only);
  }

  #startOwnTree(only: readonly Uint8Array[] | null): TreeComparer {
    const { root: { handle: root }, options, env, filters, digesters } = this.#state;
    const order = { root, only, options, terms: treeTerms(options, this.#offered!) };
    const tree = typeof this.#trees === "object"
      ? new TreeThread({ ...order, isRoot: actsAsRoot(env.identity), seed: this.#trees.threadSeed })
      : new OwnTree({
        ...{ ...order, os: env.os, filters, pause: () => env.pause() },
        accounts: ownAccountNames(env, options.numericIds),
        attributes: this.#attributes,
        seal: (digest) => digesters!.list.hash(digest),
      });
    this.#ownTree = tree;
    this.#beside(env.breathe().then(() => tree.run()));
    return tree;
  }

  async subtrees(folders: Uint32Array, digests: Uint8Array): Promise<void> {
    this.#demandAlive();
    await this.#during(this.#compareSubtrees(folders, digests));
  }

  async #compareSubtrees(folders: Uint32Array, digests: Uint8Array): Promise<void> {
    const state = this.#state;
    const differs = makeBitmap(folders.length);
    const own = this.#ownTree ?? this.#startOwnTree(topFolders(state.list));
    const tallies = await own.compare([...folders].map((folder) => state.list.path(folder)), digests);
    this.#demandAlive();
    folders.forEach((folder, k) => {
      const tally = tallies[k];
      if (tally === null || state.failed.has(state.list.parent(folder))) setBit(differs, k);
      else this.#generator.equalSubtree(folder, tally);
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
    this.#demandAlive();
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
    this.#demandAlive();
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
    this.#demandAlive();
    this.#state.space?.holes(holeBytes);
    this.#checkRequested(folder, first, count, (flags & FolderPiece.named) !== 0);
    this.#changeModes(first, count);
    if (this.#held !== null) return this.#held.hold(folder, first, count, flags);
    await this.#during(this.#decide(folder, first, count, flags));
  }

  async #decide(folder: number, first: number, count: number, flags: number): Promise<void> {
    const wishes = await this.#generator.listed(folder, first, count, flags);
    this.#demandAlive();
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
      this.#beside(this.#signer.add(deltas));
    }
  }

  missing(paths: readonly Uint8Array[]): Wait {
    this.#demandAlive();
    for (const path of paths) {
      const isAsked = this.#asked?.has(path) ?? this.#missable?.has(latin1(path)) ?? true;
      if (!isAsked) refuse("a missing name that was not asked for");
      this.#state.missing.push(path);
    }
    return undefined;
  }

  async listEnd(complete: boolean, entries: number, bytes: number): Promise<void> {
    this.#onListed?.(entries, bytes, true);
    if (this.#held !== null) await this.#during(this.#decideHeld(this.#held));
    if (this.#newFiles !== null) await this.#during(this.#newFiles.finish(this.#state.env.breathe));
    this.#ownTree?.stop();
    this.#ownTree = null;
    const { links } = this.#state;
    if (links !== null) {
      this.#demandAlive();
      await this.#during(links.decide());
      this.#demandAlive();
      this.#state.space?.check(this.#state.totals, this.#state.doneFiles);
      const { wants, deltas } = this.#generator.takeWishes();
      await this.#want({ wants: wants.sort(), deltas: deltas.sort() });
    }
    this.#listDone.open(complete);
    this.#checkAnswered();
  }

  fill(source: Handle, first: number, count: number): Uint32Array | null {
    this.#demandAlive();
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
    this.#demandAlive();
    return this.#receiver.file(index, fresh, content, digest);
  }

  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait {
    this.#demandAlive();
    return this.#whileWaiting(this.#receiver.fileBegin(index, size, fresh, isDelta));
  }

  fileBasis(offset: number, basisOffset: number, bytes: number): Promise<void> {
    this.#demandAlive();
    return this.#during(this.#receiver.large.basis(offset, basisOffset, bytes));
  }

  refine(index: number, ranges: readonly BasisRange[]): Promise<void> {
    this.#demandAlive();
    return this.#during(this.#signer.refine(index, ranges));
  }

  fileData(offset: number, bytes: Uint8Array): Wait {
    this.#demandAlive();
    return this.#whileWaiting(this.#receiver.large.data(offset, bytes));
  }

  fileCopy(source: Handle, stat: Stat): Promise<number> {
    this.#demandAlive();
    return this.#during(this.#receiver.large.copy(source, stat));
  }

  fileEnd(complete: boolean, digest: Uint8Array | null): Wait {
    this.#demandAlive();
    return this.#whileWaiting(this.#receiver.large.end(complete, digest));
  }

  fileSkip(index: number, cause: number): Wait {
    this.#demandAlive();
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

  /**
   * Only what was asked for (R4): no other top-level name or kind, and none our filters leave out; they do not look at folders
   * on the way to what was named. What rules in the source's own folders may include again is not ours to judge.
   */
  #checkRequested(folder: number, first: number, count: number, isNamed: boolean): void {
    const { list, filters, options } = this.#state;
    this.#asked?.piece(list, folder, first, count, isNamed);
    const checksTop = folder === 0 && this.#expected !== null;
    for (let i = first; i < first + count; i++) {
      const kind = list.kind(i);
      if (kind !== Kind.file && !isAskedKind(kind, options)) refuse("an entry of a kind that was not asked for");
      if (checksTop && !this.#expected!.has(latin1(list.name(i)))) refuse("an entry that was not asked for");
      if (this.#isBatch || filters.isEmpty || (isNamed && kind === Kind.folder && this.#leadsTo(folder, i))) continue;
      if (filters.surelyExcluded(list.path(i), kind === Kind.folder)) refuse("an entry that is excluded");
    }
  }

  #leadsTo(folder: number, i: number): boolean {
    return this.#asked?.leadsTo(this.#state.list, folder, i) ?? true;
  }

  /** Folder metadata, children before parents, because each change below renews a folder's time (law 6); then the sweep. */
  #finish(): void {
    const state = this.#state;
    if (state.options.dryRun) return;
    this.#sweep();
    for (const folder of state.touched.descending()) if (!state.failed.has(folder)) this.#finishFolder(folder);
  }

  #finishFolder(folder: number): void {
    const state = this.#state;
    const { os } = state;
    const handle = state.folders.get(folder);
    if (handle < 0) return state.problem(Verb.open, -handle, folder);
    const stat = new Stat();
    const looked = os.statHandle(handle, stat);
    if (looked < 0) return state.problem(Verb.stat, -looked, folder);
    if (state.bare.has(folder)) return this.#closeAgain(folder, handle);
    const existing = state.created.has(folder) ? -1 : this.#originalMode(folder, stat);
    const failure = applyMetadata(os, handle, stat, wantedMetadata(state, folder, existing));
    if (failure !== null) state.problem(failure.verb, failure.errno, folder);
    const synced = state.stage.flushesEach(handle) ? os.sync(handle) : 0;
    if (synced < 0) state.problem(Verb.flush, -synced, folder);
  }

  /** A folder whose metadata does not count gets back the mode it had. */
  #closeAgain(folder: number, handle: Handle): void {
    const mode = this.#state.folderModes.get(folder);
    const result = mode === undefined ? 0 : this.#state.os.setMode(handle, mode);
    if (result < 0) this.#state.problem(Verb.setMode, -result, folder);
  }

  /** Mode an existing folder had before it was opened up for changes, where modes are not preserved. */
  #originalMode(folder: number, stat: Stat): number {
    return this.#state.folderModes.get(folder) ?? stat.mode;
  }

  /** Temporary files of dead runs go; what a live run may be using stays. */
  #sweep(): void {
    const state = this.#state;
    for (const [folder, names] of this.#generator.own.leftovers) {
      const handle = state.openForChange(folder);
      if (handle < 0) continue;
      // Our own hold on the folder would stand in the way of the sweep's exclusive lock: it is given up first.
      state.stage.release(handle);
      sweep(state.os, handle, names, state.env.identity.uid);
    }
    state.destinations?.sweepTemp();
    for (const folder of this.#generator.own.withPartials) {
      const handle = state.folders.get(folder);
      // Its time is renewed by that.
      if (handle >= 0 && state.partials?.sweep(handle)) state.openForChange(folder);
    }
  }
}

/** The run ends by a signal, because its time is up (--stop-at), or because the peer is gone: nothing is wrong with what has come. */
function isStop(error: unknown): boolean {
  if (!(error instanceof TsyncError)) return false;
  const { data } = error;
  return data.kind === "interrupted" || data.kind === "timeout" || (data.kind === "stream" && data.isGone === true);
}

/** Whether the path, or the folder above it in which it will be made, is on the device of the open root. */
function isOnDevice(os: Os, root: Handle, path: Uint8Array): boolean {
  const stat = new Stat();
  for (let end = path.length; end > 0; end = path.lastIndexOf(SLASH, end - 1)) {
    const above = path.subarray(0, end);
    if (os.statPath(above, true, stat) === 0) return sharesDevice(os, root, above);
  }
  return false;
}

/** Whether what the operator named is on the device of the open root; what cannot be looked at may be. */
function sharesDevice(os: Os, root: Handle, source: Uint8Array): boolean {
  const [own, other] = [new Stat(), new Stat()];
  if (os.statHandle(root, own) < 0 || os.statPath(source, true, other) < 0) return true;
  return own.devMajor === other.devMajor && own.devMinor === other.devMinor;
}

function refuse(what: string): never {
  throw new TsyncError({ kind: "stream", detail: `the peer sent ${what}` });
}
