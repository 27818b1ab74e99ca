// The guard against a plan that does not fit the target: what is wanted is added up as it is decided, and the run ends as soon as the
// sum cannot fit whatever order files come in. Made and asked by the target half; told by the generator. Promises: it refuses only what
// is sure not to fit: holes, what replaced files give back, content that may be shared or compressed by the file system all count
// for the plan; one system call where all is well.

import { TsyncError } from "../base/errors.ts";
import type { Totals } from "../base/monitor.ts";
import type { FileSystemInfo } from "../os/os.ts";

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

export interface SpaceTerms {
  uid: number;
  /** Content is written into the file that is there: no second copy of it beside. */
  inPlace: boolean;
  /** New names need no inodes of their own: hard links, also to alternative destinations. */
  linksNames: boolean;
  /** Source and target are on one file system, which is only asked where it matters. */
  isOneFileSystem(): boolean;
}

export class SpaceGuard {
  readonly #terms: SpaceTerms;
  readonly #freeBytes: number;
  readonly #freeInodes: number;
  readonly #type: number;
  /** What wanted files take beyond those they replace; and, of it, what files that become smaller give back. */
  #netBytes = 0;
  #shrunkBytes = 0;
  /** The most that one file takes while the one it replaces is still there. */
  #largestBytes = 0;
  #holeBytes = 0;
  #files = 0;

  constructor(info: FileSystemInfo, terms: SpaceTerms) {
    this.#terms = terms;
    this.#type = info.type;
    this.#freeBytes = UNSURE.includes(info.type) ? Infinity : terms.uid === 0 ? info.rootFreeBytes : info.freeBytes;
    this.#freeInodes = info.totalInodes === 0 || terms.linksNames || UNSURE.includes(info.type)
      ? Infinity
      : info.freeInodes;
  }

  /** By so much less room do listed files take at the source than their sizes say. */
  holes(bytes: number): void {
    this.#holeBytes += bytes;
  }

  /** A file of `size` bytes is wanted, in the place of one that takes `replacedBytes` on the disk. */
  want(size: number, replacedBytes: number): void {
    const net = size - replacedBytes;
    this.#files++;
    this.#netBytes += net;
    if (net < 0) this.#shrunkBytes -= net;
    this.#largestBytes = Math.max(this.#largestBytes, this.#terms.inPlace ? net : size);
  }

  /** Throws TsyncError "file" if what is wanted so far cannot fit. `doneFiles`: how many are in place. */
  check(totals: Totals, doneFiles: number): void {
    const needed = Math.max(this.#netBytes, this.#largestBytes - this.#shrunkBytes) - this.#holeBytes;
    if (needed > this.#freeBytes && !this.#mayShare()) {
      this.#refuse(`at least ${needed} bytes more`, `${this.#freeBytes} are free`, doneFiles);
    }
    const { createdFiles, createdFolders, createdLinks, createdDevices, createdSpecials } = totals;
    const inodes = createdFiles + createdFolders + createdLinks + createdDevices + createdSpecials;
    if (inodes > this.#freeInodes) this.#refuse(`${inodes} inodes`, `${this.#freeInodes} are free`, doneFiles);
  }

  #mayShare(): boolean {
    return SHARING.includes(this.#type) && this.#terms.isOneFileSystem();
  }

  #refuse(need: string, have: string, doneFiles: number): never {
    const state = doneFiles === 0
      ? "no file was written"
      : `${doneFiles} of them are in place and complete, no more are written`;
    throw new TsyncError({
      kind: "file",
      detail: `not enough space at the target: the ${this.#files} files to transfer so far need ${need}, ${have}: ` +
        `${state}; make room, or say --no-space-check`,
    });
  }
}
