// The runs in a trash: told of (`tsync history`), and taken out when they are too old or too many (--trash-keep). Called at the end of a run
// with a trash and by trash_task.ts. Promises: only runs of ours go, oldest first; one that is being written or undone stays.

import { latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { SyncOptions } from "../base/options.ts";
import { wallSeconds } from "../os/clock.ts";
import type { Handle, Os } from "../os/os.ts";
import { isRemovable, openRun, readJournal, removeRun, runNames, weighRun } from "../tree/trash_folder.ts";
import type { TrashRecord } from "../tree/trash_record.ts";

/** One run, for people. */
export interface RunFacts {
  name: Uint8Array;
  timeSec: number;
  /** What was replaced or deleted and is kept, and paths where something new is. */
  kept: number;
  made: number;
  /** Of files in its trash. */
  bytes: number;
  /** "empty": it died before it changed anything. */
  state: "whole" | "cut short" | "undone" | "half undone" | "empty" | "unreadable";
}

export type Keep = Pick<SyncOptions, "trashKeepSeconds" | "trashKeepBytes">;

/** What is known of the run; of one that cannot be trusted only its name. */
export function lookAtRun(os: Os, trash: Handle, name: Uint8Array, uid: number): RunFacts {
  const facts: RunFacts = { name, timeSec: timeOf(name), kept: 0, made: 0, bytes: 0, state: "unreadable" };
  let run: Handle = -1;
  try {
    run = openRun(os, trash, name, uid);
    const { bytes, isUndone, isBegun } = weighRun(os, run);
    facts.bytes = bytes;
    const records = readJournal(os, run, uid);
    if (records === null) return facts;
    const isWhole = count(records, facts);
    facts.state = isWhole === null
      ? "empty"
      : isUndone
      ? "undone"
      : isBegun
      ? "half undone"
      : isWhole
      ? "whole"
      : "cut short";
  } catch (error) {
    if (!(error instanceof TsyncError)) throw error;
  } finally {
    if (run >= 0) os.close(run);
  }
  return facts;
}

/** Whether its last record is there; null if not even the first one is. */
function count(records: Iterable<TrashRecord>, facts: RunFacts): boolean | null {
  let isWhole: boolean | null = null;
  for (const record of records) {
    if (record.type === "end") isWhole = true;
    else if (record.type === "begin") {
      facts.timeSec = record.timeSec;
      isWhole = false;
    } else if (record.kept !== 0) facts.kept++;
    else if (record.before === null) facts.made++;
  }
  return isWhole;
}

/** The moment in a run's name. */
function timeOf(name: Uint8Array): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(latin1(name))!.map(
    Number,
  );
  return Math.floor(Date.UTC(year, month - 1, day, hour, minute, second) / 1000);
}

/** Takes out what is older or more than is to be kept; the names that went, or that would go if it were no dry run. */
export function pruneTrash(os: Os, trash: Handle, uid: number, keep: Keep, isDry = false): Uint8Array[] {
  const { trashKeepSeconds, trashKeepBytes } = keep;
  if (trashKeepSeconds === null && trashKeepBytes === null) return [];
  const names = runNames(os, trash);
  const sizes = names.map((name) => trashKeepBytes === null ? 0 : lookAtRun(os, trash, name, uid).bytes);
  let bytes = sizes.reduce((sum, size) => sum + size, 0);
  const now = wallSeconds();
  const gone: Uint8Array[] = [];
  names.forEach((name, i) => {
    const isOld = trashKeepSeconds !== null && now - timeOf(name) > trashKeepSeconds;
    const isTooMuch = trashKeepBytes !== null && bytes > trashKeepBytes;
    if (!isOld && !isTooMuch) return;
    if (!(isDry ? isRemovable(os, trash, name, uid) : removeRun(os, trash, name, uid))) return;
    bytes -= sizes[i];
    gone.push(name);
  });
  return gone;
}
