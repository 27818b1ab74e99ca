// The names of one inode (-H): which of them is decided like any other entry, its content wanted or metadata brought in step, and
// how the others become further names of it once it is in place. Called by the target half; loaded with -H only. Promises: a
// name holds what it held until it is the new one (a link is made aside and renamed, law 1); what cannot be linked (too many
// names, another file system) becomes a copy; nothing is linked with what is not known to be in place, or is not what was
// looked at. 8 bytes per name and about 200 per inode, until the end of the run.

import { IndexSet } from "../base/index_set.ts";
import { lastNames } from "../base/last_names.ts";
import { Change } from "../base/monitor.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, isSameInode, Kind, OpenMode, Stat } from "../os/os.ts";
import { compareMetadata, quickCheck } from "../plan/compare.ts";
import { applyMetadata } from "../tree/apply.ts";
import { copyFile } from "../tree/copy.ts";
import { PRIVATE } from "../tree/fresh_files.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import type { Generator } from "./generator.ts";
import type { TargetState } from "./target_state.ts";

interface Group {
  /** Indexes of the listed names, rising. */
  names: number[];
  /** The name that is decided like any entry, and that the others are linked with. */
  carrier: number;
  /** Inodes of the names that were linked with before, and can have no more. */
  full: Stat[];
  /** It is, or in a dry run would be, another inode than before. */
  isRewritten: boolean;
  isDone: boolean;
}

/** What says only that there can be no link: a copy may do. */
const CANNOT_LINK: readonly number[] = [
  ...[Errno.EMLINK, Errno.EXDEV, Errno.EPERM, Errno.EOPNOTSUPP, Errno.ENOSYS, Errno.EACCES],
];

const NONE = -1;

export class HardLinks {
  /** Entries that are in place with all they shall have. */
  readonly landed = new IndexSet();
  readonly #state: TargetState;
  readonly #generator: Generator;
  /** By first name. */
  readonly #groups = new Map<number, Group>();
  /** Files whose content is still to come behind the list, though nobody here wants it. */
  readonly awaited = new IndexSet();
  /** Under which names content comes unasked. */
  #sent: ReadonlySet<number> = new Set();
  readonly #stat = new Stat();
  readonly #carrierStat = new Stat();

  constructor(state: TargetState, generator: Generator) {
    this.#state = state;
    this.#generator = generator;
  }

  /** Entry i is one of several names, or may turn out to be. */
  add(i: number): void {
    const first = this.#state.list.firstName(i);
    const group = this.#groups.get(first);
    if (group !== undefined) group.names.push(i);
    else this.#groups.set(first, { names: [i], carrier: i, full: [], isRewritten: false, isDone: false });
  }

