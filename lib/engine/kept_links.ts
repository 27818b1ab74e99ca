// -K: a link at the target that leads to a folder is used as that folder, where the source has a folder. Made by the target half of
// a run with that option; asked by whoever opens a target folder by its path. Promises: a link is read once, when the folder is listed,
// and only if root or this user owns it; it leads through folders below the root alone, wherever else links in it point; from then on
// the folder is the one it led to, and that is opened without following anything (law 2). What is used through a link is not
// deleted, and nothing that two listed folders share.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import type { FileList } from "../base/file_list.ts";
import { LINK_TARGET_BYTES } from "../base/limits.ts";
import { Errno, type Handle, Kind, type Os, Stat } from "../os/os.ts";

const MOST_LINKS = 40;

export class KeptLinks {
  readonly #os: Os;
  readonly #list: FileList;
  readonly #uid: number;
  /** By the path of each link that is used, the path of the folder it led to. No link is on that. */
  readonly #folders = new Map<string, string>();
  /** Paths of links that lie on the way from those to these. */
  readonly #way = new Set<string>();
  /** Of these folders, those that are listed under another path, too. */
  #shared: Set<string> | null = null;
  readonly #stat = new Stat();
  readonly #target = new Uint8Array(LINK_TARGET_BYTES + 1);

  constructor(os: Os, list: FileList, uid: number) {
    this.#os = os;
    this.#list = list;
    this.#uid = uid;
  }

  /** Opens the folder at `path` below `root`, through the links that are used and no others. */
  openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.#os.openBeneath(root, this.#folders.size === 0 ? path : fromLatin1(this.#real(latin1(path))));
  }

  /**
   * At the path of a listed folder stands something that is none: opens the folder that it leads to, if it is a link to use. -ELOOP if
   * it is no such link, -EXDEV if it leads to a folder out of the root.
   */
  use(root: Handle, path: Uint8Array): Handle {
    const cut = path.lastIndexOf(0x2f);
    const parent = this.#real(latin1(path.subarray(0, Math.max(0, cut))));
    const links: string[] = [];
    const names = this.#walk(root, parent === "" ? [] : parent.split("/"), latin1(path.subarray(cut + 1)), links);
    if (typeof names === "number") return names;
    const folder = names.join("/");
    const handle = this.#os.openBeneath(root, fromLatin1(folder));
    if (handle < 0) return handle;
    this.#folders.set(latin1(path), folder);
    for (const link of links.slice(1)) this.#way.add(link);
    return handle;
  }

  /** Whether the entry at `path`, which the source does not have, stays because a listed folder is used through it or shares it. */
  keeps(path: Uint8Array): boolean {
    if (this.#folders.size === 0) return false;
    const real = this.#real(latin1(path));
    for (const link of this.#way) if (link === real || link.startsWith(`${real}/`)) return true;
    const shared = this.#shared ??= this.#findShared();
    for (const folder of this.#folders.values()) {
      if (folder === real || folder.startsWith(`${real}/`)) return true;
      if (shared.has(folder) && (folder === "" || real.startsWith(`${folder}/`))) return true;
    }
    return false;
  }

  /** To be asked when the list is complete. */
  #findShared(): Set<string> {
    const used = new Set(this.#folders.values());
    const seen = new Set<string>();
    const shared = new Set<string>();
    for (let i = 0; i < this.#list.count; i++) {
      if (this.#list.kind(i) !== Kind.folder) continue;
      const real = this.#real(latin1(this.#list.path(i)));
      if (!used.has(real)) continue;
      if (seen.has(real)) shared.add(real);
      seen.add(real);
    }
    return shared;
  }

  /** Where the path leads through the links that are used: the longest one on it decides. */
  #real(path: string): string {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = this.#folders.get(path.slice(0, end));
      if (folder !== undefined) return (folder + path.slice(end)).replace(/^\//, "");
    }
    return path;
  }

  /** The names of the folder that `name`, in the folder with the names `at`, leads to; or a negated errno. Adds the paths of links to `links`. */
  #walk(root: Handle, at: string[], name: string, links: string[]): string[] | number {
    const ahead = [name];
    while (ahead.length > 0) {
      const next = ahead.shift()!;
      if (next === "" || next === ".") continue;
      if (next === "..") {
        if (at.pop() === undefined) return -Errno.EXDEV;
        continue;
      }
      const folder = this.#os.openBeneath(root, fromLatin1(at.join("/")));
      if (folder < 0) return folder;
      const result = this.#step(folder, fromLatin1(next));
      this.#os.close(folder);
      if (typeof result === "number" && result < 0) return result;
      if (result === 0) at.push(next);
      else {
        links.push([...at, next].join("/"));
        if (links.length > MOST_LINKS) return -Errno.ELOOP;
        const target = latin1(result as Uint8Array);
        if (target.startsWith("/")) return -Errno.EXDEV;
        ahead.unshift(...target.split("/"));
      }
    }
    return at;
  }

  /** 0 for a folder, the target of a link to use, or a negated errno. */
  #step(folder: Handle, name: Uint8Array): 0 | Uint8Array | number {
    const stat = this.#stat;
    const looked = this.#os.statAt(folder, name, 0, name.length, stat);
    if (looked < 0) return looked;
    if (stat.kind === Kind.folder) return 0;
    if (stat.kind !== Kind.link || (stat.uid !== 0 && stat.uid !== this.#uid)) return -Errno.ELOOP;
    const length = this.#os.readLink(folder, name, this.#target);
    return length < 0 ? length : this.#target.slice(0, length);
  }
}
