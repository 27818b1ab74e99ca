// The one table of options: parser (option_words.ts) and help (help.ts) are made from it. A row says how an option is
// written, what it takes, what it does to the settings and what a person reads about it. Order is the order of the help.

import { ALT_DESTS } from "../base/limits.ts";
import type { AltKind } from "../base/options.ts";
import { compressionOf, folderOf, levelOf, numberOf, percentOrNumberOf, textOf, usageError } from "./option_values.ts";
import type { Settings } from "./settings.ts";

export const GROUPS = [
  "What is transferred",
  "What is kept as it is at the source",
  "What counts as changed",
  "Deletion and guards",
  "Backups and other folders",
  "Connection",
  "Output",
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
  group: Group;
  /** One line for the help; the last row of several that belong together carries it. */
  help: string;
  /** `value` is empty for an option without argument; `word` is how it was written, for messages. Throws TsyncError "usage". */
  set(settings: Settings, value: Uint8Array, word: string): void;
  /** What --no-NAME (and --no-SHORT) does; none: there is no such word. */
  unset?(settings: Settings): void;
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
  | "specials"
  | "numericIds"
  | "force"
  | "ignoreErrors"
  | "mkpath"
  | "removeSourceFiles"
  | "partial"
  | "inplace";
type Switch =
  | "dryRun"
  | "checksum"
  | "ignoreTimes"
  | "sparse"
  | "delete"
  | "allowEmptySource"
  | "allowTorn"
  | "noGuard";

function turnsOn(...flags: Array<Flag | Switch>): Pick<Option, "set"> {
  return {
    set(settings) {
      for (const flag of flags) settings.options[flag] = true;
    },
  };
}

/** Can be taken back by --no-NAME. */
function turns(...flags: Array<Flag | Switch>): Pick<Option, "set" | "unset"> {
  return {
    ...turnsOn(...flags),
    unset(settings) {
      for (const flag of flags) settings.options[flag] = false;
    },
  };
}

function rule(from: "text" | "file", action: "exclude" | "include"): Pick<Option, "set"> {
  return {
    set(settings, word) {
      settings.rules.push({ from, action, word });
    },
  };
}

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

const [WHAT, KEEP, COMPARE, GUARDS, FOLDERS, CONNECTION, OUTPUT] = GROUPS;

export const OPTIONS: readonly Option[] = [
  {
    name: "archive",
    short: "a",
    group: WHAT,
    help: "same as -rlptgoD: everything that is kept by default",
    ...turnsOn("recursive", "links", "perms", "times", "group", "owner", "devices", "specials"),
  },
  { name: "recursive", short: "r", group: WHAT, help: "go into folders", ...turns("recursive") },
  { name: "links", short: "l", group: WHAT, help: "copy symbolic links as links", ...turns("links") },
  { name: "devices", group: WHAT, help: "copy device files (as root)", ...turns("devices") },
  { name: "specials", group: WHAT, help: "copy FIFOs and sockets", ...turns("specials") },
  { name: "", short: "D", group: WHAT, help: "same as --devices --specials", ...turns("devices", "specials") },
  {
    name: "exclude",
    argument: "PATTERN",
    group: WHAT,
    help: "leave out, and do not delete, what matches PATTERN",
    ...rule("text", "exclude"),
  },
  {
    name: "include",
    argument: "PATTERN",
    group: WHAT,
    help: "do not leave out what matches PATTERN; the first match counts",
    ...rule("text", "include"),
  },
  {
    name: "exclude-from",
    argument: "FILE",
    group: WHAT,
    help: "read exclude patterns from FILE (- is standard input)",
    ...rule("file", "exclude"),
  },
  {
    name: "include-from",
    argument: "FILE",
    group: WHAT,
    help: "read include patterns from FILE",
    ...rule("file", "include"),
  },

  { name: "perms", short: "p", group: KEEP, help: "permissions", ...turns("perms") },
  { name: "times", short: "t", group: KEEP, help: "modification times, to the nanosecond", ...turns("times") },
  { name: "group", short: "g", group: KEEP, help: "group", ...turns("group") },
  { name: "owner", short: "o", group: KEEP, help: "owner (as root)", ...turns("owner") },
  {
    name: "numeric-ids",
    group: KEEP,
    help: "owners and groups by number, not by name",
    ...turns("numericIds"),
  },
  { name: "sparse", short: "S", group: KEEP, help: "make holes of runs of zeros too", ...turns("sparse") },

  { name: "checksum", short: "c", group: COMPARE, help: "compare content, not size and time", ...turns("checksum") },
  {
    name: "ignore-times",
    short: "I",
    group: COMPARE,
    help: "transfer files even if size and time are the same",
    ...turnsOn("ignoreTimes"),
  },
  {
    name: "modify-window",
    short: "@",
    argument: "SECONDS",
    group: COMPARE,
    help: "times so far apart are the same; -1: compare nanoseconds always",
    set(settings, value, word) {
      const seconds = numberOf(value, word, "a number of seconds", -1, 4_000_000);
      // As in rsync, fractions do not count with a window in seconds: less than one more is still the same.
      settings.options.modifyWindowNs = seconds < 0 ? 0 : seconds === 0 ? null : seconds * 1e9 + 999_999_999;
    },
  },

  {
    name: "whole-file",
    short: "W",
    group: COMPARE,
    help: "send changed files whole, not as what differs (on one machine always)",
    ...turns("wholeFile"),
  },
  {
    name: "block-size",
    short: "B",
    argument: "BYTES",
    group: COMPARE,
    help: "compare changed files in blocks of BYTES, rounded up to a power of two",
    set(settings, value, word) {
      settings.options.blockBytes = numberOf(value, word, "a number of bytes", 0, 16 << 20);
    },
  },

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
    ...turns("removeSourceFiles"),
  },
  {
    name: "delete-limit",
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
    group: GUARDS,
    help: "let an empty source delete everything",
    ...turnsOn("allowEmptySource"),
  },
  {
    name: "allow-torn",
    group: GUARDS,
    help: "send a file that keeps changing as it was read",
    ...turnsOn("allowTorn"),
  },
  { name: "no-guard", group: GUARDS, help: "turn the guards on source and deletion off", ...turnsOn("noGuard") },
  { name: "dry-run", short: "n", group: GUARDS, help: "change nothing, show what would be done", ...turnsOn("dryRun") },

  {
    name: "backup",
    short: "b",
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
    name: "inplace",
    group: FOLDERS,
    help: "write into the files that are there: a run that ends early leaves\nthem half old, half new",
    ...turns("inplace"),
  },
  {
    name: "partial",
    group: FOLDERS,
    help:
      "keep a file that came in part when the run ends early, in place of\nthe old one; the next run goes on from it",
    ...turns("partial"),
  },
  {
    name: "",
    short: "P",
    group: FOLDERS,
    help: "same as --partial --progress",
    set(settings) {
      settings.options.partial = true;
      settings.output.progress = true;
    },
  },
  { name: "mkpath", group: FOLDERS, help: "make the folders above the target, too", ...turns("mkpath") },

  {
    name: "rsh",
    short: "e",
    argument: "COMMAND",
    group: CONNECTION,
    help: "remote shell to use (default: TSYNC_RSH, RSYNC_RSH or ssh)",
    set(settings, value, word) {
      settings.rsh = textOf(value, word);
    },
  },
  {
    name: "rsync-path",
    argument: "PROGRAM",
    group: CONNECTION,
    help: "program at the other end; its last word rsync or tsync-remote\n" +
      'means the one that tsync puts there ("sudo rsync")',
    set(settings, value, word) {
      settings.rsyncPath = textOf(value, word);
    },
  },
  {
    name: "timeout",
    argument: "SECONDS",
    group: CONNECTION,
    help: "end if the other side is silent so long; 0: never",
    set(settings, value, word) {
      settings.options.timeoutSeconds = numberOf(value, word, "a number of seconds", 0, 2 ** 31);
    },
    unset(settings) {
      settings.options.timeoutSeconds = 0;
    },
  },
  {
    name: "compress",
    short: "z",
    group: CONNECTION,
    help: "compress whatever the link is; default: text over slow links;\nwhat does not shrink is never compressed",
    set(settings) {
      settings.options.compress = "always";
    },
    unset(settings) {
      settings.options.compress = "never";
    },
  },
  {
    name: "compress-choice",
    aliases: ["zc"],
    argument: "NAME",
    group: CONNECTION,
    help: "zstd (as -z), none (as --no-z) or auto; rsync's lz4, zlibx\nand zlib are not there (--zc=NAME)",
    set(settings, value, word) {
      settings.options.compress = compressionOf(value, word);
    },
  },
  {
    name: "compress-level",
    aliases: ["zl"],
    argument: "NUM",
    group: CONNECTION,
    help: "zstd level, -50 to 22, and -z; 0: by the link's rate (--zl=NUM)",
    set({ options }, value, word) {
      options.compressLevel = levelOf(value, word);
      if (options.compress === "auto") options.compress = "always";
    },
  },

  {
    name: "verbose",
    short: "v",
    group: OUTPUT,
    help: "name each entry; -vv also the unchanged ones",
    set(settings) {
      settings.output.verbose++;
    },
    unset(settings) {
      settings.output.verbose = 0;
    },
  },
  {
    name: "itemize-changes",
    short: "i",
    group: OUTPUT,
    help: "show what changes about each entry; -ii also the unchanged ones",
    set(settings) {
      settings.output.itemize++;
    },
    unset(settings) {
      settings.output.itemize = 0;
    },
  },
  {
    name: "quiet",
    short: "q",
    group: OUTPUT,
    help: "errors only",
    set(settings) {
      settings.output.quiet = true;
    },
  },
  {
    name: "stats",
    group: OUTPUT,
    help: "show what was done in numbers",
    set(settings) {
      settings.output.stats = true;
    },
  },
  {
    name: "progress",
    group: OUTPUT,
    help: "show progress (default on a terminal unless -v, -i or -q)",
    set(settings) {
      settings.output.progress = true;
    },
    unset(settings) {
      settings.output.progress = false;
    },
  },
  {
    name: "version",
    short: "V",
    group: OUTPUT,
    help: "show the version",
    set(settings) {
      settings.version = true;
    },
  },
  {
    name: "help",
    group: OUTPUT,
    help: "show this help (-h, where it is the only word)",
    set(settings) {
      settings.help = true;
    },
  },
];
