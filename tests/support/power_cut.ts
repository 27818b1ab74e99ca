// A file system whose power can be cut: an XFS with reflinks, on a loop device in memory, holds a disk image; that image is mounted
// with the file system under test. A reflinked copy of the image at any moment is what a disk holds when the power goes at
// that moment: all that the file system had not handed down is missing. The copy is mounted, its journal replayed, and read. Root only.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { openLinux } from "../../lib/os/linux.ts";
import { OpenMode } from "../../lib/os/os.ts";
import { run } from "./run.ts";

/** xfs as it comes; ext4 without the heuristic that hides a missing flush, and with time between two commits of its journal. */
export type PoweredKind = "xfs" | "ext4";
const MAKE: Record<PoweredKind, string[]> = { xfs: ["mkfs.xfs", "-q"], ext4: ["mkfs.ext4", "-q", "-m", "0"] };
const OPTIONS: Record<PoweredKind, string> = { xfs: "loop", ext4: "loop,noauto_da_alloc,commit=300" };
/** The cut image has the file system's identity twice. */
const CUT_OPTIONS: Record<PoweredKind, string> = { xfs: "loop,nouuid", ext4: "loop" };

const os = openLinux();

export class PoweredDisk {
  /** Where the file system under test is mounted. */
  readonly path: string;
  readonly #outer: string;
  #cuts = 0;
  #isMounted = false;

  private constructor(readonly kind: PoweredKind, place: string) {
    this.path = `${place}/disk`;
    this.#outer = `${place}/outer`;
  }

  /** `megabytes` of the disk, of which at most the cuts' differences are held several times. */
  static async make(place: string, kind: PoweredKind, megabytes = 320): Promise<PoweredDisk> {
    const disk = new PoweredDisk(kind, place);
    for (const path of [disk.path, disk.#outer, `${place}/cut`]) await Deno.mkdir(path);
    const image = `${place}/outer.img`;
    await good("truncate", "-s", `${megabytes * 12}M`, image);
    await good("mkfs.xfs", "-q", "-m", "reflink=1", image);
    await good("mount", "-o", "loop", image, disk.#outer);
    await good("truncate", "-s", `${megabytes}M`, `${disk.#outer}/disk`);
    await good(...MAKE[kind], `${disk.#outer}/disk`);
    await disk.on();
    return disk;
  }

  async on(): Promise<void> {
    await good("mount", "-o", OPTIONS[this.kind], `${this.#outer}/disk`, this.path);
    this.#isMounted = true;
  }

  /** Unmounts it: all is on the disk. */
  async off(): Promise<void> {
    if (this.#isMounted) await good("umount", this.path);
    this.#isMounted = false;
  }

  /** Keeps the disk as it is now, for `restore`. */
  async keep(): Promise<void> {
    await this.off();
    this.#clone("disk", "kept");
    await this.on();
  }

  async restore(): Promise<void> {
    await this.off();
    await Deno.remove(`${this.#outer}/disk`);
    this.#clone("kept", "disk");
    await this.on();
  }

  /**
   * Has the names that were made so far written, by flushing one that has nothing to do with them: without this a cut may show
   * everything as it was, and a missing flush stays unseen.
   */
  commitNames(): void {
    const mark = Deno.openSync(`${this.path}/mark`, { write: true, create: true, truncate: true });
    mark.writeSync(new Uint8Array(1));
    mark.syncSync();
    mark.close();
  }

  /** The power goes now, in a world that goes on; the number of the cut. */
  cut(): number {
    this.#clone("disk", `cut${this.#cuts}`);
    return this.#cuts++;
  }

  /** Mounts what a cut left, lets `look` read it, and forgets it. */
  async after<T>(cut: number, look: (path: string) => T): Promise<T> {
    const path = this.path.replace(/disk$/, "cut");
    await good("mount", "-o", CUT_OPTIONS[this.kind], `${this.#outer}/cut${cut}`, path);
    try {
      return look(path);
    } finally {
      await good("umount", path);
      await Deno.remove(`${this.#outer}/cut${cut}`);
    }
  }

  #clone(from: string, to: string): void {
    const folder = os.openRoot(utf8(this.#outer));
    const source = os.openFile(folder, utf8(from), OpenMode.read, 0);
    const target = os.openFile(folder, utf8(to), OpenMode.create, 0o600);
    const result = os.cloneFile(source, target);
    for (const handle of [source, target, folder]) if (handle >= 0) os.close(handle);
    assert.equal(result, 0, `clone ${from} ${to}`);
  }

  async drop(): Promise<void> {
    for (const path of [this.path.replace(/disk$/, "cut"), this.path, this.#outer]) await run(["umount", "-l", path]);
  }
}

/** Makes, uses, unmounts. */
export async function withPower(
  place: string,
  kind: PoweredKind,
  use: (disk: PoweredDisk) => Promise<void>,
  megabytes?: number,
): Promise<void> {
  const disk = await PoweredDisk.make(place, kind, megabytes);
  try {
    await use(disk);
  } finally {
    await disk.drop();
  }
}

async function good(...words: string[]): Promise<void> {
  const ran = await run(words);
  assert.equal(ran.code, 0, `${words.join(" ")}: ${ran.err}`);
}

/** Content of each file below `root` by its path; links as "-> target", folders as "/". */
export function readTree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string) => {
    for (const entry of Deno.readDirSync(`${root}${path}`)) {
      const inner = `${path}/${entry.name}`;
      if (entry.isSymlink) found.set(inner, `-> ${Deno.readLinkSync(root + inner)}`);
      else if (entry.isDirectory) {
        found.set(inner, "/");
        visit(inner);
      } else found.set(inner, digest(Deno.readFileSync(root + inner)));
    }
  };
  visit("");
  return found;
}

/** Enough to tell contents of these tests apart: their length and FNV-1a. */
export function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return `${bytes.length}:${hash >>> 0}`;
}

/** Counts leave folders out that are in both trees. */
export interface Verdict {
  old: number;
  new: number;
  /** Neither, or gone although both have it. */
  bad: string[];
  temporaries: number;
  /** Names that only the new tree has. */
  created: number;
}

/** Judges a tree by what it was and what it shall be. With `createdWhole` a new file must be complete, too. */
export function judge(
  found: Map<string, string>,
  old: Map<string, string>,
  fresh: Map<string, string>,
  createdWhole: boolean,
): Verdict {
  const verdict: Verdict = { old: 0, new: 0, bad: [], temporaries: 0, created: 0 };
  for (const [path, is] of found) {
    if (/\/(\.tsync-|\.[^/]*\.[A-Za-z0-9]{6}$)/.test(path)) verdict.temporaries++;
    else if (!old.has(path) && !fresh.has(path)) verdict.bad.push(`${path} is nobody's`);
    else if (!old.has(path)) {
      verdict.created++;
      if (createdWhole && is !== fresh.get(path)) verdict.bad.push(`${path} is torn`);
    } else if (is === "/" && fresh.get(path) === is) continue;
    else if (is === fresh.get(path)) verdict.new++;
    else if (is === old.get(path)) verdict.old++;
    else verdict.bad.push(`${path} is neither`);
  }
  for (const path of old.keys()) if (fresh.has(path) && !found.has(path)) verdict.bad.push(`${path} is gone`);
  return verdict;
}
