// What the parts of the target half share: the list, the root, held folders, the stage, and the account of what was done.

import { display, EMPTY } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { type Totals, type Transfer, zeroTotals } from "../base/monitor.ts";
import { hasPartials, mayDelete, type SyncOptions } from "../base/options.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, OpenMode, type Os, type Stat } from "../os/os.ts";
import type { FilterPlace, FilterSet } from "../filter/filter_set.ts";
import { AccountMap, type AccountRules } from "../plan/owner_map.ts";
import type { Events } from "../session/events.ts";
import type { SourcePort } from "../session/ports.ts";
import { FolderCache } from "../tree/folder_cache.ts";
import { munged } from "../tree/munged_links.ts";
import type { AttributeWriter } from "../tree/attributes.ts";
import type { AheadOfDeletion } from "../tree/ahead.ts";
import { TemporaryNames } from "../tree/own_names.ts";
import { type FlushMode, replaceEmptyFolder, Stage, type StagedFile } from "../tree/stage.ts";
import type { Digester, Digesters, Environment } from "./environment.ts";
import type { HardLinks } from "./hard_links.ts";
import type { Helper } from "./helper.ts";
import { KeptLinks } from "./kept_links.ts";
import type { Alternatives } from "./alternatives.ts";
import type { Backup } from "./backup.ts";
import type { Destinations } from "./destinations.ts";
import { ChangeReport } from "./change_report.ts";
import { Delayed } from "./delayed.ts";
import { Partials } from "./partials.ts";
import type { SeenFolder } from "./seen_folder.ts";
import type { Similar } from "./similar.ts";
import { NewFolders } from "./new_folders.ts";
import { TargetMounts } from "./target_mounts.ts";
import type { TargetPlaces } from "./target_places.ts";
import type { NameFolds } from "./name_folds.ts";
import type { SpaceGuard } from "./space_guard.ts";
import { isStillThere, type TargetRoot } from "./target_root.ts";

/** What is flushed: with --remove-source-files all that the source will not have any more. */
function flushMode({ dryRun, fsync, noFsync, removeSourceFiles }: SyncOptions): FlushMode {
  if (dryRun || noFsync) return "nothing";
  return fsync ? "everything" : removeSourceFiles ? "at last" : "replaced";
}

export interface TargetInput {
  env: Environment;
  list: FileList;
  options: SyncOptions;
  filters: FilterSet;
  events: Events;
  source: SourcePort;
  /** Null where source and target are one process and -c is off. */
  digesters: Digesters | null;
  /** A changed file may travel as what differs from the one here. */
  usesDelta: boolean;
  /** Where source and target are one process whose threads share handles: fills new folders without the source's help. */
  helper?: Helper;
  /** The sources as typed, where they are on this machine. */
  localSources?: readonly Uint8Array[];
  /** --usermap and --groupmap. */
  accountRules?: AccountRules | null;
}

