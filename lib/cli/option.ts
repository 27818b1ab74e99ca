// What a row of the option table is, and what many rows do. Used by the files of rows (*_options.ts) and by whoever reads the table.

import type { Settings } from "./settings.ts";

export const GROUPS = [
  "What is transferred",
  "What is kept as it is at the source",
  "What counts as changed",
  "Deletion and guards",
  "Backups and other folders",
  "Connection",
  "Output",
  "Taken as in rsync, without effect here",
] as const;
export type Group = typeof GROUPS[number];

export interface Option {
  /** Long name without dashes; empty where there is only a short one. */
  name: string;
  /** One ASCII letter or sign. */
  short?: string;
  /** Other long names. */
  aliases?: readonly string[];
  /** What its argument is, as the help shows it; none: the option takes no argument. */
  argument?: string;
  /** The argument may be left out; it then stands behind "=" only. */
  isOptional?: boolean;
  group: Group;
  /** One line for the help; the last row of several that belong together carries it. */
  help: string;
  /** `value` is empty for an option without argument; `word` is how it was written, for messages. Throws TsyncError "usage". */
  set(settings: Settings, value: Uint8Array, word: string): void;
  /** tsync's own: where the program stands in rsync's place it is --ts-NAME. */
  own?: true;
  /** What --no-NAME (and --no-SHORT) does; none: there is no such word. */
  unset?(settings: Settings): void;
  /** It has no --no-SHORT. */
  unsetByNameOnly?: true;
}

type Flag =
  | "wholeFile"
  | "recursive"
  | "links"
  | "perms"
  | "times"
  | "group"
  | "owner"
  | "devices"
  | "writeDevices"
  | "specials"
  | "numericIds"
  | "hardLinks"
  | "xattrs"
  | "executability"
  | "omitDirTimes"
  | "copyLinks"
  | "copyDirlinks"
  | "copyUnsafeLinks"
  | "safeLinks"
  | "keepDirlinks"
  | "openNoatime"
  | "dropSpecials"
  | "omitLinkTimes"
  | "force"
  | "ignoreErrors"
  | "mkpath"
  | "removeSourceFiles"
  | "partial"
  | "delayUpdates"
  | "preallocate"
  | "inplace";
type Switch =
  | "copyDevices"
  | "dryRun"
  | "checksum"
  | "ignoreTimes"
  | "sparse"
  | "delete"
  | "allowEmptySource"
  | "allowTorn"
  | "update"
  | "ignoreMissingArgs"
  | "pruneEmptyFolders"
  | "existing"
  | "ignoreExisting"
  | "sizeOnly"
  | "allowOtherDevice"
  | "noSpaceCheck"
  | "noGuard";

/** Sets them. */
export function turnsOn(...flags: Array<Flag | Switch>): Pick<Option, "set"> {
  return {
    set(settings) {
      for (const flag of flags) settings.options[flag] = true;
    },
  };
}

/** Can be taken back by --no-NAME. */
export function turns(...flags: Array<Flag | Switch>): Pick<Option, "set" | "unset"> {
  return {
    ...turnsOn(...flags),
    unset(settings) {
      for (const flag of flags) settings.options[flag] = false;
    },
  };
}
