// Which file systems a run writes to, and what flushing means there. Asked by the stage, by flush.ts and at the end of a run.
// Promises: nothing of a file system in memory is flushed; each other one is held by a handle of its own from the moment it is
// first seen, so that what could not be written since is told when it is flushed as a whole.

import { type Handle, type Os, Stat } from "../os/os.ts";

/** f_type of tmpfs and ramfs: the power takes all of it anyway. */
const IN_MEMORY = [0x0102_1994, 0x8584_58f6];
/** f_type of FUSE: the program behind it does not hear that all is to be flushed, only of single files. */
const FUSE = 0x6573_5546;

/** Whether what the open folder's file system holds is gone with the power, so that nothing of it need be flushed. */
export function isInMemory(os: Os, folder: Handle): boolean {
  const info = os.fileSystem(folder);
  return typeof info !== "number" && IN_MEMORY.includes(info.type);
}

export interface Volume {
  /** A handle that was open before anything was written: what it is told of are errors of this run's time. */
  witness: Handle;
  /** Flushing it as a whole also tells what could not be written; else each file and folder must be flushed. */
  flushesWhole: boolean;
}

export class Volumes {
  readonly #os: Os;
  /** By device; null: in memory. */
  readonly #byDevice = new Map<string, Volume | null>();
  readonly #byFolder = new Map<Handle, Volume | null>();
  readonly #stat = new Stat();

  constructor(os: Os) {
    this.#os = os;
  }

  /** The volume that holds the open folder; null if nothing in it need be flushed. The folder is known until `forget`. */
  of(folder: Handle): Volume | null {
    const known = this.#byFolder.get(folder);
    if (known !== undefined) return known;
    const looked = this.#os.statHandle(folder, this.#stat);
    const volume = looked < 0 ? { witness: -1, flushesWhole: false } : this.see(folder, this.#stat);
    this.#byFolder.set(folder, volume);
    return volume;
  }

  /** The same of a folder whose stat is given, and which is not remembered. */
  see(folder: Handle, stat: Stat): Volume | null {
    const device = `${stat.devMajor}:${stat.devMinor}`;
    const known = this.#byDevice.get(device);
    if (known !== undefined) return known;
    const volume = this.#open(folder);
    this.#byDevice.set(device, volume);
    return volume;
  }

  #open(folder: Handle): Volume | null {
    const os = this.#os;
    const info = os.fileSystem(folder);
    const type = typeof info === "number" ? -1 : info.type;
    if (IN_MEMORY.includes(type)) return null;
    const witness = os.openBeneath(folder, new Uint8Array(0));
    return { witness, flushesWhole: os.abilities.syncsAll && type !== FUSE && witness >= 0 };
  }

  /** The folder's handle is about to be closed. */
  forget(folder: Handle): void {
    this.#byFolder.delete(folder);
  }

  /** All that were seen and are not in memory. */
  *all(): Generator<Volume> {
    for (const volume of this.#byDevice.values()) if (volume !== null) yield volume;
  }

  close(): void {
    for (const { witness } of this.all()) if (witness >= 0) this.#os.close(witness);
    this.#byDevice.clear();
    this.#byFolder.clear();
  }
}