  /** The list has ended: decides one name of each inode. */
  async decide(): Promise<void> {
    const { env, options, streaming, list } = this.#state;
    if (streaming) this.#sent = new Set(lastNames(list));
    for (const group of this.#groups.values()) {
      group.carrier = this.#choose(group.names);
      if (group.carrier < 0) continue;
      const change = await this.#generator.decideLate(group.carrier);
      group.isRewritten = ((change ?? 0) & (Change.create | Change.content | Change.local)) !== 0;
      if (options.dryRun && change !== null) this.landed.add(group.carrier);
      const pause = env.pause();
      if (pause !== undefined) await pause;
    }
    for (const i of this.#sent) if (!this.#state.wanted.has(i)) this.awaited.add(i);
  }

  /**
   * As in rsync: a link's or special's first name; a file's first one that stands at the target, else its last. To an empty target
   * the content comes under the last; -1 if that one's folder is lost.
   */
  #choose(names: number[]): number {
    const { list, streaming } = this.#state;
    const kind = list.kind(names[0]);
    if (kind !== Kind.file) return names[0];
    if (streaming) return names.find((i) => this.#sent.has(i)) ?? NONE;
    return names.find((i) => this.#look(i) && this.#stat.kind === kind) ?? names[names.length - 1];
  }

  /** Looks at what stands at entry i's name, into `stat`; false if nothing does, or it cannot be looked at. */
  #look(i: number, stat: Stat = this.#stat): boolean {
    const state = this.#state;
    const { os, list, options, created, folders } = state;
    const parent = list.parent(i);
    if (options.dryRun && created.has(parent)) return false;
    const folder = folders.get(parent);
    const name = state.name(i);
    return folder >= 0 && os.statAt(folder, name, 0, name.length, stat) === 0;
  }

  /** Links the other names of what is in place. */
  async link(): Promise<void> {
    for (const group of this.#groups.values()) {
      if (group.isDone || group.carrier < 0 || !this.landed.has(group.carrier)) continue;
      group.isDone = true;
      const decided = group.carrier;
      for (const i of group.names) {
        if (i !== decided) await this.#name(group, i);
        const pause = this.#state.env.pause() ?? this.#state.stage.pause();
        if (pause !== undefined) await pause;
      }
    }
    await this.#state.stage.drain();
  }

  /** The same for what came into place last; what did not is told. */
  async finish(): Promise<void> {
    await this.link();
    for (const { names, carrier, isDone } of this.#groups.values()) {
      if (isDone) continue;
      for (const i of names) {
        if (i !== carrier) this.#state.tell(Verb.link, Cause.firstMissing, 0, this.#state.path(i));
      }
    }
  }

  /** Makes entry i another name of the group's carrier. */
  async #name(group: Group, i: number): Promise<void> {
    const state = this.#state;
    const { dryRun } = state.options;
    const hasCarrier = this.#look(group.carrier, this.#carrierStat);
    if (!dryRun && !hasCarrier) return state.tell(Verb.link, Cause.targetChanged, 0, state.path(i));
    const stands = this.#look(i);
    const isOne = [this.#carrierStat, ...group.full].some((stat) => isSameInode(this.#stat, stat));
    const isOther = !stands || !isOne || (dryRun && group.isRewritten);
    if (!isOther) return this.#unchanged(i, Change.linked);
    const change = this.#changeOf(i, stands);
    if (dryRun) {
      if (stands && this.#stat.kind === Kind.folder) state.inTheWay.push(i);
      return this.#tell(i, change, group.carrier);
    }
    const errno = this.#link(group.carrier, i, stands);
    if (errno === 0) this.#tell(i, change, group.carrier);
    else if (CANNOT_LINK.includes(errno)) await this.#copy(group, i, stands, change);
    else if (errno > 0) state.problem(Verb.link, errno, i);
  }

  /** What a new name changes about what stands there, as rsync tells it. */
  #changeOf(i: number, stands: boolean): number {
    const { list, options, owners } = this.#state;
    const stat = this.#stat;
    if (!stands) return Change.linked | Change.create | Change.local;
    let change = Change.linked | Change.local | compareMetadata(list, i, stat, options, owners) |
      this.#generator.compareAttributesLate(i);
    const kind = list.kind(i);
    if (kind === Kind.file && list.size(i) !== stat.size) change |= Change.size;
    if (options.perms && kind !== Kind.link && list.mode(i) !== stat.mode) change |= Change.mode;
    return options.times ? change : change | Change.time | Change.timeNow;
  }

  #unchanged(i: number, change: number): void {
    const { totals, options, events } = this.#state;
    totals.unchanged++;
    if (options.reportEntries && options.reportUnchanged) events.entry(i, change);
  }

