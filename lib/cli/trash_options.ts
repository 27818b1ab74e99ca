// Rows of the option table: the trash of a target, and what is kept in it.

import { TRASH_KEEP_SECONDS } from "../wire/messages.ts";
import { display, latin1 } from "../base/bytes.ts";
import type { Option } from "./option.ts";
import { folderOf, usageError } from "./option_values.ts";
import { sizeOf } from "./size_words.ts";

const FOLDERS = "Backups and other folders";
/** The one in the target root. */
const DEFAULT_TRASH = ".tsync-trash";
const SECONDS: Record<string, number> = { h: 3600, d: 86_400, w: 7 * 86_400 };

/** "30d", "12h", "2w": seconds; null for another word. */
function ageOf(text: string): number | null {
  const parts = /^(\d{1,9})([hdw])$/i.exec(text);
  return parts === null ? null : Math.min(Number(parts[1]) * SECONDS[parts[2].toLowerCase()], TRASH_KEEP_SECONDS);
}

function keptBytes(value: Uint8Array, word: string): number {
  if (!/^\d/.test(latin1(value))) {
    throw usageError(`${word}: "${display(value)}" is neither an age (30d, 12h, 2w) nor a size (20G)`);
  }
  return sizeOf(value, word);
}

export const TRASH_OPTIONS: readonly Option[] = [
  {
    name: "trash",
    own: true,
    argument: "DIR",
    isOptional: true,
    group: FOLDERS,
    help:
      "move what is replaced or deleted to a trash (.tsync-trash in the\ntarget), with a journal: tsync undo brings it back",
    set({ options }, value, word) {
      options.trash = value.length === 0 ? DEFAULT_TRASH : folderOf(value, word);
    },
    unset({ options }) {
      Object.assign(options, { trash: "", trashKeepSeconds: null, trashKeepBytes: null });
    },
  },
  {
    name: "trash-keep",
    own: true,
    argument: "AGE|SIZE",
    group: FOLDERS,
    help:
      "take runs out of the trash that are older (30d, 12h, 2w), or the\noldest ones beyond SIZE (20G); can be given twice",
    set({ options }, value, word) {
      const age = ageOf(latin1(value));
      if (age !== null) options.trashKeepSeconds = age;
      else if (/^\d+$/.test(latin1(value))) {
        throw usageError(`${word}: "${display(value)}": write ${display(value)}d for days, or a size as 20G`);
      } else options.trashKeepBytes = keptBytes(value, word);
    },
  },
  {
    name: "clean",
    own: true,
    group: FOLDERS,
    help: "of tsync history: take out now what --trash-keep says; of tsync\ntransfers: all that is listed",
    set(settings) {
      settings.cleansTrash = true;
    },
  },
];
