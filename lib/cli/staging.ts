// What --partial, --partial-dir and their kin mean together, by rsync's rules. Called by request.ts when all words are read.

import { display, fromLatin1, latin1, utf8 } from "../base/bytes.ts";
import type { SyncOptions } from "../base/options.ts";
import { usageError } from "./option_values.ts";
import type { Settings } from "./settings.ts";

/** Where files wait with --delay-updates, as in rsync. */
export const DELAYED_FOLDER = ".~tmp~";

/** Settles where parts stay, and leaves a folder of them beside the files out of transfers and deletions. Throws TsyncError "usage". */
export function settleStaging({ options, rules }: Settings, env: (name: string) => string | undefined): void {
  options.partialDir = folderWord(options.partialDir);
  if (options.delayUpdates && options.partialDir === "") options.partialDir = DELAYED_FOLDER;
  if (options.append) settleAppend(options);
  if (options.inplace) {
    const word = options.append ? "--append" : "--inplace";
    if (options.delayUpdates) throw usageError(`${word} cannot be used with --delay-updates`);
    if (options.partialDir !== "") throw usageError(`${word} cannot be used with --partial-dir`);
    return;
  }
  if (options.partial && options.partialDir === "") {
    options.partialDir = folderWord(latin1(utf8(env("RSYNC_PARTIAL_DIR") ?? "")));
  }
  if (options.partialDir === "") return;
  options.partial = true;
  demandInside(options);
  if (options.partialDir.startsWith("/")) {
    if (!options.delayUpdates) return;
    throw usageError(
      "--delay-updates with an absolute --partial-dir would mix up files of one name; give a relative one",
    );
  }
  rules.push({ from: "text", action: "filter", word: fromLatin1(`-p ${options.partialDir}/`), nul: false });
}

function settleAppend(options: SyncOptions): void {
  if (options.wholeFile) throw usageError("--append cannot be used with --whole-file");
  options.inplace = true;
}

/** Without slashes at the end; "." stands for none. */
function folderWord(word: string): string {
  const text = word.replace(/(?<=.)\/+$/, "");
  return text === "." ? "" : text;
}

/** A folder beside the files is reached from theirs, and never outside of it. */
function demandInside({ partialDir }: SyncOptions): void {
  if (partialDir.startsWith("/") || !partialDir.split("/").includes("..")) return;
  throw usageError(
    `--partial-dir: "${display(fromLatin1(partialDir))}" leads out of the folder of the file; give an absolute path`,
  );
}
