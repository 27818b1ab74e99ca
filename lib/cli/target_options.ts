// Rows of the option table: what happens at the target besides: deletion and its guards, backups, other folders.

import { ALT_DESTS } from "../base/limits.ts";
import type { AltKind } from "../base/options.ts";
import { type Option, turns, turnsOn } from "./option.ts";
import { folderOf, numberOf, percentOrNumberOf, usageError } from "./option_values.ts";

const GUARDS = "Deletion and guards";
const FOLDERS = "Backups and other folders";

/** --compare-dest and its kin: several of one kind, not of two. */
function altDest(kind: AltKind): Pick<Option, "set"> {
  return {
    set({ options }, value, word) {
      if (options.altKind !== "none" && options.altKind !== kind) {
        throw usageError(`${word} and --${options.altKind}-dest cannot be given together`);
      }
      if (options.altDests.length === ALT_DESTS) throw usageError(`${word}: at most ${ALT_DESTS} can be given`);
      options.altKind = kind;
      options.altDests = [...options.altDests, folderOf(value, word)];
    },
  };
}

/** A mode of --delete. All are the same here: after the whole list, behind everything else. */
function deletes(name: string, aliases: string[], help: string): Option {
  return { name, aliases, group: GUARDS, help, ...turnsOn("delete") };
}

export const TARGET_OPTIONS: readonly Option[] = [
  {
    name: "delete",
    group: GUARDS,
    help: "delete at the target what the source does not have (needs -r)",
    ...turnsOn("delete"),
  },
  deletes(
    "delete-after",
    ["del", "delete-before", "delete-during", "delete-delay"],
    "same as --delete, which deletes last always; also --del,\n" +
      "--delete-before, --delete-during, --delete-delay",
  ),
  {
    name: "delete-missing-args",
    group: GUARDS,
    help: "sources that are not there are deleted at the target",
    set({ options }) {
      options.deleteMissingArgs = true;
    },
  },
  {
    name: "max-delete",
    argument: "NUM",
    group: GUARDS,
    help: "delete at most NUM entries, leave the rest and exit 25",
    set(settings, value, word) {
      settings.options.maxDelete = Math.max(0, numberOf(value, word, "a number of entries", -(2 ** 31), 2 ** 31 - 1));
    },
  },
  {
    name: "force",
    group: GUARDS,
    help: "let a folder that is not empty give way to something else",
    ...turns("force"),
  },
  {
    name: "ignore-errors",
    group: GUARDS,
    help: "delete although something could not be read at the source",
    ...turns("ignoreErrors"),
  },
  {
    name: "remove-source-files",
    aliases: ["remove-sent-files"],
    group: GUARDS,
    help: "remove at the source what is in place at the target, not folders",
    ...turnsOn("removeSourceFiles"),
  },
  {
    name: "delete-excluded",
    group: GUARDS,
    help: "delete also what is left out: rules protect nothing at the\ntarget unless they say so (implies --delete)",
    set(settings) {
      settings.options.delete = true;
      settings.deleteExcluded = true;
    },
  },
  {
    name: "delete-limit",
    own: true,
    argument: "N|P%",
    group: GUARDS,
    help: "delete at most N entries, or P percent of the target; without it a\n" +
      "run that would delete more than 100 entries and more than half stops",
    set(settings, value, word) {
      settings.options.deleteLimit = percentOrNumberOf(value, word);
    },
  },
  {
    name: "allow-empty-source",
    own: true,
    group: GUARDS,
    help: "let an empty source delete everything",
    ...turnsOn("allowEmptySource"),
  },
  {
    name: "allow-torn",
    own: true,
    group: GUARDS,
    help: "send a file that keeps changing as it was read",
    ...turnsOn("allowTorn"),
  },
  {
    name: "allow-other-device",
    own: true,
    group: GUARDS,
    help: "delete although the source is on another device than last time,\nor is no folder any more",
    ...turnsOn("allowOtherDevice"),
  },
  {
    name: "no-space-check",
    own: true,
    group: GUARDS,
    help: "begin although what is to be written does not fit at the target",
    ...turnsOn("noSpaceCheck"),
  },
  {
    name: "no-guard",
    own: true,
    group: GUARDS,
    help:
      "turn all guards off: empty source, other device, overlap, space,\nmany deletions, a target that is replaced meanwhile",
    ...turnsOn("noGuard"),
  },
  { name: "dry-run", short: "n", group: GUARDS, help: "change nothing, show what would be done", ...turnsOn("dryRun") },
  {
    name: "backup",
    short: "b",
    unsetByNameOnly: true,
    group: FOLDERS,
    help: "keep what is replaced or deleted as NAME~",
    set(settings) {
      settings.options.backup = true;
    },
    unset(settings) {
      settings.options.backup = false;
    },
  },
  {
    name: "backup-dir",
    argument: "DIR",
    group: FOLDERS,
    help: "the same, in DIR; like every DIR here it is relative to the\ntarget folder",
    set(settings, value, word) {
      settings.options.backupDir = folderOf(value, word);
    },
  },
  {
    name: "suffix",
    argument: "SUFFIX",
    group: FOLDERS,
    help: "what is added to a backup's name: ~, or nothing with --backup-dir",
    set(settings, value) {
      settings.suffix = value;
    },
  },
  {
    name: "compare-dest",
    argument: "DIR",
    group: FOLDERS,
    help: "leave out files that are the same in DIR",
    ...altDest("compare"),
  },
  {
    name: "copy-dest",
    argument: "DIR",
    group: FOLDERS,
    help: "copy files that are the same from DIR",
    ...altDest("copy"),
  },
  {
    name: "link-dest",
    argument: "DIR",
    group: FOLDERS,
    help: "link files that are the same, metadata included, to those in DIR",
    ...altDest("link"),
  },
  {
    name: "fsync",
    group: FOLDERS,
    help: "end only when everything is on the disk; without it only what\nreplaces a file is, before it does",
    set({ options }) {
      options.fsync = true;
      options.noFsync = false;
    },
  },
  {
    name: "no-fsync",
    own: true,
    group: FOLDERS,
    help: "flush nothing: after a power cut a replaced file may be neither\nthe old nor the new one",
    set({ options }) {
      options.fsync = false;
      options.noFsync = true;
    },
  },
  { name: "mkpath", group: FOLDERS, help: "make the folders above the target, too", ...turns("mkpath") },
];
