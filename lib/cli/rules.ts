// The rules of --exclude, --include, --exclude-from and --include-from, collected in their order. Loaded only by a run that
// has any. A rule that cannot be used ends the run: to go on without it would copy or delete what it was to spare.

import { display, latin1 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { NAMES_BYTES } from "../base/limits.ts";
import type { FilterRule } from "../base/options.ts";
import { RuleList } from "../filter/rule_text.ts";
import { readWholeFile, readWholeStdin } from "../os/files.ts";
import { namesOf } from "../tree/name_file.ts";
import { usageError } from "./option_values.ts";
import type { RuleWord } from "./settings.ts";

/** Largest rule file, bytes: FILTER_RULES lines of ordinary length are far below. */
const RULE_FILE_BYTES = 64 << 20;

export function collectRules(words: readonly RuleWord[]): FilterRule[] {
  const list = new RuleList();
  for (const { from, action, word } of words) {
    const option = from === "text" ? `--${action}` : `--${action}-from`;
    const error = from === "text"
      ? list.addText(word, action)
      : list.addFile(readRuleFile(word, option), action, fileName(word));
    if (error !== undefined) throw usageError(`${option}: ${error.sentence}`);
  }
  return list.rules.map(({ pattern, action }) => ({ pattern, include: action === "include" }));
}

/** The names of a --files-from file, each ended by NUL. */
export function collectNames(word: Uint8Array, isByNul: boolean): Uint8Array {
  const content = latin1(word) === "-" ? readWholeStdin(NAMES_BYTES) : readWholeFile(word, NAMES_BYTES);
  if (typeof content !== "number") return namesOf(content, isByNul);
  throw usageError(`--files-from: open "${fileName(word)}" failed: ${errnoText(-content)}`);
}

function readRuleFile(word: Uint8Array, option: string): Uint8Array {
  const content = latin1(word) === "-" ? readWholeStdin(RULE_FILE_BYTES) : readWholeFile(word, RULE_FILE_BYTES);
  if (typeof content !== "number") return content;
  throw new TsyncError({ kind: "file", detail: `${option}: open "${fileName(word)}" failed: ${errnoText(-content)}` });
}

function fileName(word: Uint8Array): string {
  return latin1(word) === "-" ? "standard input" : display(word);
}
