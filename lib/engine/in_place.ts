// --inplace: content is written into the file that is there, only where it differs, and law 1 is lifted for that file. Used by the receiver
// for a file that exists; a new one is written aside as ever. Promises: what is a hole in the new content reads as zeros, whatever was
// there; nothing is taken from a part of the file that was overwritten (the source leaves such runs out, and the digest would tell).

import { equalBytes } from "../base/bytes.ts";
import { type Handle, Kind, OpenMode, type Os, Stat } from "../os/os.ts";
import { HOLE_BYTES, nextExtent } from "../tree/sparse.ts";

const STEP_BYTES = 256 << 10;

export class InPlace {
  readonly #os: Os;
  readonly handle: Handle;
  readonly #makesHoles: boolean;
  /** Size before; beyond it there is nothing to be cleared. */
  readonly #oldSize: number;
  /** Where the next content belongs if there is no hole before it. */
  #at = 0;
  readonly #old = new Uint8Array(STEP_BYTES);

  private constructor(os: Os, handle: Handle, oldSize: number, makesHoles: boolean) {
    this.#os = os;
    this.handle = handle;
    this.#oldSize = oldSize;
    this.#makesHoles = makesHoles;
  }

  /** Opens the file for this; null where nothing that can be written into stands at the name, or a negated errno. */
  static open(os: Os, folder: Handle, name: Uint8Array, makesHoles: boolean): InPlace | null | number {
    const stat = new Stat();
    const looked = os.statAt(folder, name, 0, name.length, stat);
    if (looked < 0 || stat.kind !== Kind.file) return null;
    const handle = os.openFile(folder, name, OpenMode.write, 0);
    if (handle < 0) return handle;
    if (os.statHandle(handle, stat) === 0 && stat.kind === Kind.file) {
      return new InPlace(os, handle, stat.size, makesHoles);
    }
    os.close(handle);
    return null;
  }

  /** The same for a file that is open already, and is told of whole: an error shows when it is written. */
  static on(os: Os, handle: Handle, makesHoles: boolean): InPlace {
    const stat = new Stat();
    return new InPlace(os, handle, os.statHandle(handle, stat) === 0 ? stat.size : 0, makesHoles);
  }

  /** Takes content; 0 or a negated errno. `isThere`: the file has it there already. */
  write(offset: number, bytes: Uint8Array, isThere = false): number {
    const cleared = this.#clear(offset);
    if (cleared < 0) return cleared;
    this.#at = offset + bytes.length;
    for (let at = 0; at < bytes.length && !isThere; at += STEP_BYTES) {
      const result = this.#writeStep(offset + at, bytes.subarray(at, at + STEP_BYTES));
      if (result < 0) return result;
    }
    return 0;
  }

  /** What the file has up to `end` stays; false if it is shorter. */
  keep(end: number): boolean {
    this.#at = end;
    return end <= this.#oldSize;
  }

  /** Where the file ended when it was opened. */
  get oldSize(): number {
    return this.#oldSize;
  }

  /** The content ends at `size`; 0 or a negated errno. */
  end(size: number): number {
    const cleared = this.#clear(Math.min(size, this.#oldSize));
    return cleared < 0 ? cleared : this.#os.truncate(this.handle, size);
  }

  /** Takes all behind `from` from an open file of this machine; 0, or a negated errno and whose it is. */
  async copy(
    source: Handle,
    { size, allocated }: Stat,
    breathe: () => Promise<void>,
    progress: (copied: number) => void,
    from = 0,
  ): Promise<{ errno: number; isRead: boolean; copied: number }> {
    const os = this.#os;
    const step = new Uint8Array(STEP_BYTES);
    let copied = 0;
    this.keep(from);
    for (let at = from; at < size;) {
      const extent = nextExtent(os, source, at, size, allocated >= size);
      if (extent === null) break;
      if (typeof extent === "number") return { errno: -extent, isRead: true, copied };
      for (at = extent.start; at < extent.end;) {
        const left = extent.end - at;
        const count = os.readAt(source, left < STEP_BYTES ? step.subarray(0, left) : step, at);
        if (count < 0) return { errno: -count, isRead: true, copied };
        if (count === 0) return { errno: 0, isRead: true, copied };
        const written = this.write(at, step.subarray(0, count));
        if (written < 0) return { errno: -written, isRead: false, copied };
        at += count;
        copied += count;
        progress(copied);
        if (copied % (64 << 20) < STEP_BYTES) await breathe();
      }
    }
    return { errno: 0, isRead: false, copied };
  }

  /** Blocks that differ are written; with -S blocks of zeros that are not zeros yet become holes. */
  #writeStep(offset: number, bytes: Uint8Array): number {
    const os = this.#os;
    const had = offset < this.#oldSize ? os.readAt(this.handle, this.#old.subarray(0, bytes.length), offset) : 0;
    let from = 0;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + HOLE_BYTES - ((offset + at) % HOLE_BYTES));
      const block = bytes.subarray(at, end);
      const isSame = end <= had && equalBytes(block, this.#old.subarray(at, end));
      const isHole = !isSame && this.#makesHoles && block.every((byte) => byte === 0);
      if (isSame || isHole) {
        const result = this.#flush(offset, bytes, from, at);
        const cleared = result < 0 || !isHole ? result : this.#zero(offset + at, offset + end);
        if (cleared < 0) return cleared;
        from = end;
      }
      at = end;
    }
    return this.#flush(offset, bytes, from, bytes.length);
  }

  #flush(offset: number, bytes: Uint8Array, from: number, to: number): number {
    return from < to ? this.#os.writeAllAt(this.handle, bytes.subarray(from, to), offset + from) : 0;
  }

  /** From the last content to `to` there is none: what the file has there becomes zeros. */
  #clear(to: number): number {
    return to > this.#at ? this.#zero(this.#at, to) : 0;
  }

  /** Makes [from, to) read as zeros, as a hole where that can be. */
  #zero(from: number, to: number): number {
    const end = Math.min(to, this.#oldSize);
    if (from >= end || this.#os.punchHole(this.handle, from, end - from) === 0) return 0;
    const zeros = new Uint8Array(Math.min(STEP_BYTES, end - from));
    for (let at = from; at < end; at += zeros.length) {
      const result = this.#os.writeAllAt(this.handle, zeros.subarray(0, Math.min(zeros.length, end - at)), at);
      if (result < 0) return result;
    }
    return 0;
  }
}
