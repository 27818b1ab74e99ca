// A small file system of its own for a test: ext4, xfs or btrfs on a loop device, or tmpfs, mounted below a folder. Root only.

import assert from "node:assert/strict";
import { run } from "./run.ts";

export type DiskKind = "ext4" | "xfs" | "btrfs" | "tmpfs";

export interface DiskOptions {
  kind: DiskKind;
  megabytes: number;
  /** Number of inodes, for ext4 and tmpfs. */
  inodes?: number;
}

/** Least sizes that mkfs takes, MiB. */
export const LEAST_MEGABYTES: Record<DiskKind, number> = { ext4: 1, xfs: 300, btrfs: 110, tmpfs: 1 };

export class Disk {
  private constructor(readonly path: string) {}

  /** Makes and mounts it at `place`/disk. */
  static async mount(place: string, { kind, megabytes, inodes }: DiskOptions): Promise<Disk> {
    const path = `${place}/disk`;
    await Deno.mkdir(path);
    if (kind === "tmpfs") {
      const count = inodes === undefined ? "" : `,nr_inodes=${inodes}`;
      await succeed(["mount", "-t", "tmpfs", "-o", `size=${megabytes}m${count}`, "tsync-test", path]);
      return new Disk(path);
    }
    const image = `${place}/image`;
    await succeed(["truncate", "-s", `${megabytes}M`, image]);
    const words: Record<string, string[]> = {
      ext4: ["mkfs.ext4", "-q", "-m", "0", ...inodes === undefined ? [] : ["-N", String(inodes)], image],
      xfs: ["mkfs.xfs", "-q", image],
      btrfs: ["mkfs.btrfs", "-q", image],
    };
    await succeed(words[kind]);
    await succeed(["mount", "-o", "loop", image, path]);
    return new Disk(path);
  }

  async remount(options: string): Promise<void> {
    await succeed(["mount", "-o", `remount,${options}`, this.path]);
  }

  /** Free bytes for root. */
  async free(): Promise<number> {
    await succeed(["sync", "-f", this.path]);
    const { out } = await succeed(["stat", "-f", "-c", "%f %S", this.path]);
    const [blocks, size] = out.trim().split(" ").map(Number);
    return blocks * size;
  }
}

/** Mounts, uses, unmounts. */
export async function withDisk(place: string, options: DiskOptions, use: (disk: Disk) => Promise<void>): Promise<void> {
  const disk = await Disk.mount(place, options);
  try {
    await use(disk);
  } finally {
    await run(["umount", "-l", disk.path]);
  }
}

/** Images of `bytes` zeros below `place`, each behind a loop device, whose paths are given, and taken away again. */
export async function withLoops(
  place: string,
  count: number,
  bytes: number,
  use: (devices: string[]) => Promise<void>,
): Promise<void> {
  const devices: string[] = [];
  try {
    for (let i = 0; i < count; i++) {
      await succeed(["truncate", "-s", String(bytes), `${place}/loop ${i}`]);
      devices.push(await attach(`${place}/loop ${i}`));
    }
    await use(devices);
  } finally {
    for (const device of devices) await run(["losetup", "-d", device]);
  }
}

/** Puts an image behind a free loop device; another process may take the free one first, so it is tried more than once. */
async function attach(image: string): Promise<string> {
  for (let left = 20;; left--) {
    const { code, out, err } = await run(["losetup", "-f", "--show", image]);
    if (code === 0) return out.trim();
    assert.ok(left > 0, `losetup: ${err}`);
  }
}

async function succeed(words: string[]) {
  const ran = await run(words);
  assert.equal(ran.code, 0, `${words.join(" ")}: ${ran.err}`);
  return ran;
}
