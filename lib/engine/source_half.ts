// The source half, as one story. The target half (or its proxy) calls the SourcePort methods; `run` does the rest.
//
//   open      the source arguments, the guards                                    (source_arguments.ts)
//   list      scan folder after folder, tell each piece as it is found            (lib/tree/scan.ts)
//             or, to a target that has a tree of its own, only what differs       (tree_lister.ts)
//   content   send what is wanted, as it is wanted; to an empty target everything (sender.ts)
//   check     look again at what the target is about to delete                    (second_look.ts)

import { AttributeSets } from "../base/attributes.ts";
import { makeBitmap, setBit } from "../base/bitmap.ts";
import { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import { lastNames } from "../base/last_names.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem } from "../base/problem.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { type Handle, Kind, type Os } from "../os/os.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import {
  FolderPiece,
  type Roots,
  type SignatureHead,
  type SourcePort,
  type TargetPort,
  type TreeOffer,
  type Wait,
  type WantKind,
} from "../session/ports.ts";
import { FolderCache } from "../tree/folder_cache.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import { ListCopy } from "../tree/list_copy.ts";
import { demandUseless } from "../tree/munged_links.ts";
import { placeOf } from "../tree/origins.ts";
import type { Piece } from "../tree/scan.ts";
import { type AccountNames, comparesTrees, NUMBERS, SubtreeDigests, treeTerms } from "../tree/subtree_digests.ts";
import { Announcer } from "./announcer.ts";
import { attributeReader } from "./attribute_reader.ts";
import { DeltaSource } from "./delta_source.ts";
import type { Digesters, Environment } from "./environment.ts";
import { ListDigests } from "./list_digests.ts";
import { topFolders } from "./own_tree.ts";
import { secondLook } from "./second_look.ts";
import { Sender } from "./sender.ts";
import { type Pieces, SourceArguments } from "./source_arguments.ts";
import type { SourceFiles } from "./source_files.ts";
import { SMALL_TREE, TreeLister } from "./tree_lister.ts";
import { WantQueue } from "./want_queue.ts";

/** An estimate of so many times more is enough. */
const SURELY = 4;
/** A source of no more entries is scanned to its end before anything is listed, so that its plan can be told. */
const PLANNED_ENTRIES = 2048;

export interface SourcePlan {
  env: Environment;
  list: FileList;
  options: SyncOptions;
  filters: FilterSet;
  /** Source arguments as typed. */
  paths: Uint8Array[];
  /** --files-from: the names, each ended by NUL, once they are known; null: there are none. */
  names?: Promise<Uint8Array> | null;
  /** Until it answers (a handshake takes its time) the scan runs ahead. */
  target: TargetPort;
  /** Known when the target answers; null in one process without -c. */
  digesters: Promise<Digesters> | null;
  /** The link's round trip as far as it is known, ms; default: there is no link. */
  roundTripMs?: () => number;
  /** The target is in this process: handles are passed instead of content, names of accounts are not needed. */
  isLocal: boolean;
  /** The target as typed, where it is on this machine: it must not lie in the source, nor the source in it. */
  targetPath?: Uint8Array | null;
  /** --chmod: what an entry's mode counts as. */
  changeMode?: ((kind: number, mode: number) => number) | null;
  /** Null: links stay links. */
  follower?: LinkFollower | null;
  /** A tree of no more entries is listed without digests. */
  smallTree?: number;
  /** Within one process: from how many entries on subtrees are compared, which the target is then told. */
  localTrees?: {
    atLeast: number;
    begin(only: Uint8Array[] | null): void;
    hash(): Promise<{ hash(bytes: Uint8Array): Uint8Array }>;
  };
  report(problem: Problem): void;
  listed(entries: number, bytes: number, complete: boolean): void;
}

