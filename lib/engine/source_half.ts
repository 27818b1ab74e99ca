// The source half, as one story. The target half (or its proxy) calls the SourcePort methods; `run` does the rest.
//
//   open      the source arguments, the guard against an empty source
//   list      scan folder after folder, tell each piece as it is found            (lib/tree/scan.ts)
//             or, to a target that has a tree of its own, only what differs       (tree_lister.ts)
//   content   send what is wanted, as it is wanted; to an empty target everything (sender.ts)
//   check     look again at what the target is about to delete                    (second_look.ts)

import { AttributeSets } from "../base/attributes.ts";
import { makeBitmap, setBit } from "../base/bitmap.ts";
import { errnoText, ServedErrno } from "../base/errno.ts";
import { display, EMPTY, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { lastNames } from "../base/last_names.ts";
import { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import { Errno, type Handle, Kind, Listing, type Os, Stat } from "../os/os.ts";
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
import { actsAsRoot } from "../plan/owner_map.ts";
import { FolderCache } from "../tree/folder_cache.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import { ListCopy } from "../tree/list_copy.ts";
import { demandUseless } from "../tree/munged_links.ts";
import type { NamedPaths } from "../tree/named_paths.ts";
import type { NamedSources } from "../tree/named_sources.ts";
import { namesEntries, type Origin, placeOf, splitSource } from "../tree/origins.ts";
import { holdsNothing } from "../tree/own_names.ts";
import { type Piece, Scan } from "../tree/scan.ts";
import { ScanPlaces } from "../tree/scan_places.ts";
import { Announcer } from "./announcer.ts";
import { attributeReader } from "./attribute_reader.ts";
import { DeltaSource } from "./delta_source.ts";
import type { Digesters, Environment } from "./environment.ts";
import { guardOverlap } from "./overlap.ts";
import { MissingArgs } from "./missing_args.ts";
import { ListDigests } from "./list_digests.ts";
import { secondLook } from "./second_look.ts";
import { Sender } from "./sender.ts";
import type { SourceDevices } from "./source_devices.ts";
import type { SourceFiles } from "./source_files.ts";
import { type AccountNames, comparesTrees, NUMBERS, SubtreeDigests, treeTerms } from "../tree/subtree_digests.ts";
import { topFolders } from "./own_tree.ts";
import { SMALL_TREE, TreeLister } from "./tree_lister.ts";
import { WantQueue } from "./want_queue.ts";

const SLASH = 0x2f;

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
  readonly #origins: Origin[] = [];
  /** The open roots of the origins, by the path that was typed. */
  readonly #roots = new Map<string, number>();
  readonly #folders: FolderCache;
  #scan!: Scan;
  #places: ScanPlaces | null = null;
  #attributes: AttributeReader | null = null;
  /** -m: whether a folder holds nothing that would be listed. */
  #isPruned: ((folder: Handle, path: Uint8Array) => boolean) | null = null;
  /** What was asked for one by one; null in any other run. */
  #named: NamedPaths | null = null;
  /** --delete-missing-args: what was not there; null: nothing. */
  #missing: MissingArgs | null = null;
  readonly #follower: LinkFollower | null;
  readonly #target: TargetPort;
  #digesters: Digesters | null = null;
  #sender!: Sender;
  #pieces: Iterator<Piece> & Iterable<Piece> = noPieces();
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
  /** Only in a run that may delete: which devices the source is on. */
  #devices: SourceDevices | null = null;
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
    this.#folders = new FolderCache(
      this.#os,
      plan.list,
      (origin, path) => placeOf(this.#origins, origin, path),
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
    this.#attributes = await attributeReader({ options, os, filters, isRoot, side: "sender" });
    const roots = namesEntries(options) ? await this.#openNamed() : this.#openRoots();
    this.#guardOverlap(roots);
    await this.#guardDevices();
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
    if (this.#scan.complete && !this.#sender.erred && !this.#plan.options.dryRun) this.#devices?.remember();
  }

  /** Gives back every handle; nothing is answered any more. */
  close(): void {
    this.#folders.close();
    const handles = new Set([...this.#roots.values(), ...this.#origins.map(({ root }) => root)]);
    for (const root of handles) if (root >= 0) this.#os.close(root);
    this.#roots.clear();
    this.#origins.length = 0;
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
    const source = {
      ...{ os: this.#os, options, filters, origins: this.#origins, named: this.#named, missing: this.#missing },
      ...{ places: this.#places, follower: this.#follower, isPruned: this.#isPruned },
    };
    paths.forEach((path, i) => {
      const problem = secondLook(source, path);
      if (problem === null) setBit(absent, i);
      else if (problem.cause !== Cause.notAsked) this.#plan.report(problem);
    });
    // Not awaited: the room it may ask to wait for is made by messages that are read only when this call has returned.
    this.#target.checked(absent);
    return undefined;
  }

  // ---- open

  #makeScan(): void {
    const { list, options, filters, report, changeMode } = this.#plan;
    this.#scan = new Scan(
      this.#os,
      list,
      this.#origins,
      options,
      filters,
      report,
      this.#named,
      changeMode,
      this.#follower,
    );
    if (this.#attributes !== null) this.#scan.readAttributes(this.#attributes);
  }

  #openRoots(): Roots {
    const { paths, options } = this.#plan;
    this.#makeScan();
    const rootStat = new Stat();
    const stat = new Stat();
    let hasRoot = false;
    let firstKind: number = Kind.unknown;
    let rootHandle = -1;
    for (const word of paths) {
      const { folder, only } = splitSource(word);
      const root = this.#openRoot(folder);
      if (root < 0) {
        if (only === null || !this.#isMissing(root, only, -1, only)) this.#lostArgument(word, -root, only ?? EMPTY);
        continue;
      }
      if (only === null && !options.recursive && !options.listOnly) {
        this.#plan.report({ verb: Verb.skip, cause: Cause.notRecursive, errno: 0, side: Side.source, path: EMPTY });
        continue;
      }
      const looked = only === null
        ? this.#os.statHandle(root, hasRoot ? stat : rootStat)
        : this.#os.statAt(root, only, 0, only.length, stat);
      if (looked < 0) {
        if (only === null || !this.#isMissing(looked, only, root, only)) {
          this.#lostArgument(word, -looked, only ?? EMPTY);
        }
        continue;
      }
      if (only !== null && stat.kind === Kind.link) this.#follower?.look(root, only, 0, stat);
      if (only !== null && stat.kind === Kind.folder && !options.recursive && !options.listOnly) {
        this.#plan.report({ verb: Verb.skip, cause: Cause.notRecursive, errno: 0, side: Side.source, path: only });
        continue;
      }
      this.#origins.push({ root, only, word, at: EMPTY, from: 0 });
      if (only === null && !hasRoot) rootHandle = root;
      if (only === null) hasRoot = true;
      else firstKind = stat.kind;
    }
    this.#demandRawNames();
    this.#guardEmpty(this.#origins);
    const single = this.#origins.length === 1 && !hasRoot && firstKind !== Kind.folder;
    this.#scan.isSingle = single;
    if (this.#plan.filters.hasPlaces) this.#findPlaces();
    this.#scan.addRoot(hasRoot ? rootStat : null, rootHandle);
    this.#pieces = this.#origins.length > 0 ? this.#scan.pieces() : noPieces();
    return { hasRoot, single, sources: paths.length, ...this.#nothing(this.#origins.length) };
  }

  /** What the target is told where no argument is left, nor one that it may have to delete. */
  #nothing(left: number): Partial<Roots> {
    return left === 0 && this.#missing === null ? { nothing: true } : {};
  }

  /** Whether an argument is not there and that is no failure; with --delete-missing-args the target is told. */
  #isMissing(errno: number, path: Uint8Array, root: Handle, rest: Uint8Array): boolean {
    const { ignoreMissingArgs, deleteMissingArgs } = this.#plan.options;
    if (errno !== -Errno.ENOENT || !(ignoreMissingArgs || deleteMissingArgs)) return false;
    if (deleteMissingArgs) (this.#missing ??= new MissingArgs(this.#os)).add(path, root, rest);
    return true;
  }

  async #tellMissing(): Promise<void> {
    if (this.#missing !== null) await this.#target.missing?.(this.#missing.paths());
  }

  /** Rules that depend on the folder are found as the scan comes to it. */
  #findPlaces(): void {
    const { filters, env, report } = this.#plan;
    this.#places = new ScanPlaces(this.#os, filters, this.#origins, env.workingFolder(), report);
    this.#scan.places = this.#places;
  }

  #demandRawNames(): void {
    if (!this.#plan.options.delete || this.#os.abilities.rawNames) return;
    throw new TsyncError({
      kind: "unsupported",
      detail: "--delete is not possible with the portable file layer: it cannot see names that are not UTF-8",
    });
  }

  /** The same for a run that names its entries one by one: all of them are looked up first. */
  async #openNamed(): Promise<Roots> {
    const { paths, options, env, filters } = this.#plan;
    const names = await this.#plan.names ?? null;
    const [{ NamedSourcesReader }, { LookUp }] = await Promise.all([
      import("../tree/named_sources.ts"),
      import("../tree/look_up.ts"),
    ]);
    const sources = await this.#stepByStep(new NamedSourcesReader(options).read(paths, names));
    this.#named = sources.paths;
    this.#makeScan();
    this.#demandRawNames();
    const lost = (path: Uint8Array, errno: number) => {
      if (names === null) return this.#lostArgument(path, errno);
      this.#scan.complete = false;
      this.#plan.report({ verb: Verb.stat, cause: Cause.system, errno, side: Side.source, path: new Uint8Array(path) });
    };
    this.#openFolders(sources, names !== null, lost);
    const lookUp = new LookUp({
      ...{ os: this.#os, paths: sources.paths, origins: this.#origins, options, uid: env.identity.uid, lost },
      missing: (path, origin) => {
        const { root, rest } = placeOf(this.#origins, origin, path);
        return this.#isMissing(-Errno.ENOENT, path, root, rest);
      },
      excludes: (path, isFolder) => !filters.isEmpty && filters.excluded(path, isFolder),
      notice: (path, verb, cause) =>
        this.#plan.report({ verb, cause, errno: 0, side: Side.source, path: new Uint8Array(path) }),
    });
    await this.#stepByStep(lookUp.run());
    return this.#namedRoots(sources, lookUp.lastKind);
  }

  /** Opens the folders that the names lie in; what lies in one that cannot be opened is lost, and the only one ends the run. */
  #openFolders(
    { paths, folders }: NamedSources,
    hasNames: boolean,
    lost: (path: Uint8Array, errno: number) => void,
  ): void {
    const errnos = folders.map((folder, origin) => {
      const root = this.#openRoot(folder);
      if (root < 0 && hasNames && origin === 0) {
        const detail = `cannot use source "${display(folder)}": ${errnoText(-root)}`;
        throw new TsyncError({ kind: "selection", detail });
      }
      this.#origins.push({ root, only: null, word: folder, at: EMPTY, from: 0 });
      return root;
    });
    if (errnos.every((root) => root >= 0)) return;
    for (let k = 0; k < paths.count; k++) {
      const root = errnos[paths.origin(k)];
      if (root >= 0) continue;
      paths.drop(k);
      lost(paths.path(k), -root);
    }
    paths.seal();
  }

  #namedRoots(sources: NamedSources, lastKind: number): Roots {
    const { paths } = sources;
    const end = paths.ended(paths.all);
    const stat = new Stat();
    const root = this.#origins[end > 0 ? paths.origin(0) : 0];
    const hasRoot = paths.count > 0 && sources.hasRoot && this.#os.statHandle(root.root, stat) === 0;
    this.#guardEmpty(end > 0 && end === paths.count ? this.#origins : []);
    const single = paths.count === 1 && !hasRoot && lastKind !== Kind.folder && !paths.path(0).includes(SLASH);
    this.#scan.isSingle = single;
    if (this.#plan.filters.hasPlaces) this.#findPlaces();
    this.#scan.addRoot(hasRoot ? stat : null, root.root);
    this.#pieces = paths.count > 0 ? this.#scan.pieces() : noPieces(true);
    return { hasRoot, single, sources: this.#plan.paths.length, ...this.#nothing(paths.count) };
  }

  async #stepByStep<Result>(steps: Generator<void, Result>): Promise<Result> {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await this.#pause();
    }
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
    this.#scan.holdsOthers = pruned.kept;
    for (const piece of this.#pieces) {
      pruned.add(piece);
      await this.#pause();
    }
    this.#pieces = pruned.pieces();
  }

  /** From here on the scan has a list of its own, and the session's gets copies: the root now, the rest as it is chosen. */
  #listApart(hasOwnSets: boolean): { scanned: FileList; copy: ListCopy } {
    const scanned = new FileList();
    this.#scan.moveTo(scanned);
    if (hasOwnSets && scanned.sets !== null) this.#list.sets = new AttributeSets(true);
    const copy = new ListCopy(scanned, this.#list);
    copy.add(0, 0);
    return { scanned, copy };
  }

  /** Opens the folder, once for all arguments that lie in it: a shell's `*` may name thousands. */
  #openRoot(folder: Uint8Array): number {
    const key = latin1(folder);
    const known = this.#roots.get(key);
    if (known !== undefined) return known;
    const root = this.#os.openRoot(folder);
    if (root >= 0) this.#roots.set(key, root);
    return root;
  }

  /**
   * An argument cannot be used: the others are transferred, nothing is deleted. What a served root refuses ends the run if it is the only
   * one. `only`: the name that it has in the list.
   */
  #lostArgument(word: Uint8Array, errno: number, only = word): void {
    const isOnly = this.#plan.paths.length === 1;
    if (isOnly && errno >= ServedErrno.refused) {
      throw new TsyncError({ kind: "selection", detail: `cannot use source "${display(word)}": ${errnoText(errno)}` });
    }
    this.#scan.complete = false;
    const path = new Uint8Array(isOnly ? only : word);
    this.#plan.report({ verb: Verb.stat, cause: Cause.system, errno, side: Side.source, path });
  }

  /** --delete from a source that holds nothing: most likely a disk that is not mounted. */
  #guardEmpty(origins: readonly Origin[]): void {
    const { options } = this.#plan;
    if (!options.delete || options.listOnly || options.allowEmptySource || options.noGuard) return;
    const names = new Listing();
    if (origins.length === 0) return;
    for (const { root, only } of origins) {
      if (only !== null || this.#os.readFolder(root, names) < 0 || !holdsNothing(names)) return;
    }
    throw new TsyncError({
      kind: "guard",
      detail: `the source "${display(origins[0].word)}" is empty and --delete would delete everything at the target: ` +
        `nothing was done; check that it is mounted; if this is meant, say --allow-empty-source`,
    });
  }

  /** Source and target of one machine must not lie in each other. */
  #guardOverlap({ single }: Roots): void {
    const { options, filters, targetPath: target } = this.#plan;
    if (!target || single || options.noGuard || options.listOnly || !(options.recursive || options.dirs)) return;
    guardOverlap({
      ...{ os: this.#os, options, origins: this.#origins, target },
      lists: (path, origin) => {
        if (this.#named?.holders(path, options.recursive).has(origin) === false) return false;
        const above = path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
        return filters.isEmpty || !filters.excluded(path, true, this.#places?.find(above, origin) ?? null);
      },
      protects: (path) => this.#named !== null || (!filters.isEmpty && filters.protectedFromDeletion(path, true)),
    });
  }

  /** --delete from a source that is not where it was: most likely its disk is not mounted. */
  async #guardDevices(): Promise<void> {
    const { options, env, report } = this.#plan;
    if (!options.delete || options.noGuard || options.listOnly || env.keepsNoState) return;
    const { SourceDevices } = await import("./source_devices.ts");
    const about = { verb: Verb.skip, cause: Cause.stateUnused, errno: 0, side: Side.source };
    this.#devices = new SourceDevices(env, (sentence) => report({ ...about, path: utf8(sentence) }));
    this.#devices.check(this.#origins, options.allowOtherDevice);
  }

  // ---- list

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
    const scan = this.#scan;
    for (const piece of this.#ahead.splice(0)) await this.#sendPiece(piece);
    for (const piece of this.#pieces) await this.#sendPiece(piece);
    listed(this.#list.count, scan.bytes, true);
    await this.#tellMissing();
    await this.#target.listEnd(scan.complete, this.#list.count, scan.bytes);
  }

  /** The target has a tree of its own: what is equal by digest is not listed. */
  async #sendTrees(offer: TreeOffer, roots: Roots): Promise<void> {
    const { listed, env, localTrees } = this.#plan;
    const scan = this.#scan;
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
    while (this.#list.count < atLeast && this.#scan.estimate < SURELY * atLeast) {
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
    if (this.#lister === null) listed(this.#list.count, this.#scan.bytes, false);
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
    const { bytes, holeBytes } = this.#scan;
    await this.#target.planned?.({ entries: (this.#scanned ?? this.#list).count, bytes, holeBytes });
  }

  /** Bytes of holes in what was scanned since the last time, where the target looks after its space. */
  #newHoles(): number {
    if (!this.#tellsSpace) return 0;
    const holes = this.#scan.holeBytes - this.#holesTold;
    this.#holesTold = this.#scan.holeBytes;
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

/** No source argument is left: the list is an empty root. */
function* noPieces(isNamed = false): Generator<Piece> {
  yield { folder: 0, first: 1, count: 0, isFirst: true, isLast: true, incomplete: false, isNamed };
}
