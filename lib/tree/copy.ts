// Copying a file's content on one machine: a reflink where the file system makes one, else its data extents, by the
// kernel where that is fast, holes kept. The source's identity is checked by the caller, before and after (D12).

import { Verb } from "../base/problem.ts";
import { Errno, type Handle, type Os, type Stat } from "../os/os.ts";
import type { SharedCopy } from "./shared_copy.ts";
import { nextExtent, writeWithHoles } from "./sparse.ts";

/** One step of a copy; between steps the caller's timers and signals get their turn every BREATH_BYTES. */
const STEP_BYTES = 256 << 10;
const RANGE_BYTES = 8 << 20;
const BREATH_BYTES = 64 << 20;
/**
 * f_type of the file systems that copy at their server: NFS, CIFS, SMB2, Ceph, FUSE. Elsewhere copy_file_range moves the same bytes
 * and is slower than reading and writing (measured, 1 GB: 0.25 s against 0.22 on ext4, 0.45 against 0.43 on tmpfs).
 */
const BY_SERVER = [0x6969, 0xff534d42, 0xfe534d42, 0x00c36400, 0x65735546];

const step = new Uint8Array(STEP_BYTES);
/** Device pairs between which a clone was refused: not tried again. */
const noClone = new Set<string>();
/** Source devices from which copy_file_range to this run's target does not pay or does not work. */
const noRange = new Set<string>();

/** What the caller wants to do now and then while a long copy runs. */
export interface CopyTurn {
  /** Told the bytes copied so far after each step. */
  progress(copied: number): void;
  /** Awaited every BREATH_BYTES. */
  breathe(): Promise<void>;
}

/** What becomes of holes: runs of zeros too, or none. */
export interface HoleOptions {
  sparse: boolean;
  fillHoles: boolean;
}

export interface Copied {
  errno: number;
  verb: number;
  /** Bytes read and written; a clone and holes count nothing. */
  copied: number;
}

/**
 * Copies the first `size` bytes of `source` (whose stat is `stat`) into the fresh file `target`. With `shared` a second thread may
 * join.
 */
export async function copyFile(
  os: Os,
  source: Handle,
  stat: Stat,
  target: Handle,
  size: number,
  { sparse: makesHoles, fillHoles }: HoleOptions,
  turn: CopyTurn,
  shared: SharedCopy | null = null,
): Promise<Copied> {
  const hasHoles = stat.allocated < stat.size;
  const mayClone = !makesHoles && !(fillHoles && hasHoles) && size === stat.size;
  if (size > 0 && mayClone && clone(os, source, stat, target)) {
    return { errno: 0, verb: 0, copied: 0 };
  }
  const device = deviceKey(stat);
  if (!noRange.has(device)) {
    const info = os.fileSystem(target);
    if (typeof info === "number" || !BY_SERVER.includes(info.type)) noRange.add(device);
  }
  // A dense file needs no walk of extents.
  const isDense = !hasHoles || fillHoles;
  if (shared !== null && isDense && !makesHoles && noRange.has(device)) {
    return await copyTogether(os, source, target, size, shared, turn);
  }
  let copied = 0;
  let sinceBreath = 0;
  let at = 0;
  while (at < size) {
    const extent = nextExtent(os, source, at, size, isDense);
    if (extent === null) break;
    if (typeof extent === "number") return { errno: -extent, verb: Verb.read, copied };
    for (at = extent.start; at < extent.end;) {
      const result = copyStep(os, source, target, at, extent.end, makesHoles, device);
      if (result.errno !== 0) return { ...result, copied };
      if (result.copied === 0) return { errno: 0, verb: 0, copied };
      at += result.copied;
      copied += result.copied;
      sinceBreath += result.copied;
      turn.progress(copied);
      if (sinceBreath < BREATH_BYTES) continue;
      sinceBreath = 0;
      await turn.breathe();
    }
  }
  return { errno: 0, verb: 0, copied };
}

/** The copy that a second thread may join: piece after piece, whoever is free. */
async function copyTogether(
  os: Os,
  source: Handle,
  target: Handle,
  size: number,
  shared: SharedCopy,
  turn: CopyTurn,
): Promise<Copied> {
  shared.begin(source, target, size);
  let own = 0;
  let ended: ReturnType<SharedCopy["end"]>;
  try {
    for (let sinceBreath = 0;;) {
      const count = shared.piece(os, step);
      if (count <= 0) break;
      own += count;
      sinceBreath += count;
      turn.progress(shared.begun);
      if (sinceBreath < BREATH_BYTES) continue;
      sinceBreath = 0;
      await turn.breathe();
    }
  } finally {
    ended = shared.end();
  }
  return { errno: -ended.result, verb: ended.verb, copied: own + ended.copied };
}

function copyStep(
  os: Os,
  source: Handle,
  target: Handle,
  at: number,
  end: number,
  makesHoles: boolean,
  device: string,
): Copied {
  if (!makesHoles && !noRange.has(device)) {
    const result = os.copyRange(source, at, target, at, Math.min(RANGE_BYTES, end - at));
    if (result >= 0) return { errno: 0, verb: 0, copied: result };
    if (result === -Errno.ENOSPC || result === -Errno.EDQUOT) return { errno: -result, verb: Verb.write, copied: 0 };
    // EIO does not say which side: reading and writing does.
    if (result !== -Errno.EIO) noRange.add(device);
  }
  const piece = end - at < STEP_BYTES ? step.subarray(0, end - at) : step;
  const count = os.readAt(source, piece, at);
  if (count < 0) return { errno: -count, verb: Verb.read, copied: 0 };
  const bytes = piece.subarray(0, count);
  const written = makesHoles ? writeWithHoles(os, target, bytes, at) : os.writeAllAt(target, bytes, at);
  return written < 0 ? { errno: -written, verb: Verb.write, copied: 0 } : { errno: 0, verb: 0, copied: count };
}

/** Makes the fresh file `target` share the content of `source`, whose stat is given; false where that cannot be. */
export function clone(os: Os, source: Handle, stat: Stat, target: Handle): boolean {
  if (!os.abilities.kernelCopy) return false;
  const device = deviceKey(stat);
  if (noClone.has(device)) return false;
  if (os.cloneFile(source, target) === 0) return true;
  noClone.add(device);
  return false;
}

function deviceKey(stat: Stat): string {
  return `${stat.devMajor}:${stat.devMinor}`;
}