export class TargetState {
  readonly env: Environment;
  readonly os: Os;
  readonly list: FileList;
  /** The job's; times may be compared less exactly than it says, where the target keeps them so. Settled with the root. */
  options: SyncOptions;
  readonly filters: FilterSet;
  readonly events: Events;
  readonly source: SourcePort;
  readonly digesters: Digesters | null;
  readonly usesDelta: boolean;
  readonly helper: Helper | undefined;
  /** The sources as typed, where they are on this machine. */
  readonly localSources: readonly Uint8Array[];
  readonly owners: AccountMap;
  readonly folders: FolderCache;
  /** -K. */
  readonly keptLinks: KeptLinks | null;
  /** -x. */
  readonly mounts: TargetMounts | null;
  readonly stage: Stage;
  readonly newFolders: NewFolders;
  /** Where parts of files stay that do not come to their end; null where they do not. */
  readonly partials: Partials | null;
  /** -y. Made before anything is listed. */
  similar: Similar | null = null;
  /** --delay-updates. */
  readonly delayed: Delayed | null;
  /** Of folders that are to be listed because they differ: what the scan of the own tree saw of them. */
  readonly seen = new Map<number, SeenFolder>();
  readonly totals: Totals = zeroTotals();
  readonly changes: ChangeReport = new ChangeReport(this);
  /** With -H: the names of one inode. Made before anything is listed. */
  links: HardLinks | null = null;
  /** With -A or -X: their extended attributes. Made with the root. */
  attributes: AttributeWriter | null = null;
  /** Files whose names hold something already: what comes there replaces it. */
  readonly replaced = new IndexSet();
  /** Work beside all else has failed in a way that ends the run. */
  onBroken: (error: unknown) => void = () => {};
  /** Set once the source told its roots. */
  root!: TargetRoot;
  /** Names that are one at the target; null where names are bytes. Set with the root. */
  folds: NameFolds | null = null;
  /** What is wanted must fit; null: nobody asks. Set with the root. */
  space: SpaceGuard | null = null;
  /** What keeps the older entries that are replaced or deleted, where that must be on the disk before; set with the root. */
  ahead: AheadOfDeletion | null = null;
  /** Where rules depend on the folder and entries may be deleted. */
  places: TargetPlaces | null = null;
  /** Set with the root; null where no option asks for other folders. */
  destinations: Destinations | null = null;
  /** Folders this run made: they hold nothing but what it puts there. */
  readonly created = new IndexSet();
  /** Folders that stand for none of the source: their metadata does not count. */
  readonly bare = new IndexSet();
  /** Folders whose metadata is to be set at the end. */
  readonly touched = new IndexSet();
  /** Folders that could not be made or opened: what they hold is passed over. */
  readonly failed = new IndexSet();
  /** With --remove-source-files: entries that are in place, folders aside. */
  readonly placed: IndexSet | null;
  /** Files asked for and not yet answered. */
  readonly wanted = new IndexSet();
  /** Files whose content did not verify and was asked for again. */
  readonly redone = new IndexSet();
  /** Whether the source streams every file without being asked. */
  streaming = false;
  /** Files put in place, and their bytes: progress. */
  doneFiles = 0;
  doneBytes = 0;
  #toldBytes = 0;
  /** Staged files that wait for the folder in their way to be deleted. */
  readonly blocked: StagedFile[] = [];
  /** --delete-missing-args: paths of sources that are not there. */
  readonly missing: Uint8Array[] = [];
  /** Dry run: entries that would take a folder's place. */
  readonly inTheWay: number[] = [];
  /** Modes of existing folders that were opened up for changes. */
  readonly folderModes = new Map<number, number>();
  readonly #writable = new IndexSet();
  /** What the transfer of a file took that is not in place yet; null unless the job wants it told. */
  readonly transfers: Map<number, Pick<Transfer, "literalBytes" | "digest">> | null;
  readonly #signatureBytes = new Map<number, number>();
  /** Makes the digests that are told with it. */
  plainDigester: Digester | null = null;

  constructor(input: TargetInput) {
    this.env = input.env;
    this.os = input.env.os;
    this.list = input.list;
    this.options = input.options;
    this.filters = input.filters;
    this.events = input.events;
    this.source = input.source;
    this.digesters = input.digesters;
    this.usesDelta = input.usesDelta && !input.options.wholeFile;
    this.helper = input.helper;
    this.localSources = input.localSources ?? [];
    this.placed = input.options.removeSourceFiles && !input.options.dryRun ? new IndexSet() : null;
    this.transfers = input.options.tellsFinished ? new Map() : null;
    this.owners = new AccountMap(input.list, input.options, input.env.identity, input.accountRules ?? null);
    const { keepDirlinks, oneFileSystem } = input.options;
    this.keptLinks = keepDirlinks ? new KeptLinks(this.os, input.list, input.env.identity.uid) : null;
    this.mounts = oneFileSystem > 0 ? new TargetMounts(this) : null;
    this.folders = new FolderCache(
      this.os,
      input.list,
      (_, rest) => ({ root: this.root.handle, rest }),
      (folder, handle) => {
        this.newFolders.place(folder);
        this.stage.close(handle);
      },
      this.keptLinks ?? undefined,
      (handle, stat) => this.stage.see(handle, stat),
    );
    this.stage = new Stage(
      this.os,
      new TemporaryNames(input.env.randomBytes),
      (file, errno, verb) => this.#committed(file, errno, verb),
      input.options.backup || input.options.delayUpdates ? (file) => this.#keep(file) : null,
      {
        mode: flushMode(input.options),
        now: () => input.env.now(),
        breathe: () => input.env.breathe(),
        failed: (errno) => this.tell(Verb.flush, Cause.system, errno, EMPTY),
        broken: (error) => this.onBroken(error),
      },
    );
    this.newFolders = new NewFolders(this);
    this.partials = hasPartials(input.options) ? new Partials(this) : null;
    this.delayed = input.options.delayUpdates && this.partials !== null ? new Delayed(this) : null;
  }

