// The records of a trash's journal (pure): what stood at a path before a run changed it, where that is kept, and what the run made of it.
// Written by trash_journal.ts, read by undo and history. Promises: each record carries its length and a check, so that a cut at any
// byte leaves the records before it readable and the rest is known to be cut; what is read is bounded, and its paths are checked
// as a peer's are.

import { EMPTY, latin1 } from "../base/bytes.ts";
import { ByteReader, ByteWriter } from "../base/codec.ts";
import { TsyncError } from "../base/errors.ts";
import { FILE_BYTES, PATH_BYTES } from "../base/limits.ts";
import { checkPath } from "../base/relative_path.ts";
import { Kind, type Stat } from "../os/os.ts";
import { isOwnName } from "./own_names.ts";

export interface StoredAttribute {
  name: Uint8Array;
  value: Uint8Array;
}

/** What an entry was or became. */
export interface EntryState {
  kind: number;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeSec: number;
  mtimeNs: number;
  inoLow: number;
  inoHigh: number;
  /** Null: not looked at. */
  attributes: StoredAttribute[] | null;
}

/** The first record of a journal. */
export interface Begin {
  type: "begin";
  /** Seconds since 1970. */
  timeSec: number;
  /** The target root; the journal is about no other folder. */
  devMajor: number;
  devMinor: number;
  inoLow: number;
  inoHigh: number;
  /** The run made the root. */
  isNewRoot: boolean;
}

export interface Change {
  type: "change";
  path: Uint8Array;
  /** Null: nothing stood there; "untold": an earlier record says it. */
  before: EntryState | null | "untold";
  /** Under which number it is kept; 0: it is not. */
  kept: number;
  /** Null: nothing stands there. */
  after: EntryState | null;
  /** The metadata that `after` tells of may be under way, and the content of a file, too. */
  isOpen: boolean;
}

/** The last record of a run that came to its end, whatever that was. */
export interface End {
  type: "end";
}

export type TrashRecord = Begin | Change | End;

const VERSION = 1;
const Type = { begin: 1, change: 2, end: 3 } as const;
const Flag = { hasBefore: 1, untold: 2, hasAfter: 4, open: 8 } as const;
/** Length and check. */
const HEAD_BYTES = 8;
/** An entry's attributes fit in 64 KiB of names and as much of each value; more is not recorded. */
const RECORD_BYTES = 1 << 20;
const ATTRIBUTES = 4096;
const NUMBER_LIMIT = 2 ** 32 - 1;
const CHECK_SEED = 0x7a3b91c5;

export function stateOf(stat: Stat, attributes: StoredAttribute[] | null = null): EntryState {
  const { kind, mode, uid, gid, size, mtimeSec, mtimeNs, inoLow, inoHigh } = stat;
  return {
    kind,
    mode,
    uid,
    gid,
    size: kind === Kind.folder ? 0 : size,
    mtimeSec,
    mtimeNs,
    inoLow,
    inoHigh,
    attributes,
  };
}

/** Appends the record in its frame. */
export function encodeRecord(writer: ByteWriter, record: TrashRecord): void {
  const start = writer.used;
  writer.u32(0);
  writer.u32(0);
  if (record.type === "begin") encodeBegin(writer, record);
  else if (record.type === "change") encodeChange(writer, record);
  else writer.u8(Type.end);
  writer.putU32(start, writer.used - start - HEAD_BYTES);
  writer.putU32(start + 4, check(writer.bytes, start + HEAD_BYTES, writer.used));
}

function encodeBegin(writer: ByteWriter, begin: Begin): void {
  writer.u8(Type.begin);
  writer.u8(VERSION);
  writer.varint(begin.timeSec);
  writer.u32(begin.devMajor);
  writer.u32(begin.devMinor);
  writer.u32(begin.inoLow);
  writer.u32(begin.inoHigh);
  writer.flag(begin.isNewRoot);
}

function encodeChange(writer: ByteWriter, { path, before, kept, after, isOpen }: Change): void {
  writer.u8(Type.change);
  writer.u8(
    (before === "untold" ? Flag.untold : before === null ? 0 : Flag.hasBefore) |
      (after === null ? 0 : Flag.hasAfter) | (isOpen ? Flag.open : 0),
  );
  writer.blob(path);
  writer.varint(kept);
  if (before !== null && before !== "untold") encodeState(writer, before);
  if (after !== null) encodeState(writer, after);
}

function encodeState(writer: ByteWriter, state: EntryState): void {
  writer.u8(state.kind);
  writer.varint(state.mode);
  writer.varint(state.uid);
  writer.varint(state.gid);
  writer.varint(state.size);
  writer.signed(state.mtimeSec);
  writer.varint(state.mtimeNs);
  writer.u32(state.inoLow);
  writer.u32(state.inoHigh);
  const { attributes } = state;
  writer.varint(attributes === null ? 0 : attributes.length + 1);
  for (const { name, value } of attributes ?? []) {
    writer.blob(name);
    writer.blob(value);
  }
}

