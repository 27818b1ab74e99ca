// Basis copies: while a large basis is read to be signed, it is digested, and the kernel copies it beside that into the temporary file
// of its new version (a clone, where the file system makes one). What then comes of the delta need only write what differs. Begun by
// basis_signer.ts, taken up by receiver.ts. Promises: what is not taken up is removed; what the kernel copied is believed to be what
// was read because the basis is the same before and after (as in every copy by the kernel), what was written anew is read back; no
// more than MOST copies and, beyond one file, BUDGET_BYTES wait at a time.

import { IndexSet } from "../base/index_set.ts";
import { type Handle, type Os, Stat } from "../os/os.ts";
import { PRIVATE } from "../tree/fresh_files.ts";
import { isUnchanged, statRegular } from "../tree/read_file.ts";
import { clone } from "../tree/copy.ts";
import { chunkBytesFor, ChunkDigest } from "./chunk_digest.ts";
import { ContentDigest } from "./content_digest.ts";
import type { Digester } from "./environment.ts";
import type { TargetState } from "./target_state.ts";

/** A smaller basis is copied when the delta comes: the thread hop and the second look would cost as much. */
const LEAST_BYTES = 4 << 20;
const MOST = 16;
const BUDGET_BYTES = 1 << 30;
/** One call of the kernel; between two this thread must find the time to say how it goes on. */
const PIECE_BYTES = 64 << 20;
const STEP_BYTES = 256 << 10;
/** Bytes digested between two turns for the rest of the program. */
const TURN_BYTES = 16 << 20;

export class BasisCopies {
  readonly #state: TargetState;
  readonly #beside: (work: Promise<void>) => void;
  readonly #leastBytes: number;
  readonly #copies = new Map<number, BasisCopy>();
  #bytes = 0;
  /** There is no room for more than is needed. */
  #isShort = false;

  /** `beside` takes what goes on beside everything else. */
  constructor(state: TargetState, beside: (work: Promise<void>) => void, leastBytes = LEAST_BYTES) {
    this.#state = state;
    this.#beside = beside;
    this.#leastBytes = leastBytes;
  }

