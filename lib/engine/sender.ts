// The sender (rsync's word): reads each wanted file and hands its content to the target: small ones whole, large ones in
// pieces along their data extents, on one machine as an open handle. What it sends is a state that existed: a file that
// changed under the read is read again, up to twice, else left out (P4).

import { CHUNK_BYTES, SMALL_FILE_BYTES } from "../base/limits.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, type Problem, Side, Verb } from "../base/problem.ts";
import { HOLE } from "../delta/runs.ts";
import { Errno, type Handle, type Os, Stat } from "../os/os.ts";
import type { Fresh, TargetPort, Wait } from "../session/ports.ts";
import type { FolderCache } from "../tree/folder_cache.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import { NamesOfOne } from "../tree/names_of_one.ts";
import { isAsListed, isUnchanged, onlyGrew, openListed, readAsListed, statRegular } from "../tree/read_file.ts";
import { nextExtent } from "../tree/sparse.ts";
import { BREATH_BYTES, type Digester, type Environment } from "./environment.ts";
import { ContentDigest } from "./content_digest.ts";
import type { Compared, DeltaSource } from "./delta_source.ts";

/** Reads of one file before it is given up as changing. */
const READS = 3;

export interface SenderInput {
  env: Environment;
  list: FileList;
  options: SyncOptions;
  folders: FolderCache;
  target: TargetPort;
  /** Null: the target is in this process and takes handles; nothing is hashed. */
  digester: Digester | null;
  /** Null: links stay links. */
  follower: LinkFollower | null;
  /** Null until a file is wanted as a delta. */
  delta(): DeltaSource | null;
  report(problem: Problem): void;
}

export class Sender {
  readonly #os: Os;
  readonly #input: SenderInput;
  readonly #list: FileList;
  readonly #before = new Stat();
  readonly #after = new Stat();
  readonly #small = new Uint8Array(SMALL_FILE_BYTES);
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #names: NamesOfOne | null = null;
  /** What was sent of files that were not as listed any more; only with removeSourceFiles. */
  readonly sentAs = new Map<number, Stat>();
  /** Whether something could not be read: then nothing may be deleted. */
  erred = false;

  constructor(input: SenderInput) {
    this.#input = input;
    this.#os = input.env.os;
    this.#list = input.list;
  }

  /** Sends entry i, or says why it cannot. */
  send(i: number): Wait {
    const folder = this.#input.folders.get(this.#list.parent(i), this.#list.origin(i));
    if (folder < 0) return this.#failed(i, Verb.open, -folder);
    const file = openListed(this.#os, this.#list, i, folder, this.#input.follower);
    if (file < 0) return this.#failed(i, Verb.open, -file);
    if (this.#list.firstName(i) >= 0 && this.#tookOneName(i, file)) {
      this.#os.close(file);
      return this.#changed(i, Verb.link);
    }
    const delta = this.#input.delta();
    if (delta?.has(i)) return this.#delta(i, file, delta);
    const size = this.#list.size(i);
    if (size > SMALL_FILE_BYTES) return this.#large(i, file);
    let isSent = true;
    try {
      const wait = this.#smallUnchanged(i, file, size);
      isSent = wait !== null;
      if (wait !== null) return wait;
    } finally {
      if (isSent) this.#os.close(file);
    }
    return this.#large(i, file);
  }

  /** -H: whether what is open took the name of entry i, but not the other ones that go with it. */
  #tookOneName(i: number, file: Handle): boolean {
    const { folders, follower } = this.#input;
    if (this.#os.statHandle(file, this.#before) < 0 || isAsListed(this.#list, i, this.#before)) return false;
    this.#names ??= new NamesOfOne(this.#os, this.#list, folders, follower);
    return !this.#names.areOne(i, this.#before);
  }

  /** The hot path; null if the file is not (or no longer) as listed, or has holes. */
  #smallUnchanged(i: number, file: Handle, size: number): Wait | null {
    const { target, digester } = this.#input;
    const list = this.#list;
    const content = this.#small.subarray(0, size);
    const isRead = readAsListed(
      this.#os,
      file,
      content,
      list.mtimeSec(i),
      list.mtimeNs(i),
      list.tag(i),
      this.#before,
    );
    return isRead ? target.file(i, null, content, digester === null ? null : digester.hash(content)) : null;
  }

