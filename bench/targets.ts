// The data sets on both places and the targets of the runs. Called by measure.ts and main.ts.
// Promises: a run's target is new, equal to the source, or in its older state again, as the row says, whatever the run before left.

import { manifest } from "./compare.ts";
import { type ChangeName, copyBytesOf, type DataName, isTree, makeData, makeOldFile, makeOldTree } from "./data.ts";
import type { PlaceName } from "./results.ts";
import type { Row } from "./rows.ts";

export interface KnownData {
  name: DataName;
  /** A tree's folder, or the one file. */
  path: string;
  isTree: boolean;
  /** About the memory that a copy needs; touched before each run. */
  copyBytes: number;
  /** Its manifest. */
  lines: string[];
}

/** tmpfs is memory: below this, targets go as soon as they are compared. */
export const LOW_MEMORY_BYTES = 6e9;
/** A disk keeps targets until the end of the bench while there is so much room. */
const LOW_DISK_BYTES = 25e9;

export class Targets {
  readonly #places: Record<PlaceName, string>;
  readonly #say: (text: string) => void;
  /** What is made once and used by several rows, by "PLACE NAME WHAT". */
  readonly #made = new Map<string, Promise<unknown>>();
  readonly #old: { place: PlaceName; path: string }[] = [];
  #count = 0;

  constructor(places: Record<PlaceName, string>, say: (text: string) => void) {
    this.#places = places;
    this.#say = say;
  }

  #once<T>(key: string, make: () => Promise<T>): Promise<T> {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as Promise<T>;
  }

  #folder(place: PlaceName): string {
    const folder = `${this.#places[place]}/data`;
    Deno.mkdirSync(folder, { recursive: true });
    return folder;
  }

  dataOf(name: DataName, place: PlaceName): Promise<KnownData> {
    return this.#once(`${place} ${name} data`, async () => {
      this.#say(`making ${name} on ${place}`);
      const path = makeData(name, this.#folder(place));
      return { name, path, isTree: isTree(name), copyBytes: copyBytesOf(name), lines: await manifest(path) };
    });
  }

  /** The folder that a run writes to. A new tree's does not exist yet. */
  async prepare(row: Row, data: KnownData): Promise<string> {
    if (data.isTree && (row.state === "unchanged" || row.state === "changed")) {
      const target = await this.#equalTree(row.place, data);
      if (row.change !== null) makeOldTree(data.name, target, row.change);
      return target;
    }
    const target = `${this.#places[row.place]}/target-${++this.#count}`;
    if (!data.isTree) Deno.mkdirSync(target);
    const base = data.path.slice(data.path.lastIndexOf("/") + 1);
    if (row.state === "unchanged") await run("cp", ["-a", data.path, `${target}/${base}`]);
    if (row.change !== null) {
      await run("cp", ["-a", await this.#oldFile(row.place, data, row.change), `${target}/${base}`]);
    }
    return target;
  }

  #equalTree(place: PlaceName, data: KnownData): Promise<string> {
    return this.#once(`${place} ${data.name} equal`, async () => {
      const target = `${this.#places[place]}/equal-${data.name}-${++this.#count}`;
      await run("cp", ["-a", data.path, target]);
      return target;
    });
  }

  #oldFile(place: PlaceName, data: KnownData, change: ChangeName): Promise<string> {
    return this.#once(`${place} ${data.name} old ${change}`, () => {
      const old = `${this.#folder(place)}/old-${++this.#count}-${data.name}`;
      makeOldFile(data.path, old, change);
      return Promise.resolve(old);
    });
  }

  /** After a run. `isRight`: the target is what it should be, and may serve again. */
  release(row: Row, data: KnownData, target: string, isRight: boolean): void {
    if (target.includes("/equal-")) {
      if (isRight) return;
      this.#made.delete(`${row.place} ${data.name} equal`);
    }
    // A small file that is made on a disk soon after many were removed costs ten times more: there, trees stay until the end.
    const keeps = row.place === "disk"
      ? data.isTree && this.#diskBytes() > LOW_DISK_BYTES
      : this.availableBytes() > LOW_MEMORY_BYTES;
    if (keeps) this.#old.push({ place: row.place, path: target });
    else remove(target);
  }

  /** After a row: on tmpfs its targets go; so do data sets that no row to come needs. */
  forget(rest: Row[]): void {
    for (const { path } of this.#old.filter(({ place }) => place === "tmpfs")) remove(path);
    this.#old.splice(0, this.#old.length, ...this.#old.filter(({ place }) => place !== "tmpfs"));
    for (const [key, made] of this.#made) {
      const [place, name] = key.split(" ");
      if (name === "1k" || name === "reflink" || rest.some((row) => row.place === place && row.data === name)) continue;
      this.#made.delete(key);
      if (place === "disk" && isTree(name as DataName)) continue;
      void made.then((what) => remove(typeof what === "string" ? what : (what as KnownData).path), () => {});
    }
  }

  /** Whether the place's file system can share blocks between files. */
  isReflink(place: PlaceName): Promise<boolean> {
    return this.#once(`${place} reflink`, async () => {
      const probe = `${this.#places[place]}/reflink`;
      Deno.writeTextFileSync(probe, "x".repeat(8192));
      const { success } = await new Deno.Command("cp", {
        args: ["--reflink=always", probe, `${probe}-2`],
        stderr: "null",
      }).output();
      return success;
    });
  }

  availableBytes(): number {
    return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/meminfo"))![1]) * 1024;
  }

  #diskBytes(): number {
    const { stdout } = new Deno.Command("df", { args: ["-B1", "--output=avail", this.#places.disk] }).outputSync();
    return Number(new TextDecoder().decode(stdout).trim().split("\n").at(-1));
  }
}

async function run(program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
