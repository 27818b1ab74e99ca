// The guard against a plan that does not fit the target: what is wanted is added up as it is decided, and the run ends as soon as the
// sum cannot fit whatever order files come in. Where the source tells beforehand how much it holds, the whole plan is judged before the
// first change (space_plan.ts where the target holds something already). Made and asked by the target half; told by the generator.
// Promises: it refuses only what is sure not to fit: holes, what replaced files give back, parts that an earlier run left, content that
// may be shared or compressed by the file system all count for the plan; one system call where all is well.

import { TsyncError } from "../base/errors.ts";
import { type Totals, zeroTotals } from "../base/monitor.ts";
import type { FileSystemInfo } from "../os/os.ts";
import type { PlanTotals } from "../session/ports.ts";

/** statfs types of file systems that compress, or of which little can be known from here. */
const UNSURE: readonly number[] = [
  0x9123683e, // btrfs
  0x2fc12fc1, // zfs
  0xca451a4e, // bcachefs
  0xf2f52010, // f2fs
  0x24051905, // ubifs
  0x65735546, // fuse
  0x01021997, // 9p
  0x858458f6, // ramfs
];
/** Types that can share content between two files (reflink). */
const SHARING: readonly number[] = [
  0x58465342, // xfs
  0x7461636f, // ocfs2
  0x794c7630, // overlayfs
  0x6969, // nfs
  0xff534d42, // cifs
  0xfe534d42, // smb2
];

/** A part of a smaller file that an earlier run left is not asked for, bytes. */
const LEAST_PART_BYTES = 1 << 20;
/** What an entry may take beside its content: the rest of a block, and its share of its folder, bytes. */
const ENTRY_BYTES = 8192;

export interface SpaceTerms {
  uid: number;
  /** Content is written into the file that is there: no second copy of it beside. */
  inPlace: boolean;
  /** What is replaced keeps its room: as a backup or in the trash on the same file system, or until all is there (--delay-updates). */
  keepsReplaced: boolean;
  /** Zeros become holes (-S): how much room content takes is not known. */
  makesHoles: boolean;
  /** New names need no inodes of their own: hard links, also to alternative destinations. */
  linksNames: boolean;
  /** Source and target are on one file system, which is only asked where it matters. */
  isOneFileSystem(): boolean;
  /** Bytes of file i that an earlier run left, and that this one goes on with; only asked where it matters. */
  part(i: number): number;
}

export class SpaceGuard {
  readonly #info: FileSystemInfo;
  readonly #terms: SpaceTerms;
  readonly #freeBytes: number;
  readonly #freeInodes: number;
  /** Why the plan is judged: null as it comes; else what the target is like without it. */
  readonly #wholly: string | null;
  /** What wanted files take beyond those they replace; and, of it, what files that become smaller give back. */
  #netBytes = 0;
  #shrunkBytes = 0;
  /** The most that one file takes while the one it replaces is still there. */
  #largestBytes = 0;
  #holeBytes = 0;
  #files = 0;
  /** Wanted files of which an earlier run may have left something, not asked for yet; and bytes of those that were. */
  #large: number[] = [];
  #partBytes = 0;

  constructor(info: FileSystemInfo, terms: SpaceTerms, wholly: string | null = null) {
    this.#info = info;
    this.#terms = terms;
    this.#wholly = wholly;
    const isUnsure = UNSURE.includes(info.type);
    const free = terms.uid === 0 ? info.rootFreeBytes : info.freeBytes;
    this.#freeBytes = isUnsure || terms.makesHoles ? Infinity : free;
    this.#freeInodes = info.totalInodes === 0 || terms.linksNames || isUnsure ? Infinity : info.freeInodes;
  }

  /** One that knows of nothing yet, for a plan that is judged as a whole; `unchanged`: what is said of the target when it is refused. */
  another(unchanged: string): SpaceGuard {
    return new SpaceGuard(this.#info, this.#terms, unchanged);
  }

  /** Whether all that the source holds has room beside all that is here, so that nothing more need be asked. */
  surelyFits({ entries, bytes }: PlanTotals): boolean {
    return bytes + entries * ENTRY_BYTES <= this.#freeBytes && entries <= this.#freeInodes;
  }

  /** Throws TsyncError "file" if the whole of the source, all of which is new here, cannot fit. `makesAll`: entries of every kind can be made. */
  demandAll({ entries, bytes, holeBytes }: PlanTotals, makesAll: boolean): void {
    const plan = this.another("no file was written");
    plan.#netBytes = bytes;
    plan.#holeBytes = holeBytes;
    plan.check({ ...zeroTotals(), createdFiles: makesAll ? entries - 1 : 0 }, 0);
  }

  /** By so much less room do listed files take at the source than their sizes say. */
  holes(bytes: number): void {
    this.#holeBytes += bytes;
  }

  /** File i of `size` bytes is wanted, in the place of one that takes `replacedBytes` on the disk; `isDelta`: parts of that one may serve. */
  want(i: number, size: number, replacedBytes: number, isDelta: boolean): void {
    const { inPlace, keepsReplaced } = this.#terms;
    const grown = size - replacedBytes;
    const net = keepsReplaced && !inPlace ? size : grown;
    // Where content can be shared, what is alike in the old version is not written again.
    const sharesBasis = isDelta && SHARING.includes(this.#info.type);
    this.#files++;
    this.#netBytes += sharesBasis ? grown : net;
    if (net < 0) this.#shrunkBytes -= net;
    this.#largestBytes = Math.max(this.#largestBytes, inPlace || sharesBasis ? grown : size);
    if (size >= LEAST_PART_BYTES) this.#large.push(i);
  }

  /** Throws TsyncError "file" if what is wanted so far cannot fit. `doneFiles`: how many are in place. */
  check(totals: Totals, doneFiles: number): void {
    if (this.#needed > this.#freeBytes && !this.#mayShare()) {
      this.#countParts();
      const needed = this.#needed;
      if (needed > this.#freeBytes) {
        this.#refuse(`at least ${needed} bytes more`, `${this.#freeBytes} are free`, doneFiles);
      }
    }
    const { createdFiles, createdFolders, createdLinks, createdDevices, createdSpecials } = totals;
    const inodes = createdFiles + createdFolders + createdLinks + createdDevices + createdSpecials;
    if (inodes > this.#freeInodes) this.#refuse(`${inodes} inodes`, `${this.#freeInodes} are free`, doneFiles);
  }

  get #needed(): number {
    return Math.max(this.#netBytes, this.#largestBytes - this.#shrunkBytes) - this.#holeBytes - this.#partBytes;
  }

  #countParts(): void {
    for (const i of this.#large.splice(0)) this.#partBytes += this.#terms.part(i);
  }

  #mayShare(): boolean {
    return SHARING.includes(this.#info.type) && this.#terms.isOneFileSystem();
  }

  #refuse(need: string, have: string, doneFiles: number): never {
    const state = this.#wholly ??
      (doneFiles === 0 ? "no file was written" : `${doneFiles} of them are in place and complete, no more are written`);
    const what = this.#wholly === null
      ? `the ${this.#files} files to transfer so far need`
      : "what is to be transferred needs";
    throw new TsyncError({
      kind: "file",
      detail: `not enough space at the target: ${what} ${need}, ${have}: ${state}; make room, or say --no-space-check`,
    });
  }
}