  /** Begins to copy the basis of entry `index`, whose stat is given, if that pays; the caller gives signed() all of it. */
  async begin(index: number, basis: Stat): Promise<BasisCopy | null> {
    const { os, options, list } = this.#state;
    // A sparse basis is left to the delta, which knows where the holes of the new file are.
    if (
      options.dryRun || !os.abilities.kernelCopy || options.sparse || options.inplace ||
      basis.size < this.#leastBytes ||
      basis.allocated < basis.size
    ) {
      return null;
    }
    if (this.#isShort) return null;
    const isRoom = this.#copies.size === 0 ||
      (this.#copies.size < MOST && this.#bytes + basis.size <= BUDGET_BYTES);
    if (!isRoom || list.size(index) < this.#leastBytes) return null;
    const digester = await this.#state.digesters!.another();
    // Meanwhile there may have come to be no room.
    const copy = this.#isShort ? null : BasisCopy.open(this.#state, index, basis, digester);
    if (copy === null) return null;
    this.#copies.set(index, copy);
    this.#bytes += copy.bytes;
    this.#beside(copy.run());
    return copy;
  }

  /** The copy for entry `index`, which is the caller's from now on; null if there is none or it went wrong. */
  async take(index: number): Promise<BasisCopy | null> {
    const copy = this.#forget(index);
    if (copy === null) return null;
    if (await copy.isWhole && copy.isOfSameBasis()) return copy;
    copy.discard();
    return null;
  }

  /** The file was answered in another way. */
  drop(index: number): void {
    const copy = this.#forget(index);
    if (copy !== null) this.#beside(copy.giveUp());
  }

  get areSome(): boolean {
    return this.#copies.size > 0;
  }

  /** There is no room: every copy goes, and no more are made. Their files come as deltas all the same. */
  async makeRoom(): Promise<void> {
    this.#isShort = true;
    await this.dropAll();
  }

  /** The run ends: every copy goes, as soon as the kernel has let go of it. */
  async dropAll(): Promise<void> {
    for (const index of [...this.#copies.keys()]) await this.#forget(index)!.giveUp();
  }

  #forget(index: number): BasisCopy | null {
    const copy = this.#copies.get(index) ?? null;
    this.#copies.delete(index);
    if (copy !== null) this.#bytes -= copy.bytes;
    return copy;
  }
}

export class BasisCopy {
  readonly #state: TargetState;
  readonly folder: Handle;
  readonly handle: Handle;
  readonly temporary: Uint8Array;
  readonly basis: Handle;
  /** Bytes of the basis that are in the file once isWhole has settled. */
  readonly bytes: number;
  /** By the size that the new version is expected to have. */
  readonly #chunkBytes: number;
  /** Digests of chunks that are as they were copied. */
  readonly #digests: Uint8Array;
  readonly #known = new IndexSet();
  readonly #digester: Digester;
  /** Of the chunk that is being signed. */
  #signing: ContentDigest | null = null;
  /** The basis when it was begun. */
  readonly #before: Stat;
  readonly #settle = Promise.withResolvers<boolean>();
  /** Whether the kernel has copied all of it; handles may be closed only then. */
  readonly isWhole: Promise<boolean> = this.#settle.promise;
  #isCloned = false;
  #copied = 0;
  #isStopped = false;

  private constructor(
    state: TargetState,
    digester: Digester,
    before: Stat,
    size: number,
    folder: Handle,
    basis: Handle,
    handle: Handle,
    temporary: Uint8Array,
  ) {
    this.#state = state;
    this.#digester = digester;
    this.#before = before;
    this.#chunkBytes = chunkBytesFor(size);
    this.#digests = new Uint8Array(Math.ceil(size / this.#chunkBytes) * 16);
    this.bytes = Math.min(size, before.size);
    this.folder = folder;
    this.basis = basis;
    this.handle = handle;
    this.temporary = temporary;
  }

  /** The open basis and a new temporary file beside it; null if that is not to be had. */
  static open(state: TargetState, index: number, before: Stat, digester: Digester): BasisCopy | null {
    const { os, list, stage } = state;
    const parent = list.parent(index);
    state.newFolders.place(parent);
    if (state.openForChange(parent) < 0) return null;
    // A folder handle of its own: the cache may close the shared one meanwhile.
    const folder = state.openBeneath(list.path(parent));
    if (folder < 0) return null;
    const basis = state.openBasis(index, folder);
    const handle = isSame(os, basis, before) ? stage.create(folder, PRIVATE, state.partials?.nameFor(index)) : -1;
    if (handle < 0) {
      if (basis >= 0) os.close(basis);
      stage.close(folder);
      return null;
    }
    const size = list.size(index);
    const copy = new BasisCopy(state, digester, before, size, folder, basis, handle, stage.temporary);
    if (before.size <= size) copy.#isCloned = clone(os, basis, before, handle);
    return copy;
  }

  /** Copies, until it is given up. */
  async run(): Promise<void> {
    try {
      if (!this.#isCloned) await this.#copy();
    } finally {
      this.#settle.resolve(this.#isCloned || this.#copied === this.bytes);
    }
  }

  async #copy(): Promise<void> {
    const { os } = this.#state;
    while (this.#copied < this.bytes && !this.#isStopped) {
      const left = Math.min(PIECE_BYTES, this.bytes - this.#copied);
      const count = await os.copyRangeBeside(this.basis, this.#copied, this.handle, this.#copied, left);
      if (count <= 0) return;
      this.#copied += count;
    }
  }

  /** The next bytes of the basis, as they are signed; none is left out. */
  signed(at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const chunk = Math.floor((at + done) / this.#chunkBytes);
      const end = (chunk + 1) * this.#chunkBytes;
      if (end > this.bytes) return;
      const count = Math.min(bytes.length - done, end - at - done);
      this.#signing ??= new ContentDigest(this.#digester);
      this.#signing.data(at + done, bytes.subarray(done, done + count));
      done += count;
      if (at + done < end) return;
      this.#digests.set(this.#signing.end(end), 16 * chunk);
      this.#known.add(chunk);
      this.#signing = null;
    }
  }

  /** The digest of what is in the file there, none of it a hole; null if it cannot be read. */
  #digestChunk(chunk: number, size: number): Uint8Array | null {
    const digest = new ContentDigest(this.#digester);
    const end = Math.min(size, (chunk + 1) * this.#chunkBytes);
    return this.#readInto(digest, chunk * this.#chunkBytes, end) ? digest.end(end) : null;
  }

  /** Gives the digest what is in the file; false if it cannot be read. */
  #readInto(digest: ContentDigest | ChunkDigest, start: number, end: number): boolean {
    for (let at = start; at < end;) {
      const count = this.#state.os.readAt(this.handle, end - at < STEP_BYTES ? step.subarray(0, end - at) : step, at);
      if (count <= 0) return false;
      digest.data(at, step.subarray(0, count));
      at += count;
    }
    return true;
  }

  /** Whether what was read and what was copied is one state of the basis. */
  isOfSameBasis(): boolean {
    return isSame(this.#state.os, this.basis, this.#before);
  }

  // ---- once it is taken up

  /** Whether the basis's bytes at `offset` are in the file already, at the same offset. */
  holds(offset: number, bytes: number): boolean {
    return offset + bytes <= this.bytes;
  }

  /** [offset, offset + bytes) was written anew. */
  overwritten(offset: number, bytes: number): void {
    const last = Math.floor((offset + bytes - 1) / this.#chunkBytes);
    for (let chunk = Math.floor(offset / this.#chunkBytes); chunk <= last; chunk++) this.#known.delete(chunk);
  }

  /**
   * The digest of the file up to `end`, which goes on with what comes behind: all before is data. Null if it cannot be read.
   */
  async digestTo(end: number, size: number, digester: Digester): Promise<ChunkDigest | null> {
    const { env } = this.#state;
    if (chunkBytesFor(size) !== this.#chunkBytes) return null;
    const whole = Math.floor(end / this.#chunkBytes);
    const digest = new ChunkDigest(digester, size, whole);
    let sinceTurn = 0;
    for (let chunk = 0; chunk < whole; chunk++) {
      const isKnown = this.#known.has(chunk);
      const known = isKnown ? this.#digests.subarray(16 * chunk, 16 * chunk + 16) : this.#digestChunk(chunk, size);
      if (known === null) return null;
      digest.put(chunk, known);
      if (!isKnown) sinceTurn += this.#chunkBytes;
      if (sinceTurn < TURN_BYTES) continue;
      sinceTurn = 0;
      await env.breathe();
    }
    return this.#readInto(digest, whole * this.#chunkBytes, end) ? digest : null;
  }

  /** Ends the work ahead: the file is its receiver's. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Ends the work ahead and takes it off the disk. */
  async giveUp(): Promise<void> {
    this.stop();
    await this.isWhole;
    this.discard();
  }

  /** Takes it off the disk. Only after isWhole. */
  discard(): void {
    const { os, stage } = this.#state;
    this.stop();
    os.close(this.basis);
    os.close(this.handle);
    stage.discard(this.folder, this.temporary);
    stage.close(this.folder);
  }
}

const step = new Uint8Array(STEP_BYTES);

function isSame(os: Os, basis: Handle, before: Stat): boolean {
  const stat = new Stat();
  return basis >= 0 && statRegular(os, basis, stat) >= 0 && isUnchanged(before, stat);
}
