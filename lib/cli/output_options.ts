// Rows of the option table: what is told, and how.

import { addFlags, DEBUG, INFO } from "./info.ts";
import { type Option } from "./option.ts";
import { oneOf } from "./option_values.ts";

const OUTPUT = "Output";

export const OUTPUT_OPTIONS: readonly Option[] = [
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
];