export class SourceHalf implements SourcePort {
  readonly #plan: SourcePlan;
  readonly #os: Os;
  readonly #list: FileList;
  readonly #source: SourceArguments;
  readonly #folders: FolderCache;
  /** -m: whether a folder holds nothing that would be listed. */
  #isPruned: ((folder: Handle, path: Uint8Array) => boolean) | null = null;
  readonly #follower: LinkFollower | null;
  readonly #target: TargetPort;
  #digesters: Digesters | null = null;
  #sender!: Sender;
  #pieces!: Pieces;
  /** Pieces scanned and not yet sent. */
  readonly #ahead: Piece[] = [];
  readonly #ready = new Gate<{ streaming: boolean; trees: TreeOffer | null }>();
  #lister: TreeLister | null = null;
  /** Digests of subtrees made while nothing is heard of the target: what it lets count is guessed. */
  #guessed: SubtreeDigests | null = null;
  readonly #announcer: Announcer;
  readonly #listDigests: ListDigests;
  readonly #wants: WantQueue;
  /** What a file needs that is wanted as a delta; loaded with the first. */
  #delta: DeltaSource | null = null;
  /** What removes files that are in place at the target; loaded when the target tells of the first. */
  #remover: SourceFiles | null = null;
  readonly #roundTripMs: () => number;
  #failure: unknown = null;
  /** The scan has come to its end. */
  #isScanned = false;
  /** What was scanned, where the session's list holds only what differs. */
  #scanned: FileList | null = null;
  #isPlanTold = false;
  /** Bytes of holes that the target was told of. */
  #holesTold = 0;

  constructor(plan: SourcePlan) {
    this.#plan = plan;
    this.#os = plan.env.os;
    this.#list = plan.list;
    this.#target = plan.target;
    this.#roundTripMs = plan.roundTripMs ?? (() => 0);
    this.#follower = plan.follower ?? null;
    this.#source = new SourceArguments(plan, () => this.#pause());
    this.#folders = new FolderCache(
      this.#os,
      plan.list,
      (origin, path) => placeOf(this.#source.origins, origin, path),
      (_folder, handle) => {
        this.#target.closing?.(handle);
        this.#os.close(handle);
      },
      this.#follower ?? undefined,
    );
    const { env, list, options } = plan;
    this.#announcer = new Announcer(list, options, this.#target, env);
    this.#listDigests = new ListDigests(this.#os, list, this.#folders, this.#follower, env.breathe);
    this.#wants = new WantQueue(list);
    // A run that ends before they are needed does not hear of their failure.
    plan.digesters?.catch(() => {});
  }

  /** Runs until every want is served; checks are answered after that until `close`. */
  async run(): Promise<void> {
    const { options, filters, env: { os, identity } } = this.#plan;
    const isRoot = actsAsRoot(identity);
    if (options.unmungeLinks) demandUseless(os);
    if (options.openNoatime) os.readQuietly();
    const attributes = await attributeReader({ options, os, filters, isRoot, side: "sender" });
    const roots = await this.#source.open(attributes);
    this.#pieces = this.#source.pieces;
    await this.#target.roots(roots);
    this.#announcer.rootTold();
    if (options.pruneEmptyFolders) await this.#prune();
    this.#pieces = this.#toTheEnd(this.#pieces);
    await this.#scanAhead();
    const { streaming, trees } = await this.#ready.promise;
    await this.#makeSender();
    const list = trees === null ? () => this.#sendList() : () => this.#sendTrees(trees, roots);
    this.#wants.isStreaming = streaming;
    if (streaming) {
      await list();
      if (this.#plan.options.hardLinks) await this.#sendLastNames();
    } else await Promise.all([list(), this.#sendWanted()]);
    if (streaming) await this.#sendWanted();
    await this.#target.sourceDone(this.#sender.erred);
  }

  async #makeSender(): Promise<void> {
    const { env, list, options, target, isLocal, report } = this.#plan;
    this.#digesters = await this.#plan.digesters;
    const digester = isLocal ? null : this.#digesters!.content;
    const delta = () => this.#delta;
    this.#sender = new Sender({
      env,
      list,
      options,
      folders: this.#folders,
      target,
      digester,
      delta,
      report,
      follower: this.#follower,
    });
  }

  /** The run ended well for both sides: the next one that may delete compares with what this one found. */
  endedWell(): void {
    if (this.#source.scan.complete && !this.#sender.erred && !this.#plan.options.dryRun) {
      this.#source.devices?.remember();
    }
  }

  /** Gives back every handle; nothing is answered any more. */
  close(): void {
    this.#folders.close();
    this.#source.close();
  }

  /** The session ended: everyone who waits is told why. */
  fail(error: unknown): void {
    this.#failure = error;
    this.#lister?.fail(error);
    this.#ready.fail(error);
    this.#wants.fail(error);
  }