  /** From here on `ahead` is asked before anything older is replaced or deleted. */
  keepAhead(ahead: AheadOfDeletion): void {
    const { delayed, stage, options } = this;
    if (options.noFsync || options.dryRun) return;
    this.ahead = ahead;
    stage.ahead = delayed === null ? ahead : {
      keepAhead: (file) => delayed.takes(file) ? 0 : ahead.keepAhead(file),
      flush: () => ahead.flush(),
      flushNow: () => ahead.flushNow(),
    };
  }

  get backup(): Backup | null {
    return this.destinations === null ? null : this.destinations.backup;
  }

  get alternatives(): Alternatives | null {
    return this.destinations === null ? null : this.destinations.alternatives;
  }

  /**
   * Whether an own entry stays although the source does not have it; `stat` is asked for where it is a folder. `place`: which rules hold
   * where it lies; `isInside`: in a folder that goes.
   */
  isProtected(
    path: Uint8Array,
    name: Uint8Array,
    isFolder: boolean,
    stat: () => Stat | null,
    place: FilterPlace | null,
    isInside = false,
  ): boolean {
    const { filters, destinations, options } = this;
    if (!filters.isEmpty && filters.protectedFromDeletion(path, isFolder, place, isInside)) return true;
    if (destinations === null) return false;
    if (!options.deleteExcluded && destinations.backup?.isBackup(name)) return true;
    const found = isFolder ? stat() : null;
    return found !== null && destinations.sides.isOne(found);
  }

  /** Opens the folder at `path` below the root, with -K through links that are used as folders. */
  openBeneath(path: Uint8Array): Handle {
    return (this.keptLinks ?? this.os).openBeneath(this.root.handle, path);
  }

  /** What the link of entry i shall hold. */
  linkTarget(i: number): Uint8Array {
    const target = this.list.linkTarget(i);
    return this.options.mungeLinks ? munged(target) : target;
  }

  /** Opens what a delta of file i is made against: what came of it before, or the file at the target, or the one found elsewhere. */
  openBasis(i: number, folder: Handle): Handle {
    return this.partials?.openBasis(i, folder) ?? this.similar?.openBasis(i, folder) ??
      this.alternatives?.openBasis(i) ??
      this.os.openFile(folder, this.name(i), OpenMode.read, 0);
  }

  /** Name of entry i at the target: the listed one, or the one the target path gives to a single file. */
  name(i: number): Uint8Array {
    return this.root.singleName !== null && this.list.parent(i) === 0 && i !== 0
      ? this.root.singleName
      : this.list.name(i);
  }

  /** Path of entry i below the target root. */
  path(i: number): Uint8Array {
    return this.root.singleName !== null && i !== 0 ? this.root.singleName : this.list.path(i);
  }

  problem(verb: number, errno: number, i: number): void {
    // Mostly somebody removed something else; if it was the root, all that follows fails in the same way.
    if (errno === Errno.ENOENT) this.demandRoot();
    this.tell(verb, Cause.system, errno, this.path(i));
  }

  tell(verb: number, cause: number, errno: number, path: Uint8Array): void {
    this.events.problem({ verb, cause, errno, side: Side.target, path: new Uint8Array(path) });
  }

  /** Throws TsyncError "file" if the root was removed, or another one is at its path: what follows would be lost. */
  demandRoot(): void {
    const { root, options } = this;
    if (options.dryRun || options.noGuard || root.handle < 0) return;
    const state = isStillThere(this.os, root);
    if (state > 0) return;
    const why = state === 0
      ? "was removed or replaced while the run wrote in it: nothing was made in its place"
      : `cannot be looked at any more (${errnoText(-state)}): nothing is made in it`;
    throw new TsyncError({
      kind: "file",
      detail: `the target "${display(root.path)}" ${why} and nothing more is deleted; run it again`,
    });
  }

