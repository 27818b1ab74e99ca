// JOB: what the client wants of the agent: its role, the options, the paths. Encoded and decoded by lib/session. Promises: no
// path holds NUL, no option is out of its bounds.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { FILTER_BYTES, FILTER_FLAGS, FILTER_RULES, PATH_BYTES, SOURCES } from "../base/limits.ts";
import { defaultOptions, type FilterRule, type SyncOptions } from "../base/options.ts";
import { HIGHEST_LEVEL, LOWEST_LEVEL } from "../codec/choose.ts";
import { decodeValues, encodeValues } from "./job_values.ts";
import { DELETE_LIMIT, WINDOW_LIMIT_NS, WINDOW_LIMIT_SECONDS } from "./messages.ts";

export interface Job {
  /** The agent runs the source half (a pull); else the target half (a push). */
  agentIsSource: boolean;
  options: SyncOptions;
  /** Paths as typed: the sources of a pull, or the one target of a push. */
  paths: Uint8Array[];
}

/** Bit numbers, from the lowest of the first word on; one once given out keeps its meaning. */
const OPTION_BITS = {
  recursive: 0,
  links: 1,
  perms: 2,
  times: 3,
  group: 4,
  owner: 5,
  devices: 6,
  specials: 7,
  numericIds: 8,
  dryRun: 9,
  checksum: 10,
  ignoreTimes: 11,
  sparse: 12,
  delete: 13,
  reportUnchanged: 14,
  allowEmptySource: 15,
  allowTorn: 16,
  noGuard: 17,
  reportEntries: 18,
  wholeFile: 19,
  deleteExcluded: 20,
  hardLinks: 21,
  acls: 22,
  xattrs: 23,
  keepsPartials: 24,
  delayUpdates: 25,
  append: 26,
  appendVerify: 27,
  preallocate: 28,
  partialsOnly: 29,
  executability: 30,
  omitDirTimes: 31,
  omitLinkTimes: 32,
  copyLinks: 33,
  copyDirlinks: 34,
  copyUnsafeLinks: 35,
  safeLinks: 36,
  keepDirlinks: 37,
  mungeLinks: 38,
  unmungeLinks: 39,
  atimes: 40,
  openNoatime: 41,
  deleteMissingArgs: 42,
  copyDevices: 43,
  writeDevices: 44,
  update: 45,
  existing: 46,
  ignoreExisting: 47,
  sizeOnly: 48,
  pruneEmptyFolders: 49,
  dirs: 50,
  relative: 51,
  noImpliedDirs: 52,
  filesFrom: 53,
  ignoreMissingArgs: 54,
  from0: 55,
  tellsMore: 56,
  backup: 57,
  force: 58,
  ignoreErrors: 59,
  mkpath: 60,
  removeSourceFiles: 61,
  partial: 62,
  inplace: 63,
  fsync: 64,
  noFsync: 65,
  allowOtherDevice: 67,
  noSpaceCheck: 68,
  goesOn: 76,
  tellsFinished: 80,
  plainDigests: 81,
  listOnly: 82,
  folderSizes: 83,
  fillHoles: 86,
  fakeSuper: 87,
  superOn: 88,
  superOff: 89,
  xattrNotes: 90,
  wholeList: 91,
  batchOnly: 92,
} as const satisfies Partial<Record<keyof SyncOptions, number>>;

const OPTIONS = Object.entries(OPTION_BITS) as [keyof typeof OPTION_BITS, number][];
const BIT_WORDS = 3;

/** Position = number. */
const COMPRESS = ["auto", "always", "never"] as const satisfies SyncOptions["compress"][];

const DeleteLimit = { guard: 0, count: 1, percent: 2 } as const;

export function encodeJob(writer: ByteWriter, job: Job): void {
  writer.u8(job.agentIsSource ? 1 : 0);
  encodeOptions(writer, job.options);
  writer.varint(job.paths.length);
  for (const path of job.paths) writer.blob(path);
}

