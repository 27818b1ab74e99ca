// The large file that is under way at the target: made, written piece by piece (from the peer, from its basis, or copied by the kernel), and
// verified at its end. Used by the receiver, which has one at a time. Promises: only what verified gets the file's name (law 1), a part
// that is kept aside (--partial) or in place (--inplace) excepted; what is half-written goes when the run ends early.

import { EMPTY, equalBytes } from "../base/bytes.ts";
import { Verb } from "../base/problem.ts";
import { Errno, type Handle, Stat } from "../os/os.ts";
import type { Fresh, Wait } from "../session/ports.ts";
import { applyMetadata } from "../tree/apply.ts";
import { copyFile } from "../tree/copy.ts";
import { PRIVATE } from "../tree/fresh_files.ts";
import type { BasisCopies, BasisCopy } from "./basis_copy.ts";
import { ChunkDigest } from "./chunk_digest.ts";
import { ContentDigest } from "./content_digest.ts";
import { wantedMetadata } from "./entry_metadata.ts";
import { BREATH_BYTES } from "./environment.ts";
import type { FileOutcomes } from "./file_outcomes.ts";
import type { FileWriter } from "./file_writer.ts";
import { InPlace } from "./in_place.ts";
import { plainDigest } from "./plain_digest.ts";
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

export class LargeFiles {
  readonly #state: TargetState;
  readonly #copies: BasisCopies;
  readonly #outcomes: FileOutcomes;
  readonly #writer: FileWriter;
  readonly #stat = new Stat();
  #incoming: Incoming | null = null;
  /** Bases of files that are in place. */
  readonly #lingering: Handle[] = [];
  /** Bytes of the large file under way when writing them was last begun. */
  #hastened = 0;
  #piece: Uint8Array | null = null;

  constructor(state: TargetState, copies: BasisCopies, outcomes: FileOutcomes, writer: FileWriter) {
    this.#state = state;
    this.#copies = copies;
    this.#outcomes = outcomes;
    this.#writer = writer;
  }

  get isOpen(): boolean {
    return this.#incoming !== null;
  }

