// The barrier (DESIGN D13): brings the content of staged files to the disk before they get their names. Called by the stage with one
// batch at a time, and at the end of a run with --fsync. Promises: a file counts as flushed only if the system said so of it, or
// of its whole file system; an error is told once and never retried into a success. The event loop goes on meanwhile.

import { every } from "../os/clock.ts";
import { Errno, type Handle, type Os } from "../os/os.ts";
import type { Volume } from "./volumes.ts";

/**
 * From here on a batch is flushed with its file system as a whole. Measured (1,000 files of 1 KB, ext4 on a virtual disk): 10 ms
 * instead of 65 for 16 fsync at a time and 50 for one after another.
 */
const WHOLE_FILES = 8;
/** Bytes of others, or of new files that need no flush, that this may carry along; beyond them files are flushed one by one. */
const OTHERS_BYTES = 64 << 20;
/** Files flushed at a time: the journal takes them together. */
const AT_A_TIME = 16;

/** How often a flush under way counts as work, and for how long: a disk that hangs is the peer's to find out then, ms. */
const SIGN_MS = 250;
const SIGNS = 1200;

export interface Flushed {
  handle?: Handle;
  bytes: number;
  volume?: Volume;
}

export class Flush {
  readonly #os: Os;
  /** Told what a file system said when it was flushed as a whole and no file was to blame. */
  readonly #onVolumeError: (errno: number) => void;

  constructor(os: Os, onVolumeError: (errno: number) => void) {
    this.#os = os;
    this.#onVolumeError = onVolumeError;
  }

  /** Flushes the open files; `results` gets 0 or a negated errno for each as it becomes known, and holds 1 before. */
  async files(files: readonly Flushed[], results: Int32Array): Promise<void> {
    const byVolume = new Map<Volume, number[]>();
    files.forEach(({ volume }, i) => {
      const rows = byVolume.get(volume!);
      if (rows === undefined) byVolume.set(volume!, [i]);
      else rows.push(i);
    });
    for (const [volume, rows] of byVolume) {
      if (this.#paysWhole(files, volume, rows) && await this.#whole(volume)) rows.forEach((i) => results[i] = 0);
      else await this.#each(files, rows, results);
    }
  }

  #paysWhole(files: readonly Flushed[], volume: Volume, rows: number[]): boolean {
    if (!volume.flushesWhole || rows.length < WHOLE_FILES) return false;
    const unwritten = this.#os.unwrittenBytes();
    const own = rows.reduce((sum, i) => sum + files[i].bytes, 0);
    return unwritten >= 0 && unwritten <= own + OTHERS_BYTES;
  }

  /** False: not all could be written, or it cannot be asked for. Each file then says how it fared by itself. */
  async #whole(volume: Volume): Promise<boolean> {
    const result = await this.#os.syncAll(volume.witness);
    if (result === 0) return true;
    if (isRefusal(result)) volume.flushesWhole = false;
    else this.#onVolumeError(-result);
    return false;
  }

  async #each(files: readonly Flushed[], rows: number[], results: Int32Array): Promise<void> {
    let next = 0;
    const work = async () => {
      while (next < rows.length) {
        const i = rows[next++];
        const result = await this.#os.syncBeside(files[i].handle!);
        // A file system that knows no flushing has nothing to say of it.
        results[i] = isRefusal(result) ? 0 : result;
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, rows.length) }, work));
  }

  /** Flushes whole file systems; errors are told. */
  async volumes(volumes: Iterable<Volume>): Promise<void> {
    for (const { witness } of volumes) {
      const result = await this.#os.syncAll(witness);
      if (result < 0 && !isRefusal(result)) this.#onVolumeError(-result);
    }
  }
}

/** Waits for a flush, during which the peer hears that we live. */
export async function whileFlushing(work: Promise<void>, breathe: () => Promise<void>): Promise<void> {
  let left = SIGNS;
  // The run may have ended meanwhile, which is told elsewhere.
  const cancel = every(SIGN_MS, () => void (left-- > 0 && breathe().catch(() => {})));
  try {
    await work;
  } finally {
    cancel();
  }
}

/** Says that there is no such call here: an old kernel, a sandbox, a file system without it. */
export function isRefusal(result: number): boolean {
  return result === -Errno.ENOSYS || result === -Errno.EINVAL || result === -Errno.EOPNOTSUPP ||
    result === -Errno.EPERM;
}
