// Words of a command line: options, their arguments, operands, and what is refused. That the grammar is rsync's own is the
// business of tests/interop/cli_rsync_test.ts.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { OPTIONS } from "../../lib/cli/option_table.ts";
import { parseWords } from "../../lib/cli/option_words.ts";
import { defaultOutput, rsyncSettings } from "../../lib/cli/settings.ts";
import { type Command, readCommand } from "../../lib/cli/request.ts";
import { latin1 } from "../../lib/base/bytes.ts";

const words = (line: string) => line.split(" ").filter((word) => word !== "").map((word) => utf8(word));
const noEnvironment = () => undefined;
const command = (line: string) => readCommand(words(line), noEnvironment);

function sync(line: string): Extract<Command, { kind: "sync" }> {
  const read = command(line);
  if (read.kind !== "sync") throw new Error(`${line} is ${read.kind}`);
  return read;
}

/** What a line is refused with: the kind of error and its sentence. */
function refused(line: string | Uint8Array[]): string {
  const error = assertThrows(
    () => readCommand(typeof line === "string" ? words(line) : line, noEnvironment),
    TsyncError,
  );
  return `${error.data.kind}: ${error.message}`;
}

const ARCHIVE = {
  recursive: true,
  links: true,
  perms: true,
  times: true,
  group: true,
  owner: true,
  devices: true,
  specials: true,
};

Deno.test("-a means -rlptgoD and nothing else", () => {
  assertEquals(sync("-a s d").request.options, { ...defaultOptions(), ...ARCHIVE, keepsPartials: true });
  assertEquals(sync("-rlptgoD s d").request.options, sync("-a s d").request.options);
  assertEquals(sync("-rlptgo --devices --specials s d").request.options, sync("-a s d").request.options);
});

Deno.test("a later option overrides an earlier one, by its long and its short name", () => {
  const without = (...names: string[]) => ({
    ...defaultOptions(),
    ...ARCHIVE,
    keepsPartials: true,
    ...Object.fromEntries(names.map((name) => [name, false])),
  });
  assertEquals(sync("-a --no-owner s d").request.options, without("owner"));
  assertEquals(sync("-a --no-o s d").request.options, without("owner"));
  assertEquals(sync("--no-o -a s d").request.options, without());
  assertEquals(sync("-a --no-D --devices s d").request.options, without("specials"));
  assertEquals(sync("-a --no-o --no-o -o s d").request.options, without());
  assertEquals(sync("--timeout=3 --no-timeout s d").request.options.timeoutSeconds, 0);
  assertEquals(sync("--reconnect=3 s d").request.reconnectSeconds, 3);
  assertEquals(sync("--reconnect forever s d").request.reconnectSeconds, Infinity);
  assertEquals(sync("--reconnect=never s d").request.reconnectSeconds, 0);
  assertEquals(sync("--reconnect=3 --no-reconnect s d").request.reconnectSeconds, 0);
  assertEquals(sync("s d").request.reconnectSeconds, undefined);
  const connections = (words: string) => sync(words).request.connections;
  assertEquals(connections("s h:d"), { atOnce: 1, most: 4, tells: false });
  assertEquals(connections("--connections-max=9 -v s h:d"), { atOnce: 1, most: 9, tells: true });
  assertEquals(connections("--connections=3 --connections-max=9 s h:d"), { atOnce: 3, most: 3, tells: false });
  assertEquals(connections("--connections=1 s h:d"), { atOnce: 1, most: 1, tells: false });
  assertEquals(connections("s d"), undefined);
  assertEquals(rsyncSettings().connectionsMax, 1);
  assertEquals(sync("-vvi --no-v --no-i s d").output, { ...sync("s d").output });
});

