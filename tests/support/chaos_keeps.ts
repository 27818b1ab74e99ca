// What a round of chaos demands of the options that keep something: a backup holds what its original has lost, and undo brings the target
// back to what it was, whatever became of the run. Used by chaos.ts. Judges by manifests alone.

import assert from "node:assert/strict";
import { TSYNC } from "./evil_sandbox.ts";
import { type Found, manifest } from "./manifest.ts";
import { marked } from "./processes.ts";
import { exists, type Ran, run } from "./run.ts";

type Tree = Map<string, Found>;

/** What is at a path, without its metadata. */
export function contentOf({ type, digest, target, device }: Found): string {
  return `${type} ${digest}${target}${device}`;
}

/** Each entry of the old tree but its folders is at its name or below the folder of backups. */
export async function demandBackups(backups: string, old: Tree, now: Tree, said: string): Promise<void> {
  const kept = exists(backups) ? await manifest(backups) : new Map<string, Found>();
  for (const [path, found] of old) {
    if (found.type === "d") continue;
    const state = contentOf(found);
    const isThere = [now, kept].some((tree) => tree.has(path) && contentOf(tree.get(path)!) === state);
    assert.ok(isThere, `${JSON.stringify(path)} has no backup; ${said}`);
  }
}

/** Undoes all runs in the trash, the last one first: what was there is there again, with all that is told of it. */
export async function demandUndo(place: string, trash: string, old: Tree, own: RegExp, said: string): Promise<void> {
  if (exists(trash)) {
    for (const { name } of [...Deno.readDirSync(trash)].sort((a, b) => (a.name < b.name ? 1 : -1))) {
      const undone = await run([TSYNC, "undo", name, `--trash=${trash}`, `${place}/target`], {
        env: { ...marked(place), HOME: place },
        timeoutMs: 60_000,
      });
      assert.equal(`${undone.code} ${undone.err}`, "0 ", `undo ${name}; ${said}`);
    }
  }
  const now = await manifest(`${place}/target`);
  const there = [...now.keys()].filter((path) => !own.test(path));
  assert.deepEqual(there.sort(), [...old.keys()].sort(), `after undo; ${said}`);
  for (const path of there) {
    const [{ allocated: _, ...is }, { allocated: __, ...was }] = [now.get(path)!, old.get(path)!];
    assert.deepEqual(is, was, `${JSON.stringify(path)} after undo; ${said}`);
  }
}

/** What a lost connection is to a run that makes it anew: nothing, once it has stood. */
export function demandReconnected({ code, err }: Ran): void {
  // Parts and backups: README says that such a run is not taken up.
  if (code === 0 || /must not be carried out twice/.test(err)) return;
  // Lost before the first answer: that is not tried again.
  assert.match(
    err,
    /before the (agent|handshake)|did not answer|no answer|cannot start|handshake/,
    `exit ${code}: ${err}`,
  );
}
