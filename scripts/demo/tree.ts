// The real tree of the demonstration: folders that every Linux machine has, taken until there are tens of thousands of entries.

import { run } from "./programs.ts";

/** Taken in this order; of one that is too large, those of its folders that fit. */
const CANDIDATES = ["/usr/share", "/usr/include", "/usr/lib", "/usr/bin", "/usr/local", "/opt", "/etc", "/var/lib"];
const ENOUGH_ENTRIES = 25_000;
const FEW_ENTRIES = 20_000;
const MOST_ENTRIES = 40_000;
const MOST_BYTES = 0.8e9;
/** What one folder's own folders are tried for: more words than this do not help. */
const MOST_PARTS = 400;

export interface Tree {
  /** Absolute folders. */
  parts: string[];
  /** How often each is copied: a small machine's files are taken more than once. */
  copies: number;
  bytes: number;
  what: string;
}

export async function chooseTree(): Promise<Tree> {
  const parts: string[] = [];
  let entries = 0, bytes = 0;
  const take = async (path: string): Promise<boolean> => {
    const size = await measure(path);
    if (size === null || entries + size.entries > MOST_ENTRIES || bytes + size.bytes > MOST_BYTES) return false;
    entries += size.entries;
    bytes += size.bytes;
    parts.push(path);
    return true;
  };
  for (const candidate of CANDIDATES) {
    if (entries >= ENOUGH_ENTRIES) break;
    if (await take(candidate)) continue;
    for (const folder of foldersIn(candidate)) {
      if (entries >= ENOUGH_ENTRIES) break;
      await take(folder);
    }
  }
  if (entries === 0) throw new Error(`none of ${CANDIDATES.join(", ")} can be read`);
  const copies = entries >= FEW_ENTRIES
    ? 1
    : Math.min(Math.ceil(FEW_ENTRIES / entries), Math.max(1, Math.floor(MOST_BYTES / bytes)));
  const names = parts.length > 4 ? `${parts.slice(0, 4).join(", ")} and ${parts.length - 4} more` : parts.join(", ");
  const times = copies === 1 ? "" : `, ${copies} times`;
  return {
    parts,
    copies,
    bytes: bytes * copies,
    what: `${names}${times}: ${(entries * copies).toLocaleString("en-US")} entries, ${
      (bytes * copies / 1e6).toFixed(0)
    } MB`,
  };
}

function foldersIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).slice(0, MOST_PARTS)
      .map((entry) => `${path}/${entry.name}`).sort();
  } catch {
    return [];
  }
}

/** What a folder holds; null: it is not there. */
async function measure(path: string): Promise<{ entries: number; bytes: number } | null> {
  try {
    if (!Deno.lstatSync(path).isDirectory) return null;
  } catch {
    return null;
  }
  const { stdout } = await run("find", [path, "-printf", "%b\\n"]);
  const blocks = new TextDecoder().decode(stdout).split("\n").slice(0, -1);
  return { entries: blocks.length, bytes: blocks.reduce((sum, count) => sum + Number(count) * 512, 0) };
}

/** Copies the tree to a new folder with cp, and counts what this user may not read. */
export async function copyTree(tree: Tree, to: string): Promise<{ unreadable: number }> {
  let unreadable = 0;
  Deno.mkdirSync(to);
  for (let i = 0; i < tree.copies; i++) {
    const folder = tree.copies === 1 ? to : `${to}/${i + 1}`;
    if (folder !== to) Deno.mkdirSync(folder);
    for (const part of tree.parts) unreadable += await copyFolder(part, folder + part);
  }
  return { unreadable };
}

async function copyFolder(from: string, to: string): Promise<number> {
  Deno.mkdirSync(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  const { stderr } = await run("cp", ["-a", from, to]);
  const said = new TextDecoder().decode(stderr).split("\n").filter((line) => line !== "");
  const other = said.find((line) => !line.includes("Permission denied"));
  if (other !== undefined) throw new Error(other);
  return said.length;
}
