// The options of a JOB that hold a value and are at rest in most runs: only those that are not travel, each under its tag.
// Called by job_codec.ts. Promises: a tag that is not in the table, or comes twice, ends the session.

import { equalBytes, fromLatin1, latin1 } from "../base/bytes.ts";
import { ByteReader, ByteWriter } from "../base/codec.ts";
import { ACCOUNT_MAP_BYTES, ALT_DESTS, FILE_BYTES, NAME_BYTES, PATH_BYTES, RUN_NAME_BYTES } from "../base/limits.ts";
import { ALT_KINDS, type AltKind, defaultOptions, type SyncOptions } from "../base/options.ts";
import { MAX_BLOCK_BYTES } from "../delta/sizes.ts";
import { DELETE_LIMIT, RATE_LIMIT_KIB, TIMEOUT_LIMIT, TRASH_KEEP_SECONDS } from "./messages.ts";

const NUL = 0;
const SLASH = 0x2f;
/** Longest name of a charset. */
const CHARSET_BYTES = 64;

/** One such option: how it travels inside its blob. */
interface Value<Name extends keyof SyncOptions> {
  name: Name;
  encode(writer: ByteWriter, value: SyncOptions[Name]): void;
  /** Reads all of the blob that belongs to it, every number bounded. */
  decode(reader: ByteReader): SyncOptions[Name];
}

/** By tag, in rising order; a tag once given out keeps its meaning. */
const VALUES = new Map<number, Value<keyof SyncOptions>>([
  [1, number("timeoutSeconds", TIMEOUT_LIMIT)],
  [2, number("blockBytes", MAX_BLOCK_BYTES)],
  [25, text("userMap", ACCOUNT_MAP_BYTES)],
  [26, text("groupMap", ACCOUNT_MAP_BYTES)],
  [27, number("oneFileSystem", 2)],
  [35, limit("maxSize", FILE_BYTES)],
  [36, limit("minSize", FILE_BYTES)],
  [37, path("filesFromThere")],
  [45, latinText("backupSuffix", NAME_BYTES, [NUL, SLASH])],
  [46, latinText("backupDir", PATH_BYTES, [NUL])],
  [47, {
    name: "altKind",
    encode: (writer, value) => writer.u8(ALT_KINDS.indexOf(value as AltKind)),
    decode: (reader) => {
      const kind = reader.u8("JOB altKind");
      if (kind === 0 || kind >= ALT_KINDS.length) reader.fail("JOB altKind", `${kind} is unknown`);
      return ALT_KINDS[kind];
    },
  }],
  [48, words("altDests", ALT_DESTS, PATH_BYTES)],
  [49, number("maxDelete", DELETE_LIMIT)],
  [50, latinText("partialDir", PATH_BYTES, [NUL])],
  [51, latinText("tempDir", PATH_BYTES, [NUL])],
  [52, number("fuzzy", 2)],
  [60, latinText("charset", CHARSET_BYTES, [NUL])],
  [73, number("bwlimitKib", RATE_LIMIT_KIB)],
  [85, latinText("trash", PATH_BYTES, [NUL])],
  [86, limit("trashKeepSeconds", TRASH_KEEP_SECONDS)],
  [87, limit("trashKeepBytes", FILE_BYTES)],
  [88, {
    name: "trashTask",
    encode: (writer, value) => writer.raw(fromLatin1(value as string)),
    decode: (reader) => {
      const text = latin1(reader.raw("JOB trashTask", Math.min(64, reader.left)));
      if (!TRASH_TASK.test(text)) reader.fail("JOB trashTask", "it is unknown");
      return text;
    },
  }],
  [90, {
    name: "runName",
    encode: (writer, value) => writer.raw(value as Uint8Array),
    decode: (reader) => reader.raw("JOB runName", RUN_NAME_BYTES).slice(),
  }],
]);

/** What may be done with a trash; a run's name is a date, a time and eight random digits. */
const TRASH_TASK = /^(history|clean|undo( [0-9]{8}-[0-9]{6}-[0-9a-f]{8})?)$/;

/** Longest value, bytes. */
const VALUE_BYTES = 65_535;

type Numeric = { [Name in keyof SyncOptions]: SyncOptions[Name] extends number ? Name : never }[keyof SyncOptions];

function number(name: Numeric, limit: number): Value<keyof SyncOptions> {
  return {
    name,
    encode: (writer, value) => writer.varint(value as number),
    decode: (reader) => reader.varint(`JOB ${name}`, limit),
  };
}

