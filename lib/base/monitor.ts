// Monitor: the interface through which the halves report. Terminal, tests and the agent (as frames) implement it; the
// client alone speaks to the user.

import type { Problem } from "./problem.ts";

/** What happened or will happen to one entry, as a set of bits; lib/plan/itemize.ts makes rsync's string of it. */
export const Change = {
  /** The entry does not exist at the target yet. */
  create: 1 << 0,
  /** Content is transferred. */
  content: 1 << 1,
  /** Something is made or changed that has no content (folder, link, special). */
  local: 1 << 2,
  checksum: 1 << 3,
  size: 1 << 4,
  time: 1 << 5,
  /** The time will be that of the transfer, because times are not preserved. */
  timeNow: 1 << 6,
  mode: 1 << 7,
  owner: 1 << 8,
  group: 1 << 9,
  /** The entry becomes a second name of one that is there, in an alternative destination. */
  hardLink: 1 << 10,
  acl: 1 << 11,
  xattr: 1 << 12,
  /** It is, or with `create` or `local` becomes, another name of an entry that the event names. */
  linked: 1 << 13,
  /** Passed over: a link that may lead out (--safe-links). Stands alone. */
  unsafe: 1 << 14,
  atime: 1 << 15,
} as const;

/** One entry as an event shows it. */
export interface EntryFacts {
  /** Its place in the list. */
  index: number;
  path: Uint8Array;
  kind: number;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  mtimeSec: number;
  /** Where the job lists it; folders have none. */
  atimeSec?: number;
  /** Bytes of a file or a link's target; of a folder where the job lists them; else 0. */
  size: number;
  /** Target of a link, else empty. */
  linkTarget: Uint8Array;
  /** Which source argument it came from, where that is known here. */
  origin: number;
  /** What its transfer took, where the job tells that and it is over. */
  transfer?: Transfer;
  /** Path of the entry that it becomes another name of; null: of none. */
  linkedWith?: Uint8Array | null;
}

/** The transfer of one file that is in place. */
export interface Transfer {
  /** Content bytes that came as they are, not from what was there. */
  literalBytes: number;
  /** Bytes of signatures that told the source what was there. */
  signatureBytes: number;
  /** XXH3-128 of the content without a seed, where the job asks for it. */
  digest: Uint8Array | null;
}

export interface Totals {
  /** Entries listed, by kind. */
  files: number;
  folders: number;
  links: number;
  devices: number;
  specials: number;
  /** Entries that did not exist at the target, by kind. */
  createdFiles: number;
  createdFolders: number;
  createdLinks: number;
  createdDevices: number;
  createdSpecials: number;
  deletedFiles: number;
  deletedFolders: number;
  deletedLinks: number;
  deletedDevices: number;
  deletedSpecials: number;
  /** Regular files whose content was transferred. */
  transferredFiles: number;
  /** Sum of the sizes of all listed files and links, bytes. */
  totalBytes: number;
  /** Sum of the sizes of the transferred files, bytes. */
  transferredBytes: number;
  /** Content bytes that crossed or were written as they are. */
  literalBytes: number;
  /** Content bytes taken from a basis, cloned, or left as holes. */
  matchedBytes: number;
  /** Entries found as they should be. */
  unchanged: number;
  /** Bytes of the encoded file list. */
  listBytes: number;
}

export function zeroTotals(): Totals {
  return {
    files: 0,
    folders: 0,
    links: 0,
    devices: 0,
    specials: 0,
    createdFiles: 0,
    createdFolders: 0,
    createdLinks: 0,
    createdDevices: 0,
    createdSpecials: 0,
    deletedFiles: 0,
    deletedFolders: 0,
    deletedLinks: 0,
    deletedDevices: 0,
    deletedSpecials: 0,
    transferredFiles: 0,
    totalBytes: 0,
    transferredBytes: 0,
    literalBytes: 0,
    matchedBytes: 0,
    unchanged: 0,
    listBytes: 0,
  };
}

export type Phase = "connecting" | "deploying" | "listing" | "transferring" | "deleting" | "finishing";

export interface Monitor {
  phase(phase: Phase): void;
  /** An entry's change, in list order; `change` 0 = unchanged (only with reportUnchanged). */
  entry(facts: EntryFacts, change: number): void;
  deleted(path: Uint8Array, kind: number): void;
  problem(problem: Problem): void;
  /** Progress of the listing half: entries seen and bytes they hold. */
  listed(entries: number, bytes: number, complete: boolean): void;
  /** Content bytes and files finished so far. */
  transferred(files: number, bytes: number): void;
}