  // ---- SourcePort

  ready(streaming: boolean, trees: TreeOffer | null = null): Wait {
    this.#ready.open({ streaming, trees });
    return undefined;
  }

  descend(differs: Uint8Array): Wait {
    this.#lister!.descend(differs);
    return undefined;
  }

  want(indexes: Uint32Array, kind: WantKind): Wait {
    this.#wants.want(indexes, kind);
    return undefined;
  }

  signature(index: number, head: SignatureHead | null, isLast: boolean, records: Uint8Array): Wait {
    const { env, list, options } = this.#plan;
    this.#delta ??= new DeltaSource(env, list, this.#digesters!.seed, this.#roundTripMs, options.fillHoles);
    this.#delta.signature(index, head, records);
    if (isLast) this.#wants.add(Uint32Array.of(index));
    return undefined;
  }

  fine(index: number, isLast: boolean, records: Uint8Array): Wait {
    this.#delta!.fine(index, records);
    if (isLast) this.#wants.add(Uint32Array.of(index));
    return undefined;
  }

  async placed(indexes: Uint32Array): Promise<void> {
    const { SourceFiles } = await import("./source_files.ts");
    const { list, report } = this.#plan;
    this.#remover ??= new SourceFiles({
      ...{ os: this.#os, list, folders: this.#folders, sentAs: this.#sender.sentAs },
      isAtTarget: (i, stat) => this.#target.isItself?.(i, stat) ?? false,
      tellsRemoved: this.#plan.options.tellsMore,
      report,
    });
    for (const i of indexes) {
      this.#remover.remove(i);
      const pause = this.#pause();
      if (pause !== undefined) await pause;
    }
  }

  wantEnd(): Wait {
    this.#wants.end();
    return undefined;
  }

  check(paths: Uint8Array[]): Wait {
    const absent = makeBitmap(paths.length);
    const { options, filters } = this.#plan;
    const { origins, named, missing, places } = this.#source;
    const open = { os: this.#os, options, filters, follower: this.#follower, isPruned: this.#isPruned };
    const source = { ...open, origins, named, missing, places };
    paths.forEach((path, i) => {
      const problem = secondLook(source, path);
      if (problem === null) setBit(absent, i);
      else if (problem.cause !== Cause.notAsked) this.#plan.report(problem);
    });
    // Not awaited: the room it may ask to wait for is made by messages that are read only when this call has returned.
    this.#target.checked(absent);
    return undefined;
  }

  // ---- list

  async #tellMissing(): Promise<void> {
    if (this.#source.missing !== null) await this.#target.missing?.(this.#source.missing.paths());
  }

  /** Scans all, and goes on with what is left without folders that hold nothing but folders. */
  async #prune(): Promise<void> {
    const { PrunedList, holdsOnlyFolders } = await import("../tree/pruned_list.ts");
    const { filters } = this.#plan;
    this.#isPruned = (folder, path) => {
      return holdsOnlyFolders(this.#os, folder, path, (child, isFolder) => filters.excluded(child, isFolder));
    };
    const { scanned, copy } = this.#listApart(false);
    const pruned = new PrunedList(scanned, this.#list, copy);
    this.#source.scan.holdsOthers = pruned.kept;
    for (const piece of this.#pieces) {
      pruned.add(piece);
      await this.#pause();
    }
    this.#pieces = pruned.pieces();
  }

  /** From here on the scan has a list of its own, and the session's gets copies: the root now, the rest as it is chosen. */
  #listApart(hasOwnSets: boolean): { scanned: FileList; copy: ListCopy } {
    const scanned = new FileList();
    this.#source.scan.moveTo(scanned);
    if (hasOwnSets && scanned.sets !== null) this.#list.sets = new AttributeSets(true);
    const copy = new ListCopy(scanned, this.#list);
    copy.add(0, 0);
    return { scanned, copy };
  }

  /** The same pieces; notes when there are no more. */
  *#toTheEnd(pieces: Iterable<Piece>): Generator<Piece> {
    yield* pieces;
    this.#isScanned = true;
  }

  /** Whether a target that has a tree may want digests of subtrees (it decides by more than this). */
  get #mayCompareTrees(): boolean {
    const { options, localTrees } = this.#plan;
    return localTrees === undefined && comparesTrees(options);
  }

  /** Scans until the target is ready or all is scanned, with turns for what makes it ready. */
  async #scanAhead(): Promise<void> {
    await this.#plan.env.breathe();
    if (this.#mayCompareTrees) this.#guessed = this.#makeDigests({ owner: true, group: true });
    while (!this.#ready.isOpen) {
      const next = this.#pieces.next();
      if (next.done) break;
      this.#ahead.push(next.value);
      this.#guessed?.add(next.value);
      await this.#pause();
    }
  }

  async #sendList(): Promise<void> {
    this.#guessed = null;
    if (this.#tellsSpace) await this.#isLarge(PLANNED_ENTRIES);
    const { listed } = this.#plan;
    const scan = this.#source.scan;
    for (const piece of this.#ahead.splice(0)) await this.#sendPiece(piece);
    for (const piece of this.#pieces) await this.#sendPiece(piece);
    listed(this.#list.count, scan.bytes, true);
    await this.#tellMissing();
    await this.#target.listEnd(scan.complete, this.#list.count, scan.bytes);
  }

  /** The target has a tree of its own: what is equal by digest is not listed. */
  async #sendTrees(offer: TreeOffer, roots: Roots): Promise<void> {
    const { listed, env, localTrees } = this.#plan;
    const scan = this.#source.scan;
    if (localTrees !== undefined) {
      if (!await this.#isLarge(localTrees.atLeast)) return await this.#sendList();
      localTrees.begin(roots.hasRoot ? null : topFolders(this.#list));
    }
    const hash = localTrees === undefined ? this.#digesters!.list : await localTrees.hash();
    const digests = this.#digestsFor(offer);
    // Only sets of what is listed are told.
    const { scanned, copy } = this.#listApart(true);
    this.#scanned = scanned;
    digests.moveTo(scanned);
    this.#ahead.length = 0;
    this.#lister = new TreeLister({
      scanned,
      digests,
      seal: (digest) => hash.hash(digest),
      pieces: this.#pieces,
      list: this.#list,
      copy,
      smallTree: this.#plan.smallTree ?? SMALL_TREE,
      roundTripMs: this.#roundTripMs,
      hasRoot: roots.hasRoot,
      now: () => env.now(),
      pause: () => {
        listed(scanned.count, scan.bytes, false);
        return this.#pause();
      },
      send: (piece) => this.#sendPiece(piece),
      offer: (folders, bytes) => this.#target.subtrees(folders, bytes),
    });
    await this.#lister.run();
    listed(scanned.count, scan.bytes, true);
    await this.#tellMissing();
    await this.#target.listEnd(scan.complete, this.#list.count, scan.bytes);
  }

  /** The digests of what was scanned so far, with what this target lets count. */
  #digestsFor(offer: TreeOffer): SubtreeDigests {
    const { options } = this.#plan;
    const isGuessed = this.#guessed !== null && (offer.owner || !options.owner) && (offer.group || !options.group);
    if (isGuessed) return this.#guessed!;
    const digests = this.#makeDigests(offer);
    for (const piece of this.#ahead) digests.add(piece);
    return digests;
  }

  #makeDigests(offer: TreeOffer): SubtreeDigests {
    const { options, env, localTrees } = this.#plan;
    const byNumber = options.numericIds || localTrees !== undefined;
    const names: AccountNames = byNumber ? NUMBERS : {
      user: (id) => env.accounts.nameOfUid(id),
      group: (id) => env.accounts.nameOfGid(id),
    };
    return new SubtreeDigests(this.#list, treeTerms(options, offer), names);
  }

  /** Scans on until the tree is known to have `atLeast` entries, or seems to have many times more, or not. */
  async #isLarge(atLeast: number): Promise<boolean> {
    while (this.#list.count < atLeast && this.#source.scan.estimate < SURELY * atLeast) {
      const next = this.#pieces.next();
      if (next.done) return false;
      this.#ahead.push(next.value);
      await this.#pause();
    }
    return true;
  }

  async #sendPiece(piece: Piece): Promise<void> {
    const { options, listed, isLocal } = this.#plan;
    if (this.#failure !== null) throw this.#failure;
    if (!this.#isPlanTold) await this.#tellPlan();
    if (options.checksum) await this.#listDigests.add(piece, this.#digesters!.list);
    if (!isLocal) this.#announcer.accounts(piece);
    if (!isLocal && this.#list.sets !== null) await this.#announcer.attributes(piece);
    const flags = (piece.isFirst ? FolderPiece.first : 0) | (piece.isLast ? FolderPiece.last : 0) |
      (piece.incomplete ? FolderPiece.incomplete : 0) | (piece.isNamed ? FolderPiece.named : 0) |
      (piece.isBare ? FolderPiece.bare : 0);
    const wait = this.#target.listed(piece.folder, piece.first, piece.count, flags, this.#newHoles());
    if (wait !== undefined) await wait;
    if (this.#lister === null) listed(this.#list.count, this.#source.scan.bytes, false);
    await this.#pause();
    if (this.#wants.isStreaming) await this.#streamPiece(piece);
  }

  /** Whether the target looks after its space. */
  get #tellsSpace(): boolean {
    const { noGuard, noSpaceCheck, listOnly } = this.#plan.options;
    return !noGuard && !noSpaceCheck && !listOnly;
  }

  /** Before the first piece of the list: how much there is, if that is known by now. */
  async #tellPlan(): Promise<void> {
    this.#isPlanTold = true;
    if (!this.#isScanned || !this.#tellsSpace) return;
    const { bytes, holeBytes } = this.#source.scan;
    await this.#target.planned?.({ entries: (this.#scanned ?? this.#list).count, bytes, holeBytes });
  }

  /** Bytes of holes in what was scanned since the last time, where the target looks after its space. */
  #newHoles(): number {
    if (!this.#tellsSpace) return 0;
    const holes = this.#source.scan.holeBytes - this.#holesTold;
    this.#holesTold = this.#source.scan.holeBytes;
    return holes;
  }

  /** The target holds nothing: every file goes out right behind its list. */
  async #streamPiece(piece: Piece): Promise<void> {
    const list = this.#list;
    const end = piece.first + piece.count;
    const links = this.#plan.options.hardLinks;
    const isLater = (i: number) => links && list.firstName(i) >= 0;
    for (let i = piece.first; i < end; i++) if (list.kind(i) === Kind.file && !isLater(i)) this.#wants.unasked(i);
    for (let first = piece.first; first < end;) {
      const origin = list.origin(first);
      let next = first + 1;
      while (next < end && list.origin(next) === origin) next++;
      const left = this.#fill(first, next - first, origin);
      await this.#pause();
      for (let k = 0; k < (left?.length ?? next - first); k++) {
        const i = left === null ? first + k : left[k];
        if (list.kind(i) !== Kind.file || isLater(i)) continue;
        const wait = this.#sender.send(i) ?? this.#pause();
        if (wait !== undefined) await wait;
      }
      first = next;
    }
  }

  /** To a target that holds nothing: the content of files with several names, each under its last one. */
  async #sendLastNames(): Promise<void> {
    for (const i of lastNames(this.#list)) {
      this.#wants.unasked(i);
      const wait = this.#sender.send(i) ?? this.#pause();
      if (wait !== undefined) await wait;
    }
  }

  /** Lets a target in this process take files of one folder for itself; the indexes it leaves, or null where it leaves all. */
  #fill(first: number, count: number, origin: number): Uint32Array | null {
    const target = this.#target;
    if (target.fill === undefined) return null;
    const source = this.#folders.get(this.#list.parent(first), origin);
    return source < 0 ? null : target.fill(source, first, count);
  }

  /** A breath when one is due; throws what ended the session meanwhile. */
  #pause(): Wait {
    const pause = this.#plan.env.pause();
    if (pause === undefined) return undefined;
    return pause.then(() => {
      if (this.#failure !== null) throw this.#failure;
    });
  }

  // ---- content

  /** Serves wants as they come until the target wants nothing more. */
  async #sendWanted(): Promise<void> {
    for (;;) {
      const i = this.#wants.next();
      if (i < 0) {
        if (this.#wants.hasEnded) return;
        await this.#wants.news();
        continue;
      }
      const wait = this.#sender.send(i) ?? this.#pause();
      if (wait !== undefined) await wait;
    }
  }
}
