// Rows of the option table: what is transferred.

import { EMPTY, utf8 } from "../base/bytes.ts";
import { type Option, turns, turnsOn } from "./option.ts";
import { sizeOf } from "./size_words.ts";
import type { RuleWord, Settings } from "./settings.ts";

const WHAT = "What is transferred";

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

export const TRANSFER_OPTIONS: readonly Option[] = [
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
    name: "retry-failed",
    own: true,
    argument: "RUN",
    isOptional: true,
    group: WHAT,
    help: "only what failed in the last run of this source and target, or in\nRUN; nothing is deleted",
    set(settings, value) {
      settings.retryFailed = value;
    },
  },
  {
    name: "from0",
    short: "0",
    unsetByNameOnly: true,
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
    name: "keep-dirlinks",
    short: "K",
    group: WHAT,
    help: "links to folders inside the target are used as folders",
    ...turnsOn("keepDirlinks"),
  },
  {
    name: "munge-links",
    group: WHAT,
    help:
      "on this side (-M--munge-links: the other) links lead nowhere; they\nare sent as what they were, or made so when they are received",
    set(settings) {
      settings.mungeLinks = true;
    },
    unset(settings) {
      settings.mungeLinks = false;
    },
  },
  {
    name: "one-file-system",
    short: "x",
    group: WHAT,
    help: "leave alone what folders on other file systems hold (-xx: them, too)",
    set({ options }) {
      options.oneFileSystem = Math.min(options.oneFileSystem + 1, 2);
    },
    unset({ options }) {
      options.oneFileSystem = 0;
    },
  },
  {
    name: "safe-links",
    group: WHAT,
    help: "leave links out that may lead out of what is copied",
    ...turnsOn("safeLinks"),
  },
  { name: "devices", group: WHAT, help: "copy device files (as root)", ...turns("devices") },
  {
    name: "copy-devices",
    group: WHAT,
    help: "copy devices as files of what can be read from them",
    ...turnsOn("copyDevices"),
  },
  {
    name: "write-devices",
    group: WHAT,
    help: "write into the devices that are there (implies --inplace)",
    ...turns("writeDevices"),
  },
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
    ...turns("dropSpecials"),
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
];
