// Names that are one at the target: where its file system folds case or forms of letters, the list is looked through for names that it
// cannot keep apart. Made by the target half where that is known or may be; asked by generator and receiver. Promises: nothing is made
// to find out: the kind of file system, a flag of the root folder, names that stand there anyway, and the first file that is staged
// tell; both names of a collision are told, neither is put in the place of the other.

import { joinPath, latin1 } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { type FileSystemInfo, type Handle, isSameInode, Kind, type Listing, type Os, Stat } from "../os/os.ts";
import { foldedName, type FoldRule, otherCase } from "../plan/name_fold.ts";

/** statfs types that fold always. */
const FOLDING = new Map<number, FoldRule>([
  [0x4d44, "simple"], // vfat
  [0x2011bab0, "simple"], // exfat
  [0x5346544e, "simple"], // ntfs
  [0x7366746e, "simple"], // ntfs3
  [0xff534d42, "simple"], // cifs
  [0xfe534d42, "simple"], // smb2
  [0x482b, "full"], // hfs+
  [0x4244, "full"], // hfs
]);
/** Types that drop dots at the end of names. */
const DROPS_DOTS: readonly number[] = [0x4d44, 0x2011bab0];
/** Types that stand for whatever another program or machine keeps. */
const UNKNOWN: readonly number[] = [
  0x65735546, // fuse
  0x01021997, // 9p
  0x786f4256, // vboxsf
];

/** By how much a time may differ there because it is kept less exactly, nanoseconds; 0: kept as it is, or nothing is known. */
export function timeWindowNs({ type }: FileSystemInfo): number {
  if (type === 0x4d44) return 1_999_999_999;
  if (type === 0x2011bab0) return 9_999_999;
  return FOLDING.has(type) || type === 0x65735546 ? 99 : 0;
}

export class NameFolds {
  readonly #os: Os;
  readonly #list: FileList;
  readonly #collide: (index: number) => void;
  readonly #dropsDots: boolean;
  /** Null: not known yet. */
  #rule: FoldRule | null;
  /** Entries that collide: neither is put in place. */
  readonly collided = new IndexSet();
  /** Of the folder whose list is open: folded name -> the entry that has it. */
  #names = new Map<string, number>();
  #folder = 0;

  private constructor(
    os: Os,
    list: FileList,
    info: FileSystemInfo,
    rule: FoldRule | null,
    collide: (i: number) => void,
  ) {
    this.#os = os;
    this.#list = list;
    this.#rule = rule;
    this.#collide = collide;
    this.#dropsDots = DROPS_DOTS.includes(info.type);
  }

  /** Null where names are bytes. `path`: the root's, as typed; `collide` hears of each entry that collides, once. */
  static of(
    os: Os,
    list: FileList,
    root: { handle: Handle; path: Uint8Array },
    info: FileSystemInfo,
    collide: (index: number) => void,
  ): NameFolds | null {
    const byFlag = os.foldsNames(root.handle) === 1 ? "full" : undefined;
    const rule = FOLDING.get(info.type) ?? byFlag;
    if (rule !== undefined) return new NameFolds(os, list, info, rule, collide);
    if (!UNKNOWN.includes(info.type)) return null;
    return new NameFolds(os, list, info, rootFolds(os, root) ? "simple" : null, collide);
  }

  get isOn(): boolean {
    return this.#rule !== null && this.#rule !== "exact";
  }

  /** The list of a folder begins. */
  begin(folder: number): void {
    this.#folder = folder;
    this.#names.clear();
  }

  /** What the names of an open folder tell, where nothing is known yet. */
  learnFrom(folder: Handle, own: Listing): void {
    for (let i = 0; this.#rule === null && i < own.count; i++) this.learn(folder, new Uint8Array(own.name(i)));
  }

  /** The same of one name that stands in the folder. */
  learn(folder: Handle, name: Uint8Array): void {
    if (this.#rule !== null) return;
    const other = otherCase(name);
    if (other === null) return;
    const [a, b] = [new Stat(), new Stat()];
    const [os, length] = [this.#os, name.length];
    if (os.statAt(folder, name, 0, length, a) < 0) return;
    const isSame = os.statAt(folder, other, 0, length, b) === 0 && isSameInode(a, b);
    if (!isSame) this.#rule = "exact";
    // A file of several names may have both of them.
    else if (a.kind === Kind.folder || a.nlink === 1) {
      this.#rule = "simple";
      this.#foldAll();
    }
  }

  /** Looks through the next entries of the open folder. */
  piece(first: number, count: number): void {
    if (!this.isOn) return;
    for (let i = first; i < first + count; i++) this.#add(i, this.#fold(this.#list.name(i)), this.#names);
  }

  /** Whether a name that stands in the open folder is what a listed one means. */
  isListed(name: Uint8Array): boolean {
    return this.isOn && this.#names.has(this.#fold(name));
  }

  #add(i: number, key: string, names: Map<string, number>): void {
    const before = names.get(key);
    if (before === undefined) return void names.set(key, i);
    if (before === i) return;
    for (const index of [before, i]) if (this.collided.add(index)) this.#collide(index);
  }

  /** It became known late: all that was listed is looked through. */
  #foldAll(): void {
    const list = this.#list;
    const names = new Map<string, number>();
    for (let i = 1; i < list.count; i++) {
      const key = this.#fold(list.name(i));
      this.#add(i, `${list.parent(i)}/${key}`, names);
      if (list.parent(i) === this.#folder && !this.#names.has(key)) this.#names.set(key, i);
    }
  }

  #fold(name: Uint8Array): string {
    return foldedName(name, this.#rule ?? "exact", this.#dropsDots);
  }
}

/** Whether the root is found by its own name in the other case as well: only where it lies on its own file system. */
function rootFolds(os: Os, { handle, path }: { handle: Handle; path: Uint8Array }): boolean {
  const text = latin1(path).replace(/\/+$/, "");
  const cut = text.lastIndexOf("/");
  const other = otherCase(path.subarray(cut + 1, text.length));
  if (other === null || text === "" || text.endsWith("/.") || text.endsWith("..")) return false;
  const [own, found, parent] = [new Stat(), new Stat(), new Stat()];
  if (os.statHandle(handle, own) < 0) return false;
  const above = cut < 0 ? new Uint8Array([0x2e]) : path.subarray(0, Math.max(cut, 1));
  if (os.statPath(above, true, parent) < 0) return false;
  if (parent.devMajor !== own.devMajor || parent.devMinor !== own.devMinor) return false;
  const twin = cut < 0 ? other : joinPath(path.subarray(0, cut), other);
  return os.statPath(twin, true, found) === 0 && isSameInode(own, found);
}
