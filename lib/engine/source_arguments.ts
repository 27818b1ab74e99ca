// The source's side of the command line: the arguments, or the names that were given one by one, opened; the scan of what they name; and the
// guards that look at them before anything is told. Made by the source half. Promises: what cannot be used is told and the list is then
// marked as incomplete (law 4), or ends the run; nothing below an argument is reached but through its open root (R5).

import { errnoText, ServedErrno } from "../base/errno.ts";
import { display, EMPTY, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, Listing, type Os, Stat } from "../os/os.ts";
import type { Roots, Wait } from "../session/ports.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import type { NamedPaths } from "../tree/named_paths.ts";
import type { NamedSources } from "../tree/named_sources.ts";
import { namesEntries, type Origin, placeOf, splitSource } from "../tree/origins.ts";
import { holdsNothing } from "../tree/own_names.ts";
import { type Piece, Scan } from "../tree/scan.ts";
import { ScanPlaces } from "../tree/scan_places.ts";
import { MissingArgs } from "./missing_args.ts";
import { guardOverlap } from "./overlap.ts";
import type { SourceDevices } from "./source_devices.ts";
import type { SourcePlan } from "./source_half.ts";

const SLASH = 0x2f;

export type Pieces = Iterator<Piece> & Iterable<Piece>;

export class SourceArguments {
  readonly origins: Origin[] = [];
  scan!: Scan;
  /** What the scan finds, from the beginning. */
  pieces: Pieces = noPieces();
  places: ScanPlaces | null = null;
  /** What was asked for one by one; null in any other run. */
  named: NamedPaths | null = null;
  /** --delete-missing-args: what was not there; null: nothing. */
  missing: MissingArgs | null = null;
  /** Only in a run that may delete: which devices the source is on. */
  devices: SourceDevices | null = null;
  readonly #plan: SourcePlan;
  readonly #os: Os;
  readonly #follower: LinkFollower | null;
  readonly #pause: () => Wait;
  /** The open roots of the origins, by the path that was typed. */
  readonly #roots = new Map<string, Handle>();
  #attributes: AttributeReader | null = null;

  /** `pause`: a breath when one is due; throws what ended the session meanwhile. */
  constructor(plan: SourcePlan, pause: () => Wait) {
    this.#plan = plan;
    this.#os = plan.env.os;
    this.#follower = plan.follower ?? null;
    this.#pause = pause;
  }

