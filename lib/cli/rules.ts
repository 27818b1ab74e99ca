// The rules of --filter, --exclude, --include, --exclude-from, --include-from, -F and -C, collected in their order. Loaded only by a
// run that has any. A rule that cannot be used ends the run: to go on without it would copy or delete what it was to spare.

import { concatBytes, display, latin1, utf8 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { NAMES_BYTES } from "../base/limits.ts";
import type { FilterRule } from "../base/options.ts";
import { cvsRules } from "../filter/cvs.ts";
import { RuleError, RuleFlag } from "../filter/rule.ts";
import { OLD_STYLE, RuleList, type Style } from "../filter/rule_text.ts";
import { readWholeFile, readWholeStdin } from "../os/files.ts";
import { Errno } from "../os/os.ts";
import { env } from "../os/process.ts";
import { namesOf } from "../tree/name_file.ts";
import { usageError } from "./option_values.ts";
import type { RuleWords } from "./request.ts";
import type { RuleWord } from "./settings.ts";

/** Largest rule file, bytes: FILTER_RULES lines of ordinary length are far below. */
const RULE_FILE_BYTES = 64 << 20;

export function collectRules({ rules, cvsExclude, deleteExcluded, from0 }: RuleWords): FilterRule[] {
  const list = new RuleList({ read: readFile, cvs: (flags) => cvsRules(flags, ownCvsPatterns()) });
  const sides = deleteExcluded ? RuleFlag.senderOnly : 0;
  for (const rule of rules) add(list, rule, sides);
  if (cvsExclude) {
    const style = sides | (from0 ? RuleFlag.nul : 0);
    for (const text of [":C", "-C"]) fail("-C", list.addText(utf8(text), style));
  }
  return list.rules;
}

function add(list: RuleList, { from, action, word, nul }: RuleWord, sides: Style): void {
  const old = action === "filter" ? 0 : OLD_STYLE;
  const style = sides | old | (action === "include" ? RuleFlag.include : 0) | (nul ? RuleFlag.nul : 0);
  if (from === "text") return fail(action === "filter" ? "--filter" : `--${action}`, list.addText(word, style));
  const option = `--${action}-from`;
  const file = readFile(word);
  fail(option, file instanceof RuleError ? file : list.addFile(file.bytes, style, file.fileName));
}

/** The names of a --files-from file, each ended by NUL. */
export function collectNames(word: Uint8Array, isByNul: boolean): Uint8Array {
  const content = latin1(word) === "-" ? readWholeStdin(NAMES_BYTES) : readWholeFile(word, NAMES_BYTES);
  return namesOf(content, latin1(word) === "-" ? "standard input" : display(word), isByNul);
}

function fail(option: string, error: RuleError | undefined): void {
  if (error === undefined) return;
  if (!error.isFile) throw usageError(`${option}: ${error.sentence}`);
  throw new TsyncError({ kind: "file", detail: `${option}: ${error.sentence}` });
}

/** A file that the command line or a merge rule names; "-" is standard input. */
function readFile(word: Uint8Array): { bytes: Uint8Array; fileName: string } | RuleError {
  const isStdin = latin1(word) === "-";
  const fileName = isStdin ? "standard input" : display(word);
  const content = isStdin ? readWholeStdin(RULE_FILE_BYTES) : readWholeFile(word, RULE_FILE_BYTES);
  if (typeof content !== "number") return { bytes: content, fileName };
  return new RuleError(`open "${fileName}" failed: ${errnoText(-content)}`, true);
}

/** The user's own: ~/.cvsignore, if there is one, and CVSIGNORE. */
function ownCvsPatterns(): { bytes: Uint8Array; name: string }[] {
  const own: { bytes: Uint8Array; name: string }[] = [];
  const home = env("HOME");
  if (home !== undefined) {
    const path = concatBytes(utf8(home), utf8("/.cvsignore"));
    const bytes = readWholeFile(path, RULE_FILE_BYTES);
    if (typeof bytes !== "number") own.push({ bytes, name: display(path) });
    else if (bytes !== -Errno.ENOENT && bytes !== -Errno.ENOTDIR) {
      throw new TsyncError({ kind: "file", detail: `-C: open "${display(path)}" failed: ${errnoText(-bytes)}` });
    }
  }
  const variable = env("CVSIGNORE");
  if (variable !== undefined) own.push({ bytes: utf8(variable), name: "CVSIGNORE" });
  return own;
}
