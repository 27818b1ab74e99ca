// The native protocol by hand: encoder, decoder and digests, written from lib/wire/PROTOCOL.md alone and sharing no code
// with lib/. The encoder checks nothing, so that tests can make every wrong byte; the decoder is strict, so that tests
// notice when tsync itself writes something the document does not allow.

import xxhash128 from "hash-wasm/xxhash128";

export const TYPE = {
  HELLO: 0x01,
  JOB: 0x02,
  ROOTS: 0x10,
  ACCOUNT: 0x11,
  LIST: 0x12,
  LIST_END: 0x13,
  FILES: 0x14,
  FILE_BEGIN: 0x15,
  FILE_DATA: 0x16,
  FILE_END: 0x17,
  FILE_SKIP: 0x18,
  SOURCE_DONE: 0x19,
  CHECKED: 0x1a,
  PACKED: 0x1b,
  PLAN: 0x2b,
  READY: 0x30,
  WANT: 0x31,
  WANT_END: 0x32,
  CHECK: 0x33,
  ENTRY: 0x40,
  DELETED: 0x41,
  PROBLEM: 0x42,
  PROGRESS: 0x43,
  TOTALS: 0x44,
  PING: 0x50,
  CREDIT: 0x51,
  ABORT: 0x52,
  BYE: 0x53,
} as const;

export type TypeName = keyof typeof TYPE;
export const TYPE_NAMES = Object.keys(TYPE) as TypeName[];

export function typeName(type: number): string {
  return TYPE_NAMES.find((name) => TYPE[name] === type) ?? `0x${type.toString(16)}`;
}

export const MAX_FRAME_BYTES = 1_048_576;
export const START_CREDIT_BYTES = 8_388_608;
export const NO_FLAGS = 0;

/** Kinds: the file type bits of st_mode, shifted right by 12. */
export const KIND = { fifo: 1, charDevice: 2, folder: 4, blockDevice: 6, file: 8, link: 10, socket: 12 } as const;

export const JOB_BIT = {
  recursive: 1 << 0,
  links: 1 << 1,
  perms: 1 << 2,
  times: 1 << 3,
  group: 1 << 4,
  owner: 1 << 5,
  devices: 1 << 6,
  specials: 1 << 7,
  numericIds: 1 << 8,
  dryRun: 1 << 9,
  checksum: 1 << 10,
  ignoreTimes: 1 << 11,
  sparse: 1 << 12,
  delete: 1 << 13,
  reportUnchanged: 1 << 14,
  allowEmptySource: 1 << 15,
  allowTorn: 1 << 16,
  noGuard: 1 << 17,
  reportEntries: 1 << 18,
  hardLinks: 1 << 21,
} as const;
/** What -a asks for. */
export const ARCHIVE_BITS = 0xff;

export const CAUSE = {
  system: 0,
  vanished: 1,
  changed: 2,
  verify: 3,
  reservedName: 4,
  folderInWay: 5,
  tooLong: 6,
  targetChanged: 7,
  notAsked: 8,
  notRecursive: 9,
  reappeared: 10,
  duplicate: 11,
  notEmpty: 12,
} as const;

export const ABORT_EXIT: Record<number, number> = {
  1: 1,
  2: 3,
  3: 4,
  4: 11,
  5: 12,
  6: 20,
  7: 25,
  8: 30,
  9: 2,
};

/** One byte per character: names in tests are written as latin1 strings. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

export function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Writes whatever it is told, without a check. */
export class Writer {
  #bytes: number[] = [];

  u8(value: number): this {
    this.#bytes.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  u32(value: number): this {
    return this.u16(value).u16(value >>> 16);
  }