  /** Any file, read between two looks at it, again if it changed; `first` is 2 if it was read before. */
  async #large(i: number, file: Handle, first = 1): Promise<void> {
    try {
      for (let read = first; read <= READS; read++) {
        const looked = statRegular(this.#os, file, this.#before);
        if (looked < 0) return await this.#failed(i, Verb.read, -looked);
        const before = copyStat(this.#before);
        const result = await this.#sendOnce(i, file, before, read === READS && this.#input.options.allowTorn);
        if (result === 0) return;
        if (result < 0) return await this.#failed(i, Verb.read, -result);
      }
      await this.#changed(i, Verb.read);
    } finally {
      this.#os.close(file);
    }
  }

  /** 0: sent; 1: it changed meanwhile, try again; below zero: a negated errno. */
  async #sendOnce(i: number, file: Handle, before: Stat, acceptTorn: boolean): Promise<number> {
    const { target, digester } = this.#input;
    const fresh = this.#freshOf(i, before);
    await target.fileBegin(i, before.size, fresh, false);
    const digest = digester === null ? null : new ContentDigest(digester);
    const result = digest === null ? await this.#handOver(file, before) : await this.#sendExtents(file, before, digest);
    const looked = this.#os.statHandle(file, this.#after);
    const isGood = result === 0 && looked === 0 &&
      (acceptTorn || isUnchanged(before, this.#after) || onlyGrew(before, this.#after));
    await target.fileEnd(isGood, isGood && digest !== null ? digest.end(before.size) : null);
    if (isGood) return 0;
    return result < 0 ? result : looked < 0 ? looked : 1;
  }

  #freshOf(i: number, stat: Stat): Fresh | null {
    if (isAsListed(this.#list, i, stat)) {
      if (this.sentAs.size > 0) this.sentAs.delete(i);
      return null;
    }
    if (this.#input.options.removeSourceFiles) this.sentAs.set(i, copyStat(stat));
    return { size: stat.size, mtimeSec: stat.mtimeSec, mtimeNs: stat.mtimeNs };
  }

  /** On one machine the target copies from the open file itself. */
  async #handOver(file: Handle, before: Stat): Promise<number> {
    return (await this.#input.target.fileCopy(file, before)) ?? 0;
  }

  /** Sends the data extents; 0, 1 if the file got shorter, or a negated errno. */
  async #sendExtents(file: Handle, before: Stat, digest: ContentDigest): Promise<number> {
    const { target, env } = this.#input;
    const size = before.size;
    const isDense = before.allocated >= size || this.#input.options.fillHoles;
    let sinceBreath = 0;
    for (let at = 0; at < size;) {
      const extent = nextExtent(this.#os, file, at, size, isDense);
      if (extent === null) break;
      if (typeof extent === "number") return extent;
      for (at = extent.start; at < extent.end;) {
        const piece = extent.end - at < CHUNK_BYTES ? this.#chunk.subarray(0, extent.end - at) : this.#chunk;
        const count = this.#os.readAt(file, piece, at);
        if (count < 0) return count;
        if (count === 0) return 1;
        const bytes = piece.subarray(0, count);
        digest.data(at, bytes);
        const wait = target.fileData(at, bytes);
        if (wait !== undefined) await wait;
        at += count;
        sinceBreath += count;
        if (sinceBreath < BREATH_BYTES) continue;
        sinceBreath = 0;
        await env.breathe();
      }
    }
    return 0;
  }

  // ---- deltas

  /** Compares the file with its basis and sends what is not there, or asks for a second round and is called again. */
  async #delta(i: number, file: Handle, delta: DeltaSource): Promise<void> {
    const isRefining = delta.isRefining(i);
    const before = isRefining ? delta.comparedAt(i) : new Stat();
    let isSent: boolean | null = null;
    try {
      isSent = isRefining
        ? await this.#sendRefined(i, file, before, delta)
        : await this.#sendCompared(i, file, before, delta);
    } finally {
      if (isSent !== false) this.#os.close(file);
      if (isSent !== null) delta.forget(i);
    }
    // It changed meanwhile, or could not be read: then it goes whole, which tells what is the matter.
    if (isSent === false) await this.#large(i, file, 2);
  }

  /** Round one. True: sent; null: asked for fine records; false: it cannot be a delta. */
  async #sendCompared(i: number, file: Handle, before: Stat, delta: DeltaSource): Promise<boolean | null> {
    if (statRegular(this.#os, file, before) < 0 || before.size === 0) return false;
    const { digester, options } = this.#input;
    if (options.append) {
      const appended = await delta.appended(i, file, before, digester!, options.appendVerify);
      return typeof appended !== "number" && await this.#sendRuns(i, file, before, appended);
    }
    const compared = await delta.compare(i, file, before, digester!);
    if (typeof compared === "number" || !this.#isStill(file, before)) return false;
    const gaps = delta.gaps(i, compared, before);
    if (gaps.length === 0) return await this.#sendRuns(i, file, before, compared);
    await this.#input.target.refine(i, gaps);
    return null;
  }

  /** Round two. */
  async #sendRefined(i: number, file: Handle, before: Stat, delta: DeltaSource): Promise<boolean> {
    if (!this.#isStill(file, before)) return false;
    return await this.#sendRuns(i, file, before, await delta.refine(i, file));
  }

  #isStill(file: Handle, before: Stat): boolean {
    if (this.#os.statHandle(file, this.#after) < 0) return false;
    // What is appended to goes on to be appended to.
    return isUnchanged(before, this.#after) || (this.#input.options.append && onlyGrew(before, this.#after));
  }

  async #sendRuns(i: number, file: Handle, before: Stat, { runs, digest }: Compared): Promise<boolean> {
    const { target, options } = this.#input;
    await target.fileBegin(i, before.size, this.#freshOf(i, before), true);
    let at = 0;
    let isRead = true;
    for (let k = 0; k <= runs.count && isRead; k++) {
      // A basis that is written into has lost what comes from further up.
      if (options.inplace && k < runs.count && runs.basisAt[k] !== HOLE && runs.basisAt[k] < runs.newAt[k]) continue;
      const end = k < runs.count ? runs.newAt[k] : before.size;
      isRead = await this.#sendLiteral(file, at, end);
      if (k === runs.count || !isRead) break;
      at = end + runs.bytes[k];
      if (runs.basisAt[k] === HOLE) continue;
      const wait = target.fileBasis(end, runs.basisAt[k], runs.bytes[k]);
      if (wait !== undefined) await wait;
    }
    const isGood = isRead && this.#isStill(file, before);
    await target.fileEnd(isGood, isGood ? digest : null);
    return isGood;
  }

  /** Sends [at, end) of the file as it is; false if it cannot be read. */
  async #sendLiteral(file: Handle, at: number, end: number): Promise<boolean> {
    const { target, env } = this.#input;
    while (at < end) {
      const piece = end - at < CHUNK_BYTES ? this.#chunk.subarray(0, end - at) : this.#chunk;
      const count = this.#os.readAt(file, piece, at);
      if (count <= 0) return false;
      const wait = target.fileData(at, piece.subarray(0, count)) ?? env.pause();
      if (wait !== undefined) await wait;
      at += count;
    }
    return true;
  }

  #failed(i: number, verb: number, errno: number): Wait {
    // A folder or name that became a link or another kind is a change, a missing one has vanished; both leave the old target.
    const cause = errno === Errno.ENOENT
      ? Cause.vanished
      : errno === Errno.ELOOP || errno === Errno.ENOTDIR || errno === Errno.ENXIO
      ? Cause.changed
      : Cause.system;
    if (cause === Cause.system) this.erred = true;
    this.#problem(verb, cause, cause === Cause.system ? errno : 0, i);
    return this.#input.target.fileSkip(i, cause);
  }

  #changed(i: number, verb: number): Wait {
    this.#problem(verb, Cause.changed, 0, i);
    return this.#input.target.fileSkip(i, Cause.changed);
  }

  #problem(verb: number, cause: number, errno: number, i: number): void {
    this.#input.report({ verb, cause, errno, side: Side.source, path: this.#list.path(i) });
  }
}

function copyStat(stat: Stat): Stat {
  return Object.assign(new Stat(), stat);
}
