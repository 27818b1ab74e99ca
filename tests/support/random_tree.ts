// Seeded random trees, and changes of them: pairs of trees as a first and a later run meet them. Used on disks and in memory.

import { Kind } from "../../lib/os/os.ts";
import { LOSSY_NAMES, ODD_NAMES } from "./nasty_tree.ts";
import type { Random } from "./random.ts";
import { type Entry, file, folder, link, special, split } from "./trees.ts";

export interface RandomTreeOptions {
  entries: number;
  /** FIFOs and sockets. Default true. */
  specials?: boolean;
  /** Devices and strange owners: what root may make. */
  privileged?: boolean;
  /** Modes that lock their owner out do not occur. */
  readable?: boolean;
}

const PLAIN_NAMES = ["a", "b", "ab", "a.b", "a-b", "dir", "file", "Makefile", "x".repeat(100), "0", "zz", "index.html"];

function randomName(random: Random): string {
  if (random.chance(70)) return random.pick(PLAIN_NAMES) + (random.chance(60) ? String(random.below(50)) : "");
  return random.pick(random.chance(50) ? ODD_NAMES : LOSSY_NAMES);
}

function randomBytes(random: Random): Uint8Array {
  const sizes = [0, 1, 7, 100, 4095, 4096, 4097, 20_000, 131_072, 131_073, 140_000, 400_000];
  return random.bytes(random.chance(80) ? random.below(600) : random.pick(sizes));
}

function randomTime(random: Random): { sec: number; ns: number } {
  const sec = random.chance(10) ? -random.below(2 ** 31) : 1_500_000_000 + random.below(200_000_000);
  return { sec, ns: random.chance(20) ? 0 : random.below(1_000_000_000) };
}

function randomMode(random: Random, kind: number, options: RandomTreeOptions): number {
  const mode = random.chance(60) ? (kind === Kind.folder ? 0o755 : 0o644) : random.below(0o10000);
  if (options.readable === false) return mode;
  return mode | (kind === Kind.folder ? 0o500 : 0o400);
}

/** An entry of some kind at `path`, with all its metadata. */
function randomEntry(random: Random, path: string, kind: number, options: RandomTreeOptions): Entry {
  const owner = options.privileged && random.chance(20) ? { uid: random.below(3), gid: random.below(70_000) } : {};
  const more = { mode: randomMode(random, kind, options), ...owner, ...randomTime(random) };
  if (kind === Kind.folder) return folder(path, more);
  if (kind === Kind.link) return link(path, random.pick(["a", "../a", "/nowhere", "dir/file", "\xff", "."]), more);
  if (kind === Kind.file) return randomFile(random, path, more);
  if (kind === Kind.charDevice) return special(path, kind, { device: [random.below(5), random.below(300)], ...more });
  return special(path, kind, more);
}

function randomFile(random: Random, path: string, more: Partial<Entry>): Entry {
  const made = file(path, randomBytes(random), more);
  if (!random.chance(8)) return made;
  const at = 65_536 * (1 + random.below(8));
  return {
    ...made,
    data: [{ at, bytes: random.bytes(1 + random.below(5000)) }],
    size: random.chance(50) ? at + 90_000 : undefined,
  };
}

function randomKind(random: Random, options: RandomTreeOptions): number {
  const roll = random.below(100);
  if (roll < 62) return Kind.file;
  if (roll < 84) return Kind.folder;
  if (roll < 94 || options.specials === false) return Kind.link;
  if (roll < 96) return Kind.fifo;
  if (roll < 98 || !options.privileged) return Kind.socket;
  return Kind.charDevice;
}

/** A tree of about so many entries. Folders of the tree come before what they hold. */
export function randomTree(random: Random, options: RandomTreeOptions): Entry[] {
  const tree = new Map<string, Entry>();
  const folders = [""];
  for (let tries = 0; tree.size < options.entries && tries < options.entries * 4; tries++) {
    const parent = random.pick(folders);
    const path = parent === "" ? randomName(random) : `${parent}/${randomName(random)}`;
    if (tree.has(path) || path.length > 900) continue;
    const entry = randomEntry(random, path, randomKind(random, options), options);
    tree.set(path, entry);
    if (entry.kind === Kind.folder && path.split("/").length < 12) folders.push(path);
  }
  return [...tree.values()];
}

/** The tree some time later: entries gone, new, changed in content, metadata or kind. Untouched ones are the same objects. */
export function changedTree(random: Random, tree: readonly Entry[], options: RandomTreeOptions): Entry[] {
  const changed = new Map<string, Entry>();
  const isThere = (path: string) => path === "" || changed.get(path)?.kind === Kind.folder;
  for (const entry of tree) {
    if (!isThere(split(entry.path)[0]) || random.chance(8)) continue;
    changed.set(entry.path, random.chance(25) ? changedEntry(random, entry, options) : entry);
  }
  for (const entry of randomTree(random, { ...options, entries: Math.ceil(options.entries / 8) })) {
    if (!changed.has(entry.path) && isThere(split(entry.path)[0])) changed.set(entry.path, entry);
  }
  return [...changed.values()];
}

function changedEntry(random: Random, entry: Entry, options: RandomTreeOptions): Entry {
  const roll = random.below(100);
  if (roll < 15) return randomEntry(random, entry.path, randomKind(random, options), options);
  if (roll < 40) return { ...entry, mode: randomMode(random, entry.kind, options) };
  if (roll < 60) return { ...entry, ...randomTime(random) };
  return randomEntry(random, entry.path, entry.kind, options);
}
