// The frames of a batch file (--write-batch) that are not the protocol's own: its head and its end (PROTOCOL.md section 12). Called by
// lib/engine/batch_*.ts.

import type { ByteReader, ByteWriter } from "../base/codec.ts";
import { utf8 } from "../base/bytes.ts";
import { defaultOptions, type SyncOptions } from "../base/options.ts";
import { decodeJob, encodeJob } from "./job_codec.ts";
import { DIGEST_BYTES } from "./messages.ts";

/** What a batch file begins with: magic and version. */
export const BATCH_MAGIC = utf8("tsync batch 1\n");

/** Types of the frames; all others in a batch are those of section 7. */
export const BatchFrame = { head: 0x60, end: 0x61 } as const;

/** What stands behind the last frame of the source's. */
export interface BatchEnd {
  /** Of the digests of content. */
  seed: { low: number; high: number };
  /** XXH3-128 without a seed of everything in front of this frame. */
  digest: Uint8Array;
}

const HERE = utf8(".");

/** The options of what was listed. Rules and sources' words are left out. */
export function encodeBatchHead(writer: ByteWriter, options: SyncOptions): void {
  encodeJob(writer, { agentIsSource: false, options: listOptions(options), paths: [HERE] });
}

export function decodeBatchHead(reader: ByteReader): SyncOptions {
  const { agentIsSource, options } = decodeJob(reader);
  if (agentIsSource) reader.fail("batch head", "it is no target's");
  return listOptions(options);
}

/** Of the options those that say what a list holds and what of it counts. */
export function listOptions(options: SyncOptions): SyncOptions {
  const { recursive, links, perms, times, group, owner, devices, specials, numericIds, hardLinks, acls, xattrs } =
    options;
  const { xattrNotes, executability, checksum, folderSizes, dirs, relative, noImpliedDirs, filesFrom } = options;
  return {
    ...defaultOptions(),
    ...{ recursive, links, perms, times, group, owner, devices, specials, numericIds, hardLinks, acls, xattrs },
    ...{ xattrNotes, executability, checksum, folderSizes, dirs, relative, noImpliedDirs, filesFrom },
  };
}

export function encodeBatchEnd(writer: ByteWriter, { seed, digest }: BatchEnd): void {
  writer.u32(seed.low);
  writer.u32(seed.high);
  writer.raw(digest);
}

export function decodeBatchEnd(reader: ByteReader): BatchEnd {
  const seed = { low: reader.u32("batch seed"), high: reader.u32("batch seed") };
  const digest = reader.raw("batch digest", DIGEST_BYTES).slice();
  reader.done("batch end");
  return { seed, digest };
}