Deno.test("an argument stands behind the option, behind = or in the next word, whatever that word looks like", () => {
  for (const line of ["-e ssh", "-essh", "-e=ssh", "--rsh=ssh", "--rsh ssh", "-ne ssh", "-nessh"]) {
    assertEquals(sync(`${line} s h:d`).request.remote?.rsh, "ssh", line);
  }
  assertEquals(sync("--exclude --delete s d").rules.rules, [
    { from: "text", action: "exclude", word: utf8("--delete"), nul: false },
  ]);
  assertEquals(sync("-@ -1 s d").request.options.modifyWindowNs, 0);
});

Deno.test("options may stand behind operands, and -- ends them", () => {
  assertEquals(sync("s d -r").request.options.recursive, true);
  const read = sync("-r -- -n --delete");
  assertEquals([read.request.sources, read.request.target], [[utf8("-n")], utf8("--delete")]);
  assertEquals(read.request.options.dryRun, false);
  assertEquals(sync("- d").request.sources, [utf8("-")]);
});

Deno.test("-v and -i are counted; twice also reports what is unchanged, except with -q", () => {
  assertEquals(sync("-vvv -i s d").output, { ...defaultOutput(), verbose: 3, itemize: 1 });
  assertEquals(sync("-v s d").request.options.reportUnchanged, false);
  assertEquals(sync("-vv s d").request.options.reportUnchanged, true);
  assertEquals(sync("-ii s d").request.options.reportUnchanged, true);
  assertEquals(sync("-iiq s d").request.options.reportUnchanged, false);
});

/** What an option takes that does not take "7". */
const VALUES: Record<string, string> = {
  "trash-keep": "7d",
  "compress-choice": "zstd",
  "checksum-choice": "md5",
  "remote-option": "-S",
  "max-alloc": "1G",
  "iconv": "-",
  info: "name",
  debug: "none",
  stderr: "all",
  outbuf: "L",
};
/** Understood, and refused as what tsync does not have. */
const REFUSED = ["new-compress", "old-compress", "confine-root", "copy-as"];

Deno.test("every option of the table is understood by its names", () => {
  for (const option of OPTIONS) {
    const value = option.argument === undefined ? [] : [VALUES[option.name] ?? "7"];
    if (REFUSED.includes(option.name)) continue;
    for (const name of [option.name, ...option.aliases ?? []]) {
      if (name !== "") parseWords([`--${name}`, ...value].map((word) => utf8(word)));
    }
    if (option.short !== undefined) parseWords([`-${option.short}`, ...value].map((word) => utf8(word)));
    if (option.unset !== undefined) parseWords([utf8(`--no-${option.name || option.short}`)]);
  }
  const names = OPTIONS.flatMap(({ name, short, aliases }) => [name, short, ...aliases ?? []]).filter((name) => name);
  assertEquals(new Set(names).size, names.length);
});

Deno.test("--modify-window: whole seconds as rsync takes them (one apart: -2), -1 exact, 0 as without it", () => {
  assertEquals(sync("-@1 s d").request.options.modifyWindowNs, -2);
  assertEquals(sync("--modify-window=-1 s d").request.options.modifyWindowNs, 0);
  assertEquals(sync("--modify-window=0 s d").request.options.modifyWindowNs, null);
});

Deno.test("-z, --no-z, --zc and --zl: rsync's words; the later wins, a level asks for compression, 0 is none in particular", () => {
  const wish = (line: string) => {
    const { compress, compressLevel } = sync(`${line} s d`).request.options;
    return `${compress} ${compressLevel}`;
  };
  assertEquals(wish("-a"), "auto null");
  for (const line of ["-z", "--compress", "-az", "--zc=zstd", "--compress-choice ZSTD", "--no-z -z"]) {
    assertEquals(wish(line), "always null", line);
  }
  for (const line of ["--no-z", "--no-compress", "-z --no-compress", "--zc=none", "--zl=5 --no-z --zl=0 --no-z"]) {
    assertEquals(wish(line), "never null", line);
  }
  assertEquals(wish("-z --zc=auto"), "auto null");
  assertEquals(wish("--zl=5"), "always 5");
  assertEquals(wish("--compress-level=-7"), "always -7");
  assertEquals(wish("--zl 0"), "always null");
  assertEquals(wish("--zl=5 --zc=auto"), "auto 5");
  assertEquals(wish("--zc=none --zl=5"), "never 5");
  assertEquals(wish("--zl=999999999"), "always 22");
  assertEquals(wish("--zl=-999999999"), "always -50");
});

