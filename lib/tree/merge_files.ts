// The files of rules that lie in the folders of a tree (dir-merge): read below held folders as the scan of the source and the
// target's deletions come to them. Called by scan_places.ts and by the target half. Promises: one file is at most MERGE_FILE_BYTES
// and never a link; a folder whose file cannot be used is told and passed over, as neither to copy what a rule was to spare nor
// to delete it; a rule that cannot be understood ends the run, as in rsync.

import { display, EMPTY, joinPath, latin1, utf8 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { MERGE_FILE_BYTES } from "../base/limits.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import type { FilterPlace, FilterSet, ReadMergeFile } from "../filter/filter_set.ts";
import { RuleError } from "../filter/rule.ts";
import { Errno, type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";

const SLASH = 0x2f;

export class MergeFiles {
  readonly #os: Os;
  readonly #filters: FilterSet;
  readonly #root: Uint8Array;
  readonly #side: Problem["side"];
  readonly #report: (problem: Problem) => void;
  /** The file of the folder being entered that cannot be used. */
  #unusable: { errno: number; path: Uint8Array } | null = null;

  /** `root`: the absolute path of the transfer root, as `absolutePath` makes it. */
  constructor(os: Os, filters: FilterSet, root: Uint8Array, side: Problem["side"], report: (problem: Problem) => void) {
    this.#os = os;
    this.#filters = filters;
    this.#root = root;
    this.#side = side;
    this.#report = report;
  }

  get #end(): "sender" | "receiver" {
    return this.#side === Side.source ? "sender" : "receiver";
  }

  /** What holds where no folder has been entered yet. */
  bare(): FilterPlace {
    return this.#filters.bare(this.#root);
  }

  /**
   * What holds before the first folder is entered: the root itself, or (`first`) the folder of that name in it. A dir-merge rule with
   * a path, as -F's "/", has the folders from there down to the first one looked into.
   */
  start(first: Uint8Array | null): FilterPlace {
    let place = this.bare();
    const folder = first === null ? this.#root : joinPath(this.#root, first);
    for (const { point, path } of this.#filters.pathsAbove()) {
      const from = absolutePath(folder, path);
      for (const above of foldersAbove(folder, from)) {
        // From there to the root; nothing where the first folder lies right in it.
        const lead = above.length >= this.#root.length
          ? EMPTY
          : new Uint8Array([...this.#root.subarray(above.length === 0 ? 0 : above.length + 1), SLASH]);
        const handle = this.#os.openRoot(new Uint8Array([SLASH, ...above]));
        const read = this.#reader(handle, above, true);
        const entered = handle < 0 ? place : this.#filters.enterAbove(place, point, lead, this.#end, read);
        if (handle >= 0) this.#os.close(handle);
        place = this.#usable(entered) ?? place;
        if (this.#unusable !== null) {
          const { errno, path } = this.#unusable;
          throw new TsyncError({ kind: "file", detail: `filter file "/${display(path)}": ${errnoText(errno)}` });
        }
      }
    }
    return place;
  }

  /** What holds in the folder `handle`, `path` below the root; null if its file of rules cannot be used, which is told. */
  enter(above: FilterPlace, path: Uint8Array, handle: Handle): FilterPlace | null {
    if (!this.#filters.hasMerges) return above;
    const place = this.#usable(this.#filters.enter(above, path, this.#end, this.#reader(handle, path, false)));
    if (this.#unusable === null) return place;
    this.#report({ verb: Verb.open, cause: Cause.system, side: this.#side, ...this.#unusable });
    return null;
  }

  #usable(place: FilterPlace | RuleError): FilterPlace | null {
    if (!(place instanceof RuleError)) return place;
    if (this.#unusable !== null) return null;
    throw new TsyncError({ kind: place.isFile ? "file" : "usage", detail: place.sentence });
  }

  #reader(handle: Handle, folder: Uint8Array, isAbove: boolean): ReadMergeFile {
    this.#unusable = null;
    return (name) => {
      const path = joinPath(folder, name);
      const fileName = `${isAbove ? "/" : ""}${display(path)}`;
      if (isPathOut(name)) {
        return new RuleError(
          `${fileName}: a merge rule in a folder's file must name a file in that folder or below it`,
        );
      }
      const bytes = this.#read(handle, name);
      if (bytes === null) return null;
      if (typeof bytes !== "number") return { bytes, fileName };
      this.#unusable = { errno: -bytes, path };
      return new RuleError(`${fileName}: ${errnoText(-bytes)}`, true);
    };
  }

  /** The content of a file in or below the folder; null if there is none, or a folder of that name. */
  #read(folder: Handle, name: Uint8Array): Uint8Array | number | null {
    const os = this.#os;
    const cut = name.lastIndexOf(SLASH);
    const inner = cut < 0 ? folder : os.openBeneath(folder, name.subarray(0, cut));
    if (inner < 0) return inner === -Errno.ENOENT || inner === -Errno.ENOTDIR ? null : inner;
    const file = os.openFile(inner, name.subarray(cut + 1), OpenMode.read, 0);
    if (cut >= 0) os.close(inner);
    if (file === -Errno.ENOENT || file === -Errno.EISDIR || file === -Errno.ENAMETOOLONG) return null;
    if (file < 0) return file;
    const content = this.#content(file);
    os.close(file);
    return content;
  }

  #content(file: Handle): Uint8Array | number | null {
    const os = this.#os;
    const stat = new Stat();
    const looked = os.statHandle(file, stat);
    if (looked < 0) return looked;
    if (stat.kind === Kind.folder) return null;
    if (stat.kind !== Kind.file) return -Errno.EINVAL;
    if (stat.size > MERGE_FILE_BYTES) return -Errno.EFBIG;
    const bytes = new Uint8Array(stat.size);
    let used = 0;
    while (used < bytes.length) {
      const count = os.readAt(file, bytes.subarray(used), used);
      if (count < 0) return count;
      if (count === 0) break;
      used += count;
    }
    return bytes.subarray(0, used);
  }
}

/** A merge rule found in a folder may not lead out of it. */
function isPathOut(name: Uint8Array): boolean {
  return latin1(name).split("/").some((part) => part === "" || part === "." || part === "..");
}

/** `path` as seen from the absolute folder `from`, without "." and "..", and without slash at either end. */
export function absolutePath(from: Uint8Array, path: Uint8Array): Uint8Array {
  const parts = path[0] === SLASH ? [] : latin1(from).split("/");
  parts.push(...latin1(path).split("/"));
  const kept: string[] = [];
  for (const part of parts) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return Uint8Array.from(kept.join("/"), (char) => char.charCodeAt(0));
}

/** The working folder and a word of the command line as an absolute path. */
export function absoluteWord(workingFolder: string, word: Uint8Array): Uint8Array {
  return absolutePath(absolutePath(EMPTY, utf8(workingFolder)), word);
}

/** The folders from `from` to the parent of `folder`, if that lies below it. */
function foldersAbove(folder: Uint8Array, from: Uint8Array): Uint8Array[] {
  const isAbove = from.length === 0 ||
    (folder.length > from.length && folder[from.length] === SLASH && from.every((byte, i) => folder[i] === byte));
  if (!isAbove || folder.length === 0) return [];
  const found = [from];
  for (let at = from.length + 1; at < folder.length; at++) if (folder[at] === SLASH) found.push(folder.subarray(0, at));
  return found;
}
