// The two ports between the halves: what the source half says (TargetPort) and what the target half says (SourcePort).
// A half implements one and calls the other. Over the wire the other one is a proxy that encodes (wire_ports.ts); in one
// process it is the other half itself, and nothing is encoded. Fields and rules are those of lib/wire/PROTOCOL.md.
//
// A call returns undefined when the caller may go on at once, or a promise to await first (backpressure). Byte views
// given to a call are valid only until it returns (until its promise settles).

import type { Handle, Stat } from "../os/os.ts";
import type { BasisRange } from "../wire/content_codec.ts";
import type { PlanTotals } from "../wire/plan_codec.ts";
import type { SignatureHead, WantKind } from "../wire/wish_codec.ts";

export type { BasisRange, PlanTotals, SignatureHead, WantKind };

/** A plain wish. */
export const WHOLE: WantKind = { redo: false, delta: false };
export const REDO: WantKind = { redo: true, delta: false };
export const DELTA: WantKind = { redo: false, delta: true };

export type Wait = Promise<void> | undefined;

export interface Roots {
  /** Entry 0 is a real folder of the source and its metadata counts. */
  hasRoot: boolean;
  /** The list will hold one entry that is not a folder: the target path may name it. */
  single: boolean;
  /** No argument is left: the list will hold nothing. */
  nothing?: boolean;
  /** How many source arguments there were. */
  sources: number;
}

/** Size and time of a file that changed after it was listed. */
export interface Fresh {
  size: number;
  mtimeSec: number;
  mtimeNs: number;
}

/** What a target that compares digests of subtrees lets count: its own share of what the options say. */
export interface TreeOffer {
  /** Owners can be set, and count. */
  owner: boolean;
  group: boolean;
}

/**
 * Of a piece of a folder's list. named: only what was named is listed, the rest of the folder is not this run's business. bare: the
 * folder is made if it is missing, but its metadata does not count. holes: set by the session, where bytes of holes are told.
 */
export const FolderPiece = { first: 1, last: 2, incomplete: 4, named: 8, bare: 16, holes: 32 } as const;

export const AccountKind = { user: 0, group: 1 } as const;

export interface TargetPort {
  roots(roots: Roots): Wait;
  account(kind: number, id: number, name: Uint8Array): Wait;
  /** The next set of extended attributes, encoded; left out where both halves have one list. */
  attributes?(set: Uint8Array): Wait;
  /** Before the first listed(), where the source has been scanned to its end by then: how much it holds. Settles when that has room, or throws. */
  planned?(totals: PlanTotals): Wait;
  /**
   * Entries [first, first + count) of `folder` now stand in the list; flags: FolderPiece. `holeBytes`: by so much the files that were
   * scanned since the last piece take less room at the source than their sizes say.
   */
  listed(folder: number, first: number, count: number, flags: number, holeBytes?: number): Wait;
  /**
   * Only after ready() with a TreeOffer: the listed folders `folders` (indexes in rising order), which are not listed in turn,
   * and 16 bytes each of what they hold. Answered by descend().
   */
  subtrees(folders: Uint32Array, digests: Uint8Array): Wait;
  /** Only with --delete-missing-args, before the list ends: paths of sources that are not there. */
  missing?(paths: readonly Uint8Array[]): Wait;
  listEnd(complete: boolean, entries: number, bytes: number): Wait;
  /** A whole small file. `digest` is null in one process, where nothing can have changed on the way. */
  file(index: number, fresh: Fresh | null, content: Uint8Array, digest: Uint8Array | null): Wait;
  /** `isDelta`: parts of it come from the basis whose signature the target gave. */
  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait;
  fileData(offset: number, bytes: Uint8Array): Wait;
  /** Between fileBegin with isDelta and fileEnd: `bytes` bytes at `offset` are those at `basisOffset` of the basis. */
  fileBasis(offset: number, basisOffset: number, bytes: number): Wait;
  /** The ranges of the basis of a wanted file that are to be signed in fine blocks; answered by fine(). */
  refine(index: number, ranges: readonly BasisRange[]): Wait;
  /**
   * Only in one process, instead of fileData: the open source file itself, for reflink or a copy inside the kernel. Resolves
   * with a negated errno where the source could not be read: that is the source's to tell.
   */
  fileCopy(source: Handle, stat: Stat): Promise<number | void> | undefined;
  /**
   * Only in one process: the target itself copies what it can of the wanted files among entries [first, first + count), which lie in
   * the open source folder. Returns those that are to be sent, null for all; of the rest it wants again what did not come to be.
   */
  fill?(source: Handle, first: number, count: number): Uint32Array | null;
  /** Only in one process: whether entry `index` at the target is the very file that `stat` tells of. */
  isItself?(index: number, stat: Stat): boolean;
  /** The source folder is about to be closed. */
  closing?(source: Handle): void;
  fileEnd(complete: boolean, digest: Uint8Array | null): Wait;
  fileSkip(index: number, cause: number): Wait;
  sourceDone(errors: boolean): Wait;
  /** Answer to check: bit i (lowest first) = path i is still absent at the source. */
  checked(absent: Uint8Array): Wait;
}

export interface SourcePort {
  /** `trees` is not null if digests of subtrees are wanted instead of the list of all. */
  ready(streaming: boolean, trees?: TreeOffer | null): Wait;
  /** Answer to the oldest subtrees() that has none: bit i (lowest first) = folder i differs and is to be listed. */
  descend(differs: Uint8Array): Wait;
  /** Indexes in rising order. */
  want(indexes: Uint32Array, kind: WantKind): Wait;
  /**
   * Records of the signature of a basis, whole ones, for a file that is wanted as a delta. The head comes with the first; one that
   * says a basis of 0 bytes means that there is none after all.
   */
  signature(index: number, head: SignatureHead | null, isLast: boolean, records: Uint8Array): Wait;
  /** Fine records for the ranges of the refine() of this file, one range after the other; fewer of them: the basis has changed. */
  fine(index: number, isLast: boolean, records: Uint8Array): Wait;
  /** Only with removeSourceFiles: entries that are in place at the target, folders aside, each once, in rising order. */
  placed(indexes: Uint32Array): Wait;
  wantEnd(): Wait;
  check(paths: Uint8Array[]): Wait;
}