  #tell(i: number, change: number, carrier: number): void {
    const { changes, list, options, events } = this.#state;
    if ((change & Change.create) !== 0) changes.created(list.kind(i));
    if (options.reportEntries) events.entry(i, change, carrier);
  }

  /** 0: linked and in place or staged; an errno; -1: told. */
  #link(carrier: number, i: number, stands: boolean): number {
    const state = this.#state;
    const { os, stage, list, folders } = state;
    const folder = state.openForChange(list.parent(i));
    const from = folders.get(list.parent(carrier));
    if (folder < 0 || from < 0) return -Math.min(folder, from);
    const aside = stage.createOther(folder, (name) => os.hardLink(from, state.name(carrier), folder, name));
    if (typeof aside === "number") return -aside;
    const stat = new Stat();
    if (os.statAt(folder, aside, 0, aside.length, stat) < 0 || !isSameInode(stat, this.#carrierStat)) {
      stage.discard(folder, aside);
      state.tell(Verb.link, Cause.targetChanged, 0, state.path(i));
      return -1;
    }
    this.#putInPlace(folder, aside, i, stands);
    return 0;
  }

  #putInPlace(folder: Handle, aside: Uint8Array, i: number, stands: boolean): void {
    const { os, stage } = this.#state;
    const name = this.#state.name(i);
    if (!stands && os.renameNew(folder, aside, folder, name) === 0) return stage.forget(aside);
    const isFile = this.#state.list.kind(i) === Kind.file;
    stage.addName(
      { folder, temporary: aside, name: new Uint8Array(name), index: i, bytes: 0, isName: true },
      stands && isFile,
    );
  }

  // ---- where there can be no link

  /** The inode has as many names as it may, or lies elsewhere: entry i becomes a copy, with which the names to come are linked. */
  async #copy(group: Group, i: number, stands: boolean, change: number): Promise<void> {
    const state = this.#state;
    const kind = state.list.kind(i);
    const isGood = stands && this.#stat.kind === kind && !this.#differs(i) &&
      (kind !== Kind.file || quickCheck(state.list, i, this.#stat, state.options.modifyWindowNs));
    if (isGood) {
      this.#unchanged(i, 0);
      this.landed.add(i);
    } else {
      this.#tell(i, change, group.carrier);
      if (kind === Kind.file) await this.#copyFile(group.carrier, i, stands);
      else this.#generator.placeLate(i, stands);
      await state.stage.drain();
    }
    if (!this.landed.has(i)) return;
    group.full.push(Object.assign(new Stat(), this.#carrierStat));
    group.carrier = i;
  }

  #differs(i: number): boolean {
    const { list, options, owners } = this.#state;
    return compareMetadata(list, i, this.#stat, options, owners) !== 0 ||
      this.#generator.compareAttributesLate(i) !== 0;
  }

  async #copyFile(carrier: number, i: number, stands: boolean): Promise<void> {
    const state = this.#state;
    const { os, stage, list, folders, options, env } = state;
    const folder = state.openForChange(list.parent(i));
    const from = folders.get(list.parent(carrier));
    const source = folder < 0 || from < 0
      ? Math.min(folder, from)
      : os.openFile(from, state.name(carrier), OpenMode.read, 0);
    if (source < 0) return state.problem(Verb.open, -source, i);
    const existingMode = stands && this.#stat.kind === Kind.file ? this.#stat.mode : -1;
    const stat = new Stat();
    const handle = os.statHandle(source, stat) < 0 ? -Errno.EIO : stage.create(folder, PRIVATE);
    const { temporary } = stage;
    if (handle < 0) {
      os.close(source);
      return state.problem(Verb.create, -handle, i);
    }
    const turn = { breathe: env.breathe, progress: () => {} };
    const copied = await copyFile(os, source, stat, handle, stat.size, options, turn, null);
    os.close(source);
    const fresh = new Stat();
    os.statHandle(handle, fresh);
    const failure = copied.errno !== 0
      ? { verb: copied.verb, errno: copied.errno }
      : applyMetadata(os, handle, fresh, wantedMetadata(state, i, existingMode));
    const volume = failure === null ? stage.flushes(folder, stands) : undefined;
    const closed = volume === undefined ? os.close(handle) : 0;
    if (failure === null && closed === 0) {
      const name = new Uint8Array(state.name(i));
      return stage.add({ folder, temporary, name, index: i, bytes: stat.size, volume, handle });
    }
    stage.discard(folder, temporary);
    state.problem(failure?.verb ?? Verb.write, failure?.errno ?? -closed, i);
  }
}
