// JOB: what the client wants of the agent: its role, the options, the paths. Encoded and decoded by lib/session. Promises: no
// path holds NUL, no option is out of its bounds.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { FILTER_BYTES, FILTER_RULES, PATH_BYTES, SOURCES } from "../base/limits.ts";
import { defaultOptions, type FilterRule, type SyncOptions } from "../base/options.ts";
import { MAX_BLOCK_BYTES } from "../delta/sizes.ts";
import { HIGHEST_LEVEL, LOWEST_LEVEL } from "../codec/choose.ts";
import { DELETE_LIMIT, TIMEOUT_LIMIT, WINDOW_LIMIT_NS } from "./messages.ts";

export interface Job {
  /** The agent runs the source half (a pull); else the target half (a push). */
  agentIsSource: boolean;
  options: SyncOptions;
  /** Paths as typed: the sources of a pull, or the one target of a push. */
  paths: Uint8Array[];
}

/** Position = bit number. */
const OPTION_BITS = [
  "recursive",
  "links",
  "perms",
  "times",
  "group",
  "owner",
  "devices",
  "specials",
  "numericIds",
  "dryRun",
  "checksum",
  "ignoreTimes",
  "sparse",
  "delete",
  "reportUnchanged",
  "allowEmptySource",
  "allowTorn",
  "noGuard",
  "reportEntries",
  "wholeFile",
] as const satisfies (keyof SyncOptions)[];

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
  let bits = 0;
  for (const [bit, name] of OPTION_BITS.entries()) if (options[name]) bits |= 1 << bit;
  writer.u32(bits);
  writer.signed(options.modifyWindowNs ?? -1);
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
  writer.varint(options.timeoutSeconds);
  writer.varint(options.blockBytes);
  writer.u8(COMPRESS.indexOf(options.compress));
  writer.signed(options.compressLevel ?? 0);
  writer.varint(options.filters.length);
  for (const rule of options.filters) {
    writer.flag(rule.include);
    writer.blob(rule.pattern);
  }
}

function decodeOptions(reader: ByteReader): SyncOptions {
  const options = defaultOptions();
  const bits = reader.u32("JOB options");
  if (bits >= 1 << OPTION_BITS.length) reader.fail("JOB options", "an unknown bit is set");
  for (const [bit, name] of OPTION_BITS.entries()) options[name] = (bits & (1 << bit)) !== 0;
  const window = reader.signed("JOB modify window", WINDOW_LIMIT_NS);
  if (window < -1) reader.fail("JOB modify window", `${window} is below -1`);
  options.modifyWindowNs = window === -1 ? null : window;
  const kind = reader.u8("JOB delete limit");
  if (kind > DeleteLimit.percent) reader.fail("JOB delete limit", `${kind} is no kind of limit`);
  const limit = reader.varint("JOB delete limit", [0, DELETE_LIMIT, 100][kind]);
  if (kind === DeleteLimit.count) options.deleteLimit = { count: limit };
  if (kind === DeleteLimit.percent) options.deleteLimit = { percent: limit };
  options.timeoutSeconds = reader.varint("JOB timeout", TIMEOUT_LIMIT);
  options.blockBytes = reader.varint("JOB block size", MAX_BLOCK_BYTES);
  decodeCompression(reader, options);
  options.filters = decodeFilters(reader);
  return options;
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
    const include = reader.flag("JOB filter rule");
    filters.push({ include, pattern: reader.blob("JOB filter rule", FILTER_BYTES).slice() });
  }
  return filters;
}
