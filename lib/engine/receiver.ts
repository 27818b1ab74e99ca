// The receiver (rsync's word): takes content, writes it aside, verifies its digest, gives it its metadata and stages it. A
// digest that does not match is asked for once more, then reported. Content nobody asked for ends the session (R4).

import { EMPTY, equalBytes } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { IndexSet } from "../base/index_set.ts";
import { errnoText } from "../base/errno.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, type Handle, Kind, OpenMode, Stat } from "../os/os.ts";
import { type Fresh, REDO, type Wait } from "../session/ports.ts";
import { applyMetadata } from "../tree/apply.ts";
import { copyFile } from "../tree/copy.ts";
import { FreshFiles, PRIVATE } from "../tree/fresh_files.ts";
import { writeWithHoles } from "../tree/sparse.ts";
import { ContentDigest } from "./content_digest.ts";
import type { BasisCopies, BasisCopy } from "./basis_copy.ts";
import { ChunkDigest } from "./chunk_digest.ts";
import { BREATH_BYTES } from "./environment.ts";
import { plainDigest } from "./plain_digest.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import { InPlace } from "./in_place.ts";
import type { TargetState } from "./target_state.ts";

/** A large file under way. */
interface Incoming {
  index: number;
  size: number;
  folder: Handle;
  handle: Handle;
  temporary: Uint8Array;
  /** Bytes written so far; the rest are holes or clones. */
  written: number;
  /** Of them, those that came from the basis. */
  matched: number;
  /** The file whose parts a delta uses, or -1. */
  basis: Handle;
  /** The basis is in the file already; null: what is there is what was written. */
  copy: BasisCopy | null;
  /** There was a copy at the beginning. */
  isCopied: boolean;
  /** End of what came last. */
  end: number;
  /** Of what came; with a copy, made at the end. */
  digest: ContentDigest | ChunkDigest | null;
  /** Of the whole content without a seed, if the job wants it told. */
  plain: Uint8Array | null;
  isWanted: boolean;
  /** --inplace: what writes into the file that is there; `handle` is its own then, and there is no temporary. */
  inPlace: InPlace | null;
  /** The temporary is what came before: it is written on only where it differs. */
  resumed: InPlace | null;
  /** What it was to begin with was not there. */
  isTorn: boolean;
  /** Content is discarded: not wanted here, or writing it failed. */
  isVoid: boolean;
}

/** Bytes of a basis taken at a time. */
const BASIS_BYTES = 256 << 10;
/** Bases that are kept open to the end. */
const LINGERING = 8;
/** Bytes of a large file after which the system is asked to begin writing them. */
const EARLY_BYTES = 8 << 20;

export class Receiver {
  readonly #state: TargetState;
  readonly #copies: BasisCopies;
  readonly #stat = new Stat();
  readonly #fresh: FreshFiles;
  #createdMode = PRIVATE;
  /** Name of the small file just made. */
  #created: Uint8Array = EMPTY;
  #incoming: Incoming | null = null;
  /** Bases of files that are in place. */
  readonly #lingering: Handle[] = [];
  /** Bytes of the large file under way when writing them was last begun. */
  #hastened = 0;
  #piece: Uint8Array | null = null;
  /** Files of a streaming session that came though nobody here wants them. */
  readonly #passedOver = new IndexSet();
  /** Called with each file when it was answered, or came unasked and was passed over. */
  onAnswered: (index: number) => void = () => {};

  constructor(state: TargetState, copies: BasisCopies) {
    this.#state = state;
    this.#copies = copies;
    this.#fresh = new FreshFiles(state.os);
  }

