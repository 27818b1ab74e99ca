// --remove-source-files: removes at the source what the target has told to be in place. Loaded by the source half with the first of it.
// Promises: only what is still what was listed or sent (inode, size, times), never a folder, never the very file at the target; whatever
// stays for such a reason is told.

import type { FileList } from "../base/file_list.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { Errno, Kind, type Os, Stat } from "../os/os.ts";
import type { FolderCache } from "../tree/folder_cache.ts";
import { isPartialFolderName } from "../tree/own_names.ts";
import { isAsListed, isSame, isUnchanged } from "../tree/read_file.ts";

export interface SourceFilesInput {
  os: Os;
  list: FileList;
  folders: FolderCache;
  /** Of files that had changed since they were listed: what was sent. */
  sentAs: ReadonlyMap<number, Stat>;
  isAtTarget(i: number, stat: Stat): boolean;
  /** What was removed is told. */
  tellsRemoved: boolean;
  report(problem: Problem): void;
}

export class SourceFiles {
  readonly #input: SourceFilesInput;
  readonly #stat = new Stat();

  constructor(input: SourceFilesInput) {
    this.#input = input;
  }

  remove(i: number): void {
    const { os, list, folders, isAtTarget } = this.#input;
    const folder = folders.get(list.parent(i), list.origin(i));
    const name = new Uint8Array(list.name(i));
    const looked = folder < 0 ? folder : os.statAt(folder, name, 0, name.length, this.#stat);
    if (looked === -Errno.ENOENT) return;
    if (looked < 0) return this.#tell(i, Cause.system, -looked);
    if (!this.#isWhatWasSent(i)) return this.#tell(i, Cause.sourceChanged, 0);
    if (isAtTarget(i, this.#stat)) return this.#tell(i, Cause.sameFile, 0);
    const removed = os.unlink(folder, name);
    if (removed < 0 && removed !== -Errno.ENOENT) this.#tell(i, Cause.system, -removed);
    else if (removed === 0 && this.#input.tellsRemoved) this.#tell(i, Cause.done, 0);
    if (isPartialFolderName(list.name(list.parent(i)))) this.#removeEmpty(list.parent(i));
  }

  /** A folder of partials goes with the last of them. */
  #removeEmpty(folder: number): void {
    const { os, list, folders } = this.#input;
    const above = folder === 0 ? -1 : folders.get(list.parent(folder), list.origin(folder));
    if (above >= 0) os.removeFolder(above, new Uint8Array(list.name(folder)));
  }

  #isWhatWasSent(i: number): boolean {
    const { list, sentAs } = this.#input;
    const stat = this.#stat;
    if (stat.kind !== list.kind(i)) return false;
    const sent = sentAs.get(i);
    if (sent !== undefined) return isUnchanged(sent, stat);
    if (stat.kind === Kind.file) return isAsListed(list, i, stat);
    return isSame(stat, stat.size, list.mtimeSec(i), list.mtimeNs(i), list.tag(i));
  }

  #tell(i: number, cause: Cause, errno: number): void {
    this.#input.report({ verb: Verb.remove, cause, errno, side: Side.source, path: this.#input.list.path(i) });
  }
}
