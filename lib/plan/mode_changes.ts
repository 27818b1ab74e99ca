// --chmod: what its words do to the mode that an entry has at the source. Parsed once per run, for a run that has the option;
// applied by the client's half alone, as in rsync, so that it never travels. Pure. Promises: the mode before the first change
// decides what X means; a link is never asked about.

const ALL = 0o777;
const SPECIAL: Record<string, number> = { u: 0o4000, g: 0o2000, o: 0o1000 };
const BITS: Record<string, number> = { u: 0o700, g: 0o070, o: 0o007 };
const SHIFT: Record<string, number> = { u: 6, g: 3, o: 0 };
const FOLDER = 4;

/** The mode (0o7777) that an entry of `kind` with `mode` counts as having. */
export type ModeChanger = (kind: number, mode: number) => number;

interface Item {
  /** Only folders, only other entries, or all. */
  scope: "D" | "F" | "";
  change(mode: number, original: number, isFolder: boolean): number;
}

/** Null if one of `words`, each a list parted by commas, is not understood. `umask` counts where no class is named. */
export function modeChanger(words: readonly string[], umask: number): ModeChanger | null {
  const items: Item[] = [];
  for (const word of words.flatMap((list) => list.split(","))) {
    const item = parse(word, umask);
    if (item === null) return null;
    items.push(item);
  }
  return (kind, mode) => {
    const isFolder = kind === FOLDER;
    let changed = mode;
    for (const { scope, change } of items) {
      if (scope === "" || (scope === "D") === isFolder) changed = change(changed, mode, isFolder);
    }
    return changed;
  };
}

function parse(word: string, umask: number): Item | null {
  const parts = /^(D*|F*)(?:([0-7]+)|([ugoa]*)([-+=])([ugo]|[rwxXst]*))$/.exec(word);
  if (parts === null || word === "") return null;
  const scope = parts[1].slice(0, 1) as Item["scope"];
  if (parts[2] !== undefined) {
    const mode = parseInt(parts[2], 8);
    return mode > 0o7777 ? null : { scope, change: () => mode };
  }
  const [, , , who, operator, what] = parts;
  const classes = who === "" ? [] : who.includes("a") ? ["u", "g", "o"] : [...new Set(who)];
  const mask = classes.length === 0 ? ALL & ~umask : bitsOf(classes, BITS);
  const clears = classes.length === 0 ? ALL : mask;
  const change = /^[ugo]$/.test(what)
    ? copying(what, classes, mask, clears, operator)
    : setting(what, classes, mask, clears, operator);
  return { scope, change };
}

/** g=u: one class's permissions for others; an equals sign also takes their special bits away. */
function copying(from: string, classes: string[], mask: number, clears: number, operator: string): Item["change"] {
  const special = classes.length === 0 ? 0o7000 : bitsOf(classes, SPECIAL);
  return (mode) => {
    const bits = (mode >>> SHIFT[from] & 7) * 0o111 & mask;
    return applied(mode, bits, clears | special, operator);
  };
}

/** u+rw: permissions by letter. An equals sign touches set-id bits only where s or t is among them. */
function setting(what: string, classes: string[], mask: number, clears: number, operator: string): Item["change"] {
  const letters = new Set(what);
  let plain = (letters.has("r") ? 0o444 : 0) | (letters.has("w") ? 0o222 : 0) | (letters.has("x") ? 0o111 : 0);
  plain &= mask;
  let special = letters.has("t") ? 0o1000 : 0;
  if (letters.has("s")) special |= (classes.length === 0 ? 0o4000 : bitsOf(classes, SPECIAL)) & 0o6000;
  const names = letters.has("s") || letters.has("t");
  const all = clears | (names ? bitsOf(classes, SPECIAL) & 0o6000 : 0);
  return (mode, original, isFolder) => {
    const runs = letters.has("X") && (isFolder || (original & 0o111) !== 0) ? 0o111 & mask : 0;
    return applied(mode, plain | special | runs, all, operator);
  };
}

function applied(mode: number, bits: number, clears: number, operator: string): number {
  if (operator === "+") return mode | bits;
  if (operator === "-") return mode & ~bits;
  return mode & ~clears | bits;
}

function bitsOf(classes: string[], of: Record<string, number>): number {
  return classes.reduce((bits, name) => bits | of[name], 0);
}