  /** Opens all, and asks the guards. Throws TsyncError "selection", "guard" or "unsupported". */
  async open(attributes: AttributeReader | null): Promise<Roots> {
    this.#attributes = attributes;
    const roots = namesEntries(this.#plan.options) ? await this.#openNamed() : this.#openRoots();
    this.#guardOverlap(roots);
    await this.#guardDevices();
    return roots;
  }

  /** Gives back every handle. */
  close(): void {
    const handles = new Set([...this.#roots.values(), ...this.origins.map(({ root }) => root)]);
    for (const root of handles) if (root >= 0) this.#os.close(root);
    this.#roots.clear();
    this.origins.length = 0;
  }

  #makeScan(): void {
    const { list, options, filters, report, changeMode } = this.#plan;
    this.scan = new Scan(
      this.#os,
      list,
      this.origins,
      options,
      filters,
      report,
      this.named,
      changeMode,
      this.#follower,
    );
    if (this.#attributes !== null) this.scan.readAttributes(this.#attributes);
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
      this.origins.push({ root, only, word, at: EMPTY, from: 0 });
      if (only === null && !hasRoot) rootHandle = root;
      if (only === null) hasRoot = true;
      else firstKind = stat.kind;
    }
    this.#demandRawNames();
    this.#guardEmpty(this.origins);
    const single = this.origins.length === 1 && !hasRoot && firstKind !== Kind.folder;
    this.scan.isSingle = single;
    if (this.#plan.filters.hasPlaces) this.#findPlaces();
    this.scan.addRoot(hasRoot ? rootStat : null, rootHandle);
    this.pieces = this.origins.length > 0 ? this.scan.pieces() : noPieces();
    return { hasRoot, single, sources: paths.length, ...this.#nothing(this.origins.length) };
  }

  /** What the target is told where no argument is left, nor one that it may have to delete. */
  #nothing(left: number): Partial<Roots> {
    return left === 0 && this.missing === null ? { nothing: true } : {};
  }

  /** Whether an argument is not there and that is no failure; with --delete-missing-args the target is told. */
  #isMissing(errno: number, path: Uint8Array, root: Handle, rest: Uint8Array): boolean {
    const { ignoreMissingArgs, deleteMissingArgs } = this.#plan.options;
    if (errno !== -Errno.ENOENT || !(ignoreMissingArgs || deleteMissingArgs)) return false;
    if (deleteMissingArgs) (this.missing ??= new MissingArgs(this.#os)).add(path, root, rest);
    return true;
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
    this.scan.complete = false;
    const path = new Uint8Array(isOnly ? only : word);
    this.#plan.report({ verb: Verb.stat, cause: Cause.system, errno, side: Side.source, path });
  }

  /** Rules that depend on the folder are found as the scan comes to it. */
  #findPlaces(): void {
    const { filters, env, report } = this.#plan;
    this.places = new ScanPlaces(this.#os, filters, this.origins, env.workingFolder(), report);
    this.scan.places = this.places;
  }

  #demandRawNames(): void {
    if (!this.#plan.options.delete || this.#os.abilities.rawNames) return;
    throw new TsyncError({
      kind: "unsupported",
      detail: "--delete is not possible with the portable file layer: it cannot see names that are not UTF-8",
    });
  }

  // ---- names, one by one

  /** The same for a run that names its entries one by one: all of them are looked up first. */
  async #openNamed(): Promise<Roots> {
    const { paths, options, env, filters } = this.#plan;
    const names = await this.#plan.names ?? null;
    const [{ NamedSourcesReader }, { LookUp }] = await Promise.all([
      import("../tree/named_sources.ts"),
      import("../tree/look_up.ts"),
    ]);
    const sources = await this.#stepByStep(new NamedSourcesReader(options).read(paths, names));
    this.named = sources.paths;
    this.#makeScan();
    this.#demandRawNames();
    const lost = (path: Uint8Array, errno: number) => {
      if (names === null) return this.#lostArgument(path, errno);
      this.scan.complete = false;
      this.#plan.report({ verb: Verb.stat, cause: Cause.system, errno, side: Side.source, path: new Uint8Array(path) });
    };
    this.#openFolders(sources, names !== null, lost);
    const lookUp = new LookUp({
      ...{ os: this.#os, paths: sources.paths, origins: this.origins, options, uid: env.identity.uid, lost },
      missing: (path, origin) => {
        const { root, rest } = placeOf(this.origins, origin, path);
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
      this.origins.push({ root, only: null, word: folder, at: EMPTY, from: 0 });
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
    const root = this.origins[end > 0 ? paths.origin(0) : 0];
    const hasRoot = paths.count > 0 && sources.hasRoot && this.#os.statHandle(root.root, stat) === 0;
    this.#guardEmpty(end > 0 && end === paths.count ? this.origins : []);
    const single = paths.count === 1 && !hasRoot && lastKind !== Kind.folder && !paths.path(0).includes(SLASH);
    this.scan.isSingle = single;
    if (this.#plan.filters.hasPlaces) this.#findPlaces();
    this.scan.addRoot(hasRoot ? stat : null, root.root);
    this.pieces = paths.count > 0 ? this.scan.pieces() : noPieces(true);
    return { hasRoot, single, sources: this.#plan.paths.length, ...this.#nothing(paths.count) };
  }

  async #stepByStep<Result>(steps: Generator<void, Result>): Promise<Result> {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await this.#pause();
    }
  }

  // ---- guards

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
      ...{ os: this.#os, options, origins: this.origins, target },
      lists: (path, origin) => {
        if (this.named?.holders(path, options.recursive).has(origin) === false) return false;
        const above = path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
        return filters.isEmpty || !filters.excluded(path, true, this.places?.find(above, origin) ?? null);
      },
      protects: (path) => this.named !== null || (!filters.isEmpty && filters.protectedFromDeletion(path, true)),
    });
  }

  /** --delete from a source that is not where it was: most likely its disk is not mounted. */
  async #guardDevices(): Promise<void> {
    const { options, env, report } = this.#plan;
    if (!options.delete || options.noGuard || options.listOnly || env.keepsNoState) return;
    const { SourceDevices } = await import("./source_devices.ts");
    const about = { verb: Verb.skip, cause: Cause.stateUnused, errno: 0, side: Side.source };
    this.devices = new SourceDevices(env, (sentence) => report({ ...about, path: utf8(sentence) }));
    this.devices.check(this.origins, options.allowOtherDevice);
  }
}

/** No source argument is left: the list is an empty root. */
function* noPieces(isNamed = false): Generator<Piece> {
  yield { folder: 0, first: 1, count: 0, isFirst: true, isLast: true, incomplete: false, isNamed };
}
