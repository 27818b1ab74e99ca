// --copy-devices and --write-devices: devices are files of their content. This is a door to the system between a half and its own
// one; made by lib/engine/sides.ts for the side whose option it is. Promises: a block device is as long as its medium, a character device
// is empty; none is opened only to be looked at but a block device, and for reading; a device is never removed at the source, and at the
// target never gets another size. What was written into a device does not show in the times of its node: at the source it is as old as the
// run, and so copied by each.

import { Errno, type Handle, isSameInode, Kind, type Listing, OpenMode, type Os, type Result, Stat } from "../os/os.ts";
import { wallSeconds } from "../os/clock.ts";
import { OsThrough } from "../os/through.ts";

export class DeviceFiles extends OsThrough {
  readonly #isSource: boolean;
  readonly #opened = new Stat();
  readonly #now = Math.floor(wallSeconds());

  /** `isSource`: what was copied must stay when the files of the source are removed. */
  constructor(inner: Os, isSource: boolean) {
    super(inner);
    this.#isSource = isSource;
  }

  // ---- looking

  override statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    const looked = this.inner.statAt(folder, bytes, at, length, out);
    if (looked < 0 || !isDevice(out.kind)) return this.#plain(looked, out);
    const size = out.kind === Kind.blockDevice ? this.#sizeOf(folder, bytes.subarray(at, at + length), out) : 0;
    return this.#showAsFile(out, size);
  }

  override statHandle(handle: Handle, out: Stat): Result {
    const looked = this.inner.statHandle(handle, out);
    if (looked < 0 || !isDevice(out.kind)) return this.#plain(looked, out);
    return this.#showAsFile(out, out.kind === Kind.blockDevice ? Math.max(0, this.inner.endOf(handle)) : 0);
  }

  #showAsFile(out: Stat, size: number): Result {
    out.device = out.kind;
    out.kind = Kind.file;
    out.size = out.allocated = size;
    if (this.#isSource) {
      out.mtimeSec = this.#now;
      out.mtimeNs = 0;
    }
    return 0;
  }

  #plain(looked: Result, out: Stat): Result {
    out.device = Kind.unknown;
    return looked;
  }

  /** Bytes of the block device `name`, which `stat` tells of; 0 if it cannot be opened: whoever reads it is told why. */
  #sizeOf(folder: Handle, name: Uint8Array, stat: Stat): number {
    const handle = this.inner.openFile(folder, name, OpenMode.read, 0);
    if (handle < 0) return 0;
    const isIt = this.inner.statHandle(handle, this.#opened) === 0 && isSameInode(stat, this.#opened);
    const size = isIt ? this.inner.endOf(handle) : 0;
    this.inner.close(handle);
    return Math.max(0, size);
  }

  /** What seems to be a device is to be looked at. */
  override readFolder(folder: Handle, into: Listing): Result {
    const result = this.inner.readFolder(folder, into);
    for (let i = 0; i < into.count; i++) if (isDevice(into.kind[i])) into.kind[i] = Kind.unknown;
    return result;
  }

  /** A pinned device does not tell its size: one that a link leads to is opened for it. */
  override openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    const handle = this.inner.openThrough(folder, name, reads);
    if (reads || handle < 0) return handle;
    const isBlock = this.inner.statHandle(handle, this.#opened) === 0 && this.#opened.kind === Kind.blockDevice;
    const readable = isBlock ? this.inner.openThrough(folder, name, true) : -1;
    if (readable < 0) return handle;
    this.inner.close(handle);
    return readable;
  }

  // ---- changing

  /** A device keeps its size: what is longer does not fit. */
  override truncate(handle: Handle, size: number): Result {
    const { inner } = this;
    if (inner.statHandle(handle, this.#opened) < 0 || !isDevice(this.#opened.kind)) return inner.truncate(handle, size);
    return this.#opened.kind === Kind.blockDevice && size > inner.endOf(handle) ? -Errno.ENOSPC : 0;
  }

  override unlink(folder: Handle, name: Uint8Array): Result {
    const isKept = this.#isSource && this.inner.statAt(folder, name, 0, name.length, this.#opened) === 0 &&
      isDevice(this.#opened.kind);
    return isKept ? -Errno.EPERM : this.inner.unlink(folder, name);
  }
}

function isDevice(kind: number): boolean {
  return kind === Kind.blockDevice || kind === Kind.charDevice;
}
