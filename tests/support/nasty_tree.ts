// The tree of everything that ever broke a synchroniser: names, link targets, modes, times, kinds, holes. Used by the tests of
// names and metadata, and whole by the one of all at once.

import { Kind } from "../../lib/os/os.ts";
import { type Entry, file, folder, link, name, special } from "./trees.ts";

const HALF_A_PAIR = "\x80";

/** Names that a shell, an option parser, a pattern or a JavaScript object could take for something else (B02, B07). */
export const ODD_NAMES: readonly string[] = [
  ...[
    "new\nline",
    "tab\tin",
    "return\r",
    "trailing ",
    " leading",
    "-rf",
    "--delete",
    "*",
    "?",
    "[",
    "[a-z]",
    "~",
    "~root",
  ],
  ...[
    "#",
    "'",
    '"',
    "\\",
    "\\n",
    "`id`",
    "$(touch PWNED)",
    "${HOME}",
    ";id",
    "a:b",
    "host:file",
    "@x",
    "!",
    "&",
    "|",
    "<x>",
  ],
  ...["%s", "...", "..x", ".", ".."].slice(0, 3),
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "0", "-1", "1e3", "null", "undefined", "NaN"],
  ...["\x1b[31mred\x1b[0m", "\x07bell", "\\#012"],
];

/** Names of bytes that are no UTF-8, each a different one though text makes them alike (B03, B04). */
export const LOSSY_NAMES: readonly string[] = [
  ...[HALF_A_PAIR, "\xff", "\xff\xfe", name("\ufffd"), "\xc3", "\xc3\xa9", "\xe9", "\xed\xa0\x80", "\xc0\xaf"],
  ...[name("é"), name("e\u0301"), "A", "a", name("ß"), "SS", name("\u202egnp.exe"), name("\u{1f600}")],
].filter((text, i, all) => all.indexOf(text) === i);

/** Link targets (B09). */
export const LINK_TARGETS: readonly string[] = [
  ...[
    "/etc/passwd",
    "/",
    "nowhere",
    "../outside",
    ".",
    "..",
    "a//b",
    "//a///",
    "a/",
    "link-4",
    "\xff\x80",
    "new\nline",
  ],
  "t".repeat(4095),
];

/** Times: before 1970, around powers of two, ns at the edges (C03). */
export const TIMES: readonly [number, number][] = [
  ...[[0, 0], [0, 1], [0, 999_999_999], [-1, 0], [-1, 1], [-1, 999_999_999], [1, 0]] as [number, number][],
  ...[[-(2 ** 31), 0], [-(2 ** 31), 5], [2 ** 31 - 1, 999_999_999], [2 ** 31, 0], [2 ** 31, 7]] as [number, number][],
  ...[[2 ** 32, 0], [2 ** 32 - 1, 1], [15_000_000_000, 3]] as [number, number][],
];

const WHEN = { sec: 1_234_567_890, ns: 123_456_789 };
const LATE = { sec: 4_000_000_000, ns: 987_654_321 };

/** One file per byte that a name can hold (B01). */
export function byteNames(folderPath: string): Entry[] {
  const entries: Entry[] = [];
  for (let byte = 1; byte < 256; byte++) {
    if (byte === 0x2f) continue;
    const one = String.fromCharCode(byte);
    entries.push(file(`${folderPath}/${one === "." ? "dot." : one}`, `byte ${byte}`, WHEN));
  }
  return entries;
}

export function oddNames(folderPath: string): Entry[] {
  return [...ODD_NAMES, ...LOSSY_NAMES].map((odd, i) => file(`${folderPath}/${odd}`, `odd ${i}`, WHEN));
}

export function linkTargets(folderPath: string): Entry[] {
  return LINK_TARGETS.map((target, i) => link(`${folderPath}/link-${i}`, target, WHEN));
}

export function times(folderPath: string): Entry[] {
  return TIMES.flatMap(([sec, ns], i) => [
    file(`${folderPath}/file-${i}`, "x", { sec, ns }),
    folder(`${folderPath}/folder-${i}`, { sec, ns }),
    link(`${folderPath}/link-${i}`, "nowhere", { sec, ns }),
  ]);
}

