// The texts of --help and --version, made from the option table. Loaded only when they are asked for.

import { programName } from "../base/program.ts";
import { VERSION } from "../base/version.ts";
import { PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../wire/messages.ts";
import { GROUPS, type Option } from "./option.ts";
import { OPTIONS } from "./option_table.ts";

/** What rsync's --version says of the version whose command line we take. */
const RSYNC_VERSION = "3.5.0";
const RSYNC_PROTOCOL = 32;

/** Like the first lines of rsync's, which programs read. */
export function versionText(): string {
  const own = `version ${VERSION}  protocol version ${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}\n`;
  const first = programName() === "tsync"
    ? `tsync  ${own}`
    : `rsync  version ${RSYNC_VERSION}  protocol version ${RSYNC_PROTOCOL}\n(this is tsync  ${own.trim()})\n`;
  return `${first}Copyright (C) 2026 tsync contributors. MIT License.\n`;
}

const USES = `  tsync [OPTION]... SOURCE... TARGET                  local
  tsync [OPTION]... SOURCE... [USER@]HOST:TARGET      push
  tsync [OPTION]... [USER@]HOST:SOURCE... TARGET      pull
  tsync [OPTION]... [[USER@]HOST:]SOURCE              list SOURCE
`;

/** The same for programs, in the shape of rsync's -VV. */
export function versionJson(): string {
  const capabilities = {
    ...{
      file_bits: 64,
      inum_bits: 64,
      timestamp_bits: 64,
      timestamp_nanoseconds: true,
      symlinks: true,
      symtimes: true,
    },
    ...{ IPv6: true, sparse: true, deltas: true, subtree_digests: true, safe_replacement: true },
    options: OPTIONS.flatMap(({ name, short, aliases = [] }) => [name || `-${short}`, ...aliases]),
  };
  return JSON.stringify(
    {
      program: "tsync",
      version: VERSION,
      protocol: `${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}`,
      copyright: "(C) 2026 tsync contributors.",
      capabilities,
      checksum_list: ["xxh128"],
      compress_list: ["zstd", "none"],
      license: "MIT",
    },
    null,
    2,
  ) + "\n";
}

export function helpText(): string {
  const isTsync = programName() === "tsync";
  const groups = GROUPS.map((group) => {
    const rows = OPTIONS.filter((option) => option.group === group).map(row);
    return `\n${group}:\n${rows.join("")}`;
  });
  const subject = isTsync ? "tsync makes" : "rsync (here: tsync in its place) makes";
  const agent = "  tsync agent list|remove|verify [USER@]HOST          the programs that tsync put on HOST\n" +
    "  tsync transfers [--clean] [[USER@]HOST:]PATH        what interrupted runs left in .tsync-partial\n" +
    "                                                      (and in --partial-dir=DIR); take it away\n" +
    "  tsync undo [RUN] [[USER@]HOST:]PATH                 bring back what was before a run with --trash\n" +
    "  tsync history [[[USER@]HOST:]PATH]                  the runs that can be undone\n";
  const texts = "--help=man, =bash, =zsh, =fish print the manual and what the shells complete by.\n";
  return `${subject} a target the same as a source, on this machine or over ssh, as rsync does.

${isTsync ? USES + agent : USES.replaceAll("tsync", "rsync")}
"folder/" means what is in the folder, "folder" the folder itself.
${groups.join("")}
--no-OPTION takes an option back where it has been given or implied, as in -a --no-owner (--no-o):
${wrapped(OPTIONS.filter((option) => option.unset).map(negation))}
Exit codes are rsync's: 0 all done, 23 some entries failed, 24 some vanished, 25 a guard refused.
${isTsync ? texts : ""}`;
}

/** The long name as it is written; "" where there is only a short one. */
export function longName({ name, own }: Option): string {
  return own && programName() === "rsync" ? `ts-${name}` : name;
}

/** Column of the help sentences. */
const INDENT = 28;

function row(option: Option): string {
  const short = option.short === undefined ? "   " : `-${option.short}${option.name === "" ? " " : ","}`;
  const argument = option.argument === undefined ? "" : `=${option.argument}`;
  const name = longName(option);
  const words = ` ${short} ${name === "" ? "" : "--"}${name}${option.isOptional ? `[${argument}]` : argument}`;
  const lines = option.help.split("\n");
  const first = words.length < INDENT ? words.padEnd(INDENT) + lines[0] : `${words}\n${" ".repeat(INDENT)}${lines[0]}`;
  return [first, ...lines.slice(1).map((line) => " ".repeat(INDENT) + line)].join("\n") + "\n";
}

function negation(option: Option): string {
  return `--no-${option.name || option.short}`;
}

function wrapped(words: string[]): string {
  let text = "";
  let line = "";
  for (const word of words) {
    if (line.length + word.length > 95) {
      text += `${line}\n`;
      line = "";
    }
    line += ` ${word}`;
  }
  return `${text}${line}\n`;
}
