// The power goes on the disk that keeps what is replaced and deleted on another one (--backup-dir, --trash=DIR elsewhere; support/power_cut.ts
// says how): what has lost its old entry by the moment of the cut is there, whole, and the trash's journal tells of it.

import assert from "node:assert/strict";
import { TSYNC } from "../support/evil_sandbox.ts";
import { digest, type PoweredDisk, type PoweredKind, readTree, withPower } from "../support/power_cut.ts";
import { LONG } from "../support/random.ts";
import { AS_ROOT, run, withPlace } from "../support/run.ts";
import { openTrashAt, readJournal, runNames } from "../../lib/tree/trash_folder.ts";
import { keptName } from "../../lib/tree/trash_record.ts";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { openLinux } from "../../lib/os/linux.ts";

const COUNT = LONG ? 300 : 90;
const BYTES = 20_000;
const os = openLinux();

/** A third is replaced, a third deleted one by one, a third with their folders. */
function plant(source: string, target: string): void {
  for (const root of [source, target, `${source}/same`, `${target}/same`]) Deno.mkdirSync(root, { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const folder = i % 3 === 2 ? `gone${i % 30}/in` : "same";
    Deno.mkdirSync(`${target}/${folder}`, { recursive: true });
    const content = crypto.getRandomValues(new Uint8Array(BYTES));
    Deno.writeFileSync(`${target}/${folder}/f${i}`, content);
    Deno.utimeSync(`${target}/${folder}/f${i}`, 1e9, 1e9);
    if (i % 3 === 0) Deno.writeFileSync(`${source}/${folder}/f${i}`, content.map((byte) => byte ^ 1));
  }
}

/** Paths of old files that the target does not hold any more, with what they held. */
function taken(old: Map<string, string>, target: string): [string, string][] {
  return [...old].filter(([path, is]) => is !== "/" && contentAt(target + path) !== is);
}

function contentAt(path: string): string | null {
  try {
    return digest(Deno.readFileSync(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return null;
  }
}

/** Content of what the trash at `path` keeps, by the path that its journal tells. */
function keptIn(path: string): Map<string, string> {
  const found = new Map<string, string>();
  const trash = openTrashAt(os, os.openRoot(utf8(path)), utf8(path), 0);
  if (trash < 0) return found;
  for (const name of runNames(os, trash)) {
    const folder = os.openFolder(trash, name);
    for (const record of readJournal(os, folder, 0) ?? []) {
      if (record.type !== "change" || record.kept === 0) continue;
      const kept = `${path}/${latin1(name)}/${latin1(keptName(record.kept, record.path))}`;
      const content = contentAt(kept);
      if (content !== null) found.set(`/${latin1(record.path)}`, content);
    }
    os.close(folder);
  }
  os.close(trash);
  return found;
}

type Keeps = { words: (disk: string) => string[]; read: (disk: string) => Map<string, string> };
const KEEPS: Record<string, Keeps> = {
  "--backup-dir": { words: (disk) => ["-b", `--backup-dir=${disk}/kept`], read: (disk) => readTree(`${disk}/kept`) },
  "--trash": { words: (disk) => [`--trash=${disk}/kept`], read: (disk) => keptIn(`${disk}/kept`) },
};

/** Runs with cuts; what was taken by the moment of each and is not whole on the disk that kept it. */
async function lost(place: string, disk: PoweredDisk, { words, read }: Keeps, more: string[]): Promise<string[]> {
  await disk.restore();
  await Deno.remove(`${place}/t`, { recursive: true });
  await run(["cp", "-a", `${place}/old`, `${place}/t`]);
  const old = readTree(`${place}/old`);
  const cuts: { cut: number; gone: [string, string][] }[] = [];
  const cut = () => {
    const gone = taken(old, `${place}/t`);
    disk.commitNames();
    cuts.push({ cut: disk.cut(), gone });
  };
  let isOver = false;
  const ran = run([TSYNC, "-a", "--delete", "--no-guard", ...words(disk.path), ...more, `${place}/s/`, `${place}/t`])
    .finally(() => isOver = true);
  while (!isOver && cuts.length < (LONG ? 40 : 6)) {
    await Promise.race([ran, new Promise((done) => setTimeout(done, 30))]);
    if (!isOver) cut();
  }
  const { code, err } = await ran;
  assert.equal(`${code} ${err}`, "0 ");
  cut();
  assert.equal(cuts.at(-1)!.gone.length, COUNT);
  const found: string[] = [];
  for (const { cut, gone } of cuts) {
    const kept = await disk.after(cut, (path) => {
      try {
        return read(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        return new Map<string, string>();
      }
    });
    for (const [path, is] of gone) if (kept.get(path) !== is) found.push(path);
  }
  return found;
}

for (const kind of ["xfs", "ext4"] as PoweredKind[]) {
  Deno.test({
    name:
      `the power of the disk that keeps older files goes: what was replaced or deleted elsewhere by then is there, whole (${kind})`,
    ignore: !AS_ROOT,
    async fn() {
      await withPlace((place) =>
        withPower(place, kind, async (disk) => {
          plant(`${place}/s`, `${place}/old`);
          Deno.mkdirSync(`${place}/t`);
          await disk.keep();
          for (const [name, keeps] of Object.entries(KEEPS)) {
            // First that the rig sees a loss: of copies xfs shows none, as it writes out what gets its length last.
            if (kind === "ext4" || name === "--trash") {
              assert.ok((await lost(place, disk, keeps, ["--no-fsync"])).length > COUNT / 4, name);
            }
            assert.deepEqual(await lost(place, disk, keeps, []), [], name);
          }
        })
      );
    },
  });
}