/** Files and folders of the given modes. Owner and group may use them, or root makes them. */
export function modes(folderPath: string, values: Iterable<number>): Entry[] {
  const entries: Entry[] = [];
  for (const mode of values) {
    const octal = mode.toString(8).padStart(4, "0");
    entries.push(file(`${folderPath}/f${octal}`, octal, { mode, ...WHEN }));
    entries.push(folder(`${folderPath}/d${octal}`, { mode, ...WHEN }));
  }
  return entries;
}

const PIECE = new Uint8Array(8192).fill(0x5a);

/** Holes in front, between, behind, everywhere (C07 in small). */
export function sparse(folderPath: string): Entry[] {
  const data = (at: number) => ({ at, bytes: PIECE });
  return [
    file(`${folderPath}/all-hole`, "", { size: 5_000_000, ...WHEN }),
    file(`${folderPath}/hole-at-end`, "", { data: [data(0)], size: 3_000_001, ...WHEN }),
    file(`${folderPath}/hole-in-front`, "", { data: [data(2_097_152)], ...WHEN }),
    file(`${folderPath}/islands`, "", {
      data: [0, 1, 2, 3].map((i) => data(i * 1_048_576 + 65_536)),
      size: 6_000_000,
      ...WHEN,
    }),
    file(`${folderPath}/small-all-hole`, "", { size: 65_536, ...WHEN }),
    file(`${folderPath}/zeros`, new Uint8Array(300_000), WHEN),
  ];
}

/** FIFO and socket; devices too where they can be made. */
export function specials(folderPath: string, devices: boolean): Entry[] {
  const entries = [
    special(`${folderPath}/fifo`, Kind.fifo, { mode: 0o640, ...WHEN }),
    special(`${folderPath}/socket`, Kind.socket, { mode: 0o755, ...LATE }),
  ];
  if (!devices) return entries;
  return [
    ...entries,
    special(`${folderPath}/char`, Kind.charDevice, { device: [10, 300], mode: 0o600, ...WHEN }),
    special(`${folderPath}/null`, Kind.charDevice, { device: [1, 3], mode: 0o666, ...WHEN }),
    special(`${folderPath}/block`, Kind.blockDevice, { device: [7, 1_000], mode: 0o660, ...LATE }),
  ];
}

export const SOME_MODES: readonly number[] = [
  0o400,
  0o444,
  0o600,
  0o644,
  0o700,
  0o755,
  0o777,
  0o1777,
  0o2755,
  0o4755,
  0o7777,
];
/** Modes that keep their owner out; without root these cannot be read, so they are root's. */
export const CLOSED_MODES: readonly number[] = [0o000, 0o001, 0o111, 0o222, 0o333, 0o2000, 0o4000, 0o6111];

/** All of it. With `privileged`: also what only root can make, keep and read. */
export function nastyTree(privileged: boolean): Entry[] {
  const modeValues = privileged ? [...SOME_MODES, ...CLOSED_MODES] : SOME_MODES.filter((mode) => mode & 0o400);
  const entries = [
    folder("", { mode: 0o751, ...WHEN }),
    ...byteNames("bytes"),
    ...oddNames("odd"),
    file(`long/${"n".repeat(255)}`, "255 bytes", WHEN),
    folder(`long/${"d".repeat(255)}`, WHEN),
    ...linkTargets("links"),
    ...times("times"),
    ...modes("modes", modeValues.filter((mode) => privileged || (mode & 0o700) >= 0o500)),
    ...specials("specials", privileged),
    ...sparse("sparse"),
    folder("empty", LATE),
    folder("empty/inside/deeper", WHEN),
    folder("closed", { mode: 0o555, ...WHEN }),
    file("closed/file", "in a closed folder", { mode: 0o444, ...LATE }),
    folder("closed/inner", { mode: 0o555, ...LATE }),
    file("closed/inner/file", "deeper", WHEN),
    file("empty file", "", WHEN),
    file("large", new Uint8Array(700_000).map((_, i) => i * 31), LATE),
    ...["bytes", "odd", "long", "links", "times", "modes", "specials", "sparse"].map((path) => folder(path, WHEN)),
  ];
  if (privileged) {
    entries.push(file("owned/user", "u", { uid: 1234, gid: 5678, mode: 0o6755, ...WHEN }));
    entries.push(link("owned/link", "user", { uid: 4321, gid: 8765, ...LATE }));
    entries.push(folder("owned", { uid: 99, gid: 98, mode: 0o2750, ...WHEN }));
  }
  return entries;
}