/** The records of a journal, as far as it is whole. Throws TsyncError "selection" where it is not one, or damaged before its end. */
export function* readRecords(bytes: Uint8Array): Generator<TrashRecord> {
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const head = new ByteReader(bytes.subarray(at, at + HEAD_BYTES));
    const length = head.u32("length");
    const told = head.u32("check");
    const from = at + HEAD_BYTES;
    const end = from + length;
    // The tail was cut, or is what a machine that went down left of it.
    if (length === 0 || end > bytes.length) return;
    if (length > RECORD_BYTES || told !== check(bytes, from, end)) {
      if (end === bytes.length) return;
      throw damaged(`the record at byte ${at} is not what was written`);
    }
    yield decodeRecord(bytes.subarray(from, end));
    at = end;
  }
}

function decodeRecord(bytes: Uint8Array): TrashRecord {
  const reader = new ByteReader(bytes);
  try {
    const type = reader.u8("type");
    const record = type === Type.begin
      ? decodeBegin(reader)
      : type === Type.change
      ? decodeChange(reader)
      : type === Type.end
      ? { type: "end" } as const
      : reader.fail("type", `${type} is unknown`);
    reader.done("record");
    return record;
  } catch (error) {
    if (error instanceof TsyncError && error.data.kind === "stream") throw damaged(error.data.detail);
    throw error;
  }
}

function decodeBegin(reader: ByteReader): Begin {
  const version = reader.u8("version");
  if (version !== VERSION) reader.fail("version", `${version} is not known here`);
  return {
    type: "begin",
    timeSec: reader.varint("time", Number.MAX_SAFE_INTEGER),
    devMajor: reader.u32("device"),
    devMinor: reader.u32("device"),
    inoLow: reader.u32("inode"),
    inoHigh: reader.u32("inode"),
    isNewRoot: reader.flag("new root"),
  };
}

function decodeChange(reader: ByteReader): Change {
  const flags = reader.u8("flags");
  if (flags > 15 || (flags & 3) === 3) reader.fail("flags", `${flags} is unknown`);
  const path = reader.blob("path", PATH_BYTES).slice();
  checkPath(path);
  for (let start = 0; start < path.length;) {
    const slash = path.indexOf(0x2f, start);
    const end = slash < 0 ? path.length : slash;
    if (isOwnName(path, start, end - start)) reader.fail("path", "a name of tsync's own");
    start = end + 1;
  }
  const kept = reader.varint("number", NUMBER_LIMIT);
  const before = (flags & Flag.untold) !== 0 ? "untold" : (flags & Flag.hasBefore) !== 0 ? decodeState(reader) : null;
  if (kept !== 0 && (before === null || before === "untold")) reader.fail("number", "nothing is kept");
  const after = (flags & Flag.hasAfter) !== 0 ? decodeState(reader) : null;
  return {
    type: "change",
    path: path.length === 0 ? EMPTY : path,
    before,
    kept,
    after,
    isOpen: (flags & Flag.open) !== 0,
  };
}

const KINDS: readonly number[] = Object.values(Kind);

function decodeState(reader: ByteReader): EntryState {
  const kind = reader.u8("kind");
  if (!KINDS.includes(kind)) reader.fail("kind", `${kind} is unknown`);
  const state: EntryState = {
    kind,
    mode: reader.varint("mode", 0o7777),
    uid: reader.varint("owner", NUMBER_LIMIT),
    gid: reader.varint("group", NUMBER_LIMIT),
    size: reader.varint("size", FILE_BYTES),
    mtimeSec: reader.signed("time", 2 ** 51),
    mtimeNs: reader.varint("time", 999_999_999),
    inoLow: reader.u32("inode"),
    inoHigh: reader.u32("inode"),
    attributes: null,
  };
  const count = reader.varint("attributes", ATTRIBUTES);
  if (count === 0) return state;
  state.attributes = [];
  for (let i = 1; i < count; i++) {
    const name = reader.blob("attribute", 255).slice();
    if (name.length === 0 || name.includes(0)) reader.fail("attribute", "it is no name");
    state.attributes.push({ name, value: reader.blob("attribute", 65_536).slice() });
  }
  return state;
}

function damaged(why: string): TsyncError {
  return new TsyncError({ kind: "selection", detail: `the journal is damaged: ${why}; nothing was changed` });
}

/** FNV-1a over bytes[from, to): tells a cut or damage, not malice. */
function check(bytes: Uint8Array, from: number, to: number): number {
  let hash = CHECK_SEED;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash >>> 0;
}

/** Name under which entry `number` of a run is kept: the number, and for people its own name where that is not too long. */
export function keptName(number: number, path: Uint8Array): Uint8Array {
  const digits = number.toString(16).padStart(8, "0");
  const own = path.subarray(path.lastIndexOf(0x2f) + 1);
  const name = new Uint8Array(own.length > 200 ? 8 : 9 + own.length);
  for (let i = 0; i < 8; i++) name[i] = digits.charCodeAt(i);
  if (name.length === 8) return name;
  name[8] = 0x2d;
  name.set(own, 9);
  return name;
}

const RUN = /^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$/;

/** Whether the name is one of a run: date and time (UTC), and eight random digits. */
export function isRunName(name: Uint8Array): boolean {
  return RUN.test(latin1(name));
}
