// The numbers after a run in rsync's words and form: the --stats block and the two summary lines. Pure; called by the
// reporter.

import type { SyncOptions } from "../base/options.ts";
import type { JobOutcome } from "../job/outcome.ts";
import { shownFraction, shownNumber } from "./numbers.ts";

/** How long the source's list took, as --stats shows it, ms. */
export interface ListTimes {
  listMs: number;
}

/** The --stats block, an empty line in front. */
export function statsBlock(outcome: JobOutcome, { listMs }: ListTimes, human = 1): string {
  const { totals: t, wireSentBytes, wireReceivedBytes, connections = 1 } = outcome;
  const shown = (value: number) => shownNumber(value, human);
  const counted = (counts: number[]) => countedKinds(counts, shown);
  const listed = counted([t.files, t.folders, t.links, t.devices, t.specials]);
  const created = counted([t.createdFiles, t.createdFolders, t.createdLinks, t.createdDevices, t.createdSpecials]);
  const deleted = counted([t.deletedFiles, t.deletedFolders, t.deletedLinks, t.deletedDevices, t.deletedSpecials]);
  return [
    "",
    `Number of files: ${listed}`,
    `Number of created files: ${created}`,
    `Number of deleted files: ${deleted}`,
    `Number of regular files transferred: ${shown(t.transferredFiles)}`,
    `Total file size: ${shown(t.totalBytes)} bytes`,
    `Total transferred file size: ${shown(t.transferredBytes)} bytes`,
    `Literal data: ${shown(t.literalBytes)} bytes`,
    `Matched data: ${shown(t.matchedBytes)} bytes`,
    `File list size: ${shown(t.listBytes)}`,
    `File list generation time: ${(listMs / 1000).toFixed(3)} seconds`,
    // The list crosses while it is made: no time is its own.
    "File list transfer time: 0.000 seconds",
    `Total bytes sent: ${shown(wireSentBytes)}`,
    `Total bytes received: ${shown(wireReceivedBytes)}`,
    ...(connections > 1 ? [`Connections: ${connections}`] : []),
    "",
  ].join("\n");
}

/** What the last line says of the run. */
type Marked = Pick<SyncOptions, "dryRun" | "batchOnly">;

/** The two last lines of -v and --stats, an empty line in front. */
export function summaryLines(outcome: JobOutcome, { dryRun, batchOnly }: Marked, human = 1): string {
  const shown = (value: number) => shownNumber(value, human);
  const { totals, wireSentBytes: sent, wireReceivedBytes: received } = outcome;
  const rate = (sent + received) * 1000 / Math.max(outcome.elapsedMs, 1);
  const speedup = sent + received === 0 ? 0 : totals.totalBytes / (sent + received);
  return `\nsent ${shown(sent)} bytes  received ${shown(received)} bytes  ${shownFraction(rate, human)} bytes/sec\n` +
    `total size is ${shown(totals.totalBytes)}  speedup is ${shownFraction(speedup, human)}${
      batchOnly ? " (BATCH ONLY)" : dryRun ? " (DRY RUN)" : ""
    }\n`;
}

const KINDS = ["reg", "dir", "link", "dev", "special"];

/** "5 (reg: 3, dir: 2)"; kinds that do not occur are left out. */
function countedKinds(counts: number[], shown: (value: number) => string): string {
  const sum = counts.reduce((a, b) => a + b, 0);
  const parts = counts.flatMap((count, i) => count === 0 ? [] : `${KINDS[i]}: ${shown(count)}`);
  return parts.length === 0 ? shown(sum) : `${shown(sum)} (${parts.join(", ")})`;
}
