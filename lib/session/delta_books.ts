// What the two sides of a session remember of files that travel as deltas, so that no message is believed that the ones before do not
// allow: which file waits for its signature, how much of it has come, what was asked to be refined. Made by source_side.ts and
// target_side.ts. Promises: what a peer makes us hold is bounded (law 3).

import { SIGNATURES_BYTES } from "../base/limits.ts";
import { GAP_BYTES } from "../delta/gaps.ts";
import {
  blockCount,
  FINE_RECORD_BYTES,
  fineBlockBytesFor,
  fineCount,
  isBlockBytes,
  RECORD_BYTES,
} from "../delta/sizes.ts";
import type { BasisRange } from "../wire/content_codec.ts";
import type { SignatureHead, SignaturePart } from "../wire/wish_codec.ts";
import { broken } from "./core.ts";

const NONE = -1;
/** What may be refined beyond twice the file's size, bytes. */
const REFINE_EXTRA_BYTES = 1 << 20;

/** The source's book: signatures come in. */
export class SignatureBook {
  /** Files wanted as deltas whose signature has not come whole. */
  readonly #awaited = new Set<number>();
  /** Bytes of records that came, by file, until it is answered. */
  readonly #held = new Map<number, number>();
  #heldBytes = 0;
  readonly #blockBytes = new Map<number, number>();
  #open = NONE;
  #missing = 0;
  /** Fine records that are still allowed, bytes, by file. */
  readonly #refining = new Map<number, number>();

  await(index: number): void {
    this.#awaited.add(index);
  }

  isAwaited(index: number): boolean {
    return this.#awaited.has(index);
  }

  /** Checks a part of a signature; one that is only its size (`isHead`) has no records. */
  take({ index, head, isLast, records }: SignaturePart, isHead = false): void {
    if (!this.#awaited.has(index)) broken(`SIGNATURE of entry ${index}, which does not wait for one`);
    if (head !== null) this.#begin(index, head, isHead);
    else if (index !== this.#open) broken(`SIGNATURE of entry ${index} within another`);
    this.#missing -= records.length;
    this.#heldBytes += records.length;
    this.#held.set(index, (this.#held.get(index) ?? 0) + records.length);
    if (records.length % RECORD_BYTES !== 0 || this.#missing < 0) broken("a signature does not fit its basis");
    if (this.#heldBytes > SIGNATURES_BYTES) broken("too many signatures at a time");
    if (!isLast) return;
    if (this.#missing > 0) broken("a signature ends too early");
    this.#open = NONE;
    this.#awaited.delete(index);
  }

  #begin(index: number, { basisBytes, blockBytes }: SignatureHead, isHead: boolean): void {
    if (this.#open !== NONE) broken(`SIGNATURE of entry ${index} within another`);
    if (!isBlockBytes(blockBytes, basisBytes)) broken(`a signature with blocks of ${blockBytes} bytes`);
    this.#open = index;
    this.#missing = isHead ? 0 : blockCount(basisBytes, blockBytes) * RECORD_BYTES;
    this.#blockBytes.set(index, blockBytes);
  }

  /** Our half asks for fine records. */
  refine(index: number, ranges: readonly BasisRange[]): void {
    const fineBytes = fineBlockBytesFor(this.#blockBytes.get(index)!);
    let bytes = 0;
    for (const range of ranges) bytes += fineCount(range.basisBytes, fineBytes) * FINE_RECORD_BYTES;
    this.#refining.set(index, bytes);
  }

  fine(index: number, isLast: boolean, bytes: number): void {
    const allowed = this.#refining.get(index);
    if (allowed === undefined || bytes > allowed) broken(`FINE of entry ${index}, which was not asked for`);
    if (isLast) this.#refining.delete(index);
    else this.#refining.set(index, allowed - bytes);
  }

  answered(index: number): void {
    this.#heldBytes -= this.#held.get(index) ?? 0;
    this.#held.delete(index);
    this.#blockBytes.delete(index);
    this.#refining.delete(index);
  }
}

/** The target's book: it signed, the source asks and copies. */
export class BasisBook {
  /** Size of the basis of each file whose signature went out, until it is answered. */
  readonly #signed = new Map<number, number>();
  /** Bytes that may be refined, by file; absent once that was asked. */
  readonly #refinable = new Map<number, number>();

  /** The whole signature of a basis of `basisBytes` went out. */
  signed(index: number, basisBytes: number, fileBytes: number): void {
    this.#signed.set(index, basisBytes);
    this.#refinable.set(index, 2 * fileBytes + REFINE_EXTRA_BYTES);
  }

  isSigned(index: number): boolean {
    return this.#signed.has(index);
  }

  /** A run of `bytes` bytes at `basisOffset` of the basis. */
  checkRun(index: number, basisOffset: number, bytes: number): void {
    const basisBytes = this.#signed.get(index) ?? 0;
    if (basisOffset > basisBytes || bytes > basisBytes - basisOffset) broken("FILE_COPY goes beyond the basis");
  }

  /** Each file once. */
  refine(index: number, ranges: readonly BasisRange[]): void {
    let left = this.#refinable.get(index);
    if (left === undefined) broken(`REFINE of entry ${index}, which has nothing to refine`);
    for (const { basisAt, basisBytes } of ranges) {
      this.checkRun(index, basisAt, basisBytes);
      if (basisBytes > GAP_BYTES) broken("REFINE names a range that is too long");
      left -= basisBytes;
    }
    if (left < 0) broken("REFINE names more than there is to the file");
    this.#refinable.delete(index);
  }

  answered(index: number): void {
    this.#signed.delete(index);
    this.#refinable.delete(index);
  }
}
