// Rows of the option table about limits, the connection, and what rsync has for its own protocol: the table (option_table.ts) takes
// them in. A row without effect says so in its group; what it is given is checked as rsync checks it.

import { display, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { charsetOf } from "../base/charset.ts";
import { LANES_MORE } from "../base/limits.ts";
import type { Option } from "./option.ts";
import type { Settings } from "./settings.ts";
import { compressionOf, levelOf, numberOf, textOf, usageError } from "./option_values.ts";
import { rateOf, sizeOf } from "./size_words.ts";
import { minutesOf, momentOf } from "./stop_words.ts";
import { wallSeconds } from "../os/clock.ts";

const CONNECTIONS = `a number of connections, 1 to ${LANES_MORE + 1}`;
const DASH = 0x2d;

function reconnectOf(value: Uint8Array, word: string): number {
  const text = latin1(value);
  if (text === "forever") return Infinity;
  return text === "never" ? 0 : numberOf(value, word, "a number of seconds, forever or never", 0, 2 ** 31);
}

export const CONNECTION_OPTIONS: readonly Option[] = [
  {
    name: "rsh",
    short: "e",
    argument: "COMMAND",
    group: "Connection",
    help: "remote shell to use (default: TSYNC_RSH, RSYNC_RSH or ssh)",
    set(settings, value, word) {
      settings.rsh = textOf(value, word);
    },
  },
  {
    name: "rsync-path",
    argument: "PROGRAM",
    group: "Connection",
    help: "program at the other end; its last word rsync or tsync-remote\n" +
      'means the one that tsync puts there ("sudo rsync")',
    set(settings, value, word) {
      settings.rsyncPath = textOf(value, word);
    },
  },
  {
    name: "timeout",
    argument: "SECONDS",
    group: "Connection",
    help: "end if the other side is silent so long; 0: never",
    set(settings, value, word) {
      settings.options.timeoutSeconds = numberOf(value, word, "a number of seconds", 0, 2 ** 31);
    },
    unset(settings) {
      settings.options.timeoutSeconds = 0;
    },
  },
  {
    name: "reconnect",
    argument: "SECONDS",
    group: "Connection",
    help:
      "take the run up again over a new connection when the one it\nhas is lost, if it comes back within so long; forever, never;\ndefault: 180 where somebody watches (a terminal), else never",
    own: true,
    set(settings, value, word) {
      settings.reconnectSeconds = reconnectOf(value, word);
    },
    unset(settings) {
      settings.reconnectSeconds = 0;
    },
  },
  {
    name: "connections",
    argument: "NUM",
    group: "Connection",
    help:
      "open so many ssh connections at once, 1 to 16; 1: never more\nthan one; default: one, and more as --connections-max says",
    own: true,
    set(settings, value, word) {
      settings.connections = numberOf(value, word, CONNECTIONS, 1, LANES_MORE + 1);
    },
  },
  {
    name: "connections-max",
    argument: "NUM",
    group: "Connection",
    help: "open up to so many where the round trip is long and one\nconnection cannot fill the link (default: 4)",
    own: true,
    set(settings, value, word) {
      settings.connectionsMax = numberOf(value, word, CONNECTIONS, 1, LANES_MORE + 1);
    },
  },
  {
    name: "compress",
    short: "z",
    group: "Connection",
    help: "compress whatever the link is; default: text over slow links;\nwhat does not shrink is never compressed",
    set(settings) {
      settings.options.compress = "always";
    },
    unset(settings) {
      settings.options.compress = "never";
    },
  },
  {
    name: "compress-choice",
    aliases: ["zc"],
    argument: "NAME",
    group: "Connection",
    help: "zstd (as -z), none (as --no-z) or auto; rsync's lz4, zlibx\nand zlib are not there (--zc=NAME)",
    set(settings, value, word) {
      const wish = compressionOf(value, word);
      settings.options.compress = wish === "auto" && settings.asRsync ? "always" : wish;
      settings.compressChosen = true;
    },
  },
  {
    name: "compress-level",
    aliases: ["zl"],
    argument: "NUM",
    group: "Connection",
    help: "zstd level, -50 to 22, and -z; 0: by the link's rate (--zl=NUM)",
    set({ options }, value, word) {
      options.compressLevel = levelOf(value, word);
      if (options.compress === "auto") options.compress = "always";
    },
  },
  {
    name: "bwlimit",
    argument: "RATE",
    group: "Connection",
    help:
      "send at most so much a second, on each side and on one machine\ntoo; units of 1024 bytes, or 1.5M, 500K, 2MB; 0: no limit",
    set(settings, value, word) {
      settings.options.bwlimitKib = rateOf(value, word);
    },
    unset(settings) {
      settings.options.bwlimitKib = 0;
    },
  },
  {
    name: "stop-after",
    aliases: ["time-limit"],
    argument: "MINUTES",
    group: "Connection",
    help: "end the run after so long, with exit code 30; what is in\nplace is complete",
    set(settings, value, word) {
      settings.stop = { afterMs: minutesOf(value, word) };
    },
  },
  {
    name: "stop-at",
    argument: "TIME",
    group: "Connection",
    help: "end the run at the next such time: 2027-12-31T23:59, 12-31,\n31, 23:59, :59",
    set(settings, value, word) {
      settings.stop = { atMs: momentOf(value, word, wallSeconds() * 1000) };
    },
  },
  {
    name: "ipv4",
    short: "4",
    group: "Connection",
    help: "have ssh use IPv4 (its option -4)",
    set(settings) {
      settings.ipVersion = "4";
    },
  },
  {
    name: "ipv6",
    short: "6",
    group: "Connection",
    help: "have ssh use IPv6 (its option -6)",
    set(settings) {
      settings.ipVersion = "6";
    },
  },
  {
    name: "iconv",
    argument: "LOCAL,REMOTE",
    group: "Connection",
    help: "charsets of the names here and there (utf-8,iso-8859-1);\n. is the locale's, - converts nothing",
    set(settings, value, word) {
      settings.iconv = iconvOf(value, word);
      settings.iconvSaid = true;
    },
    unset(settings) {
      settings.iconv = null;
      settings.iconvSaid = true;
    },
  },
  {
    name: "remote-option",
    short: "M",
    argument: "OPTION",
    group: "Connection",
    help: "an option for the other side only, such as -M--bwlimit=100",
    set(settings, value, word) {
      if (value[0] !== DASH) throw usageError(`${word}: "${display(value)}" is not an option; it must begin with -`);
      settings.remoteWords.push(value);
    },
  },
];

/** Numbers as popt reads them: decimal, 0x.., 0.., signed; nothing at all is 0. */
function checkInteger(value: Uint8Array, word: string): number {
  const text = latin1(value);
  const parts = /^([+-]?)(0x[0-9a-f]+|\d*)$/i.exec(text);
  const digits = parts?.[2] ?? "";
  const number = Number(/^0\d+$/.test(digits) ? `0o${digits.slice(1)}` : digits) * (parts?.[1] === "-" ? -1 : 1);
  if (parts === null || !(Math.abs(number) <= 2 ** 31)) {
    throw usageError(`${word}: "${display(value)}" is not a whole number`);
  }
  return number;
}

/** rsync's names of checksums, all of which mean our own digest here. */
const CHECKSUMS = ["auto", "xxh128", "xxh3", "xxh64", "xxhash", "md5", "md4", "sha1", "none"];

function checksumNames(value: Uint8Array, word: string): string[] {
  const names = latin1(value).toLowerCase().split(",");
  if (names.length <= 2 && names.every((name) => CHECKSUMS.includes(name))) return names;
  const detail = `${word}: "${display(value)}" is not known here; give one or two of ${CHECKSUMS.join(", ")}`;
  throw new TsyncError({ kind: "unsupported", detail });
}

/** --iconv, and RSYNC_ICONV: LOCAL[,REMOTE]; "-" is no conversion. Throws TsyncError "usage" or "unsupported". */
export function iconvOf(value: Uint8Array, word: string): Settings["iconv"] {
  const text = latin1(value);
  if (text === "-") return null;
  const names = text.split(",");
  if (names.length > 2 || names.some((name) => !/^[\x21-\x7e]{1,64}$/.test(name))) {
    throw usageError(`${word}: "${display(value)}" is not understood; write LOCAL,REMOTE (utf-8,iso-8859-1), . or -`);
  }
  const [here, there = here] = names;
  for (const name of [here, there]) {
    if (name === "." || charsetOf(name) !== null) continue;
    const detail = `${word}: the charset "${name}" cannot be had here; give utf-8, iso-8859-1 and the like, koi8-r, ` +
      "windows-1252 and the like, gbk, big5, euc-jp, euc-kr or shift_jis";
    throw new TsyncError({ kind: "unsupported", detail });
  }
  return { here, there };
}

/** --max-alloc, and RSYNC_MAX_ALLOC. */
export function checkMaxAlloc(value: Uint8Array, word: string): void {
  const bytes = sizeOf(value, word, "b");
  if (bytes > 0 && bytes < 1 << 20) {
    throw usageError(`${word}: "${display(value)}" is too small; the least is 1M, 0 is no limit`);
  }
}

const group = "Taken as in rsync, without effect here";
const nothing = () => {};

function noEffect(name: string, help: string, more: Partial<Option> = {}): Option {
  return { name, group, help, set: nothing, ...more };
}

export const EFFECTLESS_OPTIONS: readonly Option[] = [
  noEffect("inc-recursive", "folders are always listed as they are needed", { aliases: ["i-r"], unset: nothing }),
  noEffect("secluded-args", "paths and options never pass a shell", {
    short: "s",
    aliases: ["protect-args"],
    set(settings) {
      settings.secludedArgs = true;
    },
    unset(settings) {
      settings.secludedArgs = false;
    },
  }),
  noEffect("old-args", "the far shell expands nothing", {
    set(settings) {
      settings.oldArgs = true;
    },
    unset(settings) {
      settings.oldArgs = false;
    },
  }),
  noEffect("trust-sender", "what the other side sends is always checked"),
  noEffect("blocking-io", "the runtime decides how it reads and writes", { unset: nothing }),
  noEffect("protocol", "both sides are always of one version", {
    argument: "NUM",
    set: (_, value, word) => void checkInteger(value, word),
  }),
  noEffect("max-alloc", "memory is bounded by other means", {
    argument: "SIZE",
    set: (_, value, word) => checkMaxAlloc(value, word),
  }),
  noEffect("checksum-choice", "the digest is always XXH3 of 128 bits; none: also -W (--cc)", {
    aliases: ["cc"],
    argument: "NAME",
    set(settings, value, word) {
      if (checksumNames(value, word)[0] === "none") settings.options.wholeFile = true;
    },
  }),
  noEffect("checksum-seed", "each session has a seed of its own", {
    argument: "NUM",
    set: (_, value, word) => void checkInteger(value, word),
  }),
  noEffect("skip-compress", "what does not shrink is never compressed", { argument: "LIST" }),
  noEffect("compress-threads", "one thread compresses (--zt)", {
    aliases: ["zt"],
    argument: "NUM",
    set: (_, value, word) => void checkInteger(value, word),
  }),
  ...["new-compress", "old-compress"].map((name) =>
    noEffect(name, "rsync's zlib encodings are not there: ends with code 4", {
      set() {
        const detail = `--${name}: rsync's zlib encodings are not there; -z compresses with zstd`;
        throw new TsyncError({ kind: "unsupported", detail });
      },
    })
  ),
  noEffect("insecure-links", "links in the paths that you type are always followed", { unset: nothing }),
  ...([
    ["confine-root", "DIR", "tsync-remote serve --root confines a session"],
    ["copy-as", "USER[:GROUP]", "run tsync as that user, or give --chown"],
  ] as const).map(([name, argument, instead]) =>
    noEffect(name, `not here, ends with code 4: ${instead}`, {
      argument,
      set() {
        throw new TsyncError({ kind: "unsupported", detail: `--${name} is not here; ${instead}` });
      },
    })
  ),
  noEffect("contimeout", "for daemons only: anything but 0 is refused over ssh", {
    argument: "SECONDS",
    set(settings, value, word) {
      settings.contimeout = checkInteger(value, word);
    },
    unset(settings) {
      settings.contimeout = 0;
    },
  }),
  noEffect("address", "for daemons only", { argument: "ADDRESS", set: (_, value, word) => void textOf(value, word) }),
  noEffect("port", "for daemons only; ssh's port: -e 'ssh -p NUM'", {
    argument: "NUM",
    set: (_, value, word) => void checkInteger(value, word),
  }),
  noEffect("sockopts", "for daemons only", { argument: "OPTIONS", set: (_, value, word) => void textOf(value, word) }),
  noEffect("early-input", "for daemons only", { argument: "FILE" }),
  noEffect("password-file", "for daemons only: refused over ssh", {
    argument: "FILE",
    set(settings, _value, word) {
      settings.daemonOnly = word;
    },
  }),
];