  file(index: number, fresh: Fresh | null, content: Uint8Array, digest: Uint8Array | null): Wait {
    const state = this.#state;
    if (!this.#take(index)) return void this.onAnswered(index);
    if (fresh !== null) state.list.setContent(index, fresh.size, fresh.mtimeSec, fresh.mtimeNs);
    if (digest !== null && !equalBytes(state.digesters!.content.hash(content), digest)) return this.#unverified(index);
    return this.#small(index, content);
  }

  /** Writes a small file that is verified. What is staged may hold the space or the handles that it lacks: then it is tried again. */
  #small(index: number, content: Uint8Array, isLast = false): Wait {
    const state = this.#state;
    const parent = state.list.parent(index);
    const folder = state.openForChange(parent);
    if (state.options.inplace && folder >= 0 && !state.newFolders.has(parent)) {
      const opened = this.#openInPlace(index, folder);
      if (typeof opened === "number") return this.#failed(index, Verb.open, -opened);
      if (opened !== null) return this.#smallInPlace(index, folder, opened, content);
    }
    const handle = folder < 0 ? folder : this.#createSmall(folder, index, state.newFolders.has(parent));
    if (handle < 0 && !isLast && this.#mayFree(handle)) return this.#smallAgain(index, content);
    if (handle < 0) return this.#failed(index, Verb.create, -handle);
    const temporary = this.#created;
    state.transfers?.set(index, {
      literalBytes: content.length,
      digest: state.plainDigester?.hash(content) ?? null,
    });
    const written = this.#write(handle, content, 0) || this.#setSize(handle, content.length);
    if (written < 0 || !this.#finish(index, handle, folder, temporary, content.length)) {
      state.os.close(handle);
      state.stage.discard(folder, temporary);
      if (!isLast && this.#mayFree(written)) return this.#smallAgain(index, content);
      return written < 0 ? this.#failed(index, Verb.write, -written) : this.#answered(index);
    }
    state.totals.literalBytes += content.length;
    return this.#answered(index);
  }

  async #smallAgain(index: number, content: Uint8Array): Promise<void> {
    await this.#state.stage.drain();
    await this.#small(index, content, true);
  }

  /** The result lacks space or handles, and files that wait to be put in place have some. */
  #mayFree(result: number): boolean {
    const isShort = result === -Errno.ENOSPC || result === -Errno.EDQUOT || result === -Errno.EMFILE;
    return isShort && this.#state.stage.isWaiting;
  }

