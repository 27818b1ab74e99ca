// The manual page, made from the option table (--help=man; --help=bash, zsh, fish are in completions.ts). Loaded only when asked for.

import { display, utf8 } from "../base/bytes.ts";
import { VERSION } from "../base/version.ts";
import { bashCompletions, fishCompletions, zshCompletions } from "./completions.ts";
import { GROUPS, type Option } from "./option.ts";
import { OPTIONS } from "./option_table.ts";
import { usageError } from "./option_values.ts";

const TEXTS: Record<string, () => string> = {
  man: manualPage,
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
};

/** What --help=`kind` prints. Throws TsyncError "usage". */
export function manualText(kind: string): string {
  const text = Object.hasOwn(TEXTS, kind) ? TEXTS[kind] : undefined;
  if (text === undefined) throw usageError(`--help=${display(utf8(kind))}: give man, bash, zsh or fish`);
  return text();
}

const EXITS: [string, string][] = [
  ["0", "All done."],
  ["1", "The words make no sense."],
  ["2", "The two ends speak different versions."],
  ["3", "A source or the target cannot be used."],
  ["4", "Something that was asked for is not supported."],
  ["5", "The other side could not be started."],
  ["11", "The file system refuses the run as a whole."],
  ["12", "The connection broke."],
  ["20", "Stopped by a signal."],
  ["23", "Some entries failed."],
  ["24", "Some entries vanished or changed."],
  ["25", "A guard stopped deletions."],
  ["30", "Timeout, or the time of --stop-after or --stop-at is up."],
  ["124-127, 255", "The remote shell failed."],
];

const VARIABLES: [string, string][] = [
  ["TSYNC_RSH, RSYNC_RSH", "The remote shell, where -e does not name one."],
  ["RSYNC_COMPRESS_LIST", "What -z may choose from, the best first; zstd and none are known."],
  ["RSYNC_ICONV", "As --iconv, where that is not given."],
  ["RSYNC_MAX_ALLOC", "Checked like --max-alloc."],
];

function manualPage(): string {
  const options = GROUPS.flatMap((group) => [
    `.SS "${escaped(group)}"`,
    ...OPTIONS.filter((option) => option.group === group).flatMap(optionLines),
  ]);
  const list = (rows: [string, string][]) =>
    rows.flatMap(([name, text]) => [".TP", `.B ${escaped(name)}`, escaped(text)]);
  return [
    `.TH TSYNC 1 "" "tsync ${VERSION}" "User Commands"`,
    ".SH NAME",
    "tsync \\- make a target the same as a source, on this machine or over ssh",
    ".SH SYNOPSIS",
    ...["SOURCE... TARGET", "SOURCE... [USER@]HOST:TARGET", "[USER@]HOST:SOURCE... TARGET"].flatMap((ends, i) => [
      ...(i === 0 ? [] : [".br"]),
      `.B tsync\n[OPTION]... ${escaped(ends)}`,
    ]),
    ".br",
    ".B tsync agent\nlist|remove|verify [USER@]HOST",
    ".br",
    ".B tsync transfers\n[\\-\\-clean] [\\-\\-partial\\-dir=DIR] [[USER@]HOST:]PATH",
    ".br",
    ".B tsync undo\n[RUN] [[USER@]HOST:]PATH",
    ".br",
    ".B tsync history\n[[[USER@]HOST:]PATH]",
    ".SH DESCRIPTION",
    "Takes the command line of rsync and does what rsync does, with one program: the other half of it is put on a far machine over the",
    "connection that is there. A source that ends with a slash means what is in the folder, else the folder itself.",
    ".PP",
    "Called by the name rsync, or with",
    ".B \\-\\-as\\-rsync",
    "as its first word, it has the defaults of rsync too, and its own options are written",
    ".BR \\-\\-ts\\-OPTION .",
    ".SH OPTIONS",
    "An argument stands behind the option: --name=VALUE, --name VALUE, -xVALUE, -x VALUE or -x=VALUE. Options without argument may be"
      .replaceAll(
        "-",
        "\\-",
      ),
    "bundled. --no-OPTION takes back what was given or implied; of two that contradict each other the later counts."
      .replaceAll("-", "\\-"),
    ...options,
    ".SH EXIT STATUS",
    ...list(EXITS),
    ".SH ENVIRONMENT",
    ...list(VARIABLES),
    ".SH FILES",
    ".TP",
    ".I ~/.tsync/bin",
    "The programs put on a machine; tsync agent list shows them.",
    ".SH SEE ALSO",
    ".BR rsync (1),",
    ".BR ssh (1)",
    "",
  ].join("\n");
}

function optionLines(option: Option): string[] {
  const { name, short, aliases = [], argument, help, unset } = option;
  const value = argument === undefined ? "" : `=${argument}`;
  const words = [
    ...(name === "" ? [] : [`--${name}${value}`]),
    ...(short === undefined ? [] : [`-${short}`]),
    ...aliases.map((alias) => `--${alias}`),
    ...(unset === undefined ? [] : [`--no-${name || short}`]),
  ];
  return [".TP", `.B ${escaped(words.join(", "))}`, escaped(help.split("\n").join(" "))];
}

/** No character that roff reads in another way. */
function escaped(text: string): string {
  const safe = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("~", "\\(ti").replaceAll('"', "\\(dq");
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}
