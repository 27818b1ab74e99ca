// ENTRY, DELETED, PROBLEM, PROGRESS, TOTALS: what the agent tells the client; PING, CREDIT, ABORT: what keeps a session going
// or ends it. Called by lib/session.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { ENTRIES, FILE_BYTES, PATH_BYTES, TEXT_BYTES } from "../base/limits.ts";
import { Change, type Totals, type Transfer, zeroTotals } from "../base/monitor.ts";
import type { Problem } from "../base/problem.ts";
import { checkPath } from "../base/relative_path.ts";
import {
  ALL_KINDS,
  CHANGE_LIMIT,
  CREDIT_LIMIT,
  DIGEST_BYTES,
  ERRNO_LIMIT,
  IDLE_LIMIT,
  isCause,
  VERB_LIMIT,
} from "./messages.ts";

/** A change that makes the entry another name of one that the record names. */
const NAMES_OTHER = Change.create | Change.local;

/** One record of ENTRY. */
export function encodeEntryRecord(writer: ByteWriter, index: number, change: number, linkedWith: number): void {
  writer.varint(index);
  writer.varint(change);
  if ((change & Change.linked) !== 0 && (change & NAMES_OTHER) !== 0) writer.varint(linkedWith);
}

export interface EntryRecord {
  index: number;
  change: number;
  /** Index of the entry that it becomes another name of, or -1. */
  linkedWith: number;
}

/** The next record of an ENTRY payload into `record`. */
export function decodeEntryRecord(reader: ByteReader, record: EntryRecord): void {
  record.index = reader.varint("ENTRY index", ENTRIES - 1);
  record.change = reader.varint("ENTRY change", CHANGE_LIMIT);
  const isLinked = (record.change & Change.linked) !== 0 && (record.change & NAMES_OTHER) !== 0;
  record.linkedWith = isLinked ? reader.varint("ENTRY link", ENTRIES - 1) : -1;
}

export function encodeFinished(
  writer: ByteWriter,
  index: number,
  { literalBytes, signatureBytes, digest }: Transfer,
): void {
  writer.varint(index);
  writer.varint(literalBytes);
  writer.varint(signatureBytes);
  writer.flag(digest !== null);
  if (digest !== null) writer.raw(digest);
}

/** The digest is a copy. */
export function decodeFinished(reader: ByteReader): { index: number; transfer: Transfer } {
  const index = reader.varint("FINISHED index", ENTRIES - 1);
  const literalBytes = reader.varint("FINISHED bytes", FILE_BYTES);
  const signatureBytes = reader.varint("FINISHED signature", FILE_BYTES);
  const digest = reader.flag("FINISHED digest") ? reader.raw("FINISHED digest", DIGEST_BYTES).slice() : null;
  reader.done("FINISHED");
  return { index, transfer: { literalBytes, signatureBytes, digest } };
}

export function encodeDeleted(writer: ByteWriter, path: Uint8Array, kind: number): void {
  writer.u8(kind);
  writer.blob(path);
}

export function decodeDeleted(reader: ByteReader): { path: Uint8Array; kind: number } {
  const kind = reader.u8("DELETED kind");
  if (kind > 31 || (ALL_KINDS & (1 << kind)) === 0) reader.fail("DELETED kind", `${kind} is no kind`);
  const path = reader.blob("DELETED path", PATH_BYTES).slice();
  checkPath(path);
  reader.done("DELETED");
  return { path, kind };
}

/** A path that is too long to travel is cut. */
export function encodeProblem(writer: ByteWriter, problem: Problem): void {
  writer.u8(problem.verb);
  writer.u8(problem.cause);
  writer.varint(problem.errno);
  writer.u8(problem.side);
  writer.blob(problem.path.subarray(0, PATH_BYTES));
}

