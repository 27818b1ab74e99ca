// The numbers after a run in rsync's words and form: the --stats block and the two summary lines. Pure; called by the
// reporter.

import type { JobOutcome } from "../job/outcome.ts";
import { withCommas, withCommasAndCents } from "./numbers.ts";

/** How long the source's list took, as --stats shows it, ms. */
export interface ListTimes {
  listMs: number;
}

/** The --stats block, an empty line in front. */
export function statsBlock({ totals: t, wireSentBytes, wireReceivedBytes }: JobOutcome, { listMs }: ListTimes): string {
  const listed = counted([t.files, t.folders, t.links, t.devices, t.specials]);
  const created = counted([t.createdFiles, t.createdFolders, t.createdLinks, t.createdDevices, t.createdSpecials]);
  const deleted = counted([t.deletedFiles, t.deletedFolders, t.deletedLinks, t.deletedDevices, t.deletedSpecials]);
  return [
    "",
    `Number of files: ${listed}`,
    `Number of created files: ${created}`,
    `Number of deleted files: ${deleted}`,
    `Number of regular files transferred: ${withCommas(t.transferredFiles)}`,
    `Total file size: ${withCommas(t.totalBytes)} bytes`,
    `Total transferred file size: ${withCommas(t.transferredBytes)} bytes`,
    `Literal data: ${withCommas(t.literalBytes)} bytes`,
    `Matched data: ${withCommas(t.matchedBytes)} bytes`,
    `File list size: ${withCommas(t.listBytes)}`,
    `File list generation time: ${(listMs / 1000).toFixed(3)} seconds`,
    // The list crosses while it is made: no time is its own.
    "File list transfer time: 0.000 seconds",
    `Total bytes sent: ${withCommas(wireSentBytes)}`,
    `Total bytes received: ${withCommas(wireReceivedBytes)}`,
    "",
  ].join("\n");
}

/** The two last lines of -v and --stats, an empty line in front. */
export function summaryLines(outcome: JobOutcome, dryRun: boolean): string {
  const { totals, wireSentBytes: sent, wireReceivedBytes: received } = outcome;
  const rate = (sent + received) * 1000 / Math.max(outcome.elapsedMs, 1);
  const speedup = sent + received === 0 ? 0 : totals.totalBytes / (sent + received);
  return `\nsent ${withCommas(sent)} bytes  received ${withCommas(received)} bytes  ${
    withCommasAndCents(rate)
  } bytes/sec\n` +
    `total size is ${withCommas(totals.totalBytes)}  speedup is ${withCommasAndCents(speedup)}${
      dryRun ? " (DRY RUN)" : ""
    }\n`;
}

const KINDS = ["reg", "dir", "link", "dev", "special"];

/** "5 (reg: 3, dir: 2)"; kinds that do not occur are left out. */
function counted(counts: number[]): string {
  const sum = counts.reduce((a, b) => a + b, 0);
  const parts = counts.flatMap((count, i) => count === 0 ? [] : `${KINDS[i]}: ${withCommas(count)}`);
  return parts.length === 0 ? withCommas(sum) : `${withCommas(sum)} (${parts.join(", ")})`;
}
