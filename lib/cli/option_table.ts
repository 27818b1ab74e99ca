// The one table of options: parser (option_words.ts) and help (help.ts) are made from it. A row says how an option is
// written, what it takes, what it does to the settings and what a person reads about it. Order is the order of the help.

import { EMPTY, utf8 } from "../base/bytes.ts";
import { ALT_DESTS } from "../base/limits.ts";
import type { AltKind } from "../base/options.ts";
import { CONNECTION_OPTIONS, EFFECTLESS_OPTIONS } from "./connection_options.ts";
import { addFlags, DEBUG, INFO } from "./info.ts";
import {
  compressionOf,
  folderOf,
  levelOf,
  numberOf,
  oneOf,
  percentOrNumberOf,
  setAccountMap,
  setOwnerOfAll,
  textOf,
  usageError,
} from "./option_values.ts";
import { sizeOf } from "./size_words.ts";
import type { RuleWord, Settings } from "./settings.ts";

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
  | "hardLinks"
  | "xattrs"
  | "executability"
  | "omitDirTimes"
  | "copyLinks"
  | "copyDirlinks"
  | "copyUnsafeLinks"
  | "safeLinks"
  | "dropSpecials"
  | "omitLinkTimes"
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
  | "update"
  | "ignoreMissingArgs"
  | "pruneEmptyFolders"
  | "existing"
  | "ignoreExisting"
  | "sizeOnly"
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

function rule(from: RuleWord["from"], action: RuleWord["action"]): Pick<Option, "set"> {
  return {
    set(settings, word) {
      settings.rules.push({ from, action, word, nul: settings.from0 });
    },
  };
}

