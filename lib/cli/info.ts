// The flags of --info and --debug, as rsync names them, and how -v and --progress raise them. Called by the option table, which
// notes what was given, and by the reporter, which asks for the level of each. Pure.

import { display, fromLatin1, latin1 } from "../base/bytes.ts";
import { usageError } from "./option_values.ts";
import type { OutputSettings } from "./settings.ts";

export const INFO = [
  ["backup", "Mention files backed up"],
  ["copy", "taken for rsync's sake; what could not be copied is always told"],
  ["del", "Mention deletions on the receiving side"],
  ["flist", "Mention file-list receiving/sending (levels 1-2)"],
  ["misc", "taken for rsync's sake; tsync tells nothing more"],
  ["mount", "Mention mounts that were found or skipped"],
  ["name", "Mention 1) updated file/dir names, 2) unchanged names"],
  ["nonreg", "Mention skipped non-regular files (default 1, 0 disables)"],
  ["progress", "Mention 1) per-file progress or 2) total transfer progress"],
  ["remove", "Mention files removed on the sending side"],
  ["skip", "Mention files skipped due to transfer overrides"],
  ["stats", "Mention statistics at end of run (levels 1-3)"],
  ["symsafe", "Mention symlinks that are unsafe"],
] as const;

export type InfoName = typeof INFO[number][0];

/** Known by name, so that rsync's words are taken; tsync has no such messages. */
export const DEBUG = [
  ...["acl", "backup", "bind", "chdir", "connect", "cmd", "del", "deltasum", "dup", "exit", "filter", "flist", "fuzzy"],
  ...["genr", "hash", "hlink", "iconv", "io", "nstr", "own", "proto", "recv", "send", "time"],
];

/** What each -v raises, from the first on: rsync's groups. */
const VERBOSE: Partial<Record<InfoName, number>>[] = [
  { nonreg: 1 },
  { copy: 1, del: 1, flist: 1, misc: 1, name: 1, stats: 1, symsafe: 1 },
  { backup: 1, misc: 2, mount: 1, name: 2, remove: 1, skip: 1 },
];

const HIGHEST = 9;

/**
 * Notes the flags of `value` ("name,del0,all2") in `into`, later ones over earlier ones. True if help was asked for. Throws
 * TsyncError "usage" for a name that is not one.
 */
export function addFlags(
  value: Uint8Array,
  word: string,
  names: readonly string[],
  into: Map<string, number>,
): boolean {
  for (const item of latin1(value).toLowerCase().split(",")) {
    if (item === "") continue;
    const [, name, digits] = /^([a-z]+)([0-9]*)$/.exec(item) ?? [];
    if (name === "help") return true;
    const level = name === "none" ? 0 : digits === "" ? 1 : Math.min(Number(digits), HIGHEST);
    const meant = name === "all" || name === "none" ? names : names.includes(name) ? [name] : null;
    if (meant === null) {
      throw usageError(`${word}: there is no flag "${display(fromLatin1(item))}"; ${word}=help lists them`);
    }
    for (const one of meant) into.set(one, level);
  }
  return false;
}

/** How much is told of `name`: what --info says, else what -v, --stats and --progress say. */
export function infoLevel({ info, verbose, stats, progress }: OutputSettings, name: InfoName): number {
  const given = info?.get(name);
  if (given !== undefined) return given;
  let level = 0;
  for (let v = 0; v <= verbose && v < VERBOSE.length; v++) level = Math.max(level, VERBOSE[v][name] ?? 0);
  if (name === "stats" && stats) level = Math.max(level, 2);
  if (progress === true) level = Math.max(level, { flist: 2, name: 1, progress: 1 }[name as string] ?? 0);
  return level;
}

/** The text of --info=help and --debug=help. */
export function flagsHelp(kind: "info" | "debug"): string {
  const row = (name: string, text: string) => `${name.toUpperCase().padEnd(10)} ${text}\n`;
  const rows = kind === "info"
    ? INFO.map(([name, text]) => row(name, text))
    : DEBUG.map((name) => row(name, "taken for rsync's sake; tsync tells nothing more"));
  const levels = kind === "debug" ? "" : `
Options added at each level of verbosity:
0) NONREG
1) COPY,DEL,FLIST,MISC,NAME,STATS,SYMSAFE
2) BACKUP,MISC2,MOUNT,NAME2,REMOVE,SKIP
`;
  return `Use OPT or OPT1 for level 1 output, OPT2 for level 2, etc.; OPT0 silences.

${rows.join("")}
${row("all", `Set all --${kind} options (e.g. all4)`)}${row("none", `Silence all --${kind} options (same as all0)`)}${
    row("help", "Output this help message")
  }${levels}`;
}