/** The job; its bytes are copies. */
export function decodeJob(reader: ByteReader): Job {
  const agentIsSource = reader.flag("JOB role");
  const options = decodeOptions(reader);
  const count = reader.varint("JOB paths", SOURCES);
  if (count === 0) reader.fail("JOB paths", "there is none");
  if (agentIsSource && options.trashTask !== "") reader.fail("JOB options", "a source has no trash");
  if (!agentIsSource && options.listOnly) reader.fail("JOB options", "a target is not listed");
  if (options.append && !options.inplace) reader.fail("JOB options", "what is appended is written in place");
  if (options.partialsOnly && !options.listOnly) reader.fail("JOB options", "partials are only listed");
  if (!agentIsSource && count !== 1) reader.fail("JOB paths", "a target is one path");
  const paths: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const path = reader.blob("JOB path", PATH_BYTES).slice();
    if (path.includes(0)) reader.fail("JOB path", "it holds NUL");
    paths.push(path);
  }
  reader.done("JOB");
  return { agentIsSource, options, paths };
}

function encodeOptions(writer: ByteWriter, options: SyncOptions): void {
  const words = new Uint32Array(BIT_WORDS);
  for (const [name, bit] of OPTIONS) if (options[name]) words[bit >>> 5] |= 1 << (bit & 31);
  for (const word of words) writer.u32(word);
  writer.signed(encodeWindow(options.modifyWindowNs));
  const limit = options.deleteLimit;
  if (limit === null) {
    writer.u8(DeleteLimit.guard);
    writer.varint(0);
  } else if ("count" in limit) {
    writer.u8(DeleteLimit.count);
    writer.varint(limit.count);
  } else {
    writer.u8(DeleteLimit.percent);
    writer.varint(limit.percent);
  }
  writer.u8(COMPRESS.indexOf(options.compress));
  writer.signed(options.compressLevel ?? 0);
  writer.varint(options.filters.length);
  for (const rule of options.filters) {
    writer.varint(rule.flags);
    writer.blob(rule.pattern);
  }
  encodeValues(writer, options);
}

function decodeOptions(reader: ByteReader): SyncOptions {
  const options = defaultOptions();
  decodeBits(reader, options);
  const window = reader.signed("JOB modify window", WINDOW_LIMIT_NS);
  if (window < -2 - WINDOW_LIMIT_SECONDS) reader.fail("JOB modify window", `${window} is below the limit`);
  options.modifyWindowNs = window === -1 ? null : window < -1 ? window + 1 : window;
  const kind = reader.u8("JOB delete limit");
  if (kind > DeleteLimit.percent) reader.fail("JOB delete limit", `${kind} is no kind of limit`);
  const limit = reader.varint("JOB delete limit", [0, DELETE_LIMIT, 100][kind]);
  if (kind === DeleteLimit.count) options.deleteLimit = { count: limit };
  if (kind === DeleteLimit.percent) options.deleteLimit = { percent: limit };
  decodeCompression(reader, options);
  options.filters = decodeFilters(reader);
  decodeValues(reader, options);
  return options;
}

/** -1 stands for none given, so whole seconds (below zero) move down by one. */
function encodeWindow(window: number | null): number {
  return window === null ? -1 : window < 0 ? window - 1 : window;
}

function decodeBits(reader: ByteReader, options: SyncOptions): void {
  const words = new Uint32Array(BIT_WORDS);
  for (let word = 0; word < BIT_WORDS; word++) words[word] = reader.u32("JOB options");
  for (const [name, bit] of OPTIONS) {
    options[name] = (words[bit >>> 5] & (1 << (bit & 31))) !== 0;
    words[bit >>> 5] &= ~(1 << (bit & 31));
  }
  if (words.some((word) => word !== 0)) reader.fail("JOB options", "an unknown bit is set");
}

function decodeCompression(reader: ByteReader, options: SyncOptions): void {
  const compress = reader.u8("JOB compression");
  if (compress >= COMPRESS.length) reader.fail("JOB compression", `${compress} is unknown`);
  options.compress = COMPRESS[compress];
  const level = reader.signed("JOB compression level", -LOWEST_LEVEL);
  if (level > HIGHEST_LEVEL) reader.fail("JOB compression level", `${level} is over the limit ${HIGHEST_LEVEL}`);
  options.compressLevel = level === 0 ? null : level;
}

function decodeFilters(reader: ByteReader): FilterRule[] {
  const count = reader.varint("JOB filter rules", FILTER_RULES);
  const filters: FilterRule[] = [];
  for (let i = 0; i < count; i++) {
    const flags = reader.varint("JOB filter rule", FILTER_FLAGS);
    filters.push({ flags, pattern: reader.blob("JOB filter rule", FILTER_BYTES).slice() });
  }
  return filters;
}
