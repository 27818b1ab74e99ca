// Rows of the option table: what is kept as it is at the source, and what counts as changed.

import { type Option, turns, turnsOn } from "./option.ts";
import { numberOf, setAccountMap, setOwnerOfAll } from "./option_values.ts";

const KEEP = "What is kept as it is at the source";
const COMPARE = "What counts as changed";

export const KEPT_OPTIONS: readonly Option[] = [
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
    name: "atimes",
    short: "U",
    group: KEEP,
    help: "access times, but not of folders (-UU: --open-noatime, too)",
    set({ options }) {
      if (options.atimes) options.openNoatime = true;
      options.atimes = true;
    },
    unset({ options }) {
      options.atimes = false;
    },
  },
  {
    name: "open-noatime",
    group: KEEP,
    help: "reading a file leaves its access time alone, if it is yours",
    ...turns("openNoatime"),
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
    help: "extended attributes (without root those of users);\ntwice (-XX): what --fake-super noted, too",
    set({ options }) {
      options.xattrNotes = options.xattrs;
      options.xattrs = true;
    },
    unset({ options }) {
      options.xattrs = options.xattrNotes = false;
    },
  },
  {
    name: "super",
    group: KEEP,
    help: "the target tries what only root may do",
    set({ options }) {
      Object.assign(options, { superOn: true, superOff: false, fakeSuper: false });
    },
    unset({ options }) {
      Object.assign(options, { superOn: false, superOff: true, fakeSuper: false });
    },
  },
  {
    name: "fake-super",
    group: KEEP,
    help:
      "this side notes what only root can set in extended attributes,\nand reads it from there (the other side: -M--fake-super)",
    set({ options }) {
      Object.assign(options, { superOn: false, superOff: false, fakeSuper: true });
    },
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
];