/** The problem; its path is a copy, for eyes only: it may be as typed, so it is not held to the form of a path. */
export function decodeProblem(reader: ByteReader): Problem {
  const verb = reader.u8("PROBLEM verb");
  if (verb === 0 || verb > VERB_LIMIT) reader.fail("PROBLEM verb", `${verb} is unknown`);
  const cause = reader.u8("PROBLEM cause");
  if (!isCause(cause)) reader.fail("PROBLEM cause", `${cause} is unknown`);
  const errno = reader.varint("PROBLEM errno", ERRNO_LIMIT);
  const side = reader.u8("PROBLEM side");
  if (side > 1) reader.fail("PROBLEM side", `${side} is not 0 or 1`);
  const path = reader.blob("PROBLEM path", PATH_BYTES).slice();
  reader.done("PROBLEM");
  return { verb, cause, errno, side, path };
}

export function encodeProgress(writer: ByteWriter, files: number, bytes: number): void {
  writer.varint(files);
  writer.varint(bytes);
}

export function decodeProgress(reader: ByteReader): { files: number; bytes: number } {
  const files = reader.varint("PROGRESS files", ENTRIES);
  const bytes = reader.varint("PROGRESS bytes", Number.MAX_SAFE_INTEGER);
  reader.done("PROGRESS");
  return { files, bytes };
}

/** The order of the fields on the wire; PROTOCOL.md names them. */
const TOTALS_FIELDS = [
  "files",
  "folders",
  "links",
  "devices",
  "specials",
  "createdFiles",
  "createdFolders",
  "createdLinks",
  "createdDevices",
  "createdSpecials",
  "deletedFiles",
  "deletedFolders",
  "deletedLinks",
  "deletedDevices",
  "deletedSpecials",
  "transferredFiles",
  "totalBytes",
  "transferredBytes",
  "literalBytes",
  "matchedBytes",
  "unchanged",
  "listBytes",
] as const satisfies (keyof Totals)[];

export function encodeTotals(writer: ByteWriter, totals: Totals): void {
  for (const field of TOTALS_FIELDS) writer.varint(totals[field]);
}

export function decodeTotals(reader: ByteReader): Totals {
  const totals = zeroTotals();
  for (const field of TOTALS_FIELDS) totals[field] = reader.varint("TOTALS", Number.MAX_SAFE_INTEGER);
  reader.done("TOTALS");
  return totals;
}

export function encodePing(writer: ByteWriter, counter: number): void {
  writer.varint(counter);
}

export function decodePing(reader: ByteReader): number {
  const counter = reader.varint("PING counter", Number.MAX_SAFE_INTEGER);
  reader.done("PING");
  return counter;
}

/** `idlePercent`: of the time since the CREDIT before, in which the receiver waited for bytes. */
export function encodeCredit(writer: ByteWriter, bytes: number, idlePercent: number): void {
  writer.varint(bytes);
  writer.u8(idlePercent);
}

export function decodeCredit(reader: ByteReader): { bytes: number; idlePercent: number } {
  const bytes = reader.varint("CREDIT bytes", CREDIT_LIMIT);
  if (bytes === 0) reader.fail("CREDIT bytes", "it gives nothing");
  const idlePercent = reader.u8("CREDIT idle");
  if (idlePercent > IDLE_LIMIT) reader.fail("CREDIT idle", `${idlePercent} is over the limit ${IDLE_LIMIT}`);
  reader.done("CREDIT");
  return { bytes, idlePercent };
}

/** `text` is cut to TEXT_BYTES. */
export function encodeAbort(writer: ByteWriter, kind: number, text: Uint8Array): void {
  writer.u8(kind);
  writer.blob(text.subarray(0, TEXT_BYTES));
}

export function decodeAbort(reader: ByteReader): { kind: number; text: Uint8Array } {
  const kind = reader.u8("ABORT kind");
  if (kind === 0 || kind > 9) reader.fail("ABORT kind", `${kind} is unknown`);
  const text = reader.blob("ABORT text", TEXT_BYTES).slice();
  reader.done("ABORT");
  return { kind, text };
}

/** BYE and WANT_END say all by their type. */
export function decodeEmpty(reader: ByteReader, what: string): void {
  reader.done(what);
}