  /**
   * The open folder, made ready for changes: its metadata will be set again at the end, and where its mode forbids its
   * owner to change it, it is opened up until then. The handle is the cache's; below zero: a negated errno.
   */
  openForChange(folder: number): Handle {
    const handle = this.folders.get(folder);
    if (handle < 0 || !this.#writable.add(folder)) return handle;
    if (folder !== 0 || this.root.hasMetadata) this.touched.add(folder);
    const { mode } = this.folders.facts(folder);
    if (this.env.identity.uid !== 0 && (mode & 0o300) !== 0o300 && !this.created.has(folder)) {
      this.folderModes.set(folder, mode);
      this.os.setMode(handle, mode | 0o700);
    }
    return handle;
  }

  /** Before a staged file gets its name: it may have to wait, and what stands there may have to be kept. */
  #keep(file: StagedFile): number {
    return this.delayed?.take(file) || (this.backup?.keep(file) ?? 0);
  }

  /** A complete file has lost the name under which it waited. */
  notPlaced(i: number, errno: number): void {
    this.problem(Verb.rename, errno, i);
  }

  #committed(file: StagedFile, errno: number, verb: number): void {
    if (errno === 0 && this.delayed?.isWaiting(file.index)) return;
    const isInWay = errno === Errno.EISDIR || errno === Errno.ENOTEMPTY || errno === Errno.EEXIST;
    if (isInWay && verb === Verb.rename) this.#clearWay(file);
    else this.settled(file, errno, verb);
  }

  /** A folder stands where a file shall be: an empty one goes, a full one only with --delete, once deleting is allowed. */
  #clearWay(file: StagedFile): void {
    const { os } = this;
    const replaced = replaceEmptyFolder(os, file.folder, file.temporary, file.name);
    if (replaced !== -Errno.ENOTEMPTY) return this.settled(file, -replaced);
    if (mayDelete(this.options)) {
      const folder = this.openBeneath(this.list.path(this.list.parent(file.index)));
      if (folder >= 0) {
        this.blocked.push({ ...file, folder });
        return;
      }
      return this.settled(file, -folder);
    }
    this.stage.discard(file.folder, file.temporary);
    this.tell(Verb.replace, Cause.folderInWay, 0, this.path(file.index));
  }

  /** The end of a staged entry: in place, or its temporary name gone and the failure told. */
  settled(file: StagedFile, errno: number, verb: number = Verb.rename): void {
    if (errno !== 0) {
      this.stage.discard(file.folder, file.temporary);
      this.problem(verb, errno, file.index);
      return;
    }
    if (file.isName) return;
    if (this.list.kind(file.index) === Kind.file) this.inPlace(file.index);
    else {
      this.links?.landed.add(file.index);
      this.confirm(file.index);
    }
  }

  /** Entry i is at the target as it shall be. */
  confirm(i: number): void {
    if (this.placed !== null) this.placed.add(i);
  }

  /** A file's content is complete and where it belongs. */
  inPlace(i: number): void {
    this.confirm(i);
    this.partials?.placed(i);
    this.doneFiles++;
    this.doneBytes += this.list.size(i);
    this.links?.landed.add(i);
    this.tellProgress(0);
    if (this.transfers !== null) this.#tellFinished(i);
  }

  #tellFinished(i: number): void {
    const transfer = this.transfers!.get(i) ?? { literalBytes: this.list.size(i), digest: null };
    const signatureBytes = this.#signatureBytes.get(i) ?? 0;
    this.transfers!.delete(i);
    this.#signatureBytes.delete(i);
    this.events.finished?.(i, { ...transfer, signatureBytes });
  }

  /** Notes what was told of the basis of entry i, if the job wants that told. */
  signed(i: number, bytes: number): void {
    if (this.transfers === null) return;
    this.#signatureBytes.set(i, (this.#signatureBytes.get(i) ?? 0) + bytes);
  }

  /** Tells what is in place, and `underWay` bytes of a large file; what is sent again because it changed does not lower it. */
  tellProgress(underWay: number): void {
    this.#toldBytes = Math.max(this.#toldBytes, this.doneBytes + underWay);
    this.events.transferred(this.doneFiles, this.#toldBytes);
  }
}