  /** The next large file begins; one that is not wanted is discarded as it comes. */
  begin(index: number, size: number, fresh: Fresh | null, isDelta: boolean, isWanted: boolean): Wait {
    const state = this.#state;
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
    const opened = state.options.inplace && folder >= 0 ? this.#writer.openInPlace(incoming.index, folder) : null;
    const inPlace = typeof opened === "number" ? null : opened;
    const handle = folder < 0
      ? folder
      : typeof opened === "number"
      ? opened
      : inPlace?.handle ?? this.#writer.create(folder, PRIVATE, state.partials?.nameFor(incoming.index));
    if (!isLast && this.mayFree(handle)) {
      if (folder >= 0) state.stage.close(folder);
      return this.makeRoom().then(() => this.#open(incoming, true));
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

  // ---- content

  /**
   * Takes a run from the basis. What cannot be read there is left out: the digest then does not fit, and the file is asked for
   * whole.
   */
  async basis(offset: number, basisOffset: number, bytes: number): Promise<void> {
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

  data(offset: number, bytes: Uint8Array): Wait {
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
      ? this.#writer.write(incoming.handle, bytes, offset)
      : incoming.inPlace.write(offset, bytes, isThere);
    if (!isLast && this.mayFree(result)) {
      return this.makeRoom().then(() => this.#put(incoming, offset, bytes, isThere, true));
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

  async copy(source: Handle, stat: Stat): Promise<number> {
    const incoming = this.#incoming!;
    const state = this.#state;
    if (incoming.isVoid) return 0;
    const turn = { breathe: state.env.breathe, progress: (copied: number) => this.#progress(copied) };
    const there = incoming.inPlace ?? this.#resume(incoming);
    if (there !== null) return await this.#copyInPlace(incoming, there, source, stat);
    const { handle, size } = incoming;
    // A part that is kept is one from the start.
    const shared = state.options.partial ? null : state.helper?.shared(size) ?? null;
    let result = await copyFile(state.os, source, stat, handle, size, state.options, turn, shared);
    if (result.verb !== Verb.read && this.mayFree(-result.errno)) {
      await this.makeRoom();
      const cut = state.os.truncate(handle, 0);
      if (cut === 0) result = await copyFile(state.os, source, stat, handle, size, state.options, turn, null);
    }
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
    const from = incoming.resumed === null ? this.#writer.keptBytes(inPlace, stat.size) : 0;
    const copy = () => inPlace.copy(source, stat, breathe, (copied) => this.#progress(copied), from);
    let result = await copy();
    if (!result.isRead && this.mayFree(-result.errno)) {
      await this.makeRoom();
      result = await copy();
    }
    incoming.written = result.copied;
    if (result.errno === 0) return 0;
    if (result.isRead) return -result.errno;
    this.#voidIncoming(Verb.write, result.errno);
    return 0;
  }

  // ---- the end

  end(complete: boolean, digest: Uint8Array | null): Wait {
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
    if (incoming.isVoid) return complete ? this.#outcomes.answered(index) : undefined;
    if (incoming.inPlace !== null) return this.#endInPlace(incoming, incoming.inPlace, complete, verified);
    const sized = complete && verified ? incoming.resumed?.end(size) ?? state.os.truncate(handle, size) : 0;
    state.transfers?.set(index, { literalBytes: incoming.written - incoming.matched, digest: incoming.plain });
    // What came before is no file just made: nothing is known of what it has.
    if (incoming.resumed !== null) this.#writer.forget();
    const good = complete && verified && sized >= 0 && this.#writer.finish(index, handle, folder, temporary, size);
    if (incoming.resumed !== null) this.#writer.forget();
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
    if (!verified) return this.#outcomes.unverified(index);
    return sized < 0 ? this.#outcomes.failed(index, Verb.write, -sized) : this.#outcomes.answered(index);
  }

  #endInPlace(incoming: Incoming, inPlace: InPlace, complete: boolean, verified: boolean): Wait {
    const { index, size, folder, written, matched } = incoming;
    const state = this.#state;
    const ended = complete && verified ? inPlace.end(size) : 0;
    if (complete && verified && ended >= 0) {
      state.transfers?.set(index, { literalBytes: written - matched, digest: incoming.plain });
      this.#writer.finishInPlace(index, folder, inPlace);
      state.totals.literalBytes += written - matched;
      state.totals.matchedBytes += size - (written - matched);
    } else state.os.close(inPlace.handle);
    this.#closeFolder(folder);
    if (!complete) return;
    if (!verified) return this.#outcomes.unverified(index);
    return ended < 0 ? this.#outcomes.failed(index, Verb.write, -ended) : this.#outcomes.answered(index);
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
    this.#outcomes.lost(incoming.index, verb, errno);
  }

  /** The basis that had a copy is let go of when all is told: to free its blocks takes longer than all else that is left to do. */
  #closeBasis(incoming: Incoming): void {
    const { basis, isCopied } = incoming;
    incoming.basis = -1;
    if (basis < 0) return;
    if (isCopied && this.#lingering.length < LINGERING) this.#lingering.push(basis);
    else this.#state.os.close(basis);
  }

  #closeFolder(folder: Handle): void {
    if (folder < 0) return;
    this.#state.stage.close(folder);
  }

  // ---- room

  /** The result lacks space or handles, and files that wait to be put in place, copies made ahead, or old versions have some. */
  mayFree(result: number): boolean {
    const isShort = result === -Errno.ENOSPC || result === -Errno.EDQUOT || result === -Errno.EMFILE;
    return isShort && (this.#state.stage.isWaiting || this.#copies.areSome || this.lingers);
  }

  async makeRoom(): Promise<void> {
    await this.#copies.makeRoom();
    this.close();
    await this.#state.stage.drain();
  }

  // ---- the run is over

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
    const wanted = wantedMetadata(this.#state, index, this.#writer.existingMode(folder, name));
    os.statHandle(handle, has);
    applyMetadata(os, handle, has, { ...wanted, setsTime: false });
    if (os.rename(stage.placeOf(folder, temporary), temporary, folder, name) < 0) return false;
    stage.forget(temporary);
    return true;
  }

  get lingers(): boolean {
    return this.#lingering.length > 0;
  }

  /** The run is over, or their room is needed. */
  close(): void {
    for (const basis of this.#lingering) this.#state.os.close(basis);
    this.#lingering.length = 0;
  }
}
