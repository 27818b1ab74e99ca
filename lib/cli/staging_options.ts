// Rows of the option table: where content is written before it has its place, and what stays of it when the run ends early.

import { type Option, turns } from "./option.ts";
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
