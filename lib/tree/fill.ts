// Filling new folders with whole files: each is read as it was listed, made under its own name in a folder that is not in place
// yet, and given its metadata. Called by the target half of a run within one process, on its own thread and on a second one
// (lib/engine/fill_worker.ts). Promises: a file is done whole, or nothing of it is left and the ordinary way, which tries again
// and tells, is open; an order to stop is seen before each file and each step of a large one.

import { Errno, type Handle, OpenMode, type Os, Stat } from "../os/os.ts";
import { applyMetadata, type Wanted } from "./apply.ts";
import { FileStatus, type FillUnit } from "./fill_unit.ts";
import { FreshFiles } from "./fresh_files.ts";
import { isSame, readAsListed } from "./read_file.ts";

/** Files up to this size are read whole before they are made; larger ones are copied step by step. */
export const STEP_BYTES = 256 << 10;
/** The one folder that FreshFiles knows while a unit is done. */
const FOLDER = 0;

export class Filler {
  readonly #os: Os;
  readonly #stop: Int32Array;
  readonly #bytes = new Uint8Array(STEP_BYTES);
  readonly #stat = new Stat();
  readonly #fresh: FreshFiles;
  readonly #wanted: Wanted = { mode: 0, uid: -1, gid: -1, setsTime: true, mtimeSec: 0, mtimeNs: 0 };

  /** `stop[0]` other than 0: nothing more is begun. */
  constructor(os: Os, stop: Int32Array) {
    this.#os = os;
    this.#stop = stop;
    this.#fresh = new FreshFiles(os);
  }

  /** Does what it can of the unit, and notes each file's status in it. */
  run(unit: FillUnit): void {
    const { count, source, target } = unit;
    this.#fresh.forget();
    this.#wanted.setsTime = unit.setsTimes;
    for (let k = 0; k < count && !this.#isStopped(); k++) {
      const file = this.#os.openFile(source, unit.name(k), OpenMode.read, 0);
      if (file < 0) continue;
      const size = unit.size(k);
      unit.setStatus(
        k,
        size <= STEP_BYTES ? this.#small(unit, k, file, target, size) : this.#large(unit, k, file, target),
      );
      this.#os.close(file);
    }
  }

  #isStopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  #small(unit: FillUnit, k: number, file: Handle, target: Handle, size: number): number {
    const os = this.#os;
    const content = this.#bytes.subarray(0, size);
    const isRead = readAsListed(os, file, content, unit.mtimeSec(k), unit.mtimeNs(k), unit.tag(k), this.#stat);
    if (!isRead) return FileStatus.notDone;
    const mode = this.#modeFor(unit, k);
    const made = os.openFile(target, unit.name(k), OpenMode.create, mode);
    if (made < 0) return statusOf(made);
    return this.#end(unit, k, made, mode, size === 0 ? 0 : os.writeAllAt(made, content, 0));
  }

  /** A dense file between two looks, step by step. */
  #large(unit: FillUnit, k: number, file: Handle, target: Handle): number {
    const os = this.#os;
    const stat = this.#stat;
    const size = unit.size(k);
    if (!this.#isAsListed(unit, k, file) || stat.allocated < size) return FileStatus.notDone;
    const mode = this.#modeFor(unit, k);
    const made = os.openFile(target, unit.name(k), OpenMode.create, mode);
    if (made < 0) return statusOf(made);
    let result = 0;
    for (let at = 0; at < size && result === 0;) {
      const piece = size - at < STEP_BYTES ? this.#bytes.subarray(0, size - at) : this.#bytes;
      const count = this.#isStopped() ? 0 : os.readAt(file, piece, at);
      result = count <= 0
        ? -Errno.EIO
        : os.writeAllAt(made, count < piece.length ? piece.subarray(0, count) : piece, at);
      at += count;
    }
    if (result === 0 && !this.#isAsListed(unit, k, file)) result = -Errno.EIO;
    return this.#end(unit, k, made, mode, result);
  }

  #isAsListed(unit: FillUnit, k: number, file: Handle): boolean {
    return this.#os.statHandle(file, this.#stat) === 0 &&
      isSame(this.#stat, unit.size(k), unit.mtimeSec(k), unit.mtimeNs(k), unit.tag(k));
  }

  #modeFor(unit: FillUnit, k: number): number {
    return this.#fresh.modeFor(FOLDER, unit.mode(k), unit.uid(k), unit.gid(k));
  }

  /** Metadata and close of the file just `made`; after any failure, `written` included, it goes. */
  #end(unit: FillUnit, k: number, made: Handle, mode: number, written: number): number {
    const os = this.#os;
    let result = written;
    if (result === 0) {
      const wanted = this.#wanted;
      wanted.mode = unit.mode(k);
      wanted.uid = unit.uid(k);
      wanted.gid = unit.gid(k);
      wanted.mtimeSec = unit.mtimeSec(k);
      wanted.mtimeNs = unit.mtimeNs(k);
      const failure = applyMetadata(os, made, this.#fresh.look(made, FOLDER, mode), wanted);
      if (failure !== null) result = -failure.errno;
    }
    const closed = os.close(made);
    if (result === 0 && closed === 0) return FileStatus.done;
    os.unlink(unit.target, unit.name(k));
    return statusOf(result < 0 ? result : closed);
  }
}

function statusOf(result: number): number {
  return result === -Errno.ENOSPC || result === -Errno.EDQUOT ? FileStatus.noSpace : FileStatus.notDone;
}
