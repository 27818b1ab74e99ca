// What --json writes, as a zod schema: one JSON object a line, each with the version "v". Loaded by tests and by programs that read
// it; tsync itself takes the types only (json_report.ts). A reader passes over types and fields it does not know; fields and types
// may be added within a version, nothing is taken away or changes its meaning.

import { z } from "zod";

const v = z.literal(1);
const count = z.number().int().min(0);

/** A path or a link's target: as text; where it is not UTF-8 the text has U+FFFD, and its bytes are in base64. */
const named = { path: z.string(), pathBase64: z.base64().optional() };

export const StartEvent = z.object({
  v,
  type: z.literal("start"),
  program: z.literal("tsync"),
  version: z.string(),
  time: z.number(),
  direction: z.enum(["local", "push", "pull"]),
  host: z.string().nullable(),
  sources: z.array(z.string()).min(1),
  target: z.string().nullable(),
  dryRun: z.boolean(),
});

/** The program for the other side is being installed there. */
export const DeployEvent = z.object({ v, type: z.literal("deploy"), host: z.string() });

export const PhaseEvent = z.object({
  v,
  type: z.literal("phase"),
  phase: z.enum(["connecting", "deploying", "listing", "transferring", "deleting", "finishing"]),
});

/** At most a few each second; numbers do not fall. */
export const ProgressEvent = z.object({
  v,
  type: z.literal("progress"),
  entries: count,
  listedBytes: count,
  listComplete: z.boolean(),
  files: count,
  bytes: count,
});

/** What was done to an entry (in a dry run: would be). A transferred file is told when it is in place. */
export const EntryEvent = z.object({
  v,
  type: z.literal("entry"),
  action: z.enum(["create", "transfer", "change", "unchanged", "delete", "list"]),
  ...named,
  kind: z.enum(["file", "folder", "link", "device", "special"]),
  /** rsync's letters, as -i shows them; not for "list". */
  itemize: z.string().length(11).optional(),
  /** Bytes, mode and time of the source's entry; not for "delete". */
  size: count.optional(),
  mode: count.max(0o7777).optional(),
  mtime: z.number().int().optional(),
  linkTarget: z.string().optional(),
  linkTargetBase64: z.base64().optional(),
});

/**
 * data: content or the entry itself did not get there; metadata: it did, but not its owner, mode, times or attributes; denied: by
 * permissions or a read-only file system; changed: something else changed it meanwhile; collision: two names are one at the target.
 */
export const ProblemClass = z.enum(["data", "metadata", "vanished", "denied", "changed", "collision"]);

export const ProblemEvent = z.object({
  v,
  type: z.literal("problem"),
  /** "failed" and "vanished" decide the exit code, a "notice" does not. */
  severity: z.enum(["failed", "vanished", "notice"]),
  side: z.enum(["source", "target"]),
  ...named,
  verb: z.string(),
  errno: count.optional(),
  /** Of a failure: what kind of trouble it is, and what to do where that is known. */
  class: ProblemClass.optional(),
  remedy: z.string().optional(),
  /** The sentence as standard error has it. */
  message: z.string(),
});

/** Always the last line, whatever the end is. */
export const SummaryEvent = z.object({
  v,
  type: z.literal("summary"),
  exitCode: z.number().int().min(0).max(255),
  /** Why the run could not go on; not there if it came to its end. */
  error: z.string().optional(),
  seconds: z.number().min(0),
  failed: count.optional(),
  vanished: count.optional(),
  /** Failures by class; they add up to failed and vanished. */
  classes: z.record(ProblemClass, count).optional(),
  /** What --retry-failed knows the run by. */
  failedRun: z.string().optional(),
  sentBytes: count.optional(),
  receivedBytes: count.optional(),
  /** ssh connections at a time, at most; not in a local run. */
  connections: count.optional(),
  totals: z.record(z.string(), count).optional(),
});

export const JsonEvent = z.discriminatedUnion("type", [
  StartEvent,
  DeployEvent,
  PhaseEvent,
  ProgressEvent,
  EntryEvent,
  ProblemEvent,
  SummaryEvent,
]);
export type JsonEvent = z.infer<typeof JsonEvent>;