  varint(value: number | bigint): this {
    let rest = BigInt(value);
    if (rest < 0n) throw new Error("a varint is not negative");
    while (rest >= 0x80n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.u8(Number(rest));
  }

  signed(value: number | bigint): this {
    const wide = BigInt(value);
    return this.varint(wide < 0n ? -2n * wide - 1n : 2n * wide);
  }

  blob(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

export function u64le(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** The document was broken by whoever wrote these bytes. */
export class Violation extends Error {
  override readonly name = "Violation";
}

function must(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Violation(sentence);
}

/** Reads strictly by section 2. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Uint8Array {
    must(count <= this.left, `${count} bytes wanted, ${this.left} left`);
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }

  u8(): number {
    return this.take(1)[0];
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return this.u16() + this.u16() * 65_536;
  }

  varint(limit = Number.MAX_SAFE_INTEGER): number {
    let value = 0n;
    for (let i = 0n; i < 8n; i++) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << (7n * i);
      if ((byte & 0x80) === 0) {
        must(i === 0n || byte !== 0, "varint is not in its shortest form");
        must(value <= BigInt(limit), `varint ${value} above its limit ${limit}`);
        return Number(value);
      }
    }
    throw new Violation("varint longer than 8 bytes");
  }

  signed(limit = 2 ** 52): number {
    const raw = BigInt(this.varint());
    const value = Number((raw & 1n) === 0n ? raw / 2n : -(raw + 1n) / 2n);
    must(Math.abs(value) <= limit, `signed ${value} beyond its limit ${limit}`);
    return value;
  }

  blob(limit: number): Uint8Array {
    return this.take(this.varint(limit));
  }

  flags(known: number): number {
    const value = this.u8();
    must((value & ~known) === 0, `unknown flag bits 0x${(value & ~known).toString(16)}`);
    return value;
  }

  choice(below: number, what: string): number {
    const value = this.u8();
    must(value < below, `unknown ${what} ${value}`);
    return value;
  }

  end(): void {
    must(this.left === 0, `${this.left} bytes left over`);
  }
}

export function frame(type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length, true);
  bytes[4] = type;
  bytes.set(payload, 5);
  return bytes;
}

/** A frame header that lies about what follows. */
export function header(length: number, type: number): Uint8Array {
  return new Writer().u32(length).u8(type).bytes();
}

// ---- digests -------------------------------------------------------------------------------------------------------

interface Hasher {
  init(): void;
  update(bytes: Uint8Array): void;
  digest(form: "binary"): Uint8Array;
}

interface HashWasm {
  createXXHash128(seedLow: number, seedHigh: number): Promise<Hasher>;
}

export type Digest = (...parts: Uint8Array[]) => Uint8Array;

/** XXH3-128 in canonical form with a 64-bit seed. */
export async function makeDigest(seed: bigint): Promise<Digest> {
  const { createXXHash128 } = xxhash128 as HashWasm;
  const hasher = await createXXHash128(Number(seed & 0xffff_ffffn), Number(seed >> 32n));
  return (...parts) => {
    hasher.init();
    for (const part of parts) hasher.update(part);
    return hasher.digest("binary");
  };
}

export async function sessionSeed(clientNonce: Uint8Array, agentNonce: Uint8Array): Promise<bigint> {
  const whole = (await makeDigest(0n))(clientNonce, agentNonce);
  return new DataView(whole.buffer, whole.byteOffset).getBigUint64(0, true);
}

// ---- hello, launch line, job ---------------------------------------------------------------------------------------

export interface Hello {
  major: number;
  minor: number;
  side: number;
  version: Uint8Array;
  offers: number | bigint;
  requires: number | bigint;
  nonce: Uint8Array;
}

export function makeHello(side: 0 | 1, changes: Partial<Hello> = {}): Hello {
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  return { major: 1, minor: 0, side, version: latin1("by hand"), offers: 0, requires: 0, nonce, ...changes };
}

export function encodeHello(hello: Hello): Uint8Array {
  return new Writer().u16(hello.major).u16(hello.minor).u8(hello.side).blob(hello.version)
    .varint(hello.offers).varint(hello.requires).raw(hello.nonce).bytes();
}

export function decodeHello(payload: Uint8Array): Hello {
  const reader = new Reader(payload);
  const hello = {
    major: reader.u16(),
    minor: reader.u16(),
    side: reader.choice(2, "side"),
    version: reader.blob(64),
    offers: reader.varint(),
    requires: reader.varint(),
    nonce: reader.take(16),
  };
  reader.end();
  return hello;
}

export interface LaunchLine {
  marker: string;
  sha256: string;
  sizeBytes: number;
  machine: string;
  hello: Hello;
  /** The first bytes of the client's stream. */
  early: Uint8Array;
}

export function parseLaunchLine(line: Uint8Array): LaunchLine {
  const text = fromLatin1(line);
  must(line.length <= 4_096, "launch line longer than 4,096 bytes");
  const match =
    /^tsync1 ([0-9a-f]{32}) ([0-9a-f]{64}|-) (0|[1-9][0-9]*) (x86_64|aarch64) ([A-Za-z0-9+/]+=*) (-|[A-Za-z0-9+/]+=*)\n$/
      .exec(
        text,
      );
  must(match !== null, `not a launch line: ${JSON.stringify(text)}`);
  const hello = decodeHello(latin1(atob(match[5])));
  must(hello.side === 0, "the hello of the launch line is not a client's");
  return {
    marker: match[1],
    sha256: match[2],
    sizeBytes: Number(match[3]),
    machine: match[4],
    hello,
    early: earlyBytes(match[6]),
  };
}

function earlyBytes(text: string): Uint8Array {
  return text === "-" ? new Uint8Array(0) : latin1(atob(text));
}

/** The line without its early bytes, and those: for who wants to see them as frames. */
export function withoutEarly(line: Uint8Array): { line: Uint8Array; early: Uint8Array } {
  const words = fromLatin1(line).trimEnd().split(" ");
  const early = earlyBytes(words[6]);
  words[6] = "-";
  return { line: latin1(words.join(" ") + "\n"), early };
}

export function formatLaunchLine(marker: string, hello: Uint8Array, early: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = early.length === 0 ? "-" : btoa(fromLatin1(early));
  return latin1(`tsync1 ${marker} - 0 x86_64 ${btoa(fromLatin1(hello))} ${text}\n`);
}

export interface Job {
  /** 0: the agent is the target, 1: the source. */
  role: number;
  bits: number;
  /** The second and the third word of bits. */
  moreBits: [number, number];
  windowNs: number | bigint;
  limitKind: number;
  limit: number | bigint;
  timeoutSeconds: number | bigint;
  /** 0 where it pays, 1 always, 2 never. */
  compress: number;
  /** As it travels: zigzag. */
  compressLevel: number;
  /** Of delta transfer; 0: by the file's size. */
  blockBytes: number;
  /** Flags: 1 include, 2 absolute, 4 negated, 8 sender, 16 receiver, 32 perishable, 64 xattr, 128 dir-merge and on. */
  rules: { flags: number; pattern: Uint8Array }[];
  paths: Uint8Array[];
}

export function makeJob(role: 0 | 1, paths: string[], changes: Partial<Job> = {}): Job {
  return {
    role,
    bits: ARCHIVE_BITS,
    moreBits: [0, 0],
    windowNs: -1,
    limitKind: 0,
    limit: 0,
    timeoutSeconds: 0,
    compress: 0,
    compressLevel: 0,
    blockBytes: 0,
    rules: [],
    paths: paths.map(latin1),
    ...changes,
  };
}

/** The bits of the third word that mean something: 80-83 and 86. */
const THIRD_BITS = 0x4f_0000;
/** Tags of the values of a job. */
const TIMEOUT = 1;
const BLOCK_BYTES = 2;
/** -x: the value is not looked at further. */
const ONE_FILE_SYSTEM = 27;
const TAGS = [TIMEOUT, BLOCK_BYTES, ONE_FILE_SYSTEM];

export function encodeJob(job: Job): Uint8Array {
  const [second, third] = job.moreBits;
  const writer = new Writer().u8(job.role).u32(job.bits).u32(second).u32(third).signed(job.windowNs).u8(job.limitKind)
    .varint(job.limit).u8(job.compress).varint(job.compressLevel).varint(job.rules.length);
  for (const rule of job.rules) writer.varint(rule.flags).blob(rule.pattern);
  const values = ([[TIMEOUT, job.timeoutSeconds], [BLOCK_BYTES, job.blockBytes]] as const)
    .filter(([, value]) => value !== 0);
  writer.varint(values.length);
  for (const [tag, value] of values) writer.u8(tag).blob(new Writer().varint(value).bytes());
  writer.varint(job.paths.length);
  for (const path of job.paths) writer.blob(path);
  return writer.bytes();
}

export function decodeJob(payload: Uint8Array): Job {
  const reader = new Reader(payload);
  const role = reader.choice(2, "role");
  const bits = reader.u32();
  const moreBits: [number, number] = [reader.u32(), reader.u32()];
  must((moreBits[1] & ~THIRD_BITS) === 0, "unknown job bits");
  const windowNs = reader.signed(2 ** 52 - 1);
  must(windowNs >= -2 - 2 ** 31, "a modify window below that of whole seconds");
  const limitKind = reader.choice(3, "delete limit");
  const limit = reader.varint(2 ** 32);
  const compress = reader.choice(3, "compression");
  const compressLevel = reader.varint(100);
  const rules = Array.from({ length: reader.varint(100_000) }, () => ({
    flags: reader.varint(0x3fff),
    pattern: reader.blob(4_096),
  }));
  const values = new Map<number, number>();
  let last = 0;
  for (let count = reader.varint(TAGS.length); count > 0; count--) {
    const tag = reader.u8();
    must(tag > last && TAGS.includes(tag), `value ${tag} after ${last}`);
    last = tag;
    const value = new Reader(reader.blob(65_535));
    values.set(tag, value.varint(tag === TIMEOUT ? 2 ** 31 : 16_777_216));
    value.end();
  }
  const timeoutSeconds = values.get(TIMEOUT) ?? 0;
  const blockBytes = values.get(BLOCK_BYTES) ?? 0;
  const paths = Array.from({ length: reader.varint(65_535) }, () => reader.blob(4_095));
  reader.end();
  must(paths.length >= 1 && (role === 1 || paths.length === 1), `${paths.length} paths`);
  must(paths.every((path) => !path.includes(0)), "a path with NUL");
  const numbers = { windowNs, limitKind, limit, timeoutSeconds, compress, compressLevel, blockBytes };
  return { role, bits, moreBits, ...numbers, rules, paths };
}

// ---- source to target ----------------------------------------------------------------------------------------------

export interface Roots {
  flags: number;
  args: number | bigint;
  mode: number;
  uid: number | bigint;
  gid: number | bigint;
  seconds: number | bigint;
  nanoseconds: number;
}

export function encodeRoots(roots: Roots): Uint8Array {
  const writer = new Writer().u8(roots.flags).varint(roots.args);
  if ((roots.flags & 1) !== 0) {
    writer.u16(roots.mode).varint(roots.uid).varint(roots.gid).signed(roots.seconds).u32(roots.nanoseconds);
  }
  return writer.bytes();
}

const NO_ID = 0xffff_ffff;
const MAX_SECONDS = 2 ** 43;

function readTime(reader: Reader): { seconds: number; nanoseconds: number } {
  const seconds = reader.signed(MAX_SECONDS);
  const nanoseconds = reader.u32();
  must(nanoseconds <= 999_999_999, `${nanoseconds} nanoseconds`);
  return { seconds, nanoseconds };
}

export function decodeRoots(payload: Uint8Array): Roots {
  const reader = new Reader(payload);
  const flags = reader.flags(3);
  must(flags !== 3, "both root and single");
  const args = reader.varint(65_535);
  must(args >= 1, "no source argument");
  const roots = { flags, args, mode: 0, uid: 0, gid: 0, seconds: 0, nanoseconds: 0 };
  if ((flags & 1) !== 0) {
    roots.mode = reader.u16();
    must(roots.mode >> 12 === KIND.folder, "the root is not a folder");
    roots.uid = reader.varint(NO_ID - 1);
    roots.gid = reader.varint(NO_ID - 1);
    Object.assign(roots, readTime(reader));
  }
  reader.end();
  return roots;
}

export function encodeAccount(group: number, id: number | bigint, name: Uint8Array): Uint8Array {
  return new Writer().u8(group).varint(id).blob(name).bytes();
}

export interface Entry {
  name: Uint8Array;
  kind: number;
  permissions: number;
  uid: number | bigint;
  gid: number | bigint;
  seconds: number | bigint;
  nanoseconds: number;
  size: number | bigint;
  target: Uint8Array;
  major: number | bigint;
  minor: number | bigint;
  digest?: Uint8Array;
}

export function makeEntry(name: string | Uint8Array, changes: Partial<Entry> = {}): Entry {
  return {
    name: typeof name === "string" ? latin1(name) : name,
    kind: KIND.file,
    permissions: 0o644,
    uid: Deno.uid() ?? 0,
    gid: Deno.gid() ?? 0,
    seconds: 1_700_000_000,
    nanoseconds: 123_456_789,
    size: 0,
    target: new Uint8Array(0),
    major: 0,
    minor: 0,
    ...changes,
  };
}

/** One entry written in full: no field is shared with the one before. */
export function encodeEntry(entry: Entry, flags = entry.digest === undefined ? 0 : 8): Uint8Array {
  const writer = new Writer().u8(flags).u16((entry.kind << 12) | entry.permissions).u8(0).u8(entry.name.length)
    .raw(entry.name);
  if ((flags & 1) === 0) writer.varint(entry.uid);
  if ((flags & 2) === 0) writer.varint(entry.gid);
  if ((flags & 4) === 0) writer.signed(entry.seconds);
  writer.u32(entry.nanoseconds);
  if (entry.kind === KIND.file) writer.varint(entry.size);
  if (entry.kind === KIND.link) writer.blob(entry.target);
  if (entry.kind === KIND.charDevice || entry.kind === KIND.blockDevice) {
    writer.varint(entry.major).varint(entry.minor);
  }
  if ((flags & 8) !== 0 && entry.digest !== undefined) writer.raw(entry.digest);
  return writer.bytes();
}

/** An entry through encoder and decoder. */
export function decodeEntryOf(entry: Entry): Entry {
  return decodeEntry(new Reader(encodeEntry(entry)), undefined);
}

export const PIECE = { first: 1, last: 2, incomplete: 4 } as const;

export function encodeList(
  folder: number | bigint,
  entries: Entry[],
  flags: number = PIECE.first | PIECE.last,
  count: number | bigint = entries.length,
): Uint8Array {
  const writer = new Writer().varint(folder).u8(flags).varint(count);
  for (const entry of entries) writer.raw(encodeEntry(entry));
  return writer.bytes();
}

export function checkName(name: Uint8Array): void {
  must(name.length >= 1 && name.length <= 255, `name of ${name.length} bytes`);
  must(!name.includes(0x2f) && !name.includes(0), "name holds / or NUL");
  const text = fromLatin1(name);
  must(text !== "." && text !== "..", "name is . or ..");
}

export function checkPath(path: Uint8Array): void {
  if (path.length === 0) return;
  must(path.length <= 4_095, `path of ${path.length} bytes`);
  const names = fromLatin1(path).split("/");
  must(names.length <= 1_024, `path of ${names.length} names`);
  for (const name of names) checkName(latin1(name));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function decodeEntry(reader: Reader, before: Entry | undefined): Entry {
  const flags = reader.flags(15);
  must(before !== undefined || (flags & 7) === 0, "the first entry shares fields");
  const mode = reader.u16();
  const kind = mode >> 12;
  must((Object.values(KIND) as number[]).includes(kind), `unknown kind ${kind}`);
  const prefix = reader.u8();
  must(prefix <= (before?.name.length ?? 0), "prefix longer than the name before");
  const name = concat(before?.name.slice(0, prefix) ?? new Uint8Array(0), reader.take(reader.u8()));
  checkName(name);
  const uid = before !== undefined && (flags & 1) !== 0 ? before.uid : reader.varint(NO_ID - 1);
  const gid = before !== undefined && (flags & 2) !== 0 ? before.gid : reader.varint(NO_ID - 1);
  const seconds = before !== undefined && (flags & 4) !== 0 ? before.seconds : reader.signed(MAX_SECONDS);
  const nanoseconds = reader.u32();
  must(nanoseconds <= 999_999_999, `${nanoseconds} nanoseconds`);
  const entry = makeEntry(name, { kind, permissions: mode & 0o7777, uid, gid, seconds, nanoseconds });
  if (kind === KIND.file) entry.size = reader.varint();
  if (kind === KIND.link) {
    entry.target = reader.blob(4_095);
    must(entry.target.length > 0 && !entry.target.includes(0), "bad link target");
  }
  if (kind === KIND.charDevice || kind === KIND.blockDevice) {
    entry.major = reader.varint(2 ** 20 - 1);
    entry.minor = reader.varint(2 ** 32 - 1);
  }
  if ((flags & 8) !== 0) {
    must(kind === KIND.file, "only files have digests");
    entry.digest = reader.take(16);
  }
  return entry;
}

export interface List {
  folder: number;
  flags: number;
  entries: Entry[];
}

export function decodeList(payload: Uint8Array): List {
  const reader = new Reader(payload);
  const folder = reader.varint();
  const flags = reader.flags(7);
  const count = reader.varint(8_192);
  must(count > 0 || (flags & PIECE.last) !== 0, "an empty piece that is not the last");
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const before = entries.at(-1);
    const entry = decodeEntry(reader, before);
    must(before === undefined || compareBytes(before.name, entry.name) < 0, "names do not rise");
    entries.push(entry);
  }
  reader.end();
  return { folder, flags, entries };
}

export function encodeListEnd(
  complete: boolean | number,
  entries: number | bigint,
  bytes: number | bigint,
): Uint8Array {
  return new Writer().u8(Number(complete)).varint(entries).varint(bytes).bytes();
}

export function decodeListEnd(payload: Uint8Array): { complete: boolean; entries: number; bytes: number } {
  const reader = new Reader(payload);
  const end = { complete: reader.flags(1) === 1, entries: reader.varint(), bytes: reader.varint() };
  reader.end();
  return end;
}

export function decodePlan(payload: Uint8Array): { entries: number; bytes: number; holes: number } {
  const reader = new Reader(payload);
  const plan = { entries: reader.varint(), bytes: reader.varint(), holes: reader.varint() };
  reader.end();
  return plan;
}

export interface FileRecord {
  index: number | bigint;
  content: Uint8Array;
  digest: Uint8Array;
  /** Set: the file changed since it was listed. */
  fresh?: { seconds: number | bigint; nanoseconds: number };
  /** Overrides the flag byte. */
  flags?: number;
}

export function encodeFiles(records: FileRecord[]): Uint8Array {
  const writer = new Writer();
  for (const record of records) {
    writer.varint(record.index).u8(record.flags ?? (record.fresh === undefined ? 0 : 1));
    if (record.fresh !== undefined) writer.signed(record.fresh.seconds).u32(record.fresh.nanoseconds);
    writer.blob(record.content).raw(record.digest);
  }
  return writer.bytes();
}

export function decodeFiles(payload: Uint8Array): FileRecord[] {
  const reader = new Reader(payload);
  const records: FileRecord[] = [];
  do {
    const index = reader.varint();
    const fresh = reader.flags(1) === 1 ? readTime(reader) : undefined;
    records.push({ index, fresh, content: reader.blob(131_072), digest: reader.take(16) });
  } while (reader.left > 0);
  return records;
}

export interface FileBegin {
  index: number | bigint;
  size: number | bigint;
  fresh?: { seconds: number | bigint; nanoseconds: number };
  flags?: number;
}

export function encodeFileBegin(begin: FileBegin): Uint8Array {
  const writer = new Writer().varint(begin.index).u8(begin.flags ?? (begin.fresh === undefined ? 0 : 1))
    .varint(begin.size);
  if (begin.fresh !== undefined) writer.signed(begin.fresh.seconds).u32(begin.fresh.nanoseconds);
  return writer.bytes();
}

export function decodeFileBegin(payload: Uint8Array): FileBegin {
  const reader = new Reader(payload);
  const index = reader.varint();
  const flags = reader.flags(1);
  const size = reader.varint();
  const fresh = flags === 1 ? readTime(reader) : undefined;
  reader.end();
  return { index, size, fresh };
}

export function encodeFileData(offset: number | bigint, bytes: Uint8Array): Uint8Array {
  return concat(new Writer().varint(offset).bytes(), bytes);
}

export function decodeFileData(payload: Uint8Array): { offset: number; bytes: Uint8Array } {
  const reader = new Reader(payload);
  const offset = reader.varint();
  must(reader.left > 0, "FILE_DATA without data");
  return { offset, bytes: reader.take(reader.left) };
}

export function encodeFileEnd(outcome: number, digest?: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(outcome), digest ?? new Uint8Array(0));
}

export function decodeFileEnd(payload: Uint8Array): Uint8Array | null {
  const reader = new Reader(payload);
  const digest = reader.choice(2, "outcome") === 0 ? reader.take(16) : null;
  reader.end();
  return digest;
}

export function encodeFileSkip(index: number | bigint, cause: number): Uint8Array {
  return new Writer().varint(index).u8(cause).bytes();
}

/** 60 to 62 are those of a served root. */
function causeOf(reader: Reader): number {
  const cause = reader.choice(63, "cause");
  must(cause < 55 || cause >= 60, `unknown cause ${cause}`);
  return cause;
}

export function decodeFileSkip(payload: Uint8Array): { index: number; cause: number } {
  const reader = new Reader(payload);
  const skip = { index: reader.varint(), cause: causeOf(reader) };
  reader.end();
  return skip;
}

export function encodeChecked(count: number | bigint, bits: Uint8Array): Uint8Array {
  return new Writer().varint(count).raw(bits).bytes();
}

/** CHECKED that says: every path is still absent at the source. */
export function encodeAllAbsent(count: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) bits[i >> 3] |= 1 << (i & 7);
  return encodeChecked(count, bits);
}

// ---- target to source, events, end ---------------------------------------------------------------------------------

/** Indexes are written as first index and differences, which may be wrong ones. */
export function encodeWant(flags: number, numbers: (number | bigint)[], count: number | bigint = numbers.length) {
  const writer = new Writer().u8(flags).varint(count);
  for (const number of numbers) writer.varint(number);
  return writer.bytes();
}

export function decodeWant(payload: Uint8Array): { redo: boolean; indexes: number[] } {
  const reader = new Reader(payload);
  const redo = reader.flags(1) === 1;
  const count = reader.varint(8_192);
  must(count >= 1, "WANT of nothing");
  const indexes: number[] = [];
  for (let i = 0; i < count; i++) {
    const number = reader.varint();
    must(i === 0 || number >= 1, "WANT repeats an index");
    indexes.push((indexes.at(-1) ?? 0) + number);
  }
  reader.end();
  return { redo, indexes };
}

export function encodeCheck(paths: Uint8Array[], count: number | bigint = paths.length): Uint8Array {
  const writer = new Writer().varint(count);
  for (const path of paths) writer.blob(path);
  return writer.bytes();
}

export function decodeCheck(payload: Uint8Array): Uint8Array[] {
  const reader = new Reader(payload);
  const count = reader.varint(4_096);
  must(count >= 1, "CHECK of nothing");
  const paths = Array.from({ length: count }, () => reader.blob(4_095));
  paths.forEach(checkPath);
  must(paths.every((path) => path.length > 0), "CHECK of the root");
  reader.end();
  return paths;
}

export function encodeEvent(pairs: [index: number | bigint, change: number | bigint][]): Uint8Array {
  const writer = new Writer();
  for (const [index, change] of pairs) writer.varint(index).varint(change);
  return writer.bytes();
}

export function encodeDeleted(kind: number, path: Uint8Array): Uint8Array {
  return new Writer().u8(kind).blob(path).bytes();
}

export interface ProblemBytes {
  verb: number;
  cause: number;
  errno: number | bigint;
  side: number;
  path: Uint8Array;
}

export function encodeProblem(problem: Partial<ProblemBytes>): Uint8Array {
  const { verb = 1, cause = 0, errno = 13, side = 1, path = latin1("a") } = problem;
  return new Writer().u8(verb).u8(cause).varint(errno).u8(side).blob(path).bytes();
}

export function decodeProblem(payload: Uint8Array): ProblemBytes {
  const reader = new Reader(payload);
  const verb = reader.choice(19, "verb");
  must(verb >= 1, "unknown verb 0");
  const cause = causeOf(reader);
  const errno = reader.varint(4_095);
  const side = reader.choice(2, "side");
  // For eyes only: any bytes.
  const path = reader.blob(4_095);
  reader.end();
  return { verb, cause, errno, side, path };
}

export function encodeProgress(files: number | bigint, bytes: number | bigint): Uint8Array {
  return new Writer().varint(files).varint(bytes).bytes();
}

export const TOTALS_FIELDS = 22;

export function encodeTotals(fields: (number | bigint)[] = new Array(TOTALS_FIELDS).fill(0)): Uint8Array {
  const writer = new Writer();
  for (const field of fields) writer.varint(field);
  return writer.bytes();
}

export function decodeTotals(payload: Uint8Array): number[] {
  const reader = new Reader(payload);
  const totals = Array.from({ length: TOTALS_FIELDS }, () => reader.varint());
  reader.end();
  return totals;
}

export function encodePing(counter: number | bigint): Uint8Array {
  return new Writer().varint(counter).bytes();
}

export function encodeCredit(bytes: number | bigint, idlePercent = 0): Uint8Array {
  return new Writer().varint(bytes).u8(idlePercent).bytes();
}

export function encodeAbort(kind: number, text: Uint8Array): Uint8Array {
  return new Writer().u8(kind).blob(text).bytes();
}

export function decodeAbort(payload: Uint8Array): { kind: number; text: string } {
  const reader = new Reader(payload);
  const kind = reader.choice(10, "abort kind");
  must(kind >= 1, "unknown abort kind 0");
  const text = fromLatin1(reader.blob(4_096));
  reader.end();
  return { kind, text };
}