type Limit = { [Name in keyof SyncOptions]: SyncOptions[Name] extends number | null ? Name : never }[keyof SyncOptions];

/** A number that is null at rest. */
function limit(name: Limit, most: number): Value<keyof SyncOptions> {
  return {
    name,
    encode: (writer, value) => writer.varint(value as number),
    decode: (reader) => reader.varint(`JOB ${name}`, most),
  };
}

type Path = {
  [Name in keyof SyncOptions]: SyncOptions[Name] extends Uint8Array | null ? Name : never;
}[keyof SyncOptions];

/** A path as typed, or null at rest. */
function path(name: Path): Value<keyof SyncOptions> {
  return {
    name,
    encode: (writer, value) => writer.raw(value as Uint8Array),
    decode: (reader) => {
      if (reader.left === 0 || reader.left > PATH_BYTES) reader.fail(`JOB ${name}`, "it is no path");
      const bytes = reader.raw(`JOB ${name}`, reader.left).slice();
      if (bytes.includes(0)) reader.fail(`JOB ${name}`, "it holds NUL");
      return bytes;
    },
  };
}

type Text = { [Name in keyof SyncOptions]: SyncOptions[Name] extends string ? Name : never }[keyof SyncOptions];

/** Bytes, as latin1 text, without the `forbidden` ones. */
function latinText(name: Text, limit: number, forbidden: number[]): Value<keyof SyncOptions> {
  return {
    name,
    encode: (writer, value) => writer.raw(fromLatin1(value as string)),
    decode: (reader) =>
      textOf(reader, reader.raw(`JOB ${name}`, Math.min(limit + 1, reader.left)), limit, name, forbidden),
  };
}

/** Several of them. */
function words(name: "altDests", most: number, limit: number): Value<keyof SyncOptions> {
  return {
    name,
    encode: (writer, value) => {
      writer.varint((value as readonly string[]).length);
      for (const word of value as readonly string[]) writer.blob(fromLatin1(word));
    },
    decode: (reader) => {
      const count = reader.varint(`JOB ${name}`, most);
      const found: string[] = [];
      for (let i = 0; i < count; i++) found.push(textOf(reader, reader.blob(`JOB ${name}`, limit), limit, name, [NUL]));
      return found;
    },
  };
}

type Textual = { [Name in keyof SyncOptions]: SyncOptions[Name] extends Uint8Array ? Name : never }[keyof SyncOptions];

/** Bytes without NUL. */
function text(name: Textual, limit: number): Value<keyof SyncOptions> {
  return {
    name,
    encode: (writer, value) => writer.blob(value as Uint8Array),
    decode: (reader) => {
      const bytes = reader.blob(`JOB ${name}`, limit).slice();
      if (bytes.length === 0 || bytes.includes(0)) reader.fail(`JOB ${name}`, "it is empty or holds NUL");
      return bytes;
    },
  };
}

function textOf(reader: ByteReader, bytes: Uint8Array, limit: number, name: string, forbidden: number[]): string {
  if (bytes.length > limit) reader.fail(`JOB ${name}`, `more than ${limit} bytes`);
  if (bytes.some((byte) => forbidden.includes(byte))) reader.fail(`JOB ${name}`, "it holds a byte that it cannot");
  return latin1(bytes);
}

export function encodeValues(writer: ByteWriter, options: SyncOptions): void {
  const atRest = defaultOptions();
  const given = [...VALUES].filter(([, { name }]) => !isSame(options[name], atRest[name]));
  writer.varint(given.length);
  for (const [tag, { name, encode }] of given) {
    const value = new ByteWriter(16);
    encode(value, options[name]);
    writer.u8(tag);
    writer.blob(value.bytes.subarray(0, value.used));
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? equalBytes(a, b) : a === b;
}

export function decodeValues(reader: ByteReader, options: SyncOptions): void {
  const count = reader.varint("JOB values", VALUES.size);
  let last = 0;
  for (let i = 0; i < count; i++) {
    const tag = reader.u8("JOB value");
    const value = VALUES.get(tag);
    if (value === undefined) reader.fail("JOB value", `${tag} is unknown`);
    if (tag <= last) reader.fail("JOB value", `${tag} after ${last}`);
    last = tag;
    const own = new ByteReader(reader.blob("JOB value", VALUE_BYTES));
    set(options, value.name, value.decode(own));
    own.done("JOB value");
  }
}

function set<Name extends keyof SyncOptions>(options: SyncOptions, name: Name, value: SyncOptions[Name]): void {
  options[name] = value;
}
