// --temp-dir: files are written in another folder, and come to their own one when they are complete. Asked by the stage. Promises: what
// comes over is whole, also from another file system, before it gets its name (law 1); what is left there of dead runs is swept.

import { Errno, type Handle, OpenMode, type Os, Stat } from "../os/os.ts";
import { copyAside } from "./copy_aside.ts";
import { isOwnTemporary } from "./own_names.ts";
import { eachName, sweep } from "./stage.ts";

export class TempFolder {
  readonly #os: Os;
  readonly handle: Handle;

  constructor(os: Os, handle: Handle) {
    this.#os = os;
    this.handle = handle;
  }

  /** Gives the file `from` here the name `to` in `folder`; 0, or a negated errno (EEXIST: that is taken). */
  bring(from: Uint8Array, folder: Handle, to: Uint8Array): number {
    const moved = this.#os.renameNew(this.handle, from, folder, to);
    const plain = moved === -Errno.EINVAL || moved === -Errno.ENOSYS
      ? this.#os.rename(this.handle, from, folder, to)
      : moved;
    return plain === -Errno.EXDEV ? this.#copy(from, folder, to) : plain;
  }

  #copy(from: Uint8Array, folder: Handle, to: Uint8Array): number {
    const stat = new Stat();
    const looked = this.#os.statAt(this.handle, from, 0, from.length, stat);
    const copied = looked < 0 ? looked : copyAside(this.#os, this.handle, from, stat, folder, to);
    if (copied === 0) this.#os.unlink(this.handle, from);
    return copied;
  }

  /** The open file that a copy of another file system has become; else the handle is right. */
  reopen(file: Handle, folder: Handle, name: Uint8Array): Handle {
    const opened = this.#os.openFile(folder, name, OpenMode.read, 0);
    if (opened < 0) return file;
    this.#os.close(file);
    return opened;
  }

  /** Removes what dead runs left here. */
  sweep(uid: number): void {
    const left: Uint8Array[] = [];
    eachName(this.#os, this.handle, (name) => {
      if (isOwnTemporary(name)) left.push(name);
    });
    if (left.length > 0) sweep(this.#os, this.handle, left, uid);
  }
}