/** The first -F reads .rsync-filter in each folder, from the root of the file system on; the second leaves these files out. */
function addFilterFiles(settings: Settings): void {
  const text = ["dir-merge /.rsync-filter", "exclude .rsync-filter"][settings.filterFiles++];
  if (text !== undefined) rule("text", "filter").set(settings, utf8(text), "-F");
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
    set(settings) {
      if (!settings.options.recursive) settings.isArchiveRecursion = true;
      turnsOn("recursive", "links", "perms", "times", "group", "owner", "devices", "specials").set(settings, EMPTY, "");
    },
  },
  {
    name: "recursive",
    short: "r",
    group: WHAT,
    help: "go into folders",
    set(settings) {
      settings.options.recursive = true;
      settings.isArchiveRecursion = false;
    },
    unset(settings) {
      settings.options.recursive = settings.isArchiveRecursion = false;
    },
  },
  {
    name: "dirs",
    short: "d",
    group: WHAT,
    help: "folders themselves without -r; what they hold where the name ends in /",
    set(settings) {
      settings.dirs = true;
    },
    unset(settings) {
      settings.dirs = settings.oldDirs = false;
    },
  },
  {
    name: "old-dirs",
    aliases: ["old-d"],
    group: WHAT,
    help: "same by -r and --exclude='/*/*'",
    set(settings) {
      settings.oldDirs = true;
    },
  },
  {
    name: "relative",
    short: "R",
    group: WHAT,
    help: "keep the paths of the sources (from /./ on, where that is in one)",
    set(settings) {
      settings.relative = true;
    },
    unset(settings) {
      settings.relative = false;
    },
  },
  {
    name: "implied-dirs",
    aliases: ["i-d"],
    group: WHAT,
    help: "with -R: the folders on the way, too (--no-implied-dirs: their names\nonly)",
    set(settings) {
      settings.impliedDirs = true;
    },
    unset(settings) {
      settings.impliedDirs = false;
    },
  },
  {
    name: "files-from",
    argument: "FILE",
    group: WHAT,
    help:
      "only what FILE names below the source (- is standard input, :FILE\nat the other end); means -R and -d, and -a without -r",
    set(settings, value) {
      settings.filesFrom = value;
    },
  },
  {
    name: "from0",
    short: "0",
    group: WHAT,
    help: "lines of the file of --files-from, and of files of rules named\nafter it, end with NUL",
    set(settings) {
      settings.from0 = true;
    },
    unset(settings) {
      settings.from0 = false;
    },
  },
  {
    name: "ignore-missing-args",
    group: WHAT,
    help: "sources that are not there are no failure",
    ...turnsOn("ignoreMissingArgs"),
  },
  {
    name: "prune-empty-dirs",
    short: "m",
    group: WHAT,
    help: "no folders that hold nothing but folders",
    ...turns("pruneEmptyFolders"),
  },
  { name: "links", short: "l", group: WHAT, help: "copy symbolic links as links", ...turns("links") },
  {
    name: "copy-links",
    short: "L",
    group: WHAT,
    help: "copy what links lead to, not the links",
    ...turnsOn("copyLinks"),
  },
  {
    name: "copy-unsafe-links",
    group: WHAT,
    help: "the same for links that may lead out of what is copied",
    ...turnsOn("copyUnsafeLinks"),
  },
  {
    name: "copy-dirlinks",
    short: "k",
    group: WHAT,
    help: "the same for links to folders",
    ...turnsOn("copyDirlinks"),
  },
  {
    name: "safe-links",
    group: WHAT,
    help: "leave links out that may lead out of what is copied",
    ...turnsOn("safeLinks"),
  },
  { name: "devices", group: WHAT, help: "copy device files (as root)", ...turns("devices") },
  { name: "specials", group: WHAT, help: "copy FIFOs and sockets", ...turns("specials") },
  { name: "", short: "D", group: WHAT, help: "same as --devices --specials", ...turns("devices", "specials") },
  {
    name: "existing",
    aliases: ["ignore-non-existing"],
    group: WHAT,
    help: "make nothing that the target does not have",
    ...turnsOn("existing"),
  },
  {
    name: "ignore-existing",
    group: WHAT,
    help: "leave alone what the target has",
    ...turnsOn("ignoreExisting"),
  },
  {
    name: "max-size",
    argument: "SIZE",
    group: WHAT,
    help: "no file larger than SIZE (1.5m: MiB, 2kb: 2,000 bytes; 1g-1)",
    set(settings, value, word) {
      settings.options.maxSize = sizeOf(value, word);
    },
  },
  {
    name: "min-size",
    argument: "SIZE",
    group: WHAT,
    help: "no file smaller than SIZE",
    set(settings, value, word) {
      settings.options.minSize = sizeOf(value, word);
    },
  },
  {
    name: "drop-D",
    group: WHAT,
    help: "as target on this machine, make no devices, FIFOs or sockets",
    ...turnsOn("dropSpecials"),
  },
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
  {
    name: "filter",
    short: "f",
    argument: "RULE",
    group: WHAT,
    help: "add one rule of rsync's whole language: - + H S P R ! . : with\ntheir modifiers, or their long words",
    ...rule("text", "filter"),
  },
  {
    name: "",
    short: "F",
    group: WHAT,
    help: "same as --filter='dir-merge /.rsync-filter'; a second -F adds\n--filter='- .rsync-filter'",
    set: addFilterFiles,
  },
  {
    name: "cvs-exclude",
    short: "C",
    group: WHAT,
    help: "leave out what version control and compilers leave lying about,\n" +
      "~/.cvsignore, CVSIGNORE and the .cvsignore of each folder",
    set(settings) {
      settings.cvsExclude = true;
    },
  },

  { name: "perms", short: "p", group: KEEP, help: "permissions", ...turns("perms") },
  {
    name: "executability",
    short: "E",
    group: KEEP,
    help: "without -p: whether a file can be run",
    ...turnsOn("executability"),
  },
  {
    name: "chmod",
    argument: "MODES",
    group: KEEP,
    help: "treat the source's permissions as if MODES had been applied\n(D755,F644 or Dg+s,go-w; several add up)",
    set(settings, value) {
      settings.chmod.push(value);
    },
  },
  { name: "times", short: "t", group: KEEP, help: "modification times, to the nanosecond", ...turns("times") },
  {
    name: "omit-dir-times",
    short: "O",
    group: KEEP,
    help: "but not the times of folders",
    ...turns("omitDirTimes"),
  },
  {
    name: "omit-link-times",
    short: "J",
    group: KEEP,
    help: "but not the times of links",
    ...turns("omitLinkTimes"),
  },
  {
    name: "crtimes",
    short: "N",
    group: KEEP,
    help: "creation times: refused, Linux cannot set them",
    set(settings) {
      settings.crtimes = true;
    },
    unset(settings) {
      settings.crtimes = false;
    },
  },
  { name: "group", short: "g", group: KEEP, help: "group", ...turns("group") },
  { name: "owner", short: "o", group: KEEP, help: "owner (as root)", ...turns("owner") },
  {
    name: "numeric-ids",
    group: KEEP,
    help: "owners and groups by number, not by name",
    ...turns("numericIds"),
  },
  {
    name: "acls",
    short: "A",
    group: KEEP,
    help: "access lists (and -p)",
    set({ options }) {
      options.acls = options.perms = true;
    },
    unset({ options }) {
      options.acls = false;
    },
  },
  {
    name: "xattrs",
    short: "X",
    group: KEEP,
    help: "extended attributes (without root those of users)",
    ...turns("xattrs"),
  },
  {
    name: "hard-links",
    short: "H",
    group: KEEP,
    help: "names of one file as names of one file",
    ...turns("hardLinks"),
  },
  {
    name: "chown",
    argument: "USER:GROUP",
    group: KEEP,
    help: "give everything to USER and GROUP; either may be left out",
    set: setOwnerOfAll,
  },
  {
    name: "usermap",
    argument: "FROM:TO,...",
    group: KEEP,
    help: "owners that become others: names, numbers, ranges,\nwildcards (--usermap=LIST)",
    set(settings, value, word) {
      setAccountMap(settings, "userMap", value, word);
    },
  },
  {
    name: "groupmap",
    argument: "FROM:TO,...",
    group: KEEP,
    help: "the same for groups (--groupmap=LIST)",
    set(settings, value, word) {
      setAccountMap(settings, "groupMap", value, word);
    },
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
    name: "size-only",
    group: COMPARE,
    help: "files of equal size are the same",
    ...turnsOn("sizeOnly"),
  },
  {
    name: "update",
    short: "u",
    group: COMPARE,
    help: "leave files alone that are newer at the target",
    ...turnsOn("update"),
  },
  {
    name: "modify-window",
    short: "@",
    argument: "SECONDS",
    group: COMPARE,
    help: "times so far apart are the same; -1: compare nanoseconds always",
    set(settings, value, word) {
      const seconds = numberOf(value, word, "a number of seconds", -1, 4_000_000);
      // As in rsync a window is of whole seconds, and fractions do not count.
      const isOurs = seconds === 0 && !settings.asRsync;
      settings.options.modifyWindowNs = seconds < 0 ? 0 : isOurs ? null : -1 - seconds;
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
    name: "no-guard",
    own: true,
    group: GUARDS,
    help: "turn the guards on source and deletion off",
    ...turnsOn("noGuard"),
  },
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
      const wish = compressionOf(value, word);
      settings.options.compress = wish === "auto" && settings.asRsync ? "always" : wish;
      settings.compressChosen = true;
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

  ...CONNECTION_OPTIONS,

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
    name: "out-format",
    argument: "FORMAT",
    group: OUTPUT,
    help: "show each change as FORMAT says: %i letters, %n name, %L link target,\n" +
      "%l size, %M time, and more as in rsyncd.conf(5)",
    set(settings, value) {
      settings.output.format = value;
    },
  },
  {
    name: "info",
    argument: "FLAGS",
    group: OUTPUT,
    help: "what is told, flag by flag (name0,del,stats2); --info=help lists them",
    set(settings, value, word) {
      settings.output.info ??= new Map();
      if (addFlags(value, word, INFO.map(([name]) => name), settings.output.info)) settings.flagsHelp = "info";
    },
  },
  {
    name: "debug",
    argument: "FLAGS",
    group: OUTPUT,
    help: "rsync's flags are taken; tsync has nothing more to tell",
    set(settings, value, word) {
      if (addFlags(value, word, DEBUG, new Map())) settings.flagsHelp = "debug";
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
    name: "human-readable",
    short: "h",
    group: OUTPUT,
    help: "numbers in units of 1000; twice: of 1024; --no-h: digits only",
    set(settings) {
      settings.output.human++;
    },
    unset(settings) {
      settings.output.human = 0;
    },
  },
  {
    name: "progress",
    group: OUTPUT,
    help: "show progress: on a terminal in one line (default there unless -v, -i\nor -q), else a line for each file",
    set(settings) {
      settings.output.progress = true;
    },
    unset(settings) {
      settings.output.progress = false;
    },
  },
  {
    name: "list-only",
    group: OUTPUT,
    help: "list the source instead of copying it, as a single operand does",
    set(settings) {
      settings.listOnly = true;
    },
  },
  {
    name: "8-bit-output",
    short: "8",
    group: OUTPUT,
    help: "show bytes above 127 as they are",
    set(settings) {
      settings.output.eightBit = true;
    },
    unset(settings) {
      settings.output.eightBit = false;
    },
  },
  {
    name: "stderr",
    argument: "errors|all|client",
    group: OUTPUT,
    help: "all: what is told goes to standard error with the errors",
    set(settings, value, word) {
      settings.output.allToStderr = oneOf(value, word, ["errors", "all", "client"]) === "all";
    },
  },
  {
    name: "msgs2stderr",
    group: OUTPUT,
    help: "same as --stderr=all",
    set(settings) {
      settings.output.allToStderr = true;
    },
    unset(settings) {
      settings.output.allToStderr = false;
    },
  },
  {
    name: "outbuf",
    argument: "N|L|B",
    group: OUTPUT,
    help: "write what is told at once (N, L) or when it is much (B)",
    set(settings, value, word) {
      const mode = oneOf(value, word, ["none", "unbuffered", "line", "block", "full"]);
      settings.output.buffering = mode === "block" || mode === "full" ? "full" : "none";
    },
  },
  {
    name: "log-file",
    argument: "FILE",
    group: OUTPUT,
    help: "add a log of what is done to FILE",
    set(settings, value) {
      settings.output.logFile = value;
    },
  },
  {
    name: "log-file-format",
    argument: "FORMAT",
    group: OUTPUT,
    help: "a line of it; default: %i %n%L",
    set(settings, value) {
      settings.output.logFormat = value;
    },
  },
  {
    name: "json",
    own: true,
    argument: "FILE|FD",
    isOptional: true,
    group: OUTPUT,
    help: "tell a program what happens, a JSON object a line, in FILE, on the\n" +
      "open descriptor FD, or on standard output (people: standard error)",
    set(settings, value) {
      settings.output.json = value;
    },
  },
  {
    name: "motd",
    group: OUTPUT,
    help: "a daemon's greeting; --no-motd is taken for rsync's sake",
    set() {},
    unset() {},
  },
  {
    name: "version",
    short: "V",
    group: OUTPUT,
    help: "show the version; -VV: with what it can do, as JSON",
    set(settings) {
      settings.version++;
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

  ...EFFECTLESS_OPTIONS,
];
