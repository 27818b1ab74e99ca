// The demonstration's changes to the tree: what happens to files in the course of a day, in small numbers.

import { textOf } from "./programs.ts";

const NEW_FILES = 100;
const APPENDED_FILES = 50;
const SPARSE_BYTES = 256 << 20;
const NOTES = "notes";

/** Adds a file that is younger than the tree: its time has nanoseconds, which a packaged file's has not. */
export async function addNotes(root: string): Promise<void> {
  await Deno.writeTextFile(`${root}/${NOTES}`, "written by the demonstration\n");
}

/** Changes the tree, and says how. */
export async function changeTree(root: string): Promise<string> {
  const removed = await smallFolder(root);
  if (removed !== null) await Deno.remove(removed.path, { recursive: true });
  const files = await find(root, ["-type", "f", "-perm", "-u=w", "-size", "+0"]);
  const step = Math.max(1, Math.floor(files.length / APPENDED_FILES));
  const appended = files.filter((_, i) => i % step === 0).slice(0, APPENDED_FILES);
  for (const file of appended) await Deno.writeTextFile(file, "one line more\n", { append: true });

  await rewriteWithinItsSecond(`${root}/${NOTES}`);

  const folder = `${root}/new folder`;
  await Deno.mkdir(folder);
  for (let i = 0; i < NEW_FILES; i++) await Deno.writeTextFile(`${folder}/file ${i}`, `file ${i}\n`.repeat(i));
  await Deno.symlink("file 1", `${folder}/a link`);
  const sparse = await Deno.open(`${folder}/sparse`, { write: true, create: true });
  await sparse.truncate(SPARSE_BYTES);
  await sparse.write(new Uint8Array(1 << 16).fill(7));
  sparse.close();
  await Deno.chmod(files[1], 0o600);

  return `${appended.length} files longer, one rewritten to equal size within its second, one mode, ` +
    `${NEW_FILES} new files, a link and a sparse file of ${SPARSE_BYTES >> 20} MB in a new folder` +
    (removed === null ? "" : `, a folder of ${removed.entries} entries removed`);
}

/** Equal size, and a time in the same second: only the nanoseconds tell. */
async function rewriteWithinItsSecond(file: string): Promise<void> {
  const time = (await textOf("stat", ["--format=%.9Y", file])).trim();
  const [seconds, nanoseconds] = time.split(".");
  const bytes = await Deno.readFile(file);
  bytes[0] ^= 1;
  await Deno.writeFile(file, bytes);
  const other = String((Number(nanoseconds) + 1000) % 1e9).padStart(9, "0");
  await textOf("touch", ["-d", `@${seconds}.${other}`, file]);
}

/** A folder of a few dozen entries; null: the tree has none. */
async function smallFolder(root: string): Promise<{ path: string; entries: number } | null> {
  for (const path of await find(root, ["-mindepth", "3", "-type", "d", "-perm", "-u=rwx"])) {
    const entries = (await find(path, [])).length;
    if (entries >= 20 && entries <= 200) return { path, entries };
  }
  return null;
}

async function find(root: string, tests: string[]): Promise<string[]> {
  const found = (await textOf("find", [root, ...tests, "-print0"])).split("\0").slice(0, -1);
  // A name that is not UTF-8 cannot be opened by way of text.
  return found.filter((path) => !path.includes("\ufffd")).sort();
}