  /** --inplace: opens what stands at the name, once its backup is made; null where the file is to be written aside. */
  #openInPlace(index: number, folder: Handle): InPlace | null | number {
    const { os, options, backup, list } = this.#state;
    const name = this.#state.name(index);
    const opened = InPlace.open(os, folder, name, options.sparse);
    if (opened === null || typeof opened === "number" || backup === null) return opened;
    const kept = backup.keepCopy(folder, list.path(list.parent(index)), name);
    if (kept === 0) return opened;
    os.close(opened.handle);
    return kept;
  }

  #smallInPlace(index: number, folder: Handle, inPlace: InPlace, content: Uint8Array): Wait {
    const from = this.#keptBytes(inPlace, content.length);
    const written = inPlace.write(from, content.subarray(from)) || inPlace.end(content.length);
    if (written < 0) {
      this.#state.os.close(inPlace.handle);
      return this.#failed(index, Verb.write, -written);
    }
    const { transfers, plainDigester, totals } = this.#state;
    transfers?.set(index, { literalBytes: content.length, digest: plainDigester?.hash(content) ?? null });
    this.#finishInPlace(index, folder, inPlace);
    totals.literalBytes += content.length;
    return this.#answered(index);
  }

  /** --append: bytes of the file that is there that stay unseen as the beginning of one of `size` bytes. */
  #keptBytes(inPlace: InPlace, size: number): number {
    const { append, appendVerify } = this.#state.options;
    const from = append && !appendVerify ? Math.min(size, inPlace.oldSize) : 0;
    inPlace.keep(from);
    return from;
  }

  /** Metadata of a file that was written in place, and close. */
  #finishInPlace(index: number, folder: Handle, { handle }: InPlace): void {
    const state = this.#state;
    const { os, stage, options } = state;
    const has = this.#stat;
    const looked = state.os.statHandle(handle, has);
    const wanted = wantedMetadata(this.#state, index, has.mode);
    const failure = looked < 0 ? { verb: Verb.stat, errno: -looked } : applyMetadata(state.os, handle, has, wanted);
    const synced = failure === null && options.fsync && stage.flushesEach(folder) ? os.sync(handle) : 0;
    const closed = state.os.close(handle) || synced;
    if (failure !== null) return void this.#told(index, failure.verb, failure.errno);
    if (closed < 0) return void this.#told(index, synced < 0 ? Verb.flush : Verb.write, -closed);
    state.inPlace(index);
  }

  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait {
    const state = this.#state;
    const isWanted = this.#take(index);
    const none = {
      folder: -1,
      handle: -1,
      temporary: EMPTY,
      written: 0,
      matched: 0,
      basis: -1,
      copy: null,
      isCopied: false,
      end: 0,
      plain: null,
      inPlace: null,
      resumed: null,
      isTorn: false,
    };
    const digest = state.digesters === null
      ? null
      : isDelta
      ? new ChunkDigest(state.digesters.content, size)
      : new ContentDigest(state.digesters.content);
    this.#incoming = { index, size, ...none, digest, isWanted, isVoid: !isWanted };
    if (!isWanted) return;
    if (fresh !== null) state.list.setContent(index, fresh.size, fresh.mtimeSec, fresh.mtimeNs);
    if (isDelta) return this.#beginDelta(this.#incoming);
    return this.#open(this.#incoming);
  }

  /** The temporary file of a large one. */
  #open(incoming: Incoming, isLast = false): Wait {
    const state = this.#state;
    const parent = state.list.parent(incoming.index);
    state.newFolders.place(parent);
    // A folder handle of its own: the cache may close the shared one while the content is still coming.
    const change = state.openForChange(parent);
    const folder = change < 0 ? change : state.openBeneath(state.list.path(parent));
    const opened = state.options.inplace && folder >= 0 ? this.#openInPlace(incoming.index, folder) : null;
    const inPlace = typeof opened === "number" ? null : opened;
    const handle = folder < 0
      ? folder
      : typeof opened === "number"
      ? opened
      : inPlace?.handle ?? this.#create(folder, PRIVATE, state.partials?.nameFor(incoming.index));
    if (!isLast && this.#mayFree(handle)) {
      if (folder >= 0) state.stage.close(folder);
      return state.stage.drain().then(() => this.#open(incoming, true));
    }
    Object.assign(incoming, { folder, handle, inPlace, temporary: state.stage.temporary });
    if (handle < 0) return void this.#voidIncoming(folder < 0 ? Verb.open : Verb.create, -handle);
    // With -S zeros are to become holes: no space is taken for them.
    const taken = state.options.preallocate && !state.options.sparse && incoming.size > 0
      ? state.os.allocate(handle, incoming.size)
      : 0;
    if (taken === -Errno.ENOSPC || taken === -Errno.EDQUOT) this.#voidIncoming(Verb.write, -taken);
  }

  /** A delta goes into the copy of its basis that was made ahead, if there is one. */
  async #beginDelta(incoming: Incoming): Promise<void> {
    const copy = await this.#copies.take(incoming.index);
    if (copy === null) {
      await this.#open(incoming);
      if (!incoming.isVoid) incoming.basis = this.#state.openBasis(incoming.index, incoming.folder);
      return;
    }
    const { folder, handle, temporary, basis } = copy;
    Object.assign(incoming, { folder, handle, temporary, basis, copy, isCopied: true });
  }

  /**
   * Takes a run from the basis. What cannot be read there is left out: the digest then does not fit, and the file is asked for
   * whole.
   */
  async fileBasis(offset: number, basisOffset: number, bytes: number): Promise<void> {
    const incoming = this.#incoming!;
    const { os, env, options } = this.#state;
    if (options.append && !options.appendVerify && !incoming.isVoid) return this.#keepBeginning(incoming, bytes);
    if (incoming.copy !== null && offset > incoming.end) await this.#leaveCopy(incoming);
    if (offset === basisOffset && incoming.copy?.holds(offset, bytes) && !incoming.isVoid) {
      incoming.matched += bytes;
      incoming.end = offset + bytes;
      this.#progress(incoming.written += bytes);
      return;
    }
    const piece = this.#piece ??= new Uint8Array(BASIS_BYTES);
    let sinceBreath = 0;
    for (let done = 0; done < bytes && !incoming.isVoid && incoming.basis >= 0;) {
      const left = bytes - done;
      const count = os.readAt(incoming.basis, left < BASIS_BYTES ? piece.subarray(0, left) : piece, basisOffset + done);
      if (count <= 0) return;
      incoming.matched += count;
      const wait = this.#data(incoming, offset + done, piece.subarray(0, count), basisOffset === offset);
      if (wait !== undefined) await wait;
      done += count;
      sinceBreath += count;
      if (sinceBreath < BREATH_BYTES) continue;
      sinceBreath = 0;
      await env.breathe();
    }
  }

  /** --append: what is there is taken for the beginning; where it is not there any more, the file must come whole. */
  #keepBeginning(incoming: Incoming, bytes: number): void {
    if (incoming.inPlace === null || !incoming.inPlace.keep(bytes)) incoming.isTorn = true;
    incoming.matched += bytes;
    incoming.end = bytes;
    this.#progress(incoming.written += bytes);
  }

  fileData(offset: number, bytes: Uint8Array): Wait {
    const incoming = this.#incoming!;
    if (incoming.copy === null || offset <= incoming.end) return this.#data(incoming, offset, bytes);
    return this.#leaveCopy(incoming).then(() => this.#data(incoming, offset, bytes));
  }

  /** `isThere`: they come from the same place of the basis. */
  #data(incoming: Incoming, offset: number, bytes: Uint8Array, isThere = false): Wait {
    if (incoming.copy === null) incoming.digest?.data(offset, bytes);
    if (!incoming.isVoid) return this.#put(incoming, offset, bytes, isThere);
  }

  #put(incoming: Incoming, offset: number, bytes: Uint8Array, isThere: boolean, isLast = false): Wait {
    const result = incoming.inPlace === null
      ? this.#write(incoming.handle, bytes, offset)
      : incoming.inPlace.write(offset, bytes, isThere);
    if (!isLast && this.#mayFree(result)) {
      return this.#state.stage.drain().then(() => this.#put(incoming, offset, bytes, isThere, true));
    }
    incoming.copy?.overwritten(offset, bytes.length);
    incoming.end = offset + bytes.length;
    incoming.written += bytes.length;
    if (result < 0) this.#voidIncoming(Verb.write, -result);
    else this.#progress(incoming.written);
  }

  /**
   * The new file has a hole where the copy of its basis may have data: from here on the file is written as if there were no copy. What
   * cannot be read back gives a digest that does not fit.
   */
  async #leaveCopy(incoming: Incoming): Promise<void> {
    const { copy, end, size, handle } = incoming;
    const { content } = this.#state.digesters!;
    incoming.digest = await copy!.digestTo(end, size, content) ?? new ChunkDigest(content, size);
    incoming.copy = null;
    const cut = this.#state.os.truncate(handle, end);
    if (cut < 0) this.#voidIncoming(Verb.write, -cut);
  }

  /** Bytes of the large file under way count as done for whoever watches. */
  #progress(written: number): void {
    this.#state.tellProgress(written);
    this.#writeEarly(written);
    this.#state.stage.poke();
  }

  /** What will be flushed is begun to be written while more comes, so that the barrier has little to wait for. */
  #writeEarly(written: number): void {
    if (written < this.#hastened + EARLY_BYTES && written >= this.#hastened) return;
    this.#hastened = written;
    if (this.#incoming === null) return;
    const { index, inPlace, folder, handle } = this.#incoming;
    const { os, stage, replaced, options } = this.#state;
    const isFlushed = options.fsync || (inPlace === null && stage.flushes(folder, replaced.has(index)) !== undefined);
    if (isFlushed && written > 0) os.startSync(handle);
  }

  async fileCopy(source: Handle, stat: Stat): Promise<number> {
    const incoming = this.#incoming!;
    const state = this.#state;
    if (incoming.isVoid) return 0;
    const turn = { breathe: state.env.breathe, progress: (copied: number) => this.#progress(copied) };
    const there = incoming.inPlace ?? this.#resume(incoming);
    if (there !== null) return await this.#copyInPlace(incoming, there, source, stat);
    const { handle, size } = incoming;
    // A part that is kept is one from the start.
    const shared = state.options.partial ? null : state.helper?.shared(size) ?? null;
    const result = await copyFile(state.os, source, stat, handle, size, state.options, turn, shared);
    incoming.written = result.copied;
    if (result.errno === 0) return 0;
    if (result.verb === Verb.read) return -result.errno;
    this.#voidIncoming(result.verb, result.errno);
    return 0;
  }

  /** Where a part of the file is kept from an earlier run, that becomes the temporary file; null where none is. */
  #resume(incoming: Incoming): InPlace | null {
    const { partials, os, options } = this.#state;
    const { index, folder, temporary, handle: fresh } = incoming;
    const handle = partials?.take(index, folder, temporary) ?? null;
    if (handle === null) return null;
    os.close(fresh);
    incoming.handle = handle;
    return incoming.resumed = InPlace.on(os, handle, options.sparse);
  }

  async #copyInPlace(incoming: Incoming, inPlace: InPlace, source: Handle, stat: Stat): Promise<number> {
    const { breathe } = this.#state.env;
    // What came before of this very file (resumed) is compared from its beginning.
    const from = incoming.resumed === null ? this.#keptBytes(inPlace, stat.size) : 0;
    const result = await inPlace.copy(source, stat, breathe, (copied) => this.#progress(copied), from);
    incoming.written = result.copied;
    if (result.errno === 0) return 0;
    if (result.isRead) return -result.errno;
    this.#voidIncoming(Verb.write, result.errno);
    return 0;
  }

  fileEnd(complete: boolean, digest: Uint8Array | null): Wait {
    const incoming = this.#incoming!;
    if (complete && this.#state.plainDigester !== null) return this.#endWithDigest(incoming, digest);
    if (incoming.copy === null || !complete) return this.#end(incoming, complete, digest);
    return this.#leaveCopy(incoming).then(() => this.#end(incoming, complete, digest));
  }

  async #endWithDigest(incoming: Incoming, digest: Uint8Array | null): Promise<void> {
    const { os, env, plainDigester } = this.#state;
    if (incoming.copy !== null) await this.#leaveCopy(incoming);
    if (!incoming.isVoid) incoming.plain = await plainDigest(os, incoming.handle, incoming.size, plainDigester!, env);
    await this.#end(incoming, true, digest);
  }

  #end(incoming: Incoming, complete: boolean, digest: Uint8Array | null): Wait {
    const state = this.#state;
    this.#incoming = null;
    const { index, size, folder, handle, temporary } = incoming;
    const verified = !incoming.isTorn && (digest === null || equalBytes(incoming.digest!.end(size), digest));
    this.#closeBasis(incoming);
    if (!complete && incoming.isWanted) state.wanted.add(index);
    if (incoming.isVoid) return complete ? this.#answered(index) : undefined;
    if (incoming.inPlace !== null) return this.#endInPlace(incoming, incoming.inPlace, complete, verified);
    const sized = complete && verified ? incoming.resumed?.end(size) ?? state.os.truncate(handle, size) : 0;
    state.transfers?.set(index, { literalBytes: incoming.written - incoming.matched, digest: incoming.plain });
    // What came before is no file just made: nothing is known of what it has.
    if (incoming.resumed !== null) this.#fresh.forget();
    const good = complete && verified && sized >= 0 && this.#finish(index, handle, folder, temporary, size);
    if (incoming.resumed !== null) this.#fresh.forget();
    if (good) {
      const literal = incoming.written - incoming.matched;
      state.totals.literalBytes += literal;
      state.totals.matchedBytes += size - literal;
      state.stage.commit();
      state.stage.poke();
    } else {
      state.os.close(handle);
      state.stage.discard(folder, temporary);
    }
    this.#closeFolder(folder);
    if (!complete) return;
    if (!verified) return this.#unverified(index);
    return sized < 0 ? this.#failed(index, Verb.write, -sized) : this.#answered(index);
  }

  #endInPlace(incoming: Incoming, inPlace: InPlace, complete: boolean, verified: boolean): Wait {
    const { index, size, folder, written, matched } = incoming;
    const state = this.#state;
    const ended = complete && verified ? inPlace.end(size) : 0;
    if (complete && verified && ended >= 0) {
      state.transfers?.set(index, { literalBytes: written - matched, digest: incoming.plain });
      this.#finishInPlace(index, folder, inPlace);
      state.totals.literalBytes += written - matched;
      state.totals.matchedBytes += size - (written - matched);
    } else state.os.close(inPlace.handle);
    this.#closeFolder(folder);
    if (!complete) return;
    if (!verified) return this.#unverified(index);
    return ended < 0 ? this.#failed(index, Verb.write, -ended) : this.#answered(index);
  }

  fileSkip(index: number, cause: number): Wait {
    if (!this.#take(index)) return void this.onAnswered(index);
    if (cause === Cause.batched && this.#state.options.batchOnly) return this.#answered(index);
    this.#untransferred(index);
    this.#state.events.skipped?.(index, cause);
    return this.#answered(index);
  }

  /** `count` small files of a folder that is not in place yet are complete there. */
  filled(folder: number, indexes: Uint32Array, count: number): void {
    const state = this.#state;
    for (let k = 0; k < count; k++) {
      state.wanted.delete(indexes[k]);
      state.totals.literalBytes += state.list.size(indexes[k]);
      state.inPlace(indexes[k]);
    }
    for (let k = 0; k < count; k++) this.onAnswered(indexes[k]);
    state.newFolders.answered(folder, count);
  }

  /** The run ends early: what is half-written goes. */
  abandon(): void {
    const incoming = this.#incoming;
    this.#incoming = null;
    if (incoming === null) return;
    const isKept = incoming.isVoid || incoming.inPlace !== null || this.#keep(incoming);
    this.#closeBasis(incoming);
    if (incoming.isVoid) return;
    this.#state.os.close(incoming.handle);
    if (!isKept) this.#state.stage.discard(incoming.folder, incoming.temporary);
    this.#closeFolder(incoming.folder);
  }

  #keep(incoming: Incoming): boolean {
    const { partials, options, stage } = this.#state;
    if (partials === null) return options.partial && this.#keepPart(incoming);
    if (!partials.keep(incoming)) return false;
    stage.forget(incoming.temporary);
    return true;
  }

  /** --partial: what came, up to its last byte, gets the file's name, and a time that the quick check does not take for the whole. */
  #keepPart({ index, handle, folder, temporary, isCopied, end }: Incoming): boolean {
    const { os, stage } = this.#state;
    const has = this.#stat;
    // Behind what came there may be the rest of the basis.
    if (isCopied && os.truncate(handle, end) < 0) return false;
    if (os.statHandle(handle, has) < 0 || has.size === 0) return false;
    const name = this.#state.name(index);
    const wanted = wantedMetadata(this.#state, index, this.#existingMode(folder, name));
    os.statHandle(handle, has);
    applyMetadata(os, handle, has, { ...wanted, setsTime: false });
    if (os.rename(stage.placeOf(folder, temporary), temporary, folder, name) < 0) return false;
    stage.forget(temporary);
    return true;
  }

  get hasOpenFile(): boolean {
    return this.#incoming !== null;
  }

  /** Takes the index off the wanted ones. In a streaming session files nobody wants are passed over, else that is an offence. */
  #take(index: number): boolean {
    const state = this.#state;
    if (this.#incoming !== null) {
      throw new TsyncError({ kind: "stream", detail: "content of a second file inside a first" });
    }
    if (state.wanted.delete(index)) return true;
    if (state.streaming && state.list.kind(index) === Kind.file && this.#passedOver.add(index)) return false;
    throw new TsyncError({ kind: "stream", detail: "the peer sent a file that was not asked for" });
  }

  /** A small file is made under its final name in a folder that is not in place yet, else under a temporary one. */
  #createSmall(folder: Handle, index: number, inNewFolder: boolean): Handle {
    const { os, stage, list } = this.#state;
    const mode = this.#smallMode(index);
    if (!inNewFolder) {
      const handle = this.#create(folder, mode);
      this.#created = stage.temporary;
      return handle;
    }
    this.#createdMode = mode;
    this.#created = list.name(index);
    return os.openFile(folder, this.#created, OpenMode.create, mode);
  }

  #create(folder: Handle, mode: number, of: Uint8Array | null = null): Handle {
    const { stage, folds } = this.#state;
    this.#createdMode = mode;
    const handle = stage.create(folder, mode, of);
    if (folds !== null && handle >= 0 && stage.aside === null) folds.learn(folder, stage.temporary);
    if (handle !== -Errno.ENOSPC && handle !== -Errno.EDQUOT && handle !== -Errno.EMFILE) return handle;
    stage.commit();
    return stage.create(folder, mode, of);
  }

  /** Mode a small file, whose content is verified before it is written, is made with. */
  #smallMode(index: number): number {
    const { list, owners, options } = this.#state;
    if (!options.perms) return PRIVATE;
    return this.#fresh.modeFor(list.parent(index), list.mode(index), owners.uid(index), owners.gid(index));
  }

  /** Writes at `offset`; when space runs out, what is staged is put in place (freeing the old content) and the rest tried again. */
  #write(handle: Handle, bytes: Uint8Array, offset: number): number {
    const { os, stage, options } = this.#state;
    const write = () =>
      options.sparse ? writeWithHoles(os, handle, bytes, offset) : os.writeAllAt(handle, bytes, offset);
    const result = bytes.length === 0 ? 0 : write();
    if (result !== -Errno.ENOSPC && result !== -Errno.EDQUOT) return result;
    stage.commit();
    return write();
  }

  /** A small file that may end in a hole gets its full size. */
  #setSize(handle: Handle, size: number): number {
    return this.#state.options.sparse && size > 0 ? this.#state.os.truncate(handle, size) : 0;
  }

  /** Metadata, close, stage. False: told, and still open. */
  #finish(index: number, handle: Handle, folder: Handle, temporary: Uint8Array, size: number): boolean {
    const state = this.#state;
    const { os, stage } = state;
    const name = state.name(index);
    if (state.folds !== null && state.folds.collided.has(index)) {
      this.#untransferred(index);
      return false;
    }
    const has = this.#fresh.look(handle, state.list.parent(index), this.#createdMode);
    const isAtItsName = temporary === this.#created && state.newFolders.has(state.list.parent(index));
    const existingMode = isAtItsName ? -1 : this.#existingMode(folder, name);
    const failure = applyMetadata(os, handle, has, wantedMetadata(this.#state, index, existingMode));
    if (failure !== null) return this.#told(index, failure.verb, failure.errno);
    const volume = isAtItsName ? undefined : stage.flushes(folder, state.replaced.has(index));
    if (volume !== undefined) {
      stage.add({ folder, temporary, name: new Uint8Array(name), index, bytes: size, volume, handle });
      return true;
    }
    const closed = os.close(handle);
    if (closed < 0) {
      // The handle is gone whatever close said; the caller must not close it again, so the temporary is dropped here.
      stage.discard(folder, temporary);
      this.#untransferred(index);
      state.problem(Verb.write, -closed, index);
      return true;
    }
    if (isAtItsName) state.inPlace(index);
    else stage.add({ folder, temporary, name, index, bytes: size });
    return true;
  }

  #told(index: number, verb: number, errno: number): boolean {
    this.#untransferred(index);
    this.#state.problem(verb, errno, index);
    return false;
  }

  /** Mode of the entry that stands at the name, where modes are not preserved; -1 if there is none. */
  #existingMode(folder: Handle, name: Uint8Array): number {
    if (this.#state.options.perms) return -1;
    const stat = this.#stat;
    if (this.#state.os.statAt(folder, name, 0, name.length, stat) < 0 || stat.kind !== Kind.file) return -1;
    return stat.mode;
  }

  #unverified(index: number): Wait {
    const state = this.#state;
    if (state.redone.add(index)) {
      state.wanted.add(index);
      return state.source.want(Uint32Array.of(index), REDO);
    }
    this.#untransferred(index);
    state.tell(Verb.transfer, Cause.verify, 0, state.path(index));
    return this.#answered(index);
  }

  #failed(index: number, verb: number, errno: number): Wait {
    if (errno === Errno.ENOSPC || errno === Errno.EDQUOT || errno === Errno.EROFS) this.#fatal(verb, index, errno);
    this.#told(index, verb, errno);
    return this.#answered(index);
  }

  /** No space, no quota, read-only: nothing that follows can succeed. */
  #fatal(verb: number, index: number, errno: number): never {
    this.#state.problem(verb, errno, index);
    throw new TsyncError({
      kind: "file",
      detail: `the target cannot take more: ${
        errnoText(errno)
      }; what is in place is complete, the rest was not written`,
    });
  }

  #voidIncoming(verb: number, errno: number): void {
    const incoming = this.#incoming!;
    const state = this.#state;
    incoming.isVoid = true;
    incoming.copy = null;
    if (incoming.handle >= 0) {
      state.os.close(incoming.handle);
      if (incoming.inPlace === null) state.stage.discard(incoming.folder, incoming.temporary);
    }
    this.#closeFolder(incoming.folder);
    if (errno === Errno.ENOSPC || errno === Errno.EDQUOT || errno === Errno.EROFS) {
      this.#fatal(verb, incoming.index, errno);
    }
    this.#told(incoming.index, verb, errno);
  }

  /** The basis that had a copy is let go of when all is told: to free its blocks takes longer than all else that is left to do. */
  #closeBasis(incoming: Incoming): void {
    const { basis, isCopied } = incoming;
    incoming.basis = -1;
    if (basis < 0) return;
    if (isCopied && this.#lingering.length < LINGERING) this.#lingering.push(basis);
    else this.#state.os.close(basis);
  }

  get lingers(): boolean {
    return this.#lingering.length > 0;
  }

  /** The run is over. */
  close(): void {
    for (const basis of this.#lingering) this.#state.os.close(basis);
    this.#lingering.length = 0;
  }

  #closeFolder(folder: Handle): void {
    if (folder < 0) return;
    this.#state.stage.close(folder);
  }

  #untransferred(index: number): void {
    const { totals, list } = this.#state;
    totals.transferredFiles--;
    totals.transferredBytes -= list.size(index);
  }

  #answered(index: number): Wait {
    this.#state.newFolders.answered(this.#state.list.parent(index), 1);
    this.onAnswered(index);
    return this.#state.stage.pause();
  }
}
