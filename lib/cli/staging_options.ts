// Rows of the option table: where content is written before it has its place, and what stays of it when the run ends early.

import { type Option, turns, turnsOn } from "./option.ts";
import { folderOf } from "./option_values.ts";

const STAGING = "Backups and other folders";

export const STAGING_OPTIONS: readonly Option[] = [
  {
    name: "inplace",
    group: STAGING,
    help: "write into the files that are there: a run that ends early leaves\nthem half old, half new",
    ...turns("inplace"),
  },
  {
    name: "append",
    group: STAGING,
    help:
      "send only what is behind the end of a file at the target (and\n--inplace); what is not shorter than its source stays as it is",
    set({ options }) {
      options.append = true;
      options.appendVerify = false;
    },
    unset({ options }) {
      options.append = options.appendVerify = false;
    },
  },
  {
    name: "append-verify",
    group: STAGING,
    help: "the same, but what is there is verified; if it differs the file is\nsent whole",
    set({ options }) {
      options.append = options.appendVerify = true;
    },
  },
  {
    name: "preallocate",
    group: STAGING,
    help: "take the space for a large file before it is written",
    ...turnsOn("preallocate"),
  },
  {
    name: "fuzzy",
    short: "y",
    group: STAGING,
    help:
      "compare a file that the target lacks with one of equal size and time\nor a similar name in its folder; twice: in those of --link-dest, too",
    set({ options }) {
      options.fuzzy = Math.min(2, options.fuzzy + 1);
    },
    unset({ options }) {
      options.fuzzy = 0;
    },
  },
  {
    name: "partial",
    group: STAGING,
    help:
      "keep a file that came in part when the run ends early, in place of\nthe old one; the next run goes on from it. Without this option large\n" +
      "files are kept in .tsync-partial, with --no-partial nothing is",
    set({ options }) {
      options.partial = true;
    },
    unset({ options }) {
      options.partial = options.keepsPartials = false;
    },
  },
  {
    name: "partial-dir",
    argument: "DIR",
    group: STAGING,
    help: "keep it in DIR, relative to the folder of the file (and --partial)",
    set({ options }, value, word) {
      options.partialDir = folderOf(value, word);
    },
  },
  {
    name: "temp-dir",
    short: "T",
    argument: "DIR",
    group: STAGING,
    help: "write files in DIR before they are complete",
    set({ options }, value, word) {
      options.tempDir = folderOf(value, word);
    },
  },
  {
    name: "delay-updates",
    group: STAGING,
    help: "let changed files appear all at the end; they wait in .~tmp~\nbeside their place, or in --partial-dir",
    ...turns("delayUpdates"),
  },
  {
    name: "",
    short: "P",
    group: STAGING,
    help: "same as --partial --progress",
    set(settings) {
      settings.options.partial = true;
      settings.output.progress = true;
    },
  },
];