Deno.test("--zc: a name that tsync does not have is no usage error, but code 4 as in rsync", () => {
  for (const name of ["lz4", "zlibx", "zlib", "foo", ""]) {
    const said = refused(`--zc=${name} s d`);
    if (!/^unsupported: --zc: ".*" is not known here; give zstd, none or auto/.test(said)) throw new Error(said);
  }
});

Deno.test("--delete-limit takes a number or a percentage", () => {
  assertEquals(sync("--delete-limit=5 s d").request.options.deleteLimit, { count: 5 });
  assertEquals(sync("--delete-limit=0 s d").request.options.deleteLimit, { count: 0 });
  assertEquals(sync("--delete-limit=50% s d").request.options.deleteLimit, { percent: 50 });
});

Deno.test("A11: an unknown option, a bad number and a contradiction are usage errors that name the word", () => {
  const cases: Record<string, RegExp> = {
    "--foo s d": /^usage: --foo: unknown option/,
    "--recurs s d": /--recurs: unknown option; --recursive must be written in full/,
    "-avzZ s d": /-Z: unknown option in "-avzZ"/,
    "--no-zc s d": /--no-zc: unknown option/,
    "--zl=high s d": /--zl: "high" is not a compression level/,
    "--compress=9 s d": /--compress=9: this option takes no argument/,
    "-Y s d": /-Y: unknown option \(/,
    "--info=name,x s d": /--info: there is no flag "x"; --info=help lists them/,
    "--debug=del,y s d": /--debug: there is no flag "y"; --debug=help/,
    "--stderr=x s d": /--stderr: "x" is not known here; give errors, all, client/,
    "--outbuf= s d": /--outbuf: "" is not known here/,
    "--no-delete s d": /--no-delete: unknown option/,
    "--no-a s d": /--no-a: unknown option/,
    "--no- s d": /--no-: unknown option/,
    "--=x s d": /--=x: unknown option/,
    "--recursive=1 s d": /--recursive=1: this option takes no argument/,
    "--no-owner=1 s d": /--no-owner=1: this option takes no argument/,
    "-r=1 s d": /-r=1: this option takes no argument/,
    "s d --timeout": /--timeout: argument SECONDS is missing/,
    "s d -e": /-e: argument COMMAND is missing/,
    "--timeout= s d": /--timeout: "" is not a number of seconds/,
    "--reconnect=soon s d": /--reconnect: "soon" is not a number of seconds, forever or never/,
    "--connections=0 s d": /--connections: "0" is not a number of connections, 1 to 16/,
    "--connections=17 s d": /"17" is not/,
    "--connections-max=0 s d": /"0" is not a number of connections/,
    "--timeout=abc s d": /--timeout: "abc" is not/,
    "--timeout=5x s d": /"5x" is not/,
    "--timeout=0x10 s d": /"0x10" is not/,
    "--timeout=1e3 s d": /"1e3" is not/,
    "--timeout=-1 s d": /"-1" is not .* from 0 to/,
    "--timeout=99999999999999999999 s d": /is not a number of seconds/,
    "--modify-window=-2 s d": /"-2" is not .* from -1 to/,
    "--delete-limit=x s d": /"x" is not a number of entries or a percentage/,
    "--delete-limit=101% s d": /"101" is not a percentage/,
    "--delete-limit=% s d": /"" is not a percentage/,
    "--delete-limit=-1 s d": /"-1" is not/,
    "--delete s d": /--delete needs -r/,
    "-a --no-r --delete s d": /--delete needs -r/,
    "-a --delete --no-guard --delete-limit=3 s d": /contradict each other/,
    "--exclude-from=- --include-from - s d": /standard input/,
    "-e 'x s h:d": /lacks a closing '/,
  };
  for (const [line, sentence] of Object.entries(cases)) {
    const said = refused(line);
    if (!said.startsWith("usage: ") || !sentence.test(said)) throw new Error(`${line}: ${said}`);
  }
});

Deno.test("a word with control characters is shown escaped", () => {
  assertEquals(
    refused([utf8("--\x1b[2J"), utf8("s"), utf8("d")]),
    "usage: --\\#033[2J: unknown option (see tsync --help)",
  );
});

Deno.test("--help and --version need no operands, -h alone is help", () => {
  assertEquals(command("--help").kind, "help");
  assertEquals(command("-a --help s").kind, "help");
  assertEquals(command("-h").kind, "help");
  assertEquals(command("-V").kind, "version");
  assertEquals(command("--version a b").kind, "version");
  assertEquals(command("--version --help").kind, "help");
});

Deno.test("exclude and include rules keep their order and their bytes", () => {
  const raw = new Uint8Array([0xff, 0x2a]);
  const read = readCommand(
    [...words("--include=a --exclude-from=f --include-from g --exclude"), raw, ...words("s d")],
    noEnvironment,
  );
  assertEquals(read.kind === "sync" && read.rules.rules, [
    { from: "text", action: "include", word: utf8("a"), nul: false },
    { from: "file", action: "exclude", word: utf8("f"), nul: false },
    { from: "file", action: "include", word: utf8("g"), nul: false },
    { from: "text", action: "exclude", word: raw, nul: false },
  ]);
});

Deno.test("-e comes before TSYNC_RSH, that before RSYNC_RSH", () => {
  const environment: Record<string, string> = { TSYNC_RSH: "t", RSYNC_RSH: "r" };
  const rsh = (line: string, names: string[]) => {
    const read = readCommand(words(line), (name) => names.includes(name) ? environment[name] : undefined);
    return read.kind === "sync" ? read.request.remote?.rsh : undefined;
  };
  assertEquals(rsh("-e x s h:d", ["TSYNC_RSH", "RSYNC_RSH"]), "x");
  assertEquals(rsh("s h:d", ["TSYNC_RSH", "RSYNC_RSH"]), "t");
  assertEquals(rsh("s h:d", ["RSYNC_RSH"]), "r");
  assertEquals(rsh("s h:d", []), null);
});

/** Direction, login, sources and target of a line, for short equations. */
function ends(line: string): string {
  const { direction, remote, sources, target } = sync(line).request;
  const login = remote === null ? "" : `${remote.user === null ? "" : `${remote.user}@`}${remote.host} `;
  return `${direction} ${login}${sources.map(latin1).join(",")} > ${latin1(target)}`;
}

Deno.test("an operand is remote if a colon stands before any slash", () => {
  const cases: Record<string, string> = {
    "a b": "local a > b",
    "a b c/": "local a,b > c/",
    "./a:b c": "local ./a:b > c",
    "/a:b c": "local /a:b > c",
    "a/b:c d": "local a/b:c > d",
    "a h:b": "push h a > b",
    "a u@h:/b": "push u@h a > /b",
    "a u@x@h:/b": "push u@x@h a > /b",
    "a h:": "push h a > .",
    "h:a b": "pull h a > b",
    "h:a :b h:c d": "pull h a,b,c > d",
    "h: d": "pull h . > d",
    "u@h:a:b/c d": "pull u@h a:b/c > d",
    "[::1]:a d": "pull ::1 a > d",
    "u@[fe80::1]:a d": "pull u@fe80::1 a > d",
    "u@[::1:x d": "local u@[::1:x > d",
    "[::1] d": "local [::1] > d",
    "a@b d": "local a@b > d",
  };
  for (const [line, result] of Object.entries(cases)) assertEquals(ends(line), result, line);
});

Deno.test("operands that contradict each other are usage errors that say what to do", () => {
  const cases: Record<string, RegExp> = {
    "": /nothing to do/,
    "-a": /nothing to do/,
    "h:a h:b": /cannot both be remote/,
    "a:b c d:e": /cannot both be remote/,
    "a b:c d": /"b:c" is remote, the first source is local; write \.\/b:c/,
    "h:a b d": /"b" is local, the first source is remote; for a remote path write :b/,
    "h:a i:b d": /"i:b": all sources must be on the same machine/,
    "u@h:a h:b d": /same machine/,
    ":a d": /host is missing/,
    "a @h:b": /user in front of @ is missing/,
    "a -h:b": /-:: unknown option in "-h:b"/,
    "-- a -h:b": /the host "-h" begins with "-"/,
    "a h;x:b": /contains ";"/,
    "a $(x):b": /contains "\$"/,
    "a ü:b": /ASCII/,
  };
  for (const [line, sentence] of Object.entries(cases)) {
    const said = refused(line);
    if (!said.startsWith("usage: ") || !sentence.test(said)) throw new Error(`${line}: ${said}`);
  }
  assertEquals(refused([utf8(""), utf8("d")]).slice(0, 31), "usage: the source is an empty w");
  assertEquals(refused([utf8("s"), utf8("")]).slice(0, 31), "usage: the target is an empty w");
  assertEquals(/at most 4095/.test(refused([new Uint8Array(4096).fill(0x61), utf8("d")])), true);
});

Deno.test("rsync daemons are refused as not supported", () => {
  for (const line of ["h::m d", "s h::m", "rsync://h/m d", "RSYNC://h/m d"]) {
    if (!refused(line).startsWith("unsupported: ")) throw new Error(line);
  }
});

Deno.test("a path that is not UTF-8 arrives as it was typed", () => {
  const raw = new Uint8Array([0x68, 0x3a, 0xff, 0xfe]);
  const read = readCommand([raw, utf8("d")], noEnvironment);
  assertEquals(read.kind === "sync" && read.request.sources, [new Uint8Array([0xff, 0xfe])]);
});

Deno.test("agent is the subcommand wherever the first operand is that word", () => {
  assertEquals(command("agent list h"), { kind: "agent", words: words("list h"), rsh: null, plain: true });
  assertEquals(command("agent -e x list h"), { kind: "agent", words: words("list h"), rsh: "x", plain: true });
  assertEquals(command("-a agent d"), { kind: "agent", words: words("d"), rsh: null, plain: false });
  assertEquals(command("./agent d").kind, "sync");
});

Deno.test("--max-size and --min-size: sizes as rsync takes them", () => {
  const sizes: Record<string, number> = {
    "0": 0,
    "1": 1,
    "1b": 1,
    "1k": 1024,
    "1K": 1024,
    "1KiB": 1024,
    "1kb": 1000,
    "1.5k": 1536,
    ".5m": 524_288,
    "1.k": 1024,
    "2MB": 2_000_000,
    "1g-1": 2 ** 30 - 1,
    "1kib+1": 1025,
    "1.5": 1,
    "0k": 0,
    "1t": 2 ** 40,
    "1p": 2 ** 50,
    "9p": 2 ** 53 - 1,
  };
  for (const [word, bytes] of Object.entries(sizes)) {
    const { maxSize, minSize } = sync(`--max-size=${word} --min-size ${word} s d`).request.options;
    assertEquals([maxSize, minSize], [bytes, bytes], word);
  }
  for (
    const word of ["x", "-1", "+5", "0-1", "1e", "1kI", "1bi", "1kbx", "2k-2", "1k-0", "1.2.3", "9999p", "8E"]
  ) {
    assertMatch(refused(`--max-size=${word} s d`), /usage: .*--max-size: .* is not a size/);
  }
});

Deno.test("-d, -R, --files-from and -r: what they mean together, whatever their order", () => {
  const what = (line: string) => {
    const { recursive, dirs, relative, noImpliedDirs, filesFrom } = sync(`${line} s d`).request.options;
    return Object.entries({ recursive, dirs, relative, noImpliedDirs, filesFrom }).filter(([, is]) => is).map(([is]) =>
      is
    )
      .join(" ");
  };
  const cases: Record<string, string> = {
    "-d": "dirs",
    "-d -r": "recursive",
    "-rd --no-r": "dirs",
    "-d --no-d": "",
    "--old-dirs": "recursive",
    "--old-d --no-d": "",
    "-R": "relative",
    "-aR --no-implied-dirs": "recursive relative noImpliedDirs",
    "-aR --no-i-d --i-d": "recursive relative",
    "-a --no-implied-dirs": "recursive",
    "-R --no-R": "",
    "--files-from=x": "dirs relative filesFrom",
    "-a --files-from=x": "dirs relative filesFrom",
    "-a -r --files-from=x": "recursive relative filesFrom",
    "-r -a --files-from=x": "recursive relative filesFrom",
    "--no-R --files-from=x --no-d": "filesFrom",
    "--files-from=x --no-relative": "dirs filesFrom",
  };
  for (const [line, options] of Object.entries(cases)) assertEquals(what(line), options, line);
  const rules = sync("-t --old-dirs --include=/x s d").rules.rules.map(({ action, word }) =>
    `${action} ${latin1(word)}`
  );
  assertEquals(rules, ["include /x", "exclude /*/*"]);
});

Deno.test("--files-from: one source; a file at the other end belongs to this run's machine", () => {
  assertEquals(latin1(sync("--files-from=l s d").namesFile!), "l");
  assertEquals(latin1(sync("--files-from - h:s d").namesFile!), "-");
  const there = sync("--files-from=:dir/l h:s d");
  assertEquals([there.namesFile, latin1(there.request.options.filesFromThere!)], [null, "dir/l"]);
  assertEquals(latin1(sync("--files-from=u@h:l u@h:s d").request.options.filesFromThere!), "l");
  assertMatch(refused("--files-from=l s t d"), /usage: .*one source/);
  assertMatch(refused("--files-from=:l s d"), /usage: .*neither source nor target/);
  assertMatch(refused("--files-from=g:l h:s d"), /usage: .*another machine/);
  assertMatch(refused("--files-from=:l s h:d"), /unsupported: .*from this machine/);
  assertMatch(refused("--files-from=- --exclude-from=- s d"), /usage: .*standard input/);
  assertMatch(refused("--delete s d"), /usage: .*-r .* or -d/);
  assertEquals(sync("-d --delete s d").request.options.delete, true);
});

Deno.test("--crtimes (-N) is refused with the reason, --no-crtimes takes it back", () => {
  for (const word of ["-N", "--crtimes"]) {
    assertThrows(() => sync(`-a ${word} s d`), TsyncError, "Linux has no way to set a creation time");
  }
  assertEquals(sync("-a --crtimes --no-crtimes s d").kind, "sync");
});

Deno.test("--chown, --usermap and --groupmap: what they ask for is kept, and each comes once", () => {
  const { options } = sync("-r --chown=a:b s d").request;
  assertEquals([latin1(options.userMap), latin1(options.groupMap), options.owner, options.group], [
    "*:a",
    "*:b",
    true,
    true,
  ]);
  assertEquals(sync("-r --chown=a s d").request.options.group, false);
  assertEquals(latin1(sync("-r --chown=:b --usermap=1:2 s d").request.options.userMap), "1:2");
  for (
    const words of [
      "--chown=a --usermap=1:2",
      "--usermap=1:2 --usermap=2:3",
      "--chown=a,b",
      "--chown=:b --groupmap=1:2",
    ]
  ) {
    assertThrows(() => sync(`-r ${words} s d`), TsyncError);
  }
});
